"""The regimes: which data the next model is fitted to."""

from collections.abc import Callable
from functools import partial, reduce
from typing import Annotated, Any, NamedTuple, Protocol, runtime_checkable

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Bool, Float

from sandbox import inputs, validation
from sandbox.base import Data, ExponentialFamily, Model, Weights
from sandbox.proposals import Part, path_order

Fit = Callable[[Any, Data, Weights], Any]


@runtime_checkable
class Source(Protocol):
    """Whatever real samples can be drawn from; every Model is one."""

    def sample(self, key: Array, n: int) -> Data:
        """Draws n real samples."""
        ...


@runtime_checkable
class Regime(Protocol):
    """Which weighted data each generation adds to the training set.

    The set starts anew in every generation, or where the class says `accumulates = True`, from the real samples `data`
    on, it grows.
    """

    def given(self, task: Source, real: Data | None) -> "Regime":
        """The regime with what was left out filled in: the true model, and the real samples Z_0 was fitted to."""
        ...

    def parts(self, key: Array, model: Any, own: Part, num_samples: int) -> list[Part]:
        """The data of a generation; `own` are the model's n samples and their weights.

        A row a sample, or more: of a path that is sampled until n are accepted, each brings its past along.
        """
        ...


class Replace(NamedTuple):
    """Z_{t+1} = fit(D_t): the samples of Z_t alone, a fully synthetic loop."""

    def given(self, task: Source, real: Data | None) -> "Replace":
        """Nothing to fill in."""
        return self

    def parts(self, key: Array, model: Any, own: Part, num_samples: int) -> list[Part]:
        """The model's own samples."""
        return [own]


class Reuse(NamedTuple):
    """Z_{t+1} = fit(D_t ∪ data): the same real set again in every generation, a synthetic augmentation loop.

    In an ensemble, None stands for the real samples that each replica's Z_0 was fitted to.
    """

    data: Data | None = None

    def given(self, task: Source, real: Data | None) -> "Reuse":
        """The real samples, where `data` was left out."""
        return self if self.data is not None else Reuse(real)

    def parts(self, key: Array, model: Any, own: Part, num_samples: int) -> list[Part]:
        """The real set and the model's own samples."""
        if self.data is None:
            raise validation.refuse("regime", "Reuse()", "Reuse(data), or in an ensemble with num_real")
        return [whole(self.data), own]


class Fresh(NamedTuple):
    """Z_{t+1} = fit to num_samples in all, a share of them fresh real samples, the others from Z_t: a fresh data loop.

    `stratified` rounds the number of real samples to share·num_samples; without it each sample is real with
    probability `share`, so that a Categorical's counts are Multinomial(n, (1−share) z + share p). The signal weighs
    the samples of Z_t only. In an ensemble, None stands for each replica's true model.
    """

    real: Any
    share: Annotated[float | Float[Array, ""], validation.rate]
    stratified: Annotated[bool | Bool[Array, ""], validation.rate] = True

    def given(self, task: Source, real: Data | None) -> "Fresh":
        """The true model, where `real` was left out."""
        return self if self.real is not None else self._replace(real=task)

    def parts(self, key: Array, model: Any, own: Part, num_samples: int) -> list[Part]:
        """The first samples of either kind, in the number that the share asks for."""
        if self.real is None:
            raise validation.refuse("regime", "Fresh(None, share)", "Fresh(real, share), real a source of samples")
        (x, weights), n = own, num_samples
        count_key, real_key = jax.random.split(key)
        binomial = (jax.random.uniform(count_key, (n,)) < self.share).sum()
        num_real = jnp.where(self.stratified, jnp.round(n * jnp.asarray(self.share)).astype(binomial.dtype), binomial)
        real = self.real.sample(real_key, n).astype(x.dtype)
        chosen = (jnp.arange(n) < num_real).astype(weights.dtype)
        rows = weights.shape[0]
        return [
            _strict(model, real, chosen),
            (x, jnp.where(jnp.arange(rows) // (rows // n) < n - num_real, weights, 0)),
        ]


class Accumulate(NamedTuple):
    """Z_{t+1} = fit(data ∪ D_0 ∪ … ∪ D_t): an accumulation loop, nothing is ever thrown away.

    The pool is its sufficient statistics where the model's own fit needs no more, else one buffer of
    len(data) rows and those of num_generations + 1 parts. In an ensemble, None stands for the real samples that each
    replica's Z_0 was fitted to; in a run it is an empty pool.
    """

    data: Data | None = None
    accumulates = True  # no field, since it has no annotation

    def given(self, task: Source, real: Data | None) -> "Accumulate":
        """The real samples, where `data` was left out."""
        return self if self.data is not None else Accumulate(real)

    def parts(self, key: Array, model: Any, own: Part, num_samples: int) -> list[Part]:
        """The model's own samples."""
        return [own]


def start(regime: Any, model: Any, num_rows: int, num_generations: int, fit: Fit | None) -> Any:
    """The training set before generation 0, each of which will add `num_rows` rows; () where it starts anew each time.

    The pool of statistics comes with the model about which they are taken: fitted to the real samples, so that it is
    near whatever it will be fitted to.
    """
    if not accumulates(regime):
        return ()
    parts = [] if regime.data is None else [whole(regime.data)]
    options = own_options(model, fit)
    if options is not None:
        near = model.fit(*parts[0]) if parts and len(parts[0][1]) > 1 else model
        shapes = jax.eval_shape(lambda: near.statistics(model.sample(jax.random.key(0), 1), jnp.ones(1)))
        nothing = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), shapes)
        return near, reduce(_plus, [near.statistics(*part) for part in parts], nothing)
    x = jax.eval_shape(partial(model.sample, n=num_rows), jax.random.key(0))
    rows = (num_generations + 1) * num_rows
    return union([*parts, (jnp.zeros((rows, *x.shape[1:]), x.dtype), jnp.zeros(rows))])


def retrain(regime: Any, pool: Any, t: Array, model: Any, parts: list[Part], fit: Fit | None) -> tuple[Any, Any]:
    """The training set and the model after generation t, which has added `parts`."""
    if not accumulates(regime):
        return pool, refit(model, parts, fit)
    options = own_options(model, fit)
    if options is not None:
        near, total = pool
        total = _plus(total, total_statistics(near, parts))
        return (near, total), near.fit_statistics(total, **options)
    new = union(parts)
    row = (0 if regime.data is None else regime.data.shape[0]) + t * new[1].shape[0]
    pool = jax.tree.map(lambda old, part: jax.lax.dynamic_update_slice_in_dim(old, part, row, 0), pool, new)
    return pool, refit(model, [pool], fit)


def accumulates(regime: Any) -> bool:
    """Whether the training set of a regime grows."""
    return getattr(type(regime), "accumulates", False)


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
    return reduce(_plus, [model.statistics(x, weights) for x, weights in parts])


def refit(model: Any, parts: list[Part], fit: Fit | None) -> Any:
    """`model` fitted to the union of `parts`; `model` itself where no sample of them has weight."""
    options = own_options(model, fit)
    x, weights = union(parts)
    if options is not None and path_order(model):
        return model.fit_statistics(total_statistics(model, parts), **options)
    fitted = type(model).fit(model, x, weights) if fit is None else fit(model, x, weights)
    if options is not None:
        return fitted
    accepted = "a model of the structure and the shapes of the one that it was given"
    if jax.tree.structure(fitted) != jax.tree.structure(model):
        raise validation.refuse("fit", f"{type(fitted).__name__} as its result", accepted)
    for new, old in zip(jax.tree.leaves(fitted), jax.tree.leaves(model), strict=True):
        if np.shape(new) != np.shape(old) or jnp.iscomplexobj(new):
            given = f"shape {list(np.shape(new))} of {jnp.result_type(new)} in its result"
            raise validation.refuse("fit", given, accepted)
    some = weights.sum() > 0
    return jax.tree.map(lambda new, old: jnp.where(some, jnp.asarray(new, old.dtype), old), fitted, model)


def check_regime(regime: Any, model: Any, drawn: Any) -> Any:
    """`regime` in the form that JAX takes; raises unless its real samples are such as `model` draws, as `drawn`."""
    space = getattr(model, "space", None)
    if not isinstance(regime, Regime) and not isinstance(regime, type):
        raise validation.refuse("regime", validation.shown(regime), "Replace(), Accumulate(), Fresh(…) or Reuse()")
    regime = inputs.ready("regime", regime, space)
    real = getattr(regime, "real", None)
    if real is not None:
        _check_data("Passage.path", getattr(real, "path", None), space, drawn)
        if not isinstance(real, Source):
            raise validation.refuse("real", type(real).__name__, "a source of real samples, with `sample`")
        n = drawn.shape[0]
        _check_shape("real", jax.eval_shape(partial(real.sample, n=n), jax.random.key(0)), drawn, n)
    if getattr(regime, "data", None) is not None:
        regime = regime._replace(data=_check_data("data", regime.data, space, drawn))
    return regime


def _check_data(name: str, data: Any, space: Any, drawn: Any) -> Any:
    if data is None:
        return None
    if space is not None:
        return space.samples(name, data, drawn.dtype).astype(drawn.dtype)
    data = jnp.asarray(validation.samples(name, data))
    _check_shape(name, data, drawn, data.shape[0])
    return data.astype(drawn.dtype)


def _check_shape(name: str, given: Any, drawn: Any, n: int) -> None:
    """Raises unless n samples are of the shape, and of the kind of number, that the model draws."""
    kinds = [jnp.issubdtype(x.dtype, jnp.floating) for x in (given, drawn)]
    if given.shape != (n, *drawn.shape[1:]) or kinds[0] != kinds[1]:
        said = f"samples of shape {list(given.shape)} and {given.dtype}"
        raise validation.refuse(name, said, f"such as the model draws, {list(drawn.shape[1:])} of {drawn.dtype} each")


def _strict(model: Any, x: Array, weights: Array) -> Part:
    """The samples, any that is no symbol of the model with weight NaN, which makes the fit NaN and `run` refuse it."""
    space = getattr(model, "space", None)
    if space is None or space.kind != "symbol":
        return x, weights
    known = (x >= 0) & (x < space.size)
    return jnp.where(known, x, 0), jnp.where(known, weights, jnp.nan)


def _plus(first: Any, second: Any) -> Any:
    return jax.tree.map(jnp.add, first, second)
