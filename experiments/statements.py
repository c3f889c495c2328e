"""The claims in words and symbols (statements.toml), for the report, the README and the last screen of `verify`."""

import tomllib
from importlib.resources import files
from typing import Any, NamedTuple, Self


class Statement(NamedTuple):
    """A claim of the paper (C), a question that it leaves open (L), a result (R), or a law of the best of n (F)."""

    id: str
    title: str  # one line
    formula: str  # LaTeX
    words: str
    practice: str  # what it means for who builds a pipeline
    missed: str  # what the paper's wording misses, or what stays open
    source: str
    test: str  # the property test, or the tests of its rows
    figures: tuple[str, ...] = ()

    @classmethod
    def of(cls, id: str, fields: dict[str, Any]) -> Self:
        """From an entry of the file, whose lines are wrapped."""
        texts = {name: " ".join(text.split()) for name, text in fields.items() if name != "figures"}
        return cls(id, **texts, figures=tuple(fields.get("figures", ())))


STATEMENTS: tuple[Statement, ...] = tuple(
    Statement.of(id, fields)
    for id, fields in tomllib.loads(
        files("experiments").joinpath("statements.toml").read_text(encoding="utf-8")
    ).items()
)
