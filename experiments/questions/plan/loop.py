"""A loop whose round size is sought: how it ends at each, which is the cheapest, which verifier is good enough."""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import jax
import numpy as np

from experiments.validation import refuse
from theory import budget

LARGEST = 1024  # the largest round of which the exact chain is solved
LARGEST_FILTERED = 60  # filtering has about 0.3 n² states
STEPS = [np.arange(1, 65)] + [np.linspace(n + 1, 2 * n, 17).astype(int) for n in (64, 128, 256, 512)]
BISECTIONS = 20
ROUNDING = 1e-12  # by which a goal may be missed

Rates = Sequence | np.ndarray  # (tpr, fpr), or arrays of both


class Ends(NamedTuple):
    """How loops end, as `theory.budget.Fixation`, in NumPy."""

    correct: np.ndarray
    wrong: np.ndarray
    generations: np.ndarray
    verdicts: np.ndarray


class VerifiedLoop(NamedTuple):
    """A loop of two kinds of output, correct and wrong, without its round size."""

    tpr: float
    fpr: float
    initial: float  # the accuracy at the start
    until_kept: bool = True

    def ends(self, sizes: np.ndarray | int, rates: Rates | None = None) -> Ends:
        """How loops end, for all sizes (until-kept: and verifiers that broadcast)."""
        rates = (self.tpr, self.fpr) if rates is None else rates
        if self.until_kept:
            found = budget.fixation(sizes, tuple(rates), self.initial)
        else:
            both = np.broadcast_arrays(*map(np.atleast_1d, rates))
            found = budget.fixation(int(sizes), tuple(both), self.initial, until_kept=False)
            found = found if np.ndim(rates[0]) else jax.tree.map(lambda leaf: leaf[0], found)
        return Ends(*map(np.asarray, found))

    def reaches(self, goal: float, sizes: np.ndarray | int, rates: Rates | None = None) -> np.ndarray:
        """Whether they end correct with probability `goal`."""
        return self.ends(sizes, rates).correct >= goal - ROUNDING

    def diffusion_size(self, goal: float) -> float:
        """The size at which Kimura's e^{−2nsp} is 1 − goal."""
        return -math.log(1 - goal) / (2 * math.log(self.tpr / self.fpr) * self.initial)

    def cheapest(self, goal: float) -> int | None:
        """The size with the fewest expected verdicts among those that end correct with probability `goal`."""
        if not self.until_kept:  # success and cost rise with the size
            return _first(range(1, LARGEST_FILTERED + 1), lambda n: bool(self.reaches(goal, n)))
        if self.tpr > self.fpr > 0 and self.diffusion_size(goal) > 2 * LARGEST:
            return None
        for sizes in STEPS if self.tpr > self.fpr else STEPS[:1]:  # else one sample a round is best
            ends = self.ends(sizes)
            reached = ends.correct >= goal - ROUNDING
            if reached.any():
                return int(sizes[np.where(reached, ends.verdicts, np.inf).argmin()])
        return None

    def largest(self, verdicts: float) -> int | None:
        """The largest size at which all rounds together cost at most `verdicts`, on average."""
        if not self.until_kept:
            dear = _first(range(1, LARGEST_FILTERED + 1), lambda n: bool(self.ends(n).verdicts > verdicts))
            return ((dear or LARGEST_FILTERED + 1) - 1) or None
        found = None
        for sizes in STEPS:
            paid = sizes[self.ends(sizes).verdicts <= verdicts]
            found = int(paid[-1]) if paid.size else found
            if paid.size < sizes.size:
                break
        return found


def _first(sizes: range, holds: Callable[[int], bool]) -> int | None:
    """The first size from which on it holds, by bisection."""
    low, high = 0, len(sizes)
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(sizes[middle]) else (middle + 1, high)
    return sizes[low] if low < len(sizes) else None


def largest_fpr(loop: VerifiedLoop, goal: float, verdicts: float, round_size: int | None) -> float:
    """The largest fpr, rounded down, at which a size reaches the goal with so many verdicts on average."""
    sizes = np.unique(np.geomspace(1, min(max(verdicts, 1), 256), 64).astype(int)) if round_size is None else round_size

    def enough(fpr: float) -> bool:
        ends = loop.ends(sizes, (loop.tpr, fpr))
        return bool(((ends.correct >= goal - ROUNDING) & (ends.verdicts <= verdicts)).any())

    if not enough(0.0):
        least = float(np.min(loop.ends(sizes, (loop.tpr, 0.0)).verdicts))
        needed = f"{least:.4g} or more: at tpr {loop.tpr:.4g} even fpr 0, the best verifier, takes so many on average"
        raise refuse("--verdicts", f"{verdicts:.0f}", needed)
    if enough(loop.tpr):
        return loop.tpr
    low, high = 0.0, loop.tpr
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        low, high = (middle, high) if enough(middle) else (low, middle)
    return math.floor(low * 1e4) / 1e4
