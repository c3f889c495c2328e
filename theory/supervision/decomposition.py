"""What a signal carries about the task and what about the surface form.

Outputs that the task does not tell apart make a block (a class); within it they differ in surface form alone.

References:
    Cover & Thomas (2006), Elements of Information Theory, theorem 5.4.3: the cost of a wrong code.
    Ewens (2004), Mathematical Population Genetics, section 1.2: diversity (heterozygosity).
    Li, Sun & Deng (2026), An information-theoretic criterion for efficient data synthesis, arXiv:2605.16379.
"""

from collections.abc import Callable, Hashable, Iterable, Mapping, Set
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.core import Tracer
from jaxtyping import Float, Int

from theory import validation
from theory.measures import (
    block_labels,
    coarse,
    coarsen,
    conditional_mutual_information,
    divergence,
    divergence_terms,
    entropy,
)
from theory.supervision.queries import negligible, numbered
from theory.validation import ArrayLike


class Decomposition(NamedTuple):
    """I(Y;S|Q) in its two parts, in nats, and the share of the first."""

    total: Float[Array, ""]
    task: Float[Array, ""]
    within: Float[Array, ""]
    efficiency: Float[Array, ""]


class Price(NamedTuple):
    """What the surface form of a reference costs, in nats; the sum is the cross-entropy −E ln student(form)."""

    entropy: Float[Array, ""]  # H(form): new with each reference, and no student can foresee it
    divergence: Float[Array, ""]  # D(reference‖student): zero once the student has the distribution of the form


class Diversity(NamedTuple):
    """The mass of each block, and how diverse its forms are; all zero for a block of mass 0."""

    mass: Float[Array, " block"]
    entropy: Float[Array, " block"]
    gini_simpson: Float[Array, " block"]  # the chance that two samples of the block differ


def partition(outputs: Iterable[Any], by: Callable[[Any], Hashable] | None = None) -> Int[np.ndarray, " y"]:
    """The block [y] of each output: the same for outputs of equal labels, numbered in the order of first appearance.

    [y] = {y' : by(y') = by(y)}. Without `by` the outputs are their own labels: integers, strings, tuples, whatever has
    a hash and equals itself (a NaN does not).
    """
    if isinstance(outputs, str | bytes | Mapping | Set | Tracer) or not isinstance(outputs, Iterable):
        raise validation.refuse("outputs", type(outputs).__name__, "a list or a concrete array, with at least one")
    items = outputs.tolist() if isinstance(outputs, np.ndarray | Array) else list(outputs)
    if not isinstance(items, list) or not items:
        raise validation.refuse("outputs", "none", "at least one")
    name = "outputs" if by is None else "by"
    try:
        labels = items if by is None else list(map(validation.function("by", by), items))
    except (TypeError, AttributeError) as error:
        raise validation.refuse(
            "outputs", f"one for which `by` fails ({error})", "what `by` has a label for"
        ) from error
    if by is not None and any(label is None for label in labels):
        raise validation.refuse("by", "a function that returns nothing", "one that returns labels")
    try:
        numbers = {label: i for i, label in enumerate(dict.fromkeys(labels))}
    except TypeError as error:
        raise validation.refuse(name, f"a label that has no hash ({error})", "labels that hash") from error
    if any(label != label for label in numbers):
        raise validation.refuse(name, "a label that does not equal itself (a NaN)", "labels that do")
    return np.array([numbers[label] for label in labels])


def decompose(joint: ArrayLike, blocks: ArrayLike) -> Decomposition:
    """Splits the information of a signal about the output into that about the task and that about the surface form.

    I(Y;S|Q) = I([Y];S|Q) + I(Y;S|[Y],Q);  η = I([Y];S|Q)/I(Y;S|Q), and 1 where the signal carries nothing.

    For a `joint` table [y, s, q] of output, signal and prompt, and `blocks` [y], concrete integers (`partition`).
    Each part is computed for itself. An information below (100 roundings)², 5e-28 in float64, is nothing, as rounding
    alone can leave that much; just above, η is uncertain by about one rounding over the square root of the information.
    """
    p = validation.pmf("joint", joint, ndim=3)
    labels = numbered(block_labels(blocks, p.shape[0], width=0))
    return _decompose(p, labels, int(labels.max()) + 1)


@partial(jax.jit, static_argnums=2)
def _decompose(p: Array, labels: Array, num_blocks: int) -> Decomposition:
    of_blocks = coarse(p, labels, 0, num_blocks)  # [block, s, q]
    mass = of_blocks.sum(1, keepdims=True)
    signal = (of_blocks / jnp.where(mass > 0, mass, 1))[labels]  # p(s | block of y, q)
    product = jnp.maximum(p.sum(1, keepdims=True) * signal, jnp.where(p > 0, jnp.finfo(p.dtype).tiny, 0))
    task, within = conditional_mutual_information(of_blocks), divergence_terms(p, product).sum()
    carried = task + within > negligible(p)
    efficiency = jnp.where(carried, task / jnp.where(carried, task + within, 1), 1)
    return Decomposition(conditional_mutual_information(p), task, within, efficiency)


def price(reference: ArrayLike, student: ArrayLike | None = None) -> Price:
    """What the surface form of a reference costs, once the block is known, in nats.

    −E ln student(F) = H(F) + D(F‖student), for the distributions [form] of the form within the block, of the reference
    and of the student (uniform by default). The first is I(Y;S|[Y],Q) of a signal that shows a correct output, and
    comes anew with each reference; the second is how far the student has to move, and is gone once it has. A reference
    that always has the same form f carries nothing about it and yet moves the student by −ln student(f), away from its
    own diversity. For a uniform student the sum is ln M whatever the reference; the divergence is infinite where the
    student never has a form that the reference has.
    """
    r = validation.pmf("reference", reference, ndim=1)
    uniform = np.full(r.size, 1 / r.size, r.dtype)
    r, s = validation.one_dtype(r, validation.pmf("student", uniform if student is None else student, ndim=1))
    validation.same_size("student", s.size, "reference", r.size)
    return Price(entropy(r), divergence(r, s))


def diversity(pmf: ArrayLike, blocks: ArrayLike) -> Diversity:
    """The diversity [block] of surface forms inside each block of a distribution [y], `blocks` [y] concrete integers.

    p(y|b) = p(y)/p(b);  H(Y|b) = −Σ_y p(y|b) ln p(y|b), in nats;  1 − Σ_y p(y|b)².
    """
    p = validation.pmf("pmf", pmf, ndim=1)
    mass = coarsen(p, blocks, 0)
    return _diversity(p, mass, np.asarray(blocks))


@jax.jit
def _diversity(p: Float[Array, " y"], mass: Float[Array, " block"], labels: Int[Array, " y"]) -> Diversity:
    total = mass[labels]
    given = jnp.where(total > 0, p / jnp.where(total > 0, total, 1), 0)
    surprise = -jnp.log(jnp.where(given > 0, given, 1))
    merge = partial(jax.ops.segment_sum, segment_ids=labels, num_segments=mass.size)
    return Diversity(mass, merge(given * surprise), merge(given * (1 - given)))
