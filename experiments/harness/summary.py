"""All claims at a glance, a line each: the last screen of `infoloop verify`, and the table docs/claims.md."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from experiments.harness import scorecard
from experiments.harness.ledger import MARKS, Outcome, Row, Tally, tally
from experiments.harness.statements import INSTRUMENT, Statement

Seeds = Mapping[str, Sequence[Outcome]]  # the outcomes of each row, seed by seed; an exact row has one


def screen(rows: Iterable[Row], statements: Sequence[Statement], width: int) -> list[str]:
    """A line a claim, with its mark, its title and how many rows are as expected.

    Args:
        rows: of the ledger.
        statements: in the order of the lines.
        width: of a line at most, in characters; titles are cut to fit.
    """
    claims = list(_claims(rows, statements))
    words = max((len(counted.words) for _, counted in claims), default=0)
    ids = max((len(claim.id) for claim, _ in claims), default=0)
    room = width - words - ids - len("✓    ")
    return [
        f"{counted.mark} {claim.id:<{ids}} {_cut(claim.title, room):<{max(room, 0)}}  {counted.words}".rstrip()
        for claim, counted in claims
    ]


def markdown(rows: Sequence[Row], statements: Sequence[Statement], provenance: str, seeds: Seeds | None = None) -> str:
    """docs/claims.md: the claims as a table, and every row with its outcome, at each seed where there are several."""
    lines = ["# Claims", "", f"Written by `infoloop verify`: {provenance}.", ""]
    claims = list(_claims(rows, statements))
    count = sum(claim.id != INSTRUMENT.id for claim, _ in claims)
    lines += [f"{count} claims; a negative control is its row with a hypothesis removed, and must not hold.", ""]
    lines += ["| claim | what it says | outcome |", "| --- | --- | --- |"]
    lines += [f"| {claim.id} | {_cell(claim.title)} | {counted.mark} {counted.words} |" for claim, counted in claims]
    lines += _scorecard(rows, statements)
    outcome = "outcome" if seeds is None else f"outcome at seeds 0 to {max(map(len, seeds.values()), default=1) - 1}"
    lines += ["", f"| row | what is claimed | {outcome} | figure |", "| --- | --- | --- | --- |"]
    for row in rows:
        outcomes: Sequence[Outcome] = [row.outcome] if seeds is None else seeds.get(row.id, [row.outcome])
        control = "control: " if row.control_of else ""
        marks = f"{''.join(MARKS[outcome] for outcome in outcomes)}{' (exact)' if row.kind == 'exact' else ''}"
        lines.append(f"| `{row.id}` | {control}{_cell(row.statement)} | {marks} | {row.figure or ''} |")
    return "\n".join(lines) + "\n"


def _scorecard(rows: Iterable[Row], statements: Sequence[Statement]) -> list[str]:
    """The paper's claims with the row that decides each."""
    scores = scorecard.table(statements, rows)
    if not scores:
        return []
    lines = ["", "The scorecard of the paper: its words, how they fared, and the row that decides.", ""]
    lines += [
        "| claim | the paper | score | what it misses, or the condition | decided by |",
        "| --- | --- | --- | --- | --- |",
    ]
    for claim, paper, score, because, milder, row, outcome, found in map(dict.values, scores):
        words = f"{paper}; ICML programme: {milder}" if milder else paper
        mark = f" {MARKS[outcome]}" if outcome else ""
        lines.append(f"| {claim} | {_cell(words)} | {score} | {_cell(because)} | `{row}`{mark} {_cell(found)} |")
    return lines


def _claims(rows: Iterable[Row], statements: Sequence[Statement]) -> Iterator[tuple[Statement, Tally]]:
    """The claims that have rows, in the order of the statements, then those that have no statement."""
    counted = tally(rows)
    known = {statement.id: statement for statement in statements if statement.id in counted}
    for id in [*known, *(id for id in counted if id not in known)]:
        yield known.get(id) or Statement(id, ""), counted[id]


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: max(width - 1, 0)].rstrip() + "…"
