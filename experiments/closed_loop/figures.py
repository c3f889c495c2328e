"""The figures of the closed loop; the docstring of each is its caption."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.closed_loop import fresh, real_data, study
from experiments.closed_loop.real_data import Loops
from experiments.closed_loop.study import NUM_GENERATIONS, NUM_SAMPLES, SHARES
from experiments.harness import figures as plots
from experiments.harness.ledger import Settings
from sandbox import GaussianMixture
from theory import gaussian

REGIMES = {"replace": plots.CLOSED, "fresh": plots.REAL, "reuse": plots.SKY, "accumulate": plots.PURPLE}
TITLES = {
    "replace": "fully synthetic",
    "fresh": f"{100 * real_data.REAL_SHARE:g} % fresh data",
    "reuse": "augmentation",
    "accumulate": "accumulation",
}
SHOWN = (0, 20, 200)  # the generations whose models are drawn or quoted
EVERY = 2  # generations whose measures are drawn


@plots.style()
def information(settings: Settings) -> Figure:
    """The information of a closed loop about its task falls in every generation.

    In the categorical loop it stops at that of one draw of the true model. Thin dark lines: exact. Coloured bands:
    simulated, 95 %.
    """
    loops = (
        (f"a symbol's probability, n = {NUM_SAMPLES}", study.categorical(settings)),
        (f"the mean of a Gaussian, n = {study.NUM_MEAN}", study.mean(settings)),
        (f"its variance, n = {study.NUM_VARIANCE}", study.log_variance(settings)),
    )
    fig, axes = plots.figure(3, sharey=True, width=4.4)
    t = plots.spaced(NUM_GENERATIONS + 1)
    for ax, (title, loop) in zip(axes, loops, strict=True):
        found = loop.information
        plots.band(
            ax, t + 1, np.asarray(found.mean)[t], np.asarray(found.stderr)[t], label="simulated", color=plots.CLOSED
        )
        plots.theory(ax, t + 1, loop.exact[t], label="exact")
        plots.log_ticks(ax.xaxis, [1, 10, 100])
        ax.set(title=title, xlabel="generation, t + 1")
    plots.reference(axes[0], study.residual(), "one draw of the true model", color=plots.INK)
    corner = (1, study.residual())
    axes[0].annotate("one draw of the true model", corner, xytext=(0, -14), textcoords="offset points", fontsize=11)
    axes[0].set(ylabel="I(X;Zₜ)  [nats]", ylim=(0, None))
    axes[0].legend(loc="upper right")
    return fig


@plots.style()
def collapse(settings: Settings) -> Figure:
    """What is lost, seen in the models.

    Diversity falls by the factor 1 − 1/n per generation, until one symbol is left, each with its true probability. The
    mean log-variance of a Gaussian falls linearly. Thin dark lines: exact.
    """
    fig, (left, middle, right) = plots.figure(3, width=4.4)
    t = np.arange(NUM_GENERATIONS + 1)
    diversity = study.diversity(settings)
    plots.band(left, t, diversity.mean, diversity.stderr, color=plots.CLOSED, label="simulated")
    plots.theory(left, t, study.expected_diversity(), label="(1 − 1/n)ᵗ⁺¹")
    left.set(title=f"diversity falls by 1/{NUM_SAMPLES} per generation", xlabel="generation", ylim=0)
    left.set_ylabel("diversity, true model = 1")
    left.legend()
    states, fair = np.arange(NUM_SAMPLES + 1) / NUM_SAMPLES, np.argmin(np.abs(SHARES - 0.5))
    z = study.categorical(settings).parameter[..., fair]  # [replica, t]
    for shown, color in zip(SHOWN, (plots.GREEN, plots.SKY, plots.BLUE), strict=True):
        counts = np.bincount(np.rint(z[:, shown] * NUM_SAMPLES).astype(int), minlength=states.size)
        width = 1.2 / NUM_SAMPLES
        middle.bar(states, counts / counts.sum(), width=width, color=color, alpha=0.7, label=f"t = {shown}")
        name = "exact" if shown == SHOWN[-1] else f"_exact, t = {shown}"
        plots.theory(middle, states, study.chain().distributions[shown, fair], label=name)
    middle.set(title="a fair coin ends at 0 or 1", xlabel="probability in the model", ylabel="share of replicas")
    middle.legend()
    steps = study.log_variance(settings).parameter
    middle_runs = np.quantile(steps, [0.1, 0.9], axis=0)
    plots.band(right, t, steps.mean(0), *middle_runs, color=plots.CLOSED, label="mean, middle 80 % of runs")
    exact = gaussian.log_variance_moments(study.NUM_VARIANCE, NUM_GENERATIONS).mean
    plots.theory(right, t, exact, label="exact mean")
    title = f"a variance goes to 0, n = {study.NUM_VARIANCE}"
    right.set(title=title, xlabel="generation", ylabel="ln s² − ln σ²  [nats]")
    right.legend()
    return fig


@plots.style()
def count_fresh(settings: Settings) -> Figure:
    """Count fresh samples: their number decides how much a loop retains, not their share.

    The information about the task that is left in the end if m of the n samples of each generation are fresh ones of
    the true model, the others the model's own. Left: for the same number the curves of all n lie on each other. Right:
    for the same share they do not. All exact: two symbols, of which the task says which one has probability .7; dark
    line: Wright's limit of many samples.
    """
    fig, (left, right) = plots.figure(2, sharey=True)
    colors = (plots.SKY, plots.BLUE, plots.GREEN, plots.VERMILLION)
    share, p = np.array(fresh.SHARES), fresh.ACCURACIES[0]
    for n, color in zip(fresh.SIZES, colors, strict=True):
        look = {"color": color, "label": f"n = {n}"}
        left.plot(fresh.NUMBERS, [fresh.retained(n, m, p) for m in fresh.NUMBERS], "o-", **look)
        right.plot(100 * share, [fresh.retained(n, round(a * n), p) for a in share], "o-", **look)
    numbers = np.geomspace(1, fresh.NUMBERS[-1], 20)
    plots.theory(left, numbers, [fresh.wright(m, p) for m in numbers], label="any n")
    plots.log_ticks(left.xaxis, fresh.NUMBERS)
    plots.log_ticks(right.xaxis, 100 * share)
    left.set(title="by number: the same for all n", xlabel="fresh samples a generation, m", ylim=(0, 1.04))
    left.set_ylabel("I(X;Z∞) / ln 2")
    right.set(title="by share: more samples retain more", xlabel="fresh samples, % of n")
    left.legend(loc="lower right")
    return fig


@plots.style()
def faithful(settings: Settings) -> Figure:
    """A mixture fitted to the eruptions of Old Faithful, retrained for 200 generations.

    On its own samples alone it narrows to splinters; 20 fresh real samples of 204, the real set again, or keeping
    everything stops that. Contours hold half and nine tenths of each component, in the first replica, their thickness
    shows its weight; lines are medians, and bands hold the middle 80 % of the replicas. Fresh samples are drawn from
    the rows not held out.
    """
    return points_figure(real_data.faithful(settings), "eruption [min]", "waiting [min]")


@plots.style()
def english(settings: Settings) -> Figure:
    """A Markov chain of characters fitted to Genesis and Exodus, retrained on paths of 5000 characters.

    On its own samples alone it forgets bigram after bigram; bands hold the middle 80 % of the replicas. The
    log-likelihood is that of the chain with 1 % of the uniform distribution mixed in, since one lost bigram would make
    it infinite. Above: samples of the first replica's models, all from the same random numbers.
    """
    return text_figure(real_data.english(settings))


def points_figure(loops: Loops, *names: str) -> Figure:
    """Models on the data above, their measures below."""
    fig, axes = plots.figure(4, 2, width=3.6, height=3.3)
    x = np.concatenate([loops.source.train, loops.source.held_out])
    panels = (("replace", 0), ("replace", SHOWN[1]), ("replace", SHOWN[2]), ("accumulate", SHOWN[2]))
    for ax, (regime, t) in zip(axes[0], panels, strict=True):
        model = GaussianMixture(*(leaf[0, t] for leaf in loops.models[regime]))
        _draw_model(ax, model, x, REGIMES[regime] if t else plots.INK)
        ax.set(title=f"{TITLES[regime]}, t = {t}" if t else "Z₀, fitted to the real data", xlabel=(names or ("x₁",))[0])
    axes[0, 0].set_ylabel((*names, "x₂", "x₂")[1] if x.shape[1] > 1 else "density")
    grid = axes[1, 0].get_gridspec()
    for ax in axes[1]:
        ax.remove()
    below = fig.add_subplot(grid[1, :])
    _measure(below, loops, "held_out", "held-out log-likelihood lost", "nats per sample", against_first=True)
    below.set_yscale("symlog", linthresh=0.1)
    below.legend(loc="upper left")
    return fig


def text_figure(loops: Loops) -> Figure:
    """Samples above, the measures of the models below."""
    fig, axes = plots.figure(3, 2, width=4.4, height=3.0)
    grid = axes[0, 0].get_gridspec()
    for ax in axes[0]:
        ax.remove()
    quotes = fig.add_subplot(grid[0, :])
    quotes.axis("off")
    lines = [("Z₀", "replace", 0, plots.INK)]
    lines += [(f"{TITLES['replace']}, t = {t}", "replace", t, REGIMES["replace"]) for t in SHOWN[1:]]
    lines += [(f"{TITLES[name]}, t = {SHOWN[2]}", name, SHOWN[2], REGIMES[name]) for name in ("fresh", "accumulate")]
    for i, (title, regime, t, color) in enumerate(lines):
        y = 0.92 - 0.2 * i
        line = "".join((loops.source.alphabet or "")[i] for i in loops.quotes[regime][0, t])
        quotes.text(0.0, y, title, color=color, fontsize=12, transform=quotes.transAxes)
        quotes.text(0.172, y, line, color=color, family="monospace", fontsize=11, transform=quotes.transAxes)
    _measure(axes[1, 0], loops, "held_out", "held-out log-likelihood lost", "nats per character", against_first=True)
    _measure(axes[1, 1], loops, "support", "support", "bigrams with p > 0")
    _measure(axes[1, 2], loops, "entropy_rate", "entropy rate", "nats per character")
    for ax in axes[1, 1:]:
        ax.set_ylim(0, None)
    axes[1, 2].legend(loc="lower left")
    return fig


def _measure(ax: Axes, loops: Loops, name: str, title: str, unit: str, *, against_first: bool = False) -> None:
    """One measure against the generation under each regime: the median and the middle 80 %."""
    for regime, measures in loops.measures.items():
        values = measures[name]  # [replica, t]
        if against_first:
            values = values[:, :1] - values
        low, centre, high = np.quantile(values, [0.1, 0.5, 0.9], axis=0)
        drawn = (values[::EVERY] for values in (np.arange(values.shape[1]), centre, low, high))
        line = plots.band(ax, *drawn, label=TITLES[regime], color=REGIMES[regime])
        if regime == "accumulate":
            line.set_linestyle((0, (3, 2)))  # what it often covers shows through
    ax.set(xlabel="generation", ylabel=unit, title=title)


def _draw_model(ax: Axes, model: GaussianMixture, x: np.ndarray, color: str) -> None:
    """The first two coordinates of a mixture over the data; in one dimension its density over a histogram."""
    if x.shape[1] == 1:
        ax.hist(x[:, 0], bins=30, density=True, color=plots.GREY, alpha=0.4, label="_real data")
        grid = np.linspace(x.min(), x.max(), 400)
        ax.plot(grid, np.exp(real_data.log_prob(model, grid[:, None])), color=color, label="_model")
        return
    ax.plot(x[:, 0], x[:, 1], ".", color=plots.GREY, alpha=0.6, markersize=3, rasterized=True, label="_real data")
    angle = np.linspace(0, 2 * np.pi, 60)
    circle = np.stack([np.cos(angle), np.sin(angle)])
    for weight, mean, scale in zip(*map(np.asarray, model), strict=True):
        for level in (0.5, 0.9):
            radius = (-2 * np.log(1 - level)) ** 0.5  # of the χ² distribution with two degrees of freedom
            ring = mean[:2, None] + radius * scale[:2, :2] @ circle
            ax.plot(*ring, color=color, linewidth=0.6 + 2.5 * weight, label=f"_{level:.0%} of a component")


FIGURES = {
    "closed-loop-information": information,
    "closed-loop-collapse": collapse,
    "closed-loop-fresh": count_fresh,
    "closed-loop-faithful": faithful,
    "closed-loop-english": english,
}
