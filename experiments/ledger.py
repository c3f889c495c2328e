"""The ledger: one row a claim that was checked, with its numbers, its verdict and the command that reruns it.

Nothing here imports JAX. All numbers are in the row's unit, nats unless it says otherwise.
"""

import json
import math
import os
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Literal, NamedTuple, Self, get_args

Profile = Literal["quick", "full"]
Kind = Literal["exact", "monte-carlo", "proof", "adversarial"]
Verdict = Literal["holds", "fails", "open"]

EXACT_TOLERANCE = 1e-12  # float64, sums of up to some thousand terms of size one
STANDARD_ERRORS = 5.0
MARKS: dict[Verdict, str] = {"holds": "✓", "fails": "✗", "open": "?"}

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")  # needs no quotes in a shell, and no escape in a file name
_CLAIM = re.compile(r"C([1-9]|1[0-2])|L[1-4]|R[1-6]|[ABWDEF]\d+[a-z]?")


def _accept(what: str, given: object, accepted: Sequence[str]) -> None:
    if given not in accepted:
        raise ValueError(f"{what} is {given!r}; accepted: {', '.join(accepted)}")


@dataclass(frozen=True)
class Settings:
    """How much work a check may do, and its randomness; hashable, so that an experiment can cache on it."""

    profile: Profile = "quick"
    seed: int = 0

    def __post_init__(self) -> None:
        _accept("profile", self.profile, get_args(Profile))
        if not 0 <= self.seed < 2**63:
            raise ValueError(f"seed is {self.seed}; accepted: a whole number from 0 to 2^63 - 1")

    @property
    def full(self) -> bool:
        """Whether this is the long, more accurate profile."""
        return self.profile == "full"


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a check found. Make it with `inequality` or `equality`, which decide the verdict by the rules."""

    setting: str
    slack: float
    predicted: float | None = None
    measured: float | None = None
    stderr: float | None = None
    lower: float | None = None  # a bracket around the truth, where there is one
    upper: float | None = None
    unit: str = "nats"
    verdict: Verdict

    def __post_init__(self) -> None:
        _accept("verdict", self.verdict, get_args(Verdict))
        for name in (
            "predicted",
            "measured",
            "stderr",
            "lower",
            "upper",
            "slack",
        ):  # slack last: it follows from others
            value: float | None = getattr(self, name)
            if value is None:
                continue
            if not math.isfinite(value):
                raise ValueError(f"{name} is {value} in the setting {self.setting!r}; accepted: a finite number")
            object.__setattr__(self, name, float(value))  # JSON knows no numpy and no jax scalars
        if self.stderr is not None and self.stderr < 0:
            raise ValueError(f"stderr is {self.stderr} in the setting {self.setting!r}; accepted: 0 or more")


def inequality(
    slack: float,
    *,
    setting: str,
    stderr: float | None = None,
    predicted: float | None = None,
    measured: float | None = None,
    unit: str = "nats",
) -> Outcome:
    """Decides a claim of the form slack >= 0.

    Exact (no `stderr`): holds iff slack >= -1e-12. Monte-Carlo: holds if slack - 5 stderr >= 0, fails if
    slack + 5 stderr < 0, open in between.

    Raises:
        ValueError: a number is not finite, or `stderr` is negative.
    """
    margin = EXACT_TOLERANCE if stderr is None else -STANDARD_ERRORS * stderr
    fails = "fails" if stderr is None or slack - margin < 0 else "open"
    return Outcome(
        setting=setting,
        slack=slack,
        predicted=predicted,
        measured=measured,
        stderr=stderr,
        unit=unit,
        verdict="holds" if slack + margin >= 0 else fails,
    )


def equality(
    measured: float,
    predicted: float,
    *,
    setting: str,
    stderr: float | None = None,
    tolerance: float = EXACT_TOLERANCE,
    unit: str = "nats",
) -> Outcome:
    """Decides a claim of the form measured = predicted.

    slack = tolerance - |measured - predicted|; holds iff slack >= 0. The tolerance is 5 `stderr` where there is
    one, else `tolerance`; another than 1e-12 needs its reason in the setting.

    Raises:
        ValueError: a number is not finite or negative where it may not be, or both tolerances are given.
    """
    if stderr is not None and tolerance != EXACT_TOLERANCE:
        raise ValueError(f"tolerance is {tolerance} and stderr is {stderr}; accepted: one of them")
    if not 0 <= tolerance < math.inf:
        raise ValueError(f"tolerance is {tolerance} in the setting {setting!r}; accepted: a finite number, 0 or more")
    slack = (tolerance if stderr is None else STANDARD_ERRORS * stderr) - abs(measured - predicted)
    return Outcome(
        setting=setting,
        slack=slack,
        predicted=predicted,
        measured=measured,
        stderr=stderr,
        unit=unit,
        verdict="holds" if slack >= 0 else "fails",
    )


def bracketed(
    lower: float, lower_stderr: float, upper: float, upper_stderr: float, *, setting: str, unit: str = "nats"
) -> Outcome:
    """Decides a claim of the form slack >= 0, where the slack is known to lie between two Monte-Carlo bounds.

    Holds if lower - 5 errors >= 0, fails if upper + 5 errors < 0, open in between. The row shows the end that decides,
    with its error.

    Raises:
        ValueError: a number is not finite, or an error is negative.
    """
    if not min(lower_stderr, upper_stderr) >= 0:
        raise ValueError(f"stderr is {lower_stderr} and {upper_stderr} in the setting {setting!r}; accepted: 0 or more")
    fails = upper + STANDARD_ERRORS * upper_stderr < 0
    holds = lower - STANDARD_ERRORS * lower_stderr >= 0
    slack, stderr = (upper, upper_stderr) if fails else (lower, lower_stderr)
    return Outcome(
        setting=setting,
        slack=slack,
        measured=slack,
        stderr=stderr,
        lower=lower,
        upper=upper,
        unit=unit,
        verdict="holds" if holds else "fails" if fails else "open",
    )


@dataclass(frozen=True, kw_only=True)
class Check:
    """One row to be: what is claimed, how it is measured, and where it is tested."""

    id: str
    claim: str  # C1 … C12, L1 … L4, R1 … R6, or a law: A, B, W, D, E, F and a number
    kind: Kind
    statement: str
    test: str  # a pytest node: tests/…/test_x.py::test_y
    measure: Callable[[Settings], Outcome] = field(repr=False)
    figure: str | None = None  # the stem of its file, a key of the module's FIGURES
    expected: Verdict = "holds"
    twin_of: str | None = None  # the id of the row whose false twin this is

    def __post_init__(self) -> None:
        for what, name in (("id", self.id), ("figure", self.figure), ("twin_of", self.twin_of)):
            if name is not None and not _NAME.fullmatch(name):
                raise ValueError(f"{what} is {name!r}; accepted: letters, digits, dot, hyphen and underscore")
        if not _CLAIM.fullmatch(self.claim):
            raise ValueError(f"claim of {self.id} is {self.claim!r}; accepted: C1 … C12, L1 … L4, R1 … R6, or a law")
        _accept(f"kind of {self.id}", self.kind, get_args(Kind))
        _accept(f"expected of {self.id}", self.expected, get_args(Verdict))
        if not re.fullmatch(r"tests/[\w/]+\.py::.+", self.test):
            raise ValueError(f"test of {self.id} is {self.test!r}; accepted: tests/…/test_x.py::test_y")
        if not self.statement.strip():
            raise ValueError(f"statement of {self.id} is empty; accepted: the claim in words or symbols")
        if self.twin_of is not None and (self.expected != "fails" or self.twin_of == self.id):
            raise ValueError(f"{self.id} is a twin: it is expected to fail, and has another row as its original")


def check(
    id: str,
    kind: Kind,
    statement: str,
    test: str,
    measure: Callable[[Settings], Outcome],
    figure: str | None = None,
    *,
    twin: bool = False,
) -> Check:
    """A check whose id begins with its claim, as C2-mean does; the id of a twin is the original's and -twin.

    Args:
        id: as in `Check`.
        kind: as in `Check`.
        statement: as in `Check`.
        test: as in `Check`, without the leading tests/.
        measure: as in `Check`.
        figure: as in `Check`.
        twin: whether this is the false twin, expected to fail.
    """
    return Check(
        id=id,
        claim=id.partition("-")[0],
        kind=kind,
        statement=statement,
        test=f"tests/{test}",
        measure=measure,
        figure=figure,
        expected="fails" if twin else "holds",
        twin_of=id.removesuffix("-twin") if twin else None,
    )


def twins(
    id: str,
    kind: Kind,
    statement: str,
    measure: Callable[[Settings], Outcome],
    otherwise: str,
    twin: Callable[[Settings], Outcome],
    *,
    test: str,
    figure: str | None = None,
) -> tuple[Check, Check]:
    """A check and its false twin, as `check` makes them.

    Args:
        id: of the first, as in `check`.
        kind: of both.
        statement: of the first.
        measure: of the first.
        otherwise: the twin's statement.
        twin: how the twin is measured.
        test: of both, without the leading tests/.
        figure: of both.
    """
    return (
        check(id, kind, statement, test, measure, figure),
        check(f"{id}-twin", kind, otherwise, test, twin, figure, twin=True),
    )


@dataclass(frozen=True, kw_only=True)
class Row:
    """One row of ledger.json, its fields in the order of the file."""

    id: str
    claim: str
    kind: Kind
    statement: str
    setting: str
    predicted: float | None
    measured: float | None
    stderr: float | None
    lower: float | None
    upper: float | None
    unit: str
    slack: float | None
    verdict: Verdict
    expected: Verdict
    twin_of: str | None
    test: str
    figure: str | None
    command: str

    @classmethod
    def of(cls, check: Check, outcome: Outcome) -> Self:
        """The row of a check that was measured."""
        known = {f.name: getattr(check, f.name) for f in fields(check) if f.name != "measure"}
        return cls(**known, **asdict(outcome), command=f"infoloop verify --row {check.id}")

    @property
    def as_expected(self) -> bool:
        """Whether the verdict is the expected one."""
        return self.verdict == self.expected


def write_atomic(path: Path, content: bytes | str) -> None:
    """Replaces the file at once: a kill at any moment leaves the old content or the new, never a part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def read(path: Path) -> list[Row]:
    """The rows on disk, none where there is no file.

    Raises:
        ValueError: the file is not a ledger.
    """
    try:
        return [Row(**row) for row in json.loads(path.read_text(encoding="utf-8"))]
    except FileNotFoundError:
        return []
    except (ValueError, TypeError) as error:
        raise ValueError(f"{path} is not a ledger ({error}); remove it, or choose another --out") from error


def write(path: Path, rows: Sequence[Row]) -> None:
    """Writes a whole ledger, atomically."""
    write_atomic(path, json.dumps([asdict(row) for row in rows], indent=1, ensure_ascii=False, allow_nan=False) + "\n")


def update(path: Path, row: Row) -> list[Row]:
    """Puts a row in place of the one with its id, or at the end, and keeps all others. Returns the new rows."""
    rows = {old.id: old for old in read(path)}
    rows[row.id] = row
    write(path, list(rows.values()))
    return list(rows.values())


def number(value: float | None, width: int = 9) -> str:
    """A number with up to four digits, in at most `width` characters where that is possible; a dash for none."""
    if value is None:
        return "—"
    shown = [re.sub(r"e([+-])0*", lambda e: "e" + e[1].strip("+"), f"{value:.{digits}g}") for digits in (4, 3, 2)]
    return next((text for text in shown if len(text) <= width), shown[-1])


def numbers(row: Row) -> tuple[str, str]:
    """Predicted, and measured ± standard error, with as many decimals as the error gives a meaning to."""
    if row.stderr is None or row.measured is None:
        return number(row.predicted), number(row.measured) if row.stderr is None else f"±{number(row.stderr, 7)}"
    power = math.floor(math.log10(row.stderr)) if row.stderr > 0 else -math.inf
    if not -5 <= power <= 2:
        return number(row.predicted), f"{number(row.measured)}±{number(row.stderr, 7)}"
    decimals = max(0, 1 - int(power))
    predicted = number(None) if row.predicted is None else f"{row.predicted:.{decimals}f}"
    return predicted, f"{row.measured:.{decimals}f}±{row.stderr:.{decimals}f}"


class Tally(NamedTuple):
    """How many rows of a claim have which verdict, where it is the expected one, and how many have another."""

    held: int
    failed: int  # false twins
    left_open: int
    unexpected: int

    @property
    def as_expected(self) -> bool:
        """Whether all verdicts are the expected ones."""
        return not self.unexpected

    @property
    def mark(self) -> str:
        """Whether all is as expected, in a letter."""
        return MARKS["holds" if self.as_expected else "fails"]

    @property
    def words(self) -> str:
        """The numbers that are not 0, as in: 12 hold, 3 false twins fail."""
        told = (
            (self.held, "holds", "hold"),
            (self.failed, "false twin fails", "false twins fail"),
            (self.left_open, "stays open", "stay open"),
            (self.unexpected, "not as expected", "not as expected"),
        )
        return ", ".join(f"{n} {one if n == 1 else many}" for n, one, many in told if n)


def tally(rows: Iterable[Row | Check]) -> dict[str, Tally]:
    """The rows counted by claim; a check that is not measured counts as if its verdict were the expected one."""
    counts: dict[str, Counter[str]] = {}
    for row in rows:
        as_expected = isinstance(row, Check) or row.as_expected
        counts.setdefault(row.claim, Counter())[row.expected if as_expected else "unexpected"] += 1
    return {claim: Tally(*(n[key] for key in (*MARKS, "unexpected"))) for claim, n in counts.items()}


def summary(rows: Sequence[Row]) -> str:
    """How many rows are as expected, and which are not."""
    others = [row for row in rows if not row.as_expected]
    text = f"{len(rows) - len(others)} of {len(rows)} rows as expected"
    listed = ", ".join(f"{row.id} ({row.verdict}, not {row.expected})" for row in others)
    return f"{text}; {len(others)} not: {listed}" if others else text
