"""I(X;Z_t) of mixtures and Markov chains, between bounds that hold: closed, self-judged, verified, with fresh data.

`study` brackets any loop of a `Case`; the cases are in `mixtures`, `chains` and `rings`, the exact answers for two
states in `exact`. `coverage` shows that the intervals mean what they say, `nearest_neighbours` what does not work.
"""

from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from experiments import plots
from experiments.continuous_information import coverage
from experiments.continuous_information.figures import FIGURES
from experiments.continuous_information.loops import case, studied
from experiments.continuous_information.rows import CHECKS
from experiments.ledger import Settings
from theory.sandwich import FEW

__all__ = ["CHECKS", "FIGURES", "run"]


def run(settings: Settings, *, data: Path | None, out: Path, resume: bool) -> None:
    """Draws the figures, and prints the brackets."""
    plots.save_all(FIGURES, settings, out)
    for name in ("mixture", "chain"):
        Console().print(_table(settings, name))
    Console().print(_coverages(settings))


def _table(settings: Settings, name: str) -> Table:
    """The bracket of each generation in each loop."""
    table = Table(title=f"I(X;Z_t) of the {name} in nats: lower and upper bound ± standard error", title_justify="left")
    loops = list(case(name).loops)
    for column in ("t", *loops):
        table.add_column(column)
    studies = [studied(settings, name, loop) for loop in loops]
    brackets = [study.bounds.bracket() for study in studies]
    for t in range(np.size(brackets[0].lower.mean)):
        ends = [[f"{end.mean[t]:.3f}±{end.stderr[t]:.3f}" for end in bracket] for bracket in brackets]
        table.add_row(str(t), *(" … ".join(pair) for pair in ends))
    fewest = [float(study.effective.min()) for study in studies]
    table.add_row("", *(f"averages over {n:.0f} models{', too loose' * (n < FEW)}" for n in fewest))
    return table


def _coverages(settings: Settings) -> Table:
    """How often each kind of interval holds the truth."""
    rows = coverage.covered(settings)
    title = f"Intervals of 95 %: how many of {rows[0].repeats:,} hold the truth, in nats"
    table = Table(title=title, title_justify="left")
    for column in ("case", "interval", "truth", "replicas", "hold", "half-width"):
        table.add_column(column)
    for row in rows:
        numbers = f"{row.truth:.4f}", str(row.replicas), f"{row.covered:.4f}±{row.stderr:.4f}", f"{row.half_width:.3f}"
        table.add_row(row.case, row.interval, *numbers)
    return table
