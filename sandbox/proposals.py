"""From a model's samples to what the next is fitted to: some of n proposals, or proposals until n are kept."""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Bool, Float, Int

from sandbox import noise
from sandbox.base import Data, Graded, Model, Signal, Weights

Part = tuple[Array, Array]  # samples and their weights; parts differ in length
Offspring = tuple[Part, Float[Array, ""], Float[Array, ""] | None]  # the part, the shares kept and right
PATIENCE = 10_000  # proposals for each sample kept, and as many before the first


class Keys(NamedTuple):
    """The keys of a generation; rejection folds that of the regime in again to draw what is kept."""

    sample: Array
    signal: Array
    regime: Array


class _Batches(NamedTuple):
    """What has come of the batches so far; slot j holds the jth sample kept, after the symbols it depends on."""

    batch: Int[Array, ""]
    accepted: Int[Array, ""]
    proposed: Int[Array, ""]
    share: Float[Array, ""]  # `share_kept` of the last batch
    correct: Float[Array, ""] | None
    x: Array  # [slot, 1 + order, …]
    weights: Float[Array, "slot place"]


def filtering(keys: Keys, model: Model, signal: Signal, num_samples: int) -> Offspring:
    """n proposals, each with its weight."""
    x = model.sample(keys.sample, num_samples)
    weights = weigh(keys.signal, model, signal, x)
    return (x, weights), share_accepted(weights), accuracy(signal, model, x)


def rejection(keys: Keys, model: Model, signal: Signal, num_samples: int) -> Offspring:
    """Proposals in batches of n until n are kept, each with its weight as probability.

    The share kept is of the proposals up to the one that completes the n, so that their number is negative binomial.
    After PATIENCE · (kept + 1) proposals it gives up. Of a path, x_i comes as (x_{i−1}, x_i) with weights (0, 1), in
    the order kept, so that the whole reads as one path; x_0 is a proposal in the first batch alone.

    References:
        von Neumann (1951), Various techniques used in connection with random digits. NBS Applied Math. Series 12.
    """
    order = path_order(model)
    index, place = jnp.arange(num_samples), jnp.arange(1 + order)
    stretch = jnp.maximum(index - order, 0)[:, None] + place[None, :]
    itself = (place[None, :] == jnp.minimum(index, order)[:, None]).astype(float)

    def draw(so_far: _Batches) -> _Batches:
        batch = so_far.batch
        x = model.sample(batch_key(keys.sample, batch), num_samples)
        weights = weigh(batch_key(keys.signal, batch), model, signal, x)
        u = noise.uniform(batch_key(keys.regime, batch + 1), weights.shape, weights.dtype)
        proposed = (index >= order) | (batch == 0)
        keeps = proposed & (u < weights)
        accepted = so_far.accepted + jnp.cumsum(keeps)
        before = accepted - keeps.astype(accepted.dtype)
        slot = jnp.where(keeps, before, num_samples)  # past the last slot: dropped
        return _Batches(
            batch + 1,
            jnp.minimum(accepted[-1], num_samples),
            so_far.proposed + (proposed & (before < num_samples)).sum(),
            share_accepted(weights),
            jax.tree.map(partial(jnp.where, batch == 0), accuracy(signal, model, x), so_far.correct),
            so_far.x.at[slot].set(x[stretch], mode="drop"),
            so_far.weights.at[slot].set(itself, mode="drop"),
        )

    def goes_on(so_far: _Batches) -> Array:
        patient = so_far.batch * num_samples // PATIENCE <= so_far.accepted
        return (so_far.accepted < num_samples) & patient & is_rate(so_far.share)

    shapes = jax.eval_shape(lambda: filtering(keys, model, signal, num_samples))
    (x, _), share, correct = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), shapes)
    room = jnp.zeros((*stretch.shape, *x.shape[1:]), x.dtype)
    nothing = jnp.zeros((), int)
    start = _Batches(nothing, nothing, nothing, share, correct, room, jnp.zeros(stretch.shape))
    end = jax.lax.while_loop(goes_on, draw, start)
    part = end.x.reshape(-1, *x.shape[1:]), end.weights.reshape(-1)
    return part, jnp.where(is_rate(end.share), end.accepted / end.proposed, end.share), end.correct


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


def weigh(key: Array, model: Model, signal: Signal, x: Data) -> Weights:
    """The weights that the signal gives, 0 or 1 where it says no or yes.

    Raises:
        ValueError: The signal does not give one number a sample.
    """
    weights = signal(key, model, x)
    shape = getattr(weights, "shape", None)
    if shape != x.shape[:1]:
        given = type(weights).__name__ if shape is None else f"an array of shape {list(shape)}"
        raise ValueError(f"signal: an array of weights [{x.shape[0]}], one a sample, is accepted, got {given}")
    weights = jnp.asarray(weights)
    return weights if jnp.issubdtype(weights.dtype, jnp.floating) else weights.astype(float)


def share_accepted(weights: Weights) -> Float[Array, ""]:
    """The mean weight; where one is NaN or outside [0, 1], that one, which `loop.check_record` refuses."""
    low, high = weights.min(), weights.max()
    return jnp.where(low < 0, low, jnp.where(high <= 1, weights.mean(), high))


def is_rate(share: Float[Array, ""]) -> Bool[Array, ""]:
    """Whether a number lies in [0, 1], as NaN does not."""
    return (share >= 0) & (share <= 1)


def accuracy(signal: Signal, model: Model, x: Data) -> Float[Array, ""] | None:
    """The share of x that is right; None where the signal does not know, or a path is too short to have a step.

    Of a path, x_order, x_{order+1}, … count alone: into the symbols before them no step leads.
    """
    correct, order = signal.correct if isinstance(signal, Graded) else None, path_order(model)
    return None if correct is None or x.shape[0] <= order else correct(x)[order:].mean()
