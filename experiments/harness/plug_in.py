"""Information from counts alone, where no distribution is known."""

import numpy as np
from scipy.special import xlogy


def information(counts: np.ndarray) -> np.ndarray:
    """Jackknife pseudo-values [batch] of the plug-in I(X;Z), from counts [batch, x, z] of independent batches, in nats.

    B Î(all) − (B−1) Î(all but batch b): their mean has no bias of order 1/N left (Quenouille 1949, Miller 1974), and
    their spread is the standard error.
    """
    counts = np.asarray(counts, float)
    total, num = counts.sum(0), len(counts)
    return num * plain(total[None]) - (num - 1) * plain(total - counts)


def tabled(batch: np.ndarray, *columns: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Counts [batch, …] of replicas by their batch and their values in each column."""
    counts = np.zeros((batch.max() + 1, *shape))
    np.add.at(counts, (batch, *columns), 1)
    return counts


def plain(counts: np.ndarray) -> np.ndarray:
    """I(X;Z) of tables [table, x, z] of counts or probabilities, in nats: of a sample too large by (x−1)(z−1)/2N."""
    p = counts / counts.sum((1, 2), keepdims=True)
    marginals = xlogy(p.sum(1), p.sum(1)).sum(1) + xlogy(p.sum(2), p.sum(2)).sum(1)
    return xlogy(p, p).sum((1, 2)) - marginals
