"""What to do next, in an order: what each step carries in nats a verdict, and which labels narrow the answer."""

import math
from typing import NamedTuple

import numpy as np

from experiments.questions.audit.accuracy import Reached
from experiments.questions.audit.rates import Verifier, information
from experiments.questions.errors import Errors
from experiments.questions.intervals import Interval
from experiments.questions.logs import Log
from experiments.questions.posterior import tally
from theory import measures

LABELS = 100  # further ones that are weighed
LOOKS = 100  # outputs that are looked at twice


class Step(NamedTuple):
    """One thing to do, what a further verdict spent on it carries about the correctness of its output, and when."""

    name: str
    nats: float | None  # a verdict; None where the log cannot tell
    sentence: str
    condition: str


class Labels(NamedTuple):
    """What further labels would do for one number."""

    number: str  # which
    of: str  # outputs to be labelled, one a prompt, of new prompts
    width: float  # of its interval now
    narrowed: float  # … with `LABELS` more
    halve: int  # labels that halve it


class Advice(NamedTuple):
    """Steps in the order in which they are taken, and labels with those that narrow most first."""

    steps: tuple[Step, ...]
    labels: tuple[Labels, ...]


def advice(log: Log, verifier: Verifier, errors: Errors, reached: Reached) -> Advice:
    """The steps: a verifier whose errors are fresh, one that stays as it is, other prompts, more samples."""
    return Advice(_steps(log, verifier, errors, reached), _labels(log, verifier, reached))


def second_verdict(p: float, verifier: tuple[float, float], correlation: float) -> float:
    """I(truth; V₂|V₁) of a second verdict with the same rates; the correlation is of two verdicts given the truth.

    0: another verifier, whose errors are independent of the first; 1: the same verdict again, which carries nothing.
    """
    joint = np.empty((2, 2, 2))  # truth, V₁, V₂
    for truth, (share, rate) in enumerate(((1 - p, verifier[1]), (p, verifier[0]))):
        shared = correlation * rate * (1 - rate)
        same = [(1 - rate) ** 2 + shared, rate**2 + shared]
        joint[truth] = share * np.array([[same[0], rate * (1 - rate) - shared], [rate * (1 - rate) - shared, same[1]]])
    joint = np.maximum(joint, 0) / np.maximum(joint, 0).sum()
    return max(0.0, float(measures.conditional_mutual_information(joint.transpose(0, 2, 1))))


def _steps(log: Log, verifier: Verifier, errors: Errors, reached: Reached) -> tuple[Step, ...]:
    now = reached.accuracy.now
    if verifier.tpr is None or verifier.fpr is None or now is None:
        text = f"label {LABELS} outputs as correct or wrong, accepted and rejected ones alike, of as many prompts"
        return (Step("labels", None, text, "as without both the verifier's rates are not known"),)
    p, rates = now.middle, (verifier.tpr.middle, verifier.fpr.middle)
    one = float(information(p, *rates))
    rho = errors.persistent_share
    again = None if rho is None else second_verdict(p, rates, rho.middle)
    steps = [
        Step(
            "another verifier",
            second_verdict(p, rates, 0.0),
            "a second verifier with errors of its own (other tests, another judge), and accept what both accept",
            "if it is as good as this one, and independent of it on outputs of one truth, as the same tests are not",
        ),
        Step(
            "a fixed judge",
            one,
            "keep the verifier as it is while the model changes, and measure it again on the new model's outputs",
            "as a judge that is trained along with the model, or is the model, adds nothing that it does not know",
        ),
    ]
    if errors.wrong is not None and errors.wrong.after_accepted > errors.wrong.at_all:
        again_at, at_all = (f"{rate:.0%}" for rate in errors.wrong)
        repeated = float(information(p, rates[0], errors.wrong.after_accepted))
        texts = (
            "new prompts, before more samples of these",
            "more samples of the same prompts, where a wrong output has been accepted",
        )
        why = (
            "if they are like these; the number is that of a first verdict",
            f"as there a further wrong output is accepted in {again_at} of cases, not {at_all}",
        )
        steps += [Step("new prompts", one, texts[0], why[0]), Step("more samples", repeated, texts[1], why[1])]
    else:
        steps += [
            Step("new prompts", one, "new prompts, before more samples of these", "if they are like these"),
            Step(
                "more samples",
                None,
                "more samples of the same prompts",
                "whether errors repeat in a prompt is not seen",
            ),
        ]
    look = "the same verifier again on the same outputs"
    if again is None:
        reach = 1.96 * math.sqrt(0.25 / LOOKS) / max(2 * rates[1] * (1 - rates[1]), 0.1)
        look = (
            f"{look}: not known yet; look twice at {LOOKS} labelled outputs, which gives the share within ±{reach:.1f}"
        )
    steps.append(Step("a second look", again, look, "as far as its errors do not persist"))
    return tuple(steps)


def _labels(log: Log, verifier: Verifier, reached: Reached) -> tuple[Labels, ...]:
    """Widths fall as one over the root of the prompts that have such a label."""
    counts = tally(log)
    candidates: list[tuple[str, str, Interval | None, np.ndarray]] = [
        ("accuracy after one round", "accepted outputs", reached.accuracy.one_round, counts.judged),
        ("tpr", "correct outputs", verifier.tpr, counts.correct),
        ("fpr", "wrong outputs", verifier.fpr, counts.wrong),
        ("accuracy now", "outputs", reached.accuracy.now, counts.labelled),
    ]
    found = []
    for name, of, interval, there in candidates:
        prompts = int((there > 0).sum())
        if interval is not None and prompts:
            width = interval.high - interval.low
            found.append(Labels(name, of, width, width * math.sqrt(prompts / (prompts + LABELS)), 3 * prompts))
    return tuple(sorted(found, key=lambda one: one.narrowed - one.width))
