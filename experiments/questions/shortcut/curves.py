"""Online learning as curves over the number of samples: code length saved, accuracy, and reliance."""

import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from experiments.validation import instance, refuse
from sandbox import validation
from sandbox.shortcuts import LEARNERS, OnlineRecord
from theory import prequential
from theory.prequential import Crossover

BOTH, INTENDED, SPURIOUS = range(len(LEARNERS))
WINDOW = 0.15  # the last share of the samples so far, over which accuracy and reliance are means


class Curves(NamedTuple):
    """Curves of one run or many, at sample numbers that grow geometrically."""

    samples: np.ndarray  # [n]
    nats_saved: np.ndarray  # [..., learner, n], code length saved against ln 2 a label
    accuracy: np.ndarray  # [..., learner, n]
    reliance: np.ndarray  # [..., n], of the learner of both features, on the spurious one

    @property
    def lead(self) -> np.ndarray:
        """Code length saved by the intended feature alone, less that by the spurious one alone [..., n]."""
        return self.nats_saved[..., INTENDED, :] - self.nats_saved[..., SPURIOUS, :]

    @property
    def margin(self) -> np.ndarray:
        """½ − reliance, > 0 where the learner of both features relies on the intended one [..., n]."""
        return 0.5 - self.reliance

    def pick(self, index: Any) -> "Curves":
        """Index the leading axes."""
        return Curves(self.samples, *(leaf[index] for leaf in self[1:]))

    def at(self, samples: float) -> int:
        """The index of the last sample number that is not larger."""
        if samples < self.samples[0] * (1 - 1e-9):
            raise refuse("samples", samples, f"{self.samples[0]} or more")
        return int(np.searchsorted(self.samples, samples * (1 + 1e-9), side="right")) - 1


def learning_curves(record: OnlineRecord, *, batch: int = 32, points: int = 40) -> Curves:
    """The curves of leaves [..., learner, step], from 8 batches on, at no more than `points` sample numbers."""
    instance("record", record, OnlineRecord, "what sandbox.learn_online returns")
    fields = {name: _numbers(f"record.{name}", getattr(record, name)) for name in ("loss", "accuracy", "reliance")}
    loss, accuracy, reliance = fields.values()
    if loss.shape[-2:-1] != (len(LEARNERS),) or not loss.shape == accuracy.shape == reliance.shape:
        given = ", ".join(f"{name} {list(value.shape)}" for name, value in fields.items())
        raise refuse("record", given, f"one shape [..., {len(LEARNERS)} learners, step]")
    validation.at_least("points", points, 1)
    validation.table("points", points)
    num_steps = loss.shape[-1]
    ends = np.unique(np.round(np.geomspace(min(8, num_steps), num_steps, points)).astype(int))
    starts = np.minimum(np.floor(ends * (1 - WINDOW)).astype(int), ends - 1)

    def window(share: np.ndarray) -> np.ndarray:
        total = np.concatenate([np.zeros((*share.shape[:-1], 1)), np.cumsum(share, axis=-1, dtype=float)], axis=-1)
        return (total[..., ends] - total[..., starts]) / (ends - starts)

    saved = nats_saved(loss, batch)[..., ends - 1]
    return Curves(ends * batch, saved, window(accuracy), window(reliance[..., BOTH, :]))


def nats_saved(loss: Any, batch: int) -> np.ndarray:
    """Code length saved, Σ batch (ln 2 − loss), of balanced labels and mean losses [..., step].

    It is `prequential.nats_saved` in NumPy.
    """
    validation.at_least("batch", batch, 1)
    return batch * np.cumsum(math.log(2) - _numbers("loss", loss), axis=-1)


def _numbers(name: str, value: Any) -> np.ndarray:
    """Finite ones, with a step or more on the last axis."""
    validation.no_nan(name, value)
    found = np.asarray(value, float)
    if not found.shape or not found.size or not np.isfinite(found).all():
        raise refuse(name, validation.shown(found), "finite numbers [..., step], 1 or more")
    return found


def predicted_crossover(curves: Curves) -> Crossover:
    """The sample number from which on the intended feature has the larger code length saved; seeds on axis 0."""
    return crossing(curves.lead, curves.samples)


def measured_crossover(curves: Curves) -> Crossover:
    """The sample number from which on the learner of both relies on the intended feature, likewise."""
    return crossing(curves.margin, curves.samples)


def crossing(lead: np.ndarray, samples: np.ndarray) -> Crossover:
    """`prequential.measured_crossover` as one program."""
    return jax.tree.map(np.asarray, _crossing(lead, np.asarray(samples, float)))


def crossings(mean: np.ndarray, samples: np.ndarray) -> np.ndarray:
    """Where each of the mean leads [..., n] crosses 0, without an interval [...]."""
    flat = np.asarray(mean, float).reshape(-1, len(samples))
    return np.asarray(_crossings(flat, np.asarray(samples, float))).reshape(mean.shape[:-1])


_crossing = jax.jit(prequential.measured_crossover)


@jax.jit
def _crossings(means: jax.Array, samples: jax.Array) -> jax.Array:
    return jax.vmap(lambda lead: jnp.asarray(prequential.measured_crossover(jnp.stack([lead, lead]), samples).at))(
        means
    )
