"""Logs that people have: a row an output, with what a verifier said of it and, for some, whether it is correct.

Columns are named, or guessed by their names, and what was taken for what is said.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, Int

from experiments.questions import tables
from experiments.questions.files import count, shown
from experiments.questions.tables import Table
from experiments.validation import number, refuse

GUESSED = {  # names by which a column is known, the likelier first
    "verdict": "verdict passed accepted pass accept kept approved reward label",
    "truth": "truth correct gold is_correct ground_truth true_label",
    "score": "score preferred preference rating probability prob logit reward label",
    "prompt": "prompt task question problem prompt_id task_id question_id problem_id item id",
    "output": "output output_id response completion answer solution program code text hash",
}
REFERENCE = "ref_"  # before a column's name: the same of a reference output to the prompt
MOST_VALUES = 50  # of a group
FEWEST_NUMBERS = 3  # different numbers of a feature; two are a group


class Group(NamedTuple):
    """A column of few values: a model, a data set, a style."""

    codes: Int[np.ndarray, " n"]  # −1 where missing
    values: tuple[str, ...]


class Feature(NamedTuple):
    """A column of numbers, as it stands, or relative to that of a reference output."""

    values: Float[np.ndarray, " n"]  # NaN where missing
    relative_to: str | None  # the column that was divided by, or subtracted where either has a 0
    raw: Float[np.ndarray, " n"] | None = None  # the column itself, where the values are relative

    def pick(self, rows: np.ndarray) -> "Feature":
        """Some of the rows."""
        raw = None if self.raw is None else self.raw[rows]
        return self._replace(values=self.values[rows], raw=raw)


class Log(NamedTuple):
    """Outputs, row by row; a row without a verdict, or without a prompt where there are prompts, is left out."""

    name: str
    verdict: Float[np.ndarray, " n"]  # 1 accepted, 0 rejected; in between where a score is used as its probability
    truth: Float[np.ndarray, " n"]  # 1 correct, 0 wrong, NaN not known
    score: Float[np.ndarray, " n"] | None
    prompt: Int[np.ndarray, " n"]  # numbered from 0; without such a column each row has its own
    output: Int[np.ndarray, " n"] | None  # of the same prompt, the same number: looks at one output
    groups: dict[str, Group]
    features: dict[str, Feature]
    places: Int[np.ndarray, " n"]  # the lines of the file, or rows of the frame
    roles: dict[str, str]  # which column is what
    said: tuple[str, ...]  # what was read, guessed and left out, a sentence each

    @property
    def labelled(self) -> np.ndarray:
        """Rows whose truth is known [n]."""
        return ~np.isnan(self.truth)

    @property
    def hard(self) -> bool:
        """Whether each verdict is 0 or 1."""
        return bool(np.isin(self.verdict, (0, 1)).all())

    def pick(self, rows: np.ndarray) -> "Log":
        """Some of the rows, by a mask or by their indices; prompts are numbered anew."""
        return self._replace(
            verdict=self.verdict[rows],
            truth=self.truth[rows],
            score=None if self.score is None else self.score[rows],
            prompt=np.unique(self.prompt[rows], return_inverse=True)[1],
            output=None if self.output is None else self.output[rows],
            groups={name: group._replace(codes=group.codes[rows]) for name, group in self.groups.items()},
            features={name: one.pick(rows) for name, one in self.features.items()},
            places=self.places[rows],
        )


def read(
    source: Any,
    *,
    verdict: str | None = None,
    truth: str | None = None,
    score: str | None = None,
    prompt: str | None = None,
    output: str | None = None,
    group: Sequence[str] | None = None,
    feature: Sequence[str] | None = None,
    threshold: float | None = None,
    where: Mapping[str, Any] | Sequence[str] = (),
) -> Log:
    """A log from a file (its path), a pandas or polars frame, or a mapping from names to arrays [n].

    Args:
        source: the log, a row an output.
        verdict: the column of the verifier's verdicts, 1 and 0 or words for them; None: guessed by name, as all others.
        truth: … of whether the output is correct; may have gaps.
        score: … of a score, in the place of a verdict: the higher, the better.
        prompt: … of the prompt that the output answers.
        output: … of the output itself, or a number or hash of it, by which looks at one output are known.
        group: … of few values each, such as the model; None: guessed, () for none.
        feature: … of numbers, such as a length; a column ref_NAME beside NAME makes NAME relative to it.
        threshold: accepted is a score of at least this.
        where: kept rows, {"model": ["a", "b"]} or ["model=a", "model=b"]: for each column one of its values;
            "model!=a" leaves rows out.
    """
    table = tables.read(source, header=True if isinstance(source, str) else None)
    table, kept = tables.where(table, where)
    asked = {"verdict": verdict, "truth": truth, "score": score, "prompt": prompt, "output": output}
    roles = _roles(table, asked)
    notes = [table.said("output"), *kept]
    verdicts, scores, how = _judged(table, roles, asked, threshold)
    notes += how
    said_truth, truths = _optional(table, roles.get("truth"))
    notes += said_truth
    missing = np.isnan(verdicts if scores is None else scores)
    notes += [f"left out: {count(int(missing.sum()), 'row')} without a verdict"] * bool(missing.any())
    codes = {name: _codes(table, roles[name]) for name in ("prompt", "output") if name in roles}
    if "prompt" in codes and (lost := (codes["prompt"] < 0) & ~missing).any():
        notes.append(f"left out: {count(int(lost.sum()), 'row')} without a {roles['prompt']}")
        missing |= lost
    if missing.all():
        raise refuse(table.name, "no row with a verdict", "one row or more")
    left = [title for title in table.columns if title not in roles.values()]
    groups = _groups(table, left, group)
    features = _features(table, [title for title in left if title not in groups], feature)
    if "prompt" not in roles:
        notes.append("no column of prompts (--prompt): each row counts as a prompt of its own, all as independent")
    taken = ", ".join(f"{title} as {role}" for role, title in roles.items())
    beside = [("group", groups), ("feature", features)]
    taken += "".join(f"; {kind}s: {', '.join(found)}" for kind, found in beside if found)
    ignored = [t for t in left if t not in groups and t not in features and not t.startswith(REFERENCE)]
    notes.append(f"taken: {taken}" + (f"; not used: {', '.join(ignored)}" if ignored else ""))
    rows = np.arange(missing.size)
    prompts = codes.get("prompt", rows)
    log = Log(
        table.name, verdicts, truths, scores, prompts, codes.get("output"), groups, features, table.places, roles, ()
    )
    log = log.pick(~missing)
    return log._replace(said=(*notes, *_two_truths(log)))


def _roles(table: Table, asked: Mapping[str, str | None]) -> dict[str, str]:
    """Which column is the verdict, the truth, …: as asked, else by the names in `GUESSED`."""
    folded = {title.lower(): title for title in table.columns}
    roles: dict[str, str] = {}
    for role, title in asked.items():
        if title is not None:
            if title not in table.columns:
                raise refuse(f"--{role}", title, f"a column: {shown(','.join(table.columns))}")
            if title in roles.values():
                raise refuse(f"--{role}", title, "another column than that of --" + _key_of(roles, title))
            roles[role] = title
    for role, names in GUESSED.items():
        if role in roles or (role == "verdict" and "score" in roles) or (role == "score" and "verdict" in roles):
            continue
        for name in names.split():
            title = folded.get(name)
            if title is None or title in roles.values() or not _fits(role, table.columns[title]):
                continue
            roles[role] = title
            break
    return roles


def _fits(role: str, values: np.ndarray) -> bool:
    """Whether a column that is only guessed can be what its name says."""
    if role == "verdict":
        return values.dtype.kind not in "f" or bool(np.isin(values, (0, 1)).sum() == np.isfinite(values).sum())
    return role != "score" or values.dtype.kind in "biuf"


def _key_of(roles: Mapping[str, str], title: str) -> str:
    return next(role for role, taken in roles.items() if taken == title)


def _judged(
    table: Table, roles: Mapping[str, str], asked: Mapping[str, str | None], threshold: float | None
) -> tuple[np.ndarray, np.ndarray | None, list[str]]:
    """Verdicts, NaN where missing, the scores that they came from, and how."""
    scores = None
    if "score" in roles:
        scores = np.asarray(table.columns[roles["score"]])
        if scores.dtype.kind not in "biuf":
            raise refuse(f"{table.name}, column {roles['score']}", "words", "numbers, as scores")
        scores = scores.astype(float)
        if np.isinf(scores).any():
            raise table.refuse(roles["score"], int(np.argmax(np.isinf(scores))), "a finite score")
    if threshold is not None:
        number("--threshold", threshold, np.isfinite, "a number")
        if scores is None:
            raise refuse("--threshold", threshold, "a column of scores beside it: --score COLUMN")
    if "verdict" in roles:
        if threshold is not None:
            raise refuse("--threshold", threshold, "scores alone, without --verdict")
        note, verdicts = _optional(table, roles["verdict"])
        return verdicts, scores, note
    if scores is None:
        known = f"{GUESSED['verdict'].replace(' ', ', ')}; {GUESSED['score'].replace(' ', ', ')}"
        accepted = f"one with a verdict or a score: --verdict or --score COLUMN (known names: {known})"
        raise refuse(table.name, f"a table of the columns {shown(','.join(table.columns))}", accepted)
    name = roles["score"]
    if threshold is not None:
        return _split(scores, threshold), scores, [f"accepted: {name} of {threshold:g} or more"]
    known = scores[~np.isnan(scores)]
    if ((known >= 0) & (known <= 1)).all():
        return scores, scores, [f"{name}, from 0 to 1, is used as the probability of acceptance (or --threshold)"]
    middle = float(np.median(known))
    accepted = _split(scores, middle)
    return accepted, scores, [f"accepted: {name} of {middle:g}, its median, or more (--threshold says otherwise)"]


def _split(scores: np.ndarray, threshold: float) -> np.ndarray:
    return np.where(np.isnan(scores), np.nan, scores >= threshold)


def _optional(table: Table, name: str | None) -> tuple[list[str], np.ndarray]:
    """A column of 1 and 0 or words for them, NaN where missing, and which is which; all missing without a name."""
    if name is None:
        return [], np.full(len(table.places), np.nan)
    found = tables.binary(table, name, gaps=True)
    return [found.said], found.values


def _codes(table: Table, name: str) -> np.ndarray:
    return tables.factorized(table.columns[name])[0]


def _groups(table: Table, left: Sequence[str], asked: Sequence[str] | None) -> dict[str, Group]:
    """The columns of few values: those asked for, or all of words, or of two numbers."""
    found = {}
    for title in left if asked is None else _known(table, "group", asked):
        values = table.columns[title]
        if asked is None and (title.startswith(REFERENCE) or len(_few(values)) > _most(values)):
            continue
        codes, texts = tables.factorized(values)
        if len(texts) > MOST_VALUES:
            raise refuse("--group", f"{title}, of {len(texts):,} values", f"{MOST_VALUES} values or fewer")
        if len(texts) > 1 or asked is not None:
            found[title] = Group(codes, tuple(texts))
    return found


def _most(values: np.ndarray) -> int:
    """Different values of a column that is taken for a group."""
    return FEWEST_NUMBERS - 1 if values.dtype.kind in "biuf" else MOST_VALUES


def _few(values: np.ndarray) -> list[Any]:
    import pandas

    return pandas.unique(values[~pandas.isna(values)]).tolist()


def _features(table: Table, left: Sequence[str], asked: Sequence[str] | None) -> dict[str, Feature]:
    """The columns of numbers: those asked for, or all that vary; NAME beside ref_NAME is relative to it."""
    found = {}
    for title in left if asked is None else _known(table, "feature", asked):
        values = table.columns[title]
        if values.dtype.kind not in "biuf":
            if asked is not None:
                raise refuse("--feature", f"{title}, a column of words", "a column of numbers; words are a --group")
            continue
        if asked is None and (title.startswith(REFERENCE) or len(_few(values)) < FEWEST_NUMBERS):
            continue
        found[title] = _relative(table, title, values.astype(float))
    return found


def _relative(table: Table, title: str, values: np.ndarray) -> Feature:
    reference = f"{REFERENCE}{title}"
    other = table.columns.get(reference)
    if other is None or other.dtype.kind not in "biuf":
        return Feature(values, None)
    both = np.isfinite(values) & np.isfinite(other)
    if (values[both] > 0).all() and (other[both] > 0).all():
        with np.errstate(invalid="ignore", divide="ignore"):
            return Feature(np.log(values / other), reference, values)
    return Feature(values - other, reference, values)


def _known(table: Table, option: str, asked: Sequence[str]) -> list[str]:
    for title in asked:
        if title not in table.columns:
            raise refuse(f"--{option}", title, f"a column: {shown(','.join(table.columns))}")
    return list(asked)


def _two_truths(log: Log) -> list[str]:
    """That one output is called correct and wrong, where it is."""
    if log.output is None or not log.labelled.any():
        return []
    rows = log.labelled & (log.output >= 0)
    _, looks = np.unique(np.stack([log.prompt[rows], log.output[rows]]), axis=1, return_inverse=True)
    correct, all_looks = np.bincount(looks.ravel(), log.truth[rows]), np.bincount(looks.ravel())
    two = (correct > 0) & (correct < all_looks)
    if not two.any():
        return []
    first = int(np.flatnonzero(rows)[np.argmax(two[looks.ravel()])])
    text = f"{count(int(two.sum()), 'output')} called both correct and wrong (the first in row {log.places[first]})"
    return [f"CAREFUL: {text}: kept as they stand, so that rates and persistence are those of labels with errors"]
