"""The log-variance of a Gaussian retrained on its own samples: a random walk whose law is exact at every generation.

V_t = X + Σ_{i≤t} ln(χ²_i/c), X = ln σ², χ²_i with k = n − 1 degrees of freedom, c = n (maximum likelihood) or n − 1
(unbiased). Its characteristic function is in closed form; one Fourier transform, on the host in float64, gives its
density. The public names stand in `theory.gaussian`.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from jax import Array
from jaxtyping import Complex, Float
from scipy.interpolate import CubicSpline
from scipy.special import digamma, loggamma, polygamma

from theory import validation
from theory.gaussian.priors import STANDARD_NORMAL, Normal, Prior, checked, replicas
from theory.validation import ArrayLike

REACH = 40.0  # half-width of a grid in standard deviations: ln χ² of one degree falls to 1e-16 at 33
STEPS = 50.0  # grid points a standard deviation
MAX_POINTS = 2**22
RELIABLE = 1e-12  # of the peak: below, the transform's rounding (1e-16) shows in the logarithm of the density


class Density(NamedTuple):
    """A density on an even grid."""

    points: Float[np.ndarray, " v"]
    values: Float[np.ndarray, " v"]


def log_variance_density(n: int, generation: int, prior: Prior | None = None, *, unbiased: bool = False) -> Density:
    """The exact density of the log-variance at one generation.

    E e^{iωV_t} = φ_X(ω) [(2/c)^{iω} Γ(k/2+iω)/Γ(k/2)]^{t+1}, k = n − 1, c = n or n − 1 (unbiased).

    Args:
        n: Samples a generation, at least 2.
        generation: t, at least 0.
        prior: Law of X = ln σ²: `Normal(mean, variance)` or `Finite(values, probs)`; None for X = 0, the walk alone.
        unbiased: Divide by n − 1 instead of n.

    Returns:
        The density, on a grid that leaves out less than 1e-16 of it; its sum times the spacing is 1.

    Raises:
        ValueError: Where `n` < 2, `generation` < 0, or the tasks lie too far apart for one grid.

    References:
        Bartlett & Kendall (1946), The statistical analysis of variance-heterogeneity.
    """
    fits = validation.integer("generation", generation, 0) + 1
    return _density(validation.integer("n", n, 2), fits, None if prior is None else checked(prior), unbiased)


def log_variance_information(
    n: int, num_generations: int, prior: Prior = STANDARD_NORMAL, *, unbiased: bool = False
) -> Float[Array, " t"]:
    """What the fitted log-variance tells about the true one, in nats, exact to about 1e-11.

    I(X;V_t) = h(V_t) − h(V_t|X), the second the entropy of the walk alone.

    Args:
        n: Samples a generation, at least 2.
        num_generations: T, at least 0.
        prior: Law of X = ln σ²: `Normal(mean, variance)` or `Finite(values, probs)`.
        unbiased: Divide by n − 1 instead of n: a shift of V_t, which leaves its information as it is.

    Returns:
        I(X;V_t) [t], t = 0 … T.

    Raises:
        ValueError: Where `n` < 2, `num_generations` < 0, or the tasks lie too far apart for one grid.

    References:
        Bartlett & Kendall (1946), The statistical analysis of variance-heterogeneity.
    """
    n, probs = validation.integer("n", n, 2), checked(prior)
    fits = range(1, validation.integer("num_generations", num_generations, 0) + 2)
    return validation.array(
        [_entropy(_density(n, t, probs, unbiased)) - _entropy(_density(n, t, None, unbiased)) for t in fits]
    )


def log_variance_pointwise_information(
    task: ArrayLike, log_variances: ArrayLike, n: int, prior: Prior = STANDARD_NORMAL, *, unbiased: bool = False
) -> Float[Array, "..."]:
    """How much each simulated log-variance says for its own task; the average over replicas estimates I(X;V_t).

    i(x;v) = ln p(v_t|x) − ln p(v_t), both exact, interpolated by splines to about 1e-9.

    Args:
        task: The true log-variance of each replica [...].
        log_variances: Fitted ones [..., t], t = 0 … T.
        n: Samples a generation, at least 2.
        prior: Law of X = ln σ²: `Normal(mean, variance)` or `Finite(values, probs)`.
        unbiased: Divide by n − 1 instead of n.

    Returns:
        i(x;v_t) [..., t], in nats; not clipped.

    Raises:
        ValueError: Where `n` < 2, shapes disagree or a number is not finite.
    """
    n, probs = validation.integer("n", n, 2), checked(prior)
    x, v = (np.asarray(a, float) for a in replicas("log_variances", task, log_variances))

    def at(t: int) -> np.ndarray:
        walk, seen = _log_density(_density(n, t + 1, None, unbiased)), v[..., t]
        if isinstance(probs, Normal):
            marginal = _log_density(_density(n, t + 1, probs, unbiased))(seen)
        else:
            marginal = np.logaddexp.reduce([np.log(p) + walk(seen - y) for y, p in _atoms(probs) if p > 0])
        return walk(seen - x) - marginal

    return validation.array(np.stack([at(t) for t in range(v.shape[-1])], axis=-1))


def _density(n: int, fits: int, prior: Prior | None, unbiased: bool) -> Density:
    """`log_variance_density` of checked arguments, after so many fits."""
    half = (n - 1) / 2
    centre, variance, spread = fits * (digamma(half) - np.log((n - unbiased) / 2)), fits * polygamma(1, half), 0.0
    if isinstance(prior, Normal):
        centre, variance = centre + float(np.asarray(prior.mean)), variance + float(np.asarray(prior.variance))
    elif prior is not None:
        values = np.asarray(prior.values, float)
        centre, spread = centre + (values.max() + values.min()) / 2, float(np.ptp(values))
    step = variance**0.5 / STEPS
    size = 2 ** int(np.ceil(np.log2(2 * REACH * STEPS + spread / step)))
    if size > MAX_POINTS:
        raise validation.refuse("prior.values", f"a range of {spread}", f"at most {MAX_POINTS * step:.3g} at this n")
    frequencies = 2 * np.pi * np.fft.rfftfreq(size, step)
    transform = _characteristic(frequencies, n, fits, prior, unbiased) * np.exp(-1j * frequencies * centre)
    density = np.fft.fftshift(np.fft.irfft(transform.conj(), size)) / step
    return Density(centre + step * (np.arange(size) - size // 2), np.maximum(density, 0))


def _characteristic(
    frequencies: Float[np.ndarray, " w"], n: int, fits: int, prior: Prior | None, unbiased: bool
) -> Complex[np.ndarray, " w"]:
    """E exp(iωV) after so many fits."""
    half, iw = (n - 1) / 2, 1j * frequencies
    walk = np.exp(fits * (iw * np.log(2 / (n - unbiased)) + loggamma(half + iw) - loggamma(half)))
    if prior is None:
        return walk
    if isinstance(prior, Normal):
        mean, variance = (float(np.asarray(a)) for a in prior)
        return walk * np.exp(iw * mean - frequencies**2 * variance / 2)
    return walk * sum(p * np.exp(iw * x) for x, p in _atoms(prior))


def _atoms(prior: Prior) -> list[tuple[float, float]]:
    """The tasks of a finite prior, each with its probability."""
    return list(zip(*(np.asarray(a, float).tolist() for a in prior), strict=True))


def _entropy(density: Density) -> float:
    """h = −∫ p ln p; the sum over an even grid converges faster than any power of the spacing."""
    p = density.values
    return -float(np.sum(p * np.log(np.where(p > 0, p, 1))) * (density.points[1] - density.points[0]))


def _log_density(density: Density) -> Callable[[np.ndarray], np.ndarray]:
    """ln p as a function: a cubic spline where the transform is reliable, its end slopes beyond (1e-12 of the mass)."""
    inside = np.flatnonzero(density.values > RELIABLE * density.values.max())
    part = slice(inside[0], inside[-1] + 1)
    spline = CubicSpline(density.points[part], np.log(density.values[part]))
    low, high = spline.x[[0, -1]]

    def log_density(v):
        near = np.clip(v, low, high)
        return spline(near) + spline(near, 1) * (v - near)

    return log_density
