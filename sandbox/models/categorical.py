"""A law over K symbols."""

from collections.abc import Sequence
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float, Int

from sandbox import noise, validation

Smoothing = float | Sequence[float] | Float[Array | np.ndarray, " symbol"]


class Categorical(NamedTuple):
    """p(x) = probs[x], x in {0 … K−1}."""

    probs: Float[Array, " symbol"]

    def check(self) -> None:
        """Raises ValueError unless `probs` is a probability vector."""
        validation.distribution("Categorical.probs", self.probs)

    def sample(self, key: Array, n: int) -> Int[Array, " n"]:
        """Draws n symbols by inversion of the cumulative sum."""
        return invert(jnp.cumsum(self.probs), noise.uniform(key, (n,), self.probs.dtype))

    def log_prob(self, x: Int[Array, " n"]) -> Float[Array, " n"]:
        """ln probs[x], in nats; −inf for a symbol that is lost."""
        return jnp.log(self.probs)[x]

    def fit(self, x: Int[Array, " n"], weights: Float[Array, " n"], *, smoothing: Smoothing = 0.0) -> "Categorical":
        """The weighted shares of the symbols, with `smoothing`, one number or one a symbol, added to the counts.

        probs[k] = (c_k + α_k) / (Σ c + Σ α), c_k = Σ_i w_i 1[x_i = k]: the mean of the posterior under a Dirichlet(α)
        prior, maximum likelihood at α = 0.

        Args:
            x: Symbols.
            weights: w, at least 0.
            smoothing: α, at least 0.

        Returns:
            The model; self where all weights are 0.

        Raises:
            ValueError: `smoothing` is negative or infinite, or its length is not the number of symbols.
        """
        return self.fit_statistics(self.statistics(x, weights), smoothing=smoothing)

    def statistics(self, x: Int[Array, " n"], weights: Float[Array, " n"]) -> Float[Array, " symbol"]:
        """The weighted counts of the symbols."""
        return jnp.zeros_like(self.probs).at[x].add(weights.astype(self.probs.dtype))

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
    """What a fit adds to the count of each symbol: `smoothing`, and nothing where the data have no weight in `total`.

    Raises:
        ValueError: `smoothing` is negative or infinite, or neither one number nor one a symbol of `like`.
    """
    validation.nonnegative("smoothing", smoothing)
    shape = np.shape(smoothing)
    if shape not in ((), like.shape):
        raise ValueError(f"smoothing: one number or {like.size}, one a symbol, are accepted, got shape {list(shape)}")
    return jnp.where(total > 0, jnp.asarray(smoothing, like.dtype), jnp.zeros_like(like))


def shares(counts: Float[Array, " symbol"], previous: Float[Array, " symbol"], alpha: Float[Array, " symbol"]) -> Array:
    """(c_k + α_k) / (Σ c + Σ α); `previous` where that is 0/0."""
    smoothed = counts + alpha
    total = smoothed.sum()
    return jnp.where(total > 0, smoothed / jnp.where(total > 0, total, 1), previous)
