"""How accurate a verifier must be: the drift barrier, the break-even accuracy, and blind spots.

Exact chains in `chains`, simulated mixtures and Markov chains in `loops`; `rows` and `figures` show what came out.
"""

from pathlib import Path

from experiments import plots
from experiments.drift_barrier.figures import FIGURES
from experiments.drift_barrier.rows import CHECKS
from experiments.ledger import Settings

__all__ = ["CHECKS", "FIGURES", "run"]


def run(settings: Settings, *, data: Path | None, out: Path, resume: bool) -> None:
    """Draws the figures; everything is recomputed in seconds, so that there is nothing to resume."""
    plots.save_all(FIGURES, settings, out)
