"""What a model loses when it is retrained on its own samples, how fast, and what is left.

Exact chains and their simulation in `loops`, real data in `real_data`; `rows` and `figures` show what came out.
"""

from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from experiments import plots
from experiments.closed_loop import figures, real_data
from experiments.closed_loop.figures import FIGURES
from experiments.closed_loop.rows import CHECKS
from experiments.ledger import Settings
from sandbox import store

__all__ = ["CHECKS", "FIGURES", "run"]


def run(settings: Settings, *, data: Path | None, out: Path, resume: bool) -> None:
    """Draws the figures and keeps the loops from real data in `out`, also as netCDF; `data` takes their place."""
    files = list(real_data.FILES.values()) if data is None else [data]
    for file in files:
        study = real_data.study(file, settings, out=out, resume=resume)
        maker = figures.points_figure if study.source.kind == "points" else figures.text_figure
        with plots.style():
            plots.save(maker(study, settings), out, f"closed-loop-{study.name}")
        for regime in study.records:
            store.export(out / f"{study.name}-{regime}", out / f"{study.name}-{regime}.nc")
        Console().print(_table(study))
    if data is None:
        for stem in ("closed-loop-information", "closed-loop-collapse"):
            plots.save(FIGURES[stem](settings), out, stem)
    print(f"figures (PNG, SVG and CSV), loops and netCDF files are in {out}")


def _table(study: real_data.Study) -> Table:
    """Each measure at the start and at the end, as the median over replicas."""
    names = list(next(iter(study.records.values())).model)
    last = real_data.NUM_GENERATIONS
    table = Table(title=f"{study.setting}: Z_0 → Z_{last}, median over replicas", title_justify="left")
    for column in ("regime", "replicas", *(name.replace("_", " ") for name in names)):
        table.add_column(column)
    for regime, record in study.records.items():
        ends = (np.median(np.asarray(record.model[name][0], float)[:, [0, -1]], axis=0) for name in names)
        replicas = str(record.kept.shape[1])
        table.add_row(figures.TITLES[regime], replicas, *(f"{first:.4g} → {end:.4g}" for first, end in ends))
    return table
