"""One generation of retraining, and a run of many."""

import os
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

from sandbox import inputs, proposals, regimes, validation
from sandbox.base import Model, Signal
from sandbox.regimes import Fit, Regime, Replace


class Record(NamedTuple):
    """A trajectory; row t is the model Z_t and what became of its own samples, t = 0 … num_generations.

    `accepted` is the share of the samples of Z_t that the signal accepted, `accuracy` the share of the first n that was
    correct (of a path: of its steps), None where the signal does not know what is correct. Leaves are [t, …] from `run`
    and [task, replica, t, …] from `ensemble`.
    """

    model: Any
    accepted: Float[Array, "*t"]
    accuracy: Float[Array, "*t"] | None


def generation(
    state: tuple[Any, Any],
    t: Array,
    *,
    key: Array,
    signal: Signal,
    regime: Regime,
    num_samples: int,
    fit: Fit | None,
    until_kept: bool,
    wanted: Array | None = None,
) -> tuple[tuple[Any, Any], Record]:
    """Samples from Z_t, records, and retrains; its random numbers depend on (key, t) alone.

    `wanted` of the n samples are drawn under rejection sampling, all if it is None.
    """
    model, pool = state
    # a key that nothing consumes is not computed, as it would be in a split
    keys = proposals.Keys(*(jax.random.fold_in(key, 3 * t + use) for use in range(3)))
    propose = partial(proposals.rejection, wanted=wanted) if until_kept else proposals.filtering
    own, accepted, accuracy = propose(keys, model, signal, num_samples)
    parts = regime.parts(keys.regime, model, own, num_samples)
    pool, retrained = regimes.retrain(regime, pool, t, model, parts, fit)
    return (retrained, pool), Record(model, accepted, accuracy)


@inputs.traced("signal, fit")
def run(
    key: Array,
    model: Model,
    signal: Signal,
    *,
    num_samples: int,
    num_generations: int,
    regime: Regime = Replace(),
    fit: Fit | None = None,
    until_kept: bool = False,
) -> Record:
    """Retrains `model` on its own samples, filtered by `signal`.

    D_t ~ Z_t, S_t = signal(Z_t, D_t), Z_{t+1} = fit(D_t, S_t), t = 0, 1, …; a generation whose samples are all
    rejected leaves the model as it is.

    Args:
        key: a JAX random key; generation t uses `fold_in(key, 3t + i)`, i = 0, 1, 2, alone.
        model: Z_0, a NamedTuple of arrays; lists and whole numbers become floats. Its dtype, the widest of its arrays,
            is that of the loop.
        signal: (key, model, x) -> weights [n] in [0, 1]. `KeepAll()` closes the loop.
        num_samples: n, the samples drawn in each generation.
        num_generations: T.
        regime: `Replace()`, `Accumulate(data)`, `Fresh(real, share)` or `Reuse(data)`.
        fit: another function (model, x, weights) -> model in the place of the model's own. Options of the model's
            own fit are bound by `functools.partial(type(model).fit, …)`, once: a new function recompiles.
        until_kept: draws until n samples are accepted, each with its weight as probability, where False, filtering,
            fits to what is accepted of n; `accepted` is then n over the proposals it took. Gives up after 10,000
            proposals for each sample accepted and as many before the first: `accepted` is then below 1/10,000.

    Returns:
        A Record with leaves [t, …], t = 0 … T; row 0 is `model`.

    Raises:
        ValueError: a fit made parameters that make no model, or a weight of the signal was outside [0, 1].

    References:
        Shumailov et al. (2024), AI models collapse when trained on recursively generated data. Nature 631.
    """
    validation.key("key", key)
    options = {"num_samples": num_samples, "num_generations": num_generations, "fit": fit, "until_kept": until_kept}
    model = check_model("model", model)
    regime = check_loop(model, regime, **options)
    record = _run(key, model, check_signal(signal, model), regime, **options)
    check_record(record)
    return record


@partial(jax.jit, static_argnames=("num_samples", "num_generations", "fit", "until_kept"))
def _run(key, model, signal, regime, *, num_samples: int, num_generations: int, fit: Fit | None, until_kept: bool):
    num_rows = proposals.num_rows(model, num_samples, until_kept)
    pool = regimes.start(regime, model, num_rows, num_generations, fit)
    options = {"num_samples": num_samples, "fit": fit, "until_kept": until_kept}
    step = partial(generation, key=key, signal=signal, regime=regime, **options)
    return jax.lax.scan(step, (model, pool), jnp.arange(num_generations + 1))[1]


@partial(jax.jit, static_argnums=2)  # which remembers the shapes of samples that it has seen
def _samples(model, key, n: int):
    return model.sample(key, n)


def check_model(name: str, model: Any, lead: int = 0) -> Any:
    """`model` in the form that JAX takes; raises unless it is a Model and its parameters make sense."""
    if not isinstance(model, Model) or isinstance(model, type):
        given = f"the class {model.__name__}" if isinstance(model, type) else type(model).__name__
        raise validation.refuse(name, given, "a Model, with sample, log_prob and fit")
    model = jax.tree.map(_strong, inputs.ready(name, model, lead=lead))
    validation.finite(name, model)
    floating = {leaf.dtype for leaf in jax.tree.leaves(model) if jnp.issubdtype(leaf.dtype, jnp.floating)}
    if len(floating) > 1:
        dtype = jnp.result_type(*floating)
        host = jax.tree.map(lambda leaf: np.asarray(leaf) if validation.concrete(leaf) else leaf, model)
        model = jax.tree.map(lambda leaf: leaf.astype(dtype) if leaf.dtype in floating else leaf, host)
        inputs.ready(name, model, lead=lead)  # rows that sum to 1 in float32 may not in float64
    return model


def check_signal(signal: Any, model: Any) -> Any:
    """`signal` in the form that JAX takes; raises where it or a part of it makes no sense for `model`."""
    if not callable(signal):
        raise validation.refuse("signal", validation.shown(signal), "a signal (key, model, x) -> weights")
    signal = inputs.ready("signal", signal, getattr(model, "space", None))
    inputs.takes("signal", signal, "(key, model, x)")
    return signal


def check_loop(
    model: Any, regime: Any, *, num_samples: Any, num_generations: Any, fit: Any, until_kept: Any, num_loops: int = 1
) -> Any:
    """`regime` in the form that JAX takes; raises where it or another option of a loop makes no sense for `model`.

    So many loops run at once, whose samples must fit into memory.
    """
    validation.at_least("num_samples", num_samples, 1)
    validation.at_least("num_generations", num_generations, 0)
    if not isinstance(until_kept, bool | np.bool_):
        raise validation.refuse("until_kept", validation.shown(until_kept), "True or False")
    if fit is not None:
        inputs.takes("fit", fit, "(model, x, weights)")
    drawn = _samples.eval_shape(model, jax.random.key(0), num_samples)
    if getattr(drawn, "ndim", 0) not in (1, 2) or drawn.shape[0] != num_samples:
        given = f"a sample of {getattr(drawn, 'shape', type(drawn).__name__)}"
        raise validation.refuse("model", given, f"one that draws [n] or [n, d], n = {num_samples}")
    row = sum(np.size(leaf) * leaf.dtype.itemsize for leaf in jax.tree.leaves(model))
    # with their weights and the noise that they are made of, as measured on a CPU
    samples = 3 * drawn.size * drawn.dtype.itemsize * num_loops
    for name, size in (("num_samples", samples), ("num_generations", row * num_generations)):
        if size > _memory():
            raise validation.refuse(name, f"a number that takes {size:.2g} bytes", f"what {_memory():.2g} bytes hold")
    return regimes.check_regime(regime, model, drawn)


def check_record(record: Record, name: str = "fit") -> None:
    """Raises ValueError where a weight of a trajectory was outside [0, 1], or parameters make no model.

    `name` is what made the parameters.
    """
    accepted = np.asarray(record.accepted) if validation.concrete(record.accepted) else np.zeros(1)
    outside = accepted[~((accepted >= 0) & (accepted <= 1))]
    if outside.size:
        raise validation.refuse("signal", f"a weight of {outside[0]}", "weights in [0, 1]")
    for path, leaf in jax.tree_util.tree_leaves_with_path(record.model):
        if validation.concrete(leaf) and np.isnan(np.asarray(leaf)).any():
            raise validation.refuse(name, f"NaN in model{jax.tree_util.keystr(path)}", "finite parameters")
    if name == "fit" and hasattr(record.model, "_fields") and validation.concrete(record.accepted):
        try:
            dict(inputs.entries(record.model, accepted.ndim))
        except ValueError as error:
            given, _, wanted = str(error).partition(" was given; accepted: ")
            raise validation.refuse(name, f"a result with {given}", wanted) from error


def _strong(leaf: Any) -> Any:
    """A number as an array, since a loop carries arrays alone."""
    return np.asarray(leaf, jnp.result_type(leaf)) if isinstance(leaf, int | float) else leaf


def _memory() -> float:
    """The bytes that this process may have."""
    try:
        import resource  # which Windows lacks

        limit = resource.getrlimit(resource.RLIMIT_AS)[0]
        machine = float(os.sysconf("SC_PHYS_PAGES")) * os.sysconf("SC_PAGE_SIZE")
        return machine if limit == resource.RLIM_INFINITY else min(machine, limit)
    except (AttributeError, ValueError, ImportError):  # where it cannot be asked
        return np.inf
