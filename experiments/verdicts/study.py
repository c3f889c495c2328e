"""The price of verdicts: a lower bound (L1), candidate answers (R3), worth in samples (R5).

All loops use rejection sampling. All is exact, except the Bayesian learners, which are simulated.
"""

import math
from functools import cache
from typing import NamedTuple

import jax
import numpy as np
import scipy.optimize
from scipy.special import entr
from scipy.stats import binom

import theory
from experiments.harness.study import generator, study
from theory import budget

RATES = (1.0, 0.8, 0.5, 0.2)  # tpr of the verifiers of L1
RATIOS = np.linspace(0.02, 0.95, 20)  # their fpr/tpr
SIZES = (1, 2, 5, 20)  # accepted samples per generation
CANDIDATES, ERROR = (0.9, 0.3), 0.05  # the verifier of R3
LEARNERS = ("uniform", "own", "probable", "ignoring")
SEARCHED = 2 ** np.arange(1, 7)  # numbers of candidate answers for the Bayesian learners
PAIR, SHARE = (0.9, 0.2), 0.6  # the verifier of R5; the share of the correct symbol in real samples


class FixationGrid(NamedTuple):
    """Two tasks, which of two symbols is correct, for every verifier [tpr, fpr/tpr, n], from an even start."""

    needed: np.ndarray  # the lower bound for any method: verdicts, not rounded
    verdicts: np.ndarray  # expected, until one symbol is left
    accepted: np.ndarray  # those of them that accept


@cache
def fixations() -> FixationGrid:
    """The lower bound is (I_∞ − I_0)/C; I_0 = 0, since the start is the same for both tasks."""
    phi, ratio, n = np.meshgrid(RATES, RATIOS, SIZES, indexing="ij")
    end = budget.fixation(n, (phi, phi * ratio), 0.5)
    correct, generations = np.asarray(end.correct), np.asarray(end.generations)
    gained = math.log(2) - entr(correct) - entr(1 - correct)
    return FixationGrid(gained / np.asarray(_capacity((phi, phi * ratio))), np.asarray(end.verdicts), n * generations)


_capacity, _capacities, _information = map(
    jax.jit, (budget.verifier_capacity, budget.item_capacities, theory.mutual_information)
)


@study("budget/injected", num_tables=256, full={"num_tables": 1000})
def injected(key: jax.Array, *, num_tables: int) -> tuple[np.ndarray, np.ndarray]:
    """I(X;V) of one verdict on each of 5 items, all with independent noise, and Σ_i C_i; random tables of 3 tasks."""
    rng = generator(key)
    prior, rates = rng.dirichlet(np.ones(3), num_tables), rng.uniform(size=(num_tables, 3, 5))

    def table(prior, rates):
        information = theory.mutual_information(prior[:, None] * budget.judge_distribution(rates))
        return information, budget.item_capacities(rates).sum()

    information, bound = jax.jit(jax.vmap(table))(prior, rates)
    return np.asarray(information), np.asarray(bound)


def shared() -> tuple[float, float]:
    """I(X;V) and Σ_i C_i of two verdicts flipped by one shared fair coin: the correct set is {1} or {1, 2}.

    Each verdict alone is a fair coin in either task and carries nothing; whether the two agree determines the task.
    """
    joint = np.zeros((2, 2, 2))
    for task, coin in np.ndindex(2, 2):
        joint[task, 1 ^ coin, task ^ coin] += 0.25
    acceptance = np.stack([joint.sum(2)[:, 1], joint.sum(1)[:, 1]], axis=1) * 2  # P(accept | task) of each item
    return float(_information(joint.reshape(2, 4))), float(np.asarray(_capacities(acceptance)).sum())


class CandidateLoop(NamedTuple):
    """The loop from a uniform start on c candidate answers, the wrong ones lumped."""

    candidates: np.ndarray  # c
    verdicts: np.ndarray  # expected, with the cheapest size that ends correct with probability 1 − ERROR
    needed: np.ndarray  # the lower bound for any method, not rounded: Fano's information over the capacity


@study("budget/loop", num_doublings=6, largest=80, full={"num_doublings": 8, "largest": 300})
def loop(key: jax.Array, *, num_doublings: int, largest: int) -> CandidateLoop:
    """The cheapest size that is good enough, by search over all up to `largest`."""
    candidates, sizes = 2 ** np.arange(1, num_doublings + 1), np.arange(1, largest + 1)
    end = budget.fixation(sizes, CANDIDATES, 1 / candidates[:, None])
    verdicts = np.where(np.asarray(end.correct) >= 1 - ERROR, np.asarray(end.verdicts), np.inf).min(1)
    return CandidateLoop(candidates, verdicts, fano(candidates, ERROR) / float(_capacity(CANDIDATES)))


def fano(candidates: np.ndarray, error: float) -> np.ndarray:
    """ln c − h(δ) − δ ln(c−1), `budget.information_needed` of a uniform prior, without a compilation for each c."""
    return np.log(candidates) - entr(error) - entr(1 - error) - error * np.log(candidates - 1)


def candidates_slope() -> float:
    """The constant of c ln c, for many candidates: κ (1/ψ + 1/φ)/ln(φ/ψ), asymptotic.

    An accepted correct sample is a founder with Poisson(φ/ψ) heirs, whose line survives with probability
    u = 1 − e^{−(φ/ψ)u}. The first round brings (φ/ψ) n/c of them, so that n = κc, κ = −ln ERROR/((φ/ψ)u). It takes
    ln c/ln(φ/ψ) rounds until half of the samples are correct, at n/ψ verdicts each, and as many until the last wrong
    sample is gone, at n/φ.
    """
    phi, psi = CANDIDATES
    u = scipy.optimize.root_scalar(lambda u: 1 - u - math.exp(-phi / psi * u), bracket=(0.1, 1)).root
    kappa = -math.log(ERROR) * psi / (phi * u)
    return kappa * (1 / psi + 1 / phi) / math.log(phi / psi)


@study("budget/student", independent=("kind",), num_replicas=500, full={"num_replicas": 10_000})
def learner(key: jax.Array, kind: str, *, num_replicas: int) -> theory.Estimate:
    """Verdicts until the posterior of one of c candidates is 1 − ERROR [c], c in `SEARCHED`."""
    rng = generator(key)
    return theory.estimate(np.stack([search(kind, c, num_replicas, rng)[0] for c in SEARCHED.tolist()], axis=1))


def search(kind: str, c: int, replicas: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Verdicts used [replica], and whether the chosen candidate is wrong."""
    phi, psi = CANDIDATES
    accepted, rejected = math.log(phi / psi), math.log((1 - phi) / (1 - psi)) if kind != "ignoring" else 0.0
    used, wrong = np.zeros(replicas), np.zeros(replicas, bool)
    running, truth, score = np.arange(replicas), rng.integers(c, size=replicas), np.zeros((replicas, c))
    while running.size:
        rows = np.arange(running.size)
        posterior = np.exp(score - score.max(1, keepdims=True))
        posterior /= posterior.sum(1, keepdims=True)
        query = _query(kind, posterior, rng)
        accepts = rng.random(rows.size) < np.where(query == truth, phi, psi)
        score[rows, query] += np.where(accepts, accepted, rejected)
        used[running] += 1
        others = np.exp(score - score.max(1, keepdims=True)).sum(1)
        done = 1 / others >= 1 - ERROR
        wrong[running[done]] = score[done].argmax(1) != truth[done]
        running, truth, score = running[~done], truth[~done], score[~done]
    return used, wrong


def _query(kind: str, posterior: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The candidate that each replica has judged next."""
    if kind == "probable":
        return posterior.argmax(1)
    if kind == "own":  # a sample of its own posterior, as the loop samples its own model
        return (posterior.cumsum(1) > rng.random((len(posterior), 1)) * (1 - 1e-12)).argmax(1)
    return rng.integers(posterior.shape[1], size=len(posterior))


class Exchange(NamedTuple):
    """The fresh samples whose best decision errs no more than that of k verdicts."""

    verdicts: np.ndarray  # k
    error: np.ndarray  # of the best decision after k verdicts, the two symbols in turn
    samples: np.ndarray  # m, the fewest


@study("budget/exchange", most=40, full={"most": 80})
def exchange(key: jax.Array, *, most: int) -> Exchange:
    """Sums of binomial probabilities; an odd number of samples, since one more does not change the error."""
    k, m = np.arange(1, most + 1), np.arange(1, 30 * most, 2)
    errors = np.array([verdict_error(i) for i in k.tolist()])
    enough = sample_error(m) <= errors[:, None] * (1 + 1e-12)  # keeps ties
    return Exchange(k, errors, m[enough.argmax(1)])


def verdict_error(k: int) -> float:
    """½ Σ min(P_1, P_2): two equally likely tasks; ⌈k/2⌉ verdicts on one symbol and ⌊k/2⌋ on the other."""
    first, second = ((k + 1) // 2, k // 2)
    distributions = [
        np.outer(binom.pmf(np.arange(first + 1), first, a), binom.pmf(np.arange(second + 1), second, b))
        for a, b in (PAIR, PAIR[::-1])
    ]
    return float(np.minimum(*distributions).sum()) / 2


def sample_error(m: np.ndarray) -> np.ndarray:
    """The majority of an odd number m of fresh samples is wrong: P(Binomial(m, SHARE) < m/2)."""
    return binom.cdf((m - 1) // 2, m, SHARE)


def by_information() -> float:
    """C(φ,ψ)/I(X;Y): the most information in one verdict over that in one fresh sample."""
    return float(_capacity(PAIR)) / (math.log(2) - entr(SHARE) - entr(1 - SHARE))


def by_exponent() -> float:
    """The ratio of the Chernoff informations, both at the exponent ½ by symmetry (of a pair of verdicts).

    −ln(√(φψ) + √((1−φ)(1−ψ))) over −ln(2√(p(1−p))); Cover & Thomas (2006), section 11.9.
    """
    phi, psi = PAIR
    verdict = math.sqrt(phi * psi) + math.sqrt((1 - phi) * (1 - psi))
    return math.log(verdict) / math.log(2 * math.sqrt(SHARE * (1 - SHARE)))
