"""Hit rates: how often a predictor names the feature that a student relies on.

A cell is a student in an environment after n samples. It is decided where the reliance is more than CLEARLY from ½. All
cells of an environment are correlated, so that rates are means over environments, and errors are between them.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float

from experiments.thesis.study import CLEAR, SAVED, Measures, Students, scores
from experiments.thesis.switches import CLEARLY

TABLES, LINEARS, MLPS = (("table SGD",), ("linear SGD",), ("MLP SGD", "MLP Adam"))
EVERYONE = (*TABLES, *LINEARS, *MLPS)


class Pool(NamedTuple):
    """The cells of some students."""

    reliance: Float[np.ndarray, "environment student time"]
    nats_saved: Float[np.ndarray, "environment student time feature"]
    score: dict[str, np.ndarray]  # of each predictor [environment, student, time], > 0 for the spurious feature

    @property
    def decided(self) -> Bool[np.ndarray, "environment student time"]:
        """Where the student clearly relies on one of the features."""
        return np.abs(self.reliance - 0.5) > CLEARLY

    def elsewhere(self, by: int) -> "Pool":
        """The same students, with the code lengths saved in another environment, `by` places on: a negative control."""
        score = self.score | {SAVED: np.roll(self.score[SAVED], by, axis=0)}
        return self._replace(nats_saved=np.roll(self.nats_saved, by, axis=0), score=score)


def pool(found: Students, students: tuple[str, ...] = EVERYONE) -> Pool:
    """The cells of these students, and the predictors that all of them have."""
    measures = [found.results[name].measures for name in students]
    by_student = [scores(found, name) for name in students]
    common = [how for how in by_student[-1] if all(how in one for one in by_student)]
    score = {how: np.stack([one[how] for one in by_student], 1) for how in common}
    return Pool(np.stack([x.reliance for x in measures], 1), np.stack([x.nats_saved for x in measures], 1), score)


def hit_rate(
    found: Pool, how: str = SAVED, *, least: float = 0, below: float = np.inf
) -> Float[np.ndarray, " environment"]:
    """The hit rate over decided cells, of those where the ratio of code lengths saved is in [least, below)."""
    chosen = found.decided & leads(found.nats_saved, least, below) if least else found.decided
    return of_environments(hits(found.score[how], found.reliance), chosen)


def hits(score: np.ndarray, reliance: np.ndarray) -> np.ndarray:
    """1 if the score predicts the feature relied on, 0 if the other one, ½ for a tie."""
    return np.where(score == 0, 0.5, (score > 0) == (reliance > 0.5))


def first(found: Measures, elsewhere: int = 0) -> Float[np.ndarray, " environment"]:
    """`hits` of the feature clearly relied on first, by whose single-feature learner saves CLEAR nats first; nan: none.

    Both orders are of events, whatever the number of samples. `elsewhere`: the learners are those of the environment
    that many places on.
    """
    decided = np.abs(found.reliance - 0.5) > CLEARLY
    relied = np.take_along_axis(found.reliance, decided.argmax(1)[:, None], 1)[:, 0]
    intended, spurious = np.roll(found.first, elsewhere, axis=0).T
    return np.where(decided.any(1), hits(np.sign((intended > spurious) - 1.0 * (intended < spurious)), relied), np.nan)


def of_environments(values: np.ndarray, chosen: np.ndarray) -> Float[np.ndarray, " environment"]:
    """The mean over the chosen cells of each environment, axis 0, that has some."""
    flat, mask = values.reshape(len(values), -1), chosen.reshape(len(chosen), -1)
    some = mask.any(1)
    return (flat * mask).sum(1)[some] / mask.sum(1)[some]


def ratio(nats_saved: Float[np.ndarray, "*cell 2"]) -> Float[np.ndarray, "*cell"]:
    """The larger code length saved over the smaller: inf where that is ≤ 0, nan where neither is CLEAR."""
    high, low = nats_saved.max(-1), nats_saved.min(-1)
    lead = np.divide(high, low, out=np.full(high.shape, np.inf), where=low > 0)
    return np.where(high > CLEAR, lead, np.nan)


def leads(nats_saved: Float[np.ndarray, "*cell 2"], least: float, below: float = np.inf) -> Bool[np.ndarray, "*cell"]:
    """Where the ratio of the code lengths saved is at least `least` and, unless that is inf, below `below`."""
    found = ratio(nats_saved)
    return (found >= least) & ((found < below) | (below == np.inf))
