"""The exponent of "ends wrong": value iteration, exact chains, its limits and the path it takes."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracles import EXACT, close
from scipy.special import expit, logit

from theory import budget


def by_value_iteration(selection, shares, grid=1200):
    """V on a grid of log odds, from the cost of losing all correct outputs in one round."""
    place = np.linspace(-16, 16, grid)
    y, target = expit(place), place + selection

    def log_ratio(sign):  # ln y/f and ln (1−y)/(1−f)
        return np.logaddexp(0, sign * target)[:, None] - np.logaddexp(0, sign * place)

    cost = y * log_ratio(-1) + (1 - y) * log_ratio(1)
    value = np.logaddexp(0, target)
    for _ in range(200):
        value = np.minimum(np.logaddexp(0, target), (cost + value).min(1))
    return np.interp(logit(shares), place, value)


@pytest.mark.parametrize("ratio", [11.0, 1e4, *(pytest.param(x, marks=pytest.mark.slow) for x in (3.0, 38.0))])
def test_value_iteration(ratio):
    """Weak, strong and so strong that paths fold: the least of several; 1e-4: the grid."""
    shares = np.array([0.001, 0.05, 0.3, 0.8, 0.99])
    expected = by_value_iteration(math.log(ratio), shares)
    np.testing.assert_allclose(budget.wrong_exponent((1, 1 / ratio), shares), expected, rtol=1e-4)


@pytest.mark.parametrize(("verifier", "share"), [((0.8, 0.4), 0.3), ((0.9, 0.3), 0.25), ((0.9, 0.85), 0.6)])
def test_exact_chains(verifier, share):
    """−Δ ln P(ends wrong)/Δn of the chain, from a given accuracy and from n real samples."""
    for real in (None, [200, 400]):
        few, many = -np.log(budget.fixation([200, 400], verifier, share, num_real=real).wrong)
        found = budget.wrong_exponent(verifier, share, fitted=real is not None)
        close((many - few) / 200, found, atol=2e-6)


def test_limits():
    """Weak selection to the third order, a rare start, a verifier that never errs, and none."""
    s, z = 0.05, np.array([0.1, 0.5, 0.9])
    series = 2 * s * z + s**2 * z * (1 - z) / 3 + s**3 * (z / 9 - 7 * z**2 * (3 - 2 * z) / 54)
    close(budget.wrong_exponent((1, math.exp(-s)), z), series, atol=s**4)
    near = budget.wrong_exponent((1, np.exp([-0.0199999, -0.0200001])), 0.3)  # the series, and the paths
    close(near[1] - near[0], 2 * 0.3 * 2e-7, atol=2e-9)
    c = float(budget.wrong_exponent((0.8, 0.4), 1e-9)) / 1e-9
    close(c, 2 * -math.expm1(-c), atol=1e-7)
    close(budget.wrong_exponent((0.8, 0.0), 0.3, fitted=True), -math.log(0.7))
    found = budget.wrong_exponent(([0.8, 0.4, 0.3, 0.8, 0.8], [0.0, 0.4, 0.5, 0.4, 0.4]), [0.3, 0.3, 0.3, 0.0, 1.0])
    np.testing.assert_array_equal(found, [np.inf, 0, 0, 0, np.inf])


@given(st.integers(1, 30), st.floats(1.01, 30.0), st.floats(0.01, 1.0))
def test_no_loop_ends_wrong_more_often(n, ratio, initial):
    """P(ends wrong) ≤ LR^{−np}, since (ψ/φ)^{nZ} is a supermartingale."""
    wrong = float(budget.fixation(n, (1.0, 1 / ratio), initial).wrong)
    assert wrong <= ratio ** (-n * initial) + EXACT


def test_half_of_kimuras_exponent_is_needed():
    """2sp, the exponent of weak selection, is no bound: it fails for frequent starts."""
    assert float(budget.fixation(3, (1.0, 0.2), 0.7).wrong) > 5.0 ** (-2 * 3 * 0.7)
