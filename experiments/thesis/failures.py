"""Where the thesis fails: what a student answers against what the savings say, measured, and in exact examples."""

from typing import Literal, NamedTuple

import numpy as np
from jaxtyping import Float
from scipy.stats import binom

from experiments.ledger import STANDARD_ERRORS, Outcome, Settings, inequality
from experiments.thesis import flow
from experiments.thesis.cases import CASES, raced
from experiments.thesis.curves import INTENDED, SPURIOUS, Curves
from theory import estimate, prequential

By = Literal["mean", "own", "others"]
UNIT = "share of answers as the rule says"
CONTEXTS, RIGHT, AGREEMENT, SAMPLES = 64, 0.9, 0.8, 100  # of the table: the spurious component has 2 contexts


class Probe(NamedTuple):
    """Where the rule is put to the test."""

    case: str  # of CASES
    samples: int = 16384
    predictor: str | None = None  # the case whose savings count, where they are not those of the student's own race
    by: By = "mean"  # whose savings a seed goes by: the mean of all seeds, its own, or those of each of the others


FAILURES = {
    "tie": (Probe("tie", by="own"),),
    "scale": (Probe("scale", 4096),),
    "decay": (Probe("decay"),),
    "repeats": (Probe("repeats", predictor="fresh"),),
    "lag": tuple(Probe(f"lag {i}", 9000) for i in range(3)),
    "rate": (Probe("rate"),),
}
CONTROLS = {
    "tie": (Probe("near tie 0.75", by="own"),),
    "scale": (Probe("no scale", 4096),),
    "decay": (Probe("no decay"),),
    "repeats": (Probe("repeats"),),
    "lag": tuple(Probe(f"lag {i}", 4096) for i in range(3)),
    "rate": (Probe("no rate"),),
}
BROKEN = tuple(Probe(f"broken tie {i}", 8192, by="own") for i in range(3))


class Followed(NamedTuple):
    """Whether a student answers counterfactual inputs as the component says whose solo learner has saved more."""

    samples: int
    saving: np.ndarray  # [seed, component], nats: the intended, the spurious one
    share: np.ndarray  # [seed], of the inputs that are answered as the larger saving says

    @property
    def lead(self) -> np.ndarray:
        """What the intended component has saved more than the spurious one [seed]."""
        return self.saving[:, 0] - self.saving[:, 1]


def followed(student: Curves, predictor: Curves, samples: float, *, by: By = "mean") -> Followed:
    """The rule put to the test at one sample number.

    Args:
        student: Leaves [seed, ...]; whose reliance counts.
        predictor: Whose savings count.
        samples: The number, or the last one below it on the grid.
        by: As in `Probe`.
    """
    at = student.at(samples)
    reliance, leads = student.reliance[:, at], predictor.lead[:, at]
    ahead = (leads > 0).astype(float)
    told = {"mean": float(leads.mean() > 0), "own": ahead, "others": (ahead.sum() - ahead) / (ahead.size - 1)}[by]
    share = told * (1 - reliance) + (1 - told) * reliance
    return Followed(int(student.samples[at]), predictor.saving[:, [INTENDED, SPURIOUS], at], share)


def probed(settings: Settings, probes: tuple[Probe, ...]) -> Followed:
    """`followed` where some probes say, which differ in their seeds alone."""
    found = []
    for probe in probes:
        student, predictor = (raced(settings, name) for name in (probe.case, probe.predictor or probe.case))
        found.append(followed(student, predictor, probe.samples, by=probe.by))
    return Followed(found[0].samples, *(np.concatenate(x) for x in zip(*(x[1:] for x in found), strict=True)))


def rule(settings: Settings, *, probes: tuple[Probe, ...], holds: bool, bound: float = 0.5) -> Outcome:
    """Whether more, or fewer, than a share `bound` of the answers are as the rule says.

    Where all seeds go by one mean whose sign is in doubt, the rule says nothing: the row is left open.
    """
    found = probed(settings, probes)
    share, lead = estimate(found.share), estimate(found.lead)
    slack = (1 if holds else -1) * (float(share.mean) - bound)
    sure = probes[0].by != "mean" or abs(lead.mean) > STANDARD_ERRORS * lead.stderr
    return inequality(
        slack,
        stderr=float(share.stderr) if sure else max(float(share.stderr), abs(slack)),
        predicted=bound,
        measured=float(share.mean),
        unit=UNIT,
        setting=_setting(probes[0], found),
    )


def as_often(settings: Settings, *, probes: tuple[Probe, ...], control: tuple[Probe, ...]) -> Outcome:
    """By how much more the answers are as the rule says than in a control of the same seeds."""
    found, usual = (probed(settings, x) for x in (probes, control))
    gain = estimate(found.share - usual.share)
    return inequality(
        float(gain.mean),
        stderr=float(gain.stderr),
        measured=float(gain.mean),
        unit=UNIT,
        setting=f"{_setting(probes[0], found)}; less the share of the control, {usual.share.mean():.3g}: "
        f"{CASES[control[0].case].text}",
    )


def _setting(probe: Probe, found: Followed) -> str:
    """Where the rule was put to the test, and what both components had saved."""
    case, predictor = (CASES[name] for name in (probe.case, probe.predictor or probe.case))
    of = "" if predictor is case else f" ({predictor.text})"
    first, second = found.saving.mean(0)
    lead = estimate(found.lead)
    own = {"mean": "", "own": ", each seed by its own", "others": ", each seed by those of the others"}[probe.by]
    return (
        f"{case.text}; {case.student}, {lead.count} seeds, {found.samples} samples; solo learners{of} have saved "
        f"{first:.0f} nats of the intended component, {second:.0f} of the spurious one, difference ± "
        f"{float(lead.stderr):.0f}{own}"
    )


def exactly(share: float, *, setting: str) -> Outcome:
    """That no more than half of the answers are as the rule says, in an exact example."""
    return inequality(0.5 - share, predicted=0.5, measured=share, unit=UNIT, setting=setting)


def flow_rule(settings: Settings, *, scale: float = flow.SCALE, decay: float = 0.0, time: float) -> Outcome:
    """The gradient flow, and solo learners with the same weight decay, at one time."""
    first, second = flow.savings(scale, decay, time)
    cross, turn = flow.crosses(scale, decay), flow.turns(scale, decay)
    return exactly(
        float((turn < time) == (first > second)),
        setting=f"least squares, gradient flow: a sign of .49 nats at scale {scale:g}, one of .13 at 1, weight decay "
        f"{decay:g}; after {time:g} (rate × updates) they have saved {first:.3g} and {second:.3g}, the savings cross "
        f"at {cross:.4g}, the student turns at {turn:.4g}",
    )


def edge(settings: Settings, *, rate: float) -> Outcome:
    """Gradient descent whose rate each component alone can bear."""
    found = flow.descend(0.7, rate)
    factors = ", ".join(f"{x:.2f}" for x in found.alone)
    return exactly(
        found.share,
        setting=f"least squares, a sign of .49 nats at scale .7, one of .13 at 1, learning rate {rate:g}: largest "
        f"|1 − rate λ| alone {factors}, together {found.together:.2f}",
    )


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


def joint_table(settings: Settings, *, agreement: float) -> Outcome:
    """A table of all pairs of contexts, against one of each component."""
    tables = table_joint(CONTEXTS, RIGHT), table_joint(2, agreement)
    first, second = (float(prequential.table_saving(table, SAMPLES)[-1]) for table in tables)
    reliance = joint_reliance(CONTEXTS, RIGHT, agreement, SAMPLES)
    return exactly(
        1 - reliance if first > second else reliance,
        setting=f"an intended sign in {CONTEXTS} contexts, right in {RIGHT}, a spurious one in 2, in {agreement}; "
        f"{SAMPLES} samples: Bayesian tables of each save {first:.1f} and {second:.1f} nats",
    )
