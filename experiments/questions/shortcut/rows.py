"""Which side a signal teaches first, intended or spurious, measured on the rows of a log."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, Int

from experiments.questions import learned, logs, tables
from experiments.questions.intervals import Interval
from experiments.questions.learned import LEARNED, Answer, Constant, Pairs
from experiments.questions.learned.answer import Trial, ordered, silent, stderr_of_lead, trials
from experiments.questions.learned.curves import DEVIATIONS, band, from_on, last_zero
from experiments.questions.logs import Log
from experiments.validation import refuse, unknown

SIDES = ("intended", "spurious")
MOST_VALUES = 10  # of --group, the largest


class Side(NamedTuple):
    """A Bayesian mixture of the single-feature learners of some columns."""

    names: tuple[str, ...]
    best: Trial  # the one that has saved most
    numbers: Int[np.ndarray, " point"]  # of rows at which the curves stand
    curves: Float[np.ndarray, "order point"]

    @property
    def learned_after(self) -> Interval | None:
        """Rows from which on it has saved ln 20 nats, or None."""
        return from_on(self.numbers, self.curves - LEARNED, self.best.errors)

    @property
    def saved(self) -> Float[np.ndarray, "3 point"]:
        """The lower end, mean and upper end of the code length saved."""
        return band(self.numbers, self.curves, self.best.errors)


class Measured(NamedTuple):
    """What the rows of a log teach first."""

    log: Log
    sides: tuple[Side, Side]  # intended, spurious
    columns: Answer  # every column of the log by itself, in the order in which it is learned
    groups: tuple[tuple[str, "Measured | str"], ...]  # of each value: the same on its rows, or why there is none

    @property
    def first(self) -> int | None:
        """Which side is learned first: 0, 1, or None where neither is."""
        after = [(one.middle, i) for i, side in enumerate(self.sides) if (one := side.learned_after) is not None]
        return min(after)[1] if after else None

    @property
    def lead(self) -> tuple[Float[np.ndarray, "order point"], float]:
        """Code length saved by the intended side less that by the spurious one, and a standard error, nats a row."""
        intended, spurious = self.sides
        points = min(side.curves.shape[1] for side in self.sides)
        stderr = stderr_of_lead(spurious.best, intended.best)
        return intended.curves[:, :points] - spurious.curves[:, :points], stderr

    @property
    def numbers(self) -> Int[np.ndarray, " point"]:
        """Numbers of rows at which both sides stand."""
        return min((side.numbers for side in self.sides), key=len)

    @property
    def clear(self) -> bool:
        """Whether that side is surely learned before the other may be, or its lead excludes 0 where it is learned."""
        if self.first is None:
            return False
        after, other = self.sides[self.first].learned_after, self.sides[1 - self.first]
        if after and after.high < last_zero(other.numbers, other.saved[2] - LEARNED):
            return True
        curves, stderr = self.lead
        error = DEVIATIONS * stderr
        low, _, high = band(self.numbers, curves, (-error, error))
        at = min(int(np.searchsorted(self.numbers, after.middle if after else 0)), self.numbers.size - 1)
        return bool(low[at] > 0 if self.first == 0 else high[at] < 0)

    @property
    def crossover(self) -> Interval | None:
        """Rows from which on the side that is learned second has saved more code length, or None."""
        curves, stderr = self.lead
        sign = 1 if self.first == 1 else -1
        if self.first is None or sign * curves[:, -1].mean() <= 0:
            return None
        error = DEVIATIONS * stderr
        return from_on(self.numbers, sign * curves, (-error, error))

    @property
    def constants(self) -> tuple[Constant, ...]:
        """Values of groups all of whose outputs are the same."""
        return learned.constants(self.log)

    @property
    def pairs(self) -> Pairs | None:
        """Pairs to decorrelate the strongest spurious column; None where that is the truth."""
        name = self.sides[1].best.learner.name
        return None if name == self.log.roles.get("truth") else learned.pairs(self.log, name)


def read(
    source: Any,
    *,
    label: str | None = None,
    prompt: str | None = None,
    threshold: float | None = None,
    where: Sequence[str] = (),
) -> Log:
    """A log of `questions.logs` whose verdicts are a label: a column of two values, or of scores."""
    options: dict[str, Any] = {"prompt": prompt, "threshold": threshold, "where": where}
    source = str(source) if isinstance(source, Path) else source
    if label is None:
        return logs.read(source, **options)
    values = tables.read(source, header=True if isinstance(source, str) else None).columns.get(label)
    scores = values is not None and values.dtype.kind in "iuf" and len(np.unique(values[~np.isnan(values)])) > 2
    try:
        return logs.read(source, **{"score" if scores or threshold is not None else "verdict": label}, **options)
    except ValueError as error:  # the reader calls it by another name
        raise ValueError(re.sub("^--(verdict|score)", "--label", str(error))) from None


def sides(log: Log, intended: Sequence[str], spurious: Sequence[str]) -> tuple[list[str], list[str]]:
    """The columns of both sides; the intended one is the truth by default."""
    known = [*log.features, *log.groups]
    if not intended and not log.labelled.any():
        accepted = f"columns that should be learned, where there is no truth: {', '.join(known)}"
        raise refuse("--intended", "nothing", accepted)
    if not spurious:
        raise refuse("--spurious", "nothing", f"columns: {', '.join(known)}")
    return list(intended) or [log.roles["truth"]], list(spurious)


def measure(
    log: Log, intended: Sequence[str], spurious: Sequence[str], group: str | None = None, *, part: bool = False
) -> Measured:
    """Trains the single-feature learners of both sides on the rows of a log.

    Args:
        log: the rows.
        intended: names of columns, or COL=VALUE of groups, that should be learned; the truth is one of them.
        spurious: … that should not.
        group: a column of few values, on whose rows the same is measured value by value.
        part: whether it is a part of a log, in which a column may be the same in all rows; it saves nothing.
    """
    both = set(intended) & set(spurious)
    if both:
        raise refuse("--spurious", ", ".join(sorted(both)), "other columns than those of --intended")
    if group is not None and group not in log.groups:
        raise unknown("--group", group, log.groups)
    numbers, found, said = trials(log)
    named = {one.learner.name: one for one in found}
    if not named:
        raise refuse(log.name, said[0], "rows that are not all the same")
    sides = []
    for option, names in zip(SIDES, (intended, spurious), strict=True):
        whole = [_whole(log, name) for name in names]
        if part:
            named |= {name: silent(log, name, numbers) for name in whole if name not in named and name in _names(log)}
        sides.append(_side(names, [_named(option, name, named, said) for name in whole], numbers))
    columns = Answer(numbers, ordered(found, numbers), said)
    groups = () if group is None else tuple(_values(log, intended, spurious, group))
    return Measured(log, (sides[0], sides[1]), columns, groups)


def _names(log: Log) -> list[str]:
    """Of all learners that there may be."""
    values = [f"{name}={value}" for name, group in log.groups.items() for value in group.values]
    return [*log.features, *log.groups, *values, *([log.roles["truth"]] if "truth" in log.roles else [])]


def _whole(log: Log, name: str) -> str:
    """The group of a value, where its rows have but one other: the value against the rest is the whole group."""
    for group, one in log.groups.items():
        there = np.unique(one.codes)
        if there.size == 2 and name in {f"{group}={one.values[code]}" for code in there if code >= 0}:
            return group
    return name


def _named(option: str, name: str, known: dict[str, Trial], said: Sequence[str]) -> Trial:
    if name in known:
        return known[name]
    if why := next((text for text in said if text.startswith(f"{name}: ")), None):
        raise refuse(f"--{option}", why.replace(": ", ", ", 1), "a column that varies")
    raise unknown(f"--{option}", name, known)


def _side(names: Sequence[str], found: Sequence[Trial], numbers: np.ndarray) -> Side:
    points = min(one.curves.shape[1] for one in found)
    curves = np.logaddexp.reduce([one.curves[:, :points] for one in found]) - np.log(len(found))
    return Side(tuple(names), max(found, key=lambda one: one.found.saved_nats.middle), numbers[:points], curves)


def _values(
    log: Log, intended: Sequence[str], spurious: Sequence[str], group: str
) -> Iterator[tuple[str, Measured | str]]:
    """Of each value of a group, the largest ones first, the same on its rows."""
    codes, values = log.groups[group]
    sizes = np.bincount(codes[codes >= 0], minlength=len(values))
    for code in np.argsort(-sizes, kind="stable")[:MOST_VALUES]:
        name = f"{group}={values[code]}"
        try:
            yield name, measure(log.pick(codes == code), intended, spurious, part=True)
        except ValueError as error:
            yield name, str(error)
