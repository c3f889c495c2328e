"""What `infoloop verify` does: finds the checks, fills the ledger row by row, draws the figures, writes the page."""

import importlib
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from pathlib import Path
from threading import Event, Lock, Thread
from typing import Any, NamedTuple, Self

from rich.console import Console
from rich.text import Text

import experiments
from experiments import ledger, progress
from experiments.ledger import MARKS, Check, Outcome, Row, Settings, number, numbers
from experiments.names import unknown
from experiments.progress import Step

DRAWING = Lock()
FIGURE = 4.0  # a figure takes about as long as so many rows


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


def select(entries: Sequence[Entry], claims: Sequence[str], rows: Sequence[str]) -> list[Entry]:
    """The entries that are of one of the claims or are one of the rows, all where nothing is named.

    Raises:
        ValueError: there is no such claim or row.
    """
    for option, given, where, accepted in (
        ("--claim", claims, "claims of the ledger", {entry.check.claim: None for entry in entries}),
        ("--row", rows, "ids in the first column of the ledger", {entry.check.id: None for entry in entries}),
    ):
        for name in given:
            if name not in accepted:
                raise unknown(option, name, accepted, where)
    every = not claims and not rows
    return [entry for entry in entries if every or entry.check.claim in claims or entry.check.id in rows]


def measure(
    entries: Sequence[Entry], settings: Settings, out: Path, console: Console, *, every: bool
) -> tuple[list[Row], list[str]]:
    """Fills the ledger, on the screen and on disk, row by row, two experiments at once.

    When the rows of an experiment are there, the figures of its checks are drawn, or `every` figure that it has.

    Returns:
        The rows, and the names of the figures.
    """
    printer = Printer.on(console, [entry.check.id for entry in entries])
    printer.header()
    groups = [list(group) for _, group in groupby(entries, key=lambda entry: id(entry.figures))]
    works = [Work.of(group, every=every) for group in groups]
    stems = [stem for work in works for stem in work.makers]
    rows = []
    with (
        progress.steps(console, "row", len(entries) + FIGURE * len(stems)) as step,
        _under_way(works, settings, out, step),
    ):
        for work in works:
            for check, found in work.rows:
                outcome, seconds = found.result()
                rows.append(Row.of(check, outcome))
                ledger.update(out / "ledger.json", rows[-1])
                printer.row(rows[-1], seconds)
            work.drawn.result()
    return rows, stems


class Work(NamedTuple):
    """What is to be done of an experiment, and what will have come of it."""

    rows: list[tuple[Check, Future[tuple[Outcome, float]]]]  # and the seconds that each took
    makers: dict[str, Callable[[Settings], Any]]
    drawn: Future[None]

    @classmethod
    def of(cls, entries: Sequence[Entry], *, every: bool) -> Self:
        """All rows, and the figures that they name, or `every` one."""
        named = {entry.check.figure for entry in entries}
        makers = {stem: maker for stem, maker in entries[0].figures.items() if every or stem in named}
        return cls([(entry.check, Future()) for entry in entries], makers, Future())


@contextmanager
def _under_way(works: Sequence[Work], settings: Settings, out: Path, step: Step) -> Iterator[None]:
    """Experiments are measured from the first and from the last one on, a thread each: to compile keeps one core busy.

    The rows of an experiment are measured in their order, as they share what they keep.
    """
    left, waiting = Event(), list(works)

    def attempt(found: Future[Any], work: Callable[[], Any]) -> bool:
        """Whether there is to be more after it."""
        if not left.is_set():
            try:
                found.set_result(work())
                return True
            except BaseException as error:  # whatever it is, it is the main thread that answers it
                found.set_exception(error)
        return False

    def timed(check: Check) -> tuple[Outcome, float]:
        start = time.perf_counter()
        with step(check.id):
            return check.measure(settings), time.perf_counter() - start

    def measure(place: int) -> None:
        with suppress(IndexError):  # none is waiting any more
            while True:
                work = waiting.pop(place)
                figures = partial(draw, work.makers, settings, out, step)
                if not all(attempt(found, partial(timed, check)) for check, found in work.rows):
                    return
                if not attempt(work.drawn, figures):
                    return

    for place in (0, -1):
        Thread(target=measure, args=(place,), daemon=True).start()  # nobody waits for what is measured as we leave
    try:
        yield
    finally:
        left.set()


def draw(makers: Mapping[str, Callable[[Settings], Any]], settings: Settings, out: Path, step: Step) -> None:
    """Draws figures, one by one: the style of matplotlib is one for all threads."""
    from experiments import plots

    for stem, maker in makers.items():
        with DRAWING, step(stem, FIGURE, "figure"), plots.style():
            plots.save(maker(settings), out, stem)


def finish(entries: Sequence[Entry], num_checked: int, provenance: Mapping[str, Any], out: Path) -> None:
    """Puts the rows of the ledger in order, and writes the page about all that the folder holds, and claims.md."""
    from experiments import plots, report, summary

    place = {entry.check.id: i for i, entry in enumerate(entries)}
    rows = sorted(ledger.read(out / "ledger.json"), key=lambda row: place.get(row.id, len(place)))
    if num_checked == len(entries):  # rows of an older version, which no command reruns any more
        rows = [row for row in rows if row.id in place]
    provenance = dict(provenance) | {"rows checked in this run": f"{num_checked} of {len(rows)}"}
    ledger.write(out / "ledger.json", rows)
    ledger.write_atomic(out / "claims.md", summary.markdown(rows))
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
LEFT_OUT = ("claim", "expected", "time", "predicted", "unit", "slack")  # in this order, on a narrow terminal
WIDE_ENOUGH = 20  # for nine ids of ten


@dataclass(frozen=True)
class Printer:
    """Prints the ledger as one table, a row whenever one arrives; what was printed stays.

    An id that does not fit its column stands on a line of its own, in one piece, so that it can be copied.
    """

    console: Console
    width: int  # of the first column
    columns: tuple[str, ...] = tuple(COLUMNS)

    @classmethod
    def on(cls, console: Console, ids: Sequence[str]) -> Self:
        """The ids get what the terminal leaves them; in a pipe, which has no width, all they need."""
        longest = max(map(len, ["row", *ids]))
        if not console.is_terminal:
            return cls(console, longest)
        columns = list(COLUMNS)
        for name in LEFT_OUT:
            if _room(console, columns) >= min(longest, WIDE_ENOUGH):
                break
            columns.remove(name)
        return cls(console, max(3, min(longest, _room(console, columns))), tuple(columns))

    def header(self) -> None:
        """Prints the names of the columns."""
        self._line("row", {name: Text(name, style="bold") for name in COLUMNS})

    def row(self, row: Row, seconds: float) -> None:
        """Prints one row and the time it took."""
        style = "cyan" if row.as_expected else "bold red"
        predicted, measured = numbers(row)
        cells = {
            "claim": Text(row.claim),
            "predicted": Text(predicted),
            "measured ± error": Text(measured),
            "slack": Text(number(row.slack)),
            "verdict": Text(f"{MARKS[row.verdict]} {row.verdict}", style),
            "expected": Text(row.expected, "dim") if row.as_expected else Text(f"≠ {row.expected}", style),
            "time": Text(f"{seconds:.1f} s" if seconds < 100 else f"{seconds:.0f} s"),
            "unit": Text(row.unit),
        }
        if "expected" not in self.columns and not row.as_expected:
            cells["verdict"].append(" ").append_text(cells["expected"])
        self._line(row.id, cells)

    def _line(self, first: str, cells: Mapping[str, Text]) -> None:
        line = Text(first.ljust(self.width))
        if len(first) > self.width:
            self._print(line)
            line = Text(" " * self.width)
        for name in self.columns:
            cell = cells[name]
            cell.align("right" if name in NUMERIC else "left", max(COLUMNS[name], len(cell)))
            if name == "unit" and self.console.is_terminal:
                cell.truncate(max(COLUMNS[name], self.console.width - len(line) - 1), overflow="ellipsis")
            line.append(" ").append_text(cell)
        line.rstrip()
        self._print(line)

    def _print(self, line: Text) -> None:
        self.console.print(line, soft_wrap=True, highlight=False)


def _room(console: Console, columns: Sequence[str]) -> int:
    """What so many columns leave for the first one."""
    return console.width - sum(COLUMNS[name] + 1 for name in columns)
