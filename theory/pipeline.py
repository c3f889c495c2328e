"""Whether a pipeline can learn: d-separation of the task X from a model, and what enters where they are not separated.

A pipeline is a causal graph: an arrow from what is used to what is made of it. The task X is a node without parents.
"""

import re
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import islice, pairwise, product
from math import inf, prod
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
            by = self._separator(target, (TASK,), (), given)
            return Closed(tuple(n for n in given if n in (by or ())))
        separator = self._separator(target, (TASK,), given, self.dag)
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
        return self._separator((TASK,), target, given, given) is not None

    def _separator(self, a: Iterable[str], b: Iterable[str], given: Iterable[str], among: Iterable[str]):
        """The nodes nearest to `a` that d-separate it from `b`: all of `given`, and no more `among` than it takes.

        None where there are none. In linear time, where that of networkx is quadratic.
        """
        a, b, known = set(a), set(b), set(given)
        inside = self._upstream({*a, *b, *known})
        separator = (known | set(among)) & inside - a - b
        near = self._reached(a, inside, separator)
        if near & b:
            return None
        separator &= near | known
        return separator & (self._reached(b, inside, separator) | known)

    def _upstream(self, nodes: Iterable[str]) -> set[str]:
        """Nodes and their ancestors."""
        queue = list(nodes)
        seen = set(queue)
        while queue:
            new = self.dag.pred[queue.pop()].keys() - seen
            seen |= new
            queue += new
        return seen

    def _reached(self, start: Iterable[str], inside: set[str], blocked: set[str]) -> set[str]:
        """What a Bayes ball reaches inside: it passes all nodes but the blocked ones, from which it turns back."""
        queue = [(into, node) for node in start for into in (True, False)]
        seen = set(queue)
        while queue:
            into, node = queue.pop()
            steps = self._onward(into, node, node not in blocked, True)
            new = [step for step in steps if step[1] in inside and step not in seen]
            seen.update(new)
            queue += new
        return {node for _, node in seen}

    def _onward(self, into: bool, node: str, passes: bool, meets: bool) -> list[tuple[bool, str]]:
        """Steps (into, node) that follow a step into a node, or out of it against an arrow.

        Those that `pass` it, and those from which two arrows `meet` in it.
        """
        back = [(False, n) for n in self.dag.pred[node]] if (meets if into else passes) else []
        return back + [(True, n) for n in self.dag.succ[node]] * passes

    def _trails(self, target: Sequence[str], given: Sequence[str]) -> Iterator[str]:
        """Active trails, the shortest first: by A*, where what is ahead may lead back to a node of the trail."""
        told = self._upstream(given)

        def onward(into: bool, node: str) -> list[tuple[bool, str]]:
            return self._onward(into, node, node not in given, node in told)

        queue = deque(step for node in target for step in self._onward(False, node, True, True))
        far = dict.fromkeys(queue, 1)  # from a target, by a last step into or out of a node
        while queue:
            last = queue.popleft()
            if last[1] not in (TASK, *target):
                new = [step for step in onward(*last) if step not in far]
                far |= dict.fromkeys(new, far[last] + 1)
                queue += new

        def ahead(into: bool, node: str) -> float | int:
            passes = {True: node in told if into else node not in given, False: node not in given}
            return (
                0
                if node in target
                else min((far.get((back, node), inf) for back in passes if passes[back]), default=inf)
            )

        beginnings: list[tuple[float | int, int, tuple[str, ...], bool]] = [(0, 0, (TASK,), False)]
        for _ in range(MAX_EXTENSIONS):
            if not beginnings:
                return
            *_, trail, into = heappop(beginnings)
            if trail[-1] in target:
                yield self._arrows(trail)
                continue
            for step in onward(into, trail[-1]):
                if step[1] not in trail and (rest := ahead(*step)) < inf:
                    heappush(beginnings, (len(trail) + rest, -len(trail), (*trail, step[1]), step[0]))

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
    distributions = {n: validation.pmf(f"tables[{n!r}]", tables[n], len(dag.pred[n]) + 1, axis=-1) for n in dag}
    for node, probs in distributions.items():
        expected = (*(distributions[parent].shape[-1] for parent in dag.pred[node]), probs.shape[-1])
        if probs.shape != expected:
            axes = ", ".join((*dag.pred[node], node))
            raise validation.refuse(f"tables[{node!r}]", f"shape {probs.shape}", f"shape {expected}, of {axes}")
    return dict(zip(distributions, validation.one_dtype(*distributions.values()), strict=True))
