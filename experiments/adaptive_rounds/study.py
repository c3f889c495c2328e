"""Rounds of adapted sizes (R9): the best policy and two rules, exact; what is left if pass rates alone are seen.

The verifier, the start and rejection sampling are those of R2; a run stops when one kind of output is left.
"""

import math
from functools import cache, partial
from typing import NamedTuple

import jax
import numpy as np

from experiments.harness.study import generator, study
from experiments.verdicts.budgets import ROUNDS, START
from theory import budget

LARGEST = 48  # samples of a round
PRICES = tuple(np.geomspace(1e-2, 1e-7, 21).tolist())  # of a verdict in wrong shares, along the curve of the optimum
KAPPAS = (6, 8, 10, 12, 14, 16)  # exponents of the risk of a round: wrong shares from .007 to 7e-7
CORRECT = (2, 3, 4, 5, 6, 7, 8)  # correct samples a round: wrong shares from .05 to 3e-7
SLOPE, ROOM = (16, 24), 160  # exponents between which a slope is taken; rounds so large that they cut nothing there
NO_SIGNAL = (0.8, 0.8 / 1.02)
FILTERED = 6.0  # the exponent of the risk where the accuracy is not seen
PRICE = 1 / 2000  # at which that exponent is about the best for the filter


@cache
def equal_risk(kappa: float, largest: int = LARGEST, verifier: tuple[float, float] = ROUNDS) -> budget.Rounds:
    """Rounds that lose all correct outputs with probability e^{−κ} each."""
    rule = partial(budget.equal_risk, verifier=verifier, risk=math.exp(-kappa))
    return budget.adaptive_rounds(rule, verifier, START, largest=largest)


@cache
def correct_samples(count: float) -> budget.Rounds:
    """Rounds of ⌈c/z⌉: a model of accuracy z draws c correct samples among as many, on average."""
    rule = partial(_sized, count)
    return budget.adaptive_rounds(rule, ROUNDS, START, largest=LARGEST)


def _sized(count: float, accuracy: np.ndarray) -> np.ndarray:
    return np.ceil(count / accuracy - 1e-9).astype(int)  # a whole number but for rounding is that number


@cache
def constant(size: int) -> budget.Rounds:
    """Rounds of one size."""
    return budget.adaptive_rounds(lambda z: np.full(z.shape, size), ROUNDS, START, largest=LARGEST)


@cache
def optimum(price: float) -> budget.Rounds:
    """The best policy at a price of a verdict."""
    return budget.optimal_rounds(ROUNDS, START, price, largest=LARGEST)


def needed(wrong: float) -> float:
    """Verdicts that any policy of rounds up to `LARGEST` needs to leave this share wrong, at least."""
    return max(best.verdicts + (best.wrong - wrong) / price for price in PRICES for best in [optimum(price)])


def stopped(verdicts: float, verifier: tuple[float, float] = ROUNDS) -> budget.BestSize:
    """The largest constant size that so many verdicts pay."""
    return budget.until_fixation(verifier, START, verdicts)


def cost(found: budget.Rounds) -> float:
    """Verdicts, and wrong shares in verdicts."""
    return found.verdicts + found.wrong / PRICE


def slope(few: budget.Rounds | budget.BestSize, many: budget.Rounds | budget.BestSize) -> float:
    """Nats of −ln(wrong) for each verdict more."""
    return math.log(few.wrong / many.wrong) / (many.verdicts - few.verdicts)


def slope_law(few: float, many: float) -> float:
    """The same of `equal_risk_law`, between two exponents of the risk."""
    ends = [budget.equal_risk_law(ROUNDS, START, math.exp(-kappa)) for kappa in (few, many)]
    return math.log(ends[0][1] / ends[1][1]) / (ends[1][0] - ends[0][0])


class Runs(NamedTuple):
    """Simulated runs [replica]."""

    wrong: np.ndarray  # the sum of the risks of its rounds, whose mean is P(ends wrong)
    expected: np.ndarray  # … as the run itself expects them: less noise, and the same mean if it knows what it sees
    verdicts: np.ndarray

    @property
    def cost(self) -> np.ndarray:
        """Verdicts, and wrong shares in verdicts."""
        return self.verdicts + self.expected / PRICE


class Lattice(NamedTuple):
    """The fractions with denominators up to `LARGEST`: where a run may be."""

    accuracy: np.ndarray  # z [state]
    passes: np.ndarray  # the pass rate
    correct: np.ndarray  # of what is accepted
    risk: np.ndarray  # that a round of n = 1 … loses all correct outputs [n, state]


@cache
def lattice() -> Lattice:
    """Of R2's verifier."""
    accuracy = np.unique([a / b for b in range(1, LARGEST + 1) for a in range(b + 1)])
    passes = accuracy * ROUNDS[0] + (1 - accuracy) * ROUNDS[1]
    correct = accuracy * ROUNDS[0] / passes
    return Lattice(accuracy, passes, correct, (1 - correct) ** np.arange(1, LARGEST + 1)[:, None])


@cache
def _move(n: int) -> np.ndarray:
    """From state to state by a round of n, for what goes on alone: [state, n − 1]; and where the states are."""
    z = lattice()
    k = np.arange(1, n)
    ways = np.array([math.comb(n, each) for each in k.tolist()], float)
    return ways * z.correct[:, None] ** k * (1 - z.correct[:, None]) ** (n - k)


@cache
def _places(n: int) -> np.ndarray:
    return np.searchsorted(lattice().accuracy, np.arange(1, n) / n - 1e-9)


@study("adaptive-rounds/filter", independent=("sees",), num_replicas=3000, full={"num_replicas": 12_000})
def filtered(key: jax.Array, sees: str, kappa: float = FILTERED, *, num_replicas: int) -> Runs:
    """Runs whose sizes are the smallest with an expected risk of e^{−κ} or less, given what is seen.

    `sees`: the "accuracy" itself; the "pass rates" of all rounds so far, in a Bayesian filter that knows p, φ, ψ and
    that its run goes on; those of "other runs" in their place; or "nothing" but that it goes on.
    """
    rng, z = generator(key), lattice()
    place = np.full(num_replicas, np.searchsorted(z.accuracy, START - 1e-9))
    belief = np.zeros((num_replicas, z.accuracy.size))
    belief[:, place[0]] = 1
    found, running = Runs(*np.zeros((3, num_replicas))), np.arange(num_replicas)
    while running.size:
        expected = belief[running] @ z.risk.T
        enough = expected <= math.exp(-kappa)
        size = np.where(enough.any(1), enough.argmax(1) + 1, LARGEST)
        at = place[running]
        found.wrong[running] += z.risk[size - 1, at]
        found.expected[running] += expected[np.arange(running.size), size - 1]
        rejected = rng.negative_binomial(size, z.passes[at])
        found.verdicts[running] += size + rejected
        correct = rng.binomial(size, z.correct[at])
        shown = rng.permutation(rejected / size) * size if sees == "other runs" else rejected
        goes_on = (correct > 0) & (correct < size)
        running, size, correct, shown = running[goes_on], size[goes_on], correct[goes_on], shown[goes_on]
        place[running] = np.searchsorted(z.accuracy, correct / size - 1e-9)
        if sees == "accuracy":
            belief[running] = np.arange(z.accuracy.size) == place[running, None]
        else:
            belief[running] = _updated(belief[running], size, shown if sees != "nothing" else None)
    return found


def _updated(belief: np.ndarray, sizes: np.ndarray, rejected: np.ndarray | None) -> np.ndarray:
    """The distribution of the accuracy one round later, of runs that go on, given how many proposals were rejected."""
    z, after = lattice(), np.zeros_like(belief)
    if rejected is not None:
        logs = sizes[:, None] * np.log(z.passes) + rejected[:, None] * np.log1p(-z.passes)
        belief = belief * np.exp(logs - logs.max(1, keepdims=True))
    for n in np.unique(sizes).tolist():
        which = sizes == n
        after[np.ix_(which, _places(n))] = belief[which] @ _move(n)
    return after / after.sum(1, keepdims=True)


@cache
def three_budgets() -> dict[str, list[budget.Rounds | budget.BestSize]]:
    """The best fixed rounds, runs that stop, and rounds of equal risk, at 25 … 300 verdicts: exact."""
    return {
        "fixed": [budget.fixed_rounds(ROUNDS, START, n) for n in (25, 50, 100, 150, 200, 250, 300)],
        "stopped": [stopped(n) for n in (25, 50, 75, 100, 150, 200, 250, 300)],
        "adapted": [equal_risk(kappa, ROOM) for kappa in (3, 4, 6, 8, 12, 16, 20, 24, 28, 32, 36)],
    }
