"""GaussianMixture, and EM against an implementation that shares no code."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import sklearn.mixture
from cases import FULL, array, close, half_weights, same

import sandbox

fit = jax.jit(sandbox.GaussianMixture.fit, static_argnames=("steps", "covariance_floor", "diagonal"))
log_prob = jax.jit(sandbox.GaussianMixture.log_prob)


def sklearn_fit(x, start, steps, kind):
    precisions = np.linalg.inv(np.asarray(start.scales @ jnp.swapaxes(start.scales, 1, 2)))
    if kind == "diag":
        precisions = np.diagonal(precisions, axis1=1, axis2=2)
    oracle = sklearn.mixture.GaussianMixture(
        len(start.weights),
        covariance_type=kind,
        tol=0,
        reg_covar=0,
        max_iter=steps,
        weights_init=np.asarray(start.weights),
        means_init=np.asarray(start.means),
        precisions_init=precisions,
    )
    oracle.fit(np.asarray(x))
    covariances = oracle.covariances_ if kind == "full" else np.stack([np.diag(c) for c in oracle.covariances_])
    return oracle.weights_, oracle.means_, covariances


BAD_START = sandbox.GaussianMixture(
    array([0.5, 0.5]), array([[0.0, 0], [0.5, 0]]), array([[[2.0, 0], [0, 2]], [[1, 0], [0.3, 1]]])
)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("kind", ["full", "diag"])
@pytest.mark.parametrize("steps", [1, 25])
def test_em_equals_scikit_learn(kind, steps):
    """The same start and as many steps: an implementation that shares no code."""
    x = FULL.sample(jax.random.key(0), 300)
    start = BAD_START if kind == "full" else BAD_START._replace(scales=BAD_START.scales * jnp.eye(2)[None])
    fitted = fit(start, x, jnp.ones(300), steps=steps, diagonal=kind == "diag")
    weights, means, covariances = sklearn_fit(x, start, steps, kind)
    close((fitted.weights, fitted.means), (weights, means), 1e-8)
    close(fitted.scales @ jnp.swapaxes(fitted.scales, 1, 2), covariances, 1e-8)


@pytest.mark.parametrize("diagonal", [False, True])
@pytest.mark.parametrize("fractional", [False, True])
def test_em_never_lowers_the_likelihood(diagonal, fractional):
    """Σ w ln p(x) grows with every step of EM."""
    x = FULL.sample(jax.random.key(0), 300)
    weights = half_weights(300) if fractional else jnp.ones(300)
    start = BAD_START._replace(scales=BAD_START.scales * jnp.eye(2)[None]) if diagonal else BAD_START

    def step(model, _):
        model = fit(model, x, weights, steps=1, diagonal=diagonal)
        return model, (weights * log_prob(model, x)).sum()

    likelihoods = jax.lax.scan(step, start, jnp.arange(60))[1]
    assert float(jnp.diff(likelihoods).min()) >= -1e-10  # 1e-13 of a likelihood of about −1000
    assert float(likelihoods[-1]) > float((weights * log_prob(start, x)).sum()) + 50


def test_the_floor_acts_and_says_so():
    """A component on one point has no variance of its own."""
    x = jnp.concatenate([jnp.full((20, 2), 5.0), MIXTURE_SAMPLES])
    start = sandbox.GaussianMixture(
        array([0.5, 0.5]), array([[5.0, 5], [-3, 0]]), jnp.broadcast_to(jnp.eye(2) * 0.5, (2, 2, 2))
    )
    fitted = fit(start, x, jnp.ones(x.shape[0]), covariance_floor=1e-2)
    np.testing.assert_allclose(fitted.scales[0], 0.1 * np.diag(np.std(x, axis=0)), atol=1e-6)
    assert fitted.at_floor(1e-2).tolist() == [True, False]
    assert fitted.at_floor().tolist() == [False, False]
    assert fit(start, x, jnp.ones(x.shape[0])).at_floor().tolist() == [True, False]


MIXTURE_SAMPLES = sandbox.Gaussian(array([-3.0, 0]), jnp.eye(2)).sample(jax.random.key(0), 100)


@pytest.mark.parametrize("n", [1, 3])
def test_a_mixture_of_few_samples_is_no_nan(n):
    x = FULL.sample(jax.random.key(0), n)
    fitted = fit(FULL, x, jnp.ones(n), steps=50)
    for value in (*fitted, log_prob(fitted, x)):
        assert bool(jnp.isfinite(value).all())


def test_a_component_that_explains_nothing_keeps_its_place():
    start = FULL._replace(means=FULL.means.at[0].set(array([-1e4, 0])))
    fitted = fit(start, MIXTURE_SAMPLES, jnp.ones(100))
    same(fitted.weights, array([0.0, 1]))
    close((fitted.means[0], fitted.scales[0]), (start.means[0], start.scales[0]), 1e-11)
    assert bool(jnp.isfinite(log_prob(fitted, MIXTURE_SAMPLES)).all())


@pytest.mark.slow
def test_from_data_finds_separated_clusters():
    x = FULL._replace(means=3 * FULL.means).sample(jax.random.key(0), 2000)
    fitted = sandbox.GaussianMixture.from_data(jax.random.key(1), x, 2)
    order = np.argsort(fitted.means[:, 0])
    np.testing.assert_allclose(fitted.weights[order], [0.35, 0.65], atol=5 * np.sqrt(0.35 * 0.65 / 2000))
    np.testing.assert_allclose(fitted.means[order], 3 * FULL.means, atol=5 * 1.2 / np.sqrt(700))
    assert not bool(fitted.at_floor().any())
    diagonal = sandbox.GaussianMixture.from_data(jax.random.key(1), x, 2, diagonal=True)
    assert not np.any(np.tril(diagonal.scales, -1))
    assert float(log_prob(diagonal, x).mean()) < float(log_prob(fitted, x).mean())


def test_from_data_takes_the_likeliest_restart():
    x = sandbox.GaussianMixture(
        jnp.full(5, 0.2), array([[0.0, 0], [4, 0], [0, 4], [4, 4], [8, 8]]), jnp.broadcast_to(jnp.eye(2), (5, 2, 2))
    ).sample(jax.random.key(0), 300)
    few, many = (sandbox.GaussianMixture.from_data(jax.random.key(2), x, 5, restarts=n, steps=20) for n in (1, 16))
    assert float(log_prob(many, x).mean()) >= float(log_prob(few, x).mean())


def test_components_far_apart_in_float32():
    """1e4 widths apart, of widths 1.01 and 1.03: about a common centre all digits would cancel."""
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.normal(0, 1, 500), rng.normal(1e4, 1, 500)]).astype(np.float32)[:, None]
    start = sandbox.GaussianMixture(
        *(jnp.asarray(leaf, jnp.float32) for leaf in ([0.5, 0.5], [[1.0], [9999.0]], [[[1.0]], [[1.0]]]))
    )
    fitted = fit(start, jnp.asarray(x), jnp.ones(1000, jnp.float32), steps=10)
    np.testing.assert_allclose(fitted.scales[:, 0, 0], [x[:500].std(), x[500:].astype(float).std()], rtol=1e-5)


CLUSTERS = np.concatenate([np.random.default_rng(0).normal(m, 1, (200, 2)) for m in (0, 10)])


@pytest.mark.parametrize("size", [1e-5, 1e140, 1e-140, 1.0])
def test_from_data_does_not_depend_on_the_unit(size):
    fitted = sandbox.GaussianMixture.from_data(jax.random.key(0), size * CLUSTERS, 2, restarts=2, steps=20)
    order = np.argsort(fitted.means[:, 0])
    for label, found in enumerate(order):
        part = CLUSTERS[200 * label : 200 * (label + 1)]
        np.testing.assert_allclose(fitted.means[found] / size, part.mean(0), rtol=1e-6)
        np.testing.assert_allclose(fitted.scales[found] / size, np.linalg.cholesky(np.cov(part.T, ddof=0)), atol=1e-6)
    assert not fitted.at_floor().any()


def test_from_data_says_that_it_has_not_converged():
    with pytest.warns(UserWarning, match=r"^steps: 1 do not suffice"):
        sandbox.GaussianMixture.from_data(jax.random.key(3), CLUSTERS, 6, restarts=1, steps=1)


def test_a_constant_coordinate_and_the_size_of_weights():
    x = jnp.asarray(np.concatenate([CLUSTERS, np.full((400, 1), 3.0)], axis=1))
    fitted = sandbox.GaussianMixture.from_data(jax.random.key(0), x, 2, restarts=2, steps=20)
    assert np.isfinite(fitted.log_prob(x)).all()
    weights = half_weights(400)
    for size in (1e-290, 1e290):
        close(fitted.fit(x, size * weights), fitted.fit(x, weights), 1e-10)
