"""Best of n without training: its divergence from the reference, and what a noisy score costs."""

from typing import Any

import jax
import numpy as np
from scipy.special import log_ndtr, rel_entr

import theory
from experiments.harness.study import generator, study

SIZES = (4, 16, 64)
NOISE = 1.0  # variance of the score's error, where that of the true value is 1
ACCURACY = 0.25  # of the outputs that a verdict judges
CHUNK = 20_000
DEGREES = 3  # of freedom of the heavy-tailed errors


@study("methods/best-of-n", num_chunks=10, full={"num_chunks": 50})
def selected(key: jax.Array, errors: str = "Gaussian", *, num_chunks: int) -> np.ndarray:
    """The rank, the true value and the score of the best of n by the score [draw, n, 3], for each n of SIZES.

    The rank is that of the score under the reference, in (0, 1), as its logarithm; errors are "Gaussian", or
    "heavy-tailed": Student's t with 3 degrees of freedom, of the same variance.
    """
    rng = generator(key)
    return np.concatenate([_chunk(rng, errors == "heavy-tailed") for _ in range(num_chunks)])


def _chunk(rng: np.random.Generator, heavy: bool) -> np.ndarray:
    shape = (CHUNK, SIZES[-1])
    true = rng.standard_normal(shape)
    error = rng.standard_t(DEGREES, shape) / (DEGREES / (DEGREES - 2)) ** 0.5 if heavy else rng.standard_normal(shape)
    score = true + NOISE**0.5 * error
    best = np.stack([score[:, :n].argmax(1) for n in SIZES], axis=1)
    value, proxy = (np.take_along_axis(x, best, axis=1) for x in (true, score))
    return np.stack([log_ndtr(proxy / (1 + NOISE) ** 0.5), value, proxy], axis=2)


def rank_kl(settings: Any) -> theory.Estimate:
    """KL(best of n ‖ reference) for scores without ties [n], in nats: the mean of ln n u^{n−1}, u the rank of the best.

    The rank of a draw is uniform under the reference, and its density among the best is n u^{n−1}.
    """
    sizes = np.array(SIZES)
    return theory.estimate(np.log(sizes) + (sizes - 1) * selected(settings)[:, :, 0])


def verdict_kl(sizes: Any, accuracy: float = ACCURACY) -> np.ndarray:
    """KL(best of n by a verdict ‖ reference) [n], exactly, in nats: two scores alone, hence ties."""
    passed = 1 - (1 - accuracy) ** np.asarray(sizes, float)  # pass@n
    return rel_entr(passed, accuracy) + rel_entr(1 - passed, 1 - accuracy)
