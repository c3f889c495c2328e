"""A loop whose rounds have sizes of their own, chosen as it goes: from the model, or from what has been accepted."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float, Int

from sandbox import inputs, proposals, regimes, validation
from sandbox.base import Model, Signal
from sandbox.loop import Record, check_loop, check_model, check_record, check_signal, generation
from sandbox.regimes import Fit, Replace


class Past(NamedTuple):
    """What a loop has seen before generation t; entries from t on are 0."""

    t: Int[Array, ""]
    sizes: Int[Array, " t"]  # n_0, n_1, …
    accepted: Float[Array, " t"]  # the pass rates, n_t over the proposals


class AdaptiveRecord(NamedTuple):
    """A trajectory as in `Record`, and what it has cost [t]; a round of size 0 spends no verdict."""

    model: Any
    accepted: Float[Array, "*t"]
    accuracy: Float[Array, "*t"] | None
    sizes: Int[Array, "*t"]  # n_t
    verdicts: Float[Array, "*t"]  # proposals of the round, rejected ones too; if it gave up, the most there can be


Size = Callable[[Any, Past], Any]


@inputs.traced("signal, size, fit")
def run_adaptive(
    key: Array,
    model: Model,
    signal: Signal,
    size: Size,
    *,
    largest: int,
    num_generations: int,
    fit: Fit | None = None,
) -> AdaptiveRecord:
    """`run` by rejection sampling until n_t = `size`(Z_t, past) are accepted, at most `largest`, and no more.

    Z_{t+1} is fitted to these n_t alone; a round of 0 costs nothing and leaves the model as it is, so that a rule ends
    a run by 0. With the same key and n_t = `largest` it is `run`, sample by sample. One compilation for all sizes. As
    in `run`, a pass rate below 1/PATIENCE says that a round gave up, with fewer samples than it wanted.

    Args:
        key: a JAX random key; generation t uses those of `run`.
        model: Z_0, as in `run`.
        signal: (key, model, x) -> weights [n] in [0, 1], each the probability to be accepted.
        size: (model, past) -> a whole number, of which less than 0 counts as 0, traced by JAX; a function, or a
            NamedTuple of arrays with `__call__`, whose numbers may change without a compilation.
        largest: the most samples of a round, which sets the shapes.
        num_generations: T.
        fit: as in `run`.
    """
    validation.key("key", key)
    validation.at_least("largest", largest, 1)
    inputs.takes("size", size, "(model, past)")
    size = inputs.ready("size", size)
    model = check_model("model", model)
    options = {"num_samples": largest, "num_generations": num_generations, "fit": fit}
    check_loop(model, Replace(), until_kept=True, **options)
    record = _run_adaptive(key, model, check_signal(signal, model), size, **options)
    check_record(Record(*record[:3]))
    return record


@partial(jax.jit, static_argnames=("num_samples", "num_generations", "fit"))
def _run_adaptive(key, model, signal, size: Size, *, num_samples: int, num_generations: int, fit: Fit | None):
    options = {"num_samples": num_samples, "fit": fit, "until_kept": True, "regime": Replace()}
    rows = proposals.num_rows(model, num_samples, True)
    rate = jnp.result_type(float)

    def step(state, t):
        model, pool, past = state
        n = _whole(size(model, past._replace(t=t)))
        n = jnp.clip(n, 0, num_samples).astype(int)
        (after, pool), now = generation((model, pool), t, key=key, signal=signal, wanted=n, **options)
        accepted = jnp.where(n > 0, now.accepted, 0).astype(rate)
        past = Past(t, past.sizes.at[t].set(n), past.accepted.at[t].set(accepted))
        verdicts = jnp.where(n > 0, n.astype(rate) / jnp.maximum(accepted, 1 / proposals.PATIENCE), 0)
        return (after, pool, past), AdaptiveRecord(now.model, accepted, now.accuracy, n, verdicts)

    pool = regimes.start(Replace(), model, rows, num_generations, fit)
    nothing = jnp.zeros(num_generations + 1, int)
    past = Past(jnp.zeros((), int), nothing, nothing.astype(rate))
    return jax.lax.scan(step, (model, pool, past), jnp.arange(num_generations + 1))[1]


def _whole(n: Any) -> Array:
    """What `size` returned, one whole number."""
    accepted = "one whole number, of an integer dtype, as jnp.ceil(x).astype(int) is"
    try:
        found = jnp.asarray(n)
    except (TypeError, ValueError, OverflowError) as error:
        raise validation.refuse("size", f"{type(n).__name__} as its result", accepted) from error
    if found.shape or not jnp.issubdtype(found.dtype, jnp.integer):
        raise validation.refuse("size", f"{found.dtype} of shape {list(found.shape)} as its result", accepted)
    return found
