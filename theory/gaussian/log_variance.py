"""The log-variance of a Gaussian retrained on its own samples: a random walk, its distribution exact throughout.

V_t = X + Σ_{i≤t} ln(χ²_i/c), X = ln σ², χ²_i with k = n − 1 degrees of freedom, c = n (maximum likelihood) or n − 1
(`unbiased`). Its characteristic function is in closed form; one Fourier transform, on the host in float64, gives its
density. A prior is `Normal(mean, variance)` or `Finite(values, probs)`, of X.

References:
    Bartlett & Kendall (1946), The statistical analysis of variance-heterogeneity.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from jax import Array
from jaxtyping import Complex, Float
from scipy.interpolate import CubicSpline
from scipy.special import polygamma

from theory import validation
from theory.gamma import digamma_less_log, log_gamma_ratio
from theory.gaussian.priors import STANDARD_NORMAL, Normal, Prior, checked, replicas
from theory.validation import ArrayLike

REACH = 40.0  # half-width of a grid in standard deviations: ln χ² of one degree falls to 1e-16 at 33
STEPS = 50.0  # grid points a standard deviation
MAX_POINTS = 2**22
MOST = 10**7  # generations
RELIABLE = 1e-12  # of the peak: below, the transform's rounding (1e-16) shows in the logarithm of the density


class Density(NamedTuple):
    """A density on an even grid."""

    points: Float[np.ndarray, " v"]
    values: Float[np.ndarray, " v"]


class _Grid(NamedTuple):
    """A density on `origin + offsets`, so that a far-away prior costs no digits."""

    origin: float
    offsets: Float[np.ndarray, " v"]
    values: Float[np.ndarray, " v"]


def log_variance_density(n: int, generation: int, prior: Prior | None = None, *, unbiased: bool = False) -> Density:
    """The exact density of the log-variance V_t at one generation t ≥ 0, of n ≥ 2 samples each.

    E e^{iωV_t} = φ_X(ω) [(2/c)^{iω} Γ(k/2+iω)/Γ(k/2)]^{t+1}. Without a prior X = 0: the walk alone. The grid leaves out
    less than 1e-16 of the mass; the values' sum times its spacing is 1.

    Raises:
        ValueError: Where the tasks lie too far apart for one grid (`prior.values`).
    """
    fits = validation.integer("generation", generation, 0) + 1
    grid = _density(validation.integer("n", n, 2), fits, None if prior is None else _concrete(prior), unbiased)
    return Density(grid.origin + grid.offsets, grid.values)


def log_variance_information(
    n: int, num_generations: int, prior: Prior = STANDARD_NORMAL, *, unbiased: bool = False
) -> Float[Array, " t"]:
    """The information I(X;V_t) [t], t = 0 … T, in the fitted log-variance, in nats, exact to about 1e-11.

    I(X;V_t) = h(V_t) − h(V_t|X), the second the entropy of the walk alone. Dividing by n − 1 (`unbiased`) instead of n
    shifts V_t, which leaves its information as it is.

    Raises:
        ValueError: Where the tasks lie too far apart for one grid (`prior.values`).
    """
    n, prior = validation.integer("n", n, 2), _concrete(prior)
    fits = range(1, validation.integer("num_generations", num_generations, 0, MOST) + 2)
    return validation.array(
        [_entropy(_density(n, t, prior, unbiased)) - _entropy(_density(n, t, None, unbiased)) for t in fits]
    )


def log_variance_pointwise_information(
    task: ArrayLike, log_variances: ArrayLike, n: int, prior: Prior = STANDARD_NORMAL, *, unbiased: bool = False
) -> Float[Array, "..."]:
    """The pointwise information [..., t] of each simulated log-variance about its own task, in nats, not clipped.

    i(x;v) = ln p(v_t|x) − ln p(v_t), both exact, interpolated by splines to about 1e-9; it averages to I(X;V_t).
    `task` has the true log-variance of each replica [...], `log_variances` the fitted ones [..., t], t = 0 … T.
    """
    n, prior = validation.integer("n", n, 2), _concrete(prior)
    given = replicas("log_variances", task, log_variances)
    if not validation.has_values(given):
        raise validation.refuse("log_variances", "a tracer", "concrete arrays, as the host makes the densities")
    x, v = (np.asarray(a, float) for a in given)

    def at(t: int) -> np.ndarray:
        walk, seen = _log_density(_density(n, t + 1, None, unbiased)), v[..., t]
        if isinstance(prior, Normal):
            marginal = _log_density(_density(n, t + 1, prior, unbiased))(seen)
        else:
            marginal = np.logaddexp.reduce([np.log(p) + walk(seen - y) for y, p in _atoms(prior) if p > 0])
        return walk(seen - x) - marginal

    values = validation.array(np.stack([at(t) for t in range(v.shape[-1])], axis=-1))
    return validation.in_range("log_variances, prior", values)


def _concrete(prior: Prior) -> Prior:
    """A checked prior, which has values."""
    known = checked(prior)
    if not validation.has_values(known):
        raise validation.refuse("prior", "a tracer", "concrete numbers, as the host makes the densities")
    return known


def _density(n: int, fits: int, prior: Prior | None, unbiased: bool) -> _Grid:
    """`log_variance_density` of checked arguments, after so many fits."""
    half, lost = (n - 1) / 2, 0.0 if unbiased else math.log1p(-1 / n)
    drift, variance = fits * (float(digamma_less_log(np.array(half))) + lost), fits * float(polygamma(1, half))
    origin, width = 0.0, 0.0
    if isinstance(prior, Normal):
        origin, variance = float(np.asarray(prior.mean)), variance + float(np.asarray(prior.variance))
    elif prior is not None:
        values = np.asarray(prior.values, float)
        origin, width = _middle(values), float(values.max() / 2 - values.min() / 2) * 2
    step = variance**0.5 / STEPS
    points = 2 * REACH * STEPS + width / step
    if not points <= MAX_POINTS:
        raise validation.refuse("prior.values", f"a range of {width}", f"at most {MAX_POINTS * step:.3g} at this n")
    size = 2 ** math.ceil(math.log2(points))
    transform = _characteristic(2 * np.pi * np.fft.rfftfreq(size, step), half, fits, prior)
    density = np.fft.fftshift(np.fft.irfft(transform.conj(), size)) / step
    return _Grid(origin, drift + step * (np.arange(size) - size // 2), np.maximum(density, 0))


def _middle(values: Float[np.ndarray, " x"]) -> float:
    return float(values.max() / 2 + values.min() / 2)


def _characteristic(
    frequencies: Float[np.ndarray, " w"], half: float, fits: int, prior: Prior | None
) -> Complex[np.ndarray, " w"]:
    """E exp(iω(V − origin − drift)) after so many fits."""
    drift = 1j * frequencies * digamma_less_log(np.array(half))
    walk = np.exp(fits * (log_gamma_ratio(half, frequencies) - drift))
    if prior is None:
        return walk
    if isinstance(prior, Normal):
        return walk * np.exp(-(frequencies**2) * float(np.asarray(prior.variance)) / 2)
    middle = _middle(np.asarray(prior.values, float))
    return walk * sum(p * np.exp(1j * frequencies * (x - middle)) for x, p in _atoms(prior))


def _atoms(prior: Prior) -> list[tuple[float, float]]:
    """The tasks of a finite prior, each with its probability."""
    return list(zip(*(np.asarray(a, float).tolist() for a in prior), strict=True))


def _entropy(density: _Grid) -> float:
    """h = −∫ p ln p; the sum over an even grid converges faster than any power of the spacing."""
    p = density.values
    return -float(np.sum(p * np.log(np.where(p > 0, p, 1))) * (density.offsets[1] - density.offsets[0]))


def _log_density(density: _Grid) -> Callable[[np.ndarray], np.ndarray]:
    """ln p as a function: a cubic spline where the transform is reliable, its end slopes beyond (1e-12 of the mass)."""
    inside = np.flatnonzero(density.values > RELIABLE * density.values.max())
    part = slice(inside[0], inside[-1] + 1)
    spline = CubicSpline(density.offsets[part], np.log(density.values[part]))
    low, high = spline.x[[0, -1]]

    def log_density(v: np.ndarray) -> np.ndarray:
        offset = v - density.origin
        near = np.clip(offset, low, high)
        return spline(near) + spline(near, 1) * (offset - near)

    return log_density
