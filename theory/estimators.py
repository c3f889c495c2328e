"""Monte-Carlo results: a mean never travels without its standard error."""

from typing import NamedTuple

import jax.numpy as jnp
from jax import Array
from jax.scipy.special import ndtri
from jaxtyping import Float

from theory import validation
from theory.validation import ArrayLike


class Estimate(NamedTuple):
    """A mean over independent replicas, its standard error, and how many there were."""

    mean: Float[Array, "*shape"]
    stderr: Float[Array, "*shape"]
    count: int  # pyright: ignore[reportIncompatibleMethodOverride]

    def interval(self, level: float = 0.95) -> tuple[Array, Array]:
        """The two-sided normal confidence interval: mean ∓ Φ⁻¹((1+level)/2)·stderr.

        Args:
            level: The coverage, in (0, 1).

        Returns:
            Its lower and upper ends.

        Raises:
            ValueError: Where `level` is outside (0, 1).
        """
        if not 0 < level < 1:
            raise validation.refuse("level", level, "a number in (0, 1)")
        mean, stderr = jnp.asarray(self.mean), jnp.asarray(self.stderr)
        half = ndtri(jnp.asarray((1 + level) / 2, stderr.dtype)) * stderr
        return mean - half, mean + half


def estimate(values: ArrayLike) -> Estimate:
    """The mean of replica values with its standard error.

    mean = Σ v_r / R,  stderr² = Σ (v_r − mean)² / (R (R−1)). Never clipped: an estimate of zero may come out negative.

    Args:
        values: [replica, ...], independent along axis 0.

    Returns:
        The estimate, with the remaining axes.

    Raises:
        ValueError: Where there are fewer than two replicas, or a value is not finite.
    """
    v = validation.finite("values", values)
    if v.ndim == 0 or v.shape[0] < 2:
        raise validation.refuse("values", f"shape {v.shape}", "at least 2 replicas on axis 0")
    return Estimate(v.mean(0), v.std(0, ddof=1) / v.shape[0] ** 0.5, v.shape[0])
