"""Do a verifier's errors persist? Agreement of two verdicts on one output, or on two outputs of one prompt.

Of pairs of verdicts on outputs of the same truth, in a prompt, a share D differs; of independent ones with the rate r
2r(1−r) would. 1 − D/2r(1−r) is their correlation: for two looks at one output the persistent share of
`theory.budget.persistent_kinds`. Two outputs of one prompt share less than two looks at one of them do, so that their
correlation is a lower bound of it.

References:
    Fleiss (1981), Statistical Methods for Rates and Proportions, chapter 13: the correlation of two ratings.
"""

from typing import Any, Literal, NamedTuple

import numpy as np

from experiments.questions.intervals import Interval, of_draws
from experiments.questions.logs import Log
from experiments.questions.posterior import PSEUDO, alike, posterior
from experiments.validation import number

Source = Literal["told", "looks", "clustering", "unknown"]
FEWEST_PAIRS = 10  # prompts with a pair, below which nothing is said


class Again(NamedTuple):
    """How often an output is accepted if another one of the same kind was, beside how often it is at all."""

    after_accepted: float
    at_all: float


class Errors(NamedTuple):
    """How much of a verifier's errors persists, and how that is known."""

    persistent_share: Interval | None  # None: the log cannot tell
    source: Source
    pairs: int  # prompts with a pair of verdicts
    looks: Interval | None  # correlation of two looks at one output
    clustering: Interval | None  # correlation of two outputs of a prompt with the same truth
    wrong: Again | None  # of two wrong outputs of a prompt
    correct: Again | None


def errors(log: Log, told: str | float | None = None, *, draws: int | None = None) -> Errors:
    """The persistent share: as told, or from repeated looks, or at least what outputs of one prompt share.

    Args:
        log: the outputs.
        told: "independent" (0), "persistent" (1), or a share.
        draws: of the posterior.
    """
    share = told_share(told)
    known = np.flatnonzero(log.labelled)
    looks, first = None, known
    repeated = 0
    if log.output is not None and known.size:
        start, place, _ = alike([log.prompt[known], log.output[known], log.truth[known]])
        looks, repeated, _ = _correlation(log, known, place, draws)
        first = known[np.sort(start)]
    pairs_of = 2 * log.prompt[first] + log.truth[first].astype(int)
    clustering, clustered, again = _correlation(log, first, pairs_of, draws)
    found: tuple[Interval | None, Source, int] = None, "unknown", 0
    if share is not None:
        found = Interval(share, share, share), "told", 0
    elif looks is not None:
        found = looks, "looks", repeated
    elif clustering is not None:
        found = clustering._replace(high=1.0), "clustering", clustered
    return Errors(*found, looks, clustering, again[0], again[1])


def told_share(told: str | float | None) -> float | None:
    """The share that `errors` names."""
    share = {"independent": 0.0, "persistent": 1.0}.get(told, told) if isinstance(told, str) else told
    if share is not None:
        number("errors", share, lambda x: 0 <= x <= 1, "independent, persistent, or a share from 0 to 1")
    return None if share is None else float(share)


def _correlation(
    log: Log, rows: np.ndarray, group: np.ndarray, draws: int | None
) -> tuple[Interval | None, int, list[Again | None]]:
    """1 − D/2r(1−r) over pairs of rows in a group, the prompts with a pair, and how often an accepted one has another.

    Rates weigh a row by its pairs, as D does.
    """
    none: list[Again | None] = [None, None]
    if not rows.size:
        return None, 0, none
    _, group = np.unique(group, return_inverse=True)
    size = np.bincount(group).astype(float)
    accepted = np.bincount(group, log.verdict[rows])
    prompt, kind = np.zeros((2, size.size), int)
    prompt[group], kind[group] = log.prompt[rows], log.truth[rows].astype(int)
    pairs, differ, weight = size * (size - 1), 2 * accepted * (size - accepted), accepted * (size - 1)
    of = [np.bincount(prompt, each * (kind == k)) for k in (0, 1) for each in (pairs, differ, weight)]
    some = int(((of[0] + of[3]) > 0).sum())
    if some < FEWEST_PAIRS:
        return None, some, none
    names = [f"{name}{k}" for k in (0, 1) for name in ("pairs", "differ", "accepted")]
    typical = float((of[0] + of[3]).sum() / some)
    expected = _expected({name: values.sum() for name, values in zip(names, of, strict=True)})
    if not expected > 0:
        return None, some, none
    values = {name: np.append(each, np.zeros(PSEUDO)) for name, each in zip(names, of, strict=True)}
    # two of the pseudo-prompts, with a typical number of pairs, all of which differ or all agree
    values["pseudo"] = np.append(np.zeros(len(of[0])), [typical, typical, 0, 0])
    values["pseudo_differ"] = np.append(np.zeros(len(of[0])), [typical, 0, 0, 0])
    found = posterior(values, draws=draws)
    share_of_pairs = expected / (of[0].sum() + of[3].sum())
    differing = found.sums["differ0"] + found.sums["differ1"] + found.sums["pseudo_differ"] * share_of_pairs
    correlation = 1 - differing / (_expected(found.sums) + found.sums["pseudo"] * share_of_pairs)
    middle = 1 - (of[1].sum() + of[4].sum()) / expected
    interval = of_draws(float(np.clip(middle, 0, 1)), np.clip(correlation, 0, 1))
    alike = [log.verdict[rows][log.truth[rows] == k] for k in (0, 1)]
    again = [_again(alike[k], *(each.sum() for each in of[3 * k + 1 : 3 * k + 3])) for k in (0, 1)]
    return interval, some, again


def _expected(sums: dict[str, Any]) -> Any:
    """Pairs that would differ if verdicts were independent: Σ_kind pairs · 2r(1−r)."""
    total = 0.0
    for k in (0, 1):
        pairs, accepted = sums[f"pairs{k}"], sums[f"accepted{k}"]
        rate = np.divide(accepted, pairs, out=np.zeros_like(np.asarray(accepted, float)), where=np.asarray(pairs) > 0)
        total = total + pairs * 2 * rate * (1 - rate)
    return total


def _again(verdicts: np.ndarray, differ: float, accepted: float) -> Again | None:
    return Again(1 - float(differ / 2 / accepted), float(verdicts.mean())) if accepted > 0 else None
