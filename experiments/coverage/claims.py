"""Claims about new and repeated queries: C12."""

from functools import partial

from experiments.coverage import study
from experiments.coverage.study import (
    ACCURATE,
    BUDGET,
    CANDIDATES,
    DISTINCT,
    EVEN,
    FEW,
    NOISY,
    NUM_PROMPTS,
    QUERIES,
    SURE,
)
from experiments.harness.claim import Found, at_least, claim, paired
from experiments.harness.ledger import Settings
from experiments.harness.statements import PAPER, Statement

MOST_KNOWN = max(DISTINCT, key=study.known_share)


def certain(verifier: tuple[float, float], settings: Settings) -> Found:
    """The share of prompts known at 95 % confidence: some repeated queries against none."""
    setting = f"{BUDGET} queries, prompts of two classes, verifier {verifier}: posterior {SURE} or more; "
    setting += f"{MOST_KNOWN} prompts × {BUDGET // MOST_KNOWN} queries against {BUDGET} × 1"
    repeated, new = (study.known_share(distinct, verifier) for distinct in (MOST_KNOWN, BUDGET))
    return at_least(repeated, new, setting, "share of prompts")


def improbable(settings: Settings) -> Found:
    """One task of three candidates: a second query of the likeliest against one of the least likely."""
    first, again, new = (study.information(NOISY, k, CANDIDATES) for k in ((1, 0, 0), (2, 0, 0), (1, 0, 1)))
    setting = f"candidates {CANDIDATES}, verifier {NOISY}: after one query of the first"
    return at_least(again - first, new - first, setting)


def alike(settings: Settings) -> Found:
    """Two prompts that are alike: a second query of one against a first of the other."""
    first, again = (study.information(NOISY, (k,)) for k in (1, 2))
    setting = f"two prompts of two classes {EVEN}, verifier {NOISY}: after one query of the first"
    return at_least(again - first, first, setting)


def covers(method: str, evaluated: str, settings: Settings) -> Found:
    """All prompts against a few of them with an equal number of queries; networks, paired by seed."""
    many, few = (getattr(study.network_learned(settings, method, m), evaluated) for m in (NUM_PROMPTS, FEW))
    setting = f"{method}, network, rounds of {QUERIES} queries, {len(few)} paired seeds"
    return at_least(*paired(many, few), f"{setting}: {NUM_PROMPTS} prompts against {FEW}", "accuracy")


def fits_the_few(settings: Settings) -> Found:
    """What repetition buys: accuracy on the repeated prompts themselves."""
    few, many = (study.network_learned(settings, "SFT", m).queried for m in (FEW, NUM_PROMPTS))
    setting = f"SFT, network, {len(few)} paired seeds, on the prompts of training: {FEW} against {NUM_PROMPTS}"
    return at_least(*paired(few, many), setting, "accuracy")


NATS, TRAINED = "coverage-nats", "coverage-trained"

CLAIMS = (
    *claim(
        "C12-improbable",
        "A repeated query carries more information than a first query of an improbable candidate",
        improbable,
        control=("… and than a first query of an equally probable prompt", alike),
    ),
    *claim(
        "C12-certain",
        "Nats are not certainty: with a noisy verifier, repeated queries leave more prompts known at 95 % confidence",
        partial(certain, NOISY),
        control=("… also with a verifier that hardly errs", partial(certain, ACCURATE)),
        figure=NATS,
        test="tests/experiments/test_coverage_rows.py::test_certainty_by_simulation",
    ),
    *claim(
        "C12-network-unseen",
        "At an equal number of verdicts more prompts, and so more items, raise a network's accuracy on unseen domains",
        partial(covers, "RLVR", "unseen"),
        figure=TRAINED,
    ),
    *claim(
        "C12-references",
        "At an equal number of references more prompts, and so more items, raise a network's accuracy on all",
        partial(covers, "SFT", "all"),
        figure=TRAINED,
    ),
    *claim(
        "C12-fits",
        "Repeated queries raise the accuracy on the repeated prompts themselves",
        fits_the_few,
        figure=TRAINED,
    ),
)
STATEMENTS = (
    Statement(
        "C12",
        title="New prompts carry more information than repeated ones, and less certainty",
        formula=r"I(X;S_1, \dots, S_k) \le \sum_{i=1}^{k} I(X;S_i) \qquad (S_i \text{ independent given } X)",
        words=(
            "A repeated query of a verifier that never errs carries nothing; of one that errs it carries ever less, up "
            "to the entropy of the answer in all. A budget of queries carries most information if each goes to another "
            "prompt, where prompts are alike. The bound needs verdicts that are independent given X."
        ),
        conditions=(
            "A repeated query carries more than a first query of an improbable candidate. Nats are not certainty: "
            "where verdicts err, the most informative budget leaves every single answer in doubt. More prompts also "
            "bring more items; their effects on a network are not separated here."
        ),
        practice=(
            "Spend a budget on new prompts before you repeat any: a network learns more from them. Repeat queries if "
            "verdicts err and single answers must be certain."
        ),
        source=f"{PAPER}; Cover & Thomas (2006), Elements of Information Theory, section 7.9",
    ),
)
