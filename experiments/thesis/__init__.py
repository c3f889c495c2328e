"""The guiding thesis made falsifiable, C10 and L2: of a signal's components, the one that saves more is learned first.

`environments` draws shortcuts at random, `study` lets six students learn in them beside their solo twins, `measures`
tells how often the larger saving, and what else could, says which component is relied on, `exact` has the cases without
a network, `flow` least squares; `rows` and `figures` show what came out. Where it fails is in `failures`, what brings a
turn forward in `acceleration`, with `limits` and `maps`. `race` answers for a shortcut of yours.
"""

from pathlib import Path

from rich.console import Console
from rich.table import Table

from experiments import plots
from experiments.ledger import Settings
from experiments.thesis import figures, limits, maps, measures, rows

__all__ = ["CHECKS", "FIGURES", "run"]

CHECKS = (*rows.CHECKS, *limits.CHECKS)
FIGURES = figures.FIGURES | maps.FIGURES


def run(settings: Settings, *, data: Path | None, out: Path, resume: bool) -> None:
    """Draws the figures, and prints how often each predictor is right, by the ratio of the savings."""
    plots.save_all(FIGURES, settings, out)
    Console().print(_table(settings))


def _table(settings: Settings) -> Table:
    """Hit rates in percent, of all cells, of the decided ones, and of these by how far the savings are apart."""
    columns, rows = measures.breakdown(settings)
    title = "how often each is right, in % of the cells ± standard error"
    table = Table(title=title, title_justify="left", box=None, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column("predictor")
    for column in columns:
        table.add_column(column, justify="right", width=7)  # the longest word of a head
    for name, rates in rows.items():
        table.add_row(name, *(f"{100 * float(x.mean):.1f}\n±{100 * float(x.stderr):.1f}" for x in rates))
    return table
