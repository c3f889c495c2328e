"""Curves over the number of rows, read in random orders of whole prompts, and from which row on they are above 0."""

import math

import numpy as np
from jaxtyping import Float, Int
from scipy.special import ndtri, stdtrit

from experiments.questions.intervals import LEVELS, Interval
from experiments.questions.learned.columns import Column
from experiments.questions.logs import Log

ORDERS = 20  # random ones, of whole prompts
POINTS = 40  # numbers of rows of a curve
FEWEST = 8  # rows at which a curve starts
KEY = 20
DEVIATIONS = float(ndtri(LEVELS[1]))  # of a Gaussian, 95 % within


def samples(log: Log) -> Int[np.ndarray, " point"]:
    """Numbers of rows in a geometric series, with that of all rows and that of the labelled ones."""
    size, labelled = log.verdict.size, int(log.labelled.sum())
    grid = np.rint(np.geomspace(min(FEWEST, size), size, POINTS)).astype(int)
    return np.unique([*grid, size, *([labelled] if labelled else [])])


def places(prompt: np.ndarray, rank: np.ndarray, numbers: np.ndarray, order: int) -> Int[np.ndarray, " n"]:
    """Of each row, the first of the numbers of rows that reaches it, in a random order of whole prompts.

    Args:
        prompt: of each row, numbered without gaps.
        rank: of each row in its prompt (`ranks`).
        numbers: of rows, the last of them all.
        order: which of the random orders.
    """
    sizes = np.bincount(prompt)
    prompts = np.random.default_rng([KEY, order]).permutation(sizes.size)
    starts = np.empty_like(sizes)
    starts[prompts] = np.cumsum(sizes[prompts]) - sizes[prompts]
    return np.repeat(np.arange(numbers.size), np.diff(numbers, prepend=0))[starts[prompt] + rank]


def ranks(prompt: np.ndarray) -> Int[np.ndarray, " n"]:
    """The place of each row among those of its prompt, at random."""
    sizes, shuffled = np.bincount(prompt), np.random.default_rng(KEY).permutation(prompt.size)
    by_prompt = shuffled[np.argsort(prompt[shuffled], kind="stable")]
    found = np.empty(prompt.size, int)
    found[by_prompt] = np.arange(prompt.size) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return found


def counts(log: Log, column: Column, at: np.ndarray, num_places: int) -> Float[np.ndarray, "place cell 2"]:
    """Rejected and accepted in each cell, of the rows in each place."""
    shape = (num_places, column.num_cells)
    cells = at * column.num_cells + column.codes
    if log.hard:
        cells = 2 * cells + log.verdict.astype(int)
        return np.bincount(cells, minlength=2 * math.prod(shape)).reshape(*shape, 2).astype(float)
    total, accepted = (np.bincount(cells, weights, math.prod(shape)) for weights in (None, log.verdict))
    return np.stack([total - accepted, accepted], -1).reshape(*shape, 2)


def band(
    numbers: Int[np.ndarray, " n"], curves: Float[np.ndarray, "order n"], errors: tuple[float, float]
) -> Float[np.ndarray, "3 n"]:
    """The lower end, mean and upper end of the code length that the rows of other such logs save on average.

    The mean over random orders of a log estimates that expectation without bias; at n rows it errs by n times `errors`,
    and by that of a mean over so many orders.

    Args:
        numbers: of rows.
        curves: at them, in two random orders or more.
        errors: the ends of the error of a row's information, <= 0 and >= 0, in nats.
    """
    mean, orders = curves.mean(0), len(curves)
    noise = stdtrit(orders - 1, LEVELS[1]) * curves.std(0, ddof=1) / math.sqrt(orders)
    low, high = (np.hypot(numbers * error, noise) for error in errors)
    return np.stack([mean - low, mean, mean + high])


def from_on(
    numbers: Int[np.ndarray, " n"], curves: Float[np.ndarray, "order n"], errors: tuple[float, float]
) -> Interval | None:
    """The number of rows from which on an expected curve is above 0, or None where it does not end so.

    The ends are those of the ends of its `band`: inf where the lower end does not end above 0. A curve that is above 0
    from the first number on has that number.
    """
    if curves[:, -1].mean() <= 0:
        return None
    high, middle, low = (last_zero(numbers, curve) for curve in band(numbers, curves, errors))
    return Interval(min(low, middle), middle, max(high, middle))


def last_zero(x: np.ndarray, y: np.ndarray) -> float:
    """Where the broken line through the points is above 0 for good; the first of them where it always is."""
    below = np.flatnonzero(y <= 0)
    if below.size == 0:
        return float(x[0])
    last = int(below[-1])
    if last == y.size - 1:
        return math.inf
    return float(x[last] - y[last] / (y[last + 1] - y[last]) * (x[last + 1] - x[last]))
