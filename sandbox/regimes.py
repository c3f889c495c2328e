"""The regimes: which data the next model is fitted to."""

from collections.abc import Callable
from functools import partial, reduce
from typing import Any, NamedTuple, Protocol, runtime_checkable

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Bool, Float

from sandbox import validation
from sandbox.base import Data, ExponentialFamily, Model, Weights
from sandbox.proposals import Part

Fit = Callable[[Any, Data, Weights], Any]


@runtime_checkable
class Source(Protocol):
    """Whatever real samples can be drawn from; every Model is one."""

    def sample(self, key: Array, n: int) -> Data:
        """Draws n real samples."""
        ...


@runtime_checkable
class Regime(Protocol):
    """How a generation's samples become the next training set; `memory` is what it carries along."""

    def given(self, task: Source, real: Data | None) -> "Regime":
        """The regime with what was left out filled in: the true model, and the real samples Z_0 was fitted to."""
        ...

    def start(self, model: Model, num_rows: int, num_generations: int, fit: Fit | None) -> Any:
        """The memory before the first generation, each of which will bring a part of `num_rows` rows."""
        ...

    def retrain(
        self, memory: Any, key: Array, t: Array, model: Any, part: Part, num_samples: int, fit: Fit | None
    ) -> tuple[Any, Any]:
        """The memory and the model after generation t, whose samples and weights are `part`.

        A row a sample, or more: of a path that is sampled until n are kept, each brings its past along.
        """
        ...


class Replace(NamedTuple):
    """Z_{t+1} = fit(D_t): the samples of Z_t alone."""

    def given(self, task: Source, real: Data | None) -> "Replace":
        """Nothing to fill in."""
        return self

    def start(self, model: Model, num_rows: int, num_generations: int, fit: Fit | None) -> tuple[()]:
        """Nothing to remember."""
        return ()

    def retrain(
        self, memory: Any, key: Array, t: Array, model: Any, part: Part, num_samples: int, fit: Fit | None
    ) -> tuple[Any, Any]:
        """Fits to this generation's samples."""
        return memory, refit(model, [part], fit)


class Reuse(NamedTuple):
    """Z_{t+1} = fit(D_t ∪ data): the same real set again in every generation.

    In an ensemble, None stands for the real samples that each replica's Z_0 was fitted to.
    """

    data: Data | None = None

    def given(self, task: Source, real: Data | None) -> "Reuse":
        """The real samples, where `data` was left out."""
        return self if self.data is not None else Reuse(real)

    def start(self, model: Model, num_rows: int, num_generations: int, fit: Fit | None) -> tuple[()]:
        """Nothing to remember.

        Raises:
            ValueError: There are no real samples.
        """
        if self.data is None:
            raise ValueError("regime: Reuse(data) needs real samples: give it data, or num_real to an ensemble")
        return ()

    def retrain(
        self, memory: Any, key: Array, t: Array, model: Any, part: Part, num_samples: int, fit: Fit | None
    ) -> tuple[Any, Any]:
        """Fits to this generation's samples and the real set."""
        return memory, refit(model, [whole(self.data), part], fit)


class Fresh(NamedTuple):
    """Z_{t+1} = fit to num_samples in all, a share of them fresh real samples, the others from Z_t.

    `stratified` rounds the number of real samples to share·num_samples; without it each sample is real with
    probability `share`, so that a Categorical's counts are Multinomial(n, (1−share) z + share p). The signal weighs
    the samples of Z_t only. In an ensemble, None stands for each replica's true model.
    """

    real: Any
    share: float | Float[Array, ""]
    stratified: bool | Bool[Array, ""] = True

    def given(self, task: Source, real: Data | None) -> "Fresh":
        """The true model, where `real` was left out."""
        return self if self.real is not None else self._replace(real=task)

    def start(self, model: Model, num_rows: int, num_generations: int, fit: Fit | None) -> tuple[()]:
        """Nothing to remember.

        Raises:
            ValueError: There is no source of real samples.
        """
        if self.real is None:
            raise ValueError("regime: Fresh(real, share) needs a source of real samples, got None")
        return ()

    def retrain(
        self, memory: Any, key: Array, t: Array, model: Any, part: Part, num_samples: int, fit: Fit | None
    ) -> tuple[Any, Any]:
        """Fits to the first samples of either kind, in the number that the share asks for."""
        x, weights = part
        n = num_samples
        count_key, real_key = jax.random.split(key)
        binomial = (jax.random.uniform(count_key, (n,)) < self.share).sum()
        num_real = jnp.where(self.stratified, jnp.round(n * jnp.asarray(self.share)).astype(binomial.dtype), binomial)
        real = (self.real.sample(real_key, n), (jnp.arange(n) < num_real).astype(weights.dtype))
        rows = weights.shape[0]
        own = (x, jnp.where(jnp.arange(rows) // (rows // n) < n - num_real, weights, 0))
        return memory, refit(model, [real, own], fit)


class Accumulate(NamedTuple):
    """Z_{t+1} = fit(data ∪ D_0 ∪ … ∪ D_t): nothing is ever thrown away.

    The pool is its sufficient statistics where the model's own fit needs no more, else one buffer of
    len(data) rows and those of num_generations + 1 parts. In an ensemble, None stands for the real samples that each
    replica's Z_0 was fitted to; in a run it is an empty pool.
    """

    data: Data | None = None

    def given(self, task: Source, real: Data | None) -> "Accumulate":
        """The real samples, where `data` was left out."""
        return self if self.data is not None else Accumulate(real)

    def start(self, model: Model, num_rows: int, num_generations: int, fit: Fit | None) -> Any:
        """The pool that holds the real samples alone, and Z_0, about which its statistics are taken."""
        x = jax.eval_shape(partial(model.sample, n=num_rows), jax.random.key(0))
        parts = [] if self.data is None else [whole(self.data)]
        if own_options(model, fit) is not None:
            nothing = jnp.zeros(x.shape, x.dtype), jnp.zeros(num_rows)
            return model, total_statistics(model, [*parts, nothing])
        rows = (num_generations + 1) * num_rows
        room = jnp.zeros((rows, *x.shape[1:]), x.dtype), jnp.zeros(rows)
        return union([*parts, room])

    def retrain(
        self, memory: Any, key: Array, t: Array, model: Any, part: Part, num_samples: int, fit: Fit | None
    ) -> tuple[Any, Any]:
        """Adds this generation's samples to the pool and fits to it."""
        options = own_options(model, fit)
        if options is not None:
            first, pool = memory
            pool = jax.tree.map(jnp.add, pool, first.statistics(*part))
            return (first, pool), first.fit_statistics(pool, **options)
        row = (0 if self.data is None else self.data.shape[0]) + t * part[1].shape[0]
        pool = jax.tree.map(lambda old, new: jax.lax.dynamic_update_slice_in_dim(old, new, row, 0), memory, part)
        return pool, refit(model, [pool], fit)


def whole(x: Any) -> Part:
    """All of x, with weight 1."""
    x = jnp.asarray(x)
    return x, jnp.ones(x.shape[0])


def union(parts: list[Part]) -> Part:
    """One data set of all parts; between two paths this makes a transition that neither has."""
    xs, weights = zip(*parts, strict=True)
    return jnp.concatenate(xs), jnp.concatenate(weights)


def own_options(model: Model, fit: Fit | None) -> dict[str, Any] | None:
    """The options of a fit from sufficient statistics; None where there is no such fit.

    That is where the model has no statistics, or where `fit` is neither the model's own nor a
    `functools.partial` of it.
    """
    own = type(model).fit
    if not isinstance(model, ExponentialFamily):
        return None
    if fit is None or fit is own:
        return {}
    return fit.keywords if isinstance(fit, partial) and fit.func is own and not fit.args else None


def total_statistics(model: Any, parts: list[Part]) -> Any:
    """The sufficient statistics of the union of `parts`."""
    return reduce(partial(jax.tree.map, jnp.add), [model.statistics(x, weights) for x, weights in parts])


def refit(model: Any, parts: list[Part], fit: Fit | None) -> Any:
    """`model` fitted to the union of `parts`; `model` itself where no sample of them has weight."""
    options = own_options(model, fit)
    if options is not None:
        return model.fit_statistics(total_statistics(model, parts), **options)
    x, weights = union(parts)
    fitted = type(model).fit(model, x, weights) if fit is None else fit(model, x, weights)
    return jax.tree.map(lambda new, old: jnp.where(weights.sum() > 0, new, old), fitted, model)


def check_regime(regime: Regime, model: Model) -> None:
    """Raises ValueError unless the share of a regime is one, and its data are such as `model` draws."""
    share, data = getattr(regime, "share", None), getattr(regime, "data", None)
    if share is not None:
        validation.rate("share", share)
    if data is not None:
        data = jnp.asarray(data)
        validation.samples("data", data)
        row = jax.eval_shape(partial(model.sample, n=1), jax.random.key(0)).shape[1:]
        if data.shape[1:] != row:
            raise ValueError(f"data: samples of shape {list(row)}, as the model draws, are accepted, got {data.shape}")
