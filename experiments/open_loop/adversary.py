"""Random pipelines, and the largest gain of information that an adversary finds in each.

The adversary chooses all tables p(node|parents): gradient ascent on I(X;after) − I(X;before), from random tables.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import networkx as nx
import numpy as np
from jax import Array
from jaxtyping import Float, Int

from experiments.harness.study import generator, study
from theory import Closed, Pipeline
from theory.measures import product_divergence

ARROW = 0.45  # the probability of each arrow that the order of the nodes allows
SCALE, STEP, MOMENTUM, LARGEST = 3.0, 1.5, 0.9, 30.0  # of logits, at the start and in the ascent


class Graph(NamedTuple):
    """A pipeline of binary nodes, numbered in causal order."""

    parents: np.ndarray  # whether there is an arrow [node, from]
    task: int
    after: int
    before: tuple[int, ...]

    def named(self) -> tuple[Pipeline, list[str], str]:
        """The pipeline, `before` and `after`, as a user declares them."""
        name = {node: f"V{node}" for node in range(len(self.parents))} | {self.task: "X"}
        arrows = (f"{name[cause]} -> {name[node]}" for node, cause in np.argwhere(self.parents).tolist())
        return Pipeline("; ".join((*name.values(), *arrows))), [name[b] for b in self.before], name[self.after]

    def leaking(self) -> "Graph":
        """With an arrow from the task to `after`."""
        parents = self.parents.copy()
        parents[self.after, self.task] = True
        return self._replace(parents=parents)


class Sweep(NamedTuple):
    """What is declared of each pipeline, and what the adversary gains in it, in nats."""

    graphs: list[Graph]
    closed: np.ndarray  # whether some nodes of `before`, or none, separate X from `after` [graph]
    whole: np.ndarray  # whether all of them do [graph]
    gain: np.ndarray  # [graph]
    setting: str


@study(
    "open-loop/adversary",
    num_graphs=200,
    num_nodes=5,
    num_starts=48,  # many short ascents: where all of the information goes by an exclusive or, few starts find it
    num_steps=25,
    full={"num_graphs": 1000, "num_starts": 96, "num_steps": 100},
)
def sweep(key: Array, leak: bool, *, num_graphs: int, num_nodes: int, num_starts: int, num_steps: int) -> Sweep:
    """Random pipelines, the same ones for both; `leak`: an arrow X → after is there that the declaration lacks."""
    graph_key, start_key = jax.random.split(key)
    rng = generator(graph_key)
    graphs = [_random(rng, num_nodes) for _ in range(num_graphs)]
    closed, whole = np.array([_declared(graph) for graph in graphs]).T
    true = [graph.leaking() for graph in graphs] if leak else graphs
    rows, after, before = (np.stack(arrays) for arrays in zip(*map(_indices, true), strict=True))
    starts = SCALE * jax.random.normal(start_key, (num_graphs, num_starts, num_nodes, 2**num_nodes))
    gain = np.asarray(_ascend(starts, rows, after, before, num_steps))
    setting = f"{num_graphs} random pipelines of {num_nodes} binary nodes, {num_starts} ascents of {num_steps} steps"
    return Sweep(graphs, closed, whole, gain, setting)


def _random(rng: np.random.Generator, num_nodes: int) -> Graph:
    """The task comes before `after`; one or two of the other nodes are `before`."""
    parents = np.tril(rng.random((num_nodes, num_nodes)) < ARROW, -1)
    task, after = np.sort(rng.choice(num_nodes, 2, replace=False)).tolist()
    others = [node for node in range(num_nodes) if node not in (task, after)]
    return Graph(parents, task, after, tuple(rng.choice(others, rng.integers(1, 3), replace=False).tolist()))


def _declared(graph: Graph) -> tuple[bool, bool]:
    """Whether the pipeline is closed, and whether all of `before` separates X from `after`."""
    pipeline, before, after = graph.named()
    whole = nx.is_d_separator(pipeline.dag, {"X"}, {after}, set(before))
    return isinstance(pipeline.criterion(before, after), Closed), whole


def _indices(graph: Graph) -> tuple[np.ndarray, ...]:
    """Of each state of all nodes: the row of each node's table, and the cells of p(x, after) and p(x, before)."""
    bit = 1 << np.arange(len(graph.parents))
    states = np.arange(2 ** len(bit))
    bits = (states[:, None] & bit) > 0
    x = 4 * bits[:, graph.task]
    before = sum(bits[:, node] << place for place, node in enumerate(graph.before))
    return (graph.parents @ bit)[:, None] & states, x + bits[:, graph.after], x + before


@jax.jit
def _information(probs: Float[Array, " state"], cells: Int[Array, " state"]) -> Float[Array, ""]:
    return product_divergence(jnp.zeros(8, probs.dtype).at[cells].add(probs).reshape(2, 4))


def _gain(logits: Float[Array, "node row"], rows: Array, after: Array, before: Array) -> Float[Array, ""]:
    """I(X;after) − I(X;before)."""
    num_nodes, size = logits.shape
    ones = (np.arange(size) >> np.arange(num_nodes)[:, None]) & 1
    row = jnp.take_along_axis(logits, rows, 1)
    probs = jnp.exp(jax.nn.log_sigmoid(jnp.where(ones == 1, row, -row)).sum(0))
    return _information(probs, after) - _information(probs, before)


@jax.jit
def _ascend(starts: Array, rows: Array, after: Array, before: Array, num_steps: int) -> Float[Array, " graph"]:
    """The largest gain over the starts, by steps of one length with momentum."""

    def ascend(logits: Array, *graph: Array) -> Array:
        def step(_: int, now: tuple[Array, Array]) -> tuple[Array, Array]:
            logits, velocity = now
            velocity = MOMENTUM * velocity + jax.grad(_gain)(logits, *graph)
            moved = logits + STEP * velocity / (1e-6 + jnp.linalg.norm(velocity))
            return jnp.clip(moved, -LARGEST, LARGEST), velocity

        logits, _ = jax.lax.fori_loop(0, num_steps, step, (logits, jnp.zeros_like(logits)))
        return _gain(logits, *graph)

    over_starts = jax.vmap(ascend, (0, None, None, None))
    return jax.vmap(over_starts)(starts, rows, after, before).max(1)
