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
from experiments.reward_hacking import cures, goodhart, judge, labels, student
from experiments.reward_hacking.judge import BALANCED, BIASED, CASE, NOISE, NOISY, PURE, SAMPLES, Cell, When
from experiments.reward_hacking.measures import SHARE, interval
from experiments.reward_hacking.student import CONFLICT, START, Seen
from experiments.thesis.curves import INTENDED, SPURIOUS, measured_turn, predicted_turn
from sandbox.components import WIDTH

WHEN: dict[When, str] = {"early": "hacked", "late": "cured"}
ORDER_COLORS: dict[int, str] = {1: plots.BLUE, 2: plots.GREEN, 3: plots.VERMILLION, 4: plots.PURPLE}


DASHED = (0, (5, 3))
BELOW: dict[str, Any] = {"loc": "upper center", "bbox_to_anchor": (0.5, -0.17), "ncols": 2, "fontsize": 10}


def _band(ax: Axes, x: np.ndarray, values: np.ndarray, *, unit: str = SHARE, **how: Any) -> Line2D:
    """The mean over axis 0, with its 95 % interval."""
    found = theory.estimate(np.asarray(values, float))
    return plots.band(ax, x, found.mean, *interval(found, unit), **how)


def _bars(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The mean share over axis 0, and how far the ends of its 95 % interval are below and above it [2, ...]."""
    found = theory.estimate(np.asarray(values, float))
    mean, (low, high) = np.asarray(found.mean), interval(found)
    return mean, np.clip([mean - low, high - mean], 0, None)


def _number(n: int) -> str:
    return f"{n:,}".replace(",", " ")


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
    lines = {"relies on length": _band(left, curves.samples, curves.reliance, color=plots.VERMILLION)}
    left.set(xscale="log", xlabel="labelled outputs n", ylabel="share of conflicts", ylim=(0, 1.03))
    savings = left.twinx()
    for learner, color, name in (
        (INTENDED, plots.BLUE, "saving, correctness alone"),
        (SPURIOUS, plots.ORANGE, "saving, length alone"),
    ):
        lines[name] = _band(savings, curves.samples, curves.saving[:, learner], unit="nats", color=color)
    savings.set_yscale("symlog", linthresh=10)
    savings.set(ylabel="nats saved", ylim=(-100, 1e6), yticks=[-100, -10, 0, 10, 100, 1000, 10_000])
    savings.spines["right"].set_visible(True)
    savings.grid(False)
    turn = float(predicted_turn(curves).at)
    lines["savings tie"] = left.axvline(turn, color=plots.INK, linewidth=1, linestyle=DASHED)
    for n in SAMPLES.values():
        lines["judges of the other panels"] = left.axvline(n, color=plots.GREY, linewidth=1, linestyle=":")
    left.set_title("1: the judge turns, in time")
    left.legend(lines.values(), lines, **BELOW)
    rounds = np.arange(1, student.NUM_ROUNDS + 1)
    share = labels.conflicts(CASE.agreement, CASE.label_noise)
    for ax, when in zip(panels, SAMPLES, strict=True):
        sampled, exact = (
            _shown(student.of(CASE, settings, student.trained(settings, method, when)), share)
            for method in ("RLVR, sampled", "RLVR")
        )
        for name, values, color in sampled:
            _band(ax, rounds, values[:, 1:], color=color, label=name)
        thin = [plots.theory(ax, rounds, values[:, 1:].mean(0)) for _, values, _ in exact]
        thin[0].set_label("exact gradients")
        ax.set(xscale="log", xlabel="rounds of RL", ylabel="share, mean over prompts", ylim=(0, 1.03))
        ax.set_title(f"2: n = {_number(SAMPLES[when])}: the student is {WHEN[when]}")
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
        ax.pcolormesh([n[0], *steps, n[-1]], edges, reliance, cmap=colors.cmap, norm=colors.norm, rasterized=True)
        measured = np.array([float(measured_turn(c).at) for c in found])
        predicted = np.array([[float(x) for x in predicted_turn(c)] for c in found])
        drawn = np.isfinite(predicted[:, 0])
        at, lower, upper = np.clip(predicted[drawn], n[0] / 2, 10 * n[-1]).T
        ax.plot(np.where(np.isfinite(measured), np.maximum(measured, n[0] / 2), np.nan), grid, color=plots.INK)
        bars = at - lower, upper - at
        ax.errorbar(at, np.array(grid)[drawn], xerr=bars, fmt="s-", color=plots.GREEN, capsize=2)
        ax.axhline(1 - NOISE, color=plots.INK, linewidth=1, linestyle=DASHED)
        _students(ax, settings, order)
        ax.set(xscale="log", xlim=(n[0], 1.2 * n[-1]), ylim=(edges[0], edges[-1]), xlabel="labelled outputs n")
        ax.set_title(f"k = {order}: " + ("a single bit" if order == 1 else f"parity of {order} bits"))
        ax.grid(False)
    axes[0].set_ylabel("agreement ρ of length and label")
    axes[0].plot([], [], color=plots.INK, label="measured")
    axes[0].plot([], [], "s-", color=plots.GREEN, label="predicted")
    axes[0].plot([], [], color=plots.INK, linewidth=1, linestyle=DASHED, label="ρ = 1 − ε")
    for face, name in ((plots.VERMILLION, "students hacked"), ("white", "students not hacked")):
        axes[0].plot([], [], "o", color=plots.INK, markerfacecolor=face, markersize=8, label=name)
    fig.legend(loc="outside lower center", ncols=5)
    fig.colorbar(colors, ax=axes, label="reliance on length")
    return fig


def _students(ax: Axes, settings: Settings, order: int) -> None:
    """A dot for the students of each cell, at both training times."""
    for when, n in SAMPLES.items():
        hacked = student.hacked(student.trained(settings, "natural", when)).mean(1)
        for rho in judge.agreements(settings):
            face = plots.VERMILLION if student.of(Cell(rho, order), settings, hacked) > 0.5 else "white"
            ax.plot(n, rho, "o", color=plots.INK, markerfacecolor=face, markersize=8, clip_on=False, zorder=6)


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
    first.axvline(START, color=plots.INK, linewidth=1, linestyle=DASHED, label="at first")
    first.set_yticks(range(len(names)), names)
    first.set(xlim=(-0.02, 1.04), ylim=(len(names) - 0.5, -0.5), xlabel="share right on conflicts, after RL")
    first.set_title("what cures, and what limits the damage")
    first.legend(loc="center", bbox_to_anchor=(0.33, 0.75))
    for order in judge.orders(settings):
        found = cures.enough(settings, order)
        color = ORDER_COLORS[order]
        shown = slice(None, None, 3)
        mean, bars = _bars(found.measured[:, shown])
        second.errorbar(found.samples[shown], mean, bars, fmt="o", color=color, capsize=2, label=f"k = {order}")
        second.plot(found.samples, found.predicted.mean(0), color=color)
    second.plot([], [], color=plots.GREY, label="predicted")
    second.axhline(1 - NOISE, color=plots.INK, linewidth=1, linestyle=DASHED, label="1 − ε")
    second.set(xscale="log", xlabel="labelled outputs n", ylabel="agreement ρ′ that is low enough", ylim=(0.48, 0.97))
    second.set_title("decorrelation: predicted and measured")
    second.legend(loc="lower right")
    mean, bars = _bars(verified.seen.right[:, :, -1, CONFLICT].T)
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
    mean, bars = _bars(values)
    color = plots.GREEN if mean > START else plots.VERMILLION
    ax.errorbar(mean, y, xerr=bars[:, None], fmt="o", color=color, markersize=8, capsize=3)


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
    ax.set_title("rebalancing pays where ρ is large")
    ax.legend(loc="upper left", fontsize=10)


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
            plots.theory(ax, path.kl.mean(0), getattr(path, name).mean(0))
            ax.plot(plain.kl.mean(0), getattr(plain, name).mean(0), color=color, linewidth=1.6, alpha=0.8)
            ax.plot(best.kl.mean(0), getattr(best, name).mean(0), ":", color=plots.INK, linewidth=1.4)
            for points, index, marker in ((sampled, marks, "o"), (drawn, slice(None), "s")):
                mean, bars = _bars(getattr(points, name)[:, index])
                how = "RL, sampled" if marker == "o" else "best of n, drawn"
                label = f"{'reward' if name == 'reward' else 'truth'}, {how}"
                x = points.kl.mean(0)[index]
                ax.errorbar(x, mean, bars, fmt=marker, color=color, label=label, capsize=2)
        ax.set(xlabel="KL(student ‖ start)  [nats]", ylim=(0.45, 1.02))
        ax.set_title(
            f"judge of n = {_number(SAMPLES[when])}: "
            + ("truth peaks and falls" if when == "early" else "truth rises too")
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
    "reward-hacking-cures": remedies,
    "goodhart": goodharts,
}
