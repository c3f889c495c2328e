"""The rows on what single-feature learners predict: the feature relied on, which comes first, and when it switches."""

import numpy as np

from experiments.harness.claim import Found, at_least, at_most, paired
from experiments.harness.ledger import Settings
from experiments.thesis import rates, study, switches
from experiments.thesis.rates import EVERYONE, MLPS, Pool
from experiments.thesis.study import SAVED

RIVALS = {  # other predictors, and by how much the code length saved is right more often
    "information": 0.1,
    "correlation": 0.1,
    "always spurious": 0.05,
    "linear fit": 0.0,
    "order": 0.0,
    "accuracy": 0.0,
}
FIRST, AGREED, MISSED = 0.7, 0.8, 2 / 3
CELLS, SWITCHES = "hit rate in decided cells", "share of switches"


def hits(how: str, least: float, students: tuple[str, ...], lead: float, elsewhere: int, settings: Settings) -> Found:
    """The hit rate over decided cells, of those where one code length saved is `lead` times the other."""
    found = rates.pool(study.students(settings), students).elsewhere(elsewhere)
    correct = rates.hit_rate(found, how, least=lead)
    setting = f"feature relied on, predicted by {how}; {_cells(found)}"
    setting += f"; of these, where one code length saved is {lead:g} times the other" if lead else ""
    return at_least(*paired(correct, least), setting, CELLS)


def as_own(how: str, students: tuple[str, ...], settings: Settings) -> Found:
    """… against that of the code lengths saved by the student's own kind."""
    found = rates.pool(study.students(settings), students)
    setting = f"feature relied on, predicted by {how}, against {SAVED} by its own kind; {_cells(found)}"
    return at_least(*paired(rates.hit_rate(found, how), rates.hit_rate(found)), setting, CELLS)


def above(elsewhere: int, settings: Settings) -> Found:
    """The hit rate against that of each rival and its margin, environment by environment."""
    found = rates.pool(study.students(settings)).elsewhere(elsewhere)
    rivals = np.stack([rates.hit_rate(found, rival) for rival in RIVALS], axis=1)
    where = [
        f"feature relied on, predicted by {SAVED}; {_cells(found)}; against {rival}, {share:.1%}, and {margin:.0%}"
        for (rival, margin), share in zip(RIVALS.items(), rivals.mean(0), strict=True)
    ]
    return at_least(*paired(rates.hit_rate(found)[:, None], rivals + np.array(list(RIVALS.values()))), where, CELLS)


def _cells(found: Pool) -> str:
    environments, students, _ = found.reliance.shape
    return f"{environments} environments × {students} students, {found.decided.mean():.0%} of the cells are decided"


def tied(how: str, within: float, settings: Settings) -> Found:
    """The hit rate of all the code length saved against that of a rival, `within` above which it is not."""
    found = rates.pool(study.students(settings))
    rival = rates.hit_rate(found, how)
    setting = f"feature relied on, predicted by {SAVED}, against {how}, {rival.mean():.1%}, and {within:g}"
    return at_most(*paired(rates.hit_rate(found), rival + within), f"{setting}; {_cells(found)}", CELLS)


def first(elsewhere: int, settings: Settings) -> Found:
    """How often the feature clearly relied on first is that whose single-feature learner first saves CLEAR nats."""
    results = study.students(settings).results
    found = np.stack([rates.first(results[name].measures, elsewhere) for name in EVERYONE], axis=1)
    correct = rates.of_environments(np.nan_to_num(found), ~np.isnan(found))
    setting = f"first reliance over .1 from ½, at {study.TIMES} sample numbers from 256 on, predicted by who first "
    setting += (
        f"saves {study.CLEAR:g} nats, a tie counts ½; {len(found)} environments × {len(EVERYONE)} students; MLPs "
    )
    setting += f"{np.nanmean(found[:, -len(MLPS) :]):.1%}"
    return at_least(*paired(correct, FIRST), setting, "share of students")


def _designed(students: tuple[str, ...], settings: Settings) -> tuple[np.ndarray, str]:
    """The share of switches, predicted or observed, that are both and within a factor of 2 [copy], and in words."""
    results = study.students(settings).results
    both = np.stack([switches.of_curves(results[name].crossing) for name in students], axis=1)
    setting = f"{' and '.join(students)}, parities of 2 and of 3 against a length, {study.COPIES} copies of each; "
    return np.nanmean(switches.agree(*both), axis=(0, 1)), setting + switches.described(*both)


def designed(students: tuple[str, ...], settings: Settings) -> Found:
    """… in the environments of CROSSING."""
    share, setting = _designed(students, settings)
    return at_least(*paired(share, AGREED), setting, SWITCHES)


def missed(drawn: bool, settings: Settings) -> Found:
    """… at most, in random environments; else in those of CROSSING."""
    if not drawn:
        share, setting = _designed(MLPS, settings)
        return at_most(*paired(share, MISSED), setting, SWITCHES)
    results = study.students(settings).results
    both = np.stack([switches.of_measures(results[name].measures) for name in MLPS], axis=1)
    agreed = switches.agree(*both)
    share = rates.of_environments(np.nan_to_num(agreed.T), ~np.isnan(agreed.T))
    setting = f"{' and '.join(MLPS)}, {agreed.shape[1]} random environments, {len(share)} of them with a clear switch; "
    return at_most(*paired(share, MISSED), setting + switches.described(*both), SWITCHES)
