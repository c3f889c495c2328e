"""How near an exact result is to its oracle, and what several oracles are made of."""

import itertools
from functools import partial

import dit
import jax
import jax.numpy as jnp
import numpy as np

from theory import drift

EXACT = 1e-12
ALPHA = (0.31415926, 0.4721359)  # pseudo-counts under which different counts make different models
close = partial(np.testing.assert_allclose, rtol=0, atol=EXACT)


def binary_entropy(p):
    return -p * np.log(p) - (1 - p) * np.log1p(-p)


def starts(n, pmfs):
    """The law of Z_0 for each task."""
    return jax.vmap(partial(drift.initial, n))(jnp.asarray(pmfs))


def as_dit(table):
    outcomes = [index for index in np.ndindex(table.shape) if table[index] > 0]
    return dit.Distribution(outcomes, [table[index] for index in outcomes])


def dit_information(table, x, y, given=()):
    """I(X;Y|Z) in nats by dit; X, Y and Z are axes of the table."""
    return dit.multivariate.coinformation(as_dit(table), [x, y], given) * np.log(2)


def every_path(n, k=2):
    return list(itertools.product(range(k), repeat=n))


def statistic(path, accepted=None):
    accepted = [1] * len(path) if accepted is None else accepted
    counts = np.zeros(6, int)
    counts[path[0]] += accepted[0]
    for (a, b), keep in zip(itertools.pairwise(path), accepted[1:], strict=True):
        counts[2 + 2 * a + b] += keep
    return tuple(counts.tolist())


def table_log_likelihood(data, models):
    """Ln p(d|z) of symbols, a model being its own row of probabilities."""
    return jnp.log(models)[:, data].T


def verdicts(size, tpr, fpr):
    """Query q asks whether x = q: p(1|x = q) = tpr, p(1|x ≠ q) = fpr."""
    yes = np.where(np.eye(size, dtype=bool), tpr, fpr)
    return np.stack([1 - yes, yes], -1)
