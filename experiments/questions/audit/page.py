"""What an audit leaves on disk: audit.json, a page of its own, its figures, and rows to be held out or paired."""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from experiments.harness import figures as plots
from experiments.harness import report
from experiments.harness.ledger import write_atomic
from experiments.harness.report.svg import inline
from experiments.questions.audit import figures, screen
from experiments.questions.audit.answer import Audit

CSS = Path(report.__file__).with_name("page.css")


def save(audit: Audit, out: Path, provenance: Mapping[str, Any]) -> list[Path]:
    """Writes audit.json, audit.html, the figures (PNG, SVG, CSV), held_out.csv and pairs.csv, each atomically."""
    out.mkdir(parents=True, exist_ok=True)
    files = [out / "audit.json", out / "audit.html"]
    drawn = {}
    for stem, make in figures.FIGURES.items():
        figure = make(audit)
        if figure is not None:
            files += plots.save(figure, out, stem)
            drawn[stem] = Markup(inline((out / f"{stem}.svg").read_text(encoding="utf-8"), stem, f"caption-{stem}"))
    for name, titles, rows in _tables(audit):
        write_atomic(out / name, _csv(titles, rows))
        files.append(out / name)
    found = screen.as_json(audit) | {"provenance": dict(provenance)}
    write_atomic(out / "audit.json", json.dumps(found, indent=1, allow_nan=False) + "\n")
    write_atomic(out / "audit.html", page(audit, drawn, provenance))
    return files


def page(audit: Audit, drawn: Mapping[str, Markup], provenance: Mapping[str, Any]) -> str:
    """The page, in one file without links to others."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    lines = screen.rows(audit)
    return environment.get_template("page.html").render(
        audit=audit,
        style=Markup(CSS.read_text(encoding="utf-8")),
        answers=[text for _, text in screen.answer(audit)],
        sections=lines,
        drawn={stem: (picture, plots.caption(figures.FIGURES[stem])) for stem, picture in drawn.items()},
        interval=figures.interval,
        versions=report.flatten(provenance),
    )


def _tables(audit: Audit) -> list[tuple[str, Sequence[str], Sequence[Sequence[Any]]]]:
    """Rows on which what is learned first and the truth disagree, and pairs that free the verdicts of it."""
    mend = audit.teaches.mend
    if mend is None:
        return []
    found: list[tuple[str, Sequence[str], Sequence[Sequence[Any]]]] = []
    if mend.held_out is not None:
        found.append(("held_out.csv", ["row"], [[row] for row in mend.held_out.tolist()]))
    return [*found, ("pairs.csv", ["accepted_row", "rejected_row"], mend.pairs.tolist())]


def _csv(titles: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(titles)
    writer.writerows(rows)
    return text.getvalue()
