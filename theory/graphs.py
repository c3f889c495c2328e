"""The text of a causal graph: "X -> D -> Z0; X, Z0 -> S0", names, and what is said of a graph with a loop."""

import re
from collections.abc import Iterable, Sequence
from itertools import pairwise, product
from textwrap import shorten

import networkx as nx

from theory import validation

TASK = "X"
NAME = re.compile(r"[A-Za-z]\w*", re.ASCII)
QUOTED = re.compile(r"[\w.:/()' -]+")
SYNTAX = (
    'chains of names and arrows, such as "X -> D -> Z0; X, Z0 -> S0"; other names in quotes, of letters, digits, blanks'
)


def names(nodes: str) -> list[str]:
    """The names between the commas of a text, without their quotes."""
    return [_unquoted(name.strip()) for name in nodes.split(",")] if nodes.strip() else []


def _unquoted(name: str) -> str:
    return name[1:-1].strip() if len(name) > 1 and name[0] == name[-1] == '"' else name


def shown(name: str) -> str:
    """A name as it stands in a graph."""
    return name if NAME.fullmatch(name) else f'"{name}"'


def listed(nodes: Iterable[str]) -> str:
    """Names between commas."""
    return ", ".join(map(shown, nodes))


def given_text(node: str, known: Sequence[str]) -> str:
    """What stands behind the semicolon in I(X;node|known)."""
    return shown(node) + ("|" + ",".join(map(shown, known)) if known else "")


def parse(graph: str) -> nx.DiGraph:
    """The graph that a text describes; raises where it has a loop, or no task."""
    if not isinstance(graph, str):
        raise validation.refuse("graph", type(graph).__name__, SYNTAX)
    dag = nx.DiGraph()
    for chain in filter(str.strip, re.split(r"[;\n]", graph)):
        groups = [[name.strip() for name in group.split(",")] for group in chain.split("->")]
        for name in (name for group in groups for name in group):
            if not (NAME if _unquoted(name) == name else QUOTED).fullmatch(_unquoted(name)):
                raise validation.refuse("graph", f"{name!r} in {chain.strip()!r}", SYNTAX)
        groups = [list(map(_unquoted, group)) for group in groups]
        for group in groups:
            dag.add_nodes_from(group)
        for parents, children in pairwise(groups):
            dag.add_edges_from(product(parents, children))
    if not nx.is_directed_acyclic_graph(dag):
        cycle = [u for u, _ in nx.find_cycle(dag)]
        given = f"the cycle {' -> '.join(map(shown, (*cycle, cycle[0])))}"
        raise validation.refuse("graph", given, f"a graph without cycles{_unrolled(dag)}")
    if TASK not in dag:
        raise validation.refuse("graph", f"{graph.strip()!r}", f"a graph with the task {TASK}")
    return dag


def _unrolled(dag: nx.DiGraph) -> str:
    """The loops as two generations: arrows back lead into the next one, inputs enter both.

    The first input of the node at which a loop begins enters at the start alone.
    """
    looped = {n for part in nx.strongly_connected_components(dag) if len(part) > 1 for n in part}
    looped |= set(nx.nodes_with_selfloops(dag))
    if TASK in looped:
        return f", in which nothing that is made of {TASK} is a cause of it"
    from_task = nx.DiGraph([(TASK, TASK), *dag.edges])
    place = {node: -i for i, node in enumerate(nx.dfs_postorder_nodes(from_task))}
    back = {(u, v) for u, v in dag.edges if place[u] >= place[v]}
    start = {(next((n for n in dag.pred[v] if n not in looped), v), v) for _, v in back}
    chains: list[list[str]] = []
    for t, (u, v) in product((0, 1), dag.edges):
        if t == 1 and ((u, v) in back | start or not looped & {u, v}):
            continue
        ends = [f"{n}{'_' * n[-1].isdigit()}{i}" if n in looped else n for n, i in ((u, t), (v, t + ((u, v) in back)))]
        if chains and chains[-1][-1] == ends[0]:
            chains[-1].append(ends[1])
        else:
            chains.append(ends)
    text = "; ".join(" -> ".join(map(shown, chain)) for chain in chains)
    return f", such as its generations one by one: {shorten(text, 400, placeholder=' …')!r}"
