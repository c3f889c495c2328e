"""A verifier with a blind spot: wrong outputs that it accepts with a rate β of their own, at worst always.

Three kinds of outputs, correct (share p at the start, accepted with φ), other wrong ones (r, ψ) and the blind spot
(b, β); each generation refits to n accepted outputs. Here P = p + b and b' = b/(p+b).

The game: a designer who knows n picks (φ, ψ) with φ ≤ 1, nature b ≤ B and β ≤ 1; the payoff is P(ends correct).

- φ = β = 1. Of m accepted outputs of both kinds Binomial(m, q) are correct, q their share before: q is a martingale,
  which stops at 0 or 1, or when both kinds are lost. The lumped chain of m does not know q. Hence, exactly and for
  every n, P(ends correct) = p/P · (1 − w), w the probability that one kind with share P and likelihood ratio 1/ψ is
  lost: no term in 1/n, w = e^{−nV(P)+o(n)} by `wrong_exponent((1, ψ), P)`. The value is p/(p+b), at worst p/(p+B).
- φ < β. The odds of the blind spot against the correct ones rise by s = ln(β/φ) a round, until chance loses it:
  e^{−nE+o(n)} by `blind_exponent`, so that each fixed φ < 1 is worth 0 in the limit against β = 1.
- φ > β. The blind spot is one more wrong kind, and the value is 1. Near φ = β the accuracy passes from p/P to one of
  these within |ln(β/φ)| ~ 1/n, by `kimura(n, −ln(β/φ), p/P)` if the other wrong outputs are lost.

So the limit is worth p/(p+B), which no fixed φ < 1 attains, but a sequence with n(1−φ) → 0 and n(1−ψ) → ∞ does: on a
ROC curve that reaches φ = 1 at ψ = 1 alone, where nothing is selected, it is the best that there is (`best_threshold`).

References:
    Kimura (1962), On the probability of fixation of mutant genes in a population. Genetics 47.
    Ewens (2004), Mathematical Population Genetics, section 1.4: several kinds; Kemeny & Snell (1960): lumpability.
    Freidlin & Wentzell (2012), Random Perturbations of Dynamical Systems, chapter 4.
    Green & Swets (1966), Signal Detection Theory and Psychophysics: the binormal ROC curve.
    Dorner, Chen, Cruz & Yang (2026), ROC-n-reroll, arXiv:2507.12399: one round without a blind spot, where the slope
    of the ROC curve near the origin, its strictest threshold, decides.
"""

import math
from typing import Any, NamedTuple

import numpy as np
from jax import Array
from jaxtyping import Float
from scipy.optimize import minimize_scalar, root_scalar
from scipy.special import ndtr, ndtri

from theory import validation
from theory.budget.exponents import wrong_exponent
from theory.budget.kinds import ends
from theory.budget.outcomes import Verifier
from theory.budget.schedule import numbers
from theory.validation import ArrayLike

STRICTEST = 3.0  # −Φ⁻¹(ψ) at the ends of the search for a threshold
COARSE = np.linspace(-STRICTEST, STRICTEST, 13)


class Threshold(NamedTuple):
    """An operating point on a ROC curve."""

    tpr: float  # φ
    fpr: float  # ψ
    accuracy: float  # P(ends correct) there


def blind_exponent(verifier: Verifier, initial: ArrayLike, *, blind: ArrayLike = 1.0) -> float:
    """E = V(b') − 2s² b'(1−b') · r/(p+b) · ψ/(β−ψ) + O(s³), s = ln(β/φ): P(ends correct) = e^{−nE+o(n)} where φ < β.

    In nats per sample. V, `wrong_exponent` of the likelihood ratio β/φ, is 2sb' + s²b'(1−b')/3 + …: the correct ones
    must win by chance against a share b' that grows. While other wrong outputs are there, 1/x_t − 1 = (r/P) (ψ/β)^t
    of them for one of P, drift in b' is 1/x_t times as strong, and cheaper by the second term:
    V₂(x,q) = min_δ [δ²x'/(2q(1−q)) + 2sδ] + 2s²q(1−q) + V₂(x',q), summed over t ≥ 1. Accurate while s is small and that
    term small beside the first; 0 where φ ≥ β.

    Args:
        verifier: (tpr, fpr) = (φ, ψ), two numbers, φ > ψ.
        initial: The shares (p, r, b) of correct, other wrong, and blind-spot outputs at the start, p > 0.
        blind: β, the acceptance of the blind spot.

    Raises:
        ValueError: Where the second term is more than half of the first, since ψ is near β or r large beside p + b.
    """
    (tpr, fpr), (p, r, b) = numbers(verifier, 0.5)[:2], _shares(initial)
    accepts = float(validation.rates("blind", blind, 0))
    if tpr <= fpr:
        raise validation.refuse("verifier", (tpr, fpr), "tpr > fpr")
    if accepts <= tpr:
        return 0.0
    share, s = b / (p + b), math.log(accepts / tpr)
    noise = 2 * s * s * share * (1 - share) * r / (p + b) * fpr / (accepts - fpr)
    if (first := float(wrong_exponent((accepts, tpr), share))) < 2 * noise:
        raise validation.refuse("verifier", (tpr, fpr), "an fpr so far below `blind` that the expansion holds")
    return first - noise


def roc(auc: ArrayLike, fpr: ArrayLike) -> Float[Array, "*shape"]:
    """φ = Φ(d + Φ⁻¹(ψ)), d = √2 Φ⁻¹(AUC): the tpr on the binormal ROC curve of equal variances, ½ < AUC < 1."""
    psi = validation.rates("fpr", fpr)
    return validation.array(ndtr(_gap(auc) + ndtri(np.asarray(psi))), psi.dtype)


def best_threshold(n: int, auc: ArrayLike, initial: ArrayLike, *, blind: ArrayLike = 1.0) -> Threshold:
    """max P(ends correct) over the thresholds of a binormal ROC curve, Φ⁻¹(ψ) in [−3, 3]: exact chains, by search.

    The blind spot is accepted with β = `blind` whatever the threshold; β = 1 is the worst. Without one the likelihood
    ratio φ/ψ alone counts, which is largest at the strictest threshold; with one the best threshold moves the other
    way as n grows, to φ = 1 (`threshold_rule`). `initial` is (p, r, b); n ≤ 103, seconds up to 40.
    """
    n, gap, start = validation.integer("n", n, 1), _gap(auc), np.array(_shares(initial))
    beta = float(validation.rates("blind", blind, 0))

    def accuracy(z: float) -> float:
        return float(ends(n, np.array([ndtr(gap + z), ndtr(z), beta]), start)[0])

    tried = [accuracy(z) for z in COARSE]
    best = int(np.argmax(np.round(tried, 12)))  # of ties, the strictest
    near = COARSE[max(best - 1, 0)], COARSE[min(best + 1, COARSE.size - 1)]
    fine: Any = minimize_scalar(lambda z: -accuracy(z), bounds=near, method="bounded", options={"xatol": 1e-3})
    z, most = (fine.x, -fine.fun) if -fine.fun > tried[best] + 1e-12 else (COARSE[best], tried[best])
    return Threshold(float(ndtr(gap + z)), float(ndtr(z)), float(most))


def threshold_rule(n: int, auc: ArrayLike, initial: ArrayLike) -> tuple[float, float]:
    """(φ, ψ) with 2n(p+b)(1−ψ) = ln(2(p+b)/(b'ρ)), ρ = dφ/dψ on the ROC curve: a rule of thumb for `best_threshold`.

    To first order both that the other wrong outputs win, e^{−2n(p+b)(1−ψ)}, and that the blind spot gains,
    n b'(1−φ), cost accuracy, relative to p/(p+b); their sum is least here. With ψ = Φ(z), ρ = e^{−dz−d²/2}: n(1−ψ)
    grows like d√(2 ln n)/(2(p+b)), and n(1−φ) falls like e^{−d√(2 ln n)}: more slowly than any power of n. Within .02
    of the best accuracy where n(p+b) > 2, p/20 ≤ b ≤ p/4 and AUC ≥ .8 (row R11-rule); off by .1 where b is a thousandth
    of p, or n(p+b) < 1.
    `initial` is (p, r, b), b > 0; the blind spot is always accepted.
    """
    gap, (p, _, b) = _gap(auc), _shares(initial)
    n = validation.integer("n", n, 1)
    if b <= 0:
        raise validation.refuse("initial", initial, "shares with a blind spot, without which the strictest is best")
    total = p + b
    offset = math.log(2 * total * total / b) + gap * gap / 2
    far = (2 * n * total + abs(offset) + 1) / gap
    z = root_scalar(lambda z: 2 * n * total * ndtr(-z) - offset - gap * z, bracket=(-far, far)).root
    return float(ndtr(gap + z)), float(ndtr(z))


def _gap(auc: ArrayLike) -> float:
    """d, how far the means are apart, in standard deviations."""
    return math.sqrt(2) * float(ndtri(validation.inside("auc", auc, 0.5, 1.0)))


def _shares(initial: ArrayLike) -> tuple[float, float, float]:
    """p, r, b, p > 0."""
    start = validation.pmf("initial", initial, 1)
    validation.same_size("initial", start.size, "(correct, other wrong, blind spot)", 3)
    p, r, b = np.asarray(start, float).tolist()
    if p <= 0:
        raise validation.refuse("initial", (p, r, b), "shares with some correct outputs")
    return p, r, b
