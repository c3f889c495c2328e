"""Rows that tell a feature from the truth, and pairs of outputs by which a signal can be freed of it."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from experiments.questions.learned import code
from experiments.questions.learned.columns import columns
from experiments.questions.logs import Log
from experiments.validation import unknown

HALF = 0.5  # a score from there on is an acceptance


class Pairs(NamedTuple):
    """Pairs of an accepted and a rejected output of one prompt, each output in one pair at most."""

    accepted: Int[np.ndarray, " pair"]  # indices of rows
    rejected: Int[np.ndarray, " pair"]
    side: Int[np.ndarray, " pair"]  # 1: the feature alone would accept the accepted one rather; −1: the other; 0: tie
    keep: Bool[np.ndarray, " pair"]  # a choice, at random, in which the feature wins as often as it loses

    @property
    def wins(self) -> int:
        """Pairs in which the feature agrees with the verdict."""
        return int((self.side > 0).sum())

    @property
    def losses(self) -> int:
        """Pairs in which it disagrees."""
        return int((self.side < 0).sum())

    @property
    def drop(self) -> float | None:
        """The share of the agreeing pairs to drop, so that as many agree as disagree; None without a pair."""
        return max(1 - self.losses / self.wins, 0.0) if self.wins else None


def lean(log: Log, name: str) -> Float[np.ndarray, " n"]:
    """The chance of acceptance of each row by one column alone, (a + ½)/(n + 1) of its cell in the best table.

    Args:
        log: the rows.
        name: of a learner: a column, or COL=VALUE.
    """
    for column in columns(log):
        for learner in column.learners:
            if learner.name == name:
                weights = (1 - log.verdict, log.verdict)
                counts = np.stack([np.bincount(column.codes, w, column.num_cells) for w in weights], -1)
                merge = code.best(counts, learner.merges)
                joined = code.merged(counts, merge)
                return ((joined[:, 1] + 0.5) / (joined.sum(-1) + 1))[merge[column.codes]]
    raise unknown("name", name, [one.name for column in columns(log) for one in column.learners])


def held_out(log: Log, name: str) -> Int[np.ndarray, " row"] | None:
    """Labelled rows on which a feature alone and the truth disagree: what a learner goes by shows on them.

    Correct rows that the feature makes less likely accepted than the mean, wrong ones that it makes more likely. None
    where no row is labelled.
    """
    if not log.labelled.any():
        return None
    side = np.sign(lean(log, name) - log.verdict.mean())
    return np.flatnonzero(log.labelled & (side * (2 * log.truth - 1) < 0))


def pairs(log: Log, name: str) -> Pairs:
    """As many pairs of each prompt as it has of the rarer verdict, at random; a score of ½ or more is accepted.

    `keep` leaves out so many agreeing pairs that as many agree as disagree.
    """
    rng = np.random.default_rng(0)
    accepted = log.verdict >= HALF
    sides = [_ranked(log.prompt, rows, rng) for rows in (accepted, ~accepted)]
    _, *at = np.intersect1d(*(keys for keys, _ in sides), assume_unique=True, return_indices=True)
    a, b = (rows[i] for (_, rows), i in zip(sides, at, strict=True))
    leans = lean(log, name)
    side = np.sign(leans[a] - leans[b]).astype(int)
    keep = np.ones(side.size, bool)
    wins, losses = (rng.permutation(np.flatnonzero(side == sign)) for sign in (1, -1))
    keep[wins[losses.size :]] = keep[losses[wins.size :]] = False
    return Pairs(a, b, side, keep)


def _ranked(prompt: np.ndarray, mask: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """The rows of a mask in random order within prompts, and a key of each: its prompt and its rank."""
    rows = rng.permutation(np.flatnonzero(mask))
    rows = rows[np.argsort(prompt[rows], kind="stable")]
    first = np.searchsorted(prompt[rows], prompt[rows])
    return prompt[rows].astype(np.int64) * prompt.size + np.arange(rows.size) - first, rows
