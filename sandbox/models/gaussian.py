"""A normal law in d dimensions."""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

from sandbox import noise, validation
from sandbox.models.linalg import cholesky, normal_log_density


class Moments(NamedTuple):
    """Σ w, Σ w (x − m) and Σ w (x − m)(x − m)' about a fixed point m near the data, so that nothing cancels."""

    weight: Float[Array, ""]
    first: Float[Array, " dim"]
    second: Float[Array, "dim dim"]


class Gaussian(NamedTuple):
    """x = mean + scale z, z ~ N(0, I); scale is the lower Cholesky factor of the covariance."""

    mean: Float[Array, " dim"]
    scale: Float[Array, "dim column"]

    def check(self) -> None:
        """Raises ValueError unless `scale` is a lower triangle of the mean's dimension, its diagonal not negative."""
        d = self.mean.shape[-1] if self.mean.ndim else 0
        if d < 1 or self.scale.shape[-2:] != (d, d):
            raise ValueError(
                "Gaussian: a mean [d] and a scale [d, d] are accepted, "
                f"got {list(self.mean.shape)} and {list(self.scale.shape)}"
            )
        lower_triangle("Gaussian.scale", self.scale)

    def sample(self, key: Array, n: int) -> Float[Array, "n dim"]:
        """Draws n points."""
        return self.mean[None, :] + transform(self.scale, noise.normal(key, (n, self.mean.size), self.mean.dtype))

    def log_prob(self, x: Float[Array, "n dim"]) -> Float[Array, " n"]:
        """ln N(x; mean, scale scale'), in nats; of a singular law, inf on its support and −inf off it."""
        return normal_log_density(self.mean, self.scale, x)

    def fit(self, x: Float[Array, "n dim"], weights: Float[Array, " n"], *, unbiased: bool = False) -> "Gaussian":
        """The weighted mean and covariance.

        mean = Σ w x / W, covariance = Σ w (x − mean)(x − mean)' / (W − ddof), W = Σ w; ddof = 0 is maximum likelihood,
        1 the unbiased estimate, which leaves the scale alone where W ≤ 1.

        Args:
            x: Points.
            weights: w, at least 0.
            unbiased: ddof = 1.

        Returns:
            The model; self where all weights are 0.
        """
        return self.fit_statistics(self.statistics(x, weights), unbiased=unbiased)

    def statistics(self, x: Float[Array, "n dim"], weights: Float[Array, " n"]) -> Moments:
        """The weighted moments about self.mean."""
        weights = weights.astype(self.mean.dtype)
        centred = jnp.where(weights[:, None] > 0, x - self.mean[None, :], 0)
        weighted = weights[:, None] * centred
        return Moments(weights.sum(), weighted.sum(0), second_moment(weighted, centred))

    def fit_statistics(self, statistics: Moments, *, unbiased: bool = False) -> "Gaussian":
        """The fit to data with these moments about self.mean."""
        weight, first, second = statistics
        shift = first / jnp.where(weight > 0, weight, 1)
        scatter = second - first[:, None] * shift[None, :]
        freedom = weight - 1 if unbiased else weight
        scale = cholesky(scatter / jnp.where(freedom > 0, freedom, 1))
        return self._replace(mean=self.mean + shift, scale=jnp.where(freedom > 0, scale, self.scale))


def transform(scale: Float[Array, "d d"], z: Float[Array, "n d"]) -> Float[Array, "n d"]:
    """Each row of z times the lower triangle `scale`, as a sum over columns, which vectorises over replicas."""
    return sum((z[:, j, None] * scale[None, :, j] for j in range(1, z.shape[1])), z[:, :1] * scale[None, :, 0])


def second_moment(a: Float[Array, "n d"], b: Float[Array, "n d"]) -> Float[Array, "d d"]:
    """Σ_i a_i b_i', symmetric where a is a weighted b."""
    return (a[:, :, None] * b[:, None, :]).sum(0)


def lower_triangle(name: str, scale: Array | np.ndarray) -> None:
    """Raises unless `scale` is lower triangular with a diagonal that is not negative."""
    if not validation.concrete(scale):
        return
    values = np.asarray(scale)
    if not np.all(np.triu(values, 1) == 0) or not np.all(np.diagonal(values, axis1=-2, axis2=-1) >= 0):
        raise ValueError(f"{name}: a lower Cholesky factor is accepted, its diagonal not negative, got {scale!s:.80}")
