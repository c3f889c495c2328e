"""Gaussian, also where it is singular."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from cases import GAUSSIAN_1, GAUSSIAN_3, array, close, half_weights, same

import sandbox


@pytest.mark.parametrize("unbiased", [False, True])
@pytest.mark.parametrize("model", [GAUSSIAN_1, GAUSSIAN_3], ids=["d=1", "d=3"])
def test_a_gaussian_fit_is_the_weighted_covariance(model, unbiased):
    """Σ w (x − mean)(x − mean)' / (W − ddof), against numpy."""
    x, weights = np.asarray(model.sample(jax.random.key(0), 40)), np.asarray(half_weights(40))
    fitted = model.fit(array(x), array(weights), unbiased=unbiased)
    centred = x - np.average(x, axis=0, weights=weights)
    expected = (weights[:, None] * centred).T @ centred / (weights.sum() - unbiased)
    close(fitted.mean, np.average(x, axis=0, weights=weights))
    close(fitted.scale @ fitted.scale.T, expected)
    close(fitted.scale, np.linalg.cholesky(expected))
    whole = model.fit(array(x), jnp.ones(40), unbiased=unbiased)
    close(whole.scale @ whole.scale.T, np.atleast_2d(np.cov(x, rowvar=False, ddof=int(unbiased))))


def test_one_sample_has_no_unbiased_covariance():
    x = array([[1.0, 2, 3]])
    fitted = GAUSSIAN_3.fit(x, jnp.ones(1), unbiased=True)
    close(fitted.mean, x[0])
    same(fitted.scale, GAUSSIAN_3.scale)
    close(GAUSSIAN_3.fit(x, jnp.ones(1)), sandbox.Gaussian(x[0], jnp.zeros((3, 3))))


@pytest.mark.parametrize("n", [1, 2, 3])
def test_a_singular_gaussian_is_no_nan(n):
    """From n < d + 1 samples the covariance has rank n − 1."""
    x = GAUSSIAN_3.sample(jax.random.key(0), n)
    fitted = GAUSSIAN_3.fit(x, jnp.ones(n))
    assert np.linalg.matrix_rank(np.asarray(fitted.scale), tol=1e-9) == n - 1
    close(fitted.scale @ fitted.scale.T, np.cov(x, rowvar=False, ddof=0) if n > 1 else np.zeros((3, 3)))
    again = fitted.sample(jax.random.key(1), 50)
    refitted = fitted.fit(again, jnp.ones(50))
    for value in (*fitted, again, *refitted, fitted.log_prob(again), fitted.log_prob(again + 1)):
        assert not bool(jnp.isnan(value).any())
    assert np.linalg.matrix_rank(np.asarray(refitted.scale), tol=1e-7) == n - 1


def test_a_collapsed_gaussian_is_a_point():
    point = sandbox.Gaussian(array([1.0, 2]), jnp.zeros((2, 2)))
    x = point.sample(jax.random.key(0), 5)
    same(x, jnp.broadcast_to(point.mean, (5, 2)))
    same(point.fit(x, jnp.ones(5)), point)
    same(point.log_prob(array([[1.0, 2], [1, 3]])), array([np.inf, -np.inf]))


@pytest.mark.parametrize("smallest", [1e-150, 1e-170, 1e-308, 5e-324])
def test_a_tiny_scale_is_no_nan(smallest):
    model = sandbox.Gaussian(array([0.0]), array([[smallest]]))
    x = model.sample(jax.random.key(0), 10)
    fitted = model.fit(x, jnp.ones(10))
    for value in (*fitted, model.log_prob(x), fitted.log_prob(x)):
        assert not bool(jnp.isnan(value).any())
