"""`infoloop run closed-loop`: the loops from real data, or from yours, kept on disk, drawn and summed up."""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from experiments.closed_loop import figures, real_data
from experiments.harness import figures as plots
from experiments.harness.ledger import Settings
from experiments.questions import tables
from sandbox import store


def run(settings: Settings, *, data: Path | None, out: Path, resume: bool) -> None:
    """Draws the figures and keeps the loops from real data in `out`, also as netCDF; `data` takes their place."""
    alone = replace(settings, folder=None)  # what is kept here are the loops, which know the content of the file
    options = {"out": out, "resume": resume}
    if data is None:
        found = [real_data.faithful(alone, **options), real_data.english(alone, **options)]
        for stem in ("closed-loop-information", "closed-loop-collapse"):
            plots.save(figures.FIGURES[stem](settings), out, stem)
    else:
        print(said(data), flush=True)
        print("fitting Z_0; a table of many columns takes minutes to compile ...", file=sys.stderr, flush=True)
        found = [real_data.own(alone, data, **options)]
    for loops in found:
        maker = figures.points_figure if loops.source.kind == "points" else figures.text_figure
        with plots.style():
            plots.save(maker(loops), out, f"closed-loop-{loops.name}")
        for regime in loops.measures:
            store.export(out / f"{loops.name}-{regime}", out / f"{loops.name}-{regime}.nc")
        Console().print(_table(loops))
    print(f"figures (PNG, SVG and CSV), loops and netCDF files are in {out}")


def said(data: Path) -> str:
    """What was read of a file, as in: x.csv: 120 points of 2 coordinates, header x,y."""
    found = tables.read_or_text(data)
    return (
        f"{data}: a text of {len(found):,} characters" if isinstance(found, str) else found.said("point", "coordinate")
    )


def _table(loops: real_data.Loops) -> Table:
    """Each measure at the start and at the end, as the median over replicas."""
    names = list(loops.measures["replace"])
    table = Table(
        title=f"{loops.setting}: Z_0 → Z_{real_data.NUM_GENERATIONS}, median over replicas", title_justify="left"
    )
    for column in ("regime", "replicas", *(name.replace("_", " ") for name in names)):
        table.add_column(column)
    for regime, measures in loops.measures.items():
        ends = (np.median(measures[name][:, [0, -1]], axis=0) for name in names)
        replicas = str(len(measures[names[0]]))
        table.add_row(figures.TITLES[regime], replicas, *(f"{first:.4g} → {end:.4g}" for first, end in ends))
    return table
