"""`infoloop race`: what will be learned first, when it turns, and what decorrelation it takes, for a shortcut of yours.

The prediction is that of the solo learners, each of which sees one component; beside it stands what the learner of both
does. A share δ of labels with which the spurious component has nothing to do makes its agreement (1 − δ)ρ + δ/2.
"""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter
from rich.console import Console
from scipy.special import stdtrit

from experiments.harness import figures as plots
from experiments.harness import progress
from experiments.harness.ledger import write_atomic
from experiments.validation import unknown
from experiments.harness.study import key_of
from experiments.questions.shortcut.curves import (
    INTENDED,
    SPURIOUS,
    Curves,
    crossing,
    curves,
    measured_turn,
    predicted_turn,
)
from sandbox import spread
from sandbox.shortcuts import KINDS, STUDENTS, Feature, Shortcut, Training, feature, learn_online, shortcut, stack
from sandbox.shortcuts.online import CONTEXT
from theory import estimate
from theory.prequential import Crossing

BATCH = 32
SHARES = np.linspace(0, 1, 9)  # of decorrelated labels
MEANS = 4  # sample numbers for which the decorrelation is told, a factor 4 apart
RATES = {"Adam": 0.01, "SGD": 0.2}
ORDERS = {"parity": 3, "threshold": 3, "pattern": 3}  # where none is given; 1 for others


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
        correct, agreement = np.asarray(self.environment.agreement)
        agreements = np.array([correct, (1 - share) * agreement + share / 2], np.float32)
        return self.environment._replace(agreement=agreements)


def case(
    *,
    intended: str,
    order: int | None,
    margin: float | None,
    scale: float,
    spurious: str,
    spurious_order: int | None,
    spurious_margin: float | None,
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
        _block("intended", intended, ORDERS.get(intended, 1) if order is None else order, margin, scale),
        _block("spurious", spurious, 1 if spurious_order is None else spurious_order, spurious_margin, spurious_scale),
    ]
    for option, block in zip(("intended", "spurious"), blocks, strict=True):
        kind = list(KINDS)[int(block.kind)]
        if student == "table" and kind in ("parity", "two-layer") and KINDS[kind].needs(int(block.order)) > CONTEXT:
            raise ValueError(f"--{option} {kind} of {int(block.order)}: a table sees only {CONTEXT} of its columns")
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
    names = [_name(kind, int(block.order)) for kind, block in zip((intended, spurious), blocks, strict=True)]
    if names[0] == names[1]:
        names = [f"the {option} {name}" for option, name in zip(("intended", "spurious"), names, strict=True)]
    steps = -(-samples // BATCH)
    return Case(names[0], names[1], environment, f"{student} {optimizer}", rate, steps, seeds)


def _block(option: str, kind: str, order: int, margin: float | None, scale: float) -> Feature:
    """The component of an option; a bit is a parity of order 1."""
    if kind not in ("bit", *KINDS):
        raise unknown(f"--{option}", kind, ["bit", *KINDS])
    if kind == "bit" and order != 1:
        raise ValueError(f"--{option} bit: order: with bit 1 is accepted, got {order}")
    try:
        name = "parity" if kind == "bit" else kind
        return feature(name, order=order, margin=margin, scale=scale)
    except ValueError as error:
        raise ValueError(f"--{option} {kind}: {error}") from None


def _name(kind: str, order: int) -> str:
    """A component for people."""
    return kind if order == 1 or kind in ("bit", "length") else f"{kind} of {order}"


def run(seed: int, asked: Case, console: Console) -> Curves:
    """The curves for each of SHARES, [share, seed, learner, n]: one program, run once a share."""
    keys = spread(jax.random.split(key_of(seed, "race"), asked.num_seeds))[:, None]
    options: dict[str, Any] = {"num_steps": asked.num_steps, "batch": BATCH}
    options["training"] = Training(learning_rate=asked.learning_rate)
    found = []
    with progress.steps(console, "race", SHARES.size) as step:
        for share in SHARES:
            with step(f"δ = {share:.3g}"):
                seeds = stack([asked.decorrelated(share)] * asked.num_seeds)  # on axis 0, which the devices share
                learned = learn_online(keys, seeds, STUDENTS[asked.student], **options)
                found.append(curves(jax.tree.map(lambda leaf: leaf[:, 0], learned), batch=BATCH))
    return Curves(found[0].samples, *(np.stack(leaves) for leaves in zip(*(one[1:] for one in found), strict=True)))


def decorrelation(found: Curves, n: int) -> tuple[Crossing, Crossing]:
    """The share δ of decorrelated labels with which the intended component is the one relied on at the n-th number.

    Where that is not clear at δ = 1, the intended component is not learned yet, and no share is enough.

    Returns:
        Predicted, by equal savings of the solo learners; measured, by a reliance of ½.
    """
    never = Crossing(*(jnp.asarray(jnp.inf) for _ in range(3)))
    leads = found.lead[..., n], 0.5 - found.reliance[..., n]
    learned = found.nats_saved[-1, :, INTENDED, n], 0.5 - found.reliance[-1, :, n]
    predicted, measured = (
        crossing(lead.T, SHARES) if clear(one) else never for lead, one in zip(leads, learned, strict=True)
    )
    return predicted, measured


def clear(values: np.ndarray, looks: int = 1) -> np.ndarray:
    """Where the mean over seeds, axis 0, is above 0 by Student's t at 97.5 %, or in one of so many looks at it."""
    mean, stderr, seeds = estimate(values)
    return np.asarray(mean > stdtrit(seeds - 1, 1 - 0.025 / looks) * stderr)


def first(found: Curves) -> int | None:
    """The index of the first sample number at which one solo learner has clearly saved something, and more."""
    looks = found.samples.size
    clearly = [
        clear(sign * found.lead, looks) & clear(found.nats_saved[:, i], looks)
        for i, sign in ((INTENDED, 1), (SPURIOUS, -1))
    ]
    at = np.flatnonzero(clearly[0] | clearly[1])
    return int(at[0]) if at.size else None


def numbers(found: Curves) -> Sequence[int]:
    """Indices of the sample numbers for which a decorrelation is told."""
    wanted = (max(found.samples[-1] / 4**i, found.samples[0]) for i in range(MEANS))
    return sorted({found.at(n) for n in wanted})


@plots.style()
def figure(asked: Case, found: Curves) -> Figure:
    """The race: what each component alone has saved, which one is relied on, and the decorrelation that turns it."""
    given, (saved, relied, needed) = found.pick(0), plots.figure(3)[1]
    errors = float(stdtrit(asked.num_seeds - 1, 0.975))
    for index, name, color in ((INTENDED, asked.intended, plots.BLUE), (SPURIOUS, asked.spurious, plots.VERMILLION)):
        nats = estimate(given.nats_saved[:, index])
        plots.band(saved, given.samples, nats.mean, nats.stderr, label=f"{name} alone", color=color, errors=errors)
    saved.set_yscale("symlog", linthresh=10)
    saved.set(xscale="log", xlabel="samples", ylabel="saved [nats]", title="what saves more …")
    share = estimate(given.reliance)
    plots.band(relied, given.samples, share.mean, share.stderr, color=plots.PURPLE, errors=errors)
    relied.axhline(0.5, color=plots.GREY, linewidth=1)
    for crossover, label, style in (
        (predicted_turn(given), "predicted turn", plots.DASHED),
        (measured_turn(given), "measured", "-"),
    ):
        if 0 < crossover.at < np.inf:
            relied.axvline(float(crossover.at), color=plots.INK, linewidth=1.1, linestyle=style, label=label)
            relied.axvspan(
                float(crossover.lower), min(float(crossover.upper), given.samples[-1]), color=plots.INK, alpha=0.08
            )
    relied.set(xscale="log", ylim=(0, 1), xlabel="samples", ylabel=f"share answered as {asked.spurious} says")
    relied.set_title("… is relied on")
    enough = [decorrelation(found, n) for n in range(numbers(found)[0], found.samples.size)]
    at = found.samples[-len(enough) :]
    for place, name, color in ((0, "predicted", plots.BLUE), (1, "measured", plots.PURPLE)):
        ends = np.array([[float(x) for x in pair[place]] for pair in enough])
        ends = np.where(np.isfinite(ends[:, :1]), ends, np.nan).clip(0, 1)  # what is not learned yet has none
        plots.band(needed, at, ends[:, 0], ends[:, 1], ends[:, 2], label=name, color=color)
    needed.set(xlim=at[[0, -1]], ylim=(-0.02, 1.02), xlabel="samples", ylabel="labels decorrelated, δ")
    needed.set_xscale("log")  # after its limits: there may be nothing to draw
    needed.set_title("decorrelation that is enough")
    correct, agreement = (float(x) for x in np.asarray(asked.environment.agreement))
    setting = f"{asked.intended}, right in {correct:.4g}, against {asked.spurious}, {agreement:.4g}; {asked.student}"
    saved.figure.suptitle(setting)
    for ax in (saved, relied, needed):
        ax.xaxis.set_minor_formatter(NullFormatter())
        if ax.get_legend_handles_labels()[0]:
            ax.legend()
    return saved.figure


def save(asked: Case, found: Curves, out: Path, provenance: Mapping[str, Any]) -> list[Path]:
    """Writes the figure, its numbers, a row for each share δ, seed and sample number, and what was asked."""
    write_atomic(out / "race.json", json.dumps(provenance, indent=1) + "\n")
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["decorrelated", "seed", "samples", "saving_intended_nats", "saving_spurious_nats", "reliance"])
    for (share, seed, n), relied in np.ndenumerate(found.reliance):
        saved = (found.nats_saved[share, seed, i, n] for i in (INTENDED, SPURIOUS))
        writer.writerow([SHARES[share], seed, found.samples[n], *(f"{x:.6g}" for x in (*saved, relied))])
    return [*plots.save(figure(asked, found), out, "race", data=text.getvalue()), out / "race.json"]
