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
        # a score S of task and candidate: given S, but not without it, D0 depends on X; Z1 alone knows nothing
        ("X, D0 -> S -> R; D0 -> Z1", "R", "Z1", Closed(())),
        ("X, Z1 -> S -> R", "R", "Z1", Closed(())),
        ("X -> A -> Z; X, U -> B; U -> Z", "A, B", "Z", Closed(("A",))),  # of A and B, A alone separates
        ("X, U -> B; B, U -> Z", "B", "Z", Open(("U",), "I(X;U|B)", ("X -> B <- U -> Z",))),  # a cipher and its key
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
    """Closed: I(X;after|by) = 0, no gain.  Open: I(X;after|before) ≤ bound, I(X;after) ≤ I(X;before) + bound."""
    pipeline, rng = random_pipeline(seed)
    p = full_joint(pipeline)
    before, after = random_question(rng)
    verdict = pipeline.criterion(before, after)
    gain = information(p, "X", after, ()) - information(p, "X", before, ())
    entries = pipeline.entries(before, after)
    if isinstance(verdict, Closed):
        close(information(p, "X", after, verdict.by), 0)
        assert gain <= EXACT and entries == () and pipeline.bound(before, after) == 0
        return
    value = information(p, "X", after, before)
    left = entropy(p, {"X", *before}) - entropy(p, set(before))
    bound = information(p, "X", verdict.through, before) if verdict.through else left
    assert value <= bound + EXACT and gain <= bound + EXACT
    terms = [term[4:-1].split("|") for term in verdict.bound.split(" + ") if term.startswith("I")]
    if terms:  # the text says the same number
        known = [given[0].split(",") if given else [] for _, *given in terms]
        close(sum(information(p, "X", [node], k) for (node, *_), k in zip(terms, known, strict=True)), bound)
    assert (entries is None) == (verdict.through == ())
    if entries:  # nearer to X: no less
        assert bound <= sum(information(p, "X", [e.node], e.known) for e in entries) + EXACT


@given(SEEDS)
def test_closed_if_and_only_if_a_part_of_before_separates(seed):
    """All parts, by networkx; `by` is one of them, without an idle node."""
    pipeline, rng = random_pipeline(seed)
    for _ in range(5):
        before, after = random_question(rng)
        parts = [set(s) for s in subsets(before) if nx.is_d_separator(pipeline.dag, {"X"}, set(after), set(s))]
        verdict = pipeline.criterion(before, after)
        assert isinstance(verdict, Closed) == bool(parts)
        if parts:
            assert set(verdict.by) in parts and not any(part < set(verdict.by) for part in parts)


def gaining(dag, before, after, scale=1e3):
    """var(X|before) and var(X|after) of the Gaussians in the proof, which gain: a node is the forms that it carries.

    Forms are linear in independent noises: U_0 … U_k, of variance 1, 1, scale², …, and N as the last.
    """
    inside = {"X", *after}.union(*(nx.ancestors(dag, n) for n in ("X", *after)))
    informed = set(before).union(*(nx.ancestors(dag, n) for n in before)) & inside
    informed = {n for n in informed if ({n} | nx.descendants(dag, n)) & set(before) & inside}

    def active(u, v, w):
        return v in informed if dag.has_edge(u, v) and dag.has_edge(w, v) else v not in before

    trails = nx.all_simple_paths(dag.subgraph(inside).to_undirected(), "X", after)
    trails = (t for t in trails if not set(t[:-1]) & set(after) and all(map(active, t, t[1:], t[2:])))
    trail = next(trails, None)
    if trail is None:
        return None
    ends = list(zip(trail, trail[1:], trail[2:], strict=False))
    colliders = [v for u, v, w in ends if dag.has_edge(u, v) and dag.has_edge(w, v)]
    leaves = dag.has_edge("X", trail[1])
    noise = np.diag([1.0, 1.0, *[scale] * max(len(colliders) - 1, 0), 0.7])
    sources = list(noise[: len(colliders) + 1])
    carried = {n: [] for n in dag}
    downstream = dag.subgraph(set(dag) - {"X"})
    to_after, shift = {}, 0 * noise[0]
    for j, c in enumerate(colliders, 1):
        to_after[c] = next((nx.shortest_path(downstream, c, a) for a in after if nx.has_path(downstream, c, a)), None)
        if to_after[c] is None and not (leaves and j == 1):
            assert nx.has_path(dag, c, "X")
            shift = shift + (-1) ** j * (sources[j - 1] + sources[j])
    x = (noise[-1] if leaves else sources[0]) + shift
    sources[0] = x if leaves else sources[0]
    place = 0
    for node in trail[1:]:
        if node in colliders:
            place += 1
            form = sources[place - 1] + sources[place]
            for n in to_after[node] or nx.shortest_path(dag, node, "X")[:-1]:
                carried[n].append(form)
        else:
            carried[node].append(sources[place])

    def left(nodes):
        forms = np.array([x * 0, *(form for n in nodes for form in carried[n])])
        return ((x - np.linalg.lstsq(forms.T, x, rcond=1e-13)[0] @ forms) ** 2).sum()

    return left(before), left(after)


@given(SEEDS)
def test_some_tables_gain_in_every_open_pipeline(seed):
    """The proof in `criterion`, built: X is known better from `after` than from `before`."""
    rng = np.random.default_rng(seed)
    nodes = ("X", *"ABCDEFG")
    order, density = rng.permutation(nodes), rng.uniform(0.2, 0.6)
    arrows = [f"{order[i]} -> {order[j]}" for j in range(1, 8) for i in range(j) if rng.random() < density]
    pipeline = Pipeline("; ".join([", ".join(nodes), *arrows]))
    for _ in range(5):
        others = rng.permutation(nodes[1:])
        size = rng.integers(0, 5)
        before, after = list(map(str, others[:size])), list(map(str, others[size : size + rng.integers(1, 3)]))
        found = gaining(pipeline.dag, before, after)
        if isinstance(pipeline.criterion(before, after), Open):
            assert found[1] < 0.99 * found[0]
        else:
            assert found is None


def test_a_gain_that_no_cipher_gives():
    """X leaves for B, and is made of C: A Gaussian Z gains, as var(X|B,C) → s²/(1+s²) and var(X|Z) ≤ s²/(4+s²)."""
    pipeline = Pipeline("X -> B; U -> B, C; V -> C -> X; B, V -> Z")
    assert isinstance(pipeline.criterion("B, C", "Z"), Open)
    before, after = gaining(pipeline.dag, ["B", "C"], ["Z"])
    np.testing.assert_allclose([before, after], [0.49 / 1.49, 0.49 / 4.49], rtol=1e-5)


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
    """By the collider rule, among all simple paths: for each arrow at X one as short as any."""
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
    assert {path[1]: len(path) for path in named} == shortest and len(named) == len(shortest)
    assert [len(path) for path in named] == sorted(shortest.values())
    assert all(path[-1] in after and len({*path}) == len(path) for path in named)
    assert all(active(*steps) for path in named for steps in zip(path, path[1:], path[2:], strict=False))


@given(SEEDS)
def test_criterion_twin(seed):
    """An open pipeline is not closed in numbers: for tables drawn at random the information is above zero."""
    pipeline, rng = random_pipeline(seed)
    distributions = {n: rng.dirichlet([5, 5], size=(2,) * len(pipeline.dag.pred[n])) for n in NODES}
    pipeline = Pipeline(pipeline.graph, distributions)
    before, after = random_question(rng)
    if isinstance(pipeline.criterion(before, after), Open):
        assert information(full_joint(pipeline), "X", after, before) > 1e-15


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
