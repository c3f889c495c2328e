"""A verifier with a blind spot, and its thresholds on a ROC curve; all exact, rejection sampling until n are accepted.

Three kinds of outputs: correct, other wrong ones, and the blind spot, which is accepted with a rate of its own.
"""

import math
from functools import cache
from typing import NamedTuple

import jax
import numpy as np
import scipy.stats

from experiments.harness.study import study
from theory import budget

Start = tuple[float, float, float]  # shares of correct, other wrong, and blind-spot outputs
START: Start = (0.2, 0.75, 0.05)
STARTS: tuple[Start, ...] = (START, (0.4, 0.5, 0.1), (0.2, 0.79, 0.01), (0.6, 0.25, 0.15))
AREAS = (0.8, 0.9, 0.97)  # under the ROC curve
AREA = 0.9
FPRS = (0.3, 0.6, 0.8)
REJECTS_SOME = 0.9, (0.1, 0.3)  # tpr, and the fprs
SHARES, ACCEPTED = (0.01, 0.03, 0.05), (0.0, 0.3, 0.6, 0.8, 0.9, 0.95, 1.0)  # of the blind spot: nature's choices


def without_blind_spot(start: Start) -> Start:
    """Its outputs are correct ones instead."""
    return start[0] + start[2], start[1], 0.0


@cache
def correct(n: int, acceptance: tuple[float, float, float], start: Start = START) -> float:
    """P(the loop ends correct)."""
    return float(np.asarray(budget.ends_with(n, acceptance, start))[0])  # without a compilation


def rate(few: int, many: int, values: list[float]) -> float:
    """−Δ ln(value)/Δn between two sizes, per sample."""
    return math.log(values[0] / values[1]) / (many - few)


class Thresholds(NamedTuple):
    """The best threshold at each size [start, area, n]."""

    sizes: np.ndarray  # n
    tpr: np.ndarray
    fpr: np.ndarray
    accuracy: np.ndarray


@study("blind-spots/thresholds", sizes=(5, 10, 20), full={"sizes": (5, 10, 20, 40)})
def thresholds(key: jax.Array, blind_spot: bool = True, *, sizes: tuple[int, ...]) -> Thresholds:
    """With the blind spots of `STARTS`, or without, on the curves of `AREAS`."""
    starts = STARTS if blind_spot else tuple(without_blind_spot(start) for start in STARTS)
    best = [[[budget.best_threshold(n, area, start) for n in sizes] for area in AREAS] for start in starts]
    return Thresholds(np.array(sizes), *np.moveaxis(np.array(best), 3, 0))


def equal_errors(area: float) -> tuple[float, float]:
    """(tpr, fpr) of equal errors, where tpr − fpr is largest on the curve: Φ(d/2) and Φ(−d/2)."""
    tpr = float(scipy.stats.norm.cdf(scipy.stats.norm.ppf(area) / math.sqrt(2)))
    return tpr, 1 - tpr
