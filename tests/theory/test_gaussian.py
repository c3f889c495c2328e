"""Retraining a Gaussian: the published numbers, a second route for each density, and simulations of the exact walk."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.integrate
import scipy.stats
from oracles import EXACT, close

import theory
from theory import gaussian

PRIORS = [gaussian.Normal(0.5, 2.0), gaussian.Finite([-1.0, 0.0, 2.0], [0.2, 0.5, 0.3])]


def draw(prior, rng, size):
    if isinstance(prior, gaussian.Normal):
        return prior.mean + prior.variance**0.5 * rng.standard_normal(size)
    return rng.choice(prior.values, p=prior.probs, size=size)


def walk(rng, x, n, fits, c):
    """Fitted log-variances [replica, t]: the sum of squares of n normal samples about their mean is σ² χ²."""
    return x[:, None] + np.cumsum(np.log(rng.chisquare(n - 1, (len(x), fits)) / c), axis=1)


def agrees(values, expected, errors=5.0):
    """The mean of the replicas is within five standard errors of what is expected."""
    result = theory.estimate(values)
    assert (np.abs(np.asarray(result.mean) - expected) <= errors * np.asarray(result.stderr)).all()


def test_published_moments():
    """Fits counted from 1 in the sources: t = 0 here is one fit."""
    published = partial(np.testing.assert_allclose, rtol=0)
    published(gaussian.expected_variance(10, 49)[jnp.array([0, 9, 49])], [0.9, 0.34868, 0.00515], atol=5.1e-6)
    published(gaussian.expected_squared_error(10, 49)[49], 0.9948, atol=5.1e-5)
    published(gaussian.expected_squared_error(20, 9, unbiased=True)[9], 0.5, atol=EXACT)
    published(gaussian.expected_variance(20, 39, unbiased=True), np.ones(40), atol=0)
    published(gaussian.expected_deviation(20, 39, unbiased=True)[jnp.array([0, 39])], [0.986934, 0.5909], atol=2.1e-5)
    moments = gaussian.log_variance_moments(10, 49)
    published([moments.mean[49], moments.variance[49]], [-11.028, 12.436], atol=5.1e-4)
    published(gaussian.log_variance_moments(20, 39, unbiased=True).mean[39], -2.142, atol=5.1e-4)
    published(gaussian.log_variance_moments(20, 9, dimensions=3).mean[9], -4.893, atol=5.1e-4)
    published(gaussian.expected_variance(20, 9)[9], 0.5987, atol=5.1e-5)
    spread = 2 + gaussian.expected_squared_error(20, 39, unbiased=True)
    distance = spread - 2 * gaussian.expected_deviation(20, 39, unbiased=True)
    published(distance[jnp.array([4, 39])], [0.3773, 2.818], atol=5.1e-4)


def test_published_information():
    """The mean in replace and accumulate (n = 10, fits 1, 5, 20); the log-variance (n = 20, t = 0, 1, 5, 20, 50)."""
    published = partial(np.testing.assert_allclose, rtol=0)
    published(gaussian.mean_information(10, 19)[jnp.array([0, 4, 19])], [1.19895, 0.54931, 0.20273], atol=5.1e-6)
    accumulated = gaussian.mean_information(10, 19, accumulate=True)
    published(accumulated[jnp.array([4, 19])], [1.02914, 0.99154], atol=5.1e-6)
    assert accumulated.min() > np.log1p(60 / np.pi**2) / 2
    information = gaussian.log_variance_information(20, 50)
    published(
        information[jnp.array([0, 1, 5, 20, 50])], [1.160735, 0.857319, 0.459886, 0.178780, 0.081406], atol=5.1e-7
    )
    assert (np.diff(information) < 0).all()


def test_second_moments_are_conserved():
    """E (m_t−μ)² + E s_t² = σ² for maximum likelihood."""
    total = gaussian.expected_squared_error(7, 30, variance=2.5) + gaussian.expected_variance(7, 30, variance=2.5)
    close(total, 2.5)


@pytest.mark.parametrize("unbiased", [False, True])
def test_moments_of_a_simulated_loop(unbiased):
    """Both parameters refitted from samples: the moments agree within five standard errors."""
    n, rng = 6, np.random.default_rng(0)
    mean, deviation = np.zeros(40_000), np.full(40_000, 1.5)
    for t in range(4):
        x = mean[:, None] + deviation[:, None] * rng.standard_normal((40_000, n))
        mean, deviation = x.mean(1), x.std(1, ddof=int(unbiased))
        options = {"variance": 2.25, "unbiased": unbiased}
        agrees(deviation**2, gaussian.expected_variance(n, t, **options)[t])
        agrees(mean**2, gaussian.expected_squared_error(n, t, **options)[t])
        agrees(deviation, gaussian.expected_deviation(n, t, **options)[t])
        moments = gaussian.log_variance_moments(n, t, **options)
        agrees(np.log(deviation**2), moments.mean[t])
        agrees((np.log(deviation**2) - moments.mean[t]) ** 2, moments.variance[t])


def test_log_determinant_of_a_simulated_fit():
    rng = np.random.default_rng(1)
    x = rng.standard_normal((20_000, 6, 3))
    x -= x.mean(1, keepdims=True)
    log_det = np.linalg.slogdet(np.einsum("rni,rnj->rij", x, x) / 6)[1]
    moments = gaussian.log_variance_moments(6, 0, dimensions=3)
    agrees(log_det, moments.mean[0])
    agrees((log_det - moments.mean[0]) ** 2, moments.variance[0])


def log_chi2(v, n, c):
    """The density of ln(χ²_{n−1}/c), by a change of variable."""
    return scipy.stats.chi2.logpdf(c * np.exp(v), n - 1) + v + np.log(c)


@pytest.mark.parametrize(("n", "unbiased"), [(2, False), (3, True), (20, False), (300, True)])
def test_density_of_one_fit(n, unbiased):
    density = gaussian.log_variance_density(n, 0, unbiased=unbiased)
    expected = np.exp(log_chi2(density.points, n, n - unbiased))
    np.testing.assert_allclose(density.values, expected, rtol=0, atol=1e-12 * expected.max())  # scipy's own rounding
    close(density.values.sum() * (density.points[1] - density.points[0]), 1)


def test_density_of_two_fits():
    """The convolution of two log-χ² densities by direct summation."""
    n, density = 5, gaussian.log_variance_density(5, 1)
    points = np.linspace(-25, 6, 6001)
    once = np.exp(log_chi2(points, n, n))
    for i in range(1500, 3000, 100):
        direct = np.sum(once * np.exp(log_chi2(density.points[i] - points, n, n))) * (points[1] - points[0])
        np.testing.assert_allclose(density.values[i], direct, rtol=0, atol=1e-12)


@pytest.mark.parametrize("prior", PRIORS)
@pytest.mark.parametrize("generation", [0, 3])
def test_density_has_the_moments_of_the_walk(prior, generation):
    density = gaussian.log_variance_density(12, generation, prior)
    mass = density.values * (density.points[1] - density.points[0])
    moments = gaussian.log_variance_moments(12, generation)
    task = prior if isinstance(prior, gaussian.Normal) else gaussian.Normal(0.4, 0.2 + 1.2 - 0.4**2)
    mean = (mass * density.points).sum()
    np.testing.assert_allclose(mean, task.mean + float(moments.mean[-1]), atol=1e-11)  # times a grid of length 100
    variance = (mass * (density.points - mean) ** 2).sum()
    np.testing.assert_allclose(variance, task.variance + float(moments.variance[-1]), atol=1e-10)


def quadrature(f, low, high):
    return scipy.integrate.quad(f, low, high, epsabs=1e-10, epsrel=1e-10, limit=400)[0]


def test_information_of_one_fit_by_quadrature():
    """I(X;V_0) = h(V_0) − h(V_0|X): the second in closed form, the first with p(v) by Gauss–Hermite quadrature."""
    n, half = 20, 19 / 2
    nodes, weights = np.polynomial.hermite_e.hermegauss(160)

    def marginal(v):
        return np.exp(log_chi2(v - nodes, n, n)) @ weights / np.sqrt(2 * np.pi)

    total = quadrature(lambda v: -marginal(v) * np.log(marginal(v) + 1e-300), -12, 9)
    noise = scipy.special.gammaln(half) - half * scipy.special.digamma(half) + half  # entropy of ln χ²
    np.testing.assert_allclose(gaussian.log_variance_information(n, 0)[0], total - noise, atol=1e-9)


def test_information_of_many_samples_is_gaussian():
    """n → ∞: ln χ² is normal of variance ψ₁((n−1)/2), so I → ½ ln(1 + τ²/((t+1) ψ₁)); its error is of order 1/n."""
    n = 20_000
    expected = np.log1p(0.5 / (np.arange(1, 4) * scipy.special.polygamma(1, (n - 1) / 2))) / 2
    values = gaussian.log_variance_information(n, 2, gaussian.Normal(1.0, 0.5))
    np.testing.assert_allclose(values, expected, atol=1 / n)


def test_finite_prior_ends():
    """Tasks far apart are told apart for sure, equal ones not at all; a fine grid of tasks is a continuous prior."""
    apart = gaussian.log_variance_information(20, 0, gaussian.Finite([-200.0, 200.0], [0.3, 0.7]))
    np.testing.assert_allclose(apart, theory.entropy([0.3, 0.7]), rtol=0, atol=1e-11)  # the transform's noise, × 400
    close(gaussian.log_variance_information(20, 1, gaussian.Finite([1.0, 1.0], [0.5, 0.5])), [0, 0])
    tasks = np.linspace(-8, 8, 321)
    probs = scipy.stats.norm.pdf(tasks) / scipy.stats.norm.pdf(tasks).sum()
    fine = gaussian.log_variance_information(20, 2, gaussian.Finite(tasks, probs))
    np.testing.assert_allclose(fine, gaussian.log_variance_information(20, 2), atol=1e-9)


@pytest.mark.parametrize("prior", PRIORS)
@pytest.mark.parametrize("unbiased", [False, True])
def test_simulated_log_variance(prior, unbiased):
    """E ln p(v_t|x)/p(v_t) over simulated walks is I(X;V_t), within five standard errors."""
    rng = np.random.default_rng(2)
    x = draw(prior, rng, 20_000)
    v = walk(rng, x, 8, 4, 8 - unbiased)
    agrees(
        gaussian.log_variance_pointwise_information(x, v, 8, prior, unbiased=unbiased),
        gaussian.log_variance_information(8, 3, prior, unbiased=unbiased),
    )


def test_pointwise_log_variance_is_exact():
    v = np.linspace(-2.5, 1.5, 40)[:, None]
    values = gaussian.log_variance_pointwise_information(np.zeros(40), v, 20, PRIORS[1])
    marginal = sum(p * np.exp(log_chi2(v - x, 20, 20)) for x, p in zip(*PRIORS[1], strict=True))
    np.testing.assert_allclose(values, log_chi2(v, 20, 20) - np.log(marginal), atol=1e-8)  # of the spline
    tasks = np.linspace(-14, 15, 5801)
    marginal = np.exp(log_chi2(v - tasks, 20, 20)) @ scipy.stats.norm.pdf(tasks, 0.5, 2**0.5) * (tasks[1] - tasks[0])
    values = gaussian.log_variance_pointwise_information(np.zeros(40), v, 20, PRIORS[0])[:, 0]
    np.testing.assert_allclose(values, log_chi2(v[:, 0], 20, 20) - np.log(marginal), atol=1e-8)
    far = gaussian.log_variance_pointwise_information(np.zeros(2), [[-40.0], [9.0]], 20, gaussian.Normal())
    assert np.isfinite(far).all()


@pytest.mark.parametrize("prior", PRIORS)
@pytest.mark.parametrize("accumulate", [False, True])
def test_pointwise_mean_is_exact(prior, accumulate):
    """M_t = x + noise of variance σ²/n Σ_{i≤t} 1, or Σ_{i≤t} 1/(i+1)² where data accumulate."""
    noise = 1.5 / 4 * np.cumsum(np.arange(1.0, 5) ** (-2 if accumulate else 0))
    options, rng = {"variance": 1.5, "accumulate": accumulate}, np.random.default_rng(3)
    close(gaussian.mean_variance(4, 3, **options), noise)
    x, means = draw(prior, rng, 20), 3 * rng.standard_normal((20, 4))
    if isinstance(prior, gaussian.Normal):
        close(gaussian.mean_information(4, 3, prior_variance=2.0, **options), np.log1p(2 / noise) / 2)
        marginal = scipy.stats.norm.pdf(means, 0.5, (noise + 2) ** 0.5)
    else:
        marginal = sum(p * scipy.stats.norm.pdf(means, y, noise**0.5) for y, p in zip(*prior, strict=True))
    expected = scipy.stats.norm.logpdf(means, x[:, None], noise**0.5) - np.log(marginal)
    np.testing.assert_allclose(gaussian.mean_pointwise_information(x, means, 4, prior, **options), expected, rtol=1e-10)


def test_closed_forms_pass_through_transformations():
    slope = jax.grad(lambda v: gaussian.mean_information(10, 3, variance=v)[3])(1.0)
    close(slope, -0.5 * 2.5 / 3.5)  # d/dσ² ½ ln(1 + 2.5/σ²)
    many = jax.vmap(lambda v: gaussian.mean_information(10, 3, prior_variance=v))(jnp.array([1.0, 2.0]))
    close(many[1], gaussian.mean_information(10, 3, prior_variance=2.0))


def test_large_samples_keep_their_digits():
    """n = 1e12: 1 − (1−1/n)^{t+1} = (t+1)/n, ln E s_t = −3(t+1)/4n, E ln s_t² = −2(t+1)/n, all up to O(1/n²)."""
    n, fits = 10**12, np.arange(1, 4)
    np.testing.assert_allclose(gaussian.expected_squared_error(n, 2), fits / n, rtol=1e-11)
    np.testing.assert_allclose(gaussian.log_variance_moments(n, 2).mean, -2 * fits / n, rtol=1e-11)
    np.testing.assert_allclose(1 - np.asarray(gaussian.expected_deviation(10**6, 2)), 0.75e-6 * fits, rtol=1e-5)


@pytest.mark.parametrize("n", [102, 10**6, 10**9])
def test_density_of_large_samples(n):
    """One fit: the scaled log-χ² density, also where ln Γ(n/2) has lost all the digits that are wanted."""
    grid = gaussian.log_variance_density(n, 0)
    width, half = (2 / (n - 1)) ** 0.5, (n - 1) / 2
    u = np.linspace(-2, 2, 9) * width
    expected = half * (u - np.expm1(u)) - np.log(2 * np.pi / half) / 2  # up to 1/12h, at v = u + ln((n−1)/n)
    values = np.interp(u + np.log1p(-1 / n), grid.points, grid.values)
    np.testing.assert_allclose(values, np.exp(expected), rtol=2e-3)
    noise = scipy.special.polygamma(1, half)
    information = gaussian.log_variance_information(n, 0, gaussian.Normal(0.0, noise))
    np.testing.assert_allclose(information, np.log(2) / 2, atol=1 / n + 1e-11)


def test_a_far_away_task_costs_no_digits():
    """Shifts by 2^30, of the mean and of the log-variance, change nothing; float64 beside float32 stays float64."""
    far, prior = 2.0**30, gaussian.Normal(2.0**30, 0.7)
    near = gaussian.Normal(0.0, 0.7)
    close(gaussian.log_variance_information(10**6, 1, prior), gaussian.log_variance_information(10**6, 1, near))
    atoms = [gaussian.Finite([shift, shift + 0.5], [0.5, 0.5]) for shift in (0.0, far)]
    close(*(gaussian.log_variance_information(20, 1, p) for p in atoms))
    v = np.array([[-0.5, 0.25]])
    for of in (gaussian.mean_pointwise_information, gaussian.log_variance_pointwise_information):
        close(of([far], far + v, 20, prior), of([0.0], v, 20, near), atol=1e-9)
    wide = gaussian.Normal(np.array(0.1), 1)
    mixed = gaussian.mean_pointwise_information(np.float32([0]), np.float32([[0]]), 5, wide)
    close(mixed, gaussian.mean_pointwise_information([0.0], [[0.0]], 5, gaussian.Normal(0.1, 1)))


def test_information_of_extreme_variances():
    """½ ln(1 + 1e400)."""
    close(gaussian.mean_information(1, 0, variance=1e-200, prior_variance=1e200), 200 * np.log(10), rtol=1e-14)
