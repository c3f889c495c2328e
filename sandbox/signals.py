"""Signals that do not look at the model: verifiers, rubrics, environments. `judges` holds those that do.

Where the probability that x is accepted does not depend on the rest of the batch, `acceptance(x)` is that probability;
of a graded signal it is the expected weight. A number that is no probability is handed on, and `run` refuses it.
"""

from collections.abc import Callable
from typing import Annotated, Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Bool, Float

from sandbox import noise, spaces, validation
from sandbox.base import ArrayLike, Data, Model, Signal, Weights
from sandbox.regions import Region, inside

Rate = Annotated[float | Float[Array, ""], validation.rate]


class KeepAll(NamedTuple):
    """No signal: every sample is accepted, and the loop is closed."""

    def acceptance(self, x: Data) -> Weights:
        """1."""
        return jnp.ones(validation.samples("x", x).shape[0])

    def __call__(self, key: Array, model: Model, x: Data, /) -> Weights:
        """Weight 1 for each sample."""
        return self.acceptance(x)


class Verifier(NamedTuple):
    """Accepts a correct sample with probability `tpr`, a wrong one with probability `fpr`; its errors are fresh."""

    tpr: Rate
    fpr: Rate
    correct: Region

    def acceptance(self, x: Data) -> Weights:
        """`tpr` where x is correct, `fpr` where it is not."""
        return jnp.where(inside("Verifier.correct", self.correct, x), self.tpr, self.fpr).astype(float)

    def __call__(self, key: Array, model: Model, x: Data, /) -> Weights:
        """1 with probability acceptance(x), else 0."""
        return bernoulli(key, self.acceptance(x))


class Rubric(NamedTuple):
    """Grades by criteria, each judged as by a Verifier of its own: Σ_j importance_j judged_j / Σ_j importance_j."""

    criteria: tuple[Region, ...]
    tpr: Annotated[Float[Array, " criterion"], validation.rate]
    fpr: Annotated[Float[Array, " criterion"], validation.rate]
    importance: Annotated[Float[Array, " criterion"], validation.nonnegative]

    def check(self) -> None:
        """Raises ValueError unless there is a rate a criterion, and an importance above 0."""
        if len(self.criteria) != self.tpr.shape[-1]:
            given = f"{self.tpr.shape[-1]} rates with {len(self.criteria)} criteria"
            raise validation.refuse("Rubric.criteria", given, "one rate a criterion")
        if validation.concrete(self.importance):
            validation.positive("Rubric.importance", np.asarray(self.importance).sum())

    def correct(self, x: Data) -> Bool[Array, " n"]:
        """Whether x meets all criteria."""
        return self._met(x).all(0)

    def acceptance(self, x: Data) -> Weights:
        """The expected grade."""
        return self._grade(self._rates(x))

    def __call__(self, key: Array, model: Model, x: Data, /) -> Weights:
        """The grade of each sample."""
        return self._grade(bernoulli(key, self._rates(x)))

    def _met(self, x: Data) -> Bool[Array, "criterion n"]:
        return jnp.stack([inside("Rubric.criteria", criterion, x) for criterion in self.criteria])

    def _rates(self, x: Data) -> Float[Array, "criterion n"]:
        tpr, fpr = jnp.asarray(self.tpr), jnp.asarray(self.fpr)
        return jnp.where(self._met(x), tpr[:, None], fpr[:, None]).astype(float)

    def _grade(self, judged: Float[Array, "criterion n"]) -> Weights:
        grade = jnp.average(judged, 0, weights=jnp.asarray(self.importance, float))
        return jnp.minimum(grade, 1)  # rounding may exceed 1


class Rates(NamedTuple):
    """A number for each symbol: table[x]."""

    table: Float[Array, " symbol"]
    space = spaces.symbols_of("table")

    def __call__(self, x: ArrayLike) -> Float[Array, " n"]:
        """The number of each symbol."""
        return spaces.look_up(self.table, self.space.samples("x", x), jnp.nan)


class Environment(NamedTuple):
    """Tries each sample out and accepts it if it succeeds; one that succeeds once may fail at the next trial."""

    success: Callable[[Any], Float[Array, " n"]]

    def check(self) -> None:
        """Raises ValueError unless a table of success rates holds numbers in [0, 1]."""
        if isinstance(self.success, Rates):
            validation.rate("Environment.success", self.success.table)

    def acceptance(self, x: Data) -> Weights:
        """The probability that x succeeds."""
        x = validation.samples("x", x)
        return validation.one_each("Environment.success", self.success(x), x.shape[0]).astype(float)

    def __call__(self, key: Array, model: Model, x: Data, /) -> Weights:
        """The outcome of one trial of each sample."""
        return bernoulli(key, self.acceptance(x))


class BlindSpot(NamedTuple):
    """Accepts whatever is in the region `blind`, and elsewhere what `signal` accepts."""

    signal: Signal
    blind: Region

    @property
    def correct(self) -> Region | None:
        """What `signal` calls correct, None where it does not know."""
        return getattr(self.signal, "correct", None)

    def acceptance(self, x: Data) -> Weights:
        """1 in the blind spot, elsewhere that of `signal`."""
        return jnp.where(inside("BlindSpot.blind", self.blind, x), 1, accepted(self.signal, x))

    def __call__(self, key: Array, model: Model, x: Data, /) -> Weights:
        """1 in the blind spot, elsewhere the weight that `signal` gives."""
        return jnp.where(inside("BlindSpot.blind", self.blind, x), 1, weigh(key, model, self.signal, x))


class AllOf(NamedTuple):
    """Accepts what each of independent signals accepts: Π_j w_j."""

    signals: tuple[Signal, ...]

    @property
    def correct(self) -> Region | None:
        """What the first signal calls correct, None where it does not know."""
        return getattr(self.signals[0], "correct", None)

    def acceptance(self, x: Data) -> Weights:
        """The product of theirs."""
        return jnp.stack([accepted(signal, x) for signal in self.signals]).prod(0)

    def __call__(self, key: Array, model: Model, x: Data, /) -> Weights:
        """The product of the weights."""
        return each(self.signals, key, model, x).prod(0)


class AnyOf(NamedTuple):
    """Accepts what at least one of independent signals accepts: 1 − Π_j (1 − w_j)."""

    signals: tuple[Signal, ...]

    @property
    def correct(self) -> Region | None:
        """What the first signal calls correct, None where it does not know."""
        return getattr(self.signals[0], "correct", None)

    def acceptance(self, x: Data) -> Weights:
        """One less the product of what they reject."""
        return 1 - jnp.stack([1 - accepted(signal, x) for signal in self.signals]).prod(0)

    def __call__(self, key: Array, model: Model, x: Data, /) -> Weights:
        """One less the product of the weights' complements."""
        return 1 - (1 - each(self.signals, key, model, x)).prod(0)


def bernoulli(key: Array, probability: Float[Array, "*s"]) -> Float[Array, "*s"]:
    """1 with this probability, else 0: a probability of 0 never happens, one of 1 always does.

    A number that is no probability is handed on as it is.
    """
    drawn = (noise.uniform(key, probability.shape, probability.dtype) < probability).astype(float)
    return jnp.where(validation.is_rate(probability), drawn, probability.astype(float))


def accepted(signal: Any, x: Data, name: str = "signal") -> Weights:
    """Its `acceptance` of each sample; raises where it has none."""
    if not hasattr(signal, "acceptance"):
        raise validation.refuse(name, type(signal).__name__, "one with an `acceptance`, as Verifier(…)")
    return signal.acceptance(x)


def weigh(key: Array, model: Model, signal: Signal, x: Data) -> Weights:
    """The weights that the signal gives, 0 or 1 where it says no or yes; raises unless they are one number a sample."""
    x = validation.samples("x", x)
    return validation.one_each("signal", signal(key, model, x), x.shape[0]).astype(float)


def each(signals: tuple[Signal, ...], key: Array, model: Model, x: Data) -> Float[Array, "signal n"]:
    """The weights that each signal gives, with a key of its own; NaN in the place of what is no weight."""
    keys = jax.random.split(key, len(signals))
    weights = jnp.stack([weigh(keys[j], model, signal, x) for j, signal in enumerate(signals)])
    return jnp.where(validation.is_rate(weights), weights, jnp.nan)
