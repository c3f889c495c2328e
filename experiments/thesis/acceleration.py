"""How much earlier a student turns when its intended component is made the efficient one: predicted and measured."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from experiments.harness.ledger import Settings
from experiments.questions.shortcut.curves import Curves, turning
from experiments.thesis.cases import raced

MEANS = {"curriculum": "xor", "features": "xor", "verdicts": "xor", "detour": "parity"}  # the case it is compared with


class Turned(NamedTuple):
    """ln of the samples at which the savings cross, and at which a student turns, as jackknife pseudo-values [seed]."""

    predicted: np.ndarray
    measured: np.ndarray


class Speedup(NamedTuple):
    """Both in a case, and where it is sped up: of the seeds that both have, which see the same samples."""

    slow: Turned
    fast: Turned

    @property
    def predicted(self) -> np.ndarray:
        """ln of the factor by which the turn is brought forward [seed]."""
        return self.slow.predicted - self.fast.predicted

    @property
    def measured(self) -> np.ndarray:
        """Likewise."""
        return self.slow.measured - self.fast.measured


def pseudo_values(statistic: Callable[[np.ndarray], np.ndarray], values: np.ndarray) -> Float[np.ndarray, " seed"]:
    """Jackknife pseudo-values S θ − (S−1) θ_{−s}: their mean and its error are those of θ, of the mean of the values.

    Args:
        statistic: θ of means [mean, ...].
        values: [seed, ...].

    References:
        Efron & Stein (1981), The jackknife estimate of variance. Annals of Statistics 9.
    """
    size = len(values)
    without = (values.sum(0) - values) / (size - 1)
    theta = statistic(np.concatenate([values.mean(0)[None], without]))
    return size * theta[0] - (size - 1) * theta[1:]


def turned(found: Curves) -> Turned:
    """Of curves [seed, ...]; what turns before the first sample number or after the last counts as turning there."""
    ends = found.samples[[0, -1]]

    def log_turn(leads: np.ndarray) -> np.ndarray:
        return pseudo_values(lambda means: np.log(np.clip(turning(means, found.samples), *ends)), leads)

    return Turned(log_turn(found.lead), log_turn(found.trust))


def speedup(settings: Settings, name: str) -> Speedup:
    """Of a means among `MEANS`."""
    slow, fast = raced(settings, MEANS[name]), raced(settings, name)
    size = min(len(slow.reliance), len(fast.reliance))
    return Speedup(*(turned(one.pick(slice(size))) for one in (slow, fast)))
