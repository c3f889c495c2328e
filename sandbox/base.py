"""The roles that a loop needs: a model, an exponential family, a signal."""

from collections.abc import Callable
from typing import Any, Protocol, TypeVar, runtime_checkable

from jax import Array
from jaxtyping import Bool, Float, Int

ArrayLike = Any  # an array of JAX or NumPy, or a list
Data = Float[Array, "n dim"] | Int[Array, " n"]
Weights = Float[Array, " n"]
Same = TypeVar("Same")  # Self, which beartype cannot check in a protocol
Statistics = Any  # a pytree of arrays that adds up: the statistics of two data sets sum to those of their union


@runtime_checkable
class Model(Protocol):
    """A generative model: a NamedTuple of arrays, in which the parameters are the model."""

    def sample(self, key: Array, n: int) -> Data:
        """Draws n samples."""
        ...

    def log_prob(self, x: Data) -> Float[Array, " n"]:
        """The log-probability, or log-density, of each sample, in nats."""
        ...

    def fit(self: Same, x: Data, weights: Weights) -> Same:
        """The model refitted to weighted samples: deterministic, started from self.

        A sample of weight 0 changes nothing, whatever its value, and where all weights are 0 the fit is self.
        """
        ...


@runtime_checkable
class ExponentialFamily(Model, Protocol):
    """A model whose fit needs the data's sufficient statistics alone, so that a growing pool takes no memory."""

    def statistics(self, x: Data, weights: Weights) -> Statistics:
        """The sufficient statistics of weighted samples; those of two data sets, from the same self, add up."""
        ...

    def fit_statistics(self: Same, statistics: Statistics) -> Same:
        """The model refitted to the data that have these statistics, which `self.statistics` must have made."""
        ...


@runtime_checkable
class Checked(Protocol):
    """A model, a signal or a part of one that knows which parameters make sense; `run` and `ensemble` ask it first.

    If it has a `space` (`sandbox.spaces`) too, the model that it meets must have the same.
    """

    def check(self) -> None:
        """Raises ValueError naming the parameter that makes no sense."""
        ...


@runtime_checkable
class Signal(Protocol):
    """What enters a generation from outside: a weight in [0, 1] for each sample; `KeepAll()` is the closed loop."""

    def __call__(self, key: Array, model: Model, x: Data, /) -> Weights:
        """The weight of each sample in the next fit."""
        ...


@runtime_checkable
class Graded(Signal, Protocol):
    """A signal that knows which samples are correct, so that a record can hold the accuracy."""

    correct: Callable[[Any], Bool[Array, " n"]] | None  # a pytree callable; None where no part of the signal knows
