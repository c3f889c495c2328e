"""A claim in words and symbols, for the report, docs/claims.md and the last screen of `verify`."""

from collections.abc import Iterable
from typing import Any, NamedTuple, Self


class Statement(NamedTuple):
    """A claim of the paper (C), a question that it leaves open (L), a result (R), a law of the best of n (F)."""

    id: str
    title: str  # one line
    formula: str = ""  # LaTeX
    words: str = ""
    conditions: str = ""  # under which it is true, or what stays open
    practice: str = ""  # what it means for who builds a pipeline
    source: str = ""
    test: str = ""  # an independent property test
    decided_by: str = ""  # the row that decides the claim
    fails_where: str = ""  # the world in which it would fail: what the control of that row is

    @classmethod
    def of(cls, id: str, **fields: str) -> Self:
        """From texts whose lines are wrapped."""
        return cls(id, **{name: " ".join(text.split()) for name, text in fields.items()})


PAPER = "Li, Sun & Deng (2026), An information-theoretic criterion for efficient data synthesis, arXiv:2605.16379"
INSTRUMENT = Statement(
    "instrument",
    "The instrument measures what it says",
    words="Rows that test how we measure, not what the paper claims: simulations against exact results, and intervals "
    "against known truths.",
)


def in_order(loaded: Iterable[Any]) -> tuple[Statement, ...]:
    """The statements of all experiments: C1 … C12, L, R, F, others; the instrument last, which opens the appendix."""
    found = [statement for one in loaded for statement in one.statements]
    letters = "CLRF"

    def place(statement: Statement) -> tuple[int, str, int, str]:
        letter, number = statement.id[0], statement.id[1:]
        known = letters.index(letter) if letter in letters else len(letters)
        digits = "".join(c for c in number if c.isdigit())
        return known, letter, int(digits or 0), number

    return (*sorted((s for s in found if s.id != INSTRUMENT.id), key=place), INSTRUMENT)
