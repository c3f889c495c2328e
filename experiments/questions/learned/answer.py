"""Which feature of an output a signal will teach first: single-feature learners on the rows of a log.

Each learner sees one column and predicts the verdicts online, by tables of Krichevsky–Trofimov counts (`code.py`). Rows
come in random orders of whole prompts; the prompts, not the rows, are independent.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from experiments.questions.intervals import Interval
from experiments.questions.learned import code
from experiments.questions.learned.columns import TRUTH, VALUE, Column, Learner, columns, truth
from experiments.questions.learned.curves import DEVIATIONS, ORDERS, counts, from_on, places, ranks, samples
from experiments.questions.logs import Log
from experiments.validation import number

LEARNED = math.log(20)  # nats saved, odds of 20 to 1 for what a learner sees
MANY_ROWS, FEW_ORDERS = 200_000, 4  # of so many rows, so few orders are enough
SLACK = 0.5  # nats: what S − n Î differs by from log to log, which the intervals leave out


class Learned(NamedTuple):
    """What one single-feature learner finds; numbers of rows are of rows that it can see."""

    name: str  # the column, or COL=VALUE: one value against the rest
    kind: str  # "truth", "feature", "group" (all values) or "value" (one against the rest)
    rows: int  # of the truth, those labelled
    accepted: Float[np.ndarray, " cell"]  # share, by the cells of the table that saved most code length: bins from the
    # lowest, values, [rest, value], [wrong, correct]; without the cell of what is missing
    nats: (
        Interval  # I(F;V) a verdict: in these cells, which carry no more than the feature; high end, in the finest too
    )
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


class Trial(NamedTuple):
    """A learner on the rows of a log, before it has its place among others."""

    log: Log
    column: Column
    learner: Learner
    curves: Float[np.ndarray, "order point"]
    counts: Float[np.ndarray, "cell 2"]  # of the table that saved most
    merge: Int[np.ndarray, " cell"]
    errors: tuple[float, float]  # ends of the error of its information, nats a row: <= 0, >= 0
    found: Learned


def features(log: Log, *, orders: int | None = None) -> Answer:
    """What each feature, each group and the truth carries of the verdict, and the order in which it is learned.

    A feature or group that is the same in all rows, and a log of one verdict alone, is named in `said`.

    Args:
        log: the rows.
        orders: random ones, of whole prompts, over which the curves are means, 2 or more; None: 20, of many rows 4.
    """
    orders = (ORDERS if log.verdict.size <= MANY_ROWS else FEW_ORDERS) if orders is None else orders
    number("orders", orders, lambda n: n >= 2, "2 or more", int)
    numbers, found, said = trials(log, orders)
    return Answer(numbers, ordered(found, numbers), said)


def trials(log: Log, orders: int = ORDERS) -> tuple[Int[np.ndarray, " point"], list[Trial], tuple[str, ...]]:
    """The numbers of rows, all learners on a log, the truth first, and what was left out, and why."""
    log = log.pick(np.arange(log.verdict.size))  # prompts numbered without gaps
    numbers = samples(log)
    if not _both(log):
        which = "accepted" if log.verdict[0] else "rejected"
        return numbers, [], (f"all outputs were {which}: there is nothing to learn from such verdicts",)
    found, said = [], []
    labelled = log.pick(log.labelled)
    if labelled.verdict.size and (one := _one_class(labelled)):
        said.append(f"{log.roles['truth']}: all labelled rows have one {one}, so that it carries nothing")
    elif labelled.verdict.size:
        found = _tried(labelled, labelled, [truth(labelled)], numbers, orders)
    varying = []
    for column in columns(log):
        if np.bincount(column.codes).max() < column.codes.size:
            varying.append(column)
        else:
            said.append(f"{column.name}: the same in all rows, so that it carries nothing")
    found += _tried(log, labelled, varying, numbers, orders)
    if log.prompt.max() == 0:
        said.append("one prompt: how far the numbers hold for others, the log cannot tell")
    return numbers, found, tuple(said)


def _both(log: Log) -> bool:
    return bool(0 < log.verdict.sum() < log.verdict.size)


def _one_class(log: Log) -> str:
    """What is the same in all rows: the truth, the verdict, or nothing."""
    return "truth" if np.unique(log.truth).size == 1 else "" if _both(log) else "verdict"


def _tried(log: Log, labelled: Log, given: Sequence[Column], numbers: np.ndarray, orders: int) -> list[Trial]:
    """Each learner of each column, on the numbers of rows that there are."""
    within, rank = numbers[numbers <= log.verdict.size], ranks(log.prompt)
    paths = [places(log.prompt, rank, within, order) for order in range(orders)]
    found = []
    for column in given:
        seen = np.stack([counts(log, column, path, within.size) for path in paths]).cumsum(1)
        found += [_trial(log, labelled, column, learner, seen, numbers.size) for learner in column.learners]
    return found


def _trial(log: Log, labelled: Log, column: Column, learner: Learner, seen: np.ndarray, points: int) -> Trial:
    """Numbers of one learner; its place in the order comes later."""
    curves, last = code.nats_saved(seen, learner.merges), seen[0, -1]
    merge = code.best(last, learner.merges)
    cells, joined = merge[column.codes], code.merged(last, merge)
    nats, unbiased = _information(log, cells, joined[None])
    errors = min(nats.low - unbiased, 0.0), max(nats.high - unbiased, 0.0)
    size, saved = log.verdict.size, float(curves[0, -1])
    saves = Interval(saved + size * errors[0] - SLACK, saved, saved + size * errors[1] + SLACK)
    given = None if learner.kind == TRUTH else _given_truth(labelled, cells[log.labelled], len(joined))
    finest = learner.merges[0]
    if merge is not finest:  # what is joined carries no more: what may have been lost is between these and the finest
        all_cells, all_counts = finest[column.codes], code.merged(last, finest)
        nats = _reaching(nats, _information(log, all_cells, all_counts[None])[0])
        given = given and _reaching(given, _given_truth(labelled, all_cells[log.labelled], len(all_counts)))
    shown = joined[:-1] if column.missing and learner.kind != VALUE else joined
    shares = shown[:, 1] / np.maximum(shown.sum(-1), np.finfo(float).tiny)
    curve = np.append(curves.mean(0), np.full(points - curves.shape[1], np.nan))
    found = Learned(learner.name, learner.kind, size, shares, nats, given, saves, None, None, curve)
    return Trial(log, column, learner, curves, joined, merge, errors, found)


def silent(log: Log, name: str, numbers: Int[np.ndarray, " point"], orders: int = ORDERS) -> Trial:
    """The learner of a column that is the same in all rows: it saves nothing."""
    one = Learner(name, VALUE, (np.zeros(1, int),))
    column = Column(name, np.zeros(log.verdict.size, np.intp), 1, False, (one,))
    (found,) = _tried(log, log.pick(log.labelled), [column], numbers, orders)
    return found


def _reaching(interval: Interval, finer: Interval | None) -> Interval:
    """With the high end of what is seen in finer cells, if that is higher."""
    return interval if finer is None else interval._replace(high=max(interval.high, finer.high))


def _pointwise(log: Log, cells: np.ndarray, table: np.ndarray, strata: np.ndarray | int = 0) -> np.ndarray:
    """Of each row, the pointwise information less its mean."""
    reject, accept = np.moveaxis(code.pointwise(table), -1, 0)
    found = reject[strata, cells] + log.verdict * (accept - reject)[strata, cells]
    return found - found.mean()


def _information(
    log: Log, cells: np.ndarray, table: np.ndarray, strata: np.ndarray | int = 0
) -> tuple[Interval, float]:
    sums = np.bincount(log.prompt, _pointwise(log, cells, table, strata))
    return code.information(table, float((sums**2).sum()), sums.size)  # no BLAS, whose threads wait for cores


def _given_truth(rows: Log, cells: np.ndarray, num_cells: int) -> Interval | None:
    """I(F;V|T) on the labelled rows."""
    if not cells.size:
        return None
    strata = rows.truth.astype(int)
    at = strata * num_cells + cells
    total, accepted = (np.bincount(at, weights, 2 * num_cells) for weights in (None, rows.verdict))
    table = np.stack([total - accepted, accepted], -1).reshape(2, num_cells, 2)
    return _information(rows, cells, table, strata)[0]


def ordered(given: Sequence[Trial], numbers: np.ndarray) -> tuple[Learned, ...]:
    """In the order in which they are learned, each with its crossover."""
    placed = [one._replace(found=one.found._replace(learned_after=_learned_after(one, numbers))) for one in given]
    placed.sort(key=lambda one: (_rows(one.found.learned_after), -one.found.saved_nats.middle))
    found = [one.found for one in placed]
    for i in range(1, len(placed)):
        found[i] = found[i]._replace(crossover=_crossover(placed[i - 1], placed[i], numbers))
    return tuple(found)


def _rows(interval: Interval | None) -> float:
    return math.inf if interval is None else interval.middle


def _learned_after(one: Trial, numbers: np.ndarray) -> Interval | None:
    return from_on(numbers[: one.curves.shape[1]], one.curves - LEARNED, one.errors)


def _crossover(before: Trial, after: Trial, numbers: np.ndarray) -> Interval | None:
    points = min(one.curves.shape[1] for one in (before, after))
    lead = after.curves[:, :points] - before.curves[:, :points]
    if lead[:, -1].mean() <= 0:
        return None
    error = DEVIATIONS * stderr_of_lead(before, after)
    return from_on(numbers[:points], lead, (-error, error))


def stderr_of_lead(before: Trial, after: Trial) -> float:
    """Of the difference of two pointwise informations, a row, over prompts; on different rows, as if independent."""
    if before.log.verdict.size != after.log.verdict.size:
        return math.hypot(*(max(np.abs(one.errors)) / DEVIATIONS for one in (before, after)))
    a, b = (_pointwise(one.log, one.merge[one.column.codes], one.counts[None]) for one in (before, after))
    sums = np.bincount(before.log.prompt, a - b)
    if sums.size < 2:
        return math.inf
    return math.sqrt(sums @ sums * sums.size / (sums.size - 1)) / before.log.verdict.size
