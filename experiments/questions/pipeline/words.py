"""What the criterion says about a pipeline, in plain words: the screen of `infoloop check`."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import networkx as nx

from experiments.questions.pipeline.declared import Declared, declare
from experiments.questions.pipeline.repeated import Difference, difference, joined, of_rounds, quoted
from experiments.questions.pipeline.rounds import Rounds
from experiments.questions.pipeline.rounds import rounds as unroll
from experiments.validation import refuse
from theory import Closed, Open, Pipeline

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Checked(NamedTuple):
    """A pipeline, and what the criterion says about it."""

    pipeline: Pipeline
    found: Closed | Open
    before: tuple[str, ...]
    after: tuple[str, ...]
    declared: Declared
    rounds: Rounds
    against: "Checked | None" = None

    @property
    def closed(self) -> bool:
        """Whether no round, and no number of them, adds to what is known before."""
        return self.rounds.sources == ()

    @property
    def lines(self) -> list[str]:
        """The answer in plain words, which roots are noise, what rounds bring, and what differs from another one."""
        noise = list(map(quoted, self.pipeline.noise))
        has = f"{joined(noise)} {'has' if len(noise) == 1 else 'have'} no path from X: treated as noise"
        dag, turned = self.pipeline.dag, "(--before is made from --after: are they the other way round?)"
        backwards = any(not nx.ancestors(dag, node).isdisjoint(self.after) for node in self.before)
        remarks = [f"({has}.)"] * bool(noise) + [turned] * backwards
        said = explain(self.found, self.before, self.after) + remarks
        if self.declared.rounds > 1 or self.declared.rates:
            said += of_rounds(self.declared, self.rounds)
        if self.against is None:
            return said
        return ["The first pipeline:", *said, "", "The other:", *self.against.lines, "", *self.difference.lines]

    @property
    def difference(self) -> Difference:
        """What the other pipeline lacks, and what it has instead."""
        if self.against is None:
            raise refuse("against", "nothing", "another pipeline")
        other = self.against
        return difference((self.pipeline, self.declared, self.rounds), (other.pipeline, other.declared, other.rounds))

    def figure(self) -> "Figure":
        """The pipeline as a picture."""
        from experiments.questions.pipeline.diagrams import pipeline_figure  # matplotlib takes a second

        return pipeline_figure(self.pipeline, self.found, self.before, self.after)


def check(
    graph: str,
    *,
    before: str | Sequence[str] | None = None,
    after: str | Sequence[str] | None = None,
    rounds: int | None = None,
    fixed: str | Sequence[str] | None = None,
    fresh: str | Sequence[str] | None = None,
    rates: Mapping[str, Any] | None = None,
    against: str | None = None,
) -> Checked:
    """Whether `after` can know more about the task X than `before` does, by d-separation, and what rounds add.

    Args:
        graph: chains of arrows between semicolons, commas between several parents, as `theory.Pipeline` takes them; or
            the name of a file that ends in .toml, whose keys are the names of these arguments. An argument wins.
        before: the model that is there, or several nodes, between commas or in a list; "" for none.
        after: the model that is trained next, or several nodes; in `rounds`, as many as before, in their order.
        rounds: how often the graph is run, where what is made `after` is what is `before` the next time; None: once.
        fixed: nodes that are drawn once for all rounds.
        fresh: nodes with new noise in each round.
        rates: by node, a table of tpr, fpr and verdicts (a round), or of nats (a round if fresh, in all if fixed).
        against: another graph or file; what it leaves out is as in the first.
    """
    given = {"before": before, "after": after, "rounds": rounds, "fixed": fixed, "fresh": fresh, "rates": rates}
    first = _checked(declare(graph, given))
    if against is None:
        return first
    return first._replace(against=_checked(declare(against, {}, first.declared)))


def _checked(declared: Declared) -> Checked:
    pipeline = Pipeline(declared.graph)
    found = pipeline.criterion(declared.before, declared.after)
    return Checked(pipeline, found, declared.before, declared.after, declared, unroll(declared, pipeline))


def explain(found: Closed | Open, before: Sequence[str], after: Sequence[str]) -> list[str]:
    """An answer of the criterion in plain words."""
    before, after = list(map(quoted, before)), list(map(quoted, after))
    known, gained = ",".join(before), ",".join(after)
    old, new = joined(before), joined(after)
    knows, does, leaves = ("knows", "does", "leaves") if len(before) == 1 else ("know", "do", "leave")
    if isinstance(found, Closed) and not found.by:
        return [f"CLOSED: {new} can know nothing about X.", f"    I(X;{gained}) = 0   (no path leads there from X)"]
    if isinstance(found, Closed):
        by = ",".join(map(quoted, found.by))
        whole = f" <= I(X;{known})" * (len(found.by) < len(before))
        return [
            f"CLOSED: {new} cannot know more about X than {old} {does}.",
            f"Every path from X to {new} is blocked by {joined(list(map(quoted, found.by)))}.",
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
        f"what {node} carries about X" + f" beyond {joined(rest.split(','))}" * bool(rest) for node, _, rest in terms
    ]
    sources = joined([node for node, _, _ in terms])
    return [
        *lines,
        f"At most: {start[1]}{', plus '.join(carried)}.",
        f"In practice: all gain comes by {sources}, and ends when nothing new about X is carried there.",
    ]
