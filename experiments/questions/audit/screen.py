"""The screen of `infoloop audit`: what a log says, with its conditions, in sentences."""

import math
import textwrap
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from experiments.questions.audit.accuracy import Path
from experiments.questions.audit.answer import Audit
from experiments.questions.intervals import Interval
from experiments.validation import number

Rows = list[tuple[str, str]]  # a label, empty in a line that goes on, and a text
SHOWN = 5  # features, groups
SHORT = (0, 1, 2, 3)  # rounds that are shown
LABEL = 12


def lines(audit: Audit, width: int = 100) -> list[str]:
    """The audit in lines of at most `width` characters."""
    number("width", width, lambda x: x >= 40, "characters, 40 or more", int)
    found = rows(audit)
    found.insert(1, ("", answer(audit)))
    return [line for _, part in found for row in part for line in _wrapped(*row, width)]


def rows(audit: Audit) -> list[tuple[str, Rows]]:
    """The parts of the screen, each with a title."""
    return [
        ("What was read", _read(audit)),
        ("The verifier", _verifier(audit) + _errors(audit)),
        ("What retraining reaches", _reached(audit)),
        ("What it teaches first", _learned(audit)),
        ("What to do", _advice(audit)),
    ]


def percent(share: float) -> str:
    """A share for people."""
    return f"{100 * share:.1f} %" if 0.0005 <= share <= 0.9995 or share in (0, 1) else f"{100 * share:.3g} %"


def short(value: float) -> str:
    """A number of three digits, or infinite."""
    return "infinite" if math.isinf(value) else f"{value:.3g}"


def ranged(show: Callable[[float], str], found: Interval | None) -> str:
    """The middle and the 95 % interval."""
    if found is None:
        return "not known"
    return f"{show(found.middle)} [{show(found.low)} to {show(found.high)}]"


def _read(audit: Audit) -> Rows:
    read = audit.read
    each = read.rows / read.prompts
    outputs = "" if read.outputs is None else f", {read.outputs:,} different outputs"
    duplicates = f"; {read.duplicates:,} rows repeat another one" if read.duplicates else ""
    text = f"{read.rows:,} outputs of {read.prompts:,} prompts, {each:.3g} each{outputs}; {read.labelled:,} labelled"
    text = f"{text} ({read.labelled / read.rows:.0%})"
    careful = [("CAREFUL", line.removeprefix("CAREFUL: ")) for line in read.said if line.startswith("CAREFUL")]
    said = "; ".join(line for line in read.said if not line.startswith("CAREFUL"))
    return [("read", said), ("", f"{text}{duplicates}"), *careful]


def answer(audit: Audit) -> Rows:
    """The two questions: what can it gain, what will it learn first."""
    rows: Rows = []
    accuracy, errors = audit.reached.accuracy, audit.errors
    one, limit = accuracy.one_round, accuracy.limit_independent
    if one is not None and limit is not None:
        sure = errors.source == "told" and errors.persistent_share is not None
        rho = errors.persistent_share.middle if errors.persistent_share is not None else None
        if sure and rho == 0:
            text = f"with independent errors retraining reaches {ranged(percent, limit)} of what is accepted in the end"
        else:
            share = f"{ranged(percent, one)} of what is accepted is correct after one round"
            text = f"{share}; if errors persist, as those of tests do, no more forever; if they are independent,"
            text = f"{text} {ranged(percent, limit)} in the end"
        rows.append(("ANSWER", text))
    learned = audit.teaches.answer.learned
    if learned and learned[0].learned_after is not None:
        text = f"learned first of the columns here: {learned[0].name}{_beside(audit, learned[0].name)}"
        rows.append(("" if rows else "ANSWER", text))
    return rows


def _beside(audit: Audit, name: str) -> str:
    reference = audit.teaches.relative_to.get(name)
    return f" (relative to {reference})" if reference else ""


def _verifier(audit: Audit) -> Rows:
    found, rows = audit.verifier, []
    if found.tpr is None and found.fpr is None:
        why = "no labels" if not audit.read.labelled else "labels of accepted and rejected outputs alike are needed"
        rows.append(("verifier", f"its rates are not known: {why}"))
        return rows
    rows.append(("verifier", f"tpr {ranged(short, found.tpr)}, fpr {ranged(short, found.fpr)}"))
    if found.likelihood_ratio is not None:
        rows.append(("", f"likelihood ratio LR = tpr/fpr {ranged(short, found.likelihood_ratio)}"))
        bits = found.capacity_bits.middle if found.capacity_bits else math.nan
        text = f"a verdict carries at most {ranged(short, found.capacity_nats)} nats ({bits:.3g} bits) [capacity],"
        rows.append(("", f"{text} {ranged(short, found.information_nats)} about outputs like these"))
    if audit.roc is not None:
        one = audit.roc
        text = (
            f"AUC {ranged(short, one.auc)}; the threshold {one.threshold:.4g} carries most, {one.information_nats:.3g}"
        )
        rows.append(("score", f"{text} nats; chosen on half of the prompts, in the other half {one.held_out_nats:.3g}"))
    for name, values in _by_column(audit).items():
        ends = [values[0], values[-1]]
        text = " to ".join(f"{short(v.fpr.middle)} ({label})" for label, v in ends if v.fpr is not None)
        rows.append((f"by {name}"[:LABEL], f"fpr {text}, of {len(values)}: rates hold for outputs like those labelled"))
    return rows


def _by_column(audit: Audit) -> dict[str, list]:
    """The values of each group with two or more, by their fpr."""
    columns: dict[str, list] = {}
    for name, found in audit.by_group.items():
        if found.fpr is not None:
            column, _, value = name.partition("=")
            columns.setdefault(column, []).append((value, found))
    return {name: sorted(v, key=lambda one: one[1].fpr.middle) for name, v in columns.items() if len(v) > 1}


def _errors(audit: Audit) -> Rows:
    found = audit.errors
    if audit.verifier.likelihood_ratio is None:
        return []
    rho = found.persistent_share
    if found.source == "told" and rho is not None:
        return [("errors", f"a share of {rho.middle:.3g} persists, as told by --errors")]
    if found.source == "looks":
        return [
            ("errors", f"a share of {ranged(short, rho)} persists: correlation of looks at one output, given its truth")
        ]
    if found.source == "unknown":
        why = "one look at each output, one output a prompt"
        text = f"the log cannot tell whether they persist ({why}); both answers are given (--errors says which holds)"
        return [("errors", text)]
    assert found.clustering is not None
    text = f"verdicts on outputs of one prompt and truth correlate by {ranged(short, found.clustering)}"
    if found.wrong is not None:
        again, at_all = found.wrong
        of = f"a wrong output is accepted in {again:.2f} of cases if another wrong one of its prompt was,"
        text = f"{of} in {at_all:.2f} of all; {text}"
    more = "how much more, only repeated looks at one output show (all of it: tests of code); --errors says"
    return [("errors", f"{text}: at least so much persists, and {more}")]


def _reached(audit: Audit) -> Rows:
    found, prompts = audit.reached, audit.reached.prompts
    rows: Rows = []
    if found.accuracy.now is not None:
        rows.append(("accuracy", f"now {ranged(percent, found.accuracy.now)} of all outputs are correct"))
    if found.path is not None:
        over = "pooled, as if all prompts were alike" if found.pooled else "mean over prompts with an accepted output"
        rows.append(("by rounds", f"share correct of what is accepted, {over}; many samples a round"))
        rows.append(("", "  ".join([f"{'rounds':<24}", *(f"{found.path.rounds[i]:>6}" for i in SHORT), "  end"])))
        rows += _table(audit, found.path)
    elif found.accuracy.one_round is not None:
        rows.append(("accepted", f"{ranged(percent, found.accuracy.one_round)} of what is accepted is correct"))
    everywhere = found.accuracy.one_round_all_prompts
    text = f"{prompts.never_accepted:,} of {audit.read.prompts:,} prompts have no accepted output"
    if everywhere is not None:
        text += f"; with them at their present accuracy, one round reaches {ranged(percent, everywhere)}"
    rows.append(("prompts", text))
    if found.accuracy.one_round is not None:
        text = f"{prompts.no_correct_accepted:,} are won by wrong outputs alone, {prompts.mixed:,} have both accepted"
        rows.append(("", f"{text}: only there further rounds can decide, as far as these outputs show"))
    if found.attempts:
        each = [f"{one.cost:g}: {_attempts(one.best)}" for one in found.attempts]
        text = f"most a prompt until one is accepted, if a wrong answer costs so many correct ones: {', '.join(each)}"
        rows.append(("attempts", f"{text} (resampling a prompt's outputs as logged, arXiv:2411.17501)"))
    if found.second_verifier is not None:
        text = f"{ranged(percent, found.second_verifier)} correct of what this and another verifier accept, if that one"
        rows.append(("both accept", f"{text} is as good, and its errors are independent of the first one's"))
    return rows


def _attempts(best: int | None) -> str:
    return "no end" if best is None else "do not answer" if best == 0 else f"{best}"


def _table(audit: Audit, path: Path) -> Rows:
    accuracy, rho = audit.reached.accuracy, audit.errors.persistent_share
    kinds: list[tuple[str, tuple[Interval, ...] | None, Interval | None]] = [
        ("persistent errors", path.persistent, accuracy.limit_persistent),
        ("independent errors", path.independent, accuracy.limit_independent),
    ]
    if path.estimated is not None and rho is not None:
        kinds.insert(1, (f"{rho.middle:.2f} of them persists", path.estimated, accuracy.limit_persistent))
    return [
        ("", "  ".join([f"{name:<24}", *(f"{100 * values[i].middle:5.1f}%" for i in SHORT), f"{_end(limit)}"]))
        for name, values, limit in kinds
        if values is not None
    ]


def _end(limit: Interval | None) -> str:
    if limit is None:
        return ""
    return f"{100 * limit.middle:5.1f}% [{100 * limit.low:.1f} to {100 * limit.high:.1f}]"


def _learned(audit: Audit) -> Rows:
    found = audit.teaches
    rows: Rows = []
    for i, one in enumerate(found.answer.learned[:SHOWN]):
        after = "not learned" if one.learned_after is None else f"after {one.learned_after.middle:,.0f} rows"
        given = "" if one.nats_given_truth is None else f", {short(one.nats_given_truth.middle)} given the truth"
        text = f"{i + 1} {one.name}{_beside(audit, one.name)}: {after}; saves {ranged(short, one.saved_nats)} nats"
        text = f"{text} of code length; carries {short(one.nats.middle)} nats a verdict{given}"
        if one.crossover is not None:
            text = f"{text}; ahead of {i} from {one.crossover.middle:,.0f} rows on"
        rows.append(("teaches" if not i else "", text))
    rows += [("CAREFUL", text) for text in found.answer.said]
    rows += [("CAREFUL", str(one)) for one in found.constants[:2]]
    if found.without:
        each = [f"without {one.name} {one.first.name if one.first else 'nothing'}" for one in found.without[:3]]
        rows.append(("", f"learned first: {'; '.join(each)}"))
    if found.mend is not None and found.mend.drop is not None:
        one = found.mend
        text = f"of pairs of an accepted and a rejected output of one prompt {one.name} agrees with {one.wins:,} and"
        text = (
            f"{text} disagrees with {one.losses:,}: without {one.drop:.0%} of the first it carries nothing (pairs.csv)"
        )
        rows.append(("decorrelate", text))
    return rows


def _advice(audit: Audit) -> Rows:
    rows: Rows = []
    for i, step in enumerate(audit.advice.steps):
        nats = "" if step.nats is None else f"{step.nats:.3g} nats a verdict: "
        rows.append(("advice" if not i else "", f"{i + 1} {nats}{step.sentence}, {step.condition}"))
    if audit.advice.labels:
        best = audit.advice.labels[0]
        text = f"of 100 more {best.of}, one each of new prompts, narrow {best.number} most, from"
        text = f"{text} ±{best.width / 2:.3f} to ±{best.narrowed / 2:.3f}; {best.halve:,} halve it"
        rows.append(("labels", text))
    return rows


def _wrapped(label: str, text: str, width: int) -> Iterable[str]:
    lead = f"{label:<{LABEL}}" if len(label) < LABEL else f"{label} "
    if "  " in text:  # a table
        return [f"{lead}{text}"]
    return textwrap.wrap(text, width, initial_indent=lead, subsequent_indent=" " * LABEL, break_on_hyphens=False)


def _plain(value: object) -> object:
    if isinstance(value, Interval):
        return [_finite(x) for x in value]
    if isinstance(value, np.generic):
        return _plain(value.item())
    if isinstance(value, np.ndarray):
        return _plain(value.tolist())
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return _fields(value)
    if isinstance(value, dict):
        return {str(name): _plain(x) for name, x in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(x) for x in value]
    return _finite(value) if isinstance(value, float) else value


def _fields(value: Any) -> dict[str, Any]:
    return {name: _plain(x) for name, x in value._asdict().items()}


def _finite(x: float) -> float | None:
    return x if math.isfinite(x) else None


def as_json(audit: Audit) -> dict:
    """Every number of the screen: counts as whole numbers, others as [low, middle, high], null where not known.

    An end that has no bound is null in its triple.
    """
    read, found = audit.read, audit.reached
    verifier = audit.verifier._asdict()
    return {
        "name": read.name,
        "rows": read.rows,
        "prompts": read.prompts,
        "labelled": read.labelled,
        "outputs": read.outputs,
        "duplicates": read.duplicates,
        "read": list(read.said),
        "verifier": _plain(verifier),
        "verifier_by_group": _plain(audit.by_group),
        "score": _plain(None if audit.roc is None else {k: v for k, v in audit.roc._asdict().items() if k != "curve"}),
        "errors": _plain(audit.errors),
        "accuracy": _plain(found.accuracy),
        "pooled": found.pooled,
        "prompts_never_accepted": found.prompts.never_accepted,
        "prompts_by_accepted": _plain(found.prompts),
        "rounds": _plain(found.path),
        "second_verifier": _plain(found.second_verifier),
        "attempts": _plain(found.attempts),
        "features": [
            {"relative_to": audit.teaches.relative_to.get(one.name), **_fields(one)}
            for one in audit.teaches.answer.learned
        ],
        "rows_of_curves": _plain(audit.teaches.answer.samples),
        "without": [
            {"name": one.name, "rows": one.rows, "first": one.first.name if one.first else None}
            for one in audit.teaches.without
        ],
        "constant": _plain(audit.teaches.constants),
        "decorrelate": _plain(audit.teaches.mend and audit.teaches.mend._replace(held_out=None, pairs=None)),
        "advice": _plain(audit.advice),
    }
