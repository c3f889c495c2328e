"""Pipelines as pictures: the task above, the pipeline below from left to right, what enters in a strong colour."""

from collections.abc import Sequence
from itertools import pairwise

import networkx as nx
import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch, Patch

from experiments.harness import figures as plots
from experiments.validation import refuse
from theory import Closed, Open, Pipeline
from theory.graphs import TASK

HEIGHT = 0.56  # of a node, in inches, as all lengths here
TOP, MIDDLE = 2.2, 1.1  # where the task stands, and what is made of it alone and used more than once
WIDEST = 120  # that a picture may be, about a hundred nodes with short names
UNDER = 0.62  # how far below its neighbours' centres an arrow that leaps passes


@plots.style()
def pipeline_figure(pipeline: Pipeline, found: Closed | Open, before: Sequence[str], after: Sequence[str]) -> Figure:
    """Draws a pipeline and the answer of its criterion.

    Nodes stand by topological generation, the task and its many-used children above; arrows that leap over nodes bend
    below them. In the strong colour: active paths along the arrows, or all active trails where there is none.

    Args:
        pipeline: what is drawn.
        found: what `pipeline.criterion(before, after)` says.
        before: its nodes.
        after: its nodes.

    Returns:
        The figure.

    Raises:
        ValueError: The pipeline is so long that the figure would be wider than `WIDEST`.
    """
    dag = pipeline.dag
    raised = [node for node in dag if list(dag.pred[node]) == [TASK] and len(dag.succ[node]) > 1]
    row = [n for generation in nx.topological_generations(dag) for n in generation if n not in (TASK, *raised)]
    width = max(HEIGHT, 0.13 * max(map(len, dag)) + 0.3)
    pitch = width + 0.62
    if len(row) * pitch > WIDEST:
        given = f"{len(dag):,} nodes, {len(row) * pitch:,.0f} inches side by side,"
        raise refuse("--figure", given, f"up to {WIDEST} inches, such as the last generations; the answer needs none")
    at = {node: (i * pitch, 0.0) for i, node in enumerate(row)}
    for i, node in enumerate(raised):
        mean = float(np.mean([at[child][0] for child in dag.succ[node]]))
        at[node] = (max(mean, at[raised[i - 1]][0] + pitch) if i else mean, MIDDLE)
    at[TASK] = (0.0, TOP)
    trails = getattr(found, "paths", ())
    strongest = [trail for trail in trails if "<-" not in trail] or trails
    entering = {frozenset(step) for trail in strongest for step in pairwise(trail.split()[::2])}
    leap = max((row.index(v) - row.index(u) for u, v in dag.edges if u in row), default=0)
    depth = _bend(leap) * leap * pitch / 2 if leap > 1 else 0
    title = _title(found, before, after)
    extent = max(x for x, _ in at.values())
    wide = max(extent + 2 * width, 6.4, 0.11 * len(title))
    bottom, top = -depth - HEIGHT, TOP + HEIGHT
    fig, ax = plots.figure(width=wide, height=top - bottom + 0.8)
    ax.set(xlim=((extent - wide) / 2, (extent + wide) / 2), ylim=(bottom, top), aspect="equal")
    ax.set_axis_off()
    boxes = {node: _node(node, at[node], width, _color(node, before, after)) for node in dag}
    for node, box in boxes.items():
        ax.add_patch(box)
        ax.text(*at[node], node, ha="center", va="center", fontsize=13, zorder=4)
    for u, v in dag.edges:
        strong = frozenset((u, v)) in entering
        span = row.index(v) - row.index(u) if u in row else 0
        arrow = FancyArrowPatch(
            at[u],
            at[v],
            patchA=boxes[u],
            patchB=boxes[v],
            shrinkA=1,
            shrinkB=2,
            connectionstyle=f"arc3,rad={_bend(span) if span > 1 else 0}",
            arrowstyle="-|>,head_length=0.5,head_width=0.25",
            mutation_scale=14,
            color=plots.VERMILLION if strong else plots.GREY,
            linewidth=2.8 if strong else 1.4,
            zorder=3 if strong else 2,
        )
        ax.add_patch(arrow)
    ax.set_title(title)
    keys = {"the task": plots.ORANGE, "before": plots.BLUE, "after": plots.GREEN}
    if entering:
        keys["by this information enters"] = plots.VERMILLION
    ax.legend(
        handles=[Patch(color=color, label=label) for label, color in keys.items()],
        loc="upper center",
        bbox_to_anchor=(0.5, 0.0),
        ncols=len(keys),
        handlelength=1.0,
    )
    return fig


def _bend(span: int) -> float:
    """The `rad` of an arc that passes `UNDER` the first of the nodes it leaps over: a parabola of depth rad·span/2."""
    return UNDER * span / (2 * (span - 1))


def _color(node: str, before: Sequence[str], after: Sequence[str]) -> str:
    return (
        plots.ORANGE if node == TASK else plots.BLUE if node in before else plots.GREEN if node in after else plots.GREY
    )


def _node(node: str, center: tuple[float, float], width: float, color: str) -> FancyBboxPatch:
    x, y = center
    return FancyBboxPatch(
        (x - width / 2, y - HEIGHT / 2),
        width,
        HEIGHT,
        boxstyle=f"round,pad=0,rounding_size={HEIGHT / 2}",
        facecolor=plots.PAPER if color == plots.GREY else f"{color}33",
        edgecolor=color,
        linewidth=1.4 if color == plots.GREY else 2.6,
        zorder=3,
    )


def _title(found: Closed | Open, before: Sequence[str], after: Sequence[str]) -> str:
    known, gained = ",".join(before), ",".join(after)
    if isinstance(found, Open):
        return f"open: I(X;{gained}) ≤ " + (f"I(X;{known}) + " if known else "") + found.bound
    return f"closed: I(X;{gained}) ≤ I(X;{known})" if known else f"closed: I(X;{gained}) = 0"
