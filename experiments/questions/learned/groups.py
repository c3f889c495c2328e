"""What a log teaches without one of its sources, and sources that always say the same."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from experiments.questions.learned.answer import Answer, Learned, features
from experiments.questions.learned.columns import FINEST
from experiments.questions.learned.curves import KEY
from experiments.questions.logs import Log

MOST_VALUES = 10  # that are left out, one by one
MOST_ROWS = 50_000  # of a log that is read again and again; of a larger one, random prompts
FEWEST_ROWS = 10  # that are equal by no accident


class Without(NamedTuple):
    """What is learned first on the rows without a value of a group."""

    name: str  # COL=VALUE
    rows: int
    first: Learned | None  # None: nothing is learned
    answer: Answer


class Constant(NamedTuple):
    """A value of a group all of whose rows have one and the same number, or output."""

    name: str  # COL=VALUE
    columns: tuple[tuple[str, float | None], ...]  # each with its number; None of the column of outputs
    rows: int

    def __str__(self) -> str:
        each = ", ".join(name if number is None else f"{name} = {number:g}" for name, number in self.columns)
        return (
            f"{self.name}: each of its {self.rows:,} outputs has the same {each}: where its text is constant, an audit "
            "of these columns alone does not see what the verifier accepts in it"
        )


def leave_one_out(log: Log, answer: Answer) -> tuple[Without, ...]:
    """What is learned first without each value that is learned, the strongest ones, by code length saved.

    Of more than 50,000 rows, on so many, of prompts at random.
    """
    names_of = {name: [f"{name}={value}" for value in group.values] for name, group in log.groups.items()}
    values = {value: (name, i) for name, found in names_of.items() for i, value in enumerate(found)}
    twos = {name: found for name, found in names_of.items() if len(found) == 2}
    strongest = sorted(answer.learned, key=lambda one: -one.saved_nats.middle)
    names = [
        name
        for one in strongest
        if one.learned_after is not None
        for name in ([one.name] if one.name in values else twos.get(one.name, []))
    ]
    order = np.random.default_rng(KEY).permutation(log.prompt.max() + 1)
    shuffled = np.argsort(order[log.prompt], kind="stable")
    return tuple(filter(None, (_without(log, shuffled, name, *values[name]) for name in names[:MOST_VALUES])))


def _without(log: Log, shuffled: np.ndarray, name: str, group: str, code: int) -> Without | None:
    """On so many rows that they are read fast: of prompts at random, the last of them as far as they go."""
    kept = shuffled[log.groups[group].codes[shuffled] != code][:MOST_ROWS]
    if not kept.size:
        return None
    found = features(log.pick(np.sort(kept)))
    return Without(name, kept.size, found.first, found)


def constants(log: Log) -> tuple[Constant, ...]:
    """Values of groups within which a column of many different numbers, or the output, is one and the same.

    In 10 rows or more and in two prompts or more. A 0, of list items or of links, is no sign of one text where another
    column differs.
    """
    found = []
    many, outputs = [(title, one) for title, one in _columns(log) if _has_many(one)], log.roles.get("output")
    for name, group in log.groups.items():
        codes, size = group.codes, len(group.values)
        rows = np.bincount(codes[codes >= 0], minlength=size)
        one_prompt, _ = _one(log.prompt.astype(float), codes, size)
        where = [(title, *_one(values, codes, size)) for title, values in many]
        for i in np.flatnonzero((rows >= FEWEST_ROWS) & ~one_prompt):
            same = [(title, None if title == outputs else float(v[i])) for title, is_one, v in where if is_one[i]]
            is_text = len(same) == len(many) or any(number != 0 for _, number in same)
            if same and is_text and rows[i] < rows.sum():
                found.append(Constant(f"{name}={group.values[i]}", tuple(same), int(rows[i])))
    return tuple(found)


def _has_many(values: np.ndarray) -> bool:
    """More than 16 different ones."""
    return np.unique(values[~np.isnan(values)]).size > FINEST


def _columns(log: Log) -> Iterator[tuple[str, np.ndarray]]:
    """The outputs and the numbers as they stand in the log, relative to nothing."""
    if log.output is not None:
        yield log.roles["output"], np.where(log.output < 0, np.nan, log.output)
    for name, feature in log.features.items():
        yield name, feature.values if feature.raw is None else feature.raw


def _one(values: np.ndarray, codes: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Of each group, whether all its values are one and the same number, and which."""
    low, high = np.full(size, np.inf), np.full(size, -np.inf)
    there = codes >= 0
    with np.errstate(invalid="ignore"):  # a group with a missing number has NaN, and is not counted as constant
        np.minimum.at(low, codes[there], values[there])
        np.maximum.at(high, codes[there], values[there])
    return (low == high) & np.isfinite(low), low
