"""A round again and again: its graph unrolled, where information enters, and how many nats at most.

The models that a round makes start the next one. What is made in a round is made anew in each; what was there before
the rounds, X and its causes, and what is marked `fixed` are there once.
"""

import re
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise, product
from typing import NamedTuple

import networkx as nx

from experiments.questions.pipeline.declared import Declared
from experiments.validation import refuse
from theory import Closed, Entry, Open, Pipeline, budget
from theory.graphs import TASK, listed, shown


class Source(NamedTuple):
    """A node by which information enters, as it stands in the graph of one round."""

    node: str
    once: bool  # whether it is one node for all rounds: fixed, or older than they are
    again: bool  # whether later rounds can bring something new from it: fresh noise, or new outputs to judge
    terms: tuple[str, ...]  # I(X;node|known), for each time it is drawn
    nats: tuple[float, ...] | None  # at most, by rounds 1 … t together; None where there are no numbers


class Rounds(NamedTuple):
    """What rounds of a pipeline bring: I(X;models[T]) ≤ I(X;models[0]) + Σ terms of the sources."""

    pipeline: Pipeline  # unrolled
    models: tuple[tuple[str, ...], ...]  # before round 1, after it, after round 2, …
    steps: tuple[Closed | Open, ...]  # whether each round alone can add to what its own start knows
    sources: tuple[Source, ...] | None  # None where no nodes separate X from the last model: H(X|before) bounds
    nats: tuple[float, ...] | None  # of all sources, by rounds 1 … t together


def rounds(declared: Declared, pipeline: Pipeline) -> Rounds:
    """Unrolls a pipeline, and finds where information enters it."""
    dag, once, numbers = pipeline.dag, _once(declared, pipeline), range(1, declared.rounds + 1)
    name = _numbered(declared, dag, once)
    edges = dict.fromkeys((name[u, t], name[v, t]) for t in numbers for u, v in dag.edges if t == 1 or v not in once)
    lone = ", ".join(map(shown, dict.fromkeys(name.values())))
    unrolled = Pipeline("; ".join([lone, *(f"{shown(u)} -> {shown(v)}" for u, v in edges)]))
    models = [declared.before, *(tuple(name[n, t] for n in declared.after) for t in numbers)]
    steps = tuple(unrolled.criterion(a, b) for a, b in pairwise(models))
    origin = {copy: node for (node, t), copy in name.items() if t == 1 or node not in declared.before}
    needless = _needless(declared, pipeline)
    among = [n for n in unrolled.dag if origin[n] not in needless]
    found = _entering(unrolled, models, once, among)
    if found is None:
        return Rounds(unrolled, tuple(models), steps, None, None)
    nodes = dict.fromkeys(origin[entry.node] for entry in found)
    sources = tuple(
        _source(node, declared, dag, once, tuple(str(e) for e in found if origin[e.node] == node)) for node in nodes
    )
    known = [source.nats for source in sources if source.nats is not None]
    total = tuple(map(sum, zip([0.0] * declared.rounds, *known, strict=True))) if len(known) == len(sources) else None
    return Rounds(unrolled, tuple(models), steps, sources, total)


def _once(declared: Declared, pipeline: Pipeline) -> set[str]:
    """The nodes that are there once; raises where a mark contradicts the graph, or where one is missing."""
    dag, before, after = pipeline.dag, declared.before, declared.after
    for mark, nodes in (("fixed", declared.fixed), ("fresh", declared.fresh), ("rates", declared.rates)):
        if missing := [n for n in nodes if n not in dag]:
            raise refuse(mark, listed(missing), f"nodes of the graph: {listed(dag)}")
        if taken := [n for n in nodes if n in (TASK, *before, *after)]:
            raise refuse(mark, listed(taken), f"nodes other than {listed((TASK, *before, *after))}")
    older = set(before).union(*(nx.ancestors(dag, n) for n in before))
    causes = {TASK} | nx.ancestors(dag, TASK)
    once = older | causes | set(declared.fixed)
    if wrong := [n for n in declared.fresh if n in once]:
        raise refuse("fresh", listed(wrong), "nodes that each round makes anew: not X, its causes, or what is older")
    for node in declared.fixed:
        if anew := [n for n in dag.pred[node] if n not in once]:
            accepted = f"nodes made of what is there once: mark {listed(anew)} too, or write what is drawn once apart"
            raise refuse("fixed", f"{shown(node)}, made of {listed(anew)},", f"{accepted}, X -> Tests")
    if declared.rounds == 1:
        return once
    if len(before) != len(after) or not before:
        given = f"{len(before)} before and {len(after)} after"
        raise refuse("--rounds", given, "as many models before as after, in order")
    if backwards := [n for n in after if n in once]:
        raise refuse("--rounds", f"{listed(backwards)} after, which is there before,", "models that a round makes")
    marked = {*once, *declared.fresh, *after}
    told = set(declared.rates).union(*(dag.succ[n] for n in causes))
    if bare := [n for n in dag if n in told - marked]:
        accepted = "--fixed for what is drawn once, as tests are, or --fresh for new noise in each round"
        raise refuse("--rounds", f"no mark on {listed(bare)}", accepted)
    return once


def _numbered(declared: Declared, dag: nx.DiGraph, once: set[str]) -> dict[tuple[str, int], str]:
    """The names by node and round, from 1: D0, D1, … between models Z0, Z1, Z2; else Answers1, Answers2."""
    before, after = declared.before, declared.after
    place = re.compile(r"(.*[A-Za-z_])(\d+)")
    ends = [place.fullmatch(n) for n in (*before[:1], *after[:1])]
    start = [(found[1], int(found[2])) for found in ends if found]
    by_number = len(start) == 2 and start[1] == (start[0][0], start[0][1] + 1)
    name = {}
    for node, t in product(dag, range(1, declared.rounds + 1)):
        found = place.fullmatch(node)
        if node in once or declared.rounds == 1:
            name[node, t] = node
        elif by_number and found and int(found[2]) in (start[0][1], start[1][1]):
            name[node, t] = f"{found[1]}{int(found[2]) + t - 1}"
        else:
            name[node, t] = f"{node}{'_' * node[-1].isdigit()}{t}"
    copies = Counter(name[node, t] for node, t in name if t == 1 or node not in once)
    if twice := [copy for copy, count in copies.items() if count > 1]:
        raise refuse("graph", f"names that give {listed(twice)} twice in {declared.rounds} rounds", "others")
    for old, new in zip(before, after, strict=False):
        name |= {(old, t): name[new, t - 1] for t in range(2, declared.rounds + 1)}
    return name


def _needless(declared: Declared, pipeline: Pipeline) -> set[str]:
    """Nodes by which information enters a round, that have no numbers, and without which the others separate too."""
    among, needless = set(pipeline.dag), set()
    found = pipeline.entries(declared.before, declared.after)
    tried = set(declared.rates)
    while declared.rates and found and (bare := [e.node for e in found if e.node not in tried]):
        tried.add(bare[0])
        others = pipeline.entries(declared.before, declared.after, sorted(among - {bare[0]}))
        if others is not None:
            among, needless, found = among - {bare[0]}, needless | {bare[0]}, others
    return needless


def _entering(
    pipeline: Pipeline, models: Sequence[tuple[str, ...]], once: set[str], among: Sequence[str]
) -> tuple[Entry, ...] | None:
    """The terms of I(X;Z_T) ≤ I(X;Z_0) + I(X;F|Z_0) + Σ_t I(X;E_t|Z_0,F,Z_{t−1}): F is there once, E_t made anew.

    Since I(X;Z_0,F,Z_t) ≤ I(X;Z_0,F,Z_{t−1}) + I(X;Z_t|Z_0,F,Z_{t−1}) for each t.
    """
    shared: tuple[str, ...] = ()
    while True:
        anew: list[Entry] = []
        for before, after in pairwise(models):
            known = tuple(dict.fromkeys((*models[0], *shared, *before)))
            found = pipeline.entries(known, after, among)
            if found is None:
                return None
            if more := tuple(entry.node for entry in found if entry.node in once):
                shared += more
                break
            anew += found
        else:
            return (*_chain(pipeline, models[0], shared), *anew)


def _chain(pipeline: Pipeline, before: Sequence[str], shared: Sequence[str]) -> tuple[Entry, ...]:
    """The terms of I(X;F|Z_0) by the chain rule in topological order, without those that d-separation makes zero.

    An output that a verifier judged is such a one: it tells about X with the verdict, and nothing before it.
    """
    order = [node for node in nx.topological_sort(pipeline.dag) if node in shared]
    chain = (Entry(node, (*before, *order[:i])) for i, node in enumerate(order))
    return tuple(e for e in chain if not nx.is_d_separator(pipeline.dag, {TASK}, {e.node}, set(e.known)))


def _source(node: str, declared: Declared, dag: nx.DiGraph, once: set[str], terms: tuple[str, ...]) -> Source:
    again = node not in once or _on_new_outputs(node, declared, dag, once)
    if node not in declared.rates:
        return Source(node, node in once, again, terms, None)
    rates = declared.rates[node]
    numbers, carried = range(1, declared.rounds + 1), []
    if rates.nats is not None:
        carried.append([rates.nats * (1 if node in once else t) for t in numbers])
    if rates.tpr is not None and rates.fpr is not None and rates.verdicts is not None:
        a_round = rates.verdicts * float(budget.verifier_capacity((rates.tpr, rates.fpr)))
        carried.append([a_round * (t if again else 1) for t in numbers])
    return Source(node, node in once, again, terms, tuple(map(min, zip(*carried, strict=True))))


def _on_new_outputs(node: str, declared: Declared, dag: nx.DiGraph, once: set[str]) -> bool:
    """Whether rounds ask a node that is there once about something new; no only where the graph shows that."""
    made = set().union(*(nx.descendants(dag, n) for n in declared.before))
    if not made.isdisjoint(dag.pred[node]):
        return False  # verdicts themselves, on outputs that are there once
    used = set(declared.after).union(*(nx.ancestors(dag, n) for n in declared.after))
    same = once - {TASK, *declared.before}
    for child in set(dag.succ[node]) & used - once:
        others = set(dag.pred[child]) - {node}
        if not others or not others <= same:
            return True
    return False
