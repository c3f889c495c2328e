"""What a signal adds to a loop: the injection bound, two protocols, and what neither a signal nor candidates do alone.

Exact chains and their simulation in `chains`; `rows` and `figures` show what came out.
"""

from pathlib import Path

from experiments import plots
from experiments.ledger import Settings
from experiments.open_loop.figures import FIGURES
from experiments.open_loop.rows import CHECKS

__all__ = ["CHECKS", "FIGURES", "run"]


def run(settings: Settings, *, data: Path | None, out: Path, resume: bool) -> None:
    """Draws the figures; everything is recomputed in seconds, so that there is nothing to resume."""
    plots.save_all(FIGURES, settings, out)
