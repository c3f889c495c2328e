"""Monte Carlo results: a mean never travels without its standard error, a bound never without the other one.

References:
    Welford (1962), Note on a method for calculating corrected sums of squares and products. Technometrics 4.
    Chan, Golub & LeVeque (1983), Algorithms for computing the sample variance. The American Statistician 37.
    Efron & Stein (1981), The jackknife estimate of variance. Annals of Statistics 9.
    Maurer & Pontil (2009), Empirical Bernstein bounds and sample variance penalization, theorem 4. COLT.
"""

import math
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float, Key
from scipy.special import ndtri

from theory import validation
from theory.validation import ArrayLike

MAX_ENTRIES = 100_000_000  # of pseudo-values: 0.8 GB in float64


class Estimate(NamedTuple):
    """A mean over independent replicas, its standard error, and how many there were."""

    mean: Float[Array | np.ndarray, "*shape"]
    stderr: Float[Array | np.ndarray, "*shape"]
    count: int  # pyright: ignore[reportIncompatibleMethodOverride]

    def interval(self, level: float = 0.95, *, bounds: tuple[float, float] | None = None) -> tuple[Array, Array]:
        """The two-sided confidence interval of coverage `level`: Gaussian, or guaranteed for bounded values.

        Gaussian: mean ∓ Φ⁻¹((1+level)/2)·stderr, correct as the count grows. Where every single value lies between
        `bounds` = (low, high), empirical Bernstein: mean ∓ [√(2 L)·stderr + 7 (high − low) L / (3 (count − 1))],
        L = ln(4/(1 − level)), which covers with at least `level` at every count, whatever the distribution. The ends
        are not clipped and may lie beyond the bounds.
        """
        level = validation.inside("level", level, 0, 1)
        mean, stderr = _moments_of(self)
        if bounds is None:
            half = -float(ndtri((1 - level) / 2)) * stderr
        else:
            low, high = _ends(bounds)
            reach = (high - low) / 2 * (1 + 1e-3)  # a mean at an end may be rounded
            if validation.has_values(mean) and not (abs(mean - (low + high) / 2) <= reach).all():
                raise validation.refuse("bounds", bounds, "(low, high) with the mean between them")
            log = math.log(4 / (1 - level))
            fewer = validation.integer("count", self.count, 2) - 1
            half = math.sqrt(2 * log) * stderr + 7 * (high - low) * log / 3 / fewer
        return validation.array(mean - half), validation.array(mean + half)


def _moments_of(estimate: Estimate) -> tuple[Any, Any]:
    """Mean and standard error, checked, of one dtype."""
    mean, stderr = validation.one_dtype(
        validation.finite("mean", estimate.mean), validation.finite("stderr", estimate.stderr)
    )
    if stderr.shape not in ((), mean.shape):
        raise validation.refuse("stderr", f"shape {stderr.shape}", f"shape {mean.shape}, as `mean` has")
    _, mean, stderr = validation.host(mean, stderr)
    if validation.has_values(stderr) and not (stderr >= 0).all():
        raise validation.refuse("stderr", "a negative entry", "numbers >= 0")
    return mean, stderr


def _ends(bounds: Any) -> tuple[float, float]:
    """The two ends of an interval of positive and finite length."""
    ends = validation.floats("bounds", bounds, 1)
    if ends.shape != (2,) or not -math.inf < ends[0] < ends[1] < math.inf:
        raise validation.refuse("bounds", bounds, "finite numbers (low, high), low < high")
    return float(ends[0]), float(ends[1])


class Bracket(NamedTuple):
    """Two estimates around a truth: the expectation of `lower` is at most it, that of `upper` at least."""

    lower: Estimate
    upper: Estimate

    @property
    def width(self) -> Array:
        """The distance between the means: the gap between the two bounds, plus sampling error."""
        _, upper, lower = validation.host(*validation.one_dtype(*map(validation.array, (self.upper[0], self.lower[0]))))
        return validation.array(upper - lower)

    def interval(self, level: float = 0.95) -> tuple[Array, Array]:
        """The lower end of the lower estimate's interval and the upper end of the upper one's.

        It holds the truth with probability `level` at least, by the union bound over its two ends.
        """
        return self.lower.interval(level)[0], self.upper.interval(level)[1]


class Bounds(NamedTuple):
    """A lower and an upper bound as values of the same replicas; each bound is the mean of its values.

    Where a bound is not a plain average, its values are jackknife pseudo-values: their mean is the bound, and their
    standard error is its own.
    """

    lower: Float[Array | np.ndarray, "replica *shape"]
    upper: Float[Array | np.ndarray, "replica *shape"]

    def minus(self, other: "Bounds") -> "Bounds":
        """Bounds on the difference of the two truths: lower − other.upper, upper − other.lower.

        Replica by replica, so that the noise which both share cancels.
        """
        if not isinstance(other, Bounds):
            raise validation.refuse("other", type(other).__name__, "Bounds of the same replicas")
        ends = {"lower": self.lower, "other.upper": other.upper, "upper": self.upper, "other.lower": other.lower}
        given = validation.one_dtype(*(validation.finite(name, values) for name, values in ends.items()))
        if len({values.shape for values in given}) != 1:
            raise validation.refuse("other", f"shape {given[3].shape}", f"shape {given[0].shape}, as all of them have")
        _, a, b, c, d = validation.host(*given)
        return Bounds(validation.array(a - b), validation.array(c - d))

    def bracket(self) -> Bracket:
        """The two means with their standard errors."""
        return Bracket(estimate(self.lower), estimate(self.upper))


def estimate(values: ArrayLike) -> Estimate:
    """The mean of replica values [replica, ...] with its standard error [...], the replicas independent.

    mean = Σ v_r / R,  stderr² = Σ (v_r − mean)² / (R (R−1)), R at least 2. Never clipped: an estimate of zero may come
    out negative.
    """
    v = _replicas(validation.finite("values", values))
    dtype, (xp, v) = v.dtype, validation.host(v)
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        mean, deviations = _centred(xp, values if xp is np else v)  # not as JAX has rounded them, with x64 off
        scale = abs(deviations).max(0, keepdims=True)  # so that squares neither overflow nor vanish
        squares = xp.square(deviations / xp.where(scale > 0, scale, 1)).sum(0)
        stderr = scale[0] * xp.sqrt(squares / (v.shape[0] - 1) / v.shape[0])
        mean, stderr = (validation.array(x.astype(dtype)) for x in (mean, stderr))
    return Estimate(validation.in_range("values", mean), validation.in_range("values", stderr), v.shape[0])


def _replicas(values: Array) -> Array:
    """At least two of them."""
    if values.ndim == 0 or values.shape[0] < 2:
        raise validation.refuse("values", f"shape {values.shape}", "at least 2 replicas on axis 0")
    return values


def _centred(xp: Any, v: Any) -> tuple[Any, Any]:
    """Mean over axis 0 and deviations from it, about the first value, so that a far-away mean costs no digits.

    NumPy sums in float64, whatever the dtype.
    """
    v = np.asarray(v, np.float64) if xp is np else v
    near = v - v[:1]
    mean = near.mean(0)
    return v[0] + mean, near - mean[None]


def pseudo_values(values: ArrayLike, num_replicas: int) -> Float[Array, "replica *shape"]:
    """Jackknife pseudo-values [R, ...] of a mean over the first r of R replicas, to which the others add nothing.

    mean + (R/r) c (v_j − mean) for the values [r, ...], mean for the other R − r replicas; c² = r (R−1) / ((r−1) R), so
    that their standard error is that of the r values.
    """
    v = _replicas(validation.finite("values", values))
    few, many = v.shape[0], validation.integer("num_replicas", num_replicas, v.shape[0])
    validation.entries("num_replicas", many * v[0].size, MAX_ENTRIES)
    xp, v = validation.host(v)
    mean, deviations = _centred(xp, v)
    added = deviations * (many / few * (few * (many - 1) / ((few - 1) * many)) ** 0.5)
    made = mean[None] + xp.pad(added, ((0, many - few), *[(0, 0)] * (v.ndim - 1)))
    return validation.array(made.astype(v.dtype))


def merge(a: Estimate, b: Estimate) -> Estimate:
    """The estimate from the replicas of two estimates, as if they had been averaged at once.

    With n = n_a + n_b ≥ 2 and δ = mean_b − mean_a: mean = mean_a + δ n_b/n and
    n (n−1) stderr² = n_a (n_a−1) stderr_a² + n_b (n_b−1) stderr_b² + δ² n_a n_b/n. No large squares are subtracted, so
    no digits are lost. An estimate of count 0, with mean and stderr 0, changes nothing.
    """
    for name, part in (("a", a), ("b", b)):
        if not isinstance(part, Estimate):
            raise validation.refuse(name, type(part).__name__, "an Estimate")
        if validation.has_values(part.count):
            validation.integer("count", part.count, 0)
    count = a.count + b.count
    if validation.has_values(count) and count < 2:
        raise validation.refuse("b", f"a count that makes {count} with that of `a`", "at least 2 replicas in all")
    moments = [x for part in (a, b) for x in map(validation.array, _moments_of(part))]
    if moments[0].shape != moments[2].shape:
        raise validation.refuse("b", f"shape {moments[2].shape}", f"shape {moments[0].shape}, as `a` has")
    moments = validation.one_dtype(*moments)
    xp, mean, error_a, other, error_b = validation.host(*moments)
    size_a, size_b, size = (xp.asarray(x, mean.dtype) for x in (a.count, b.count, count))

    def share(n):
        return xp.sqrt(n / size * ((n - 1) / (size - 1)))

    difference = other - mean
    between = difference * xp.sqrt(size_a / size * (size_b / size) / (size - 1))
    within = xp.hypot(error_a * share(size_a), error_b * share(size_b))  # squares neither overflow nor vanish
    mean, stderr = mean + difference * (size_b / size), xp.hypot(within, between)
    return Estimate(validation.array(mean), validation.array(stderr), count)


def monte_carlo(key: Key[Array, ""], draw: Callable[[Array], Array], num_chunks: int) -> Estimate:
    """The mean of values that are drawn chunk by chunk, with its standard error, in the memory of one chunk.

    mean = Σ v_r / R over the R = num_chunks · chunk values; chunks are merged as in `merge`. The sums are kept in JAX's
    default floating type, whatever the values are, since the mean of many values has more digits than each of them.
    Never clipped: an information of zero may come out negative.

    Args:
        key: Consumed; chunk c is drawn with `fold_in(key, c)`.
        draw: From a key to values [chunk, ...], independent along axis 0, at least 2; compiled once for each function.
        num_chunks: From 1 to 2^31 − 1.
    """
    key, draw = validation.key("key", key), validation.function("draw", draw)
    num_chunks = validation.integer("num_chunks", num_chunks, 1, 2**31 - 1)
    chunk = validation.result("draw", draw, key, on="a key")
    if not jnp.issubdtype(chunk.dtype, jnp.floating) or chunk.ndim == 0 or chunk.shape[0] < 2:
        given = f"a function that returns {chunk.dtype} of shape {chunk.shape}"
        raise validation.refuse("draw", given, "one that returns floats, at least 2 on axis 0")
    mean, stderr = _merged(key, draw, num_chunks)
    for moment in (mean, stderr):
        if validation.has_values(moment) and not np.isfinite(np.asarray(moment)).all():
            raise validation.refuse("draw", "a value that is a NaN or an infinity", "finite values")
    return Estimate(mean, stderr, num_chunks * chunk.shape[0])


@partial(jax.jit, static_argnums=(1, 2))
def _merged(key: Key[Array, ""], draw: Callable[[Array], Array], num_chunks: int) -> tuple[Array, Array]:
    """Mean and standard error over all chunks; counts are floats, as integers may end at 2^31."""
    chunk = jax.eval_shape(draw, key)
    zero = jnp.zeros(chunk.shape[1:], jnp.result_type(float))

    def step(c: Array, so_far: tuple[Array, Array]) -> tuple[Array, Array]:
        values = draw(jax.random.fold_in(key, c)).astype(zero.dtype)
        done: Any = c.astype(zero.dtype) * chunk.shape[0]
        total = merge(Estimate(*so_far, done), estimate(values))
        return jnp.asarray(total.mean), jnp.asarray(total.stderr)

    return jax.lax.fori_loop(0, num_chunks, step, (zero, zero))
