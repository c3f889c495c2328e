"""How much earlier a student switches when its intended feature is made the efficient one: predicted and measured."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from experiments.harness.ledger import Settings
from experiments.questions.shortcut import Curves, crossings
from experiments.thesis.cases import learned

BASELINES = {"curriculum": "xor", "features": "xor", "verdicts": "xor", "detour": "parity"}  # what each speeds up


class Crossovers(NamedTuple):
    """ln of the samples at which the code lengths cross and a student switches: jackknife pseudo-values [seed]."""

    predicted: np.ndarray
    measured: np.ndarray


class Speedup(NamedTuple):
    """A baseline and a scenario that speeds it up, of the seeds that both have, which see the same samples."""

    slow: Crossovers
    fast: Crossovers

    @property
    def predicted(self) -> np.ndarray:
        """ln of the factor by which the crossover comes earlier [seed]."""
        return self.slow.predicted - self.fast.predicted

    @property
    def measured(self) -> np.ndarray:
        """Likewise."""
        return self.slow.measured - self.fast.measured


def pseudo_values(statistic: Callable[[np.ndarray], np.ndarray], values: np.ndarray) -> Float[np.ndarray, " seed"]:
    """Jackknife pseudo-values S θ − (S−1) θ_{−s}: their mean and its error are those of θ(mean of the values).

    `statistic` is θ of means [mean, ...]; the values are [seed, ...].

    References:
        Efron & Stein (1981), The jackknife estimate of variance. Annals of Statistics 9.
    """
    size = len(values)
    without = (values.sum(0) - values) / (size - 1)
    theta = statistic(np.concatenate([values.mean(0)[None], without]))
    return size * theta[0] - (size - 1) * theta[1:]


def crossovers(found: Curves) -> Crossovers:
    """The crossovers of curves [seed, ...]; one before the first sample number or after the last counts as there."""
    ends = found.samples[[0, -1]]

    def log_crossover(leads: np.ndarray) -> np.ndarray:
        return pseudo_values(lambda means: np.log(np.clip(crossings(means, found.samples), *ends)), leads)

    return Crossovers(log_crossover(found.lead), log_crossover(found.margin))


def speedup(settings: Settings, name: str) -> Speedup:
    """Of one of `BASELINES`."""
    slow, fast = learned(settings, BASELINES[name]), learned(settings, name)
    size = min(len(slow.reliance), len(fast.reliance))
    return Speedup(*(crossovers(one.pick(slice(size))) for one in (slow, fast)))
