"""What the answers to queries carry about a task, one by one and together, and how many it takes to know all of it.

A task has a `prior` [x]; its `channel` [query, x, s] is p(s | x, query); `blocks` [x] are integers, concrete, the block
of each task, and without them each task is one.

References:
    Lindley (1956), On a measure of the information provided by an experiment. Ann. Math. Stat. 27.
    Cover & Thomas (2006), Elements of Information Theory, sections 2.9 (sufficient statistics) and 5.7 (yes and no).
"""

from collections import Counter
from collections.abc import Sequence
from functools import partial
from math import inf, log, prod
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float, Int
from scipy.special import entr

from theory import validation
from theory.drift.kernels import MAX_ENTRIES, multinomial_kernel, num_states
from theory.measures import block_labels, coarse, product_divergence
from theory.validation import ArrayLike

MAX_OUTCOMES = 1_000_000  # tables of counts of the answers, for each x


class Choice(NamedTuple):
    """A query and the information in its answer, in nats."""

    query: Int[Array, ""]
    information: Float[Array, ""]


class ExpectedQueries(NamedTuple):
    """Expected queries until the block is known: of the greedy policy, and a lower bound for any policy (converse)."""

    greedy: float
    lower_bound: float


def negligible(p: Array | np.ndarray) -> float:
    """A table that is a product but for rounding is a divergence of the order of one rounding squared away from it."""
    return (100 * float(jnp.finfo(p.dtype).eps)) ** 2


def _signals(
    prior: ArrayLike, channel: ArrayLike, blocks: ArrayLike | None
) -> tuple[Float[Array, " x"], Float[Array, "query x s"], Int[np.ndarray, " x"]]:
    """Prior, signals and blocks of the tasks, checked; without blocks each task is one."""
    p, w = validation.one_dtype(
        validation.pmf("prior", prior, ndim=1), validation.pmf("channel", channel, ndim=3, axis=2)
    )
    validation.same_size("prior", p.size, "channel[0]", w.shape[1])
    return p, w, numbered(block_labels(np.arange(p.size) if blocks is None else blocks, p.size, width=0))


def numbered(labels: Int[np.ndarray, " x"]) -> Int[np.ndarray, " x"]:
    """The labels as 0, 1, …, so that no table is as large as a label."""
    return np.unique(labels, return_inverse=True)[1].reshape(-1)


def _index(name: str, value: ArrayLike, size: int) -> Int[Array, ""]:
    """`value`, one index below `size`."""
    if validation.has_values(value):
        index = np.asarray(value)
        if index.dtype.kind not in "iu" or index.ndim or not 0 <= index < size:
            raise validation.refuse(name, value, f"an integer in [0, {size})")
    return validation.array(value)


def query_information(prior: ArrayLike, channel: ArrayLike, blocks: ArrayLike | None = None) -> Float[Array, " query"]:
    """The information I([X];S_q) [query] in the answer to each query about the task's block, in nats."""
    p, w, labels = _signals(prior, channel, blocks)
    return _information(p, w, labels, int(labels.max()) + 1)


@partial(jax.jit, static_argnums=3)
def _information(
    prior: Float[Array, " x"], channel: Float[Array, "query x s"], labels: Int[Array, " x"], num_blocks: int
) -> Float[Array, " query"]:
    return jax.vmap(lambda w: product_divergence(coarse(prior[:, None] * w, labels, 0, num_blocks)))(channel)


def joint_query_information(
    prior: ArrayLike, channel: ArrayLike, queries: ArrayLike, blocks: ArrayLike | None = None
) -> Float[Array, ""]:
    """The information in the answers to several queries together about the task's block, exactly, in nats.

    I([X];S_1…S_k), p(s_1…s_k|x) = Π_i p(s_i|x,q_i): `queries` are concrete indices in any order, may be repeated, and
    the noise is new each time. The answers to one query enter by their counts, which are sufficient, so that ten
    binary answers to it have 11 outcomes and not 1024; up to a million tables of counts.
    """
    p, w, labels = _signals(prior, channel, blocks)
    accepted = f"integers in [0, {w.shape[0]})"
    nothing = isinstance(queries, Sequence) and len(queries) == 0
    put = np.zeros(0, int) if nothing else validation.integers("queries", queries, 0, accepted, ndim=1)
    if not nothing and put.max() >= w.shape[0]:
        raise validation.refuse("queries", put.tolist(), accepted)
    repeats = Counter(put.tolist())
    size = prod(num_states(m, w.shape[2]) for m in repeats.values())
    validation.entries("queries", size, MAX_OUTCOMES, "tables of counts")
    validation.entries("queries", size * p.size, MAX_ENTRIES, "tables of counts of all tasks")
    numbers = tuple(repeats.values()), int(labels.max()) + 1
    return _joint_information(p, w, np.array(list(repeats), int), labels, *numbers)


@partial(jax.jit, static_argnums=(4, 5))
def _joint_information(p, w, queries, labels, repeats: tuple[int, ...], num_blocks: int) -> Float[Array, ""]:
    outcomes = jnp.ones((p.size, 1), p.dtype)
    for i, m in enumerate(repeats):
        outcomes = (outcomes[:, :, None] * multinomial_kernel(m, w[queries[i]])[:, None, :]).reshape(p.size, -1)
    return product_divergence(coarse(p[:, None] * outcomes, labels, 0, num_blocks))


def best_query(prior: ArrayLike, channel: ArrayLike, blocks: ArrayLike | None = None) -> Choice:
    """The query whose answer carries most about the task's block, argmax_q I([X];S_q), with its information in nats.

    The first of those that are equal but for rounding. After some answers the prior is what they leave (`posterior`).
    """
    xp, information = validation.host(query_information(prior, channel, blocks))
    index = xp.argmax(information >= _least(information))
    return Choice(validation.array(index), validation.array(information[index]))


def _least(information: Array | np.ndarray) -> Any:
    """The least that is equal to the most but for rounding."""
    return information.max() * (1 - 1000 * float(jnp.finfo(information.dtype).eps)) - negligible(information)


def posterior(prior: ArrayLike, channel: ArrayLike, query: ArrayLike, symbol: ArrayLike) -> Float[Array, " x"]:
    """The distribution [x] of the task after the answer `symbol` to one more query, of probability above 0 (Bayes).

    p(x|s) = p(x) p(s|x,q) / Σ_x' p(x') p(s|x',q); under `jit`, where nothing can be refused, zeros after an answer of
    probability 0.
    """
    p, w, _ = _signals(prior, channel, None)
    index, answer = _index("query", query, w.shape[0]), _index("symbol", symbol, w.shape[2])
    xp, p, w, index, answer = validation.host(p, w, index, answer)
    likelihood = w[index, :, answer]
    most = likelihood.max()
    both = p / p.max() * (likelihood / xp.where(most > 0, most, 1))  # two small factors do not vanish together
    total = both.sum()
    if validation.has_values(total) and not total > 0:
        raise validation.refuse("symbol", f"{symbol}, an answer of probability 0", "an answer that can be given")
    return validation.array(both / xp.where(total > 0, total, 1))


def queries_to_identify(prior: ArrayLike, channel: ArrayLike, blocks: ArrayLike | None = None) -> ExpectedQueries:
    """How many noiseless queries, each chosen after the answers before it, it takes to know the task's block.

    Every answer is a point mass at f_q(x): with noise nothing is known for certain. Greedy: always the query that
    carries most about the block, among those whose answer is not known already; N is summed over the tree of its
    answers. It looks one step ahead and is not optimal. Lower bound for any policy (converse):
    H([X]) ≤ E[N] · max_q ln |{f_q(x) : p(x) > 0}|, since H([X]) = Σ_t P(N ≥ t) I([X];S_t|S_1…S_{t−1}, N ≥ t), and no
    answer carries more than the logarithm of their number. Infinite where all answers together leave the block open.
    Not under `jit`, as the policy depends on the values.
    """
    p, w, labels = _signals(prior, channel, blocks)
    if not validation.has_values((p, w)):
        raise validation.refuse("prior, channel", "a tracer", "concrete arrays, as the policy depends on them")
    probs, answers = np.asarray(p), np.asarray(w).argmax(2)
    possible = np.flatnonzero(probs > 0)
    noisy = np.asarray(w).max(2)[:, possible] < 1
    if noisy.any():
        raise validation.refuse("channel", f"query {noisy.any(1).argmax()} with noisy answers", "point masses")
    alphabet = max(len(set(row[possible].tolist())) for row in answers)
    unknown = float(entr(np.bincount(labels, probs)).sum())
    bound = 0.0 if np.ptp(labels[possible]) == 0 else unknown / log(alphabet) if alphabet > 1 else inf
    greedy, open_sets = 0.0, [possible]
    while open_sets:
        left = open_sets.pop()
        if np.ptp(labels[left]) == 0:
            continue
        useful = np.ptp(answers[:, left], axis=1) > 0
        if not useful.any():
            return ExpectedQueries(inf, bound)
        mass = probs[left].sum()
        here = np.zeros_like(probs)
        here[left] = probs[left] / mass
        information = np.where(useful, _information(here, w, labels, int(labels.max()) + 1), -1)
        query = int(np.argmax(information >= _least(information)))
        greedy += float(mass)
        open_sets += [left[answers[query, left] == s] for s in set(answers[query, left].tolist())]
    return ExpectedQueries(greedy, bound)
