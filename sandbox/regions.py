"""What is correct: pytree callables x -> bool [n], whose parameters are leaves."""

from collections.abc import Callable
from typing import Annotated, Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Bool, Float, Int

from sandbox import spaces, validation
from sandbox.base import ArrayLike, Model
from sandbox.models import GaussianMixture
from sandbox.models.linalg import normal_log_density

Region = Callable[[Any], Bool[Array, " n"]]


def inside(name: str, region: Region, x: Array) -> Bool[Array, " n"]:
    """Whether each sample is in `region`; raises unless that returns a boolean a sample."""
    x = validation.samples("x", x)
    return validation.one_each(name, region(x), x.shape[0], "booleans")


class Symbols(NamedTuple):
    """The symbols k with mask[k]."""

    mask: Bool[Array, " symbol"]
    space = spaces.symbols_of("mask")

    def __call__(self, x: ArrayLike) -> Bool[Array, " n"]:
        """Whether each symbol is one of them."""
        return spaces.look_up(self.mask, self.space.samples("x", x), False)


class Transitions(NamedTuple):
    """The steps of a path with mask[x_{i−1}, x_i]; its first symbol, into which no step leads, passes for one of them.

    A verifier weighs that symbol as correct; `Record.accuracy` leaves it out.
    """

    mask: Annotated[Bool[Array, "state next"], validation.square]
    space = spaces.symbols_of("mask")

    def __call__(self, x: ArrayLike) -> Bool[Array, " n"]:
        """Whether the step into each symbol is one of them."""
        x = self.space.samples("x", x)
        return jnp.concatenate([jnp.ones(1, bool), spaces.look_up(self.mask, (x[:-1], x[1:]), False)])


class Box(NamedTuple):
    """lower ≤ x ≤ upper in every coordinate."""

    lower: Float[Array, " dim"]
    upper: Float[Array, " dim"]
    space = spaces.points_of("lower")

    def __call__(self, x: Float[Array, "n dim"]) -> Bool[Array, " n"]:
        """Whether each point is inside."""
        lower, upper = jnp.atleast_1d(self.lower), jnp.atleast_1d(self.upper)
        x = self.space.samples("x", x)
        return ((lower[None, :] <= x) & (x <= upper[None, :])).all(1)


class Component(NamedTuple):
    """The points for which component `which` of the mixture is the most responsible."""

    mixture: GaussianMixture
    which: int | Int[Array, ""]
    space = property(lambda self: self.mixture.space)

    def check(self) -> None:
        """Raises ValueError unless the mixture has this component."""
        validation.integers("Component.which", self.which, 0)
        k = self.mixture.weights.shape[-1]
        if validation.concrete(self.which) and np.any(np.asarray(self.which) >= k):
            raise validation.refuse("Component.which", self.which, f"one of the components 0 … {k - 1}")

    def __call__(self, x: Float[Array, "n dim"]) -> Bool[Array, " n"]:
        """Whether argmax_k weights[k] N(x; means[k], …) is `which`."""
        weights, means, scales = self.mixture
        x = self.space.samples("x", x, means.dtype)
        densities = jax.vmap(normal_log_density, (0, 0, None))(means, scales, x)
        return jnp.argmax(densities + jnp.log(weights)[:, None], axis=0) == self.which


class Denser(NamedTuple):
    """ln p(x) ≥ threshold, in nats, under a model that need not be the one that drew x."""

    model: Model
    threshold: float | Float[Array, ""]

    def __call__(self, x: Any) -> Bool[Array, " n"]:
        """Whether each sample is at least as likely as the threshold."""
        return self.model.log_prob(x) >= self.threshold
