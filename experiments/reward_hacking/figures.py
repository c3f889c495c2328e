"""The figures of reward hacking; the docstring of each is its caption."""

from itertools import pairwise
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

import theory
from experiments import plots
from experiments.ledger import Settings
from experiments.reward_hacking import goodhart, judge, labels, student
from experiments.reward_hacking.judge import CASE, NOISE, SAMPLES, Cell, When
from experiments.reward_hacking.measures import SHARE, interval
from experiments.reward_hacking.student import CONFLICT, Seen
from experiments.thesis.curves import INTENDED, SPURIOUS, measured_turn, predicted_turn
from sandbox.components import WIDTH

WHEN: dict[When, str] = {"early": "hacked", "late": "cured"}
STUDENTS = {"students hacked": plots.VERMILLION, "students not hacked": plots.LIGHT}  # most of those of a judge
DASHED = (0, (5, 3))
BELOW: dict[str, Any] = {"loc": "upper center", "bbox_to_anchor": (0.5, -0.17), "ncols": 2, "fontsize": 10}


def _band(ax: Axes, x: np.ndarray, values: np.ndarray, *, unit: str = SHARE, **how: Any) -> Line2D:
    """The mean over axis 0, with its 95 % interval."""
    found = theory.estimate(np.asarray(values, float))
    return plots.band(ax, x, found.mean, *interval(found, unit), **how)


def share_bars(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The mean share over axis 0, and how far the ends of its 95 % interval are below and above it [2, ...]."""
    found = theory.estimate(np.asarray(values, float))
    mean, (low, high) = np.asarray(found.mean), interval(found)
    return mean, np.clip([mean - low, high - mean], 0, None)


@plots.style()
def stages(settings: Settings) -> Figure:
    """The two stages: a judge learns from labelled outputs, then a student by RL what the judge likes.

    Labels agree with correctness, the parity of 2 bits, in .9 and with length in .85 of the outputs. Left: what the
    judge of both relies on where they conflict, and what its twins that see one of both have saved (logarithmic beyond
    ± 10 nats), equally much at the dashed line. Middle: RL against the judge as it was at the first dotted line, 4
    sampled outputs a prompt and round; conflicts are as frequent as among the labelled outputs. Right: against the same
    judge at the second dotted line. Length: the share of the 10 marks that say long. Means over judges, with Student's
    95 % intervals; thin: exact gradients.

    In practice: a rising reward, and even a rising share right overall, says nothing of the prompts where length and
    truth disagree; keep an exam of those. The remedy may be as simple as training the judge longer, if its labels are
    good enough.
    """
    fig, (left, *panels) = plots.figure(3, width=5.0, height=4.9)
    fig.set_layout_engine("constrained", wspace=0.06)
    curves = judge.trained(settings, "late").of(CASE)
    relies = "relies on length"
    lines = {relies: _band(left, curves.samples, curves.reliance, color=plots.VERMILLION, label=f"_{relies}")}
    left.set(xscale="log", xlabel="labelled outputs n", ylabel="share of conflicts answered by length", ylim=(0, 1.03))
    savings = left.twinx()
    for learner, color, name in (
        (INTENDED, plots.BLUE, "saving, correctness alone"),
        (SPURIOUS, plots.ORANGE, "saving, length alone"),
    ):
        lines[name] = _band(
            savings, curves.samples, curves.saving[:, learner], unit="nats", color=color, label=f"_{name}"
        )
    savings.set_yscale("symlog", linthresh=10)
    savings.set(ylabel="nats saved", ylim=(-100, 1e6), yticks=[-100, -10, 0, 10, 100, 1000, 10_000])
    savings.spines["right"].set_visible(True)
    savings.grid(False)
    turn = float(predicted_turn(curves).at)
    lines["savings tie"] = left.axvline(turn, color=plots.INK, linewidth=1, linestyle=DASHED, label="_savings tie")
    for n in SAMPLES.values():
        dotted = left.axvline(n, color=plots.GREY, linewidth=1, linestyle=":", label=f"_judge of n = {n}")
        lines["judges of the other panels"] = dotted
    left.set_title("1: the judge turns, in time")
    left.legend(lines.values(), lines, **BELOW)
    rounds = 1 + plots.spaced(student.NUM_ROUNDS)
    share = labels.conflicts(CASE.agreement, CASE.label_noise)
    for ax, when in zip(panels, SAMPLES, strict=True):
        sampled, exact = (
            _shown(student.of(CASE, settings, student.trained(settings, method, when)), share)
            for method in ("RLVR, sampled", "RLVR")
        )
        for name, values, color in sampled:
            _band(ax, rounds, values[:, rounds], color=color, label=name)
        for name, values, _ in exact:
            plots.theory(ax, rounds, values[:, rounds].mean(0), label=f"_{name}, exact gradients")
        plots.theory(ax, [], [], label="exact gradients")
        ax.set(xscale="log", xlabel="rounds of RL", ylabel="share, mean over prompts", ylim=(0, 1.03))
        ax.set_title(f"2: n = {SAMPLES[when]:,}: the student is {WHEN[when]}")
        ax.legend(**BELOW)
    return fig


def _shown(seen: Seen, conflict: float) -> list[tuple[str, np.ndarray, str]]:
    """What is drawn over the rounds."""
    mixed = seen.mixed(conflict)
    return [
        ("reward", mixed.reward, plots.ORANGE),
        ("right, all prompts", mixed.right, plots.BLUE),
        ("right, conflicts", seen.right[..., CONFLICT], plots.VERMILLION),
        ("length, conflicts", seen.length[..., CONFLICT] / WIDTH, plots.GREY),
    ]


@plots.style()
def phases(settings: Settings) -> Figure:
    """When a judge relies on length: over training time, agreement of length and label, and difficulty.

    Colour: the share of conflicts in which the judge goes by length, mean over seeds; correctness is the parity of k
    bits, label noise ε = .1. Dark line: measured boundary, reliance ½. Green: predicted, where the twins that see one
    of both alone have saved as much; error bars 95 % (pointwise, over seeds). Dashed: ρ = 1 − ε, above which more
    training never helps a Bayes judge. Dots: students of the judges of that time, red where most are hacked, white
    where not.

    In practice: train a learner on correctness alone and one on length alone, on the outputs you have, and compare what
    they have saved: that is the boundary, without training a judge. Near ρ = 1 − ε it comes late, by a factor of
    about 2: what is intended has first to repay what its learning has cost. Which of the two is the more accurate at n
    tells it about as well; which has more information does not.
    """
    late, grid = judge.trained(settings, "late"), judge.agreements(settings)
    orders = judge.orders(settings)
    fig, axes = plots.figure(len(orders), width=4.6, height=4.5, sharey=True)
    colors = ScalarMappable(Normalize(0, 1), "PuOr_r")
    edges = np.array([grid[0] - 0.02, *[(a + b) / 2 for a, b in pairwise(grid)], grid[-1] + 0.02])
    n = late.curves.samples
    for ax, order in zip(axes, orders, strict=True):
        found = [late.of(Cell(rho, order)) for rho in grid]
        reliance = np.stack([c.reliance.mean(0) for c in found])
        steps = np.sqrt(n[1:] * n[:-1])
        cells = ax.pcolormesh([n[0], *steps, n[-1]], edges, reliance, cmap=colors.cmap, norm=colors.norm)
        cells.set(rasterized=True, label="_reliance")
        measured = np.array([float(measured_turn(c).at) for c in found])
        predicted = np.array([[float(x) for x in predicted_turn(c)] for c in found])
        drawn = np.isfinite(predicted[:, 0])
        at, lower, upper = np.clip(predicted[drawn], n[0] / 2, 10 * n[-1]).T
        turned = np.where(np.isfinite(measured), np.maximum(measured, n[0] / 2), np.nan)
        ax.plot(turned, grid, color=plots.DARK, label="_measured")
        bars = at - lower, upper - at
        ax.errorbar(at, np.array(grid)[drawn], xerr=bars, fmt="s-", color=plots.GREEN, capsize=2, label="_predicted")
        ax.axhline(1 - NOISE, color=plots.DARK, linewidth=1, linestyle=DASHED, label="_ρ = 1 − ε")
        _students(ax, settings, order)
        ax.set(xscale="log", xlim=(n[0], n[-1]), ylim=(edges[0], edges[-1]), xlabel="labelled outputs n")
        ax.set_title(f"k = {order}: " + ("a single bit" if order == 1 else f"parity of {order} bits"))
        ax.grid(False)
    axes[0].set_ylabel("agreement ρ of length and label")
    axes[0].plot([], [], color=plots.INK, label="measured")
    axes[0].plot([], [], "s-", color=plots.GREEN, label="predicted")
    axes[0].plot([], [], color=plots.INK, linewidth=1, linestyle=DASHED, label="ρ = 1 − ε")
    for name, face in STUDENTS.items():
        axes[0].plot([], [], "o", color=plots.GREY, markerfacecolor=face, markersize=8, label=name)
    fig.legend(loc="outside lower center", ncols=5)
    fig.colorbar(colors, ax=axes, label="reliance on length")
    return fig


def _students(ax: Axes, settings: Settings, order: int) -> None:
    """A dot for the students of each cell, at both training times."""
    for when, n in SAMPLES.items():
        hacked = student.hacked(student.trained(settings, "natural", when)).mean(1)
        for rho in judge.agreements(settings):
            name = list(STUDENTS)[int(student.of(Cell(rho, order), settings, hacked) <= 0.5)]
            dot: dict[str, Any] = {"markerfacecolor": STUDENTS[name], "markersize": 8, "clip_on": False, "zorder": 6}
            ax.plot(n, rho, "o", color=plots.DARK, label=f"_{name}", **dot)


@plots.style()
def goodharts(settings: Settings) -> Figure:
    """What the judge promises and what is true against the distance from the start, RL and the best of n.

    Judges of ρ = .85, ε = .1, k = 2 after 3200 labelled outputs (left) and after ten times as many (right); an exam
    in which half of the prompts are conflicts. Lines are exact: natural gradient, also the optimum under a KL (dark),
    plain gradient (coloured) and the best of n (dotted). Dots: RL on sampled outputs, the best of 1 … 64 drawn ones.
    Means over judges, Student's 95 % intervals.

    In practice: the reward rises on both sides, so it does not tell them apart. With the bad judge the truth has a peak
    at a tenth of a nat, a little above the start, and then falls below it; to stop early saves what there is. RL from
    few samples spends nats on forms that chance favours, so its distance says less of the damage.
    """
    fig, axes = plots.figure(2, width=6.2, height=4.4, sharey=True)
    for ax, when in zip(axes, SAMPLES, strict=True):
        path, best = (x.mixed(0.5) for x in goodhart.exact(settings, CASE, when))
        plain = student.of(CASE, settings, student.trained(settings, "RLVR", when)).mixed(0.5)
        sampled = student.of(CASE, settings, student.trained(settings, "RLVR, sampled", when)).mixed(0.5)
        drawn = goodhart.drawn(settings, CASE, when).mixed(0.5)
        marks = np.unique(np.geomspace(1, student.NUM_ROUNDS, 12).astype(int))
        for name, color in (("reward", plots.ORANGE), ("right", plots.BLUE)):
            what = "reward" if name == "reward" else "truth"
            for kind, points, look in (
                ("natural gradient", path, {"color": plots.INK, "linewidth": 1.1, "zorder": 5}),
                ("plain gradient", plain, {"color": color, "linewidth": 1.6, "alpha": 0.8}),
                ("best of n", best, {"color": plots.INK, "linewidth": 1.4, "linestyle": ":"}),
            ):
                ax.plot(points.kl.mean(0), getattr(points, name).mean(0), label=f"_{what}, {kind}, exact", **look)
            for how, points, index, marker in (
                ("RL, sampled", sampled, marks, "o"),
                ("best of n, drawn", drawn, slice(None), "s"),
            ):
                mean, bars = share_bars(getattr(points, name)[:, index])
                x = points.kl.mean(0)[index]
                ax.errorbar(x, mean, bars, fmt=marker, color=color, label=f"{what}, {how}", capsize=2)
        ax.set(xlabel="KL(student ‖ start)  [nats]", ylim=(0.45, 1.02))
        ax.set_title(
            f"judge of n = {SAMPLES[when]:,}: " + ("truth peaks and falls" if when == "early" else "truth rises too")
        )
    axes[0].set_ylabel("share right, mean reward")
    plots.theory(axes[1], [], [], label="natural gradient, exact")
    axes[1].plot([], [], color=plots.GREY, linewidth=1.6, label="plain gradient, exact")
    axes[1].plot([], [], ":", color=plots.INK, linewidth=1.4, label="best of n, exact")
    axes[1].legend(loc="lower right", fontsize=9)
    return fig


FIGURES = {
    "reward-hacking": stages,
    "reward-hacking-phases": phases,
    "goodhart": goodharts,
}
