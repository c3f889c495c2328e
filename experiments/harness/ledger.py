"""The ledger: a row for each check, with its numbers, its outcome and the command that reruns it.

Nothing here imports JAX. All numbers are in the row's unit, nats unless it says otherwise.
"""

import json
import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

from experiments.validation import refuse, unknown

Profile = Literal["quick", "full"]
Kind = Literal["exact", "monte-carlo", "proof", "adversarial"]
Outcome = Literal["holds", "fails", "open"]

EXACT_TOLERANCE = 1e-12  # float64, sums of up to some thousand terms of size one
MARKS: dict[Outcome, str] = {"holds": "✓", "fails": "✗", "open": "?"}
MOST_OPEN = 15  # rows of the quick profile
KEYS = {"outcome": "verdict", "control_of": "twin_of"}  # fields of a row that the file calls otherwise


@dataclass(frozen=True)
class Settings:
    """The profile, the seed, and where the results of studies are kept on disk; hashable."""

    profile: Profile = "quick"
    seed: int = 0
    folder: Path | None = field(default=None, compare=False)  # where the results of studies are kept
    resume: bool = field(default=False, compare=False)  # whether those that are there are read
    read: list[str] = field(default_factory=list, compare=False, repr=False)  # the studies that were read

    def __post_init__(self) -> None:
        if self.profile not in get_args(Profile):
            raise unknown("profile", self.profile, get_args(Profile))
        if not 0 <= self.seed < 2**63:
            raise refuse("seed", self.seed, "a whole number from 0 to 2^63 - 1")

    @property
    def full(self) -> bool:
        """Whether this is the long, more accurate profile."""
        return self.profile == "full"


@dataclass(frozen=True, kw_only=True)
class Decision:
    """The outcome of a row and the numbers behind it, as `claim.Found` decides it."""

    setting: str
    slack: float
    predicted: float | None = None
    measured: float | None = None
    stderr: float | None = None
    lower: float | None = None  # a bracket around the truth, where there is one
    upper: float | None = None
    unit: str = "nats"
    outcome: Outcome
    reach: float = 0.0  # half the interval of the slack, at the level of five sigma


@dataclass(frozen=True, kw_only=True)
class Row:
    """One row of ledger.json, its fields in the order of the file, in which some have the names of `KEYS`."""

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
    outcome: Outcome
    expected: Outcome
    control_of: str | None  # the id of the row whose negative control this is
    test: str | None
    figure: str | None
    command: str

    @property
    def as_expected(self) -> bool:
        """Whether the outcome is the expected one."""
        return self.outcome == self.expected

    @property
    def refuted(self) -> bool:
        """Whether a claim fails, or a negative control holds."""
        return not self.as_expected and self.outcome == ("holds" if self.control_of else "fails")


def write_atomic(path: Path, content: bytes | str) -> None:
    """Replaces the file at once: a kill at any moment leaves the old content or the new, never a part."""
    from sandbox.store import atomic  # which imports JAX

    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic(path, "wb") as file:
        file.write(content.encode() if isinstance(content, str) else content)


def read(path: Path) -> list[Row]:
    """The rows on disk, none where there is no file.

    Raises:
        ValueError: the file is not a ledger.
    """
    try:
        return [_row(fields) for fields in json.loads(path.read_text(encoding="utf-8"))]
    except FileNotFoundError:
        return []
    except (ValueError, TypeError) as error:
        raise refuse(str(path), f"no ledger ({error})", "a ledger.json of infoloop; or choose another --out") from error


def _row(fields: dict[str, Any]) -> Row:
    names = {key: name for name, key in KEYS.items()}
    return Row(**{names.get(key, key): value for key, value in dict(fields).items()})


def write(path: Path, rows: Sequence[Row]) -> None:
    """Writes a whole ledger, atomically."""
    found = [{KEYS.get(name, name): value for name, value in asdict(row).items()} for row in rows]
    write_atomic(path, json.dumps(found, indent=1, ensure_ascii=False, allow_nan=False) + "\n")


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
    """The rows of a claim, counted by outcome."""

    held: int
    failed: int  # negative controls that fail, or tie, as they must
    left_open: int  # undecided, where the outcome was to be another
    refuted: int  # rows that fail, and controls that hold

    @property
    def mark(self) -> str:
        """The mark of the gravest outcome."""
        return MARKS["fails" if self.refuted else "open" if self.left_open else "holds"]

    @property
    def words(self) -> str:
        """The numbers that are not 0, as in: 12 hold, 3 controls fail."""
        counted = (
            (self.held, "holds", "hold"),
            (self.failed, "control fails", "controls fail"),
            (self.left_open, "open", "open"),
            (self.refuted, "refuted", "refuted"),
        )
        return ", ".join(f"{n} {one if n == 1 else many}" for n, one, many in counted if n)


def tally(rows: Iterable[Row]) -> dict[str, Tally]:
    """The rows counted by claim."""
    counts: dict[str, list[int]] = {}
    for row in rows:
        place = (
            ("refuted" if row.refuted else "open") if not row.as_expected else "control" if row.control_of else "row"
        )
        counts.setdefault(row.claim, [0, 0, 0, 0])[("row", "control", "open", "refuted").index(place)] += 1
    return {claim: Tally(*numbers) for claim, numbers in counts.items()}


def status(rows: Iterable[Row], profile: Profile) -> int:
    """The exit status: 1 if a row is refuted or a control holds, in the full profile also if one is open; else 0."""
    return int(any(row.refuted or (profile == "full" and not row.as_expected) for row in rows))


def summary(rows: Sequence[Row]) -> str:
    """How many rows are as expected, and which are open or refuted."""
    text = f"{sum(row.as_expected for row in rows)} of {len(rows)} rows as expected"
    open_ = [row.id for row in rows if not row.as_expected and not row.refuted]
    refuted = [f"{row.id} ({row.outcome})" for row in rows if row.refuted]
    if open_:
        most = f", more than {MOST_OPEN}" if len(open_) > MOST_OPEN else ""
        text += f"; {len(open_)} open{most}: {', '.join(open_)}"
    return f"{text}; {len(refuted)} refuted: {', '.join(refuted)}" if refuted else text
