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
from experiments.thesis.flow import crosses, turns
from theory import estimate
from theory.prequential import Crossing

MEANS = {"curriculum": "xor", "features": "xor", "verdicts": "xor", "detour": "parity"}  # the case it is compared with


class Speedup(NamedTuple):
    """ln of the factor by which a means brings the turn forward, as jackknife pseudo-values [seed]."""

    predicted: np.ndarray  # of the crossing of the solo savings
    measured: np.ndarray


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
            before, after = (turn(x.pick(seeds)).at for x in (slow, fast))
            return float(np.log(before / after))

        return jackknife(statistic, len(slow.reliance))

    return Speedup(log_ratio(curves.predicted_turn), log_ratio(curves.measured_turn))


def agrees(settings: Settings, name: str, *, within: float) -> Outcome:
    """Whether ln measured is off ln predicted by no more than a share `within` of it; of no change it is 1."""
    found = speedup(settings, name)
    excess = found.measured - found.predicted
    return _outcome(settings, name, within * found.predicted - np.sign(excess.mean()) * excess)


def no_change(settings: Settings, name: str) -> Outcome:
    """Whether no speed-up at all is as near to the predicted one as the one measured."""
    found = speedup(settings, name)
    excess = found.measured - found.predicted
    return _outcome(settings, name, np.sign(excess.mean()) * excess - found.predicted)


def earlier(settings: Settings, name: str) -> Outcome:
    """Whether the turn is brought forward."""
    return _outcome(settings, name, speedup(settings, name).measured)


def in_full(settings: Settings, name: str) -> Outcome:
    """Whether the turn is brought forward by what is predicted, or more."""
    found = speedup(settings, name)
    return _outcome(settings, name, found.measured - found.predicted)


def later(settings: Settings, name: str) -> Outcome:
    """Whether the turn is put off."""
    return _outcome(settings, name, -speedup(settings, name).measured)


def _outcome(settings: Settings, name: str, slack: np.ndarray) -> Outcome:
    """Of a slack in logarithms, as pseudo-values [seed]; what is shown are factors."""
    found = speedup(settings, name)
    gap, times = estimate(slack), [float(np.exp(x.mean())) for x in found]
    return inequality(
        float(gap.mean),
        stderr=float(gap.stderr),
        predicted=times[0],
        measured=times[1],
        unit="times fewer samples; slack and error: its logarithm",
        setting=_setting(settings, name, found),
    )


def _setting(settings: Settings, name: str, found: Speedup) -> str:
    slow, fast = (float(curves.measured_turn(raced(settings, x)).at) for x in (MEANS[name], name))
    errors = " and ".join(f"{100 * float(estimate(x).stderr):.0f} %" for x in found)
    return (
        f"{CASES[MEANS[name]].text}: turn after {slow:.0f} samples; {CASES[name].text}: after {fast:.0f}; "
        f"{len(found.measured)} seeds; errors of predicted and measured {errors}"
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
