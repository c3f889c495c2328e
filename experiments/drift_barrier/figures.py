"""The figures of the drift barrier; the docstring of each is its caption."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import TwoSlopeNorm
from matplotlib.contour import ContourSet
from matplotlib.figure import Figure

from experiments.drift_barrier import study
from experiments.drift_barrier.study import BLIND_SIZES, ERRS, FPRS, NEVER_REJECTS, RARE, SHARE, START, TPR, VerifierMap
from experiments.harness import figures as plots
from experiments.harness.ledger import Settings
from theory import Estimate, budget

SHARES = (0.55, 0.6, 0.7, 0.8)
SIZES = np.array([2, 3, 5, 8, 12, 20, 32, 50, 80, 130, 200, 400])
LIKELIHOOD_RATIO = "likelihood ratio of the verifier, tpr/fpr"
ACCEPTED = "accepted samples per generation, n"


@plots.style()
def diagram(settings: Settings) -> Figure:
    """Verifier against sample size: which open loops gain information, and which end correct.

    Left: the information in the end less that of Z₀; only above the break-even curve does the loop gain. Right: the
    probability to end correct where 10 % of the outputs are correct initially; at the drift barrier n·s·p = 1, with
    s = ln(tpr/fpr), selection overcomes drift. All exact, rejection sampling until n are accepted. The two curves
    answer two questions. In practice: estimate tpr/fpr from a labelled sample of the verifier's verdicts; below the
    break-even curve the model shows less of the task than the real data did, which is not a lower accuracy; left of
    the barrier collect more accepted samples in each round before you retrain.
    """
    fig, (left, right) = plots.figure(2, width=6.0, height=4.4)
    gain = study.gain(settings)
    norm = TwoSlopeNorm(0, float(gain.values.min()), float(gain.values.max()))
    image = _areas(left, gain, levels=21, cmap="RdBu", norm=norm)
    fig.colorbar(image, ax=left, label="I(X;Z∞) − I(X;Z₀)  [nats]")
    break_even = 1 / np.asarray(budget.break_even(gain.sizes, SHARE))
    shown = break_even <= 1 / gain.ratios[0]
    left.plot(gain.sizes[shown], break_even[shown], color=plots.DARK, linewidth=2, label="_break-even")
    left.annotate("break-even", (4.4, 1.085), color=plots.DARK, fontsize=11)
    limit = 1 / float(budget.break_even_limit(SHARE))
    left.axhline(limit, color=plots.DARK, linewidth=1, linestyle=plots.DASHED, label="_limit of break-even")
    left.annotate("its limit", (2.2, 1.0095), color=plots.DARK, fontsize=11)
    left.set(
        title=f"gain above, loss below; p = {SHARE:g} in real data", ylim=(1 / gain.ratios[-1], 1 / gain.ratios[0])
    )
    ends = study.ends_correct(settings)
    for ax in (left, right):
        plots.log_ticks(ax.xaxis, [2, 5, 10, 20, 50, 100, 200])
        ax.set(xlabel=ACCEPTED, ylabel=LIKELIHOOD_RATIO)
        ax.grid(False)
    plots.log_ticks(right.yaxis, [1, 1.5, 2, 3, 5, 10, 20])
    image = _areas(right, ends, levels=np.linspace(0, 1, 21), cmap="viridis")
    fig.colorbar(image, ax=right, label="P(ends correct)", ticks=np.linspace(0, 1, 6))
    barrier = np.exp(1 / (ends.sizes * RARE))
    right.plot(ends.sizes, barrier, color=plots.DARK, linewidth=2, linestyle=plots.DASHED, label="_n·s·p = 1")
    arrow = {"arrowstyle": "-", "color": plots.DARK}
    right.set_ylim(1 / ends.ratios[-1], 20)
    right.annotate("n·s·p = 1", (20, np.exp(1 / (20 * RARE))), xytext=(32, 2.4), color=plots.DARK, arrowprops=arrow)
    for level, name, color, place in (
        (0.5, "½", plots.LIGHT, (5, 2.1)),  # on blue
        (0.95, ".95", plots.DARK, (11, 3.1)),  # on yellow
    ):
        line = right.contour(*_by_likelihood_ratio(ends), levels=[level], colors=color, linewidths=1)
        right.clabel(line, fmt=name, fontsize=11, manual=[place])
    right.set(title=f"which loops end correct, from p = {RARE:g}")
    return fig


def _by_likelihood_ratio(of: VerifierMap) -> VerifierMap:
    """The map over tpr/fpr instead of its inverse, without a verifier that never errs."""
    errs = of.ratios > 0
    return VerifierMap(of.sizes, 1 / of.ratios[errs], of.values[errs])


def _areas(ax: Axes, of: VerifierMap, **look: Any) -> ContourSet:
    """The areas between levels, as an image, and invisible the values, which areas do not keep."""
    shown = _by_likelihood_ratio(of)
    areas = ax.contourf(*shown, **look)
    areas.set_rasterized(True)
    ax.pcolormesh(*shown, shading="gouraud", visible=False, label="_value")
    return areas


@plots.style()
def break_even(settings: Settings) -> Figure:
    """How good a verifier must be for a loop to end as readable as its real data were.

    Lines: exact, for the share p of the correct symbol in real data; dashed: the limit for large n, at which the
    real data and the loop lose with equal exponents (row R1-law). Right: the
    distance of the exact ratio from its limit. In practice: with more samples per round a verifier may be weaker
    (tpr/fpr nearer to one), but not as much weaker as drift alone would allow, since more real data have more to lose;
    and where real data are clear, p = .8, it must accept far fewer wrong outputs than where they are nearly balanced.
    """
    fig, (left, right) = plots.figure(2, width=5.4)
    lines = {}
    for share, color in zip(SHARES, (plots.BLUE, plots.VERMILLION, plots.GREEN, plots.PURPLE), strict=True):
        exact = 1 / np.asarray(budget.break_even(SIZES, share))
        limit = 1 / float(budget.break_even_limit(share))
        (lines[f"p = {share:g}"],) = left.plot(SIZES, exact, "o-", color=color)
        ends = SIZES[[0, -1]]  # not beyond, where its label is
        left.plot(
            ends, [limit, limit], color=color, linewidth=1, linestyle=plots.DASHED, label=f"_p = {share:g}, limit"
        )
        right.plot(SIZES, exact - limit, "o-", color=color, label=f"p = {share:g}")
    plots.log_ticks(left.yaxis, [1, 1.1, 1.2, 1.3, 1.5, 1.7])
    left.set(title="break-even likelihood ratio", xlabel=ACCEPTED, ylabel="likelihood ratio, tpr/fpr")
    right.set(title="distance from the limit", xlabel=ACCEPTED, ylabel="exact − limit")
    right.set_yscale("log")
    for ax in (left, right):
        plots.log_ticks(ax.xaxis, [2, 10, 50, 200])
    left.set(xlim=(1.8, 900), ylim=(0.97, 1.75))
    plots.direct_labels(left, lines)
    return fig


@plots.style()
def blind_spot(settings: Settings) -> Figure:
    """With a blind spot more samples do not help, if the verifier rejects some correct outputs.

    Of the outputs 20 % are correct and accepted with .9, 75 % are wrong and accepted with .3, 5 % are in the verifier's
    blind spot and always accepted. Left: where the loop ends; with few samples it drifts, with many it ends in the
    blind spot; thin dark line: ends correct where correct outputs are always accepted, too, and more samples do help.
    Right: the accuracy on the way. All exact, rejection sampling until n are accepted. In practice: first see that the
    verifier rejects nothing correct; if it does, stop when the outputs are best, which is after a few rounds whatever
    the number of samples; audit what the verifier never rejects.
    """
    fig, (left, right) = plots.figure(2, width=5.4)
    colors = (plots.BLUE, plots.GREY, plots.VERMILLION)
    names = ("correct", "wrong", "blind spot")
    lines = {}
    ends, never = (np.stack([study.blind_ends(int(n), tpr) for n in BLIND_SIZES]) for tpr in (ERRS, NEVER_REJECTS))
    for values, color, name in zip(ends.T, colors, names, strict=True):
        (lines[name],) = left.plot(BLIND_SIZES, values, "o-", color=color)
    lines["correct, tpr 1"] = plots.theory(left, BLIND_SIZES, never[:, 0], label="_correct, tpr 1")
    peak = ends[:, 0].argmax()
    corner = (BLIND_SIZES[peak], ends[peak, 0])
    note = {"xytext": (0, -26), "textcoords": "offset points", "ha": "center"}
    left.annotate(f"best n = {BLIND_SIZES[peak]}", corner, **note)
    # below 0 there is room for the label of what ends at 0
    left.set(title="where the loop ends", xlabel=ACCEPTED, ylabel="probability")
    left.set_ylim(-0.05, 0.85)
    plots.log_ticks(left.xaxis, [1, 2, 5, 10, 20, 40])
    left.set_xlim(0.95, 130)
    plots.direct_labels(left, lines)
    t = np.arange(61)
    paths = {}
    for n, color in ((2, plots.SKY), (5, plots.BLUE), (12, plots.GREEN), (40, plots.PURPLE)):
        (paths[f"n = {n}"],) = right.plot(t, study.blind_path(n, ERRS)[: len(t), 0], color=color)
    right.set(title="the accuracy on the way", xlabel="generation", ylabel="accuracy", xlim=(0, 72))
    right.set_ylim(-0.05, 0.85)
    plots.direct_labels(right, paths)
    return fig


@plots.style()
def models(settings: Settings) -> Figure:
    """The same barrier in a mixture and in a Markov chain.

    The accuracy after 60 generations, from .3, simulated (points with 95 % intervals), for three verifiers, LR =
    tpr/fpr. In the mixture (two components that do not overlap; a sample of the lighter one is correct) the exact
    categorical chain, thin dark lines, holds too. In the Markov chain (a step into the first of two states is correct)
    each row drifts by itself with the samples that fall to it, and a row that has lost its correct step never recovers
    it: the barrier is higher. In practice: count samples per decision that the model has to learn, not samples in all;
    a model with more rows or components needs more accepted samples per round for the same verifier.
    """
    fig, axes = plots.figure(2, width=5.2, sharey=True)
    ends = {"mixture of two": study.mixture(settings), "Markov chain": study.markov_chain(settings)}
    for ax, (title, found) in zip(axes, ends.items(), strict=True):
        mean, stderr, count = found.simulated
        exact = study.exact(found.sizes)
        for i, color in enumerate((plots.BLUE, plots.GREEN, plots.VERMILLION)):
            label = f"LR {TPR / FPRS[i]:.2f}"
            plots.estimates(ax, found.sizes, Estimate(mean[i], stderr[i], count), color=color, label=label)
            if title.startswith("mixture"):
                plots.theory(ax, found.sizes, exact[i], label=f"_{label}, exact")
            else:
                ax.plot(found.sizes, mean[i], color=color, linewidth=1, label=f"_{label}")
        plots.reference(ax, START, "at the start")
        plots.log_ticks(ax.xaxis, found.sizes)
        ax.set(title=title, xlabel=ACCEPTED, ylim=(0, 1.04))
    axes[0].set_ylabel(f"accuracy at t = {study.NUM_GENERATIONS}")
    axes[0].legend(loc="lower right")
    corner = (max(ends["Markov chain"].sizes), START)
    axes[1].annotate("at the start", corner, xytext=(0, -14), textcoords="offset points", ha="right")
    return fig


FIGURES = {
    "drift-barrier-diagram": diagram,
    "drift-barrier-break-even": break_even,
    "drift-barrier-blind-spot": blind_spot,
    "drift-barrier-models": models,
}
