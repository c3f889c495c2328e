"""Reward hacking: a judge learns from labelled outputs whose length goes with quality, a student learns from it.

Stage 1 is `judge`, stage 2 `student`; `labels` has the laws of labelled outputs, `goodhart` those of the way from the
start, `cures` what helps; `exact` and `measures` make numbers of them, which `rows`, `figures` and
`remedies` show.
"""

from pathlib import Path

from rich.console import Console
from rich.table import Table

from experiments import plots
from experiments.ledger import Settings
from experiments.reward_hacking import figures, judge, remedies, student
from experiments.reward_hacking.judge import SAMPLES
from experiments.reward_hacking.rows import CHECKS
from experiments.reward_hacking.student import CONFLICT

__all__ = ["CHECKS", "FIGURES", "run"]

FIGURES = figures.FIGURES | remedies.FIGURES


def run(settings: Settings, *, data: Path | None, out: Path, resume: bool) -> None:
    """Draws the figures, and prints what becomes of the students of each judge."""
    plots.save_all(FIGURES, settings, out)
    Console().print(_table(settings))


def _table(settings: Settings) -> Table:
    """Reliance of the judges on length, and how often their students are right in the end, on conflicts."""
    title = "Reliance of a judge on length → share right of its students on conflicts (at first "
    table = Table(title=f"{title}{student.START:g}), after n labelled outputs; means over seeds", title_justify="left")
    for column in ("agreement ρ", "difficulty k", "noise ε", *(f"n = {n}" for n in SAMPLES.values())):
        table.add_column(column, justify="right")
    for i, cell in enumerate(judge.cells(settings)):
        shown = []
        for when in SAMPLES:
            relied = judge.trained(settings, when).curves.reliance[i, :, -1].mean()
            right = student.trained(settings, "natural", when).right[i, :, -1, CONFLICT].mean()
            shown.append(f"{relied:.2f} → {right:.2f}")
        table.add_row(f"{cell.agreement:g}", str(cell.order), f"{cell.label_noise:g}", *shown)
    return table
