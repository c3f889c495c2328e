"""The criterion is exact: closed if and only if a part of `before` separates, by search; open ones gain, by bits."""

import random
from itertools import count

import networkx as nx
import pytest
from bits import shared, through
from hypothesis import given
from strategies import SEEDS
from test_pipeline import NODES, full_joint, information, random_pipeline, random_question, subsets

from theory import Closed, Open, Pipeline


@given(SEEDS)
def test_closed_if_and_only_if_a_part_separates(seed):
    """All parts of `before` by networkx; what is named separates, without any of its nodes it does not."""
    pipeline, rng = random_pipeline(seed)
    before, after = random_question(rng)
    parts = {s for s in subsets(before) if nx.is_d_separator(pipeline.dag, {"X"}, set(after), set(s))}
    verdict = pipeline.criterion(before, after)
    assert isinstance(verdict, Closed) == bool(parts)
    if isinstance(verdict, Closed):
        assert verdict.by in parts and not any(set(part) < set(verdict.by) for part in parts)


def gains_bits(pipeline, before, after, seed):
    """Whether some tables gain: nodes that are sums, mod 2, of some of their parents and at times of a bit of noise."""
    rng, order = random.Random(seed), list(nx.topological_sort(pipeline.dag))
    for _ in range(2000):
        bits = through(pipeline.dag, order, {}, rng, count())
        old, new = [[bits[node][0] for node in nodes] for nodes in (before, after)]
        if shared(bits["X"], new) > shared(bits["X"], old):
            return True
    return False


@given(SEEDS)
def test_open_pipelines_gain(seed):
    """Some tables of an open pipeline gain, of a closed one none, and I(X;after|before) > 0 for random ones if open."""
    pipeline, rng = random_pipeline(seed)
    distributions = {n: rng.dirichlet([5, 5], size=(2,) * len(pipeline.dag.pred[n])) for n in NODES}
    before, after = random_question(rng)
    if isinstance(pipeline.criterion(before, after), Open):
        assert gains_bits(pipeline, before, after, seed)
        pipeline = Pipeline(pipeline.graph, distributions)
        assert information(full_joint(pipeline), "X", after, before) > 1e-15


@pytest.mark.slow
def test_open_if_and_only_if_some_tables_gain():
    for seed in range(200):
        pipeline, rng = random_pipeline(seed)
        before, after = random_question(rng)
        assert isinstance(pipeline.criterion(before, after), Open) == gains_bits(pipeline, before, after, seed)
