"""What the answers to queries say of a task, one by one and together, and how many it takes to know all of it.

The public names stand in `theory.supervision`.
"""

from collections import Counter
from functools import partial
from math import inf, log, prod
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float, Int

from theory import validation
from theory.kernels import multinomial_kernel, num_states
from theory.measures import coarsen, entropy, product_divergence
from theory.validation import ArrayLike

MAX_OUTCOMES = 1_000_000  # tables of counts of the answers, for each x


class Choice(NamedTuple):
    """A query and what its answer tells, in nats."""

    query: Int[Array, ""]
    information: Float[Array, ""]


class Queries(NamedTuple):
    """Expected queries until the block is known: of the greedy policy, and what no policy goes below."""

    greedy: float
    converse: float


def negligible(p: Array) -> float:
    """A table that is a product but for rounding is a divergence of the order of one rounding squared away from it."""
    return (100 * float(jnp.finfo(p.dtype).eps)) ** 2


def _signals(
    prior: ArrayLike, channel: ArrayLike, blocks: ArrayLike | None
) -> tuple[Float[Array, " x"], Float[Array, "query x s"], tuple[int, ...]]:
    """Prior, signals and blocks of the tasks, checked; without blocks each task is one."""
    p, w = validation.one_dtype(
        validation.pmf("prior", prior, ndim=1), validation.pmf("channel", channel, ndim=3, axis=2)
    )
    validation.same_size("prior", p.size, "channel[0]", w.shape[1])
    labels = np.arange(p.size) if blocks is None else np.asarray(blocks)
    coarsen(p, labels, 0)  # which checks them
    return p, w, tuple(labels.tolist())


def _index(name: str, value: ArrayLike, size: int) -> Int[Array, ""]:
    """`value`, one index below `size`."""
    if validation.has_values(value):
        index = np.asarray(value)
        if index.dtype.kind not in "iu" or index.ndim or not 0 <= index < size:
            raise validation.refuse(name, value, f"an integer in [0, {size})")
    return jnp.asarray(value)


def query_information(prior: ArrayLike, channel: ArrayLike, blocks: ArrayLike | None = None) -> Float[Array, " query"]:
    """What the answer to each query says of the task's block.

    I([X];S_q).

    Args:
        prior: Law of the task [x].
        channel: p(s | x, query) [query, x, s].
        blocks: Integers [x], the block of each task, concrete; None: each task is one.

    Returns:
        Information [query], in nats.

    Raises:
        ValueError: Where an argument is not a probability table, or the shapes disagree.
    """
    return _information(*_signals(prior, channel, blocks))


@partial(jax.jit, static_argnums=2)
def _information(
    prior: Float[Array, " x"], channel: Float[Array, "query x s"], blocks: tuple[int, ...]
) -> Float[Array, " query"]:
    return jax.vmap(lambda w: product_divergence(coarsen(prior[:, None] * w, blocks, 0)))(channel)


def coverage(
    prior: ArrayLike, channel: ArrayLike, queries: ArrayLike, blocks: ArrayLike | None = None
) -> Float[Array, ""]:
    """What the answers to several queries say together of the task's block, exactly; queries may be repeated.

    I([X];S_1…S_k), p(s_1…s_k|x) = Π_i p(s_i|x,q_i): the noise is fresh at each look. The answers to one query enter by
    their counts, which are sufficient, so that ten looks at a binary verdict have 11 outcomes and not 1024.

    Args:
        prior: Law of the task [x].
        channel: p(s | x, query) [query, x, s].
        queries: Indices of the queries put, concrete, in any order.
        blocks: Integers [x], the block of each task, concrete; None: each task is one.

    Returns:
        The information, in nats.

    Raises:
        ValueError: Where an argument is malformed, or there would be more than a million tables of counts.

    References:
        Cover & Thomas (2006), Elements of Information Theory, section 2.9: sufficient statistics.
    """
    p, w, labels = _signals(prior, channel, blocks)
    put = np.asarray(queries)
    if put.ndim != 1 or (put.size and (put.dtype.kind not in "iu" or put.min() < 0 or put.max() >= w.shape[0])):
        raise validation.refuse("queries", put.tolist(), f"integers in [0, {w.shape[0]})")
    looks = Counter(put.tolist())
    size = prod(num_states(m, w.shape[2]) for m in looks.values())
    if size > MAX_OUTCOMES:
        raise validation.refuse("queries", f"{size:,} tables of counts", f"at most {MAX_OUTCOMES:,}")
    outcomes = jnp.ones((p.size, 1), p.dtype)
    for query, m in looks.items():
        outcomes = (outcomes[:, :, None] * multinomial_kernel(m, w[query])[:, None, :]).reshape(p.size, -1)
    return product_divergence(coarsen(p[:, None] * outcomes, labels, 0))


def best_query(prior: ArrayLike, channel: ArrayLike, blocks: ArrayLike | None = None) -> Choice:
    """The query whose answer says most of the task's block; the first of those that are equal but for rounding.

    argmax_q I([X];S_q).

    Args:
        prior: Law of the task [x], or what is left of it after some answers: see `posterior`.
        channel: p(s | x, query) [query, x, s].
        blocks: Integers [x], the block of each task, concrete; None: each task is one.

    Returns:
        The index of the query and its information, in nats.

    Raises:
        ValueError: Where an argument is not a probability table, or the shapes disagree.

    References:
        Lindley (1956), On a measure of the information provided by an experiment.
    """
    information = query_information(prior, channel, blocks)
    index = _first_best(information)
    return Choice(index, information[index])


def _first_best(information: Float[Array, " query"]) -> Int[Array, ""]:
    least = information.max() * (1 - 1000 * float(jnp.finfo(information.dtype).eps)) - negligible(information)
    return jnp.argmax(information >= least)


def posterior(prior: ArrayLike, channel: ArrayLike, query: ArrayLike, symbol: ArrayLike) -> Float[Array, " x"]:
    """The law of the task after one more answer (Bayes).

    p(x|s) = p(x) p(s|x,q) / Σ_x' p(x') p(s|x',q).

    Args:
        prior: Law of the task [x].
        channel: p(s | x, query) [query, x, s].
        query: The query put.
        symbol: The answer.

    Returns:
        The law [x]; under `jit`, where nothing can be refused, zeros after an answer of probability 0.

    Raises:
        ValueError: Where an argument is malformed, or the answer has probability 0.
    """
    p, w, _ = _signals(prior, channel, None)
    both = p * w[_index("query", query, w.shape[0]), :, _index("symbol", symbol, w.shape[2])]
    total = both.sum()
    if validation.has_values(total) and not total > 0:
        raise validation.refuse("symbol", f"{symbol}, an answer of probability 0", "an answer that can be given")
    return both / jnp.where(total > 0, total, 1)


def queries_to_identify(prior: ArrayLike, channel: ArrayLike, blocks: ArrayLike | None = None) -> Queries:
    """How many noiseless queries, each chosen after the answers before it, it takes to know the task's block.

    Greedy: always the query that says most of the block, among those whose answer is not known already; N is summed
    over the tree of its answers. Converse: H([X]) ≤ E[N] · max_q ln |{f_q(x) : p(x) > 0}| for every policy, since
    H([X]) = Σ_t P(N ≥ t) I([X];S_t|S_1…S_{t−1}, N ≥ t), and no answer says more than the logarithm of their number.
    Greedy looks one step ahead and is not optimal.

    Args:
        prior: Law of the task [x].
        channel: p(s | x, query) [query, x, s], each a point mass at f_q(x): with noise nothing is known for certain.
        blocks: Integers [x], the block of each task, concrete; None: each task is one.

    Returns:
        Expected number of queries and its lower bound; infinite where all answers together leave the block open.

    Raises:
        ValueError: Where an argument is malformed or traced, or an answer is noisy.

    References:
        Cover & Thomas (2006), Elements of Information Theory, section 5.7: questions with yes and no.
    """
    p, w, labels = _signals(prior, channel, blocks)
    if not validation.has_values((p, w)):
        raise validation.refuse("prior, channel", "a tracer", "concrete arrays, as the policy depends on them")
    law, answers, block = np.asarray(p), np.asarray(w.argmax(2)), np.asarray(labels)
    possible = np.flatnonzero(law > 0)
    noisy = np.asarray(w.max(2))[:, possible] < 1
    if noisy.any():
        raise validation.refuse("channel", f"query {noisy.any(1).argmax()} with noisy answers", "point masses")
    alphabet = max(len(set(row[possible].tolist())) for row in answers)
    unknown = float(entropy(coarsen(p, labels, 0)))
    converse = 0.0 if np.ptp(block[possible]) == 0 else unknown / log(alphabet) if alphabet > 1 else inf
    greedy, open_sets = 0.0, [possible]
    while open_sets:
        left = open_sets.pop()
        if np.ptp(block[left]) == 0:
            continue
        useful = np.ptp(answers[:, left], axis=1) > 0
        if not useful.any():
            return Queries(inf, converse)
        mass = law[left].sum()
        here = np.zeros_like(law)
        here[left] = law[left] / mass
        query = int(_first_best(jnp.where(useful, _information(jnp.asarray(here), w, labels), -1)))
        greedy += float(mass)
        open_sets += [left[answers[query, left] == s] for s in set(answers[query, left].tolist())]
    return Queries(greedy, converse)
