"""The figures of the price of verdicts; the docstring of each is its caption."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments import plots
from experiments.ledger import Settings
from experiments.verdicts import blocks, converse, exchange, rounds
from theory import budget

SHOWN = {1.0: plots.BLUE, 0.5: plots.GREEN, 0.2: plots.VERMILLION}  # tpr of the loops that are drawn
MARKERS = "os^D"  # of the samples a generation
STUDENTS = {
    "ignoring": ("Bayes, forgets rejections", plots.ORANGE),
    "uniform": ("Bayes, uniform candidates", plots.BLUE),
    "own": ("Bayes, own candidates", plots.GREEN),
    "probable": ("Bayes, asks of the likeliest", plots.PURPLE),
}


@plots.style()
def verdicts(settings: Settings) -> Figure:
    """How many verdicts a loop takes, against what no learner can beat.

    Each point is a loop, until kept, from an even start, run until one of two symbols is left: exact. The dashed line
    is the converse, (I_∞ − I_0)/C, a theorem. Left, all verdicts: no loop passes the line. Right, the kept ones alone:
    below the line, at one capacity each, they cannot have told what the loop has learned.

    In practice: budget in verdicts and not in kept samples, and divide the nats that are missing by the capacity of the
    verifier for a number below which no method goes. Expect a loop to take several times that; fewer samples a
    generation come closer, at the price of ending wrong more often.
    """
    fig, axes = plots.figure(2, sharex=True, sharey=True, width=5.4, height=4.4)
    study = converse.fixations("even")
    for ax, paid in zip(axes, (study.verdicts, study.kept), strict=True):
        for tpr, color in SHOWN.items():
            i = converse.RATES.index(tpr)
            dots: dict[str, Any] = {"color": color, "markersize": 4.5, "alpha": 0.8, "rasterized": True}
            for j, (n, marker) in enumerate(zip(converse.SIZES, MARKERS, strict=True)):
                label = f"_true-positive rate {tpr:g}, n = {n}"
                ax.plot(study.needed[i, :, j], paid[i, :, j], marker, label=label, **dots)
        plots.theory(ax, [0.03, 3000], [0.03, 3000], dashed=True, label="_converse")
        ax.fill_between([0.03, 3000], [0.03, 3000], 0.1, color=plots.GREY, alpha=0.12, linewidth=0, label="_below it")
        ax.set(xscale="log", yscale="log", xlim=(0.03, 3000), ylim=(0.4, 1e4), xlabel="converse  [verdicts]")
    axes[0].set(title="no loop needs fewer verdicts than the converse", ylabel="expected in the loop  [verdicts]")
    axes[1].set(title="… but the kept ones alone would be too few", ylabel="expected in the loop  [kept samples]")
    axes[1].tick_params(labelleft=True)
    axes[0].text(60, 1.2, "impossible", color=plots.GREY)
    for tpr, color in SHOWN.items():
        axes[0].plot([], [], "o", color=color, label=f"true-positive rate {tpr:g}")
    for n, marker in zip(converse.SIZES, MARKERS, strict=True):
        axes[1].plot([], [], marker, color=plots.GREY, label=f"n = {n}")
    axes[0].legend(loc="upper left")
    axes[1].legend(loc="upper left", ncols=2, columnspacing=1, handletextpad=0.2)
    return fig


@plots.style()
def rounds_figure(settings: Settings) -> Figure:
    """Few large rounds or many small ones, until kept; verifier (.8, .4), a share .3 right at the start.

    Left: what a budget of N verdicts leaves wrong, against the size of constant rounds; the dots are the best. Right:
    the exponent of the best schedule against √N. Coloured: exact, for the family searched. Thin lines: asymptotic, for
    large N; the solid one takes the loss by drift from the exact chain, the dashed ones from the diffusion. That two
    sizes approach 1/√p times the exponent of one is a conjecture. The bound, feedback included, is exact for rounds of
    at most 32.

    In practice: never spend a budget in one round, take about √(φN/2p) kept samples in each. Better: begin with up
    to half as many again, and let every round be about a tenth smaller than the last. Better than any such plan: look.
    The share of candidates that pass tells how much is right; keep rounds large until it has risen, then small.
    """
    fig, (left, right) = plots.figure(2, width=5.6, height=4.4)
    _round_sizes(left, settings)
    _exponents(right, settings)
    return fig


def _round_sizes(ax: Axes, settings: Settings) -> None:
    study = rounds.constant(settings)
    best, wrong, _ = study.best
    for i, n in enumerate(study.verdicts):
        paid = study.wrong[i] < 1
        sizes = study.sizes[paid]
        shade = {"color": plots.BLUE, "alpha": 0.35 + 0.6 * i / len(best)}
        ax.plot(sizes, study.wrong[i][paid], linewidth=1.8, label=f"_N = {n}", **shade)
        ax.annotate(
            f"N = {n}", (best[i], wrong[i]), (-5, -6), textcoords="offset points", fontsize=10, ha="right", va="top"
        )
    grid = np.geomspace(study.verdicts[0], study.verdicts[-1], 50)
    law = np.array([budget.round_size_law(rounds.VERIFIER, rounds.START, n) for n in grid.tolist()])
    plots.theory(ax, law[:, 0], np.exp(-law[:, 1]), dashed=True, label="√(φN/2p), asymptotic")
    ax.plot(best, wrong, "o", color=plots.VERMILLION, markersize=7, zorder=6, label="best size, exact")
    ax.axhline(rounds.one_round(), color=plots.GREY, linewidth=1, label="_one round")
    ax.annotate(f"one round of any size: {rounds.one_round():.3f}", (5.2, 2), color=plots.GREY, fontsize=10)
    ax.set(xscale="log", yscale="log", ylim=(wrong[-1] / 1e4, 40), xlabel="samples kept in each round, n")
    ax.set(title="there is a best size of a round …", ylabel="wrong share at the end, E[1 − Z]")
    ax.set_xticks([5, 10, 20, 40, 80], ["5", "10", "20", "40", "80"])
    ax.minorticks_off()
    ax.legend(loc="lower left")


def _exponents(ax: Axes, settings: Settings) -> None:
    study = rounds.constant(settings)
    roots, last = np.sqrt(study.verdicts), float(np.sqrt(study.verdicts[-1]))
    numbers, bound = rounds.bound(settings)
    shrinking, two = (rounds.best(family, settings) for family in (rounds.shrinking, rounds.two_stage))
    drawn = (
        ("bound, with feedback", numbers, bound, plots.GREEN, "s-"),
        ("shrinking", shrinking.verdicts, shrinking.wrong, plots.PURPLE, "D-"),
        ("two sizes", two.verdicts, two.wrong, plots.ORANGE, "^-"),
        ("one size", study.verdicts, study.best[1], plots.VERMILLION, "o-"),
        ("one round", study.verdicts, np.full(roots.size, rounds.one_round()), plots.GREY, "-"),
    )
    for name, n, wrong, color, kind in drawn:
        ax.plot(n**0.5, -np.log(wrong), kind, color=color, label=name)
    grid = np.array([0, last])
    slope = rounds.slopes(settings)[1]
    diffusion = budget.round_size_law(rounds.VERIFIER, rounds.START, 1)[1]
    sharp = plots.theory(ax, grid, slope * grid)
    dashed = plots.theory(ax, grid, diffusion * grid, dashed=True)
    two_sizes = plots.theory(ax, grid, float(rounds.two_stage_exponent(np.array(1))) * grid, dashed=True)
    ax.set(xlim=(0, last * 1.02), ylim=(0, 52), xlabel="√N  [√verdicts]", ylabel="−ln(wrong share)  [nats]")
    ax.set(title="… and better schedules than one size")
    plots.direct_labels(ax, {"√(sφθN)": sharp, "s√(2pφN)": dashed, "s√(2φN)": two_sizes})
    ax.legend(loc="upper left", title="exact", alignment="left")


@plots.style()
def blocks_figure(settings: Settings) -> Figure:
    """What it costs to find the right one of c blocks with error .05; verifier (.9, .3).

    Loop: until kept, exact, at the cheapest size that ends right often enough; the thin line is its asymptotic law,
    κ(1/φ+1/ψ)/ln(φ/ψ) · c ln c, by a branching argument (not a theorem). Bayesian students, who stop at a posterior of
    .95, are simulated; their standard errors are smaller than the dots. Dashed: the converse by Fano and the capacity,
    which holds for all.

    In practice: the retraining is what wastes verdicts, not the candidates. To remember every verdict, rejections too,
    in a posterior over the blocks (a reward model, a count of passes and failures for each kind of output), and to
    have judged what that posterior thinks likely, saves nine verdicts in ten at 64 blocks.
    """
    fig, ax = plots.figure(width=7.6, height=4.8)
    loop = blocks.loop(settings)
    lines = {"loop": ax.plot(loop.blocks, loop.verdicts, "o-", color=plots.VERMILLION)[0]}
    for kind, (label, color) in STUDENTS.items():
        study = blocks.student(kind, settings)
        lines[label] = ax.plot(list(study), [float(e.mean) for e in study.values()], "o-", color=color)[0]
    grid = np.geomspace(2, loop.blocks[-1], 60)
    lines[f"{blocks.slope_law():.2f} c ln c, large c"] = plots.theory(
        ax, grid, blocks.slope_law() * grid * np.log(grid)
    )
    lines["converse"] = plots.theory(ax, loop.blocks, loop.needed, dashed=True)
    ax.set(xscale="log", yscale="log", xlabel="blocks, c", ylabel="expected verdicts")
    ax.set_title("a posterior over the blocks needs far fewer verdicts than a loop")
    ax.set_xticks(loop.blocks, [str(c) for c in loop.blocks])
    ax.minorticks_off()
    plots.direct_labels(ax, lines)
    return fig


@plots.style()
def exchange_figure(settings: Settings) -> Figure:
    """What a verdict is worth in fresh samples; verifier (.9, .2), samples .6/.4, two symbols equally likely right.

    Dots: exact, the fewest samples whose best decision errs no more than that of k verdicts, given on the two symbols
    in turn (there is no loop). Lines: the ratios of the Chernoff informations, to which m/k tends as k grows, and of
    what one of each tells at most, which does not say how many it takes.

    In practice: a verdict of this verifier replaces about seventeen fresh samples where the error wanted is small, so
    buy verdicts as long as one costs less than that. For a verifier of your own compare
    ln(√(φψ) + √((1−φ)(1−ψ))) with ln(2√(p(1−p))), not capacities.
    """
    fig, ax = plots.figure(width=7.2, height=4.4)
    study = exchange.exact(settings)
    for parity, color, label in ((0, plots.BLUE, "k even"), (1, plots.SKY, "k odd")):
        which = study.verdicts % 2 == parity
        ax.plot(
            study.verdicts[which], (study.samples / study.verdicts)[which], "o", color=color, label=f"exact, {label}"
        )
    for value, name, dashed, gap in (
        (exchange.by_exponent(), "ratio of the Chernoff informations", False, 24),
        (exchange.by_information(), "capacity over I(X;Y)", True, -6),
    ):
        plots.theory(ax, [1, study.verdicts[-1]], [value, value], dashed=dashed, label=f"_{name}")
        where = (study.verdicts[-1], value)
        ax.annotate(
            f"{name}: {value:.1f}", where, (0, gap), textcoords="offset points", ha="right", va="top", fontsize=11
        )
    ax.set(xlabel="verdicts, k", ylabel="fresh samples for a verdict, m/k", ylim=(10, 28))
    ax.set_title(f"one verdict replaces about {exchange.by_exponent():.0f} fresh samples")
    ax.set_xlim(0, study.verdicts[-1] + 1)
    for k in (10, 20, 30, 40):
        error, side = f"error {study.error[k - 1]:.0e}".replace("e-0", "e-"), "right" if k == 40 else "center"
        ax.annotate(error, (k, 10.3), ha=side, fontsize=10, color=plots.GREY)
    ax.legend(loc="upper right")
    return fig


FIGURES = {
    "budget-verdicts": verdicts,
    "budget-rounds": rounds_figure,
    "budget-blocks": blocks_figure,
    "budget-exchange": exchange_figure,
}
