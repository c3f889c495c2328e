"""A race as curves over the number of samples: what each learner has saved, is right in, and relies on."""

import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from sandbox.shortcuts import LEARNERS, OnlineRecord
from theory import prequential
from theory.prequential import Crossover

BOTH, INTENDED, SPURIOUS = range(len(LEARNERS))
WINDOW = 0.15  # of the samples so far, the last ones, in which shares are averaged


class Curves(NamedTuple):
    """Of a race or many, at sample numbers that grow geometrically."""

    samples: np.ndarray  # [n]
    nats_saved: np.ndarray  # [..., learner, n], nats
    correct: np.ndarray  # [..., learner, n]
    reliance: np.ndarray  # [..., n], of the learner of both components

    @property
    def lead(self) -> np.ndarray:
        """What the intended component alone has saved more than the spurious one alone [..., n]."""
        return self.nats_saved[..., INTENDED, :] - self.nats_saved[..., SPURIOUS, :]

    @property
    def trust(self) -> np.ndarray:
        """½ less the reliance, > 0 where the learner of both answers as the intended component does [..., n]."""
        return 0.5 - self.reliance

    def pick(self, index: Any) -> "Curves":
        """Those of one run, or some, by an index of the leading axes."""
        return Curves(self.samples, *(leaf[index] for leaf in self[1:]))

    def at(self, samples: float) -> int:
        """The index of the last sample number that is not larger.

        Raises:
            ValueError: They begin later.
        """
        if samples < self.samples[0] * (1 - 1e-9):
            raise ValueError(f"samples: {samples} was given; accepted: {self.samples[0]} or more")
        return int(np.searchsorted(self.samples, samples * (1 + 1e-9), side="right")) - 1


def curves(record: OnlineRecord, *, batch: int = 32, points: int = 40) -> Curves:
    """The curves of a race, from 8 batches on.

    Args:
        race: Leaves [..., learner, step], at least 8 steps.
        batch: Samples a step.
        points: Sample numbers, at most.
    """
    num_steps = record.loss.shape[-1]
    ends = np.unique(np.round(np.geomspace(min(8, num_steps), num_steps, points)).astype(int))
    starts = np.minimum(np.floor(ends * (1 - WINDOW)).astype(int), ends - 1)

    def window(share: np.ndarray) -> np.ndarray:
        total = np.concatenate([np.zeros((*share.shape[:-1], 1)), np.cumsum(share, axis=-1, dtype=float)], axis=-1)
        return (total[..., ends] - total[..., starts]) / (ends - starts)

    reliance = np.asarray(record.reliance)[..., BOTH, :]
    return Curves(
        ends * batch,
        savings(record.loss, batch)[..., ends - 1],
        window(np.asarray(record.accuracy)),
        window(reliance),
    )


def savings(loss: Any, batch: int) -> np.ndarray:
    """`prequential.nats_saved` of balanced labels, of the mean losses of batches [..., step], in NumPy."""
    return batch * np.cumsum(math.log(2) - np.asarray(loss, float), axis=-1)


def predicted_turn(curves: Curves) -> Crossover:
    """The sample number from which on the intended component alone has saved more, over the seeds on axis 0."""
    return crossing(curves.lead, curves.samples)


def measured_turn(curves: Curves) -> Crossover:
    """The sample number from which on the learner of both answers as the intended component does, likewise."""
    return crossing(curves.trust, curves.samples)


def crossing(lead: np.ndarray, samples: np.ndarray) -> Crossover:
    """`prequential.measured_crossover` as one program."""
    return jax.tree.map(np.asarray, _crossing(lead, np.asarray(samples, float)))


def turning(mean: np.ndarray, samples: np.ndarray) -> np.ndarray:
    """Where mean leads [..., n] cross, each by itself, without an interval [...]."""
    flat = np.asarray(mean, float).reshape(-1, len(samples))
    return np.asarray(_turning(flat, np.asarray(samples, float))).reshape(mean.shape[:-1])


_crossing = jax.jit(prequential.measured_crossover)


@jax.jit
def _turning(means: jax.Array, samples: jax.Array) -> jax.Array:
    return jax.vmap(lambda lead: jnp.asarray(_crossing(jnp.stack([lead, lead]), samples).at))(means)
