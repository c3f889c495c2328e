"""The figures of the price of verdicts; the docstring of each is its caption."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.harness import figures as plots
from experiments.harness.ledger import Settings
from experiments.verdicts import budgets, study
from theory import budget

SHOWN = {1.0: plots.BLUE, 0.5: plots.GREEN, 0.2: plots.VERMILLION}  # tpr of the loops that are drawn
MARKERS = "os^D"  # of the samples per generation


@plots.style()
def verdicts(settings: Settings) -> Figure:
    """How many verdicts a loop takes, against the lower bound for any method.

    Each point is a loop by rejection sampling, from an even start, run until one of two symbols is left: exact. The
    dashed line is the lower bound (I_∞ − I_0)/C, a theorem. Left, all verdicts: no loop is below the line. Right, the
    accepting ones alone: below the line, at one capacity each, they cannot carry what the loop has learned.

    In practice: budget in verdicts and not in accepted samples, and divide the missing nats by the capacity of the
    verifier for a number that no method beats. The loops drawn here take at least 1.13 times that, most of them several
    times; fewer samples per generation come closer, at the price of ending wrong more often.
    """
    fig, axes = plots.figure(2, sharex=True, sharey=True, width=5.4, height=4.4)
    loops = study.fixations()
    for ax, paid in zip(axes, (loops.verdicts, loops.accepted), strict=True):
        for tpr, color in SHOWN.items():
            i = study.RATES.index(tpr)
            dots: dict[str, Any] = {"color": color, "markersize": 4.5, "alpha": 0.8, "rasterized": True}
            for j, (n, marker) in enumerate(zip(study.SIZES, MARKERS, strict=True)):
                label = f"_true-positive rate {tpr:g}, n = {n}"
                ax.plot(loops.needed[i, :, j], paid[i, :, j], marker, label=label, **dots)
        plots.theory(ax, [0.03, 3000], [0.03, 3000], dashed=True, label="_lower bound")
        ax.fill_between([0.03, 3000], [0.03, 3000], 0.1, color=plots.GREY, alpha=0.12, linewidth=0, label="_below it")
        ax.set(
            xscale="log",
            yscale="log",
            xlim=(0.03, 3000),
            ylim=(0.4, 1e4),
            xlabel="lower bound for any method  [verdicts]",
        )
    axes[0].set(title="no loop beats the lower bound", ylabel="expected verdicts")
    axes[1].set(title="… the accepting verdicts alone would be too few", ylabel="expected accepting verdicts")
    axes[1].tick_params(labelleft=True)
    axes[0].text(60, 1.2, "impossible", color=plots.GREY)
    for tpr, color in SHOWN.items():
        axes[0].plot([], [], "o", color=color, label=f"true-positive rate {tpr:g}")
    for n, marker in zip(study.SIZES, MARKERS, strict=True):
        axes[1].plot([], [], marker, color=plots.GREY, label=f"n = {n}")
    axes[0].legend(loc="upper left")
    axes[1].legend(loc="upper left", ncols=2, columnspacing=1, handletextpad=0.2)
    return fig


@plots.style()
def rounds_figure(settings: Settings) -> Figure:
    """Verdicts that runs save by stopping are worth more than any size of a round; verifier (.8, .4), accuracy .3.

    Left: the share wrong that a fixed number of rounds leaves, which costs N verdicts on average, against the size of
    the rounds; dots: the best size, dashed: √(sφN/θ) for large N. Right: −ln of the share wrong at the best constant
    size under three budgets of N verdicts. Rejection sampling, independent errors, all exact; the bound holds for
    every schedule of rounds up to 32, with feedback.

    In practice: stop a prompt whose samples agree, and give its verdicts to the others.
    """
    fig, (left, right) = plots.figure(2, width=5.6, height=4.4)
    _round_sizes(left, settings)
    _three_budgets(right, settings)
    return fig


def _round_sizes(ax: Axes, settings: Settings) -> None:
    found = budgets.rounds(settings)
    best, wrong = found.best
    for i, n in enumerate(found.verdicts):
        affordable = found.wrong[i] < 1
        shade = {"color": plots.BLUE, "alpha": 0.35 + 0.6 * i / len(best)}
        ax.plot(found.sizes[affordable], found.wrong[i][affordable], linewidth=1.8, label=f"_N = {n}", **shade)
        place, offset = (best[i], wrong[i]), {"xytext": (-5, -6), "textcoords": "offset points"}
        ax.annotate(f"N = {n}", place, **offset, fontsize=10, ha="right", va="top")
    grid = np.geomspace(found.verdicts[0], found.verdicts[-1], 50)
    size, exponent = budget.fixed_rounds_law(budgets.ROUNDS, budgets.START, 1)
    label = "√(sφN/θ), asymptotic"
    plots.theory(ax, size * grid**0.5, np.exp(-exponent * grid**0.5), dashed=True, label=label)
    ax.plot(best, wrong, "o", color=plots.VERMILLION, markersize=7, zorder=6, label="best size, exact")
    ax.axhline(budgets.one_round(), color=plots.GREY, linewidth=1, label="_one round")
    ax.annotate(f"one round of any size: {budgets.one_round():.3f}", (5.2, 2), color=plots.GREY, fontsize=10)
    ax.set(yscale="log", ylim=(wrong[-1] / 1e4, 40), xlabel="accepted samples per round, n")
    ax.set(title="fixed rounds have a best size …", ylabel="share of wrong outputs at the end")
    plots.log_ticks(ax.xaxis, [5, 10, 20, 40, 80])
    ax.minorticks_off()
    ax.legend(loc="lower left")


def _three_budgets(ax: Axes, settings: Settings) -> None:
    found = budgets.budgets(settings)
    n = found.verdicts
    numbers, bound = budgets.bound()
    drawn = (
        ("bound, any schedule", numbers, -np.log(bound), plots.GREY, "s-"),
        ("runs stop", n, found.stopped, plots.GREEN, "^-"),
        ("fixed rounds", n, found.fixed, plots.VERMILLION, "o-"),
        ("hard limit", n[: found.limited.size], found.limited, plots.BLUE, "D-"),
    )
    for name, number, exponents, color, kind in drawn:
        ax.plot(number, exponents, kind, color=color, label=name)
    ax.set(xscale="log", yscale="log", xlabel="verdicts, N", ylabel="−ln(share of wrong outputs)")
    plots.log_ticks(ax.xaxis, [50, 100, 200, 400, 800, 1600, 3200])
    plots.log_ticks(ax.yaxis, [2, 5, 10, 20, 50, 100])
    ax.minorticks_off()
    ax.set(title="… and runs that stop pay for those that go on")
    ax.legend(loc="upper left", title="exact", alignment="left")


@plots.style()
def exchange_figure(settings: Settings) -> Figure:
    """What a verdict is worth in fresh samples; verifier (.9, .2), samples .6/.4, two equally likely tasks, no loop.

    Dots: exact, the fewest samples whose best decision errs no more than that of k verdicts on the two symbols in turn.
    Solid: the limit for large k, the ratio of the Chernoff informations. Dashed: the ratio of capacity to information,
    which is not the number needed.

    In practice: buy verdicts as long as one costs less than 17 fresh samples. For your own verifier compare
    ln(√(φψ) + √((1−φ)(1−ψ))) with ln(2√(p(1−p))), not capacities.
    """
    fig, ax = plots.figure(width=7.2, height=4.4)
    found = study.exchange(settings)
    k, rate = found.verdicts, found.samples / found.verdicts
    for parity, color, label in ((0, plots.BLUE, "k even"), (1, plots.SKY, "k odd")):
        which = k % 2 == parity
        ax.plot(k[which], rate[which], "o", color=color, label=f"exact, {label}")
    for value, name, dashed, gap in (
        (study.by_exponent(), "ratio of the Chernoff informations", False, 24),
        (study.by_information(), "capacity over I(X;Y)", True, -6),
    ):
        plots.theory(ax, [1, k[-1]], [value, value], dashed=dashed, label=f"_{name}")
        where = (k[-1], value)
        ax.annotate(
            f"{name}: {value:.1f}", where, (0, gap), textcoords="offset points", ha="right", va="top", fontsize=11
        )
    ax.set(xlabel="verdicts, k", ylabel="fresh samples per verdict, m/k", ylim=(10, 28))
    title = f"for small errors a (.9, .2) verdict replaces about {study.by_exponent():.0f} fresh .6/.4 samples"
    ax.set_title(title)
    ax.set_xlim(0, k[-1] + 1)
    for number in (10, 20, 30, 40):
        error = f"error {found.error[number - 1]:.0e}".replace("e-0", "e-")
        side = "right" if number == 40 else "center"
        ax.annotate(error, (number, 10.3), ha=side, fontsize=10, color=plots.GREY)
    ax.legend(loc="upper right")
    return fig


FIGURES = {
    "budget-verdicts": verdicts,
    "budget-rounds": rounds_figure,
    "budget-exchange": exchange_figure,
}
