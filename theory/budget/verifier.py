"""A verifier as a channel: what one verdict carries, how many a goal takes at least, and what a fixed judge holds.

A *converse* is a lower bound for any method: it needs only that each verdict has fresh noise of its own.

References:
    Shannon (1948), A mathematical theory of communication: the converse of the coding theorem.
    Fano (1961), Transmission of Information.
    Cover & Thomas (2006), Elements of Information Theory, sections 2.4 and 7.1, theorem 2.10.1.
    Majani & Rumsey (1991), Two results on binary-input discrete memoryless channels: the range of w.
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

MAX_ENTRIES = 100_000_000  # of a table over all judges: 0.8 GB in float64


def verifier_capacity(verifier: Verifier) -> Float[Array, "*shape"]:
    """C(φ,ψ) = max_w I(w): the most that one verdict with fresh noise carries, in nats; 0 where tpr = fpr.

    Of the channel with rows (φ, 1−φ) and (ψ, 1−ψ). The best output distribution has odds
    m/(1−m) = exp(−(h(φ)−h(ψ))/(φ−ψ)) = ψ/(1−ψ) · exp(D(φ‖ψ)/(φ−ψ)), the second for rates that nearly agree, and
    w = (m−ψ)/(φ−ψ), which lies in [1/e, 1−1/e], at which I is evaluated, so that a rounding of m is harmless.
    `verifier` is (tpr, fpr), numbers or arrays that broadcast.
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
    """h(pφ+(1−p)ψ) − p h(φ) − (1−p) h(ψ): what one verdict carries about whether its candidate is correct, in nats.

    At most `verifier_capacity(verifier)`; `share` is p, that of correct candidates, and all broadcast.
    """
    phi, psi, p = validation.one_dtype(*checked_verifier(verifier), validation.rates("share", share))
    return _verdict(*validation.broadcast("verifier, share", phi, psi, p))


@jax.jit
def _verdict(phi: Array, psi: Array, p: Array) -> Float[Array, "*shape"]:
    accepted = p * phi + (1 - p) * psi

    def divergence(rate):  # no difference of entropies, which would leave no digits of a weak verdict
        return divergence_terms(rate, accepted) + divergence_terms(1 - rate, 1 - accepted)

    return p * divergence(phi) + (1 - p) * divergence(psi)


def item_capacities(acceptances: ArrayLike) -> Float[Array, " item"]:
    """C(max_x a_x(y), min_x a_x(y)): the most that one verdict on each item y carries [k], in nats.

    n verdicts with fresh independent noise inject at most Σ_i C_i. The rates are those of each item: averaging them
    over items first gives a number that is too small, as the capacity is convex in the channel. `acceptances` are
    P(accept | item, task) [x, k].
    """
    _, a = validation.host(validation.rates("acceptances", acceptances, 2))
    return verifier_capacity((a.max(0), a.min(0)))


def verdicts(information: ArrayLike, verifier: Verifier, *, start: ArrayLike = 0.0) -> int:
    """⌈(I* − I_0)/C(φ,ψ)⌉: how many verdicts it takes at least to bring I(X;Z) from I_0 to I*, a converse.

    It holds for every learner, if each verdict has fresh noise, independent of the others given the task and the
    candidates; rejected proposals count. Where verdicts are bought until n are accepted, it bounds their expected
    number before it is rounded up. `information` is I*, `start` I_0, in nats; 0 where nothing is missing.

    Raises:
        ValueError: Where tpr = fpr, so that no number is enough.
    """
    goal, first = (validation.finite(name, x, 0) for name, x in (("information", information), ("start", start)))
    for name, value in (("information", goal), ("start", first)):
        if float(value) < 0:
            raise validation.refuse(name, float(value), "a number >= 0, in nats")
    rates = checked_verifier(verifier)
    validation.floats("verifier", rates[0], 0)
    capacity = verifier_capacity(rates)
    nats, rounding = float(capacity), max(1e-12, 10 * float(jnp.finfo(capacity.dtype).eps))
    if nats <= 0:
        raise validation.refuse(
            "verifier", tuple(map(float, rates)), "tpr different from fpr, since equal rates carry nothing"
        )
    needed = max(float(goal) - float(first), 0.0) / nats
    if math.isinf(needed):
        raise validation.refuse("information", float(goal), f"a number of nats that verdicts of {nats} nats can carry")
    return math.ceil(needed * (1 - rounding))  # a whole number of capacities stays one


def information_needed(error: ArrayLike, prior: ArrayLike) -> Float[Array, ""]:
    """I ≥ H(X) − h(P_e) − P_e ln(m−1): what must be known of the task to name it with error P_e or less (Fano).

    In nats, never below 0; `error` is P_e, a number in [0, 1], and `prior` the probabilities of the m tasks [x].
    """
    p, e = validation.one_dtype(validation.pmf("prior", prior, 1), validation.rates("error", error, 0))
    e = jnp.minimum(e, 1 - 1 / p.size)  # an error that is allowed need not be made
    return jnp.maximum(entropy(p) - binary_entropy(e) - e * math.log(max(p.size - 1, 1)), 0)


def fixed_judge_total(prior: ArrayLike, acceptances: ArrayLike, initial: ArrayLike | None = None) -> Float[Array, ""]:
    """I(X;J|Z_0), or I(X;J) without a start: all that a fixed reward model can ever carry, in nats.

    J ∈ {0,1}^K is one verdict on each symbol, drawn once: P(J|x) = Π_k a_xk^{J_k} (1−a_xk)^{1−J_k}. If its noise is
    independent of X given (Z_0, J), I(X;Z_t) ≤ I(X;Z_0) + I(X;J|Z_0) forever; fresh verdicts are bounded by H(X) alone.
    `prior` are the probabilities of the tasks [x], `acceptances` P(the judge accepts the symbol | task) [x, k], and
    `initial` p(z_0|x) [x, s].
    """
    tasks, a = validation.one_dtype(validation.pmf("prior", prior, 1), validation.rates("acceptances", acceptances, 2))
    validation.same_size("acceptances", a.shape[0], "prior", tasks.size)
    start = validation.pmf("initial", np.ones((tasks.size, 1), a.dtype) if initial is None else initial, 2, 1)
    validation.same_size("initial", start.shape[0], "prior", tasks.size)
    validation.entries("acceptances", start.size << a.shape[1], MAX_ENTRIES, "a table of tasks, judges and starts")
    return _fixed_total(*validation.one_dtype(tasks, a, start))


@jax.jit
def _fixed_total(tasks: Float[Array, " x"], a: Float[Array, "x k"], start: Float[Array, "x s"]) -> Float[Array, ""]:
    joint = (tasks[:, None] * start)[:, None, :] * _judge_distribution(a)[:, :, None]  # [x, j, z]
    mass = joint.sum((0, 1))
    nats = jax.vmap(product_divergence, 2)(joint / jnp.where(mass > 0, mass, 1)[None, None, :])
    return (mass * nats).sum()


def judge_distribution(acceptances: ArrayLike) -> Float[Array, "x judge"]:
    """P(J|x) [x, 2^k] of a judge that draws one verdict on each symbol forever; judge j accepts k if its bit k is set.

    `acceptances` are P(the judge accepts the symbol | task) [x, k].
    """
    a = validation.rates("acceptances", acceptances, 2)
    validation.entries("acceptances", a.shape[0] << a.shape[1], MAX_ENTRIES, "a table of tasks and judges")
    return _judge_distribution(a)


@jax.jit
def _judge_distribution(a: Float[Array, "x k"]) -> Float[Array, "x judge"]:
    accepts = jnp.asarray(np.arange(2 ** a.shape[1])[:, None] >> np.arange(a.shape[1])[None] & 1, bool)
    return jnp.where(accepts[None], a[:, None, :], 1 - a[:, None, :]).prod(2)
