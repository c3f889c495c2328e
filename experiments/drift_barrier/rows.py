"""The ledger's rows: L3, R1 and R6, exact and by simulation, each with the false twins that must fail."""

import math
from functools import partial

import jax.numpy as jnp
import numpy as np

from experiments.drift_barrier import chains, loops
from experiments.drift_barrier.chains import BLIND_ACCEPTANCE, BLIND_SIZES, BLIND_START, SHARE
from experiments.ledger import Check, Outcome, Settings, check, equality, inequality
from theory import budget, drift

SMALL_SELECTION, PUBLISHED_ERROR = 0.12, 0.007
LARGE = 400  # samples, for the asymptotic law
LARGEST_BLIND = int(BLIND_SIZES[-1])
BLIND_SETTING = (
    f"until kept, right, wrong, blind spot: start {', '.join(f'{p:g}' for p in BLIND_START)}, "
    f"kept with {', '.join(f'{a:g}' for a in BLIND_ACCEPTANCE)}"
)


def kimura(largest: float, settings: Settings) -> Outcome:
    """The largest error of Kimura's form, up to a strength of selection."""
    errors = chains.kimura_errors(settings)
    allowed = errors.selection <= largest
    worst = int(np.where(allowed, errors.largest, 0).argmax())
    found = float(errors.largest[worst])
    setting = f"until kept, n = 5 … 100, p = .01 … .9, s ≤ {largest:g}; worst at {errors.where[worst]}"
    return inequality(
        PUBLISHED_ERROR - found, predicted=PUBLISHED_ERROR, measured=found, setting=setting, unit="probability"
    )


def branching(settings: Settings) -> Outcome:
    """One right sample in many: it survives like the root of a Poisson branching process."""
    n, ratio = 400, 0.5
    acceptance = jnp.array([1.0, ratio])
    kernel = drift.selection_kernel(n, acceptance)
    found = 1 - float(drift.fixation_probabilities(kernel)[1] @ (drift.lattice(n, 2)[:, 0] / n))
    lost = 0.5
    for _ in range(200):
        lost = math.exp(-(1 - lost) / ratio)
    setting = f"until kept, n = {n}, one right sample, ψ/φ = {ratio:g}; tolerance 1/n: the process has no ceiling"
    return equality(found, lost, setting=setting, tolerance=1 / n, unit="probability")


def break_even(settings: Settings) -> Outcome:
    """The ratio found by bisection on the linear solve, put into the chain that is run to its end."""
    n = 50
    ratio = float(budget.break_even(n, SHARE))
    kernel = drift.selection_kernel(n, jnp.array([1.0, ratio]))
    mirrored = drift.selection_kernel(n, jnp.array([ratio, 1.0]))
    starts = jnp.stack([drift.initial(n, [SHARE, 1 - SHARE]), drift.initial(n, [1 - SHARE, SHARE])])
    information = drift.information([0.5, 0.5], starts, jnp.stack([kernel, mirrored]), 4000)
    setting = f"until kept, n = {n}, p = {SHARE:g}, ψ/φ = {ratio:.4f}: t = 4000 against t = 0; 1e-9: the bisection"
    return equality(float(information[-1]), float(information[0]), setting=setting, tolerance=1e-9)


def law(settings: Settings) -> Outcome:
    """The break-even accuracy at large n against the limit in which both exponents are equal."""
    return _at_large_n(float(budget.break_even_limit(SHARE)), "the limit of equal exponents, asymptotic")


def law_twin(settings: Settings) -> Outcome:
    """The twin: the barrier n·s·p = 1 taken for the break-even accuracy."""
    return _at_large_n(math.exp(-1 / (LARGE * SHARE)), "n·s·p = 1")


def _at_large_n(predicted: float, name: str) -> Outcome:
    found = float(budget.break_even(LARGE, SHARE))
    setting = f"until kept, n = {LARGE}, p = {SHARE:g}; {name}; tolerance .01, a correction of order (ln n)/n"
    return equality(found, predicted, setting=setting, tolerance=0.01, unit="ψ/φ")


def best_size(helps: bool, settings: Settings) -> Outcome:
    """The best number of samples against a large one; in the twin the large one is said to be no worse."""
    right = chains.blind_ends()[:, 0]
    best, last = float(right.max()), float(right[-1])
    setting = f"{BLIND_SETTING}; ends right: n = {BLIND_SIZES[right.argmax()]} against n = {LARGEST_BLIND}"
    slack = last - best if helps else best - last
    return inequality(slack, predicted=last, measured=best, setting=setting, unit="probability")


def takes_over(settings: Settings) -> Outcome:
    """Where the mass ends."""
    right, _, blind = map(float, chains.blind_ends()[-1])
    setting = f"{BLIND_SETTING}; n = {LARGEST_BLIND}: blind against right at the end"
    return inequality(blind - right, predicted=right, measured=blind, setting=setting, unit="probability")


def peak(settings: Settings) -> Outcome:
    """The share of right outputs on the way, against that at the end."""
    n = 12
    path = chains.blind_path(n, 400)[:, 0]
    top, end = float(path.max()), float(path[-1])
    setting = f"{BLIND_SETTING}; n = {n}: the top, at t = {path.argmax()}, against t = 400"
    return inequality(top - end, predicted=end, measured=top, setting=setting, unit="share right")


def peak_twin(settings: Settings) -> Outcome:
    """The twin: training on is said to do no harm."""
    found = peak(settings)
    assert found.predicted is not None and found.measured is not None
    return inequality(
        found.predicted - found.measured,
        predicted=found.measured,
        measured=found.predicted,
        setting=found.setting,
        unit="share right",
    )


def reduction(settings: Settings) -> Outcome:
    """Three symbols of which the wrong one is never kept are two: two routes to one number."""
    n = 12
    right, _, blind = BLIND_START
    two = float(budget.success(n, (BLIND_ACCEPTANCE[0], BLIND_ACCEPTANCE[2]), right / (right + blind)))
    setting = f"{BLIND_SETTING}, but wrong never; n = {n}: three symbols against two; 1e-10: linear systems"
    return equality(chains.without_wrong(n), two, setting=setting, tolerance=1e-10, unit="probability")


def mixture(settings: Settings) -> Outcome:
    """A mixture whose components do not overlap against the chain of their weights."""
    ends = loops.mixture(settings)
    fpr, place = loops.FPRS[1], 1
    found = ends.simulated[fpr]
    return equality(
        float(found.mean[place]),
        float(ends.exact[fpr][place]),
        stderr=float(found.stderr[place]),
        setting=_loop_setting(fpr, ends.sizes[place], found.count),
        unit="share right",
    )


def markov_chain(settings: Settings) -> Outcome:
    """The barrier in a Markov chain: the same verifier with many samples and with few."""
    ends = loops.markov_chain(settings)
    fpr = loops.FPRS[1]
    found = ends.simulated[fpr]
    few, many = float(found.mean[0]), float(found.mean[-1])
    return inequality(
        many - few,
        stderr=float(jnp.hypot(found.stderr[0], found.stderr[-1])),
        predicted=few,
        measured=many,
        setting=f"{_loop_setting(fpr, ends.sizes[-1], found.count)}, against n = {ends.sizes[0]}",
        unit="share right",
    )


def barrier(fpr: float, settings: Settings) -> Outcome:
    """The share right in the mixture's loop, against nearly certain success."""
    ends = loops.mixture(settings)
    found = ends.simulated[fpr]
    return inequality(
        float(found.mean[-1]) - 0.95,
        stderr=float(found.stderr[-1]),
        predicted=0.95,
        measured=float(found.mean[-1]),
        setting=_loop_setting(fpr, ends.sizes[-1], found.count),
        unit="share right",
    )


def _loop_setting(fpr: float, n: int, count: int) -> str:
    rates = f"φ = {loops.TPR:g}, ψ = {fpr:g}"
    return f"until kept, p = {loops.SHARE:g}, {rates}, n = {n}, t = {loops.NUM_GENERATIONS}, {count} replicas"


_ROWS = "experiments/test_rows.py::test_rows_are_as_expected"
_OUTCOMES = "theory/test_outcomes.py::"
_DIAGRAM, _BREAK_EVEN, _BLIND, _MODELS = (
    f"drift-barrier-{name}" for name in ("diagram", "break-even", "blind-spot", "models")
)

CHECKS: tuple[Check, ...] = (
    check(
        "L3-kimura",
        "exact",
        "Kimura's form of the probability to end right is off by at most .007 where selection is weak, s ≤ .12",
        _OUTCOMES + "test_kimura_is_near_and_its_twin",
        partial(kimura, SMALL_SELECTION),
        _DIAGRAM,
    ),
    check(
        "L3-kimura-twin",
        "exact",
        "… also where it is strong, s ≤ 1.2",
        _OUTCOMES + "test_kimura_is_near_and_its_twin",
        partial(kimura, 1.2),
        _DIAGRAM,
        twin=True,
    ),
    check(
        "L3-branching",
        "exact",
        "One right sample among many is lost with the probability of a branching process, 1−u = e^{−(φ/ψ)u}",
        _ROWS,
        branching,
    ),
    check(
        "L3-mixture",
        "monte-carlo",
        "The weights of a mixture whose components do not overlap drift as the categorical chain does",
        _ROWS,
        mixture,
        _MODELS,
    ),
    check(
        "L3-markov-chain",
        "monte-carlo",
        "A Markov chain meets the same barrier: more samples bring the same verifier past drift",
        _ROWS,
        markov_chain,
        _MODELS,
    ),
    check(
        "L3-barrier",
        "monte-carlo",
        "A verifier well past the barrier brings the share of right outputs of a mixture above .95",
        _ROWS,
        partial(barrier, loops.FPRS[0]),
        _MODELS,
    ),
    check(
        "L3-barrier-twin",
        "monte-carlo",
        "… so does one that is just better than chance",
        _ROWS,
        partial(barrier, loops.FPRS[-1]),
        _MODELS,
        twin=True,
    ),
    check(
        "L3-blind-spot",
        "exact",
        "With many samples what a verifier always keeps takes over in the end, however rare it was",
        _ROWS,
        takes_over,
        _BLIND,
    ),
    check(
        "R1-break-even",
        "exact",
        "At the break-even accuracy a loop ends with what it began with: I(X;Z_∞) = I(X;Z_0)",
        _ROWS,
        break_even,
        _BREAK_EVEN,
    ),
    check(
        "R1-law",
        "exact",
        "The break-even accuracy tends to (ψ/φ)² = (2√(p(1−p)) − (1−p))/p as n grows",
        _OUTCOMES + "test_break_even_limit",
        law,
        _BREAK_EVEN,
    ),
    check(
        "R1-law-twin",
        "exact",
        "… to that of the drift barrier, n·s·p = 1",
        _OUTCOMES + "test_break_even_limit",
        law_twin,
        _BREAK_EVEN,
        twin=True,
    ),
    check(
        "R6-best-size",
        "exact",
        "With a blind spot the best number of samples is finite: many end right less often than few",
        _ROWS,
        partial(best_size, False),
        _BLIND,
    ),
    check(
        "R6-best-size-twin",
        "exact",
        "… more samples can only help",
        _ROWS,
        partial(best_size, True),
        _BLIND,
        twin=True,
    ),
    check(
        "R6-peak",
        "exact",
        "With a blind spot the share of right outputs rises to a top and then falls",
        _ROWS,
        peak,
        _BLIND,
    ),
    check("R6-peak-twin", "exact", "… training on does no harm", _ROWS, peak_twin, _BLIND, twin=True),
    check(
        "R6-reduction",
        "exact",
        "Where nothing wrong is kept, a blind spot is a contest of two: right against blind",
        _ROWS,
        reduction,
        _BLIND,
    ),
)
