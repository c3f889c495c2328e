"""Which of c candidate answers is correct (R3), and how near a learner comes to the lower bound for any method (L1).

Loops use rejection sampling from a uniform start and are exact; the Bayesian learners are simulated.
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

VerifierRates = tuple[float, float]  # tpr, fpr
CANDIDATES, ERROR = (0.9, 0.3), 0.05  # the verifier of R3
SYMMETRIC = (0.8, 0.2)  # the verifier of L1: one that errs equally often both ways
LEARNERS = ("uniform", "own", "probable", "ignoring", "sets")
SEARCHED = 2 ** np.arange(1, 7)  # numbers of candidate answers for the Bayesian learners


class CandidateLoops(NamedTuple):
    """Expected verdicts of the loop on c candidates, by when it stops, in the cheapest size with an error ≤ `ERROR`."""

    candidates: np.ndarray  # c
    oracle: np.ndarray  # stopped by who knows when no wrong candidate is left, or no correct one
    one_left: np.ndarray  # until one candidate is left, of the same sizes
    rounds: np.ndarray  # after T rounds, for the candidate with a majority in the last


@study("candidates/loop", num_doublings=6, full={"num_doublings": 8})
def loops(key: jax.Array, *, num_doublings: int) -> CandidateLoops:
    """Sizes by search."""
    candidates = 2 ** np.arange(1, num_doublings + 1)
    sizes, oracle = np.array([smallest(c) for c in candidates.tolist()]).T
    wasted = [rounds_after_loss(int(n), c) * n / CANDIDATES[1] for n, c in zip(sizes, candidates.tolist(), strict=True)]
    rounds = [after_rounds(c)[0] for c in candidates.tolist()]
    return CandidateLoops(candidates, oracle, oracle + wasted, np.array(rounds))


@study("candidates/oracle", fewest=256, full={"fewest": 512})
def oracle_slope(key: jax.Array, *, fewest: int) -> tuple[int, float]:
    """c, and by how much the verdicts of the oracle per candidate grow with ln c, from c to 2c."""
    few, many = (smallest(c)[1] / c for c in (fewest, 2 * fewest))
    return fewest, (many - few) / math.log(2)


@cache
def smallest(c: int) -> tuple[int, float]:
    """The smallest size that ends correct with probability 1 − ERROR, from c on, and the verdicts of the oracle."""
    low, high, spent = c, c + c // 3 + 4, math.inf
    while low < high:
        n = (low + high) // 2
        end = budget.fixation(n, CANDIDATES, 1 / c)
        if float(end.correct) >= 1 - ERROR:
            high, spent = n, float(end.verdicts)
        else:
            low = n + 1
    return low, spent


def chain(n: int, c: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The first round [s], the later ones [s, s'], and what they cost, c times for the first; s correct ones of n."""
    phi, psi = CANDIDATES
    share = np.concatenate([[1 / c], np.arange(n + 1) / n])
    accepted = share * phi + (1 - share) * psi
    rows = binom.pmf(np.arange(n + 1), n, (share * phi / accepted)[:, None])
    return rows[0], rows[1:], n / accepted[:1], n / accepted[1:]


def after_rounds(c: int) -> tuple[float, int, int]:
    """The fewest verdicts with which the correct one has the majority of the last round, with probability 1 − ERROR.

    And the size and number of the rounds. Who sees the last round alone can answer by it; a round in which nobody has
    a majority counts as an error.
    """
    found = []
    for n in range(c, c + c // 2 + 16):
        now, move, cost, costs = chain(n, c)
        spent = float(cost[0])
        for t in range(1, 4 * c.bit_length() + 8):
            if now[: n // 2 + 1].sum() <= ERROR:
                found.append((spent, n, t))
                break
            spent, now = spent + float(now @ costs), now @ move
    return min(found)


def rounds_after_loss(n: int, c: int) -> float:
    """Expected rounds in which the correct candidate is lost and more than one wrong candidate is left: exact.

    All a samples that are looked at are of one type if their ancestors in the first round are, of whom each has one of
    c − 1 types, all equally likely. A generation back, a wrong samples have b ancestors among the m wrong ones of then
    with the probability that a balls in m boxes fill b. With x[m, a] = P(m are wrong, a of these not of one type):
    x' = Σ_m P(m → m') Σ_b K_m[a, b] x[m, b]; once m = n, its own sum over all rounds is (I − K_n)^{-1} of what arrives.
    """
    if c == 2:
        return 0.0
    first, move, _, _ = chain(n, c)
    first, move = first[::-1], move[::-1, ::-1]  # by the number of wrong samples
    boxes, a = np.arange(n + 1.0)[:, None], np.arange(n + 1)
    ancestors = np.zeros((n + 1, n + 1, n + 1))  # [m, a, b]
    ancestors[:, 0, 0] = 1
    for balls in a[1:]:
        before, share = ancestors[:, balls - 1], np.divide(a, boxes, out=np.zeros((n + 1, n + 1)), where=boxes > 0)
        ancestors[:, balls] = before * share
        ancestors[:, balls, 1:] += before[:, :-1] * (1 - share[:, :-1]) * (boxes > 0)
    several = first[:, None] * (1 - (c - 1.0) ** (1 - np.maximum(a, 1)))
    arrived = several[n].copy()
    for _ in range(4 * c.bit_length() + 60):  # then the loop has one kind, correct or not
        several = move[:n].T @ np.einsum("mab,mb->ma", ancestors[:n], several[:n])
        arrived += several[n]
    return float(np.linalg.solve(np.eye(n - 1) - ancestors[n, 2:, 2:], arrived[2:])[-1])


def founders() -> float:
    """κ = n/c for many candidates, of the smallest size.

    An accepted correct sample is a founder with Poisson(φ/ψ) heirs, whose line survives with probability
    u = 1 − e^{−(φ/ψ)u}. The first round brings (φ/ψ) n/c of them: κ = −ln ERROR/((φ/ψ)u).
    """
    phi, psi = CANDIDATES
    u = scipy.optimize.root_scalar(lambda u: 1 - u - math.exp(-phi / psi * u), bracket=(0.1, 1)).root
    return -math.log(ERROR) * psi / (phi * u)


def oracle_constant() -> float:
    """The constant of c ln c with an oracle: (1−δ) κ (1/ψ + 1/φ)/ln(φ/ψ), asymptotic.

    It takes ln c/ln(φ/ψ) rounds until half of the samples are correct, at n/ψ verdicts each, and as many until the last
    wrong sample is gone, at n/φ. A line that is lost, with probability δ, is lost in the first rounds, and they end.
    """
    phi, psi = CANDIDATES
    return (1 - ERROR) * founders() * (1 / psi + 1 / phi) / math.log(phi / psi)


def one_left_law(c: float) -> float:
    """The same, and 2δκ²c²/ψ: the correct one lost, equally wrong candidates drift for 2n rounds of n/ψ verdicts."""
    return oracle_constant() * c * math.log(c) + 2 * ERROR * (founders() * c) ** 2 / CANDIDATES[1]


def fano(c: int, error: float) -> float:
    """ln c − h(δ) − δ ln(c−1): `budget.information_needed` of a uniform prior, without a compilation for each c."""
    return math.log(c) - float(entr(error) + entr(1 - error)) - error * math.log(max(c - 1, 1))


class Search(NamedTuple):
    """Searches for the correct one of c candidates, until the posterior of one is 1 − ERROR [replica]."""

    verdicts: np.ndarray
    information: np.ndarray  # ln c − the entropy of the posterior at the end, whose mean is I(X;Z)
    wrong: np.ndarray  # whether the chosen candidate is


@study("candidates/learner", independent=("kind",), num_replicas=500, full={"num_replicas": 10_000})
def learner(key: jax.Array, kind: str, *, num_replicas: int) -> theory.Estimate:
    """Verdicts until the posterior of one of c candidates is 1 − ERROR [c], c in `SEARCHED`."""
    rng = generator(key)
    return theory.estimate(np.stack([search(kind, c, num_replicas, rng).verdicts for c in SEARCHED.tolist()], axis=1))


@study("candidates/sets", independent=("kind",), num_replicas=8000, full={"num_replicas": 40_000})
def search_of(key: jax.Array, kind: str, verifier: VerifierRates = SYMMETRIC, *, num_replicas: int) -> Search:
    """One of 64 candidates."""
    return search(kind, 64, num_replicas, generator(key), verifier)


def search(kind: str, c: int, replicas: int, rng: np.random.Generator, verifier: VerifierRates = CANDIDATES) -> Search:
    """Of a Bayesian learner, or of one that ignores rejections."""
    rates = np.array(verifier)
    with np.errstate(divide="ignore"):
        accepted, rejected = np.log(rates), np.log1p(-rates) if kind != "ignoring" else np.zeros(2)
    found = Search(np.zeros(replicas), np.zeros(replicas), np.zeros(replicas, bool))
    running, truth, posterior = np.arange(replicas), rng.integers(c, size=replicas), np.full((replicas, c), 1 / c)
    while running.size:
        queried = _query(kind, posterior, verifier, rng)
        inside = queried[np.arange(running.size), truth]
        accepts = rng.random(running.size) < np.where(inside, *verifier)
        carried = np.exp(np.where(accepts[:, None], accepted, rejected))  # [replica, inside or not]
        posterior = posterior * np.where(queried, carried[:, :1], carried[:, 1:])
        posterior /= posterior.sum(1, keepdims=True)
        found.verdicts[running] += 1
        done = posterior.max(1) >= 1 - ERROR
        found.information[running[done]] = math.log(c) - entr(posterior[done]).sum(1)
        found.wrong[running[done]] = posterior[done].argmax(1) != truth[done]
        running, truth, posterior = running[~done], truth[~done], posterior[~done]
    return found


def _query(kind: str, posterior: np.ndarray, verifier: VerifierRates, rng: np.random.Generator) -> np.ndarray:
    """What each replica has judged next: one candidate, or a set of them [replica, candidate]."""
    count, c = posterior.shape
    if kind == "sets":  # the likeliest few that a verdict carries most about
        order = np.argsort(-posterior, axis=1)
        size = _carried(np.take_along_axis(posterior, order, 1).cumsum(1), verifier).argmax(1)
        queried = np.empty((count, c), bool)
        np.put_along_axis(queried, order, np.arange(c) <= size[:, None], 1)
        return queried
    if kind == "probable":
        chosen = posterior.argmax(1)
    elif kind == "own":  # a sample of its own posterior, as the loop samples its own model
        chosen = (posterior.cumsum(1) > rng.random((count, 1)) * (1 - 1e-12)).argmax(1)
    else:
        chosen = rng.integers(c, size=count)
    return np.arange(c) == chosen[:, None]


def _carried(share: np.ndarray, verifier: VerifierRates) -> np.ndarray:
    """`budget.verdict`, in NumPy, since each round has another shape."""
    phi, psi = verifier
    share = np.minimum(share, 1)
    accepted, each = share * phi + (1 - share) * psi, entr(verifier) + entr(1 - np.array(verifier))
    return entr(accepted) + entr(1 - accepted) - share * each[0] - (1 - share) * each[1]
