"""What a single-feature learner can see of a log: the cells of a column, and how a learner joins them.

A group has a cell a value, a column of numbers one a value or one of 16 quantiles; missing cells are one of their own.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from jaxtyping import Int

from experiments.questions.logs import Group, Log

FINEST = 16  # quantile bins, or different values that are kept apart
TRUTH, FEATURE, GROUP, VALUE = "truth", "feature", "group", "value"


class Column(NamedTuple):
    """A column as cells, and the learners that see it."""

    name: str
    codes: Int[np.ndarray, " n"]
    num_cells: int
    missing: bool  # whether the last cell is of rows without a value
    learners: tuple["Learner", ...]


class Learner(NamedTuple):
    """Tables over the cells of a column, each joining some of them: a Bayesian mixture of so many tables."""

    name: str
    kind: str  # TRUTH, FEATURE, GROUP or VALUE
    merges: tuple[Int[np.ndarray, " cell"], ...]  # which cell of the column is in which of the table


def columns(log: Log) -> Iterator[Column]:
    """The features and groups of a log that vary; the truth is a log of its own (`truth`)."""
    for name, feature in log.features.items():
        yield _numbers(name, feature.values)
    for name, group in log.groups.items():
        yield _group(name, group)


def truth(log: Log) -> Column:
    """The truth of a log all of whose rows are labelled."""
    return Column(
        log.roles["truth"], log.truth.astype(np.intp), 2, False, (Learner(log.roles["truth"], TRUTH, (_same(2),)),)
    )


def _same(cells: int) -> np.ndarray:
    return np.arange(cells)


def _numbers(name: str, values: np.ndarray) -> Column:
    """Cells of a column of numbers; the coarser tables have 8, 4 and 2 quantile bins."""
    missing = np.isnan(values)
    known = np.sort(values[~missing])
    steps = np.flatnonzero(np.diff(known)) + 1 if known.size else np.array([], int)
    few = steps.size < FINEST
    # order statistics, no means of two: infinite numbers stay numbers
    at = steps if few else known.size * np.arange(1, FINEST) // FINEST
    codes = np.searchsorted(known[at], values, side="right")
    size = at.size + 1
    merges = (_same(size),) if few else tuple(_same(size) >> k for k in range(FINEST.bit_length() - 1))
    if missing.any():
        codes = np.where(missing, size, codes)
        merges = tuple(np.append(merge, merge.max() + 1) for merge in merges)
        size += 1
    return Column(name, codes, size, bool(missing.any()), (Learner(name, FEATURE, merges),))


def _group(name: str, group: Group) -> Column:
    """The whole, and each value against the rest, which for two values is the whole again."""
    size = len(group.values)
    missing = group.codes < 0
    codes = np.where(missing, size, group.codes).astype(np.intp)
    cells = size + bool(missing.any())
    ones = [
        Learner(f"{name}={value}", VALUE, ((_same(cells) == i).astype(int),)) for i, value in enumerate(group.values)
    ]
    there = np.bincount(codes, minlength=cells) > 0
    several = [one for one, is_there in zip(ones, there, strict=False) if is_there] if there.sum() > 2 else []
    return Column(name, codes, cells, cells > size, (Learner(name, GROUP, (_same(cells),)), *several))
