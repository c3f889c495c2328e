"""The exact chains: which of two symbols is right is the task, and a judge, or none, decides what the next fit sees.

Until kept throughout: each generation samples until n are kept, and stays where a judge keeps nothing.
"""

from functools import lru_cache
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from scipy.stats import binom

import theory
from theory import budget, drift

PRIOR = np.full(2, 0.5)
SHARE = 0.6  # of the right symbol in real data
TASKS = np.array([[SHARE, 1 - SHARE], [1 - SHARE, SHARE]])  # in task x, symbol x is right
VERIFIER = (0.9, 0.2)  # tpr, fpr
WEAK = (0.9, 0.8)  # slow enough to see that what was lost comes back
NUM_SAMPLES = 50
NUM_GENERATIONS = 400
NUM_FRESH = 50  # real samples that a judge is retrained on in every generation
LEARNED = (1, 3, 5, 11, 21, 51, 101, 201)  # real samples of a learned judge, odd: no ties


class Path(NamedTuple):
    """What becomes of a loop."""

    laws: np.ndarray  # p(z_t|x) [t, x, s]
    information: np.ndarray  # I(X;Z_t) [t]
    right: np.ndarray  # the expected share of right samples [t]


def acceptances(verifier: tuple[float, float] = VERIFIER) -> np.ndarray:
    """P(a verdict keeps the symbol | task) [x, k]."""
    return np.where(np.eye(2) > 0, *verifier)


def starts(n: int = NUM_SAMPLES) -> np.ndarray:
    """The law of Z_0 [x, s], fitted to n real samples: `drift.initial` without a compilation for each n."""
    return binom.pmf(np.arange(n + 1), n, TASKS[:, :1])


def preferences(m: int, rates: tuple[float, float]) -> np.ndarray:
    """What a judge that saw m samples keeps, for each of their counts [s, k]: the likelier symbol, both in a tie."""
    counts = np.asarray(drift.lattice(m, 2))
    return np.where(counts >= counts[:, ::-1], *rates)


def path(laws: jax.Array) -> Path:
    """The information and the share right of these laws."""
    table = np.asarray(laws)
    states = np.asarray(drift.lattice(table.shape[2] - 1, 2)) / (table.shape[2] - 1)
    information = jax.vmap(theory.mutual_information)(jnp.asarray(PRIOR[:, None] * table))
    return Path(table, np.asarray(information), np.einsum("x,txs,sx->t", PRIOR, table, states))


def frozen(joint: np.ndarray, keeps: np.ndarray) -> Path:
    """A judge J that is made once and keeps symbol k with probability keeps[j, k]; joint[x, j, s] = p(j, z_0|x).

    p(z_t|x) = Σ_j p(j|x) p(z_0|x, j) T_j^t, one chain for all judges that keep the same.
    """
    kinds, which = np.unique(keeps, axis=0, return_inverse=True)
    merged = np.stack([joint[:, which.ravel() == i].sum(1) for i in range(len(kinds))], axis=1)  # [x, kind, s]
    weights, n = merged.sum(2), joint.shape[2] - 1
    kernels = jnp.stack([drift.selection_kernel(n, kind) for kind in kinds] * 2)
    given = (merged / weights[..., None]).reshape(-1, n + 1)
    laws = np.asarray(drift.laws(given, kernels, NUM_GENERATIONS)).reshape(-1, *merged.shape)
    return path(np.einsum("xj,txjs->txs", weights, laws))


@lru_cache
def no_judge() -> Path:
    """The closed loop."""
    return path(drift.laws(starts(), drift.neutral_kernel(NUM_SAMPLES), NUM_GENERATIONS))


@lru_cache
def fresh_verifier(rates: tuple[float, float] = VERIFIER) -> Path:
    """Each verdict errs anew."""
    kernels = jnp.stack([drift.selection_kernel(NUM_SAMPLES, task) for task in acceptances(rates)])
    return path(drift.laws(starts(), kernels, NUM_GENERATIONS))


@lru_cache
def self_judge(rates: tuple[float, float] = VERIFIER) -> Path:
    """The student's own preference is the judge, so that one kernel serves all tasks."""
    states = drift.lattice(NUM_SAMPLES, 2) / NUM_SAMPLES
    keeps = jnp.asarray(preferences(NUM_SAMPLES, rates))
    kept = jax.vmap(drift.select)(states[:, None], keeps)[:, 0]
    return path(drift.laws(starts(), drift.multinomial_kernel(NUM_SAMPLES, kept), NUM_GENERATIONS))


@lru_cache
def earlier_student(rates: tuple[float, float] = VERIFIER, n: int = NUM_SAMPLES) -> Path:
    """Z_0's preference is the judge for ever."""
    return frozen(starts(n)[:, :, None] * np.eye(n + 1), preferences(n, rates))


@lru_cache
def frozen_judge() -> Path:
    """One noisy verdict on each symbol, drawn once."""
    judges = np.asarray(budget.judge_law(acceptances()))  # [x, j]
    bits = np.arange(4)[:, None] >> np.arange(2) & 1
    return frozen(judges[:, :, None] * starts()[:, None], bits.astype(float))


@lru_cache
def learned_judge(m: int) -> tuple[Path, float]:
    """A judge that keeps what the majority of m other real samples is, and I(X;J|Z_0)."""
    joint = starts(m)[:, :, None] * starts()[:, None]
    keeps = preferences(m, (1.0, 0.0))
    kinds = np.stack([joint[:, (keeps == kind).all(1)].sum(1) for kind in ((1, 0), (1, 1), (0, 1))], axis=1)
    total = theory.conditional_mutual_information(PRIOR[:, None, None] * kinds)
    return frozen(joint, keeps), float(total)


@lru_cache
def retrained_judge(m: int) -> Path:
    """A judge that prefers, weakly, what the majority of m fresh real samples is, others in every generation."""
    keeps = preferences(m, WEAK)
    each = np.stack([drift.selection_kernel(NUM_SAMPLES, kind) for kind in keeps])
    return path(drift.laws(starts(), np.einsum("xj,jab->xab", starts(m), each), NUM_GENERATIONS))


def samples(m: int) -> float:
    """I(X;Z_0) of n + m real samples, padded to the largest m so that all compile once."""
    table = np.pad(starts(NUM_SAMPLES + m), ((0, 0), (0, LEARNED[-1] - m)))
    return float(theory.mutual_information(PRIOR[:, None] * table))


def cap(verifier: tuple[float, float] = VERIFIER) -> float:
    """I(X;J|Z_0) of a judge that is drawn once."""
    return float(budget.frozen_total(PRIOR, acceptances(verifier), starts()))


def best_guess() -> float:
    """The probability that the likelier task given Z_0 is the true one: Σ_z max_x p(x) p(z|x)."""
    return float((PRIOR[:, None] * starts()).max(0).sum())


def frozen_right(verifier: tuple[float, float] = VERIFIER) -> float:
    """The share right in the end under a judge that is drawn once, by hand.

    It keeps the right symbol alone, or both or none, and then the share stays what it was, on average.
    """
    tpr, fpr = verifier
    return tpr * (1 - fpr) + (tpr * fpr + (1 - tpr) * (1 - fpr)) * SHARE


@lru_cache
def equal_ratio(sizes: tuple[int, ...], goal: float) -> np.ndarray:
    """tpr/fpr of the fresh verifier that ends right as often [n], Z_0 fitted to n real samples."""
    n = np.asarray(sizes)
    return np.asarray(1 / budget.accuracy(n, SHARE, goal, num_real=n))


def equal_law(goal: float) -> float:
    """The c of ln(tpr/fpr) → c/n: Kimura's (1 − e^{−2pc})/(1 − e^{−2c}) = goal, by bisection."""
    low, high = 1e-9, 100.0
    for _ in range(80):
        c = (low + high) / 2
        low, high = (c, high) if np.expm1(-2 * SHARE * c) / np.expm1(-2 * c) < goal else (low, c)
    return low


JUDGES = {
    "no judge": no_judge,
    "self-judge": self_judge,
    "earlier student": earlier_student,
    "frozen judge": frozen_judge,
    "fresh verifier": fresh_verifier,
}
