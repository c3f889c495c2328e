"""The best of n draws (best-of-n sampling), n from 1 to 2^53: its distribution, its divergence, a noisy score's cost.

References:
    Beirami et al. (2024), Theoretical guarantees on the best-of-n alignment policy, arXiv:2401.01879.
    David & Nagaraja (2003), Order Statistics, section 3.1.
    Trefethen & Weideman (2014), The exponentially convergent trapezoidal rule. SIAM Review 56.
    Manheim & Garrabrant (2018), Categorizing variants of Goodhart's law, arXiv:1803.04585.
    Gao, Schulman & Hilton (2023), Scaling laws for reward model overoptimization, arXiv:2210.10760.
"""

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
    """The distribution P [y] of the best of n draws from `pmf` p [y] by a `score` [y], drawing at random among equals.

    P(y) = (p_y/g) [F^n − (F−g)^n], with g the mass of the outputs of y's score and F that of those no better than y.
    Equals keep their relative probabilities; large n and small masses lose no digits.
    """
    p, s = validation.pmf("pmf", pmf, 1), validation.finite("score", score, 1)
    validation.same_size("score", s.size, "pmf", p.size)
    draws, known = float(validation.integer("n", n, 1)), validation.has_values(s)
    rank = np.unique(np.asarray(score), return_inverse=True)[1] if known else jnp.searchsorted(jnp.sort(s), s)
    xp, p, rank = validation.host(p, rank)
    level = (np.bincount(rank, p, p.size) if xp is np else jnp.bincount(rank, p, length=p.size)).astype(p.dtype)
    nothing = xp.zeros_like(level[:1])
    below = xp.concatenate([nothing, xp.cumsum(level[:-1])])
    above = xp.concatenate([nothing, xp.cumsum(level[:0:-1])])[::-1]
    level, below, above = level[rank], below[rank], above[rank]
    # ln F = −ln(1 + above/F) and ln((F−g)/F) = −ln(1 + g/below): ratios of sums that are exact, where 1 − F is not
    some = level > 0
    within = xp.where(some, below + level, 1)
    log_f = -xp.log1p(above / within)
    log_worse = xp.where(below > 0, -xp.log1p(level / xp.where(below > 0, below, 1)), -jnp.inf)
    return validation.array(p / xp.where(some, level, 1) * xp.exp(draws * log_f) * -xp.expm1(draws * log_worse))


def best_of_kl(n: int) -> Float[Array, ""]:
    """KL(best of n ‖ reference) for scores without ties, in nats; an upper bound for every distribution.

    ln n − (n−1)/n. With ties broken by a uniform number the rank U of the best has density n u^{n−1}, whose divergence
    this is; the output is a function of U and noise, and processing only loses divergence.
    """
    draws = float(validation.integer("n", n, 1))
    return validation.array(math.log(draws) - (draws - 1) / draws, jnp.result_type(float))


def expected_maximum(n: int) -> Float[Array, ""]:
    """The expected maximum of n independent standard normals.

    n ∫ x φ(x) Φ(x)^{n−1} dx, by the trapezoidal rule, which is exact to rounding for an analytic integrand that is 0 at
    both ends.
    """
    draws = float(validation.integer("n", n, 1))
    end = math.sqrt(2 * (math.log(draws) + 40))  # where n φ is e^{−40}
    x, step = np.linspace(-9, end, NODES, retstep=True)
    density = draws / math.sqrt(2 * math.pi) * np.exp(-(x**2) / 2 + (draws - 1) * log_ndtr(x))
    return validation.array((x * density).sum() * step, jnp.result_type(float))


class Goodhart(NamedTuple):
    """Expected values of what is selected, in standard deviations of the true value."""

    true: Float[Array, "*shape"]
    proxy: Float[Array, "*shape"]


def regressional_goodhart(n: int, noise: ArrayLike) -> Goodhart:
    """The expected worth of the best of n by a noisy proxy = true + error, true ~ N(0,1), error ~ N(0, v) independent.

    E[proxy] = m √(1+v), E[true] = E[proxy]/(1+v) = m/√(1+v), with m = `expected_maximum(n)` and `noise` v >= 0 of any
    shape.
    """
    v = validation.finite("noise", noise)
    xp, v = validation.host(v)
    if validation.has_values(v) and (v < 0).any():
        raise validation.refuse("noise", v.min(), "numbers >= 0")
    deviation, maximum = xp.sqrt(1 + v), float(expected_maximum(n))  # of the proxy
    return Goodhart(validation.array(maximum / deviation), validation.array(maximum * deviation))
