"""A number with its 95 % interval, as the questions answer it."""

from typing import NamedTuple

import numpy as np

LEVELS = (0.025, 0.975)


class Interval(NamedTuple):
    """The ends of a 95 % interval, and the value in between; an infinite end is no bound."""

    low: float
    middle: float
    high: float


def of_draws(middle: float, draws: np.ndarray) -> Interval:
    """The interval of draws from a posterior, widened to hold the value; NaN draws, where it has none, are left out."""
    known = np.asarray(draws)[~np.isnan(draws)]
    low, high = np.quantile(known, LEVELS, method="inverted_cdf") if known.size else (middle, middle)
    return Interval(min(float(low), middle), middle, max(float(high), middle))
