"""The data of a figure: its panels note what is drawn on them, and `table` writes it down."""
# ruff: noqa: D102 (matplotlib says what its methods do)

import csv
import io
import math
import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator

COLUMNS = ("x", "y", "lower", "upper")
SELDOM = ("x_lower", "x_upper", "value")  # an interval of x, and the value of a cell: left out where there is none
LARGEST = 40_000  # characters: a page holds the data of forty figures
Columns = dict[str, np.ndarray]  # some of these, of one shape: [n], or [row, column] of an image
NO_NAME = re.compile(r"_(child|container)\d+|_nolegend_|None|")  # of an artist that nobody has named


class Sheet(Figure):
    """A figure whose axes are panels."""

    def add_subplot(self, *args: Any, **look: Any) -> Any:
        return super().add_subplot(*args, **{"axes_class": Panel, **look})


class Panel(Axes):
    """Axes that note the data when they draw; what another method of `Axes` draws is not in the data."""

    notes: list[tuple[str, Any, dict[str, Any]]]  # the kind, the artist, the columns; of an image its edges or middles

    def clear(self) -> None:
        super().clear()
        self.notes = []

    def note(self, kind: str, artist: Any, **columns: Any) -> Any:
        """Adds a series, to be called as the artist will be when the data are written; gives the artist."""
        self.notes.append((kind, artist, columns))
        return artist

    def plot(self, *args: Any, **look: Any) -> list[Any]:
        lines = super().plot(*args, **look)
        for line in lines:
            kind = "points" if line.get_linestyle() == "None" else "line"
            self.note(kind, line, x=line.get_xdata(orig=False), y=line.get_ydata(orig=False))
        return lines

    def axhline(self, y: float = 0, *args: Any, **look: Any) -> Any:
        return self.note("line", super().axhline(y, *args, **look), y=y)

    def axvline(self, x: float = 0, *args: Any, **look: Any) -> Any:
        return self.note("line", super().axvline(x, *args, **look), x=x)

    def axvspan(self, xmin: float, xmax: float, *args: Any, **look: Any) -> Any:
        return self.note("span", super().axvspan(xmin, xmax, *args, **look), x_lower=xmin, x_upper=xmax)

    def fill_between(self, x: Any, y1: Any, y2: Any = 0, *args: Any, **look: Any) -> Any:
        area = super().fill_between(x, y1, y2, *args, **look)
        lower, upper = np.where(look.get("where", True), (np.minimum(y1, y2), np.maximum(y1, y2)), np.nan)
        return self.note("area", area, x=x, lower=lower, upper=upper)

    def errorbar(self, x: Any, y: Any, yerr: Any = None, xerr: Any = None, *args: Any, **look: Any) -> Any:
        ends: dict[str, Any] = {}
        for middle, error, names in ((x, xerr, SELDOM[:2]), (y, yerr, COLUMNS[2:])):
            if error is not None:
                middle = np.atleast_1d(np.asarray(middle, float))
                down, up = np.broadcast_to(np.asarray(error, float), (2, *middle.shape))
                ends |= zip(names, (middle - down, middle + up), strict=True)
        return self.note("points", super().errorbar(x, y, yerr, xerr, *args, **look), x=x, y=y, **ends)

    def bar(self, *args: Any, **look: Any) -> Any:
        """Also those of `barh` and `hist`: the middle of each bar and its length, wherever it begins."""
        before = len(self.notes)
        bars = super().bar(*args, **look)
        errors = {} if bars.errorbar is None else self.notes[before][2]
        del self.notes[before:]
        sides = np.array([(*bar.get_xy(), bar.get_width(), bar.get_height()) for bar in bars.patches]).reshape(-1, 4)
        middles = dict(zip("xy", (sides[:, :2] + sides[:, 2:] / 2).T, strict=True))
        length = {"y" if bars.orientation == "vertical" else "x": bars.datavalues}
        return self.note("bars", bars, **(errors | middles | length))

    def imshow(self, *args: Any, **look: Any) -> Any:
        image = super().imshow(*args, **look)
        values, (left, right, bottom, top) = np.ma.asarray(image.get_array()), image.get_extent()
        m, n, *colors = values.shape
        if colors:  # a picture
            return image
        down = np.linspace(top, bottom, m + 1)
        x, y = np.linspace(left, right, n + 1), down[::-1] if image.origin == "lower" else down
        return self.note("image", image, x=x, y=y, value=values)

    def pcolormesh(self, *args: Any, **look: Any) -> Any:
        x, y, values = args
        return self.note("image", super().pcolormesh(*args, **look), x=x, y=y, value=values)

    def contour(self, *args: Any, **look: Any) -> Any:
        """Each piece of a line with its level, and a gap after it; the areas of `contourf` show no data."""
        lines = super().contour(*args, **look)
        points = [np.empty((0, 3))]
        for level, path in zip(lines.levels, lines.get_paths(), strict=True):
            for piece in path.to_polygons(closed_only=False):
                points += [np.insert(piece, 2, level, axis=1), np.array([[np.nan, np.nan, level]])]
        return self.note("contour", lines, **dict(zip(("x", "y", "value"), np.concatenate(points).T, strict=True)))

    def series(self) -> list[tuple[str, Columns]]:
        """What was noted, NaN where it was masked; what has no label is called as its kind, with a number."""
        numbers: Counter[str] = Counter()
        found = []
        for kind, artist, columns in self.notes:
            filled = {k: np.atleast_1d(np.ma.filled(np.ma.asarray(v, float), np.nan)) for k, v in columns.items()}
            if kind == "image":
                m, n = filled["value"].shape
                filled["x"] = _middles(self.xaxis, filled["x"], n)[None]
                filled["y"] = _middles(self.yaxis, filled["y"], m)[:, None]
            filled = dict(zip(filled, np.broadcast_arrays(*filled.values()), strict=True))
            if min(next(iter(filled.values())).shape):
                numbers[kind] += 1
                label = str(artist.get_label())
                name = f"{kind} {numbers[kind]}" if NO_NAME.fullmatch(label) else label.removeprefix("_")
                found.append((name, filled))
        return found


def _middles(axis: Axis, places: np.ndarray, size: int) -> np.ndarray:
    """Of so many cells, on the axis as it is drawn; the places themselves where they are no edges."""
    if places.size == size:
        return places
    seen = axis.get_transform().transform(places)
    return axis.get_transform().inverted().transform((seen[1:] + seen[:-1]) / 2)


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
    comments, series = [], []
    for ax in fig.axes:
        if isinstance(ax, Panel) and not _is_colorbar(ax) and (found := ax.series()):
            comments.append(f"panel {len(comments) + 1}: {_described(ax)}")
            series += [(len(comments), name, columns) for name, columns in found]
    most = max((column.size for *_, columns in series for column in columns.values()), default=0)
    text, step = _written(comments, series), 1
    while len(text) > LARGEST and step < most:
        step = max(step + 1, step * len(text) // LARGEST)
        note = f"thinned: one point in {step} of each series, with its first and its last"
        text = _written([*comments, note], series, step)
    return text


def _written(comments: Sequence[str], series: Sequence[tuple[int, str, Columns]], step: int = 1) -> str:
    """One point in so many, to six digits; of an image by rows and columns. What is not a number is empty."""
    text = io.StringIO()
    text.writelines(f"# {' '.join(line.split())}\n" for line in comments)
    names = [*COLUMNS, *(name for name in SELDOM if any(name in columns for *_, columns in series))]
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["panel", "series", *names])
    for panel, name, columns in series:
        shape = next(iter(columns.values())).shape
        stride = math.ceil(step ** (1 / len(shape)))
        accepted = np.ix_(*(np.unique([*range(0, n, stride), n - 1]) for n in shape))
        points = zip(
            *(columns.get(name, np.full(shape, np.nan))[accepted].ravel().tolist() for name in names), strict=True
        )
        writer.writerows([panel, name, *("" if math.isnan(x) else f"{x:.6g}" for x in point)] for point in points)
    return text.getvalue()


def _described(ax: Panel) -> str:
    """The title of a panel and what is along its axes, which may stand at a panel that shares the axis."""
    said = [next(filter(None, (ax.get_title(where) for where in ("left", "center", "right"))), "")]
    for name, sharing in (("x", ax.get_shared_x_axes()), ("y", ax.get_shared_y_axes())):
        axes = [getattr(one, f"{name}axis") for one in (ax, *sharing.get_siblings(ax))]
        label = next(filter(None, (axis.get_label_text() for axis in axes)), "")
        said += [f"{name}: {text}" for text in (label, _places(axes[0])) if text]
    if any("value" in columns for *_, columns in ax.notes):  # its colour bar, or those that are there for all panels
        own = [artist.colorbar.ax for artist in (*ax.collections, *ax.images) if artist.colorbar is not None]
        bars = own or [one for one in ax.figure.axes if _is_colorbar(one)]
        said += [f"value: {label}" for label in dict.fromkeys(one.get_ylabel() for one in bars)]
    return "; ".join(filter(None, said))


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
