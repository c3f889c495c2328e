"""How good a verifier must be: the largest ψ/φ with which a loop ends as wanted, by a root of the exact `fixation`.

ψ/φ = 1/LR, of the likelihood ratio LR = tpr/fpr. Until n are accepted only the ratio matters; filtering is computed at
φ = 1. `n` counts the samples accepted in each generation (filtering: proposals), at least 1.

References:
    Cover & Thomas (2006), Elements of Information Theory, section 11.9: Chernoff information.
    Kimura (1962), On the probability of fixation of mutant genes in a population. Genetics 47.
"""

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float
from scipy.optimize import root_scalar
from scipy.optimize.elementwise import find_root
from scipy.special import entr, xlog1py

from theory import validation
from theory.budget.exponents import exponent
from theory.budget.outcomes import ends, multinomial, whole_counts
from theory.validation import ArrayLike

LEAST, MOST_RATIO = 1e-9, 100.0  # ln and value of likelihood ratios between which the limit lies: 1/5 + 1e-16 has 40
UNDERFLOW = 1e-290  # a missing information of which a ratio still has digits


def break_even(n: ArrayLike, initial: ArrayLike, *, until_kept: bool = True) -> Float[Array, "*shape"]:
    """ψ/φ such that I(X;Z_∞) = I(X;Z_0): the verifier at which a loop ends with what it began with.

    X says which of two symbols is correct, both equally likely; Z_0 is fitted to n real samples in which the correct
    one has the share p, so that I_0 = I(X; Binomial(n, ·)), and I_∞ = ln 2 − h(u), u the exact `success`. A larger ψ/φ
    loses information although the loop is open; a smaller one gains. `initial` is p, in (0, 1), and broadcasts with n.

    Raises:
        ValueError: Where even a perfect verifier ends below I_0.
    """
    share = validation.rates("initial", initial)
    p, sizes = validation.broadcast("n, initial", share, whole_counts("n", n))
    if (outside := p[(p <= 0) | (p >= 1)]).size:
        accepted = "shares inside (0, 1): otherwise nothing is missing at the start"
        raise validation.refuse("initial", outside[0], accepted)
    missing_at_first = np.reshape(
        [_missing(int(m), float(q)) for m, q in zip(sizes.flat, p.flat, strict=True)], p.shape
    )
    if (lost := missing_at_first < UNDERFLOW).any():
        accepted = "so few samples that 1e-290 nats are missing at the start; `break_even_limit` for more"
        raise validation.refuse("n", sizes[lost].max(), accepted)

    def missing(ratio, sizes, p, at_first):  # positive where the loop ends with less than it began with
        wrong = ends(sizes, 1.0, ratio, p, sizes, until_kept=until_kept)[..., 1]
        with np.errstate(divide="ignore"):
            return np.log(entr(wrong) - xlog1py(1 - wrong, -wrong)) - np.log(at_first)

    ratio, at_best = _largest_ratio(missing, sizes, p, missing_at_first)
    if (at_best > _tolerance(share.dtype)).any():
        accepted = "a start from which a perfect verifier gains: fewer real samples, or a larger share"
        raise validation.refuse("initial", p.ravel()[at_best.argmax()], accepted)
    return validation.array(ratio, share.dtype)


def break_even_limit(initial: ArrayLike) -> Float[Array, "*shape"]:
    """ψ/φ at which V₀(p) = −½ ln 4p(1−p): what `break_even` tends to as n → ∞, until n are accepted.

    Both missing informations fall exponentially in n: ln 2 − I_0 like (4p(1−p))^{n/2}, Chernoff's bound, ln 2 − I_∞
    like e^{−nV₀}, V₀ = `wrong_exponent` of a model fitted to n samples, p = `initial`. It takes p > 1/5: below, even a
    perfect verifier, V₀ = −ln(1−p), ends with less than it began with. 1 at p = ½. Under a JAX transformation, where
    values cannot be refused, the limit is 0 where there is none.

    Raises:
        ValueError: p ≤ 1/5, or p = 1, where nothing is missing at the start.
    """
    p = validation.rates("initial", initial)
    if validation.has_values(p):
        limits = _limits(np.asarray(p))
        if (none := limits == 0).any():
            accepted = "shares in (1/5, 1): below, no verifier is good enough for large n, and at 1 nothing is missing"
            raise validation.refuse("initial", float(np.asarray(p)[none].ravel()[0]), accepted)
        return validation.array(limits, p.dtype)
    return jax.pure_callback(_limits, jax.ShapeDtypeStruct(p.shape, p.dtype), p, vmap_method="expand_dims")


def _limits(shares: Any) -> np.ndarray:
    shares = np.asarray(shares)
    return np.reshape([_limit(float(p)) for p in shares.flat], shares.shape).astype(shares.dtype)


def _limit(p: float) -> float:
    """e^{−s}, s the root of the exponents' difference; 0 where there is none."""
    if not 0.2 < p < 1:
        return 0.0
    at_first = -math.log(4 * p * (1 - p)) / 2

    def missing(selection: float) -> float:
        return exponent(selection, math.log(p / (1 - p)) - selection) - at_first

    if missing(LEAST) >= 0:  # p is ½, to rounding
        return 1.0
    if missing(math.log(MOST_RATIO)) <= 0:  # p is 1/5, to rounding
        return 0.0
    return math.exp(-root_scalar(missing, bracket=(LEAST, math.log(MOST_RATIO)), xtol=1e-14).root)


def accuracy(
    n: ArrayLike, initial: ArrayLike, goal: ArrayLike, *, num_real: ArrayLike | None = None, until_kept: bool = True
) -> Float[Array, "*shape"]:
    """The largest ψ/φ with which the loop ends at the correct symbol with probability `goal`: a root of `success`.

    Args:
        n: Samples accepted in each generation (filtering: proposals), at least 1.
        initial: The share of correct outputs at the start.
        goal: The wanted probability; all broadcast.
        num_real: Real samples that Z_0 is fitted to; None: Z_0 has the share `initial` itself.
        until_kept: The protocol.

    Returns:
        ψ/φ; 1 where any verifier will do.

    Raises:
        ValueError: Where even a perfect verifier does not reach `goal`: too few candidates.
    """
    p, wanted = validation.one_dtype(validation.rates("initial", initial), validation.rates("goal", goal))
    real = None if num_real is None else whole_counts("num_real", num_real)

    def missing(ratio, sizes, p, wanted, *real):
        return wanted - ends(sizes, 1.0, ratio, p, real[0] if real else None, until_kept=until_kept)[..., 0]

    given = validation.broadcast(
        "n, initial, goal, num_real", whole_counts("n", n), p, wanted, *([] if real is None else [real])
    )
    ratio, at_best = _largest_ratio(missing, *given)
    if (at_best > _tolerance(p.dtype)).any():
        worst, goals = at_best.argmax(), given[2]
        most = float((goals - at_best).ravel()[worst])
        accepted = f"at most {most:.6g}, as a perfect verifier reaches, or a larger n"
        raise validation.refuse("goal", goals.ravel()[worst], accepted)
    return validation.array(ratio, p.dtype)


def _tolerance(dtype: np.dtype) -> float:
    """By how much rounding may miss what a perfect verifier reaches."""
    return max(1e-12, 4 * float(jnp.finfo(dtype).eps))


def _missing(n: int, p: float) -> float:
    """H(X|Z_0), of which ln 2 − I_0 would leave no digits once n is large."""
    own, other = multinomial(n, np.array([p, 1 - p]), np.array([1 - p, p]))
    some = own > 0
    odds = np.log(np.maximum(other, 1e-320)[some]) - np.log(own[some])
    return float((own[some] * np.where(odds < 700, np.log1p(np.exp(np.minimum(odds, 700))), odds)).sum())


def _largest_ratio(missing: Callable[..., np.ndarray], *given: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The largest ratio in [0, 1] at which nothing is missing, which rises with the ratio; and what is at 0."""
    zero, one = np.zeros(given[0].shape), np.ones(given[0].shape)
    at_best, at_worst = (np.asarray(missing(ratio, *given)) for ratio in (zero, one))
    inside = (at_best < 0) & (at_worst > 0)
    ratio = np.where(at_worst <= 0, one, zero)
    with np.errstate(invalid="ignore"):  # ln 0 at an end
        found = find_root(missing, (zero[inside], one[inside]), args=tuple(x[inside] for x in given))
    ratio[inside] = found.x
    return ratio, at_best
