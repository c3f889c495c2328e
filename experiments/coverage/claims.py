"""Claims about new and repeated queries: C12."""

from functools import partial

import numpy as np

from experiments.coverage import study
from experiments.coverage.study import ACCURATE, BUDGET, CANDIDATES, EVEN, ITEMS, METHODS, NOISY, PROMPTS, SHOWN, SURE
from experiments.harness.claim import Found, at_least, claim, paired
from experiments.harness.ledger import Settings
from experiments.harness.statements import PAPER, Statement

MOST_KNOWN = max(study.DISTINCT, key=study.known_share)
REPEATS = 4
NEARLY = 0.03  # of accuracy: 4 % of what training adds to that of the start, ¼


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


def never_repeated(ruled: bool, settings: Settings) -> Found:
    """Prompts that are all new against few that are repeated; networks, paired by seed."""
    new, repeated = (study.network_learned(settings, "RLVR", m, m, ruled).new for m in (SHOWN, PROMPTS[0]))
    setting = f"RLVR, {SHOWN} prompts × {study.NUM_SAMPLES} verdicts, {len(new)} paired seeds: all new against "
    setting += f"{PROMPTS[0]} × {SHOWN // PROMPTS[0]}; new items in new wordings"
    return at_least(*paired(new, repeated), setting, "accuracy")


def main_effect(of_items: bool, ruled: bool, settings: Settings) -> Found:
    """The accuracy on new items with many items (or prompts) against few, the mean over few and many of the other."""
    found = [[study.network_learned(settings, "RLVR", m, i, ruled).new for i in ITEMS] for m in PROMPTS]
    table = np.array(found) if of_items else np.swapaxes(found, 0, 1)  # [the other, few or many, seed]
    few, many = table.mean(0)
    gains = (table[:, 1] - table[:, 0]).mean(1)
    (what, how), (other, each) = (("items", ITEMS), ("prompts", PROMPTS))[:: 1 if of_items else -1]
    setting = (
        f"RLVR, {SHOWN} × {study.NUM_SAMPLES} verdicts, {len(few)} paired seeds: {how[1]} {what} against {how[0]}, "
    )
    setting += f"mean of {each[0]} and {each[1]} {other} (gains {gains[0]:.3f} and {gains[1]:.3f})"
    return at_least(*paired(many, few), setting, "accuracy")


def fewer_items(prompts: tuple[int, int], settings: Settings) -> Found:
    """The accuracy on the items of training themselves: few items against many, with these numbers of prompts."""
    few, many = (study.network_learned(settings, "RLVR", m, i).trained for m, i in zip(prompts, ITEMS, strict=True))
    each = [f"{i} items × {m // i} wordings" for m, i in zip(prompts, ITEMS, strict=True)]
    setting = f"RLVR, {SHOWN} × {study.NUM_SAMPLES} verdicts, {len(few)} paired seeds: {each[0]} against {each[1]}"
    return at_least(*paired(few, many), setting, "accuracy")


def nearly_as_good(repeats: int, settings: Settings) -> Found:
    """The accuracy on new items with prompts that are repeated, against new ones less a margin."""
    runs = [
        [study.network_learned(settings, name, SHOWN // k, SHOWN // k).new for k in (repeats, 1)] for name in METHODS
    ]
    repeated, new = np.array(runs).transpose(1, 2, 0)  # [seed, method]
    setting = [
        f"{name}, {SHOWN} prompts, {len(new)} paired seeds: {repeats} repeats against none, less {NEARLY}, "
        "4 % of what training adds"
        for name in METHODS
    ]
    return at_least(*paired(repeated, new - NEARLY), setting, "accuracy")


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
        "C12-new",
        "At an equal number of verdicts, new prompts teach a network more about new items than 256 repeats of 16",
        partial(never_repeated, True),
        tie=("… also if the classes of the items are drawn at random", partial(never_repeated, False)),
        figure=TRAINED,
    ),
    *claim(
        "C12-few-repeats",
        "Four repeats of a quarter of the prompts teach a network nearly as much as prompts that are all new",
        partial(nearly_as_good, REPEATS),
        control=("… so do 256 repeats of 16 prompts", partial(nearly_as_good, SHOWN // PROMPTS[0])),
        figure=TRAINED,
    ),
    *claim(
        "C12-items",
        "At equal numbers of verdicts and prompts, more items raise a network's accuracy on new items",
        partial(main_effect, True, True),
        tie=("… also if the classes of the items are drawn at random", partial(main_effect, True, False)),
        figure=TRAINED,
    ),
    *claim(
        "C12-prompts",
        "At equal numbers of verdicts and items, more prompts (wordings) raise a network's accuracy on new items",
        partial(main_effect, False, True),
        tie=("… also if the classes of the items are drawn at random", partial(main_effect, False, False)),
        figure=TRAINED,
    ),
    *claim(
        "C12-wordings",
        "With as many prompts and verdicts, fewer items in more wordings each are learned better themselves",
        partial(fewer_items, (16, 16)),
        tie=("… also with as many wordings of each item", partial(fewer_items, (16, 64))),
        figure=TRAINED,
    ),
)
STATEMENTS = (
    Statement(
        "C12",
        title="New prompts carry more than repeats; a few repeats teach nearly as much",
        formula=r"I(X;S_1, \dots, S_k) \le \sum_{i=1}^{k} I(X;S_i) \qquad (S_i \text{ independent given } X)",
        words=(
            "A repeated query of a verifier that never errs carries nothing; of one that errs it carries ever less, up "
            "to the entropy of the answer in all. A budget of queries carries most information if each goes to another "
            "prompt, where prompts are alike. The bound needs verdicts that are independent given X. A network trained "
            "on an equal number of verdicts is better on new items the more items, and the more prompts about each, it "
            "has seen."
        ),
        conditions=(
            "A repeated query carries more than a first query of an improbable candidate. Nats are not certainty: "
            "where verdicts err often, (.8, .2), the most informative budget leaves every single answer in doubt. Nor "
            "are they what a network learns: one update does not exhaust a prompt, so that up to four repeats are "
            "nearly as good as new prompts, and only many are far worse. Items and prompts count apart: more items "
            "teach more about new items, more wordings of an item more about that item. All this needs classes that "
            "follow a rule over items."
        ),
        practice=(
            "Spend a budget on new prompts, about new items, before you repeat any more than about four times. Repeat "
            "queries if verdicts err and single answers must be certain."
        ),
        source=(
            f"{PAPER}; Cover & Thomas (2006), Elements of Information Theory, section 7.9; Muennighoff et al. (2023), "
            "Scaling data-constrained language models, arXiv:2305.16264: up to four epochs are nearly as good as "
            "new data in language models, too"
        ),
        decided_by="C12-new",
        fails_where="Where the items' classes are drawn at random, so that one prompt teaches nothing about another.",
    ),
)
