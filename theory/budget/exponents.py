"""How fast the probability that a loop ends wrong falls with the samples of a round: a large-deviation exponent.

References:
    Freidlin & Wentzell (2012), Random Perturbations of Dynamical Systems, chapter 4: the quasi-potential.
    Kimura (1962), On the probability of fixation of mutant genes in a population. Genetics 47: weak selection.
    Athreya & Ney (1972), Branching Processes, section I.5: extinction, the limit of a rare start.
"""

import math

import numpy as np
from jax import Array
from jaxtyping import Float
from scipy.optimize import root_scalar
from scipy.special import expit, logit

from theory import validation
from theory.budget.outcomes import Verifier, checked_verifier
from theory.validation import ArrayLike

WEAK = 0.02  # s, up to which the series is off by less than 1e-8
RARE = 1e-6  # accuracy, times the slope there, at which V is its tangent
JUMP = 40.0  # e^−40 is nothing: with such a slope at 0 all correct outputs are lost in one round, or none
SPACING = 0.01  # of the starts of the paths, in log odds; their cubic interpolation is off by 1e-10


def wrong_exponent(verifier: Verifier, initial: ArrayLike, *, fitted: bool = False) -> Float[Array, "*shape"]:
    """V(z) = min_y [KL(y‖f(z)) + V(y)], V(0) = 0, f(z) = zφ/(zφ+(1−z)ψ): P(ends wrong) = e^{−nV(z)+o(n)}.

    In nats per sample, as n → ∞ at a fixed verifier; rejection sampling until n are accepted, independent errors, one
    verifier for all wrong outputs. From a rare start, z ≤ .1, P(ends wrong) is e^{−nV(z)} to 5 % for any n (row
    R8-boundary), so that n = ln(1/δ)/V(z) samples leave δ wrong. For all n and z it is (ψ/φ)^{nz} at most: with Z' the
    next accuracy E (ψ/φ)^{nZ'} = (1 + (φ/ψ−1) z)^{−n} ≤ (ψ/φ)^{nz}, since (φ/ψ)^z is convex. For weak selection,
    s = ln(φ/ψ),

        V(z) = 2sz + s²z(1−z)/3 + s³[z/9 − 7z²(3−2z)/54] + O(s⁴),

    whose first term is Kimura's; for a rare start V ≈ cz, c = (φ/ψ)(1−e^{−c}), the branching process. 0 where φ ≤ ψ or
    z = 0, infinite where ψ = 0 < φ, or z = 1. `verifier` is (tpr, fpr) and broadcasts with `initial`, z.

    Args:
        verifier: (tpr, fpr), not both 0.
        initial: The accuracy of Z_0.
        fitted: Z_0 is fitted to n samples of accuracy `initial`, which adds a round without a verifier.
    """
    if not isinstance(fitted, bool | np.bool):
        raise validation.refuse("fitted", repr(fitted), "True or False")
    phi, psi, start = validation.one_dtype(*checked_verifier(verifier), validation.rates("initial", initial))
    rates = np.asarray(phi, float), np.asarray(psi, float)
    if (np.maximum(*rates) <= 0).any():
        raise validation.refuse("verifier", (0.0, 0.0), "one that accepts something")
    with np.errstate(divide="ignore"):
        selection, share = validation.broadcast(
            "verifier, initial", np.log(rates[0]) - np.log(rates[1]), np.asarray(start, float)
        )
    found = np.reshape([_exponent(*each, fitted) for each in zip(selection.flat, share.flat, strict=True)], share.shape)
    return validation.array(found, start.dtype)


def _exponent(selection: float, share: float, fitted: bool) -> float:
    if selection <= 0 or share <= 0:
        return 0.0
    if share >= 1:
        return math.inf
    if math.isinf(selection):
        return -math.log1p(-share) if fitted else math.inf
    return exponent(selection, float(logit(share)) - (selection if fitted else 0.0))


def exponent(selection: float, log_odds: float) -> float:
    """V at z = σ(`log_odds`), for 0 < s = `selection` < ∞.

    Along an optimal path, λ = V' obeys logit y = logit f(z) − λ(y) and λ(z) = (f(z)−y)/(z(1−z)), which gives z and λ(z)
    from y and λ(y): paths are followed backwards, from where V is known, and the cheapest that meets z is V(z).
    """
    if selection <= WEAK:
        z = float(expit(log_odds))
        cubic = z / 9 - 7 * z * z * (3 - 2 * z) / 54
        return 2 * selection * z + selection**2 * z * (1 - z) / 3 + selection**3 * cubic
    place, slope, value = _known(selection)
    if log_odds <= place.min():
        return float(slope[0] * expit(log_odds))
    least = float(np.logaddexp(0, log_odds + selection))  # all correct outputs are lost in one round
    while (alive := np.isfinite(place)).any() and place[alive].min() <= log_odds:
        least = min(least, _meeting(place, slope, value, log_odds))
        before, (place, slope, value) = place, _backwards(place, slope, value, selection)
        place = np.where(place > before, place, np.inf)  # a path that turns is no optimal one
    return least


def _known(selection: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Log odds, V' and V where V is known: at a rare start it is linear, or all is lost in one round."""
    ratio = math.exp(min(selection, 700.0))
    slope = ratio
    if selection < math.log(JUMP):
        slope = root_scalar(lambda c: c + ratio * math.expm1(-c), bracket=(selection, ratio), xtol=1e-15).root
    if slope < JUMP - 1:
        end, length = math.log(RARE / max(slope, 1)), slope - selection
        place = np.linspace(end - length, end, 8 + math.ceil(length / SPACING))
        return place, np.full_like(place, slope), slope * expit(place)
    place = np.arange(-selection - JUMP, JUMP, SPACING)
    fall = np.logaddexp(0, -place) - np.logaddexp(0, -place - selection) + np.logaddexp(0, place)
    return place, np.exp(np.minimum(fall, 700.0)), np.logaddexp(0, place + selection)


def _backwards(place: np.ndarray, slope: np.ndarray, value: np.ndarray, selection: float):
    """The state z one round before y = σ(`place`): its log odds, V'(z) and V(z) = KL(y‖f(z)) + V(y)."""
    with np.errstate(over="ignore", invalid="ignore"):
        earlier = np.minimum(place + slope - selection, 300.0)
        target = earlier + selection  # log odds of f(z)
        up, down = (np.logaddexp(0, sign * target) - np.logaddexp(0, sign * place) for sign in (1, -1))
        cost = expit(place) * down + expit(-place) * up
        rise = np.logaddexp(0, -earlier) - np.logaddexp(0, -target) + np.logaddexp(0, earlier) - np.logaddexp(0, place)
        steeper = np.exp(np.minimum(rise, 600.0)) * -np.expm1(-slope)
    return earlier, steeper, value + cost


def _meeting(place: np.ndarray, slope: np.ndarray, value: np.ndarray, log_odds: float) -> float:
    """The least value of the curve at `log_odds`, by cubic interpolation between neighbours."""
    left, right = place[:-1], place[1:]
    meets = (np.minimum(left, right) <= log_odds) & (log_odds <= np.maximum(left, right)) & (left != right)
    (at,) = np.nonzero(meets & np.isfinite(left) & np.isfinite(right))
    if not at.size:
        return math.inf
    width = right[at] - left[at]
    x = (log_odds - left[at]) / width
    rate = slope * expit(place) * expit(-place)  # dV/d log odds
    a, b, da, db = value[at], value[at + 1], rate[at] * width, rate[at + 1] * width
    met = a + x * (da + x * (3 * (b - a) - 2 * da - db + x * (2 * (a - b) + da + db)))
    return float(met.min())
