"""The answer of `infoloop race` in words."""

from collections.abc import Iterator

import numpy as np

from experiments.questions.shortcut.curves import INTENDED, SPURIOUS, Curves, measured_turn, predicted_turn
from experiments.questions.shortcut.learn import BATCH, Case, decorrelation, first, numbers
from experiments.thesis.environments import information
from theory import estimate
from theory.prequential import Crossover


def lines(asked: Case, found: Curves) -> Iterator[str]:
    """The answer in words."""
    given, names = found.pick(0), {INTENDED: asked.intended, SPURIOUS: asked.spurious}
    correct, agreement = (float(x) for x in np.asarray(asked.environment.agreement))
    nats = information([asked.environment])[0]
    yield (
        f"intended: {asked.intended}, right in {correct:.4g} of the labels, {nats[0]:.3f} nats; "
        f"spurious: {asked.spurious}, {agreement:.4g}, {nats[1]:.3f} nats"
    )
    yield (
        f"student: {asked.student}, rate {asked.learning_rate:g}, {asked.num_steps} batches of {BATCH}, seen once; "
        f"{asked.num_seeds} seeds, ± standard error"
    )
    at = first(given)
    saved = {i: _mean(given.nats_saved[:, i, -1 if at is None else at], "{:.1f}") for i in names}
    if at is None:
        told = " and ".join(f"{names[i]} has saved {saved[i]} nats" for i in names)
        yield f"learned first: neither is clearly ahead by {given.samples[-1]:,} samples; alone, {told}"
    else:
        leader, other = (INTENDED, SPURIOUS) if given.lead[:, at].mean() > 0 else (SPURIOUS, INTENDED)
        yield (
            f"learned first: {names[leader]}, which alone has saved {saved[leader]} nats after {given.samples[at]:,} "
            f"samples, {names[other]} {saved[other]}"
        )
        yield f"  measured: {_answered(asked, given, at)}"
    turns = predicted_turn(given), measured_turn(given)
    yield f"turns to {asked.intended}: predicted {_when(turns[0], given)}; measured {_when(turns[1], given)}"
    yield f"  in the end: {_answered(asked, given, -1)}"
    yield "  (predicted turns are off by a factor of 2 at times, those of a table by 3 or 5: row C10-turn)"
    doubts = [(block.evidence() > 0).all(0).any() for block in asked.environment[:2]]  # of its sign, once it is read
    if not any(doubts):
        wins = asked.intended if correct > agreement else asked.spurious if correct < agreement else "neither"
        yield f"  with unlimited data, for a learner that can read both: {wins} ({correct:.4g} against {agreement:.4g})"
    yield f"labels to decorrelate from {asked.spurious}, a share δ, so that {asked.intended} is relied on by then:"
    for n in numbers(found):
        predicted, measured = decorrelation(found, n)
        yield f"  {found.samples[n]:>9,} samples: predicted {_share(predicted)}; measured {_share(measured)}"


def _mean(x: np.ndarray, form: str) -> str:
    found = estimate(x)
    return f"{form.format(float(found.mean))} ± {form.format(float(found.stderr))}"


def _answered(asked: Case, given: Curves, at: int) -> str:
    share = _mean(100 * given.reliance[:, at], "{:.0f}")
    where = f"at {given.samples[at]:,} samples"
    return f"{where} {share} % of inputs on which they differ are answered as {asked.spurious} says"


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
