"""The figure of what cures a hacked judge; its docstring is its caption."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments import plots
from experiments.ledger import Settings
from experiments.reward_hacking import cures, goodhart, judge, student
from experiments.reward_hacking.figures import DASHED, share_bars
from experiments.reward_hacking.judge import BALANCED, BIASED, CASE, NOISE, NOISY, PURE, Cell, When
from experiments.reward_hacking.student import CONFLICT, START

ORDER_COLORS: dict[int, str] = {1: plots.BLUE, 2: plots.GREEN, 3: plots.VERMILLION, 4: plots.PURPLE}
TREATED: tuple[tuple[str, Cell, When], ...] = (
    ("untreated", CASE, "early"),
    ("10 × the labels", CASE, "late"),
    ("… and ε = 0", PURE, "late"),
    ("… and ε = .3", NOISY, "late"),
    ("decorrelated, δ = .43", CASE._replace(agreement=0.7), "early"),
    ("decorrelated, δ = .71", CASE._replace(agreement=0.6), "early"),
    ("ρ = .95, 10 × the labels", BIASED, "late"),
    ("ρ = .95, 10 ×, rebalanced", BALANCED, "early"),
)


@plots.style()
def remedies(settings: Settings) -> Figure:
    """What cures a hacked judge, and how much of it is needed.

    First: the share right on conflicts after RL, means over judges; the first six by judges of ρ = .85, ε = .1, k = 2
    after 3200 labelled outputs; dashed: the start. KL, early stopping: exact, means over judges, at a KL of a tenth of
    a nat. Second: the agreement down to which lengths must be decorrelated after n labelled outputs; lines: predicted
    by the solo savings, dots: measured. Third: a second verifier of accuracy q, whose verdict is needed too; dots:
    trained; line: share of conflicts in which a right output has the best score. Last: labelled outputs until reliance
    on length stays below ¼, as they are (no dot: never seen) and rebalanced. Bars: Student's 95 % intervals over seeds.

    In practice: at the same number of labels decorrelate, and more than a Bayes judge would need. Rebalancing costs
    labels: it pays where ρ is large, here from about .82 on and not only beyond 1 − ε; where ρ is less, a judge turns
    by itself as soon. A second verifier must beat the odds by which the judge prefers what is wrong. KL and early
    stopping only limit the damage.
    """
    fig, ((first, second), (third, last)) = plots.figure(2, 2, width=6.4, height=4.2)
    names = []
    for y, (name, cell, when) in enumerate(TREATED):
        right = student.of(cell, settings, student.trained(settings, "natural", when)).right[:, -1, CONFLICT]
        _dot(first, right, y)
        names.append(name)
    verified = cures.verified(settings)
    path, _ = goodhart.exact(settings, CASE, "early")
    near = [np.interp(0.1, kl, right) for kl, right in zip(path.kl.mean(-1), path.right[..., CONFLICT], strict=True)]
    for name, values in (
        ("second verifier, q = .9", verified.seen.right[_index(verified.accuracy, 0.9), :, -1, CONFLICT]),
        ("KL, early stopping", np.array(near)),
    ):
        _dot(first, values, len(names))
        names.append(name)
    first.axvline(START, color=plots.INK, linewidth=1, linestyle=DASHED, label="_at first")
    where: dict[str, Any] = {"xycoords": ("data", "axes fraction"), "textcoords": "offset points", "va": "top"}
    first.annotate("at first", (START, 1), xytext=(5, -4), fontsize=10, **where)
    first.set_yticks(range(len(names)), names)
    first.set(xlim=(-0.02, 1.04), ylim=(len(names) - 0.5, -0.5), xlabel="share right on conflicts, after RL")
    first.set_title("what cures, and what limits the damage")
    for order in judge.orders(settings):
        found = cures.enough(settings, order)
        color = ORDER_COLORS[order]
        shown = slice(None, None, 3)
        mean, bars = share_bars(found.measured[:, shown])
        second.errorbar(found.samples[shown], mean, bars, fmt="o", color=color, capsize=2, label=f"k = {order}")
        second.plot(found.samples, found.predicted.mean(0), color=color, label=f"_k = {order}, predicted")
    second.plot([], [], color=plots.GREY, label="predicted")
    second.axhline(1 - NOISE, color=plots.INK, linewidth=1, linestyle=DASHED, label="1 − ε")
    second.set(xscale="log", xlabel="labelled outputs n", ylabel="agreement ρ′ that is low enough", ylim=(0.48, 0.97))
    second.set_title("decorrelation: predicted and measured")
    second.legend(loc="lower right")
    mean, bars = share_bars(verified.seen.right[:, :, -1, CONFLICT].T)
    third.errorbar(verified.accuracy, mean, bars, fmt="o", color=plots.BLUE, capsize=2, label="trained")
    plots.theory(third, verified.accuracy, verified.predicted.mean(1), label="the right one wins")
    third.axhline(START, color=plots.INK, linewidth=1, linestyle=DASHED, label="at first")
    third.set(xlabel="accuracy q of the second verifier", ylabel="share right on conflicts", ylim=(-0.02, 1.04))
    third.set_title("a second verifier must beat the judge's odds")
    third.legend(loc="lower right")
    _waits(last, settings)
    return fig


def _index(values: np.ndarray, goal: float) -> int:
    return int(np.abs(values - goal).argmin())


def _dot(ax: Axes, values: np.ndarray, y: float) -> None:
    """The mean with its 95 % interval, green above the start."""
    mean, bars = share_bars(values)
    color = plots.GREEN if mean > START else plots.VERMILLION
    ax.errorbar(mean, y, xerr=bars[:, None], fmt="o", color=color, markersize=8, capsize=3, label="_after RL")


def _waits(ax: Axes, settings: Settings) -> None:
    """Labelled outputs until a judge is cured, as they are and rebalanced."""
    grid = judge.agreements(settings)[1:]
    for order in judge.orders(settings)[1:]:
        color = ORDER_COLORS[order]
        for how, style, name in (
            (cures.cured_after, "o-", "as they are"),
            (cures.rebalanced_after, "s--", "rebalanced"),
        ):
            needed = np.array([float(how(settings, Cell(rho, order)).at) for rho in grid])
            ax.plot(grid, np.where(needed > 0, needed, np.nan), style, color=color, label=f"k = {order}, {name}")
    ax.axvline(1 - NOISE, color=plots.INK, linewidth=1, linestyle=DASHED, label="ρ = 1 − ε")
    ax.set(yscale="log", xlabel="agreement ρ", ylabel="labelled outputs until reliance < ¼", xlim=(0.55, 0.97))
    ticks = (3000, 5000, 10_000, 20_000, 30_000)
    ax.set_yticks(ticks, [f"{n:,}" for n in ticks])
    ax.set_yticks([], minor=True)
    ax.set_title("rebalancing pays where ρ is large")
    ax.legend(loc="upper left", fontsize=10)


FIGURES = {"reward-hacking-cures": remedies}
