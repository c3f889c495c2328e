"""Which feature of an output a signal will teach first: single-feature learners on the rows of a log.

Each learner sees one column and predicts the verdicts online, by tables of Krichevsky–Trofimov counts (`code.py`). Rows
come in random orders of whole prompts; the prompts, not the rows, are independent.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int
from scipy.special import ndtri

from experiments.questions.intervals import LEVELS, Interval
from experiments.questions.learned import code
from experiments.questions.learned.columns import TRUTH, Column, Learner, columns, truth
from experiments.questions.logs import Log

LEARNED = math.log(20)  # nats saved, odds of 20 to 1 for what a learner sees
ORDERS = 20  # random ones, of whole prompts
POINTS = 40  # numbers of rows of a curve
FEWEST = 8  # rows at which a curve starts
KEY = 20
SLACK = 0.5  # nats: what S − n Î differs by from log to log, which the intervals leave out
DEVIATIONS = float(ndtri(LEVELS[1]))


class Learned(NamedTuple):
    """What one single-feature learner finds; numbers of rows are of rows that it can see."""

    name: str  # the column, or COL=VALUE: one value against the rest
    kind: str  # "truth", "feature", "group" (all values) or "value" (one against the rest)
    rows: int  # of the truth, those labelled
    cells: int  # of the table that saved most code length: bins, values, and one of what is missing
    nats: Interval  # I(F;V) a verdict, of the feature in these cells
    nats_given_truth: Interval | None  # I(F;V|T) on the labelled rows; None without, and of the truth itself
    saved_nats: Interval  # code length saved on all rows in the middle; of its expectation over such logs
    learned_after: Interval | None  # rows from which on the mean curve has saved ln 20 nats; None: not by the last
    crossover: Interval | None  # rows from which on it has saved more code length than the one before; None: never
    curve: Float[np.ndarray, " point"]  # mean code length saved; NaN beyond its rows


class Answer(NamedTuple):
    """The learners, in the order in which they learn; those that never do, by the code length saved."""

    samples: Int[np.ndarray, " point"]  # numbers of rows at which the curves stand
    learned: tuple[Learned, ...]
    said: tuple[str, ...]  # what was left out, and why

    @property
    def first(self) -> Learned | None:
        """What is learned first, the truth aside; None if nothing is."""
        return next((one for one in self.learned if one.kind != TRUTH and one.learned_after is not None), None)


class _Trial(NamedTuple):
    """A learner on the rows of a log."""

    log: Log
    column: Column
    learner: Learner
    curves: Float[np.ndarray, "order point"]
    counts: Float[np.ndarray, "cell 2"]  # of the table that saved most
    merge: Int[np.ndarray, " cell"]
    stderr: float  # of nats a row
    found: Learned


def features(log: Log, *, orders: int = ORDERS) -> Answer:
    """What each feature, each group and the truth carries of the verdict, and the order in which it is learned.

    A feature or group that is the same in all rows, and a log of one verdict alone, is named in `said`.
    """
    said = []
    samples = _samples(log)
    whole = log.pick(np.arange(log.verdict.size))  # prompts numbered without gaps
    if not _both(whole):
        which = "accepted" if whole.verdict[0] else "rejected"
        return Answer(samples, (), (f"all outputs were {which}: there is nothing to learn from such verdicts",))
    trials = []
    labelled = whole.pick(whole.labelled)
    if labelled.verdict.size:
        varies = np.unique(labelled.truth).size > 1
        if varies and _both(labelled):
            trials += _tried(labelled, labelled, [truth(labelled)], samples, orders)
        else:
            which = "verdicts" if varies else "truths"
            said.append(f"{log.roles['truth']}: all labelled rows have one of the {which}, so that it carries nothing")
    varying = []
    for column in columns(whole):
        if np.bincount(column.codes, minlength=column.num_cells).max() < column.codes.size:
            varying.append(column)
        else:
            said.append(f"{column.name}: the same in all rows, so that it carries nothing")
    trials += _tried(whole, labelled, varying, samples, orders)
    if whole.prompt.max() == 0:
        said.append("one prompt: how far the numbers hold for others, the log cannot tell")
    return Answer(samples, _ordered(trials, samples), tuple(said))


def _both(log: Log) -> bool:
    return bool(0 < log.verdict.sum() < log.verdict.size)


def _samples(log: Log) -> np.ndarray:
    """Numbers of rows in a geometric series, with that of all rows and that of the labelled ones."""
    size, labelled = log.verdict.size, int(log.labelled.sum())
    grid = np.rint(np.geomspace(min(FEWEST, size), size, POINTS)).astype(int)
    return np.unique([*grid, size, *([labelled] if labelled else [])])


def _tried(log: Log, labelled: Log, given: Sequence[Column], samples: np.ndarray, orders: int) -> list[_Trial]:
    """Each learner of each column, on the numbers of rows that there are."""
    within = samples[samples <= log.verdict.size]
    rank = _rank(log.prompt)
    paths = [_places(log.prompt, rank, within, order) for order in range(orders)]
    found = []
    for column in given:
        counts = np.stack([_counts(log, column, path, within.size) for path in paths]).cumsum(1)
        found += [_trial(log, labelled, column, learner, counts, samples.size) for learner in column.learners]
    return found


def _places(prompt: np.ndarray, rank: np.ndarray, samples: np.ndarray, order: int) -> np.ndarray:
    """Of each row, the first of `samples` that reaches it, in a random order of whole prompts."""
    sizes = np.bincount(prompt)
    prompts = np.random.default_rng([KEY, order]).permutation(sizes.size)
    starts = np.empty_like(sizes)
    starts[prompts] = np.cumsum(sizes[prompts]) - sizes[prompts]
    return np.repeat(np.arange(samples.size), np.diff(samples, prepend=0))[starts[prompt] + rank]


def _rank(prompt: np.ndarray) -> np.ndarray:
    """The place of each row among those of its prompt, at random."""
    sizes, shuffled = np.bincount(prompt), np.random.default_rng(KEY).permutation(prompt.size)
    by_prompt = shuffled[np.argsort(prompt[shuffled], kind="stable")]
    ranks = np.empty(prompt.size, int)
    ranks[by_prompt] = np.arange(prompt.size) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return ranks


def _counts(log: Log, column: Column, places: np.ndarray, num_places: int) -> np.ndarray:
    """Rejected and accepted in each cell, of the rows in each place [place, cell, 2]."""
    shape = (num_places, column.num_cells)
    cells = places * column.num_cells + column.codes
    if log.hard:
        cells = 2 * cells + log.verdict.astype(int)
        return np.bincount(cells, minlength=2 * math.prod(shape)).reshape(*shape, 2).astype(float)
    total, accepted = (np.bincount(cells, weights, math.prod(shape)) for weights in (None, log.verdict))
    return np.stack([total - accepted, accepted], -1).reshape(*shape, 2)


def _trial(log: Log, labelled: Log, column: Column, learner: Learner, counts: np.ndarray, points: int) -> _Trial:
    """Numbers of one learner; its place in the order comes later."""
    curves = code.nats_saved(counts, learner.merges)
    last = counts[0, -1]
    merge = code.best(last, learner.merges)
    joined = code.merged(last, merge)
    nats, plug_in, stderr = _information(log, merge[column.codes], joined[None])
    size, saved = log.verdict.size, float(curves[0, -1])
    ends = (saved + size * (end - plug_in) for end in (nats.low, nats.high))
    low, high = (float(end) + slack for end, slack in zip(ends, (-SLACK, SLACK), strict=True))
    given = (
        None if learner.kind == TRUTH else _given_truth(labelled, merge[column.codes[log.labelled]], joined.shape[0])
    )
    curve = np.append(curves.mean(0), np.full(points - curves.shape[1], np.nan))
    saves = Interval(min(low, saved), saved, max(high, saved))
    found = Learned(learner.name, learner.kind, size, len(joined), nats, given, saves, None, None, curve)
    return _Trial(log, column, learner, curves, joined, merge, stderr, found)


def _pointwise(log: Log, cells: np.ndarray, counts: np.ndarray, strata: np.ndarray | int = 0) -> np.ndarray:
    """Of each row, the pointwise information less its mean."""
    reject, accept = np.moveaxis(code.pointwise(counts), -1, 0)
    found = reject[strata, cells] + log.verdict * (accept - reject)[strata, cells]
    return found - found.mean()


def _information(
    log: Log, cells: np.ndarray, counts: np.ndarray, strata: np.ndarray | int = 0
) -> tuple[Interval, float, float]:
    sums = np.bincount(log.prompt, _pointwise(log, cells, counts, strata))
    return code.information(counts, float(sums @ sums), sums.size)


def _given_truth(rows: Log, cells: np.ndarray, num_cells: int) -> Interval | None:
    """I(F;V|T) on the labelled rows."""
    if not cells.size:
        return None
    strata = rows.truth.astype(int)
    at = strata * num_cells + cells
    total, accepted = (np.bincount(at, weights, 2 * num_cells) for weights in (None, rows.verdict))
    counts = np.stack([total - accepted, accepted], -1).reshape(2, num_cells, 2)
    return _information(rows, cells, counts, strata)[0]


def _ordered(trials: Sequence[_Trial], samples: np.ndarray) -> tuple[Learned, ...]:
    """In the order in which they are learned, each with its crossover."""
    placed = [one._replace(found=one.found._replace(learned_after=_learned_after(one, samples))) for one in trials]
    placed.sort(key=lambda one: (_rows(one.found.learned_after), -one.found.saved_nats.middle))
    found = [one.found for one in placed]
    for i in range(1, len(placed)):
        found[i] = found[i]._replace(crossover=_crossover(placed[i - 1], placed[i], samples))
    return tuple(found)


def _rows(interval: Interval | None) -> float:
    return math.inf if interval is None else interval.middle


def _learned_after(one: _Trial, samples: np.ndarray) -> Interval | None:
    return from_on(samples[: one.curves.shape[1]], one.curves - LEARNED, one.stderr)


def _crossover(before: _Trial, after: _Trial, samples: np.ndarray) -> Interval | None:
    points = min(before.curves.shape[1], after.curves.shape[1])
    lead = after.curves[:, :points] - before.curves[:, :points]
    if lead[:, -1].mean() <= 0:
        return None
    return from_on(samples[:points], lead, _stderr_of_lead(before, after))


def _stderr_of_lead(before: _Trial, after: _Trial) -> float:
    """Of the mean difference of two pointwise informations, over prompts; of two logs, as if independent."""
    if before.log is not after.log:
        return math.hypot(before.stderr, after.stderr)
    a, b = (_pointwise(one.log, one.merge[one.column.codes], one.counts[None]) for one in (before, after))
    sums = np.bincount(before.log.prompt, a - b)
    if sums.size < 2:
        return math.inf
    return math.sqrt(sums @ sums * sums.size / (sums.size - 1)) / before.log.verdict.size


def from_on(samples: np.ndarray, curves: Float[np.ndarray, "order n"], stderr: float) -> Interval | None:
    """The number of rows from which on an expected curve is above 0, or None if it does not end so.

    The mean over random orders is an unbiased estimate of the curve that other logs have on average; at n rows its
    standard error is n times that of nats a row, beside that of the mean over orders. The ends are where the mean, up
    and down by 1.96 of them, is above 0 for good: inf where that is never.
    """
    mean = curves.mean(0)
    if mean[-1] <= 0:
        return None
    half = DEVIATIONS * np.hypot(samples * stderr, curves.std(0) / math.sqrt(max(len(curves) - 1, 1)))
    low, middle, high = (_last_zero(samples, curve) for curve in (mean + half, mean, mean - half))
    return Interval(min(low, middle), middle, max(high, middle))


def _last_zero(x: np.ndarray, y: np.ndarray) -> float:
    """Where the broken line through the points, and 0 rows before them, is above 0 for good."""
    below = np.flatnonzero(y <= 0)
    if below.size == 0:
        return float(x[0])
    last = int(below[-1])
    if last == y.size - 1:
        return math.inf
    return float(x[last] - y[last] / (y[last + 1] - y[last]) * (x[last + 1] - x[last]))
