"""A loop whose round size is sought: how it ends at each, which is the cheapest, which verifier is good enough."""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import jax
import numpy as np

from theory import budget

LARGEST = 1024  # the largest round of which the exact chain is solved
LARGEST_FILTERED = 60  # filtering has about 0.3 n² states
STEPS = [np.arange(1, 65)] + [np.linspace(n + 1, 2 * n, 17).astype(int) for n in (64, 128, 256, 512)]
BISECTIONS = 20


class End(NamedTuple):
    """How loops end, as `theory.budget.Fixation`, in NumPy."""

    correct: np.ndarray
    wrong: np.ndarray
    generations: np.ndarray
    verdicts: np.ndarray


class Case(NamedTuple):
    """A loop without its round size."""

    tpr: float
    fpr: float
    initial: float
    until_kept: bool = True

    def end(self, sizes: np.ndarray | int, verifier: Sequence | np.ndarray | None = None) -> End:
        """How loops end, for all sizes (until-kept: and verifiers that broadcast), as NumPy arrays."""
        rates = (self.tpr, self.fpr) if verifier is None else verifier
        if self.until_kept:
            found = budget.fixation(sizes, tuple(rates), self.initial)
        else:
            found = _filtered(int(sizes), self.initial)(*np.broadcast_arrays(*map(np.atleast_1d, rates)))
            found = found if np.ndim(rates[0]) else jax.tree.map(lambda leaf: leaf[0], found)
        return End(*map(np.asarray, found))

    def diffusion_size(self, goal: float) -> float:
        """The size at which Kimura's e^{−2nsp} is 1 − goal."""
        return -math.log(1 - goal) / (2 * math.log(self.tpr / self.fpr) * self.initial)

    def cheapest(self, goal: float) -> int | None:
        """The size with the fewest expected verdicts among those that end right with probability `goal`."""
        if not self.until_kept:  # success and cost rise with the size
            return _first(range(1, LARGEST_FILTERED + 1), lambda n: bool(self.end(n).correct >= goal - 1e-12))
        if self.tpr > self.fpr > 0 and self.diffusion_size(goal) > 2 * LARGEST:
            return None
        for sizes in STEPS if self.tpr > self.fpr else STEPS[:1]:  # else one sample a round is best
            end = self.end(sizes)
            reached = end.correct >= goal - 1e-12
            if reached.any():
                return int(sizes[np.where(reached, end.verdicts, np.inf).argmin()])
        return None

    def largest(self, verdicts: float) -> int | None:
        """The largest size at which all rounds together cost at most `verdicts`, on average."""
        if not self.until_kept:
            sizes = range(1, LARGEST_FILTERED + 1)
            return (
                (_first(sizes, lambda n: bool(self.end(n).verdicts > verdicts)) or LARGEST_FILTERED + 1) - 1
            ) or None
        found = None
        for sizes in STEPS:
            paid = sizes[self.end(sizes).verdicts <= verdicts]
            found = int(paid[-1]) if paid.size else found
            if paid.size < sizes.size:
                break
        return found

    def accuracy(self, size: int, verdicts: float, verifier: Sequence | np.ndarray | None = None) -> float:
        """The expected share of right outputs after as many rounds as the budget pays for (until-kept)."""
        rates = [max(float(x), 1e-9) for x in ((self.tpr, self.fpr) if verifier is None else verifier)]
        sizes = np.full(max(1, math.ceil(verdicts / size)), size)
        return max(0.0, 1 - float(budget.spend(sizes, rates, self.initial).within(verdicts)))


def _filtered(size: int, initial: float):
    """`fixation` of a filtered loop for many verifiers."""
    return lambda tpr, fpr: budget.fixation(size, (tpr, fpr), initial, until_kept=False)


def _first(sizes: range, holds: Callable[[int], bool]) -> int | None:
    """The first size from which on it holds, by bisection."""
    low, high = 0, len(sizes)
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(sizes[middle]) else (middle + 1, high)
    return sizes[low] if low < len(sizes) else None


def largest_fpr(case: Case, goal: float, verdicts: float, round_size: int | None) -> float:
    """The largest fpr, rounded down, at which a size reaches the goal with so many verdicts on average."""
    sizes = np.unique(np.geomspace(1, min(max(verdicts, 1), 256), 64).astype(int)) if round_size is None else round_size

    def enough(fpr: float) -> bool:
        end = case.end(sizes, (case.tpr, fpr))
        return bool(((end.correct >= goal - 1e-12) & (end.verdicts <= verdicts)).any())

    if not enough(0.0):
        least = float(np.min(case.end(sizes, (case.tpr, 0.0)).verdicts))
        raise ValueError(
            f"no verifier is good enough at tpr {case.tpr:.4g}: even with fpr 0 the loop takes {least:.4g} verdicts on"
            f" average, and --verdicts is {verdicts:.0f}"
        )
    if enough(case.tpr):
        return case.tpr
    low, high = 0.0, case.tpr
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        low, high = (middle, high) if enough(middle) else (low, middle)
    return math.floor(low * 1e4) / 1e4
