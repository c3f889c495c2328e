"""Errors that persist: an output that the verifier has accepted once is accepted again, as one that passed its tests.

A verdict is decided once for an output with probability ρ, the persistence, and drawn anew at each look otherwise: ρ is
the correlation of two verdicts on one output. Then outputs are of six kinds, correct or wrong, accepted always, at
times, or never, and of the accepted ones only the second kind is told apart by a further look. Hence

- in a loop of many samples, t ≥ 1 rounds multiply the odds of a correct output by (ρφ+(1−ρ)φ^t)/(ρψ+(1−ρ)ψ^t), which
  is LR^t for ρ = 0, but LR = φ/ψ for ρ = 1, and for any ρ > 0 again as t → ∞ if φ < 1;
- in a loop of any size n outputs that are always accepted are exchangeable, so that the share of correct ones among
  them is a martingale. With a of the outputs correct and b wrong, both always accepted, and no correct ones among the
  others, the mean accuracy is a/(a+b) at most, whatever n and the number of rounds; over tasks E_i[a_i/(a_i+b_i)];
- t verifiers whose errors are independent of each other do in one round, persistent or not, what t rounds do for ρ = 0.

References:
    Ewens (2004), Mathematical Population Genetics, section 1.4: neutral types are exchangeable.
    Fleiss (1981), Statistical Methods for Rates and Proportions, chapter 13: the correlation of two ratings.
    Stroebl, Kapoor & Narayanan (2024), arXiv:2411.17501: the same ceiling for resampling, `policies.resampling`.
"""

from typing import Any, NamedTuple

import numpy as np
from jax import Array
from jaxtyping import Bool, Float

from theory import validation
from theory.budget.outcomes import Verifier, checked_verifier
from theory.validation import ArrayLike

CORRECT = (True, True, True, False, False, False)


class Kinds(NamedTuple):
    """Kinds of outputs that a verifier cannot tell apart any further."""

    acceptance: Float[Array, " kind"]  # probability to be accepted at a look, independent each time
    initial: Float[Array, " kind"]  # shares at the start
    correct: Bool[np.ndarray, " kind"]


class Ceiling(NamedTuple):
    """What no number of rounds passes, over tasks."""

    accuracy: Float[Array, ""]  # E[a/(a+b)], of the tasks with an output that is accepted
    covered: Float[Array, ""]  # the share of these tasks


def persistent_kinds(verifier: Verifier, initial: ArrayLike, persistence: ArrayLike) -> Kinds:
    """Correct kinds of shares p (ρφ, 1−ρ, ρ(1−φ)), accepted with (1, φ, 0), and wrong ones likewise with ψ.

    In a loop of n samples the accuracy by rounds is `shares_by_round(n, *kinds[:2], num_rounds=T) @ kinds.correct`.

    Args:
        verifier: (tpr, fpr) = (φ, ψ), two numbers: of a first look.
        initial: p, the accuracy of Z_0.
        persistence: ρ, the correlation of two verdicts on one output; 0: all errors are fresh, 1: none is.
    """
    phi, psi, p, rho = validation.one_dtype(
        *checked_verifier(verifier),
        validation.rates("initial", initial, 0),
        validation.rates("persistence", persistence, 0),
    )
    if phi.size != 1:
        raise validation.refuse("verifier", f"{phi.size} pairs", "a pair of two numbers")
    xp, phi, psi, p, rho = validation.host(phi.reshape(()), psi.reshape(()), p, rho)
    shares = [of * share for of, rate in ((p, phi), (1 - p, psi)) for share in (rho * rate, 1 - rho, rho * (1 - rate))]
    acceptance = [rate for of in (phi, psi) for rate in (xp.ones_like(of), of, xp.zeros_like(of))]
    return Kinds(validation.array(xp.stack(acceptance)), validation.array(xp.stack(shares)), np.array(CORRECT))


def persistent_rounds(
    verifier: Verifier, initial: ArrayLike, persistence: ArrayLike, rounds: ArrayLike
) -> Float[Array, "*shape"]:
    """The accuracy after t = `rounds`, n → ∞: odds p/(1−p) · (ρφ+(1−ρ)φ^t)/(ρψ+(1−ρ)ψ^t), t ≥ 1; p for t = 0.

    With φ < 1 and 0 < ρ < 1 it rises to a peak and falls again, to what the first round gave: what is always accepted
    is left, correct or not. The arguments broadcast; where nothing at all is accepted the accuracy stays p.
    """
    phi, psi, p, rho, t = validation.one_dtype(
        *checked_verifier(verifier),
        validation.rates("initial", initial),
        validation.rates("persistence", persistence),
        validation.whole("rounds", rounds, 0),
    )
    xp, *numbers = validation.host(*validation.broadcast("verifier, initial, persistence, rounds", phi, psi, p, rho, t))
    phi, psi, p, rho, t = numbers
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        odds = xp.log(p) - xp.log1p(-p) + _log_survival(xp, phi, rho, t) - _log_survival(xp, psi, rho, t)
        accuracy = 1 / (1 + xp.exp(-odds))
    return validation.array(xp.where((t > 0) & ~xp.isnan(odds), accuracy, p), p.dtype)


def _log_survival(xp: Any, rate: Any, rho: Any, t: Any) -> Any:
    """ln(ρφ + (1−ρ)φ^t), which underflows in no long loop."""
    return xp.logaddexp(xp.log(rho) + xp.log(rate), xp.log1p(-rho) + xp.where(t > 0, t, 1) * xp.log(rate))


def ceiling(correct: ArrayLike, wrong: ArrayLike, weights: ArrayLike | None = None) -> Ceiling:
    """E_i[a_i/(a_i+b_i)] over tasks with a_i + b_i > 0: what no number of rounds passes if errors persist.

    Not the pooled Σa_i/Σ(a_i+b_i): that counts tasks by how often an output of theirs is accepted.

    Args:
        correct: a_i [task], the share of the outputs of task i that are correct and accepted: a count over all its
            outputs, of many.
        wrong: b_i [task], … wrong and accepted.
        weights: of the tasks [task], which sum to 1; None: alike.
    """
    a, b, weight = tasks(correct, wrong, weights)
    xp, a, b, weight = validation.host(a, b, weight)
    some = a + b > 0
    covered = (weight * some).sum()
    if validation.has_values(covered) and covered == 0:
        raise validation.refuse("correct, wrong", "no output that is accepted", "a task with one")
    accuracy = (weight * xp.where(some, a / xp.where(some, a + b, 1), 0)).sum() / covered
    return Ceiling(validation.array(accuracy), validation.array(covered))


def both(first: Verifier, second: Verifier, correlation: ArrayLike = 0.0) -> tuple[Array, Array]:
    """(tpr, fpr) of what two verifiers accept: φ = φ₁φ₂ + κ√(φ₁(1−φ₁)φ₂(1−φ₂)), and ψ likewise.

    κ is the correlation of their verdicts on correct outputs, and on wrong ones: 0 for independent errors, ρ for a
    second look by the same verifier. The arguments broadcast. A pair of verifiers of persistence ρ has another one:
    they accept twice with P = Π φᵢ(ρ + (1−ρ)φᵢ), so that it is (P − r²)/(r(1−r)), r = φ₁φ₂, but for ρ = 0 and 1.

    Raises:
        ValueError: Where κ is larger than two such rates allow, or below 0.
    """
    phi, psi, other_phi, other_psi, kappa = validation.one_dtype(
        *checked_verifier(first, ("first", "first", "first")),
        *checked_verifier(second, ("second", "second", "second")),
        validation.rates("correlation", correlation),
    )
    names = "first, second, correlation"
    xp, *numbers = validation.host(*validation.broadcast(names, phi, psi, other_phi, other_psi, kappa))
    phi, psi, other_phi, other_psi, kappa = numbers
    rates = []
    for one, other in ((phi, other_phi), (psi, other_psi)):
        joint = one * other + kappa * xp.sqrt(one * (1 - one) * other * (1 - other))
        least = xp.minimum(one, other)
        slack = 8 * np.finfo(joint.dtype).eps
        if validation.has_values(joint) and (joint > least + slack).any():
            spread = np.sqrt(np.asarray(one * (1 - one) * other * (1 - other)))
            most = ((least - one * other) / np.where(spread > 0, spread, 1)).min()
            raise validation.refuse("correlation", np.asarray(kappa).max(), f"at most {most:.4g} at these rates")
        rates.append(validation.array(xp.minimum(joint, least)))
    return rates[0], rates[1]


def tasks(correct: ArrayLike, wrong: ArrayLike, weights: ArrayLike | None) -> tuple[Array, Array, Array]:
    """a, b and the weights [task]."""
    a, b = validation.one_dtype(validation.rates("correct", correct, 1), validation.rates("wrong", wrong, 1))
    validation.same_size("wrong", b.size, "correct", a.size)
    if validation.has_values((a, b)) and (np.asarray(a) + np.asarray(b) > 1 + 1e-6).any():
        raise validation.refuse("correct, wrong", "a task in which they sum to more than 1", "shares of its outputs")
    if weights is None:
        return a, b, validation.array(np.full(a.size, 1 / a.size), a.dtype)
    weight = validation.pmf("weights", weights, 1)
    validation.same_size("weights", weight.size, "correct", a.size)
    a, b, weight = validation.one_dtype(a, b, weight)
    return a, b, weight
