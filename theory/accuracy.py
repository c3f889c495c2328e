"""How good a verifier must be: the largest ψ/φ with which a loop ends as wanted, by bisection on the exact `fixation`.

The public names stand in `theory.budget`.
"""

from collections.abc import Callable

import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

from theory import validation
from theory.measures import binary_entropy
from theory.outcomes import fixation, starting_law, whole_counts
from theory.validation import ArrayLike

BISECTIONS = 60
TOLERANCE = 1e-12  # by which rounding may miss what a perfect verifier reaches


def break_even(n: ArrayLike, initial: ArrayLike, *, until_kept: bool = True) -> Float[Array, "*shape"]:
    """The verifier at which a loop ends with what it began with: ψ/φ such that I(X;Z_∞) = I(X;Z_0).

    X says which of two symbols is right, both equally likely; Z_0 is fitted to n real samples in which the right one
    has the share p, so that I_0 = I(X; Binomial(n, ·)), and I_∞ = ln 2 − h(u), u the exact `success`. A larger ψ/φ
    loses information although the loop is open; a smaller one gains. By bisection.

    Args:
        n: Samples kept in each generation (filtering: proposals) and real samples of Z_0, at least 1.
        initial: p, the share of the right symbol in real data.
        until_kept: The protocol; filtering is computed at φ = 1.

    Returns:
        ψ/φ, of the broadcast shape.

    Raises:
        ValueError: Where `n` < 1, `initial` is not inside (0, 1), or even a perfect verifier ends below I_0.
    """
    p, kept = jnp.broadcast_arrays(validation.rates("initial", initial), whole_counts("n", n))
    if validation.has_values(p) and (ends := p[(p <= 0) | (p >= 1)]).size:
        raise validation.refuse("initial", ends[0], "shares inside (0, 1): otherwise nothing is missing at the start")
    own, other = (starting_law(np.asarray(kept).ravel(), share.ravel())[1] for share in (p, 1 - p))
    # H(X|Z_0), of which ln 2 − I_0 would leave no digits once n is large
    missing_at_first = (own * _log1p_ratio(other, own)).sum(1).reshape(p.shape)

    def missing(ratio):  # positive where the loop ends with less than it began with
        end = fixation(kept, (jnp.ones_like(ratio), ratio), p, num_real=kept, until_kept=until_kept)
        return jnp.log(binary_entropy(end.wrong)) - jnp.log(missing_at_first)

    at_best = missing(jnp.zeros_like(p))
    if (at_best > TOLERANCE).any():
        accepted = "a start from which a perfect verifier gains: fewer real samples, or a larger share"
        raise validation.refuse("initial", p.ravel()[at_best.argmax()], accepted)
    return _largest_ratio(missing, p)


def break_even_limit(initial: ArrayLike) -> Float[Array, "*shape"]:
    """Where the break-even accuracy tends to as n grows, in the diffusion approximation (asymptotic, not exact).

    Both missing informations fall exponentially in n: ln 2 − I_0 like (2√(p(1−p)))^n, Chernoff's bound, and
    ln 2 − I_∞ like (1−p+p e^{−2s})^n, Kimura's; equal rates give (ψ/φ)² = e^{−2s} = (2√(p(1−p)) − (1−p))/p.

    Args:
        initial: p, in (1/5, 1), the share of the right symbol in real data.

    Returns:
        ψ/φ; where p = 1/2 it is 1, and 0 where p ≤ 1/5: no verifier is good enough in the limit.

    Raises:
        ValueError: Where `initial` is no rate.

    References:
        Cover & Thomas (2006), Elements of Information Theory, section 11.9: Chernoff information.
        Kimura (1962), On the probability of fixation of mutant genes in a population. Genetics 47.
    """
    p = validation.rates("initial", initial)
    square = (2 * jnp.sqrt(p * (1 - p)) - (1 - p)) / jnp.where(p > 0, p, 1)
    return jnp.sqrt(jnp.clip(square, 0, 1))


def accuracy(
    n: ArrayLike, initial: ArrayLike, goal: ArrayLike, *, num_real: ArrayLike | None = None, until_kept: bool = True
) -> Float[Array, "*shape"]:
    """How good a verifier must be: the largest ψ/φ with which the loop ends right with probability `goal`.

    Until-kept only ψ/φ matters; filtering is computed at φ = 1. By bisection on the exact `success`.

    Args:
        n: Samples kept in each generation (filtering: proposals), at least 1.
        initial: The share of right outputs at the start.
        goal: The wanted probability.
        num_real: Real samples that Z_0 is fitted to; None: Z_0 has the share `initial` itself.
        until_kept: The protocol.

    Returns:
        ψ/φ, of the broadcast shape; above 1 nothing need be asked of a verifier, and 1 is returned.

    Raises:
        ValueError: As `fixation`, or where even a perfect verifier does not reach `goal`: too few candidates.
    """
    p, wanted = validation.one_dtype(validation.rates("initial", initial), validation.rates("goal", goal))
    real = () if num_real is None else (whole_counts("num_real", num_real),)
    p, wanted, kept, *real = jnp.broadcast_arrays(p, wanted, whole_counts("n", n), *real)

    def missing(ratio):
        verifier = jnp.ones_like(ratio), ratio
        end = fixation(kept, verifier, p, num_real=real[0] if real else None, until_kept=until_kept)
        return wanted - end.right

    at_best = missing(jnp.zeros_like(p))
    if (at_best > TOLERANCE).any():
        worst = at_best.argmax()
        most = float((wanted - at_best).ravel()[worst])
        accepted = f"at most {most:.6g}, as a perfect verifier reaches, or a larger n"
        raise validation.refuse("goal", wanted.ravel()[worst], accepted)
    return _largest_ratio(missing, p)


def _largest_ratio(missing: Callable[[Array], Array], like: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """The largest ratio in [0, 1] at which nothing is missing; `missing` rises with the ratio."""
    low, high = jnp.zeros_like(like), jnp.ones_like(like)
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        enough = missing(middle) <= 0
        low, high = jnp.where(enough, middle, low), jnp.where(enough, high, middle)
    return low


def _log1p_ratio(a: Float[Array, "*shape"], b: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """ln(1 + a/b), 0 where b = 0."""
    return jnp.where(b > 0, jnp.log1p(a / jnp.where(b > 0, b, 1)), 0)
