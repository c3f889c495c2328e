"""What is done against a hacked judge: more labels, other labels, a second verifier, a short way from the start."""

from functools import cache
from typing import NamedTuple

import jax
import numpy as np

from experiments.closed_loop.loops import stream
from experiments.ledger import Settings
from experiments.reward_hacking import judge, student
from experiments.reward_hacking.judge import CASE, NOISE, Cell
from experiments.reward_hacking.student import CONFLICT, KIND, RIGHT, Outputs, Seen
from theory import prequential
from theory.prequential import Crossing

STREAM = 134
CURED = 0.25  # reliance at which a judge counts as cured, where ½ is what one has that knows nothing


def filtered(outputs: Outputs, accuracy: float) -> Outputs:
    """Accepted by the judge, and by a verifier that is right with probability q, independently of the judge.

    A right output of score r beats a wrong one of score r' iff ln(q/(1−q)) > ln(r'/r).
    """
    return outputs._replace(score=outputs.score * np.where(RIGHT, accuracy, 1 - accuracy))


def weighted(outputs: Outputs, accuracy: float, weight: float) -> Outputs:
    """The mean of the judge's score and the verifier's, with weight w on the latter.

    A right output of score r beats a wrong one of score r' iff w (2q−1) > (1−w)(r' − r).
    """
    return outputs._replace(score=(1 - weight) * outputs.score + weight * np.where(RIGHT, accuracy, 1 - accuracy))


def wins(outputs: Outputs) -> np.ndarray:
    """Share of the conflicts in which a right output has the largest score: how often RL ends right [...]."""
    best = [np.where(which, outputs.score, -np.inf).max(-1) for which in (RIGHT, ~RIGHT)]
    return (best[0] > best[1])[..., KIND == CONFLICT].mean(-1)


class Verified(NamedTuple):
    """Students of the early judges of CASE, filtered by a second verifier of each accuracy."""

    accuracy: np.ndarray  # [q]
    predicted: np.ndarray  # [q, seed], share of the conflicts that end right
    seen: Seen  # [q, seed, t, kind]


@cache
def verified(settings: Settings) -> Verified:
    """As many accuracies as there are cells, so that no other program is compiled."""
    outputs = student.of(CASE, settings, student.judged(settings, "early"))
    accuracy = np.linspace(0.5, 0.975, len(judge.cells(settings)))
    many = [filtered(outputs, q) for q in accuracy]
    flat = Outputs(*(np.concatenate(leaves) for leaves in zip(*many, strict=True)))
    seen = student.learn(stream(settings, STREAM), flat, "natural")
    shape = len(accuracy), len(outputs.score)
    return Verified(
        accuracy, np.stack([wins(x) for x in many]), jax.tree.map(lambda x: x.reshape(*shape, *x.shape[1:]), seen)
    )


class Enough(NamedTuple):
    """The agreement below which judges rely on what is intended, after n labelled outputs."""

    samples: np.ndarray  # [n]
    predicted: np.ndarray  # [seed, n]: the two solo twins have saved as much
    measured: np.ndarray  # [seed, n]: reliance ½


@cache
def enough(settings: Settings, order: int) -> Enough:
    """By straight lines between the agreements of the grid; the last of them where none is too large."""
    grid = judge.agreements(settings)
    found = [judge.trained(settings, "late").of(Cell(rho, order)) for rho in grid]
    lead = np.stack([c.lead for c in found], axis=-1)  # [seed, n, agreement]
    trust = np.stack([0.5 - c.reliance for c in found], axis=-1)
    return Enough(found[0].samples, *(_last_positive(np.array(grid), x) for x in (lead, trust)))


def _last_positive(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Where each broken line through (x, y) ends to be positive for the first time [..., x] → [...]."""
    bad = y <= 0
    first = np.where(bad.any(-1), bad.argmax(-1), len(x))
    right = np.clip(first, 1, len(x) - 1)
    low, high = (np.take_along_axis(y, i[..., None], -1)[..., 0] for i in (right - 1, right))
    share = np.where(first == right, low / np.where(low > high, low - high, 1), first > right)
    return x[right - 1] + np.clip(share, 0, 1) * (x[right] - x[right - 1])


def cured_after(settings: Settings, cell: Cell) -> Crossing:
    """Labelled outputs until the reliance stays below CURED."""
    found = judge.trained(settings, "late").of(cell)
    return prequential.crossing(CURED - found.reliance, found.samples)


def rebalanced_after(settings: Settings, cell: Cell) -> Crossing:
    """… where of all of them 2(1−ρ) are kept, and their length says nothing."""
    kept = 2 * (1 - cell.agreement)
    return Crossing(*(x / kept for x in cured_after(settings, Cell(0.5, cell.order, NOISE))))
