"""`infoloop verify`: fills the ledger row by row, draws the figures, writes the page."""

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from threading import Event, Lock, Thread
from typing import Any, NamedTuple, Self

from rich.console import Console
from rich.text import Text

from experiments.harness import cost, ledger, progress
from experiments.harness.catalogue import Experiment, Maker
from experiments.harness.claim import Check
from experiments.harness.ledger import MARKS, Outcome, Row, Settings, number, numbers
from experiments.harness.progress import Step
from experiments.harness.statements import Statement
from experiments.harness.study import forget
from experiments.validation import unknown

DRAWING = Lock()
FIGURE = 4.0  # a figure takes about as long as so many rows


def select(loaded: Sequence[Experiment], claims: Sequence[str], rows: Sequence[str]) -> list[Experiment]:
    """The experiments, reduced to the checks of these claims and to these rows; all of them where nothing is named.

    A reduced experiment has the figures that its checks name.

    Raises:
        ValueError: there is no such claim or row.
    """
    checks = [check for one in loaded for check in one.checks]
    for option, given, where, accepted in (
        ("--claim", claims, "claims of the ledger", {check.claim: None for check in checks}),
        ("--row", rows, "ids in the first column of the ledger", {check.id: None for check in checks}),
    ):
        for name in given:
            if name not in accepted:
                raise unknown(option, name, accepted, where)
    if not claims and not rows:
        return list(loaded)
    chosen = []
    for one in loaded:
        named = tuple(check for check in one.checks if check.claim in claims or check.id in rows)
        stems = {check.figure for check in named}
        figures = {stem: maker for stem, maker in one.figures.items() if stem in stems}
        if named:
            chosen.append(one._replace(checks=named, figures=figures))
    return chosen


def measure(
    chosen: Sequence[Experiment], settings: Settings, out: Path, console: Console
) -> tuple[list[Row], list[str]]:
    """Fills the ledger on the screen and on disk, row by row, and draws the figures; two experiments run at once.

    Returns:
        The rows, and the names of the figures.
    """
    printer = Printer.on(console, [check.id for one in chosen for check in one.checks])
    printer.header()
    works = [Work.of(one, settings) for one in chosen]
    stems = [stem for one in chosen for stem in one.figures]
    rows = []
    size = sum(len(one.checks) for one in chosen) + FIGURE * len(stems)
    with progress.steps(console, "row", size) as step, _under_way(works, out, step):
        for work in works:
            for found in work.rows:
                row, seconds = found.result()
                rows.append(row)
                ledger.update(out / "ledger.json", row)
                printer.row(row, seconds)
            work.drawn.result()
    return rows, stems


def other_seeds(
    chosen: Sequence[Experiment], first: Sequence[Row], settings: Settings, num_seeds: int, console: Console
) -> list[list[Row]]:
    """The rows at seeds 0, 1, …, of which `first` are those of seed 0; exact rows are measured there only."""
    simulated = {row.id for row in first if row.kind not in ("exact", "proof")}
    left = [one._replace(checks=[check for check in one.checks if check.id in simulated], figures={}) for one in chosen]
    others = range(1, num_seeds)
    works = [Work.of(one, replace(settings, seed=seed)) for one in left if one.checks for seed in others]
    with progress.steps(console, "row", max(len(simulated) * len(others), 1)) as step, _under_way(works, Path(), step):
        found = [(work.settings.seed, measured.result()[0]) for work in works for measured in work.rows]
    return [list(first), *([row for at, row in found if at == seed] for seed in others)]


def outcomes(rows: Sequence[Sequence[Row]]) -> dict[str, list[Outcome]]:
    """The outcomes of each row, seed by seed; an exact row has one."""
    return {row.id: [other.outcome for seed in rows for other in seed if other.id == row.id] for row in rows[0]}


class Work(NamedTuple):
    """An experiment to be measured, and its results as they come."""

    experiment: Experiment
    settings: Settings
    rows: list[Future[tuple[Row, float]]]  # and the seconds that each took
    drawn: Future[None]

    @classmethod
    def of(cls, experiment: Experiment, settings: Settings) -> Self:
        """All rows, and all figures."""
        return cls(experiment, settings, [Future() for _ in experiment.checks], Future())


@contextmanager
def _under_way(works: Sequence[Work], out: Path, step: Step) -> Iterator[None]:
    """Measures in two threads, one from the first experiment on, one from the last: compilation keeps one core busy.

    The rows of an experiment are measured in their order; then its studies are forgotten, and its compiled programs
    are released unless another seed of it is waiting.
    """
    left, waiting = Event(), list(works)

    def attempt(found: Future[Any], work: Callable[[], Any]) -> bool:
        """Whether to go on after it."""
        if not left.is_set():
            try:
                found.set_result(work())
                return True
            except BaseException as error:  # whatever it is, the main thread raises it
                found.set_exception(error)
        return False

    def timed(work: Work, check: Check) -> tuple[Row, float]:
        start = time.perf_counter()
        rows = (found.result()[0] for found in work.rows if found.done())
        original = next((row for row in rows if check.original is not None and row.id == check.original.id), None)
        with step(check.id):
            return check.row(work.settings, original), time.perf_counter() - start

    def measure(place: int) -> None:
        with suppress(IndexError):  # none is waiting any more
            while True:
                work = waiting.pop(place)
                checks = work.experiment.checks
                figures = partial(draw, work.experiment.figures, work.settings, out, step)
                if not all(
                    attempt(found, partial(timed, work, check)) for found, check in zip(work.rows, checks, strict=True)
                ):
                    return
                if not attempt(work.drawn, figures):
                    return
                forget(work.experiment.module)
                if all(other.experiment is not work.experiment for other in waiting):
                    cost.release()

    for place in (0, -1):
        Thread(target=measure, args=(place,), daemon=True).start()  # on exit nobody waits for what is being measured
    try:
        yield
    finally:
        left.set()


def draw(makers: Mapping[str, Maker], settings: Settings, out: Path, step: Step) -> None:
    """Draws figures one by one: matplotlib has one style for all threads."""
    from experiments.harness import figures

    for stem, maker in makers.items():
        with DRAWING, step(stem, FIGURE, "figure"), figures.style():
            figures.save(maker(settings), out, stem)


def finish(
    loaded: Sequence[Experiment],
    statements: Sequence[Statement],
    checked: Sequence[Row],
    provenance: Mapping[str, Any],
    out: Path,
    seeds: Mapping[str, Sequence[Outcome]] | None = None,
) -> None:
    """Sorts the ledger and writes claims.md, provenance.json and the page about all rows and figures in the folder."""
    from experiments.harness import figures, report, scorecard, summary

    place = {check.id: i for i, check in enumerate(check for one in loaded for check in one.checks)}
    rows = sorted(ledger.read(out / "ledger.json"), key=lambda row: place.get(row.id, len(place)))
    if len(checked) == len(place):  # rows of an older version, which no command reruns any more
        rows = [row for row in rows if row.id in place]
    provenance = dict(provenance) | {"rows checked in this run": f"{len(checked)} of {len(rows)}"}
    ledger.write(out / "ledger.json", rows)
    asked = ", ".join(f"{name} {provenance[name]}" for name in ("profile", "seed", "commit") if name in provenance)
    score = scorecard.table(statements, rows)
    ledger.write_atomic(out / "scorecard.json", json.dumps(score, indent=1, ensure_ascii=False) + "\n")
    ledger.write_atomic(out / "claims.md", summary.markdown(rows, statements, asked, seeds))
    ledger.write_atomic(out / "provenance.json", json.dumps(provenance, indent=1) + "\n")
    makers = {stem: maker for one in loaded for stem, maker in one.figures.items()}
    pictures = [
        report.Picture(stem, figures.caption(maker) or stem, out / f"{stem}.svg")
        for stem, maker in makers.items()
        if (out / f"{stem}.svg").is_file()
    ]
    report.write(rows, pictures, provenance, out / "report.html", statements)


COLUMNS = {
    "claim": 5,
    "predicted": 9,
    "measured ± error": 17,
    "slack": 9,
    "outcome": 7,
    "expected": 8,
    "time": 6,
    "unit": 4,
}
NUMERIC = ("predicted", "measured ± error", "slack", "time")
LEFT_OUT = ("claim", "expected", "time", "predicted", "unit", "slack")  # in this order, on a narrow terminal
WIDE_ENOUGH = 20  # for nine ids of ten


@dataclass(frozen=True)
class Printer:
    """Prints the ledger as a table, row by row as they arrive.

    An id that does not fit its column has a line of its own, in one piece, so that it can be copied.
    """

    console: Console
    width: int  # of the first column
    columns: tuple[str, ...] = tuple(COLUMNS)

    @classmethod
    def on(cls, console: Console, ids: Sequence[str]) -> Self:
        """Leaves out columns until the ids fit the terminal; a pipe has no width, and all columns."""
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
        style = "cyan" if row.as_expected else "bold red" if row.refuted else "yellow"
        predicted, measured = numbers(row)
        cells = {
            "claim": Text(row.claim),
            "predicted": Text(predicted),
            "measured ± error": Text(measured),
            "slack": Text(number(row.slack)),
            "outcome": Text(f"{MARKS[row.outcome]} {row.outcome}", style),
            "expected": Text(row.expected, "dim") if row.as_expected else Text(f"≠ {row.expected}", style),
            "time": Text(f"{seconds:.1f} s" if seconds < 100 else f"{seconds:.0f} s"),
            "unit": Text(row.unit),
        }
        if "expected" not in self.columns and not row.as_expected:
            cells["outcome"].append(" ").append_text(cells["expected"])
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
    """The width that these columns leave for the first one."""
    return console.width - sum(COLUMNS[name] + 1 for name in columns)
