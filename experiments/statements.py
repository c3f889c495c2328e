"""The claims, in words and symbols: what the report, the README's table and the last screen of `verify` say of them.

The numbers are not here but in the rows of the ledger, and what follows from a figure stands in its caption.
"""

from typing import NamedTuple


class Statement(NamedTuple):
    """A claim of the paper (C), a law or a question that it leaves open (F, L, R)."""

    id: str
    title: str  # one line
    formula: str  # LaTeX; empty where there is none
    words: str
    practice: str  # what it means for who builds a pipeline
    missed: str  # what the paper's wording misses, or what is left open
    source: str
    test: str  # the property test, or the tests of its rows
    figures: tuple[str, ...] = ()


STATEMENTS: tuple[Statement, ...] = (
    Statement(
        id="C1",
        title="Training adds nothing about the task beyond its data",
        formula=r"X \to D \to Z \;\Rightarrow\; I(X;Z) \le I(X;D)",
        words="",
        practice="",
        missed="",
        source="",
        test="tests/theory/test_claims.py::test_training",
        figures=("coverage",),
    ),
    Statement(
        id="C2",
        title="A closed loop loses information in every generation",
        formula=r"X \to Z_t \to D_t \to Z_{t+1} \;\Rightarrow\; I(X;Z_{t+1}) \le I(X;Z_t)",
        words="",
        practice="",
        missed="",
        source="",
        test="tests/theory/test_claims.py::test_data_processing",
        figures=("closed-loop-information", "closed-loop-collapse", "closed-loop-faithful", "closed-loop-english"),
    ),
)
