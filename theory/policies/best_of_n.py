"""The best of n draws: its exact law, its distance from the reference, and what selecting by a noisy score costs."""

import math
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float
from scipy.special import log_ndtr

from theory import validation
from theory.validation import ArrayLike

NODES = 4001  # of the quadrature: its error is below 1e-14 for every n that is accepted


def best_of(pmf: ArrayLike, score: ArrayLike, n: int) -> Float[Array, " y"]:
    """The law of the best of n draws; among equals one is taken at random, so they keep their relative law.

    P(y) = (p_y/g) [F^n − (F−g)^n], with g the mass of the outputs of y's score and F that of those no better than y.

    Args:
        pmf: The reference p [y].
        score: What is maximised [y].
        n: Draws, from 1 to 2^53.

    Returns:
        Probabilities [y]; large n and small masses lose no digits.

    Raises:
        ValueError: Where `pmf` is no probability table, `score` not finite or of another length, or `n` out of range.

    References:
        Beirami et al. (2024), Theoretical guarantees on the best-of-n alignment policy, arXiv:2401.01879.
    """
    p, s = validation.one_dtype(validation.pmf("pmf", pmf, 1), validation.finite("score", score, 1))
    validation.same_size("score", s.size, "pmf", p.size)
    xp, p, s = validation.host(p, s)
    draws, own, other = _draws(n), s[:, None], s[None, :]
    below, level, above = (xp.where(which, p[None, :], 0).sum(1) for which in (other < own, other == own, other > own))
    # ln F = −ln(1 + above/F) and ln((F−g)/F) = −ln(1 + g/below): ratios of sums that are exact, where 1 − F is not
    some = level > 0
    within = xp.where(some, below + level, 1)
    log_f = -xp.log1p(above / within)
    log_worse = xp.where(below > 0, -xp.log1p(level / xp.where(below > 0, below, 1)), -jnp.inf)
    return validation.array(p / xp.where(some, level, 1) * xp.exp(draws * log_f) * -xp.expm1(draws * log_worse))


def best_of_kl(n: int) -> Float[Array, ""]:
    """KL(best of n ‖ reference) for scores without ties, in nats; an upper bound for every law.

    ln n − (n−1)/n. With ties broken by a uniform number the rank U of the best has density n u^{n−1}, whose divergence
    this is; the output is a function of U and noise, and processing only loses divergence.

    Args:
        n: Draws, from 1 to 2^53.

    Returns:
        The divergence.

    Raises:
        ValueError: Where `n` is out of range.

    References:
        Beirami et al. (2024), Theoretical guarantees on the best-of-n alignment policy, arXiv:2401.01879.
    """
    draws = _draws(n)
    return validation.array(math.log(draws) - (draws - 1) / draws, jnp.result_type(float))


def expected_maximum(n: int) -> Float[Array, ""]:
    """The expected maximum of n independent standard normals.

    n ∫ x φ(x) Φ(x)^{n−1} dx, by the trapezoidal rule, which is exact to rounding for an analytic integrand that is 0 at
    both ends.

    Args:
        n: Draws, from 1 to 2^53.

    Returns:
        The expectation.

    Raises:
        ValueError: Where `n` is out of range.

    References:
        David & Nagaraja (2003), Order Statistics, section 3.1.
        Trefethen & Weideman (2014), The exponentially convergent trapezoidal rule. SIAM Review 56.
    """
    draws = _draws(n)
    end = math.sqrt(2 * (math.log(draws) + 40))  # where n φ is e^{−40}
    x, step = np.linspace(-9, end, NODES, retstep=True)
    density = draws / math.sqrt(2 * math.pi) * np.exp(-(x**2) / 2 + (draws - 1) * log_ndtr(x))
    return validation.array((x * density).sum() * step, jnp.result_type(float))


class Goodhart(NamedTuple):
    """Expected values of what is selected, in standard deviations of the true value."""

    true: Float[Array, "*shape"]
    proxy: Float[Array, "*shape"]


def regressional_goodhart(n: int, noise: ArrayLike) -> Goodhart:
    """What the best of n by a noisy proxy is worth: proxy = true + error, true ~ N(0,1), error ~ N(0, v) independent.

    E[proxy] = m √(1+v), E[true] = E[proxy]/(1+v) = m/√(1+v), with m = `expected_maximum(n)`.

    Args:
        n: Draws, from 1 to 2^53.
        noise: v >= 0, the variance of the error; any shape.

    Returns:
        The expected true value and the expected proxy of the selected draw.

    Raises:
        ValueError: Where `n` is out of range, or `noise` negative or not finite.

    References:
        Manheim & Garrabrant (2018), Categorizing variants of Goodhart's law, arXiv:1803.04585.
        Gao, Schulman & Hilton (2023), Scaling laws for reward model overoptimization, arXiv:2210.10760.
    """
    v = validation.finite("noise", noise)
    xp, v = validation.host(v)
    if validation.has_values(v) and (v < 0).any():
        raise validation.refuse("noise", v.min(), "numbers >= 0")
    spread, maximum = xp.sqrt(1 + v), float(expected_maximum(n))
    return Goodhart(validation.array(maximum / spread), validation.array(maximum * spread))


def _draws(n: int) -> float:
    """n as a float that holds it exactly."""
    if validation.integer("n", n, 1) > 2**53:
        raise validation.refuse("n", n, "an integer <= 2^53")
    return float(n)
