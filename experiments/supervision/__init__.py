"""What a signal says of the task and of the surface form, and what the form costs: claims C7 and C8.

`signals` describes any feedback and trains on it (`study`, for your own), `identify` counts the queries until the class
is known, `costs` how long and how many samples training takes as the forms grow in number; `measures`, `rows` and
`figures` show what came out.
"""

from pathlib import Path

from rich.console import Console
from rich.table import Table

from experiments import plots
from experiments.ledger import Settings
from experiments.supervision import signals
from experiments.supervision.figures import FIGURES
from experiments.supervision.rows import CHECKS
from experiments.supervision.signals import Curve, Description, Study, describe, study, training_curve

__all__ = ["CHECKS", "FIGURES", "Curve", "Description", "Study", "describe", "run", "study", "training_curve"]


def run(settings: Settings, *, data: Path | None, out: Path, resume: bool) -> None:
    """Draws the figures, and prints what each signal says and how many queries identify the class."""
    plots.save_all(FIGURES, settings, out)
    Console().print(_table())


def _table() -> Table:
    """Nats a query, of class and form, the efficiency η, and the queries until the class is known."""
    title = f"{signals.NUM_CLASSES} classes × {signals.NUM_FORMS} forms, nats a query"
    table = Table(title=title, title_justify="left")
    for column in ("signal", "in all", "class", "form", "η", "queries", "at least"):
        table.add_column(column, justify="left" if column == "signal" else "right")
    for name in signals.signals():
        (total, task, within, efficiency), _, queries = signals.described(name)
        greedy = f"{queries.greedy:.3f}" if not queries.stderr else f"{queries.greedy:.1f} ± {queries.stderr:.1f}"
        nats = (f"{float(x):.3f}" for x in (total, task, within))
        table.add_row(name, *nats, f"{float(efficiency):.2f}", greedy, f"{queries.converse:.2f}")
    return table
