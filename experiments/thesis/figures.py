"""The figures of the race; the docstring of each is its caption."""

import itertools
import math
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from scipy.special import stdtrit

from experiments import plots
from experiments.ledger import Settings
from experiments.thesis.curves import INTENDED, SPURIOUS, measured_turn, predicted_turn
from experiments.thesis.measures import EVERYONE, MLPS, SAVING, TABLES, pool, rate
from experiments.thesis.study import SMALL_SAVING, studied
from theory import Estimate, estimate

MODELS = {
    "MLP": (MLPS, plots.BLUE),
    "linear": (("linear SGD", "linear Adam"), plots.GREEN),
    "table": (TABLES, plots.ORANGE),
}
GROUPS = {"all students": (EVERYONE, "o", "full"), "MLPs": (MLPS, "o", "none"), "tables": (TABLES, "s", "none")}
RATIOS = (1, 1.25, 1.6, 2, 3, 6, np.inf)  # of the savings


def half(mean: Estimate) -> np.ndarray:
    """Half the 95 % interval of a mean over few replicas, by Student's t."""
    return stdtrit(mean.count - 1, 0.975) * np.asarray(mean.stderr)


def band(ax: Axes, samples: np.ndarray, values: np.ndarray, *, share: bool = True, **options: Any) -> Line2D:
    """The mean over seeds [seed, n] with its 95 % band, which is within [0, 1] where the values are shares."""
    mean = estimate(values)
    ends = np.asarray(mean.mean) + half(mean) * np.array([[-1], [1]])
    low, high = ends.clip(0, 1) if share else ends
    return plots.band(ax, samples, mean.mean, low, high, **options)


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
        band(saved, found.samples, found.saving[:, component], share=False, label=name, color=color)
    band(relied, found.samples, found.reliance, color=plots.PURPLE, label="_student of both")
    relied.axhline(0.5, color=plots.GREY, linewidth=1, label="_one half")
    for turn, name, dashes in (
        (predicted_turn(found), "savings cross", (0, (5, 3))),
        (measured_turn(found), "turn", "-"),
    ):
        for ax in (saved, relied):
            at, low, high = float(turn.at), float(turn.lower), min(float(turn.upper), found.samples[-1])
            ax.axvline(at, color=plots.INK, linewidth=1.1, linestyle=dashes, label=f"{name}, {at:,.0f}")
            ax.axvspan(low, high, color=plots.INK, alpha=0.08, label=f"_{name}, 95 %")
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
    relied on, among those with a reliance more than .1 from ½ (some 80 %); means over environments, 95 % intervals
    between them. Left: dots, of all students; circles, of MLPs; squares, of tables. Grey: known before training. Order:
    the degree of the simplest polynomial that tells something of the component, then the information. Right: only where
    one saving is above 3 nats.

    In practice: train the student on each component alone and add up what it saves. Neither information, correlation
    nor simplicity do as well, least of all for a table. A lead by a factor of 2 or 3 is right in nine of ten cells, one
    above 6 nearly always. Use the student's own kind, and as many samples: those of a tenth of them are right less
    often than the order.
    """
    fig, (left, right) = plots.figure(2, width=6.6, height=4.8)
    found = list(pool(settings).score)
    shown = {how: GROUPS for how in found}
    if settings.full:
        shown[SMALL_SAVING] = {"MLPs": (("MLP Adam",), *GROUPS["MLPs"][1:])}
    for y, (how, groups) in enumerate(shown.items()):
        color = plots.BLUE if how == SAVING else plots.GREY if y < found.index("accuracy") else plots.VERMILLION
        for name, (students, marker, fill) in groups.items():
            mean, offset = rate(settings, how, students), 0.24 * (list(GROUPS).index(name) - 1)
            dot: dict[str, Any] = {"fmt": marker, "color": color, "fillstyle": fill, "label": "_" * (y > 0) + name}
            left.errorbar(float(mean.mean), y + offset, xerr=half(mean), **dot)
    left.set_yticks(range(len(shown)), list(shown))
    left.set(xlim=(0.3, 1), ylim=(len(shown) - 0.5, -0.5), xlabel="share of cells in which it is right")
    left.set_title("the saving is right most often")
    left.legend(loc="lower left")
    for i, (model, (students, color)) in enumerate(MODELS.items()):
        rates = [rate(settings, SAVING, students, least=low, below=high) for low, high in itertools.pairwise(RATIOS)]
        mean = np.array([float(one.mean) for one in rates])
        down, up = np.minimum([half(one) for one in rates], [mean, 1 - mean])  # a share is in [0, 1]
        x = np.arange(len(rates)) + 0.15 * (i - 1)
        right.errorbar(x, mean, yerr=(down, up), fmt="o-", color=color, label=model)
    names = [f"{low:g}–{high:g}" for low, high in itertools.pairwise(RATIOS[:-1])]
    right.set_xticks(range(len(RATIOS) - 1), [*names, f"> {RATIOS[-2]:g}"])
    right.axhline(0.5, color=plots.GREY, linewidth=1, label="_one half")
    right.set(ylim=(0.2, 1.02), xlabel="the larger saving / the smaller", ylabel="share of cells in which it is right")
    right.set_title("… the more so the farther they are apart")
    right.legend(loc="lower right")
    return fig


FIGURES = {"thesis-race": race, "thesis-hits": hit_rates}
