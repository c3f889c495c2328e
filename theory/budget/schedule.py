"""Few large rounds or many small ones: what a budget of verdicts buys, until n are kept in each round.

Exact are the wrong share after a given schedule and the bound on all schedules; the law of the best constant size is
asymptotic. The public names stand in `theory.budget`.
"""

import math
from functools import cache, lru_cache
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
import scipy.optimize
import scipy.stats
from jax import Array
from jaxtyping import Float, Int

from theory import validation
from theory.budget.outcomes import Verifier, checked_verifier, multinomial
from theory.drift.selection import fractions
from theory.validation import ArrayLike

SWEEPS = 300  # of value iteration, at most, times the largest round; drift alone takes about 30


class Spending(NamedTuple):
    """What a loop has reached after each round, and what it has cost."""

    wrong: Float[Array, "*schedule t"]  # E[1 − Z_t], t = 1 …: how often an output is wrong
    verdicts: Float[Array, "*schedule t"]  # expected, in all rounds up to this one

    def within(self, verdicts: ArrayLike) -> Float[Array, "*schedule"]:
        """The wrong share after the last round that a budget pays for.

        Args:
            verdicts: N, the expected number that may be spent.

        Returns:
            E[1 − Z], for each schedule; inf where the budget does not pay for one round.

        Raises:
            ValueError: Where `verdicts` is not above 0.
        """
        return validation.array(_within(validation.positive("verdicts", verdicts), *map(np.asarray, self)))


def spend(sizes: ArrayLike, verifier: Verifier, initial: ArrayLike) -> Spending:
    """What rounds of these sizes buy: exact.

    Round t samples until n_t are kept: Z_{t+1} ~ Binomial(n_t, z')/n_t, z' = zφ/(zφ+(1−z)ψ), at the expected cost of
    n_t E[1/(Z_t φ+(1−Z_t)ψ)] verdicts.

    Args:
        sizes: n_t [..., t], integers of at least 1: one schedule or many.
        verifier: (tpr, fpr), two numbers above 0.
        initial: The share of right outputs at the start.

    Returns:
        Wrong shares and expected verdicts [..., t].

    Raises:
        ValueError: Where a size is below 1, or a rate outside (0, 1].
    """
    schedule = np.asarray(sizes)
    rates = _numbers(verifier, initial)
    if schedule.ndim < 1 or schedule.size == 0 or schedule.dtype.kind not in "iu" or (schedule < 1).any():
        raise validation.refuse("sizes", sizes, "integers >= 1, one for each round")
    return Spending(*(validation.array(leaf, jnp.result_type(float)) for leaf in _spend(schedule, *rates)))


def _spend(schedules: Int[np.ndarray, "*schedule t"], phi: float, psi: float, p: float) -> list[np.ndarray]:
    """Wrong shares and expected verdicts, in float64.

    Each pair of successive sizes has its kernel, computed once; a schedule is a path through them.
    """

    @cache
    def leads(before: int, n: int) -> np.ndarray:
        """From each share (before 0: the start): the law of the next one, what is wrong in it, what the round costs."""
        shares = np.arange(before + 1) / before if before else np.array([p])
        accepted = shares * phi + (1 - shares) * psi
        rows = multinomial(n, shares * phi / accepted, (1 - shares) * psi / accepted)
        return np.column_stack([rows, rows @ (1 - np.arange(n + 1) / n), n / accepted])

    results = []
    for schedule in schedules.reshape(-1, schedules.shape[-1]).tolist():
        probs = np.ones(1)
        for ends in zip([0, *schedule], schedule, strict=False):
            after = probs @ leads(*ends)
            probs = after[:-2]
            results.append(after[-2:])
    wrong, costs = np.array(results).T
    return [wrong.reshape(schedules.shape), costs.reshape(schedules.shape).cumsum(-1)]


def _within(verdicts: ArrayLike, wrong: np.ndarray, spent: np.ndarray) -> np.ndarray:
    """The wrong share after the last round that is paid."""
    paid = spent <= np.asarray(verdicts, spent.dtype)
    last = np.maximum(paid.sum(-1, keepdims=True) - 1, 0)
    return np.where(paid[..., 0], np.take_along_axis(wrong, last, -1)[..., 0], np.inf)


def round_size_law(verifier: Verifier, initial: ArrayLike, verdicts: ArrayLike) -> tuple[float, float]:
    """The best constant round size for large budgets, and −ln of the wrong share that it reaches (asymptotic).

    N verdicts pay for about φN/n rounds, which leave a wrong share of e^{−sφN/n}; drift loses the right symbol with
    e^{−2nsp}, by Kimura, hence for weak selection. Equal exponents give n = √(φN/2p), and the exponent s√(2pφN); at
    s = ln 2 the exact loss by drift has an exponent 8 % larger (row R2-exponent).

    Args:
        verifier: (tpr, fpr), two numbers, tpr > fpr > 0.
        initial: p, the share of right outputs at the start.
        verdicts: N.

    Returns:
        n, not rounded, and the exponent.

    Raises:
        ValueError: Where the rates are not 0 < fpr < tpr ≤ 1, or `initial` or `verdicts` is not above 0.
    """
    phi, psi, p = _numbers(verifier, initial)
    if phi <= psi:
        raise validation.refuse("verifier", (phi, psi), "tpr > fpr")
    if p <= 0:
        raise validation.refuse("initial", p, "a share > 0")
    budget = float(validation.positive("verdicts", verdicts))
    return math.sqrt(phi * budget / (2 * p)), math.log(phi / psi) * math.sqrt(2 * p * phi * budget)


def best_round(verifier: Verifier, initial: ArrayLike, verdicts: ArrayLike) -> tuple[int, float]:
    """The constant round size that leaves the smallest wrong share within a budget: exact, by search.

    All sizes from a quarter to three times the asymptotic one are tried, in float64 whatever JAX's default, since the
    wrong share falls like e^{−s√(2pφN)}.

    Args:
        verifier: (tpr, fpr), two numbers, tpr > fpr > 0.
        initial: The share of right outputs at the start.
        verdicts: N, which must pay for one round.

    Returns:
        n, and the wrong share E[1 − Z].

    Raises:
        ValueError: As `round_size_law`, or where the budget does not pay for a round, or is so large that the wrong
            share leaves the range of float64.
    """
    probs, _ = round_size_law(verifier, initial, verdicts)
    sizes = np.arange(max(1, int(probs / 4)), int(3 * probs) + 4)
    num_rounds = max(1, math.ceil(float(np.asarray(verdicts)) * max(_numbers(verifier, initial)[:2]) / sizes[0]))
    schedules = np.repeat(sizes[:, None], num_rounds, axis=1)
    wrong = _within(verdicts, *_spend(schedules, *_numbers(verifier, initial)))
    if not np.isfinite(wrong).any():
        raise validation.refuse("verdicts", verdicts, "enough for one round")
    if 0 <= wrong.min() < np.finfo(wrong.dtype).tiny and float(np.asarray(initial)) < 1:
        raise validation.refuse("verdicts", verdicts, "so few that more than 1e-307 of the outputs are wrong")
    return int(sizes[wrong.argmin()]), float(wrong.min())


def schedule_bound(verifier: Verifier, initial: ArrayLike, verdicts: ArrayLike, *, largest: int) -> float:
    """The wrong share below which no schedule gets, even one that sees the share before it chooses n_t: exact.

    For every price λ of a verdict, E[1 − Z_T] ≥ V_λ(p) − λN, where
    V_λ(z) = min{1 − z, min_n [λn/(zφ+(1−z)ψ) + E V_λ(Binomial(n,z')/n)]} (Bellman), solved on all fractions with
    denominators up to `largest`; the best λ is taken. A schedule that cannot look is no better.

    Args:
        verifier: (tpr, fpr), two numbers above 0.
        initial: The share of right outputs at the start.
        verdicts: N, the expected number that may be spent.
        largest: The largest round size that is allowed.

    Returns:
        The bound.

    Raises:
        ValueError: Where a rate is outside (0, 1], `largest` < 1 or `verdicts` is not above 0.

    References:
        Bellman (1957), Dynamic Programming.
        Altman (1999), Constrained Markov Decision Processes, chapter 3: the Lagrangian of a budget.
    """
    rates = _numbers(verifier, initial)
    largest = validation.integer("largest", largest, 1)
    budget = float(validation.positive("verdicts", verdicts))

    def loss(log_price: float) -> float:
        price = math.exp(log_price)
        return price * budget - _optimal_cost(*rates, largest, price)

    found = scipy.optimize.minimize_scalar(loss, bounds=(-40.0, 0.0), method="bounded", options={"xatol": 1e-3})
    return max(0.0, -float(found.fun))


def _optimal_cost(phi: float, psi: float, p: float, largest: int, price: float) -> float:
    """V_λ(p), from below: value iteration from V = 1[z = 0], where nothing helps, rises to the fixed point."""
    shares, rows, targets, costs = _moves(phi, psi, p, largest)
    value = (shares == 0).astype(float)
    for _ in range(SWEEPS * largest):
        later = np.stack([row @ value[target] for row, target in zip(rows, targets, strict=True)])
        new = np.minimum(1 - shares, (price * costs + later).min(0))
        settled = np.max(new - value) <= 1e-14 * price
        value = new
        if settled:
            break
    return float(value[-1])


@lru_cache(maxsize=4)
def _moves(phi: float, psi: float, p: float, largest: int):
    """States (the last one the start), and for each size its rows, the places of its targets, and its costs."""
    primitive, _ = fractions(largest, 2)
    inside = primitive[:, 0] / primitive.sum(1)
    shares = np.append(inside, p)
    accepted = shares * phi + (1 - shares) * psi
    correct = shares * phi / accepted
    sizes = range(1, largest + 1)
    rows = [scipy.stats.binom.pmf(np.arange(n + 1)[None], n, correct[:, None]) for n in sizes]
    targets = [np.searchsorted(inside, np.arange(n + 1) / n - 1e-9) for n in sizes]
    return shares, rows, targets, np.stack([n / accepted for n in sizes])


def _numbers(verifier: Verifier, initial: ArrayLike) -> tuple[float, float, float]:
    phi, psi = (float(validation.floats("verifier", rate, 0)) for rate in checked_verifier(verifier))
    if min(phi, psi) <= 0:
        raise validation.refuse("verifier", (phi, psi), "two rates in (0, 1]")
    return phi, psi, float(validation.rates("initial", initial, 0))
