"""Claims about open loops: C3, C4 and C6."""

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
from experiments.open_loop.study import (
    NUM_GENERATIONS,
    NUM_SAMPLES,
    PRIOR,
    SCENARIOS,
    SUPPORT_GENERATIONS,
    SUPPORT_START,
)
from theory import budget, drift

LN2 = math.log(2)
UNTIL_KEPT = (False, True)  # the protocols: filtering, and rejection sampling
mutual_information = jax.jit(theory.mutual_information)
verdict_information = jax.jit(drift.verdict_information, static_argnames=("n", "candidates"))


def means(settings: Settings) -> Found:
    """I(X;Z) against I(X;D,S)."""
    found = study.means(settings)
    return at_most(*paired(found.of_model, found.of_both), found.setting)


def synergy(settings: Settings) -> Found:
    """With I(X;S) of the signal alone in the place of I(X;S|D)."""
    joint = np.zeros((2, 2, 2))  # [x, d, s]
    for x in range(2):
        for d in range(2):
            joint[x, d, x ^ d] = 1 / 4
    bound = sum(mutual_information(joint.sum(axis)) for axis in (1, 2))
    setting = "X and D fair coins, S = X xor D, Z = (D,S): D and S are each independent of X"
    return at_most(mutual_information(joint.reshape(2, 4)), bound, setting)


def injection(settings: Settings) -> Found:
    """The gain of a simulated generation against what its verdicts inject, in pairs of replicas."""
    gain = theory.estimate(np.diff(study.simulated(settings, False).pointwise, axis=2))
    setting = _settings(gain.count, ": I(X;Z_t) − I(X;Z_{t−1})")[0, :, 1:]
    return at_most(gain, study.exact(False).injected, setting)


def without_candidates(settings: Settings) -> Found:
    """One verdict on one toss of a fair coin; the bound ignores the face tossed."""
    acceptances = np.array([[1.0, 0.2], [0.2, 1.0]])
    coin, states = np.ones((1, 2, 1)), np.full((1, 2), 0.5)  # Z_0 is the coin in both tasks
    verdict = verdict_information(PRIOR, coin, states, acceptances, n=1, candidates=False)
    accepted = acceptances / 2
    empty = 1 - accepted.sum(1, keepdims=True)
    gained = mutual_information(np.concatenate([accepted, empty], axis=1) / 2)  # Z_1: heads, tails, or the coin
    return at_most(gained, verdict, "a fair coin, one proposal, one verdict (1, .2): I(X;Z_1) against I(X;S|Z_0)")


def in_the_end(fpr: float, settings: Settings) -> Found:
    """I(X;Z_∞) against I(X;Z_0)."""
    n, share = 50, 0.6
    correct = np.asarray(budget.success(n, (1.0, fpr), share, num_real=n))
    first = mutual_information(binom.pmf(np.arange(n + 1), n, [[share], [1 - share]]) / 2)
    setting = f"rejection sampling, p = {share:g}, verifier (1, {fpr:g}), n = {n}: ends correct with {correct:.4f}"
    return at_least(LN2 - entr(correct) - entr(1 - correct), first, setting)


def information(settings: Settings) -> Found:
    """The sandbox against the exact chains: both protocols, all scenarios, every t."""
    found = theory.estimate(np.stack([study.simulated(settings, kept).pointwise for kept in UNTIL_KEPT], axis=1))
    return equal(found, [study.exact(kept).information for kept in UNTIL_KEPT], _settings(found.count))


def accuracy(other: bool, settings: Settings) -> Found:
    """The accuracy; `other`: against the exact one of the other protocol."""
    found = theory.estimate(np.stack([study.simulated(settings, kept).accuracy for kept in UNTIL_KEPT], axis=1))
    predicted = [study.exact(kept != other).accuracy for kept in UNTIL_KEPT]
    return equal(found, predicted, _settings(found.count, ", against the other protocol" * other), "accuracy")


def simulated_support(fpr: float, settings: Settings) -> Found:
    """Whether the loop ends correct if Z_0 has the correct symbol, and only then."""
    found, n, p = study.support(settings, fpr), NUM_SAMPLES, SUPPORT_START
    setting = f"filtering, verifier (1, {fpr:g}), n = {n}, p = {p:g}, t = {SUPPORT_GENERATIONS}, {found.count} replicas"
    return equal(found, 1 - (1 - p) ** n, setting, "accuracy")


def no_direction(fpr: float, settings: Settings) -> Found:
    """P(ends correct) against the accuracy at the start."""
    p, n = 0.3, 50
    setting = (
        f"rejection sampling, verifier (.5, {fpr:g}), n = {n}, p = {p:g}; 1e-10: a linear system of {n + 1} states"
    )
    return equal(budget.success(n, (0.5, fpr), p), p, setting, "probability", tolerance=1e-10)


def _settings(count: int, aside: str = "") -> Any:
    """[protocol, scenario, t]."""
    of, times = f"{count} pairs of replicas{aside}", range(NUM_GENERATIONS + 1)
    protocols = ("filtering", "rejection sampling")
    loops = [f"{name}, {scenario.text}, n = {NUM_SAMPLES}" for name in protocols for scenario in SCENARIOS]
    return np.array([f"{loop}, t = {t}, {of}" for loop in loops for t in times]).reshape(2, len(SCENARIOS), -1)


INJECTION = "open-loop-injection"

CLAIMS = (
    *claim(
        "C3-means",
        "The average of data and a better signal carries at most what both carry: I(X;Z) ≤ I(X;D) + I(X;S|D)",
        means,
        control=("… and at most the sum of what each carries alone: I(X;Z) ≤ I(X;D) + I(X;S)", synergy),
        test="tests/theory/test_claims.py::test_external_signal",
    ),
    *claim(
        "C4-gain",
        "Above the break-even likelihood ratio a loop gains information in the end: I(X;Z_∞) ≥ I(X;Z_0)",
        partial(in_the_end, 0.94),
        control=("… so does every open loop", partial(in_the_end, 0.99)),
    ),
    *claim(
        "C4-injection-simulated",
        "A generation gains at most what its verdicts inject: I(X;Z_{t+1}) − I(X;Z_t) ≤ I(X;S_t|Z_t,D_t)",
        injection,
        control=("… at most their information without the candidates judged, I(X;S_t|Z_t)", without_candidates),
        figure=INJECTION,
        test="tests/theory/test_selection.py::test_injection",
    ),
    *claim(
        "C6-simulated",
        "A loop with a perfect verifier ends correct if Z_0 has the correct symbol, and only then",
        partial(simulated_support, 0.0),
        control=("… so does one whose verifier accepts 30 % of wrong outputs", partial(simulated_support, 0.3)),
        test="tests/theory/test_outcomes.py::test_candidates",
    ),
    *claim(
        "C6-direction",
        "Candidates without a signal have no direction: P(ends correct) is the accuracy at the start",
        partial(no_direction, 0.5),
        control=("… also with a weak signal", partial(no_direction, 0.45)),
    ),
    *claim(
        "instrument-open-information",
        "The simulated open loops have the information of the exact chains, in both protocols and at every t",
        information,
        figure=INJECTION,
    ),
    *claim(
        "instrument-open-right",
        "The simulated open loops have the accuracy of the exact chains, in both protocols and at every t",
        partial(accuracy, False),
        control=("… each that of the other protocol", partial(accuracy, True)),
        figure=INJECTION,
    ),
)

STATEMENTS = (
    Statement(
        "C3",
        title="A signal raises the bound by the information it adds to the data",
        formula=r"I(X;Z) \le I(X;D,S) = I(X;D) + I(X;S \mid D)",
        words=(
            "Verdicts, labels or rewards S raise the upper bound by the information about the task that they carry "
            "beyond the data."
        ),
        conditions="It bounds the gain, and does not promise it: an average of data and a better signal stays below.",
        practice=(
            "Value a signal by what it adds to your data. A label that the data imply adds nothing; one that is "
            "useless alone may decide everything together with the data."
        ),
        source=(f"{PAPER}; Cover & Thomas (2006), Elements of Information Theory, theorem 2.5.2"),
        test="tests/theory/test_claims.py::test_external_signal",
    ),
    Statement(
        "C4",
        title="A loop gains at most the information that its signal injects",
        formula=r"I(X;Z_{t+1}) \le I(X;Z_t) + I(X;S_t \mid Z_t, D_t)",
        words=(
            "A generation gains at most the information that its verdicts carry beyond the model and its candidates. "
            "If that is zero the pipeline is closed; otherwise it is open, and may gain."
        ),
        conditions=(
            "The criterion needs the candidates D: I(X;S|Z) may be zero while the loop gains, since a verdict means "
            "nothing without the output it judges. And open is not enough: with a weak verifier or few samples, drift "
            "loses more than the verdicts inject."
        ),
        practice=(
            "A verifier opens the loop; `infoloop check` decides whether your pipeline is open, and where information "
            "enters. Judge a pipeline by its accuracy, never by information alone."
        ),
        source=PAPER,
        test="tests/theory/test_selection.py::test_injection",
    ),
    Statement(
        "C6",
        title="You need both: candidates that contain the answer, and a signal that finds it",
        formula=r"P(\text{ends correct}) \le P(\text{correct} \in \operatorname{supp} Z_0)",
        words=(
            "A signal selects among the model's candidates: no verifier finds an answer that the model never proposes. "
            "Candidates without a signal have no direction: the loop then ends correct with the probability of a "
            "correct output at the start."
        ),
        conditions=(
            "For models without shared parameters. The paper states it in words; here both are bounds, and both are "
            "reached: the first by a perfect verifier, the second by every loop without a signal."
        ),
        practice=(
            "Before you pay for a better verifier, check pass@k: whether correct answers are among your samples at "
            "all. If they are not, no verdict helps."
        ),
        source=PAPER,
        test="tests/theory/test_outcomes.py::test_candidates",
    ),
)
