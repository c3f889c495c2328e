"""What verdicts buy: how many a goal takes, how to spend them, what blocks and better students change, their worth.

`converse` (L1), `rounds` (R2), `blocks` (R3) and `exchange` (R5) compute; `rows` and `figures` show what came out.
"""

from pathlib import Path

from rich.console import Console
from rich.table import Table

from experiments import plots
from experiments.ledger import Settings
from experiments.verdicts import blocks, rounds
from experiments.verdicts.figures import FIGURES
from experiments.verdicts.rows import CHECKS

__all__ = ["CHECKS", "FIGURES", "run"]


def run(settings: Settings, *, data: Path | None, out: Path, resume: bool) -> None:
    """Draws the figures in `out`, and prints what schedules and students need."""
    plots.save_all(FIGURES, settings, out)
    for table in (_rounds(settings), _blocks(settings)):
        Console().print(table)


def _rounds(settings: Settings) -> Table:
    """The best constant size and its wrong share for each budget, beside what the families of schedules leave."""
    title = "until kept, verifier (.8, .4), .3 right at the start: wrong share for N verdicts"
    study = rounds.constant(settings)
    families = [rounds.best(family, settings).wrong.tolist() for family in (rounds.two_stage, rounds.shrinking)]
    rows = zip(study.verdicts, *study.best[:2], strict=True)
    table = _table(title, ("N", "best n", "rounds of n", "two sizes", "shrinking"))
    for i, (number, size, wrong) in enumerate(rows):
        others = (f"{left[i]:.3g}" if i < len(left) else "—" for left in families)
        table.add_row(str(number), str(size), f"{wrong:.3g}", *others)
    return table


def _blocks(settings: Settings) -> Table:
    """Verdicts of the loop, of the students and of the converse for each number of blocks."""
    loop = blocks.loop(settings)
    students = {kind: blocks.student(kind, settings) for kind in blocks.STUDENTS}
    table = _table("verifier (.9, .3), error ≤ .05: verdicts to find the right block", ("c", "loop", *students, "≥"))
    for c, verdicts, needed in zip(loop.blocks.tolist(), loop.verdicts, loop.needed, strict=True):
        means = (f"{float(study[c].mean):.1f}" if c in study else "—" for study in students.values())
        table.add_row(str(c), f"{verdicts:.1f}", *means, f"{needed:.1f}")
    return table


def _table(title: str, columns: tuple[str, ...]) -> Table:
    table = Table(title=title, title_justify="left")
    for column in columns:
        table.add_column(column, justify="right")
    return table
