"""A distribution over K symbols."""

from typing import Annotated, NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float, Int

from sandbox import inputs, noise, spaces, validation
from sandbox.base import ArrayLike

Smoothing = ArrayLike  # one number, or one a symbol


class Categorical(NamedTuple):
    """p(x) = probs[x], x in {0 … K−1}.

    Where values cannot be looked at, under a trace, another symbol has log-probability −inf, and a fit leaves it out.
    """

    probs: Annotated[Float[Array, " symbol"], validation.distribution]
    space = spaces.symbols_of("probs")

    def sample(self, key: Array, n: int) -> Int[Array, " n"]:
        """Draws n symbols by inversion of the cumulative sum."""
        probs = inputs.to_sample(self, key, n).probs
        return invert(jnp.cumsum(probs), noise.uniform(key, (n,), probs.dtype))

    def log_prob(self, x: ArrayLike) -> Float[Array, " n"]:
        """ln probs[x], in nats; −inf for a symbol that is lost."""
        probs = inputs.ready("Categorical", self).probs
        return spaces.look_up(jnp.log(probs), self.space.samples("x", x), -jnp.inf)

    def fit(self, x: ArrayLike, weights: ArrayLike = None, *, smoothing: Smoothing = 0.0) -> "Categorical":
        """The weighted shares of the symbols, with `smoothing`, one number or one a symbol, added to the counts.

        probs[k] = (c_k + α_k) / (Σ c + Σ α), c_k = Σ_i w_i 1[x_i = k], α = smoothing ≥ 0: the mean of the posterior
        under a Dirichlet(α) prior, maximum likelihood at α = 0; self where all weights are 0.
        """
        self = inputs.ready("Categorical", self)
        return self.fit_statistics(self.statistics(x, weights), smoothing=smoothing)

    def statistics(self, x: ArrayLike, weights: ArrayLike = None) -> Float[Array, " symbol"]:
        """The weighted counts of the symbols."""
        x, weights = self.space.weighted(x, weights, self.probs.dtype)
        return spaces.count(self.probs, x, weights)

    def fit_statistics(self, statistics: Float[Array, " symbol"], *, smoothing: Smoothing = 0.0) -> "Categorical":
        """The fit to data with these counts; self where there are none."""
        alpha = pseudo_counts(smoothing, statistics.sum(), like=self.probs)
        return self._replace(probs=shares(statistics, self.probs, alpha))


def invert(cumulative: Float[Array, " symbol"], u: Float[Array, " n"]) -> Int[Array, " n"]:
    """The symbol of each uniform number: the first k with u·total < cumulative[k], never one of probability 0."""
    u = u * cumulative[-1]
    few = 32  # below, comparing with every symbol vectorises; above, a binary search does less
    method = "compare_all" if cumulative.size <= few else "scan"
    return jnp.searchsorted(cumulative, u, side="right", method=method).astype(jnp.int32)


def pseudo_counts(smoothing: Smoothing, total: Float[Array, ""], *, like: Float[Array, " symbol"]) -> Array:
    """What a fit adds to the count of each symbol: `smoothing`, and nothing where the `total` weight is 0."""
    validation.nonnegative("smoothing", smoothing)
    shape = np.shape(smoothing)
    if shape not in ((), like.shape):
        raise validation.refuse("smoothing", f"shape {list(shape)}", f"one number or {like.size}, one a symbol")
    return jnp.where(total > 0, jnp.asarray(smoothing, like.dtype), jnp.zeros_like(like))


def shares(
    counts: Float[Array, " symbol"], previous: Float[Array | np.ndarray, " symbol"], alpha: Float[Array, " symbol"]
) -> Array:
    """(c_k + α_k) / (Σ c + Σ α); `previous` where that is 0/0."""
    smoothed = counts + alpha
    total = smoothed.sum()
    return jnp.where(total == 0, previous, smoothed / jnp.where(total == 0, 1, total))
