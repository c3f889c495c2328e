"""What is right: pytree callables x -> bool [n], whose parameters are leaves."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Bool, Float, Int

from sandbox.base import Data, Model
from sandbox.models import GaussianMixture
from sandbox.models.linalg import normal_log_density

Region = Callable[[Any], Bool[Array, " n"]]


class Symbols(NamedTuple):
    """The symbols k with mask[k]."""

    mask: Bool[Array, " symbol"]

    def __call__(self, x: Int[Array, " n"]) -> Bool[Array, " n"]:
        """Whether each symbol is one of them."""
        return jnp.asarray(self.mask)[x]


class Transitions(NamedTuple):
    """The steps of a path with mask[x_{i−1}, x_i]; its first symbol, into which no step leads, passes for one of them.

    A verifier weighs that symbol as right; `Record.correct` leaves it out.
    """

    mask: Bool[Array, "state next"]

    def __call__(self, x: Int[Array, " n"]) -> Bool[Array, " n"]:
        """Whether the step into each symbol is one of them."""
        return jnp.concatenate([jnp.ones(1, bool), jnp.asarray(self.mask)[x[:-1], x[1:]]])


class Box(NamedTuple):
    """lower ≤ x ≤ upper in every coordinate."""

    lower: Float[Array, " dim"]
    upper: Float[Array, " dim"]

    def __call__(self, x: Float[Array, "n dim"]) -> Bool[Array, " n"]:
        """Whether each point is inside."""
        return ((self.lower[None, :] <= x) & (x <= self.upper[None, :])).all(1)


class Component(NamedTuple):
    """The points for which component `which` of the mixture is the most responsible."""

    mixture: GaussianMixture
    which: int | Int[Array, ""]

    def __call__(self, x: Float[Array, "n dim"]) -> Bool[Array, " n"]:
        """Whether argmax_k weights[k] N(x; means[k], …) is `which`."""
        weights, means, scales = self.mixture
        densities = jax.vmap(normal_log_density, (0, 0, None))(means, scales, x)
        return jnp.argmax(densities + jnp.log(weights)[:, None], axis=0) == self.which


class Denser(NamedTuple):
    """ln p(x) ≥ threshold, in nats, under a model that need not be the one that drew x."""

    model: Model
    threshold: float | Float[Array, ""]

    def __call__(self, x: Data) -> Bool[Array, " n"]:
        """Whether each sample is at least as likely as the threshold."""
        return self.model.log_prob(x) >= self.threshold
