"""Retraining a Gaussian on its own samples, in closed form: moments of the loop, and a task that is the mean.

Generation t = 0 is the fit to n real samples of N(μ, σ²); generation t has t + 1 fits behind it. Fits are of maximum
likelihood (divide by c = n) or `unbiased` (c = n − 1). Two tasks of one parameter are exact: an unknown mean, the
variance known (here), and an unknown log-variance (`log_variance.py`).

References:
    Bartlett (1933), On the theory of statistical regression: the determinant of a Wishart matrix.
    Shumailov et al. (2023), The curse of recursion, arXiv:2305.17493.
    Bertrand et al. (2023), On the stability of iterative retraining, arXiv:2310.00429.
    Gerstgrasser et al. (2024), Is model collapse inevitable? arXiv:2404.01413.
    Kazdan et al. (2024), Collapse or thrive? arXiv:2410.16713.
"""

import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.scipy.special import logsumexp
from jaxtyping import Float
from scipy.special import polygamma

from theory import validation
from theory.estimators.pointwise import log_or_minus_infinity
from theory.gamma import digamma_less_log, log_gamma_half_step
from theory.gaussian.priors import STANDARD_NORMAL, Finite, Normal, Prior, checked, replicas
from theory.validation import ArrayLike

MOST = 10**7  # generations


class LogVarianceMoments(NamedTuple):
    """Mean and variance over replicas, generation by generation."""

    mean: Float[Array, " t"]
    variance: Float[Array, " t"]


def _fits(num_generations: int, like: Any) -> Float[np.ndarray, " t"]:
    """How many fits the model of generation t has behind it, t + 1, in the dtype of `like`."""
    return np.arange(1, validation.integer("num_generations", num_generations, 0, MOST) + 2, dtype=like.dtype)


def expected_variance(
    n: int, num_generations: int, *, variance: ArrayLike = 1.0, unbiased: bool = False
) -> Float[Array, " t"]:
    """The mean E s_t² of the fitted variance [t], t = 0 … T, from `variance` σ² and n ≥ 2 samples a generation.

    E s_t² = σ² (1−1/n)^{t+1} for maximum likelihood; σ² for the unbiased fit, a martingale. In d dimensions it is
    E tr S_t / d. Once t > n rare replicas carry it: test E ln s_t² instead.
    """
    n = validation.integer("n", n, 2)
    _, start = validation.host(validation.positive("variance", variance))
    fits = _fits(num_generations, start)
    return validation.array(start * (np.ones_like(fits) if unbiased else np.exp(fits * math.log1p(-1 / n))))


def expected_squared_error(
    n: int, num_generations: int, *, variance: ArrayLike = 1.0, unbiased: bool = False
) -> Float[Array, " t"]:
    """The mean squared distance E (m_t−μ)² [t] of the fitted mean from the true one, both parameters refitted.

    σ² − E s_t² = σ² [1 − (1−1/n)^{t+1}] for maximum likelihood (second moments are conserved); (t+1) σ²/n for the
    unbiased fit. n ≥ 2 samples a generation, t = 0 … T.
    """
    n = validation.integer("n", n, 2)
    _, start = validation.host(validation.positive("variance", variance))
    fits = _fits(num_generations, start)
    return validation.array(start * (fits / n if unbiased else -np.expm1(fits * math.log1p(-1 / n))))


def expected_deviation(
    n: int, num_generations: int, *, variance: ArrayLike = 1.0, unbiased: bool = False
) -> Float[Array, " t"]:
    """The mean E s_t [t] of the fitted standard deviation, from `variance` σ² and n ≥ 2 samples a generation.

    E s_t = σ a^{t+1},  a = √(2/c) Γ(n/2)/Γ((n−1)/2), t = 0 … T.
    """
    n = validation.integer("n", n, 2)
    xp, start = validation.host(validation.positive("variance", variance))
    log_a = log_gamma_half_step((n - 1) / 2) + (0.0 if unbiased else math.log1p(-1 / n) / 2)
    return validation.array(xp.sqrt(start) * xp.exp(_fits(num_generations, start) * log_a))


def log_variance_moments(
    n: int, num_generations: int, *, variance: ArrayLike = 1.0, dimensions: int = 1, unbiased: bool = False
) -> LogVarianceMoments:
    """Mean and variance [t] of the log-determinant of the fitted covariance: light tails, the best test of a loop.

    E ln det S_t = ln det Σ + (t+1) Σ_{j<d} [ψ((n−1−j)/2) − ln(c/2)],  Var = (t+1) Σ_{j<d} ψ₁((n−1−j)/2), t = 0 … T,
    in d = `dimensions` below n, with `variance` det Σ of the real samples (σ² in one dimension).
    """
    dimensions = validation.integer("dimensions", dimensions, 1)
    n = validation.integer("n", n, dimensions + 1)
    xp, start = validation.host(validation.positive("variance", variance))
    lost, fits = np.arange(dimensions) + (0 if unbiased else 1), _fits(num_generations, start)
    half = (n - 1 - np.arange(dimensions)) / 2
    drift = digamma_less_log(half) + np.log1p(-lost / (n - 1 if unbiased else n))
    mean = xp.log(start) + fits * float(drift.sum())
    return LogVarianceMoments(validation.array(mean), validation.array(fits * float(polygamma(1, half).sum())))


def mean_variance(
    n: int, num_generations: int, *, variance: ArrayLike = 1.0, accumulate: bool = False
) -> Float[Array, " t"]:
    """How far the fitted mean has strayed when the variance is known: Var(M_t|X) [t], the variance given the task.

    σ²/n · (t+1) where each generation replaces the data of the last; σ²/n · Σ_{i≤t+1} 1/i² with `accumulate`, the mean
    of all generations and the real samples. n ≥ 1 samples a generation, t = 0 … T.
    """
    n = validation.integer("n", n, 1)
    _, start = validation.host(validation.positive("variance", variance))
    fits = _fits(num_generations, start)
    return validation.array(start / n * (np.cumsum(1 / fits**2) if accumulate else fits))


def mean_information(
    n: int,
    num_generations: int,
    *,
    variance: ArrayLike = 1.0,
    prior_variance: ArrayLike = 1.0,
    accumulate: bool = False,
) -> Float[Array, " t"]:
    """The information I(X;M_t) [t] in the fitted mean, the variance σ² known and X ~ N(·, τ²), in nats.

    ½ ln(1 + τ²/Var(M_t|X)), the Gaussian channel: ½ ln(1 + nτ²/((t+1)σ²)) where each generation replaces the last. With
    `accumulate` it is the information in the estimator; the pool itself keeps what the real samples had.
    """
    noise = mean_variance(n, num_generations, variance=variance, accumulate=accumulate)
    xp, prior, noise = validation.host(
        *validation.one_dtype(validation.positive("prior_variance", prior_variance), noise)
    )
    with np.errstate(over="ignore", divide="ignore"):
        ratio, inverse = prior / noise, noise / prior
        far = xp.log(prior) - xp.log(noise) + xp.log1p(xp.minimum(inverse, 1))  # where the ratio would overflow
    information = xp.where(ratio < 1e6, xp.log1p(xp.minimum(ratio, 1e6)), far) / 2
    return validation.in_range("variance, prior_variance", validation.array(information))


def mean_pointwise_information(
    task: ArrayLike,
    means: ArrayLike,
    n: int,
    prior: Prior = STANDARD_NORMAL,
    *,
    variance: ArrayLike = 1.0,
    accumulate: bool = False,
) -> Float[Array, "..."]:
    """The pointwise information [..., t] of each simulated mean about its own task; it averages to I(X;M_t), in nats.

    i(x;m) = ln p(m_t|x) − ln p(m_t), M_t|x ~ N(x, Var(M_t|X)), p(m_t) = E_X p(m_t|X), not clipped. `task` has the true
    mean of each replica [...], `means` the fitted ones [..., t], t = 0 … T; the other arguments as in `mean_variance`.
    """
    x, m = replicas("means", task, means)
    noise, known = mean_variance(n, m.shape[-1] - 1, variance=variance, accumulate=accumulate), checked(prior)
    if isinstance(known, Finite):
        known = known._replace(probs=log_or_minus_infinity(validation.array(known.probs)))
    dtype = np.result_type(m.dtype, *(x.dtype for x in jax.tree.leaves((prior, variance)) if hasattr(x, "dtype")))
    given = (validation.array(a, dtype) for a in (x, m, noise))
    values = _pointwise(*given, jax.tree.map(lambda a: validation.array(a, dtype), known))
    return validation.in_range("means", values)


@jax.jit
def _pointwise(x: Float[Array, "..."], m: Float[Array, "..."], noise: Float[Array, " t"], prior: Prior) -> Array:
    """i(x;m); the second field of a finite prior has the logarithms of its probabilities."""
    noise = jnp.broadcast_to(noise, m.shape)

    def log_density(deviation: Any, variance: Any) -> Any:
        return -(deviation**2) / (2 * variance) - jnp.log(2 * jnp.pi * variance) / 2

    if isinstance(prior, Normal):
        marginal = log_density(m - jnp.asarray(prior.mean), noise + jnp.asarray(prior.variance))
    else:
        values, log_probs = (jnp.asarray(a).reshape((-1,) + (1,) * m.ndim) for a in prior)
        marginal = logsumexp(log_density(m[None] - values, noise[None]) + log_probs, axis=0)
    return log_density(m - x[..., None], noise) - marginal
