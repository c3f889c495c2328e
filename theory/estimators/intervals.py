"""Monte-Carlo results: a mean never travels without its standard error, a bound never without the other one."""

import math
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float, Key
from scipy.special import ndtri

from theory import validation
from theory.validation import ArrayLike


class Estimate(NamedTuple):
    """A mean over independent replicas, its standard error, and how many there were."""

    mean: Float[Array | np.ndarray, "*shape"]
    stderr: Float[Array | np.ndarray, "*shape"]
    count: int  # pyright: ignore[reportIncompatibleMethodOverride]

    def interval(self, level: float = 0.95, *, bounds: tuple[float, float] | None = None) -> tuple[Array, Array]:
        """The two-sided confidence interval: normal, or guaranteed where each single value is known to be bounded.

        Normal: mean ∓ Φ⁻¹((1+level)/2)·stderr, right as the count grows. With `bounds`, empirical Bernstein:
        mean ∓ [√(2 L)·stderr + 7 (high − low) L / (3 (count − 1))], L = ln(4/(1 − level)), which covers with at least
        `level` at every count, whatever the law: two one-sided intervals of error (1 − level)/2.

        Args:
            level: The coverage, in (0, 1).
            bounds: (low, high), between which each single value lies; none where they are unbounded.

        Returns:
            Its lower and upper ends; they may lie beyond the bounds, as nothing is clipped.

        Raises:
            ValueError: Where `level` is outside (0, 1), `bounds` are no interval or the mean is outside; where the mean
                is not finite, or the standard error negative.

        References:
            Maurer & Pontil (2009), Empirical Bernstein bounds and sample variance penalization, theorem 4. COLT.
        """
        if not 0 < level < 1:
            raise validation.refuse("level", level, "a number in (0, 1)")
        mean, stderr = validation.finite("mean", self.mean), validation.finite("stderr", self.stderr)
        _, mean, stderr = validation.host(mean, stderr)
        if validation.has_values(stderr) and not (stderr >= 0).all():
            raise validation.refuse("stderr", "a negative entry", "numbers >= 0")
        if bounds is None:
            half = -float(ndtri((1 - level) / 2)) * stderr
        else:
            low, high = bounds
            if not -math.inf < low < high < math.inf:
                raise validation.refuse("bounds", bounds, "finite numbers (low, high), low < high")
            reach = (high - low) / 2 * (1 + 1e-3)  # a mean at an end may be rounded
            if validation.has_values(mean) and not (abs(mean - (low + high) / 2) <= reach).all():
                raise validation.refuse("bounds", bounds, "(low, high) with the mean between them")
            log = math.log(4 / (1 - level))
            fewer = stderr.dtype.type(self.count) - 1
            half = math.sqrt(2 * log) * stderr + 7 * (high - low) * log / 3 / fewer
        return validation.array(mean - half), validation.array(mean + half)


class Bracket(NamedTuple):
    """Two estimates around a truth: the expectation of `lower` is at most it, that of `upper` at least."""

    lower: Estimate
    upper: Estimate

    @property
    def width(self) -> Array:
        """The distance of the two means; what is left of it without sampling error is the gap of the two bounds."""
        _, upper, lower = validation.host(self.upper.mean, self.lower.mean)
        return validation.array(upper - lower)

    def interval(self, level: float = 0.95) -> tuple[Array, Array]:
        """An interval that holds the truth with probability `level` at least, by the union bound over its two ends.

        Args:
            level: The coverage, in (0, 1).

        Returns:
            The lower end of the lower estimate's interval, the upper end of the upper one's.

        Raises:
            ValueError: Where `level` is outside (0, 1), a mean is not finite or a standard error negative.
        """
        return self.lower.interval(level)[0], self.upper.interval(level)[1]


class Bounds(NamedTuple):
    """A lower and an upper bound as values of the same replicas; each bound is the mean of its values.

    Where a bound is not a plain average, its values are jackknife pseudo-values: their mean is the bound, and their
    spread is its standard error. Two bounds on the same replicas subtract replica by replica, so that what they share
    cancels.

    References:
        Efron & Stein (1981), The jackknife estimate of variance. Annals of Statistics 9.
    """

    lower: Float[Array | np.ndarray, "replica *shape"]
    upper: Float[Array | np.ndarray, "replica *shape"]

    def minus(self, other: "Bounds") -> "Bounds":
        """Bounds on the difference of the two truths: lower − other.upper, upper − other.lower.

        Args:
            other: Bounds from the same replicas.

        Returns:
            The differences, replica by replica.

        Raises:
            ValueError: Where the other's shape differs: replicas are paired.
        """
        if jnp.shape(self.lower) != jnp.shape(other.lower):
            raise validation.refuse("other", f"shape {jnp.shape(other.lower)}", f"shape {jnp.shape(self.lower)}")
        _, a, b, c, d = validation.host(self.lower, other.upper, self.upper, other.lower)
        return Bounds(validation.array(a - b), validation.array(c - d))

    def bracket(self) -> Bracket:
        """The two means with their standard errors.

        Returns:
            The bracket, with the axes after that of the replicas.

        Raises:
            ValueError: Where there are fewer than two replicas, or a value is not finite.
        """
        return Bracket(estimate(self.lower), estimate(self.upper))


def estimate(values: ArrayLike) -> Estimate:
    """The mean of replica values with its standard error.

    mean = Σ v_r / R,  stderr² = Σ (v_r − mean)² / (R (R−1)). Never clipped: an estimate of zero may come out negative.

    Args:
        values: [replica, ...], independent along axis 0.

    Returns:
        The estimate, with the remaining axes.

    Raises:
        ValueError: Where there are fewer than two replicas, or a value or the sum of their squares is not finite.
    """
    v = validation.finite("values", values)
    if v.ndim == 0 or v.shape[0] < 2:
        raise validation.refuse("values", f"shape {v.shape}", "at least 2 replicas on axis 0")
    _, v = validation.host(v)
    with np.errstate(over="ignore", invalid="ignore"):
        mean, stderr = v.mean(0), v.std(0, ddof=1) / v.shape[0] ** 0.5
    if validation.has_values(v) and not (np.isfinite(mean).all() and np.isfinite(stderr).all()):
        raise validation.refuse("values", f"numbers too large for the sums in {v.dtype}", "smaller ones")
    return Estimate(validation.array(mean), validation.array(stderr), v.shape[0])


def spread(values: ArrayLike, num_replicas: int) -> Float[Array, "replica *shape"]:
    """The mean over some replicas as jackknife pseudo-values over more, to which the others add nothing.

    mean + (R/r) c (v_j − mean) for j < r, mean for the others; c² = r (R−1) / ((r−1) R), so that the standard error is
    that of the r values.

    Args:
        values: [r, ...], those of the first replicas.
        num_replicas: R, at least r.

    Returns:
        [R, ...].

    Raises:
        ValueError: Where there are fewer than two values, or more than `num_replicas`.
    """
    v = validation.floats("values", values)
    if v.ndim == 0 or v.shape[0] < 2:
        raise validation.refuse("values", f"shape {v.shape}", "at least 2 replicas on axis 0")
    few, many = v.shape[0], validation.integer("num_replicas", num_replicas, v.shape[0])
    xp, v = validation.host(v)
    mean = v.mean(0, keepdims=True)
    added = (v - mean) * (many / few * (few * (many - 1) / ((few - 1) * many)) ** 0.5)
    return validation.array(mean + xp.pad(added, ((0, many - few), *[(0, 0)] * (v.ndim - 1))))


def merge(a: Estimate, b: Estimate) -> Estimate:
    """The estimate from the values of two estimates together, as if they had been averaged at once.

    With n = n_a + n_b, δ = mean_b − mean_a and M = stderr² n (n − 1), the sum of squares about the mean:
    mean = mean_a + δ n_b/n,  M = M_a + M_b + δ² n_a n_b/n. No large squares are subtracted, so no digits are lost.

    Args:
        a: An estimate; of count 0, with mean and stderr 0, it changes nothing.
        b: Another one, from other replicas.

    Returns:
        The estimate from both.

    Raises:
        ValueError: Where they have fewer than two replicas in all.

    References:
        Welford (1962), Note on a method for calculating corrected sums of squares and products. Technometrics 4.
        Chan, Golub & LeVeque (1983), Algorithms for computing the sample variance. The American Statistician 37.
    """
    count = a.count + b.count
    if validation.has_values(count) and count < 2:
        raise validation.refuse("b", f"a count that makes {count} with that of `a`", "at least 2 replicas in all")
    mean, other = validation.one_dtype(*map(validation.array, (a.mean, b.mean)))
    xp, *given = validation.host(mean, other, a.stderr, b.stderr, a.count, b.count, count)
    mean, other, error_a, error_b, size_a, size_b, size = (xp.asarray(x, mean.dtype) for x in given)
    difference = other - mean
    squares = xp.square(error_a) * size_a * (size_a - 1) + xp.square(error_b) * size_b * (size_b - 1)
    squares = squares + xp.square(difference) * (size_a * (size_b / size))
    merged = mean + difference * (size_b / size), xp.sqrt(squares / size / (size - 1))
    mean, stderr = map(validation.array, merged)
    return Estimate(mean, stderr, count)


def monte_carlo(key: Key[Array, ""], draw: Callable[[Array], Array], num_chunks: int) -> Estimate:
    """The mean of values that are drawn chunk by chunk, with its standard error, in the memory of one chunk.

    mean = Σ v_r / R over the R = num_chunks · chunk values; chunks are merged as in `merge`. The sums are kept in JAX's
    default floating type, whatever the values are, since the mean of many values has more digits than each of them.

    Args:
        key: The randomness; chunk c is drawn with `fold_in(key, c)`.
        draw: From a key to values [chunk, ...], independent along axis 0; traced once for each function.
        num_chunks: How many chunks.

    Returns:
        The estimate, with the remaining axes. Never clipped: an information of zero may come out negative.

    Raises:
        ValueError: Where `num_chunks` is below 1, a chunk has fewer than two values, or a value is not finite.
    """
    num_chunks = validation.integer("num_chunks", num_chunks, 1)
    chunk = jax.eval_shape(draw, key)
    if not jnp.issubdtype(chunk.dtype, jnp.floating) or chunk.ndim == 0 or chunk.shape[0] < 2:
        raise validation.refuse("draw", f"{chunk.dtype} of shape {chunk.shape}", "floats, at least 2 on axis 0")
    mean, stderr = _moments(key, draw, num_chunks)
    if validation.has_values(mean) and not np.isfinite(np.asarray(mean)).all():
        raise validation.refuse("draw", "a value that is a NaN or an infinity", "finite values")
    return Estimate(mean, stderr, num_chunks * chunk.shape[0])


@partial(jax.jit, static_argnums=(1, 2))
def _moments(key: Key[Array, ""], draw: Callable[[Array], Array], num_chunks: int) -> tuple[Array, Array]:
    """Mean and standard error over all chunks."""
    chunk = jax.eval_shape(draw, key)
    zero = jnp.zeros(chunk.shape[1:], jnp.result_type(float))

    def step(so_far: tuple[Array, Array], c: Array) -> tuple[tuple[Array, Array], None]:
        values = draw(jax.random.fold_in(key, c)).astype(zero.dtype)
        total = merge(Estimate(*so_far, c * chunk.shape[0]), estimate(values))
        return (jnp.asarray(total.mean), jnp.asarray(total.stderr)), None

    return jax.lax.scan(step, (zero, zero), jnp.arange(num_chunks))[0]
