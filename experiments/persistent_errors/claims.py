"""Claims about errors that persist: R12."""

from functools import partial

from experiments.harness.claim import Found, at_most, claim, equal
from experiments.harness.ledger import Settings
from experiments.harness.statements import Statement
from experiments.persistent_errors import study
from experiments.persistent_errors.study import COSTS, FEW, PARTLY, ROUNDS, SIZES, START, VERIFIER

FIGURE = "persistent-errors"


def below_ceiling(persistent: bool, settings: Settings) -> Found:
    """R12: the best accuracy of any round, over three unequal tasks, against E[a/(a+b)]."""
    best = [study.over_tasks(n, persistent).max() for n in SIZES]
    tasks = ", ".join(f"({a:g}, {b:g})" for a, b in study.TASKS)
    where = [f"tasks of (correct, blind) shares {tasks}, others accepted at {study.OTHERS:g}, n = {n}" for n in SIZES]
    return at_most(best, study.ceiling(), [f"{each}, best of {ROUNDS} rounds" for each in where], "accuracy")


def too_many_rounds(tpr: float, settings: Settings) -> Found:
    """R12: the accuracy after 200 rounds against that after five, of verdicts of which a share persists."""
    cases = [(n, rho) for n in (10, 40) for rho in PARTLY]
    paths = [study.by_round(n, tpr, rho) for n, rho in cases]
    verifier = f"verifier ({tpr:g}, {VERIFIER[1]:g}), accuracy {START:g} at the start"
    where = [f"{verifier}, persistence {rho:g}, n = {n}, rejection sampling" for n, rho in cases]
    return at_most([path[-1] for path in paths], [path[FEW] for path in paths], where, "accuracy")


def second_verifier(differs: bool, settings: Settings) -> Found:
    """R12: a simulated loop that keeps what two verifiers accept against the odds p/(1−p) · LR²."""
    odds = START / (1 - START) * (VERIFIER[0] / VERIFIER[1]) ** 2
    setting = f"two verifiers {VERIFIER}, each judges an output once, accuracy {START:g} at the start, n = 50"
    return equal(study.two_verifiers(settings, differs), odds / (1 + odds), setting, "accuracy")


def few_attempts(spread: bool, settings: Settings) -> Found:
    """R12: the best number of attempts a task where each task has its share of false positives."""
    where = [f"58 % of tasks solved with .87, 42 % with .13; ¼ of wrong outputs pass, cost {c:g}" for c in COSTS]
    return at_most(study.best_attempts(spread), 10, where, "attempts")


CLAIMS = (
    *claim(
        "R12-ceiling",
        "If correct outputs and a share b of wrong ones always pass, mean accuracy is E[a/(a+b)] at most, any round",
        partial(below_ceiling, True),
        control=("… also if the errors of all looks are independent, at the same rate", partial(below_ceiling, False)),
        figure=FIGURE,
        kind="proof",
        test="tests/theory/test_persistent.py::test_no_loop_passes_the_ceiling",
    ),
    *claim(
        "R12-too-many-rounds",
        "If a fifth or half of the verdicts persists, 200 rounds leave less accuracy than five: verifier (.9, .3)",
        partial(too_many_rounds, VERIFIER[0]),
        control=("… also if no correct output is ever rejected, tpr 1", partial(too_many_rounds, 1.0)),
        figure=FIGURE,
        test="tests/theory/test_persistent.py::test_many_samples",
    ),
    *claim(
        "R12-second-verifier",
        "A second verifier whose persistent errors are independent multiplies the odds of the ceiling by its LR",
        partial(second_verifier, True),
        control=("… as does a second look of the same verifier", partial(second_verifier, False)),
        test="tests/theory/test_persistent.py::test_two_looks_by_enumeration",
    ),
    *claim(
        "R12-attempts",
        "If false positives are spread over all tasks, and one costs .7 to 2 correct answers, few attempts a task pay",
        partial(few_attempts, True),
        control=(
            "… also if a quarter of the tasks has them all: then as many as there may be",
            partial(few_attempts, False),
        ),
        test="tests/external/test_loop_papers.py::test_attempts_under_a_price",
    ),
)
STATEMENTS = (
    Statement(
        "R12",
        title="If what passed once always passes again, no number of rounds passes the accepted share that is correct",
        formula=(
            r"\text{accuracy} \le E_i\Big[\frac{a_i}{a_i + b_i}\Big], \qquad "
            r"\text{odds}_t = \frac{p}{1-p} \cdot \frac{\rho\varphi + (1-\rho)\varphi^t}{\rho\psi + (1-\rho)\psi^t}"
        ),
        words=(
            "Of the outputs of task i the share aᵢ is correct and always accepted, bᵢ wrong and always accepted, and "
            "no correct ones are accepted only at times. If a verdict is decided once for each output, as a unit test "
            "is, the first round leaves aᵢ/(aᵢ+bᵢ) correct and later ones drift around that, without a trend; if the "
            "errors of all looks are independent t rounds multiply the odds by LRᵗ. If a share ρ of the verdicts "
            "persists, ρ the correlation of two verdicts on one output, rounds help up to a peak; then the outputs "
            "that are always accepted take over, wrong ones too. At tpr 1 nothing is lost again, but accuracy stays "
            "below p/(p + (1−p) ρ fpr). t verifiers whose persistent errors are independent of each other do in one "
            "round what t rounds do with independent errors. Whoever draws until one output is accepted has the same "
            "ceiling; if a false positive costs something, few attempts pay where all tasks have some, and any number "
            "where few tasks have them all. Of the programs that pass the tests of MBPP 81 to 85 % are correct by a "
            "larger test set, of HumanEval 85 to 92 %, six models, one program a task; independent errors, alike for "
            "all wrong programs, would promise more than 99.9 % after ten rounds."
        ),
        conditions=(
            "A table of outputs, rejection sampling, any number of accepted samples. The accuracy is a mean over runs, "
            "and over tasks with an accepted output, each refitted by itself, so that nothing is learned from one task "
            "for another; aᵢ and bᵢ take many outputs of a task to be known, of which one program a task gives the "
            "mean alone. The formula for the odds holds for many samples and t ≥ 1 rounds."
        ),
        practice=(
            "Ask whether a wrong output that passed would pass again: if so, retrain for one round and spend the rest "
            "on a verifier that rejects some of the wrong outputs that passed the first."
        ),
        source=(
            "infoloop; the ceiling of resampling is that of Stroebl, Kapoor & Narayanan (2024), arXiv:2411.17501; "
            "Egashira et al. (2026), arXiv:2605.02909, find plateaus and collapse of RLVR under systematic errors; "
            "counts from the results of EvalPlus (Liu et al. 2023, arXiv:2305.01210)"
        ),
        test="tests/theory/test_persistent.py::test_no_loop_passes_the_ceiling",
        decided_by="R12-ceiling",
        fails_where="Where each look at an output errs independently of the looks before.",
    ),
)
