"""`infoloop check` of a file, of rounds, and of two pipelines."""

from itertools import product
from pathlib import Path

import networkx as nx
import numpy as np
import pytest
from hypothesis import given
from strategies import SEEDS

from experiments import cli
from experiments.questions import pipeline as questions
from experiments.questions.pipeline import check
from theory import Pipeline

EXAMPLE = Path(questions.__file__).parent / "example.toml"
ROUND = "X -> D -> Z0 -> D0; X -> J; X, D0 -> S0; D0, J -> R0; D0, S0, R0 -> Z1"
RATES = {"tpr": 0.9, "fpr": 0.2, "verdicts": 10}


def capacity(tpr, fpr):
    """By a fine grid of priors."""
    p = np.linspace(0, 1, 100_001)[1:-1]

    def h(x):
        return -sum(np.where(q > 0, q * np.log(np.where(q > 0, q, 1)), 0) for q in (x, 1 - x))

    return (h(p * tpr + (1 - p) * fpr) - p * h(np.array(tpr)) - (1 - p) * h(np.array(fpr))).max()


def test_the_example_file(capsys):
    assert cli.main(["check", str(EXAMPLE)]) == 0
    out = capsys.readouterr().out.splitlines()
    tests, raters = 500 * capacity(1, 0.2), 100 * capacity(0.8, 0.3)
    assert "In 3 rounds: I(X;M3) <= I(X;M0) + what enters by Tests and Raters:" in out
    assert "    Tests, fixed: I(X;Tests|M0), once for all rounds together, however many" in out
    row = next(line.split() for line in out if line.startswith("    round 3"))
    np.testing.assert_allclose([float(n) for n in row[2:]], [tests, raters, 3 * (tests + raters)], rtol=1e-3)
    assert any("one judged before brings 0" in line for line in out)


def test_the_help_holds_a_file_that_runs(tmp_path, capsys):
    lines = cli.check.__doc__.splitlines()
    start = next(i for i, line in enumerate(lines) if "graph = " in line)
    end = next(i for i, line in enumerate(lines) if "rates.Tests" in line)
    file = tmp_path / "loop.toml"
    file.write_text("\n".join(line.strip() for line in lines[start : end + 1]), encoding="utf-8")
    assert cli.main(["check", str(file)]) == 0
    assert "    round 3" in capsys.readouterr().out
    assert cli.main(["check", str(file), "--rounds", "2"]) == 0  # an option wins
    assert "In 2 rounds: I(X;M2)" in capsys.readouterr().out


def test_rounds_are_unrolled():
    found = check(ROUND, before="Z0", after="Z1", rounds=2, fixed="J", fresh="S0").rounds
    expected = "X -> D -> Z0 -> D0; X -> J; X, D0 -> S0; D0, J -> R0; D0, S0, R0 -> Z1"
    expected += "; Z1 -> D1; X, D1 -> S1; D1, J -> R1; D1, S1, R1 -> Z2"
    assert set(found.pipeline.dag.edges) == set(Pipeline(expected).dag.edges)
    assert found.models == (("Z0",), ("Z1",), ("Z2",))
    assert [(s.node, s.once, s.terms) for s in found.sources] == [
        ("J", True, ("I(X;J|Z0)",)),
        ("S0", False, ("I(X;S0|Z0,J,D0)", "I(X;S1|Z0,J,Z1,D1)")),
    ]
    words = check("X -> Old -> Answers -> New; X -> T -> New", before="Old", after="New", rounds=2, fixed="T").rounds
    assert set(words.pipeline.dag) == {"X", "Old", "T", "Answers1", "New1", "Answers2", "New2"}


@given(SEEDS)
def test_what_enters_bounds_what_the_last_model_gains(seed):
    """I(X;Z_T) ≤ I(X;Z_0) + Σ terms, for random arrows and tables."""
    rng = np.random.default_rng(seed)
    order = [*rng.permutation(["X", "D", "J"]), "Z0", *rng.permutation(["A", "S", "R"]), "Z1"]
    pairs = [(u, v) for i, v in enumerate(order) for u in order[:i] if rng.random() < 0.4]
    pairs = [(u, v) for u, v in pairs if (u, v) != ("X", "Z1")]
    graph = "; ".join([", ".join(order), *(f"{u} -> {v}" for u, v in pairs)])
    older = check(graph, before="Z0", after="Z1").rounds
    fixed = ["J", "D"] if rng.random() < 0.7 else []
    fresh = [n for n in ("J", "D", "A", "S", "R") if n not in fixed and not _is_older(graph, n)]
    found = check(graph, before="Z0", after="Z1", rounds=2, fixed=fixed, fresh=fresh).rounds
    assert (older.sources == ()) <= (found.sources == ())
    dag = found.pipeline.dag
    place = {n: i for i, n in enumerate(dag)}
    parts = [
        part
        for n in dag
        for part in (
            rng.dirichlet([0.3, 0.3], size=(2,) * len(dag.pred[n])),
            [*(place[m] for m in dag.pred[n]), place[n]],
        )
    ]
    joint = np.einsum(*parts, list(place.values()), optimize="greedy")

    def entropy(nodes):
        p = joint.sum(tuple(i for n, i in place.items() if n not in nodes))
        return -(p[p > 0] * np.log(p[p > 0])).sum()

    def information(node, known=()):
        return entropy({"X", *known}) + entropy({node, *known}) - entropy({"X", node, *known}) - entropy(set(known))

    if found.sources is None:
        return
    terms = [term[4:-1].partition("|") for source in found.sources for term in source.terms]
    entering = sum(information(node, known.split(",")) for node, _, known in terms)
    assert information("Z2") - information("Z0") <= entering + 1e-12


def _is_older(graph, node):
    dag = Pipeline(graph).dag
    return node in nx.ancestors(dag, "Z0") | nx.ancestors(dag, "X")


def test_what_a_further_look_brings():
    """Two outputs, each correct or not: by enumeration of the truth, the fixed verdicts and fresh ones."""
    tpr, fpr, limit = 0.9, 0.2, capacity(0.9, 0.2)

    def information(looks, fixed):
        """I(X;verdicts) of looks at outputs 0 and 1."""
        joint = {}
        for x in product((0, 1), repeat=2):
            for errors in product((0, 1), repeat=2 if fixed else len(looks)):
                at = range(2) if fixed else looks
                rates = [tpr if x[output] else fpr for output in at]
                p = 0.25 * np.prod([r if e else 1 - r for r, e in zip(rates, errors, strict=True)])
                seen = tuple(errors[output] for output in looks) if fixed else errors
                joint[x, seen] = joint.get((x, seen), 0) + p
        marginal = {seen: sum(p for (_, s), p in joint.items() if s == seen) for _, seen in joint}
        return sum(p * np.log(p / 0.25 / marginal[seen]) for (_, seen), p in joint.items() if p > 0)

    once = information([0], True)
    np.testing.assert_allclose(information([0, 0], True), once)  # the same output again: nothing
    np.testing.assert_allclose(information([0, 1], True), 2 * once)  # a new one: as much again
    assert once < information([0, 0], False) < 2 * limit and once < limit


def test_nats_by_kind_of_noise():
    """Fresh: each round. Fixed: on new outputs each, on the same ones once; never more than what it holds in all."""
    loop = {"before": "Z0", "after": "Z1", "rounds": 4}
    one = 10 * capacity(0.9, 0.2)
    fresh = check("X, Z0 -> S -> Z1", **loop, fresh="S", rates={"S": RATES}).rounds
    new = check("Z0 -> A; X -> T; A, T -> K -> Z1", **loop, fixed="T", rates={"T": RATES}).rounds
    same = check(
        "X -> P -> Z0; X -> T; P, T -> K; Z0, K -> Z1", **loop, fixed="T, P", rates={"T": RATES, "P": {"nats": 0}}
    )
    once = check("X, A -> S; Z0 -> A; Z0, S -> Z1", **loop, fixed="A, S", rates={"S": RATES}).rounds
    capped = check(
        "Z0 -> A; X -> T; A, T -> K -> Z1", **loop, fixed="T", rates={"T": RATES | {"nats": 1.5 * one}}
    ).rounds
    given = check("X, Z0 -> S -> Z1", **loop, fresh="S", rates={"S": {"nats": 0.5}}).rounds
    steps = np.arange(1, 5)
    for found, expected in (
        (fresh, one * steps),
        (new, one * steps),
        (same.rounds, one + 0 * steps),
        (once, one + 0 * steps),
        (capped, one * np.minimum(steps, 1.5)),
        (given, 0.5 * steps),
    ):
        np.testing.assert_allclose(found.nats, expected, rtol=1e-5)
    assert "    Nothing new about X after round 1 from T: later rounds see the same again," in same.lines


def test_numbers_are_taken_where_they_are_enough():
    """People have no numbers, their labels do; without numbers of either there is no total."""
    loop = {"before": "Z0", "after": "Z1", "rounds": 2, "fixed": "People", "fresh": "Labels"}
    graph = "X -> People; Z0 -> A; People, A -> Labels; A, Labels -> Z1"
    assert [s.node for s in check(graph, **loop).rounds.sources] == ["People"]
    found = check(graph, **loop, rates={"Labels": RATES})
    assert [s.node for s in found.rounds.sources] == ["Labels"] and found.rounds.nats is not None
    other = check(f"{graph}; X -> W -> Z1", **loop | {"fresh": "Labels, W"}, rates={"Labels": RATES})
    assert other.rounds.nats is None
    assert any(line.startswith("No total in nats: rates of W are not given") for line in other.lines)


def test_closed_rounds_and_rounds_without_a_source():
    loop = {"before": "Z0", "after": "Z1", "rounds": 3}
    assert "In 3 rounds: CLOSED, I(X;Z3) <= I(X;Z0)" in check("X -> D -> Z0 -> D0 -> Z1", **loop).lines
    assert check("X -> D -> Z0 -> D0 -> Z1", **loop).closed
    # an answer made once by the first model is known to it, although a later model has forgotten it
    assert check("X -> Z0 -> A; A, Z0 -> Z1", **loop, fixed="A").closed
    lines = check("X -> Z0 -> Z1; X -> Z1", **loop).lines
    assert "In 3 rounds: no node between X and Z3 limits what enters; H(X|Z0) does." in lines


def test_difference(capsys):
    first = "X -> D -> Z0 -> A; X -> T; A, T -> K -> Z1"
    found = check(
        first, before="Z0", after="Z1", rounds=2, fixed="T", rates={"T": RATES}, against="X -> D -> Z0 -> A -> Z1"
    )
    difference = found.difference
    assert difference.closed == (False, True)
    assert difference.enters == (("T",), ())
    assert difference.arrows == (("X -> T", "A -> K", "T -> K", "K -> Z1"), ("A -> Z1",))
    np.testing.assert_allclose(difference.nats, (20 * capacity(0.9, 0.2), 0), rtol=1e-5)
    assert cli.main(["check", first, "--before", "Z0", "--after", "Z1", "--against", "X -> Z0 -> Z1"]) == 0
    out = capsys.readouterr().out
    assert "    enters the first and not the other: T\n" in out and "    the other: CLOSED" in out
    with pytest.raises(ValueError, match=r"^against: nothing was given"):
        _ = check(first, before="Z0", after="Z1").difference


@pytest.mark.parametrize(("graph", "statuses"), [("X -> Z0 -> Z1", (0, 0, 1)), ("X -> Z0 -> Z1; X -> Z1", (0, 1, 0))])
def test_exit_status(graph, statuses):
    command = ["check", graph, "--before", "Z0", "--after", "Z1"]
    assert tuple(cli.main([*command, *flag]) for flag in ([], ["--fail-open"], ["--fail-closed"])) == statuses


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('graph = "X -> D', "what is no TOML ("),
        ('before = "D"', ", graph: None was given; accepted: the graph of one round"),
        (
            'graph = "X -> D -> E"\nbefor = "D"',
            "befor' was given; accepted: graph, before, after, rounds, fixed, fresh, rates",
        ),
        ('graph = "X -> D -> E"\nbefore = "D"', "--after: nothing was given"),
        ("rounds = 1.5", "rounds: 1.5 was given; accepted: 1 to 100"),
        ("fixed = 3", "fixed: 3 was given; accepted: names of nodes"),
        ("rates = 3", "rates: 3 was given; accepted: a table for each node"),
        ("rates.S = 3", "rates.S: 3 was given; accepted: a table of tpr"),
        ("rates.S = {tpr = 1.2, fpr = 0.1, verdicts = 3}", "rates.S.tpr: 1.2 was given; accepted: a rate in [0, 1]"),
        ("rates.S = {tpr = nan, fpr = 0.1, verdicts = 3}", "rates.S.tpr: nan was given"),
        ("rates.S = {tpr = 0.9, fpr = 0.1, verdicts = 0}", "rates.S.verdicts: 0 was given; accepted: a whole number"),
        ("rates.S = {tpr = 0.9, fpr = 0.1}", "rates.S: tpr, fpr was given; accepted: tpr, fpr and verdicts together"),
        ("rates.S = {nats = -1}", "rates.S.nats: -1 was given; accepted: a number of nats from 0 to 1e+15"),
        ("rates.S = {}", "rates.S: nothing was given"),
        ("rates.S = {tp = 0.9}", "rates.S: 'tp' was given; accepted: tpr, fpr, verdicts, nats; did you mean tpr?"),
        ("rates.Q = {nats = 1}", "rates: Q was given; accepted: nodes of the graph"),
    ],
)
def test_bad_files(tmp_path, capsys, content, said):
    file = tmp_path / "loop.toml"
    whole = 'graph = "X -> S -> E; D -> E"\nbefore = "D"\nafter = "E"\n'
    file.write_text(content if content.startswith(("graph", "before")) else whole + content, encoding="utf-8")
    assert cli.main(["check", str(file)]) == 2
    captured = capsys.readouterr()
    assert said in captured.err and captured.err.count("\n") == 1 and not captured.out
