"""What is claimed of open loops: C3, C4 and C6."""

import math
from functools import partial
from typing import Any

import jax
import numpy as np
from scipy.special import entr
from scipy.stats import binom

import theory
from experiments.harness.claim import Found, at_least, at_most, claim, equal, paired
from experiments.harness.ledger import Settings
from experiments.harness.statements import PAPER, Statement
from experiments.open_loop import study
from experiments.open_loop.study import NUM_GENERATIONS, NUM_SAMPLES, PRIOR, SCENES, SUPPORT_GENERATIONS, SUPPORT_SHARE
from theory import budget, drift

LN2 = math.log(2)
UNTIL_KEPT = (False, True)  # the protocols
mutual_information = jax.jit(theory.mutual_information)
verdict_information = jax.jit(drift.verdict_information, static_argnames=("n", "candidates"))


def means(settings: Settings) -> Found:
    """I(X;Z) against I(X;D,S)."""
    found = study.means(settings)
    return at_most(*paired(found.of_model, found.of_both), found.setting)


def synergy(settings: Settings) -> Found:
    """What the signal says alone, I(X;S), in the place of I(X;S|D)."""
    joint = np.zeros((2, 2, 2))  # [x, d, s]
    for x in range(2):
        for d in range(2):
            joint[x, d, x ^ d] = 1 / 4
    bound = sum(mutual_information(joint.sum(axis)) for axis in (1, 2))
    setting = "X and D fair coins, S = X xor D, Z = (D,S): each alone says nothing"
    return at_most(mutual_information(joint.reshape(2, 4)), bound, setting)


def injection(settings: Settings) -> Found:
    """What a simulated generation gains, pair by pair of replicas, against what its verdicts inject."""
    gain = theory.estimate(np.diff(study.simulated(settings, False).pointwise, axis=2))
    setting = _settings(gain.count, ": I(X;Z_t) − I(X;Z_{t−1})")[0, :, 1:]
    return at_most(gain, study.exact(False).injected, setting)


def without_candidates(settings: Settings) -> Found:
    """One verdict on one toss of a fair coin, whose face the bound does not look at."""
    acceptances = np.array([[1.0, 0.2], [0.2, 1.0]])
    coin, states = np.ones((1, 2, 1)), np.full((1, 2), 0.5)  # Z_0 is the coin under both tasks
    verdict = verdict_information(PRIOR, coin, states, acceptances, n=1, candidates=False)
    accepted = acceptances / 2
    stays = 1 - accepted.sum(1, keepdims=True)
    gained = mutual_information(np.concatenate([accepted, stays], axis=1) / 2)  # Z_1: heads, tails, or the coin
    return at_most(gained, verdict, "a fair coin, one proposal, one verdict (1, .2): I(X;Z_1) against I(X;S|Z_0)")


def in_the_end(fpr: float, settings: Settings) -> Found:
    """I(X;Z_∞) against I(X;Z_0)."""
    n, share = 50, 0.6
    correct = np.asarray(budget.success(n, (1.0, fpr), share, num_real=n))
    first = mutual_information(binom.pmf(np.arange(n + 1), n, [[share], [1 - share]]) / 2)
    setting = f"until kept, p = {share:g}, φ = 1, ψ = {fpr:g}, n = {n}: ends right with {correct:.4f}"
    return at_least(LN2 - entr(correct) - entr(1 - correct), first, setting)


def information(settings: Settings) -> Found:
    """The sandbox against the exact law: both protocols, all scenes, every t."""
    found = theory.estimate(
        np.stack([study.simulated(settings, accepted).pointwise for accepted in UNTIL_KEPT], axis=1)
    )
    return equal(found, [study.exact(accepted).information for accepted in UNTIL_KEPT], _settings(found.count))


def correct(other: bool, settings: Settings) -> Found:
    """The share of right outputs; `other`: against the exact law of the other protocol."""
    found = theory.estimate(np.stack([study.simulated(settings, accepted).correct for accepted in UNTIL_KEPT], axis=1))
    predicted = [study.exact(accepted != other).correct for accepted in UNTIL_KEPT]
    return equal(found, predicted, _settings(found.count, ", against the other protocol" * other), "share right")


def simulated_support(fpr: float, settings: Settings) -> Found:
    """Whether the loop ends right where there was anything right in Z_0, and only there."""
    found, n, p = study.support(settings, fpr), NUM_SAMPLES, SUPPORT_SHARE
    setting = f"filtering, φ = 1, ψ = {fpr:g}, n = {n}, p = {p:g}, t = {SUPPORT_GENERATIONS}, {found.count} replicas"
    return equal(found, 1 - (1 - p) ** n, setting, "share right")


def no_direction(fpr: float, settings: Settings) -> Found:
    """P(ends right) against the share right at the start."""
    p, n = 0.3, 50
    setting = f"until kept, φ = .5, ψ = {fpr:g}, n = {n}, p = {p:g}; 1e-10: a linear system of {n + 1} states"
    return equal(budget.success(n, (0.5, fpr), p), p, setting, "probability", tolerance=1e-10)


def _settings(count: int, aside: str = "") -> Any:
    """[protocol, scene, t]."""
    of, times = f"{count} pairs of replicas{aside}", range(NUM_GENERATIONS + 1)
    scenes = [f"{name}, {scene.text}, n = {NUM_SAMPLES}" for name in ("filtering", "until kept") for scene in SCENES]
    return np.array([f"{scene}, t = {t}, {of}" for scene in scenes for t in times]).reshape(2, len(SCENES), -1)


INJECTION = "open-loop-injection"

CLAIMS = (
    *claim(
        "C3-means",
        "A learner that averages its data and a better signal knows no more than both: I(X;Z) ≤ I(X;D) + I(X;S|D)",
        means,
        control=("… than each alone: I(X;Z) ≤ I(X;D) + I(X;S)", synergy),
        test="tests/theory/test_claims.py::test_external_signal",
    ),
    *claim(
        "C4-gain",
        "A loop whose verifier beats the break-even accuracy ends with more than it began with: I(X;Z_∞) ≥ I(X;Z_0)",
        partial(in_the_end, 0.94),
        control=("… so does every information-open loop", partial(in_the_end, 0.99)),
    ),
    *claim(
        "C4-injection-simulated",
        "A simulated generation gains at most what its verdicts inject: I(X;Z_{t+1}) − I(X;Z_t) ≤ I(X;S_t|Z_t,D_t)",
        injection,
        control=("… what they say without the candidates they are about, I(X;S_t|Z_t)", without_candidates),
        figure=INJECTION,
        test="tests/theory/test_selection.py::test_injection",
    ),
    *claim(
        "C6-simulated",
        "A perfect verifier ends right where anything right was in Z_0, and only there",
        partial(simulated_support, 0.0),
        control=("… so does one that also keeps three in ten of what is wrong", partial(simulated_support, 0.3)),
        test="tests/theory/test_outcomes.py::test_candidates",
    ),
    *claim(
        "C6-direction",
        "Candidates without a signal have no direction: P(ends right) is the share right at the start",
        partial(no_direction, 0.5),
        control=("… also where the signal is weak", partial(no_direction, 0.45)),
    ),
    *claim(
        "instrument-open-information",
        "The simulated open loops have the information of the exact chains, in both protocols and at every t",
        information,
        figure=INJECTION,
    ),
    *claim(
        "instrument-open-right",
        "The simulated open loops have the share of right outputs of the exact chains, in both protocols, at every t",
        partial(correct, False),
        control=("… each that of the other protocol", partial(correct, True)),
        figure=INJECTION,
    ),
)

STATEMENTS = (
    Statement(
        "C3",
        title="A signal raises the bound by what it knows beyond the data",
        formula=r"I(X;Z) \le I(X;D,S) = I(X;D) + I(X;S \mid D)",
        words=(
            "Verdicts, labels or rewards S lift the ceiling by what they say of the task that the data do not say "
            "already."
        ),
        conditions="It is a ceiling, not a gain: a learner that averages its data and a better signal stays below.",
        practice=(
            "Count a signal by what it adds to your data. A label that the data imply is worth nothing; one that says "
            "nothing by itself may be worth everything beside them."
        ),
        source=(f"{PAPER}; Cover & Thomas (2006), Elements of Information Theory, theorem 2.5.2"),
        test="tests/theory/test_claims.py::test_external_signal",
    ),
    Statement(
        "C4",
        title="An open loop gains at most what enters from outside",
        formula=r"I(X;Z_{t+1}) \le I(X;Z_t) + I(X;S_t \mid Z_t, D_t)",
        words=(
            "A generation gains at most what its verdicts tell beyond the model and its candidates. Where that is "
            "zero, the pipeline is closed; else it is open, and may gain."
        ),
        conditions=(
            "The criterion needs the candidates: I(X;S|Z) may be zero while the loop gains, since a verdict says "
            "nothing without what it is about. And open is not enough: under a weak verifier, or with few samples, "
            "drift takes away more than the verdicts bring."
        ),
        practice=(
            "A verifier opens the loop; `infoloop check` says of a pipeline of yours whether it is open, and where the"
            " information enters. Judge it by the share of right outputs, never by information alone."
        ),
        source=PAPER,
        test="tests/theory/test_selection.py::test_injection",
    ),
    Statement(
        "C6",
        title="Neither candidates nor a signal do alone",
        formula=r"P(\text{ends right}) \le P(\text{right} \in \operatorname{supp} Z_0)",
        words=(
            "A signal chooses among what the model proposes: what the model never says no verifier finds. Candidates "
            "without a signal have no direction: a loop then ends right as often as it began right."
        ),
        conditions=(
            "The paper says it in words. Here both are bounds, and both are reached: the first by a perfect verifier, "
            "the second by every loop without one."
        ),
        practice=(
            "Before you pay for a better verifier, see whether right answers are among your samples at all. If they "
            "are not, no verdict helps."
        ),
        source=PAPER,
        test="tests/theory/test_outcomes.py::test_candidates",
    ),
)
