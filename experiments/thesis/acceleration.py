"""How much earlier a student turns when its intended component is made the efficient one: predicted and measured."""

from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from experiments.ledger import Outcome, Settings, equality, inequality
from experiments.thesis import curves
from experiments.thesis.cases import CASES, raced
from experiments.thesis.curves import Curves
from experiments.thesis.failures import crosses, turns
from theory import estimate
from theory.intervals import Estimate
from theory.prequential import Crossing

FACTOR = 2.0  # within which the predicted speed-up is the measured one
MEANS = {"curriculum": "xor", "features": "xor", "verdicts": "xor", "detour": "parity"}  # the case it is compared with


class Speedup(NamedTuple):
    """By what factor a means brings the turn forward: logarithms, of errors over the seeds."""

    predicted: Estimate  # of the crossing of the solo savings
    measured: Estimate
    excess: Estimate  # measured less predicted, seed by seed


def jackknife(statistic: Callable[[np.ndarray], float], num_seeds: int) -> Float[np.ndarray, " seed"]:
    """Pseudo-values S θ − (S−1) θ_{−s} of a statistic of the seeds: their mean and its error are those of θ.

    Args:
        statistic: θ, of the indices of the seeds that it may see.
        num_seeds: S.

    References:
        Efron & Stein (1981), The jackknife estimate of variance. Annals of Statistics 9.
    """
    seeds = np.arange(num_seeds)
    without = np.array([statistic(np.delete(seeds, s)) for s in seeds])
    return num_seeds * statistic(seeds) - (num_seeds - 1) * without


@cache
def speedup(settings: Settings, name: str) -> Speedup:
    """Of a means among `MEANS`, whose seeds see the same samples as those of the case it is compared with."""
    slow, fast = raced(settings, MEANS[name]), raced(settings, name)

    def log_ratio(turn: Callable[[Curves], Crossing]) -> np.ndarray:
        def statistic(seeds: np.ndarray) -> float:
            before, after = (turn(Curves(x.samples, *(leaf[seeds] for leaf in x[1:]))).at for x in (slow, fast))
            return float(np.log(before / after))

        return jackknife(statistic, len(slow.reliance))

    predicted, measured = log_ratio(curves.predicted_turn), log_ratio(curves.measured_turn)
    return Speedup(estimate(predicted), estimate(measured), estimate(measured - predicted))


def agrees(settings: Settings, name: str) -> Outcome:
    """Measured and predicted speed-up within `FACTOR`; the error is that of their ratio."""
    found = speedup(settings, name)
    times = float(np.exp(found.measured.mean))
    return inequality(
        times * (np.log(FACTOR) - abs(float(found.excess.mean))),
        stderr=times * float(found.excess.stderr),
        predicted=float(np.exp(found.predicted.mean)),
        measured=times,
        unit="times fewer samples",
        setting=_setting(settings, name, found),
    )


def later(settings: Settings, name: str, *, sign: int = 1) -> Outcome:
    """That the means turns the student no earlier, but later; with −1, that it turns it earlier."""
    found = speedup(settings, name)
    times = float(np.exp(found.measured.mean))
    return inequality(
        -sign * times * float(found.measured.mean),
        stderr=times * float(found.measured.stderr),
        predicted=1.0,
        measured=times,
        unit="times fewer samples",
        setting=_setting(settings, name, found),
    )


def _setting(settings: Settings, name: str, found: Speedup) -> str:
    slow, fast = (float(curves.measured_turn(raced(settings, x)).at) for x in (MEANS[name], name))
    errors = " and ".join(f"{100 * float(x.stderr):.0f} %" for x in (found.predicted, found.measured))
    return (
        f"{CASES[MEANS[name]].text}; {CASES[name].text}: turn after {slow:.0f} and {fast:.0f} samples, "
        f"{found.measured.count} seeds; errors of predicted and measured {errors}"
    )


def scaled(settings: Settings, *, power: int = 2) -> Outcome:
    """The turn of the gradient flow at half the scale, which is 2^power times as late; `separated_turn` says 4."""
    small, large = 0.01, 0.02
    saved = crosses(small) / crosses(large)
    return equality(
        turns(small) / turns(large),
        2.0**power,
        tolerance=2**power * large**2,
        unit="times as late",
        setting=f"least squares, scales {small} and {large}, tolerance O(scale²); savings cross {saved:.4f} × as late",
    )
