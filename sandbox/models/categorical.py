"""A law over K symbols."""

from typing import NamedTuple

import jax.numpy as jnp
from jax import Array
from jaxtyping import Float, Int

from sandbox import noise, validation


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

    def fit(self, x: Int[Array, " n"], weights: Float[Array, " n"], *, smoothing: float = 0.0) -> "Categorical":
        """The weighted shares of the symbols, with `smoothing` added to each count.

        probs[k] = (c_k + λ) / (Σ c + λ K), c_k = Σ_i w_i 1[x_i = k], λ = smoothing: maximum likelihood at λ = 0.

        Raises:
            ValueError: `smoothing` is negative.
        """
        return self.fit_statistics(self.statistics(x, weights), smoothing=smoothing)

    def statistics(self, x: Int[Array, " n"], weights: Float[Array, " n"]) -> Float[Array, " symbol"]:
        """The weighted counts of the symbols."""
        return jnp.zeros_like(self.probs).at[x].add(weights.astype(self.probs.dtype))

    def fit_statistics(self, statistics: Float[Array, " symbol"], *, smoothing: float = 0.0) -> "Categorical":
        """The fit to data with these counts."""
        validation.nonnegative("smoothing", smoothing)
        smoothed = shares(statistics, self.probs, smoothing)
        return self._replace(probs=smoothed)


def invert(cumulative: Float[Array, " symbol"], u: Float[Array, " n"]) -> Int[Array, " n"]:
    """The symbol of each uniform number: the first k with u·total < cumulative[k], never one of probability 0."""
    u = u * cumulative[-1]
    few = 32  # below, comparing with every symbol vectorises; above, a binary search does less
    method = "compare_all" if cumulative.size <= few else "scan"
    return jnp.searchsorted(cumulative, u, side="right", method=method).astype(jnp.int32)


def shares(counts: Float[Array, " symbol"], previous: Float[Array, " symbol"], smoothing: float) -> Array:
    """Counts, each with `smoothing` added, as shares of their sum; `previous` where there is no count at all."""
    seen = counts.sum() > 0
    smoothed = counts + smoothing
    return jnp.where(seen, smoothed / jnp.where(seen, smoothed.sum(), 1), previous)
