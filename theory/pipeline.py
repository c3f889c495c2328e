"""Whether a pipeline can learn: d-separation of the task X from a model, and what enters where they are not separated.

A pipeline is a causal graph: an arrow from what is used to what is made of it. X is a node like any other, with causes
or without.

References:
    Pearl (2009), Causality, sections 1.2.2 and 1.2.3: factorisation and d-separation.
    van der Zander & Liśkiewicz (2020), Finding minimal d-separators in linear time and applications.
    Cover & Thomas (2006), Elements of Information Theory, section 2.5 and theorem 2.5.2.
    Li, Sun & Deng (2026), An information-theoretic criterion for efficient data synthesis, arXiv:2605.16379.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice, pairwise
from math import prod
from typing import Any, NamedTuple

import jax.numpy as jnp
import networkx as nx
from jax import Array
from jaxtyping import Float

from theory import measures, validation
from theory.graphs import TASK, given_text, listed, names, parse, shown
from theory.validation import ArrayLike

MAX_ENTRIES = 10**8  # of a table: 0.8 GB
MAX_PATHS = 20

Nodes = str | Sequence[str]  # names between commas, or one by one


class Closed(NamedTuple):
    """A part of `before` d-separates X from `after`: I(X;after|by) = 0, so I(X;after) ≤ I(X;by) ≤ I(X;before).

    None of the nodes of `by` is idle; with none of them X and `after` are independent.
    """

    by: tuple[str, ...]


class Entry(NamedTuple):
    """A node by which information enters: I(X;node|known), that is not zero for all tables."""

    node: str
    known: tuple[str, ...]

    def __str__(self) -> str:
        return f"I({TASK};{given_text(self.node, self.known)})"


class Open(NamedTuple):
    """No part of `before` d-separates X from `after`: I(X;after) ≤ I(X;before) + bound, and some tables do gain.

    `through` is the separator nearest to `after`, empty where there is none; `paths` are active trails, for each arrow
    at X the shortest over it.
    """

    through: tuple[str, ...]
    bound: str
    paths: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Pipeline:
    """A causal graph and, if numbers are wanted, the distribution of every node given its parents.

    Args:
        graph: Chains of arrows between `;` or line ends, such as "X -> D -> Z0; X, Z0 -> S0": commas join several
            parents, or several children; a name alone is a node too. X is the task. A name with blanks or signs stands
            in quotes, "my model", here and in what is printed.
        tables: For each node p[parents…, node]: an axis for each parent, in the order in which the arrows into the
            node stand in the text, and its own axis last; None: the graph alone.
    """

    graph: str
    tables: Mapping[str, ArrayLike] | None = None
    dag: nx.DiGraph = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "dag", nx.freeze(parse(self.graph)))
        if self.tables is not None:
            object.__setattr__(self, "tables", _checked(self.dag, self.tables))

    @property
    def noise(self) -> tuple[str, ...]:
        """The roots from which no arrows lead to X: independent of X, so noise; a model among them knows nothing."""
        causes = self._upstream([TASK])
        return tuple(node for node in self.dag if not self.dag.pred[node] and node not in causes)

    def criterion(self, before: Nodes, after: Nodes) -> Closed | Open:
        """Whether `after` can know about X what `before` does not.

        Closed if and only if a part of `before` d-separates X from `after`. Then no tables gain:
        I(X;after) ≤ I(X;by) ≤ I(X;before). If no part does, I(X;after) > I(X;before) for some tables, of nodes with as
        many values as it takes. Proof, in Gaussians, or fine lattices of them: all but the ancestors of X and `after`
        are constant, and an active trail is left, with sources U_0…U_k and colliders C_j = U_{j−1} + U_j, which are
        ancestors of `after`, not by way of X, or else of X; at worst all are in `before`. Let T = Σ (−1)^j C_j over
        the latter alone. If the trail enters X, let X = U_0 + T, so that `after`, which holds the other C_j and U_k,
        knows X, and `before` does not. If it leaves X = U_0, let X = N + T with noise N of its own: `after` knows
        C_1 = X + U_1 and T − U_1, `before` C_1 and T. As the variances of U_2…U_k grow, with U_1 at 1 and N at s²,
        var(X|before) tends to s²/(1+s²), where var(X|after) ≤ s²/(4+s²). Tests build this for random graphs.

        Open, I(X;after) ≤ I(X;before) + I(X;through|before), by the chain rule and data processing, where `through` and
        `before` together d-separate X from `after`. The bound is I(X;through|before) by the chain rule, in topological
        order, without the terms that d-separation makes zero.

        Of the minimal sets that separate, `through` is the one nearest to `after`: neighbours of `after` in the moral
        graph of the ancestors. None lets less through: whatever separates X from `after` also separates X from it.
        There is none where an arrow joins X and `after`, or both have a child from which arrows lead to `before`, or
        which is in it: H(X|before) bounds.

        Args:
            before: Nodes, possibly none.
            after: Nodes, none of them in `before`.

        Returns:
            `Closed` or `Open`, the latter with at most 20 active trails from X to `after`, the shortest first; a trail
            with an arrow walked backwards reads "X -> S <- D -> Z".
        """
        given, target = self._question(before, after)
        by = self._separator(target, (TASK,), (), given)
        if by is not None:
            return Closed(tuple(n for n in given if n in by))
        separator = self._separator(target, (TASK,), given, self.dag)
        through = self._sorted((separator or set()) - set(given))
        bound = " + ".join(map(str, self._chain(through, given))) or f"H({given_text(TASK, given)})"
        return Open(through, bound, tuple(islice(self._trails(target, given), MAX_PATHS)))

    def entries(self, before: Nodes, after: Nodes, among: Nodes | None = None) -> tuple[Entry, ...] | None:
        """Where information enters: I(X;after) ≤ I(X;before) + Σ I(X;node|known), over the separator nearest to X.

        The terms are those of the chain rule, in topological order, that d-separation does not make zero. They are
        looser than the bound of `criterion`, whose separator is the one nearest to `after`, and name the signals
        themselves rather than what is made of them.

        Args:
            before: Nodes, possibly none.
            after: Nodes, none of them in `before`.
            among: The nodes that may be in the separator; None: all.

        Returns:
            The terms, none where the pipeline is closed; None where no nodes of `among` separate.
        """
        given, target = self._question(before, after)
        allowed = tuple(self.dag) if among is None else self._nodes("among", among)
        if self._separator(target, (TASK,), (), given) is not None:
            return ()
        separator = self._separator((TASK,), target, given, allowed)
        return None if separator is None else self._chain(self._sorted(separator - set(given)), given)

    def joint(self, nodes: Nodes) -> Float[Array, "..."]:
        """p[nodes…] = Σ Π p(node|parents), over the other ancestors: one axis a node, in the order given.

        Raises:
            ValueError: Where there are no tables, or a table of the sum would have more than 10⁸ entries.
        """
        names = self._nodes("nodes", nodes)
        if not names:
            raise validation.refuse("nodes", "no node", "at least one")
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
        """I(a;b|given), in nats, exact to rounding, of nodes as `joint` has them; `given` may be none."""
        groups = [self._nodes(name, nodes) for name, nodes in (("a", a), ("b", b), ("given", given))]
        joint = self.joint(tuple(n for group in groups for n in group))
        sizes, shape = iter(joint.shape), []
        for group in groups:
            shape.append(prod(islice(sizes, len(group))))
        return measures.conditional_mutual_information(joint.reshape(shape))

    def bound(self, before: Nodes, after: Nodes) -> Float[Array, ""]:
        """The number that the bound of `criterion` is, in nats: I(X;after) − I(X;before) is at most this; 0 if closed.

        I(X;through|before), or H(X|before) = H(X,before) − H(before) where nothing separates.
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
        found = names(nodes) if isinstance(nodes, str) else nodes
        if not isinstance(found, Sequence) or not all(isinstance(n, str) for n in found):
            raise validation.refuse(name, type(nodes).__name__, "names of nodes between commas, or a list of them")
        if unknown := [n for n in found if n not in self.dag]:
            raise validation.refuse(name, listed(unknown), f"nodes of the graph: {listed(self.dag)}")
        if len(set(found)) < len(found):
            raise validation.refuse(name, listed(found), "each node once")
        return tuple(found)

    def _question(self, before: Nodes, after: Nodes) -> tuple[tuple[str, ...], tuple[str, ...]]:
        given, target = self._nodes("before", before), self._nodes("after", after)
        for name, nodes, others in (("before", given, ()), ("after", target, given)):
            if taken := {TASK, *others} & set(nodes):
                raise validation.refuse(name, listed(taken), f"nodes other than {listed((TASK, *others))}")
        if not target:
            raise validation.refuse("after", "no node", "at least one")
        return given, target

    def _sorted(self, nodes: set[str]) -> tuple[str, ...]:
        return tuple(n for n in nx.topological_sort(self.dag) if n in nodes)

    def _chain(self, nodes: Sequence[str], given: tuple[str, ...]) -> tuple[Entry, ...]:
        """The terms of I(X;nodes|given) by the chain rule that d-separation does not make zero."""
        chain = (Entry(node, (*given, *nodes[:i])) for i, node in enumerate(nodes))
        return tuple(entry for entry in chain if not self._separated((entry.node,), entry.known))

    def _separated(self, target: Sequence[str], given: Sequence[str]) -> bool:
        return self._separator((TASK,), target, given, given) is not None

    def _separator(self, a: Iterable[str], b: Iterable[str], given: Iterable[str], among: Iterable[str]):
        """The nodes nearest to `a` that d-separate it from `b`: all of `given`, and no more `among` than it takes.

        None where there are none. In linear time, where that of networkx is quadratic: .6 s and 68 s for 9,000 nodes.
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
        """For each arrow at X the shortest active trail over it, the shortest first: a Bayes ball from `after`.

        No node stands twice on a trail: without the part in between it would be active too, and shorter.
        """
        informed = self._upstream(given)  # where two arrows meet and the trail goes on
        queue = deque((False, node) for node in target)
        onto: dict[tuple[bool, str], tuple[bool, str] | None] = dict.fromkeys(queue)
        entered: set[str] = set()
        while queue:
            step = into, node = queue.popleft()
            for new in self._onward(into, node, node not in given, node in informed):
                if new[1] == TASK and node not in entered:
                    entered.add(node)
                    trail, at = [TASK], step
                    while at is not None:
                        trail.append(at[1])
                        at = onto[at]
                    yield self._arrows(trail)
                elif new[1] not in (TASK, *target) and new not in onto:
                    onto[new] = step
                    queue.append(new)

    def _arrows(self, trail: Sequence[str]) -> str:
        arrows = (f" {'->' if self.dag.has_edge(u, v) else '<-'} {shown(v)}" for u, v in pairwise(trail))
        return shown(trail[0]) + "".join(arrows)


def _checked(dag: nx.DiGraph, tables: Mapping[str, ArrayLike]) -> dict[str, Array]:
    if not isinstance(tables, Mapping):
        raise validation.refuse("tables", type(tables).__name__, "a table for each node, by name")
    if set(tables) != set(dag):
        missing, unknown = (listed(n for n in a if n not in b) or "none" for a, b in ((dag, tables), (tables, dag)))
        raise validation.refuse("tables", f"missing {missing}, unknown {unknown}", f"one of each of {listed(dag)}")
    distributions = {n: validation.pmf(f"tables[{n!r}]", tables[n], len(dag.pred[n]) + 1, axis=-1) for n in dag}
    for node, table in distributions.items():
        expected = (*(distributions[parent].shape[-1] for parent in dag.pred[node]), table.shape[-1])
        if table.shape != expected:
            axes = listed((*dag.pred[node], node))
            raise validation.refuse(f"tables[{node!r}]", f"shape {table.shape}", f"shape {expected}, of {axes}")
    return dict(zip(distributions, validation.one_dtype(*distributions.values()), strict=True))
