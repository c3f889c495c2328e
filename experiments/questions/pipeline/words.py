"""What the criterion says about a pipeline, in plain words: the screen of `infoloop check`."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import networkx as nx

from experiments.validation import refuse
from theory import Closed, Open, Pipeline
from theory.pipeline import names

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Checked(NamedTuple):
    """A pipeline, and what the criterion says about it."""

    pipeline: Pipeline
    found: Closed | Open
    before: tuple[str, ...]
    after: tuple[str, ...]

    @property
    def lines(self) -> list[str]:
        """The answer in plain words, and which roots are noise."""
        noise = list(map(_quoted, self.pipeline.noise))
        has = f"{_and(noise)} {'has' if len(noise) == 1 else 'have'} no path from X: treated as noise"
        dag, turned = self.pipeline.dag, "(--before is made from --after: are they the other way round?)"
        backwards = any(not nx.ancestors(dag, node).isdisjoint(self.after) for node in self.before)
        remarks = [f"({has}.)"] * bool(noise) + [turned] * backwards
        return explain(self.found, self.before, self.after) + remarks

    def figure(self) -> "Figure":
        """The pipeline as a picture."""
        from experiments.questions.pipeline.diagrams import pipeline_figure  # matplotlib takes a second

        return pipeline_figure(self.pipeline, self.found, self.before, self.after)


def check(graph: str, *, before: str, after: str) -> Checked:
    """Whether `after` can know more about the task X than `before` does, by d-separation.

    Args:
        graph: chains of arrows between semicolons, commas between several parents, as `theory.Pipeline` takes them.
        before: the model that is there, or several nodes between commas; "" for none.
        after: the model that is trained next, or several nodes between commas.
    """
    for name, nodes in (("graph", graph), ("before", before), ("after", after)):
        if not isinstance(nodes, str):
            raise refuse(name, repr(nodes), "text, as 'X -> D -> Z0'" if name == "graph" else "text, as 'Z0, S'")
    pipeline = Pipeline(graph)
    found = pipeline.criterion(before, after)
    return Checked(pipeline, found, tuple(names(before)), tuple(names(after)))


def explain(found: Closed | Open, before: Sequence[str], after: Sequence[str]) -> list[str]:
    """An answer of the criterion in plain words."""
    before, after = list(map(_quoted, before)), list(map(_quoted, after))
    known, gained = ",".join(before), ",".join(after)
    old, new = _and(before), _and(after)
    knows, does, leaves = ("knows", "does", "leaves") if len(before) == 1 else ("know", "do", "leave")
    if isinstance(found, Closed) and not found.by:
        return [f"CLOSED: {new} can know nothing about X.", f"    I(X;{gained}) = 0   (no path leads there from X)"]
    if isinstance(found, Closed):
        by = ",".join(map(_quoted, found.by))
        whole = f" <= I(X;{known})" * (len(found.by) < len(before))
        return [
            f"CLOSED: {new} cannot know more about X than {old} {does}.",
            f"Every path from X to {new} is blocked by {_and(list(map(_quoted, found.by)))}.",
            f"    I(X;{gained}|{by}) = 0, hence I(X;{gained}) <= I(X;{by}){whole}   (data processing inequality)",
            f"In practice: no training, filter or amount of samples gets past what {old} {knows} about X;",
            f"another path from X to {new} would: fresh data, a verifier, a person.",
        ]
    direct = [path for path in found.paths if "<-" not in path]
    lines = [f"OPEN: {new} can know more about X than {old} {does}." if before else f"OPEN: {new} can know about X."]
    lines += [f"Information enters by {path}" for path in (direct or found.paths)[:5]]
    if not direct:
        lines.append(f"(-> S <- : two causes of S; given S, or {old}, one is informative about the other)")
    elif len(direct) > 5:
        lines.append("and by longer paths.")
    start = (f"I(X;{known}) + ", f"what {old} {knows}, plus ") if before else ("", "")
    lines.append(f"    I(X;{gained}) <= {start[0]}{found.bound}")
    if not found.through:
        unknown = f"what {old} {leaves} unknown about X" if before else "all that there is to know about X"
        return [*lines, f"In practice: {new} can learn {unknown}; no node in between limits it further."]
    terms = [term[4:-1].partition("|") for term in found.bound.split(" + ")]
    carried = [
        f"what {node} carries about X" + f" beyond {_and(rest.split(','))}" * bool(rest) for node, _, rest in terms
    ]
    sources = _and([node for node, _, _ in terms])
    return [
        *lines,
        f"At most: {start[1]}{', plus '.join(carried)}.",
        f"In practice: all gain comes by {sources}, and ends when nothing new about X is carried there.",
    ]


def _quoted(name: str) -> str:
    return f'"{name}"' if " " in name else name


def _and(names: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(names[:-1]), *names[-1:])))
