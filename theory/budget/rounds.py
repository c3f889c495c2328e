"""Few large rounds or many small ones: the best constant round size n under three budgets of N verdicts.

| budget | wrong in the end | −ln of it, N → ∞ |
| --- | --- | --- |
| `fixed_rounds`: as many rounds for all runs as cost N verdicts on average | E[1 − Z_T] | √(sφθN) |
| `hard_limit`: no run spends more than N verdicts | E[1 − Z] | √(sφθN) |
| `until_fixation`: a run ends when one kind is left, which costs N on average | P(ends wrong) | θsφN/ln N |

with s = ln(φ/ψ) and θ = V(p) of `wrong_exponent`. Drift loses all correct outputs with e^{−nθ}; T rounds, which cost
Tn/φ verdicts once most outputs are correct, leave e^{−sT} wrong: equal exponents give n = √(sφN/θ). To the last wrong
output it takes ln n/s rounds, hence N ≈ n ln n/(sφ), and e^{−nθ} alone is left: verdicts that a run which has ended
does not need are there for the others. Rejection sampling until n are accepted, independent errors, φ > ψ. Everywhere
`verifier` is (tpr, fpr) = (φ, ψ), two numbers above 0, `initial` the accuracy p of Z_0, above 0, `verdicts` N.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import scipy.stats

from theory import validation
from theory.budget.exponents import wrong_exponent
from theory.budget.outcomes import Verifier, ends, multinomial
from theory.budget.schedule import LEAST_RATE, numbers, spent_by, within
from theory.validation import ArrayLike

MAX_STEPS = 1e11  # multiplications of a search
MOST_LIMITED = 10_000  # verdicts of a hard limit, of which a size takes a minute
LARGEST = 1024  # samples of a round whose chain is solved
NOTHING = 1e-25  # of a distribution, cut off


class BestSize(NamedTuple):
    """The best constant round size under a budget."""

    size: int  # n
    wrong: float  # the share of outputs, or of runs, that is wrong in the end
    verdicts: float  # spent on average


def fixed_rounds(verifier: Verifier, initial: ArrayLike, verdicts: ArrayLike) -> BestSize:
    """min_n E[1 − Z_T], T the last round up to which rounds of n cost N verdicts on average: exact.

    Each run goes through T rounds, also where one kind is left: the plan of a fixed schedule. All sizes from a quarter
    to three times the asymptotic one are tried, in float64 whatever JAX's default. It takes a minute at N = 10⁵.

    Raises:
        ValueError: Where the budget does not pay for a round, is so large that the wrong share leaves the range of
            float64, or would take a search of more than 10¹¹ multiplications.
    """
    law, _ = fixed_rounds_law(verifier, initial, verdicts)
    rates, budget = numbers(verifier, initial), float(np.asarray(verdicts))
    most = 3 * law + 4
    if budget * most * most / 2 > MAX_STEPS:
        raise validation.refuse("verdicts", budget, "fewer, or `fixed_rounds_law` for large budgets")
    sizes = np.arange(max(1, int(law / 4)), int(most))
    num_rounds = np.ceil(budget * max(rates[:2]) / sizes).astype(int)  # which are paid at most
    spent = [spent_by(np.full((1, max(1, rounds)), n), *rates) for n, rounds in zip(sizes, num_rounds, strict=True)]
    wrong = np.concatenate([within(budget, *each) for each in spent])
    if not np.isfinite(wrong).any():
        raise validation.refuse("verdicts", verdicts, "enough for one round")
    if 0 <= wrong.min() < np.finfo(wrong.dtype).tiny and float(np.asarray(initial)) < 1:
        raise validation.refuse("verdicts", verdicts, "so few that more than 1e-307 of the outputs are wrong")
    best = int(wrong.argmin())
    costs = spent[best][1]
    return BestSize(int(sizes[best]), float(wrong[best]), float(costs[costs <= budget].max()))


def fixed_rounds_law(verifier: Verifier, initial: ArrayLike, verdicts: ArrayLike) -> tuple[float, float]:
    """n = √(sφN/θ), not rounded, and −ln of the wrong share, √(sφθN), θ = V(p): of fixed rounds and of a hard limit.

    Asymptotic, for N → ∞. Kimura's θ = 2sp, for weak selection, gives n = √(φN/2p).
    """
    phi, psi, p, budget = _loop(verifier, initial, verdicts)
    theta = min(float(wrong_exponent((phi, psi), p)), 1e30)  # where p = 1 nothing is lost
    steps = math.sqrt(math.log(phi / psi) * phi) * math.sqrt(budget)
    return steps / math.sqrt(theta), steps * math.sqrt(theta)


def until_fixation(verifier: Verifier, initial: ArrayLike, verdicts: ArrayLike) -> BestSize:
    """The largest n at which a run costs N verdicts on average until one kind is left, and P(ends wrong): exact.

    More samples cost more and end wrong less often, so that the largest is the best. The average is over runs, which
    share the budget: a single run may spend more.

    Raises:
        ValueError: Where the budget does not pay for rounds of one sample, or pays for rounds of 1024.
    """
    phi, psi, p, budget = _loop(verifier, initial, verdicts)

    def cost(n: int) -> float:
        return float(ends(np.array(n), phi, psi, p, None, until_kept=True)[..., 3])

    if cost(1) > budget:
        raise validation.refuse(
            "verdicts", budget, f"enough to end a loop of one sample a round, {cost(1):.4g} or more"
        )
    low, high = 1, 2
    while high <= LARGEST and cost(high) <= budget:
        low, high = high, 2 * high
    if high > LARGEST:
        raise validation.refuse("verdicts", budget, f"fewer than {cost(LARGEST):.6g}, which rounds of {LARGEST} take")
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if cost(middle) <= budget else (low, middle)
    _, wrong, _, spent = ends(np.array(low), phi, psi, p, None, until_kept=True)
    return BestSize(low, float(wrong), float(spent))


def hard_limit(verifier: Verifier, initial: ArrayLike, verdicts: ArrayLike, *, size: int | None = None) -> BestSize:
    """min_n E[1 − Z], Z the model after the last round that a run can pay from its own N verdicts: exact.

    A chain over the accuracy and the verdicts spent, NegativeBinomial(n, zφ+(1−z)ψ) a round; a run that has one kind
    left spends no more, and a last round that is not paid in full is lost. N is a whole number up to 10⁴; `size` = n is
    taken as it is, for any verifier.
    """
    limit = validation.integer("verdicts", int(validation.positive("verdicts", verdicts)), 1, MOST_LIMITED)
    if size is not None:
        return _limited(validation.integer("size", size, 1, limit), *numbers(verifier, initial), limit)
    phi, psi, p, _ = _loop(verifier, initial, verdicts)
    law, _ = fixed_rounds_law(verifier, initial, verdicts)
    return _least(lambda n: _limited(n, phi, psi, p, limit), max(1, int(law / 4)), min(limit, int(1.5 * law) + 4))


def _least(of: Callable[[int], BestSize], low: int, high: int) -> BestSize:
    """The size in [low, high] with the least wrong share, which falls and then rises: coarsely first."""
    found = {n: of(n) for n in np.unique(np.geomspace(low, max(low, high), 12).astype(int)).tolist()}
    while True:
        sizes = sorted(found)
        best = min(sizes, key=lambda n: found[n].wrong)
        at = sizes.index(best)
        near = [(best + sizes[i]) // 2 for i in (at - 1, at + 1) if 0 <= i < len(sizes)]
        near += [n for n in (best - 1, best + 1) if low <= n <= high]
        new = [n for n in near if n not in found]
        if not new:
            return found[best]
        found |= {n: of(n) for n in new}


def _limited(n: int, phi: float, psi: float, p: float, limit: int) -> BestSize:
    """Rounds of n under a hard limit: the mass over [correct of n, verdicts spent] moves round by round."""
    shares = np.arange(n + 1) / n
    accepted = shares * phi + (1 - shares) * psi
    rows = multinomial(n, shares * phi / accepted, (1 - shares) * psi / accepted)
    costs = [_costs(n, rate, limit) for rate in accepted[1:n]]
    unpaid = np.array([scipy.stats.nbinom.sf(limit - np.arange(limit + 1) - n, n, rate) for rate in accepted[1:n]])
    unpaid = unpaid.reshape(n - 1, limit + 1)
    first = p * phi + (1 - p) * psi
    start, mass = (
        multinomial(n, np.array(p * phi / first), np.array((1 - p) * psi / first)),
        np.zeros((n + 1, limit + 1)),
    )
    price = _costs(n, first, limit)
    mass[:, : price.size] = start[:, None] * price
    none = float(scipy.stats.nbinom.sf(limit - n, n, first))  # not one round is paid
    wrong, spent, used = none * (1 - p), none * limit, np.arange(limit + 1)
    while mass.any():
        wrong, spent = wrong + mass[0].sum(), spent + (mass[0] + mass[n]) @ used
        inside = mass[1:n]
        stopped = (inside * unpaid).sum(1)
        wrong, spent = wrong + stopped @ (1 - shares[1:n]), spent + stopped.sum() * limit
        paid = [np.convolve(row, price)[: limit + 1] for row, price in zip(inside, costs, strict=True)]
        mass = rows[1:n].T @ np.array(paid) if paid else np.zeros_like(mass)
        mass[mass < 1e-300] = 0
    return BestSize(n, float(wrong), float(spent))


def _costs(n: int, rate: float, limit: int) -> np.ndarray:
    """P(n are accepted after k verdicts) [k], cut off where nothing is left."""
    pmf = scipy.stats.nbinom.pmf(np.arange(limit + 1) - n, n, rate)
    (some,) = np.nonzero(pmf > NOTHING)
    return pmf[: some[-1] + 1] if some.size else pmf[:1]


def _loop(verifier: Verifier, initial: ArrayLike, verdicts: ArrayLike) -> tuple[float, float, float, float]:
    """φ, ψ, p and N as numbers, φ > ψ and p > 0."""
    phi, psi, p = numbers(verifier, initial)
    if phi <= psi:
        raise validation.refuse("verifier", (phi, psi), "tpr > fpr")
    if p < LEAST_RATE:
        raise validation.refuse("initial", p, f"a share in [{LEAST_RATE}, 1]")
    return phi, psi, p, float(validation.positive("verdicts", verdicts))
