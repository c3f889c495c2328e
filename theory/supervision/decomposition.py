"""What a signal says of the task and what of the surface form, and how many queries it takes to say all of the task.

Outputs that the task does not tell apart make a block (a class); within it they differ in surface form alone.
"""

from collections.abc import Callable, Hashable, Iterable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float, Int

from theory import validation
from theory.measures import coarsen, conditional_mutual_information, divergence, entropy
from theory.supervision.queries import (
    negligible,
)
from theory.validation import ArrayLike


class Decomposition(NamedTuple):
    """I(Y;S|Q) in its two parts, in nats, and the share of the first."""

    total: Float[Array, ""]
    task: Float[Array, ""]
    within: Float[Array, ""]
    efficiency: Float[Array, ""]


class Price(NamedTuple):
    """What the surface form of a reference costs, in nats; the sum is the student's surprise, −E ln student(form)."""

    told: Float[Array, ""]  # H(form): news of each reference, that no student can foresee
    learned: Float[Array, ""]  # D(reference‖student): zero once the student has the law of the form


class Diversity(NamedTuple):
    """The mass of each block, and how many forms there are inside it; all zero for a block of mass 0."""

    mass: Float[Array, " block"]
    entropy: Float[Array, " block"]
    heterozygosity: Float[Array, " block"]


def partition(outputs: Iterable[Any], by: Callable[[Any], Hashable] | None = None) -> Int[np.ndarray, " y"]:
    """Blocks from labels: outputs are in the same block if their labels are equal.

    [y] = {y' : by(y') = by(y)}, numbered 0, 1, … in the order of first appearance.

    Args:
        outputs: The outputs, or, without `by`, their labels: integers, strings, tuples, whatever has an equality.
        by: The label of an output.

    Returns:
        The block of each output [y].

    Raises:
        ValueError: Where there is no output, or a label cannot be hashed or does not equal itself (a NaN).
    """
    items = outputs.tolist() if isinstance(outputs, np.ndarray | Array) else list(outputs)
    labels = items if by is None else [by(y) for y in items]
    if not labels:
        raise validation.refuse("outputs", "none", "at least one")
    try:
        numbers = {label: i for i, label in enumerate(dict.fromkeys(labels))}
    except TypeError as error:
        raise validation.refuse("outputs", f"a label that has no hash ({error})", "labels that hash") from error
    if any(label != label for label in numbers):
        raise validation.refuse("outputs", "a label that does not equal itself (a NaN)", "labels that do")
    return np.array([numbers[label] for label in labels])


def refinement(*partitions: Iterable[Any]) -> Int[np.ndarray, " y"]:
    """The coarsest partition that is finer than each of several: same block if it is the same block in all of them.

    Args:
        partitions: Blocks, or any labels, [y] each.

    Returns:
        The block of each output [y], numbered 0, 1, … in the order of first appearance.

    Raises:
        ValueError: Where there is no partition, or they differ in length.
    """
    columns = [partition(p).tolist() for p in partitions]
    lengths = {len(column) for column in columns}
    if len(lengths) != 1:
        raise validation.refuse("partitions", f"lengths {sorted(lengths)}", "at least one, all of one length")
    return partition(zip(*columns, strict=True))


def decompose(joint: ArrayLike, blocks: ArrayLike) -> Decomposition:
    """Splits what a signal says of the output into what it says of the task and what of the surface form.

    I(Y;S|Q) = I([Y];S|Q) + I(Y;S|[Y],Q);  η = I([Y];S|Q)/I(Y;S|Q), and 1 where the signal says nothing.

    Nothing is an information below (100 roundings)², 5e-28 in float64, as rounding alone can leave that much; just
    above, η is uncertain by about one rounding over the square root of the information.

    Args:
        joint: Probabilities [y, s, q] of output, signal and prompt.
        blocks: Integers [y], the block of each output, concrete; see `partition`.

    Returns:
        The information, its two parts, each computed for itself, in nats, and the efficiency, in [0, 1].

    Raises:
        ValueError: Where `joint` is not a probability table of three axes, or `blocks` does not fit it.

    References:
        Li, Sun & Deng (2026), An information-theoretic criterion for efficient data synthesis, arXiv:2605.16379.
    """
    p = validation.pmf("joint", joint, ndim=3)
    coarse = coarsen(p, blocks, 0)
    labels = np.asarray(blocks)
    form = np.array([(labels[:y] == label).sum() for y, label in enumerate(labels)])  # y is ([y], its form there)
    return _decompose(p, coarse, labels, form, int(form.max()) + 1)


@partial(jax.jit, static_argnums=4)
def _decompose(p: Array, coarse: Array, labels: Array, form: Array, num_forms: int) -> Decomposition:
    _, s, q = p.shape
    table = jnp.zeros((num_forms, s, coarse.shape[0], q), p.dtype).at[form, :, labels].set(p)
    task = conditional_mutual_information(coarse)
    within = conditional_mutual_information(table.reshape(-1, s, coarse.shape[0] * q))
    said = task + within > negligible(p)
    efficiency = jnp.where(said, task / jnp.where(said, task + within, 1), 1)
    return Decomposition(conditional_mutual_information(p), task, within, efficiency)


def price(reference: ArrayLike, student: ArrayLike | None = None) -> Price:
    """What the surface form of a reference costs, once the block is known.

    −E ln student(F) = H(F) + D(F‖student). The first is I(Y;S|[Y],Q) of a signal that shows a right output, and comes
    anew with each reference; the second is how far the student has to move, and is gone once it has. A reference that
    always has the same form f tells nothing of it and yet moves the student by −ln student(f), away from its own
    diversity. For a uniform student the sum is ln M whatever the reference.

    Args:
        reference: The law of the form within the block [form].
        student: The student's law of the form within that block [form]; None: uniform.

    Returns:
        The two parts, in nats; the second is infinite where the student never has a form that the reference has.

    Raises:
        ValueError: Where an argument is not a probability table of one axis, or the lengths disagree.

    References:
        Cover & Thomas (2006), Elements of Information Theory, theorem 5.4.3: the cost of a wrong code.
    """
    r = validation.pmf("reference", reference, ndim=1)
    uniform = np.full(r.size, 1 / r.size, r.dtype)
    r, s = validation.one_dtype(r, validation.pmf("student", uniform if student is None else student, ndim=1))
    validation.same_size("student", s.size, "reference", r.size)
    return Price(entropy(r), divergence(r, s))


def diversity(pmf: ArrayLike, blocks: ArrayLike) -> Diversity:
    """The diversity of surface forms inside each block.

    p(y|b) = p(y)/p(b);  H(Y|b) = −Σ_y p(y|b) ln p(y|b);  heterozygosity 1 − Σ_y p(y|b)².

    Args:
        pmf: Law of the output [y].
        blocks: Integers [y], the block of each output, concrete.

    Returns:
        Mass, entropy in nats and heterozygosity [block]; all zero for a block of mass 0.

    Raises:
        ValueError: Where `pmf` is not a probability table of one axis, or `blocks` does not fit it.

    References:
        Ewens (2004), Mathematical Population Genetics, section 1.2: heterozygosity.
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
