"""Pipelines as pictures: the task above, the pipeline below from left to right, what enters in a strong colour."""

from collections.abc import Sequence
from itertools import pairwise

import networkx as nx
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch, Patch

from experiments import plots
from theory import Open, Pipeline
from theory.pipeline import TASK, Closed

HEIGHT = 0.56  # of a node, in inches, as all lengths here
ABOVE = 1.7  # where the task stands
UNDER = 0.62  # how far below its neighbours' centres an arrow that leaps passes


@plots.style()
def pipeline_figure(
    pipeline: Pipeline, verdict: Closed | Open, before: Sequence[str], after: Sequence[str]
) -> Figure:
    """Draws a pipeline and the verdict of its criterion.

    Nodes stand by topological generation; arrows that leap over nodes bend below them.

    Args:
        pipeline: what is drawn.
        verdict: what `pipeline.criterion(before, after)` says.
        before: its nodes.
        after: its nodes.

    Returns:
        The figure.
    """
    dag = pipeline.dag
    row = [node for generation in nx.topological_generations(dag) for node in generation if node != TASK]
    width = max(HEIGHT, 0.13 * max(map(len, dag)) + 0.26)
    pitch = width + 0.62
    at = {node: (i * pitch, 0.0) for i, node in enumerate(row)}
    children = [at[node][0] for node in dag.succ[TASK]] or [0.0]
    at[TASK] = ((min(children) + max(children)) / 2, ABOVE)
    entering = {
        frozenset(step) for path in getattr(verdict, "paths", ()) for step in pairwise(path.split()[::2])
    }
    leap = max([0, *(abs(row.index(v) - row.index(u)) for u, v in dag.edges if u != TASK)])
    depth = _bend(leap) * leap * pitch / 2 if leap > 1 else 0
    right, bottom, top = (len(row) - 1) * pitch + width, -depth - HEIGHT, ABOVE + HEIGHT
    fig, ax = plots.figure(width=max(right + 0.4, 5.2), height=top - bottom + 0.9)
    ax.set(xlim=(-width, right), ylim=(bottom, top), aspect="equal")
    ax.set_axis_off()
    boxes = {node: _node(node, at[node], width, _color(node, before, after)) for node in dag}
    for node, box in boxes.items():
        ax.add_patch(box)
        ax.text(*at[node], node, ha="center", va="center", fontsize=13, zorder=4)
    for u, v in dag.edges:
        strong = frozenset((u, v)) in entering
        span = 0 if u == TASK else row.index(v) - row.index(u)
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
    ax.set_title(_title(verdict, before, after))
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
        facecolor="white" if color == plots.GREY else f"{color}33",
        edgecolor=color,
        linewidth=1.4 if color == plots.GREY else 2.6,
        zorder=3,
    )


def _title(verdict: Closed | Open, before: Sequence[str], after: Sequence[str]) -> str:
    known, gained = ",".join(before), ",".join(after)
    if isinstance(verdict, Open):
        return f"open: I(X;{gained}) ≤ " + (f"I(X;{known}) + " if known else "") + verdict.bound
    return f"closed: I(X;{gained}) ≤ I(X;{known})" if known else f"closed: I(X;{gained}) = 0"
