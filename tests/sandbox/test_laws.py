"""The loop obeys what is known, within 5 standard errors at a fixed key, and what is nearly known fails.

Formulas are of the sandbox's time: Z_0 is fitted to n real samples of N(0, 1), so Z_t has been through t + 1 fits.
Where a mean is carried by rare chains (t above n) the test is of E ln s², whose tail is light.
"""

from functools import cache, partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from cases import agrees, array, at, differs
from scipy.special import gammaln, polygamma, psi

import sandbox

STANDARD = {d: sandbox.Gaussian(jnp.zeros(d), jnp.eye(d)) for d in (1, 3)}
UNBIASED = partial(sandbox.Gaussian.fit, unbiased=True)


def scale_known(model, x, weights):
    return type(model).fit(model, x, weights)._replace(scale=model.scale)


def loops(model, *, num_replicas, seed=0, **options):
    """The models of many loops from one truth, leaves [replica, t, …]."""
    tasks = at(model, None)
    record = sandbox.ensemble(
        jax.random.key(seed), tasks, sandbox.KeepAll(), num_replicas=num_replicas, progress=False, **options
    )
    return at(record.model, 0)


@cache
def gaussian(n, num_generations, num_replicas, fit=None, d=1, regime=None, num_real=None):
    """(mean, scale) of Gaussian loops, [replica, t, …]."""
    return loops(
        STANDARD[d],
        num_replicas=num_replicas,
        num_samples=n,
        num_generations=num_generations,
        num_real=num_real or n,
        fit=fit,
        regime=regime or sandbox.Replace(),
    )


def moments(model):
    """μ and s² of 1-d loops, [replica, t]."""
    return model.mean[:, :, 0], model.scale[:, :, 0, 0] ** 2


LIKELIEST = (10, 49, 20_000)  # samples, generations, replicas
UNBIASED_20 = (20, 39, 20_000, UNBIASED)


@pytest.mark.slow
@pytest.mark.parametrize("t", [0, 9, 19])
def test_second_moments_are_conserved(t):
    """E s_t² = (1 − 1/n)^{t+1}, E (μ_t − μ)² + E s_t² = 1: the loop ends as a point, distributed as one draw."""
    mu, s2 = moments(gaussian(*LIKELIEST))
    agrees(mu[:, t] ** 2, 1 - 0.9 ** (t + 1))
    agrees(mu[:, t] ** 2 + s2[:, t], 1)
    if t < 19:
        agrees(s2[:, t], 0.9 ** (t + 1))
        differs(s2[:, t], 0.9**t)  # a generation too few
    if t == 9:
        differs(s2[:, t], (8 / 9) ** (t + 1))  # the other ddof
    agrees(mu[:, 49], 0)
    unbiased_mu, unbiased_s2 = moments(gaussian(*UNBIASED_20))
    differs(unbiased_mu[:, 19] ** 2 + unbiased_s2[:, 19], 1)


@pytest.mark.slow
@pytest.mark.parametrize("t", [0, 4, 9])
def test_moments_of_the_unbiased_fit(t):
    """E s_t² = 1 and E (μ_t − μ)² = (t + 1)/n."""
    mu, s2 = moments(gaussian(*UNBIASED_20))
    agrees(s2[:, t], 1)
    agrees(mu[:, t] ** 2, (t + 1) / 20)
    differs(mu[:, t] ** 2, t / 20)
    _, likeliest = moments(gaussian(*LIKELIEST))
    differs(likeliest[:, t], 1)


@pytest.mark.parametrize("t", [0, 9, 39])
def test_scale_of_the_unbiased_fit(t):
    """E s_t = a^{t+1}, a = √(2/(n−1)) Γ(n/2) / Γ((n−1)/2) < 1: it shrinks though its square does not (on average).

    References:
        Bertrand et al. (2023), On the stability of iterative retraining of generative models. arXiv:2310.00429.
    """
    _, s2 = moments(gaussian(*UNBIASED_20))

    def a(n):
        return np.sqrt(2 / (n - 1)) * np.exp(gammaln(n / 2) - gammaln((n - 1) / 2))

    agrees(np.sqrt(s2[:, t]), a(20) ** (t + 1))
    differs(np.sqrt(s2[:, t]), 1)
    if t < 39:
        differs(np.sqrt(s2[:, t]), (np.sqrt(19 / 20) * a(20)) ** (t + 1))  # the likeliest fit


@pytest.mark.parametrize(("setting", "ddof"), [(LIKELIEST, 0), (UNBIASED_20, 1)], ids=["likeliest", "unbiased"])
@pytest.mark.parametrize("t", [0, 9, 39])
def test_log_variance_walks(setting, ddof, t):
    """E ln s_t² = (t+1) [ψ((n−1)/2) − ln((n−ddof)/2)], Var ln s_t² = (t+1) ψ′((n−1)/2)."""
    n = setting[0]
    log_s2 = np.log(moments(gaussian(*setting))[1][:, t])
    expected = (t + 1) * (psi((n - 1) / 2) - np.log((n - ddof) / 2))
    variance = (t + 1) * polygamma(1, (n - 1) / 2)
    agrees(log_s2, expected)
    agrees((log_s2 - expected) ** 2, variance)
    differs(log_s2, (t + 1) * (psi((n - 1) / 2) - np.log((n - 1 + ddof) / 2)))  # the other ddof
    differs((log_s2 - expected) ** 2, (t + 1) * polygamma(1, n / 2) * 0.9)


def test_steps_of_the_log_variance_are_independent():
    """Corr(ln s_{t+1}²/s_t², ln s_t²/s_{t−1}²) = 0."""
    steps = np.diff(np.log(moments(gaussian(*LIKELIEST))[1]), axis=1)
    expected = psi(4.5) - np.log(5)
    agrees(((steps[:, 1:] - expected) * (steps[:, :-1] - expected)).mean(1), 0)


@pytest.mark.slow
@pytest.mark.parametrize("t", [0, 9])
def test_three_dimensions(t):
    """E tr Σ_t / d = (1 − 1/n)^{t+1}; E ln det Σ_t = (t+1) [Σ_{j<d} ψ((n−1−j)/2) + d ln(2/n)]."""
    n, d = 20, 3
    scale = gaussian(n, 9, 10_000, None, d).scale[:, t]
    agrees((scale**2).sum((1, 2)) / d, (1 - 1 / n) ** (t + 1))
    log_det = 2 * np.log(np.diagonal(scale, axis1=1, axis2=2)).sum(1)
    one = psi((n - 1 - np.arange(d)) / 2).sum() + d * np.log(2 / n)
    agrees(log_det, (t + 1) * one)
    differs(log_det, (t + 1) * d * (psi((n - 1) / 2) + np.log(2 / n)))  # coordinates as if they were alone


@pytest.mark.parametrize("t", [0, 4, 19])
def test_mean_walks_where_the_scale_is_known(t):
    """Var μ_t = (t + 1) s²/n and Cov(μ_s, μ_t) = (min(s, t) + 1) s²/n: a random walk of independent steps."""
    mu, s2 = moments(gaussian(10, 19, 10_000, scale_known))
    np.testing.assert_array_equal(s2, 1)
    agrees(mu[:, t] ** 2, (t + 1) / 10)
    agrees(mu[:, 2] * mu[:, t], (min(2, t) + 1) / 10)
    differs(mu[:, t] ** 2, (t + 1) / 9)


@pytest.mark.slow
@pytest.mark.parametrize(("n", "rounds"), [(2, (1, 10, 100)), (10, (1, 10, 100))])
def test_accumulate(n, rounds):
    """E s_t² = Π_{i ≤ t+1} (1 − 1/(n i²)) → sin(π/√n)/(π/√n), and E (μ_t − μ)² = 1 − E s_t².

    References:
        Kazdan et al. (2024), Collapse or thrive? arXiv:2410.16713.
    """
    mu, s2 = moments(gaussian(n, 99, 10_000, regime=sandbox.Accumulate()))
    for t in rounds:
        expected = np.prod(1 - 1 / (n * np.arange(1, t + 1) ** 2))
        agrees(s2[:, t - 1], expected)
        agrees(mu[:, t - 1] ** 2, 1 - expected)
        differs(s2[:, t - 1], (1 - 1 / n) ** t if t > 1 else 1)  # replace
    limit = np.sinc(1 / np.sqrt(n))
    assert abs(s2[:, 99].mean() - limit) < 0.01
    if n == 2:
        differs(s2[:, 99], np.prod(1 - 1 / (n * np.arange(1, 100.0)) ** 2))


def stationary(n, share, stratified):
    """Averages over the generations from 100 on, one independent value a replica."""
    regime = sandbox.Fresh(None, share, stratified)
    mu, s2 = moments(gaussian(n, 199, 4000, regime=regime))
    return (mu[:, 100:] ** 2).mean(1), s2[:, 100:].mean(1)


def stratified_error(n, a):
    return 1 / (n * a * (2 - a) + 1 - a)


def unstratified_error(n, a):
    return 1 / (n * a * (2 - a) + (1 - a) ** 2)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("n", "a", "stratified", "error", "wrong"),
    [
        (4, 0.5, True, stratified_error, unstratified_error),
        (4, 0.5, False, unstratified_error, stratified_error),
        (20, 0.1, True, stratified_error, lambda n, a: 1 / (n * a)),  # the real samples alone
    ],
    ids=["stratified", "unstratified", "a little"],
)
def test_fresh_data(n, a, stratified, error, wrong):
    """E (μ − μ_0)² = 1/(n a(2−a) + 1−a) with a fixed number of real samples, and E s² = 1 − that.

    Where each sample is real with probability a, Var(mean | Z) = [1 − (1−a)² μ² − …]/n adds the spread of the kind:
    V = [(1−a)(1−V) + a + a(1−a)V]/n + (1−a)² V, so V = 1/(n a(2−a) + (1−a)²).
    """
    mu2, s2 = stationary(n, a, stratified)
    agrees(mu2, error(n, a))
    agrees(s2, 1 - error(n, a))
    differs(mu2, wrong(n, a))


@pytest.mark.slow
@pytest.mark.parametrize(("num_real", "n"), [(10, 10), (2, 18)])
def test_the_same_data_again(num_real, n):
    """E (μ − μ_0)² = (1/(aN) + c)/(1 + c), c = (1−a)/(N a(2−a)), a of N samples the same real ones; E s² = 1 − that."""
    total, a = num_real + n, num_real / (num_real + n)
    c = (1 - a) / (total * a * (2 - a))
    expected = (1 / (a * total) + c) / (1 + c)
    mu, s2 = moments(gaussian(n, 149, 4000, regime=sandbox.Reuse(), num_real=num_real))
    agrees((mu[:, 100:] ** 2).mean(1), expected)
    agrees(s2[:, 100:].mean(1), 1 - expected)
    differs((mu[:, 100:] ** 2).mean(1), stratified_error(total, a))  # as if they were fresh


@pytest.mark.slow
@pytest.mark.parametrize("t", [1, 10, 30])
def test_diversity(t):
    """E [1 − Σ p_i²] = H_0 (1 − 1/n)^t, from Z_0 = the truth.

    References:
        Seddik et al. (2024), How bad is training on synthetic data? arXiv:2404.05090.
    """
    n = 10
    probs = categorical(n)
    diversity = 1 - (probs[:, t] ** 2).sum(1)
    agrees(diversity, 0.9 * (1 - 1 / n) ** t)
    differs(diversity, 0.9 * (1 - 1 / (n - 1)) ** t)
    agrees(probs[:, t], np.full(10, 0.1))


@cache
def categorical(n):
    return loops(sandbox.Categorical(jnp.full(10, 0.1)), num_replicas=20_000, num_samples=n, num_generations=30).probs


@cache
def binary(n, p):
    """The share of symbol 1, [replica, t], until all but 1e-9 of the replicas are absorbed."""
    truth = sandbox.Categorical(array([1 - p, p]))
    return loops(truth, num_replicas=5_000, num_samples=n, num_generations=20 * n).probs[:, :, 1]


BINARY = pytest.mark.parametrize(("n", "p"), [(20, 0.5), pytest.param(25, 0.2, marks=pytest.mark.slow)])


@pytest.mark.slow
@BINARY
def test_absorption(n, p):
    """P(only symbol i is left) = p_i."""
    last = binary(n, p)[:, -1]
    assert np.isin(last, [0, 1]).all()
    agrees(last, p)
    differs(last, p + 0.5 / np.sqrt(n))


@BINARY
def test_time_to_absorption(n, p):
    """E T = (I − Q)^{-1} 1, Q the binomial chain among the states 1 … n−1; about −2n Σ (1−p_i) ln(1−p_i)."""
    counts = np.arange(n + 1)
    log_choose = gammaln(n + 1) - gammaln(counts + 1) - gammaln(n - counts + 1)
    inner = counts[1:-1, None] / n
    kernel = np.exp(log_choose + counts * np.log(inner) + (n - counts) * np.log1p(-inner))
    np.testing.assert_allclose(kernel.sum(1), 1, rtol=1e-12)
    from_counts = np.linalg.solve(np.eye(n - 1) - kernel[:, 1:-1], np.ones(n - 1))
    expected = from_counts[round(n * p) - 1]
    time = (~np.isin(binary(n, p), [0, 1])).sum(1)
    agrees(time, expected)
    differs(time, -2 * n * (np.log(p) * p + np.log1p(-p) * (1 - p)) * 1.1)
    assert abs(expected / (-2 * n * (np.log(p) * p + np.log1p(-p) * (1 - p))) - 1) < 0.1
