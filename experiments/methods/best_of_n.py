"""Best of n without training: its divergence from the reference, and what a noisy score costs."""

from functools import cache
from typing import Any

import jax
import numpy as np
import scipy.stats
from scipy.special import log_ndtr, rel_entr

import theory
from experiments.harness.study import generator, study

SIZES = (4, 16, 64)
NOISE = 1.0  # variance of the score's error, where that of the true value is 1
ACCURACY = 0.25  # of the outputs that a verdict judges
CHUNK = 20_000

# The errors of a score: Student's t by its degrees of freedom, or of density ∝ exp(−|x|^β), with β = 2 the Gaussian
HEAVY = ("t(3)", "t(10)", "β = 1", "β = 1.9")
LIGHT = ("β = 2.1", "β = 4", "β = 10")
GAUSSIAN = "β = 2"
TRUE_VALUES = np.linspace(-8.5, 8.5, 341)
SCORES = np.linspace(-10, 10, 801)  # as asinh(score/2): up to 22,000 standard deviations


@study("methods/best-of-n", num_chunks=10, full={"num_chunks": 50})
def selected(key: jax.Array, *, num_chunks: int) -> np.ndarray:
    """The rank, the true value and the score of the best of n by the score [draw, n, 3], for each n of SIZES.

    The rank is that of the score under the reference, in (0, 1), as its logarithm; true values and errors are Gaussian.
    """
    rng = generator(key)
    return np.concatenate([_chunk(rng) for _ in range(num_chunks)])


def _chunk(rng: np.random.Generator) -> np.ndarray:
    shape = (CHUNK, SIZES[-1])
    true = rng.standard_normal(shape)
    score = true + NOISE**0.5 * rng.standard_normal(shape)
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


def true_share(errors: str, n: int) -> float:
    """E[true value]/E[score] of the best of n by score = value + error, value ~ N(0,1), the error's variance NOISE.

    With f and F the density and distribution of a score s, and m(s) the density times the mean true value there, the
    best has the density n f F^{n−1}. By the trapezoidal rule; m and f are integrals over true values.
    """
    density, mean, beyond, step = _scores(errors)
    best = step * np.exp((n - 1) * np.log1p(-beyond))
    return float((best * mean).sum() / (best * density * 2 * np.sinh(SCORES)).sum())


@cache
def _scores(errors: str) -> tuple[np.ndarray, ...]:
    """f(s), m(s), 1 − F(s) and ds at the scores s."""
    kind, number = errors.removeprefix("β = "), float(errors.strip("βt()= "))
    of: Any = scipy.stats.gennorm(number) if kind != errors else scipy.stats.t(number)
    scale = of.std() / NOISE**0.5
    weights = scipy.stats.norm.pdf(TRUE_VALUES) * (TRUE_VALUES[1] - TRUE_VALUES[0])
    x = scale * (2 * np.sinh(SCORES)[:, None] - TRUE_VALUES)  # the error at each score and true value
    density = scale * of.pdf(x)
    beyond = np.clip(of.sf(x) @ weights, 0, 1 - 1e-16)
    return density @ weights, density @ (weights * TRUE_VALUES), beyond, 2 * np.cosh(SCORES) * (SCORES[1] - SCORES[0])
