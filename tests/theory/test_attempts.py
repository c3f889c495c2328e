"""Pass-at-k and its estimate, by hand, by counting and by the binomial law."""

import math

import jax
import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st
from oracles import close

from theory import policies


def test_pass_at():
    close(policies.pass_at([[1], [2], [3]], [0.1, 0, 1]), [[0.1, 0, 1], [0.19, 0, 1], [0.271, 0, 1]])
    np.testing.assert_allclose(policies.pass_at(5, 1e-30), 5e-30, rtol=1e-15)


estimate = jax.jit(policies.pass_at_estimate, static_argnums=(0, 1))


@pytest.mark.parametrize(("k", "n"), [(1, 9), (3, 9), (9, 9), (50, 200)])
def test_counting_agrees_on_the_estimate(k, n):
    right = np.arange(n + 1)
    expected = [1 - math.comb(n - c, k) / math.comb(n, k) for c in right.tolist()]
    close(estimate(k, n, right), expected)


@given(st.floats(1e-9, 1))
def test_the_estimate_is_unbiased(p):
    """E[1 − C(n−c,k)/C(n,k)] = 1 − (1−p)^k for c ~ Binomial(n, p); the plug-in 1 − (1 − c/n)^k is not."""
    right = np.arange(13)
    weight = scipy.stats.binom.pmf(right, 12, p)
    truth = jax.jit(policies.pass_at)(4, p)
    close(weight @ estimate(4, 12, right), truth)
    assert not 0.1 < p < 0.5 or abs(weight @ (1 - (1 - right / 12) ** 4) - truth) > 1e-3


def test_pass_at_of_extreme_numbers():
    """A subnormal accuracy, and more samples than 32 bits hold: 1 − (1−c/n)(1−c/(n−1))."""
    np.testing.assert_allclose(policies.pass_at(3, 1e-310), 3e-310, rtol=1e-12)
    n = 2**33
    np.testing.assert_allclose(policies.pass_at_estimate(2, n, 1), 2 / n, rtol=1e-14)
