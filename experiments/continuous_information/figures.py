"""The information along loops of a mixture and a chain, between bounds; and how good the bounds are."""

from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from experiments.continuous_information import study
from experiments.continuous_information.coverage import BERNSTEIN, LEVEL, NAIVE, NORMAL, covered
from experiments.continuous_information.exact import information
from experiments.harness import figures as plots
from experiments.harness.ledger import Settings

COLORS = {
    "closed": plots.CLOSED,
    "self-consistency": plots.SELF_JUDGE,
    "verifier": plots.VERIFIER,
    "fresh data": plots.REAL,
}
TITLES = {loop: loop.replace("self-consistency", "self-consistency judge") for loop in COLORS}
MARGIN = 0.02  # shaded, around the coverage that is promised


def _loops(settings: Settings, of: Any, num_tasks: int) -> Figure:
    """A column a loop: information between its bounds above, accuracy below."""
    fig, axes = plots.figure(len(COLORS), 2, width=3.3, height=2.6, sharex=True, sharey="row")
    top = np.log(num_tasks)
    for (upper, lower), (loop, color) in zip(axes.T, COLORS.items(), strict=True):
        found = of(settings, loop)
        found.draw(upper, color)
        accuracy = found.accuracy
        assert accuracy is not None
        t = np.arange(len(accuracy.mean))
        if found.injection is not None:
            injection = np.minimum(found.injection.mean(0), top)
            plots.theory(upper, t, injection, dashed=True, label="_by injection")
            style = {"textcoords": "offset points", "va": "bottom", "fontsize": 10}
            upper.annotate("upper bound", (t[1], injection[1]), (6, 1), **style)
        upper.set(title=loop, ylim=(0, 1.05 * top))
        plots.theory(upper, t[[0, -1]], [top, top], label="_H(X)")
        plots.band(lower, t, accuracy.mean, accuracy.stderr, color=color, label="_accuracy")
        lower.set(ylim=(0, 1), xlabel="generation")
    axes[0, 0].set_ylabel("I(X;Zₜ)  [nats]")
    axes[1, 0].set_ylabel("accuracy")
    axes[0, 0].annotate("H(X), all of the task", (0.1, 0.985 * top), va="top", fontsize=10)
    return fig


@plots.style()
def mixture(settings: Settings) -> Figure:
    """Eight tasks, a mixture of two components, its weight and means refitted to 20 samples a generation.

    The information lies in the dark band, up to the sampling error of either end (pale, 95 %), within which the ends
    may cross. Lower bound: a classifier reads the task off the model; upper bound: what the fit has seen. Dashed: the
    information before plus the most that the signal adds, at most H(X). A sample is correct near the heaviest component
    of the task.

    In practice: judged by itself a model sharpens and forgets; a verifier that depends on the task adds information; 4
    fresh samples of 20 a generation only slow the loss.
    """
    return _loops(settings, study.mixture, 8)


@plots.style()
def chain(settings: Settings) -> Figure:
    """Eight tasks, a Markov chain of three states refitted to a path of 100 symbols: information between two bounds.

    Pale: 95 % of either end; dashed: the information before plus the most that the signal adds. A step is correct
    unless it is the less likely move of the task from its state. With a self-consistency judge the accuracy is above
    that of Z_0 in every generation, while the model carries less and less information about its task.

    In practice: a rising score does not show that a loop learns; ask whether what raises it depends on the task.
    """
    return _loops(settings, study.chain, 8)


@plots.style()
def exact(settings: Settings) -> Figure:
    """Eight tasks, a Markov chain of two states refitted to a path of ten symbols, whose paths can be counted.

    The brackets (colour) contain the exact information (black) within their sampling error (pale, 95 %). They are wide
    where a judge rejects steps: the upper bound then counts the rejected ones too, which the fit does not see.

    In practice: where enumeration is out of reach, use the bracket. It is as tight as there are models that carry the
    likelihood: for a mixture of 17 parameters it is a nat wide.
    """
    studies = study.two_states(settings)
    fig, axes = plots.figure(len(studies), width=3.3, height=2.9, sharey=True)
    for ax, (loop, found) in zip(axes, studies.items(), strict=True):
        found.draw(ax, COLORS[loop])
        values = information(loop, found.bounds.lower.shape[1] - 1)
        plots.theory(ax, np.arange(values.size), values, label="_exact")
        ax.set(title=loop, xlabel="generation")
    axes[0].set(ylabel="I(X;Zₜ)  [nats]", ylim=(0, None))
    return fig


@plots.style()
def coverage(settings: Settings) -> Figure:
    """How often 95 % intervals of a Monte Carlo information miss the truth, and how wide they are.

    Left: the share of the intervals, 10,000 a case (80,000 in the full profile), that miss the truth, which is known
    in closed form, by quadrature or by an exact sum; bars are 95 % intervals of the share (Clopper and Pearson), arrows
    mean that none missed; shaded: 3 to 7 %. Right: the mean half-width. Normal intervals have their coverage from some
    hundred independent replicas on. They miss a third of the time where 50 replicas have to meet a task of 2 %, since
    the variance of those that never met it is zero; empirical Bernstein intervals, which use the range of the values,
    cover always, and are 2 to 8 times as wide. Four data sets of one task are not four replicas.

    In practice: count as replicas only what is drawn independently from the task on, give each task its data sets in
    every round (the interval is a little narrower), and where a rare event carries the information use bounds. Avoid
    nearest-neighbour estimates: in 32 dimensions, or on data with ties, they are nats below the truth.
    """
    rows = covered(settings)[::-1]
    colors = {NORMAL: plots.BLUE, BERNSTEIN: plots.GREEN, NAIVE: plots.VERMILLION}
    fig, (left, right) = plots.figure(2, width=6.2, height=4.4, sharey=True)
    left.axvspan(1 - LEVEL - MARGIN, 1 - LEVEL + MARGIN, color=plots.SKY, alpha=0.3, linewidth=0)
    left.axvline(1 - LEVEL, color=plots.INK, linewidth=1, linestyle=plots.DASHED)
    for y, row in enumerate(rows):
        color, (low, high) = colors[row.interval], row.between(0.025)
        if row.hits < row.repeats:
            ends = [[high - row.share], [row.share - low]]
            left.errorbar(1 - row.share, y, xerr=ends, fmt="o", color=color, label=f"_{row.interval}")
        else:
            left.plot(1 - low, y, "<", color=color, label=f"_{row.interval}, at most")
        right.plot(row.half_width, y, "o", color=color, label=f"_{row.interval}")
    left.set_yticks(range(len(rows)), [f"{row.case}, n = {row.replicas}: {row.interval}" for row in rows])
    left.set(xscale="log", xlabel="share of the intervals that miss the truth", title="how often 95 % intervals miss")
    left.set_xticks([0.0001, 0.001, 0.01, 0.05, 0.3], ["0.01 %", "0.1 %", "1 %", "5 %", "30 %"])
    left.set_xlim(3e-5, 0.7)
    right.set(xlabel="mean half-width  [nats]", title="how wide they are", xlim=(0.025, 1.5))
    plots.log_ticks(right.xaxis, [0.03, 0.1, 0.3, 1])
    left.xaxis.set_minor_locator(NullLocator())
    return fig


FIGURES = {
    "continuous-mixture": mixture,
    "continuous-chain": chain,
    "continuous-two-states": exact,
    "coverage": coverage,
}
