"""Clear switches from the spurious feature to the intended one, those predicted and those measured, and their count."""

import numpy as np
from jaxtyping import Float

from experiments.questions.shortcut import Curves
from experiments.thesis.study import CLEAR, Measures

CLEARLY = 0.1  # a reliance that far from ½ is one on either feature
FACTOR = 2.0  # of the numbers of samples


def switched(values: Float[np.ndarray, "*run n"], samples: np.ndarray, clear: float) -> Float[np.ndarray, "*run"]:
    """The sample number at which a curve rises above 0 for good, nan unless it was below −`clear` and ends above it.

    Between two sample numbers by a straight line over their logarithm.
    """
    last = np.where(values <= 0, np.arange(values.shape[-1]), 0).max(-1)
    ends = [np.minimum(last + i, values.shape[-1] - 1) for i in (0, 1)]
    low, high = (np.take_along_axis(values, i[..., None], -1)[..., 0] for i in ends)
    before, after = (np.log(samples)[i] for i in ends)
    share = np.where(high > low, -low / np.where(high > low, high - low, 1), 0)
    clearly = (values.min(-1) < -clear) & (values[..., -1] > clear)
    return np.where(clearly, np.exp(before + share * (after - before)), np.nan)


def agree(predicted: np.ndarray, measured: np.ndarray) -> np.ndarray:
    """1 where both switches are there and within FACTOR, 0 where only one is or they are not, nan where none is."""
    there = ~np.isnan(predicted), ~np.isnan(measured)
    both = there[0] & there[1]
    ratio = np.where(both, predicted, 1) / np.where(both, measured, 1)
    close = both & (np.abs(np.log(ratio)) <= np.log(FACTOR) + 1e-12)
    return np.where(there[0] | there[1], close.astype(float), np.nan)


def of_curves(found: Curves) -> tuple[np.ndarray, np.ndarray]:
    """Predicted by the code lengths saved, and measured by the reliance."""
    return switched(found.lead, found.samples, CLEAR), switched(found.margin, found.samples, CLEARLY)


def of_measures(found: Measures) -> tuple[np.ndarray, np.ndarray]:
    """Likewise [environment]."""
    lead = found.nats_saved[..., 0] - found.nats_saved[..., 1]
    return switched(lead, found.samples, CLEAR), switched(0.5 - found.reliance, found.samples, CLEARLY)


def described(predicted: np.ndarray, measured: np.ndarray) -> str:
    """The count in words."""
    there = ~np.isnan(predicted), ~np.isnan(measured)
    counts = [int(x.sum()) for x in (*there, there[0] & there[1])]
    close = int(np.nansum(agree(predicted, measured)))
    return "{} switches predicted, {} observed, {} both, ".format(*counts) + f"{close} of these within a factor of 2"
