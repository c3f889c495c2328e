"""The exact loops of the judges against other routes, and rows that fail if their study is broken."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments.harness.ledger import Settings
from experiments.judges import claims, study
from experiments.judges.study import LEARNED, PRIOR, TASKS, WEAK
from theory import budget, drift
from theory.claims import data_processing, fixed_reward_model

QUICK = Settings()


@pytest.mark.parametrize("t", [1, 7])
def test_an_earlier_model_is_a_chain_of_pairs(t):
    """(Z_0, Z_t) moves by one block for each Z_0, and Z_t is its marginal."""
    n = 10
    keeps = study.preferences(n, WEAK)
    blocks = [np.asarray(drift.selection_kernel(n, keep)) for keep in keeps]
    kernel = np.einsum("ab,acd->acbd", np.eye(n + 1), np.stack(blocks)).reshape((n + 1) ** 2, -1)
    first = np.stack([np.diag(drift.initial(n, task)).ravel() for task in TASKS])
    pairs = first @ np.linalg.matrix_power(kernel, t)
    expected = pairs.reshape(2, n + 1, n + 1).sum(1)
    np.testing.assert_allclose(study.earlier_model(WEAK, n).distributions[t], expected, atol=1e-14)


def test_starts_are_the_fits_to_real_samples():
    np.testing.assert_allclose(study.starts(51), [drift.initial(51, task) for task in TASKS], rtol=1e-11)


def test_a_judge_of_many_samples_is_a_perfect_one():
    """It always prefers the correct symbol, so that the next fit has no other."""
    loop, total = study.learned_judge(3001)
    perfect = budget.fixed_judge_total(PRIOR, jnp.eye(2), study.starts())
    np.testing.assert_allclose(total, perfect, atol=1e-12)
    np.testing.assert_allclose(loop.accuracy[1:], 1, atol=1e-12)


def test_a_judge_that_is_the_model_closes_the_loop():
    """I(X;Z_{t+1}) ≤ I(X;Z_t) (C5); a judge that is retrained on real data opens it."""
    assert np.min(data_processing(study.self_consistency().information)) >= -1e-12
    assert np.min(data_processing(study.retrained_judge().information)) < 0


def test_what_a_fixed_judge_can_inject():
    """I(X;Z_t) ≤ I(X;Z_0) + I(X;J|Z_0) (L4): J is Z_0, drawn verdicts, or learned from m samples, at most these."""
    assert np.min(fixed_reward_model(study.earlier_model(WEAK).information, 0.0)) >= -1e-12
    assert np.min(fixed_reward_model(study.fixed_reward_model().information, study.cap())) >= -1e-12
    for m, samples in zip(LEARNED, study.samples(), strict=True):
        loop, total = study.learned_judge(m)
        assert np.min(fixed_reward_model(loop.information, total)) >= -1e-12
        assert loop.information[0] + total <= samples + 1e-12


def backwards(study):
    """Its information and accuracy as if the last generation were the first."""
    loop = study()
    return lambda: loop._replace(information=loop.information[::-1], accuracy=loop.accuracy[::-1])


@pytest.mark.parametrize(
    "row",
    [
        lambda: claims.ends_correct(backwards(study.fixed_reward_model), QUICK),
        lambda: claims.opens(backwards(study.retrained_judge), "backwards", QUICK),
        lambda: claims.equal_ratio_limit(lambda goal: 1.01 * study.equal_ratio_limit(goal), QUICK),
    ],
    ids=["ends-right", "opens", "limit"],
)
def test_a_row_can_fail(row):
    """A study that is broken on purpose."""
    assert row().decide().outcome == "fails"


@pytest.mark.slow
@pytest.mark.parametrize("name", ["accuracy", "information"])
def test_a_simulation_of_other_judges_fails(monkeypatch, name):
    """The loops of the self-consistency judge against the chain without a judge."""
    monkeypatch.setitem(study.JUDGES, "self-consistency judge", study.no_judge)
    assert claims.simulated(name, "nats", QUICK).decide().outcome == "fails"


@pytest.mark.slow
def test_the_accuracy_of_a_path_is_that_of_its_steps():
    """A chain that stays where it is has no correct step, although its first symbol counts as one."""
    still = study.MODELS["chain"]._replace(transition=jnp.eye(4))
    sizes = {"num_generations": 1, "num_replicas": 12}
    accuracy = study.loops(jax.random.key(0), still, study.CORRECT["chain"], **sizes).accuracy
    assert (np.asarray(accuracy) == 0).all()
