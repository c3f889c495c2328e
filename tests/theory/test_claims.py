"""Each claim holds where it should, and its negative control, one hypothesis short, fails."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from oracles import EXACT, close, starts
from strategies import FEW, SEEDS, many, pmfs

import theory
from theory import claims, drift, prequential, supervision

training = jax.jit(claims.training)
S = 5


@given(pmfs((3,)), pmfs((3, 4)), pmfs((4, 5)))
def test_training(prior, data, train):
    """C1, X → D → Z:  I(X;Z) ≤ I(X;D)."""
    joint = prior[:, None, None] * data[:, :, None] * train[None]
    assert training(joint) >= -EXACT


def test_training_twin():
    """C1 fails where the training noise depends on the task: it carries to Z what the data do not."""
    joint = np.zeros((2, 2, 2))
    for x in range(2):
        joint[x, :, x] = 1 / 4  # D is a fair coin, the noise R = X, Z = R
    close(claims.training(joint), -np.log(2))


@given(pmfs((3,)), pmfs((3, S)), pmfs((S, S)))
def test_data_processing(prior, first, kernel):
    """C2, X → Z_t → Z_{t+1}:  I(X;Z_{t+1}) ≤ I(X;Z_t)."""
    assert claims.data_processing(drift.information(prior, first, kernel, 3)).min() >= -EXACT


def test_data_processing_twin():
    """C2 fails with a side input: a fair coin with a kernel that depends on the task."""
    first = np.full((2, 2), 0.5)
    peeking = np.array([[[0.9, 0.1], [0.9, 0.1]], [[0.1, 0.9], [0.1, 0.9]]])
    slack = claims.data_processing(drift.information([0.5, 0.5], first, peeking, 2))
    assert slack[0] < -0.3
    closed = claims.data_processing(drift.information([0.5, 0.5], first, peeking[0], 2))
    assert closed.min() >= -EXACT


@given(pmfs((3,)), pmfs((3, S)), pmfs((S, S)))
def test_strong_data_processing(prior, first, kernel):
    """X → Z_t → Z_{t+1}:  I(X;Z_{t+1}) ≤ η_KL I(X;Z_t), for every kernel with η_KL < 1."""
    kernel = 0.9 * kernel + 0.1 / S  # rows that overlap
    information = drift.information(prior, first, kernel, 3)
    assert claims.strong_data_processing(information, kernel).min() >= -EXACT


def test_mutation_has_a_rate():
    """Multinomial(n, (1−μ)z + μ/K) contracts; the ratio of successive informations goes to (1−μ)² ≤ η_KL."""
    n, mu = 6, 0.3
    kernel = drift.multinomial_kernel(n, drift.mutate(drift.lattice(n, 2) / n, mu))
    information = drift.information([0.5, 0.5], starts(n, [[0.2, 0.8], [0.6, 0.4]]), kernel, 40)
    assert claims.strong_data_processing(information, kernel).min() >= -EXACT
    np.testing.assert_allclose(information[40] / information[39], (1 - mu) ** 2, atol=1e-6)
    assert (1 - mu) ** 2 < theory.contraction(kernel) < 1


def test_the_closed_loop_has_no_rate():
    """The negative control: η_KL = 1 for the neutral chain, and any constant rate below 1 fails in the end."""
    n, kernel = 6, drift.neutral_kernel(6)
    information = drift.information([0.5, 0.5], starts(n, [[0.2, 0.8], [0.6, 0.4]]), kernel, 60)
    with pytest.raises(ValueError, match=r"^kernel: eta_KL = 1.0 was given; accepted: a kernel with eta_KL < 1"):
        claims.strong_data_processing(information, kernel)
    with pytest.raises(ValueError, match=r"^kernel: eta_KL = "):  # 1 to the rounding of its dtype
        claims.strong_data_processing(np.float32(information), np.float32(kernel) * np.float32(1 - 1e-7))
    for rate in (0.5, 0.9, 0.999):
        assert (rate * information[:-1] - information[1:]).min() < -EXACT


@FEW
@given(SEEDS)
def test_external_signal(seed):
    """C3, X → (D,S) → Z:  I(X;Z) ≤ I(X;D) + I(X;S|D), 256 tables at a time."""
    prior, data = many(seed, (3,)), many(seed + 1, (3, 4))
    signal, learner = many(seed + 2, (3, 4, 2)), many(seed + 3, (4, 2, 5))
    joint = prior[:, :, None, None, None] * data[:, :, :, None, None] * signal[..., None] * learner[:, None]
    assert jax.vmap(claims.external_signal)(joint).min() >= -EXACT


def test_external_signal_twin():
    """I(X;S) in the place of I(X;S|D): neither D nor S = X xor D carries anything alone, and both carry all."""
    joint = np.zeros((2, 2, 2, 4))
    for x in range(2):
        for d in range(2):
            joint[x, d, x ^ d, 2 * d + (x ^ d)] = 1 / 4  # Z keeps both
    close(claims.external_signal(joint), 0)
    alone = theory.mutual_information(joint.sum((2, 3))) + theory.mutual_information(joint.sum((1, 3)))
    close(alone - theory.mutual_information(joint.sum((1, 2))), -np.log(2))


@FEW
@given(SEEDS)
def test_self_judge(seed):
    """C5, S = g(Z, D, noise):  I(X;S|Z,D) = 0, 256 tables at a time."""
    students, candidates, verdicts = many(seed, (12,)), many(seed + 1, (1, 4, 3)), many(seed + 2, (1, 4, 3, 2))
    joint = students.reshape(-1, 3, 4, 1, 1) * candidates[..., None] * verdicts
    np.testing.assert_allclose(jax.vmap(claims.self_consistency)(joint), 0, rtol=0, atol=EXACT)


def test_self_judge_twin():
    """A judge that has seen real data is no function of the student: a verdict on a blind student's candidate."""
    joint = np.zeros((2, 1, 2, 2))
    for x in range(2):
        for d in range(2):
            joint[x, 0, d, int(d == x)] = 1 / 4  # accepted if it is correct
    close(claims.self_consistency(joint), -np.log(2))


def test_injection_twin_with_too_little():
    """C4 fails where less is said to enter than does."""
    assert claims.injection([0.0, 0.5], [0.5])[0] >= -EXACT
    assert claims.injection([0.0, 0.5], [0.4])[0] < 0


@FEW
@given(SEEDS)
def test_supervision(seed):
    """C7:  I(P;S|Q) + I(Y;S|P,Q) − I(Y;S|Q) = I(P;S|Y,Q) ≥ 0, zero for P = [Y], on 256 tables each."""
    slack, beyond, blockwise = _supervision_slacks(many(seed, (48,)).reshape(-1, 4, 2, 3, 2))
    assert slack.min() >= -EXACT
    close(slack, beyond)
    close(blockwise, 0)


@jax.jit
@jax.vmap
def _supervision_slacks(joint):
    beyond = joint.transpose(1, 2, 0, 3).reshape(2, 3, 8)  # p, s, (y, q)
    blocks = jnp.array([[1.0, 0], [0, 1], [0, 1], [1, 0]])[:, :, None, None]
    block = joint.sum(1, keepdims=True) * blocks
    return claims.supervision(joint), theory.conditional_mutual_information(beyond), claims.supervision(block)


def test_supervision_twin():
    """Equality fails for a P that carries something about S beyond Y: P = Y xor S of two fair coins, by ln 2."""
    joint = np.zeros((2, 2, 2, 1))
    for y, s in np.ndindex(2, 2):
        joint[y, y ^ s, s, 0] = 1 / 4
    close(jax.jit(claims.supervision)(joint), np.log(2))


@FEW
@given(SEEDS)
def test_coverage(seed):
    """C12:  I([X];S_1…S_k) ≤ I(X;S_1…S_k) ≤ Σ_i I(X;S_i), and more queries carry no less, on 256 tables."""
    slack, lost, gained = _coverage_slacks(many(seed, (4,)), many(seed + 1, (3, 4, 2)))
    assert min(slack.min(), lost.min(), gained.min()) >= -EXACT


@jax.jit
@jax.vmap
def _coverage_slacks(prior, channel):
    together = supervision.joint_query_information(prior, channel, [0, 1, 0, 2])
    singles = supervision.query_information(prior, channel)[jnp.array([0, 1, 0, 2])]
    block = supervision.joint_query_information(prior, channel, [0, 1, 0, 2], [0, 1, 1, 0])
    fewer = supervision.joint_query_information(prior, channel, [0, 1, 0])
    return claims.coverage(together, singles), together - block, together - fewer


def test_coverage_twins():
    """C12 fails, by ln 2, for answers that are not independent given X, S_2 = X xor S_1, and for [X] in X's place."""
    xor = np.array([[[1, 0], [0, 1]], [[0, 1], [1, 0]]]) / 4  # x, s_1, s_2
    together = theory.mutual_information(xor.reshape(2, 4))
    close(claims.coverage(together, [theory.mutual_information(xor.sum(axis)) for axis in (2, 1)]), -np.log(2))
    # X is two bits and [X] their xor: given X the bits are independent, given [X] they are not
    bits, uniform, block = np.eye(2)[[[0, 0, 1, 1], [0, 1, 0, 1]]], np.full(4, 1 / 4), [0, 1, 1, 0]
    together = supervision.joint_query_information(uniform, bits, [0, 1], block)
    close(claims.coverage(together, supervision.query_information(uniform, bits, block)), -np.log(2))


@given(SEEDS)
def test_learned_first(seed):
    """C10 is a theorem for the posterior of a Bayesian mixture: S_c largest  ⇒  r_c ≥ r_j."""
    savings = 20 * np.random.default_rng(seed).standard_normal((256, 4))
    assert claims.learned_first(savings, prequential.mixture_weights(savings)).min() >= 0


def test_learned_first_twin():
    """Not with another prior, nor for gradient flow: by time 50 the slow feature saves more, the fast one is obeyed."""
    savings = np.array([[1.0, 2.0]])
    assert claims.learned_first(savings, prequential.mixture_weights(savings, [0.9, 0.1]))[0] < 0
    covariance, cross = np.array([[0.01, 0.045], [0.045, 1.0]]), np.array([0.09, 0.5])  # signs of means .9 and .5
    rate, t = np.diag(covariance), 50.0
    alone = cross**2 * (t / (2 * rate) + np.expm1(-2 * rate * t) / (4 * rate**2))  # ∫_0^t (L(0) − L(w(s))) ds of each
    answer = float(prequential.flow(covariance, cross, 50.0) @ np.array([0.1, -1.0]))  # where they differ
    assert alone[0] > alone[1]
    assert claims.learned_first(alone, [float(answer > 0), float(answer < 0)]) == -1


@given(SEEDS)
def test_reward_hacking(seed):
    """C11: a Bayes judge prefers wrong and spurious to correct and plain  ⇔  ln ρ/(1−ρ) ≥ ln (1−ε)/ε."""
    rho, noise = np.random.default_rng(seed).uniform(0.01, 0.99, (2, 256))
    slack = np.asarray(claims.reward_hacking(rho, noise))
    good = rho * noise / (rho * noise + (1 - rho) * (1 - noise))  # P(good | wrong, spurious), from Bayes' rule
    np.testing.assert_allclose(slack, np.log(good / (1 - good)), rtol=0, atol=1e-9)
    np.testing.assert_array_equal(slack > 0, rho > 1 - noise)
