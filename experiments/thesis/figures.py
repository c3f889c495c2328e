"""The figures of the race; the docstring of each is its caption."""

import itertools
import math

import numpy as np
from matplotlib.figure import Figure

from experiments import plots
from experiments.ledger import Settings
from experiments.thesis.curves import INTENDED, SPURIOUS, measured_turn, predicted_turn
from experiments.thesis.measures import EVERYONE, MLPS, SAVING, TABLES, pool, rate
from experiments.thesis.study import SMALL_SAVING, studied

MODELS = {
    "MLP": (MLPS, plots.BLUE),
    "linear": (("linear SGD", "linear Adam"), plots.GREEN),
    "table": (TABLES, plots.ORANGE),
}
RATIOS = (1, 1.25, 1.6, 2, 3, 6, np.inf)  # of the savings


@plots.style()
def race(settings: Settings) -> Figure:
    """One race: a parity of three bits, right in 90 % of the labels, against a length that agrees with 80 % of them.

    Left: what an MLP (64 units, Adam .01, batches of 32) saves of each component alone, the label's entropy less the
    online log loss, summed; right: how often one that sees both answers as the length says, on inputs in which they
    differ. Means over 8 seeds (full profile: 16) with 95 % bands; lines and their bands: where the savings cross, and
    where the reliance passes ½.

    In practice: the parity says more of the label, but costs some 70 nats before it pays, while length saves from
    the first batches on. Who stops long before the savings cross has trained a student of length; here more samples
    of the same kind are the cure.
    """
    found = studied(settings)["MLP Adam"].race
    fig, (saved, relied) = plots.figure(2, width=5.8, height=4.2)
    for component, name, color in (
        (INTENDED, "parity alone", plots.BLUE),
        (SPURIOUS, "length alone", plots.VERMILLION),
    ):
        nats = found.saving[:, component]
        plots.band(saved, found.samples, nats.mean(0), nats.std(0, ddof=1) / len(nats) ** 0.5, label=name, color=color)
    shares = found.reliance
    plots.band(relied, found.samples, shares.mean(0), shares.std(0, ddof=1) / len(shares) ** 0.5, color=plots.PURPLE)
    relied.axhline(0.5, color=plots.GREY, linewidth=1)
    for turn, name, dashes in (
        (predicted_turn(found), "savings cross", (0, (5, 3))),
        (measured_turn(found), "turn", "-"),
    ):
        for ax in (saved, relied):
            ax.axvline(
                float(turn.at), color=plots.INK, linewidth=1.1, linestyle=dashes, label=f"{name}, {turn.at:,.0f}"
            )
            ax.axvspan(float(turn.lower), min(float(turn.upper), found.samples[-1]), color=plots.INK, alpha=0.08)
    for ax in (saved, relied):
        ax.set(xscale="log", xlabel="samples")
        ticks = found.samples[0] * 2 ** np.arange(1, math.log2(found.samples[-1] / found.samples[0]) + 1)
        ax.set_xticks(ticks, [f"{n:,.0f}" for n in ticks])
        ax.set_xticks([], minor=True)
        ax.set_xlim(found.samples[0], found.samples[-1])
    saved.set(ylabel="saved  [nats]", title="who has saved more by then …")
    relied.set(ylabel="answered as the length says", ylim=(0, 1.02))
    relied.set_title("… is relied on")
    saved.legend(loc="upper left")
    return fig


@plots.style()
def hit_rates(settings: Settings) -> Figure:
    """How often each predictor says what a student relies on, and how far the savings must be apart for that.

    Random environments (248, full profile 1000) of all kinds of components, scales, sizes and sparsities, six students
    with random learning rates, 12 numbers of samples up to 8192 (32 768). The share of cells in which the larger one is
    relied on, among those with a reliance more than .1 from ½; means over environments, 95 % intervals between them.
    Grey: known before training. Order: the degree of the simplest polynomial that tells something of the component,
    then the information. Right: only where one saving is above 3 nats.

    In practice: train the student on each component alone and add up what it saves. Neither information, correlation
    nor simplicity do as well, least of all for a table. A lead by a factor of 2 or 3 is right in nine of ten cells, one
    above 6 nearly always. Use the student's own kind, and as many samples: those of a tenth of them are right less
    often than the order.
    """
    fig, (left, right) = plots.figure(2, width=6.6, height=4.8)
    found = list(pool(settings).score)
    shown = {how: {"all students": EVERYONE, "MLPs": MLPS} for how in found}
    if settings.full:
        shown[SMALL_SAVING] = {"MLPs": ("MLP Adam",)}
    for y, (how, groups) in enumerate(shown.items()):
        color = plots.BLUE if how == SAVING else plots.GREY if y < found.index("accuracy") else plots.VERMILLION
        for name, students in groups.items():
            fill, offset = ("none", 0.18) if name == "MLPs" else ("full", -0.12)
            mean, error = (float(x) for x in rate(settings, how, students)[:2])
            left.errorbar(
                mean,
                y + offset,
                xerr=1.96 * error,
                fmt="o",
                color=color,
                fillstyle=fill,
                label=name if y == 0 else None,
            )
    left.set_yticks(range(len(shown)), list(shown))
    left.set(xlim=(0.45, 1), ylim=(len(shown) - 0.5, -0.5), xlabel="share of cells in which it is right")
    left.set_title("the saving is right most often")
    left.legend(loc="lower left")
    for i, (model, (students, color)) in enumerate(MODELS.items()):
        rates = [rate(settings, SAVING, students, least=low, below=high) for low, high in itertools.pairwise(RATIOS)]
        mean, error = (np.array([float(one[j]) for one in rates]) for j in range(2))
        x = np.arange(len(rates)) + 0.15 * (i - 1)
        right.errorbar(x, mean, yerr=1.96 * error, fmt="o-", color=color, label=model)
    names = [f"{low:g} to {high:g}" for low, high in itertools.pairwise(RATIOS[:-1])]
    right.set_xticks(range(len(RATIOS) - 1), [*names, f"over {RATIOS[-2]:g}"])
    right.axhline(0.5, color=plots.GREY, linewidth=1)
    right.set(ylim=(0.2, 1.02), xlabel="the larger saving / the smaller", ylabel="share of cells in which it is right")
    right.set_title("… the more so the farther they are apart")
    right.legend(loc="lower right")
    return fig


FIGURES = {"thesis-race": race, "thesis-hits": hit_rates}
