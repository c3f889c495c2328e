"""The exact numbers of the coverage experiment against brute force, and C12 of them."""

from itertools import product

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import theory
from experiments.coverage import claims, study
from experiments.coverage.study import BUDGET, CANDIDATES, DISTINCT, NOISY, NUM_CLASSES, NUM_FORMS, SURE
from experiments.harness.ledger import Settings
from sandbox import policies

QUICK = Settings()


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


def test_the_item_decides_the_class_and_the_wording_the_reference():
    """Of repeated prompts, too; new ones have other items and wordings; drawn at random, classes are equally likely."""
    drawn = jax.jit(study.World.drawn)
    world, other = (drawn(jax.random.key(0), ruled) for ruled in (True, False))
    prompts = world.prompts(np.array([3, 3, 5, 3]), np.array([1, 2, 1, 1]))
    features, references = np.asarray(prompts.features), np.asarray(prompts.references(NUM_CLASSES))
    assert np.isin(features[:, :6], (-1, 1)).all() and features.shape == (4, 12)
    assert (features[0] == features[3]).all() and (references[0] == references[3]).all()
    assert (features[0, :6] == features[1, :6]).all() and (features[0, 6:] == features[2, 6:]).all()
    assert prompts.correct[0] == prompts.correct[1]
    assert (prompts.form_probs[0] == prompts.form_probs[2]).all() and (references.sum(1) == 1).all()
    of_pattern = {}
    for item, correct in zip(np.asarray(world.items), np.asarray(world.correct), strict=True):
        assert of_pattern.setdefault(item.tobytes(), correct) == correct
    np.testing.assert_array_equal(other.items, world.items)
    counts = np.bincount(np.asarray(other.correct), minlength=NUM_CLASSES) / len(other.correct)
    np.testing.assert_allclose(counts, 1 / NUM_CLASSES, atol=5 * (3 / 16 / len(other.correct)) ** 0.5)


@pytest.mark.parametrize(("prompts", "items"), [(16, 4), (256, 16), (study.SHOWN, study.SHOWN)])
def test_prompts_come_in_turn(monkeypatch, prompts, items):
    """Each of the different pairs of an item and a wording comes equally often, each item in as many wordings."""
    seen = []
    monkeypatch.setattr(study, "_learn", lambda keys, *of: seen.append(of) or np.zeros((len(keys), 2)))
    study.network_learned(jax.random.key(0), "SFT", prompts, items, num_seeds=2)
    pairs, counts = np.unique(np.stack(seen[0][:2]), axis=1, return_counts=True)
    assert pairs.shape == (2, prompts) and (counts == study.SHOWN // prompts).all()
    assert (np.bincount(pairs[0]) == prompts // items).all()


@pytest.mark.slow
def test_one_program_of_two_losses_is_sft():
    """The network after training by the weighted loss, against one that `SFT` trains."""
    key = jax.random.key(0)
    found = study.network_learned(key, "SFT", 16, 4, num_seeds=1)
    world_key, start_key, train_key = jax.random.split(jax.random.split(key, 1)[0], 3)
    world, wordings = study.World.drawn(world_key, True), np.arange(study.SHOWN) % 16
    start = policies.network(start_key, 12, NUM_CLASSES, NUM_FORMS)
    options = {"num_rounds": study.NUM_ROUNDS, "num_samples": 4, "learning_rate": 0.01, "optimizer": policies.ADAM}
    batches = np.arange(study.SHOWN).reshape(study.NUM_ROUNDS, -1)
    prompts = world.prompts(wordings % 4, wordings)
    policy = policies.train(train_key, start, prompts, None, policies.SFT(), batches=batches, **options).policy
    new = study.SHOWN + np.arange(study.NUM_NEW)
    np.testing.assert_allclose(policies.accuracy(policy, world.prompts(new, new)), found.new, atol=1e-3)


def test_networks_that_learn_alike_show_nothing(monkeypatch):
    """The same accuracy for few and for all: no more, and no less, hence nearly as good; .06 less is not nearly."""
    same = study.NetworkAccuracy(*np.random.default_rng(0).normal(0.5, 0.01, (2, 32)))
    monkeypatch.setattr(study, "network_learned", lambda *_: same)
    for find in (
        lambda: claims.never_repeated(True, QUICK),
        lambda: claims.main_effect(True, True, QUICK),
        lambda: claims.main_effect(False, True, QUICK),
        lambda: claims.fewer_items((16, 16), QUICK),
    ):
        assert find().decide().slack == pytest.approx(0)
    assert claims.nearly_as_good(4, QUICK).decide().outcome == "holds"
    repeated = same._replace(new=same.new - 0.06)
    monkeypatch.setattr(study, "network_learned", lambda _, name, m, i: same if m == study.SHOWN else repeated)
    assert claims.nearly_as_good(4, QUICK).decide().outcome == "fails"


def test_main_effects_by_hand(monkeypatch):
    """.1 a step of items and .2 a step of prompts, whatever the other is."""
    noise = np.random.default_rng(0).normal(0.5, 0.01, 32)
    table = lambda *of: study.NetworkAccuracy(noise + 0.2 * (of[2] == 256) + 0.1 * (of[3] == 16), noise)  # noqa: E731
    monkeypatch.setattr(study, "network_learned", table)
    for of_items, gain in ((True, 0.1), (False, 0.2)):
        found = claims.main_effect(of_items, True, QUICK).decide()
        assert (
            found.measured - found.predicted == pytest.approx(gain)
            and f"gains {gain:.3f} and {gain:.3f}" in found.setting
        )
