"""What the rows of the methods count is counted by hand, and seeds are paired."""

from math import log

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments.ledger import Settings
from experiments.methods import best_of_n, maps, measures, studies, tables
from experiments.methods.studies import METHODS, Study
from sandbox import environments, feedback
from sandbox.models.policy import Network, log_law
from sandbox.training import ADAM, RLVR, train

QUICK = Settings()
KEYS = jax.random.split(jax.random.key(5), 2)


def test_there_are_ten_methods():
    assert len(METHODS) == 10
    assert {studies.ONCE, studies.ANEW, studies.REFIT, studies.GRADIENT, *maps.COMPARED} <= set(METHODS)


# nats


def test_nats_of_references_by_hand():
    """64 prompts of ln 4 + ln 8 each; worded anew, 4 forms a prompt and round, and the class but once."""
    once = studies.imitated_nats(3, 8, 4, worded_once=True)
    np.testing.assert_allclose(once, [0, *[64 * (log(4) + log(8))] * 3])
    assert once[-1] == pytest.approx(studies.reference_nats())
    anew = studies.imitated_nats(2, 8, 4, worded_once=False)
    np.testing.assert_allclose(anew, [0, 64 * (log(4) + 4 * log(8)), 64 * (log(4) + 8 * log(8))])


def test_nats_of_a_verdict_by_hand():
    """h(c) without errors, the mean over the prompts that are asked; with errors h(S) − h(S|right)."""

    def h(p):
        return -p * log(p) - (1 - p) * log(1 - p)

    law, correct = jnp.array([0.5, 0.5, 0]), jnp.array([0.25, 0.5, 0.9])
    exact = studies.verdict_nats(law, correct, jnp.eye(2))
    assert float(exact) == pytest.approx((h(0.25) + h(0.5)) / 2)
    noisy = studies.verdict_nats(jnp.ones(1), jnp.array([0.25]), jnp.array([[0.8, 0.2], [0.1, 0.9]]))
    assert float(noisy) == pytest.approx(h(0.25 * 0.9 + 0.75 * 0.2) - 0.25 * h(0.9) - 0.75 * h(0.2))


def test_nats_are_spent_round_by_round():
    """Two prompts that are asked and one that is not, four verdicts each, in two rounds of correctness 1/2 and 1."""
    correct = jnp.array([[0.5] * 3, [1.0] * 3, [0.5] * 3])
    spent = studies._spent(jnp.array([0.5, 0.5, 0]), correct, feedback.verdict(4, 8))
    np.testing.assert_allclose(spent, [0, 8 * log(2), 8 * log(2)], rtol=1e-6)


def test_correctness_at_a_budget_lies_between_two_rounds():
    correct = np.array([[[0.0], [0.5], [1.0]], [[0.2], [0.2], [0.4]]])
    nats = np.array([[0.0, 10, 20], [0, 5, 10]])
    study = Study(np.arange(3), correct, correct[..., None], nats, nats, nats)
    np.testing.assert_allclose(study.at_nats(15.0, 0), [0.75, 0.4])


# the network world


@pytest.fixture(scope="module")
def starts():
    """Two seeds, of one training domain in four, with three hidden units."""
    return studies.started(KEYS, 1, 3, 8, 4)


def seed(tree, index):
    return jax.tree.map(lambda leaf: leaf[index], tree)


def test_a_narrow_network_is_a_wide_one_with_dead_units(starts):
    """Trained alike: the same laws, up to the rounding of sums in another order."""
    start = seed(starts, 0)
    layers = start.policy.variables["params"]
    first, head = layers["Dense_0"], layers["head"]
    assert not np.any(first["kernel"][:, 3:])
    small = Network(
        {
            "params": {
                "Dense_0": {"kernel": first["kernel"][:, :3], "bias": first["bias"][:3]},
                "head": {"kernel": head["kernel"][:3], "bias": head["bias"]},
            }
        }
    )

    def after(policy):
        options = {"num_rounds": 20, "learning_rate": 0.01, "optimizer": ADAM}
        trained = train(start.key, policy, start.world.train, feedback.verdict(4, 8), RLVR(), **options).policy
        return log_law(trained, start.world.unseen.features)

    wide = after(start.policy)
    assert np.abs(wide - log_law(start.policy, start.world.unseen.features)).max() > 0.01
    np.testing.assert_allclose(wide, after(small), atol=1e-4)


def test_a_narrow_network_is_drawn_like_a_narrow_one(starts):
    """LeCun: the weights behind 3 hidden units have variance 1/3."""
    heads = studies.started(jax.random.split(jax.random.key(0), 200), 1, 3, 8, 4).policy.variables["params"]["head"]
    assert float(jnp.square(heads["kernel"][:, :3]).mean()) == pytest.approx(1 / 3, rel=0.02)


def test_one_domain_is_asked_of_four(starts):
    """The law is uniform on the prompts of the first domain, with the features of that domain alone."""
    for prompts in (starts.world.train, starts.world.held_out):
        assert np.allclose(prompts.law.sum(1), 1)
        for law, features in zip(np.asarray(prompts.law), np.asarray(prompts.features), strict=True):
            assert (law > 0).sum() == 16
            assert len(np.unique(features[law > 0][:, studies.NUM_BITS :], axis=0)) == 1
    assert (np.asarray(starts.world.unseen.law) > 0).all()


def test_methods_share_worlds_and_starts_seed_by_seed(monkeypatch):
    """Before the first update all methods are right as often, and seeds differ from each other."""
    monkeypatch.setattr(studies, "num_updates", lambda settings: 4)
    monkeypatch.setattr(studies, "BATCH", 2)
    monkeypatch.setattr(studies, "_batch", studies._batch.__wrapped__)
    found = [studies.studied.__wrapped__(QUICK, name, batches=1) for name in (studies.ONCE, "clipped")]
    np.testing.assert_array_equal(found[0].correct[:, 0], found[1].correct[:, 0])
    assert np.ptp(found[0].correct[:, 0, 0]) > 0
    assert [study.updates.tolist() for study in found] == [[0, 1, 2, 3, 4], [0, 4]]
    assert found[1].passed.shape == (2, 2, 3, 3)
    np.testing.assert_array_equal(found[0].correct, found[0].passed[..., 0])
    np.testing.assert_allclose(found[0].kl[:, 0], 0, atol=1e-6)


def test_one_reference_is_one_form_in_every_world(starts):
    assert set(np.unique(np.asarray(starts.once))) == {0, 1}
    np.testing.assert_array_equal(np.asarray(starts.once).sum(2), 1)


# the map


def cell(**correct):
    return maps.Cell(8, 1, 32, {name: np.asarray(values) for name, values in correct.items()})


def test_a_lead_is_decided_seed_by_seed():
    """The same lead in seeds that differ much; and a lead of half of the seeds."""
    spread = np.linspace(0, 1, 32)
    assert cell(a=spread + 0.01 + 0.001 * np.sin(np.arange(32)), b=spread).decided
    lost = cell(a=spread[::-1] + 0.01, b=spread)
    assert not lost.decided
    assert lost.ranked == ["a", "b"]


# tables


def test_the_outputs_of_a_verdict_by_hand():
    """A path of one law: 1/2, 1/4, 0 on the right class of each prompt, the rest on one wrong output."""
    laws = np.zeros((1, tables.NUM_PROMPTS, 12))
    for q in range(tables.NUM_PROMPTS):
        right = np.flatnonzero(tables.RIGHT[q])
        laws[0, q, right[:2]] = 0.5, 0.25
        laws[0, q, (right[2] + 1) % 12] = 0.25
    path = tables.Path(laws, (laws * tables.RIGHT).sum(2))
    of_right, of_wrong = path.entropies()
    np.testing.assert_allclose(of_right, log(3) - 2 / 3 * log(2))
    np.testing.assert_allclose(of_wrong, 0, atol=1e-15)
    np.testing.assert_allclose(path.within(5), [[2 / 3, 1 / 3, 0]])


def test_information_of_answers_by_hand():
    """Answers that are right tell all of the task, answers that do not look at the prompt nothing."""
    laws = np.stack([tables.RIGHT / 3, np.full(tables.RIGHT.shape, 1 / 12)])
    path = tables.Path(laws, (laws * tables.RIGHT).sum(2))
    np.testing.assert_allclose(tables.information(path), [log(4), 0], atol=1e-15)


def test_table_prompts_are_balanced():
    """Each class is right for as many prompts: ln K is the most an answer can tell."""
    assert np.ptp(np.bincount(environments.table_prompts(12, 4, 3).right)) == 0


# rows can fail


def test_a_path_off_its_law_is_seen(monkeypatch):
    """One probability off by 1e-9 at the end, made up for by another."""
    path = tables.trained(QUICK, "natural")
    laws = path.laws.copy()
    laws[-1, 0, :2] += [1e-9, -1e-9]
    assert measures.keeps("natural", QUICK).verdict == "holds"
    monkeypatch.setattr(measures, "trained", lambda settings, name: path._replace(laws=laws))
    assert measures.keeps("natural", QUICK).verdict == "fails"


def test_rows_are_reached_by_their_seed():
    other = Settings(seed=1)
    assert tables.trained(other, "natural").laws[0, 0, 0] != tables.trained(QUICK, "natural").laws[0, 0, 0]
    assert best_of_n.rank_kl(other, 4).mean != best_of_n.rank_kl(QUICK, 4).mean
