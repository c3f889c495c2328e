"""Figures of the feature learned first, of where the rule fails, and of acceleration; their docstrings are captions."""

import itertools
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from scipy.special import stdtrit

from experiments.harness import figures as plots
from experiments.harness.ledger import Settings
from experiments.questions.shortcut import INTENDED, SPURIOUS, measured_crossover, predicted_crossover
from experiments.thesis import acceleration, failures, flow, rates, study
from experiments.thesis.acceleration import BASELINES
from experiments.thesis.cases import NEAR, learned
from experiments.thesis.failures import BROKEN, CONTROLS, FAILURES, RuleTest, tested
from experiments.thesis.rates import EVERYONE, LINEARS, MLPS, TABLES
from experiments.thesis.study import SAVED

MODELS = {"MLP": (MLPS, plots.BLUE), "linear": (LINEARS, plots.GREEN), "table": (TABLES, plots.ORANGE)}
GROUPS = {"all students": (EVERYONE, "o", "full"), "MLPs": (MLPS, "o", "none"), "tables": (TABLES, "s", "none")}
RATIOS = (1, 1.25, 1.6, 2, 3, 6, np.inf)  # of the code lengths saved
MODES = {
    "tie": "equal features, learned",
    "scale": "small scale",
    "decay": "strong weight decay",
    "repeats": "128 samples, code lengths of fresh ones",
    "lag": "just before the code lengths cross",
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
    "features": "a clearer feature",
    "verdicts": "cleaner labels",
    "curriculum": "curriculum",
    "detour": "one bit first",
}
KINDS = {"case": plots.VERMILLION, "control": plots.BLUE}
SHARE = "share of answers that follow the rule"


def interval(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The mean of few replicas, axis 0, and half its 95 % interval, by Student's t."""
    size = len(values)
    return values.mean(0), stdtrit(size - 1, 0.975) * values.std(0, ddof=1) / size**0.5


def share_bars(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The mean of shares, axis 0, and how far its interval reaches down and up [2, ...], within [0, 1]."""
    mean, half = interval(values)
    return mean, np.minimum(half, np.clip([mean, 1 - mean], 0, None))


def band(ax: Axes, samples: np.ndarray, values: np.ndarray, *, share: bool = True, **options: Any) -> Line2D:
    """The mean over seeds [seed, n] with its 95 % band, which is within [0, 1] where the values are shares."""
    mean, half = interval(values)
    ends = np.stack([mean - half, mean + half])
    low, high = ends.clip(0, 1) if share else ends
    return plots.band(ax, samples, mean, low, high, **options)


@plots.style()
def online(settings: Settings) -> Figure:
    """A parity of three bits that agrees with 90 % of the labels, against a length that agrees with 80 %.

    Left: code length saved by an MLP (64 units, Adam .01, batches of 32) on each feature alone. Right: how often one
    that reads both relies on the length where they disagree. Means over seeds, 95 % bands; vertical lines: where the
    code lengths cross, and where the reliance passes ½.

    In practice: the parity carries more about the label, but costs some 70 nats before it pays, while length saves from
    the first batches on. If you stop long before the code lengths cross, you have trained a student of length; here
    more samples of the same kind are the cure.
    """
    found = learned(settings, "parity")
    fig, (saved, reliance) = plots.figure(2, width=5.8, height=4.2)
    for feature, name, color in (
        (INTENDED, "parity alone", plots.BLUE),
        (SPURIOUS, "length alone", plots.VERMILLION),
    ):
        band(saved, found.samples, found.nats_saved[:, feature], share=False, label=name, color=color)
    band(reliance, found.samples, found.reliance, color=plots.PURPLE, label="_student of both")
    reliance.axhline(0.5, color=plots.GREY, linewidth=1, label="_one half")
    for crossover, name, dashes in (
        (predicted_crossover(found), "code lengths cross", plots.DASHED),
        (measured_crossover(found), "switch", "-"),
    ):
        for ax in (saved, reliance):
            at, low, high = float(crossover.at), float(crossover.lower), min(float(crossover.upper), found.samples[-1])
            ax.axvline(at, color=plots.INK, linewidth=1.1, linestyle=dashes, label=f"{name}, {at:,.0f}")
            ax.axvspan(low, high, color=plots.INK, alpha=0.08, label=f"_{name}, 95 %")
    for ax in (saved, reliance):
        ax.set(xlabel="samples")
        plots.log_ticks(ax.xaxis, found.samples[0] * 2 ** np.arange(1, 6))
        ax.set_xlim(found.samples[0], found.samples[-1])
    saved.set(ylabel="code length saved  [nats]", title="the feature that has saved more code length …")
    reliance.set(ylabel="reliance on length", ylim=(0, 1.02))
    reliance.set_title("… is relied on")
    saved.legend(loc="upper left")
    return fig


@plots.style()
def hit_rates(settings: Settings) -> Figure:
    """How often each predictor names the feature that a student relies on, and how far the code lengths are apart then.

    Random environments (256, full profile 1000) of all kinds of features, scales, sizes and sparsities, four students
    with random learning rates, 12 numbers of samples up to 4096 (16 384). The share of cells in which the larger one is
    relied on, among those with a reliance more than .1 from ½ (some 80 %); means over environments, 95 % intervals
    between them. Left: dots, of all students; circles, of MLPs; squares, of tables. Grey: known before training. Order:
    the degree of the simplest polynomial that carries something about the feature, then the information. Right: only
    where one code length saved is above 3 nats.

    In practice: train the student on each feature alone and compare the code length saved, by all samples, by the last
    half or now: the three hardly differ. Information and correlation do much worse, in these ranges; simplicity does
    for a table, and hardly for MLPs. A lead by a factor of 2 or 3 is correct in nine of ten cells, one above 6 nearly
    always. Use as many samples: code lengths on a tenth of them are correct less often than the order.
    """
    fig, (left, right) = plots.figure(2, width=6.6, height=4.8)
    found = study.students(settings)
    pools = {name: rates.pool(found, students) for name, (students, *_) in GROUPS.items()}
    shown = list(pools["MLPs"].score)
    for y, how in enumerate(shown):
        color = plots.BLUE if how == SAVED else plots.GREY if y < shown.index("accuracy") else plots.VERMILLION
        for i, (name, (_, marker, fill)) in enumerate(GROUPS.items()):
            if how in pools[name].score:
                mean, half = interval(rates.hit_rate(pools[name], how))
                dot: dict[str, Any] = {"fmt": marker, "color": color, "fillstyle": fill, "label": "_" * (y > 0) + name}
                left.errorbar(mean, y + 0.24 * (i - 1), xerr=half, **dot)
    left.set_yticks(range(len(shown)), shown)
    left.set(xlim=(0.3, 1), ylim=(len(shown) - 0.5, -0.5), xlabel="hit rate in decided cells")
    left.set_title("code length saved is correct most often")
    left.legend(loc="lower left")
    for i, (model, (students, color)) in enumerate(MODELS.items()):
        pool = rates.pool(found, students)
        groups = [rates.hit_rate(pool, least=low, below=high) for low, high in itertools.pairwise(RATIOS)]
        mean, half = np.array([interval(one) for one in groups]).T
        down, up = np.minimum(half, [mean, 1 - mean])  # a share is in [0, 1]
        x = np.arange(len(groups)) + 0.15 * (i - 1)
        right.errorbar(x, mean, yerr=(down, up), fmt="o-", color=color, label=model)
    names = [f"{low:g}–{high:g}" for low, high in itertools.pairwise(RATIOS[:-1])]
    right.set_xticks(range(len(RATIOS) - 1), [*names, f"> {RATIOS[-2]:g}"])
    right.axhline(0.5, color=plots.GREY, linewidth=1, label="_one half")
    right.set(ylim=(0.2, 1.02), xlabel="larger code length saved / smaller", ylabel="hit rate in decided cells")
    right.set_title("… the more so the farther they are apart")
    right.legend(loc="lower right")
    return fig


@plots.style()
def failed(settings: Settings) -> Figure:
    """Where the thesis fails or predicts little, each time beside a control: answers that follow the rule.

    Left: the share of counterfactual inputs that are answered by the feature of the larger code length
    saved, means over seeds with 95 % intervals; at rate 100 both have lost nats, one fewer; diamonds exact, of least
    squares at a rate that is stable for each sign alone, and of a table of all pairs of contexts. Middle: two bits of
    agreement .9, or one of .9 and one of less, and two parities of 2 bits that explain all; each seed by its own code
    lengths. Right: the exact gradient flow of two signs, the intended one at scale .1; shaded: the intended one has
    saved more code length, yet the student relies on the other; where a line ends, it never switches.

    In practice: distrust the code lengths when a feature is small in scale, or needs large weights under weight decay;
    measure them on as many samples as the student will see, and train the single-feature learners as it will be
    trained. After a late discovery they lag: the student switches before they cross. Equal code lengths predict little
    once both features are learned, but those of one run do predict which of two equals that run learns first.
    """
    fig, (left, middle, right) = plots.figure(3, width=5.4, height=4.6)
    _modes(left, settings)
    _ties(middle, settings)
    _flow(right)
    return fig


def _modes(ax: Axes, settings: Settings) -> None:
    for y, mode in enumerate(MODES):
        for tests, (name, color) in zip((FAILURES, CONTROLS), KINDS.items(), strict=True):
            mean, bars = share_bars(tested(settings, tests[mode]).share)
            ax.errorbar(mean, y, xerr=bars[:, None], fmt="o", color=color, markersize=7, label=f"_{name}")
    exact = {
        "rate beyond stability, exact": [flow.descend(0.7, rate).share for rate in (1.9, 0.95)],
        "joint table, exact": [failures.joint_follows(rho) for rho in (failures.AGREEMENT, 0.95)],
    }
    for y, shares in enumerate(exact.values(), len(MODES)):
        for share, (name, color) in zip(shares, KINDS.items(), strict=True):
            ax.plot(share, y, "D", color=color, markersize=7, label=f"_{name}")
    for name, color in KINDS.items():
        ax.plot([], [], "o", color=color, label=name)
    ax.axvline(0.5, color=plots.INK, linewidth=1, linestyle=plots.DASHED, label="_one half")
    ax.set_yticks(range(len(MODES) + len(exact)), [*MODES.values(), *exact])
    ax.set(xlim=(-0.04, 1.04), ylim=(len(MODES) + len(exact) - 0.5, -0.5), xlabel=SHARE)
    ax.set_title("the rule fails, or predicts little …")
    ax.legend(loc="lower left")


def _ties(ax: Axes, settings: Settings) -> None:
    """The share that follows the code lengths of its own seed, against samples."""
    samples = learned(settings, "tie").samples
    lines = {}
    shown: dict[str, tuple[RuleTest, str]] = {
        "two parities": (BROKEN, plots.PURPLE),
        "two bits": (FAILURES["tie"], plots.VERMILLION),
        **{
            f".9 and {str(rho)[1:]}": (RuleTest(f"near tie {rho}"), color)
            for rho, color in zip(NEAR, (plots.SKY, plots.BLUE), strict=True)
        },
    }
    for name, (test, color) in shown.items():
        shares = [tested(settings, test._replace(samples=n)).share for n in samples]
        lines[name] = band(ax, samples, np.stack(shares, axis=1), color=color)
    ax.plot(samples[[0, -1]], [0.5, 0.5], color=plots.INK, linewidth=1, linestyle=plots.DASHED, label="_one half")
    ax.set(xscale="log", xlim=(256, 6e4), ylim=(0.4, 1), xlabel="samples", ylabel=SHARE)
    ax.set_title("… between equals, once both are learned")
    plots.direct_labels(ax, lines)


def _flow(ax: Axes) -> None:
    decay = np.concatenate([[1e-4], np.geomspace(3e-4, 0.06, 60)])
    crosses, switches = (np.array([f(flow.SCALE, x) for x in decay]) for f in (flow.savings_cross, flow.crossover))
    top = 1e3
    shade = {"color": plots.VERMILLION, "alpha": 0.2, "linewidth": 0, "label": "_the rule is wrong"}
    ax.fill_between(decay, np.minimum(crosses, top), np.minimum(switches, top), **shade)
    ax.plot(decay, switches, color=plots.VERMILLION, label="the student switches")
    never = decay[np.isinf(switches)][0]
    ax.axvline(never, ymax=0.62, color=plots.VERMILLION, linewidth=1, linestyle=":", label="… never beyond")
    ax.plot(decay, crosses, color=plots.BLUE, label="the losses saved cross")
    ax.annotate("the rule\nis wrong", (0.022, 350), ha="center", va="center", fontsize=11)
    plots.log_ticks(ax.yaxis, (20, 50, 100, 200, 500, 1000))
    ax.set(xscale="log", ylim=(20, top), xlabel="weight decay", ylabel="time  [learning rate × updates]")
    ax.set_title("… at a small scale, with decay forever")
    ax.legend(loc="upper left")


@plots.style()
def earlier(settings: Settings) -> Figure:
    """Acceleration: a student switches earlier where its intended feature is made the efficient one.

    Left: the reliance on the spurious length in counterfactual inputs, of agreement .75, the intended sign being the
    XOR of those of two numbers (agreement .9, margin .1); with margin .4; with agreement .98; with margin .6 in the
    first 2048 samples. Means over seeds with 95 % bands; dots: the switch, crosses, below: the samples at which the
    code lengths cross. Right: by what factor both come earlier, 95 % intervals; one bit first: then the parity of 3
    bits.

    In practice: to have a student learn what you intend sooner, make that cheaper to learn, and compute beforehand from
    two single-feature learners what it brings at most: right for a clearer feature; of the prediction for cleaner
    labels two thirds came true (in logarithms), for a curriculum less than half. An easier task helps only if its
    skill is that of the target; the wrong one delays.
    """
    fig, (left, right) = plots.figure(2, width=5.6, height=4.4)
    for name, y in zip(("xor", "features", "verdicts", "curriculum"), (0.05, 0.1, 0.15, 0.2), strict=True):
        found, color = learned(settings, name), COLORS[name]
        band(left, found.samples, found.reliance, color=color, label=NAMES[name])
        crosses, look = float(predicted_crossover(found).at), {"color": color, "markersize": 9, "markeredgewidth": 2.5}
        left.plot(
            float(measured_crossover(found).at), 0.5, "o", color=color, label=f"_{NAMES[name]}, switch", markersize=8
        )
        left.plot(crosses, y, "x", label=f"_{NAMES[name]}, code lengths cross", **look)
    for marker, name in (("o", "switch"), ("x", "code lengths cross")):
        left.plot([], [], marker, color=plots.INK, label=name)
    plots.reference(left, 0.5, "one half", color=plots.INK)
    left.set(xscale="log", xlabel="samples", ylabel="reliance on length", ylim=(0, 1.02))
    left.set_title("an efficient feature is learned earlier")
    left.legend(loc="lower left")
    for name in BASELINES:
        found, color = acceleration.speedup(settings, name), COLORS[name]
        intervals = [interval(values) for values in (found.predicted, found.measured)]
        (x, *across), (y, *up) = (np.exp(mean + half * np.array([0, -1, 1])) for mean, half in intervals)
        bars = {"xerr": np.abs(np.c_[across] - x), "yerr": np.abs(np.c_[up] - y)}
        right.errorbar(x, y, **bars, fmt="o", color=color, markersize=8, label=NAMES[name])
    span = np.array([0.5, 2.2])
    plots.theory(right, span, span, label="as predicted")
    plots.theory(right, span, [1, 1], dashed=True, label="no change")
    for axis in (right.xaxis, right.yaxis):
        plots.log_ticks(axis, [0.5, 1, 1.5, 2])
    right.set(xlim=span, ylim=span, xlabel="times earlier, predicted", ylabel="times earlier, measured")
    right.set_title("… as predicted, or less")
    right.legend(loc="upper left")
    return fig


FIGURES = {
    "thesis-race": online,
    "thesis-hits": hit_rates,
    "thesis-failures": failed,
    "thesis-acceleration": earlier,
}
