from pathlib import Path
from xml.etree import ElementTree

import matplotlib
import numpy as np
from fake_experiment import draw

from experiments import plots
from experiments.ledger import Settings


def test_the_same_figure_gives_the_same_bytes(tmp_path: Path) -> None:
    first, second = (plots.save(draw(Settings()), tmp_path / name, "fig") for name in "ab")
    assert [path.name for path in first] == ["fig.png", "fig.svg"]
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == ["fig.png", "fig.svg"]


def test_progress_on_a_terminal_and_nowhere_else(tmp_path: Path, capsys, monkeypatch) -> None:
    for colour in (True, False):
        if colour:
            monkeypatch.setenv("FORCE_COLOR", "1")  # as if standard output were a terminal
        else:
            monkeypatch.delenv("FORCE_COLOR")
        plots.save_all({"first": draw, "second": draw}, Settings(), tmp_path)
        shown = capsys.readouterr()
        assert f"{tmp_path / 'first.png'} (and SVG)" in shown.out
        assert ("2/2" in shown.out and "left about" in shown.out) == colour
        assert not shown.err


def test_svg_text_is_text_and_dateless(tmp_path: Path) -> None:
    _, svg = plots.save(draw(Settings()), tmp_path, "fig")
    texts = "".join(ElementTree.parse(svg).getroot().itertext())
    assert "generation t" in texts and "simulated" in texts
    assert "date" not in texts.lower()


def test_no_global_state_is_touched(tmp_path: Path) -> None:
    before = dict(matplotlib.rcParams)
    plots.save(draw(Settings()), tmp_path, "fig")
    assert dict(matplotlib.rcParams) == before


def test_a_band_is_two_standard_errors_or_its_edges() -> None:
    _, (left, right) = plots.figure(2)
    plots.band(left, [0, 1], [1.0, 2.0], [0.5, 0.5])
    plots.band(right, [0, 1], [1.0, 2.0], [0.0, 1.0], [4.0, 5.0])
    for ax, low, high in ((left, 1 - 0.98, 2 + 0.98), (right, 0.0, 5.0)):
        heights = ax.collections[0].get_paths()[0].vertices[:, 1]
        np.testing.assert_allclose([heights.min(), heights.max()], [low, high])


def test_direct_labels_make_way() -> None:
    fig, ax = plots.figure()
    ends = (1.0, 1.0, 1.001, 9.0)
    lines = {f"line {i}": plots.band(ax, [0, 1], [0.0, end], [0.0, 0.0]) for i, end in enumerate(ends)}
    plots.direct_labels(ax, lines)
    fig.draw_without_rendering()
    boxes = [text.get_window_extent() for text in ax.texts]
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])
