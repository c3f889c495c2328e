"""The screen of `infoloop plan`: an answer in sentences, and one table."""

import math
import textwrap
from collections.abc import Callable, Iterable, Sequence

import numpy as np

from experiments.questions.intervals import Interval, of_draws
from experiments.questions.plan.answer import Answer, Question, Row
from experiments.questions.plan.loop import ROUNDING, Loop
from experiments.questions.plan.prompts import MOST_VERIFIERS, Measured
from experiments.validation import number

Rows = list[tuple[str, str]]  # a label, empty in a line that goes on, and a text
PROTOCOLS = {
    True: "until-kept: rejection sampling until n are accepted",
    False: "filtering: a round proposes n, costs n verdicts and refits to those accepted",
}
PERSIST = "a wrong output that was accepted once, as by unit tests, is accepted again"


def lines(question: Question, answer: Answer, width: int = 100, said: Sequence[str] = ()) -> list[str]:
    """The answer in lines of at most `width` characters, and first what was read of a file."""
    number("width", width, lambda x: x >= 1, "characters, 1 or more", int)
    said = said or (question.log.said if question.log is not None else ())
    rows = [("read", "; ".join(said))] if said else []
    rows += [*_verifier(question, answer), *_answer(question, answer), *_budget(question, answer)]
    rows += [*_table(question, answer), *_notes(question, answer), *_bound(question, answer)]
    rows += _assumptions(question, answer)
    return [line for row in rows for line in _wrapped(*row, width)]


def percent(share: float, error: float = 0.0) -> str:
    """A probability for people; with a standard error, if it was simulated."""
    text = f"{100 * share:.4g}"
    if error > 0:
        return f"{100 * share:.2f} ± {max(100 * error, 0.01):.2g} %"
    return "over 99.99 %" if text == "100" else "under 0.01 %" if share < 1e-4 else f"{text} %"


def units(number: str, noun: str) -> str:
    """So many of them: 1 round, 2.5 rounds."""
    return f"{number} {noun}" if number == "1" else f"{number} {noun}s"


def count(value: float) -> str:
    """A number of verdicts, samples or rounds for people."""
    if value >= 1e9:
        return f"{value:.2g}"
    return f"{value:,.1f}".removesuffix(".0") if value < 99.95 else f"{value:,.0f}"


def ratio(number: float) -> str:
    """A likelihood ratio for people."""
    return "infinite" if math.isinf(number) else f"{number:.3g}"


def ranged(show: Callable[[float], str], found: Interval, level: str = "95 %: ") -> str:
    """The value, with its 95 % interval where the verifier was measured."""
    if found.low == found.high:
        return show(found.middle)
    low, high = (show(end).removesuffix(" %") for end in (found.low, found.high))
    between = f"from {low}" if high.startswith("over") else f"{low} to {high}"
    return f"{show(found.middle)} [{level}{between}]"


def _verifier(question: Question, answer: Answer) -> Rows:
    tpr, fpr = answer.prompts.rates
    start = percent(answer.prompts.start)
    lr = f"likelihood ratio LR = tpr/fpr {ratio(tpr / fpr if fpr else math.inf)}"
    if answer.measured is not None:
        given = f"{start} correct, as given" if question.initial is not None else _start(answer.measured)
        rows = [("verifier", f"{_rates(answer.measured)}; {lr}; at the start {given}")]
        gap = of_draws(tpr - fpr, answer.measured.draws[:, 1] - answer.measured.draws[:, 2])
        if gap.low <= 0 <= gap.high:
            shown = ranged("{:.3g}".format, gap)
            text = f"these data do not show that the verifier carries information: tpr - fpr {shown};"
            rows.append(("CAREFUL", f"{text} all below takes the rates as measured"))
        return rows
    text = f"accepts {100 * tpr:.4g} % of correct and {100 * fpr:.4g} % of wrong outputs, {lr}"
    rows = [("verifier", f"{text}; at the start {start} are correct")]
    smaller = min((most for _, most in answer.solved), default=0.0)
    for persistence, most in answer.solved:
        text = f"an fpr of at most {most:.4g} is good enough at tpr {tpr:.4g} if errors are {_kind(persistence)}"
        rows.append(("it needs", text + "; below: the smaller one" * (most == smaller and len(answer.solved) > 1)))
    return rows


def _rates(measured: Measured) -> str:
    """Both rates with their 95 % intervals."""
    tp, fn, fp, tn = measured.counts.tolist()
    cases = zip(("tpr", "fpr"), measured.rates[1:], measured.draws.T[1:], (tp, fp), (fn, tn), strict=True)
    texts = []
    for (name, rate, drawn, k, rest), kind in zip(cases, ("correct", "wrong"), strict=True):
        shown = ranged("{:.3g}".format, of_draws(rate, drawn))
        texts.append(f"{name} {shown}, accepted {k:,} of {k + rest:,} {kind}")
    return "; ".join(texts)


def _start(measured: Measured) -> str:
    return f"{ranged(percent, of_draws(measured.rates[0], measured.draws[:, 0]))} correct, the file's share"


def _kind(persistence: float) -> str:
    names = {0.0: "independent", 1.0: "persistent"}
    return names.get(persistence, f"share {100 * persistence:.3g} %")


def _answer(question: Question, answer: Answer) -> Rows:
    """What is reached, first if errors persist, then if errors are independent."""
    rows = _useless(answer)
    texts = [] if question.errors == 0 else [_persistent(question, answer)]
    if answer.rows[0].persistence == 0:
        texts.append(_independent(question, answer))
    if rows and question.goal is not None and answer.cheapest is None and question.errors != 1:
        return [*rows, ("BUDGET", _impossible(question, answer, question.goal))]
    labels = ["ANSWER" if not rows else "", ""]
    rows += [(labels[min(i, 1)], text) for i, text in enumerate(texts)]
    if answer.needed is not None and question.goal is not None and not _useless(answer):
        rows.append(("it needs", _wanted(question.goal, answer)))
    return rows


def _reached(question: Question, found: Interval) -> str:
    """Whether the goal is reached, and whether the labels are enough to say so."""
    goal = question.goal
    if goal is None:
        return ""
    open_ = "; so few labels leave that OPEN" if found.low < goal <= found.high and found.low < found.high else ""
    return f" (goal {percent(goal)}{'' if found.middle >= goal - ROUNDING else ' NOT reached'}{open_})"


def _persistent(question: Question, answer: Answer) -> str:
    if question.errors not in (None, 1):
        main = next(row for row in answer.rows if row.persistence == question.errors)
        text = f"if {100 * main.persistence:.3g} % of the errors persist ({PERSIST}), rounds of {answer.size} end with"
        text = f"{text} {percent(main.accuracy.middle, main.error)} correct{_reached(question, main.accuracy)}"
        after, most = main.peak or (0, 0.0)
        best = f"large rounds are best stopped after {units(str(after), 'round')}, at {percent(most)}"
        return f"{text}; {best}, and fall to {percent(answer.one_round.middle)}, as after one"
    goal, found = question.goal, answer.one_round
    start = "IF ERRORS PERSIST"
    if goal is not None:
        missed = found.middle < goal - ROUNDING
        start = f"{start} THE GOAL OF {percent(goal)} IS {'NOT ' if missed else ''}REACHED"
    text = f"{start}: {ranged(percent, found)} of what is accepted is correct after one round, and no more forever"
    open_ = goal is not None and found.low < goal <= found.high and found.low < found.high
    return f"{text}{'; so few labels leave that OPEN' if open_ else ''} ({PERSIST})"


def _independent(question: Question, answer: Answer) -> str:
    row, goal = answer.rows[0], question.goal
    size = units(str(answer.size), _sample(question))
    start = "if errors are independent: "
    if goal is not None and answer.cheapest is None and answer.rule != "given":
        return start + _impossible(question, answer, goal)
    cost = f"{units(count(row.verdicts.middle), 'verdict')} in {units(count(row.rounds.middle), 'round')}"
    text = f"{start}rounds of {size} until one kind is left end with"
    text = f"{text} {percent(row.accuracy.middle, row.error)} correct{_reached(question, row.accuracy)}"
    if goal is not None and answer.cheapest is not None and row.accuracy.middle < goal - ROUNDING:
        text = f"{text}; rounds of {answer.cheapest} reach it"
    return f"{text}, {cost} a prompt on average"


def _wanted(goal: float, answer: Answer) -> str:
    """What reaches the goal although errors persist."""
    assert answer.needed is not None
    ratio_, several, two = answer.needed
    tpr, fpr = answer.prompts.rates
    text = f"one round reaches {percent(goal)} with a verifier of LR {ratio(ratio_)} or more (here"
    text = f"{text} {ratio(tpr / fpr) if fpr else 'infinite'}), or with"
    if several is None:
        return f"{text} more than {MOST_VERIFIERS} verifiers as good whose errors are independent of each other's"
    text = f"{text} {several} verifiers as good that must all accept, of errors independent of each other's"
    return text if several == 2 else f"{text} (2: {percent(two)})"


def _useless(answer: Answer) -> Rows:
    """That a verifier cannot help, where it cannot."""
    tpr, fpr = answer.prompts.rates
    if fpr > tpr:
        opposite = f"tpr {1 - tpr:.4g}, fpr {1 - fpr:.4g}"
        text = f"this verifier drives the correct answers OUT; its opposite has {opposite} and would drive them in"
        return [("ANSWER", text)]
    if fpr == tpr:
        text = "this verifier carries no information: whatever the rounds, the loop ends correct as often as it began,"
        return [("ANSWER", f"{text} {percent(answer.prompts.start)}")]
    return []


def _sample(question: Question) -> str:
    return "accepted sample" if question.until_kept else "proposal"


def _impossible(question: Question, answer: Answer, goal: float) -> str:
    """Why no size reaches the goal."""
    loop = Loop(answer.prompts, until_kept=question.until_kept)
    tpr, fpr = loop.prompts.rates
    if fpr >= tpr:
        return f"no budget lets this loop reach {percent(goal)}: the verifier is too weak (LR must be above 1)"
    text = f"no round of up to {loop.searched():,} reaches {percent(goal)}"
    if not loop.alike:
        return f"{text}: on some prompts correct outputs are too rare at the start"
    why = "correct outputs are too rare at the start, or the verifier too weak"
    n = f"{count(loop.diffusion_size(goal))} accepted samples" if fpr > 0 else "more"
    return f"{text}: {why}. Rounds of {n} might [Kimura 1962], not checked"


def _budget(question: Question, answer: Answer) -> Rows:
    """Whether the budget is enough to end, if errors are independent."""
    verdicts, row = question.verdicts, answer.rows[0]
    if verdicts is None or row.persistence > 0 or (question.goal is not None and answer.cheapest is None):
        return []
    mine = units(f"{verdicts:,}", "verdict")
    if row.verdicts.middle <= verdicts:
        return [("BUDGET", f"{mine} a prompt: enough to end if errors are independent (on average; single runs vary)")]
    needed = count(math.ceil(row.verdicts.middle))
    return [
        (
            "BUDGET",
            f"{mine} a prompt: not enough to end if errors are independent, it takes {needed} or more on average",
        )
    ]


RULES = {
    "given": "as given",
    "cheapest": "fewest verdicts for the goal if independent",
    "paid": "the largest that is paid, up to those searched",
    "example": "an example",
}


def _table(question: Question, answer: Answer) -> Rows:
    """Rows: how errors are; columns: where runs stop."""
    head = ["stop at fixation: accuracy", "verdicts", "rounds"]
    if answer.limited is not None:
        head.append(f"hard limit of {question.verdicts:,}: accuracy")
    cells = [head, *(_cells(row, limited=answer.limited is not None) for row in answer.rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    padded = ["  ".join(text.ljust(n) for text, n in zip(row, widths, strict=True)).rstrip() for row in cells]
    names = ["errors", *(_kind(row.persistence) for row in answer.rows)]
    return [*zip(names, padded, strict=True)]


def _cells(row: Row, *, limited: bool) -> list[str]:
    def show(found: Interval, error: float) -> str:
        return percent(found.middle, error) if error else ranged(percent, found, "")

    cells = [show(row.accuracy, row.error), ranged(count, row.verdicts, ""), count(row.rounds.middle)]
    if limited:
        cells.append("too few for a round" if row.limited is None else show(row.limited, row.limited_error))
    return cells


def _notes(question: Question, answer: Answer) -> Rows:
    """What the table does not say: its sizes, what more rounds buy, and when to leave a prompt."""
    text = f"{units(str(answer.size), _sample(question))} to fixation [{RULES[answer.rule]}]"
    if answer.limited is not None:
        text = f"{text}, {answer.limited[0]} under the hard limit [{answer.limited[1]}]"
    if answer.rows[-1].persistence == 1:
        first = answer.size * (answer.prompts.looks() if question.until_kept else 1)
        cost = units(count(first), "verdict")
        text = f"{text}; if errors persist nothing is bought after the first round, of {cost}"
    rows = [("a round", text)]
    measured, left = answer.measured, answer.giving_up
    if measured is not None and measured.num_prompts < measured.counts.sum():
        share = f"{measured.never:,} of {measured.num_prompts:,}"
        text = f"a prompt, on average; on {share} prompts none was accepted"
        rows.append(("the file", f"{measured.counts.sum() / measured.num_prompts:.3g} outputs {text}"))
    these = answer.prompts
    if these.weight.size > 1:
        lost = 1 - float(these.answered.sum())
        text = f"a prompt after {these.patience:,} verdicts without an accepted output, {percent(lost)} of them: all"
        text = f"{text} above but the hard limit is of the others"
        if left is not None:
            text = f"{text}; if errors persist, after {units(str(left.after), 'verdict')}, as later ones are more often"
            text = f"{text} wrong than correct: {percent(left.share)} of prompts, and one round gives"
            text = f"{text} {percent(left.accuracy)} on the others"
        rows.append(("give up", text))
    return rows


def _bound(question: Question, answer: Answer) -> Rows:
    """The lower bound for any method."""
    nats = answer.capacity.middle
    carried = ranged("{:.3g}".format, answer.capacity)
    text = f"carries at most {carried} nats ({nats / math.log(2):.3g} bits) [capacity]"
    if question.goal is None or answer.least is None:
        return [("a verdict", text)]
    candidates, start = question.candidates, answer.prompts.start
    task = f"any method that names which of {candidates:,} answers, equally likely at first, is correct"
    if answer.least == 0:
        return [("a verdict", f"{text}; at least 0 for {task}: a guess is as good")]
    if math.isinf(answer.least):
        return [("a verdict", f"{text}; no number of them is enough for {task} [Fano]")]
    if start > 1 / candidates:
        task = f"{task} (this loop starts better, with {percent(start)} correct, and may take fewer)"
    return [("a verdict", f"{text}; at least {units(_at_least(answer.least), 'verdict')} on average for {task} [Fano]")]


def _at_least(number: float) -> str:
    """A lower bound for people, which rounding does not raise."""
    return count(math.floor(10 * number) / 10 if number < 99.95 else math.floor(number))


def _assumptions(question: Question, answer: Answer) -> Rows:
    measured, these = answer.measured, answer.prompts
    kinds = "one tpr and one fpr"
    if these.weight.size > 1:
        ends = " to ".join(percent(_quantile(these, level)) for level in (0.1, 0.9))
        kinds = f"accuracies of prompts have a Beta distribution, 80 % of them from {ends}; one tpr"
        kinds += ", fprs likewise" if measured is not None and measured.fpr_spread > 0 else " and one fpr"
    elif measured is not None and _single(measured):
        kinds = f"all prompts alike, as the file has one output each (--spread says otherwise), {kinds}"
    text = f"{PROTOCOLS[question.until_kept]}; {kinds}; a model refitted to what was accepted, nothing else;"
    text = f"{text} verdicts, those on rejected proposals too, and rounds are those of one prompt"
    if measured is not None:
        text += "; [95 %]: Jeffreys' posteriors" if _single(measured) else "; [95 %]: prompts resampled"
    return [("assumed", text)]


def _single(measured: Measured) -> bool:
    return measured.num_prompts == measured.counts.sum()


def _quantile(prompts, level: float) -> float:
    order = np.argsort(prompts.initial)
    return float(prompts.initial[order][np.searchsorted(np.cumsum(prompts.weight[order]), level)])


def _wrapped(label: str, text: str, width: int) -> Iterable[str]:
    return textwrap.wrap(text, width, initial_indent=f"{label:<12}", subsequent_indent=" " * 12, break_on_hyphens=False)
