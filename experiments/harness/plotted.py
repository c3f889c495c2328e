"""The data of a figure, taken from what is drawn: its lines, bands, error bars, bars, points, spans and images."""

import csv
import io
import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import singledispatch
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.collections import FillBetweenPolyCollection, LineCollection, PathCollection, QuadMesh
from matplotlib.container import BarContainer, Container, ErrorbarContainer
from matplotlib.contour import ContourSet
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.path import Path
from matplotlib.ticker import FixedLocator
from matplotlib.transforms import Transform
from numpy.typing import ArrayLike

COLUMNS = ("x", "y", "lower", "upper")
SELDOM = ("x_lower", "x_upper", "value")  # an interval of x, and the value of a cell: left out where there is none
LARGEST = 40_000  # characters: a page holds the data of forty figures
NO_NAME = re.compile(r"_(child|container)\d+|_nolegend_|None|")  # of an artist that nobody has named


class Series(NamedTuple):
    """What one artist shows."""

    name: str
    columns: Mapping[str, np.ndarray]  # some of COLUMNS and SELDOM, of one shape: [n], or [row, column] of an image

    @classmethod
    def of(cls, name: str, **columns: ArrayLike) -> "Series":
        """The columns in the shape that they have together, NaN where something is masked."""
        filled = (np.ma.filled(np.ma.asarray(values, float), np.nan) for values in columns.values())
        return cls(name, dict(zip(columns, np.broadcast_arrays(*map(np.atleast_1d, filled)), strict=True)))

    @property
    def shape(self) -> tuple[int, ...]:
        """Of each column."""
        return next(iter(self.columns.values())).shape

    def every(self, step: int) -> "Series":
        """One point in so many, with the first and the last; of an image by rows and columns."""
        stride = math.ceil(step ** (1 / len(self.shape)))
        kept = np.ix_(*(np.unique([*range(0, n, stride), n - 1]) for n in self.shape))
        return Series(self.name, {name: values[kept] for name, values in self.columns.items()})

    def rows(self) -> Iterator[dict[str, str]]:
        """The points, to six digits; empty is what is not a number."""
        for point in zip(*(np.ravel(values).tolist() for values in self.columns.values()), strict=True):
            yield {name: "" if math.isnan(x) else f"{x:.6g}" for name, x in zip(self.columns, point, strict=True)}


def table(fig: Figure) -> str:
    """The data of a figure as CSV in long form, a row a point, its panels and their axes in comments above.

    The columns are panel, series, x, y, and lower and upper, the ends of an interval of y or of an area; x_lower and
    x_upper, and the value of a cell or a contour, only where there are some. An empty field is a gap, or the coordinate
    that a line across the panel does not have. A series is called as its label, less the underscore at the beginning
    that keeps it out of legends. Text, arrows and the like are not data.

    Args:
        fig: the figure; it is not changed.

    Returns:
        The table, which `pandas.read_csv(file, comment="#")` reads. One of more than `LARGEST` characters is thinned to
        one point in so many of each series, and says so.
    """
    panels = [(ax, series) for ax in fig.axes if not _is_colorbar(ax) and (series := list(_series(ax)))]
    comments = [f"panel {i}: {_described(ax, fig)}" for i, (ax, _) in enumerate(panels, 1)]
    drawn = [(i, one) for i, (_, series) in enumerate(panels, 1) for one in series]
    text, step, longest = _written(comments, drawn), 1, max((max(one.shape) for _, one in drawn), default=0)
    while len(text) > LARGEST and step < longest**2:
        step = max(step + 1, step * len(text) // LARGEST)
        note = f"thinned: one point in {step} of each series, with its first and its last"
        text = _written([*comments, note], [(i, one.every(step)) for i, one in drawn])
    return text


def _written(comments: Sequence[str], drawn: Sequence[tuple[int, Series]]) -> str:
    text = io.StringIO()
    text.writelines(f"# {' '.join(line.split())}\n" for line in comments)
    seldom = [name for name in SELDOM if any(name in series.columns for _, series in drawn)]
    writer = csv.DictWriter(text, ["panel", "series", *COLUMNS, *seldom], restval="", lineterminator="\n")
    writer.writeheader()
    for panel, series in drawn:
        writer.writerows({"panel": panel, "series": series.name} | row for row in series.rows())
    return text.getvalue()


def _described(ax: Axes, fig: Figure) -> str:
    """The title of a panel and what is along its axes, which may stand at a panel that shares the axis."""
    said = [next(filter(None, (ax.get_title(where) for where in ("left", "center", "right"))), "")]
    for name, sharing in (("x", ax.get_shared_x_axes()), ("y", ax.get_shared_y_axes())):
        axes = [getattr(one, f"{name}axis") for one in (ax, *sharing.get_siblings(ax))]
        label = next(filter(None, (axis.get_label_text() for axis in axes)), "")
        said += [f"{name}: {text}" for text in (label, _places(axes[0])) if text]
    if any(isinstance(artist, QuadMesh | ContourSet | AxesImage) for artist in (*ax.collections, *ax.images)):
        said += [f"value: {label}" for label in {one.get_ylabel() for one in _colorbars(ax, fig)}]
    return "; ".join(filter(None, said))


def _colorbars(ax: Axes, fig: Figure) -> list[Axes]:
    """Those of the panel, or those that are there for all panels."""
    own = [artist.colorbar.ax for artist in (*ax.collections, *ax.images) if artist.colorbar is not None]
    return own or [one for one in fig.axes if _is_colorbar(one)]


def _is_colorbar(ax: Axes) -> bool:
    return ax.get_label() == "<colorbar>"


def _places(axis: Axis) -> str:
    """What the ticks are called, where some of them have names."""
    if not isinstance(axis.get_major_locator(), FixedLocator):
        return ""
    ticks = list(axis.get_majorticklocs())
    names = axis.get_major_formatter().format_ticks(ticks)
    named = any(re.search(r"[^\W\d_]{2}", name) for name in names)
    return ", ".join(f"{tick:g} = {name}" for tick, name in zip(ticks, names, strict=True)) if named else ""


def _series(ax: Axes) -> Iterator[Series]:
    """What a panel shows, kind by kind; a series without a label has the name of its kind and a number."""
    parts = {id(part) for container in ax.containers for part in _parts(container)}
    numbers = Counter[str]()
    for artist in (*ax.containers, *ax.lines, *ax.collections, *ax.images, *ax.patches):
        series = None if id(artist) in parts else _shown(artist, ax)
        if series is not None and min(series.shape):
            numbers[series.name] += 1
            label = str((artist[0] if type(artist) is Container else artist).get_label())
            plain = f"{series.name} {numbers[series.name]}"
            yield series._replace(name=plain if NO_NAME.fullmatch(label) else label.removeprefix("_"))


def _parts(container: Container) -> list[object]:
    """What else is there of a container: its artists, and the error bars of its bars."""
    return [*container.get_children(), getattr(container, "errorbar", None)]


@singledispatch
def _shown(artist: object, ax: Axes) -> Series | None:
    """What an artist shows, with its kind for a name; nothing, where it is decoration."""
    return None


@_shown.register
def _(artist: Line2D, ax: Axes) -> Series | None:
    kind = "points" if artist.get_linestyle() == "None" else "line"
    x, y = artist.get_xdata(orig=False), artist.get_ydata(orig=False)
    return _data(kind, artist.get_transform(), ax, {"x": x}, {"y": y})


@_shown.register
def _(artist: Rectangle, ax: Axes) -> Series | None:
    """A span; the rectangles of bars are in their container."""
    (left, bottom), (right, top) = artist.get_xy(), artist.get_corners()[2]
    across, up = {"x_lower": left, "x_upper": right}, {"lower": bottom, "upper": top}
    return _data("span", artist.get_data_transform(), ax, across, up)


def _data(
    kind: str, transform: Transform, ax: Axes, x: Mapping[str, ArrayLike], y: Mapping[str, ArrayLike]
) -> Series | None:
    """The coordinates that are data; where it is one of two, which all points share, a point is enough."""
    is_data = transform.contains_branch_seperately(ax.transData)
    if all(is_data):
        return Series.of(kind, **x, **y)
    found = [of for of, known in zip((x, y), is_data, strict=True) if known]
    return Series.of(kind, **{name: np.unique(values) for name, values in found[0].items()}) if found else None


@_shown.register
def _(artist: Container, ax: Axes) -> Series | None:
    """A line and its band, as `plots.band` joins them."""
    line, area = artist
    around = _area(area)
    ends = {x: (low, high) for x, low, high in zip(*around.values(), strict=True)}
    x, y = line.get_xdata(orig=False), line.get_ydata(orig=False)
    lower, upper = np.array([ends.get(one, (np.nan, np.nan)) for one in np.asarray(x, float)]).reshape(-1, 2).T
    return Series.of("band", x=x, y=y, lower=lower, upper=upper)


@_shown.register
def _(artist: FillBetweenPolyCollection, ax: Axes) -> Series | None:
    return Series.of("area", **_area(artist))


def _area(artist: FillBetweenPolyCollection) -> dict[str, np.ndarray]:
    """Its polygons go from a corner along one edge to the opposite corner, and back along the other edge."""
    edges = [np.empty((0, 3))]
    for vertices in (np.asarray(path.vertices)[:-1] for path in artist.get_paths()):
        (along, first), (_, second) = vertices[1 : len(vertices) // 2].T, vertices[: len(vertices) // 2 : -1].T
        edges.append(np.stack([along, np.minimum(first, second), np.maximum(first, second)], 1))
    return dict(zip(("x", "lower", "upper"), np.concatenate(edges).T, strict=True))


@_shown.register
def _(artist: ErrorbarContainer, ax: Axes) -> Series | None:
    line = artist[0]
    points = {} if line is None else {"x": line.get_xdata(orig=False), "y": line.get_ydata(orig=False)}
    return Series.of("points", **points, **_ends(artist))


def _ends(bars: ErrorbarContainer) -> dict[str, np.ndarray]:
    """Of the bars, along x before those along y."""
    along = [(0, "x_lower", "x_upper")] * bars.has_xerr + [(1, "lower", "upper")] * bars.has_yerr
    found = {}
    for lines, (axis, low, high) in zip(bars[2], along, strict=True):
        ends = np.array([np.asarray(path.vertices)[:, axis] for path in lines.get_paths()])
        found |= {low: ends.min(1), high: ends.max(1)}
    return found


@_shown.register
def _(artist: BarContainer, ax: Axes) -> Series | None:
    """The middle of each bar and its length, wherever it begins."""
    middles = [(bar.get_x() + bar.get_width() / 2, bar.get_y() + bar.get_height() / 2) for bar in artist.patches]
    x, y = np.array(middles).reshape(-1, 2).T
    length = np.asarray(artist.datavalues)
    points = {"x": x, "y": length} if artist.orientation == "vertical" else {"x": length, "y": y}
    return Series.of("bars", **points, **({} if artist.errorbar is None else _ends(artist.errorbar)))


@_shown.register
def _(artist: PathCollection, ax: Axes) -> Series | None:
    """A scatter, with what its colours say."""
    x, y = np.ma.asarray(artist.get_offsets()).T
    values = artist.get_array()
    return Series.of("points", x=x, y=y, **({} if values is None else {"value": values}))


@_shown.register
def _(artist: LineCollection, ax: Axes) -> Series | None:
    return Series.of("line", **_joined(artist.get_paths()))


@_shown.register
def _(artist: ContourSet, ax: Axes) -> Series | None:
    """Contours, with their levels; areas between levels are left to the image that they stand for."""
    if artist.filled:
        return None
    levels = [_joined([path]) | {"value": level} for level, path in zip(artist.levels, artist.get_paths(), strict=True)]
    parts = [Series.of("contour", **level) for level in levels]
    return Series.of("contour", **{k: np.concatenate([one.columns[k] for one in parts]) for k in ("x", "y", "value")})


def _joined(paths: Sequence[Path]) -> dict[str, np.ndarray]:
    """The pieces of lines, with a gap after each."""
    pieces = [piece for path in paths for piece in path.to_polygons(closed_only=False)]
    x, y = np.concatenate([np.vstack([piece, [[np.nan, np.nan]]]) for piece in pieces] or [np.empty((0, 2))]).T
    return {"x": x, "y": y}


@_shown.register
def _(artist: QuadMesh, ax: Axes) -> Series | None:
    """The middles of the cells on the axes as they are drawn, or the corners where the values are those of corners."""
    values, corners = np.ma.asarray(artist.get_array()), np.asarray(artist.get_coordinates())
    if values.shape != corners.shape[:2]:
        seen = ax.transScale.transform(corners.reshape(-1, 2)).reshape(corners.shape)
        middles = (seen[:-1, :-1] + seen[:-1, 1:] + seen[1:, :-1] + seen[1:, 1:]) / 4
        corners = ax.transScale.inverted().transform(middles.reshape(-1, 2)).reshape(middles.shape)
    return Series.of("image", x=corners[..., 0], y=corners[..., 1], value=values.reshape(corners.shape[:2]))


@_shown.register
def _(artist: AxesImage, ax: Axes) -> Series | None:
    """The middles of the cells; an image of colours shows no data."""
    values = np.ma.asarray(artist.get_array())
    if values.ndim != 2:
        return None
    left, right, bottom, top = artist.get_extent()
    first, last = (bottom, top) if artist.origin == "lower" else (top, bottom)
    (m, n), middle = values.shape, lambda size: (np.arange(size) + 0.5) / size
    x, y = left + (right - left) * middle(n), first + (last - first) * middle(m)
    return Series.of("image", x=x[None], y=y[:, None], value=values)
