"""The ledger's rows: L1, R2, R3 and R5, each with a false twin. The protocol of every loop is until kept."""

from functools import partial

import numpy as np

from experiments.ledger import Check, Outcome, Settings, check, equality, inequality
from experiments.verdicts import blocks, converse, exchange, rounds
from theory import budget

_ROUNDS = "verifier (.8, .4), a share .3 right at the start, until kept"
_BLOCKS = "verifier (.9, .3), uniform start, error ≤ .05, until kept"
_PAIR = "verifier (.9, .2), fresh samples .6/.4, two symbols equally likely to be right; no loop"


def needs(settings: Settings, *, free_rejections: bool = False) -> Outcome:
    """L1: exact expected verdicts against the converse; the twin counts those alone that were kept."""
    loops = [converse.fixations(start) for start in converse.STARTS]
    paid = np.stack([loop.kept if free_rejections else loop.verdicts for loop in loops])
    needed = np.stack([loop.needed for loop in loops])
    tightest = np.unravel_index((paid - needed).argmin(), paid.shape)
    gaining = needed > 0
    ratio = (paid[gaining] / needed[gaining]).min()
    return inequality(
        float((paid - needed).min()),
        predicted=float(needed[tightest]),
        measured=float(paid[tightest]),
        setting=f"which of two symbols is right, {needed.size} loops from an even start or a fit to 10 samples with "
        f"p = .6, until kept; the smallest difference; the smallest ratio is {ratio:.3f}",
        unit="verdicts",
    )


def injects(settings: Settings, *, shared: bool = False) -> Outcome:
    """L1: n verdicts inject at most Σ C_i, by enumeration; the twin lets two verdicts share one coin."""
    cases = converse.shared() if shared else converse.injected(1000 if settings.full else 256, settings.seed)
    information, bound = map(np.atleast_1d, cases)
    tightest = (bound - information).argmin()
    random = f"{bound.size} random tables, 3 tasks, a verdict on each of 5 items, no loop; the smallest slack"
    coin = "right is {1} or {1, 2}, the verdicts on 1 and 2 are flipped by one fair coin, no loop"
    return inequality(
        float((bound - information)[tightest]),
        predicted=float(bound[tightest]),
        measured=float(information[tightest]),
        setting=coin if shared else random,
    )


def one_round(settings: Settings) -> Outcome:
    """R2: one round selects once, whatever its size."""
    sizes = rounds.constant(settings).sizes
    wrong = np.asarray(budget.spend(sizes[:, None], rounds.VERIFIER, rounds.START).wrong[:, 0])
    law = rounds.one_round()
    setting = f"{_ROUNDS}: one round of {sizes[0]} … {sizes[-1]}, the one farthest from 1 − pφ/(pφ+(1−p)ψ)"
    return equality(float(wrong[np.abs(wrong - law).argmax()]), law, setting=setting, unit="wrong share")


def one_round_as_good(settings: Settings) -> Outcome:
    """The twin: one large round leaves no more wrong than many small ones."""
    constant = rounds.constant(settings)
    wrong = float(constant.best[1][0])
    return inequality(
        wrong - rounds.one_round(),
        predicted=wrong,
        measured=rounds.one_round(),
        setting=f"{_ROUNDS}: one round of any size against rounds of {constant.best[0][0]}, N = {constant.verdicts[0]}",
        unit="wrong share",
    )


def round_size(settings: Settings) -> Outcome:
    """R2: the best constant size at the largest budget against √(φN/2p)."""
    constant = rounds.constant(settings)
    measured, verdicts = constant.best[0], constant.verdicts
    law, _ = budget.round_size_law(rounds.VERIFIER, rounds.START, int(verdicts[-1]))
    return equality(
        float(measured[-1]),
        law,
        tolerance=0.1 * law,
        setting=f"{_ROUNDS}: best n = {_listed(measured)} for N = {_listed(verdicts)}; 10 %: the law is that "
        f"of large N and a diffusion; with the exact exponent {rounds.sharper_size(int(verdicts[-1])):.1f}; "
        f"off by {measured[-1] / law - 1:.1%}",
        unit="samples",
    )


def exponent(settings: Settings, *, diffusion: bool = False) -> Outcome:
    """R2: how fast −ln wrong grows with √N; the twin takes the loss by drift from the diffusion."""
    measured, exact = rounds.slopes(settings)
    law = budget.round_size_law(rounds.VERIFIER, rounds.START, 1)[1]
    first, last = rounds.constant(settings).verdicts[-2:]
    theta = f"θ = {rounds.drift_exponent():.4f} from the exact chain, 2sp = {2 * rounds.SELECTION * rounds.START:.4f}"
    return equality(
        measured,
        law if diffusion else exact,
        tolerance=0.02 * exact,
        setting=f"{_ROUNDS}: best sizes, slope from N = {first} to {last}; {theta}; 2 %: the law is of large N, and "
        f"n is whole; −ln wrong over s√(2pφN): {_listed(np.round(rounds.exponents(settings), 3))}",
        unit="1/√verdict",
    )


def saving(settings: Settings) -> Outcome:
    """R2: what two sizes save grows with the budget, towards the share 1 − p."""
    best = rounds.best(rounds.two_stage, settings)
    limit, shrinking = 1 - rounds.START, rounds.best(rounds.shrinking, settings)
    return inequality(
        float(min(best.saved[0], np.diff(best.saved).min(), limit - best.saved[-1])),
        predicted=limit,
        measured=float(best.saved[-1]),
        setting=f"{_ROUNDS}: two sizes save {_listed(np.round(best.saved, 3))}, sizes that shrink by a factor "
        f"{_listed(np.round(shrinking.saved, 3))} of the verdicts, N = {_listed(best.verdicts)}; "
        "predicted: the limit, a conjecture",
        unit="share of verdicts",
    )


def no_saving(settings: Settings) -> Outcome:
    """The twin: the order of the sizes makes no difference."""
    best, constant = rounds.best(rounds.two_stage, settings), rounds.constant(settings).best[1]
    setting = f"{_ROUNDS}: two sizes against the best one, N = {best.verdicts[0]}"
    return equality(float(best.wrong[0]), float(constant[0]), setting=setting, unit="wrong share")


def bounded(settings: Settings) -> Outcome:
    """R2: the best schedules found against the bound on all, feedback included."""
    numbers, bound = rounds.bound(settings)
    place = int(np.flatnonzero(numbers == 100)[0])
    tried = [rounds.best(family, settings) for family in (rounds.two_stage, rounds.shrinking)]
    wrong = min(float(best.wrong[0]) for best in tried)
    largest = max(int(best.schedules[0].max()) for best in tried)
    return inequality(
        wrong - float(bound[place]),
        predicted=float(bound[place]),
        measured=wrong,
        setting=f"{_ROUNDS}: N = 100, rounds of at most {rounds.LARGEST}; the best found without looking (rounds ≤ "
        f"{largest}) against the bound with feedback",
        unit="wrong share",
    )


def block_law(settings: Settings) -> Outcome:
    """R3: the verdicts of the cheapest loop against c ln c."""
    loop, law = blocks.loop(settings), blocks.slope_law()
    measured = loop.verdicts / (loop.blocks * np.log(loop.blocks))
    return equality(
        float(measured[-1]),
        law,
        tolerance=0.05 * law,
        setting=f"{_BLOCKS}: {_listed(np.round(loop.verdicts, 1))} verdicts for c = {_listed(loop.blocks)}; over "
        f"c ln c {_listed(np.round(measured, 2))}; 5 %: the law is of large c; off by {measured[-1] / law - 1:.1%}",
        unit="verdicts/(c ln c)",
    )


def block_converse(settings: Settings, *, factor: float | None = None) -> Outcome:
    """R3: the loop against Fano and the capacity; the twin claims that it is within a factor."""
    loop = blocks.loop(settings)
    slack = loop.verdicts - loop.needed if factor is None else factor * loop.needed - loop.verdicts
    tightest = int(slack.argmin())
    return inequality(
        float(slack[tightest]),
        predicted=float(loop.needed[tightest]),
        measured=float(loop.verdicts[tightest]),
        setting=f"{_BLOCKS}: efficiency {', '.join(f'{e:.1%}' for e in loop.needed / loop.verdicts)} for "
        f"c = {_listed(loop.blocks)}; the smallest slack, at c = {loop.blocks[tightest]}",
        unit="verdicts",
    )


def better_students(settings: Settings) -> Outcome:
    """R3: a Bayesian needs fewer verdicts than the loop, and fewer still where it chooses what is judged."""
    loop, cs = blocks.loop(settings), [4, 8, 16, 32, 64]
    uniform, chosen = (blocks.student(kind, settings) for kind in ("uniform", "probable"))
    links = [
        (float(v - uniform[c].mean), float(uniform[c].stderr)) for c, v in zip(cs, loop.verdicts[1:], strict=False)
    ]
    for c in cs:
        error = np.hypot(float(uniform[c].stderr), float(chosen[c].stderr))
        links.append((float(uniform[c].mean - chosen[c].mean), float(error)))
    slack, stderr = min(links, key=lambda link: link[0] / link[1])
    counts = {kind: float(blocks.student(kind, settings)[64].mean) for kind in blocks.STUDENTS}
    listed = ", ".join(f"{kind} {count:.0f}" for kind, count in counts.items())
    return inequality(
        slack,
        stderr=stderr,
        measured=slack,
        setting=f"{_BLOCKS}, or a posterior ≥ .95, c = {_listed(cs)}, the least certain link of loop > uniform > most "
        f"probable; at c = 64 the loop {loop.verdicts[5]:.0f}, {listed}; {uniform[64].count} replicas",
        unit="verdicts",
    )


def rejections_say_nothing(settings: Settings) -> Outcome:
    """The twin: a Bayesian who forgets the rejections needs no more verdicts."""
    using, ignoring = (blocks.student(kind, settings)[16] for kind in ("uniform", "ignoring"))
    return inequality(
        float(using.mean - ignoring.mean),
        stderr=float(np.hypot(float(using.stderr), float(ignoring.stderr))),
        predicted=float(using.mean),
        measured=float(ignoring.mean),
        setting=f"verifier (.9, .3), c = 16, uniform candidates, posterior ≥ .95, {using.count} replicas; no loop",
        unit="verdicts",
    )


def exchange_rate(settings: Settings, *, by_capacity: bool = False) -> Outcome:
    """R5: fresh samples for a verdict, exactly, against the ratio of the error exponents; the twin: of informations."""
    study = exchange.exact(settings)
    measured, law = float(study.samples[-1] / study.verdicts[-1]), exchange.by_exponent()
    return equality(
        measured,
        exchange.by_information() if by_capacity else law,
        tolerance=0.03 * law,
        setting=f"{_PAIR}; k = {study.verdicts[-1]} verdicts, error {study.error[-1]:.2g}; 3 %: the law is that "
        f"of k → ∞; exponents {law:.2f}, informations {exchange.by_information():.2f}",
        unit="samples a verdict",
    )


def _listed(values) -> str:
    return ", ".join(f"{value:g}" for value in values)


_TEST = "experiments/test_rows.py::test_rows_are_as_expected"
_EXACT = partial(check, kind="exact", test=_TEST)

CHECKS: tuple[Check, ...] = (
    _EXACT(
        "L1-converse",
        statement="A loop needs at least (I_∞ − I_0)/C verdicts, those on rejected proposals included",
        measure=needs,
        figure="budget-verdicts",
    ),
    _EXACT(
        "L1-converse-twin",
        statement="… rejected proposals cost nothing",
        measure=partial(needs, free_rejections=True),
        twin=True,
    ),
    _EXACT(
        "L1-shared-noise",
        statement="Verdicts, each with noise of its own, inject at most the sum of their capacities",
        measure=injects,
    ),
    _EXACT(
        "L1-shared-noise-twin",
        statement="… also where they share their noise",
        measure=partial(injects, shared=True),
        twin=True,
    ),
    _EXACT(
        "R2-round-size",
        statement="The best constant round size grows like √(φN/2p)",
        measure=round_size,
        figure="budget-rounds",
    ),
    _EXACT(
        "R2-exponent",
        statement="The best constant rounds leave e^{−√(sφθN)} wrong, θ the exact exponent of the loss by drift",
        measure=exponent,
        figure="budget-rounds",
    ),
    _EXACT(
        "R2-exponent-twin",
        statement="… θ = 2sp, as the diffusion says, also under strong selection",
        measure=partial(exponent, diffusion=True),
        twin=True,
    ),
    _EXACT(
        "R2-one-round",
        statement="One round leaves 1 − pφ/(pφ+(1−p)ψ) wrong, whatever its size",
        measure=one_round,
        figure="budget-rounds",
    ),
    _EXACT(
        "R2-one-round-twin",
        statement="… one large round is as good as many small ones",
        measure=one_round_as_good,
        twin=True,
    ),
    _EXACT(
        "R2-schedule",
        statement="Two sizes, the large one first, save a share of the verdicts that grows with N, below 1 − p",
        measure=saving,
        figure="budget-rounds",
    ),
    _EXACT("R2-schedule-twin", statement="… the schedule makes no difference", measure=no_saving, twin=True),
    _EXACT(
        "R2-bound",
        statement="No schedule leaves less wrong than the best one that sees the share before each round",
        measure=bounded,
        figure="budget-rounds",
    ),
    _EXACT(
        "R3-blocks",
        statement="To find the right one of c blocks the loop needs about κ(1/ψ + 1/φ)/ln(φ/ψ) · c ln c verdicts",
        measure=block_law,
        figure="budget-blocks",
    ),
    _EXACT(
        "R3-converse",
        statement="… and never fewer than Fano's information over the capacity, which grows like ln c",
        measure=block_converse,
        figure="budget-blocks",
    ),
    _EXACT(
        "R3-converse-twin",
        statement="… it is within a factor 2 of that",
        measure=partial(block_converse, factor=2.0),
        twin=True,
    ),
    check(
        "R3-better-student",
        "monte-carlo",
        "A Bayesian needs fewer verdicts than the loop, and fewer still where it chooses the candidate",
        _TEST,
        better_students,
        "budget-blocks",
    ),
    check(
        "R3-better-student-twin",
        "monte-carlo",
        "… rejections tell nothing: a Bayesian who forgets them needs no more",
        _TEST,
        rejections_say_nothing,
        twin=True,
    ),
    _EXACT(
        "R5-exchange",
        statement="A verdict is worth as many fresh samples as the ratio of the Chernoff informations",
        measure=exchange_rate,
        figure="budget-exchange",
    ),
    _EXACT(
        "R5-exchange-twin",
        statement="… as the ratio of the informations, whatever the error wanted",
        measure=partial(exchange_rate, by_capacity=True),
        twin=True,
    ),
)
