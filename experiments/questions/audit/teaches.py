"""What the verdicts of a log teach first, and the rows that would show it or mend it."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Int

from experiments.questions import learned
from experiments.questions.learned import Answer, Constant, Without
from experiments.questions.logs import Log


class Mend(NamedTuple):
    """Rows by which the feature that is learned first can be told from the truth, and freed of the verdicts."""

    name: str  # the feature
    held_out: Int[np.ndarray, " row"] | None  # places of labelled rows on which it and the truth disagree
    wins: int  # pairs of an accepted and a rejected output of one prompt in which it agrees with the verdict
    losses: int  # … disagrees
    drop: float | None  # share of the agreeing pairs to leave out, so that it carries nothing
    pairs: Int[np.ndarray, "pair 2"]  # places of accepted and rejected outputs that are left


class Teaches(NamedTuple):
    """Columns in the order in which they are learned, and what follows from it."""

    answer: Answer
    relative_to: dict[str, str]  # columns that are taken relative to another one
    without: tuple[Without, ...]  # what is learned first without a value of a group
    constants: tuple[Constant, ...]  # values of groups whose outputs have one and the same number
    mend: Mend | None  # None where nothing but the truth is learned


def teaches(log: Log) -> Teaches:
    """Single-feature learners on the rows of the log."""
    answer = learned.features(log)
    return Teaches(
        answer,
        {name: one.relative_to for name, one in log.features.items() if one.relative_to is not None},
        learned.leave_one_out(log, answer),
        learned.constants(log),
        None if answer.first is None else _mend(log, answer.first.name),
    )


def _mend(log: Log, name: str) -> Mend:
    rows, pairs = learned.held_out(log, name), learned.pairs(log, name)
    kept = np.stack([log.places[side[pairs.keep]] for side in (pairs.accepted, pairs.rejected)], 1)
    return Mend(name, None if rows is None else log.places[rows], pairs.wins, pairs.losses, pairs.drop, kept)
