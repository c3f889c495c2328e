"""How N verdicts are split into rounds (R2): fixed rounds, a hard limit, runs that stop at fixation. Exact."""

import math
from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import jax
import numpy as np

from experiments.harness.study import study
from theory import budget

ROUNDS, START = (0.8, 0.4), 0.3  # the verifier, and the accuracy at the start
SELECTION = math.log(ROUNDS[0] / ROUNDS[1])
LARGEST = 32  # the largest round that the bound allows


class Budgets(NamedTuple):
    """The best constant rounds under three budgets of N verdicts, [N] each."""

    verdicts: np.ndarray  # N
    fixed: np.ndarray  # −ln of the share wrong in the end: fixed rounds
    limited: np.ndarray  # a hard limit; of the first N alone, since it takes N² steps a size
    stopped: np.ndarray  # runs that stop when one kind is left
    sizes: np.ndarray  # of the fixed rounds


@study("budget/budgets", num_limited=4, full={"num_limited": 5})
def budgets(key: jax.Array, *, num_limited: int) -> Budgets:
    """N = 100, 200, …, 3200."""
    numbers = 100 * 2 ** np.arange(6)
    budgets = (budget.fixed_rounds, 6), (budget.hard_limit, num_limited), (budget.until_fixation, 6)
    best = [[of(ROUNDS, START, n) for n in numbers[:count].tolist()] for of, count in budgets]
    fixed, limited, stopped = (-np.log([each.wrong for each in found]) for found in best)
    return Budgets(numbers, fixed, limited, stopped, np.array([each.size for each in best[0]]))


def verdicts_a_sample(sizes: np.ndarray, fpr: float) -> np.ndarray:
    """N/n [n]: verdicts until one kind is left, over the samples of a round."""
    return np.asarray(budget.fixation(sizes, (ROUNDS[0], fpr), START).verdicts) / sizes


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


def one_sample() -> float:
    """… and after any number of rounds of one sample, the first of which leaves one kind."""
    return float(np.asarray(budget.spend([1] * 5, ROUNDS, START).wrong)[-1])


@cache
def bound() -> tuple[np.ndarray, np.ndarray]:
    """Budgets, and the least wrong share of any schedule of rounds up to `LARGEST`, with feedback too."""
    numbers = np.array([50, 100, 150])
    return numbers, np.array([budget.schedule_bound(ROUNDS, START, n, largest=LARGEST) for n in numbers.tolist()])
