"""The figure of `infoloop shortcut`, and the files that it leaves."""

import csv
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter
from scipy.special import stdtrit

from experiments.harness import figures as plots
from experiments.harness.ledger import write_atomic
from experiments.questions.shortcut.curves import INTENDED, SPURIOUS, Curves, measured_crossover, predicted_crossover
from experiments.questions.shortcut.learn import SHARES, Question, decorrelation, numbers
from theory import estimate

STEM = "shortcut"


@plots.style()
def figure(question: Question, found: Curves) -> Figure:
    """Code length saved by each feature alone, the feature relied on, and the decorrelation that makes it switch."""
    given, (saved, reliance, needed) = found.pick(0), plots.figure(3)[1]
    errors = float(stdtrit(question.num_seeds - 1, 0.975))
    names = ((INTENDED, question.intended, plots.BLUE), (SPURIOUS, question.spurious, plots.VERMILLION))
    for index, name, color in names:
        nats = estimate(given.nats_saved[:, index])
        plots.band(saved, given.samples, nats.mean, nats.stderr, label=f"{name} alone", color=color, errors=errors)
    saved.set_yscale("symlog", linthresh=10)
    saved.set(xscale="log", xlabel="samples", ylabel="code length saved [nats]")
    saved.set_title("the feature that saves more code length …")
    share = estimate(given.reliance)
    plots.band(reliance, given.samples, share.mean, share.stderr, color=plots.PURPLE, errors=errors)
    _crossovers(reliance, given)
    reliance.set(xscale="log", ylim=(0, 1), xlabel="samples", ylabel=f"reliance on {question.spurious}")
    reliance.set_title("… is relied on")
    enough = [decorrelation(found, n) for n in range(numbers(found)[0], found.samples.size)]
    at = found.samples[-len(enough) :]
    for place, name, color in ((0, "predicted", plots.BLUE), (1, "measured", plots.PURPLE)):
        ends = np.array([[float(x) for x in pair[place]] for pair in enough])
        ends = np.where(np.isfinite(ends[:, :1]), ends, np.nan).clip(0, 1)  # what is not learned yet has none
        plots.band(needed, at, ends[:, 0], ends[:, 1], ends[:, 2], label=name, color=color)
    needed.set(xlim=at[[0, -1]], ylim=(-0.02, 1.02), xlabel="samples", ylabel="share of decorrelated labels, δ")
    needed.set_xscale("log")  # after its limits: there may be nothing to draw
    needed.set_title("decorrelation that is enough")
    correct, agreement = (float(x) for x in np.asarray(question.environment.agreement))
    setting = f"agreement with the label: {correct:.4g} ({question.intended}), {agreement:.4g} ({question.spurious})"
    saved.figure.suptitle(f"{setting}; {question.student}")
    for ax in (saved, reliance, needed):
        ax.xaxis.set_minor_formatter(NullFormatter())
        if ax.get_legend_handles_labels()[0]:
            ax.legend()
    return saved.figure


def _crossovers(ax: Axes, given: Curves) -> None:
    """Lines where the single-feature learners predict the switch and where it is measured, with 95 % bands."""
    ax.axhline(0.5, color=plots.GREY, linewidth=1)
    predicted, measured = predicted_crossover(given), measured_crossover(given)
    for crossover, label, style in ((predicted, "switch, predicted", plots.DASHED), (measured, "measured", "-")):
        if 0 < crossover.at < np.inf:
            ends = float(crossover.lower), min(float(crossover.upper), given.samples[-1])
            ax.axvline(float(crossover.at), color=plots.INK, linewidth=1.1, linestyle=style, label=label)
            ax.axvspan(*ends, color=plots.INK, alpha=0.08)


def save(question: Question, found: Curves, out: Path, provenance: Mapping[str, Any]) -> list[Path]:
    """Writes the figure, its numbers (a row for each share δ, seed and sample number) and the options."""
    write_atomic(out / f"{STEM}.json", json.dumps(provenance, indent=1) + "\n")
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["decorrelated", "seed", "samples", "nats_saved_intended", "nats_saved_spurious", "reliance"])
    for (share, seed, n), reliance in np.ndenumerate(found.reliance):
        saved = (found.nats_saved[share, seed, i, n] for i in (INTENDED, SPURIOUS))
        writer.writerow([SHARES[share], seed, found.samples[n], *(f"{x:.6g}" for x in (*saved, reliance))])
    return [*plots.save(figure(question, found), out, STEM, data=text.getvalue()), out / f"{STEM}.json"]
