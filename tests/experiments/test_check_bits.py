"""The nats of `infoloop check --rounds` on random pipelines, against gains that are exact, round by round, in bits."""

import math
import random
from itertools import count

import pytest
from bits import gain_of_rounds

from experiments.questions import pipeline
from theory import Pipeline

WIDTH = 4  # bits of X and of a model; all other nodes have one


def random_rounds(seed, models):
    """Rounds of a random pipeline with random marks, and ln 2 nats for all but X and the models; None: refused."""
    rng = random.Random(seed)
    before, after = [[f"{name}{t}" for name in "ZY"[:models]] for t in (0, 1)]
    others = list("ABCD")[: rng.choice([2, 3, 4])]
    order = ["X", *before, *after, *others]
    rng.shuffle(order)
    density = rng.uniform(0.25, 0.6)
    arrows = [f"{u} -> {v}" for j, v in enumerate(order) for u in order[:j] if rng.random() < density]
    marks = {node: rng.choice(["fixed", "fresh", "none"]) for node in others}
    try:
        found = pipeline.check(
            "; ".join([", ".join(order), *arrows]),
            before=before,
            after=after,
            rounds=rng.choice([1, 2, 3, 4]),
            fixed=[node for node, mark in marks.items() if mark == "fixed"],
            fresh=[node for node, mark in marks.items() if mark == "fresh"],
            rates={node: {"nats": math.log(2)} for node in others},
        )
    except ValueError:
        return None
    return found if found.closed or found.rounds.nats is not None else None


def largest_gain(found, seed, tries):
    rng, declared = random.Random(seed), found.declared
    told = (found.pipeline.dag, declared.before, declared.after, declared.fixed, declared.rounds)
    return max(gain_of_rounds(*told, rng, count(), WIDTH) for _ in range(tries))


def compared(seeds, models, tries=300):
    """For each pipeline with a number: the bound and the largest gain, in bits."""
    checked = ((seed, random_rounds(seed, models)) for seed in seeds)
    pairs = [(found, largest_gain(found, seed, tries)) for seed, found in checked if found]
    return [(0 if found.closed else found.rounds.nats[-1] / math.log(2), gain) for found, gain in pairs]


def holds_and_is_reached(pairs, least):
    assert len(pairs) >= least and all(gain <= bound + 1e-9 for bound, gain in pairs)
    assert sum(gain > bound - 0.5 for bound, gain in pairs) > 0.6 * len(pairs)


def test_no_rounds_gain_more_than_their_nats_and_most_can_gain_all():
    holds_and_is_reached(compared(range(150), 1, 100), 10)


@pytest.mark.slow
@pytest.mark.parametrize("models", [1, 2])
def test_no_rounds_gain_more_than_their_nats_in_many_pipelines(models):
    holds_and_is_reached(compared(range(2000), models), 60)


def test_the_oracle_counts_a_fixed_node_once_and_a_fresh_one_each_round():
    graph, sizes = Pipeline("X -> H -> Z0 -> Z1; X -> S -> Z1").dag, (random.Random(0), count(), WIDTH)
    told = (graph, ("Z0",), ("Z1",))
    assert max(gain_of_rounds(*told, ("S",), 3, *sizes) for _ in range(3000)) == 1
    assert max(gain_of_rounds(*told, (), 3, *sizes) for _ in range(3000)) == 3


def test_errors_of_one_verifier_that_another_shares_are_ruled_out():
    """V = [correct] xor J: each of two coins is worth nothing, and both together tell X."""
    graph = "X -> H -> M0 -> A -> M1; X -> J; X, A, J -> V -> M1; J -> M1"
    coin = {"tpr": 0.5, "fpr": 0.5, "verdicts": 1}
    found = pipeline.check(graph, before="M0", after="M1", fixed="J", fresh="V", rates={"J": coin, "V": coin})
    assert found.rounds.nats == (0,)
    assert "all errors of V are independent given X and the outputs, on one output too, and of those of J" in (
        " ".join(found.lines)
    )


def test_outputs_that_are_there_once_carry_nothing_and_need_no_number():
    """The same tests on the same outputs: all in round 1, with a total; the outputs tell about X by verdicts alone."""
    graph = "X -> H -> M0 -> A -> V -> M1; X -> Tests -> V; X, A -> Raters -> M1"
    rates = {"Tests": {"nats": 5.0}, "Raters": {"nats": 2.0}}
    found = pipeline.check(
        graph, before="M0", after="M1", rounds=3, fixed="Tests, A, V", fresh="Raters", rates=rates
    ).rounds
    assert [source.node for source in found.sources] == ["Tests", "Raters"] and found.nats == (7, 9, 11)
    judged = pipeline.check("X -> H -> M0 -> A -> M1; X, A -> S -> M1", before="M0", after="M1", rounds=2, fixed="A, S")
    assert [source.terms for source in judged.rounds.sources] == [("I(X;S|M0,A)",)]
