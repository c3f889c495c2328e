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
from experiments.open_loop import adversary, learners, study
from experiments.open_loop.study import (
    NUM_GENERATIONS,
    NUM_SAMPLES,
    SCENARIOS,
    SUPPORT_GENERATIONS,
    SUPPORT_START,
)
from theory import budget

LN2 = math.log(2)
GAIN = 0.01  # nats, of an adversary that has found one; where there is one, it is up to ln 2
UNTIL_KEPT = (False, True)  # the protocols: filtering, and rejection sampling
mutual_information = jax.jit(theory.mutual_information)


def means(settings: Settings) -> Found:
    """I(X;Z) against I(X;D,S)."""
    found = study.means(settings)
    return at_most(*paired(found.of_model, found.of_both), found.setting)


def keeps_both(settings: Settings) -> Found:
    """I(X;Z) of a model that uses its data and a signal to the full, against I(X;D) + I(X;S|D)."""
    found = [learners.data_and_signal(settings, signal) for signal in ("verdict", "label")]
    scores = theory.estimate(np.stack([one.score for one in found], axis=1))
    return equal(scores, [one.of_data + one.beyond for one in found], [one.setting for one in found])


def overlapping(settings: Settings) -> Found:
    """The same with a label that was made from the data, which counts with its I(X;S)."""
    found = learners.data_and_signal(settings, "copied label")
    return equal(theory.estimate(found.score), found.of_data + found.alone, found.setting)


def declared_closed(leak: bool, settings: Settings) -> Found:
    """The largest gain that the adversary finds in each pipeline that was declared closed, against none."""
    sweep = adversary.sweep(settings, leak)
    return at_most(sweep.gain[sweep.closed], 0, f"{sweep.setting}, {sweep.closed.sum()} closed")


def declared_open(separable: bool, settings: Settings) -> Found:
    """The share of open pipelines in which the adversary gains, or of closed ones that all of `before` does not close.

    One hundredth is left to ascents that get stuck, and to the few gains that take more than two values a node.
    """
    sweep = adversary.sweep(settings, False)
    chosen = ~sweep.whole & (sweep.closed if separable else ~sweep.closed)
    kind = "closed by a part of `before` alone" if separable else "open"
    setting = f"{sweep.setting}; {chosen.sum()} {kind}; a gain: above {GAIN:g} nats"
    return at_least((sweep.gain[chosen] > GAIN).mean(), 0.99, setting, "share")


def saturates(rejected_too: bool, settings: Settings) -> Found:
    """The gain of a loop against what its verdicts inject, in pairs, in both protocols."""
    found = [learners.weighing(settings, until_kept, rejected_too) for until_kept in UNTIL_KEPT]
    gained, injected = (np.stack(values, axis=1) for values in list(zip(*found, strict=True))[:2])
    return equal(*paired(gained, injected), [one.setting for one in found])


def injection(settings: Settings) -> Found:
    """What a simulated loop has gained against what its verdicts injected until then, in both protocols, at every t."""
    gain = theory.estimate(np.stack([_gained(settings, kept) for kept in UNTIL_KEPT], axis=1))
    exact, drawn = study.exact(False).injected.cumsum(1), study.injected_until_kept(settings).cumsum(2)
    bound = theory.estimate(np.stack([np.broadcast_to(exact, drawn.shape), drawn], axis=1))
    return at_most(gain, bound, _settings(gain.count, ": I(X;Z_t) − I(X;Z_0)")[:, :, 1:])


def without_candidates(settings: Settings) -> Found:
    """The gain of the loops that filter against a bound that ignores which candidates were judged."""
    gain = theory.estimate(_gained(settings, False))
    aside = ": I(X;Z_t) − I(X;Z_0), Σ I(X;S_i|Z_i)"
    return at_most(gain, study.without_candidates().cumsum(1), _settings(gain.count, aside)[0, :, 1:])


def _gained(settings: Settings, until_kept: bool) -> np.ndarray:
    """The pointwise information gained since Z_0 [replica, scenario, t − 1]."""
    pointwise = study.simulated(settings, until_kept).pointwise
    return pointwise[..., 1:] - pointwise[..., :1]


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


def simulated_support(shared: bool, settings: Settings) -> Found:
    """Whether the loop ends correct if its real samples have a correct output, and only then."""
    found, n, p = (study.shared_support if shared else study.support)(settings), NUM_SAMPLES, SUPPORT_START
    setting = f"filtering, verifier (1, 0), n = {n}, p = {p:g}, t = {SUPPORT_GENERATIONS}, {found.count} replicas"
    return equal(found, 1 - (1 - p) ** n, setting + ", two attributes" * shared, "accuracy")


def _settings(count: int, aside: str = "") -> Any:
    """[protocol, scenario, t]."""
    of, times = f"{count} pairs of replicas{aside}", range(NUM_GENERATIONS + 1)
    protocols = ("filtering", "rejection sampling")
    loops = [f"{name}, {scenario.text}, n = {NUM_SAMPLES}" for name in protocols for scenario in SCENARIOS]
    return np.array([f"{loop}, t = {t}, {of}" for loop in loops for t in times]).reshape(2, len(SCENARIOS), -1)


INJECTION = "open-loop-injection"

CLAIMS = (
    *claim(
        "C3-equality",
        "A model that uses its data and a signal to the full knows I(X;Z) = I(X;D) + I(X;S|D)",
        keeps_both,
        control=("… and I(X;D) + I(X;S) if the signal is a label that somebody made from the same data", overlapping),
        test="tests/theory/test_claims.py::test_external_signal",
    ),
    *claim(
        "C3-means",
        "The average of data and a better signal carries at most what both carry: I(X;Z) ≤ I(X;D) + I(X;S|D)",
        means,
        test="tests/theory/test_claims.py::test_external_signal",
    ),
    *claim(
        "C4-closed",
        "In random pipelines declared closed no choice of tables gains information: I(X;after) ≤ I(X;before)",
        partial(declared_closed, False),
        control=("… also if an arrow from the task was not declared", partial(declared_closed, True)),
        kind="adversarial",
        test="tests/theory/test_pipeline.py::test_closed_is_zero_and_open_is_bounded",
    ),
    *claim(
        "C4-open",
        "In 99 % of random pipelines declared open an adversary gains information: I(X;after) > I(X;before)",
        partial(declared_open, False),
        control=(
            "… also where all of `before` leaves X and `after` dependent, and a part of it does not",
            partial(declared_open, True),
        ),
        kind="adversarial",
    ),
    *claim(
        "C4-saturated",
        "A loop that weighs each verdict by its likelihood ratio gains all that its verdicts inject, in both protocols",
        partial(saturates, True),
        control=("… so does one that learns from accepted outputs alone", partial(saturates, False)),
    ),
    *claim(
        "C4-gain",
        "Above the break-even likelihood ratio a loop gains information in the end: I(X;Z_∞) ≥ I(X;Z_0)",
        partial(in_the_end, 0.94),
        control=("… so does every open loop", partial(in_the_end, 0.99)),
    ),
    *claim(
        "C4-injection-simulated",
        "A refitted model has gained at most what its verdicts injected: I(X;Z_t) − I(X;Z_0) ≤ Σ I(X;S_i|Z_i,D_i)",
        injection,
        control=("… at most what they carry without the candidates judged, Σ I(X;S_i|Z_i)", without_candidates),
        figure=INJECTION,
        test="tests/theory/test_selection.py::test_injection",
    ),
    *claim(
        "C6-simulated",
        "A table with a perfect verifier ends correct as often as its real samples have a correct output",
        partial(simulated_support, False),
        control=("… so does a model whose outputs share parameters", partial(simulated_support, True)),
        test="tests/theory/test_outcomes.py::test_candidates",
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
            "beyond the data, and a model that uses both to the full reaches it."
        ),
        conditions=(
            "Z is made of D, S and noise that is independent of the task. It bounds the gain, and does not promise it: "
            "an average of data and a better signal stays below. What a signal carries alone, I(X;S), counts too much "
            "where it overlaps the data, and too little where only both together tell something."
        ),
        practice=(
            "Value a signal by what it adds to your data. A label that the data imply adds nothing; one that is "
            "useless alone may decide everything together with the data."
        ),
        source=(f"{PAPER}; Cover & Thomas (2006), Elements of Information Theory, theorem 2.5.2"),
        test="tests/theory/test_claims.py::test_external_signal",
        decided_by="C3-equality",
        fails_where="Where the signal overlaps the data, such as a label made from them, and I(X;S) is counted.",
    ),
    Statement(
        "C4",
        title="A loop gains at most the information that its signal injects",
        formula=r"I(X;Z_{t+1}) \le I(X;Z_t) + I(X;S_t \mid Z_t, D_t)",
        words=(
            "A generation gains at most the information that its verdicts carry beyond the model and its candidates. "
            "A pipeline is closed if some nodes of what it starts from, or none, separate the task from what is made: "
            "then no choice of its parts gains. If not, it is open, and some choice does gain. The bound is reached by "
            "a model that weighs every verdict, on rejected outputs too, by its likelihood ratio."
        ),
        conditions=(
            "The criterion needs the candidates D: I(X;S|Z) may be zero while the loop gains, since a verdict means "
            "nothing without the output it judges. It is about the pipeline as declared: one arrow from the task that "
            "the declaration lacks, and the closed one gains. Open is not enough: with a weak verifier or few samples, "
            "drift loses more than the verdicts inject; what some choice of its parts gains, yours need not."
        ),
        practice=(
            "A verifier opens the loop; `infoloop check` decides whether your pipeline is open, and where information "
            "enters: declare every arrow. Judge a pipeline by its accuracy, never by information alone."
        ),
        source=PAPER,
        test="tests/theory/test_selection.py::test_injection",
        decided_by="C4-closed",
        fails_where="Where something of the task reaches the model by a way that was not declared.",
    ),
    Statement(
        "C6",
        title="Where outputs share no parameters you need both: candidates with the answer, and a signal that finds it",
        formula=r"P(\text{ends correct}) \le P(\text{correct} \in \operatorname{supp} Z_0)",
        words=(
            "A signal selects among the model's candidates: no verifier finds an answer that the model never proposes. "
            "Candidates without a signal have no direction: the loop then ends correct with the probability of a "
            "correct output at the start."
        ),
        conditions=(
            "For models whose outputs share no parameters, such as a table refitted to what is accepted. Both are "
            "bounds, and both are reached: the first by a perfect verifier, the second by every loop without a signal. "
            "Where outputs share parameters, verdicts on some move others, and the model may propose an answer that it "
            "has never seen (C9)."
        ),
        practice=(
            "Before you pay for a better verifier, check pass@k: whether correct answers are among your samples at "
            "all. If they are not, and outputs share no parameters, no verdict helps."
        ),
        source=PAPER,
        test="tests/theory/test_outcomes.py::test_candidates",
        decided_by="C6-simulated",
        fails_where="Where outputs share parameters: the model then proposes correct outputs that it has never seen.",
    ),
)
