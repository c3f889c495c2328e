"""How many verdicts and rounds a loop with a verifier takes, how good the verifier must be, how likely it ends right.

The mathematics is that of `theory.budget`; here numbers become sentences.
"""

import math
import textwrap
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from experiments.questions.plan.labels import Counts, read_counts
from experiments.questions.plan.loop import LARGEST, LARGEST_FILTERED, Case, End, largest_fpr
from theory import budget

LEVELS = (0.025, 0.975)  # of an interval
PROTOCOLS = {
    True: "until-kept: a round samples until n are kept, for n / (share kept) verdicts (filtering: it samples n)",
    False: "filtering: a round samples n, costs n verdicts, refits to those kept (until-kept: until n are kept)",
}


def percent(share: float) -> str:
    """A probability for people."""
    text = f"{100 * share:.4g}"
    return "over 99.99 %" if text == "100" else "under 0.01 %" if share < 1e-4 else f"{text} %"


def share(option: str, text: str) -> float:
    """A share that somebody wrote: .3, 0.3 or 30%."""
    try:
        return float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        raise ValueError(f"--{option} is {text!r}; accepted: a number such as 0.3 or 30%") from None


def whole(option: str, text: str) -> int:
    """A whole number that somebody wrote: 1000, 1,000 or 1e3."""
    try:
        number = float(text.replace(",", ""))
    except ValueError:
        number = math.nan
    if not number.is_integer():
        raise ValueError(f"--{option} is {text!r}; accepted: a whole number such as 1000 or 1e3")
    return int(number)


def units(number: str, noun: str) -> str:
    """So many of them: 1 round, 2.5 rounds."""
    return f"{number} {noun}" if number == "1" else f"{number} {noun}s"


def count(number: float) -> str:
    """A number of verdicts, samples or rounds for people."""
    return f"{number:,.1f}".removesuffix(".0") if number < 99.95 else f"{number:,.0f}"


def _spread(show: Callable[[Any], str], value: float | np.ndarray, draws: np.ndarray | None) -> str:
    """The value, with its 95 % interval where the verifier was measured."""
    if draws is None:
        return show(value)
    low, high = np.quantile(draws, LEVELS, method="inverted_cdf")
    return f"{show(value)} [95 %: {show(low)} to {show(high)}]"


def lines(
    initial: float,
    *,
    tpr: float | None = None,
    fpr: float | None = None,
    goal: float | None = None,
    verdicts: int | None = None,
    round_size: int | None = None,
    until_kept: bool = True,
    blocks: int = 2,
    labels: Path | None = None,
    width: int = 100,
) -> list[str]:
    """The screen, in lines of at most `width` characters: what is given and what is left out is the question."""
    _check(initial, tpr, fpr, goal, verdicts, round_size, until_kept, blocks, labels)
    counts = None if labels is None else read_counts(labels)
    if counts is not None:
        tpr, fpr = counts.rates()
    assert tpr is not None
    solved = fpr is None
    if fpr is None:
        assert goal is not None
        case = Case(tpr, 0.0, initial, until_kept)
        fpr = largest_fpr(case, goal, math.inf if verdicts is None else verdicts, round_size)
    if max(tpr, fpr) <= 0:
        raise ValueError("tpr and fpr are 0; accepted: a verifier that keeps something")
    case = Case(tpr, fpr, initial, until_kept)
    rows = _verifier_rows(case, counts, solved)

    best = None if goal is None else case.cheapest(goal)
    size = round_size or best or (case.largest(verdicts) if goal is None and verdicts is not None else None)
    if goal is None and size is None:
        raise ValueError(f"--verdicts is {verdicts}; accepted: enough to end a loop, {_least(case)} or more on average")
    given, size = size is not None, size or 16
    number = (400 if size <= 128 else 40) if until_kept else (100 if size <= 30 else 40)
    draws = None if counts is None else counts.draws(number)
    end, ends = case.end(size), None if draws is None else case.end(size, draws)
    accepted = "kept sample" if until_kept else "proposal"

    spent, reached = _budgeted(case, verdicts, round_size, draws) if verdicts and until_kept else ([], 0.0)
    rows += _answers(case, goal, verdicts, best, size, end, ends, accepted, reached)
    rule = "as given" if round_size else "fewest verdicts that reach the goal" if best else ""
    rule = rule or ("the largest that the budget pays for" if given else "an example: no size reaches the goal")
    sized = str(size)
    if draws is not None and goal is not None and best == size and until_kept and size <= 128:
        sized = _sizes_needed(case, goal, size, draws)
    rows.append(("a round", f"{units(sized, accepted)} [{rule}]"))
    correct, rounds, cost = (
        _spread(show, getattr(end, name), None if ends is None else getattr(ends, name))
        for show, name in ((percent, "right"), (count, "generations"), (count, "verdicts"))
    )
    near = ""
    if until_kept and min(tpr, fpr) > 0:
        kimura = float(budget.kimura(size, math.log(tpr / fpr), initial))
        error = abs(kimura - float(end.correct))
        near = f"; {percent(kimura)} [Kimura 1962], off by {error:.1g}" if error > 1e-6 else "; so says [Kimura 1962]"
    rows.append(("ends right", f"{correct} [exact: chain]{near}"))
    takes = f"{units(rounds, 'round')} and {units(cost, 'verdict')} on average, to the end"
    rows.append(("it takes", f"{takes} [exact: chain]"))
    rows += spent + _converse(case, goal, blocks, draws)
    return [text for row in rows + _assumptions(case, draws) for text in _wrapped(*row, width)]


def _check(initial, tpr, fpr, goal, verdicts, round_size, until_kept, blocks, labels) -> None:
    if labels is not None and (tpr is not None or fpr is not None):
        raise ValueError("--verdicts-file is given beside --tpr or --fpr; accepted: the file, or the rates")
    if labels is None and tpr is None:
        raise ValueError("the verifier is missing; accepted: --tpr and --fpr, or --verdicts-file FILE.csv")
    for name, rate in (("tpr", tpr), ("fpr", fpr)):
        if rate is not None and not 0 <= rate <= 1:
            raise ValueError(f"--{name} is {rate}; accepted: a rate in [0, 1]")
    if not 0 < initial < 1:
        hint = "a verifier selects among what the model outputs, so both kinds must be there"
        raise ValueError(f"--initial is {initial}; accepted: a share in (0, 1), as {hint}")
    if goal is not None and not 0 < goal < 1:
        raise ValueError(f"--goal is {goal}; accepted: a probability in (0, 1); nothing noisy is certain")
    most = LARGEST if until_kept else LARGEST_FILTERED
    if round_size is not None and not 1 <= round_size <= most:
        raise ValueError(f"--round-size is {round_size}; accepted: 1 to {most}, of which the exact chain is solved")
    if verdicts is not None and verdicts < 1:
        raise ValueError(f"--verdicts is {verdicts}; accepted: 1 or more")
    if blocks < 2:
        raise ValueError(f"--blocks is {blocks}; accepted: 2 or more candidate answers")
    if goal is None and verdicts is None and round_size is None:
        raise ValueError(
            "too few options; accepted: --goal, or --verdicts or --round-size to ask how likely success is"
        )
    if labels is None and fpr is None:
        if goal is None or tpr == 0:
            raise ValueError("--fpr is missing; to solve for it give --goal and a --tpr above 0")
        if (round_size if not until_kept else round_size or verdicts) is None:
            other = "--round-size" if not until_kept else "--verdicts or --round-size"
            raise ValueError(
                f"too few options to solve for --fpr; accepted: {other} too (else any fpr below tpr will do)"
            )


def _least(case: Case) -> str:
    return count(math.ceil(case.end(1).verdicts))


def _verifier_rows(case: Case, counts: Counts | None, solved: bool) -> list[tuple[str, str]]:
    rows = [("verifier", f"keeps {100 * case.tpr:.4g} % of right and {100 * case.fpr:.4g} % of wrong outputs")]
    rows[0] = ("verifier", f"{rows[0][1]}; at the start {percent(case.initial)} are right")
    if solved:
        rows.append(
            ("accuracy", f"an fpr of at most {case.fpr:.4g} is good enough at tpr {case.tpr:.4g} [exact: bisection]")
        )
    if counts is not None:
        rows = [("verifier", line + " [Jeffreys]") for line in counts.lines()]
        rows[1] = ("", rows[1][1] + f"; start {percent(case.initial)} right")
        tpr, fpr = counts.draws(400)
        gap = _spread("{:.3g}".format, case.tpr - case.fpr, tpr - fpr)
        low, high = np.quantile(tpr - fpr, LEVELS)
        if low <= 0 <= high:
            text = f"these data do not show that the verifier tells anything: tpr - fpr {gap};"
            rows.append(("CAREFUL", f"{text} all below takes the rates as measured"))
    return rows


def _answers(case, goal, verdicts, best, size, end, ends, accepted, share) -> list[tuple[str, str]]:
    """What to do, in a sentence or two, and whether the budget is enough."""
    rows = []
    if case.fpr > case.tpr:
        opposite = f"tpr {1 - case.tpr:.4g}, fpr {1 - case.fpr:.4g}"
        text = f"this verifier drives the right answers OUT; its opposite has {opposite} and would drive them in"
        rows.append(("ANSWER", text))
    elif case.fpr == case.tpr:
        text = "this verifier tells nothing: whatever the rounds, the loop ends right as often as it began,"
        text = f"{text} {percent(case.initial)}"
        rows.append(("ANSWER", text))
    if goal is None:
        rows.append(
            ("ANSWER", f"rounds of {units(f'{size}', accepted)} end right with probability {percent(end.correct)}")
        )
        if verdicts is not None and end.verdicts > verdicts:
            text = f"not enough for that, it takes {_needed(end)} or more on average"
            rows.append(("BUDGET", f"{units(f'{verdicts:,}', 'verdict')}: {text}"))
        return rows
    if best is None:
        rows.append(("BUDGET" if rows else "ANSWER", _impossible(case, goal)))
    elif end.correct < goal - 1e-12:
        text = f"rounds of {size} miss the goal of {percent(goal)}: they end right with {percent(end.correct)}"
        rows.append(("ANSWER", f"{text}; rounds of {best} reach it{_open(goal, ends)}"))
    else:
        needs = f"{units(count(end.verdicts), 'verdict')} in {units(count(end.generations), 'round')}"
        text = f"rounds of {units(f'{size}', accepted)} until one kind is left: {needs} on average, and it ends right"
        text = f"{text} with probability {percent(end.correct)} (goal {percent(goal)})"
        rows.append(("ANSWER", text + _open(goal, ends)))
        budgeted = None if verdicts is None else units(f"{verdicts:,}", "verdict")
        if verdicts is not None and end.verdicts <= verdicts:
            rows.append(("BUDGET", f"{budgeted}: enough (on average; single runs vary)"))
        elif verdicts is not None:
            half = f", though enough for outputs that are right {percent(share)} of the time" if share >= goal else ""
            text = f"{budgeted}: not enough to end, it takes {_needed(end)} or more on average{half}"
            rows.append(("BUDGET", text))
    return rows


def _needed(end: End) -> str:
    """The least budget that is not below the average."""
    return count(math.ceil(end.verdicts))


def _open(goal: float, ends: End | None) -> str:
    """That the labels are too few to say whether the goal is reached, where they are."""
    if ends is None:
        return ""
    low, high = np.quantile(ends.correct, LEVELS, method="inverted_cdf")
    return "; so few labels leave that OPEN" if low < goal <= high else ""


def _impossible(case: Case, goal: float) -> str:
    """Why no size reaches the goal."""
    if case.fpr >= case.tpr:
        return f"no budget lets this loop reach {percent(goal)}: the verifier is too weak (fpr must be below tpr)"
    if not case.until_kept:
        return f"no round of up to {LARGEST_FILTERED} proposals reaches {percent(goal)}; larger ones are not searched"
    n = f"{case.diffusion_size(goal):,.0f} kept samples" if case.fpr > 0 else "more"
    why = "right outputs are too rare at the start, or the verifier too weak"
    return f"no round of up to {LARGEST} reaches {percent(goal)}: {why}. Rounds of {n} might [Kimura 1962], not checked"


def _sizes_needed(case: Case, goal: float, size: int, draws: np.ndarray) -> str:
    """The size, with the interval of those that the drawn verifiers need, on a coarse grid."""
    most = max(size, min(4 * size, 128))
    sizes = np.unique(np.append(np.geomspace(1, most, 20).astype(int), size))
    reached = case.end(sizes[:, None], draws[:, :200]).correct >= goal - 1e-12
    needed = np.where(reached.any(0), sizes[reached.argmax(0)], np.inf)
    return _spread(lambda n: f"over {most}" if math.isinf(n) else f"{n:.0f}", size, needed)


def _budgeted(
    case: Case, verdicts: int, round_size: int | None, draws: np.ndarray | None
) -> tuple[list[tuple[str, str]], float]:
    """How often an output is right once rounds have cost the budget on average; nothing above a million verdicts.

    As rows and as a number. A limit that no run may pass leaves more wrong, by how much is not computed.
    """
    size, rule, probs = round_size or 16, "exact: rounds of this size", ""
    if verdicts > 1e6:
        return [], 0.0
    if case.tpr > case.fpr:
        rates = case.tpr, max(case.fpr, 1e-9)
        asymptotic, _ = budget.round_size_law(rates, case.initial, verdicts)
        probs = f"; large budgets: rounds of {asymptotic:.1f} [asymptotic: sqrt(phi N / 2p)]"
        if round_size is None:
            size, rule = min(LARGEST, max(1, round(asymptotic))), "exact at the asymptotic size"
        if round_size is None and verdicts <= 2000:
            if verdicts < case.end(1).verdicts:
                return [("once spent", f"{units(f'{verdicts:,}', 'verdict')} do not pay for one round")], 0.0
            with suppress(ValueError):  # so little is left wrong that the sizes cannot be told apart
                size, rule = budget.best_round(rates, case.initial, verdicts)[0], "exact: best constant size"
    few = None if verdicts > 2000 else draws  # no interval for large budgets: it takes too long
    shares = None if few is None else np.array([case.accuracy(size, verdicts, pair) for pair in few.T])
    share = case.accuracy(size, verdicts)
    text = f"{_spread(percent, share, shares)} of outputs are right after as many rounds of {size} as cost"
    text = f"{text} {units(f'{verdicts:,}', 'verdict')} on average [{rule}]; a hard limit leaves more wrong"
    return [("once spent", text + probs)], share


def _converse(case: Case, goal: float | None, blocks: int, draws: np.ndarray | None) -> list[tuple[str, str]]:
    """What no learner can beat."""
    nats = float(budget.verifier_capacity((case.tpr, case.fpr)))
    many = None if draws is None else np.asarray(budget.verifier_capacity(tuple(draws)))
    told = _spread("{:.3g}".format, nats, many)
    rows = [("a verdict", f"tells at most {told} nats ({nats / math.log(2):.3g} bits) [capacity]")]
    if goal is None:
        return rows
    task = f"any learner that names which of {blocks} answers, equally likely at first, is right"
    if goal <= 1 / blocks:
        return [*rows, ("at least", f"0 verdicts for {task}: a guess is as good")]
    if case.initial > 1 / blocks:
        task = f"{task} (this loop starts better, with {percent(case.initial)} right, and may take fewer)"
    needed = float(budget.information_needed(1 - goal, np.full(blocks, 1 / blocks)))
    if nats <= 0:
        return [*rows, ("at least", f"more than any number of verdicts for {task} [converse: Fano + capacity]")]
    least = _spread(_at_least, needed / nats, None if many is None else needed / many)
    return [*rows, ("at least", f"{units(least, 'verdict')} on average for {task} [converse: Fano + capacity]")]


def _at_least(number: float) -> str:
    """A lower bound for people, which rounding does not raise."""
    return count(math.floor(10 * number) / 10 if number < 99.95 else math.floor(number))


def _assumptions(case: Case, draws: np.ndarray | None) -> list[tuple[str, str]]:
    assumed = (
        "fresh independent noise in each verdict; two kinds of output, right and wrong, each with one rate; a model"
        " that refits to what was kept, nothing else; rejected proposals count as verdicts"
    )
    if draws is not None:
        assumed += f"; rates: medians of Jeffreys' posteriors, intervals: {draws.shape[1]} pairs of them"
    return [("protocol", PROTOCOLS[case.until_kept]), ("assumed", assumed)]


def _wrapped(label: str, text: str, width: int) -> Iterable[str]:
    return textwrap.wrap(text, width, initial_indent=f"{label:<12}", subsequent_indent=" " * 12, break_on_hyphens=False)
