"""Retraining a Gaussian on its own samples, in closed form.

Generation t = 0 is the fit to n real samples of N(μ, σ²); generation t has t + 1 fits behind it. Two tasks of one
parameter are exact: an unknown mean, the variance known (here), and an unknown log-variance (`log_variance.py`).
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.scipy.special import logsumexp
from jaxtyping import Float
from scipy.special import digamma, gammaln, polygamma

from theory import validation
from theory.gaussian.priors import STANDARD_NORMAL, Normal, Prior, checked, replicas
from theory.validation import ArrayLike


class Moments(NamedTuple):
    """Mean and variance over replicas, generation by generation."""

    mean: Float[Array, " t"]
    variance: Float[Array, " t"]


def _fits(num_generations: int, like: Any) -> Float[np.ndarray, " t"]:
    """How many fits the model of generation t has behind it, t + 1, in the dtype of `like`."""
    return np.arange(1, validation.integer("num_generations", num_generations, 0) + 2, dtype=like.dtype)


def expected_variance(
    n: int, num_generations: int, *, variance: ArrayLike = 1.0, unbiased: bool = False
) -> Float[Array, " t"]:
    """The mean of the fitted variance.

    E s_t² = σ² (1−1/n)^{t+1} for maximum likelihood; σ² for the unbiased fit, a martingale. In d dimensions it is
    E tr S_t / d. Once t > n it is carried by rare replicas: test E ln s_t² instead.

    Args:
        n: Samples a generation, at least 2.
        num_generations: T, at least 0.
        variance: σ² of the real samples.
        unbiased: Divide by n − 1 instead of n.

    Returns:
        E s_t² [t], t = 0 … T.

    Raises:
        ValueError: Where `n` < 2, `num_generations` < 0 or `variance` is not positive.

    References:
        Kazdan et al. (2024), Collapse or thrive? arXiv:2410.16713 (the setting).
    """
    n = validation.integer("n", n, 2)
    _, start = validation.host(validation.positive("variance", variance))
    return validation.array(start * (1.0 if unbiased else 1 - 1 / n) ** _fits(num_generations, start))


def expected_squared_error(
    n: int, num_generations: int, *, variance: ArrayLike = 1.0, unbiased: bool = False
) -> Float[Array, " t"]:
    """The mean squared distance of the fitted mean from the true one, both parameters refitted.

    E (m_t−μ)² = σ² − E s_t² for maximum likelihood (second moments are conserved); (t+1) σ²/n for the unbiased fit.

    Args:
        n: Samples a generation, at least 2.
        num_generations: T, at least 0.
        variance: σ² of the real samples.
        unbiased: Divide by n − 1 instead of n.

    Returns:
        E (m_t−μ)² [t], t = 0 … T.

    Raises:
        ValueError: Where `n` < 2, `num_generations` < 0 or `variance` is not positive.

    References:
        Shumailov et al. (2023), The curse of recursion, arXiv:2305.17493 (the setting).
    """
    accepted = expected_variance(n, num_generations, variance=variance, unbiased=unbiased)
    _, accepted, start = validation.host(accepted, validation.positive("variance", variance))
    return validation.array(_fits(num_generations, accepted) * accepted / n if unbiased else start - accepted)


def expected_deviation(
    n: int, num_generations: int, *, variance: ArrayLike = 1.0, unbiased: bool = False
) -> Float[Array, " t"]:
    """The mean of the fitted standard deviation.

    E s_t = σ a^{t+1},  a = √(2/c) Γ(n/2)/Γ((n−1)/2), c = n for maximum likelihood, n − 1 for the unbiased variance.

    Args:
        n: Samples a generation, at least 2.
        num_generations: T, at least 0.
        variance: σ² of the real samples.
        unbiased: Divide by n − 1 instead of n.

    Returns:
        E s_t [t], t = 0 … T.

    Raises:
        ValueError: Where `n` < 2, `num_generations` < 0 or `variance` is not positive.

    References:
        Bertrand et al. (2023), On the stability of iterative retraining, arXiv:2310.00429.
    """
    n = validation.integer("n", n, 2)
    xp, start = validation.host(validation.positive("variance", variance))
    log_a = float(np.log(2 / (n - unbiased)) / 2 + gammaln(n / 2) - gammaln((n - 1) / 2))
    return validation.array(xp.sqrt(start) * xp.exp(_fits(num_generations, start) * log_a))


def log_variance_moments(
    n: int, num_generations: int, *, variance: ArrayLike = 1.0, dimensions: int = 1, unbiased: bool = False
) -> Moments:
    """Mean and variance of the log-determinant of the fitted covariance: light tails, the best test of a loop.

    E ln det S_t = ln det Σ + (t+1) Σ_{j<d} [ψ((n−1−j)/2) − ln(c/2)],  Var = (t+1) Σ_{j<d} ψ₁((n−1−j)/2), with c = n or
    n − 1 (unbiased).

    Args:
        n: Samples a generation, more than `dimensions`.
        num_generations: T, at least 0.
        variance: det Σ of the real samples: σ² in one dimension.
        dimensions: d, at least 1.
        unbiased: Divide by n − 1 instead of n.

    Returns:
        The moments [t], t = 0 … T.

    Raises:
        ValueError: Where `dimensions` < 1, `n` <= `dimensions`, `num_generations` < 0 or `variance` is not positive.

    References:
        Bartlett (1933), On the theory of statistical regression: the determinant of a Wishart matrix.
    """
    dimensions = validation.integer("dimensions", dimensions, 1)
    n = validation.integer("n", n, dimensions + 1)
    xp, start = validation.host(validation.positive("variance", variance))
    half, fits = (n - 1 - np.arange(dimensions)) / 2, _fits(num_generations, start)
    drift, spread = digamma(half) - np.log((n - unbiased) / 2), polygamma(1, half)
    mean = xp.log(start) + fits * float(drift.sum())
    return Moments(validation.array(mean), validation.array(fits * float(spread.sum())))


def mean_variance(
    n: int, num_generations: int, *, variance: ArrayLike = 1.0, accumulate: bool = False
) -> Float[Array, " t"]:
    """How far the fitted mean has strayed when the variance is known: the variance of M_t given the task.

    Var(M_t|X) = σ²/n · (t+1), each generation replacing the data of the last;
    Var(M_t|X) = σ²/n · Σ_{i≤t+1} 1/i², the mean of all data so far.

    Args:
        n: Samples a generation, at least 1.
        num_generations: T, at least 0.
        variance: σ², known.
        accumulate: Fit to all generations and the real samples instead of the last generation.

    Returns:
        Var(M_t|X) [t], t = 0 … T.

    Raises:
        ValueError: Where `n` < 1, `num_generations` < 0 or `variance` is not positive.

    References:
        Gerstgrasser et al. (2024), Is model collapse inevitable? arXiv:2404.01413.
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
    """What the fitted mean tells about the true one, the variance known and X ~ N(·, τ²), in nats.

    I(X;M_t) = ½ ln(1 + τ²/Var(M_t|X)): ½ ln(1 + nτ²/((t+1)σ²)) where each generation replaces the last. With
    `accumulate` it is the information in the estimator; the pool itself keeps what the real samples had.

    Args:
        n: Samples a generation, at least 1.
        num_generations: T, at least 0.
        variance: σ², known.
        prior_variance: τ².
        accumulate: Fit to all generations and the real samples instead of the last generation.

    Returns:
        I(X;M_t) [t], t = 0 … T.

    Raises:
        ValueError: Where `n` < 1, `num_generations` < 0 or a variance is not positive.

    References:
        Cover & Thomas (2006), Elements of Information Theory, section 9.1: the Gaussian channel.
    """
    noise = mean_variance(n, num_generations, variance=variance, accumulate=accumulate)
    prior = validation.array(validation.positive("prior_variance", prior_variance), noise.dtype)
    xp, prior, noise = validation.host(prior, noise)
    return validation.array(xp.log1p(prior / noise) / 2)


def mean_pointwise_information(
    task: ArrayLike,
    means: ArrayLike,
    n: int,
    prior: Prior = STANDARD_NORMAL,
    *,
    variance: ArrayLike = 1.0,
    accumulate: bool = False,
) -> Float[Array, "..."]:
    """How much each simulated mean says for its own task; the average over replicas estimates I(X;M_t).

    i(x;m) = ln p(m_t|x) − ln p(m_t), M_t|x ~ N(x, Var(M_t|X)), p(m_t) = E_X p(m_t|X).

    Args:
        task: The true mean of each replica [...].
        means: Fitted means [..., t], t = 0 … T.
        n: Samples a generation, at least 1.
        prior: `Normal(mean, variance)` or `Finite(values, probs)`.
        variance: σ², known.
        accumulate: Fit to all generations and the real samples instead of the last generation.

    Returns:
        i(x;m_t) [..., t], in nats; not clipped.

    Raises:
        ValueError: Where shapes disagree, a number is not finite, or a variance is not positive.
    """
    x, m = replicas("means", task, means)
    noise = mean_variance(n, m.shape[-1] - 1, variance=variance, accumulate=accumulate)
    law = checked(prior)
    return _pointwise(x, m, validation.array(noise, m.dtype), jax.tree.map(lambda a: validation.array(a, m.dtype), law))


@jax.jit
def _pointwise(x: Float[Array, "..."], m: Float[Array, "..."], noise: Float[Array, " t"], prior: Prior) -> Array:
    noise = jnp.broadcast_to(noise, m.shape)

    def log_normal(deviation: Any, spread: Any) -> Any:
        return -(deviation**2) / (2 * spread) - jnp.log(2 * jnp.pi * spread) / 2

    if isinstance(prior, Normal):
        marginal = log_normal(m - jnp.asarray(prior.mean), noise + jnp.asarray(prior.variance))
    else:
        values, probs = (jnp.asarray(a).reshape((-1,) + (1,) * m.ndim) for a in prior)
        marginal = logsumexp(log_normal(m[None] - values, noise[None]), axis=0, b=probs)
    return log_normal(m - x[..., None], noise) - marginal
