"""Few large rounds or many small ones: what constant sizes and shrinking schedules leave wrong, exactly; until kept."""

import math
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from experiments.ledger import Settings
from theory import budget

VERIFIER, START = (0.8, 0.4), 0.3
SELECTION = math.log(VERIFIER[0] / VERIFIER[1])
LARGEST = 32  # the largest round that the bound allows, and with it the schedules that are compared to it


class Constant(NamedTuple):
    """Rounds of one size, for each budget N."""

    verdicts: np.ndarray  # N
    sizes: np.ndarray  # n
    wrong: np.ndarray  # E[1 − Z] at the end [N, n]
    spent: np.ndarray  # expected, to the last round that is paid [N, n]

    @property
    def best(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The best size for each budget, the wrong share that it leaves, and what it has spent."""
        places = np.arange(len(self.verdicts)), self.wrong.argmin(1)
        return self.sizes[places[1]], self.wrong[places], self.spent[places]


class Best(NamedTuple):
    """The best schedule of a family for each budget."""

    verdicts: np.ndarray  # N
    wrong: np.ndarray  # E[1 − Z] at the end
    schedules: list[np.ndarray]  # n_t, to the last round that is paid
    saved: np.ndarray  # the share of what the best constant size spends that is not needed to leave no more wrong


@lru_cache
def constant(settings: Settings) -> Constant:
    """All sizes at all budgets, by one call."""
    numbers = 100 * 2 ** np.arange(7 if settings.full else 6)
    sizes = np.arange(5, 101 if settings.full else 76)
    num_rounds = math.ceil(numbers[-1] * max(VERIFIER) / sizes[0])
    spending = budget.spend(np.repeat(sizes[:, None], num_rounds, axis=1), VERIFIER, START)
    wrong = [np.asarray(spending.within(n)) for n in numbers.tolist()]
    spent = [np.where(spending.verdicts <= n, spending.verdicts, 0).max(1) for n in numbers.tolist()]
    return Constant(numbers, sizes, np.stack(wrong), np.stack(spent))


def one_round() -> float:
    """What a single round leaves wrong, whatever its size: it selects once."""
    phi, psi = VERIFIER
    return (1 - START) * psi / (START * phi + (1 - START) * psi)


def exponents(settings: Settings) -> np.ndarray:
    """−ln of what the best constant size leaves wrong, over `budget.round_size_law`'s."""
    numbers = constant(settings).verdicts
    law = [budget.round_size_law(VERIFIER, START, n)[1] for n in numbers.tolist()]
    return -np.log(constant(settings).best[1]) / np.array(law)


def two_stage(size: int, num_rounds: int) -> np.ndarray:
    """Schedules of n_1 in the first T_1 rounds and n_2 ever after [schedule, t], around the best constant size."""
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


@lru_cache
def best(family: Callable[[int, int], np.ndarray], settings: Settings) -> Best:
    """The best schedule of a family for each budget but the largest; in the quick profile for the smallest three."""
    numbers = constant(settings).verdicts[: 6 if settings.full else 3]
    found = [_best(family, *case) for case in zip(numbers.tolist(), *constant(settings).best, strict=False)]
    schedules, wrong, saved = zip(*found, strict=True)
    return Best(numbers, np.array(wrong), list(schedules), np.array(saved))


def _best(family, verdicts: int, size: int, goal: float, spent: float) -> tuple[np.ndarray, float, float]:
    schedules = family(int(size), math.ceil(1.5 * verdicts * max(VERIFIER) / size))
    spending = budget.spend(schedules, VERIFIER, START)
    wrong = np.asarray(spending.within(verdicts))
    paid = int((np.asarray(spending.verdicts)[wrong.argmin()] <= verdicts).sum())
    needed = np.where(np.asarray(spending.wrong) <= goal, np.asarray(spending.verdicts), np.inf).min()
    return schedules[wrong.argmin(), :paid], float(wrong.min()), 1 - float(needed / spent)


@lru_cache
def drift_exponent() -> float:
    """θ: how fast the probability to end wrong falls with n, −d ln P/dn, from the exact chain; the diffusion: 2sp."""
    wrong = np.log(np.asarray(budget.fixation(np.array([40, 60]), VERIFIER, START).wrong))
    return float(wrong[0] - wrong[1]) / 20


def slopes(settings: Settings) -> tuple[float, float]:
    """d(−ln wrong)/d√N between the two largest budgets; and √(sφθ), the law with θ in place of the diffusion's 2sp."""
    roots, values = np.sqrt(constant(settings).verdicts), -np.log(constant(settings).best[1])
    measured = (values[-1] - values[-2]) / (roots[-1] - roots[-2])
    return float(measured), math.sqrt(SELECTION * VERIFIER[0] * drift_exponent())


def sharper_size(verdicts: float) -> float:
    """√(sφN/θ), the best size by the argument of `budget.round_size_law`, with θ in place of the diffusion's 2sp."""
    return math.sqrt(SELECTION * VERIFIER[0] * verdicts / drift_exponent())


def two_stage_exponent(verdicts: np.ndarray) -> np.ndarray:
    """s√(2φN), asymptotic: what two sizes leave wrong is e^{−s√(2φN)}.

    A start of n_1 loses the right symbol with e^{−2 n_1 s p}, later rounds, near Z = 1, with e^{−2 n_2 s}. Equal losses
    give n_2 = p n_1; the later rounds take the budget, φN/n_2 of them leave e^{−sφN/n_2}, which gives n_2 = √(φN/2).
    The best constant size has √p times this exponent: two sizes save a share 1 − p of the verdicts.
    """
    return SELECTION * np.sqrt(2 * VERIFIER[0] * verdicts)


@lru_cache
def bound(settings: Settings) -> tuple[np.ndarray, np.ndarray]:
    """Budgets, and the wrong share below which no schedule of rounds up to `LARGEST` gets, even one that looks."""
    numbers = np.array([50, 75, 100, 125, 150])
    bounds = [budget.schedule_bound(VERIFIER, START, n, largest=LARGEST) for n in numbers.tolist()]
    return numbers, np.array(bounds)
