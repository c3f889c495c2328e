"""RLVR on one prompt under a budget of N verdicts that err: an exact chain of the log odds, its law, and their limit.

A policy gives a correct answer with probability z = σ(θ), θ the log odds, and else a wrong one. A round draws G answers
from it, y_i = 1 for a correct one, and as many verdicts, r_i = 1 with probability φ where y_i = 1, else ψ, independent:

    θ += step · c,   c = Σ_i (r_i − r̄)(y_i − z)/(G−1),

the policy gradient with the mean of the group as its baseline, the answer itself left out. Since Σ (r_i − r̄) = 0 it is
the sample covariance of verdict and correctness, whose mean is J z(1−z), J = φ − ψ. GRPO divides c by the standard
deviation of the group's verdicts, √(r̄(1−r̄)), where it is not 0; `standardised`. A table of two logits has step = twice
its learning rate. Everywhere `verifier` is (tpr, fpr) = (φ, ψ), `initial` the accuracy p at the start, in (0, 1),
`verdicts` N, of which N // G rounds are paid, and `group` G ≥ 2. NumPy, in float64.

References:
    Williams (1992), Simple statistical gradient-following algorithms. Machine Learning 8.
    Shao et al. (2024), DeepSeekMath, arXiv:2402.03300: GRPO.
    Ahmadian et al. (2024), Back to basics, arXiv:2402.14740: the answer itself left out of the baseline.
    Rad et al. (2026), Rate or fate? RLVεR, arXiv:2601.04411: the mean field, in which J alone decides.
    Mei et al. (2023), Stochastic gradient succeeds for bandits, ICML: the rate O(1/t) at a constant step.
    Bertoin & Yor (2002), Entrance laws of self-similar Markov processes. Potential Analysis 17.
"""

import math
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float
from scipy.optimize import minimize_scalar, root_scalar
from scipy.special import expit, logit
from scipy.stats import binom

from theory import validation
from theory.budget.outcomes import Verifier
from theory.budget.schedule import LEAST_RATE
from theory.validation import ArrayLike

LARGEST_GROUP, MOST_VERDICTS = 32, 10**7
MAX_ENTRIES, MAX_STEPS = 2 * 10**7, 1e10  # of a table in memory, and multiplications
ROUNDING = 1e-7  # of a grid, within which a move is a whole number of points
DENSE = 1500  # grid points up to which a kernel is raised to a power
FAR = 36.0  # of log odds beyond ±ln N, where nothing moves any more: e^−36 is a rounding error
SMALLEST, STEEPEST = 1e-9, 200.0  # roots of the law; the largest, times G, of moves that hardly have a wrong way
LADDER = np.log(2) * np.arange(-1, 5)  # steps that are tried first, over that of the law


class Reinforced(NamedTuple):
    """Where RLVR has led."""

    log_odds: Float[np.ndarray, " k"]  # θ, on a grid
    probs: Float[np.ndarray, " k"]

    @property
    def wrong(self) -> float:
        """E[1 − z]."""
        return float(self.probs @ expit(-self.log_odds))


class BestStep(NamedTuple):
    """The best constant step under a budget."""

    step: float
    wrong: float  # E[1 − z] in the end


def reinforce(
    verifier: Verifier,
    initial: ArrayLike,
    verdicts: int,
    *,
    step: ArrayLike,
    group: int = 8,
    standardised: bool = False,
    refine: int = 1,
) -> Reinforced:
    """The distribution of θ after N // G rounds θ += step · c: exact.

    c is a multiple of 1/(G(G−1)), so that θ stays on a grid. With `standardised` it does not: mass that falls between
    two grid points is split so that its mean stays, and `refine` = 2, 4 … halves the spacing, to show the error.
    """
    loop = _loop(verifier, initial, verdicts, group, standardised)
    validation.positive("step", step)
    size = float(np.asarray(step))
    return _chain(*loop, size, validation.integer("refine", refine, 1, 64))


def best_step(
    verifier: Verifier,
    initial: ArrayLike,
    verdicts: int,
    *,
    group: int = 8,
    standardised: bool = False,
) -> BestStep:
    """min_step E[1 − z] of `reinforce`, among steps from 1/2 to 16 times that of `reinforce_law`; φ > ψ."""
    return _best(*_loop(verifier, initial, verdicts, group, standardised))


def reinforce_law(
    verifier: Verifier,
    initial: ArrayLike,
    verdicts: int,
    *,
    group: int = 8,
    standardised: bool = False,
) -> BestStep:
    """min_step x + (x (1−p)/p)^{y/step}, x = 1/(N step m), with m and y of `reinforce_rate`: for large N, φ > ψ.

    x is what a policy leaves wrong that has found the answer: near z = 1 it moves only where a group has one wrong
    answer, 1 − z times a verdict, by m step on average; e^θ is self-similar, whence E e^{−θ} = 1/(N m step) for large
    N. The other term is the chance to be led to the wrong answer: a walk with the exponent y/step down to θ ≈ ln x,
    where next to nothing moves. Both terms fall like 1/N at step = y, the best one as N → ∞.
    """
    phi, psi, p, count, members, divides = _loop(verifier, initial, verdicts, group, standardised)
    mean, root = _ends(phi, psi, members, divides)

    def wrong(log_step: float) -> float:
        left = min(1.0, math.exp(-log_step) / (count * mean))
        return left + min(1.0, left * (1 - p) / p) ** (root * math.exp(-log_step))

    steps = math.log(root) + np.linspace(-5, 1, 25)  # beyond the root the second term outweighs the first
    start = min(steps, key=wrong)
    found: Any = minimize_scalar(wrong, bounds=(start - 0.25, start + 0.25), method="bounded", options={"xatol": 1e-6})
    return BestStep(math.exp(float(found.x)), min(1.0, float(found.fun)))


def reinforce_rate(verifier: Verifier, *, group: int = 8, standardised: bool = False) -> float:
    """m y: RLVR at its best step leaves 1/(N m y) wrong, to leading order; at G = 2 m y = (φ−ψ) ln[φ(1−ψ)/(ψ(1−φ))].

    m = E[c | one of the group is wrong], J/G without the division by σ, is how fast it learns, and y > 0, the root of
    E[e^{−yc} | one of the group is correct] = 1, how large a step may be. At G = 2 their product is the Jeffreys
    divergence D(φ‖ψ) + D(ψ‖φ), that of (1−ψ, 1−φ) too. In groups of 2 or 3 the division by σ is one by a constant.
    Infinite where a correct answer alone is never pushed down: φ = 1, or ψ = 0. To leading order is slow: at N = 10⁶
    the wrong share is still 1.4 times that (`reinforce_law`).

    Raises:
        ValueError: Where φ ≤ ψ.
    """
    phi, psi, _, _, members, divides = _loop(verifier, 0.5, 1, group, standardised)
    mean, root = _ends(phi, psi, members, divides)
    return mean * root if root < STEEPEST * members else math.inf


def differing_pairs(verifier: Verifier, initial: ArrayLike, verdicts: int, *, step: ArrayLike = math.inf) -> float:
    """E[1 − z] where each pair of verdicts is on the two different answers: θ = logit p + (step/2) (A − B). Exact.

    A ~ Binomial(N/2, φ) and B ~ Binomial(N/2, ψ) are accepted of the correct and of the wrong answer: the rounds of
    `reinforce` with G = 2, of which those whose answers agree, and move nothing, are not paid for. With step =
    2 ln[φ(1−ψ)/(ψ(1−φ))] θ is the posterior log odds of a Bayesian with the prior p; with step = ∞ it takes the answer
    that was accepted more often, p deciding a tie: the limit, which falls like (√(φψ) + √((1−φ)(1−ψ)))^N. It knows what
    a loop does not: that there are two answers, which ones, one of them correct, and that φ > ψ.
    """
    phi, psi, p, count, *_ = _loop(verifier, initial, verdicts, 2, False)
    validation.floats("step", step, 0)
    if not (size := float(np.asarray(step))) > 0:
        raise validation.refuse("step", size, "a number > 0, or infinity")
    pairs = count // 2
    validation.entries("verdicts", (pairs + 1) ** 2, MAX_ENTRIES, "a table of two counts")
    counts = np.arange(pairs + 1)
    lead = counts[:, None] - counts
    with np.errstate(invalid="ignore"):
        odds = logit(p) + np.where(lead == 0, 0, size / 2 * lead)
    return float(binom.pmf(counts, pairs, phi) @ expit(-odds) @ binom.pmf(counts, pairs, psi))


Loop = tuple[float, float, float, int, int, bool]  # φ, ψ, p, N, G, standardised


def _loop(verifier: Any, initial: Any, verdicts: Any, group: int, standardised: bool) -> Loop:
    """All arguments, checked."""
    try:
        tpr, fpr = verifier
    except (TypeError, ValueError) as error:
        raise validation.refuse("verifier", repr(verifier), "(tpr, fpr)") from error
    for name, rate in (("tpr", tpr), ("fpr", fpr)):
        validation.rates(name, rate, 0)
    phi, psi = float(np.asarray(tpr)), float(np.asarray(fpr))  # in float64 whatever JAX's default
    p = validation.inside("initial", initial, LEAST_RATE, 1)
    count = validation.integer("verdicts", verdicts, 1, MOST_VERDICTS)
    members = validation.integer("group", group, 2, LARGEST_GROUP)
    if not isinstance(standardised, bool | np.bool):
        raise validation.refuse("standardised", repr(standardised), "True or False")
    return phi, psi, p, count, members, bool(standardised)


@lru_cache(maxsize=64)
def _moves(phi: float, psi: float, group: int, standardised: bool) -> tuple[np.ndarray, np.ndarray]:
    """The values of c [j], and their probabilities [k, j] where k of a group are correct, a and b of them accepted."""
    k, a, b = np.indices((group + 1,) * 3).reshape(3, -1)
    k, a, b = (x[(a <= k) & (b <= group - k)] for x in (k, a, b))
    c, mean = a * (group - k) - b * k, (a + b) / group
    c = c / np.sqrt(np.where(c == 0, 1, mean * (1 - mean))) if standardised else c  # where c ≠ 0 verdicts differ
    values, place = np.unique(np.round(c / (group * (group - 1)), 12), return_inverse=True)
    chances = np.zeros((group + 1, values.size))
    np.add.at(chances, (k, place), binom.pmf(a, k, phi) * binom.pmf(b, group - k, psi))
    return values, chances


def _chain(
    phi: float, psi: float, p: float, count: int, group: int, standardised: bool, step: float, refine: int = 1
) -> Reinforced:
    values, chances = _moves(phi, psi, group, standardised)
    start, rounds, parts = float(logit(p)), count // group, group * (group - 1) * refine
    half = math.ceil(min((FAR + math.log(count) + abs(start)) * parts / step, MAX_ENTRIES)) + 1
    validation.entries("step", 2 * half * values.size, MAX_ENTRIES, "a grid of log odds and moves")
    spacing, dense = step / parts, 2 * half < DENSE and 4 * half**2 * rounds.bit_length() < rounds * values.size
    if not dense and 2.0 * half * values.size * rounds > MAX_STEPS:
        raise validation.refuse("verdicts", count, "fewer, or `reinforce_law` for many")
    log_odds = start + spacing * np.arange(-half, half + 1)
    rates = binom.pmf(np.arange(group + 1), group, expit(log_odds)[:, None]) @ chances
    offsets = step * values / spacing
    offsets = np.where(abs(offsets - np.rint(offsets)) < ROUNDING, np.rint(offsets), offsets)
    whole = np.floor(offsets)
    part = offsets - whole  # of what arrives between two points, to the upper one
    moves = np.concatenate([whole, whole + 1]).astype(int)
    rates = np.concatenate([rates * (1 - part), rates * part], axis=1)
    moves, rates = moves[rates.any(0)], rates[:, rates.any(0)]
    place = np.arange(log_odds.size)
    targets = np.clip(place[:, None] + moves, 0, place[-1])
    probs = np.zeros(log_odds.size)
    probs[half] = 1
    if dense:
        kernel = np.zeros((place.size, place.size))
        np.add.at(kernel, (place[:, None], targets), rates)
        return Reinforced(log_odds, probs @ np.linalg.matrix_power(kernel, rounds))
    for _ in range(rounds):
        probs = np.bincount(targets.ravel(), (probs[:, None] * rates).ravel(), place.size)
    return Reinforced(log_odds, probs)


def _best(phi: float, psi: float, p: float, count: int, group: int, standardised: bool) -> BestStep:
    def wrong(log_step: float) -> float:
        return _chain(phi, psi, p, count, group, standardised, math.exp(log_step)).wrong

    steps = math.log(reinforce_law((phi, psi), p, count, group=group, standardised=standardised).step) + LADDER
    try:
        found = [wrong(each) for each in steps]
    except ValueError as error:  # the steps are so small that their grid is too large
        raise validation.refuse("verifier, verdicts", (phi, psi, count), "a stronger verifier, or more") from error
    at = int(np.argmin(found))
    ends = steps[max(at - 1, 0)], steps[min(at + 1, len(steps) - 1)]
    inner: Any = minimize_scalar(wrong, bounds=ends, method="bounded", options={"xatol": 0.02})
    best = min((found[at], steps[at]), (float(inner.fun), float(inner.x)))
    return BestStep(math.exp(best[1]), best[0])


def _ends(phi: float, psi: float, group: int, standardised: bool) -> tuple[float, float]:
    """m and y of `reinforce_rate`."""
    if phi <= psi:
        raise validation.refuse("verifier", (phi, psi), "tpr > fpr")
    values, chances = _moves(phi, psi, group, standardised)
    worst = STEEPEST * group
    if not chances[1, values < 0].any():
        return float(chances[-2] @ values), worst

    def excess(y: float) -> float:
        return float(chances[1] @ np.expm1(-y * values))

    high = SMALLEST
    while excess(high) < 0 and high < worst:  # convex, and falling at 0
        high *= 2
    root = worst if high >= worst else float(root_scalar(excess, bracket=(high / 2, high)).root)
    return float(chances[-2] @ values), root
