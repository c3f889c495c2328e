"""Where the thesis fails: what a student answers against what the savings say, measured, and in exact examples."""

import math
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike
from scipy.optimize import root_scalar
from scipy.stats import binom

from experiments.ledger import Outcome, Settings, inequality
from experiments.thesis.cases import CASES, raced
from experiments.thesis.curves import Curves
from theory import estimate, prequential

INTENDED, SPURIOUS = 0.9, 0.5  # E uy and E vy of the exact examples; .49 and .13 nats

Moments = tuple[np.ndarray, np.ndarray, np.ndarray]


class Probe(NamedTuple):
    """Where the rule is put to the test."""

    case: str  # of CASES
    samples: int = 16384
    predictor: str | None = None  # the case whose savings count, where they are not those of the student's own race
    each: bool = False  # whether each seed goes by its own savings, or all by the mean


FAILURES = {
    "tie": (Probe("tie", each=True),),
    "scale": (Probe("scale", 4096),),
    "decay": (Probe("decay"),),
    "repeats": (Probe("repeats", predictor="fresh"),),
    "lag": tuple(Probe(f"lag {i}", 9000) for i in range(3)),
}
CONTROLS = {
    "tie": (Probe("near tie 0.75", each=True),),
    "scale": (Probe("no scale", 4096),),
    "decay": (Probe("no decay"),),
    "repeats": (Probe("repeats"),),
    "lag": tuple(Probe(f"lag {i}", 4096) for i in range(3)),
    "rate": (Probe("rate"),),
}
BROKEN = tuple(Probe(f"broken tie {i}", 8192, each=True) for i in range(3))


class Followed(NamedTuple):
    """Whether a student answers counterfactual inputs as the component says whose solo learner has saved more."""

    samples: int
    lead: np.ndarray  # [seed], the saving of the intended component less that of the spurious one, nats
    share: np.ndarray  # [seed], of the inputs that are answered as the larger saving says


def followed(student: Curves, predictor: Curves, samples: float, *, each: bool = False) -> Followed:
    """The rule put to the test at one sample number.

    Args:
        student: Leaves [seed, ...]; whose reliance counts.
        predictor: Whose savings count.
        samples: The number, or the last one below it on the grid.
        each: Whether each seed goes by its own savings, or all by the mean.
    """
    at = student.at(samples)
    lead, reliance = predictor.lead[:, at], student.reliance[:, at]
    intended = (lead if each else lead.mean()) > 0
    return Followed(int(student.samples[at]), lead, np.where(intended, 1 - reliance, reliance))


def probed(settings: Settings, probes: tuple[Probe, ...]) -> Followed:
    """`followed` where some probes say, which differ in their seeds alone."""
    found = []
    for probe in probes:
        student, predictor = (raced(settings, name) for name in (probe.case, probe.predictor or probe.case))
        found.append(followed(student, predictor, probe.samples, each=probe.each))
    return Followed(found[0].samples, *(np.concatenate(x) for x in zip(*(x[1:] for x in found), strict=True)))


def rule(settings: Settings, *, probes: tuple[Probe, ...], holds: bool, bound: float = 0.5) -> Outcome:
    """Whether more, or fewer, than a share `bound` of the answers are as the rule says.

    Where all seeds go by one mean, its sign is measured too: the relative error is that of the share's distance from
    the bound or that of the lead, whichever is larger.
    """
    found = probed(settings, probes)
    share, lead = estimate(found.share), estimate(found.lead)
    slack = (1 if holds else -1) * (float(share.mean) - bound)
    unsure = 0.0 if probes[0].each else abs(slack * float(lead.stderr / lead.mean))
    case, predictor = (CASES[name] for name in (probes[0].case, probes[0].predictor or probes[0].case))
    by = "" if predictor is case else f", savings of: {predictor.text}"
    return inequality(
        slack,
        stderr=max(float(share.stderr), unsure),
        predicted=bound,
        measured=float(share.mean),
        unit="share of answers as the rule says",
        setting=f"{case.text}{by}; {case.student}, {share.count} seeds, {found.samples} samples; "
        f"lead of the intended one {float(lead.mean):.0f} ± {float(lead.stderr):.0f} nats"
        f"{', each seed by its own' * probes[0].each}",
    )


def exactly(share: float, *, setting: str) -> Outcome:
    """That no more than half of the answers are as the rule says, in an exact example."""
    unit = "share of answers as the rule says"
    return inequality(0.5 - share, predicted=0.5, measured=share, unit=unit, setting=setting)


def signs(scale: float) -> Moments:
    """E zzᵀ, E yz and the input in which they disagree, of two signs that are independent given the label.

    The first, intended one, has E uy = .9 and is scaled; the second has E vy = .5.
    """
    both = scale * INTENDED * SPURIOUS
    covariance = np.array([[scale**2, both], [both, 1]])
    return covariance, np.array([scale * INTENDED, SPURIOUS]), np.array([scale, -1.0])


def savings(scale: float, decay: float, times: ArrayLike) -> Float[np.ndarray, "sign *t"]:
    """What the learner of each sign alone saves under gradient flow with weight decay, loss × time.

    w(t) = w_∞(1 − e^{−kt}) with k = E z² + decay, w_∞ = E yz/k; the saving is ∫(E yz · w − ½ E z² w²) dt.
    """
    covariance, cross, _ = signs(scale)
    t = np.asarray(times, float)
    second, c = (np.reshape(x, (2,) + (1,) * t.ndim) for x in (np.diag(covariance), cross))
    k = second + decay
    once, twice = (-np.expm1(-i * k * t) / (i * k) for i in (1, 2))
    w = c / k
    return c * w * (t - once) - second * w**2 * (t - 2 * once + twice) / 2


def crosses(scale: float, decay: float = 0.0) -> float:
    """The time at which the intended sign's solo learner has saved as much as the spurious one's; inf if never."""

    def lead(time: float) -> float:
        first, second = savings(scale, decay, time)
        return float(first - second) / time

    ends = 1e-3, 1e9 / scale**2
    return root_scalar(lead, bracket=ends).root if lead(ends[0]) < 0 < lead(ends[1]) else math.inf


def turns(scale: float, decay: float = 0.0) -> float:
    """The time at which the learner of both turns; weight decay is a ridge, C + decay · 1."""
    covariance, cross, direction = signs(scale)
    return float(prequential.turn(covariance + decay * np.eye(2), cross, direction))


class Descent(NamedTuple):
    """Gradient descent on two signs, and on each alone."""

    answer: Float[np.ndarray, " step"]  # to the input in which they disagree; > 0 is the intended one's
    lead: Float[np.ndarray, " step"]  # of the savings of the solo learners
    alone: Float[np.ndarray, "2"]  # |1 − rate E z²|: < 1 where that one converges
    together: float  # the largest |1 − rate λ|

    @property
    def share(self) -> float:
        """How often the answer is as the larger saving says, in the second half of the steps."""
        late = len(self.lead) // 2
        return float(((self.answer > 0) == (self.lead > 0))[late:].mean())


def descend(scale: float, rate: float, num_steps: int = 400) -> Descent:
    """Exact gradients, w ← w + rate · (c − C w): unstable where rate · λ_max(C) > 2, each alone where rate · E z² > 2.

    References:
        Cohen et al. (2021), Gradient descent on neural networks typically occurs at the edge of stability,
        arXiv:2103.00065.
    """
    covariance, cross, direction = signs(scale)
    second = np.diag(covariance)
    both, solo, saved = np.zeros(2), np.zeros(2), np.zeros(2)
    answer, lead = [], []
    for _ in range(num_steps):
        saved = saved + cross * solo - second * solo**2 / 2
        both, solo = both + rate * (cross - covariance @ both), solo + rate * (cross - second * solo)
        answer.append(direction @ both)
        lead.append(saved[0] - saved[1])
    largest = np.abs(1 - rate * np.linalg.eigvalsh(covariance)).max()
    return Descent(np.array(answer), np.array(lead), np.abs(1 - rate * second), float(largest))


def table_joint(num_contexts: int, right: float) -> Float[np.ndarray, "context 2"]:
    """A sign of agreement `right` with the label, in any of `num_contexts` contexts, half of them for each sign."""
    return np.repeat([[right, 1 - right], [1 - right, right]], num_contexts // 2, axis=0) / num_contexts


def joint_reliance(num_contexts: int, right: float, agreement: float, num_samples: int) -> float:
    """How a table of all pairs of contexts answers where they disagree: the probability that it goes by the spurious.

    It shares nothing between pairs, so one in conflict has its own labels alone: N ~ Binomial(n, q), each right with
    probability π = (1−ρ) a/((1−ρ) a + ρ (1−a)), a the agreement of the intended, ρ of the spurious component; q is the
    chance of the pair. P(more wrong than right) + ½ P(as many): no saving occurs in it. The spurious component has 2
    contexts.

    Args:
        num_contexts: Of the intended component.
        right: Its agreement with the label.
        agreement: That of the spurious one.
        num_samples: n.
    """
    conflict = np.array([right * (1 - agreement), (1 - right) * agreement])
    seen = np.arange(num_samples + 1)
    law = binom.pmf(seen, num_samples, conflict.sum() / num_contexts)
    share = conflict[0] / conflict.sum()
    wrong = binom.cdf((seen - 1) // 2, seen, share) + np.where(seen % 2 == 0, binom.pmf(seen // 2, seen, share), 0) / 2
    return float(law @ wrong)
