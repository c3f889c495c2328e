"""The screen of `infoloop plan`: an answer in sentences."""

import math
import textwrap
from collections.abc import Callable, Iterable, Sequence

import numpy as np

from experiments.questions.plan.answer import LEVELS, SOLVED, Answer, Question, Ranged, largest_drawn
from experiments.questions.plan.labels import Counts
from experiments.questions.plan.loop import LARGEST, LARGEST_FILTERED, ROUNDING, VerifiedLoop
from experiments.validation import number

Rows = list[tuple[str, str]]  # a label, empty in a line that goes on, and a text
PROTOCOLS = {
    True: "until-kept: rejection sampling until n are accepted, n / (accepted share) verdicts a round (filtering: of "
    "n proposals)",
    False: "filtering: a round proposes n, costs n verdicts and refits to those accepted (until-kept: until n are)",
}


def lines(question: Question, answer: Answer, width: int = 100, said: Sequence[str] = ()) -> list[str]:
    """The answer in lines of at most `width` characters, and first what was read of a file."""
    number("width", width, lambda x: x >= 1, "characters, 1 or more", int)
    rows = [("read", "; ".join(said))] if said else []
    rows += [*_verifier(question, answer), *_answer(question, answer), *_loop(question, answer)]
    rows += [*_spent(question, answer), *_bound(question, answer), *_assumptions(question, answer)]
    return [line for row in rows for line in _wrapped(*row, width)]


def percent(share: float) -> str:
    """A probability for people."""
    text = f"{100 * share:.4g}"
    return "over 99.99 %" if text == "100" else "under 0.01 %" if share < 1e-4 else f"{text} %"


def units(number: str, noun: str) -> str:
    """So many of them: 1 round, 2.5 rounds."""
    return f"{number} {noun}" if number == "1" else f"{number} {noun}s"


def count(value: float) -> str:
    """A number of verdicts, samples or rounds for people."""
    return f"{value:,.1f}".removesuffix(".0") if value < 99.95 else f"{value:,.0f}"


def ratio(number: float) -> str:
    """A likelihood ratio for people."""
    return "infinite" if math.isinf(number) else f"{number:.3g}"


def ranged(show: Callable[[float], str], found: Ranged) -> str:
    """The value, with its 95 % interval where the verifier was measured."""
    if found.low is None or found.high is None:
        return show(found.value)
    return f"{show(found.value)} [95 %: {show(found.low)} to {show(found.high)}]"


def _verifier(question: Question, answer: Answer) -> Rows:
    loop = answer.loop
    lr = f"likelihood ratio LR = tpr/fpr {ratio(loop.tpr / loop.fpr if loop.fpr else math.inf)}"
    if question.counts is not None:
        first, second = _rates(question.counts)
        start = "the file's share" if question.initial is None else "as given"
        rows = [("verifier", first), ("", second), ("", f"{lr}; start {percent(loop.initial)} correct, {start}")]
        low, high = answer.gap.low, answer.gap.high
        if low is not None and high is not None and low <= 0 <= high:
            gap = ranged("{:.3g}".format, answer.gap)
            text = f"these data do not show that the verifier carries information: tpr - fpr {gap};"
            rows.append(("CAREFUL", f"{text} all below takes the rates as measured"))
        return rows
    text = f"accepts {100 * loop.tpr:.4g} % of correct and {100 * loop.fpr:.4g} % of wrong outputs, {lr}"
    rows = [("verifier", f"{text}; at the start {percent(loop.initial)} are correct")]
    if question.fpr is None:
        text = f"an fpr of at most {loop.fpr:.4g} is good enough at tpr {loop.tpr:.4g} [exact: bisection]"
        rows.append(("it needs", text))
    return rows


def _rates(counts: Counts) -> Iterable[str]:
    """Both rates with their 95 % intervals."""
    groups = ("tpr", counts.accepted_correct, counts.correct, "correct"), ("fpr", *counts[2:], "wrong")
    quantiles = counts.quantiles(np.array([0.5, *LEVELS]))
    for (name, k, n, kind), rate in zip(groups, quantiles, strict=True):
        yield f"{name} {ranged('{:.3g}'.format, Ranged(*rate))}, accepted {k} of {n} {kind} [Jeffreys]"


def _answer(question: Question, answer: Answer) -> Rows:
    """What to do, in a sentence or two, and whether the budget is enough."""
    rows, loop, goal, verdicts = _useless(answer.loop), answer.loop, question.goal, question.verdicts
    size = units(str(answer.size), _sample(loop))
    if goal is None:
        rows.append(("ANSWER", f"rounds of {size} end correct with probability {percent(answer.correct.value)}"))
        if verdicts is not None and answer.verdicts.value > verdicts:
            text = f"not enough for that, it takes {_needed(answer)} or more on average"
            rows.append(("BUDGET", f"{units(f'{verdicts:,}', 'verdict')}: {text}"))
        return rows
    if answer.cheapest is None:
        return [*rows, ("BUDGET" if rows else "ANSWER", _impossible(loop, goal))]
    if answer.correct.value < goal - ROUNDING:
        text = f"rounds of {answer.size} miss the goal of {percent(goal)}, ending correct with"
        text = f"{text} {percent(answer.correct.value)}; rounds of {answer.cheapest} reach it"
        return [*rows, ("ANSWER", text + _undecided(goal, answer))]
    cost = f"{units(count(answer.verdicts.value), 'verdict')} in {units(count(answer.rounds.value), 'round')}"
    text = f"rounds of {size} until one kind is left: {cost} on average, and it ends correct with probability"
    rows.append(("ANSWER", f"{text} {percent(answer.correct.value)} (goal {percent(goal)}){_undecided(goal, answer)}"))
    if verdicts is not None:
        rows.append(("BUDGET", f"{units(f'{verdicts:,}', 'verdict')}: {_enough(goal, verdicts, answer)}"))
    return rows


def _useless(loop: VerifiedLoop) -> Rows:
    """That a verifier cannot help, where it cannot."""
    if loop.fpr > loop.tpr:
        opposite = f"tpr {1 - loop.tpr:.4g}, fpr {1 - loop.fpr:.4g}"
        text = f"this verifier drives the correct answers OUT; its opposite has {opposite} and would drive them in"
        return [("ANSWER", text)]
    if loop.fpr == loop.tpr:
        text = "this verifier carries no information: whatever the rounds, the loop ends correct as often as it began,"
        return [("ANSWER", f"{text} {percent(loop.initial)}")]
    return []


def _sample(loop: VerifiedLoop) -> str:
    return "accepted sample" if loop.until_kept else "proposal"


def _enough(goal: float, verdicts: int, answer: Answer) -> str:
    if answer.verdicts.value <= verdicts:
        return "enough (on average; single runs vary)"
    limited = answer.limited
    half = ""
    if limited is not None and limited.accuracy.value >= goal:
        half = f", though enough for an accuracy of {percent(limited.accuracy.value)}"
    return f"not enough to end, it takes {_needed(answer)} or more on average{half}"


def _needed(answer: Answer) -> str:
    """The least budget that is not below the average."""
    return count(math.ceil(answer.verdicts.value))


def _undecided(goal: float, answer: Answer) -> str:
    """That the labels are too few to say whether the goal is reached, where they are."""
    low, high = answer.correct.low, answer.correct.high
    undecided = low is not None and high is not None and low < goal <= high
    return "; so few labels leave that OPEN" if undecided else ""


def _impossible(loop: VerifiedLoop, goal: float) -> str:
    """Why no size reaches the goal."""
    if loop.fpr >= loop.tpr:
        return f"no budget lets this loop reach {percent(goal)}: the verifier is too weak (LR must be above 1)"
    if not loop.until_kept:
        return f"no round of up to {LARGEST_FILTERED} proposals reaches {percent(goal)}; larger ones are not searched"
    n = f"{loop.diffusion_size(goal):,.0f} accepted samples" if loop.fpr > 0 else "more"
    why = "correct outputs are too rare at the start, or the verifier too weak"
    return f"no round of up to {LARGEST} reaches {percent(goal)}: {why}. Rounds of {n} might [Kimura 1962], not checked"


def _loop(question: Question, answer: Answer) -> Rows:
    """The round size, how the loop ends and what it costs."""
    if question.round_size:
        rule = "as given"
    elif answer.cheapest:
        rule = "fewest verdicts that reach the goal"
    else:
        rule = f"the largest {_up_to(answer.size)}" if answer.paid else "an example: no size reaches the goal"
    most = largest_drawn(answer.size)
    sized = ranged(lambda n: f"over {most}" if math.isinf(n) else f"{n:.0f}", answer.sized)
    near = ""
    if answer.kimura is not None:
        error = abs(answer.kimura - answer.correct.value)
        off = f", off by {error:.1g}" if error > 1e-6 else ""
        near = f"; {percent(answer.kimura)} [Kimura 1962]{off}"
    rounds, verdicts = units(ranged(count, answer.rounds), "round"), units(ranged(count, answer.verdicts), "verdict")
    return [
        ("a round", f"{units(sized, _sample(answer.loop))} [{rule}]"),
        ("all correct", f"with probability {ranged(percent, answer.correct)} [exact: chain]{near}"),
        ("it takes", f"{rounds} and {verdicts} on average, to the end [exact: chain]"),
    ]


def _up_to(size: int) -> str:
    return "paid" if size < LARGEST else "searched"


RULES = {
    "given": "exact: rounds of this size",
    "example": "exact: rounds of this size",
    "asymptotic": "exact at the asymptotic size",
    "searched": "exact: best constant size",
}


def _spent(question: Question, answer: Answer) -> Rows:
    """What the budget buys: on average, where runs that end leave the rest to others, and as a limit of each run."""
    average, limited = answer.on_average, answer.limited
    if average is None:
        return []
    verdicts = units(f"{question.verdicts:,}", "verdict")
    if average.size is None:
        rows = [("on average", f"{verdicts} a run: too few for runs that end")]
    else:
        text = f"{verdicts} a run, shared by runs that stop when one kind is left: correct with probability"
        text = f"{text} {ranged(percent, average.accuracy)} in rounds of {average.size}"
        text = f"{text} [exact: the largest {_up_to(average.size)}]"
        rows = [("on average", text)]
    if limited is None:
        return [*rows, ("hard limit", f"of {verdicts} in each run: not computed above {SOLVED:,}")]
    if limited.size is None:
        return [*rows, ("hard limit", f"of {verdicts} in each run: too few for a round of {question.round_size}")]
    text = f"of {verdicts} in each run: accuracy {ranged(percent, limited.accuracy)} in rounds of {limited.size}"
    text = f"{text} [{RULES[limited.found]}]"
    if limited.asymptotic is not None and limited.found != "searched":
        text = f"{text}; large limits: rounds of {limited.asymptotic:.1f} [asymptotic]"
    return [*rows, ("hard limit", text)]


def _bound(question: Question, answer: Answer) -> Rows:
    """The lower bound for any method."""
    nats = answer.capacity.value
    carried = ranged("{:.3g}".format, answer.capacity)
    rows = [("a verdict", f"carries at most {carried} nats ({nats / math.log(2):.3g} bits) [capacity]")]
    if question.goal is None or answer.least is None:
        return rows
    candidates = question.candidates
    task = f"any method that names which of {candidates:,} answers, equally likely at first, is correct"
    if answer.least.value == 0:
        return [*rows, ("at least", f"0 verdicts for {task}: a guess is as good")]
    if answer.loop.initial > 1 / candidates:
        start = percent(answer.loop.initial)
        task = f"{task} (this loop starts better, with {start} correct, and may take fewer)"
    if math.isinf(answer.least.value):
        return [*rows, ("at least", f"more than any number of verdicts for {task} [Fano + capacity]")]
    least = units(ranged(_at_least, answer.least), "verdict")
    return [*rows, ("at least", f"{least} on average for {task} [Fano + capacity]")]


def _at_least(number: float) -> str:
    """A lower bound for people, which rounding does not raise."""
    if math.isinf(number):
        return "any number"
    return count(math.floor(10 * number) / 10 if number < 99.95 else math.floor(number))


def _assumptions(question: Question, answer: Answer) -> Rows:
    assumed = (
        "independent errors in each verdict; two kinds of output, correct and wrong, each with one rate; a model that "
        "is refitted to what was accepted, nothing else; verdicts on rejected proposals count"
    )
    if question.counts is not None:
        assumed += f"; rates: medians of Jeffreys' posteriors, intervals: {answer.num_draws} pairs of them"
    return [("protocol", PROTOCOLS[answer.loop.until_kept]), ("assumed", assumed)]


def _wrapped(label: str, text: str, width: int) -> Iterable[str]:
    return textwrap.wrap(text, width, initial_indent=f"{label:<12}", subsequent_indent=" " * 12, break_on_hyphens=False)
