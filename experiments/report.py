"""report.html: the ledger, the figures and the provenance on one page that needs no network."""

import base64
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any, NamedTuple

from experiments import ledger
from experiments.ledger import Row

TITLE = "What a model gains and loses when it is trained on its own samples"
ANSWER = (
    "A generative model that is retrained on its own samples, with nothing from outside, can only lose information "
    "about the task it was made for. A verifier, an environment or fresh data open the loop: a generation then gains "
    "at most what the signal tells beyond the model and its candidates, and being open is not enough, since drift "
    "takes away what a weak signal or too few samples bring. How accurate a verifier must be, how many verdicts it "
    "takes and in how many rounds can be computed, and stands below. What a signal says of the class of an answer and "
    "of its wording splits exactly, and how it enters training decides what is kept: one fixed reference transfers "
    "worst to new domains where there were several to learn from, and few methods keep the wordings. Of the components "
    "of a signal a student takes up first the one that, learned alone, has saved most by prediction, with exceptions "
    "that are mapped below; where that is a length or a style, a judge is hacked until what was intended has saved "
    "more, and for ever if it says less of the label."
)

CSS = """
:root { color-scheme: light dark; --ink: #1a1a1a; --soft: #5a5a5a; --paper: #fdfdfc; --line: #d8d8d4; --card: #f4f4f1;
  --good: #00608f; --bad: #a84300; }
@media (prefers-color-scheme: dark) { :root { --ink: #e9e9e6; --soft: #a9a9a4; --paper: #161719; --line: #3a3b3e;
  --card: #212225; --good: #6fc3f0; --bad: #ff9d5c; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 2.5rem 1.25rem 4rem; max-width: 78rem; color: var(--ink); background: var(--paper);
  font: 1rem/1.55 system-ui, "Segoe UI", Roboto, "Helvetica Neue", sans-serif; }
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0 0 1rem; text-wrap: balance; }
h2 { font-size: 1.3rem; margin: 3rem 0 .75rem; }
p { max-width: 44rem; margin: .5rem 0; }
.answer { font-size: 1.12rem; }
.count { font-weight: 600; }
.note, caption, figcaption { color: var(--soft); }
.scroll { overflow-x: auto; border: 1px solid var(--line); border-radius: .5rem; }
.scroll:focus-visible { outline: 2px solid var(--good); }
table { border-collapse: collapse; width: 100%; font-size: .9rem; }
th, td { padding: .55rem .75rem; text-align: left; vertical-align: top; border-bottom: 1px solid var(--line); }
tbody tr:last-child > * { border-bottom: 0; }
thead th { background: var(--card); white-space: nowrap; }
tbody th { font-weight: 600; min-width: 11rem; }
.number { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
.says { min-width: 20rem; }
.says small, tbody th small { display: block; color: var(--soft); font-weight: 400; font-size: .85em; }
tr.twin th { padding-left: 1.75rem; font-weight: 400; }
.verdict { white-space: nowrap; }
.as-expected { color: var(--good); }
.unexpected { color: var(--bad); font-weight: 700; }
code { font: .88em/1.4 ui-monospace, "SF Mono", Menlo, Consolas, monospace; }
td code { user-select: all; color: var(--soft); }
figure { margin: 0 0 2.5rem; }
figure img { display: block; width: 100%; max-width: 62rem; height: auto; padding: .75rem; background: #fff;
  border: 1px solid var(--line); border-radius: .5rem; }
figcaption { max-width: 44rem; margin-top: .5rem; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1.25rem; margin: 0; }
dt { color: var(--soft); }
dd { margin: 0; overflow-wrap: anywhere; }
@media print { body { max-width: none; padding: 0; font-size: .85rem; } .scroll { overflow: visible; border: 0; }
  tr, figure { break-inside: avoid; } }
"""


class Picture(NamedTuple):
    """A figure of the report."""

    stem: str
    caption: str
    svg: Path


def order(rows: Sequence[Row]) -> list[Row]:
    """The rows with each twin right after the row that it is the twin of."""
    place = {row.id: i for i, row in enumerate(rows)}
    return sorted(rows, key=lambda row: (place.get(row.twin_of or "", place[row.id]), row.twin_of in place))


def write(rows: Sequence[Row], figures: Sequence[Picture], provenance: Mapping[str, Any], path: Path) -> None:
    """Writes the page, atomically.

    Args:
        rows: the ledger.
        figures: in the order to be shown; their SVG files are put into the page.
        provenance: name to value, values may be mappings; None is shown as "unknown".
        path: of the page.

    Raises:
        OSError: a figure cannot be read, or the page not be written.
    """
    body = [
        f"<h1>{escape(TITLE)}</h1>",
        f'<p class="answer">{escape(ANSWER)}</p>',
        "<h2>The ledger</h2>",
        f'<p class="count">{escape(ledger.summary(rows))}.</p>',
        '<p class="note">Each row is a claim and what became of it. A false twin is a claim made wrong on purpose: it '
        "is expected to fail, which shows that the check can fail. The slack is what is left before the claim breaks, "
        "so the claim holds while it is not negative. ± is one standard error. The command "
        "under a claim checks it again.</p>",
        _table(order(rows)),
        "<h2>Figures</h2>" if figures else "",
        *map(_figure, figures),
        "<h2>Where this comes from</h2>",
        _provenance(provenance),
    ]
    page = (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(TITLE)}</title>\n<style>{CSS}</style>\n</head>\n<body>\n<main>\n"
        + "\n".join(filter(None, body))
        + "\n</main>\n</body>\n</html>\n"
    )
    ledger.write_atomic(path, page)


def _table(rows: Sequence[Row]) -> str:
    names = ("row", "verdict", "what is claimed, how it was checked", "predicted", "measured ± error", "slack", "unit")
    classes = {"predicted": "number", "measured ± error": "number", "slack": "number"}
    head = "".join(f'<th scope="col" class="{classes.get(name, "")}">{escape(name)}</th>' for name in names)
    ids = {row.id for row in rows}
    return (
        '<div class="scroll" tabindex="0" role="region" aria-label="The ledger"><table>\n'
        f"<thead><tr>{head}</tr></thead>\n<tbody>\n"
        + "\n".join(_row(row, indented=row.twin_of in ids) for row in rows)
        + "\n</tbody></table></div>"
    )


def _row(row: Row, *, indented: bool) -> str:
    twin = f", false twin of {row.twin_of}" if row.twin_of else ""
    predicted, measured = ledger.numbers(row)
    if row.lower is not None or row.upper is not None:
        measured += f" in [{ledger.number(row.lower)}, {ledger.number(row.upper)}]"
    state, aside = ("as-expected", "as expected") if row.as_expected else ("unexpected", f"expected: {row.expected}")
    cells = [
        f'<th scope="row">{escape(row.id)}<small>{escape(f"{row.claim}, {row.kind}{twin}")}</small></th>',
        f'<td class="verdict {state}">{ledger.MARKS[row.verdict]} {escape(row.verdict)}<br><small>{aside}</small></td>',
        f'<td class="says">{escape(row.statement)}<small>{escape(row.setting)}</small>'
        f"<code>{escape(row.command)}</code></td>",
        *(f'<td class="number">{escape(cell)}</td>' for cell in (predicted, measured, ledger.number(row.slack))),
        f"<td>{escape(row.unit)}</td>",
    ]
    return f'<tr id="{escape(row.id)}"{" class=twin" if indented else ""}>{"".join(cells)}</tr>'


def _figure(picture: Picture) -> str:
    data = base64.b64encode(picture.svg.read_bytes()).decode()  # not inlined: ids of two figures would clash
    caption = escape(picture.caption)
    image = f'<img src="data:image/svg+xml;base64,{data}" alt="{caption}">'
    return f'<figure id="figure-{escape(picture.stem)}">{image}<figcaption>{caption}</figcaption></figure>'


def flatten(provenance: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Nested names become one, joined by a space; lists are joined by commas, and None is "unknown"."""
    flat: dict[str, str] = {}
    for name, value in provenance.items():
        if isinstance(value, Mapping):
            flat |= flatten(value, f"{prefix}{name} ")
        else:
            listed = ", ".join(map(str, value)) if isinstance(value, list | tuple) else value
            flat[f"{prefix}{name}".replace("_", " ")] = "unknown" if listed is None else str(listed)
    return flat


def _provenance(provenance: Mapping[str, Any]) -> str:
    items = "\n".join(f"<dt>{escape(k)}</dt><dd>{escape(v)}</dd>" for k, v in flatten(provenance).items())
    return f"<dl>\n{items}\n</dl>"
