"""Where the thesis fails: the answers of a student against the rule of C10, measured and exact."""

from functools import cache
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float
from scipy.stats import binom

from experiments.harness.ledger import Settings
from experiments.questions.shortcut import INTENDED, SPURIOUS, Curves
from experiments.thesis.cases import SCENARIOS, learned
from theory import prequential

CONTEXTS, CORRECT, AGREEMENT, SAMPLES = 64, 0.9, 0.8, 100  # of the table: the spurious feature has 2 contexts


class RuleTest(NamedTuple):
    """Where the rule is tested."""

    scenario: str  # of SCENARIOS
    samples: int = 12_288
    predictor: str | None = None  # the scenario whose code lengths predict, where it is another one
    others: bool = False  # whether the code lengths of the other seeds predict, instead of the seed's own


FAILURES = {
    "tie": RuleTest("tie"),
    "scale": RuleTest("scale", 4096),
    "decay": RuleTest("decay"),
    "repeats": RuleTest("repeats", predictor="fresh"),
    "lag": RuleTest("lag", 9000),
    "rate": RuleTest("rate", 4096),
}
CONTROLS = {
    "tie": RuleTest("near tie 0.75"),
    "scale": RuleTest("no scale", 4096),
    "decay": RuleTest("no decay"),
    "repeats": RuleTest("fresh"),
    "lag": RuleTest("lag", 4096),
    "rate": RuleTest("no rate", 4096),
}
BROKEN = RuleTest("broken tie", 8192)


class RuleFollowed(NamedTuple):
    """How often a student answers counterfactual inputs by the feature of the larger code length saved."""

    samples: int
    nats_saved: np.ndarray  # [seed, feature]: of the intended, of the spurious one
    share: np.ndarray  # [seed], of the inputs that are answered by the feature that has saved more code length

    @property
    def lead(self) -> np.ndarray:
        """Code length saved by the intended feature, less that by the spurious one [seed]."""
        return self.nats_saved[:, 0] - self.nats_saved[:, 1]


def followed(student: Curves, predictor: Curves, samples: float, *, others: bool = False) -> RuleFollowed:
    """The rule at one sample number, or the last one below it on the grid.

    The reliance is that of `student`, the code lengths are those of `predictor`, of the same seeds; `others` is as in
    `RuleTest`.
    """
    at = student.at(samples)
    reliance, ahead = student.reliance[:, at], (predictor.lead[:, at] > 0).astype(float)
    intended = (ahead.sum() - ahead) / (ahead.size - 1) if others else ahead
    share = intended * (1 - reliance) + (1 - intended) * reliance
    return RuleFollowed(int(student.samples[at]), predictor.nats_saved[:, [INTENDED, SPURIOUS], at], share)


def tested(settings: Settings, test: RuleTest) -> RuleFollowed:
    """The outcome of a test of the rule."""
    student, predictor = (learned(settings, name) for name in (test.scenario, test.predictor or test.scenario))
    return followed(student, predictor, test.samples, others=test.others)


def described(test: RuleTest, found: RuleFollowed) -> str:
    """The test in words, with the code lengths saved by both features."""
    scenario, predictor = (SCENARIOS[name] for name in (test.scenario, test.predictor or test.scenario))
    of = "" if predictor is scenario else f" ({predictor.text})"
    first, second = found.nats_saved.mean(0)
    error = found.lead.std(ddof=1) / len(found.lead) ** 0.5
    return (
        f"{scenario.text}; {scenario.student}, {len(found.lead)} seeds, {found.samples} samples; single-feature "
        f"learners{of} have saved {first:.0f} nats by the intended feature, {second:.0f} by the spurious one, "
        f"difference ± {error:.0f}; each seed predicted by {'the others' if test.others else 'its own'}"
    )


def table_joint(num_contexts: int, correct: float) -> Float[np.ndarray, "context 2"]:
    """A sign of agreement `correct` with the label, in any of `num_contexts` contexts, half of them for each sign."""
    return np.repeat([[correct, 1 - correct], [1 - correct, correct]], num_contexts // 2, axis=0) / num_contexts


@cache
def table_nats_saved(num_contexts: int, correct: float) -> np.ndarray:
    """Code length saved by a Bayesian table of it, n = 0 … SAMPLES; unused contexts make it one program for all."""
    joint = np.zeros((CONTEXTS, 2))
    joint[:num_contexts] = table_joint(num_contexts, correct)
    return np.asarray(_table_nats_saved(joint))


@jax.jit
def _table_nats_saved(joint: jax.Array) -> jax.Array:
    return prequential.table_nats_saved(jnp.asarray(joint), SAMPLES)


def joint_reliance(num_contexts: int, correct: float, agreement: float, num_samples: int) -> float:
    """P(more wrong than correct) + ½ P(as many): how often a table of all pairs of contexts relies on the spurious.

    It shares nothing between pairs, so a pair in which the features disagree has its own labels alone: N ~ Binomial(n,
    q), each the intended one with probability π = (1−ρ) a/((1−ρ) a + ρ (1−a)), with a the agreement of the intended
    feature (`correct`), of `num_contexts` contexts, ρ that of the spurious one, of 2 contexts, and q the chance of the
    pair.
    """
    conflict = np.array([correct * (1 - agreement), (1 - correct) * agreement])
    seen = np.arange(num_samples + 1)
    probs = binom.pmf(seen, num_samples, conflict.sum() / num_contexts)
    share = conflict[0] / conflict.sum()
    wrong = binom.cdf((seen - 1) // 2, seen, share) + np.where(seen % 2 == 0, binom.pmf(seen // 2, seen, share), 0) / 2
    return float(probs @ wrong)


def joint_follows(agreement: float) -> float:
    """How often that table answers a counterfactual input by the feature whose own table has saved more code length."""
    first, second = (table_nats_saved(*table)[SAMPLES] for table in ((CONTEXTS, CORRECT), (2, agreement)))
    reliance = joint_reliance(CONTEXTS, CORRECT, agreement, SAMPLES)
    return 1 - reliance if first > second else reliance
