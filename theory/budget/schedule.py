"""What a schedule of round sizes buys, and what no schedule undercuts; rejection sampling until n are accepted. Exact.

Everywhere `verifier` is (tpr, fpr) = (φ, ψ), two numbers above 0, `initial` the share p of correct outputs
at the start, and `verdicts` N, the expected number that may be spent.

References:
    Bellman (1957), Dynamic Programming.
    Altman (1999), Constrained Markov Decision Processes, chapter 3: the Lagrangian of a budget.
"""

import math
from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
import scipy.optimize
from jax import Array
from jaxtyping import Float, Int

from theory import validation
from theory.budget.outcomes import Verifier, checked_verifier, multinomial
from theory.drift.selection import fractions
from theory.validation import ArrayLike

SWEEPS = 300  # of value iteration, at most, times the largest round; drift alone takes about 30
MAX_ENTRIES = 100_000_000  # of the kernels in memory
LEAST_RATE = 1e-30  # with which expected verdicts are in the range of float32


class Spending(NamedTuple):
    """What a loop has reached after each round, and what it has cost."""

    wrong: Float[Array, "*schedule t"]  # E[1 − Z_t], t = 1 …: how often an output is wrong
    verdicts: Float[Array, "*schedule t"]  # expected, in all rounds up to this one

    def within(self, verdicts: ArrayLike) -> Float[Array, "*schedule"]:
        """E[1 − Z] after the last round that an expected number N of verdicts pays for, of each schedule.

        inf where N = `verdicts` does not pay for one round.
        """
        return validation.array(within(validation.positive("verdicts", verdicts), *map(np.asarray, self)))


def spend(sizes: ArrayLike, verifier: Verifier, initial: ArrayLike) -> Spending:
    """What rounds of these sizes buy: exact.

    Round t samples until n_t are accepted: Z_{t+1} ~ Binomial(n_t, z')/n_t, z' = zφ/(zφ+(1−z)ψ), which is expected to
    cost n_t E[1/(Z_t φ+(1−Z_t)ψ)] verdicts; `sizes` are n_t [..., t], at least 1: one schedule or many.
    """
    accepted = "integers >= 1, one for each round"
    schedules = validation.integers("sizes", sizes, 1, accepted)
    if schedules.ndim < 1:
        raise validation.refuse("sizes", sizes, accepted)
    states = schedules + 1.0
    largest = max(states.max(), (states[..., 1:] * states[..., :-1]).max(initial=0))
    validation.entries("sizes", int(largest), MAX_ENTRIES, "a kernel from round to round")
    spending = spent_by(schedules, *numbers(verifier, initial))
    return Spending(*(validation.array(leaf, jnp.result_type(float)) for leaf in spending))


def spent_by(schedules: Int[np.ndarray, "*schedule t"], phi: float, psi: float, p: float) -> list[np.ndarray]:
    """Wrong shares and expected verdicts, in float64.

    Each pair of successive sizes has its kernel, computed once while memory lasts; a schedule is a path through them.
    """
    known: dict[tuple[int, int], np.ndarray] = {}

    def leads(before: int, n: int) -> np.ndarray:
        """From each share (before 0: the start): where the next one is, what is wrong in it, what the round costs."""
        if (before, n) not in known:
            if sum(kernel.size for kernel in known.values()) > MAX_ENTRIES:
                known.clear()
            shares = np.arange(before + 1) / before if before else np.array([p])
            accepted = shares * phi + (1 - shares) * psi
            rows = multinomial(n, shares * phi / accepted, (1 - shares) * psi / accepted)
            known[before, n] = np.column_stack([rows, rows @ (1 - np.arange(n + 1) / n), n / accepted])
        return known[before, n]

    results = []
    for schedule in schedules.reshape(-1, schedules.shape[-1]).tolist():
        pmf = np.ones(1)
        for ends in zip([0, *schedule], schedule, strict=False):
            after = pmf @ leads(*ends)
            pmf = after[:-2]
            results.append(after[-2:])
    wrong, costs = np.array(results).T
    return [wrong.reshape(schedules.shape), costs.reshape(schedules.shape).cumsum(-1)]


def within(verdicts: ArrayLike, wrong: np.ndarray, spent: np.ndarray) -> np.ndarray:
    """The wrong share after the last round that is paid."""
    paid = spent <= np.asarray(verdicts, spent.dtype)
    last = np.maximum(paid.sum(-1, keepdims=True) - 1, 0)
    return np.where(paid[..., 0], np.take_along_axis(wrong, last, -1)[..., 0], np.inf)


def schedule_bound(verifier: Verifier, initial: ArrayLike, verdicts: ArrayLike, *, largest: int) -> float:
    """E[1 − Z_T] ≥ max_λ V_λ(p) − λN: a wrong share that no schedule undercuts, even one that sees the share first.

    λ is a price of a verdict, and V_λ(z) = min{1 − z, min_n [λn/(zφ+(1−z)ψ) + E V_λ(Binomial(n,z')/n)]} (Bellman),
    solved on all fractions with denominators up to `largest`, the largest size of a round that is allowed, of a few
    dozen. A schedule that does not see the share is no better.
    """
    rates = numbers(verifier, initial)
    largest = validation.integer("largest", largest, 1)
    validation.entries("largest", (largest**2 // 3 + 2) * (largest + 1) * (largest + 2) // 2, MAX_ENTRIES, "kernels")
    budget = float(validation.positive("verdicts", verdicts))

    def loss(log_price: float) -> float:
        price = math.exp(log_price)
        return price * budget - float(optimal_values(*rates, largest, price)[1][-1])

    found: Any = scipy.optimize.minimize_scalar(loss, bounds=(-40.0, 0.0), method="bounded", options={"xatol": 1e-3})
    return max(0.0, -float(found.fun))


def optimal_values(
    phi: float, psi: float, p: float, largest: int, price: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Shares [state], the last one p; V_λ there, from below; and the sizes that reach it, 0 where it is best to stop.

    Value iteration from V = 1[z = 0], where nothing helps, rises to the fixed point.
    """
    shares, rows, targets, costs = _moves(phi, psi, p, largest)
    value, goes_on = (shares == 0).astype(float), np.empty(costs.shape)
    for _ in range(SWEEPS * largest):
        later = np.stack([row @ value[target] for row, target in zip(rows, targets, strict=True)])
        goes_on = price * costs + later
        new = np.minimum(1 - shares, goes_on.min(0))
        settled = np.max(new - value) <= 1e-14 * price
        value = new
        if settled:
            break
    return shares, value, np.where(1 - shares <= goes_on.min(0), 0, goes_on.argmin(0) + 1)


def states(
    phi: float, psi: float, p: float, largest: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, Callable[[int], np.ndarray]]:
    """Shares with denominators up to `largest`, and p, the last; what is accepted there, and is correct of that.

    And where the shares 0/n … n/n are among them.
    """
    primitive, _ = fractions(largest, 2)
    inside = primitive[:, 0] / primitive.sum(1)
    shares = np.append(inside, p)
    accepted = shares * phi + (1 - shares) * psi
    return shares, accepted, shares * phi / accepted, lambda n: np.searchsorted(inside, np.arange(n + 1) / n - 1e-9)


@lru_cache(maxsize=4)
def _moves(phi: float, psi: float, p: float, largest: int):
    """The shares, and for each size its rows, the places of its targets, and its costs."""
    shares, accepted, correct, places = states(phi, psi, p, largest)
    sizes = range(1, largest + 1)
    rows = [multinomial(n, correct, 1 - correct) for n in sizes]
    return shares, rows, [places(n) for n in sizes], np.stack([n / accepted for n in sizes])


def numbers(verifier: Verifier, initial: ArrayLike) -> tuple[float, float, float]:
    """φ, ψ and p, checked."""
    phi, psi = (float(validation.floats("verifier", rate, 0)) for rate in checked_verifier(verifier))
    if min(phi, psi) < LEAST_RATE:
        raise validation.refuse("verifier", (phi, psi), f"two rates in [{LEAST_RATE}, 1]")
    return phi, psi, float(validation.rates("initial", initial, 0))
