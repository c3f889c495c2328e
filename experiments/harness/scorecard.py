"""The paper's twelve claims, one by one: what it says, how it fared, and the row that decides.

The paper does not number its claims: it is quoted where its abstract on arXiv says it ("…"), else restated; `milder`
are the expressions of the abstract in the ICML programme. The score is a judgement on rows, which the tests hold to
exist and to hold.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Literal, NamedTuple

from experiments.harness.ledger import Row, numbers
from experiments.harness.statements import Statement

Fared = Literal["as worded", "incomplete", "only under a condition", "a rule with a hit rate"]


class Score(NamedTuple):
    """How one claim of the paper fared."""

    claim: str
    paper: str
    score: Fared
    because: str  # what the words miss, or the condition
    milder: str = ""


SCORES = (
    Score(
        "C1",
        "Training adds nothing about the task beyond its data",
        "as worded",
        "of Shannon information, if the seed is not chosen on the answers",
    ),
    Score(
        "C2",
        "“task-relevant information can only decrease, making collapse a predicted outcome”",
        "incomplete",
        "it never rises; an unsmoothed table stops at what one real sample carries (C2-residual)",
        milder="“tends to degrade performance”",
    ),
    Score(
        "C3",
        "A signal raises the bound by exactly what it carries beyond the data",
        "as worded",
        "and a learner that keeps both reaches it",
    ),
    Score(
        "C4",
        "Synthetic data improves a model “only when the generation-training loop is information-open”",
        "incomplete",
        "of information, not of accuracy; openness is given the candidates, I(X;S|Z,D) > 0, and not enough: drift may "
        "lose more than a weak verifier injects",
        milder="“continuous” injections: a fixed judge injects once",
    ),
    Score(
        "C5",
        "A judge that is a function of the model closes the loop",
        "as worded",
        "of information; its accuracy may rise to that of the best guess",
    ),
    Score(
        "C6",
        "Candidates and a signal are both needed",
        "only under a condition",
        "where outputs share no parameters; a network learns from verdicts elsewhere",
    ),
    Score(
        "C7",
        "Supervision splits into a task part and a within-class part",
        "as worded",
        "an identity; all goes to the task only if the signal depends on the class alone",
    ),
    Score(
        "C8",
        "A coarse signal is cheaper: imitation pays up to log M for a surface form",
        "only under a condition",
        "per nat; per query a verdict carries less, and a table pays the factor M for verdicts too",
    ),
    Score(
        "C9",
        "What a coarse signal teaches “generalizes naturally across tasks and domains”",
        "only under a condition",
        "with several training domains, against one fixed reference; paraphrased references transfer too",
        milder="“often” generalise",
    ),
    Score(
        "C10",
        "“learning preferentially converges to the most information-efficient signal component available”",
        "a rule with a hit rate",
        "of single-feature code lengths; it fails between equals, at small scale, under decay and re-use",
    ),
    Score(
        "C11",
        "The efficient component “causes reward hacking when a spurious pattern happens to be simpler”",
        "only under a condition",
        "if it is easier to read than correctness; more training cures a judge only if ρ < 1 − ε, and late",
    ),
    Score(
        "C12",
        "A repeated prompt-output pair carries no fresh bits, covering a new block of the partition does",
        "incomplete",
        "so it is of a pair; a repeated query carries something if verdicts err, and few repeats cost little",
    ),
)


def table(statements: Sequence[Statement], rows: Iterable[Row]) -> list[dict[str, Any]]:
    """The scorecard with the outcome of each row that decides, for scorecard.json, claims.md and the page."""
    decides = {statement.id: statement.decided_by for statement in statements}
    known = {row.id: row for row in rows}

    def decided(row: Row | None) -> dict[str, Any]:
        if row is None:
            return {"outcome": None, "found": ""}
        predicted, measured = numbers(row)
        return {"outcome": row.outcome, "found": f"{measured} against {predicted} {row.unit}"}

    return [
        score._asdict() | {"row": decides[score.claim]} | decided(known.get(decides[score.claim]))
        for score in SCORES
        if score.claim in decides
    ]
