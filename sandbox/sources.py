"""Where real samples come from when there are data and no true model."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float, Int


class Bootstrap(NamedTuple):
    """Draws rows of `data` with replacement.

    References:
        Efron (1979), Bootstrap methods: another look at the jackknife. Annals of Statistics 7.
    """

    data: Float[Array, "rows dim"]

    def sample(self, key: Array, n: int) -> Float[Array, "n dim"]:
        """Draws n rows."""
        return self.data[jax.random.randint(key, (n,), 0, self.data.shape[0])]


class Passage(NamedTuple):
    """Draws a stretch of one long path, so that its transitions stay whole; at the end it goes on at the beginning."""

    path: Int[Array, " length"]

    def sample(self, key: Array, n: int) -> Int[Array, " n"]:
        """Draws n successive symbols."""
        start = jax.random.randint(key, (), 0, self.path.size)
        return self.path[(start + jnp.arange(n)) % self.path.size]
