"""The ledger's rows: C12, a repeat carries no fresh information and a new block does; and where that is not so."""

from collections.abc import Callable
from functools import partial

import numpy as np

import theory
from experiments.coverage import looks, trained
from experiments.coverage.looks import BLOCKS, BUDGET, DISTINCT, EVEN, NOISY, SURE
from experiments.coverage.trained import FEW, LOOKS, NUM_PROMPTS, size
from experiments.ledger import Check, Outcome, Settings, check, equality, inequality

PERFECT = (1.0, 0.0)
REPEATS = 40


def bound(settings: Settings) -> Outcome:
    """The smallest slack of 256 random tasks."""
    setting = "smallest of 256 random tasks and signals, 5 × 3 symbols, four looks, the first query put twice"
    return inequality(float(looks.random_bounds(settings.seed).min()), setting=setting)


def additive(_: Settings) -> Outcome:
    """The twin: k looks at one question carry k times as much as one."""
    together, one = looks.repeated(NOISY, 4), looks.repeated(NOISY, 1)
    setting = f"one of two classes, verifier {NOISY}, 4 looks at one answer"
    return inequality(together - 4 * one, predicted=4 * one, measured=together, setting=setting)


def repeat(verifier: tuple[float, float], _: Settings) -> Outcome:
    """What a second look at the same answer adds, claimed to be nothing."""
    added = looks.repeated(verifier, 2) - looks.repeated(verifier, 1)
    return equality(added, 0.0, setting=f"one of two classes, verifier {verifier}, the second look at one answer")


def own_entropy(_: Settings) -> Outcome:
    """H(f_q(X)) less what many looks tell, the smallest slack over the three questions."""
    told = [looks.repeated(NOISY, REPEATS, BLOCKS, q) for q in range(3)]
    caps = [looks.own_entropy(q, BLOCKS) for q in range(3)]
    setting = (
        f"blocks {BLOCKS}, verifier {NOISY}: {told[0]:.6f} of {caps[0]:.6f} nats after {REPEATS} looks at the first"
    )
    return inequality(min(np.subtract(caps, told)), setting=f"{setting}; the smallest slack of 3 questions")


def above_entropy(_: Settings) -> Outcome:
    """The twin: enough repeats of one question tell all of the task."""
    told, all_of_it = looks.repeated(NOISY, REPEATS, BLOCKS), float(theory.entropy(BLOCKS))
    setting = f"blocks {BLOCKS}, verifier {NOISY}, {REPEATS} looks at the first, against H([X])"
    return inequality(told - all_of_it, predicted=all_of_it, measured=told, setting=setting)


def spread(_: Settings) -> Outcome:
    """What all looks at new prompts tell, less the best of the other ways, over the verifiers."""
    slacks = [
        looks.spread(verifier, BUDGET) - max(looks.spread(verifier, m) for m in DISTINCT[:-1])
        for verifier in looks.VERIFIERS
    ]
    told = looks.spread(NOISY, BUDGET), looks.spread(NOISY, 8)
    setting = f"{BUDGET} looks, independent prompts of two classes; {NOISY}: {told[0]:.3f} nats, 8 × 8 {told[1]:.3f}"
    return inequality(min(slacks), setting=f"{setting}; the smallest slack of {len(slacks)} verifiers, m = 1 … 32")


def new_block(_: Settings) -> Outcome:
    """A new block against a repeat: two prompts that are alike."""
    again = looks.repeated(NOISY, 2) - looks.repeated(NOISY, 1)
    new = looks.repeated(NOISY, 1)
    return inequality(new - again, predicted=again, measured=new, setting=f"two prompts of two classes {EVEN}, {NOISY}")


def improbable(_: Settings) -> Outcome:
    """The twin: a new block that is improbable."""
    again, new = (looks.after(q, (0,), NOISY, BLOCKS) for q in (0, 2))
    setting = f"blocks {BLOCKS}, verifier {NOISY}: after one look at the first, one at the last instead of a repeat"
    return inequality(new - again, predicted=again, measured=new, setting=setting)


def certain(sign: int, _: Settings) -> Outcome:
    """The share of prompts that are known almost for sure: some repeats against none."""
    best = max(DISTINCT, key=looks.sure)
    shares = looks.sure(best), looks.sure(BUDGET)
    setting = f"{BUDGET} looks, prompts of two classes, {NOISY}: known with probability {SURE} or more; "
    setting += f"{best} prompts × {BUDGET // best} looks against {BUDGET} × 1"
    slack = sign * (shares[0] - shares[1])
    return inequality(slack, predicted=shares[1], measured=shares[0], setting=setting, unit="share of prompts")


def table(claimed: Callable[[float, float], float], _: Settings) -> Outcome:
    """A table knows of a prompt what it was told of that prompt."""
    measured, predicted, start = trained.table_learned(FEW)
    setting = f"table of {NUM_PROMPTS} prompts, natural gradient of the exact verdict on {FEW} of them"
    return equality(measured, claimed(predicted, start), setting=setting, unit="share right")


def covers(method: str, exam: str, sign: int, settings: Settings) -> Outcome:
    """All prompts against a few of them, paired by seed: correctness of networks, an equal number of looks."""
    few, many = (getattr(trained.network_learned(settings, method, m), exam) for m in (FEW, NUM_PROMPTS))
    gain = theory.estimate(many - few)
    low, high = (float(end) for end in gain.interval())
    setting = f"{method}, network, {size(settings).rounds} rounds of {LOOKS} looks, {gain.count} seeds, paired: "
    setting += f"{NUM_PROMPTS} prompts {many.mean():.3f}, {FEW} prompts {few.mean():.3f}; 95 %: {low:.3f} to {high:.3f}"
    return inequality(
        sign * float(gain.mean), stderr=float(gain.stderr), measured=sign * float(gain.mean), setting=setting,
        unit="share right",
    )  # fmt: skip


def fits_the_few(settings: Settings) -> Outcome:
    """What repetition does buy: correctness on the very prompts that were repeated."""
    few, many = (trained.network_learned(settings, "SFT", m).asked for m in (FEW, NUM_PROMPTS))
    gain = theory.estimate(few - many)
    low, high = (float(end) for end in gain.interval())
    setting = (
        f"SFT, network, {gain.count} seeds, on the prompts trained on: {few.mean():.4f} against {many.mean():.4f}; "
    )
    setting += f"95 %: {low:.4f} to {high:.4f}"
    return inequality(
        float(gain.mean), stderr=float(gain.stderr), measured=float(gain.mean), setting=setting, unit="share right"
    )


_ROW = partial(check, test="experiments/test_rows.py::test_rows_are_as_expected")
_NATS, _TRAINED = "coverage-nats", "coverage-trained"

CHECKS: tuple[Check, ...] = (
    check(
        "C12-bound",
        "exact",
        "I(X;S_1…S_k) ≤ Σ I(X;S_i), the answers being independent given X",
        test="theory/test_claims.py::test_coverage",
        measure=bound,
    ),
    _ROW("C12-bound-twin", "exact", "k looks tell k times as much as one", measure=additive, figure=_NATS, twin=True),
    check(
        "C12-repeat",
        "exact",
        "A deterministic verdict put again tells nothing new",
        test="theory/test_supervision.py::test_a_repeat_of_a_noiseless_answer_says_nothing_new",
        measure=partial(repeat, PERFECT),
        figure=_NATS,
    ),
    _ROW(
        "C12-repeat-twin",
        "exact",
        "… nor does a verdict that errs anew at each look",
        measure=partial(repeat, NOISY),
        figure=_NATS,
        twin=True,
    ),
    check(
        "C12-own-entropy",
        "exact",
        "I(X;S_q…S_q) ≤ H(f_q(X)), however often the question q is put",
        test="theory/test_supervision.py::test_repeats_approach_the_noiseless_answer",
        measure=own_entropy,
    ),
    _ROW("C12-own-entropy-twin", "exact", "Enough repeats of one question tell all", measure=above_entropy, twin=True),
    check(
        "C12-spread",
        "exact",
        "A budget of looks tells most if each goes to another prompt, where prompts are alike",
        test="experiments/test_coverage_rows.py::test_looks_by_enumeration",
        measure=spread,
        figure=_NATS,
    ),
    _ROW("C12-new-block", "exact", "A new block tells more than a repeat, where blocks are alike", measure=new_block),
    _ROW("C12-new-block-twin", "exact", "… and where the new block is improbable", measure=improbable, twin=True),
    check(
        "C12-certain",
        "exact",
        "Nats are not certainty: where verdicts err, some repeats make more prompts known almost for sure than none",
        test="experiments/test_coverage_rows.py::test_certainty_by_simulation",
        measure=partial(certain, 1),
        figure=_NATS,
    ),
    _ROW(
        "C12-certain-twin",
        "exact",
        "Covering more makes more prompts known almost for sure",
        measure=partial(certain, -1),
        figure=_NATS,
        twin=True,
    ),
    _ROW(
        "C12-table",
        "exact",
        "A table knows nothing of a prompt that was not asked",
        measure=partial(table, lambda predicted, start: predicted),
        figure=_TRAINED,
    ),
    _ROW(
        "C12-table-twin",
        "exact",
        "… but keeps the average it had at the start on all of them",
        measure=partial(table, lambda predicted, start: start),
        figure=_TRAINED,
        twin=True,
    ),
    _ROW(
        "C12-network",
        "monte-carlo",
        "At an equal number of verdicts, more prompts teach a network more than repeats do",
        measure=partial(covers, "RLVR", "all", 1),
        figure=_TRAINED,
    ),
    _ROW(
        "C12-network-twin",
        "monte-carlo",
        "… repeats teach it more",
        measure=partial(covers, "RLVR", "all", -1),
        figure=_TRAINED,
        twin=True,
    ),
    _ROW(
        "C12-network-unseen",
        "monte-carlo",
        "… and more of domains that were never asked",
        measure=partial(covers, "RLVR", "unseen", 1),
        figure=_TRAINED,
    ),
    _ROW(
        "C12-references",
        "monte-carlo",
        "At an equal number of references shown, more prompts teach a network more than repeats do",
        measure=partial(covers, "SFT", "all", 1),
        figure=_TRAINED,
    ),
    _ROW(
        "C12-fits",
        "monte-carlo",
        "Repeats pay on the repeated prompts alone, which are fitted better",
        measure=fits_the_few,
        figure=_TRAINED,
    ),
)
