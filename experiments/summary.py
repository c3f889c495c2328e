"""All claims at a glance, a line each: the last screen of `infoloop verify`, and the table of the README."""

from collections.abc import Iterable, Iterator

from experiments.ledger import Check, Row, Tally, tally
from experiments.statements import STATEMENTS, Statement


def screen(rows: Iterable[Row | Check], width: int) -> list[str]:
    """A line a claim, with its mark, its title and how many rows are as expected.

    Args:
        rows: of the ledger, or checks, which are taken to come out as expected.
        width: of a line at most, in characters; titles are cut to fit.
    """
    claims = list(_claims(rows))
    words = max((len(counted.words) for _, counted in claims), default=0)
    room = width - words - len("✓ C12    ")
    return [
        f"{counted.mark} {claim.id:<4} {_cut(claim.title, room):<{max(room, 0)}}  {counted.words}".rstrip()
        for claim, counted in claims
    ]


def markdown(rows: Iterable[Row | Check]) -> str:
    """The claims as a table in Markdown, with the test, the figures and the command of each."""
    lines = ["| claim | what it says | verdict | test | figures | command |", "| --- | --- | --- | --- | --- | --- |"]
    for claim, counted in _claims(rows):
        test = f"`{claim.test}`" if claim.test else ""
        figures = ", ".join(f"`{stem}`" for stem in claim.figures)
        cells = claim.id, claim.title, f"{counted.mark} {counted.words}", test, figures
        command = f"`infoloop verify --claim {claim.id}`"
        lines.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} | {command} |")
    return "\n".join(lines) + "\n"


def _claims(rows: Iterable[Row | Check]) -> Iterator[tuple[Statement, Tally]]:
    """The claims that have rows, in the order of the statements, then those that have no statement."""
    counted = tally(rows)
    known = {statement.id: statement for statement in STATEMENTS if statement.id in counted}
    for id in [*known, *(id for id in counted if id not in known)]:
        yield known.get(id) or Statement(id, "", "", "", "", "", "", ""), counted[id]


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: max(width - 1, 0)].rstrip() + "…"
