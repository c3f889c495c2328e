"""The question of `infoloop plan`, and its answer in numbers."""

import math
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np
from scipy.special import xlog1py, xlogy

from experiments.questions.intervals import Interval, of_draws
from experiments.questions.logs import Log
from experiments.questions.plan import loop as loops
from experiments.questions.plan.loop import Loop, largest_fpr
from experiments.questions.plan.prompts import (
    MOST_SPREAD,
    GivingUp,
    Measured,
    Needed,
    Prompts,
    giving_up,
    measure,
    needed,
    prompts,
)
from experiments.validation import instance, number, refuse
from theory import budget

RATES, LEAST = ("tpr", "fpr"), 1e-99  # where a rate is not 0
MOST = 2**63 - 1  # what 64 bits count to
EXAMPLE = 16  # samples a round, where nothing asks for a size
DRAWN, FEW = 60, slice(1, None, 3)  # verifiers behind intervals, and 20 of them: so that one has the level of an end


class Question(NamedTuple):
    """A loop on prompts, its verifier and what is wanted; what is None is left out, or solved for."""

    initial: float | None = None  # the accuracy at the start; None: that of the log
    tpr: float | None = None
    fpr: float | None = None
    log: Log | None = None  # labelled outputs, in the place of the rates
    spread: float | None = None  # intraclass correlation of the accuracies of prompts; None: that of the log, or 0
    errors: float | None = None  # the share that persists; None: both 0 and 1, and what the log tells
    goal: float | None = None  # the accuracy at the end
    verdicts: int | None = None  # a prompt
    round_size: int | None = None
    until_kept: bool = True
    candidates: int = 2  # candidate answers of the lower bound for any method


class Row(NamedTuple):
    """What a loop reaches if a share of the errors persists."""

    persistence: float
    accuracy: Interval  # of runs that stop when all outputs are correct or all wrong
    rounds: Interval
    verdicts: Interval
    error: float  # standard error of the accuracy; 0: exact
    limited: Interval | None  # the accuracy of runs of which none spends more than the budget
    limited_error: float
    peak: tuple[int, float] | None  # the best round of large ones and its accuracy, where a part of the errors persists


class Answer(NamedTuple):
    """All numbers of the screen; verdicts and rounds are those of a prompt."""

    prompts: Prompts
    measured: Measured | None
    rows: tuple[Row, ...]  # by rising persistence
    size: int  # of a round
    rule: str  # why this one: given, cheapest, paid or example
    cheapest: int | None  # the size of the fewest verdicts that reaches the goal if errors are independent
    limited: tuple[int, str] | None  # the size under a hard limit, and how it was found
    solved: tuple[tuple[float, float], ...]  # where the fpr was asked for: a persistence, and the largest that will do
    one_round: Interval  # the accuracy after one round, and no more forever if errors persist
    needed: Needed | None  # what would reach the goal although errors persist
    giving_up: GivingUp | None
    capacity: Interval  # nats a verdict
    least: float | None  # verdicts below which no method names the answer; infinite where a verdict carries nothing


def answer(question: Question) -> Answer:
    """Solves the exact chain of the loop, or simulates it, for the verifier and draws of the posterior of a log.

    Raises:
        ValueError: no verifier, or no budget, is good enough.
    """
    check(question)
    measured = None if question.log is None else measure(question.log)
    these, solved = _prompts(question, measured)
    goal, verdicts, loop = question.goal, question.verdicts, Loop(these, 0.0, question.until_kept)
    fresh = question.errors != 1  # else any size will do
    cheapest = loop.cheapest(goal) if fresh and goal is not None else None
    paid = loop.largest(verdicts) if fresh and goal is None and verdicts and not question.round_size else None
    if fresh and goal is None and question.round_size is None and paid is None:
        least = math.ceil(loop.ends(1).verdicts)
        raise refuse("--verdicts", verdicts, f"enough to end a loop, {least:,} or more on average")
    sizes = {"given": question.round_size, "cheapest": cheapest, "paid": paid, "example": EXAMPLE}
    rule = next(name for name, n in sizes.items() if n)
    size = sizes[rule] or EXAMPLE
    limited = _limit(loop, question) if verdicts else None
    drawn = [] if measured is None else list(_drawn(question, measured))
    kinds = _persistences(question, measured)
    rows = tuple(_row(loop._replace(persistence=rho), size, limited, verdicts, drawn) for rho in kinds)
    rates = np.array([these.rates, *([] if measured is None else measured.draws[:, 1:])]).T
    nats = np.asarray(budget.verifier_capacity((rates[0], rates[1])))
    capacity = of_draws(float(nats[0]), nats[1:])
    return Answer(
        these,
        measured,
        rows,
        size,
        rule,
        cheapest,
        limited,
        solved,
        _one_round(question, measured, these, drawn),
        None if goal is None or question.errors not in (None, 1) else needed(these, goal),
        giving_up(these),
        capacity,
        None if goal is None else _least(goal, question.candidates, capacity.middle),
    )


def _persistences(question: Question, measured: Measured | None) -> list[float]:
    """The rows of the table: both ends, and what is told or measured in between."""
    if question.errors in (0, 1):
        return [float(question.errors)]
    between = question.errors if question.errors is not None or measured is None else measured.persistence
    return sorted({0.0, 1.0} | ({between} if between is not None else set()))


def _prompts(question: Question, measured: Measured | None) -> tuple[Prompts, tuple[tuple[float, float], ...]]:
    """The prompts, with the fpr that is solved for where it is left out: the smallest that was asked for."""
    if measured is not None:
        initial, tpr, fpr = measured.rates
        return _with(question, measured, np.array([initial, tpr, fpr])), ()
    initial, tpr, fpr, spread = question.initial, question.tpr, question.fpr, question.spread or 0.0
    assert tpr is not None and initial is not None
    solved = ()
    if fpr is None:
        assert question.goal is not None
        verdicts = math.inf if question.verdicts is None else question.verdicts
        start = Loop(prompts(initial, tpr, tpr, spread=spread, patience=question.verdicts), 0.0, question.until_kept)
        kinds = [float(question.errors)] if question.errors in (0, 1) else [0.0, 1.0]
        each = (start._replace(persistence=rho) for rho in kinds)
        found = [largest_fpr(one, question.goal, verdicts, question.round_size) for one in each]
        solved, fpr = tuple(zip(kinds, found, strict=True)), min(found)
    if max(tpr, fpr) <= 0:
        raise refuse("--tpr", "0 beside an fpr of 0", "a verifier that accepts something")
    return prompts(initial, tpr, fpr, spread=spread, patience=question.verdicts), solved


def _with(question: Question, measured: Measured, rates: np.ndarray) -> Prompts:
    """Prompts of these rates, and what was told in the place of what was measured."""
    initial = float(rates[0]) if question.initial is None else question.initial
    spread = measured.spread if question.spread is None else question.spread
    each = {"spread": spread, "fpr_spread": measured.fpr_spread, "patience": question.verdicts}
    return prompts(initial, float(rates[1]), float(rates[2]), **each)


def _drawn(question: Question, measured: Measured) -> Iterable[Prompts]:
    """Prompts by draws of the posterior, at even levels of the odds that one round reaches."""
    p, phi, psi = measured.draws.T
    start = p if question.initial is None else question.initial
    order = np.argsort(np.log(start / (1 - start)) + np.log(phi) - np.log(psi))
    for place in order[((np.arange(DRAWN) + 0.5) / DRAWN * order.size).astype(int)]:
        yield _with(question, measured, measured.draws[place])


def _one_round(question: Question, measured: Measured | None, these: Prompts, drawn: list[Prompts]) -> Interval:
    if measured is None or these.weight.size > 1:
        return of_draws(these.one_round(), np.array([each.one_round() for each in drawn]))
    p, phi, psi = measured.draws.T
    start = p if question.initial is None else question.initial
    return of_draws(these.one_round(), start * phi / (start * phi + (1 - start) * psi))


def _row(loop: Loop, size: int, limited: tuple[int, str] | None, verdicts: int | None, drawn: list[Prompts]) -> Row:
    """A row of the table; intervals where no draw needs a simulation."""
    value = loop.ends(size)
    exact = value.error == 0 and (loop.persistence in (0, 1)) and (loop.until_kept or size <= 20)
    few = (drawn if size <= loops.LARGEST_UNEQUAL else drawn[FEW]) if exact else []
    many = np.array([loop._replace(prompts=each).ends(size) for each in few]).reshape(-1, 4).T
    accuracy, rounds, spent = (of_draws(x, y) for x, y in zip(value[:3], many, strict=False))
    found, error = None, 0.0
    if limited is not None and verdicts is not None and limited[0] <= verdicts:
        end = loop.limited(limited[0], verdicts)
        cheap = end.error == 0 and (loop.persistence == 1 or verdicts <= loops.SEARCHED)
        few = (drawn if loop.persistence == 1 else drawn[FEW]) if cheap else []
        others = [loop._replace(prompts=each).limited(limited[0], verdicts).accuracy for each in few]
        found, error = of_draws(end.accuracy, np.array(others)), end.error
    between = 0 < loop.persistence < 1
    return Row(loop.persistence, accuracy, rounds, spent, value.error, found, error, loop.peak() if between else None)


def _limit(loop: Loop, question: Question) -> tuple[int, str]:
    assert question.verdicts is not None
    return (question.round_size, "given") if question.round_size else loop.limited_size(question.verdicts)


def _least(goal: float, candidates: int, capacity: float) -> float:
    """The verdicts that any method needs to name which of equally likely candidates is correct (Fano, capacity)."""
    error = 1 - goal
    entropy = -float(xlogy(error, error) + xlog1py(goal, -error))
    nats = 0.0 if goal <= 1 / candidates else math.log(candidates) - entropy - error * math.log(candidates - 1)
    return nats / capacity if capacity > 0 else math.inf if nats > 0 else 0.0


def check(question: Question) -> None:
    """Raises ValueError unless the question can be answered."""
    instance("question", question, Question, "a plan.Question")
    _check_numbers(question)
    log, tpr, fpr, goal = question.log, question.tpr, question.fpr, question.goal
    if log is None and question.initial is None:
        raise refuse("--initial", "nothing", "the accuracy at the start, or --data, which holds it")
    if log is None and tpr is None:
        raise refuse("--tpr", "nothing", "--tpr and --fpr, or --data, which measures them")
    if log is not None and (tpr is not None or fpr is not None):
        raise refuse("--data", "a file beside --tpr or --fpr", "the file, or the rates")
    if goal is None and question.verdicts is None and question.round_size is None:
        raise refuse("--goal", "nothing", "--goal, or --verdicts or --round-size to ask how likely success is")
    if log is None and fpr is None:
        if goal is None or tpr == 0:
            raise refuse("--fpr", "nothing", "a rate; or to solve for it --goal and a --tpr above 0")
        fresh = question.errors != 1 and question.round_size is None
        if fresh and (question.verdicts is None or not question.until_kept):
            other = "--verdicts or --round-size" if question.until_kept else "--round-size"
            raise refuse("--fpr", "nothing", f"a rate; or to solve for it {other} too, else any fpr below tpr will do")


def _check_numbers(question: Question) -> None:
    instance("until_kept", question.until_kept, bool | np.bool_, "True or False")
    most = loops.LARGEST if question.until_kept else loops.LARGEST_FILTERED
    if question.log is not None:
        instance("log", question.log, Log, "a Log, as logs.read returns")
    both = "as a verifier selects among outputs of both kinds"
    ranges: tuple[tuple[str, Callable[[Any], bool], str, type], ...] = (
        *(
            (name, lambda x: x == 0 or LEAST <= x <= 1, f"a rate in [0, 1], 0 or at least {LEAST:g}", float)
            for name in RATES
        ),
        ("initial", lambda x: 0 < x < 1, f"a share in (0, 1), {both}", float),
        ("spread", lambda x: 0 <= x <= MOST_SPREAD, f"a correlation in [0, {MOST_SPREAD}]", float),
        ("errors", lambda x: 0 <= x <= 1, "independent, persistent or a share in [0, 1]", float),
        ("goal", lambda x: 0 < x < 1, "a probability in (0, 1); nothing noisy is certain", float),
        ("round_size", lambda x: 1 <= x <= most, f"1 to {most:,}, of which the loop is solved", int),
        ("verdicts", lambda x: 1 <= x <= MOST, f"1 to {MOST:,}", int),
        ("candidates", lambda x: 2 <= x <= MOST, f"2 to {MOST:,} candidate answers", int),
    )
    for name, holds, accepted, kind in ranges:
        if (value := getattr(question, name)) is not None or name == "candidates":
            number(f"--{name.replace('_', '-')}", value, holds, accepted, kind)
