"""The figures of supervision; the docstring of each is its caption."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

import theory
from experiments import plots
from experiments.ledger import Settings
from experiments.supervision import costs, signals

MARKERS = dict(zip(costs.METHODS, "osD^v", strict=True))
TIMES = {
    "one_form": (plots.VERMILLION, "SFT, one fixed reference"),
    "all_forms": (plots.ORANGE, "SFT, forms drawn anew"),
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
def told(settings: Settings) -> Figure:
    """What signals say a query, in nats, of the class and of the form, and how many queries identify the class.

    One table of 8 classes × 8 forms, all equally likely; queries drawn uniformly on the left, chosen greedily on the
    right. η is the share of the nats that is of the class. Noisy verdicts have rates (.9, .2) and are asked until a
    class has probability .99 (simulated, 500 runs, 95 % interval); all other numbers are exact. Ticks: what no policy
    goes below. A reference is told whole, or without which of 4 styles of a wording it has.

    In practice: count both. A coarse verdict wastes no nat on how an answer is worded, but takes several queries where
    one reference would do; a style criterion in a rubric costs nats of the class.
    """
    fig, (left, right) = plots.figure(2, width=6.2, height=4.4, sharey=True)
    names = list(SIGNALS)
    found = [signals.described(name) for name in names]
    place = np.arange(len(names))[::-1]
    task = np.array([float(x.decomposition.task) for x in found])
    within = np.array([float(x.decomposition.within) for x in found])
    left.barh(place, task, color=plots.BLUE, height=0.62, label="of the class, I([Y];S|Q)")
    left.barh(place, within, left=task, color=plots.ORANGE, height=0.62, label="of the form, I(Y;S|[Y],Q)")
    for y, x, end in zip(place, found, task + within, strict=True):
        eta = f"η = {float(x.decomposition.efficiency):.2f}"
        left.annotate(eta, (end, y), xytext=(5, 0), textcoords="offset points", va="center", fontsize=11)
    left.set(xlim=(0, 4.9), xlabel="nats a query")
    left.set_yticks(place, names)
    left.grid(axis="y", visible=False)
    left.set_title("a verdict wastes nothing on the form …")
    left.legend(loc="center right", bbox_to_anchor=(1, 0.58))
    greedy = np.array([x.queries.greedy for x in found])
    error = 1.96 * np.array([x.queries.stderr for x in found])
    look = {"color": plots.GREY, "alpha": 0.55, "error_kw": {"ecolor": plots.INK}, "label": "_queries, greedy"}
    right.barh(place, greedy, xerr=error, height=0.62, **look)
    converse = [x.queries.converse for x in found]
    right.plot(converse, place, "|", color=plots.INK, markersize=17, markeredgewidth=2, label="no policy needs fewer")
    for y, x, end in zip(place, found, greedy + error, strict=True):
        shown = f"{x.queries.greedy:.1f}" if x.queries.stderr else f"{x.queries.greedy:.3g}"
        right.annotate(shown, (end, y), xytext=(5, 0), textcoords="offset points", va="center", fontsize=11)
    right.set(xlim=(0, 14), xlabel="expected queries until the class is known")
    right.grid(axis="y", visible=False)
    right.set_title("… but takes more queries than a reference")
    right.legend(loc="center right", bbox_to_anchor=(1, 0.3))
    return fig


@plots.style()
def cost(settings: Settings) -> Figure:
    """What it costs to reach 99 % as the forms of an answer grow in number, M; 4 classes.

    Left: learning rate × updates from a uniform law on a table, exact gradients; markers trained (extrapolated to
    small rates), lines the closed forms. Middle: samples a prompt of a small network (16 prompts, hidden 32, ADAM
    .01; 4 verdicts, or one reference, a prompt and update); one fixed: the same reference, shown again. Right: of a
    table with plain steps, rate 1 or 50. Geometric means over seeds with 95 % intervals; a network that is not there
    after 1000 verdicts, about 3 % of them, counts with 1000. Dotted: in proportion to M, which sampled verdicts
    undercut on a table, as chance draws them to one form.

    In practice: imitation pays for the form where each form is learned for itself, in small steps, from wordings that
    change; not where a prompt has one reference, the step is large, or the model knows what is the same. The bill is
    not ln M: with changing wordings it is M and more, and RLVR pays it too on a table, though not in a network.
    """
    fig, (left, middle, right) = plots.figure(3, width=5.0, height=4.4)
    for method, (color, name) in TIMES.items():
        plots.theory(left, costs.FORMS, costs.predicted(method), label=f"_{name}, closed form")
        left.plot(costs.FORMS, costs.trained(method).time, MARKERS[method], color=color, label=name, markersize=6)
    left.set(ylabel="learning rate × updates to 99 %", ylim=(2, 2e5))
    left.set_title("table, exact: times M, plus ln M, or nothing")
    left.legend(loc="upper left", fontsize=10)
    sizes = costs.forms(settings)
    network = {
        "references, anew": ("SFT", plots.ORANGE),
        "references, one fixed": ("SFT once", plots.VERMILLION),
        "verdicts": ("RLVR", plots.BLUE),
    }
    for name, (method, color) in network.items():
        _sampled(middle, sizes, [costs.on_network(settings, method, m) for m in sizes], name, color)
    _proportional(middle, sizes, 47)
    middle.set(ylabel="samples a prompt to 99 %", ylim=(25, 4e4 if settings.full else 6e3))
    middle.set_title("network: verdicts beat changing references")
    middle.legend(loc="upper left", fontsize=10)
    for name, method, steps, color in (
        ("references, rate 1", "SFT", "small steps", plots.ORANGE),
        ("verdicts, rate 1", "RLVR", "small steps", plots.BLUE),
        ("verdicts, rate 50", "RLVR", "large steps", plots.BLUE),
        ("references, rate 50", "SFT", "large steps", plots.ORANGE),
    ):
        line = _sampled(right, sizes, costs.on_table(settings, method, steps), name, color)
        line.set_linestyle("--" if steps == "large steps" else "-")
    _proportional(right, sizes, 77)
    right.set(ylabel="samples a prompt to 99 %", ylim=(0.7, 1e5))
    right.set_title("table: in large steps one reference is enough")
    right.legend(loc="upper left", fontsize=10)
    for ax, ticks in ((left, costs.FORMS), (middle, sizes), (right, sizes)):
        ax.set(xscale="log", yscale="log", xlabel="M, forms of each class")
        ax.set_xticks(ticks, [str(m) for m in ticks])
        ax.set_xticks([], minor=True)
    return fig


def _sampled(ax: Axes, sizes: tuple[int, ...], found, name: str, color: str) -> Line2D:
    """Geometric means over seeds, with 95 % intervals."""
    logs = [theory.estimate(np.log(c.samples)) for c in found]
    mean = np.exp([float(x.mean) for x in logs])
    ends = np.exp([[float(end) for end in x.interval()] for x in logs])
    line = plots.band(ax, sizes, mean, ends[:, 0], ends[:, 1], label=name, color=color)
    line.set_marker("o")
    return line


def _proportional(ax: Axes, sizes: tuple[int, ...], first: float) -> None:
    ax.plot(sizes, first * np.array(sizes), ":", color=plots.INK, linewidth=1.2, label="_in proportion to M")


@plots.style()
def curves(settings: Settings) -> Figure:
    """A table trained on each signal alone: the share right against queries, and against the nats that were told.

    8 classes × 8 forms, one prompt a class, from a uniform law; signals with a value are climbed by policy gradient, 8
    proposals a round, references imitated, one a round; all with plain steps of rate 8, so that it is the signals that
    differ. Means over seeds with 95 % bands. A preference is against a uniform opponent; nats are those of uniform
    proposals, I(Y;S|Q) times queries. Dashed: ln 8, all there is to know of the class. Where the style is not told, a
    step is shared among four outputs.

    In practice: nats are what could be learned, not what a learner takes, and the order of signals by nats is not that
    of their curves. References are far ahead by the query, thanks to imitation. Policy gradient sees a signal through
    its value alone: a rubric of more nats than a verdict teaches slower, as partial credit rewards what is wrong.
    """
    fig, (left, right) = plots.figure(2, width=6.6, height=4.4, sharey=True)
    lines = {}
    for name, curve in signals.curves(settings.seed, 128 if settings.full else signals.NUM_SEEDS).items():
        split = signals.described(name).decomposition
        t = 1 + plots.spaced(len(curve.queries) - 1)
        queries, mean, stderr = (np.asarray(x)[t] for x in (curve.queries, *curve.correct[:2]))
        plots.band(left, queries, mean, stderr, color=SIGNALS[name], label=name)
        nats = queries * float(split.total)
        lines[name] = plots.band(right, nats, mean, stderr, color=SIGNALS[name], label=name)
    left.set(xlabel="queries a prompt", ylabel="share right", xscale="log", ylim=(0, 1.03))
    left.set_title("by the query references are far ahead, …")
    right.axvline(np.log(8), color=plots.INK, linewidth=1, linestyle=(0, (5, 3)), label="_ln 8")
    right.annotate("ln 8", (np.log(8), 0.95), xytext=(-4, 0), textcoords="offset points", ha="right", fontsize=10)
    right.set(xlabel="nats a prompt, I(Y;S|Q) × queries", xscale="log")
    right.set_title("… by the nat verdicts close up, rubrics are dear")
    fig.legend(list(lines.values()), list(lines), loc="outside right center")
    return fig


FIGURES = {"supervision-signals": told, "supervision-cost": cost, "supervision-curves": curves}
