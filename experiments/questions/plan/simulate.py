"""Loops by their counts, as the sandbox runs them: for what no chain is small enough, with a standard error."""

import math
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from experiments.questions.plan.prompts import Prompts

RUNS = (500, 20_000)  # at least and at most
WORK = 1e6  # rounds of all runs together, which take less than a second
LEAST = 1e-12  # acceptance, below which a round costs as if it were this


class Ends(NamedTuple):
    """How loops end, on average over runs and prompts."""

    accuracy: float
    rounds: float
    verdicts: float
    error: float = 0.0  # standard error of the accuracy; 0: exact


def simulate(
    prompts: Prompts,
    size: int,
    *,
    persistence: float = 0.0,
    until_kept: bool = True,
    limit: int | None = None,
    runs: int | None = None,
) -> Ends:
    """Runs until all outputs are correct or all wrong, or, under a hard limit, while its verdicts pay for a round.

    Four kinds of outputs are ever accepted, correct or wrong, always or at times (`budget.persistent_kinds`). A round
    draws Multinomial(n, ·) of what is accepted; filtering: of m | m > 0, m ~ Binomial(n, rate), after rounds in which
    nothing was. Without a limit, verdicts are summed as expected. Always the same random numbers.
    """
    rng, runs = np.random.default_rng(0), runs or _runs(prompts, size, persistence)
    weight = prompts.weight if limit is not None else prompts.answered  # a hard limit leaves prompts as well
    place = np.searchsorted(np.cumsum(weight)[:-1] / weight.sum(), (np.arange(runs) + 0.5) / runs)
    p, phi, psi = (x[place] for x in prompts[1:4])
    rho, one = persistence, np.ones(runs)
    shares = np.stack([p * rho * phi, p * (1 - rho), (1 - p) * rho * psi, (1 - p) * (1 - rho)])
    kinds = shares.any(1)
    shares, rates, correct = shares[kinds], np.stack([one, phi, one, psi])[kinds], np.array([1, 1, 0, 0])[kinds] > 0
    accuracy, rounds, spent, on = p.copy(), np.zeros(runs), np.zeros(runs), np.arange(runs)
    while on.size:
        mass = shares * rates
        rate = np.minimum(np.maximum(mass.sum(0), LEAST), 1)
        accepted, looked, cost = _round(rng, size, rate, until_kept, sampled=limit is not None)
        paid = np.ones(on.size, bool) if limit is None else spent[on] + cost <= limit
        counts = _multinomial(rng, accepted, mass)
        rounds[on] += np.where(paid, looked, 0)
        spent[on] += np.where(paid, cost, 0)
        won = correct @ counts
        accuracy[on] = np.where(paid, won / accepted, accuracy[on])
        goes = paid & (won > 0) & (won < accepted)
        shares, rates, on = (counts / accepted)[:, goes], rates[:, goes], on[goes]
    error = max(float(accuracy.std()) / math.sqrt(runs), 1 / runs)  # also where no run ended otherwise
    return Ends(float(accuracy.mean()), float(rounds.mean()), float(spent.mean() * weight.sum()), error)


def _runs(prompts: Prompts, size: int, persistence: float) -> int:
    """As many as finish soon: drift alone takes about 2n rounds, selection 2 ln n/s."""
    phi, psi = prompts.rates
    s = abs(math.log(max(phi, 1e-9) / max(psi, 1e-9)))
    rounds = 2 * size if persistence > 0 or s == 0 else min(2 * size, (2 * math.log(size + 1) + 4) / s)
    return int(np.clip(WORK / (rounds + 1), *RUNS))


def _round(
    rng: np.random.Generator, size: int, rate: np.ndarray, until_kept: bool, *, sampled: bool
) -> tuple[Int[np.ndarray, " run"], Float[np.ndarray, " run"], Float[np.ndarray, " run"]]:
    """How many are accepted, in how many rounds up to one in which any is, and their verdicts: sampled, or expected."""
    if until_kept:
        cost = size + rng.negative_binomial(size, rate) if sampled else size / rate
        return np.full(rate.size, size), np.ones(rate.size), cost
    with np.errstate(divide="ignore"):  # a rate of 1
        some = -np.expm1(size * np.log1p(-rate))
        first = np.ceil(np.log1p(-some * rng.random(rate.size)) / np.log1p(-rate))  # the first that is accepted
    first = np.clip(first, 1, size).astype(int)
    rounds = rng.geometric(some) if sampled else 1 / some
    return 1 + rng.binomial(size - first, rate), rounds, size * rounds


def _multinomial(rng: np.random.Generator, n: np.ndarray, mass: np.ndarray) -> Int[np.ndarray, "kind run"]:
    """n draws among kinds of these masses [kind, run], one kind after the other."""
    left, counts = n.copy(), []
    rest = np.cumsum(mass[::-1], 0)[::-1]  # of this kind and those after it
    for i in range(len(mass) - 1):
        share = np.divide(mass[i], rest[i], out=np.zeros_like(rest[i]), where=rest[i] > 0)
        counts.append(rng.binomial(left, np.minimum(share, 1)))
        left = left - counts[-1]
    return np.stack([*counts, left])
