"""The answer of `infoloop shortcut` in words."""

from collections.abc import Iterator

import numpy as np

from experiments.questions.shortcut.curves import INTENDED, SPURIOUS, Curves, measured_crossover, predicted_crossover
from experiments.questions.shortcut.learn import (
    BATCH,
    Question,
    decorrelation,
    feature_information,
    learned_first,
    numbers,
)
from theory import estimate
from theory.prequential import Crossover


def lines(question: Question, found: Curves) -> Iterator[str]:
    """The answer in words."""
    given, names = found.pick(0), {INTENDED: question.intended, SPURIOUS: question.spurious}
    correct, agreement = (float(x) for x in np.asarray(question.environment.agreement))
    nats = feature_information([question.environment])[0]
    yield (
        f"intended: {question.intended}, agrees with {correct:.4g} of the labels, {nats[0]:.3f} nats; "
        f"spurious: {question.spurious}, {agreement:.4g}, {nats[1]:.3f} nats"
    )
    yield (
        f"student: {question.student}, rate {question.learning_rate:g}, {question.num_steps} batches of {BATCH}, "
        f"each seen once; {question.num_seeds} seeds, ± standard error"
    )
    at = learned_first(given)
    saved = {i: _mean(given.nats_saved[:, i, -1 if at is None else at], "{:.1f}") for i in names}
    if at is None:
        both = " and ".join(f"{names[i]} has saved {saved[i]} nats" for i in names)
        yield f"learned first: neither is clearly ahead by {given.samples[-1]:,} samples; alone, {both}"
    else:
        leader, other = (INTENDED, SPURIOUS) if given.lead[:, at].mean() > 0 else (SPURIOUS, INTENDED)
        yield (
            f"learned first: {names[leader]}, which alone has saved {saved[leader]} nats of code length after "
            f"{given.samples[at]:,} samples, {names[other]} {saved[other]}"
        )
        yield f"  measured: {_reliance(question, given, at)}"
    switches = predicted_crossover(given), measured_crossover(given)
    predicted, measured = (_when(one, given) for one in switches)
    yield f"switches to {question.intended}: predicted {predicted}; measured {measured}"
    yield f"  in the end: {_reliance(question, given, -1)}"
    yield "  (MLPs: within a factor of 2 from a length to a parity, seldom elsewhere: rows C10-turn, L2-turn)"
    doubts = [(block.evidence() > 0).all(0).any() for block in question.environment[:2]]  # of its sign, once it is read
    if not any(doubts):
        best = question.intended if correct > agreement else question.spurious if correct < agreement else "neither"
        yield f"  with unlimited data, if the learner can read both: {best} ({correct:.4g} against {agreement:.4g})"
    yield f"share δ of labels to decorrelate from {question.spurious}, to make it rely on {question.intended}:"
    for n in numbers(found):
        predicted, measured = decorrelation(found, n)
        yield f"  {found.samples[n]:>9,} samples: predicted {_share(predicted)}; measured {_share(measured)}"
    yield "assumed: kind, order, margin and noise of both features; --data FILE measures them on your rows"


def _mean(x: np.ndarray, form: str) -> str:
    found = estimate(x)
    return f"{form.format(float(found.mean))} ± {form.format(float(found.stderr))}"


def _reliance(question: Question, given: Curves, at: int) -> str:
    share, samples = _mean(100 * given.reliance[:, at], "{:.0f}"), given.samples[at]
    return f"at {samples:,} samples it relies on {question.spurious} in {share} % of the inputs on which they differ"


def _when(crossover: Crossover, given: Curves) -> str:
    at, lower, upper = (float(x) for x in crossover)
    start, end = (f"{n:,}" for n in given.samples[[0, -1]])
    if at == 0:
        return f"at {start} samples or before" + ("" if upper == 0 else ", not surely")
    if not np.isfinite(at):
        return f"not by {end} samples" + ("" if lower == np.inf else ", not surely")
    ends = [f"{x:,.0f}" if np.isfinite(x) else f"over {end}" for x in (lower, upper)]
    return f"after {at:,.0f} samples (95 %: {ends[0]} to {ends[1]})"


def _share(needed: Crossover) -> str:
    at, lower, upper = (100 * float(x) for x in needed)
    if not np.isfinite(at):
        return "not learned by then"
    low, high = (f"{x:.0f}" if np.isfinite(x) else "100" for x in (lower, upper))
    return f"{at:.0f} %" + f" ({low} to {high})" * (upper > 0)
