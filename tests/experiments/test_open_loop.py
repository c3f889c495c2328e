"""Properties of the open loop beyond its rows, which fail if their study is broken."""

import math

import jax
import numpy as np

from experiments.harness.ledger import Settings
from experiments.open_loop import adversary, claims, learners, study
from theory import Estimate

QUICK = Settings()


def test_information_is_not_progress():
    """Where correct outputs are rare, I(X;Z_t) falls while the accuracy rises."""
    loops = study.exact(False)
    assert (np.diff(loops.information[study.RARE]) < 0).all() and (np.diff(loops.accuracy[study.RARE]) > 0).all()


def test_published_end():
    """n = 50, p = .6, φ = 1, ψ = .99: from .505 nats to .093."""
    outcome = claims.in_the_end(0.99, QUICK).decide()
    np.testing.assert_allclose(np.array([outcome.predicted, outcome.measured], float), [0.505, 0.093], atol=5e-4)


def test_a_row_can_fail(monkeypatch):
    """Verdicts that inject a tenth of the gain; a loop that ends correct without correct symbols in Z_0."""
    rng = np.random.default_rng(0)
    values = [study.exact(kept).information + rng.normal(size=(200, 3, 13)) / 100 for kept in (False, True)]
    monkeypatch.setattr(study, "simulated", lambda settings, kept: study.SimulatedLoops(values[kept], values[kept]))
    assert claims.injection(QUICK).decide().outcome == "holds"
    drawn = study.injected_until_kept(QUICK)
    monkeypatch.setattr(study, "injected_until_kept", lambda settings: drawn / 10)
    assert claims.injection(QUICK).decide().outcome == "fails"
    assert claims.accuracy(False, QUICK).decide().outcome == "fails"
    monkeypatch.setattr(study, "support", lambda settings: Estimate(np.array(0.7), np.array(0.001), 200))
    assert claims.simulated_support(False, QUICK).decide().outcome == "fails"


def test_until_kept_verdicts_are_counted_by_enumeration():
    """One accepted sample: each number of rejections before it, in the first generation, summed."""
    tpr, fpr = study.SCENARIOS[study.RARE][2:]
    given = study.exact(True).distributions[study.RARE, 0]  # [x, s]
    rates = np.array([[tpr, fpr], [fpr, tpr]])
    found = study.injected_until_kept(QUICK)[:, study.RARE, 0]
    z = np.stack([study.exact(True).states, 1 - study.exact(True).states], axis=1)
    one = np.zeros(len(z))  # I(X;S|Z=z) of the sequence until the first is accepted, by its counts of rejections
    posterior = given / given.sum(0)
    for first in range(60):
        for second in range(60):
            ways = math.comb(first + second, first)
            base = ways * z[:, 0] ** first * z[:, 1] ** second
            no = (1 - rates[:, 0]) ** first * (1 - rates[:, 1]) ** second
            for k in (0, 1):
                probs = base * z[:, k] * (no * rates[:, k])[:, None]  # [x, s]
                mixed = (posterior * probs).sum(0)
                logs = np.log(np.where(probs > 0, probs, 1)) - np.log(np.where(mixed > 0, mixed, 1))
                one += (posterior * np.where(probs > 0, probs * logs, 0)).sum(0)
    least = (given.sum(0) / 2 * one).sum()  # ten accepted samples carry more than one, and at most ten times that
    assert least < found.mean() < 10 * least


def test_an_adversary_finds_what_there_is_to_find():
    """A cipher: before = X xor U, after = before xor U = X, so that nothing grows to ln 2; a chain, which is closed."""
    parents = np.zeros((4, 4), bool)
    parents[2, [0, 1]] = parents[3, [1, 2]] = True
    cipher = adversary.Graph(parents, task=0, after=3, before=(2,))
    chain = cipher._replace(parents=np.tril(np.eye(4, k=-1)).astype(bool))
    assert [adversary._declared(graph) for graph in (cipher, chain)] == [(False, False), (True, True)]
    rows = [np.stack(arrays) for arrays in zip(*map(adversary._indices, (cipher, chain)), strict=True)]
    starts = 3 * jax.random.normal(jax.random.key(0), (2, 16, 4, 16))
    gain = np.asarray(adversary._ascend(starts, *rows, 60))
    assert 0.6 < gain[0] < np.log(2) and gain[1] < 1e-12


def test_a_collider_in_what_a_pipeline_starts_from_does_not_open_it():
    """X → before ← after: dependent given `before`, and yet closed, as `after` knows nothing."""
    parents = np.zeros((3, 3), bool)
    parents[2, [0, 1]] = True
    assert adversary._declared(adversary.Graph(parents, task=0, after=1, before=(2,))) == (True, False)


def test_a_learner_that_wastes_evidence_is_seen(monkeypatch):
    """C3: a verdict that is weighed half as much as it should be."""
    half = tuple(evidence / 2 for evidence in learners.EVIDENCE)
    monkeypatch.setattr(learners, "EVIDENCE", half)
    learners.data_and_signal.cache_clear()
    found = learners.data_and_signal(jax.random.key(0), "verdict", num_replicas=200_000)
    gap = found.score.mean() - found.of_data - found.beyond
    assert gap < -5 * found.score.std() / len(found.score) ** 0.5
