"""What `infoloop verify` does: finds the checks, fills the ledger row by row, draws the figures, writes the page."""

import importlib
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import groupby
from pathlib import Path
from threading import Event, Thread
from typing import Any, NamedTuple, Self

from rich.console import Console
from rich.text import Text

import experiments
from experiments import ledger, progress
from experiments.ledger import MARKS, Check, Outcome, Row, Settings, number, numbers

AT_ONCE = 2  # experiments
MOST_NAMED = 20  # names that fit into a message: of more, the nearest


class Entry(NamedTuple):
    """A check, and the figures of the experiment that it belongs to."""

    check: Check
    figures: Mapping[str, Callable[[Settings], Any]]


def catalogue() -> list[Entry]:
    """All checks of all experiments, in the order of the ledger; imports the experiments.

    Raises:
        ValueError: an id or a figure's name is used twice, or a check names a row or a figure that is not there.
    """
    modules = [importlib.import_module(experiment.module) for experiment in experiments.EXPERIMENTS]
    entries = [Entry(check, module.FIGURES) for module in modules for check in module.CHECKS]
    for what, names in (
        ("id", [entry.check.id for entry in entries]),
        ("figure", [stem for module in modules for stem in module.FIGURES]),
    ):
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"{what} {', '.join(twice)} is used more than once")
    originals = {entry.check.id for entry in entries if entry.check.twin_of is None}
    for check, figures in entries:
        if check.twin_of is not None and check.twin_of not in originals:
            raise ValueError(f"twin_of of {check.id} is {check.twin_of!r}; accepted: {', '.join(sorted(originals))}")
        if check.figure is not None and check.figure not in figures:
            raise ValueError(f"figure of {check.id} is {check.figure!r}; accepted: {', '.join(figures)}")
    return entries


def select(entries: Sequence[Entry], claim: str | None, row: str | None) -> list[Entry]:
    """The entries that `--claim` and `--row` ask for, all where neither is given.

    Raises:
        ValueError: there is no such claim or row, or the row is of another claim.
    """
    for option, given, accepted in (
        ("--claim", claim, [entry.check.claim for entry in entries]),
        ("--row", row, [entry.check.id for entry in entries if claim in (None, entry.check.claim)]),
    ):
        if given is not None and given not in accepted:
            names = list(dict.fromkeys(accepted))
            shown = names if len(names) <= MOST_NAMED else get_close_matches(given, names, MOST_NAMED, cutoff=0)
            others = f" and {len(names) - len(shown)} others, in the ledger" if len(shown) < len(names) else ""
            raise ValueError(f"{option} is {given!r}; accepted: {', '.join(shown)}{others}")
    return [entry for entry in entries if claim in (None, entry.check.claim) and row in (None, entry.check.id)]


def check(entries: Sequence[Entry], settings: Settings, out: Path, console: Console) -> list[Row]:
    """Fills the ledger, on the screen and on disk, row by row, two experiments at once. Returns the rows."""
    printer = Printer.on(console, [entry.check.id for entry in entries])
    printer.header()
    rows = []
    with _measured(entries, settings) as found, progress.steps(console, "row", len(entries)) as step:
        for check, _ in entries:
            with step(check.id):
                outcome, seconds = found[check.id].result()
                rows.append(Row.of(check, outcome))
            ledger.update(out / "ledger.json", rows[-1])
            printer.row(rows[-1], seconds)
    return rows


@contextmanager
def _measured(entries: Sequence[Entry], settings: Settings) -> Iterator[dict[str, Future[tuple[Outcome, float]]]]:
    """The outcome of each row and the seconds it took, when they are there.

    To compile keeps one core busy. The rows of an experiment are measured in their order, as they share what they keep.
    """
    found: dict[str, Future[tuple[Outcome, float]]] = {entry.check.id: Future() for entry in entries}
    groups = [list(group) for _, group in groupby(entries, key=lambda entry: id(entry.figures))]  # an experiment each
    left = Event()

    def measure() -> None:
        while groups and not left.is_set():
            for check, _ in groups.pop(0):
                if left.is_set():
                    return
                start = time.perf_counter()
                try:
                    outcome = check.measure(settings)
                except BaseException as error:  # whatever it is, it is the main thread that answers it
                    found[check.id].set_exception(error)
                    return
                found[check.id].set_result((outcome, time.perf_counter() - start))

    for _ in range(AT_ONCE):
        Thread(target=measure, daemon=True).start()  # nobody waits for the row that is measured as we leave
    try:
        yield found
    finally:
        left.set()


def draw(entries: Sequence[Entry], settings: Settings, out: Path, console: Console, *, every: bool) -> list[str]:
    """Draws the figures of the checks, or `every` figure of their experiments. Returns their names."""
    from experiments import plots

    makers = {
        stem: maker for entry in entries for stem, maker in entry.figures.items() if every or stem == entry.check.figure
    }
    with progress.steps(console, "figure", len(makers)) as step:
        for stem, maker in makers.items():
            with step(stem), plots.style():
                plots.save(maker(settings), out, stem)
    return list(makers)


def finish(entries: Sequence[Entry], num_checked: int, provenance: Mapping[str, Any], out: Path) -> None:
    """Puts the rows of the ledger in order, and writes the page about all that the folder holds."""
    from experiments import plots, report

    place = {entry.check.id: i for i, entry in enumerate(entries)}
    rows = sorted(ledger.read(out / "ledger.json"), key=lambda row: place.get(row.id, len(place)))
    if num_checked == len(entries):  # rows of an older version, which no command reruns any more
        rows = [row for row in rows if row.id in place]
    provenance = dict(provenance) | {"rows checked in this run": f"{num_checked} of {len(rows)}"}
    ledger.write(out / "ledger.json", rows)
    ledger.write_atomic(out / "provenance.json", json.dumps(provenance, indent=1) + "\n")
    makers = {stem: maker for entry in entries for stem, maker in entry.figures.items()}
    pictures = [
        report.Picture(stem, plots.caption(maker) or stem, out / f"{stem}.svg")
        for stem, maker in makers.items()
        if (out / f"{stem}.svg").is_file()
    ]
    report.write(rows, pictures, provenance, out / "report.html")


COLUMNS = {
    "claim": 5,
    "predicted": 9,
    "measured ± error": 17,
    "slack": 9,
    "verdict": 7,
    "expected": 8,
    "time": 6,
    "unit": 4,
}
NUMERIC = ("predicted", "measured ± error", "slack", "time")


@dataclass(frozen=True)
class Printer:
    """Prints the ledger as one table, a row whenever one arrives; what was printed stays.

    An id that does not fit its column stands on a line of its own, in one piece, so that it can be copied.
    """

    console: Console
    width: int  # of the first column

    @classmethod
    def on(cls, console: Console, ids: Sequence[str]) -> Self:
        """The ids get what the terminal leaves them; in a pipe, which has no width, all they need."""
        longest = max(map(len, ["row", *ids]))
        room = console.width - 1 - sum(COLUMNS.values()) - len(COLUMNS) if console.is_terminal else longest
        return cls(console, max(3, min(longest, room)))

    def header(self) -> None:
        """Prints the names of the columns."""
        self._line("row", [Text(name, style="bold") for name in COLUMNS])

    def row(self, row: Row, seconds: float) -> None:
        """Prints one row and the time it took."""
        style = "cyan" if row.as_expected else "bold red"
        cells = [
            Text(row.claim),
            *map(Text, numbers(row)),
            Text(number(row.slack)),
            Text(f"{MARKS[row.verdict]} {row.verdict}", style),
            Text(row.expected, "dim") if row.as_expected else Text(f"≠ {row.expected}", style),
            Text(f"{seconds:.1f} s" if seconds < 100 else f"{seconds:.0f} s"),
        ]
        self._line(row.id, [*cells, Text(row.unit)])

    def _line(self, first: str, cells: Sequence[Text]) -> None:
        line = Text(first.ljust(self.width) if len(first) <= self.width else first + "\n" + " " * self.width)
        for (name, width), cell in zip(COLUMNS.items(), cells, strict=True):
            cell.align("right" if name in NUMERIC else "left", max(width, len(cell)))
            line.append(" ").append_text(cell)
        line.rstrip()
        self.console.print(line, soft_wrap=True, highlight=False)
