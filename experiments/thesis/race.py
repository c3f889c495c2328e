"""`infoloop race`: what will be learned first, when it turns, and what decorrelation it takes, for a shortcut of yours.

The prediction is that of the solo learners, each of which sees one component; beside it stands what the learner of both
does. A share δ of labels with which the spurious component has nothing to do makes its agreement (1 − δ)ρ + δ/2.
"""

import csv
import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
from matplotlib.figure import Figure
from rich.console import Console

from experiments import plots, progress
from experiments.closed_loop.loops import stream
from experiments.ledger import Settings, write_atomic
from experiments.thesis.curves import INTENDED, SPURIOUS, Curves, curves, measured_turn, predicted_turn
from sandbox import spread
from sandbox.components import KINDS, Component, Shortcut, component, shortcut, stack
from sandbox.online import STUDENTS, Training, races
from theory import prequential
from theory.prequential import Crossing

STREAM = 119
BATCH = 32
SHARES = np.linspace(0, 1, 9)  # of decorrelated labels
MEANS = 4  # sample numbers for which the decorrelation is told, a factor 4 apart
RATES = {"Adam": 0.01, "SGD": 0.2}
CLEAR = 3.0  # standard errors


class Case(NamedTuple):
    """What is asked."""

    intended: str
    spurious: str
    environment: Shortcut
    student: str  # a key of STUDENTS
    learning_rate: float
    num_steps: int
    num_seeds: int

    def decorrelated(self, share: float) -> Shortcut:
        """The environment in which the spurious component has nothing to do with a share of the labels."""
        right, agreement = np.asarray(self.environment.agreement)
        agreements = np.array([right, (1 - share) * agreement + share / 2], np.float32)
        return self.environment._replace(agreement=agreements)


def case(
    *,
    intended: str,
    order: int,
    margin: float | None,
    scale: float,
    spurious: str,
    spurious_order: int,
    spurious_scale: float,
    agreement: float,
    label_noise: float,
    student: str,
    optimizer: str,
    learning_rate: float | None,
    samples: int,
    seeds: int,
) -> Case:
    """The case, of what was written on the command line.

    Raises:
        ValueError: An option is out of range.
    """
    blocks = [
        _block("intended", intended, order=order, margin=margin, scale=scale),
        _block("spurious", spurious, order=spurious_order, scale=spurious_scale),
    ]
    if not 0.5 <= agreement <= 1:
        raise ValueError(f"--agreement is {agreement}; accepted: a share from 0.5 to 1")
    if not 0 <= label_noise < 0.5:
        raise ValueError(f"--label-noise is {label_noise}; accepted: a share from 0 to below 0.5")
    if samples < 64 * BATCH:
        raise ValueError(f"--samples is {samples}; accepted: {64 * BATCH} or more")
    if seeds < 2:
        raise ValueError(f"--seeds is {seeds}; accepted: 2 or more, since they give the errors")
    rate = RATES[optimizer] if learning_rate is None else learning_rate
    if not rate > 0:
        raise ValueError(f"--learning-rate is {rate}; accepted: a number above 0")
    environment = shortcut(blocks[0], blocks[1], agreement=agreement, label_noise=label_noise)
    names = [_name(kind, number) for kind, number in ((intended, order), (spurious, spurious_order))]
    if names[0] == names[1]:
        names = [f"the {option} {name}" for option, name in zip(("intended", "spurious"), names, strict=True)]
    steps = -(-samples // BATCH)
    return Case(names[0], names[1], environment, f"{student} {optimizer}", rate, steps, seeds)


def _block(option: str, kind: str, **options: Any) -> Component:
    """The component of an option; a bit is a parity of order 1."""
    if kind not in ("bit", *KINDS):
        raise ValueError(f"--{option} is {kind!r}; accepted: bit, {', '.join(KINDS)}")
    try:
        return component("parity", **(options | {"order": 1})) if kind == "bit" else component(kind, **options)
    except ValueError as error:
        raise ValueError(f"--{option} {kind}: {error}") from None


def _name(kind: str, order: int) -> str:
    """A component for people."""
    return kind if order == 1 or kind in ("bit", "length") else f"{kind} of {order}"


def run(settings: Settings, asked: Case, console: Console) -> Curves:
    """The curves for each of SHARES, [share, seed, learner, n]: one program, run once a share."""
    keys = spread(jax.random.split(stream(settings, STREAM), asked.num_seeds))[:, None]
    options: dict[str, Any] = {"num_steps": asked.num_steps, "batch": BATCH}
    options["training"] = Training(learning_rate=asked.learning_rate)
    found = []
    with progress.steps(console, "race", SHARES.size) as step:
        for share in SHARES:
            with step(f"δ = {share:.3g}"):
                seeds = stack([asked.decorrelated(share)] * asked.num_seeds)  # on axis 0, which the devices share
                race = races(keys, seeds, STUDENTS[asked.student], **options)
                found.append(curves(jax.tree.map(lambda leaf: leaf[:, 0], race), batch=BATCH))
    return Curves(found[0].samples, *(np.stack(leaves) for leaves in zip(*(one[1:] for one in found), strict=True)))


def only(found: Curves, share: int) -> Curves:
    """Those of one share [seed, learner, n]."""
    return Curves(found.samples, *(leaf[share] for leaf in found[1:]))


def decorrelation(found: Curves, n: int) -> tuple[Crossing, Crossing]:
    """The share δ of decorrelated labels with which the intended component is the one relied on at the n-th number.

    Returns:
        Predicted, by equal savings of the solo learners; measured, by a reliance of ½.
    """
    leads = found.lead[..., n], 0.5 - found.reliance[..., n]
    predicted, measured = (prequential.crossing(lead.T, SHARES) for lead in leads)
    return predicted, measured


def first(found: Curves) -> int | None:
    """The index of the first sample number at which one solo learner has clearly saved more, and something."""
    mean, stderr = found.lead.mean(0), found.lead.std(0, ddof=1) / np.sqrt(found.lead.shape[0])
    saved = found.saving[:, [INTENDED, SPURIOUS]].mean(0).max(0) > 0
    clear = np.flatnonzero(saved & (np.abs(mean) > CLEAR * stderr))
    return int(clear[0]) if clear.size else None


def lines(asked: Case, found: Curves) -> Iterator[str]:
    """The answer in words."""
    given = only(found, 0)
    names = {INTENDED: asked.intended, SPURIOUS: asked.spurious}
    right, agreement = (float(x) for x in np.asarray(asked.environment.agreement))
    yield (
        f"intended: {asked.intended}, which says {right:.4g} of the labels; spurious: {asked.spurious}, {agreement:.4g}"
        f"; {asked.student}, rate {asked.learning_rate:g}, {asked.num_seeds} seeds"
    )
    at = first(given)
    if at is None:
        yield "learned first: neither has saved anything by then"
    else:
        leader, other = (INTENDED, SPURIOUS) if given.lead[:, at].mean() > 0 else (SPURIOUS, INTENDED)
        saved = {i: _mean(given.saving[:, i, at], "{:.1f}") for i in names}
        yield (
            f"learned first: {names[leader]}, which alone has saved {saved[leader]} nats after {given.samples[at]:,} "
            f"samples, {names[other]} {saved[other]}"
        )
        yield f"  measured: {_answered(asked, given, at)}"
    yield f"turns to {asked.intended}: predicted {_when(predicted_turn(given))}; measured {_when(measured_turn(given))}"
    yield f"  in the end: {_answered(asked, given, -1)}"
    wins = asked.intended if right > agreement else asked.spurious if right < agreement else "neither"
    yield f"  with unlimited data, weighed by their log-odds: {wins} ({right:.4g} against {agreement:.4g})"
    yield f"labels to decorrelate from {asked.spurious}, so that {asked.intended} is what is relied on by then:"
    for n in numbers(found):
        predicted, measured = decorrelation(found, n)
        yield f"  {found.samples[n]:>9,} samples: predicted {_share(predicted)}; measured {_share(measured)}"


def numbers(found: Curves) -> Sequence[int]:
    """Indices of the sample numbers for which a decorrelation is told."""
    wanted = (max(found.samples[-1] / 4**i, found.samples[0]) for i in range(MEANS))
    return sorted({found.at(n) for n in wanted})


def _mean(x: np.ndarray, form: str) -> str:
    return f"{form.format(x.mean())} ± {form.format(x.std(ddof=1) / np.sqrt(x.size))}"


def _answered(asked: Case, given: Curves, at: int) -> str:
    share = _mean(100 * given.reliance[:, at], "{:.0f}")
    where = f"at {given.samples[at]:,} samples"
    return f"{where} {share} % of inputs on which they differ are answered as {asked.spurious} says"


def _when(turn: Crossing) -> str:
    at, lower, upper = (float(x) for x in turn)
    if at == 0:
        return "from the start"
    ends = [f"{x:,.0f}" if np.isfinite(x) else "later" for x in (lower, upper)]
    return f"after {at:,.0f} samples (95 %: {ends[0]} to {ends[1]})" if np.isfinite(at) else "not within these samples"


def _share(needed: Crossing) -> str:
    at, lower, upper = (100 * float(x) for x in needed)
    if at == 0:
        return "none"
    low, high = (f"{x:.0f}" if np.isfinite(x) else "100" for x in (lower, upper))
    return f"{at:.0f} % ({low} to {high})" if np.isfinite(at) else "all are not enough"


@plots.style()
def figure(asked: Case, found: Curves) -> Figure:
    """The race: what each component alone has saved, which one is relied on, and the decorrelation that turns it."""
    given, (saved, relied, needed) = only(found, 0), plots.figure(3)[1]
    for index, name, color in ((INTENDED, asked.intended, plots.BLUE), (SPURIOUS, asked.spurious, plots.VERMILLION)):
        nats = given.saving[:, index]
        plots.band(
            saved,
            given.samples,
            nats.mean(0),
            nats.std(0, ddof=1) / len(nats) ** 0.5,
            label=f"{name} alone",
            color=color,
        )
    saved.set_yscale("symlog", linthresh=10)
    saved.set(xscale="log", xlabel="samples", ylabel="saved [nats]", title="what saves more …")
    shares = given.reliance
    plots.band(relied, given.samples, shares.mean(0), shares.std(0, ddof=1) / len(shares) ** 0.5, color=plots.PURPLE)
    relied.axhline(0.5, color=plots.GREY, linewidth=1)
    for turn, label, style in (
        (predicted_turn(given), "predicted turn", "--"),
        (measured_turn(given), "measured", "-"),
    ):
        if 0 < turn.at < np.inf:
            relied.axvline(float(turn.at), color=plots.INK, linewidth=1.1, linestyle=style, label=label)
            relied.axvspan(float(turn.lower), min(float(turn.upper), given.samples[-1]), color=plots.INK, alpha=0.08)
    relied.set(xscale="log", ylim=(0, 1), xlabel="samples", ylabel=f"answered as {asked.spurious} says")
    relied.set_title("… is relied on")
    enough = [decorrelation(found, n) for n in range(numbers(found)[0], found.samples.size)]
    at = found.samples[-len(enough) :]
    for place, name, color in ((0, "predicted", plots.BLUE), (1, "measured", plots.PURPLE)):
        ends = np.array([[float(x) for x in pair[place]] for pair in enough]).clip(0, 1)
        plots.band(needed, at, ends[:, 0], ends[:, 1], ends[:, 2], label=name, color=color)
    needed.set(xscale="log", ylim=(-0.02, 1.02), xlabel="samples", ylabel="labels decorrelated, δ")
    needed.set_title("decorrelation that is enough")
    for ax in (saved, relied, needed):
        if ax.get_legend_handles_labels()[0]:
            ax.legend()
    return saved.figure


def save(asked: Case, found: Curves, out: Path) -> list[Path]:
    """Writes the figure, and its numbers as race.csv: a row for each share δ, seed and sample number."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["decorrelated", "seed", "samples", "saving_intended_nats", "saving_spurious_nats", "reliance"])
    for (share, seed, n), relied in np.ndenumerate(found.reliance):
        saved = (found.saving[share, seed, i, n] for i in (INTENDED, SPURIOUS))
        writer.writerow([SHARES[share], seed, found.samples[n], *(f"{x:.6g}" for x in (*saved, relied))])
    write_atomic(out / "race.csv", text.getvalue())
    return [*plots.save(figure(asked, found), out, "race"), out / "race.csv"]
