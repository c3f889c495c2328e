"""Whether a pipeline can learn: d-separation of the task X from a model, and what enters where they are not separated.

A pipeline is a causal graph: an arrow from what is used to what is made of it. The task X is a node without parents.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import islice, pairwise, permutations, product
from math import prod
from typing import Any, NamedTuple

import jax.numpy as jnp
import networkx as nx
from jax import Array
from jaxtyping import Float

from theory import measures, validation
from theory.validation import ArrayLike

TASK = "X"
NAME = re.compile(r"[A-Za-z]\w*", re.ASCII)
SYNTAX = 'chains of names and arrows, such as "X -> D -> Z0; X, Z0 -> S0"'
MAX_ENTRIES = 10**8  # of a table: 0.8 GB
MAX_TRAILS = 20
MAX_EXTENSIONS = 10_000  # of beginnings of trails, exponentially many where few can be finished

Nodes = str | Sequence[str]  # names between commas, or one by one


class Closed(NamedTuple):
    """`before` d-separates X from `after`: I(X;after|before) = 0; its nodes `by` are enough, and none is idle."""

    by: tuple[str, ...]


class Open(NamedTuple):
    """`before` does not d-separate X from `after`: I(X;after) ≤ I(X;before) + bound.

    `through` is the separator nearest to `after`, empty where there is none; `paths` are the active trails.
    """

    through: tuple[str, ...]
    bound: str
    paths: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Pipeline:
    """A causal graph and, if numbers are wanted, the law of every node given its parents.

    Args:
        graph: Chains of arrows between `;` or line ends, such as "X -> D -> Z0; X, Z0 -> S0": commas join several
            parents, or several children; a name alone is a node too. X is the task.
        tables: For each node p[parents…, node]: an axis for each parent, in the order in which the arrows into the
            node stand in the text, and its own axis last; None: the graph alone.

    Raises:
        ValueError: Where the text is no such chain, has a cycle, no X or an arrow into X; where a table is missing, is
            of no node, is no law or has another shape.

    References:
        Pearl (2009), Causality, section 1.2.
    """

    graph: str
    tables: Mapping[str, ArrayLike] | None = None
    dag: nx.DiGraph = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "dag", nx.freeze(_parse(self.graph)))
        if self.tables is not None:
            object.__setattr__(self, "tables", _checked(self.dag, self.tables))

    def criterion(self, before: Nodes, after: Nodes) -> Closed | Open:
        """Whether `after` can know about X what `before` does not.

        I(X;after|before) = 0 for all tables if `before` d-separates X from `after`, and for almost none if not. Then
        I(X;after) ≤ I(X;before) + I(X;through|before), by the chain rule and data processing, where `through` and
        `before` together d-separate X from `after`. The bound is I(X;through|before) by the chain rule, in topological
        order, without the terms that d-separation makes zero.

        Of the minimal sets that separate, `through` is the one nearest to `after`: neighbours of `after` in the moral
        graph of the ancestors. None lets less through: whatever separates X from `after` also separates X from it.
        There is none where X is a parent of `after`, or both have a child that `before` tells of: H(X|before) bounds.

        Args:
            before: Nodes, possibly none.
            after: Nodes, none of them in `before`.

        Returns:
            `Closed` or `Open`, the latter with the active trails from X to `after`, the shortest first, at most 20;
            a trail with an arrow walked backwards reads "X -> S <- D -> Z".

        Raises:
            ValueError: Where a name is X, no node, or in both.

        References:
            Pearl (2009), Causality, section 1.2.3: d-separation.
            van der Zander & Liśkiewicz (2020), Finding minimal d-separators in linear time and applications.
            Li, Sun & Deng (2026), An information-theoretic criterion for efficient data synthesis, arXiv:2605.16379.
        """
        given, target = self._question(before, after)
        if self._separated(target, given):
            by = nx.find_minimal_d_separator(self.dag, set(target), {TASK}, restricted=set(given))
            return Closed(tuple(n for n in given if n in (by or ())))
        inner = set(self.dag) - {TASK} - set(target)
        separator = nx.find_minimal_d_separator(self.dag, set(target), {TASK}, included=set(given), restricted=inner)
        through = tuple(n for n in nx.topological_sort(self.dag) if n in (separator or set()) - set(given))
        terms = [
            f"I({TASK};{_given(node, known)})"
            for i, node in enumerate(through)
            if not self._separated((node,), known := (*given, *through[:i]))
        ]
        paths = tuple(islice(self._trails(target, given), MAX_TRAILS))
        return Open(through, " + ".join(terms) or f"H({_given(TASK, given)})", paths)

    def joint(self, nodes: Nodes) -> Float[Array, "..."]:
        """The joint law of some nodes: p[nodes…] = Σ Π p(node|parents), over the other ancestors.

        Args:
            nodes: Which, in the order of the axes.

        Returns:
            The table, with one axis a node.

        Raises:
            ValueError: Where there are no tables, a name is no node or named twice, or a table of the sum would have
                more than 10⁸ entries.

        References:
            Pearl (2009), Causality, section 1.2.2.
        """
        names = self._nodes("nodes", nodes)
        if self.tables is None:
            raise validation.refuse("tables", None, "a table for each node")
        place = {node: i for i, node in enumerate(self.dag)}
        needed = set(names).union(*(nx.ancestors(self.dag, node) for node in names))
        operands: list[Any] = [x for n in needed for x in (self.tables[n], [place[m] for m in (*self.dag.pred[n], n)])]
        operands.append([place[n] for n in names])
        path, cost = jnp.einsum_path(*operands, optimize="greedy")
        if (size := cost.largest_intermediate) > MAX_ENTRIES:
            raise validation.refuse("nodes", f"a table of {float(size):.0e} entries", f"{MAX_ENTRIES:.0e} at most")
        return jnp.einsum(*operands, optimize=path)

    def information(self, a: Nodes, b: Nodes, given: Nodes = "") -> Float[Array, ""]:
        """I(a;b|given), in nats, exact to rounding.

        Args:
            a: Nodes.
            b: Nodes.
            given: Nodes, possibly none.

        Returns:
            The information, non-negative.

        Raises:
            ValueError: As `joint`.

        References:
            Cover & Thomas (2006), Elements of Information Theory, section 2.5.
        """
        groups = [self._nodes(name, nodes) for name, nodes in (("a", a), ("b", b), ("given", given))]
        joint = self.joint(tuple(n for group in groups for n in group))
        sizes, shape = iter(joint.shape), []
        for group in groups:
            shape.append(prod(islice(sizes, len(group))))
        return measures.conditional_mutual_information(joint.reshape(shape))

    def bound(self, before: Nodes, after: Nodes) -> Float[Array, ""]:
        """The number that the bound of `criterion` is: I(X;after|before) is at most this, and 0 if closed.

        I(X;through|before), or H(X|before) = H(X,before) − H(before) where nothing separates.

        Args:
            before: Nodes, possibly none.
            after: Nodes, none of them in `before`.

        Returns:
            The bound, in nats.

        Raises:
            ValueError: As `criterion` and `joint`.

        References:
            Cover & Thomas (2006), Elements of Information Theory, theorem 2.5.2.
        """
        match self.criterion(before, after):
            case Closed():
                return jnp.zeros_like(self.joint(TASK)[0])
            case Open(through=()):
                joint = self.joint((TASK, *self._nodes("before", before)))
                return measures.entropy(joint) - measures.entropy(joint.sum(0))
            case Open(through=through):
                return self.information(TASK, through, before)

    def _nodes(self, name: str, nodes: Nodes) -> tuple[str, ...]:
        names = re.findall(r"[^,\s]+", nodes) if isinstance(nodes, str) else nodes
        if unknown := [n for n in names if n not in self.dag]:
            raise validation.refuse(name, ", ".join(unknown), f"nodes of the graph: {', '.join(self.dag)}")
        if len(set(names)) < len(names):
            raise validation.refuse(name, ", ".join(names), "each node once")
        return tuple(names)

    def _question(self, before: Nodes, after: Nodes) -> tuple[tuple[str, ...], tuple[str, ...]]:
        given, target = self._nodes("before", before), self._nodes("after", after)
        for name, nodes, others in (("before", given, ()), ("after", target, given)):
            if taken := {TASK, *others} & set(nodes):
                raise validation.refuse(name, ", ".join(taken), f"nodes other than {', '.join((TASK, *others))}")
        if not target:
            raise validation.refuse("after", "no node", "at least one")
        return given, target

    def _separated(self, target: Sequence[str], given: Sequence[str]) -> bool:
        # nx.is_d_separator takes exponential time where many trails meet
        known = set(given)
        return nx.find_minimal_d_separator(self.dag, {TASK}, set(target), included=known, restricted=known) is not None

    def _trails(self, target: Sequence[str], given: Sequence[str]) -> Iterator[str]:
        """Active trails, the shortest first: paths in the graph of steps u – v, joined where a trail may pass v."""
        told = set(given).union(*(nx.ancestors(self.dag, node) for node in given))
        steps = nx.DiGraph()
        for v in self.dag:
            beside = (*self.dag.pred[v], *self.dag.succ[v])
            if v == TASK:
                steps.add_edges_from(((TASK,), (TASK, w)) for w in beside)
            elif v in target:
                steps.add_edges_from(((u, v), "after") for u in beside)
            else:
                for u, w in permutations(beside, 2):
                    collider = self.dag.has_edge(u, v) and self.dag.has_edge(w, v)
                    if (v in told) if collider else (v not in given):
                        steps.add_edge((u, v), (v, w))
        ahead = nx.single_source_shortest_path_length(steps.reverse(copy=False), "after")
        queue: list[tuple[int, int, tuple[str, ...]]] = [(0, 0, (TASK,))]
        for _ in range(MAX_EXTENSIONS):
            if not queue:
                return
            trail = heappop(queue)[-1]
            if trail[-1] in target:
                yield self._arrows(trail)
                continue
            for step in steps[trail[-2:]]:
                if step in ahead and step[-1] not in trail:
                    heappush(queue, (len(trail) + ahead[step], -len(trail), (*trail, step[-1])))

    def _arrows(self, trail: Sequence[str]) -> str:
        return trail[0] + "".join(f" {'->' if self.dag.has_edge(u, v) else '<-'} {v}" for u, v in pairwise(trail))


def _given(node: str, known: Sequence[str]) -> str:
    return f"{node}|{','.join(known)}" if known else node


def _parse(graph: str) -> nx.DiGraph:
    dag = nx.DiGraph()
    for chain in filter(str.strip, re.split(r"[;\n]", graph)):
        groups = [[name.strip() for name in group.split(",")] for group in chain.split("->")]
        if wrong := [name for group in groups for name in group if not NAME.fullmatch(name)]:
            raise validation.refuse("graph", f"{wrong[0]!r} in {chain.strip()!r}", SYNTAX)
        for group in groups:
            dag.add_nodes_from(group)
        for parents, children in pairwise(groups):
            dag.add_edges_from(product(parents, children))
    if not nx.is_directed_acyclic_graph(dag):
        cycle = [u for u, _ in nx.find_cycle(dag)]
        raise validation.refuse("graph", f"the cycle {' -> '.join((*cycle, cycle[0]))}", "a graph without cycles")
    if TASK not in dag:
        raise validation.refuse("graph", f"{graph.strip()!r}", f"a graph with the task {TASK}")
    if parents := list(dag.pred[TASK]):
        raise validation.refuse("graph", f"{', '.join(parents)} -> {TASK}", f"no arrow into the task {TASK}")
    return dag


def _checked(dag: nx.DiGraph, tables: Mapping[str, ArrayLike]) -> dict[str, Array]:
    if set(tables) != set(dag):
        missing, unknown = (", ".join(n for n in a if n not in b) or "none" for a, b in ((dag, tables), (tables, dag)))
        raise validation.refuse("tables", f"missing {missing}, unknown {unknown}", f"one of each of {', '.join(dag)}")
    laws = {n: validation.pmf(f"tables[{n!r}]", tables[n], len(dag.pred[n]) + 1, axis=-1) for n in dag}
    for node, law in laws.items():
        expected = (*(laws[parent].shape[-1] for parent in dag.pred[node]), law.shape[-1])
        if law.shape != expected:
            axes = ", ".join((*dag.pred[node], node))
            raise validation.refuse(f"tables[{node!r}]", f"shape {law.shape}", f"shape {expected}, of {axes}")
    return dict(zip(laws, validation.one_dtype(*laws.values()), strict=True))
