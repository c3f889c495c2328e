"""report.html: the answer, the ledger, the claims with their figures, and the provenance, on one page without network.

Its words are in top.py (the answer) and in the statements of the experiments (the claims); page.html, page.css and
page.js are put together here.
"""

import base64
import hashlib
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from latex2mathml.converter import convert
from markupsafe import Markup, escape

from experiments.harness import ledger, scorecard
from experiments.harness.ledger import Row, Tally
from experiments.harness.report import svg, top
from experiments.harness.statements import INSTRUMENT, Statement

PRACTICE = "In practice: "  # begins the last sentence of a caption
DECADES = (-16, 3)  # of the slacks that the bars tell apart: from rounding to thousands of verdicts
_RAISED = re.compile(r"(?<=\S)(?<![A-Za-z]{2})([_^])(?:\{([^{}]*)\}|([A-Za-z0-9α-ωΑ-Ω∞]+))")
RELATIONS = {"=": "predicted", "≥": "at least", "≤": "at most"}
_CODE = re.compile(r"`([^`]+)`")
_SPACED = re.compile(r"(<mi>ln</mi>)(?=<mi>)")  # as LaTeX does


class Picture(NamedTuple):
    """A figure of the report; its data is the CSV file beside the SVG file, if there is one."""

    stem: str
    caption: str
    svg: Path

    @property
    def words(self) -> str:
        """The caption without its last sentence."""
        return self.caption.partition(PRACTICE)[0].strip()

    @property
    def practice(self) -> str:
        """What the figure means for who builds a pipeline; empty where the caption does not say."""
        return self.caption.partition(PRACTICE)[2]

    def inline(self) -> Markup:
        """The figure as a part of the page."""
        return svg.inline(self.svg.read_text(encoding="utf-8"), self.stem, f"caption-{self.stem}")

    def data(self) -> str | None:
        """The data of the figure as an address."""
        path = self.svg.with_suffix(".csv")
        return f"data:text/csv;charset=utf-8,{quote(path.read_bytes(), safe=',;:/+')}" if path.is_file() else None


class Line(NamedTuple):
    """A row and its negative control."""

    row: Row
    controls: tuple[Row, ...]

    @property
    def outcomes(self) -> list[str]:
        """What the filter finds it by: the row's outcome, and whether it or its control is open or refuted."""
        rest = [row for row in (self.row, *self.controls) if not row.as_expected]
        return list(dict.fromkeys([self.row.outcome, *("refuted" if row.refuted else "open" for row in rest)]))


class Claim(NamedTuple):
    """A claim with what the ledger and the figures say of it."""

    id: str
    statement: Statement | None
    tally: Tally | None  # where the ledger has rows of it
    lines: list[Line]
    pictures: list[Picture]
    elsewhere: list[str]  # its figures that stand in the section of an earlier claim


def lines(rows: Sequence[Row]) -> list[Line]:
    """A line for each row that is no control, or whose original is missing; in the order of the rows."""
    ids = {row.id for row in rows}
    return [
        Line(row, tuple(one for one in rows if one.control_of == row.id)) for row in rows if row.control_of not in ids
    ]


def claims(rows: Sequence[Row], pictures: Sequence[Picture], statements: Sequence[Statement]) -> list[Claim]:
    """All claims: those of the statements in their order, then others that the ledger has."""
    known = {statement.id: statement for statement in statements}
    drawn = {picture.stem: picture for picture in pictures}
    found, counted = lines(rows), ledger.tally(rows)
    order = dict.fromkeys([*known, *counted])
    named = {id: [s for s in drawn if any((row.claim, row.figure) == (id, s) for row in rows)] for id in order}
    home = {stem: id for id in reversed(known) for stem in named[id]}  # the first claim with a row that names it
    return [
        Claim(
            id=id,
            statement=known.get(id),
            tally=counted.get(id),
            lines=[line for line in found if line.row.claim == id],
            pictures=[drawn[stem] for stem in named[id] if home.get(stem) == id],
            elsewhere=[stem for stem in named[id] if home.get(stem) != id],
        )
        for id in order
    ]


def write(
    rows: Sequence[Row],
    figures: Sequence[Picture],
    provenance: Mapping[str, Any],
    path: Path,
    statements: Sequence[Statement],
) -> None:
    """Writes the page, atomically.

    Args:
        rows: the ledger.
        figures: their files are put into the page, under the first claim whose rows name them; others come later.
        provenance: name to value, values may be mappings; None is shown as "unknown".
        path: of the page.
        statements: the claims, in the order of the sections.

    Raises:
        OSError: a figure cannot be read, or the page not be written.
        ValueError: a figure is not what `figures.save` writes.
    """
    folder = Path(__file__).parent
    environment = Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "number": ledger.number,
        "math": formula,
        "reach": reach,
        "relation": relation,
        "typeset": typeset,
        "parts": parts,
    }
    style, script = (folder.joinpath(f"page.{kind}").read_text(encoding="utf-8") for kind in ("css", "js"))
    found = claims(rows, figures, statements)
    placed = {picture.stem for claim in found for picture in claim.pictures}
    page = environment.get_template("page.html").render(
        top=top,
        sections=found,
        claims=[claim for claim in found if claim.id != INSTRUMENT.id],
        instrument=INSTRUMENT.id,
        scores=scorecard.table(statements, rows),
        figures=[picture for picture in figures if picture.stem not in placed],
        kinds=list(dict.fromkeys(row.kind for row in rows)),
        count=count(found),
        provenance=flatten(provenance),
        version=provenance.get("versions", {}).get("infoloop", "unknown"),
        options=options(provenance),
        marks=ledger.MARKS,
        words=RELATIONS,
        numbers=ledger.numbers,
        style=Markup(style),
        script=Markup(script),
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
    )
    ledger.write_atomic(path, page)


def count(found: Sequence[Claim]) -> str:
    """How many claims there are, and the outcomes of their rows; without those of the instrument."""
    tallies = [claim.tally for claim in found if claim.tally and claim.id != INSTRUMENT.id]
    total = Tally(*(sum(tally[i] for tally in tallies) for i in range(len(Tally._fields))))
    claims, rows = (f"{n} {name}{'s'[: n != 1]}" for n, name in ((len(tallies), "claim"), (sum(total), "row")))
    return f"{claims} in {rows}: {total.words}" if total.words else "no claim was checked"


def options(provenance: Mapping[str, Any]) -> str:
    """What a command needs beside the row to measure what this run did, with a space before."""
    given = {"profile": provenance.get("profile", "quick"), "seed": provenance.get("seed", 0)}
    return "".join(f" --{name} {value}" for name, value in given.items() if value not in ("quick", 0))


def formula(latex: str) -> Markup:
    """LaTeX as MathML, which a browser draws by itself."""
    return Markup(_SPACED.sub(r'\1<mspace width="0.167em"/>', convert(latex, display="block")))


def typeset(text: str) -> Markup:
    """Plain text with its Z_t, Z_{t+1}, e^s, e^{−s} and `commands` typeset; a name such as test_rows stays."""
    tags = {"_": "sub", "^": "sup"}
    raised = _RAISED.sub(lambda m: f"<{tags[m[1]]}>{m[2] or m[3]}</{tags[m[1]]}>", str(escape(text)))
    return Markup(_CODE.sub(r"<code>\1</code>", raised))


def relation(row: Row) -> str:
    """How what is measured is to be to what is predicted, as the slack has it: a bound, or the same."""
    if row.predicted is None or row.measured is None or row.slack is None or row.predicted == row.measured:
        return "="
    above = row.measured - row.predicted
    return next((sign for sign, slack in (("≥", above), ("≤", -above)) if math.isclose(row.slack, slack)), "=")


def parts(measured: str) -> Markup:
    """A number whose error may go to a line of its own."""
    return Markup("<wbr>±").join(measured.split("±"))


def reach(slack: float) -> float:
    """How far a slack's bar reaches, 0 to 1: its order of magnitude within `DECADES`."""
    low, high = DECADES
    return min(1.0, max(0.0, (math.log10(abs(slack) or 10.0**low) - low) / (high - low)))


def flatten(provenance: Mapping[str, Any]) -> dict[str, str]:
    """Nested names become one, joined by a space; lists are joined by commas, and None is "unknown"."""
    return dict(_flat(provenance, ""))


def _flat(provenance: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, str]]:
    for name, value in provenance.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name} ")
        else:
            listed = ", ".join(map(str, value)) if isinstance(value, list | tuple) else value
            yield f"{prefix}{name}".replace("_", " "), "unknown" if listed is None else str(listed)
