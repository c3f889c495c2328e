"""The figures: what each loop does to the information in a mixture and in a chain, between two bounds."""

from collections.abc import Callable

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import theory
from experiments import plots
from experiments.continuous_information.coverage import coverage
from experiments.continuous_information.exact import information
from experiments.continuous_information.loops import case, enumerated_loops, studied
from experiments.continuous_information.nearest_neighbours import nearest_neighbours
from experiments.continuous_information.study import Study
from experiments.ledger import Settings

COLORS = {
    "closed": plots.CLOSED,
    "self-judge": plots.SELF_JUDGE,
    "verifier": plots.VERIFIER,
    "fresh data": plots.REAL,
}


def draw_bracket(ax: Axes, study: Study, color: str) -> None:
    """The two bounds, what is between them, and 95 % intervals of sampling error outside of them."""
    bracket = study.bounds.bracket()
    t = np.arange(np.size(bracket.lower.mean))
    low, high = bracket.interval()
    ax.fill_between(t, low, high, color=color, alpha=0.15, linewidth=0, label="_95 %")
    ax.fill_between(t, bracket.lower.mean, bracket.upper.mean, color=color, alpha=0.45, linewidth=0, label="_bracket")
    for name, end in bracket._asdict().items():
        ax.plot(t, end.mean, color=color, linewidth=1.4, label=f"_{name} bound")


def loops_of(settings: Settings, name: str, loops: tuple[str, ...] = tuple(COLORS)) -> tuple[Figure, np.ndarray]:
    """A column a loop: information between its bounds above, the share right below."""
    fig, axes = plots.figure(len(loops), 2, width=3.3, height=2.6, sharex=True, sharey="row")
    top = np.log(np.shape(case(name).tasks[0])[0])
    for (upper, lower), loop in zip(axes.T, loops, strict=True):
        study = studied(settings, name, loop)
        draw_bracket(upper, study, COLORS[loop])
        t = np.arange(np.size(study.right.mean))
        if study.injection is not None:
            injection = np.minimum(theory.estimate(study.injection).mean, top)
            plots.theory(upper, t, injection, dashed=True, label="_by injection")
            style = {"textcoords": "offset points", "va": "bottom", "fontsize": 10}
            upper.annotate("at most, by injection", (t[1], injection[1]), (6, 1), **style)
        upper.set(title=loop, ylim=(0, 1.05 * top))
        plots.theory(upper, t[[0, -1]], [top, top], label="_H(X)")
        plots.band(lower, t, study.right.mean, study.right.stderr, color=COLORS[loop], label="_right")
        lower.set(ylim=(0, 1), xlabel="generation t")
    axes[0, 0].set_ylabel("I(X;Zₜ)  [nats]")
    axes[1, 0].set_ylabel("share right")
    axes[0, 0].annotate("all there is to know, H(X)", (0.1, 0.985 * top), va="top", fontsize=10)
    return fig, axes


@plots.style()
def mixture(settings: Settings) -> Figure:
    """Eight tasks, a mixture of two components, weight and means refitted to 20 samples.

    The information lies in the dark band, but for the sampling error of either end (pale, 95 %), within which the ends
    may cross: below is what a classifier reads off the model, above what the fit has seen. Dashed: what was known and
    what the signal adds at most, cut at H(X). Right is what lies near the heaviest component of the task.

    In practice: judged by itself a model sharpens and forgets; a verifier that looks at the task, or a fifth of real
    samples, is what keeps or adds information.
    """
    return loops_of(settings, "mixture")[0]


@plots.style()
def chain(settings: Settings) -> Figure:
    """Eight tasks, a Markov chain of three states refitted to a path of 100 symbols: information between two bounds.

    Pale: 95 % of either end; dashed: what was known and what the signal adds at most. Right is every step but the less
    likely move of the task from each state. Under a self-judge more steps are right in every generation, while the
    model tells less and less of its task.

    In practice: a rising score does not show that a loop learns; ask whether what raises it has seen the task.
    """
    return loops_of(settings, "chain")[0]


@plots.style()
def full_mixture(settings: Settings) -> Figure:
    """All 17 parameters of a mixture of three components in the plane, refitted to 50 samples.

    The averages over simulated models fail here: of what the fit of Z_t has seen, one model in (1 + t)^8.5 carries the
    likelihood. Above, only what the real samples told, or what a signal added, is certain.

    In practice: the lower bound needs only more replicas. For an equally good average, the third generation takes
    2^8.5 = 360 times the models of the first; until hundreds carry it, doubling them does less than halve the distance.
    """
    return loops_of(settings, "full mixture", tuple(COLORS) if settings.full else ("closed", "verifier"))[0]


@plots.style()
def exact(settings: Settings) -> Figure:
    """Four tasks, a Markov chain of two states refitted to a path of twelve symbols, for which counting paths is exact.

    The brackets (colour) hold the exact information (black) within their sampling error (pale, 95 %). They are wide
    where a judge drops steps: the upper bound then counts the dropped ones too, which the fit does not see.

    In practice: where enumeration is out of reach, the bracket is what one may rely on.
    """
    loops = enumerated_loops(settings)
    fig, axes = plots.figure(len(loops), width=3.3, height=2.9, sharey=True)
    for ax, loop in zip(axes, loops, strict=True):
        study = studied(settings, "two states", loop)
        draw_bracket(ax, study, COLORS[loop])
        values = information(loop, np.size(study.right.mean) - 1)
        plots.theory(ax, np.arange(values.size), values, label="_exact")
        ax.set(title=loop, xlabel="generation t")
    axes[0].set(ylabel="I(X;Zₜ)  [nats]", ylim=(0, None))
    return fig


FIGURES: dict[str, Callable[[Settings], Figure]] = {
    "continuous-mixture": mixture,
    "continuous-chain": chain,
    "continuous-two-states": exact,
    "continuous-full-mixture": full_mixture,
    "coverage": coverage,
    "nearest-neighbours": nearest_neighbours,
}
