"""The audit of a log: what was read, the verifier, its errors, what retraining reaches, what it teaches, what to do."""

from typing import Any, NamedTuple

import numpy as np

from experiments.questions import logs
from experiments.questions.audit.accuracy import Reached, reached
from experiments.questions.audit.advice import Advice, advice
from experiments.questions.audit.rates import Roc, Verifier, by_group, roc, verifier
from experiments.questions.audit.teaches import Teaches, teaches
from experiments.questions.errors import Errors, errors, told_share
from experiments.questions.logs import Log
from experiments.questions.posterior import alike


class Read(NamedTuple):
    """What was read."""

    name: str
    rows: int
    prompts: int
    outputs: int | None  # different ones; None without a column of outputs
    labelled: int
    duplicates: int  # rows that repeat another one in all that is used
    said: tuple[str, ...]


class Audit(NamedTuple):
    """All that `infoloop audit` says."""

    read: Read
    verifier: Verifier
    by_group: dict[str, Verifier]  # for each COL=VALUE with labels of both kinds
    roc: Roc | None
    errors: Errors
    reached: Reached
    teaches: Teaches  # columns in the order in which they are learned
    advice: Advice


def audit(data: Any, *, errors: str | float | None = None, **columns: Any) -> Audit:
    """The audit of a log of outputs, verdicts and, for some, truths.

    Args:
        data: a file (its path), a pandas or polars frame, or a mapping from names to arrays [n].
        errors: "independent", "persistent", or the share of the verifier's errors that persists; None: from the log.
        columns: which column is what, `threshold` and `where`, as `logs.read` takes them.
    """
    told_share(errors)
    log = logs.read(data, **columns)
    if log.score is not None and columns.get("threshold") is None and "verdict" not in log.roles:
        log = _at_best_threshold(log)
    return of_log(log, errors)


def of_log(log: Log, told: str | float | None = None) -> Audit:
    """The audit of a log that has been read."""
    rates, persist = verifier(log), errors(log, told)
    found = reached(log, rates, persist)
    return Audit(
        _read(log),
        rates,
        by_group(log, draws=4_000),
        roc(log),
        persist,
        found,
        teaches(log),
        advice(log, rates, persist, found),
    )


def _at_best_threshold(log: Log) -> Log:
    """Verdicts at the threshold whose verdicts carry most about the truth."""
    best = roc(log)
    if best is None or log.score is None:
        return log
    text = (
        f"accepted: {log.roles['score']} of {best.threshold:g} or more, the threshold that carries most (--threshold)"
    )
    said = tuple(line for line in log.said if "--threshold" not in line)
    return log._replace(verdict=(log.score >= best.threshold).astype(float), said=(*said, text))


def _read(log: Log) -> Read:
    columns = [log.verdict, np.nan_to_num(log.truth, nan=-1), log.prompt]
    columns += [group.codes for group in log.groups.values()]
    columns += [np.nan_to_num(one.values, nan=np.inf) for one in log.features.values()]
    columns += [] if log.output is None else [log.output]
    columns += [] if log.score is None else [log.score]
    outputs = None
    if log.output is not None:
        outputs = len(alike([log.prompt, log.output])[0])
    return Read(
        log.name,
        int(log.verdict.size),
        int(log.prompt.max()) + 1,
        outputs,
        int(log.labelled.sum()),
        int(log.verdict.size - len(alike(columns)[0])),
        log.said,
    )
