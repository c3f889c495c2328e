"""Rounds whose size follows the accuracy: the best policy n(z), the rule of equal risk, and what they spend.

A run ends when one kind of output is left. A round of n from accuracy z loses all correct outputs with probability
(1 − z')^n = e^{−n g(z)}, and costs n/a(z) verdicts:

    z' = zφ/a(z), a(z) = zφ + (1−z)ψ the pass rate, g(z) = −ln(1 − z') = ln(1 + (φ/ψ) z/(1−z)).

A round that leaves few correct outputs, but some, costs little: a larger one follows, as rarely as it is needed. So the
rounds on the path z_{t+1} = z_t' decide. The best sizes minimise Σ_t [e^{−n_t g(z_t)} + λ n_t/a(z_t)], λ the price of a
verdict: e^{−n g} = λ/(a g), about the same in each round. That is `equal_risk`, n(z) = κ/g(z); for rare correct outputs
g ≈ (φ/ψ) z, and n ∝ 1/z: the expected number of correct samples is constant. Where z comes near 1, g grows like st and
n falls like 1/t, up to the last wrong output at t ≈ ln κ/s, s = ln(φ/ψ): −ln(wrong) ≈ κ, N ≈ κ Σ_t 1/(a g), and
N ~ κ ln ln κ/(sφ) in the end. A constant n pays n ln n/(sφ) for the exponent nV(p), V that of `wrong_exponent`.

Rejection sampling until n are accepted, independent errors. `verifier` is (tpr, fpr) = (φ, ψ), two numbers above 0,
`initial` the accuracy p of Z_0.

References:
    Bellman (1957), Dynamic Programming.
    Harik, Cantú-Paz, Goldberg & Miller (1999), The gambler's ruin problem, genetic algorithms, and the sizing of
        populations. Evolutionary Computation 7: a size by the probability to lose what is sought.
    Wang, Li, Sun, Ding & Dobriban (2026), Where to spend rollouts, arXiv:2605.07114: rollouts by the probability of
        at least one correct sample, for many prompts at once.
    Yang et al. (2025), Spend wisely, arXiv:2501.18962: another model, in which budgets should grow from round to round.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse
from jax import Array
from jaxtyping import Float, Int

from theory import validation
from theory.budget.outcomes import Verifier, checked_verifier, multinomial
from theory.budget.schedule import LEAST_RATE, MAX_ENTRIES, SWEEPS, numbers, optimal_values, states
from theory.validation import ArrayLike

NOTHING = 1e-14  # of the wrong share: runs that go on
LARGEST_ROUND = 2**31 - 1  # a size that no loop has


class Rounds(NamedTuple):
    """A policy and what it reaches; states are the fractions with denominators up to `largest`, and p, the last."""

    accuracy: Float[np.ndarray, " state"]  # z
    sizes: Int[np.ndarray, " state"]  # n(z), 0 where a run ends
    wrong: float  # E[1 − Z] at the end
    verdicts: float  # expected


def optimal_rounds(verifier: Verifier, initial: ArrayLike, price: float, *, largest: int) -> Rounds:
    """min E[1 − Z] + λ E[verdicts] over all policies n(z) ≤ `largest`, λ = `price` in wrong shares per verdict: exact.

    With V = wrong + λ verdicts of the result, no policy that leaves a share w wrong spends fewer than (V − w)/λ
    verdicts, also one that draws lots. Value iteration (Bellman) on the states of `Rounds`; `largest` of a few dozen.
    """
    rates = numbers(verifier, initial)
    cost = float(validation.positive("price", price))
    largest = validation.integer("largest", largest, 1)
    validation.entries("largest", (largest**2 // 3 + 2) * (largest + 1) * (largest + 2) // 2, MAX_ENTRIES, "kernels")
    _, _, sizes = optimal_values(*rates, largest, cost)
    return _spent(sizes, *rates, largest)


def adaptive_rounds(
    sizes: Callable[[np.ndarray], ArrayLike], verifier: Verifier, initial: ArrayLike, *, largest: int
) -> Rounds:
    """What rounds of n(z) = `sizes`(z) buy until one kind of output is left, or n(z) = 0: exact.

    `sizes` takes accuracies [state] in (0, 1) and returns whole numbers, of which more than `largest` are cut to it.
    """
    rates = numbers(verifier, initial)
    largest = validation.integer("largest", largest, 1)
    validation.entries("largest", (largest**2 // 3 + 2) * (largest + 1), MAX_ENTRIES, "a kernel")
    if not callable(sizes):
        raise validation.refuse("sizes", type(sizes).__name__, "a function of the accuracies [state]")
    accuracy = states(*rates, largest)[0]
    inside = (accuracy > 0) & (accuracy < 1)
    accepted = "a function that returns whole numbers >= 0, one for each accuracy"
    found = np.zeros(accuracy.size, int)
    if inside.any():
        found[inside] = np.minimum(_whole(sizes, accuracy[inside], accepted), largest)
    return _spent(found, *rates, largest)


def equal_risk(accuracy: ArrayLike, verifier: Verifier, risk: ArrayLike) -> Int[Array, "*shape"]:
    """n(z) = ⌈ln(1/δ)/ln(1 + (φ/ψ) z/(1−z))⌉: a round loses all correct outputs with probability δ = `risk` at most.

    A run, of several rounds, ends wrong somewhat more often: `adaptive_rounds`. All arguments broadcast, ψ > 0. 0 where
    `accuracy` z is 0 or 1, and nothing is left to decide. For a smaller risk rounds are larger: e^{−κ} is one of
    exponent κ.
    """
    phi, psi = checked_verifier(verifier)
    z, risk = validation.rates("accuracy", accuracy), validation.rates("risk", risk)
    for name, rate in (("verifier", phi), ("verifier", psi), ("risk", risk)):
        if validation.has_values(rate) and (np.asarray(rate) < LEAST_RATE).any():
            raise validation.refuse(name, np.min(np.asarray(rate)), f"rates in [{LEAST_RATE}, 1]")
    phi, psi, z, risk = validation.broadcast("accuracy, verifier, risk", *validation.one_dtype(phi, psi, z, risk))
    xp, *_ = validation.host(phi, psi, z, risk)
    return validation.array(_equal_risk(xp, phi, psi, z, risk).astype(np.int32))


def _equal_risk(xp: Any, phi: Any, psi: Any, z: Any, risk: Any) -> Any:
    open_ = (z > 0) & (z < 1)
    safe = xp.where(open_, z, 0.5)
    gain = xp.log1p(phi / psi * safe / (1 - safe))
    size = xp.maximum(xp.ceil(-xp.log(risk) / gain - 1e-6), 1)  # a whole number but for rounding is that number
    return xp.where(open_, xp.minimum(size, LARGEST_ROUND), 0)


def _whole(sizes: Callable[[np.ndarray], ArrayLike], accuracy: np.ndarray, accepted: str) -> np.ndarray:
    """What a policy returns [state]: one size for all states will do, and whole numbers as floats."""
    try:
        given = np.asarray(sizes(accuracy))
    except Exception as error:
        failed = f"a function that fails for an array ({type(error).__name__}: {error})"
        raise validation.refuse("sizes", failed, accepted) from error
    if given.dtype.kind == "f" and (given == np.floor(given)).all() and (abs(given) < LARGEST_ROUND).all():
        given = given.astype(int)
    if given.shape not in ((), accuracy.shape):
        raise validation.refuse("sizes", f"shape {given.shape}", accepted)
    return validation.integers("sizes", np.broadcast_to(given, accuracy.shape), 0, accepted)


def equal_risk_law(verifier: Verifier, initial: ArrayLike, risk: float) -> tuple[float, float]:
    """N ≈ Σ_t q_t n_t/a(z_t) and the wrong share Σ_t q_t e^{−n_t g(z_t)} of `equal_risk`: asymptotic, δ = `risk` → 0.

    z_0 = p, z_{t+1} = z_t'; q_0 = 1 and q_{t+1} = 1 − e^{−n_t(1−z_{t+1})}, the chance that a wrong one is left. The
    wrong share is within a factor 1.6 of the exact one for κ = ln(1/δ) ≥ 10, since sizes are whole numbers; the
    verdicts lack what runs cost that came near to lose: at (.8, .4), p = .3, some 16 beside 162 at κ = 22, but at
    (.6, .5) two thirds of 1000 at κ = 10: for strong selection.

    Raises:
        ValueError: Where it would have all runs end wrong: a weak verifier, whose runs drift to either end.
    """
    phi, psi, z = numbers(verifier, initial)
    if phi <= psi:
        raise validation.refuse("verifier", (phi, psi), "tpr > fpr")
    if not LEAST_RATE <= z <= 1:
        raise validation.refuse("initial", z, f"a share in [{LEAST_RATE}, 1]")
    delta = float(validation.rates("risk", risk, 0))
    if not LEAST_RATE <= delta < 1:
        raise validation.refuse("risk", delta, f"a number in [{LEAST_RATE}, 1)")
    spent = lost = 0.0
    left = float(z < 1)
    while left >= 1e-15 and z < 1 and lost < 1:
        n, accepted = int(_equal_risk(np, phi, psi, z, delta)), z * phi + (1 - z) * psi
        spent, lost = spent + left * n / accepted, lost + left * math.exp(n * math.log((1 - z) * psi / accepted))
        z = z * phi / accepted
        left = -math.expm1(-n * (1 - z))
    if lost >= 1:
        raise validation.refuse("verifier", (phi, psi), "one strong enough that few runs end wrong at this risk")
    return spent, lost


def _spent(sizes: np.ndarray, phi: float, psi: float, p: float, largest: int) -> Rounds:
    """The mass moves from p through a sparse kernel; sums of what is positive keep their digits."""
    accuracy, accepted, correct, places = states(phi, psi, p, largest)
    parts = []
    for n in np.unique(sizes[sizes > 0]).tolist():
        (source,) = np.nonzero(sizes == n)
        rows = multinomial(n, correct[source], 1 - correct[source])
        parts.append((rows.ravel(), np.tile(places(n), source.size), np.repeat(source, n + 1)))
    shape, ended, mass = (accuracy.size, accuracy.size), sizes == 0, np.zeros(accuracy.size)
    mass[-1] = 1.0
    if not parts:
        return Rounds(accuracy, sizes, 1 - p, 0.0)
    values, target, source = (np.concatenate(each) for each in zip(*parts, strict=True))
    kernel = scipy.sparse.csr_matrix((values, (target, source)), shape)
    wrong = verdicts = 0.0
    for _ in range(SWEEPS * largest):
        wrong, mass = wrong + float(mass[ended] @ (1 - accuracy[ended])), np.where(ended, 0, mass)
        if mass.sum() <= NOTHING * wrong or not mass.any():
            break
        verdicts += float(mass @ (sizes / accepted))
        mass = kernel @ mass
    return Rounds(accuracy, sizes, wrong, verdicts)
