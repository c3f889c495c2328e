"""One generation of retraining, and a run of many."""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

from sandbox import proposals, validation
from sandbox.base import Checked, Model, Signal
from sandbox.regimes import Fit, Regime, Replace, check_regime


class Record(NamedTuple):
    """A trajectory; row t is the model Z_t and what became of its own samples, t = 0 … num_generations.

    `accepted` is the share of the samples of Z_t that the signal kept, `accuracy` the share of the first n that was right (of
    a path: of its steps), None where the signal does not know what is right. Leaves are [t, …] from `run` and
    [task, replica, t, …] from `ensemble`.
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
) -> tuple[tuple[Any, Any], Record]:
    """Samples from Z_t, records, and retrains; its random numbers depend on (key, t) alone."""
    model, memory = state
    # a key that nothing consumes is not computed, as it would be in a split
    keys = proposals.Keys(*(jax.random.fold_in(key, 3 * t + use) for use in range(3)))
    propose = proposals.rejection if until_kept else proposals.filtering
    part, accepted, correct = propose(keys, model, signal, num_samples)
    memory, retrained = regime.retrain(memory, keys.regime, t, model, part, num_samples, fit)
    return (retrained, memory), Record(model, accepted, correct)


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
    dropped leaves the model as it is.

    Args:
        key: a JAX random key; generation t uses `fold_in(key, 3t + i)`, i = 0, 1, 2, alone.
        model: Z_0, a NamedTuple of arrays.
        signal: (key, model, x) -> weights [n] in [0, 1]. `KeepAll()` closes the loop.
        num_samples: n, the samples drawn in each generation.
        num_generations: T.
        regime: `Replace()`, `Accumulate(data)`, `Fresh(real, share)` or `Reuse(data)`.
        fit: another function (model, x, weights) -> model in the place of the model's own. Options of the model's
            own fit are bound by `functools.partial(type(model).fit, …)`, once: a new function recompiles.
        until_kept: draws until n samples are kept, each with its weight as probability, where False, filtering, fits
            to what is kept of n; `accepted` is then n over the proposals it took. Gives up after 10,000 (kept + 1).

    Returns:
        A Record with leaves [t, …], t = 0 … T; row 0 is `model`.

    Raises:
        ValueError: a count below its least, a parameter that is not finite or no probability, a share or a rate
            outside [0, 1], a regime without its data, a fit that made a NaN, or a signal whose weights are not n
            numbers in [0, 1].

    References:
        Shumailov et al. (2024), AI models collapse when trained on recursively generated data. Nature 631.
    """
    validation.at_least("num_samples", num_samples, 1)
    validation.at_least("num_generations", num_generations, 0)
    check_model("model", model)
    check_regime(regime, model)
    check_signal(signal)
    options = {"num_samples": num_samples, "num_generations": num_generations, "fit": fit, "until_kept": until_kept}
    record = _run(key, model, as_pytree(signal), regime, **options)
    check_record(record)
    return record


@partial(jax.jit, static_argnames=("num_samples", "num_generations", "fit", "until_kept"))
def _run(key, model, signal, regime, *, num_samples: int, num_generations: int, **options) -> Record:
    num_rows = proposals.num_rows(model, num_samples, options["until_kept"])
    memory = regime.start(model, num_rows, num_generations, options["fit"])
    step = partial(generation, key=key, signal=signal, regime=regime, num_samples=num_samples, **options)
    return jax.lax.scan(step, (model, memory), jnp.arange(num_generations + 1))[1]


def as_pytree(signal: Any) -> Any:
    """A signal that jit accepts as an argument: itself, or a plain function without its leaves."""
    return jax.tree_util.Partial(signal) if jax.tree_util.all_leaves([signal]) else signal


def check_model(name: str, model: Any) -> None:
    """Raises ValueError unless `model` has the methods of a Model and parameters that make sense."""
    if not isinstance(model, Model):
        raise ValueError(f"{name}: a Model with sample, log_prob and fit is accepted, got {type(model).__name__}")
    for path, leaf in jax.tree_util.tree_leaves_with_path(model):
        if path and isinstance(path[-1], jax.tree_util.SequenceKey) and isinstance(leaf, int | float):
            where = name + jax.tree_util.keystr(path[:-1])
            raise ValueError(f"{where}: an array is accepted, got a list or a tuple that begins with {leaf}")
    validation.finite(name, model)
    if isinstance(model, Checked):
        model.check()


def check_signal(signal: Any) -> None:
    """Raises ValueError where a parameter of a signal, or of what it is made of, makes no sense."""
    if isinstance(signal, Checked):
        signal.check()
    if isinstance(signal, tuple):
        for part in signal:
            check_signal(part)


def check_record(record: Record) -> None:
    """Raises ValueError where a weight of a trajectory was outside [0, 1], or a model has a parameter that is NaN."""
    accepted = np.asarray(record.accepted) if validation.concrete(record.accepted) else np.zeros(1)
    outside = accepted[~((accepted >= 0) & (accepted <= 1))]
    if outside.size:
        raise ValueError(f"signal: weights in [0, 1] are accepted, got {outside[0]}")
    for path, leaf in jax.tree_util.tree_leaves_with_path(record.model):
        if validation.concrete(leaf) and np.isnan(np.asarray(leaf)).any():
            raise ValueError(f"fit: finite parameters are accepted, got NaN in model{jax.tree_util.keystr(path)}")
