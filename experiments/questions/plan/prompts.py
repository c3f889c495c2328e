"""Prompts of unequal difficulty and a verifier on them: told as numbers, or measured on a log.

The accuracies of prompts have a Beta distribution of mean p and intraclass correlation `spread`, the correlation of two
outputs of one prompt; a log with several outputs a prompt has one of the fpr too, as some prompts fool the verifier
more often. All that is computed for a prompt is averaged over both by Gauss–Jacobi quadrature.

Then the verdicts to an accepted output may have no mean, so that a prompt is left once K verdicts accepted nothing. It
is answered with probability s = 1 − (1−r)^K, r = a + b, and costs s·ν verdicts where it would cost ν without end:
E min(T, K) = s/r for the first accepted output, and the rest if there is one. All is weighted by s.

References:
    Golub & Welsch (1969), Calculation of Gauss quadrature rules.
    Fleiss (1981), Statistical Methods for Rates and Proportions, chapter 13: the intraclass correlation of binary data.
"""

import math
from typing import Any, NamedTuple

import numpy as np
import scipy.special
from jaxtyping import Float, Int
from scipy.optimize import brentq

from experiments.questions.errors import errors
from experiments.questions.logs import Log
from experiments.questions.posterior import posterior, tally, with_pseudo_prompts
from experiments.validation import refuse
from theory import policies

NODES = (
    (192, 1),
    (24, 24),
)  # of accuracies and of fprs, where the fpr is one and where it is spread: at spreads of .4,
# accuracies are within .0002 of those with many more nodes, verdicts within 2 %
ALIKE, MOST_SPREAD = 0.002, 0.98  # spreads below the first are none; the second is the largest
DRAWS = 20_000
LEAST = 1e-99  # acceptance
PATIENCE = 1000  # verdicts
MOST_VERIFIERS = 20


class Prompts(NamedTuple):
    """Kinds of prompts and their shares; on each an accuracy at the start and a verifier's rates, all [prompt]."""

    weight: Float[np.ndarray, " prompt"]
    initial: Float[np.ndarray, " prompt"]
    tpr: Float[np.ndarray, " prompt"]
    fpr: Float[np.ndarray, " prompt"]
    patience: float = math.inf  # K, verdicts without an accepted output after which a prompt is left

    @property
    def correct(self) -> np.ndarray:
        """a = pφ, the share of the first outputs that is correct and accepted [prompt]."""
        return self.initial * self.tpr

    @property
    def wrong(self) -> np.ndarray:
        """b = (1−p)ψ, … wrong and accepted [prompt]."""
        return (1 - self.initial) * self.fpr

    @property
    def rates(self) -> tuple[float, float]:
        """The mean tpr and fpr of all prompts; rounding passes 1 nowhere."""
        return min(float(self.weight @ self.tpr), 1.0), min(float(self.weight @ self.fpr), 1.0)

    @property
    def start(self) -> float:
        """The mean accuracy at the start, of all prompts."""
        return float(self.weight @ self.initial)

    @property
    def answered(self) -> np.ndarray:
        """w·s, the shares of prompts with an accepted output [prompt]."""
        rate = np.minimum(self.correct + self.wrong, 1)
        if math.isinf(self.patience):
            return self.weight
        with np.errstate(divide="ignore"):
            return self.weight * -np.expm1(self.patience * np.log1p(-rate))

    def mean(self, values: np.ndarray) -> float:
        """The mean over answered prompts of values [prompt]."""
        return self.total(values) / float(self.answered.sum())

    def total(self, values: np.ndarray) -> float:
        """What is spent [prompt], a prompt of all."""
        return float(self.answered @ values)

    def after(self) -> np.ndarray:
        """a/(a+b), the accuracy of what is accepted in a round [prompt]."""
        accepted = self.correct + self.wrong
        some = accepted > 0
        return np.where(some, self.correct / np.where(some, accepted, 1), self.initial)

    def one_round(self) -> float:
        """E[a/(a+b)] of answered prompts: the accuracy of what is accepted, after one round of any size."""
        return self.mean(self.after())

    def looks(self) -> float:
        """The verdicts to an accepted output, or until the prompt is left."""
        return self.total(1 / np.maximum(self.correct + self.wrong, LEAST))

    def weaker(self, factor: float) -> "Prompts":
        """With all fprs multiplied."""
        return self._replace(fpr=self.fpr * factor)


class Measured(NamedTuple):
    """A verifier on a log."""

    counts: Int[np.ndarray, " 4"]  # accepted and correct, rejected and correct, accepted and wrong, rejected and wrong
    rates: tuple[float, float, float]  # the accuracy, tpr and fpr
    draws: Float[np.ndarray, "draw 3"]  # of the rates, from their posterior
    spread: float  # of the accuracies
    fpr_spread: float
    persistence: float | None  # ρ, where outputs were looked at twice
    num_prompts: int
    never: int  # prompts of which nothing was accepted


class GivingUp(NamedTuple):
    """Prompts are left once so many of their outputs were looked at and none accepted."""

    after: int  # verdicts
    share: float  # of the prompts that are left
    accuracy: float  # of the first accepted output of the others


class Needed(NamedTuple):
    """What would reach a goal although errors persist."""

    likelihood_ratio: float  # of one verifier
    verifiers: int | None  # as good as this one, with errors independent of each other's; None: more than `MOST_…`
    accuracy: float  # what two of them reach


def prompts(
    initial: float, tpr: float, fpr: float, *, spread: float = 0.0, fpr_spread: float = 0.0, patience: int | None = None
) -> Prompts:
    """Prompts of mean accuracy `initial` and mean `fpr`, of these intraclass correlations; alike, they are not left."""
    of_initial, of_fpr = NODES[fpr_spread >= ALIKE]
    p, of_p = _beta(initial, spread, of_initial)
    psi, of_psi = _beta(fpr, fpr_spread, of_fpr)
    weight, p, psi = (x.ravel() for x in (of_p[:, None] * of_psi, *np.meshgrid(p, psi, indexing="ij")))
    left = math.inf if weight.size == 1 else min(patience or PATIENCE, PATIENCE)
    return Prompts(weight, p, np.full(p.shape, tpr), psi, left)


def _beta(mean: float, spread: float, number: int) -> tuple[np.ndarray, np.ndarray]:
    """Nodes and weights of Beta(m(1−ρ)/ρ, (1−m)(1−ρ)/ρ)."""
    if spread < ALIKE or not 0 < mean < 1:
        return np.array([mean]), np.ones(1)
    size = (1 - spread) / spread
    with np.errstate(divide="ignore", invalid="ignore"):  # SciPy computes, and drops, 0/0 at a spread of ½
        nodes, weights = scipy.special.roots_jacobi(number, (1 - mean) * size - 1, mean * size - 1)
    return (1 + nodes) / 2, weights / weights.sum()


def measure(log: Log) -> Measured:
    """The rates of a verifier on the labelled rows of a log.

    A rate is the share that was accepted; where that is 0, the median of its posterior, as nothing measured is 0.
    """
    log = labelled(log)
    accepted, correct = log.verdict == 1, log.truth == 1
    if not log.hard:
        raise refuse("log", "verdicts between 0 and 1", "0 and 1: plan.thresholded chooses a threshold of the scores")
    for kind, rows in (("correct", correct), ("wrong", ~correct)):
        if not rows.any():
            raise refuse(log.name, f"no output whose truth is {kind}", "outputs of both kinds, which the rates need")
    cells = np.stack([accepted & correct, ~accepted & correct, accepted & ~correct, ~accepted & ~correct], -1)
    counts, drawn, looks = cells.sum(0), draws(log), errors(log).looks
    shares = np.array([correct.mean(), accepted[correct].mean(), accepted[~correct].mean()])
    rates = np.where(shares > 0, shares, np.median(drawn, 0))
    return Measured(
        counts,
        (float(rates[0]), float(rates[1]), float(rates[2])),
        drawn,
        spread(correct, log.prompt),
        spread(accepted[~correct], log.prompt[~correct]),
        None if looks is None else looks.middle,
        int(log.prompt.max()) + 1,
        int((np.bincount(log.prompt, accepted) == 0).sum()),
    )


def labelled(log: Log) -> Log:
    """The rows of which it is known whether they are correct."""
    if not log.labelled.any():
        raise refuse(log.name, "no output whose truth is known", "a column of it: --truth COLUMN")
    return log.pick(log.labelled)


def draws(log: Log, number: int = DRAWS) -> Float[np.ndarray, "draw 3"]:
    """The accuracy, tpr and fpr from their `posterior` over prompts; always the same ones."""
    found = posterior(with_pseudo_prompts(tally(log))._asdict(), draws=number)
    correct, wrong = (found.sums[kind] for kind in ("correct", "wrong"))
    rates = [found.drawn(f"accepted_{kind}", kind) for kind in ("correct", "wrong")]
    return np.stack([correct / (correct + wrong), *rates], -1)


def intraclass(values: np.ndarray, group: np.ndarray) -> float | None:
    """The correlation of two values of one group, by analysis of variance; None where no group has two."""
    _, group = np.unique(group, return_inverse=True)
    sizes = np.bincount(group)
    n, k = group.size, sizes.size
    if n == k or k < 2:
        return None
    means = np.bincount(group, values) / sizes
    between = (sizes * (means - values.mean()) ** 2).sum() / (k - 1)
    within = ((values - means[group]) ** 2).sum() / (n - k)
    of_groups = (between - within) / ((n - (sizes**2).sum() / n) / (k - 1))
    return float(of_groups / (of_groups + within)) if of_groups + within > 0 else None


def spread(values: np.ndarray, prompt: np.ndarray) -> float:
    """The intraclass correlation of values of one prompt, as a Beta distribution has it; 0 where it cannot be told."""
    found = intraclass(values.astype(float), prompt)
    return 0.0 if found is None else min(max(found, 0.0), MOST_SPREAD)


def needed(these: Prompts, goal: float) -> Needed | None:
    """What would reach the goal in one round, which is all that errors which persist allow; None where this does."""
    if these.one_round() >= goal:
        return None
    factor = weakening(these, goal)
    fpr = these.rates[1] * factor
    ratio = these.rates[0] / fpr if fpr > 0 else math.inf
    several = [these._replace(tpr=these.tpr**k, fpr=these.fpr**k) for k in range(2, MOST_VERIFIERS + 1)]
    enough = (k for k, they in enumerate(several, 2) if they.one_round() >= goal)
    return Needed(ratio, next(enough, None), several[0].one_round())


def weakening(these: Prompts, goal: float) -> float:
    """The factor of all fprs, 1 at most, at which one round reaches the goal."""
    if these.one_round() >= goal:
        return 1.0
    found: Any = brentq(lambda log_factor: these.weaker(np.exp(log_factor)).one_round() - goal, -745.0, 0.0, xtol=1e-10)
    return float(np.exp(found))


def giving_up(these: Prompts) -> GivingUp | None:
    """When to leave a prompt of which nothing was accepted, if errors persist: before later ones are more often wrong.

    The attempts k ≤ K that maximise P(the first accepted output is correct) − P(it is wrong); None for prompts that
    are alike, and where it is best to be as patient as before, or not to begin.
    """
    if these.weight.size == 1:
        return None
    attempts = np.arange(int(these.patience) + 1)
    correct, wrong = map(np.asarray, policies.resampling(attempts, these.correct, these.wrong, these.weight))
    after = int(np.argmax(np.round(correct - wrong, 12)))
    if after in (0, these.patience):
        return None
    answered = float(correct[after] + wrong[after])
    return GivingUp(after, 1 - answered, float(correct[after]) / answered)
