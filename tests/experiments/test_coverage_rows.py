"""The exact numbers of the coverage experiment against brute force, and C12 of them."""

from itertools import product

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import theory
from experiments.coverage import claims, study
from experiments.coverage.study import BUDGET, CANDIDATES, DISTINCT, NOISY, NUM_CLASSES, NUM_FORMS, NUM_PROMPTS, SURE
from experiments.harness.ledger import Settings
from sandbox import policies


@pytest.mark.parametrize("distinct", [16, 32, 64])
def test_queries_by_enumeration(distinct):
    """m I_k, I_k = ln 2 − E h(p(x|s_1…s_k)) over all 2^k answers."""
    tpr, fpr = NOISY
    entropy = 0.0
    for answers in product((0, 1), repeat=BUDGET // distinct):
        given = [np.prod([rate if s else 1 - rate for s in answers]) / 2 for rate in (tpr, fpr)]
        entropy -= sum(p * np.log(p / sum(given)) for p in given)
    np.testing.assert_allclose(study.total_information(NOISY, distinct), distinct * (np.log(2) - entropy), atol=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize("counts", [(1, 0, 0), (2, 0, 0), (1, 0, 1), (2, 3, 1)])
def test_queries_are_those_of_the_theory(counts):
    """`supervision.joint_query_information`, which enumerates the answers."""
    accepts = np.where(np.eye(3, dtype=bool), *NOISY)
    queries = tuple(q for q, k in enumerate(counts) for _ in range(k))
    nats = theory.supervision.joint_query_information(
        jnp.array(CANDIDATES), jnp.stack([1 - accepts, accepts], axis=2), queries
    )
    np.testing.assert_allclose(study.information(NOISY, counts, CANDIDATES), nats, atol=1e-12)


def test_certainty_by_simulation():
    """A prompt is known where one class has a posterior of SURE or more; 5 standard errors of 20,000 prompts."""
    tpr, fpr = NOISY
    rng = np.random.default_rng(0)
    for distinct in DISTINCT:
        k = BUDGET // distinct
        correct = rng.random(20_000) < 0.5
        accepted = (rng.random((20_000, k)) < np.where(correct, tpr, fpr)[:, None]).sum(1)
        likelihood = [rate**accepted * (1 - rate) ** (k - accepted) for rate in (tpr, fpr)]
        known = np.maximum(*likelihood) / np.sum(likelihood, 0) >= SURE
        exact = study.known_share(distinct) * BUDGET / distinct
        assert abs(known.mean() - exact) <= 5 * (exact * (1 - exact) / len(known)) ** 0.5


def test_a_budget_carries_most_on_new_prompts():
    """Where prompts are alike; a repeat adds ever less, up to the entropy of the answer; without errors, nothing."""
    for verifier in study.VERIFIERS:
        assert np.all(np.diff([study.total_information(verifier, m) for m in DISTINCT]) > 0)
    repeats = np.array([study.information(NOISY, (k,), CANDIDATES) for k in range(41)])
    assert np.all(np.diff(repeats) > 0) and np.all(np.diff(repeats, 2) < 0)
    caps = [-p * np.log(p) - (1 - p) * np.log1p(-p) for p in CANDIDATES]
    all_40 = [study.information(NOISY, tuple(40 * np.eye(3, dtype=int)[q]), CANDIDATES) for q in range(3)]
    assert np.all(np.array(all_40) <= caps)
    assert study.information((1.0, 0.0), (2,)) == pytest.approx(study.information((1.0, 0.0), (1,)), abs=1e-12)


def test_a_table_learns_nothing_about_a_prompt_not_queried():
    """Trained on some of its prompts, against each queried prompt trained alone."""
    prompts = policies.table_prompts(NUM_PROMPTS, NUM_CLASSES, NUM_FORMS)
    queried = prompts._replace(probs=(jnp.arange(NUM_PROMPTS) < 8).astype(prompts.probs.dtype) / 8)
    options = {"method": policies.NaturalGradient(), "num_rounds": 100, "learning_rate": 0.1, "held_out": prompts}
    signal = policies.verdict(NUM_CLASSES, NUM_FORMS)
    accuracy = policies.train(jax.random.key(0), study.table(), queried, signal, **options).measured
    np.testing.assert_allclose(accuracy[-1], study.table_learned(8), atol=1e-12)


def test_networks_that_learn_alike_cover_nothing(monkeypatch):
    """The same accuracy for few prompts and for all: no more, and no less."""
    same = study.NetworkAccuracy(*np.random.default_rng(0).random((3, 32)))
    monkeypatch.setattr(study, "network_learned", lambda *_: same)
    assert claims.covers("RLVR", "unseen", Settings()).decide().slack == 0
