"""How many verdicts and rounds a goal takes, how good the verifier must be, how likely the loop ends right.

Two kinds of numbers stand here. A *converse* says what no learner can beat: it needs only that each verdict has fresh
noise of its own. The *exact* numbers say what one learner reaches: the loop that refits a categorical model to what the
verifier kept, where the right block of outputs passes with probability φ (the true-positive rate) and all else with ψ
(the false-positive rate). Two symbols are enough for that, since blocks are lumpable: "right" and "wrong".
"""

import math

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

from theory import validation
from theory.budget.outcomes import Verifier, checked_verifier
from theory.measures import binary_entropy, divergence_terms, entropy, product_divergence
from theory.validation import ArrayLike


def capacity(verifier: Verifier) -> Float[Array, "*shape"]:
    """The most that one verdict with fresh noise can tell, in nats.

    C(φ,ψ) = max_w I(w) of the channel with rows (φ, 1−φ) and (ψ, 1−ψ); the best output law has odds
    m/(1−m) = exp(−(h(φ)−h(ψ))/(φ−ψ)) = ψ/(1−ψ) · exp(D(φ‖ψ)/(φ−ψ)), the second for rates that nearly agree, and
    w = (m−ψ)/(φ−ψ), which lies in [1/e, 1−1/e], at which I is evaluated, so that a rounding of m is harmless.

    Args:
        verifier: (tpr, fpr), numbers or arrays that broadcast.

    Returns:
        The capacity; 0 where tpr = fpr.

    Raises:
        ValueError: Where a rate is outside [0, 1].

    References:
        Cover & Thomas (2006), Elements of Information Theory, section 7.1.
        Majani & Rumsey (1991), Two results on binary-input discrete memoryless channels: the range of w.
    """
    return _capacity(*checked_verifier(verifier))


@jax.jit
def _capacity(phi: Float[Array, "*shape"], psi: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    gap = phi - psi
    safe = jnp.where(gap != 0, gap, 1)
    inside = (jnp.minimum(phi, psi) > 0) & (jnp.maximum(phi, psi) < 1)
    low, high = jnp.where(inside, psi, 0.5), jnp.where(inside, phi, 0.5)
    near = divergence_terms(high, low) + divergence_terms(1 - high, 1 - low)
    far = binary_entropy(psi) - binary_entropy(phi)
    log_odds = jnp.where(inside, jnp.log(low) - jnp.log1p(-low), 0) + jnp.where(inside, near, far) / safe
    weight = jnp.clip((jax.nn.sigmoid(log_odds) - psi) / safe, 1 / math.e, 1 - 1 / math.e)
    mixture, rest = weight * phi + (1 - weight) * psi, weight * (1 - phi) + (1 - weight) * (1 - psi)

    def divergence(rate):
        return divergence_terms(rate, mixture) + divergence_terms(1 - rate, rest)

    return jnp.where(gap != 0, weight * divergence(phi) + (1 - weight) * divergence(psi), 0)


def verdict(verifier: Verifier, share: ArrayLike) -> Float[Array, "*shape"]:
    """What one verdict tells about whether its candidate is right, in nats.

    h(pφ+(1−p)ψ) − p h(φ) − (1−p) h(ψ), p the share of right candidates; at most `capacity(verifier)`.

    Args:
        verifier: (tpr, fpr).
        share: p; all broadcast.

    Returns:
        The information, of the broadcast shape.

    Raises:
        ValueError: Where a number is no rate.

    References:
        Cover & Thomas (2006), Elements of Information Theory, section 2.4.
    """
    phi, psi, p = validation.one_dtype(*checked_verifier(verifier), validation.rates("share", share))
    return _verdict(*validation.broadcast(phi, psi, p))


@jax.jit
def _verdict(phi: Array, psi: Array, p: Array) -> Float[Array, "*shape"]:
    accepted = p * phi + (1 - p) * psi

    def divergence(rate):  # no difference of entropies, which would leave no digits of a weak verdict
        return divergence_terms(rate, accepted) + divergence_terms(1 - rate, 1 - accepted)

    return p * divergence(phi) + (1 - p) * divergence(psi)


def item_capacities(acceptances: ArrayLike) -> Float[Array, " item"]:
    """What one verdict on each item can tell at most, in nats: C(max_x a_x(y), min_x a_x(y)).

    n verdicts with fresh independent noise inject at most Σ_i C_i. The rates are those of each item: averaging them
    over items first gives a number that is too small, as the capacity is convex in the channel.

    Args:
        acceptances: P(keep | item, task) [x, k].

    Returns:
        Capacities [k].

    Raises:
        ValueError: Where an entry is no rate.
    """
    a = validation.rates("acceptances", acceptances, 2)
    _, a = validation.host(a)
    return capacity((a.max(0), a.min(0)))


def verdicts(information: ArrayLike, verifier: Verifier, *, start: ArrayLike = 0.0) -> int:
    """How many verdicts it takes at least to bring I(X;Z) from `start` to `information`: a converse.

    ⌈(I* − I_0)/C(φ,ψ)⌉. It holds for every learner, if each verdict has fresh noise, independent of the others given
    the task and the candidates; rejected proposals count. Where verdicts are bought until n are kept, it bounds their
    expected number before it is rounded up.

    Args:
        information: I*, in nats.
        verifier: (tpr, fpr).
        start: I_0, in nats.

    Returns:
        The number, rounded up; 0 where nothing is missing.

    Raises:
        ValueError: Where a rate is outside [0, 1], an information is negative, or tpr = fpr, which tells nothing.

    References:
        Shannon (1948), A mathematical theory of communication: the converse of the coding theorem.
    """
    goal, first = (validation.finite(name, x, 0) for name, x in (("information", information), ("start", start)))
    for name, value in (("information", goal), ("start", first)):
        if float(value) < 0:
            raise validation.refuse(name, float(value), "a number >= 0, in nats")
    nats = float(validation.floats("verifier", capacity(verifier), 0))
    if nats <= 0:
        rates = tuple(map(float, checked_verifier(verifier)))
        raise validation.refuse("verifier", rates, "tpr different from fpr, since equal rates tell nothing")
    missing = max(float(goal) - float(first), 0.0)
    return math.ceil(missing / nats * (1 - 1e-12))  # a whole number of capacities stays one


def information_needed(error: ArrayLike, prior: ArrayLike) -> Float[Array, ""]:
    """What must be known of the task so that it can be named with at most this error, in nats (Fano).

    I ≥ H(X) − h(P_e) − P_e ln(m−1), and never below 0.

    Args:
        error: P_e, in [0, 1].
        prior: Probabilities of the m tasks [x].

    Returns:
        The information.

    Raises:
        ValueError: Where `error` is no rate or `prior` no probability table.

    References:
        Fano (1961), Transmission of Information.
        Cover & Thomas (2006), Elements of Information Theory, theorem 2.10.1.
    """
    p, e = validation.one_dtype(validation.pmf("prior", prior, 1), validation.rates("error", error, 0))
    e = jnp.minimum(e, 1 - 1 / p.size)  # an error that is allowed need not be made
    return jnp.maximum(entropy(p) - binary_entropy(e) - e * math.log(max(p.size - 1, 1)), 0)


def fixed_judge_total(prior: ArrayLike, acceptances: ArrayLike, initial: ArrayLike | None = None) -> Float[Array, ""]:
    """All that a frozen judge can ever tell, in nats: I(X;J|Z_0), or I(X;J) without a start.

    J ∈ {0,1}^K is one verdict on each symbol, drawn once: P(J|x) = Π_k a_xk^{J_k} (1−a_xk)^{1−J_k}. If its noise is
    independent of X given (Z_0, J), I(X;Z_t) ≤ I(X;Z_0) + I(X;J|Z_0) for ever; fresh verdicts are capped by H(X) alone.

    Args:
        prior: Probabilities of the tasks [x].
        acceptances: P(the judge keeps the symbol | task) [x, k].
        initial: p(z_0|x) [x, s]; None: I(X;J).

    Returns:
        The information.

    Raises:
        ValueError: Where an argument is no probability table or rate, or the shapes disagree.
    """
    tasks, a = validation.one_dtype(validation.pmf("prior", prior, 1), validation.rates("acceptances", acceptances, 2))
    validation.same_size("acceptances", a.shape[0], "prior", tasks.size)
    start = validation.pmf("initial", np.ones((tasks.size, 1)) if initial is None else initial, 2, 1)
    validation.same_size("initial", start.shape[0], "prior", tasks.size)
    return _frozen_total(tasks, a, validation.array(start, a.dtype))


@jax.jit
def _frozen_total(tasks: Float[Array, " x"], a: Float[Array, "x k"], start: Float[Array, "x s"]) -> Float[Array, ""]:
    joint = (tasks[:, None] * start)[:, None, :] * _judge_law(a)[:, :, None]  # [x, j, z]
    mass = joint.sum((0, 1))
    nats = jax.vmap(product_divergence, 2)(joint / jnp.where(mass > 0, mass, 1)[None, None, :])
    return (mass * nats).sum()


def judge_distribution(acceptances: ArrayLike) -> Float[Array, "x judge"]:
    """P(J|x) of a judge that draws one verdict on each symbol for ever; judge j keeps symbol k where bit k of j is set.

    Args:
        acceptances: P(the judge keeps the symbol | task) [x, k].

    Returns:
        Probabilities [x, 2^k].

    Raises:
        ValueError: Where an entry is no rate.
    """
    return _judge_law(validation.rates("acceptances", acceptances, 2))


@jax.jit
def _judge_law(a: Float[Array, "x k"]) -> Float[Array, "x judge"]:
    keeps = jnp.asarray(np.arange(2 ** a.shape[1])[:, None] >> np.arange(a.shape[1])[None] & 1, bool)
    return jnp.where(keeps[None], a[:, None, :], 1 - a[:, None, :]).prod(2)
