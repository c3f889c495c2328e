"""What rounds of a pipeline bring, and what two pipelines differ in, in plain words."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from experiments.questions.pipeline.declared import Declared
from experiments.questions.pipeline.rounds import Rounds, Source
from theory import Pipeline
from theory.graphs import listed, shown

SHOWN = 6  # rounds in the table


class Difference(NamedTuple):
    """Of two pipelines, the first and the other: each field is a pair."""

    closed: tuple[bool, bool]  # from the first model to the last
    enters: tuple[tuple[str, ...], tuple[str, ...]]  # nodes by which information enters one of them alone
    arrows: tuple[tuple[str, ...], tuple[str, ...]]  # that stand in one of them alone
    rounds: tuple[int, int]
    nats: tuple[float | None, float | None]  # in all rounds, at most; None where there are no numbers

    @property
    def lines(self) -> list[str]:
        """In plain words."""
        said = ["The difference:"]
        for i, (name, other) in enumerate((("the first", "the other"), ("the other", "the first"))):
            state = "CLOSED" if self.closed[i] else "OPEN"
            nats = None if self.nats[i] is None else f"{self.nats[i]:.4g} nats at most in {_count(self.rounds[i])}"
            said.append(f"    {name}: {state}{', ' + nats if nats else ''}")
            said.append(f"    enters {name} and not {other}: {joined(self.enters[i]) or 'nothing'}")
            said.append(f"    arrows of {name} alone: {'; '.join(self.arrows[i]) or 'none'}")
        return said


def difference(*pipelines: tuple[Pipeline, Declared, Rounds]) -> Difference:
    """What enters one of two pipelines and not the other, which is open, and how many nats they bring."""
    enters = [[s.node for s in found.sources] if found.sources is not None else ["X"] for _, _, found in pipelines]
    arrows = [[f"{shown(u)} -> {shown(v)}" for u, v in pipeline.dag.edges] for pipeline, *_ in pipelines]
    closed = [found.sources == () for *_, found in pipelines]
    nats = [None if found.nats is None else found.nats[-1] for *_, found in pipelines]
    times = [declared.rounds for _, declared, _ in pipelines]
    return Difference(
        (closed[0], closed[1]), _apart(*enters), _apart(*arrows), (times[0], times[1]), (nats[0], nats[1])
    )


def _apart(a: Sequence[str], b: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    return tuple(n for n in a if n not in b), tuple(n for n in b if n not in a)


def of_rounds(declared: Declared, found: Rounds) -> list[str]:
    """What the rounds bring together, where it enters, in how many nats at most, and under which conditions."""
    first, last, times = listed(found.models[0]), listed(found.models[-1]), _count(declared.rounds)
    if found.sources is None:
        bound = f"H(X|{first})" if first else "H(X)"
        return [f"In {times}: no node between X and {last} limits what enters; {bound} does."]
    if not found.sources:
        return [f"In {times}: CLOSED, I(X;{last}) <= " + (f"I(X;{first})" if first else "0")]
    start = f"I(X;{first}) + " if first else ""
    said = [f"In {times}: I(X;{last}) <= {start}what enters by {joined(s.node for s in found.sources)}:"]
    said += [line for source in found.sources for line in _source(source, declared)]
    return said + _nats(declared, found, found.sources)


def _source(source: Source, declared: Declared) -> list[str]:
    name, (one, *_) = quoted(source.node), source.terms
    if declared.rounds == 1:
        return [f"    {name}: {one}"]
    if not source.once:
        return [f"    {name}, anew in each round: {source.terms[-1]} in the last, and as such in each"]
    fixed = source.node in declared.fixed
    drawn = "fixed" if fixed else "older than the rounds"
    said = [f"    {name}, {drawn}: {one}, once for all rounds together, however many"]
    if fixed and source.again:
        said.append(
            f"    From {name} only outputs that it has not judged yet bring more: the others get what they got."
        )
    elif fixed:
        said.append(f"    Nothing new about X after round 1 from {name}: later rounds see the same again,")
        said.append("    from which a model may learn what it missed, and no more.")
    return said


def _nats(declared: Declared, found: Rounds, sources: Sequence[Source]) -> list[str]:
    if not declared.rates:
        return []
    if found.nats is None:
        bare = joined(quoted(source.node) for source in sources if source.nats is None)
        return [f"No total in nats: rates of {bare} are not given (tpr, fpr and verdicts, or nats, in a file)."]
    columns = [(quoted(s.node), s.nats) for s in sources if s.nats is not None]
    columns.append(("in all so far", found.nats))
    widths = [max(len(head), 9) for head, _ in columns]
    said = [
        "nats, at most   " + "  ".join(f"{head:>{width}}" for (head, _), width in zip(columns, widths, strict=True))
    ]
    for t in range(declared.rounds):
        if t < SHOWN - 1 or t == declared.rounds - 1:
            added = [of[t] - (of[t - 1] if t else 0) for _, of in columns[:-1]] + [found.nats[t]]
            cells = (f"{value:>{width}.4g}" for value, width in zip(added, widths, strict=True))
            said.append(f"    round {t + 1:<6}" + "  ".join(cells))
    return said + _conditions(declared, sources)


def _conditions(declared: Declared, sources: Sequence[Source]) -> list[str]:
    """Beside the numbers: when they bound."""
    judges = [s for s in sources if declared.rates[s.node].verdicts is not None]
    given = [s for s in sources if declared.rates[s.node].nats is not None]
    said = []
    if judges:
        said.append(
            f"{joined(quoted(s.node) for s in judges)} must accept all correct outputs at one rate and all wrong ones "
            "at one (rates that vary carry more than their mean)"
        )
    if fixed := [quoted(s.node) for s in judges if s.once]:
        said.append(f"errors of {joined(fixed)} on different outputs are independent given X")
    if anew := [quoted(s.node) for s in judges if s.once and s.again and declared.rounds > 1]:
        said.append(f"all outputs that {joined(anew)} judges are new: one judged before brings 0")
    if fresh := [quoted(s.node) for s in judges if not s.once]:
        others = f", and of those of {joined(fixed)}" * bool(fixed)
        said.append(f"all errors of {joined(fresh)} are independent given X and the outputs, on one output too{others}")
    if given:
        said.append(f"the nats given for {joined(quoted(s.node) for s in given)} hold whatever else is known")
    known = f"H(X|{listed(declared.before)})" if declared.before else "H(X)"
    return [
        f"Conditions: {'; '.join(said)}.",
        f"Upper bounds: a model may learn less, and never gains more than {known}.",
    ]


def quoted(name: str) -> str:
    """A name in a sentence."""
    return f'"{name}"' if " " in name else name


def joined(names: Iterable[str]) -> str:
    """A, B and C."""
    *most, last = list(names) or [""]
    return " and ".join(filter(None, (", ".join(most), last)))


def _count(rounds: int) -> str:
    return f"{rounds} round{'s' * (rounds > 1)}"
