"""One style for all figures: colours that colour-blind people tell apart, sizes for a talk, units on the axes.

A maker takes its figure from `figure` and is decorated with `style()`, so that it looks the same whoever calls it:

    @plots.style()
    def information(settings: Settings) -> Figure:
        '''The caption.'''
        fig, ax = plots.figure()
        plots.band(ax, t, mean, stderr, label="simulated")
        plots.theory(ax, t, law, label="exact")
        ax.set(xlabel="generation t", ylabel="I(X;Z_t) [nats]")
        ax.legend()
        return fig

No pyplot, hence no window, no global list of figures, and nothing to close.
"""

import io
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import FillBetweenPolyCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.path import Path as Outline
from matplotlib.rcsetup import cycler
from numpy.typing import ArrayLike
from scipy.optimize import isotonic_regression

from experiments.harness import plotted
from experiments.harness.ledger import Settings, write_atomic

# Okabe and Ito (2008), Color universal design, without black (the theory's) and yellow (too pale on white)
BLUE, ORANGE, GREEN, VERMILLION, PURPLE, SKY = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9"
COLORS = (BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY)
CLOSED, VERIFIER, SELF_JUDGE, FROZEN, REAL = VERMILLION, BLUE, PURPLE, ORANGE, GREEN  # loops, in all figures alike
INK, GREY, GRID, PAPER = "#1A1A1A", "#6B6B6B", "#E6E6E6", "white"  # a dark page puts its own in their place …
DARK, LIGHT = "#111111", "#FAFAFA"  # … but not in that of these, which stand on a colour
DASHED = (0, (5, 3))
UNSEEN = 0.25  # pixels by which a line may pass its points, so that it needs fewer of them

STYLE: dict[Any, Any] = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans", "Verdana"],  # matplotlib's own, and in a browser the one it was made after
    "font.monospace": ["DejaVu Sans Mono", "Menlo", "Consolas"],
    "font.size": 12,
    "text.color": INK,
    "axes.edgecolor": GREY,
    "axes.labelcolor": INK,
    "axes.labelsize": 12,
    "axes.prop_cycle": cycler(color=COLORS),
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 13,
    "axes.titlepad": 10,
    "axes.xmargin": 0.02,
    "figure.facecolor": PAPER,
    "figure.titlesize": 14,
    "grid.color": GRID,
    "grid.linewidth": 0.8,
    "axes.grid": True,
    "axes.axisbelow": True,
    "legend.fontsize": 11,
    "legend.edgecolor": "none",
    "legend.facecolor": PAPER,
    "legend.framealpha": 0.85,
    "legend.handlelength": 1.6,
    "lines.linewidth": 2.2,
    "lines.markersize": 5,
    "path.simplify_threshold": UNSEEN,
    "savefig.dpi": 200,
    "svg.fonttype": "none",  # text stays text: searchable, and sharp at any size
    "svg.hashsalt": "infoloop",  # the same ids in every run
    "xtick.color": GREY,
    "ytick.color": GREY,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.labelsize": 11,
    "ytick.labelsize": 11,
}


def style() -> Any:
    """Gives what is a context (in `with`) and a decorator (of makers) in which our style is in force."""
    return rc_context(STYLE)


def figure(
    ncols: int = 1,
    nrows: int = 1,
    *,
    width: float = 5.2,
    height: float = 3.9,
    sharex: bool | Literal["row", "col"] = False,
    sharey: bool | Literal["row", "col"] = False,
) -> tuple[Figure, Any]:
    """A figure with room for `nrows` × `ncols` panels.

    Args:
        ncols: panels beside each other.
        nrows: panels above each other.
        width: of one panel, in inches.
        height: of one panel, in inches.
        sharex: whether the panels, or those of each row or column, have one horizontal axis.
        sharey: whether they have one vertical axis.

    Returns:
        The figure, and its axes as `matplotlib.pyplot.subplots` gives them: one, or an array.
    """
    with style():
        fig = plotted.Sheet(figsize=(width * ncols, height * nrows), layout="constrained")
        return fig, fig.subplots(nrows, ncols, sharex=sharex, sharey=sharey)


def band(
    ax: Axes,
    x: ArrayLike,
    mean: ArrayLike,
    stderr_or_lower: ArrayLike,
    upper: ArrayLike | None = None,
    *,
    label: str | None = None,
    color: str | None = None,
    errors: float = 1.96,
) -> Line2D:
    """Draws a mean as a line, and what is uncertain or spread around it as a band.

    Args:
        ax: where.
        x: [n].
        mean: [n].
        stderr_or_lower: [n]; the standard error (the band is mean ± `errors` of it, 95 % by default), or the lower
            edge of the band where `upper` is given.
        upper: [n]; the upper edge.
        label: of the line, in the legend.
        color: of both; the next of the cycle by default.
        errors: half the width of the band, in standard errors.

    Returns:
        The line.
    """
    x, mean, low = (np.asarray(a, dtype=float) for a in (x, mean, stderr_or_lower))
    low, high = (mean - errors * low, mean + errors * low) if upper is None else (low, np.asarray(upper, dtype=float))
    (line,) = Axes.plot(ax, x, mean, label=label, color=color, linewidth=2.2)  # no series of its own, and so the area
    Axes.fill_between(ax, x, low, high, color=line.get_color(), alpha=0.22, linewidth=0)
    if isinstance(ax, plotted.Panel):
        ax.note("band", line, x=x, y=mean, lower=low, upper=high)
    return line


def theory(ax: Axes, x: ArrayLike, y: ArrayLike, *, label: str | None = None, dashed: bool = False) -> Line2D:
    """Draws an exact law as a thin dark line over the data (dashed: a limit or a bound)."""
    kind = DASHED if dashed else "-"
    return ax.plot(np.asarray(x), np.asarray(y), color=INK, linewidth=1.1, linestyle=kind, label=label, zorder=5)[0]


def estimates(ax: Axes, x: ArrayLike, found: Any, *, errors: float = 1.96, **look: Any) -> None:
    """Points with error bars, from a `theory.Estimate` [n]: mean ± `errors` standard errors, 95 % by default."""
    ax.errorbar(np.asarray(x), np.asarray(found.mean), errors * np.asarray(found.stderr), **{"fmt": "o", **look})


def reference(ax: Axes, y: float, name: str, *, color: str = GREY) -> Line2D:
    """A dashed line across the panel; its name is in the data of the figure."""
    return ax.axhline(y, color=color, linewidth=1.0, linestyle=DASHED, label=f"_{name}")


def log_ticks(axis: Axis, values: ArrayLike) -> None:
    """Makes an axis logarithmic, with ticks at these values alone, written as they are."""
    name = "x" if axis is axis.axes.xaxis else "y"
    axis.axes.set(**{f"{name}scale": "log"})
    ticks = [float(value) for value in np.asarray(values, float)]
    axis.set_ticks(ticks, [f"{tick:g}" for tick in ticks])
    axis.set_ticks([], minor=True)


def spaced(n: int, points: int = 80) -> np.ndarray:
    """Which of n values in a row a logarithmic axis can show: the first ones all, then ever fewer, and the last."""
    return np.unique(np.rint(np.geomspace(1, n, points)).astype(int)) - 1


def direct_labels(ax: Axes, lines: Mapping[str, Line2D], *, gap: float = 14.0) -> None:
    """Writes the name of each line at its right end, in its colour, instead of a legend; call it last.

    Args:
        ax: where; its limits are final.
        lines: name to line, as `band` and `theory` return it.
        gap: between two names, in points: where lines end closer, their names make way, as little as can be.
    """
    ends = {name: (np.asarray(line.get_xdata())[-1], np.asarray(line.get_ydata())[-1]) for name, line in lines.items()}
    heights = {name: ax.transData.transform(end)[1] * 72 / ax.figure.dpi for name, end in ends.items()}
    names = sorted(lines, key=heights.__getitem__)
    steps = gap * np.arange(len(names))
    moved = isotonic_regression([heights[name] for name in names] - steps).x + steps
    for name, height in zip(names, moved, strict=True):
        if str(lines[name].get_label()).startswith("_child"):
            lines[name].set_label(f"_{name}")  # hidden from legends; the data have it
        offset = (6, height - heights[name])
        ax.annotate(
            name,
            ends[name],
            xytext=offset,
            textcoords="offset points",
            va="center",
            annotation_clip=False,
            color=lines[name].get_color(),
            fontsize=11,
        )


def caption(maker: Callable[[Settings], Figure]) -> str:
    """The docstring of a maker, on one line."""
    return " ".join((maker.__doc__ or "").split())


def save(fig: Figure, out: Path, stem: str, *, data: str | None = None) -> list[Path]:
    """Writes the figure as PNG (200 dpi), SVG (text as text) and CSV: the same bytes for the same figure, atomically.

    Args:
        fig: the figure; points of its bands that nobody can see are gone afterwards.
        out: the folder.
        stem: of the files' names.
        data: what is in the CSV; by default `plotted.table` of the figure.

    Returns:
        The three files.
    """
    data = plotted.table(fig) if data is None else data
    formats: dict[str, dict[str, Any]] = {
        "png": {"metadata": {"Software": None}},
        "svg": {"metadata": {"Date": None, "Creator": "infoloop"}, "dpi": 130},  # of clouds and maps, which are images
    }
    with style():
        FigureCanvasAgg(fig)
        fig.draw_without_rendering()  # the limits and the layout, of which `_simplify` needs to know
        _simplify(fig)
        for extension, options in formats.items():
            buffer = io.BytesIO()
            fig.savefig(buffer, format=extension, **options)
            write_atomic(out / f"{stem}.{extension}", buffer.getvalue())
    write_atomic(out / f"{stem}.csv", data)
    return [out / f"{stem}.{extension}" for extension in (*formats, "csv")]


def _simplify(fig: Figure) -> None:
    """Leaves out points of bands as matplotlib does those of lines, but never those of areas."""
    for area in fig.findobj(FillBetweenPolyCollection):
        assert isinstance(area, FillBetweenPolyCollection)
        seen = area.get_transform()
        outlines = [seen.transform_path(Outline(path.vertices)).cleaned(simplify=True) for path in area.get_paths()]
        area.set_verts([seen.inverted().transform(np.asarray(outline.vertices)[:-1]) for outline in outlines])
