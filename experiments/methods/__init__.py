"""How the signal enters: one reference, references worded anew, a filter on own samples, a reward; what each keeps.

Networks in `studies` and `maps`, exact laws in `tables` and `best_of_n`; `measures` makes numbers of them, which `rows`
and `figures` show.
"""

from pathlib import Path

from rich.console import Console
from rich.table import Table

from experiments import plots
from experiments.ledger import Settings
from experiments.methods.figures import FIGURES
from experiments.methods.rows import CHECKS
from experiments.methods.studies import METHODS, studied

__all__ = ["CHECKS", "FIGURES", "run"]


def run(settings: Settings, *, data: Path | None, out: Path, resume: bool) -> None:
    """Draws the figures, and prints what each method learns, keeps and spends."""
    plots.save_all(FIGURES, settings, out)
    Console().print(_table(settings))


def _table(settings: Settings) -> Table:
    """The end of each method, means over seeds."""
    first = studied(settings, next(iter(METHODS)))
    title = f"After {first.updates[-1]} updates, means of {len(first.kl)} worlds: share right in training, "
    title += "on held-out contents, in unseen domains; wordings kept; KL to the start and signal in nats"
    table = Table(title=title, title_justify="left")
    for column in ("method", "train", "held out", "unseen", "kept", "KL", "signal"):
        table.add_column(column, justify="left" if column == "method" else "right")
    for name in METHODS:
        study = studied(settings, name)
        right = (f"{x:.3f}" for x in study.correct[:, -1].mean(0))
        kept = (study.diversity[:, -1] / study.diversity[:, 0]).mean()
        table.add_row(name, *right, f"{kept:.0%}", f"{study.kl[:, -1].mean():.2f}", f"{study.nats[:, -1].mean():,.0f}")
    return table
