"""A loop whose round size is sought: how it ends at each, which is the cheapest, which verifier is good enough."""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import scipy.stats

from experiments.questions.plan.prompts import LEAST, Prompts, weakening
from experiments.questions.plan.simulate import Ends, simulate
from experiments.validation import refuse
from theory import budget

LARGEST, LARGEST_UNEQUAL, LARGEST_FILTERED = 1024, 128, 5_000  # rounds that are searched
EXACT_FILTERED = 40  # filtering has about 0.3 n² states
EXACT_KINDS = 30  # n²/2 states
STEPS = [np.arange(1, 65)] + [np.linspace(n + 1, 2 * n, 17).astype(int) for n in (64, 128, 256, 512)]
FILTERED = [*range(1, 41), *np.unique(np.geomspace(41, LARGEST_FILTERED, 60).astype(int)).tolist()]
SEARCHED = 200  # verdicts of a hard limit, up to which the best constant size is searched
SOLVED = 1_000  # … up to which what a size reaches is exact
UNEQUAL = np.split(np.unique(np.geomspace(1, LARGEST_UNEQUAL, 40).astype(int)), [24])
BISECTIONS = 20
ROUNDING = 1e-12  # by which a goal may be missed
FEW_RUNS = 2_000  # to choose a size by
LEAST_RATE = 1e-9  # in the place of a rate of 0, where the theory takes none


class Loop(NamedTuple):
    """A loop of two kinds of output, correct and wrong, on prompts; without its round size."""

    prompts: Prompts
    persistence: float = 0.0  # ρ
    until_kept: bool = True

    @property
    def alike(self) -> bool:
        """Whether there is one kind of prompt."""
        return self.prompts.weight.size == 1

    def ends(self, size: int, *, runs: int | None = None) -> Ends:
        """How runs end that stop when all outputs are correct or all wrong: exact where a chain is small."""
        p, rho, q = self.prompts, self.persistence, self.prompts.one_round()
        if rho == 0 and (self.until_kept or p.weight.size * size**6 <= EXACT_FILTERED**6):
            accuracy, _, rounds, verdicts = self.chains(size)
            return Ends(p.mean(accuracy), p.mean(rounds), p.total(verdicts))
        if rho == 1 and self.until_kept:
            return self._drift(size)
        runs = FEW_RUNS // 4 if rho == 1 else runs  # whose accuracy is q
        found = simulate(p, size, persistence=rho, until_kept=self.until_kept, runs=runs)
        if rho == 1:
            return found._replace(accuracy=q, error=0.0)
        if self.until_kept and size <= EXACT_KINDS:
            return found._replace(accuracy=p.mean(self._kinds(size)), error=0.0)
        return found

    def chains(self, sizes: np.ndarray | int) -> np.ndarray:
        """`budget.fixation` of independent errors [4, …, prompt]."""
        p, sizes = self.prompts, np.asarray(sizes)[..., None]
        return np.stack(budget.fixation(sizes, (p.tpr, p.fpr), p.initial, until_kept=self.until_kept))

    def tried(self, sizes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The accuracy and the verdicts of these sizes, of independent errors, until so many are kept."""
        p, (accuracy, _, _, verdicts) = self.prompts, self.chains(sizes)
        return accuracy @ p.answered / p.answered.sum(), verdicts @ p.answered

    def _drift(self, size: int) -> Ends:
        """Errors that persist: one round selects, and then every output is accepted, so that chance alone decides."""
        p, after = self.prompts, self.prompts.after()
        rounds = np.asarray(budget.fixation(size, (1.0, 1.0), after).generations)
        verdicts = size / np.maximum(p.correct + p.wrong, LEAST) + size * np.maximum(rounds - 1, 0)
        return Ends(p.mean(after), p.mean(np.maximum(rounds, 1)), p.total(verdicts))

    def _kinds(self, size: int) -> np.ndarray:
        """How often each prompt ends correct, of six kinds of outputs [prompt]."""
        found = []
        for _, p, phi, psi in zip(*self.prompts[:4], strict=True):
            kinds = budget.persistent_kinds((phi, psi), p, self.persistence)
            found.append(np.asarray(budget.ends_with(size, *kinds[:2]))[kinds.correct].sum())
        return np.array(found)

    def limited(self, size: int, verdicts: int, *, runs: int | None = None) -> Ends:
        """What runs of rounds of this size reach of which none spends more verdicts: in the last round that is paid."""
        p = self.prompts
        if self.until_kept and self.persistence == 1:  # the first round, if it is paid
            unpaid = scipy.stats.nbinom.sf(verdicts - size, size, np.minimum(p.correct + p.wrong, 1))
            each = p.after() + unpaid * (p.initial - p.after())
            return Ends(float(p.weight @ each), float(p.weight @ (1 - unpaid)), verdicts)
        if self.until_kept and self.persistence == 0 and self.alike and verdicts <= SOLVED:
            rates = np.maximum(p.rates, LEAST_RATE)
            found = budget.hard_limit(rates, p.start, verdicts, size=size)
            return Ends(1 - found.wrong, math.nan, found.verdicts)
        return simulate(p, size, persistence=self.persistence, until_kept=self.until_kept, limit=verdicts, runs=runs)

    def limited_size(self, verdicts: int) -> tuple[int, str]:
        """A size for a hard limit, for independent errors, and how it was found."""
        rates, p = np.maximum(self.prompts.rates, LEAST_RATE), self.prompts.start
        if rates[0] <= rates[1]:
            return 1, "one sample loses least"
        if not (self.until_kept and self.alike):
            sizes = np.unique(np.geomspace(1, min(verdicts, self.searched()), 16).astype(int)).tolist()
            reached = [self.limited(n, verdicts, runs=FEW_RUNS).accuracy for n in sizes]
            return sizes[int(np.argmax(reached))], "the best of some, simulated"
        if verdicts <= SEARCHED:
            return budget.hard_limit(rates, p, verdicts).size, "best constant size"
        size = round(budget.fixed_rounds_law(rates, p, verdicts)[0])
        return max(1, min(size, verdicts, LARGEST)), "asymptotic size"

    def peak(self) -> tuple[int, float]:
        """The best round of many samples, n → ∞, and the accuracy after it."""
        p = self.prompts
        rounds = np.arange(201)
        rates = (p.tpr[:, None], p.fpr[:, None])
        found = (
            p.answered
            / p.answered.sum()
            @ np.asarray(budget.persistent_rounds(rates, p.initial[:, None], self.persistence, rounds))
        )
        best = int(np.argmax(np.round(found, 9)))
        return best, float(found[best])

    def cheapest(self, goal: float) -> int | None:
        """The size with the fewest expected verdicts among those that end correct with probability `goal`."""
        if not self.until_kept:  # success and cost rise with the size
            return _first(FILTERED, lambda n: self.ends(n).accuracy >= goal - ROUNDING)
        tpr, fpr = self.prompts.rates
        if tpr > fpr > 0 and self.alike and self.diffusion_size(goal) > 2 * LARGEST:
            return None
        for sizes in self._steps():
            accuracy, verdicts = self.tried(sizes)
            reached = accuracy >= goal - ROUNDING
            if reached.any():
                return int(sizes[np.where(reached, verdicts, np.inf).argmin()])
        return None

    def diffusion_size(self, goal: float) -> float:
        """The size at which Kimura's e^{−2nsp} is 1 − goal."""
        tpr, fpr = self.prompts.rates
        return -math.log(1 - goal) / (2 * math.log(tpr / fpr) * self.prompts.start)

    def largest(self, verdicts: float) -> int | None:
        """The largest size at which all rounds together cost at most `verdicts`, on average."""
        if not self.until_kept:
            dear = _first(FILTERED, lambda n: self.ends(n).verdicts > verdicts)
            paid = [n for n in FILTERED if dear is None or n < dear]
            return paid[-1] if paid else None
        found = None
        for sizes in STEPS if self.alike else UNEQUAL:
            paid = sizes[self.tried(sizes)[1] <= verdicts]
            found = int(paid[-1]) if paid.size else found
            if paid.size < sizes.size:
                break
        return found

    def _steps(self) -> list[np.ndarray]:
        """Sizes that are tried; where no verifier helps, one sample a round is best."""
        tpr, fpr = self.prompts.rates
        return STEPS[:1] if tpr <= fpr else STEPS if self.alike else UNEQUAL

    def searched(self) -> int:
        """The largest size that is tried."""
        return LARGEST_FILTERED if not self.until_kept else LARGEST if self.alike else LARGEST_UNEQUAL


def _first(sizes: Sequence[int], holds: Callable[[int], bool]) -> int | None:
    """The first size from which on it holds, by bisection."""
    low, high = 0, len(sizes)
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(sizes[middle]) else (middle + 1, high)
    return sizes[low] if low < len(sizes) else None


def largest_fpr(loop: Loop, goal: float, verdicts: float, round_size: int | None) -> float:
    """The largest fpr, rounded down, that reaches the goal, with so many verdicts on average; `loop` has fpr = tpr.

    Where errors persist one round decides, in which a single accepted sample is as good as many.
    """
    if loop.persistence == 1:
        return math.floor(loop.prompts.rates[0] * weakening(loop.prompts, goal) * 1e6) / 1e6
    if not loop.until_kept and round_size is None:
        raise refuse("--fpr", "nothing", "a rate; or to solve for it --round-size too")
    most = LARGEST_UNEQUAL if loop.alike else 24
    sizes = np.unique(np.geomspace(1, min(max(verdicts, 1), 2 * most), most // 2).astype(int))

    def tried(factor: float) -> tuple[np.ndarray, np.ndarray]:
        each = loop._replace(prompts=loop.prompts.weaker(factor))
        if round_size is not None:
            found = each.ends(round_size)
            return np.array(found.accuracy), np.array(found.verdicts)
        return each.tried(sizes)

    def enough(factor: float) -> bool:
        accuracy, spent = tried(factor)
        return bool(((accuracy >= goal - ROUNDING) & (spent <= verdicts)).any())

    tpr = loop.prompts.rates[0]
    if not enough(0.0):
        least = float(np.min(tried(0.0)[1]))
        needed = f"{least:.4g} or more: at tpr {tpr:.4g} even fpr 0, the best verifier, takes so many on average"
        raise refuse("--verdicts", f"{verdicts:.0f}", needed)
    low, high = 0.0, 1.0
    if enough(high):
        return tpr
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        low, high = (middle, high) if enough(middle) else (low, middle)
    return math.floor(tpr * low * 1e4) / 1e4
