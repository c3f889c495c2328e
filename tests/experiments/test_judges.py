"""The exact loops of the judges against other routes, and rows that fail if their study is broken."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import binom

import theory
from experiments.harness.ledger import Settings
from experiments.judges import claims, study
from experiments.judges.study import LEARNED, PRIOR, TASKS, VERIFIER, WEAK
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


@pytest.mark.parametrize("num_votes", [1, 11])
def test_votes_are_a_chain(num_votes):
    """The share of correct majorities after one generation and after 40, by the kernel of the two kinds of vote."""
    n, rates = study.NUM_SAMPLES, np.array([VERIFIER, VERIFIER[::-1]])
    share = np.arange(n + 1) / n
    wins = binom.sf(num_votes // 2, num_votes, share)
    correct, wrong = study.kernels(n, rates)
    kernel = wins[:, None] * correct + (1 - wins)[:, None] * wrong
    end = study.starts()[0] @ np.linalg.matrix_power(kernel, study.NUM_VOTED)
    found = study.votes(jax.random.key(4), num_votes, False)
    for table, seen in zip((study.starts()[0], end), found, strict=True):
        exact = table @ ((1 + np.sign(share - 0.5)) / 2)
        assert abs(seen.mean() - exact) < 5 * seen.std() / seen.size**0.5


def test_a_trained_judge_injects_what_it_knew():
    """I(X;J|Z_0) by its definition; the first generation, state by state; only new data pass the bound."""
    n, m = 6, 4
    found = study.trained_judge(n, m, 30, 3)
    table = PRIOR[:, None, None] * study.starts(m)[:, :, None] * study.starts(n)[:, None]
    np.testing.assert_allclose(found.injected, theory.conditional_mutual_information(table), rtol=1e-10)
    assert found.fixed[0] == pytest.approx(found.retrained[0], rel=1e-12)
    assert (found.fixed <= found.injected + 1e-12).all() and found.retrained.max() > found.injected
    joint, conditional = 0, table / table.sum((1, 2), keepdims=True)
    for j, z in np.ndindex(m + 1, n + 1):  # one accepted generation, state by state
        first, second = z * np.exp(2 * j / n), (n - z) * np.exp(2 * (m - j) / n)
        joint = joint + conditional[:, j, z, None] * binom.pmf(np.arange(31), 30, first / (first + second))
    gained = theory.mutual_information(joint / 2) - theory.mutual_information(PRIOR[:, None] * study.starts(n))
    np.testing.assert_allclose(found.fixed[0], gained, rtol=1e-8)


def backwards(study):
    """Its information and accuracy as if the last generation were the first."""
    loop = study()
    return lambda: loop._replace(information=loop.information[::-1], accuracy=loop.accuracy[::-1])


@pytest.mark.parametrize(
    "row",
    [
        lambda: claims.ends_correct(backwards(study.fixed_reward_model), QUICK),
        lambda: claims.opens(backwards(study.retrained_judge), "backwards", QUICK),
        lambda: claims.spends("retrained", QUICK),
        lambda: claims.equal_ratio_limit(lambda goal: 1.01 * study.equal_ratio_limit(goal), QUICK),
    ],
    ids=["ends-right", "opens", "trained", "limit"],
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
