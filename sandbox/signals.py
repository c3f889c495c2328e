"""What enters a loop from outside: signals that do not look at the model. `judges` holds those that do.

Where the probability that x is kept does not depend on the rest of the batch, `acceptance(x)` is that probability;
of a graded signal it is the expected weight.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Bool, Float, Int

from sandbox import noise, validation
from sandbox.base import Data, Model, Signal, Weights
from sandbox.regions import Region

Rate = float | Float[Array, ""]


class KeepAll(NamedTuple):
    """No signal: every sample is kept, and the loop is closed."""

    def acceptance(self, x: Data) -> Weights:
        """1."""
        return jnp.ones(x.shape[0])

    def __call__(self, key: Array, model: Model, x: Data, /) -> Weights:
        """Weight 1 for each sample."""
        return self.acceptance(x)


class Verifier(NamedTuple):
    """Keeps what is right with probability `tpr`, what is wrong with probability `fpr`, and errs anew at each look."""

    tpr: Rate
    fpr: Rate
    correct: Region

    def check(self) -> None:
        """Raises ValueError unless the two rates are in [0, 1]."""
        validation.rate("Verifier.tpr", self.tpr)
        validation.rate("Verifier.fpr", self.fpr)

    def acceptance(self, x: Data) -> Weights:
        """`tpr` where x is right, `fpr` where it is not."""
        return jnp.where(self.correct(x), self.tpr, self.fpr).astype(float)

    def __call__(self, key: Array, model: Model, x: Data, /) -> Weights:
        """1 with probability acceptance(x), else 0."""
        return bernoulli(key, self.acceptance(x))


class Rubric(NamedTuple):
    """Grades by criteria, each judged as by a Verifier of its own: Σ_j importance_j judged_j / Σ_j importance_j."""

    criteria: tuple[Region, ...]
    tpr: Float[Array, " criterion"]
    fpr: Float[Array, " criterion"]
    importance: Float[Array, " criterion"]

    def check(self) -> None:
        """Raises ValueError unless the rates are in [0, 1] and no importance is negative, nor all are 0."""
        validation.rate("Rubric.tpr", self.tpr)
        validation.rate("Rubric.fpr", self.fpr)
        validation.nonnegative("Rubric.importance", self.importance)
        validation.positive("Rubric.importance", self.importance.sum())

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
        return jnp.stack([criterion(x) for criterion in self.criteria])

    def _rates(self, x: Data) -> Float[Array, "criterion n"]:
        return jnp.where(self._met(x), self.tpr[:, None], self.fpr[:, None]).astype(float)

    def _grade(self, judged: Float[Array, "criterion n"]) -> Weights:
        grade = jnp.average(judged, 0, weights=self.importance.astype(float))
        return jnp.minimum(grade, 1)  # which rounding may pass


class TopFraction(NamedTuple):
    """Keeps the round(fraction · n) best of a batch, one at least; of equals, those drawn first."""

    fraction: Rate
    score: Callable[[Any], Float[Array, " n"]]

    def check(self) -> None:
        """Raises ValueError unless the fraction is in [0, 1]."""
        validation.rate("TopFraction.fraction", self.fraction)

    def __call__(self, key: Array, model: Model, x: Data, /) -> Weights:
        """1 for the best, else 0."""
        rank = jnp.argsort(jnp.argsort(-self.score(x)))
        count = jnp.round(jnp.asarray(self.fraction) * x.shape[0]).astype(rank.dtype)
        return (rank < jnp.maximum(count, 1)).astype(float)


class Rates(NamedTuple):
    """A number for each symbol: table[x]."""

    table: Float[Array, " symbol"]

    def __call__(self, x: Int[Array, " n"]) -> Float[Array, " n"]:
        """The number of each symbol."""
        return jnp.asarray(self.table)[x]


class Environment(NamedTuple):
    """Tries each sample out and keeps it if it succeeds; whoever succeeds once may fail at the next trial."""

    success: Callable[[Any], Float[Array, " n"]]

    def check(self) -> None:
        """Raises ValueError unless a table of success rates holds numbers in [0, 1]."""
        if isinstance(self.success, Rates):
            validation.rate("Environment.success", self.success.table)

    def acceptance(self, x: Data) -> Weights:
        """The probability that x succeeds."""
        return self.success(x).astype(float)

    def __call__(self, key: Array, model: Model, x: Data, /) -> Weights:
        """The outcome of one trial of each sample."""
        return bernoulli(key, self.acceptance(x))


class BlindSpot(NamedTuple):
    """Keeps whatever is in the region `blind`, and elsewhere what `signal` keeps."""

    signal: Any
    blind: Region

    @property
    def correct(self) -> Region | None:
        """What `signal` calls right, None where it does not know."""
        return getattr(self.signal, "correct", None)

    def acceptance(self, x: Data) -> Weights:
        """1 in the blind spot, elsewhere that of `signal`."""
        return jnp.where(self.blind(x), 1, self.signal.acceptance(x))

    def __call__(self, key: Array, model: Model, x: Data, /) -> Weights:
        """1 in the blind spot, elsewhere the weight that `signal` gives."""
        return jnp.where(self.blind(x), 1, self.signal(key, model, x))


class AllOf(NamedTuple):
    """Keeps what each of independent signals keeps: Π_j w_j."""

    signals: tuple[Any, ...]

    @property
    def correct(self) -> Region | None:
        """What the first signal calls right, None where it does not know."""
        return getattr(self.signals[0], "correct", None)

    def acceptance(self, x: Data) -> Weights:
        """The product of theirs."""
        return jnp.stack([signal.acceptance(x) for signal in self.signals]).prod(0)

    def __call__(self, key: Array, model: Model, x: Data, /) -> Weights:
        """The product of the weights."""
        return each(self.signals, key, model, x).prod(0)


class AnyOf(NamedTuple):
    """Keeps what at least one of independent signals keeps: 1 − Π_j (1 − w_j)."""

    signals: tuple[Any, ...]

    @property
    def correct(self) -> Region | None:
        """What the first signal calls right, None where it does not know."""
        return getattr(self.signals[0], "correct", None)

    def acceptance(self, x: Data) -> Weights:
        """One less the product of what they reject."""
        return 1 - jnp.stack([1 - signal.acceptance(x) for signal in self.signals]).prod(0)

    def __call__(self, key: Array, model: Model, x: Data, /) -> Weights:
        """One less the product of the weights' complements."""
        return 1 - (1 - each(self.signals, key, model, x)).prod(0)


def bernoulli(key: Array, probability: Float[Array, "*s"]) -> Float[Array, "*s"]:
    """1 with this probability, else 0: a probability of 0 never happens, one of 1 always does."""
    return (noise.uniform(key, probability.shape, probability.dtype) < probability).astype(float)


def each(signals: tuple[Signal, ...], key: Array, model: Model, x: Data) -> Float[Array, "signal n"]:
    """The weights that each signal gives, with a key of its own."""
    keys = jax.random.split(key, len(signals))
    return jnp.stack([signal(keys[j], model, x) for j, signal in enumerate(signals)])
