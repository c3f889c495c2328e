"""The figures of supervision; the docstring of each is its caption."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from experiments.harness import figures as plots
from experiments.harness.ledger import Settings
from experiments.supervision import signals, study
from experiments.supervision.study import FIXED, PARAPHRASED, SAMPLED, VERDICTS, Cost

MARKERS = dict(zip(study.METHODS, "osD^v", strict=True))
TIMES = {
    "one_form": (plots.VERMILLION, "SFT, one fixed reference"),
    "all_forms": (plots.ORANGE, "SFT, paraphrased references"),
    "policy_gradient": (plots.BLUE, "RLVR"),
    "natural_gradient": (plots.GREEN, "natural gradient"),
    "partition": (plots.PURPLE, "SFT, partition known"),
}
SIGNALS = {
    "verdict": plots.BLUE,
    "noisy verdict": plots.SKY,
    "rubric": plots.GREEN,
    "rubric + style": plots.GREY,
    "preference": plots.PURPLE,
    "reference": plots.VERMILLION,
    "reference + style": plots.ORANGE,
}


@plots.style()
def information(settings: Settings) -> Figure:
    """The information of signals per query about class and surface form, and the queries that identify the class.

    8 classes × 8 forms, all equally likely. Left: nats of a uniform query; η: the share about the class. Right: greedy
    queries until the class is certain; noisy verdicts (tpr .9, fpr .2) until 99 % sure, 500 simulated runs, 95 %
    interval. Ticks: lower bound for any policy.

    In practice: count both. A coarse verdict spends no nat on the surface form, but takes several queries where one
    reference would do; a style criterion in a rubric costs nats about the class.
    """
    fig, (left, right) = plots.figure(2, width=6.2, height=4.4, sharey=True)
    names = list(SIGNALS)
    found = [signals.described(settings, name) for name in names]
    place = np.arange(len(names))[::-1]
    task = np.array([float(x.decomposition.task) for x in found])
    within = np.array([float(x.decomposition.within) for x in found])
    left.barh(place, task, color=plots.BLUE, height=0.62, label="about the class, I([Y];S|Q)")
    left.barh(place, within, left=task, color=plots.ORANGE, height=0.62, label="about the form, I(Y;S|[Y],Q)")
    for y, x, end in zip(place, found, task + within, strict=True):
        eta = f"η = {float(x.decomposition.efficiency):.2f}"
        left.annotate(eta, (end, y), xytext=(5, 0), textcoords="offset points", va="center", fontsize=11)
    left.set(xlim=(0, 4.9), xlabel="information [nats per query]")
    left.set_yticks(place, names)
    left.grid(axis="y", visible=False)
    left.set_title("a verdict carries nothing about the form …")
    left.legend(loc="center right", bbox_to_anchor=(1, 0.58))
    greedy = np.array([x.queries.greedy for x in found])
    error = 1.96 * np.array([x.queries.stderr for x in found])
    look = {"color": plots.GREY, "alpha": 0.55, "error_kw": {"ecolor": plots.INK}, "label": "_queries, greedy"}
    right.barh(place, greedy, xerr=error, height=0.62, **look)
    converse = [x.queries.converse for x in found]
    right.plot(
        converse, place, "|", color=plots.INK, markersize=17, markeredgewidth=2, label="lower bound for any policy"
    )
    for y, x, end in zip(place, found, greedy + error, strict=True):
        shown = f"{x.queries.greedy:.1f}" if x.queries.stderr else f"{x.queries.greedy:.3g}"
        right.annotate(shown, (end, y), xytext=(5, 0), textcoords="offset points", va="center", fontsize=11)
    right.set(xlim=(0, 14), xlabel="expected queries until the class is identified")
    right.grid(axis="y", visible=False)
    right.set_title("… but takes more queries than a reference")
    right.legend(loc="center right", bbox_to_anchor=(1, 0.3))
    return fig


@plots.style()
def cost(settings: Settings) -> Figure:
    """The cost of reaching 99 % accuracy as the number of surface forms of an answer, M, grows; 4 classes.

    Left: learning rate × updates from a uniform distribution on a table, exact gradients; markers trained (extrapolated
    to small rates), lines the closed forms. Middle: samples a prompt of a small network (16 prompts, hidden 32, ADAM
    .01; 4 verdicts, or one reference, a prompt and update); one fixed: the same reference, shown again. Right: of a
    table with plain steps, rate 1 or 50. Geometric means over seeds with 95 % intervals; a network that does not reach
    it, one in thirty at most, counts with all of its samples. Dotted: in proportion to M, which sampled verdicts
    undercut on a table, as chance draws them to one form.

    In practice: imitation pays for the form where each form is learned for itself, in small steps, from references that
    are paraphrased each time; not where a prompt has one reference, the step is large, or the model knows the
    partition. The cost is not ln M: with paraphrases it is M and more, and RLVR pays it too on a table, though not in a
    network.
    """
    fig, (left, middle, right) = plots.figure(3, width=5.0, height=4.4)
    for method, (color, name) in TIMES.items():
        plots.theory(left, study.FORMS, study.predicted()[method], label=f"_{name}, closed form")
        left.plot(study.FORMS, study.trained(method).time, MARKERS[method], color=color, label=name, markersize=6)
    left.set(ylabel="learning rate × updates to 99 % accuracy", ylim=(2, 2e5))
    left.set_title("table, exact: times M, plus ln M, or nothing")
    left.legend(loc="upper left", fontsize=10)
    for name, color in ((PARAPHRASED, plots.ORANGE), (FIXED, plots.VERMILLION), (VERDICTS, plots.BLUE)):
        _sampled(middle, study.on_network(settings, name), name, color)
    _proportional(middle, 47)
    middle.set(ylabel="samples per prompt to 99 % accuracy", ylim=(25, 6e3))
    middle.set_title("network: verdicts beat paraphrased references")
    middle.legend(loc="upper left", fontsize=10)
    for name, signal, steps, color in (
        ("references, rate 1", PARAPHRASED, "small steps", plots.ORANGE),
        ("verdicts, rate 1", VERDICTS, "small steps", plots.BLUE),
        ("verdicts, rate 50", VERDICTS, "large steps", plots.BLUE),
        ("references, rate 50", PARAPHRASED, "large steps", plots.ORANGE),
    ):
        line = _sampled(right, study.on_table(settings, signal)[steps], name, color)
        line.set_linestyle("--" if steps == "large steps" else "-")
    _proportional(right, 77)
    right.set(ylabel="samples per prompt to 99 % accuracy", ylim=(0.7, 1e5))
    right.set_title("table: in large steps one reference is enough")
    right.legend(loc="upper left", fontsize=10)
    for ax, ticks in ((left, study.FORMS), (middle, SAMPLED), (right, SAMPLED)):
        plots.log_ticks(ax.xaxis, ticks)
        ax.set(yscale="log", xlabel="surface forms per class, M")
    return fig


def _sampled(ax: Axes, cost: Cost, name: str, color: str) -> Line2D:
    """Geometric means over seeds, with 95 % intervals."""
    logs = np.log(cost.samples)
    mean, reach = logs.mean(1), 1.96 * logs.std(1, ddof=1) / logs.shape[1] ** 0.5
    line = plots.band(ax, SAMPLED, *np.exp([mean, mean - reach, mean + reach]), label=name, color=color)
    line.set_marker("o")
    return line


def _proportional(ax: Axes, first: float) -> None:
    ax.plot(SAMPLED, first * np.array(SAMPLED), ":", color=plots.INK, linewidth=1.2, label="_in proportion to M")


FIGURES = {"supervision-signals": information, "supervision-cost": cost}
