"""The mean of replicas, its standard error and its interval."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats

import theory


def test_estimate():
    values = np.random.default_rng(0).normal(size=(50, 3))
    result = theory.estimate(values)
    np.testing.assert_allclose(result.mean, values.mean(0), atol=1e-15)
    np.testing.assert_allclose(result.stderr, scipy.stats.sem(values), atol=1e-15)
    assert result.count == 50


def test_interval():
    lower, upper = theory.Estimate(jnp.asarray(1.0), jnp.asarray(0.5), 10).interval(level=0.9)
    expected = scipy.stats.norm.interval(0.9, 1.0, 0.5)
    np.testing.assert_allclose([lower, upper], expected, rtol=1e-12)
    lower, upper = theory.Estimate(0.0, 1.0, 2).interval()
    np.testing.assert_allclose([lower, upper], [-1.959963984540054, 1.959963984540054], rtol=1e-12)


def test_coverage():
    """5000 intervals of 95 % from 100 normal replicas each cover zero 94.5 % of the time (the t law), ± 5 errors."""
    values = jax.random.normal(jax.random.key(0), (100, 5000))
    lower, upper = theory.estimate(values).interval()
    covered = float(((lower < 0) & (upper > 0)).mean())
    assert abs(covered - (1 - 2 * scipy.stats.t.sf(1.959964, 99))) < 5 * np.sqrt(0.05 * 0.95 / 5000)


def test_estimates_pass_through_transformations():
    values = jnp.arange(6.0).reshape(3, 2)
    assert jax.jit(theory.estimate)(values).mean.shape == (2,)
    assert jax.vmap(theory.estimate)(values[:, :, None]).mean.shape == (3, 1)


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda: theory.estimate([1.0]), "values"),
        (lambda: theory.estimate(1.0), "values"),
        (lambda: theory.estimate([1.0, np.nan]), "values"),
        (lambda: theory.Estimate(0.0, 1.0, 2).interval(1.0), "level"),
        (lambda: theory.Estimate(0.0, 1.0, 2).interval(np.nan), "level"),
    ],
)
def test_bad_input_is_refused(call, name):
    with pytest.raises(ValueError, match=rf"^{name}: .* was given; accepted: "):
        call()
