"""A progress line: the steps under way, the share of the work done, and about how long the rest will take."""

import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from threading import Event, Thread

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task
from rich.text import Text

Step = Callable[..., AbstractContextManager[None]]
SILENCE = 14.0  # seconds at most between two lines where there is no terminal


class _Line(ProgressColumn):
    """One piece of text, which a narrow terminal cuts at its end."""

    def render(self, task: Task) -> Text:
        return Text(_said(task), no_wrap=True, overflow="ellipsis")


def _said(task: Task) -> str:
    done = task.completed / task.total if task.total else 0.0
    return f"{int(100 * done):3d} %{left(task.elapsed or 0.0, done)}: {task.description}"


def left(elapsed: float, done: float) -> str:
    """About how long the rest will take, rounded as it is uncertain; nothing as long as nothing is known.

    Args:
        elapsed: seconds so far.
        done: the share of the work that took them.
    """
    if not 0 < done < 1 or elapsed < 5:
        return ""
    seconds = elapsed * (1 - done) / done
    told = f"{seconds / 60:.0f} min" if seconds > 99 else f"{10 * max(round(seconds / 10), 1)} s"
    return f", about {told} left"


@contextmanager
def steps(console: Console, what: str, total: float) -> Iterator[Step]:
    """Yields a function `step(name, size=1, what=what)`, the context of one step; several may be under way at once.

    On the last line of a terminal it says which steps are being done and about how long the rest will take; the line
    goes away at the end. Where there is no terminal the same is written to stderr, a line every `SILENCE` seconds. A
    `ValueError` gets the step's name.

    Args:
        console: where the line stands.
        what: is done in a step, in a word.
        total: the sum of the sizes of all steps.
    """
    same = console.is_terminal
    shown = same or sys.stderr.isatty()
    line = Progress(
        BarColumn(bar_width=12),
        _Line(),
        console=console if same else Console(stderr=True),
        transient=True,
        redirect_stdout=same,
        redirect_stderr=same,
        disable=not shown,
    )
    task = line.add_task("", total=total)
    under_way: list[str] = []
    ended = Event()

    @contextmanager
    def step(name: str, size: float = 1.0, what: str = what) -> Iterator[None]:
        under_way.append(name)
        line.update(task, description=f"{what} {', '.join(under_way)}", refresh=True)
        try:
            yield
        except ValueError as error:
            raise ValueError(f"{what} {name}: {error}") from error
        finally:
            under_way.remove(name)
        line.advance(task, size)

    def speak() -> None:
        while not ended.wait(SILENCE):
            print(_said(line.tasks[0]).strip(), file=sys.stderr, flush=True)

    if not shown:
        Thread(target=speak, daemon=True).start()
    try:
        with line:
            yield step
    finally:
        ended.set()
