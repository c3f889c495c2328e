"""Gaussian, also where it is singular."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from cases import GAUSSIAN_1, GAUSSIAN_3, array, close, half_weights, same

import sandbox

KEY = jax.random.key(0)
FAIR = sandbox.Gaussian(array([0.0]), array([[1.0]]))


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


@pytest.mark.parametrize("size", [1e140, 1e-140])
@pytest.mark.parametrize("model", [FAIR, GAUSSIAN_1], ids=["fair", "other"])
def test_a_fit_does_not_depend_on_the_unit(model, size):
    x = np.random.default_rng(0).normal(3, 2, (50, 1))
    fitted = model.fit(size * x)
    np.testing.assert_allclose([fitted.mean[0], fitted.scale[0, 0]], [size * x.mean(), size * x.std()], rtol=1e-12)


@pytest.mark.parametrize("size", [1e160, 1e200, 1e-160, 1e-300])
def test_squares_beyond_floats_are_refused(size):
    for weights in (None, jnp.full(50, 2.0)):
        with pytest.raises(ValueError, match=r"^x: a size of .* was given; accepted: sizes that float64 holds"):
            FAIR.fit(size * np.random.default_rng(0).normal(3, 2, (50, 1)), weights)


@pytest.mark.parametrize("smallest", [1e-150, 1e-170, 1e-308, 5e-324])
def test_a_tiny_scale_is_no_nan(smallest):
    model = sandbox.Gaussian(array([0.0]), array([[smallest]]))
    x = model.sample(jax.random.key(0), 10)
    fitted = jax.jit(sandbox.Gaussian.fit)(model, x, jnp.ones(10))
    for value in (*fitted, model.log_prob(x), fitted.log_prob(x)):
        assert not bool(jnp.isnan(value).any())


FAR = 1.7e9 + np.random.default_rng(0).normal(0, 10, 1000)


@pytest.mark.parametrize("dtype", [jnp.float64, jnp.float32])
def test_the_data_are_far_from_the_model(dtype):
    """1.7e9 ± 10, as a time in seconds: the moments are about the data, whatever the model; its dtype is kept."""
    model = jax.tree.map(lambda leaf: leaf.astype(dtype), FAIR)
    fitted = model.fit(FAR)
    assert fitted.mean.dtype == fitted.scale.dtype == dtype
    np.testing.assert_allclose(fitted.scale[0, 0], FAR.std(), rtol=1e-7)
    np.testing.assert_allclose(fitted.mean[0], FAR.mean(), rtol=1e-7)
    single = (FAR - 1.7e9 + 1e4).astype(np.float32)
    np.testing.assert_allclose(model.fit(single).scale[0, 0], single.astype(float).std(), rtol=1e-6)
    np.testing.assert_allclose(FAIR.fit(single).scale[0, 0], single.astype(float).std(), rtol=1e-12)


@pytest.mark.parametrize(
    "regime",
    [sandbox.Fresh(sandbox.Bootstrap(FAR[:, None]), 1.0), sandbox.Reuse(FAR), sandbox.Accumulate(FAR)],
    ids=lambda regime: type(regime).__name__,
)
def test_real_data_far_from_the_first_model(regime):
    """The signal drops all that it draws, so that the fit is to the real data."""
    record = sandbox.run(
        KEY, FAIR, lambda key, model, x: x[:, 0] > 1e9, num_samples=500, num_generations=1, regime=regime
    )
    expected = 10 if isinstance(regime, sandbox.Fresh) else FAR.std()
    np.testing.assert_allclose(record.model.scale[1, 0, 0], expected, rtol=0.2 if expected == 10 else 1e-7)


@pytest.mark.parametrize("size", [1e-290, 1e290])
def test_the_size_of_the_weights_does_not_matter(size):
    x, weights = GAUSSIAN_3.sample(KEY, 40), half_weights(40)
    close(GAUSSIAN_3.fit(x, size * weights), GAUSSIAN_3.fit(x, weights))


def test_data_that_float32_would_round_to_a_point_are_refused():
    """1.7e9 ± 10 has a range of 74 and steps of 200 in float32: no deviation would be left."""
    x = 1.7e9 + 10 * np.random.default_rng(0).normal(size=(100, 1))
    with jax.enable_x64(False), pytest.raises(ValueError, match=r"^x: .* was given; accepted: points about 0"):
        sandbox.Gaussian([0.0], [[1.0]]).fit(x)
    with jax.enable_x64(False):
        fitted = sandbox.Gaussian([0.0], [[1.0]]).fit(x - 1.7e9)
    np.testing.assert_allclose(fitted.scale[0, 0], x.std(), rtol=1e-5)
