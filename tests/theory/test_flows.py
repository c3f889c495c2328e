"""Gradient flow against matrix exponentials, fine grids and closed forms."""

import math

import jax
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from oracles import close
from scipy.linalg import expm
from strategies import FEW, SEEDS

from theory import mutual_information, prequential


def moments(seed, size, rank):
    """E zzᵀ, E yz and E y² of `rank` samples."""
    rng = np.random.default_rng(seed)
    z, y = rng.normal(size=(rank, size)) * rng.uniform(0.1, 2, size), rng.normal(size=rank)
    return z.T @ z / rank, z.T @ y / rank, y @ y / rank


TIMES = np.array([[0, 1e-9, 0.3], [2, 30, 500]])
run = jax.jit(prequential.flow)


@pytest.mark.parametrize("rank", [20, 2, 1])
@FEW
@given(seed=SEEDS)
def test_matrix_exponentials_agree_on_the_flow(rank, seed):
    """Of [[−C, c], [0, 0]], singular covariances included; small times keep relative digits."""
    covariance, cross, _ = moments(seed, 4, rank)
    block = np.pad(np.column_stack([-covariance, cross]), ((0, 1), (0, 0)))
    expected = [expm(block * t)[:4, 4] for t in TIMES.ravel()]
    weights = run(covariance, cross, TIMES)
    close(weights.reshape(6, 4), expected, atol=1e-10)
    close(weights[0, 1] / 1e-9, cross, atol=1e-6)


def test_without_variance_the_weights_grow_with_time():
    """Along an eigenvalue of 0, or of less by rounding."""
    for least in (0, -1e-12):
        covariance = np.diag([1, least])
        close(prequential.flow(covariance, [0, 2], [3, 1e13]), [[0, 6], [0, 2e13]])


def signs(scale, intended=0.9, spurious=0.5):
    """Moments of two signs of the label that are independent given it, the first one scaled."""
    both = intended * spurious
    covariance = np.array([[scale**2, scale * both], [scale * both, 1]])
    return covariance, np.array([scale * intended, spurious]), np.array([scale, -1.0])


def test_information_does_not_decide_the_flow():
    """.49 nats at scale .1 lose to .13 until t = 65.7; at scale 1 they lead from the start, as informed as before."""
    first, second = (np.array([[r, 1 - r], [1 - r, r]]) / 2 for r in (0.95, 0.75))
    close([mutual_information(first), mutual_information(second)], [0.4946319, 0.1308120], atol=1e-7)
    covariance, cross, direction = signs(0.1)
    close(covariance, [[0.01, 0.045], [0.045, 1]])
    at = prequential.flow_crossover(covariance, cross, direction)
    close(at, 65.718915569356, atol=1e-11)
    block = np.pad(np.column_stack([-covariance, cross]), ((0, 1), (0, 0)))
    for factor, sign in ((0.999, -1), (1.001, 1)):
        assert sign * (expm(block * float(at) * factor)[:2, 2] @ direction) > 0
    assert prequential.flow_crossover(*signs(1.0)) == 0
    assert prequential.flow_crossover(*signs(0.1, 0.5, 0.9)) == np.inf


def test_the_noise_decides_whether_the_spurious_weight_stays():
    """w_2(∞) = b (1−a²)/(1−a²b²): zero only where the intended feature explains the label, a = 1."""
    for a, b in ((0.9, 0.5), (0.5, 0.9), (1.0, 0.5)):
        covariance, cross, _ = signs(0.1, a, b)
        weights = np.asarray(prequential.flow(covariance, cross, 1e7))
        close(weights[1], b * (1 - a**2) / (1 - (a * b) ** 2), atol=1e-10)
    close(weights, [10, 0], atol=1e-10)
    covariance, _, _ = moments(0, 5, 30)
    close(prequential.flow(covariance, 3 * covariance[0], 1e6), [3, 0, 0, 0, 0], atol=1e-9)


@given(seed=SEEDS)
def test_a_fine_grid_agrees_on_the_crossover(seed):
    """The last sign change of d·w among 20000 times; singular covariances included."""
    covariance, cross, _ = moments(seed, 5, 3 + 20 * (seed % 2))
    direction = np.random.default_rng(seed).normal(size=5)
    at = float(prequential.flow_crossover(covariance, cross, direction))
    rates, vectors = np.linalg.eigh(covariance)
    some = rates > 1e-12
    rates, terms = rates[some], (direction @ vectors * (cross @ vectors))[some]
    grid = np.geomspace(1e-6, 60 / rates.min(), 20000)
    answer = -np.expm1(-np.multiply.outer(grid, rates)) @ (terms / rates)
    behind = answer <= 1e-12 * np.abs(terms / rates).sum()
    if behind[-1]:
        assert at == np.inf
    else:
        last = np.append(0, grid)[np.flatnonzero(np.append(True, behind))[-1]]
        assert abs(at - last) <= 0.02 * last + 1e-6


def test_a_crossover_may_be_the_third():
    """Independent features of rates 1, 10, 100, 1000 that pull the answer to and fro: it counts for good."""
    rates = np.array([1, 10, 100, 1000.0])
    pull = np.array([6, -4, 2.2, -1.0])
    at = float(prequential.flow_crossover(np.diag(rates), rates, pull))
    changes = np.geomspace(1e-5, 30, 100000)
    answer = -np.expm1(-np.multiply.outer(changes, rates)) @ pull
    crossings = changes[1:][np.diff(np.sign(answer)) != 0]
    assert len(crossings) == 3
    close(at, crossings[-1], atol=1e-3)
    assert prequential.flow_crossover(np.diag(rates), rates, -pull) == np.inf


def test_a_crossover_at_once_keeps_its_digits():
    """f = 1 − e^{−t} − e_2 (1 − e^{−λt}), e_2 λ = 1 + δ: t = 2δ/(λ(1+δ) − 1) to first order, 1e-15 of the bracket."""
    rate, excess = 2.0**20, 2.0**-35
    at = prequential.flow_crossover(np.diag([1, rate]), [1, rate], [1, -(1 + excess) / rate])
    np.testing.assert_allclose(at, 2 * excess / (rate * (1 + excess) - 1), rtol=1e-4)  # a rounding over δ


def test_equal_rates_and_answers_that_end_at_zero():
    close(prequential.flow_crossover(np.eye(3), [1, 1, 1], [2, -1, -0.5]), 0)
    assert prequential.flow_crossover(np.eye(2), [1, 1], [1, -1]) == np.inf
    assert prequential.flow_crossover(np.zeros((2, 2)), [0, 0], [1, -1]) == np.inf
    covariance = moments(0, 5, 30)[0]
    assert prequential.flow_crossover(covariance, 3 * covariance[0], [0, 0, -1, 0, 0]) == np.inf


@given(st.floats(0.05, 0.95), st.floats(0.05, 0.95))
def test_separated_crossover(intended, spurious):
    """Its error stays bounded while the crossover grows as 1/s²; none where the spurious feature is the better one."""
    assume(intended <= spurious or intended > spurious + 1e-6)  # a tie but for rounding is no crossover
    cases = [signs(scale, intended, spurious) for scale in (0.03, 0.01)]
    limit = [float(prequential.separated_crossover(*case)) for case in cases]
    exact = [float(prequential.flow_crossover(*case)) for case in cases]
    if intended <= spurious:
        assert exact == limit == [np.inf, np.inf]
        return
    r = intended * spurious
    formula = -math.log1p(-spurious * (1 - r) / (intended - r * spurious)) / (1 - r**2)
    np.testing.assert_allclose(limit, formula / np.array([0.03, 0.01]) ** 2, rtol=1e-9)
    if limit[0] > 20:
        errors = np.subtract(exact, limit)
        assert np.abs(errors).max() < 5
        close(errors[0], errors[1], atol=0.02 + 0.1 * abs(errors[1]))


def test_separated_crossover_at_the_edges():
    """No correlation needed, none where the fast feature is on the right side; larger variances are quicker."""
    close(prequential.separated_crossover(np.diag([0.01, 4]), [0.05, 2], [1, -1]), -math.log(1 - 0.5 / 5) / 0.01)
    assert prequential.separated_crossover(np.diag([0.01, 1]), [0.05, 1], [1, 1]) == 0
    assert prequential.separated_crossover(np.diag([0.01, 1]), [-0.05, 1], [1, -1]) == np.inf


def test_flow_in_any_units():
    """w scales as c/C and the crossover as 1/C, from 1e-200 to 1e200."""
    covariance, cross, direction = signs(0.1)
    at = float(prequential.flow_crossover(covariance, cross, direction))
    limit = float(prequential.separated_crossover(covariance, cross, direction))
    for scale in (1e-200, 1e-60, 1e60, 1e200):
        scaled = covariance * scale, cross * 1e200, direction * 1e200
        np.testing.assert_allclose(prequential.flow_crossover(*scaled), at / scale, rtol=1e-9)
        np.testing.assert_allclose(prequential.separated_crossover(*scaled), limit / scale, rtol=1e-9)
    close(prequential.flow(np.diag([2.0, 4]), [1e10, 4], 1e305), [5e9, 1])
