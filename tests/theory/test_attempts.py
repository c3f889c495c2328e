"""Pass-at-k and its estimate, by hand, by counting and by the binomial law."""

import math

import jax
import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st
from oracles import close

from theory import budget, policies


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


def test_resampling_by_enumeration():
    """Σ_j a(1−a−b)^{j−1} over the attempts, two tasks; without a limit the ceiling."""
    a, b, weights = np.array([0.8, 0.1]), np.array([0.02, 0.1]), np.array([0.25, 0.75])
    for k in range(6):
        ends = policies.resampling(k, a, b, weights)
        lasts = sum((1 - a - b) ** j for j in range(k)) * np.ones(2)
        close(ends.correct, weights @ (a * lasts))
        close(ends.wrong, weights @ (b * lasts))
    limit = budget.ceiling([*a, 0.0], [*b, 0.0])
    close(policies.resampling(1e5, [*a, 0.0], [*b, 0.0]).correct, limit.accuracy * limit.covered, atol=1e-12)


@pytest.mark.parametrize("price", [0.0, 1.0, 2.0, 8.0])
def test_attempts_at_tasks_alike(price):
    """Of tasks alike the best number of attempts is 0 or the most there are; of unequal ones it can lie between."""
    k = np.arange(51)
    alike, unequal = (policies.resampling(k, a, b) for a, b in (([0.2], [0.1]), ([0.7, 0.05], [0.05, 0.1])))
    best = int(np.argmax(np.asarray(alike.correct) - price * np.asarray(alike.wrong)))
    assert best == (50 if price < 2 else 0 if price > 2 else best)
    if price == 2.0:
        assert 0 < np.argmax(np.asarray(unequal.correct) - price * np.asarray(unequal.wrong)) < 10


def test_rare_outputs_keep_their_digits():
    """1 − (1 − 2e-9)^k, k = 1e9, in float32 too; a task whose outputs are all accepted takes one attempt, none none."""
    rate = np.float32(1e-9)
    close(policies.resampling(np.float32(1e9), [rate], [rate]).correct, -np.expm1(-2.0) / 2, atol=1e-6)
    close(policies.resampling([0.0, 1.0, 5.0], [0.25], [0.75]).correct, [0.0, 0.25, 0.25])
