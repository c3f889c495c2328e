"""What is claimed of verdicts: L1, R2, R3 and R5. The protocol of every loop is until kept."""

from collections.abc import Callable
from functools import partial
from itertools import pairwise

import numpy as np

from experiments.harness.claim import Found, at_least, at_most, claim, equal
from experiments.harness.ledger import Settings
from experiments.harness.statements import Statement
from experiments.verdicts import study
from experiments.verdicts.study import RATES, RATIOS, SEARCHED, SIZES
from theory import Estimate, budget

REJECTS = RATES.index(0.2)
FEW = [n for n in SIZES if n <= 5]
ROUNDS = "verifier (.8, .4), a share .3 right at the start, until kept"
BLOCKS = "verifier (.9, .3), uniform start, error ≤ .05, until kept"
PAIR = "verifier (.9, .2), fresh samples .6/.4, two symbols equally likely to be right; no loop"


def too_few(paid: str, settings: Settings) -> Found:
    """L1: expected verdicts, or those alone that were kept, against the converse."""
    loops = study.fixations()
    few = np.s_[REJECTS, :, : len(FEW)]
    loop = f"which of two symbols is right, even start, until kept, tpr {RATES[REJECTS]:g}"
    where = [f"{loop}, fpr/tpr {ratio:.2f}, n = {n}" for ratio in RATIOS for n in FEW]
    return at_most(getattr(loops, paid)[few].ravel(), loops.needed[few].ravel(), where, "verdicts")


def shares_noise(settings: Settings) -> Found:
    """L1: what two verdicts that share a coin inject, against the sum of their capacities."""
    information, capacities = study.shared()
    setting = "right is {1} or {1, 2}, the verdicts on 1 and 2 are flipped by one fair coin, no loop"
    return at_least(information, capacities, setting)


def own_noise(settings: Settings) -> Found:
    """The same of verdicts each with noise of its own."""
    setting = "random tables, 3 tasks, a verdict on each of 5 items, no loop"
    information, capacities = study.injected(settings)
    return at_least(information, capacities, setting)


def many_rounds(settings: Settings) -> Found:
    """R2: the best constant rounds against one round of any size."""
    found = study.rounds(settings)
    size, wrong = found.best
    where = [
        f"{ROUNDS}: rounds of {n} for N = {number}, against one round"
        for n, number in zip(size, found.verdicts, strict=True)
    ]
    return at_most(wrong, study.one_round(), where, "wrong share")


def round_size(settings: Settings) -> Found:
    """R2: the best constant size at the largest budget against √(φN/2p)."""
    found = study.rounds(settings)
    size, number = found.best[0], found.verdicts[-1]
    probs, _ = budget.round_size_law(study.ROUNDS, study.START, number)
    setting = f"{ROUNDS}: best n = {_listed(size)} for N = {_listed(found.verdicts)}; 10 %: of large N and a diffusion"
    return equal(size[-1], probs, setting, "samples", tolerance=0.1 * probs)


def exponent(diffusion: bool, settings: Settings) -> Found:
    """R2: how fast −ln wrong grows with √N, between the two largest budgets."""
    found = study.rounds(settings)
    exact, selection = study.drift_exponent(), 2 * study.SELECTION * study.START
    probs = study.exponent_law(exact)
    slope = np.diff(-np.log(found.best[1]))[-1] / np.diff(np.sqrt(found.verdicts))[-1]
    theta = f"θ = {exact:.4f} from the exact chain, 2sp = {selection:.4f}"
    setting = f"{ROUNDS}: best sizes, slope at N = {found.verdicts[-1]}; {theta}; 2 %: of large N, and n is whole"
    predicted = study.exponent_law(selection) if diffusion else probs
    return equal(slope, predicted, setting, "1/√verdict", tolerance=0.02 * probs)


def nats_saved(settings: Settings) -> Found:
    """R2: what two sizes save, budget by budget, from nothing up to the share 1 − p."""
    found = study.rounds(settings)
    saved = found.two_stage.saved
    ends = ["no budget", *(f"N = {n}" for n in found.verdicts[: saved.size]), "the limit, a conjecture"]
    where = [f"{ROUNDS}: two sizes, {a} against {b}" for a, b in pairwise(ends)]
    return at_most([0, *saved], [*saved, 1 - study.START], where, "share of verdicts")


def block_law(settings: Settings) -> Found:
    """R3: the verdicts of the cheapest loop against c ln c."""
    loop, probs = study.loop(settings), study.slope_law()
    measured = loop.verdicts / (loop.blocks * np.log(loop.blocks))
    setting = f"{BLOCKS}: over c ln c {_listed(np.round(measured, 2))} for c = {_listed(loop.blocks)}; 5 %: of large c"
    return equal(measured[-1], probs, setting, "verdicts/(c ln c)", tolerance=0.05 * probs)


def converse_ratio(settings: Settings) -> Found:
    """R3: the verdicts of the loop over Fano's converse, from one number of blocks to twice as many."""
    loop = study.loop(settings)
    ratio = loop.verdicts / loop.needed
    where = [f"{BLOCKS}: {2 * c} blocks against {c}" for c in loop.blocks[:-1]]
    return at_least(ratio[1:], ratio[:-1], where, "verdicts/converse")


def better_students(settings: Settings) -> Found:
    """R3: a Bayesian against the loop, and one that has the likeliest block judged against one that asks at random."""
    fewer, links = SEARCHED >= 4, ("loop against uniform candidates", "uniform candidates against the likeliest")
    uniform, chosen = (study.student(settings, kind) for kind in ("uniform", "probable"))
    alone = study.loop(settings).verdicts[: SEARCHED.size]
    loop = uniform._replace(mean=alone, stderr=np.zeros(alone.shape))
    where = [f"{BLOCKS}, or a posterior ≥ .95, c = {c}: {link}" for link in links for c in SEARCHED[fewer]]
    return at_least(_stacked(loop, uniform, fewer), _stacked(uniform, chosen, fewer), where, "verdicts")


def forgetful_student(settings: Settings) -> Found:
    """R3: a Bayesian who remembers against one who forgets the rejections."""
    uniform, forgets = (study.student(settings, kind) for kind in ("uniform", "ignoring"))
    where = [f"verifier (.9, .3), posterior ≥ .95, c = {c}, uniform candidates; no loop" for c in SEARCHED]
    return at_least(uniform, forgets, where, "verdicts")


def exchange_rate(probs: Callable[[], float], settings: Settings) -> Found:
    """R5: fresh samples for a verdict, exactly, against a ratio."""
    found = study.exchange(settings)
    k = found.verdicts[-1]
    setting = f"{PAIR}; k = {k} verdicts, error {found.error[-1]:.2g}; 3 %: the law is that of k → ∞"
    return equal(found.samples[-1] / k, probs(), setting, "samples a verdict", tolerance=0.03 * study.by_exponent())


def _stacked(first: Estimate, second: Estimate, which: np.ndarray) -> Estimate:
    mean, stderr = (np.concatenate([a[which], b[which]]) for a, b in zip(first[:2], second[:2], strict=True))
    return first._replace(mean=mean, stderr=stderr)


def _listed(values: np.ndarray) -> str:
    return ", ".join(f"{value:g}" for value in values)


CLAIMS = (
    *claim(
        "L1-rejected",
        "What a loop learns may take more verdicts than it keeps: rejected proposals tell too",
        partial(too_few, "kept"),
        control=("… and more than all it is given", partial(too_few, "verdicts")),
        figure="budget-verdicts",
    ),
    *claim(
        "L1-shared-noise",
        "Verdicts that share their noise may inject more than the sum of their capacities",
        shares_noise,
        control=("… so do verdicts each with noise of its own", own_noise),
        test="tests/theory/test_budget.py::test_shared_noise_twin",
    ),
    *claim(
        "R2-round-size",
        "The best constant round size grows like √(φN/2p)",
        round_size,
        figure="budget-rounds",
    ),
    *claim(
        "R2-exponent",
        "The best constant rounds leave e^{−√(sφθN)} wrong, θ the exact exponent of the loss by drift",
        partial(exponent, False),
        control=("… θ = 2sp, as the diffusion says, also under strong selection", partial(exponent, True)),
        figure="budget-rounds",
    ),
    *claim(
        "R2-many-rounds",
        "Rounds of the best size leave less wrong than one round of any size",
        many_rounds,
        figure="budget-rounds",
    ),
    *claim(
        "R2-schedule",
        "Two sizes, the large one first, save a share of the verdicts that grows with N, below 1 − p",
        nats_saved,
        figure="budget-rounds",
    ),
    *claim(
        "R3-blocks",
        "To find the right one of c blocks the loop needs about κ(1/ψ + 1/φ)/ln(φ/ψ) · c ln c verdicts",
        block_law,
        figure="budget-blocks",
    ),
    *claim(
        "R3-ratio",
        "… ever more times the converse, Fano's information over the capacity, the more blocks there are",
        converse_ratio,
        figure="budget-blocks",
    ),
    *claim(
        "R3-better-student",
        "A Bayesian needs fewer verdicts than the loop, and fewer still where it chooses the candidate",
        better_students,
        control=("… rejections tell nothing: a Bayesian who forgets them needs no more", forgetful_student),
        figure="budget-blocks",
    ),
    *claim(
        "R5-exchange",
        "A verdict is worth as many fresh samples as the ratio of the Chernoff informations",
        partial(exchange_rate, study.by_exponent),
        control=(
            "… as the ratio of the informations, whatever the error wanted",
            partial(exchange_rate, study.by_information),
        ),
        figure="budget-exchange",
    ),
)
STATEMENTS = (
    Statement(
        "L1",
        title="How many verdicts: at least the missing nats over the capacity",
        formula=r"N \ge \frac{I_* - I_0}{C(\varphi, \psi)}",
        words=(
            "A verdict of a verifier that keeps right outputs with the rate φ and wrong ones with ψ tells at most its "
            "capacity C. To bring I(X;Z) from I₀ to I* takes at least so many on average, those on rejected proposals "
            "included."
        ),
        conditions=(
            "The paper has no numbers at all. The bound needs fresh noise in each verdict: verdicts that share their "
            "noise may tell more together than the sum of their capacities."
        ),
        practice=(
            "Divide the nats that are missing by the capacity: no method needs less. A loop of sampling, filtering and"
            " retraining takes several times that, or many; `infoloop plan` says how many, for how sure an end."
        ),
        source="Fano (1961), Transmission of Information; Cover & Thomas (2006), theorem 2.10.1 and section 7.9",
    ),
    Statement(
        "R2",
        title="Many small rounds beat few large ones",
        formula=(
            r"n \approx \sqrt{\frac{\varphi N}{2p}}, \qquad "
            r"-\ln(\text{wrong}) \sim \sqrt{s\, \varphi\, \theta\, N}"
        ),
        words=(
            "N verdicts may be spent in one round or in many. One round leaves the same share wrong whatever its size;"
            " constant rounds of about √(φN/2p) kept samples do best, and the exponent of what they leave wrong grows "
            "like √(sφθN), θ being that of the loss by drift; a few hundred verdicts leave more than that says."
        ),
        conditions="Nobody had asked. That two sizes approach 1/√p times the exponent of one is a conjecture.",
        practice=(
            "Never spend a budget in one round. Begin with rounds half as large again, and let them shrink; better "
            "than any plan, look at how many candidates pass and keep rounds large until that has risen."
        ),
        source="infoloop; Kimura (1962) for the diffusion",
    ),
    Statement(
        "R3",
        title="To find one block of c costs about c ln c verdicts",
        formula=r"N \approx \frac{\kappa\, (1/\psi + 1/\varphi)}{\ln(\varphi/\psi)}\; c \ln c",
        words=(
            "A loop that starts from c equally likely blocks wastes nearly all that its verdicts tell: the converse "
            "grows like ln c, the loop like c ln c. κ = −ln δ · ψ/(φu), δ the error that is allowed, u the root of 1 −"
            " u = e^{−φu/ψ}."
        ),
        conditions="Nobody had asked what retraining wastes. The law comes from a branching argument, not a proof.",
        practice=(
            "Remember verdicts, rejections too, in a posterior over the blocks (a count of passes and failures for "
            "each kind of answer), and have judged what it thinks likely: that saves nine verdicts in ten at 64 "
            "blocks."
        ),
        source="infoloop; Fano (1961) for the converse",
    ),
    Statement(
        "R5",
        title="A verdict is worth a number of fresh samples",
        formula=(
            r"\frac{m}{k} \to \frac{\ln\bigl(\sqrt{\varphi\psi} + "
            r"\sqrt{(1-\varphi)(1-\psi)}\bigr)}{\ln\bigl(2\sqrt{p(1-p)}\bigr)}"
        ),
        words=(
            "k verdicts, given on two symbols in turn, or m fresh real samples, in which the right one has the share "
            "p: as both grow the errors are the same where m/k is the ratio of the Chernoff informations."
        ),
        conditions=(
            "Capacities, in which the paper thinks, give another rate: they say what one of each tells at most, not "
            "how many it takes."
        ),
        practice=(
            "Buy verdicts as long as one costs less than that many real samples. Compare exponents, not capacities."
        ),
        source=(
            "Chernoff (1952), A measure of asymptotic efficiency for tests of a hypothesis based on the sum of "
            "observations"
        ),
    ),
)
