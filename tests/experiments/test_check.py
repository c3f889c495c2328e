"""`infoloop check` and its picture."""

from itertools import combinations

import pytest
from matplotlib.path import Path as Line

from experiments import cli
from experiments.questions.pipeline.diagrams import pipeline_figure
from theory import Pipeline

EXAMPLE = "X -> D -> Z0 -> D0 -> Z1; X -> S0; D0 -> S0; S0 -> Z1"


def check(capsys, graph, before, after):
    assert cli.main(["check", graph, "--before", before, "--after", after]) == 0
    out = capsys.readouterr().out
    assert len(out.splitlines()) < 15
    return out


def test_open(capsys):
    out = check(capsys, EXAMPLE, "Z0", "Z1")
    assert out.splitlines() == [
        "OPEN: Z1 can know more about X than Z0 does.",
        "Information enters by X -> S0 -> Z1",
        "    I(X;Z1) <= I(X;Z0) + I(X;S0|Z0,D0)",
        "At most: what Z0 knows, plus what S0 carries about X beyond Z0 and D0.",
        "In practice: all gain comes by S0, and ends when nothing new about X is carried there.",
    ]


def test_closed(capsys):
    out = check(capsys, "X -> D -> Z0 -> D0 -> Z1", "Z0", "Z1")
    assert out.startswith(
        "CLOSED: Z1 cannot know more about X than Z0 does.\nEvery path from X to Z1 is blocked by Z0.\n"
    )
    assert "I(X;Z1|Z0) = 0, hence I(X;Z1) <= I(X;Z0)" in out


@pytest.mark.parametrize(
    ("graph", "before", "after", "said"),
    [
        (EXAMPLE, "", "Z1", ["OPEN: Z1 can know about X.", "I(X;Z1) <= I(X;D0) + I(X;S0|D0)", "carries about X, plus"]),
        ("X -> A; B -> C", "B", "C", ["CLOSED: C can know nothing about X.", "I(X;C) = 0"]),
        ("X -> Z0; X -> Z1", "Z0", "Z1", ["I(X;Z1) <= I(X;Z0) + H(X|Z0)", "what Z0 leaves unknown about X"]),
        ("X, U -> S; S, U -> Z", "S", "Z", ["X -> S <- U -> Z", "two causes of S"]),
        ("X, D -> S; D -> Z", "S", "Z", ["CLOSED: Z can know nothing about X.", "I(X;Z) = 0"]),
        ("X -> A -> Z; X, U -> B; U -> Z", "A, B", "Z", ["by A.", "I(X;Z|A) = 0, hence I(X;Z) <= I(X;A) <= I(X;A,B)"]),
        ("X -> A, B; A, B -> C, D", "C, A", "D", ["than C and A do", "what C and A know, plus what B carries"]),
        ("X -> A, B, C, D, E, F -> Z", "", "Z", ["and by longer paths."]),
        (
            'X -> D -> "Z 0"; D -> Z; Old, "a seed" -> Z',
            '"Z 0"',
            "Z",
            ['I(X;Z) <= I(X;"Z 0") + I(X;D|"Z 0")', '(Old and "a seed" have no path from X: treated as noise.)'],
        ),
        ("U -> X -> D -> Z; Old -> Z", "D", "Z", ["CLOSED", "(Old has no path from X: treated as noise.)"]),
    ],
)
def test_other_answers(capsys, graph, before, after, said):
    out = check(capsys, graph, before, after)
    assert all(text in out for text in said), out


@pytest.mark.parametrize("kind", ["png", "svg"])
def test_figure(tmp_path, kind):
    path = tmp_path / f"pipeline.{kind}"
    assert cli.main(["check", EXAMPLE, "--before", "Z0", "--after", "Z1", "--figure", str(path)]) == 0
    content = path.read_bytes()
    assert content.startswith(b"\x89PNG") if kind == "png" else b">open: I(X;Z1)" in content


LOOP = (
    "X -> D -> Z0 -> D0 -> Z1 -> D1 -> Z2 -> D2 -> Z3; X -> J; J, D0 -> S0 -> Z1; J, D1 -> S1 -> Z2; J, D2 -> S2 -> Z3"
)


@pytest.mark.parametrize(
    ("graph", "before", "after", "strong"),
    [(EXAMPLE, "Z0", "Z1", 2), (LOOP, "Z2", "Z3", 3), ("X -> D -> Z0 -> D0 -> Z1", "Z0", "Z1", 0)],
)
def test_no_node_hides_another_and_what_enters_is_strong(graph, before, after, strong):
    pipeline = Pipeline(graph)
    fig = pipeline_figure(pipeline, pipeline.criterion(before, after), [before], [after])
    fig.draw_without_rendering()
    (ax,) = fig.axes
    arrows = [patch for patch in ax.patches if hasattr(patch, "get_arrowstyle")]
    boxes = [patch for patch in ax.patches if patch not in arrows]
    assert len(arrows) == pipeline.dag.number_of_edges() and len(boxes) == len(pipeline.dag)
    assert not any(a.get_window_extent().overlaps(b.get_window_extent()) for a, b in combinations(boxes, 2))
    assert sum(arrow.get_linewidth() > 2 for arrow in arrows) == strong
    inside = fig.bbox.padded(1)
    for text in (*ax.texts, *ax.get_legend().get_texts()):
        extent = text.get_window_extent()
        assert inside.contains(extent.x0, extent.y0) and inside.contains(extent.x1, extent.y1)


def test_arrows_pass_no_node():
    """Points along every arrow lie in no node."""
    pipeline = Pipeline(LOOP)
    fig = pipeline_figure(pipeline, pipeline.criterion("Z2", "Z3"), ["Z2"], ["Z3"])
    fig.draw_without_rendering()
    patches = fig.axes[0].patches
    boxes, arrows = patches[: len(pipeline.dag)], patches[len(pipeline.dag) :]
    for arrow in arrows:
        points = Line(arrow.get_path().to_polygons(closed_only=False)[0]).interpolated(50).vertices
        assert not any(box.get_path().contains_points(points, radius=-0.01).any() for box in boxes)


def test_a_long_pipeline_gets_an_answer_at_once_and_no_huge_picture(tmp_path, capsys):
    graph = "X -> D -> Z0; " + "; ".join(f"Z{t} -> D{t} -> Z{t + 1}; X, D{t} -> S{t} -> Z{t + 1}" for t in range(400))
    assert "I(X;S399|Z399,D399)" in check(capsys, graph, "Z399", "Z400")
    figure = tmp_path / "long.png"
    assert cli.main(["check", graph, "--before", "Z399", "--after", "Z400", "--figure", str(figure)]) == 2
    assert "accepted: up to 120 inches" in capsys.readouterr().err and not figure.exists()
