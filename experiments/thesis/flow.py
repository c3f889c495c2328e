"""Least squares on two signs by gradient flow, with weight decay or in steps: the exact cases of C10 and L2.

The signs are independent given the label. The first, intended one has E uy = .9 and is scaled; the second, E vy = .5.
"""

import math
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike
from scipy.optimize import root_scalar

from theory import prequential

SCALE = 0.1  # of the first sign, where it is written small
RATES = (0.95, 0.75)  # probabilities that the signs are the label's: .49 and .13 nats
MEANS = (2 * RATES[0] - 1, 2 * RATES[1] - 1)

Moments = tuple[np.ndarray, np.ndarray, np.ndarray]


def signs(scale: float, means: tuple[float, float] = MEANS) -> Moments:
    """E zzᵀ, E yz and the counterfactual input, of two signs of these means E y·sign, the first one scaled."""
    first, second = means
    both = scale * first * second
    covariance = np.array([[scale**2, both], [both, 1]])
    return covariance, np.array([scale * first, second]), np.array([scale, -1.0])


def nats_saved(
    scale: float, decay: float, times: ArrayLike, means: tuple[float, float] = MEANS
) -> Float[np.ndarray, "sign *t"]:
    """∫(E yz · w − ½ E z² w²) dt, saved by the learner of each sign alone under gradient flow with weight decay.

    w(t) = w_∞(1 − e^{−kt}) with k = E z² + decay, w_∞ = E yz/k; in units of loss × time.
    """
    covariance, cross, _ = signs(scale, means)
    t = np.asarray(times, float)
    second, c = (np.reshape(x, (2,) + (1,) * t.ndim) for x in (np.diag(covariance), cross))
    k = second + decay
    once, twice = (-np.expm1(-i * k * t) / (i * k) for i in (1, 2))
    w = c / k
    return c * w * (t - once) - second * w**2 * (t - 2 * once + twice) / 2


def savings_cross(scale: float, decay: float = 0.0, means: tuple[float, float] = MEANS) -> float:
    """The time at which the learners of the two signs alone have saved equally much; inf if never."""

    def lead(time: float) -> float:
        first, second = nats_saved(scale, decay, time, means)
        return float(first - second) / time

    ends = 1e-3, 1e9 / scale**2
    return root_scalar(lead, bracket=ends).root if lead(ends[0]) < 0 < lead(ends[1]) else math.inf


def crossover(scale: float, decay: float = 0.0, means: tuple[float, float] = MEANS) -> float:
    """The time at which the learner of both switches; weight decay is a ridge, C + decay · 1."""
    covariance, cross, direction = signs(scale, means)
    return float(prequential.flow_crossover(covariance + decay * np.eye(2), cross, direction))


def limit(scale: float, decay: float) -> tuple[float, np.ndarray]:
    """The limit under weight decay: the answer to the counterfactual input, and the rate at which each alone saves."""
    covariance, cross, direction = signs(scale)
    second = np.diag(covariance)
    alone = cross / (second + decay)
    answer = direction @ np.linalg.solve(covariance + decay * np.eye(2), cross)
    return float(answer), cross * alone - second * alone**2 / 2


class Descent(NamedTuple):
    """Gradient descent on two signs, and on each alone."""

    answer: Float[np.ndarray, " step"]  # to the counterfactual input; > 0 is that of the intended sign
    lead: Float[np.ndarray, " step"]  # of the single-sign learners, in loss saved
    alone: Float[np.ndarray, "2"]  # |1 − rate E z²|: < 1 where that one converges
    together: float  # the largest |1 − rate λ|

    @property
    def share(self) -> float:
        """How often the answer follows the larger loss saved, in the second half of the steps."""
        late = len(self.lead) // 2
        return float(((self.answer > 0) == (self.lead > 0))[late:].mean())


def descend(scale: float, rate: float, num_steps: int = 400) -> Descent:
    """Exact gradients, w ← w + rate · (c − C w): unstable where rate · λ_max(C) > 2, each alone where rate · E z² > 2.

    References:
        Cohen et al. (2021), Gradient descent on neural networks typically occurs at the edge of stability,
        arXiv:2103.00065.
    """
    covariance, cross, direction = signs(scale)
    second = np.diag(covariance)
    both, single, saved = np.zeros(2), np.zeros(2), np.zeros(2)
    answer, lead = [], []
    for _ in range(num_steps):
        saved = saved + cross * single - second * single**2 / 2
        both, single = both + rate * (cross - covariance @ both), single + rate * (cross - second * single)
        answer.append(direction @ both)
        lead.append(saved[0] - saved[1])
    largest = np.abs(1 - rate * np.linalg.eigvalsh(covariance)).max()
    return Descent(np.array(answer), np.array(lead), np.abs(1 - rate * second), float(largest))
