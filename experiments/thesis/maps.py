"""The figures of the thesis's limits and of acceleration; the docstring of each is its caption."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments import plots
from experiments.ledger import Settings
from experiments.thesis import acceleration, failures, flow
from experiments.thesis.acceleration import MEANS
from experiments.thesis.cases import NEAR, raced
from experiments.thesis.curves import measured_turn, predicted_turn
from experiments.thesis.failures import BROKEN, CONTROLS, FAILURES, Probe, probed
from experiments.thesis.figures import band, half
from theory import estimate

MODES = {
    "tie": "equal components, learned",
    "scale": "small scale",
    "decay": "strong weight decay",
    "repeats": "128 samples, savings on fresh ones",
    "lag": "just before the savings cross",
    "rate": "learning rate 100 (control .1)",
}
COLORS = {
    "xor": plots.GREY,
    "features": plots.BLUE,
    "verdicts": plots.GREEN,
    "curriculum": plots.ORANGE,
    "detour": plots.VERMILLION,
}
NAMES = {
    "xor": "as it is",
    "features": "clearer features",
    "verdicts": "cleaner verdicts",
    "curriculum": "clear cases first",
    "detour": "one bit first",
}
KINDS = {"case": plots.VERMILLION, "control": plots.BLUE}
DASHED = (0, (5, 3))
SHARE = "answers as the larger saving says"


@plots.style()
def failed(settings: Settings) -> Figure:
    """Where the thesis fails or says little, each time beside a control: answers as the larger saving says.

    Left: the share of counterfactual inputs that are answered as the component says whose solo learner has saved more,
    means over seeds with 95 % intervals; at rate 100 both have lost nats, one fewer; diamonds exact, of least squares
    at a rate that each component alone can bear, and of a table of all pairs of contexts. Middle: two bits of agreement
    .9, or one of .9 and one of less, and two parities of 2 bits that explain all; each seed by its own savings. Right:
    the exact gradient flow of two signs, the intended one at scale .1; shaded: the intended one has saved more, yet the
    student answers as the other says; where a line ends, it is never again.

    In practice: distrust the savings when a component is written small, or must be kept by large weights under weight
    decay; measure them on as many samples as the student will see, and train the solo learners as it will be trained.
    After a late discovery they lag: the student turns before they do. Equal savings say little once both are learned,
    but the savings of one run do tell which of two equals that run learns first.
    """
    fig, (left, middle, right) = plots.figure(3, width=5.4, height=4.6)
    _modes(left, settings)
    _ties(middle, settings)
    _flow(right)
    return fig


def _modes(ax: Axes, settings: Settings) -> None:
    for y, mode in enumerate(MODES):
        for probes, (name, color) in zip((FAILURES, CONTROLS), KINDS.items(), strict=True):
            if mode in probes:
                mean = estimate(probed(settings, probes[mode]).share)
                bars = np.clip([[mean.mean], [1 - mean.mean]], 0, half(mean))  # of a share
                ax.errorbar(float(mean.mean), y, xerr=bars, fmt="o", color=color, markersize=7, label=f"_{name}")
    exact = {
        "rate beyond stability, exact": [failures.edge(settings, rate=rate) for rate in (1.9, 0.95)],
        "joint table, exact": [failures.joint_table(settings, agreement=rho) for rho in (failures.AGREEMENT, 0.95)],
    }
    for y, outcomes in enumerate(exact.values(), len(MODES)):
        for outcome, (name, color) in zip(outcomes, KINDS.items(), strict=True):
            ax.plot(outcome.measured or 0, y, "D", color=color, markersize=7, label=f"_{name}")
    for name, color in KINDS.items():
        ax.plot([], [], "o", color=color, label=name)
    ax.axvline(0.5, color=plots.INK, linewidth=1, linestyle=DASHED, label="_one half")
    ax.set_yticks(range(len(MODES) + len(exact)), [*MODES.values(), *exact])
    ax.set(xlim=(-0.04, 1.04), ylim=(len(MODES) + len(exact) - 0.5, -0.5), xlabel=SHARE)
    ax.set_title("the rule fails, or says little …")
    ax.legend(loc="lower left")


def _ties(ax: Axes, settings: Settings) -> None:
    """The share that follows the savings of its own seed, against samples."""
    samples = raced(settings, "tie").samples
    lines = {}
    shown: dict[str, tuple[tuple[Probe, ...], str]] = {
        "two parities": (BROKEN, plots.PURPLE),
        "two bits": (FAILURES["tie"], plots.VERMILLION),
        **{
            f".9 and {str(rho)[1:]}": ((Probe(f"near tie {rho}", by="own"),), color)
            for rho, color in zip(NEAR, (plots.ORANGE, plots.SKY, plots.BLUE), strict=True)
        },
    }
    for name, (probes, color) in shown.items():
        shares = [probed(settings, tuple(probe._replace(samples=n) for probe in probes)).share for n in samples]
        lines[name] = band(ax, samples, np.stack(shares, axis=1), color=color)
    ax.axhline(0.5, color=plots.INK, linewidth=1, linestyle=DASHED, label="_one half")
    ax.set(xscale="log", xlim=(256, 6e4), ylim=(0.4, 1), xlabel="samples", ylabel=SHARE)
    ax.set_title("… between equals, once both are learned")
    plots.direct_labels(ax, lines)


def _flow(ax: Axes) -> None:
    decay = np.concatenate([[1e-4], np.geomspace(3e-4, 0.06, 60)])
    crosses, turns = (np.array([f(flow.SCALE, x) for x in decay]) for f in (flow.crosses, flow.turns))
    top = 1e3
    shade = {"color": plots.VERMILLION, "alpha": 0.2, "linewidth": 0, "label": "_the rule is wrong"}
    ax.fill_between(decay, np.minimum(crosses, top), np.minimum(turns, top), **shade)
    ax.plot(decay, turns, color=plots.VERMILLION, label="the student turns")
    never = decay[np.isinf(turns)][0]
    ax.axvline(never, ymax=0.62, color=plots.VERMILLION, linewidth=1, linestyle=":", label="… never beyond")
    ax.plot(decay, crosses, color=plots.BLUE, label="the savings cross")
    ax.annotate("the rule\nis wrong", (0.022, 350), ha="center", va="center", fontsize=11)
    ax.set(xscale="log", yscale="log", ylim=(20, top), xlabel="weight decay", ylabel="time  [learning rate × updates]")
    ticks = (20, 50, 100, 200, 500, 1000)
    ax.set_yticks(ticks, [str(tick) for tick in ticks])
    ax.set_yticks([], minor=True)
    ax.set_title("… at a small scale, with decay for ever")
    ax.legend(loc="upper left")


@plots.style()
def earlier(settings: Settings) -> Figure:
    """Acceleration: a student turns earlier where its intended component is made the efficient one.

    Left: the share of counterfactual inputs answered as the spurious length says, of agreement .75, the intended sign
    being the XOR of those of two numbers (agreement .9, margin .1); with margin .4; with agreement .98; with margin .6
    in the first 2048 samples. Means over seeds with 95 % bands; dots: the turn, crosses, below: at how many samples the
    solo savings cross. Right: by what factor both come earlier, 95 % intervals; one bit first: then the parity of 3
    bits.

    In practice: to have a student learn what you intend sooner, make that cheaper to learn, and compute beforehand from
    two solo learners what it brings at most: right for clearer features, of what they promise of cleaner verdicts two
    thirds came true (in logarithms), and half of a curriculum. An easier task helps only if its skill is that of the
    target; the wrong one delays.
    """
    fig, (left, right) = plots.figure(2, width=5.6, height=4.4)
    for name, y in zip(("xor", "features", "verdicts", "curriculum"), (0.05, 0.1, 0.15, 0.2), strict=True):
        found, color = raced(settings, name), COLORS[name]
        band(left, found.samples, found.reliance, color=color, label=NAMES[name])
        crosses, look = float(predicted_turn(found).at), {"color": color, "markersize": 9, "markeredgewidth": 2.5}
        left.plot(float(measured_turn(found).at), 0.5, "o", color=color, label=f"_{NAMES[name]}, turn", markersize=8)
        left.plot(crosses, y, "x", label=f"_{NAMES[name]}, savings cross", **look)
    for marker, name in (("o", "turn"), ("x", "savings cross")):
        left.plot([], [], marker, color=plots.INK, label=name)
    left.axhline(0.5, color=plots.INK, linewidth=1, linestyle=DASHED, label="_one half")
    left.set(xscale="log", xlabel="samples", ylabel="answers as the length says", ylim=(0, 1.02))
    left.set_title("an efficient component is taken up earlier")
    left.legend(loc="lower left")
    for name in MEANS:
        found, color = acceleration.speedup(settings, name), COLORS[name]
        means = [estimate(x) for x in found]
        (x, *across), (y, *up) = (np.exp(mean.mean + half(mean) * np.array([0, -1, 1])) for mean in means)
        bars = {"xerr": np.abs(np.c_[across] - x), "yerr": np.abs(np.c_[up] - y)}
        right.errorbar(x, y, **bars, fmt="o", color=color, markersize=8, label=NAMES[name])
    span = np.array([0.5, 2.2])
    plots.theory(right, span, span, label="as predicted")
    plots.theory(right, span, [1, 1], dashed=True, label="no change")
    ticks = [0.5, 1, 1.5, 2]
    right.set(xscale="log", yscale="log", xlim=span, ylim=span)
    for axis in (right.xaxis, right.yaxis):
        axis.set_ticks(ticks, [f"{tick:g}" for tick in ticks])
        axis.set_ticks([], minor=True)
    right.set(xlabel="times earlier, predicted", ylabel="times earlier, measured")
    right.set_title("… by what the savings say, or less")
    right.legend(loc="upper left")
    return fig


FIGURES = {"thesis-failures": failed, "thesis-acceleration": earlier}
