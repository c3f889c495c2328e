"""How the rows of C10 are measured: hit rates of what could say which component a student relies on, and turns.

A cell is a student in an environment after n samples. It is decided where the reliance is more than CLEARLY from ½. All
cells of an environment are correlated, so that rates are means over environments, and errors are between them.
"""

import math
from functools import cache
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float

import theory
from experiments.ledger import Outcome, Settings, inequality
from experiments.thesis.study import BATCH, CLEARLY, Turns, scores, shortcuts, size, studied
from sandbox.online import STUDENTS

SAVING = "saving"
CLEAR = 3.0  # nats, odds of 20 in a mixture: of less a ratio means little, though the larger one is often relied on
LEADS = {"< 1.25": (1, 1.25), "1.25 to 2": (1.25, 2), "≥ 2": (2, np.inf)}  # ratios of the two savings
TABLES, MLPS = (tuple(name for name in STUDENTS if model in name) for model in ("table", "MLP"))
EVERYONE = tuple(STUDENTS)


class Pool(NamedTuple):
    """The cells of some students."""

    reliance: Float[np.ndarray, "environment student time"]
    saving: Float[np.ndarray, "environment student time component"]
    score: dict[str, np.ndarray]  # [environment, student, time], > 0 for the spurious component

    @property
    def decided(self) -> Bool[np.ndarray, "environment student time"]:
        """Where the student clearly relies on one of the components."""
        return np.abs(self.reliance - 0.5) > CLEARLY


@cache
def pool(settings: Settings, students: tuple[str, ...] = EVERYONE) -> Pool:
    """The cells of these students, and what all of them have a score for."""
    found = [studied(settings)[name].cells for name in students]
    by_student = [scores(settings, name) for name in students]
    score = {how: np.stack([one[how] for one in by_student], 1) for how in by_student[0]}
    return Pool(np.stack([x.reliance for x in found], 1), np.stack([x.saving for x in found], 1), score)


def hits(score: np.ndarray, reliance: np.ndarray) -> np.ndarray:
    """1 where the score says what is relied on, 0 where the opposite, ½ where it does not say."""
    return np.where(score == 0, 0.5, (score > 0) == (reliance > 0.5))


def clustered(values: np.ndarray, chosen: np.ndarray) -> theory.Estimate:
    """The mean over environments, axis 0, of each one's mean over its chosen cells, of those that have some."""
    flat, mask = values.reshape(len(values), -1), chosen.reshape(len(chosen), -1)
    some = mask.any(1)
    return theory.estimate((flat * mask).sum(1)[some] / mask.sum(1)[some])


def ratio(saving: Float[np.ndarray, "*cell 2"]) -> Float[np.ndarray, "*cell"]:
    """The larger saving over the smaller: inf where that is none, nan where neither is CLEAR."""
    high, low = saving.max(-1), saving.min(-1)
    lead = np.divide(high, low, out=np.full(high.shape, np.inf), where=low > 0)
    return np.where(high > CLEAR, lead, np.nan)


def leads(saving: Float[np.ndarray, "*cell 2"], least: float, below: float = np.inf) -> Bool[np.ndarray, "*cell"]:
    """Where the ratio of the savings is at least the first number and, unless that is inf, below the second."""
    found = ratio(saving)
    return (found >= least) & ((found < below) | (below == np.inf))


def written(settings: Settings) -> Bool[np.ndarray, "environment 1 1"]:
    """Where both components are always there."""
    return np.array([[[one.intended.presence == one.spurious.presence == 1]] for one in shortcuts(settings)])


def rate(
    settings: Settings,
    how: str = SAVING,
    students: tuple[str, ...] = EVERYONE,
    *,
    least: float = 0,
    below: float = np.inf,
) -> theory.Estimate:
    """The hit rate over decided cells, of those whose ratio of savings is in the range that `least` begins."""
    found = pool(settings, students)
    chosen = found.decided & leads(found.saving, least, below) if least else found.decided
    return clustered(hits(found.score[how], found.reliance), chosen)


def breakdown(settings: Settings) -> tuple[tuple[str, ...], dict[str, list[theory.Estimate]]]:
    """Names of groups of cells, and the hit rates of all predictors in them; then those of the saving by student."""
    found, always = pool(settings), written(settings)
    groups = {"all": np.ones_like(found.decided), "decided": found.decided}
    groups |= {f"savings {name}": found.decided & leads(found.saving, *ends) for name, ends in LEADS.items()}
    groups["neither clear"] = found.decided & np.isnan(ratio(found.saving))
    groups |= {"both always there": found.decided & always, "one sparse": found.decided & ~always}
    rows = {how: hits(score, found.reliance) for how, score in found.score.items()}
    rates = {how: [clustered(values, chosen) for chosen in groups.values()] for how, values in rows.items()}
    for i, name in enumerate(EVERYONE):
        of_one = np.arange(len(EVERYONE))[:, None] == i
        rates[f"saving: {name}"] = [clustered(rows[SAVING], chosen & of_one) for chosen in groups.values()]
    return tuple(groups), rates


# rows


def right(
    quick: float, full: float, settings: Settings, *, how: str = SAVING, students=EVERYONE, least: float = 0
) -> Outcome:
    """The hit rate over decided cells less a goal, which the profile sets as its error allows."""
    found, goal = rate(settings, how, students, least=least), full if settings.full else quick
    share = pool(settings, students).decided.mean()
    setting = f"what is relied on, told by {how}; {_study(settings, students)}; {share:.0%} of the cells are decided"
    setting += f"; of these, where one saving is {least:g} times the other or more" * (least > 0)
    slack, error = float(found.mean) - goal, float(found.stderr)
    return inequality(
        slack, stderr=error, predicted=goal, measured=float(found.mean), setting=setting, unit="share of decided cells"
    )


def above(
    rival: str, points: float, settings: Settings, *, how: str = SAVING, students: tuple[str, ...] = EVERYONE
) -> Outcome:
    """How much more often one says what is relied on than another does, environment by environment, less `points`."""
    found = pool(settings, students)
    gain, of_rival = (
        clustered(values, found.decided)
        for values in (
            hits(found.score[how], found.reliance) - hits(found.score[rival], found.reliance),
            hits(found.score[rival], found.reliance),
        )
    )
    setting = (
        f"what is relied on, told by {how}, less that told by {rival}, right in {float(of_rival.mean):.1%} of decided "
        f"cells; {_study(settings, students)}, paired"
    )
    return inequality(
        float(gain.mean) - points,
        stderr=float(gain.stderr),
        predicted=points,
        measured=float(gain.mean),
        setting=setting,
        unit="share of decided cells",
    )


def _study(settings: Settings, students: tuple[str, ...]) -> str:
    _, seeds, steps = size(settings)
    environments = f"{len(shortcuts(settings))} environments × {seeds} seed{'s' * (seeds > 1)}"
    return f"{environments} × {len(students)} students, to {BATCH * steps} samples"


def log_ratios(found: Turns) -> Float[np.ndarray, " environment"]:
    """ln(measured/predicted turn); nan where it is not clear that there is one, or one of the two is not in sight."""
    times = np.stack([found.predicted, found.measured])
    there = found.clear & ((times > 0) & (times < np.inf)).all(0)
    return np.log(np.divide(times[1], times[0], out=np.full(there.shape, np.nan), where=there))


def _turned(settings: Settings, students: tuple[str, ...]) -> tuple[Float[np.ndarray, "environment student"], str]:
    """`log_ratios`, and what they are of."""
    found = [studied(settings)[name].turns for name in students]
    logs = np.stack([log_ratios(one) for one in found], 1)
    low, middle, high = np.exp(np.nanquantile(logs, (0.05, 0.5, 0.95)))
    setting = f"{' and '.join(students)}, {_study(settings, students)}: {(~np.isnan(logs)).sum()} of "
    setting += f"{sum(x.clear.sum() for x in found)} turns are also predicted; turn/predicted: median {middle:.2f}, "
    setting += f"90 % from {low:.2f} to {high:.2f}"
    return logs, setting


def turns_within(quick: float, full: float, settings: Settings, *, students: tuple[str, ...] = MLPS) -> Outcome:
    """By which factor a turn is off its prediction, the geometric mean, claimed to be below one set by the profile."""
    logs, setting = _turned(settings, students)
    found, factor = clustered(np.abs(np.nan_to_num(logs)), ~np.isnan(logs)), full if settings.full else quick
    mean, error, goal = float(found.mean), float(found.stderr), math.log(factor)
    unit = "|ln turn/predicted|"
    return inequality(goal - mean, stderr=error, predicted=goal, measured=mean, setting=setting, unit=unit)


def turns_late(settings: Settings, *, factor: float, students: tuple[str, ...] = TABLES) -> Outcome:
    """How much later than predicted the turns are, the geometric mean, less a factor."""
    logs, setting = _turned(settings, students)
    found, goal = clustered(np.nan_to_num(logs), ~np.isnan(logs)), math.log(factor)
    mean, error = float(found.mean), float(found.stderr)
    unit = "ln turn/predicted"
    return inequality(mean - goal, stderr=error, predicted=goal, measured=mean, setting=setting, unit=unit)
