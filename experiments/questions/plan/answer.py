"""The question of `infoloop plan`, and its answer in numbers."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from scipy.special import xlog1py, xlogy

from experiments.questions.plan.labels import MOST, Counts
from experiments.questions.plan.loop import LARGEST, LARGEST_FILTERED, Rates, VerifiedLoop, largest_fpr
from experiments.validation import instance, number, refuse
from theory import budget

LEVELS = (0.025, 0.975)  # of an interval
RATES, LEAST = ("tpr", "fpr"), 1e-99  # where a rate is not 0
LEAST_RATE = 1e-9  # in its place, where the theory takes none
EXAMPLE = 16  # samples a round, where nothing asks for a size
SEARCHED = 500  # verdicts of a hard limit, up to which the best constant size is searched
SOLVED = 2_000  # … up to which what a size reaches is computed
LIMITED_DRAWS = 40  # verifiers behind its interval


class Question(NamedTuple):
    """A loop, its verifier and what is wanted; what is None is left out, or solved for."""

    initial: float | None = None  # the accuracy at the start; None: that of the labelled outputs
    tpr: float | None = None
    fpr: float | None = None
    counts: Counts | None = None  # labelled outputs, in the place of the rates
    goal: float | None = None  # the probability to end with correct outputs only
    verdicts: int | None = None
    round_size: int | None = None
    until_kept: bool = True
    candidates: int = 2  # candidate answers of the lower bound for any method


class Ranged(NamedTuple):
    """A number, and its 95 % interval where the verifier was measured."""

    value: float
    low: float | None = None
    high: float | None = None


class Budgeted(NamedTuple):
    """What a budget reaches with rounds of one size."""

    size: int | None  # None: the budget does not pay for a round
    found: str  # how the size was found: given, largest, searched, asymptotic or example
    accuracy: Ranged
    asymptotic: float | None = None  # the size that large hard limits want, √(sφN/θ)


class Answer(NamedTuple):
    """The loop, and all numbers of the screen."""

    loop: VerifiedLoop
    gap: Ranged  # tpr − fpr
    num_draws: int  # verifiers behind the intervals, 0 where the rates were given
    cheapest: int | None  # the size of the fewest verdicts that reaches the goal
    size: int  # of a round in all that follows
    sized: Ranged  # the size, and those that the drawn verifiers need
    paid: bool  # whether the size is given, reaches the goal or is the largest that the budget pays for
    correct: Ranged  # how often the loop ends with correct outputs only
    rounds: Ranged
    verdicts: Ranged  # all rounds together, on average
    kimura: float | None  # Kimura's approximation of `correct`
    on_average: Budgeted | None  # runs stop when one kind is left, and spend the budget on average
    limited: Budgeted | None  # a hard limit: no run spends more
    capacity: Ranged  # nats a verdict
    least: Ranged | None  # verdicts below which no method names the answer; infinite where a verdict carries nothing


def answer(question: Question) -> Answer:
    """Solves the exact chain of the loop, for the verifier and, where it was measured, for draws of its posterior.

    Raises:
        ValueError: no verifier, or no budget, is good enough.
    """
    check(question)
    loop = _loop(question)
    goal, verdicts, counts = question.goal, question.verdicts, question.counts
    cheapest = None if goal is None else loop.cheapest(goal)
    paid_for = loop.largest(verdicts) if goal is None and verdicts is not None else None
    found = question.round_size or cheapest or paid_for
    if goal is None and found is None:
        needed = math.ceil(float(loop.ends(1).verdicts))
        raise refuse("--verdicts", verdicts, f"enough to end a loop, {needed:,} or more on average")
    size = found or EXAMPLE
    number = (400 if size <= 128 else 40) if loop.until_kept else (100 if size <= 30 else 40)
    draws = None if counts is None else counts.draws(number)
    ends, many = loop.ends(size), None if draws is None else loop.ends(size, draws)
    correct, rounds, cost = (
        ranged(float(getattr(ends, name)), None if many is None else getattr(many, name))
        for name in ("correct", "generations", "verdicts")
    )
    sized = Ranged(size)
    if draws is not None and goal is not None and cheapest == size and loop.until_kept and size <= 128:
        sized = _sizes_needed(loop, goal, size, draws)
    near = None
    if loop.until_kept and min(loop.tpr, loop.fpr) > 0:
        near = float(budget.kimura(size, math.log(loop.tpr / loop.fpr), loop.initial))
    capacity = _capacity(loop, draws)
    return Answer(
        loop,
        ranged(loop.tpr - loop.fpr, None if draws is None else draws[0] - draws[1]),
        0 if draws is None else draws.shape[1],
        cheapest,
        size,
        sized,
        found is not None,
        correct,
        rounds,
        cost,
        near,
        _on_average(loop, verdicts, draws) if verdicts and loop.until_kept else None,
        _limited(loop, verdicts, question.round_size, draws) if verdicts and loop.until_kept else None,
        capacity,
        None if goal is None else _least(goal, question.candidates, capacity),
    )


def ranged(value: float, draws: np.ndarray | None) -> Ranged:
    """The value with the 95 % interval of the draws."""
    if draws is None:
        return Ranged(value)
    low, high = np.quantile(draws, LEVELS, method="inverted_cdf")
    return Ranged(value, float(low), float(high))


def _loop(question: Question) -> VerifiedLoop:
    """The loop, with the fpr that is solved for where it is left out."""
    initial, tpr, fpr, counts = question.initial, question.tpr, question.fpr, question.counts
    if counts is not None:
        tpr, fpr = counts.rates()
        initial = counts.accuracy if initial is None else initial
    assert tpr is not None and initial is not None
    if fpr is None:
        assert question.goal is not None
        verdicts = math.inf if question.verdicts is None else question.verdicts
        loop = VerifiedLoop(tpr, 0.0, initial, question.until_kept)
        fpr = largest_fpr(loop, question.goal, verdicts, question.round_size)
    if max(tpr, fpr) <= 0:
        raise refuse("--tpr", "0 beside an fpr of 0", "a verifier that accepts something")
    return VerifiedLoop(tpr, fpr, initial, question.until_kept)


def _sizes_needed(loop: VerifiedLoop, goal: float, size: int, draws: np.ndarray) -> Ranged:
    """The size, with the interval of those that the drawn verifiers need, on a coarse grid; infinite beyond it."""
    sizes = np.unique(np.append(np.geomspace(1, largest_drawn(size), 20).astype(int), size))
    reached = loop.reaches(goal, sizes[:, None], draws[:, :200])
    return ranged(size, np.where(reached.any(0), sizes[reached.argmax(0)], np.inf))


def largest_drawn(size: int) -> int:
    """The largest size that is tried with the drawn verifiers."""
    return max(size, min(4 * size, 128))


def _on_average(loop: VerifiedLoop, verdicts: int, draws: np.ndarray | None) -> Budgeted:
    """The largest size at which runs that stop when one kind is left spend the budget on average."""
    size = loop.largest(verdicts)
    if size is None:
        return Budgeted(None, "largest", Ranged(loop.initial))
    few = None if draws is None else draws[:, :LIMITED_DRAWS]
    ends = [float(loop.ends(size).correct), None if few is None else loop.ends(size, few).correct]
    return Budgeted(size, "largest", ranged(*ends))  # pyright: ignore[reportArgumentType]


def _limited(loop: VerifiedLoop, verdicts: int, round_size: int | None, draws: np.ndarray | None) -> Budgeted | None:
    """What runs reach of which none spends more than the budget; None where that takes too long."""
    rates = np.maximum([loop.tpr, loop.fpr], LEAST_RATE)
    if round_size is not None and round_size > verdicts:
        return Budgeted(None, "given", Ranged(loop.initial))
    size, found, asymptotic = min(round_size or EXAMPLE, verdicts), "given" if round_size else "example", None
    if loop.tpr > loop.fpr:
        asymptotic = budget.fixed_rounds_law(rates, loop.initial, verdicts)[0]
        if round_size is None:
            size, found = min(LARGEST, verdicts, max(1, round(asymptotic))), "asymptotic"
        if round_size is None and verdicts <= SEARCHED:
            size, found = budget.hard_limit(rates, loop.initial, verdicts).size, "searched"
    if verdicts > SOLVED:
        return None

    def accuracy(pair: Rates) -> float:
        return 1 - budget.hard_limit(np.maximum(pair, LEAST_RATE), loop.initial, verdicts, size=size).wrong

    few = [] if draws is None or verdicts > SEARCHED else draws[:, :LIMITED_DRAWS].T
    return Budgeted(
        size,
        found,
        ranged(accuracy(rates), np.array([accuracy(pair) for pair in few]) if len(few) else None),
        asymptotic,
    )


def _capacity(loop: VerifiedLoop, draws: np.ndarray | None) -> Ranged:
    def nats(rates: Rates) -> np.ndarray:
        return np.asarray(budget.verifier_capacity(tuple(rates)))

    return ranged(float(nats((loop.tpr, loop.fpr))), None if draws is None else nats(draws))


def _least(goal: float, candidates: int, capacity: Ranged) -> Ranged:
    """The verdicts that any method needs to name which of equally likely candidates is correct (Fano, capacity)."""
    error = 1 - goal
    entropy = -float(xlogy(error, error) + xlog1py(goal, -error))
    needed = 0.0 if goal <= 1 / candidates else math.log(candidates) - entropy - error * math.log(candidates - 1)
    low, high = capacity.low, capacity.high

    def verdicts(nats: float) -> float:
        return needed / nats if nats > 0 else math.inf if needed > 0 else 0.0

    return Ranged(
        verdicts(capacity.value), None if high is None else verdicts(high), None if low is None else verdicts(low)
    )


def check(question: Question) -> None:
    """Raises ValueError unless the question can be answered."""
    instance("question", question, Question, "a plan.Question")
    _check_numbers(question)
    counts, tpr, fpr, goal = question.counts, question.tpr, question.fpr, question.goal
    if counts is None and question.initial is None:
        raise refuse("--initial", "nothing", "the accuracy at the start, or --verdicts-file, which holds it")
    if counts is None and tpr is None:
        raise refuse("--tpr", "nothing", "--tpr and --fpr, or --verdicts-file, which measures them")
    if goal is None and question.verdicts is None and question.round_size is None:
        raise refuse("--goal", "nothing", "--goal, or --verdicts or --round-size to ask how likely success is")
    if counts is None and fpr is None:
        if goal is None or tpr == 0:
            raise refuse("--fpr", "nothing", "a rate; or to solve for it --goal and a --tpr above 0")
        if question.round_size is None and (question.verdicts is None or not question.until_kept):
            other = "--verdicts or --round-size" if question.until_kept else "--round-size"
            raise refuse("--fpr", "nothing", f"a rate; or to solve for it {other} too, else any fpr below tpr will do")


def _check_numbers(question: Question) -> None:
    instance("until_kept", question.until_kept, bool | np.bool_, "True or False")
    counts, most = question.counts, LARGEST if question.until_kept else LARGEST_FILTERED
    if counts is not None:
        instance("counts", counts, Counts, "a plan.Counts, as plan.read_counts returns")
        counts.check()
    both = "as a verifier selects among outputs of both kinds"
    ranges: tuple[tuple[str, Callable[[Any], bool], str, type], ...] = (
        *(
            (name, lambda x: x == 0 or LEAST <= x <= 1, f"a rate in [0, 1], 0 or at least {LEAST:g}", float)
            for name in RATES
        ),
        ("initial", lambda x: 0 < x < 1, f"a share in (0, 1), {both}", float),
        ("goal", lambda x: 0 < x < 1, "a probability in (0, 1); nothing noisy is certain", float),
        ("round_size", lambda x: 1 <= x <= most, f"1 to {most}, of which the exact chain is solved", int),
        ("verdicts", lambda x: 1 <= x <= MOST, f"1 to {MOST:,}", int),
        ("candidates", lambda x: 2 <= x <= MOST, f"2 to {MOST:,} candidate answers", int),
    )
    for name, holds, accepted, kind in ranges:
        if (value := getattr(question, name)) is not None or name == "candidates":
            number(f"--{name.replace('_', '-')}", value, holds, accepted, kind)
