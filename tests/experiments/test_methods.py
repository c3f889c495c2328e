"""The nats and metrics of the methods by hand, and seeds in pairs; rows fail if their study is broken."""

from math import log

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import theory
from experiments.harness.ledger import Settings
from experiments.methods import best_of_n, claims, small_batches, study, tables
from sandbox import policies
from sandbox.policies import ADAM, RLVR, Layer, Network, log_probs, train
from theory.policies.best_of_n import best_of

QUICK = Settings()
KEYS = jax.random.key_data(jax.random.split(jax.random.key(5), 2))


# nats


def test_nats_of_references_by_hand():
    """64 prompts of ln 4 + ln 8 each; paraphrased, 4 forms per prompt and round, and the class but once."""
    fixed = study.reference_nats(3, 8, 4, fixed_reference=True)
    np.testing.assert_allclose(fixed, [0, *[64 * (log(4) + log(8))] * 3])
    paraphrased = study.reference_nats(2, 8, 4, fixed_reference=False)
    np.testing.assert_allclose(paraphrased, [0, 64 * (log(4) + 4 * log(8)), 64 * (log(4) + 8 * log(8))])


def test_nats_of_a_verdict_by_hand():
    """h(accuracy) without errors, the mean over the queried prompts; with errors h(S) − h(S|correct)."""

    def h(p):
        return -p * log(p) - (1 - p) * log(1 - p)

    probs, accuracy = jnp.array([0.5, 0.5, 0]), jnp.array([0.25, 0.5, 0.9])
    exact = study.verdict_nats(probs, accuracy, jnp.eye(2))
    assert float(exact) == pytest.approx((h(0.25) + h(0.5)) / 2)
    noisy = study.verdict_nats(jnp.ones(1), jnp.array([0.25]), jnp.array([[0.8, 0.2], [0.1, 0.9]]))
    assert float(noisy) == pytest.approx(h(0.25 * 0.9 + 0.75 * 0.2) - 0.25 * h(0.9) - 0.75 * h(0.2))


def test_nats_are_spent_round_by_round():
    """Two queried prompts and one that is not, four verdicts each, in two rounds of accuracy 1/2 and 1."""
    accuracy = jnp.array([[0.5] * 3, [1.0] * 3, [0.5] * 3])
    spent = study.verdicts_spent(jnp.array([0.5, 0.5, 0]), accuracy, policies.verdict(4, 8))
    np.testing.assert_allclose(spent, [0, 8 * log(2), 8 * log(2)], rtol=1e-6)


# networks


@pytest.fixture(scope="module")
def starts():
    """Two seeds, with one of four training domains and three of eight forms."""
    return study.started(KEYS, 3, 1)


def seed(tree, index):
    return jax.tree.map(lambda leaf: leaf[index], tree)


@pytest.mark.slow
def test_absent_forms_change_nothing(starts):
    """Trained alike: the outputs of a network that has three forms, up to rounding, and the others stay at 0."""
    start = seed(starts, 0)
    *hidden, (bias, kernel) = start.policy.layers
    small = Network((*hidden, Layer(bias[:, :3], kernel[:, :, :3])))
    fewer = start.dataset.train._replace(form_probs=start.dataset.train.form_probs[:, :3])

    def after(policy, prompts, num_forms):
        options = {"num_rounds": 20, "learning_rate": 0.01, "optimizer": ADAM}
        trained = train(start.key, policy, prompts, policies.verdict(4, num_forms), RLVR(), **options).policy
        return np.asarray(log_probs(trained, start.dataset.unseen.features)).reshape(-1, 4, num_forms)

    many = after(start.policy, start.dataset.train, 8)
    assert (np.exp(many[..., 3:]) == 0).all()
    untrained = np.asarray(log_probs(start.policy, start.dataset.unseen.features)).reshape(many.shape)
    assert np.abs(many - untrained).max() > 0.01
    np.testing.assert_allclose(many[..., :3], after(small, fewer, 3), atol=1e-4)


def test_one_domain_of_four_is_queried(starts):
    """Uniform on the prompts of the first domain, with the features of that domain alone."""
    for prompts in (starts.dataset.train, starts.dataset.held_out):
        assert np.allclose(prompts.probs.sum(1), 1)
        for probs, features in zip(np.asarray(prompts.probs), np.asarray(prompts.features), strict=True):
            assert (probs > 0).sum() == 16
            assert len(np.unique(features[probs > 0][:, study.NUM_BITS :], axis=0)) == 1
    assert (np.asarray(starts.dataset.unseen.probs) > 0).all()


@pytest.mark.slow
def test_methods_share_datasets_and_starts_seed_by_seed():
    """Before the first update all methods have one accuracy, and seeds differ from each other."""
    key = jax.random.key(0)
    found = [study.trained(key, name, num_seeds=2, num_updates=4) for name in (study.FIXED, "RLVR, clipped")]
    np.testing.assert_array_equal(found[0].accuracy[:, 0], found[1].accuracy[:, 0])
    assert np.ptp(found[0].accuracy[:, 0, 0]) > 0
    assert [sorted({*runs.updates.tolist()}) for runs in found] == [[0, 1, 2, 3, 4], [0, 4]]
    assert found[1].passed.shape == (2, found[0].updates.size, 3, 3)  # as many times for all, the last repeated
    np.testing.assert_allclose(found[0].kl[:, 0], 0, atol=1e-6)


def test_a_fixed_reference_has_one_form_in_every_dataset(starts):
    forms = np.asarray(starts.reference)
    assert np.isin(forms, (0, 1)).all() and (forms.sum(2) == 1).all() and not forms[..., 3:].any()


# tables


def test_the_outputs_of_a_verdict_by_hand():
    """A path of one step: 1/2, 1/4, 0 on the correct class of each prompt, the rest on one wrong output."""
    probs = np.zeros((1, tables.NUM_PROMPTS, 12))
    for q in range(tables.NUM_PROMPTS):
        correct = np.flatnonzero(tables.CORRECT[q])
        probs[0, q, correct[:2]] = 0.5, 0.25
        probs[0, q, (correct[2] + 1) % 12] = 0.25
    path = tables.TrainingPath(probs, (probs * tables.CORRECT).sum(2))
    of_correct, of_wrong = path.entropies()
    np.testing.assert_allclose(of_correct, log(3) - 2 / 3 * log(2))
    np.testing.assert_allclose(of_wrong, 0, atol=1e-15)
    np.testing.assert_allclose(path.form_probs(5), [[2 / 3, 1 / 3, 0]])


# best of n


def test_divergence_of_a_verdict_is_that_of_its_distribution():
    """Against `theory.policies.best_of_n`, which handles ties."""
    probs = np.array([0.75, 0.25])
    for n, found in zip((1, 4, 64), best_of_n.verdict_kl((1, 4, 64)), strict=True):
        expected = float(theory.kl_divergence(best_of(probs, np.array([0.0, 1.0]), n), probs))
        assert found == pytest.approx(expected, abs=1e-15)


@pytest.mark.parametrize(
    ("errors", "draw"), [("t(3)", "standard_t"), ("β = 1", "laplace"), ("β = 2", "standard_normal")]
)
def test_true_share_by_simulation(errors, draw):
    """The mean of true value − share · score is 0 for the best of 16, within 5 standard errors of 40,000 draws."""
    rng, shape = np.random.default_rng(0), (40_000, 16)
    true = rng.standard_normal(shape)
    number, deviation = {"t(3)": ((3,), 3**0.5), "β = 1": ((0, 1), 2**0.5), "β = 2": ((), 1)}[errors]
    score = true + getattr(rng, draw)(*number, size=shape) / deviation
    best = score.argmax(1)[:, None]
    of_best, promised = (np.take_along_axis(x, best, axis=1)[:, 0] for x in (true, score))
    off = of_best - best_of_n.true_share(errors, 16) * promised
    assert abs(off.mean()) < 5 * off.std() / len(off) ** 0.5
    other = of_best - best_of_n.true_share("β = 1.9" if errors == "β = 2" else "β = 4", 2**20) * promised
    assert abs(other.mean()) > 5 * other.std() / len(off) ** 0.5


def test_gaussian_errors_are_the_edge():
    """Half for every n, up to the quadrature's error."""
    np.testing.assert_allclose([best_of_n.true_share("β = 2", n) for n in (2, 64, 2**20)], 0.5, atol=1e-6)


# rows can fail


def test_a_path_off_its_orbit_is_detected(monkeypatch):
    """One probability off by 1e-5 at the end, compensated by another, and one update that does not sharpen."""
    paths = tables.trained(QUICK)
    assert claims.orbit(QUICK).decide().outcome == claims.sharpens(True, QUICK).decide().outcome == "holds"
    probs = paths[-1].probs.copy()
    probs[-1, 0, :2] += [1e-5, -1e-5]
    probs[7] = probs[0]
    monkeypatch.setattr(tables, "trained", lambda settings: [*paths[:-1], paths[-1]._replace(probs=probs)])
    assert claims.orbit(QUICK).decide().outcome == claims.sharpens(True, QUICK).decide().outcome == "fails"


def test_methods_that_are_equally_good_tie(monkeypatch):
    """Equal arms tie, a method that is behind fails, lost diversity is detected."""
    noise = np.random.default_rng(0).normal(0.5, 0.05, (4, 64, 1, 3, 3))
    diversity = np.tile([1.0, 0.5], (64, 1))
    runs = {
        name: study.TrainingMetrics(np.array([200]), passed, diversity, diversity, diversity)
        for name, passed in zip((study.GRADIENT, study.FIXED, study.REFIT, study.PARAPHRASED), noise, strict=True)
    }
    runs[study.PARAPHRASED] = runs[study.PARAPHRASED]._replace(passed=noise[3] - 0.2)
    monkeypatch.setattr(study, "trained", lambda settings, name, *_, **__: runs[name])
    checks = {check.id: check for check in claims.CLAIMS}
    tied, control, behind = (checks[f"C9-{id}"].row(QUICK) for id in ("transfer", "transfer-control", "one-wording"))
    assert tied.outcome == "open" and not control.as_expected  # which cannot tell a tie from its row
    assert behind.outcome == "fails"
    assert claims.diverse(study.GRADIENT, QUICK).decide().outcome == "fails"


def test_scores_that_are_not_gaussian_are_detected(monkeypatch):
    drawn = np.random.default_rng(0).normal(1, 0.1, (100, 3, 3))
    monkeypatch.setattr(best_of_n, "selected", lambda settings: drawn)
    for find in (claims.goodhart, claims.rank_kl):
        assert find(QUICK).decide().outcome == "fails"


def test_methods_tie_within_their_margin_only(monkeypatch):
    """.04 apart they tie to .05, .06 apart they do not, whichever is ahead; nor is .06 a cost of at most .03."""
    noise = np.random.default_rng(0).normal(0.5, 0.01, (64, 1, 3, 3))
    empty = np.zeros((64, 2))

    def outcomes(ahead):
        def trained(settings, name, *_, **__):
            return study.TrainingMetrics(np.array([200]), noise + ahead * (name == study.REUSED), empty, empty, empty)

        monkeypatch.setattr(study, "trained", trained)
        return claims.as_good(study.REUSED, QUICK).decide().outcome

    assert [outcomes(ahead) for ahead in (-0.06, -0.04, 0.04, 0.06)] == ["fails", "holds", "holds", "fails"]


def test_only_verdicts_cost_nats_in_each_round(monkeypatch):
    """RLVR ends when all nats are spent, SFT when it may use no reference again; accuracy is the round here."""

    def trained(start, method, batches, counts):
        rounds = np.tile(np.append(0, np.cumsum(counts > 0)), (16, 1))
        return rounds, 10 * rounds

    monkeypatch.setattr(small_batches, "_trained", trained)
    monkeypatch.setattr(small_batches, "started", lambda *_: None)
    np.testing.assert_allclose(small_batches.NATS, 64 * (log(4) + log(8)))
    key = jax.random.key(0)
    assert (small_batches.transferred(key, "SFT", num_seeds=16) == small_batches.NUM_ROUNDS).all()
    assert (small_batches.transferred(key, "SFT", uses=1, num_seeds=16) == 16).all()  # 64 prompts, 4 a round
    assert (small_batches.transferred(key, "RLVR", num_seeds=16) == 22).all()  # of 221.8 nats, 10 a round
