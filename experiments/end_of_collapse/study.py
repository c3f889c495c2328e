"""Late generations of exact categorical loops, beside the law of what they still carry beyond what stays (R7).

In NumPy, since a program for each size would take longer to compile than `drift.information` to run; a test holds both
to each other.
"""

from typing import NamedTuple

import jax
import numpy as np
from scipy.stats import multinomial

from experiments.harness.study import study
from theory import drift


class Tasks(NamedTuple):
    """Tasks and how probable they are."""

    prior: np.ndarray  # [x]
    pmfs: np.ndarray  # the true distribution of each [x, k]


def _binary(shares: np.ndarray) -> np.ndarray:
    return np.stack([shares, 1 - shares], axis=1)


TASKS = {
    "19 tasks": Tasks(np.full(19, 1 / 19), _binary(np.arange(1, 20) / 20)),
    "3 unequal tasks": Tasks(np.array([0.7, 0.2, 0.1]), _binary(np.array([0.02, 0.4, 0.9]))),
    "3 tasks, one certain": Tasks(np.array([0.3, 0.3, 0.4]), _binary(np.array([0.0, 0.3, 0.8]))),
    "3 symbols, 4 tasks": Tasks(
        np.array([0.4, 0.3, 0.2, 0.1]),
        np.array([[0.6, 0.3, 0.1], [0.2, 0.5, 0.3], [0.1, 0.1, 0.8], [0.5, 0.5, 0.0]]),
    ),
}
TWO_SYMBOLS = tuple(TASKS)[:3]


class Loop(NamedTuple):
    """One exact loop."""

    setting: str
    information: np.ndarray  # I(X;Z_t) [t]
    stays: float  # I(X;Y), the information of one draw of the true model
    law: np.ndarray  # what is left late [t]: I(X;Z_t) − I(X;Y), or all of I(X;Z_t) with a smoothed fit

    @property
    def excess(self) -> np.ndarray:
        """I(X;Z_t) − I(X;Y) [t]."""
        return self.information - self.stays


@study("end-of-collapse/closed", lifetimes=14, full={"lifetimes": 15})
def closed(key: jax.Array, tasks: str, n: int, smoothing: float = 0.0, *, lifetimes: int) -> Loop:
    """A loop of n samples for `lifetimes` · n generations, beside the law of one without smoothing."""
    prior, pmfs = TASKS[tasks]
    law = np.asarray(drift.excess_information(prior, pmfs, n, lifetimes * n))
    return _loop(tasks, n, smoothing, law, real=False)


@study("end-of-collapse/smoothed", lifetimes=14, full={"lifetimes": 15})
def smoothed(key: jax.Array, tasks: str, n: int, smoothing: float, real: bool = False, *, lifetimes: int) -> Loop:
    """For `lifetimes`/μ generations, beside the law of a smoothed fit; `real`: what is added is of the true model."""
    prior, pmfs = TASKS[tasks]
    length = round(lifetimes * (n / (smoothing * pmfs.shape[1]) + 1))
    law = np.asarray(drift.smoothed_information(prior, pmfs, n, smoothing, length))
    return _loop(tasks, n, smoothing, law, real=real)


def _loop(tasks: str, n: int, smoothing: float, law: np.ndarray, *, real: bool) -> Loop:
    """The chain of every task, which adds λ to each count, or as much in the proportions of the true model."""
    prior, pmfs = TASKS[tasks]
    k = pmfs.shape[1]
    states = np.asarray(drift.lattice(n, k))
    share = smoothing * k / (n + smoothing * k)
    added = pmfs if real else np.full((1, k), 1 / k)
    kernels = np.array([drift.multinomial_kernel(n, (1 - share) * states / n + share * each) for each in added])
    now = multinomial.pmf(states, n, pmfs[:, None])
    now = (now / now.sum(1, keepdims=True)).reshape(len(kernels), -1, len(states))  # [kernel, task, state]
    distributions = np.empty((len(law), *now.shape))
    for t in range(len(law)):
        distributions[t] = now
        now = now @ kernels
    found = mutual_information(prior, distributions.reshape(len(law), len(prior), -1))
    look = f", {'real data' if real else 'smoothing'} {smoothing:g}" if smoothing else ""
    return Loop(f"{tasks}, n = {n}{look}", found, float(mutual_information(prior, pmfs)), law)


def mutual_information(prior: np.ndarray, tables: np.ndarray) -> np.ndarray:
    """I(X;Z) of p(z|x) [..., x, z], whose digits stay where tasks are nearly alike."""
    joint = prior[:, None] * tables
    product = joint.sum(-1, keepdims=True) * joint.sum(-2, keepdims=True)
    away = joint - product
    ratio = np.divide(away, product, out=np.zeros_like(away), where=joint > 0)
    return (joint * np.log1p(np.maximum(ratio, np.finfo(float).eps - 1)) - away).sum((-2, -1))
