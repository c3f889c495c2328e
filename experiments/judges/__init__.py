"""Who may judge: the student itself, an earlier student, a judge that was made once, a verifier that errs anew.

Exact chains in `chains`, their simulation and other models in `loops`; `rows` and `figures` show what came out.
"""

from pathlib import Path

from rich.console import Console
from rich.table import Table

from experiments import plots
from experiments.judges import chains
from experiments.judges.figures import FIGURES
from experiments.judges.rows import CHECKS
from experiments.ledger import Settings

__all__ = ["CHECKS", "FIGURES", "run"]


def run(settings: Settings, *, data: Path | None, out: Path, resume: bool) -> None:
    """Draws the figures, and prints what each judge does to the information and to the share right."""
    plots.save_all(FIGURES, settings, out)
    Console().print(_table())


def _table() -> Table:
    """The start, the best and the end of the exact loop under each judge."""
    title = f"Two symbols, n = {chains.NUM_SAMPLES}, until kept: exact, in nats"
    table = Table(title=title, title_justify="left")
    for column in ("judge", "I(X;Z_0)", "highest later", f"I(X;Z_{chains.NUM_GENERATIONS})", "share right"):
        table.add_column(column)
    for name, study in chains.JUDGES.items():
        path = study()
        nats = (path.information[0], path.information[1:].max(), path.information[-1])
        table.add_row(name, *(f"{value:.4f}" for value in nats), f"{path.right[0]:.3f} → {path.right[-1]:.4f}")
    return table
