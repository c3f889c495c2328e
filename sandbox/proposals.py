"""Filtering and rejection sampling: how a model's samples and a signal become the data of a fit."""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float, Int

from sandbox import noise, validation
from sandbox.base import Data, Graded, Model, Signal, Weights
from sandbox.regions import inside
from sandbox.signals import weigh

Part = tuple[Array, Array]  # samples and their weights; parts differ in length
Offspring = tuple[Part, Float[Array, ""], Float[Array, ""] | None]  # the part, the share accepted, the accuracy
PATIENCE = 10_000  # proposals for each sample accepted, and as many before the first


class Keys(NamedTuple):
    """The keys of a generation; rejection folds that of the regime in again to draw what is accepted."""

    sample: Array
    signal: Array
    regime: Array


class _Sampler(NamedTuple):
    """State of the rejection sampler; slot j holds the jth sample accepted, after the symbols it depends on."""

    batch: Int[Array, ""]
    accepted: Int[Array, ""]
    last: Int[Array, ""]  # proposals of the last batch, up to the one that completes the n
    share: Float[Array, ""]  # `share_accepted` of the last batch
    correct: Float[Array, ""] | None
    x: Array  # [slot, 1 + order, …]
    weights: Float[Array, "slot place"]


def filtering(keys: Keys, model: Model, signal: Signal, num_samples: int) -> Offspring:
    """n proposals, each with its weight."""
    x = model.sample(keys.sample, num_samples)
    weights = weigh(keys.signal, model, signal, x)
    return (x, weights), share_accepted(weights), accuracy(signal, model, x)


def rejection(
    keys: Keys, model: Model, signal: Signal, num_samples: int, wanted: Int[Array, ""] | None = None
) -> Offspring:
    """Proposals in batches of n until n are accepted, or `wanted` of them, each with its weight as probability.

    The share accepted is of the proposals up to the one that completes the n, so that their number is negative
    binomial. After PATIENCE · (accepted + 1) proposals it gives up: a share below 1/PATIENCE says so. Of a path, x_i
    comes as (x_{i−1}, x_i) with weights (0, 1), in the order accepted, so that the whole reads as one path; x_0 is a
    proposal in the first batch alone. Where fewer than n are wanted the other rows have weight 0.

    References:
        von Neumann (1951), Various techniques used in connection with random digits. NBS Applied Math. Series 12.
    """
    order, limit = path_order(model), num_samples if wanted is None else wanted
    index, place = jnp.arange(num_samples), jnp.arange(1 + order)
    stretch = jnp.maximum(index - order, 0)[:, None] + place[None, :]
    itself = (place[None, :] == jnp.minimum(index, order)[:, None]).astype(float)

    def draw(now: _Sampler) -> _Sampler:
        batch = now.batch
        x = model.sample(batch_key(keys.sample, batch), num_samples)
        weights = weigh(batch_key(keys.signal, batch), model, signal, x)
        u = noise.uniform(batch_key(keys.regime, batch + 1), weights.shape, weights.dtype)
        proposed = (index >= order) | (batch == 0)
        accepts = proposed & (u < weights)
        accepted = now.accepted + jnp.cumsum(accepts)
        before = accepted - accepts.astype(accepted.dtype)
        slot = jnp.where(accepts & (before < limit), before, num_samples)  # past the last slot: dropped
        return _Sampler(
            batch + 1,
            jnp.minimum(accepted[-1], limit),
            (proposed & (before < limit)).sum(),
            share_accepted(weights),
            jax.tree.map(partial(jnp.where, batch == 0), accuracy(signal, model, x), now.correct),
            now.x.at[slot].set(x[stretch], mode="drop"),
            now.weights.at[slot].set(itself, mode="drop"),
        )

    def goes_on(now: _Sampler) -> Array:
        patient = per_accepted(now.batch, num_samples) <= now.accepted
        first = now.batch == 0  # its samples have the accuracy, also where none is wanted
        return first | (now.accepted < limit) & patient & validation.is_rate(now.share)

    shapes = jax.eval_shape(lambda: filtering(keys, model, signal, num_samples))
    (x, _), share, correct = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), shapes)
    room = jnp.zeros((*stretch.shape, *x.shape[1:]), x.dtype)
    nothing = jnp.zeros((), int)
    start = _Sampler(nothing, nothing, nothing, share, correct, room, jnp.zeros(stretch.shape))
    end = jax.lax.while_loop(goes_on, draw, start)
    part = end.x.reshape(-1, *x.shape[1:]), end.weights.reshape(-1)
    accepted = end.accepted.astype(share.dtype) / num_proposals(end.batch, end.last, num_samples, order, share.dtype)
    return part, jnp.where(validation.is_rate(end.share), accepted, end.share), end.correct


def per_accepted(batch: Array, n: int) -> Array:
    """⌊batch · n / PATIENCE⌋, without the product, which 32 bits may not hold."""
    whole, rest = divmod(n, PATIENCE)
    return batch * whole + batch * rest // PATIENCE


def num_proposals(batch: Array, last: Array, n: int, order: int, dtype: Any) -> Array:
    """How many proposals so many batches made, `last` of them in the last; a float, since 32 bits may not hold it."""
    earlier = (batch - 1).astype(dtype) * (n - order) + jnp.where(batch > 1, jnp.asarray(order, dtype), 0)
    return earlier + last.astype(dtype)


def num_rows(model: Model, num_samples: int, until_kept: bool) -> int:
    """The length of a part."""
    return num_samples * (1 + path_order(model)) if until_kept else num_samples


def path_order(model: Any) -> int:
    """How many symbols of the past a sample's probability depends on; 0 where samples are independent."""
    return getattr(type(model), "order", 0)


def batch_key(key: Array, batch: Array) -> Array:
    """The key of a batch, that of the first being `key` itself.

    It is folded in from 2^32 downwards: `split(key)` hands out fold_in(key, 0), fold_in(key, 1), … to others.
    """
    return jnp.where(batch == 0, key, jax.random.fold_in(key, -batch))


def share_accepted(weights: Weights) -> Float[Array, ""]:
    """The mean weight; where one is NaN or outside [0, 1], that one, which `loop.check_record` refuses."""
    low, high = weights.min(), weights.max()
    return jnp.where(low < 0, low, jnp.where(high <= 1, weights.mean(), high))


def accuracy(signal: Signal, model: Model, x: Data) -> Float[Array, ""] | None:
    """The share of x that is correct; None where the signal does not know, or a path is too short to have a step.

    Of a path, x_order, x_{order+1}, … count alone: into the symbols before them no step leads.
    """
    correct, order = signal.correct if isinstance(signal, Graded) else None, path_order(model)
    if correct is None or x.shape[0] <= order:
        return None
    return inside("signal.correct", correct, x)[order:].mean()
