"""How much a loop with fresh samples retains: it is their number that counts, not their share (migration, Wright 1931).

Two symbols; the task says which of them has the probability p. Of the n samples of a generation m are fresh ones of the
true model, the others are the model's own.
"""

from functools import cache

import numpy as np
from scipy.stats import betabinom, binom

from experiments.harness.plug_in import plain

SIZES = (50, 100, 200, 400)  # n
NUMBERS = (1, 2, 5, 10)  # m
SHARES = (0.02, 0.04, 0.1, 0.2)  # m/n; at the first of SIZES as many as NUMBERS
ACCURACIES = (0.7, 0.6)  # p


@cache
def retained(n: int, m: int, p: float, *, stratified: bool = True) -> float:
    """I(X;Z_∞)/ln 2, exact, by the stationary distribution; `stratified`: m fresh ones, else each with chance m/n."""
    states = np.arange(n + 1) / n
    if stratified:
        own, real = binom.pmf(np.arange(n - m + 1), n - m, states[:, None]), binom.pmf(np.arange(m + 1), m, p)
        kernel = np.stack([np.convolve(row, real) for row in own])
    else:
        kernel = binom.pmf(np.arange(n + 1), n, ((1 - m / n) * states + m / n * p)[:, None])
    system = np.eye(n + 1) - kernel.T
    system[-1] = 1  # the probabilities sum to one, in the place of an equation that follows from the others
    return _share(np.linalg.solve(system, np.eye(n + 1)[-1]))


@cache
def wright(m: float, p: float) -> float:
    """The same of many samples, z ~ Beta(2mp, 2m(1−p)), whatever n: by the beta-binomial distribution of 20,000."""
    size = 20_000
    return _share(betabinom.pmf(np.arange(size + 1), size, 2 * m * p, 2 * m * (1 - p)))


def _share(pmf: np.ndarray) -> float:
    """Of ln 2, of two tasks that mirror each other."""
    pmf = np.maximum(pmf, 0)
    return float(plain(np.stack([pmf, pmf[::-1]])[None])[0] / np.log(2))
