"""Where real samples come from when there are data and no true model."""

from typing import Annotated, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float, Int

from sandbox import inputs, spaces, validation


class Bootstrap(NamedTuple):
    """Draws rows of `data` with replacement.

    References:
        Efron (1979), Bootstrap methods: another look at the jackknife. Annals of Statistics 7.
    """

    data: Annotated[Float[Array, "rows dim"], validation.finite]
    space = spaces.points_of("data")

    def sample(self, key: Array, n: int) -> Float[Array, "n dim"]:
        """Draws n rows."""
        data = jnp.asarray(inputs.to_sample(self, key, n).data)
        return data[jax.random.randint(key, (n,), 0, data.shape[0])]


class Passage(NamedTuple):
    """Draws a stretch of one long path, so that its transitions stay whole; at the end it goes on at the beginning."""

    path: Int[Array, " length"]

    def sample(self, key: Array, n: int) -> Int[Array, " n"]:
        """Draws n successive symbols."""
        path = jnp.asarray(inputs.to_sample(self, key, n).path)
        start = jax.random.randint(key, (), 0, path.size)
        return path[(start + jnp.arange(n)) % path.size]
