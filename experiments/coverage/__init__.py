"""Repetition or coverage: what a budget of verdicts tells, and teaches, spread over more prompts or spent on the same.

Exact information in `looks`, trained policies in `trained`; `rows` and `figures` show what came out.
"""

from pathlib import Path

from rich.console import Console
from rich.table import Table

from experiments import plots
from experiments.coverage import looks
from experiments.coverage.figures import FIGURES
from experiments.coverage.rows import CHECKS
from experiments.ledger import Settings

__all__ = ["CHECKS", "FIGURES", "run"]


def run(settings: Settings, *, data: Path | None, out: Path, resume: bool) -> None:
    """Draws the figures, and prints what the looks tell."""
    plots.save_all(FIGURES, settings, out)
    Console().print(_table())


def _table() -> Table:
    """The information of the budget, in nats, and the prompts that are known almost for sure."""
    table = Table(title=f"{looks.BUDGET} looks at m prompts: what they tell, in nats", title_justify="left")
    for column in ("m", *(f"({tpr:g}, {fpr:g})" for tpr, fpr in looks.VERIFIERS), f"known at {looks.SURE:.0%}"):
        table.add_column(column)
    for m in looks.DISTINCT:
        told = [f"{looks.spread(verifier, m):.3f}" for verifier in looks.VERIFIERS]
        table.add_row(str(m), *told, f"{looks.sure(m):.1%}")
    return table
