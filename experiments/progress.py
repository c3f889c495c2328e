"""Which step of how many is being done, and about how long the rest will take."""

import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from rich.console import Console


@contextmanager
def steps(console: Console, what: str, total: int) -> Iterator[Callable[[str], AbstractContextManager[None]]]:
    """Yields a function, called with a name, that is the context of one step.

    On the last line of a terminal it says which step of how many is being done and about how long the rest will take;
    the line goes away at the end. Where there is no terminal nothing is written. A `ValueError` gets the step's name.
    """
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    same = console.is_terminal
    bar = Progress(
        TextColumn(f"{what} {{task.description}}", markup=False),
        BarColumn(bar_width=12),
        MofNCompleteColumn(),
        TextColumn("after"),
        TimeElapsedColumn(),
        TextColumn("left about"),
        TimeRemainingColumn(),
        console=console if same else Console(stderr=True),
        transient=True,
        redirect_stdout=same,
        redirect_stderr=same,
        speed_estimate_period=3600,  # a step may take minutes
        disable=not (same or sys.stderr.isatty()),
    )
    task = bar.add_task("", total=total)

    @contextmanager
    def step(name: str) -> Iterator[None]:
        bar.update(task, description=name)
        try:
            yield
        except ValueError as error:
            raise ValueError(f"{what} {name}: {error}") from error
        bar.advance(task)

    with bar:
        yield step
