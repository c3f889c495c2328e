"""A Gaussian in d dimensions."""

from typing import Annotated, NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

from sandbox import inputs, noise, spaces, validation
from sandbox.base import ArrayLike
from sandbox.models.linalg import cast, centre, cholesky, normal_log_density


class Moments(NamedTuple):
    """Σ w, Σ w (x − m) and Σ w (x − m)(x − m)' about a fixed point m near the data, so that nothing cancels."""

    weight: Float[Array, ""]
    first: Float[Array, " dim"]
    second: Float[Array, "dim dim"]


class Gaussian(NamedTuple):
    """x = mean + scale z, z ~ N(0, I); scale is the lower Cholesky factor of the covariance.

    Of data in a wider dtype the fit is computed in theirs; what is returned always has that of the mean.
    """

    mean: Float[Array, " dim"]
    scale: Annotated[Float[Array, "dim column"], validation.square, validation.lower_triangle]
    space = spaces.points_of("mean")

    def sample(self, key: Array, n: int) -> Float[Array, "n dim"]:
        """Draws n points."""
        mean, scale = inputs.to_sample(self, key, n)
        return mean[None, :] + transform(scale, noise.normal(key, (n, mean.size), mean.dtype))

    def log_prob(self, x: ArrayLike) -> Float[Array, " n"]:
        """ln N(x; mean, scale scale'), in nats; of a singular one, inf on its support and −inf off it."""
        self = inputs.ready("Gaussian", self)
        x = self.space.samples("x", x, self.mean.dtype)
        mean, scale = cast(self, x.dtype)
        return normal_log_density(mean, scale, x).astype(self.mean.dtype)

    def fit(self, x: ArrayLike, weights: ArrayLike = None, *, unbiased: bool = False) -> "Gaussian":
        """The weighted mean and covariance.

        mean = Σ w x / W, covariance = Σ w (x − mean)(x − mean)' / (W − ddof), W = Σ w; ddof = 0 is maximum likelihood,
        `unbiased` ddof = 1, which leaves the scale alone where W ≤ 1. Where all weights are 0 the fit is self.
        """
        self = inputs.ready("Gaussian", self)
        x, weights = self.space.weighted(x, weights, self.mean.dtype)
        near = cast(self, x.dtype)._replace(mean=centre(x, weights))
        fitted = cast(near.fit_statistics(near.statistics(x, weights), unbiased=unbiased), self.mean.dtype)
        return fitted._replace(mean=jnp.where(weights.sum() > 0, fitted.mean, self.mean))

    def statistics(self, x: ArrayLike, weights: ArrayLike = None) -> Moments:
        """The weighted moments about self.mean."""
        x, weights = self.space.weighted(x, weights, self.mean.dtype)
        gaps = jnp.where(weights[:, None] > 0, x - self.mean.astype(x.dtype)[None, :], 0)
        weighted = weights[:, None] * gaps
        return cast(Moments(weights.sum(), weighted.sum(0), second_moment(weighted, gaps)), self.mean.dtype)

    def fit_statistics(self, statistics: Moments, *, unbiased: bool = False) -> "Gaussian":
        """The fit to data with these moments about self.mean; self where there are none."""
        weight, first, second = statistics
        shift = first / jnp.where(weight > 0, weight, 1)
        scatter = second - first[:, None] * shift[None, :]
        freedom = weight - 1 if unbiased else weight
        scale = cholesky(scatter / jnp.where(freedom > 0, freedom, 1))
        return self._replace(mean=self.mean + shift, scale=jnp.where(freedom > 0, scale, self.scale))


def transform(scale: Float[Array | np.ndarray, "d d"], z: Float[Array, "n d"]) -> Float[Array, "n d"]:
    """Each row of z times the lower triangle `scale`, as a sum over columns, which vectorises over replicas."""
    return sum((z[:, j, None] * scale[None, :, j] for j in range(1, z.shape[1])), z[:, :1] * scale[None, :, 0])


def second_moment(a: Float[Array, "n d"], b: Float[Array, "n d"]) -> Float[Array, "d d"]:
    """Σ_i a_i b_i', symmetric where a is a weighted b."""
    return (a[:, :, None] * b[:, None, :]).sum(0)
