import ast
import io
from pathlib import Path
from xml.etree import ElementTree

import matplotlib
import numpy as np
import pandas as pd
import pytest
from fake_experiment import draw
from matplotlib.axes import Axes

from experiments.harness import figures as plots
from experiments.harness import plotted
from experiments.harness.ledger import Settings


def read(fig):
    """What the table of a figure says."""
    return pd.read_csv(io.StringIO(plotted.table(fig)), comment="#")


def values(table, series, *columns):
    """The columns of a series, a row a point."""
    return table.loc[table["series"] == series, list(columns)].to_numpy(float).tolist()


def test_the_same_figure_gives_the_same_bytes(tmp_path):
    """And touches no global state."""
    before = dict(matplotlib.rcParams)
    first, second = (plots.save(draw(Settings()), tmp_path / name, "fig") for name in "ab")
    names = ["fig.png", "fig.svg", "fig.csv"]
    assert [path.name for path in first] == names
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == sorted(names)
    texts = "".join(ElementTree.parse(first[1]).getroot().itertext())
    assert "generation t" in texts and "simulated" in texts and "date" not in texts.lower()
    assert dict(matplotlib.rcParams) == before


def test_a_band_is_two_standard_errors_or_its_edges():
    _, (left, right) = plots.figure(2)
    plots.band(left, [0, 1], [1.0, 2.0], [0.5, 0.5])
    plots.band(right, [0, 1], [1.0, 2.0], [0.0, 1.0], [4.0, 5.0])
    for ax, low, high in ((left, 1 - 0.98, 2 + 0.98), (right, 0.0, 5.0)):
        heights = ax.collections[0].get_paths()[0].vertices[:, 1]
        np.testing.assert_allclose([heights.min(), heights.max()], [low, high])


def test_direct_labels_make_way():
    fig, ax = plots.figure()
    ends = (1.0, 1.0, 1.001, 9.0)
    lines = {f"line {i}": plots.band(ax, [0, 1], [0.0, end], [0.0, 0.0]) for i, end in enumerate(ends)}
    plots.direct_labels(ax, lines)
    fig.draw_without_rendering()
    boxes = [text.get_window_extent() for text in ax.texts]
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])


@pytest.mark.parametrize("scale", ["linear", "log", "symlog"])
def test_a_band_loses_only_points_that_nobody_sees(scale, tmp_path):
    x = np.linspace(1, 50, 400)
    fig, ax = plots.figure()
    plots.band(ax, x, np.exp(x / 10), np.where(x < 25, 1.0, 3.0), 2 + np.exp(x / 9))
    ax.set_yscale(scale)
    before = ax.collections[0].get_paths()[0].vertices
    *_, csv = plots.save(fig, tmp_path, "fig")
    after = ax.collections[0].get_paths()[0].vertices
    assert len(after) < len(before) / 4 and len(pd.read_csv(csv, comment="#")) == x.size
    old, new = (ax.transData.transform(vertices) for vertices in (before, after))
    starts, steps = new[:-1], np.diff(new, axis=0)
    along = np.clip(((old[:, None] - starts) * steps).sum(-1) / np.maximum((steps**2).sum(-1), 1e-9), 0, 1)
    distances = np.linalg.norm(starts + along[..., None] * steps - old[:, None], axis=-1).min(1)
    assert distances.max() < 2 * plots.UNSEEN


def test_the_data_of_lines_bands_and_points():
    fig, ax = plots.figure()
    plots.band(ax, [1, 2, 3], [1.0, np.nan, 1 / 3], [0.5, 0.5, np.nan], [2.0, 3.0, 4.0], label="band")
    plots.theory(ax, [1, 2], [1e-7, 123_456_789], label="exact")
    plots.direct_labels(ax, {"named": ax.plot([0, 1], [2, 3])[0]})
    ax.plot([5], [6], "o")
    ax.plot([], [], label="for the legend alone")
    ax.twinx().plot([1], [9], label="on the other side")
    ax.fill_between([1, 2], [3, 4], [1, 2], label="_room", where=[True, False])
    ax.axvline(7, label="_end")
    ax.axhline(8)
    ax.axvspan(1, 2, label="_when")
    ax.annotate("note", (0, 0), xytext=(1, 1), arrowprops={"arrowstyle": "->"})
    table = read(fig)
    nan = np.nan
    expectations = {
        "band": ("x y lower upper", [[1, 1, 0.5, 2], [2, nan, 0.5, 3], [3, 0.333333, nan, 4]]),
        "exact": ("x y", [[1, 1e-7], [2, 1.23457e8]]),
        "named": ("x y", [[0, 2], [1, 3]]),
        "points 1": ("x y", [[5, 6]]),
        "room": ("x lower upper", [[1, 1, 3], [2, nan, nan]]),
        "on the other side": ("x y", [[1, 9]]),
        "end": ("x y", [[7, nan]]),
        "line 4": ("x y", [[nan, 8]]),
        "when": ("x_lower x_upper lower", [[1, 2, nan]]),
    }
    for series, (columns, expected) in expectations.items():
        np.testing.assert_allclose(values(table, series, *columns.split()), expected, rtol=1e-6, err_msg=series)
    assert set(table["series"]) == set(expectations)


def test_the_data_of_bars_and_error_bars():
    fig, (left, right) = plots.figure(2)
    left.errorbar([1, 2], [3, 4], yerr=[[0.5, 1], [2, 3]], xerr=0.25, fmt="o", capsize=2, label="both")
    left.errorbar([1, 2], [3, np.nan], yerr=1, fmt="o-", label="gap")
    right.bar([0, 1], [2, 3], bottom=[5, 5], yerr=[0.5, 1], label="up")
    right.barh([0, 1], [4, 6], left=2, label="across")
    right.hist([0.5, 0.6, 1.5], bins=[0, 1, 2])
    table = read(fig)
    ends = ["x", "y", "lower", "upper"]
    np.testing.assert_allclose(values(table, "both", *ends), [[1, 3, 2.5, 5], [2, 4, 3, 7]])
    np.testing.assert_allclose(values(table, "both", "x_lower", "x_upper"), [[0.75, 1.25], [1.75, 2.25]])
    np.testing.assert_allclose(values(table, "gap", *ends), [[1, 3, 2, 4], [2, np.nan, np.nan, np.nan]])
    np.testing.assert_allclose(values(table, "up", *ends), [[0, 2, 6.5, 7.5], [1, 3, 7, 9]])
    np.testing.assert_allclose(values(table, "across", "x", "y"), [[4, 0], [6, 1]])
    np.testing.assert_allclose(values(table, "bars 3", "x", "y"), [[0.5, 2], [1.5, 1]])
    assert dict(table.groupby("series").panel.first()) == {"both": 1, "gap": 1, "up": 2, "across": 2, "bars 3": 2}
    assert len(table) == 10


def test_no_figure_draws_what_is_not_in_its_data():
    no_data = {"annotate", "text", "legend", "set_title", "get_legend_handles_labels", "clabel", "contourf"}
    noted = {*vars(plotted.Panel), "barh", "hist"}  # these two draw with `bar`
    for path in Path(plots.__file__).parents[1].rglob("*.py"):
        source = path.read_text(encoding="utf-8")
        calls = [node.func for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
        called = {one.attr for one in calls if isinstance(one, ast.Attribute) and "figures as plots" in source}
        assert called & set(vars(Axes)) <= noted | no_data, path


def test_the_data_of_images_and_contours():
    fig, axes = plots.figure(3, 2)
    cells = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, np.nan]])
    masked = np.ma.masked_equal(np.nan_to_num(cells, nan=7.0), 7.0)
    fig.colorbar(axes[0, 0].imshow(masked, label="image"), ax=axes[0, 0], label="share")
    axes[0, 1].imshow(cells, origin="lower", extent=(0, 6, 0, 2), label="turned")
    axes[0, 2].imshow(np.zeros((2, 2, 3)))  # a picture
    axes[1, 0].set_xscale("log")
    axes[1, 0].pcolormesh([1, 100, 10_000, 1e6], [0, 1, 3], cells, label="mesh")
    axes[1, 1].pcolormesh([1, 2, 3], [5, 6], cells, shading="gouraud", label="smooth")
    axes[1, 2].contour([0, 1], [0, 1], [[0, 1], [0, 1]], levels=[0.25, 0.5])
    table = read(fig)
    columns = ["x", "y", "value"]
    for series, x, y in (
        ("image", [0, 1, 2], [0, 1]),
        ("turned", [1, 3, 5], [0.5, 1.5]),
        ("mesh", [10, 1000, 1e5], [0.5, 2]),
        ("smooth", [1, 2, 3], [5, 6]),
    ):
        expected = [[x[j], y[i], value] for (i, j), value in np.ndenumerate(cells)]
        np.testing.assert_allclose(values(table, series, *columns), expected, err_msg=series)
    contours = table[(table.series == "contour 1") & table.x.notna()]
    assert len(contours) == 4 and (contours.x == contours.value).all()
    assert sorted(table.panel.unique()) == [1, 2, 3, 4, 5]


def test_the_comments_name_the_axes():
    fig, axes = plots.figure(2, 2, sharex=True, sharey="row")
    for ax in axes.flat:
        ax.plot([0, 1], [1, 2])
    axes[0, 0].set(title="two\nlines", ylabel="nats")
    axes[1, 0].set_xlabel("t")
    axes[1, 1].set_yticks([1, 2], ["one reference", "RLVR"])
    axes[1, 1].set_xticks([0, 1], ["0", "1,000"])
    axes[0, 1].remove()
    image = axes[1, 0].imshow([[1.0]])
    fig.colorbar(image, ax=axes[1], label="share")
    lines = plotted.table(fig).splitlines()
    assert lines[:4] == [
        "# panel 1: two lines; x: t; y: nats",
        "# panel 2: x: t; y: 1 = one reference, 2 = RLVR; value: share",
        "# panel 3: x: t; y: 1 = one reference, 2 = RLVR",
        "panel,series,x,y,lower,upper,value",
    ]


def test_a_long_table_is_thinned_and_says_so(monkeypatch):
    fig, (left, right) = plots.figure(2)
    left.plot(np.arange(1001), np.arange(1001), label="line")
    left.plot([0, 1], [0, 1], label="ends")
    right.imshow(np.arange(2500.0).reshape(50, 50), label="image")
    monkeypatch.setattr(plotted, "LARGEST", 100_000)
    full = plotted.table(fig)
    assert "thinned" not in full and len(full.splitlines()) == 3 + 1001 + 2 + 2500
    monkeypatch.setattr(plotted, "LARGEST", len(full) // 5)
    thin = plotted.table(fig).splitlines()
    assert len("\n".join(thin)) < len(full) // 5
    step = int(next(line for line in thin if "thinned" in line).split()[5])
    lines = [line.split(",")[2] for line in thin if line.startswith("1,line,")]
    assert lines == [str(x) for x in sorted({*range(0, 1001, step), 1000})]
    assert sum(line.startswith("1,ends,") for line in thin) == 2
    x, y = ({line.split(",")[i] for line in thin if line.startswith("2,image,")} for i in (2, 3))
    assert x == y and {"0", "49"} < x and len(x) ** 2 > 2500 / (2 * step)  # still a grid, and no thinner than the line
    monkeypatch.setattr(plotted, "LARGEST", 10)
    assert plotted.table(fig)  # and an end


def test_data_of_ones_own(tmp_path):
    _, _, csv = plots.save(draw(Settings()), tmp_path, "fig", data="a,b\n1,2\n")
    assert csv.read_text() == "a,b\n1,2\n"
    _, _, csv = plots.save(draw(Settings()), tmp_path, "fig")
    assert csv.read_text() == plotted.table(draw(Settings()))
