"""The figures of the drift barrier; the docstring of each is its caption."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import TwoSlopeNorm
from matplotlib.contour import ContourSet
from matplotlib.figure import Figure

from experiments.drift_barrier import study
from experiments.drift_barrier.study import BLIND_SIZES, FPRS, RARE, SHARE, START, TPR, Diagram
from experiments.harness import figures as plots
from experiments.harness.ledger import Settings
from theory import Estimate, budget

SHARES = (0.55, 0.6, 0.7, 0.8)
SIZES = np.array([2, 3, 5, 8, 12, 20, 32, 50, 80, 130, 200, 400])


@plots.style()
def diagram(settings: Settings) -> Figure:
    """Accuracy against sample size: which open loops gain information, and which end right.

    Left: what the loop knows in the end less what it knew at first; only below the break-even curve does it gain.
    Right: the probability to end right where one output in ten is right at first; the drift barrier n·s·p = 1, with
    s = ln(φ/ψ), is where selection gets hold of what is rare. All exact, sampling until n are kept. The two curves are
    two different questions. In practice: read your ψ/φ off a labelled sample of the verifier's verdicts; above the
    break-even curve retraining forgets faster than the verifier teaches, so mix in real data or stop; left of the
    barrier collect more kept samples in each round before you retrain.
    """
    fig, (left, correct) = plots.figure(2, width=6.0, height=4.4)
    gain = study.gain(settings)
    norm = TwoSlopeNorm(0, float(gain.values.min()), float(gain.values.max()))
    image = _areas(left, gain, levels=21, cmap="RdBu", norm=norm)
    fig.colorbar(image, ax=left, label="I(X;Z∞) − I(X;Z₀)  [nats]")
    exact = np.asarray(budget.break_even(gain.sizes, SHARE))
    shown = exact >= gain.ratios[0]
    left.plot(gain.sizes[shown], exact[shown], color=plots.DARK, linewidth=2, label="_break-even")
    left.annotate("break-even", (4.2, 0.917), color=plots.DARK, fontsize=11)
    limit = float(budget.break_even_limit(SHARE))
    left.axhline(limit, color=plots.DARK, linewidth=1, linestyle=plots.DASHED, label="_limit of break-even")
    left.annotate("its limit", (2.2, 0.986), color=plots.DARK, fontsize=11)
    left.set(title=f"loss above, gain below; p = {SHARE:g} in real data", ylim=(gain.ratios[0], gain.ratios[-1]))
    ends = study.ends_right(settings)
    image = _areas(correct, ends, levels=np.linspace(0, 1, 21), cmap="viridis")
    fig.colorbar(image, ax=correct, label="P(ends right)", ticks=np.linspace(0, 1, 6))
    barrier = np.exp(-1 / (ends.sizes * RARE))
    correct.plot(ends.sizes, barrier, color=plots.DARK, linewidth=2, linestyle=plots.DASHED, label="_n·s·p = 1")
    arrow = {"arrowstyle": "-", "color": plots.DARK}
    correct.annotate("n·s·p = 1", (20, np.exp(-1 / (20 * RARE))), xytext=(32, 0.42), color=plots.DARK, arrowprops=arrow)
    for level, name, color, place in (
        (0.5, "½", plots.LIGHT, (5, 0.48)),  # on blue
        (0.95, ".95", plots.DARK, (11, 0.32)),  # on yellow
    ):
        line = correct.contour(*ends, levels=[level], colors=color, linewidths=1)
        correct.clabel(line, fmt=name, fontsize=11, manual=[place])
    correct.set(title=f"who ends right, from p = {RARE:g}")
    for ax in (left, correct):
        plots.log_ticks(ax.xaxis, [2, 5, 10, 20, 50, 100, 200])
        ax.set(xlabel="samples kept in a generation, n", ylabel="false- over true-positive rate, ψ/φ")
        ax.grid(False)
    return fig


def _areas(ax: Axes, of: Diagram, **look: Any) -> ContourSet:
    """The areas between levels, as an image, and unseen the values, which areas do not keep."""
    areas = ax.contourf(*of, **look)
    areas.set_rasterized(True)
    ax.pcolormesh(*of, shading="gouraud", visible=False, label="_value")
    return areas


@plots.style()
def break_even(settings: Settings) -> Figure:
    """How accurate a verifier must be for the loop to end with what it began with.

    Lines: exact, for the share p of the right symbol in real data; dashed: the limit for large n, which equates the
    exponents of Chernoff and Kimura (asymptotic; the error at n = 400 is in the ledger, row R1-law). Right: how far
    the exact ratio still is from its limit. In practice: with more samples a round a verifier
    may be weaker (ψ/φ nearer to one), but not as much weaker as drift alone would allow, for more real data have more
    to lose; and where real data are clear, p = .8, it must let pass much less of what is wrong than where they are
    nearly balanced.
    """
    fig, (left, correct) = plots.figure(2, width=5.4)
    lines = {}
    for share, color in zip(SHARES, (plots.BLUE, plots.VERMILLION, plots.GREEN, plots.PURPLE), strict=True):
        exact = np.asarray(budget.break_even(SIZES, share))
        limit = float(budget.break_even_limit(share))
        (lines[f"p = {share:g}"],) = left.plot(SIZES, exact, "o-", color=color)
        ends = SIZES[[0, -1]]  # not beyond, where its label is
        left.plot(
            ends, [limit, limit], color=color, linewidth=1, linestyle=plots.DASHED, label=f"_p = {share:g}, limit"
        )
        correct.plot(SIZES, limit - exact, "o-", color=color, label=f"p = {share:g}")
    left.set(title="break-even accuracy", xlabel="samples a generation, n", ylabel="ψ/φ at which nothing is gained")
    correct.set(title="distance from the limit", xlabel="samples a generation, n", ylabel="limit − exact")
    correct.set_yscale("log")
    for ax in (left, correct):
        plots.log_ticks(ax.xaxis, [2, 10, 50, 200])
    left.set(xlim=(1.8, 900), ylim=(0.55, 1.02))
    plots.direct_labels(left, lines)
    return fig


@plots.style()
def blind_spot(settings: Settings) -> Figure:
    """What the verifier always keeps wins in the end, and the more samples, the surer.

    One output in five is right and kept with .9, three in four are wrong and kept with .3, one in twenty lies in the
    verifier's blind spot and is always kept. Left: where the loop ends; few samples drift, many find the blind spot.
    Right: the share of right outputs on the way. All exact, sampling until n are kept. In practice: stop when the
    outputs are best, which is after a few rounds whatever the number of samples; more samples and more rounds
    serve the blind spot; audit what the verifier never rejects.
    """
    fig, (left, correct) = plots.figure(2, width=5.4)
    colors = (plots.BLUE, plots.GREY, plots.VERMILLION)
    names = ("right", "wrong", "blind spot")
    lines = {}
    for values, color, name in zip(study.blind_ends().T, colors, names, strict=True):
        (lines[name],) = left.plot(BLIND_SIZES, values, "o-", color=color)
    top = study.blind_ends()[:, 0].argmax()
    left.annotate(
        f"best n = {BLIND_SIZES[top]}",
        (BLIND_SIZES[top], study.blind_ends()[top, 0]),
        xytext=(0, 9),
        textcoords="offset points",
        ha="center",
    )
    # below 0 there is room for the label of what ends at 0
    left.set(title="where the loop ends", xlabel="samples kept in a generation, n", ylabel="probability")
    left.set_ylim(-0.05, 0.85)
    plots.log_ticks(left.xaxis, [1, 2, 5, 10, 20, 40])
    left.set_xlim(0.95, 90)
    plots.direct_labels(left, lines)
    t = np.arange(61)
    paths = {}
    for n, color in ((2, plots.SKY), (5, plots.BLUE), (12, plots.GREEN), (40, plots.PURPLE)):
        (paths[f"n = {n}"],) = correct.plot(t, study.blind_path(n)[: len(t), 0], color=color)
    correct.set(title="outputs that are right, on the way", xlabel="generation t", ylabel="share", xlim=(0, 72))
    correct.set_ylim(-0.05, 0.85)
    plots.direct_labels(correct, paths)
    return fig


@plots.style()
def models(settings: Settings) -> Figure:
    """The same barrier in a mixture and in a Markov chain.

    The share of right outputs after 60 generations, from .3, simulated (points with 95 % intervals), for three
    verifiers. In the mixture (two components that do not overlap; right is to come from the lighter one) the exact
    categorical chain, thin dark lines, holds too. In the Markov chain (right is a step into the first of two states)
    each row drifts by itself with the samples that fall to it, and one row that has lost its right step never gets it
    back: the barrier is higher. In practice: count samples per decision that the model has to learn, not samples in
    all; a model with more rows or components needs more kept samples a round for the same verifier.
    """
    fig, axes = plots.figure(2, width=5.2, sharey=True)
    ends = {"mixture of two": study.mixture(settings), "Markov chain": study.markov_chain(settings)}
    for ax, (title, found) in zip(axes, ends.items(), strict=True):
        mean, stderr, count = found.simulated
        exact = study.exact(found.sizes)
        for i, color in enumerate((plots.BLUE, plots.GREEN, plots.VERMILLION)):
            label = f"ψ/φ = {FPRS[i] / TPR:.2f}"
            plots.estimates(ax, found.sizes, Estimate(mean[i], stderr[i], count), color=color, label=label)
            if title.startswith("mixture"):
                plots.theory(ax, found.sizes, exact[i], label=f"_{label}, exact")
            else:
                ax.plot(found.sizes, mean[i], color=color, linewidth=1, label=f"_{label}")
        plots.reference(ax, START, "at the start")
        plots.log_ticks(ax.xaxis, found.sizes)
        ax.set(title=title, xlabel="samples kept in a generation, n", ylim=(0, 1.04))
    axes[0].set_ylabel(f"share of right outputs at t = {study.NUM_GENERATIONS}")
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
