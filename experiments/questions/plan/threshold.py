"""A threshold of scores for a goal, chosen on half of the prompts; what it gives is measured on the others.

The best of many thresholds looks better than it is on the rows that it was chosen on.
"""

import numpy as np

from experiments.questions.logs import Log
from experiments.questions.plan.loop import Loop
from experiments.questions.plan.prompts import labelled, prompts, spread
from experiments.validation import instance, number, refuse

TRIED = 40  # thresholds, at even levels of the scores
FEWEST = 10  # accepted rows that a threshold is chosen by
SIZES = np.unique(np.geomspace(1, 32, 12).astype(int))  # of rounds, where errors are independent


def thresholded(log: Log, goal: float | None = None, errors: float | None = None) -> Log:
    """The log on the half of the prompts that the threshold was not chosen on, with its verdicts, and what is said.

    Chosen is what reaches the goal with the fewest verdicts, one round of it if errors persist, or else the highest
    accuracy: after one round, or, with `errors` 0, at the end of rounds of up to 32.

    Raises:
        ValueError: too few labelled rows of either kind to choose by.
    """
    instance("log", log, Log, "a Log, as logs.read returns")
    if goal is not None:
        number("goal", goal, lambda x: 0 < x < 1, "a probability in (0, 1)")
    if errors is not None:
        number("errors", errors, lambda x: 0 <= x <= 1, "the share that persists, in [0, 1]")
    if log.score is None:
        raise refuse("--score", "nothing", "a column of scores")
    log = labelled(log)
    chosen_on = np.random.default_rng(0).permutation(int(log.prompt.max()) + 1)[log.prompt] % 2 == 0
    for half in (chosen_on, ~chosen_on):
        kinds = np.bincount(log.truth[half].astype(int), minlength=2)
        if kinds.min() < 1 or half.sum() < FEWEST:
            text = f"{kinds[1]} correct and {kinds[0]} wrong outputs in half of the prompts"
            raise refuse(log.name, text, f"{FEWEST} or more, of both kinds")
    score, found = np.asarray(log.score), log.pick(chosen_on)
    best = _best(found, goal, errors)
    rest = log._replace(verdict=(score >= best).astype(float)).pick(~chosen_on)
    wanted = "the highest accuracy" if goal is None else f"a goal of {100 * goal:.4g} % with the fewest verdicts"
    how = "errors are independent" if errors == 0 else "errors persist"
    name = log.roles.get("score", "score")
    text = (
        f"accepted: {name} of {best:g} or more, chosen for {wanted} if {how}, on one half of the prompts, at random; "
        f"all below is of the other half, {len(rest.truth):,} rows"
    )
    return rest._replace(said=(*(line for line in log.said if "--threshold" not in line), text))


def _best(log: Log, goal: float | None, errors: float | None) -> float:
    score, correct = np.asarray(log.score), log.truth == 1
    tried = np.unique(np.quantile(score, np.arange(TRIED) / TRIED, method="inverted_cdf"))
    accepted = score[:, None] >= tried
    enough = accepted.sum(0) >= FEWEST
    reached = [_reached(log, column, correct, goal, errors) for column in accepted[:, enough].T]
    cost, accuracy = np.array(reached).T
    return float(tried[enough][np.argmin(cost) if np.isfinite(cost).any() else np.argmax(accuracy)])


def _reached(
    log: Log, accepted: np.ndarray, correct: np.ndarray, goal: float | None, errors: float | None
) -> tuple[float, float]:
    """The fewest verdicts for the goal, infinite without one, and the accuracy."""
    tpr, fpr = ((accepted[rows].sum() + 0.5) / (rows.sum() + 1) for rows in (correct, ~correct))
    these = prompts(correct.mean(), tpr, fpr, spread=spread(correct, log.prompt))
    if errors == 0:
        accuracy, verdicts = Loop(these).tried(SIZES)
    else:
        accuracy = np.array([these.one_round()])
        verdicts = np.array([these.looks()])
    reached = accuracy >= (goal or 2)
    return float(np.where(reached, verdicts, np.inf).min()), float(accuracy.max())
