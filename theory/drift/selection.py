"""Retraining under a signal: what is accepted, and the two protocols by which it is collected.

*Until kept* is rejection sampling until n are accepted; *filtering* makes n proposals and refits to those that are
accepted. They are two chains with different states and different numbers, never to be mixed. In all of them
`acceptance` is P(accept | symbol) [k], and n, at least 1, counts what is accepted, or proposed, in each generation.

References:
    Ewens (2004), Mathematical Population Genetics, section 1.4: Wright–Fisher drift with selection.
    Kemeny & Snell (1960), Finite Markov Chains, theorem 6.3.2: lumpability.
    Li, Sun & Deng (2026), An information-theoretic criterion for efficient data synthesis, arXiv:2605.16379.
"""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float, Int

from theory import validation
from theory.drift.kernels import (
    MAX_COUNTS,
    check_entries,
    counts,
    lattice_types,
    multinomial_kernel,
    multinomial_rows,
    num_states,
)
from theory.measures import product_divergence
from theory.validation import ArrayLike


class Filtering(NamedTuple):
    """The chain of n proposals, some accepted; its states are all distributions a/b with b ≤ n accepted samples."""

    kernel: Float[Array, "source target"]
    states: Float[Array, "source k"]


def select(distributions: ArrayLike, acceptance: ArrayLike) -> Float[Array, "s k"]:
    """z ↦ z·a / Σ_k z_k a_k: the distribution of an accepted sample, where y is accepted with probability a(y).

    `distributions` are those of a sample [s, k]; one of which nothing is accepted stays as it is.
    """
    z, a = validation.one_dtype(
        validation.pmf("distributions", distributions, 2, 1), validation.rates("acceptance", acceptance, 1)
    )
    validation.same_size("acceptance", a.size, "distributions", z.shape[1])
    xp, z, a = validation.host(z, a)
    accepted = z * a[None, :]
    total = accepted.sum(1, keepdims=True)
    return validation.array(xp.where(total > 0, accepted / xp.where(total > 0, total, 1), z))


def migrate(distributions: ArrayLike, share: ArrayLike, pmf: ArrayLike) -> Float[Array, "s k"]:
    """z ↦ (1−α) z + α p: each sample is a fresh real one, of distribution `pmf` [k], with probability α = `share`."""
    z, p, share = validation.one_dtype(
        validation.pmf("distributions", distributions, 2, 1),
        validation.pmf("pmf", pmf, 1),
        validation.rates("share", share, 0),
    )
    validation.same_size("pmf", p.size, "distributions", z.shape[1])
    _, z, p, alpha = validation.host(z, p, share)
    return validation.array((1 - alpha) * z + alpha * p[None, :])


def mutate(distributions: ArrayLike, rate: ArrayLike) -> Float[Array, "s k"]:
    """z ↦ (1−μ) z + μ/K: each sample is a uniform symbol with probability μ = `rate`.

    A fit that adds λ to each count of n samples has μ = λK/(n+λK).
    """
    z, mu = validation.one_dtype(
        validation.pmf("distributions", distributions, 2, 1), validation.rates("rate", rate, 0)
    )
    _, z, mu = validation.host(z, mu)
    return validation.array((1 - mu) * z + mu / z.shape[1])


def selection_kernel(n: int, acceptance: ArrayLike) -> Float[Array, "source target"]:
    """T(z, ·) = Multinomial(n, z·a / Σ z·a)/n: the loop that samples until n are accepted.

    A kernel over `lattice(n, k)`, 4 GB at most; a state of which nothing is accepted stays. Other mechanisms are put
    before or after the selection, for instance `multinomial_kernel(n, migrate(select(mutate(z, μ), a), α, p))`.
    """
    a = validation.rates("acceptance", acceptance, 1)
    z = (counts(n, a.size) / n).astype(a.dtype)
    xp, kernel, a = validation.host(multinomial_kernel(n, select(z, a)), a)
    moves = (z * a[None, :]).sum(1, keepdims=True) > 0
    return validation.array(xp.where(moves, kernel, np.eye(len(z), dtype=kernel.dtype)))


def fractions(n: int, num_symbols: int) -> tuple[Int[np.ndarray, "s k"], Int[np.ndarray, " accepted"]]:
    """The distributions that at most n samples can make, as counts without a common factor; and which each table makes.

    Ordered by the share of the first symbol, then the second …; the second entry gives the state of the accepted
    counts, the first K columns of `lattice(n, K+1)`, and −1 to the one in which none is accepted.
    """
    accepted = counts(n, num_symbols + 1)[:, :-1]
    factor = np.gcd.reduce(accepted, axis=1)
    primitive = accepted // np.maximum(factor, 1)[:, None]
    states, index = np.unique(primitive[factor > 0], axis=0, return_inverse=True)
    shares = states / states.sum(1, keepdims=True)
    order = np.lexsort(shares.T[::-1])
    place = np.full(len(accepted), -1)
    place[factor > 0] = np.argsort(order)[index.ravel()]
    return states[order], place


def filtering_kernel(n: int, acceptance: ArrayLike) -> Filtering:
    """(A, rejected) ~ Multinomial(n, (z·a, 1 − Σ z·a)),  Z_{t+1} = A/ΣA: n proposals, and a fit to the accepted ones.

    Its kernel [s, s], 4 GB at most, and its states: the distributions [s, k] that at most n samples can make, in
    ascending order. The loop stays where none is accepted.
    """
    a = validation.rates("acceptance", acceptance, 1)
    primitive, place = fractions(validation.integer("n", n, 1), a.size)
    states = validation.array(primitive / primitive.sum(1, keepdims=True), a.dtype)
    check_entries(len(states), len(place))
    types = lattice_types(n, a.size + 1, a.dtype)
    return Filtering(_filtering_kernel(float(n), a, states, place, *types), states)


@jax.jit
def _filtering_kernel(n, a: Float[Array, " k"], states: Float[Array, "s k"], place, types, log_own):
    accepted = states * a[None, :]
    rejected = jnp.maximum(1 - accepted.sum(1, keepdims=True), 0)
    outcomes = multinomial_rows(n, jnp.concatenate([accepted, rejected], axis=1), types, log_own)
    size, own = len(states), jnp.eye(len(states), dtype=a.dtype)
    moved = jax.ops.segment_sum(outcomes.T, jnp.where(place < 0, size, place), num_segments=size + 1).T
    kernel = moved[:, :size] + jnp.diag(moved[:, size])
    stays = (kernel * (1 - own)).sum(1, keepdims=True) == 0
    return jnp.where(stays, own, kernel)  # absorbing is exactly 1, as a rounded sum may not be


def filtering_initial(n: int, pmf: ArrayLike, *, num_real: int | None = None) -> Float[Array, " s"]:
    """m·Z_0 ~ Multinomial(m, pmf): Z_0, fitted to m real samples, on the states of `filtering_kernel(n, ·)`.

    m = `num_real` is at most n, so that Z_0 is a state, and n by default.
    """
    p = validation.pmf("pmf", pmf, 1)
    states, place = fractions(validation.integer("n", n, 1), p.size)
    num_real = validation.integer("num_real", n if num_real is None else num_real, 1, n)
    real = counts(num_real, p.size)
    rows = {tuple(row): i for i, row in enumerate(counts(n, p.size + 1)[:, :-1])}
    target = place[[rows[tuple(row)] for row in real]]
    return _merged(float(num_real), p, *lattice_types(num_real, p.size, p.dtype), target, len(states))


@partial(jax.jit, static_argnums=5)
def _merged(n, p: Float[Array, " k"], types, log_own, target, size: int) -> Float[Array, " s"]:
    return jax.ops.segment_sum(multinomial_rows(n, p[None], types, log_own)[0], target, num_segments=size)


def block_states(n: int, blocks: ArrayLike) -> Int[Array, " s"]:
    """The state of the blocks, in `lattice(n, number of blocks)`, to which each state of `lattice(n, k)` belongs [s].

    If the acceptance depends on the block alone, the counts of the blocks are again a selection chain (they are
    lumpable); `theory.coarsen(distributions, block_states(n, blocks), -1)` gives its distributions. `blocks` has the
    block of each symbol, integers [k].
    """
    labels = validation.integers("blocks", blocks, 0, "non-negative integers, one for each symbol", ndim=1)
    num_blocks = int(labels.max()) + 1
    validation.entries("blocks", num_blocks**2, MAX_COUNTS, f"{num_blocks:,} blocks, a lattice")  # of one sample
    place = {tuple(row): i for i, row in enumerate(counts(n, num_blocks).tolist())}
    merged = np.zeros((num_states(n, labels.size), num_blocks), int)
    np.add.at(merged.T, labels, counts(n, labels.size).T)
    return validation.array([place[tuple(row)] for row in merged.tolist()])


def verdict_information(
    prior: ArrayLike,
    distributions: ArrayLike,
    states: ArrayLike,
    acceptances: ArrayLike,
    n: int,
    *,
    candidates: bool = True,
) -> Float[Array, " t"]:
    """I(X;S_t|Z_t,D_t): what the verdicts on n proposals of the model inject in each generation [t], in nats, exactly.

    Given (x, z) the accepted and the rejected of each symbol are Multinomial(n, (z·a_x, z·(1−a_x))), a sufficient table
    of (D_t, S_t); and I(X;D_t|Z_t) = 0, so I(X;S_t|Z_t,D_t) = I(X;D_t,S_t|Z_t). Without the candidates the verdicts
    alone, I(X;S_t|Z_t), are about Binomial(n, Σ z·a_x), and may carry nothing where the loop gains.

    Args:
        prior: Probabilities of the tasks [x].
        distributions: p(z_t|x) [t, x, s].
        states: The distribution of a sample in each state [s, k].
        acceptances: P(accept | symbol, task) [x, k].
        n: Proposals a generation, at least 1.
        candidates: Whether the observer sees which candidate each verdict is about.
    """
    tasks, table, z, a = validation.one_dtype(
        validation.pmf("prior", prior, 1),
        validation.pmf("distributions", distributions, 3, 2),
        validation.pmf("states", states, 2, 1),
        validation.rates("acceptances", acceptances, 2),
    )
    validation.same_size("distributions", table.shape[1], "prior", tasks.size)
    validation.same_size("acceptances", a.shape[0], "prior", tasks.size)
    validation.same_size("acceptances, axis 1,", a.shape[1], "states", z.shape[1])
    validation.same_size("states", z.shape[0], "distributions", table.shape[2])
    if not isinstance(candidates, bool | np.bool_):
        raise validation.refuse("candidates", type(candidates).__name__, "True or False")
    num_outcomes = 2 * z.shape[1] if candidates else 2
    check_entries(tasks.size * len(z), num_states(n, num_outcomes))
    types = lattice_types(n, num_outcomes, z.dtype)
    return _verdict_information(float(n), tasks, table, z, a, *types, bool(candidates))


@partial(jax.jit, static_argnums=7)
def _verdict_information(
    n, prior, distributions, states, acceptances, types, log_own, candidates: bool
) -> Float[Array, " t"]:
    """Σ_z p(z) I(X;Y|Z=z) for each generation."""
    accepted, rejected = states[None] * acceptances[:, None], states[None] * (1 - acceptances[:, None])  # [x, s, k]
    if not candidates:
        accepted, rejected = accepted.sum(2, keepdims=True), rejected.sum(2, keepdims=True)
    outcomes = jnp.concatenate([accepted, rejected], axis=2)
    rows = multinomial_rows(n, outcomes.reshape(-1, outcomes.shape[2]), types, log_own)
    channels = rows.reshape(*outcomes.shape[:2], -1)

    def generation(table):
        joint = prior[:, None] * table  # [x, s]
        mass = joint.sum(0)
        posterior = joint / jnp.where(mass > 0, mass, 1)[None, :]
        nats = jax.vmap(lambda p, w: product_divergence(p[:, None] * w), (1, 1))(posterior, channels)
        return (mass * nats).sum()

    return jax.lax.map(generation, distributions)
