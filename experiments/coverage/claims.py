"""What is claimed of repetition and coverage: C12."""

from functools import partial

from experiments.coverage import study
from experiments.coverage.study import ACCURATE, BLOCKS, BUDGET, DISTINCT, EVEN, FEW, LOOKS, NOISY, NUM_PROMPTS, SURE
from experiments.harness.claim import Found, at_least, claim, paired
from experiments.harness.ledger import Settings
from experiments.harness.statements import PAPER, Statement

MOST_SURE = max(DISTINCT, key=study.sure)


def certain(verifier: tuple[float, float], settings: Settings) -> Found:
    """The share of prompts that are known almost for sure: some repeats against none."""
    setting = f"{BUDGET} looks, prompts of two classes, {verifier}: known with probability {SURE} or more; "
    setting += f"{MOST_SURE} prompts × {BUDGET // MOST_SURE} looks against {BUDGET} × 1"
    return at_least(study.sure(MOST_SURE, verifier), study.sure(BUDGET, verifier), setting, "share of prompts")


def improbable(settings: Settings) -> Found:
    """One task of three blocks: a second look at the likeliest against one at the least likely."""
    first, again, new = (study.told(NOISY, looks, BLOCKS) for looks in ((1, 0, 0), (2, 0, 0), (1, 0, 1)))
    return at_least(again - first, new - first, f"blocks {BLOCKS}, verifier {NOISY}: after one look at the first")


def alike(settings: Settings) -> Found:
    """Two prompts that are alike: a second look at one against a first at the other."""
    first, again = (study.told(NOISY, (k,)) for k in (1, 2))
    return at_least(
        again - first, first, f"two prompts of two classes {EVEN}, verifier {NOISY}: after one look at the first"
    )


def covers(method: str, exam: str, settings: Settings) -> Found:
    """All prompts against a few of them, an equal number of looks; networks, paired by seed."""
    many, few = (getattr(study.network_learned(settings, method, m), exam) for m in (NUM_PROMPTS, FEW))
    setting = (
        f"{method}, network, rounds of {LOOKS} looks, {len(few)} seeds, paired: {NUM_PROMPTS} prompts against {FEW}"
    )
    return at_least(*paired(many, few), setting, "share right")


def fits_the_few(settings: Settings) -> Found:
    """What repetition does buy: correctness on the very prompts that were repeated."""
    few, many = (study.network_learned(settings, "SFT", m).asked for m in (FEW, NUM_PROMPTS))
    setting = f"SFT, network, {len(few)} seeds, on the prompts trained on: {FEW} against {NUM_PROMPTS}"
    return at_least(*paired(few, many), setting, "share right")


NATS, TRAINED = "coverage-nats", "coverage-trained"

CLAIMS = (
    *claim(
        "C12-improbable",
        "A repeat tells more than a new block that is improbable",
        improbable,
        control=("… and than a new prompt that is as probable", alike),
    ),
    *claim(
        "C12-certain",
        "Nats are not certainty: where verdicts err, some repeats make more prompts known almost for sure than none",
        partial(certain, NOISY),
        control=("… also where they hardly err", partial(certain, ACCURATE)),
        figure=NATS,
        test="tests/experiments/test_coverage_rows.py::test_certainty_by_simulation",
    ),
    *claim(
        "C12-network-unseen",
        "At an equal number of verdicts more prompts, and with them contents, teach a network more of unseen domains",
        partial(covers, "RLVR", "unseen"),
        figure=TRAINED,
    ),
    *claim(
        "C12-references",
        "At an equal number of references shown more prompts, and with them contents, teach a network more",
        partial(covers, "SFT", "all"),
        figure=TRAINED,
    ),
    *claim(
        "C12-fits",
        "Repeats pay on the repeated prompts alone, which are fitted better",
        fits_the_few,
        figure=TRAINED,
    ),
)
STATEMENTS = (
    Statement(
        "C12",
        title="To cover tells more than to repeat, and leaves less certain",
        formula=r"I(X;S_1, \dots, S_k) \le \sum_{i=1}^{k} I(X;S_i) \qquad (S_i \text{ independent given } X)",
        words=(
            "A verdict that never errs tells nothing by a repeat; one that errs tells more at each look, up to the "
            "entropy of the question. A budget of looks tells most if each goes to another prompt, where prompts are "
            "alike. The bound needs answers that are independent given X, each with noise of its own."
        ),
        conditions=(
            "A repeat tells more than a new block that is improbable. And nats are not certainty: where verdicts err, "
            "what tells most leaves every single answer in doubt. More prompts also bring more contents: what a "
            "network learns from either is not told apart here."
        ),
        practice=(
            "Spend a budget on new prompts before you repeat any: a network learns more from them. Repeat where "
            "verdicts err and single answers must be certain."
        ),
        source=f"{PAPER}; Cover & Thomas (2006), Elements of Information Theory, section 7.9",
    ),
)
