"""The figures of reward hacking; the docstring of each is its caption."""

from itertools import pairwise
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from experiments.harness import figures as plots
from experiments.harness.figures import DASHED
from experiments.harness.ledger import Settings
from experiments.questions.shortcut import INTENDED, SPURIOUS, measured_crossover, predicted_crossover
from experiments.reward_hacking import goodhart, policy, student, study
from experiments.reward_hacking.student import COUNTERFACTUAL, START, Metrics
from experiments.reward_hacking.study import (
    BALANCED,
    BASE,
    BIASED,
    NOISE,
    NOISY,
    PURE,
    SAMPLES,
    GridPoint,
    Stage,
    judges,
)
from experiments.thesis.figures import band, share_bars
from sandbox.shortcuts import WIDTH

ENDS: dict[Stage, str] = {"early": "hacked", "late": "cured"}
STUDENTS = {"students hacked": plots.VERMILLION, "students not hacked": plots.LIGHT}  # most of those of a judge
BELOW: dict[str, Any] = {"loc": "upper center", "bbox_to_anchor": (0.5, -0.17), "ncols": 2, "fontsize": 10}
ORDER_COLORS: dict[int, str] = {1: plots.BLUE, 2: plots.GREEN, 3: plots.VERMILLION, 4: plots.PURPLE}
TREATED: tuple[tuple[str, GridPoint, Stage], ...] = (
    ("untreated", BASE, "early"),
    ("10 × the labels", BASE, "late"),
    ("… and ε = 0", PURE, "late"),
    ("… and ε = .3", NOISY, "late"),
    ("decorrelated, δ = .43", BASE._replace(agreement=0.7), "early"),
    ("decorrelated, δ = .71", BASE._replace(agreement=0.6), "early"),
    ("ρ = .95, 10 × the labels", BIASED, "late"),
    ("ρ = .95, 10 ×, rebalanced", BALANCED, "early"),
)


@plots.style()
def stages(settings: Settings) -> Figure:
    """The two stages: a judge learns from labelled outputs, then a student by RL what the judge likes.

    Labels agree with correctness, the parity of 2 bits, in .9 and with length in .85 of the outputs. Left: the feature
    that the judge relies on where they disagree, and the code lengths saved by single-feature learners (logarithmic
    beyond ± 10 nats), equal at the dashed line. Middle: RL against the judge as it was at the first dotted line, 4
    sampled outputs a prompt and round; counterfactual prompts are as frequent as among the labelled outputs. Right:
    against the same judge at the second dotted line. Length: the share of the 10 columns that are +1. Means over
    judges, with Student's 95 % intervals; thin: exact gradients.

    In practice: a rising reward, and even a rising accuracy overall, shows nothing about the prompts where length and
    correctness disagree; keep a held-out set of those. The remedy may be as simple as training the judge longer, if its
    labels are good enough.
    """
    fig, (left, *panels) = plots.figure(3, width=5.0, height=4.9)
    fig.set_layout_engine("constrained", wspace=0.06)
    curves = judges(settings, "late").of(BASE)
    relies = "relies on length"
    lines = {relies: band(left, curves.samples, curves.reliance, color=plots.VERMILLION, label=f"_{relies}")}
    left.set(xscale="log", xlabel="labelled outputs n", ylabel="reliance on length", ylim=(0, 1.03))
    saved = left.twinx()
    for learner, color, name in (
        (INTENDED, plots.BLUE, "saved, correctness alone"),
        (SPURIOUS, plots.ORANGE, "saved, length alone"),
    ):
        lines[name] = band(
            saved, curves.samples, curves.nats_saved[:, learner], share=False, color=color, label=f"_{name}"
        )
    saved.set_yscale("symlog", linthresh=10)
    saved.set(ylabel="code length saved [nats]", ylim=(-100, 1e6), yticks=[-100, -10, 0, 10, 100, 1000, 10_000])
    saved.spines["right"].set_visible(True)
    saved.grid(False)
    crossover = float(predicted_crossover(curves).at)
    tie = left.axvline(crossover, color=plots.INK, linewidth=1, linestyle=DASHED, label="_code lengths tie")
    lines["code lengths tie"] = tie
    for n in SAMPLES.values():
        dotted = left.axvline(n, color=plots.GREY, linewidth=1, linestyle=":", label=f"_judge of n = {n}")
        lines["judges of the other panels"] = dotted
    left.set_title("1: the judge switches, in time")
    left.legend(lines.values(), lines, **BELOW)
    rounds = 1 + plots.spaced(student.NUM_ROUNDS)
    for ax, when in zip(panels, SAMPLES, strict=True):
        found = judges(settings, when)
        for name, values, color in _shown(found.sampled[BASE]):
            band(ax, rounds, values[:, rounds], color=color, label=name)
        for name, values, _ in _shown(found.gradient):
            plots.theory(ax, rounds, values[:, rounds].mean(0), label=f"_{name}, exact gradients")
        plots.theory(ax, [], [], label="exact gradients")
        ax.set(xscale="log", xlabel="rounds of RL", ylabel="reward, accuracy, length", ylim=(0, 1.03))
        ax.set_title(f"2: n = {SAMPLES[when]:,}: the student is {ENDS[when]}")
        ax.legend(**BELOW)
    return fig


def _shown(found: Metrics) -> list[tuple[str, np.ndarray, str]]:
    """The lines over the rounds: name, values and colour."""
    mixed = found.mixed(BASE.disagreement)
    return [
        ("reward", mixed.reward, plots.ORANGE),
        ("accuracy, all prompts", mixed.accuracy, plots.BLUE),
        ("accuracy, counterfactual", found.accuracy[..., COUNTERFACTUAL], plots.VERMILLION),
        ("length, counterfactual", found.length[..., COUNTERFACTUAL] / WIDTH, plots.GREY),
    ]


@plots.style()
def phases(settings: Settings) -> Figure:
    """When a judge relies on length: over training time, agreement of length and label, and difficulty.

    Colour: the share of counterfactual inputs in which the judge relies on length, mean over seeds; correctness is the
    parity of k bits, label noise ε = .1. Dark line: measured boundary, reliance ½. Green: predicted, where the
    single-feature learners have saved equally much; error bars 95 % (pointwise, over seeds). Dashed: ρ = 1 − ε, above
    which more training never helps a Bayes judge. Dots: students of the judges of that time, red where most are hacked,
    white where not.

    In practice: train a learner on correctness alone and one on length alone, on the outputs you have, and compare the
    code lengths saved: that is the boundary, without training a judge. Near ρ = 1 − ε it comes late, by a factor of
    about 2: the intended feature has first to repay the cost of learning it. Which of the two is the more accurate at n
    predicts it about as well; which has more information does not.
    """
    late = judges(settings, "late")
    grid, orders = late.agreements, late.orders
    fig, axes = plots.figure(len(orders), width=4.6, height=4.5, sharey=True)
    colors = ScalarMappable(Normalize(0, 1), "PuOr_r")
    edges = np.array([grid[0] - 0.02, *[(a + b) / 2 for a, b in pairwise(grid)], grid[-1] + 0.02])
    n = late.curves.samples
    for ax, order in zip(axes, orders, strict=True):
        found = [late.of(GridPoint(rho, order)) for rho in grid]
        reliance = np.stack([c.reliance.mean(0) for c in found])
        steps = np.sqrt(n[1:] * n[:-1])
        cells = ax.pcolormesh([n[0], *steps, n[-1]], edges, reliance, cmap=colors.cmap, norm=colors.norm)
        cells.set(rasterized=True, label="_reliance")
        measured = np.array([float(measured_crossover(c).at) for c in found])
        predicted = np.array([[float(x) for x in predicted_crossover(c)] for c in found])
        drawn = np.isfinite(predicted[:, 0])
        at, lower, upper = np.clip(predicted[drawn], n[0] / 2, 10 * n[-1]).T
        switched = np.where(np.isfinite(measured), np.maximum(measured, n[0] / 2), np.nan)
        ax.plot(switched, grid, color=plots.DARK, label="_measured")
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
    """A dot for the students at each grid point, at both training times."""
    for when, n in SAMPLES.items():
        found = judges(settings, when)
        hacked = dict(zip(found.points, found.hacked().mean(1), strict=True))
        for rho in found.agreements:
            name = list(STUDENTS)[int(hacked[GridPoint(rho, order)] <= 0.5)]
            dot: dict[str, Any] = {"markerfacecolor": STUDENTS[name], "markersize": 8, "clip_on": False, "zorder": 6}
            ax.plot(n, rho, "o", color=plots.DARK, label=f"_{name}", **dot)


@plots.style()
def goodharts(settings: Settings) -> Figure:
    """Proxy reward and accuracy against the distance from the start, RL and the best of n.

    Judges of ρ = .85, ε = .1, k = 2 after 3200 labelled outputs (left) and after ten times as many (right); a held-out
    set in which half of the prompts are counterfactual. Lines are exact: natural gradient, also the optimum under a KL
    (dark), plain gradient (coloured) and the best of n (dotted). Dots: RL on sampled outputs, the best of 1 … 64 drawn
    ones. Means over judges, Student's 95 % intervals.

    In practice: the reward rises on both sides, so it does not tell them apart. With the bad judge the accuracy has a
    peak at a tenth of a nat, a little above the start of .6, and then falls to ½: all counterfactual prompts wrong, all
    others correct. That ½ is less than the start is a fact of this start; to stop early saves what there is. RL
    from few samples spends nats on forms that chance favours, so its distance measures less of the damage.
    """
    fig, axes = plots.figure(2, width=6.2, height=4.4, sharey=True)
    for ax, when in zip(axes, SAMPLES, strict=True):
        found = judges(settings, when)
        path, best = goodhart.path(found.scored(BASE), goodhart.TIMES), goodhart.best_of(found.scored(BASE))
        plain, sampled = found.gradient, found.sampled[BASE]
        path, best, plain, sampled, drawn = (x.mixed(0.5) for x in (path, best, plain, sampled, found.drawn))
        marks = np.unique(np.geomspace(1, student.NUM_ROUNDS, 12).astype(int))
        for name, color in (("reward", plots.ORANGE), ("accuracy", plots.BLUE)):
            for kind, points, look in (
                ("natural gradient", path, {"color": plots.INK, "linewidth": 1.1, "zorder": 5}),
                ("plain gradient", plain, {"color": color, "linewidth": 1.6, "alpha": 0.8}),
                ("best of n", best, {"color": plots.INK, "linewidth": 1.4, "linestyle": ":"}),
            ):
                ax.plot(points.kl.mean(0), getattr(points, name).mean(0), label=f"_{name}, {kind}, exact", **look)
            for how, points, index, marker in (
                ("RL, sampled", sampled, marks, "o"),
                ("best of n, drawn", drawn, slice(None), "s"),
            ):
                mean, bars = share_bars(getattr(points, name)[:, index])
                x = points.kl.mean(0)[index]
                ax.errorbar(x, mean, bars, fmt=marker, color=color, label=f"{name}, {how}", capsize=2)
        ax.set(xlabel="KL(student ‖ start)  [nats]", ylim=(0.45, 1.02))
        ax.set_title(
            f"judge of n = {SAMPLES[when]:,}: "
            + ("accuracy peaks and falls" if when == "early" else "accuracy rises too")
        )
    axes[0].set_ylabel("accuracy, mean reward")
    plots.theory(axes[1], [], [], label="natural gradient, exact")
    axes[1].plot([], [], color=plots.GREY, linewidth=1.6, label="plain gradient, exact")
    axes[1].plot([], [], ":", color=plots.INK, linewidth=1.4, label="best of n, exact")
    axes[1].legend(loc="lower right", fontsize=9)
    return fig


@plots.style()
def remedies(settings: Settings) -> Figure:
    """What cures a hacked judge, and how much of it is needed.

    First: the accuracy on counterfactual prompts after RL, means over judges; the first six by judges of ρ = .85, ε =
    .1, k = 2 after 3200 labelled outputs; dashed: the start. KL, early stopping: exact, means over judges, at a KL of a
    tenth of a nat. Second: the agreement down to which lengths must be decorrelated after n labelled outputs; lines:
    predicted by the single-feature learners, dots: measured. Third: a second verifier of accuracy q, whose verdict is
    needed too; dots: trained; line: share of the counterfactual prompts in which a correct output has the best score.
    Last: labelled outputs until reliance on length stays below ¼, unbalanced (no dot: never seen) and rebalanced. Bars:
    Student's 95 % intervals over seeds.

    In practice: at the same number of labels decorrelate, and more than a Bayes judge would need. Rebalancing costs
    labels: it pays where ρ is large, here from about .82 on and not only beyond 1 − ε; where ρ is less, a judge
    switches by itself as soon. A second verifier must beat the odds by which the judge prefers what is wrong. KL and
    early stopping only limit the damage.
    """
    fig, ((first, second), (third, last)) = plots.figure(2, 2, width=6.4, height=4.2)
    names = []
    for y, (name, point, when) in enumerate(TREATED):
        _dot(first, judges(settings, when).accuracy(point), y)
        names.append(name)
    verified, late = study.verified(settings), judges(settings, "late")
    path = goodhart.path(judges(settings, "early").scored(BASE), goodhart.TIMES)
    near = [
        np.interp(0.1, kl, accuracy)
        for kl, accuracy in zip(path.kl.mean(-1), path.accuracy[..., COUNTERFACTUAL], strict=True)
    ]
    for name, values in (
        ("second verifier, q = .9", verified.accuracy[np.abs(study.ACCURACIES - 0.9).argmin()]),
        ("KL, early stopping", np.array(near)),
    ):
        _dot(first, values, len(names))
        names.append(name)
    first.axvline(START, color=plots.INK, linewidth=1, linestyle=DASHED, label="_start")
    where: dict[str, Any] = {"xycoords": ("data", "axes fraction"), "textcoords": "offset points", "va": "top"}
    first.annotate("start", (START, 1), xytext=(5, -4), fontsize=10, **where)
    first.set_yticks(range(len(names)), names)
    first.set(xlim=(-0.02, 1.04), ylim=(len(names) - 0.5, -0.5), xlabel="accuracy on counterfactual prompts, after RL")
    first.set_title("what cures, and what limits the damage")
    for order in late.orders:
        found = study.safe_agreement(late, order)
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
    mean, bars = share_bars(verified.accuracy.T)
    third.errorbar(study.ACCURACIES, mean, bars, fmt="o", color=plots.BLUE, capsize=2, label="trained")
    plots.theory(third, study.ACCURACIES, verified.predicted.mean(1), label="a correct output scores best")
    third.axhline(START, color=plots.INK, linewidth=1, linestyle=DASHED, label="start")
    third.set(
        xlabel="accuracy q of the second verifier", ylabel="accuracy on counterfactual prompts", ylim=(-0.02, 1.04)
    )
    third.set_title("a second verifier must beat the judge's odds")
    third.legend(loc="lower right")
    _waits(last, late)
    return fig


def _dot(ax: Axes, values: np.ndarray, y: float) -> None:
    """The mean with its 95 % interval, green above the start."""
    mean, bars = share_bars(values)
    color = plots.GREEN if mean > START else plots.VERMILLION
    ax.errorbar(mean, y, xerr=bars[:, None], fmt="o", color=color, markersize=8, capsize=3, label="_after RL")


def _waits(ax: Axes, late: study.Judges) -> None:
    """Labelled outputs until a judge is cured, unbalanced and rebalanced."""
    grid = late.agreements[1:]
    for order in (order for order in late.orders if order > 1):
        color = ORDER_COLORS[order]
        for how, style, name in (
            (study.cured_after, "o-", "unbalanced"),
            (study.rebalanced_after, "s--", "rebalanced"),
        ):
            needed = np.array([how(late, GridPoint(rho, order)) for rho in grid])
            ax.plot(grid, np.where(needed > 0, needed, np.nan), style, color=color, label=f"k = {order}, {name}")
    ax.axvline(1 - NOISE, color=plots.INK, linewidth=1, linestyle=DASHED, label="ρ = 1 − ε")
    ax.set(yscale="log", xlabel="agreement ρ", ylabel="labelled outputs until reliance < ¼", xlim=(0.55, 0.97))
    ticks = (3000, 5000, 10_000, 20_000, 30_000)
    ax.set_yticks(ticks, [f"{n:,}" for n in ticks])
    ax.set_yticks([], minor=True)
    ax.set_title("rebalancing pays where ρ is large")
    ax.legend(loc="upper left", fontsize=10)


@plots.style()
def shared(settings: Settings) -> Figure:
    """A network policy under RLVR learns length before correctness, and keeps it where the two are close.

    Accuracy on held-out counterfactual prompts, where the correct answer (the parity of 2 bits, with which the reward
    agrees at 1 − ε = .9) is the short one; ρ: how often the reward agrees with length. 256 prompts, 4 answers a prompt
    and update, Adam; means over seeds with 95 % bands. Dotted: the reward is rebalanced; dashed: the median update at
    which correctness alone has earned more than length alone, at ρ = .7.

    In practice: rebalance the reward before RL. Once certain of the long answer a policy no longer samples the other:
    it switches later than its single-feature policies predict, and rebalancing afterwards cures some seeds only.
    """
    found, fig, ax = policy.policies(settings), *plots.figure(width=6.4, height=4.2)
    names = {policy.NONE: ("ρ = ½", plots.BLUE), policy.WEAK: ("ρ = .7", plots.GREEN)}
    names |= {policy.CURED: ("ρ = .85, then ½", plots.ORANGE), policy.STRONG: ("ρ = .85", plots.VERMILLION)}
    updates = np.arange(found[policy.NONE].accuracy.shape[1])
    lines = {name: band(ax, updates, found[arm].accuracy, color=color) for arm, (name, color) in names.items()}
    ax.axvline(updates[-1] // 2, color=plots.GREY, linewidth=1, linestyle=":", label="_rebalanced")
    at = np.median(policy.switch(found).predicted)
    ax.axvline(at, color=plots.GREEN, linewidth=1, linestyle=DASHED, label="_predicted, ρ = .7")
    plots.reference(ax, policy.CHANCE, "chance")
    ax.set(xlim=updates[[0, -1]], ylim=(0, 1), xlabel="updates", ylabel="accuracy on counterfactual prompts")
    ax.set_title("RLVR learns length first; balanced from the start it does not")
    plots.direct_labels(ax, lines)
    return fig


FIGURES = {
    "reward-hacking-policy": shared,
    "reward-hacking": stages,
    "reward-hacking-phases": phases,
    "goodhart": goodharts,
    "reward-hacking-cures": remedies,
}
