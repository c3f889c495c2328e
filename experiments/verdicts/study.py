"""The price of verdicts: a lower bound (L1), schedules of rounds (R2) and the worth in samples (R5).

All loops use rejection sampling, and all is exact.
"""

import math
from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import jax
import numpy as np
from scipy.special import entr
from scipy.stats import binom

from experiments.harness.study import study
from theory import budget

RATES = (1.0, 0.8, 0.5, 0.2)  # tpr of the verifiers of L1
RATIOS = np.linspace(0.02, 0.95, 20)  # their fpr/tpr
SIZES = (1, 2, 5, 20)  # accepted samples per generation
ROUNDS, START = (0.8, 0.4), 0.3  # the verifier of R2, and the accuracy at the start
SELECTION = math.log(ROUNDS[0] / ROUNDS[1])
LARGEST = 32  # the largest round that the bound allows
PAIR, SHARE = (0.9, 0.2), 0.6  # the verifier of R5; the share of the correct symbol in real samples


class FixationGrid(NamedTuple):
    """Two tasks, which of two symbols is correct, for every verifier [tpr, fpr/tpr, n], from an even start."""

    needed: np.ndarray  # the lower bound for any method: verdicts, not rounded
    verdicts: np.ndarray  # expected, until one symbol is left
    accepted: np.ndarray  # those of them that accept


@cache
def fixations() -> FixationGrid:
    """The lower bound is (I_∞ − I_0)/C; I_0 = 0, since the start is the same for both tasks."""
    phi, ratio, n = np.meshgrid(RATES, RATIOS, SIZES, indexing="ij")
    end = budget.fixation(n, (phi, phi * ratio), 0.5)
    correct, generations = np.asarray(end.correct), np.asarray(end.generations)
    gained = math.log(2) - entr(correct) - entr(1 - correct)
    return FixationGrid(gained / np.asarray(_capacity((phi, phi * ratio))), np.asarray(end.verdicts), n * generations)


_capacity = jax.jit(budget.verifier_capacity)


class BestSchedules(NamedTuple):
    """The best schedule of a family for each budget."""

    wrong: np.ndarray  # E[1 − Z] at the end
    verdicts_saved: np.ndarray  # share of those of the best constant size that leave no fewer correct
    schedules: list[np.ndarray]  # n_t, up to the last round within the budget


class RoundSizes(NamedTuple):
    """Rounds of constant size, for each budget N; and, for the first budgets, two families of schedules."""

    verdicts: np.ndarray  # N
    sizes: np.ndarray  # n
    wrong: np.ndarray  # E[1 − Z] at the end [N, n]
    two_stage: BestSchedules
    shrinking: BestSchedules

    @property
    def best(self) -> tuple[np.ndarray, np.ndarray]:
        """The best size for each budget, and the share of wrong outputs that it leaves."""
        place = self.wrong.argmin(1)
        return self.sizes[place], self.wrong.min(1)


@study(
    "budget/rounds",
    num_budgets=6,
    largest=75,
    num_searched=3,
    full={"num_budgets": 7, "largest": 100, "num_searched": 6},
)
def rounds(key: jax.Array, *, num_budgets: int, largest: int, num_searched: int) -> RoundSizes:
    """N = 100, 200, 400, …, spent on rounds of 5 … `largest` samples."""
    numbers, sizes = 100 * 2 ** np.arange(num_budgets), np.arange(5, largest + 1)
    num_rounds = math.ceil(numbers[-1] * max(ROUNDS) / sizes[0])
    spending = budget.spend(np.repeat(sizes[:, None], num_rounds, axis=1), ROUNDS, START)
    wrong = np.stack([np.asarray(spending.within(n)) for n in numbers.tolist()])
    spent = np.asarray(spending.verdicts)
    paid = [np.where(of <= n, of, 0).max() for n, of in zip(numbers, spent[wrong.argmin(1)], strict=True)]
    cases = list(zip(numbers.tolist(), sizes[wrong.argmin(1)].tolist(), wrong.min(1), paid, strict=True))[:num_searched]
    return RoundSizes(numbers, sizes, wrong, *(_best(family, cases) for family in (two_stage, shrinking)))


def _best(family: Callable[[int, int], np.ndarray], cases: list[tuple[int, int, float, float]]) -> BestSchedules:
    found = []
    for verdicts, size, goal, paid in cases:
        schedules = family(size, math.ceil(1.5 * verdicts * max(ROUNDS) / size))
        spending = budget.spend(schedules, ROUNDS, START)
        wrong, spent = np.asarray(spending.within(verdicts)), np.asarray(spending.verdicts)
        at = wrong.argmin()
        needed = np.where(np.asarray(spending.wrong) <= goal, spent, np.inf).min()
        found.append((wrong[at], 1 - needed / paid, schedules[at, spent[at] <= verdicts]))
    wrong, verdicts_saved, schedules = zip(*found, strict=True)
    return BestSchedules(np.array(wrong), np.array(verdicts_saved), list(schedules))


def two_stage(size: int, num_rounds: int) -> np.ndarray:
    """Schedules of n_1 in the first T_1 rounds and n_2 afterwards [schedule, t], around the best constant size."""
    first = np.unique(np.rint(size * np.linspace(1, 1.8, 9)))
    second = np.unique(np.maximum(1, np.rint(size * np.linspace(0.3, 0.8, 11))))
    a, switch, b, t = np.meshgrid(first, np.arange(2, 10), second, np.arange(num_rounds), indexing="ij")
    return np.where(t < switch, a, b).astype(int).reshape(-1, num_rounds)


def shrinking(size: int, num_rounds: int) -> np.ndarray:
    """Schedules max(n_1 r^t, floor) [schedule, t], around the best constant size."""
    first = np.unique(np.rint(size * np.linspace(1.4, 2, 6)))
    floor = np.unique(np.maximum(1, np.rint(size * np.linspace(0, 0.5, 5))))
    a, rate, b, t = np.meshgrid(first, [0.8, 0.85, 0.875, 0.9, 0.92], floor, np.arange(num_rounds), indexing="ij")
    return np.maximum(np.rint(a * rate**t), b).astype(int).reshape(-1, num_rounds)


def one_round() -> float:
    """The share of wrong outputs after a single round, whatever its size: it selects once."""
    phi, psi = ROUNDS
    return (1 - START) * psi / (START * phi + (1 - START) * psi)


@cache
def drift_exponent() -> float:
    """θ: how fast the probability to end wrong falls with n, −d ln P/dn, from the exact chain; the diffusion: 2sp."""
    few, many = np.log(np.asarray(budget.fixation(np.array([40, 60]), ROUNDS, START).wrong))
    return float(few - many) / 20


def decay_exponent(theta: float) -> float:
    """√(sφθ), by which −ln wrong grows with √N."""
    return math.sqrt(SELECTION * ROUNDS[0] * theta)


def two_stage_exponent() -> float:
    """s√(2φ), asymptotic: two sizes leave the share e^{−s√(2φN)} wrong.

    Rounds of n_1 at the start lose the correct symbol with probability e^{−2 n_1 s p}, later rounds, near Z = 1, with
    e^{−2 n_2 s}. Equal losses give n_2 = p n_1; the later rounds take the budget, φN/n_2 of them leave e^{−sφN/n_2},
    which gives n_2 = √(φN/2). The best constant size has √p times this exponent: two sizes save 1 − p of the verdicts.
    """
    return SELECTION * math.sqrt(2 * ROUNDS[0])


@cache
def bound() -> tuple[np.ndarray, np.ndarray]:
    """Budgets, and the least wrong share of any schedule of rounds up to `LARGEST`, with feedback too."""
    numbers = np.array([50, 100, 150])
    return numbers, np.array([budget.schedule_bound(ROUNDS, START, n, largest=LARGEST) for n in numbers.tolist()])


class Exchange(NamedTuple):
    """The fresh samples whose best decision errs no more than that of k verdicts."""

    verdicts: np.ndarray  # k
    error: np.ndarray  # of the best decision after k verdicts, the two symbols in turn
    samples: np.ndarray  # m, the fewest


@study("budget/exchange", most=40, full={"most": 80})
def exchange(key: jax.Array, *, most: int) -> Exchange:
    """Sums of binomial probabilities; an odd number of samples, since one more does not change the error."""
    k, m = np.arange(1, most + 1), np.arange(1, 30 * most, 2)
    errors = np.array([verdict_error(i) for i in k.tolist()])
    enough = sample_error(m) <= errors[:, None] * (1 + 1e-12)  # keeps ties
    return Exchange(k, errors, m[enough.argmax(1)])


def verdict_error(k: int) -> float:
    """½ Σ min(P_1, P_2): two equally likely tasks; ⌈k/2⌉ verdicts on one symbol and ⌊k/2⌋ on the other."""
    first, second = ((k + 1) // 2, k // 2)
    distributions = [
        np.outer(binom.pmf(np.arange(first + 1), first, a), binom.pmf(np.arange(second + 1), second, b))
        for a, b in (PAIR, PAIR[::-1])
    ]
    return float(np.minimum(*distributions).sum()) / 2


def sample_error(m: np.ndarray) -> np.ndarray:
    """The majority of an odd number m of fresh samples is wrong: P(Binomial(m, SHARE) < m/2)."""
    return binom.cdf((m - 1) // 2, m, SHARE)


def by_information() -> float:
    """C(φ,ψ)/I(X;Y): the most information in one verdict over that in one fresh sample."""
    return float(_capacity(PAIR)) / (math.log(2) - entr(SHARE) - entr(1 - SHARE))


def by_exponent() -> float:
    """The ratio of the Chernoff informations, both at the exponent ½ by symmetry (of a pair of verdicts).

    −ln(√(φψ) + √((1−φ)(1−ψ))) over −ln(2√(p(1−p))); Cover & Thomas (2006), section 11.9.
    """
    phi, psi = PAIR
    verdict = math.sqrt(phi * psi) + math.sqrt((1 - phi) * (1 - psi))
    return math.log(verdict) / math.log(2 * math.sqrt(SHARE * (1 - SHARE)))
