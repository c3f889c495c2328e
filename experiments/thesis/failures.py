"""Where the thesis fails: what a student answers against what the savings say, measured, and in exact examples."""

from functools import cache
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float
from scipy.stats import binom

from experiments.harness.ledger import Settings
from experiments.questions.shortcut.curves import INTENDED, SPURIOUS, Curves
from experiments.thesis.cases import CASES, raced
from theory import prequential

CONTEXTS, RIGHT, AGREEMENT, SAMPLES = 64, 0.9, 0.8, 100  # of the table: the spurious component has 2 contexts


class Probe(NamedTuple):
    """Where the rule is put to the test."""

    case: str  # of CASES
    samples: int = 12_288
    predictor: str | None = None  # the case whose savings count, where they are not those of the student's own race
    others: bool = False  # whether a seed goes by the savings of each of the others, instead of its own


FAILURES = {
    "tie": Probe("tie"),
    "scale": Probe("scale", 4096),
    "decay": Probe("decay"),
    "repeats": Probe("repeats", predictor="fresh"),
    "lag": Probe("lag", 9000),
    "rate": Probe("rate", 4096),
}
CONTROLS = {
    "tie": Probe("near tie 0.75"),
    "scale": Probe("no scale", 4096),
    "decay": Probe("no decay"),
    "repeats": Probe("fresh"),
    "lag": Probe("lag", 4096),
    "rate": Probe("no rate", 4096),
}
BROKEN = Probe("broken tie", 8192)


class Followed(NamedTuple):
    """Whether a student answers counterfactual inputs as the component says whose solo learner has saved more."""

    samples: int
    nats_saved: np.ndarray  # [seed, component], nats: the intended, the spurious one
    share: np.ndarray  # [seed], of the inputs that are answered as the larger saving says

    @property
    def lead(self) -> np.ndarray:
        """What the intended component has saved more than the spurious one [seed]."""
        return self.nats_saved[:, 0] - self.nats_saved[:, 1]


def followed(student: Curves, predictor: Curves, samples: float, *, others: bool = False) -> Followed:
    """The rule put to the test at one sample number.

    Args:
        student: Leaves [seed, ...]; whose reliance counts.
        predictor: Whose savings count, of the same seeds.
        samples: The number, or the last one below it on the grid.
        others: As in `Probe`.
    """
    at = student.at(samples)
    reliance, ahead = student.reliance[:, at], (predictor.lead[:, at] > 0).astype(float)
    told = (ahead.sum() - ahead) / (ahead.size - 1) if others else ahead
    share = told * (1 - reliance) + (1 - told) * reliance
    return Followed(int(student.samples[at]), predictor.nats_saved[:, [INTENDED, SPURIOUS], at], share)


def probed(settings: Settings, probe: Probe) -> Followed:
    """`followed` where a probe says."""
    student, predictor = (raced(settings, name) for name in (probe.case, probe.predictor or probe.case))
    return followed(student, predictor, probe.samples, others=probe.others)


def described(probe: Probe, found: Followed) -> str:
    """Where the rule was put to the test, and what both components had saved."""
    case, predictor = (CASES[name] for name in (probe.case, probe.predictor or probe.case))
    of = "" if predictor is case else f" ({predictor.text})"
    first, second = found.nats_saved.mean(0)
    error = found.lead.std(ddof=1) / len(found.lead) ** 0.5
    return (
        f"{case.text}; {case.student}, {len(found.lead)} seeds, {found.samples} samples; solo learners{of} have saved "
        f"{first:.0f} nats of the intended component, {second:.0f} of the spurious one, difference ± {error:.0f}; each "
        f"seed by {'those of the others' if probe.others else 'its own'}"
    )


def table_joint(num_contexts: int, correct: float) -> Float[np.ndarray, "context 2"]:
    """A sign of agreement `correct` with the label, in any of `num_contexts` contexts, half of them for each sign."""
    return np.repeat([[correct, 1 - correct], [1 - correct, correct]], num_contexts // 2, axis=0) / num_contexts


@cache
def table_nats_saved(num_contexts: int, correct: float) -> np.ndarray:
    """What a Bayesian table of it saves, n = 0 … SAMPLES; contexts that never occur make it one program for all."""
    joint = np.zeros((CONTEXTS, 2))
    joint[:num_contexts] = table_joint(num_contexts, correct)
    return np.asarray(_table_saving(joint))


@jax.jit
def _table_saving(joint: jax.Array) -> jax.Array:
    return prequential.table_nats_saved(jnp.asarray(joint), SAMPLES)


def joint_reliance(num_contexts: int, correct: float, agreement: float, num_samples: int) -> float:
    """How a table of all pairs of contexts answers where they disagree: the probability that it goes by the spurious.

    It shares nothing between pairs, so one in conflict has its own labels alone: N ~ Binomial(n, q), each right with
    probability π = (1−ρ) a/((1−ρ) a + ρ (1−a)), a the agreement of the intended, ρ of the spurious component; q is the
    chance of the pair. P(more wrong than right) + ½ P(as many): no saving occurs in it. The spurious component has 2
    contexts.

    Args:
        num_contexts: Of the intended component.
        correct: Its agreement with the label.
        agreement: That of the spurious one.
        num_samples: n.
    """
    conflict = np.array([correct * (1 - agreement), (1 - correct) * agreement])
    seen = np.arange(num_samples + 1)
    probs = binom.pmf(seen, num_samples, conflict.sum() / num_contexts)
    share = conflict[0] / conflict.sum()
    wrong = binom.cdf((seen - 1) // 2, seen, share) + np.where(seen % 2 == 0, binom.pmf(seen // 2, seen, share), 0) / 2
    return float(probs @ wrong)


def joint_follows(agreement: float) -> float:
    """How often that table answers a conflict as the larger saving of tables of each component alone says."""
    first, second = (table_nats_saved(*table)[SAMPLES] for table in ((CONTEXTS, RIGHT), (2, agreement)))
    reliance = joint_reliance(CONTEXTS, RIGHT, agreement, SAMPLES)
    return 1 - reliance if first > second else reliance
