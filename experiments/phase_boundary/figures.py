"""The phase diagram of verified retraining; its docstring is the caption."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.harness import figures as plots
from experiments.harness.ledger import Settings
from experiments.phase_boundary import study


@plots.style()
def phase_boundary_figure(settings: Settings) -> Figure:
    """Whether retraining on accepted samples ends correct: exact, rejection sampling, independent errors at each look.

    Left: from an accuracy of .1, over the likelihood ratio of the verifier and the accepted samples of a round. On the
    line n V(p) = ln 2 half of the loops end correct; on the dashed one, n · ln LR · p = 1, at least 85 %. The bars name
    verifiers by their LR, at no height of meaning: judges, whose accuracy on pairs is read as tpr and 1 − fpr, and unit
    tests. Errors of either may persist, and then the diagram is too kind. Right: loops from all starts and verifiers
    lie on one curve, e^{−nV(p)}, over n V(p); from p = .3 up to 16 % beside it.

    In practice: multiply the accepted samples of a round, the accuracy of the prompt and ln(tpr/fpr): at 1 at least 85
    % of the loops learn, at 2 97 %; below .3 most of those with a weak verifier collapse.
    """
    fig, (left, right) = plots.figure(2, width=6.6, height=5.0)
    _map(fig, left, settings)
    _one_curve(right)
    return fig


def _map(fig: Figure, ax: Axes, settings: Settings) -> None:
    found = study.phase_map(settings)
    selection = np.log(found.ratios)
    look = {"cmap": "RdYlBu", "vmin": 0, "vmax": 1, "shading": "gouraud", "rasterized": True}
    drawn = ax.pcolormesh(selection, found.sizes, found.correct, **look)
    fig.colorbar(drawn, ax=ax, label="share of loops that end correct", pad=0.02)
    ax.set(xlim=(selection[0], selection[-1]), xscale="log", yscale="log", ylim=(1, 200))
    plots.theory(ax, selection, np.log(2) / found.exponents, label="_n V(p) = ln 2")
    plots.theory(ax, selection, 1 / (study.MAP_START * selection), dashed=True, label="_n ln LR p = 1")
    ax.annotate("half: n V(p) = ln 2", (0.024, 68), rotation=-38, fontsize=10.5)
    ax.annotate("n · ln LR · p = 1", (0.088, 72), rotation=-38, fontsize=10.5)
    ax.annotate("learns", (0.7, 70), fontsize=14, color="white")
    ax.annotate("collapses", (0.024, 8), fontsize=14, color="white")
    for place, (name, (low, high)) in enumerate(study.landmarks().items()):
        height = 1.13 * 1.27**place
        ends = np.log([low, high])
        ax.plot(ends, [height, height], "|-", color=plots.INK, linewidth=2, markersize=7, label=f"_{name}")
        ax.annotate(name, (ends[0] * 0.93, height), fontsize=9, va="center", ha="right")
    ax.set(xlabel="likelihood ratio of the verifier, tpr/fpr", ylabel="accepted samples of a round, n")
    ticks = [1.02, 1.05, 1.1, 1.3, 2, 4, 10, 30]
    ax.set_xticks(np.log(ticks), [f"{tick:g}" for tick in ticks])
    ax.minorticks_off()
    plots.log_ticks(ax.yaxis, [1, 3, 10, 30, 100])
    ax.set_title("retraining learns where n · ln LR · p > 1 …")


def _one_curve(ax: Axes) -> None:
    for p, color in zip(study.STARTS, (plots.BLUE, plots.GREEN, plots.ORANGE), strict=True):
        found = study.sizes((p,))
        ax.plot(found.size * found.exponent, found.wrong, "o", color=color, alpha=0.7, label=f"p = {p:g}")
    x = np.linspace(0.3, 6.5, 50)
    plots.theory(ax, x, np.exp(-x), label=r"$e^{-nV(p)}$")
    ax.set(yscale="log", xlabel="n V(p)", ylabel="share of loops that end wrong", xlim=(0, 6.5))
    ax.set_title("… since loops end wrong as n V(p) says")
    ax.legend(loc="upper right", title="start; LR 1.05 to 20")


FIGURES = {"phase-boundary": phase_boundary_figure}
