"""Pipelines that must be open or closed, and random ones against distributions computed here and by dit."""

from itertools import chain, combinations

import jax
import jax.numpy as jnp
import networkx as nx
import numpy as np
import pytest
from hypothesis import given
from oracles import EXACT, close, dit_information
from strategies import SEEDS

import theory
from theory import Closed, Open, Pipeline

NODES = ("X", "A", "B", "C", "D", "E")
EXAMPLE = "X -> D -> Z0 -> D0 -> Z1; X -> S0; D0 -> S0; S0 -> Z1"


def subsets(items):
    return chain.from_iterable(combinations(items, n) for n in range(len(items) + 1))


def random_pipeline(seed):
    """Six binary nodes, X first or, half the time, anywhere; the arrows and the tables come from the seed."""
    rng = np.random.default_rng(seed)
    density, order = rng.uniform(0.2, 0.6), rng.permutation(NODES) if seed % 2 else NODES
    arrows = [f"{order[i]} -> {order[j]}" for j in range(1, 6) for i in range(j) if rng.random() < density]
    bare = Pipeline("; ".join([", ".join(NODES), *rng.permutation(arrows)]))
    distributions = {n: rng.dirichlet([0.5, 0.5], size=(2,) * len(bare.dag.pred[n])) for n in NODES}
    return Pipeline(bare.graph, distributions), rng


def random_question(rng):
    others = sorted(rng.permutation(NODES[1:]), key="E".__ne__ if rng.random() < 0.5 else bool)  # often the last
    size = rng.choice([1, 1, 1, 2])
    return [str(n) for n in others[size : size + rng.choice([0, 0, 1, 1, 2, 3])]], [str(n) for n in others[:size]]


def full_joint(pipeline):
    """p[X, A, …, E] by plain multiplication."""
    letters = dict(zip(NODES, "xabcde", strict=True))
    terms = ["".join(letters[m] for m in (*pipeline.dag.pred[n], n)) for n in NODES]
    return np.einsum(f"{','.join(terms)}->xabcde", *(np.asarray(pipeline.tables[n]) for n in NODES))


def entropy(p, nodes):
    p = p.sum(tuple(i for i, n in enumerate(NODES) if n not in nodes))
    return -(p[p > 0] * np.log(p[p > 0])).sum()


def information(p, a, b, c):
    """I(a;b|c) = H(a,c) + H(b,c) − H(a,b,c) − H(c)."""
    a, b, c = set(a), set(b), set(c)
    return entropy(p, a | c) + entropy(p, b | c) - entropy(p, a | b | c) - entropy(p, c)


def test_all_ways_of_writing_a_graph():
    expected = set(Pipeline(EXAMPLE).dag.edges)
    for graph in (
        "X -> D -> Z0 -> D0 -> Z1\nX, D0 -> S0 -> Z1\n",
        ";X->D->Z0->D0;D0->S0,Z1;S0->Z1;X->S0;X->S0",
        " X -> D,S0 ; D -> Z0 -> D0 ; D0 -> S0 ; D0 , S0 -> Z1 ",
    ):
        assert set(Pipeline(graph).dag.edges) == expected
    assert set(Pipeline("X; A, B_1").dag) == {"X", "A", "B_1"}
    assert list(Pipeline("B -> C; X, A -> C").dag.pred["C"]) == ["B", "X", "A"]


def test_names_in_quotes():
    """Blanks and signs in a name: quoted in a graph and in what is printed, not where a name stands alone."""
    pipeline = Pipeline('X -> "human data" -> Z0; "GPT-4.1 (judge)", Z0 -> Z1; X -> "GPT-4.1 (judge)"; "A" -> Z0')
    assert set(pipeline.dag) == {"X", "human data", "Z0", "Z1", "GPT-4.1 (judge)", "A"}
    found = pipeline.criterion("Z0", "Z1")
    assert found == Open(("GPT-4.1 (judge)",), 'I(X;"GPT-4.1 (judge)"|Z0)', ('X -> "GPT-4.1 (judge)" -> Z1',))
    for before in ("human data", '"human data"', " human data ", ["human data"]):
        assert pipeline.criterion(before, "Z0") == Closed(("human data",))
    said = r'^before: "my data" was given; accepted: nodes of the graph: X, "human data"'
    with pytest.raises(ValueError, match=said):
        pipeline.criterion("Z0, my data", "Z1")


@pytest.mark.parametrize(
    ("graph", "said"),
    [
        ("X -> ", "''"),
        ("X -> D,, E", "''"),
        ("X - D", "'X - D'"),
        ("X -> 2D", "'2D'"),
        ("X -> Z′", "'Z′'"),
        ("X -> my model", "'my model'"),
        ('X -> "Z|Y"', "'\"Z|Y\"'"),
        ('X -> ""', "'\"\"'"),
        ("X -> D; D -> E -> F -> D", "the cycle D -> E -> F -> D"),
        ("X -> A -> A", "the cycle A -> A"),
        ("A -> X -> A", "nothing that is made of X is a cause of it"),
        # the loop one by one; the first input of its first node enters at the start, others twice
        ("X -> D -> Z -> D", "'X -> D0 -> Z0 -> D1 -> Z1'"),
        ("X -> D -> Z -> D; X -> S -> Z", "'X -> D0; X -> S; D0 -> Z0 -> D1; S -> Z0; D1 -> Z1; S -> Z1'"),
        ('X -> Z0 -> "my data" -> Z0', '\'X -> Z0_0 -> "my data0" -> Z0_1 -> "my data1"\''),
        ("A -> B", "the task X"),
        ("", "the task X"),
    ],
)
def test_bad_graph_is_refused(graph, said):
    with pytest.raises(ValueError, match=r"^graph: .* was given; accepted: ") as error:
        Pipeline(graph)
    assert said in str(error.value)


CHANNEL = [[0.9, 0.1], [0.2, 0.8]]


def test_a_pipeline_cannot_be_changed():
    pipeline = Pipeline("X -> D")
    with pytest.raises(nx.NetworkXError):
        pipeline.dag.add_edge("D", "E")
    with pytest.raises(AttributeError):
        pipeline.graph = "X"


SELF = "X -> D -> Z0 -> D0 -> Z1"
EARLIER = f"{SELF} -> D1 -> Z2; Z0, D1 -> S1 -> Z2"
FIXED = f"{SELF} -> D1 -> Z2; X -> J; J, D0 -> S0 -> Z1; J, D1 -> S1 -> Z2"
POOLED = "X -> D -> Z0 -> D0; D, D0 -> Z1"
FORKED = f"{EXAMPLE}; S0 -> W -> V"


@pytest.mark.parametrize(
    ("graph", "before", "after", "verdict"),
    [
        (SELF, "Z0", "Z1", Closed(("Z0",))),
        (f"{SELF}; Z0 -> S -> Z1", "Z0", "Z1", Closed(("Z0",))),  # a self-consistency judge, of candidates too
        (EARLIER, ["Z0", "Z1"], "Z2", Closed(("Z0",))),
        (FIXED, "Z0, J", "Z1, Z2", Closed(("Z0", "J"))),  # all that a fixed reward model ever carries is J
        (POOLED, "D", "Z1", Closed(("D",))),
        (f"{SELF}; X, D0 -> S0", "Z0", "Z1", Closed(("Z0",))),  # a signal that is measured and not used
        ("X, D0 -> S -> R; D0 -> Z1", "", "Z1", Closed(())),
        ("X -> D; A -> B", "", "B", Closed(())),
        ("U -> X -> D -> Z0 -> D0 -> Z1", "Z0", "Z1", Closed(("Z0",))),  # a cause of the task that nothing else uses
        ("U -> X -> D -> Z0 -> D0 -> Z1; U -> S0 -> Z1", "Z0, U", "Z1", Closed(("Z0", "U"))),
        ("A, B -> X; B -> Z", "B", "Z", Closed(("B",))),
        (EXAMPLE, "Z0", "Z1", Open(("D0", "S0"), "I(X;S0|Z0,D0)", ("X -> S0 -> Z1",))),
        (f"{SELF}; X -> F1 -> Z1", "Z0", "Z1", Open(("F1",), "I(X;F1|Z0)", ("X -> F1 -> Z1",))),  # fresh data
        (POOLED, "Z0", "Z1", Open(("D",), "I(X;D|Z0)", ("X -> D -> Z1",))),  # the pool knows what the model forgot
        (f"{SELF}; X -> Z1", "Z0", "Z1", Open((), "H(X|Z0)", ("X -> Z1",))),
        # given a score S of task and candidate the candidate D0 is informative; it carries nothing alone, nor does Z1
        ("X, D0 -> S -> R; D0 -> Z1", "R", "Z1", Closed(())),
        ("X, Z1 -> S -> R", "R", "Z1", Closed(())),
        ("X -> D -> Z1; X, Z1 -> S", "D, S", "Z1", Closed(("D",))),
        # a cipher: S is X plus a pad D0, and nothing alone; Z1 has both
        ("X, D0 -> S -> Z1; D0 -> Z1", "S", "Z1", Open(("D0",), "I(X;D0|S)", ("X -> S <- D0 -> Z1",))),
        # what causes the task, and is used by a signal
        ("U -> X -> Z0; U -> S1; Z0, S1 -> Z1", "Z0", "Z1", Open(("S1",), "I(X;S1|Z0)", ("X <- U -> S1 -> Z1",))),
        ("Z1 -> X", "", "Z1", Open((), "H(X)", ("X <- Z1",))),
        # two causes of the task, apart from each other, meet in it: known together with it
        ("A, B -> X -> R; A -> Z", "R", "Z", Open(("A",), "I(X;A|R)", ("X <- A -> Z",))),
    ],
)
def test_open_or_closed(graph, before, after, verdict):
    assert Pipeline(graph).criterion(before, after) == verdict


@pytest.mark.parametrize(
    ("graph", "before", "after", "expected"),
    [
        (EARLIER, "Z1", "Z2", {"bound": "I(X;S1|Z1,D1)"}),
        (FIXED, "Z0", "Z1", {"bound": "I(X;S0|Z0,D0)"}),
        (FIXED, "Z1", "Z2", {"bound": "I(X;S1|Z1,D1)"}),
        ("X -> Z1", "", "Z1", {"bound": "H(X)"}),
        (EXAMPLE, "", "Z1", {"bound": "I(X;D0) + I(X;S0|D0)"}),
        (EXAMPLE, (), ("D0", "S0"), {"through": ()}),
        (FORKED, "Z0", "Z1, V", {"bound": "I(X;S0|Z0,D0)", "paths": ("X -> S0 -> Z1",)}),
        ("X -> A, B; A, B -> C -> Z", "", "Z", {"paths": ("X -> A -> C -> Z", "X -> B -> C -> Z")}),
        # the separator is the nearest
        ("X -> A, B; A, B -> C -> D -> Z", "", "Z", {"through": ("D",)}),
        ("X -> A -> B -> C -> Z; A -> D -> Z", "", "Z", {"through": ("D", "C")}),
    ],
)
def test_what_opens(graph, before, after, expected):
    verdict = Pipeline(graph).criterion(before, after)
    assert {name: getattr(verdict, name) for name in expected} == expected


def test_large_graph():
    """Thousands of trails: the shortest over each arrow at X is named, at once."""
    layers = [",".join(f"N{i}_{j}" for j in range(8)) for i in range(12)]
    verdict = Pipeline(f"X -> {' -> '.join(layers)} -> Z").criterion("", "Z")
    assert len(verdict.paths) == 8 == len(verdict.through)
    assert len(Pipeline(f"X -> {','.join(f'N{i}' for i in range(30))} -> Z").criterion("", "Z").paths) == 20


@given(SEEDS)
def test_noise(seed):
    """The roots other than X that d-separation makes independent of it."""
    pipeline, _ = random_pipeline(seed)
    roots = [n for n in pipeline.dag if not pipeline.dag.pred[n] and n != "X"]
    assert pipeline.noise == tuple(n for n in roots if nx.is_d_separator(pipeline.dag, {"X"}, {n}, set()))


LONG = {
    "fresh": "X, D{0} -> S{0}",
    "fixed": "X -> J; J, D{0} -> S{0}",
    "accumulated": "X -> D; D, D{0} -> S{0}; D -> Z{1}",
}


@pytest.mark.parametrize("kind", LONG)
def test_work_is_linear(kind, monkeypatch):
    """Ten times the generations take about ten times as many steps, also where one node has a thousand children."""
    onward, produced = Pipeline._onward, []
    monkeypatch.setattr(Pipeline, "_onward", lambda *step: produced.append(len(found := onward(*step))) or found)
    work = []
    for generations in (100, 1000):
        steps = (f"Z{t} -> D{t}; {LONG[kind].format(t, t + 1)}; D{t}, S{t} -> Z{t + 1}" for t in range(generations))
        pipeline = Pipeline("X -> E -> Z0; " + "; ".join(steps))
        produced.clear()
        pipeline.criterion(f"Z{generations - 1}", f"Z{generations}")
        work.append(sum(produced) + len(produced))
    assert work[1] < 20 * work[0]


@given(SEEDS)
def test_closed_is_zero_and_open_is_bounded(seed):
    """Closed: I(X;after|by) = 0, I(X;after) ≤ I(X;before).  Open: I(X;after|before), I(X;after) − I(X;before) ≤ bound.

    `bound` is that number.
    """
    pipeline, rng = random_pipeline(seed)
    p = full_joint(pipeline)
    before, after = random_question(rng)
    verdict = pipeline.criterion(before, after)
    value = information(p, "X", after, before)
    if isinstance(verdict, Closed):
        close(information(p, "X", after, verdict.by), 0)
        assert information(p, "X", after, ()) <= information(p, "X", verdict.by, ()) + EXACT
        assert information(p, "X", verdict.by, ()) <= information(p, "X", before, ()) + EXACT
        assert pipeline.bound(before, after) == 0
        return
    left = entropy(p, {"X", *before}) - entropy(p, set(before))
    bound = information(p, "X", verdict.through, before) if verdict.through else left
    close(pipeline.bound(before, after), bound)
    assert value <= bound + EXACT
    assert information(p, "X", after, ()) <= information(p, "X", before, ()) + bound + EXACT
    terms = [term[4:-1].split("|") for term in verdict.bound.split(" + ") if term.startswith("I")]
    if terms:  # the text says the same number
        known = [given[0].split(",") if given else [] for _, *given in terms]
        close(sum(information(p, "X", [node], k) for (node, *_), k in zip(terms, known, strict=True)), bound)


@given(SEEDS)
def test_separator_is_minimal_and_the_tightest(seed):
    """It separates, without any of its nodes it does not, and no other separator lets less through."""
    pipeline, rng = random_pipeline(seed)
    dag, p = pipeline.dag, full_joint(pipeline)
    before, after = random_question(rng)
    verdict = pipeline.criterion(before, after)
    inner = sorted(set(NODES) - {"X", *before, *after})
    separators = [s for s in subsets(inner) if nx.is_d_separator(dag, {"X"}, set(after), {*before, *s})]
    if isinstance(verdict, Closed):
        return
    if not verdict.through:
        assert not separators
        return
    through = set(verdict.through)
    assert through in map(set, separators)
    assert not any(set(s) < through for s in separators)
    bound = information(p, "X", through, before)
    assert all(bound <= information(p, "X", s, before) + EXACT for s in separators)


@given(SEEDS)
def test_trails_are_the_shortest_over_each_arrow(seed):
    """By the collider rule, among all simple paths: for each arrow at X one as short as any, where open."""
    pipeline, rng = random_pipeline(seed)
    dag = pipeline.dag
    before, after = random_question(rng)
    verdict = pipeline.criterion(before, after)
    if isinstance(verdict, Closed):
        return

    def active(u, v, w):
        if dag.has_edge(u, v) and dag.has_edge(w, v):
            return bool(({v} | nx.descendants(dag, v)) & set(before))
        return v not in before

    shortest = {}
    for path in nx.all_simple_paths(dag.to_undirected(), "X", after):
        if all(map(active, path, path[1:], path[2:])):
            shortest[path[1]] = min(len(path), shortest.get(path[1], 9))
    named = [trail.split()[::2] for trail in verdict.paths]
    assert named
    assert {path[1]: len(path) for path in named} == shortest and len(named) == len(shortest)
    assert [len(path) for path in named] == sorted(shortest.values())
    assert all(path[-1] in after and len({*path}) == len(path) for path in named)
    assert all(active(*steps) for path in named for steps in zip(path, path[1:], path[2:], strict=False))


EXACT_TABLES = {
    "X": [0.5, 0.5],
    "D": CHANNEL,
    "Z0": CHANNEL,
    "D0": CHANNEL,
    "S0": [[[0.99, 0.01], [0.9, 0.1]], [[0.1, 0.9], [0.01, 0.99]]],  # x, d0
    "Z1": [[[0.95, 0.05], [0.2, 0.8]], [[0.8, 0.2], [0.05, 0.95]]],  # d0, s0
}


def test_dropping_the_condition_twin():
    """I(X;Z1|Z0) ≤ I(X;S0|Z0,D0) for the open example; what ignores the signal, I(X;D0|Z0) = 0, bounds nothing."""
    pipeline = Pipeline(EXAMPLE, EXACT_TABLES)
    gain = pipeline.information("X", "Z1", given="Z0")
    assert 0.1 < gain <= pipeline.bound("Z0", "Z1") + EXACT
    assert pipeline.information("X", "D0", given="Z0") < 1e-15
    assert pipeline.information("X", "Z1") > pipeline.information("X", "Z0")  # the loop has learned


def test_dit_agrees():
    pipeline = Pipeline(EXAMPLE, EXACT_TABLES)
    names = ("X", "D", "Z0", "D0", "S0", "Z1")
    joint = np.asarray(pipeline.joint(names))
    for target, given_, axes in (("Z1", "Z0", ([5], [2])), ("Z0", "", ([2], [])), ("D0, S0", "Z0", ([3, 4], [2]))):
        close(pipeline.information("X", target, given_), dit_information(joint, [0], *axes))
    close(pipeline.bound("Z0", "Z1"), dit_information(joint, [0], [4], [2, 3]))
    direct = Pipeline("X -> Z0; X -> Z1", {"X": [0.3, 0.7], "Z0": CHANNEL, "Z1": CHANNEL})
    close(direct.bound("Z0", "Z1"), theory.entropy([0.3, 0.7]) - direct.information("X", "Z0"))
    close(direct.bound("", "Z1"), theory.entropy([0.3, 0.7]))
    assert Pipeline("X -> D -> Z", {"X": [0.5, 0.5], "D": CHANNEL, "Z": CHANNEL}).bound("D", "Z") == 0


@pytest.mark.parametrize("seed", range(3))
def test_numbers_agree_with_plain_multiplication(seed):
    pipeline, rng = random_pipeline(seed)
    p = full_joint(pipeline)
    close(pipeline.joint(NODES), p)
    before, after = random_question(rng)
    close(pipeline.joint(["E", "X"]), p.sum((1, 2, 3, 4)).T)
    close(pipeline.information("X", after, before), information(p, "X", after, before))
    assert pipeline.information("X", after, before) <= pipeline.bound(before, after) + EXACT


def test_derivative():
    """Of the information by a table: differences agree."""

    def gain(e):
        probs = jnp.array(CHANNEL) + e * jnp.array([[-1.0, 1.0], [0.0, 0.0]])
        return Pipeline("X -> D -> Z", {"X": [0.5, 0.5], "D": probs, "Z": CHANNEL}).information("X", "Z")

    np.testing.assert_allclose(jax.grad(gain)(0.0), (gain(1e-6) - gain(-1e-6)) / 2e-6, atol=1e-8)
