"""What each training method does to one prompt's distribution over outputs: a softmax table under gradient flow.

p = softmax(ℓ) over the outputs y; `correct` marks those that the verifier accepts, the accuracy is J = Σ_correct p, and
a verdict is the reward r = 1[correct]. Time is the learning rate times the number of updates.

References:
    Kakade (2001), A natural policy gradient. NIPS 14.
    Rafailov et al. (2023), Direct preference optimization, appendix A.1, arXiv:2305.18290.
    Mei et al. (2020), On the global convergence rates of softmax policy gradient methods, arXiv:2005.06392.
    Ewens (2004), Mathematical Population Genetics, section 1.4: the decay of diversity (heterozygosity).
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Bool, Float

from theory import validation
from theory.validation import ArrayLike

BISECTIONS = 64  # an interval of any length below 2^11 ends at the rounding of float64
MAX_TABLE = 2**24  # entries of a table in memory


def natural_gradient(start: ArrayLike, reward: ArrayLike, time: ArrayLike) -> Float[Array, " y"]:
    """The distribution p_t [y] after natural policy gradient on the expected reward r [y] for a time t ≥ 0.

    dℓ/dt = r, hence p_t ∝ p_0 e^{t r}: ratios within a set of equal reward never change, and a zero of `start` p_0 [y]
    stays one. With t = 1/β it is also the optimum of E r − β KL(p‖p_0).
    """
    p, r, t = validation.one_dtype(
        validation.pmf("start", start, 1), validation.finite("reward", reward, 1), validation.finite("time", time, 0)
    )
    validation.same_size("reward", r.size, "start", p.size)
    if validation.has_values(t) and np.asarray(t) < 0:
        raise validation.refuse("time", t, "a number >= 0")
    xp, p, r, t = validation.host(p, r, t)
    behind = xp.where(p > 0, r, -jnp.inf).max() - r  # of the best that has mass: e^{−t·behind} cannot overflow
    weight = p * xp.exp(-t * xp.clip(behind, 0, jnp.finfo(r.dtype).max))
    return validation.array(weight / weight.sum())


def policy_gradient(start: ArrayLike, correct: ArrayLike, accuracy: ArrayLike) -> Float[Array, " y"]:
    """The distribution [y] at which plain policy gradient on the verdict reaches an accuracy, without integrating.

    dℓ_y/dt = p_y (r_y − J). Then d e^{−ℓ}/dt = −(r_y − J)/Σ e^ℓ is the same for all outputs of one verdict, and Σ_y ℓ_y
    is constant. So with p_0 = `start` and two numbers A, B >= 0 that grow along the orbit

        ℓ = ℓ_0 − ln(1 − p_0 A) on the correct outputs,  ℓ = ℓ_0 − ln(1 + p_0 B) on the wrong ones,
        Π_correct (1 − p_0 A) · Π_wrong (1 + p_0 B) = 1,

    and J picks one point of this curve. Correct outputs draw apart, d ln(p_a/p_b)/dt = (1−J)(p_a − p_b), and wrong ones
    draw together, d ln(p_c/p_d)/dt = −J (p_c − p_d). As J → 1 the k likeliest correct outputs of the start take all,
    1/k each; the others fall like (1−J)^{w/(w+k)}, where w is the number of wrong outputs. Refitting to all accepted
    samples of the current model, dℓ = p r/J − p, is the same flow in the time ∫ J dt, and has the same orbits.

    Args:
        start: p_0 [y]; a zero stays one, and does not count in w. At accuracy 1 it stays as it is.
        correct: Which outputs are accepted [y], of mass above 0 in `start`: an accuracy of 0 stays 0.
        accuracy: J, from that of `start` to 1 (the limit). For an earlier point of the orbit exchange correct and
            wrong: `policy_gradient(start, ~correct, 1 − J)`.
    """
    p, goal = validation.pmf("start", start, 1), validation.rates("accuracy", accuracy, 0)
    rounding = 100 * max(float(jnp.finfo(x.dtype).eps) for x in (p, goal))  # the caller may have summed otherwise
    p, goal = validation.one_dtype(_no_subnormals("start", p), goal)
    mask = _mask(correct, p)
    if validation.has_values((p, mask, goal)):
        mass = np.asarray(p)[np.asarray(mask)].sum() / np.asarray(p).sum()
        if not mass > 0:
            raise validation.refuse("correct", "a set of mass 0 in `start`", "one of mass > 0: no other is reached")
        if np.asarray(goal) < mass - rounding:
            raise validation.refuse("accuracy", goal, f"numbers from that of `start`, {mass}, to 1")
    return _orbit(p, mask, goal)


def _no_subnormals(name: str, p: Float[Array, " y"]) -> Float[Array, " y"]:
    """`p`, whose smallest positive number is one that XLA does not take for 0."""
    if validation.has_values(p):
        values, tiny = np.asarray(p), jnp.finfo(p.dtype).tiny
        if ((values > 0) & (values < tiny)).any():
            raise validation.refuse(name, f"an entry {values[values > 0].min()}", f"0 or numbers >= {tiny:.3g}")
    return p


@jax.jit
def _orbit(p: Float[Array, " y"], correct: Bool[Array, " y"], accuracy: Float[Array, ""]) -> Float[Array, " y"]:
    """The point of the curve in `policy_gradient` by one unknown a, 1 − p_0 A = e^{−a} for the likeliest correct."""
    info = jnp.finfo(p.dtype)
    best, worst = jnp.where(correct, p, 0), jnp.where(correct, 0, p)
    top = jnp.maximum(jnp.where(correct, best.max(), worst.max()), info.tiny)  # the likeliest of its verdict
    share = p / top
    log_odds = jax.scipy.special.logit(jnp.minimum(accuracy, 1 - info.epsneg))

    def lost(a):
        """ℓ_0 − ℓ, whose sum over the wrong outputs makes up for that over the correct ones."""
        gained = -jnp.where(correct, _log_mix(share, -a), 0).sum()
        b = _root(lambda b: jnp.where(correct, 0, _log_mix(share, b)).sum() - gained, gained)
        return _log_mix(share, jnp.where(correct, -a, b))

    def excess(a):
        """ln(J/(1−J)) less its goal; e^a, which might overflow, is taken out of the correct mass."""
        ratio = jnp.exp(-lost(a) - jnp.where(correct, a, 0))
        return a + jnp.log((best * ratio).sum()) - jnp.log((worst * ratio).sum()) - log_odds

    # J/(1−J) ≥ e^a p_0(likeliest correct) / (1 − J_0) bounds a
    a = _root(excess, jnp.maximum(log_odds + jnp.log(worst.sum() / jnp.maximum(best.max(), info.tiny)), 0))
    probs = jax.nn.softmax(jnp.where(p > 0, jnp.log(jnp.where(p > 0, p, 1)) - lost(a), -jnp.inf))
    winners = (correct & (p == top)).astype(p.dtype)
    ends = (accuracy == 1) & (worst.max() > 0) & (best.max() > 0)
    return jnp.where(ends, winners / jnp.maximum(winners.sum(), 1), probs)


def _log_mix(share: Float[Array, " y"], x: Float[Array, "*y"]) -> Float[Array, " y"]:
    """ln(1 − s + s e^x), to rounding where x is small, and without overflow where it is large."""
    small, peak = jnp.abs(x) < 1, jnp.maximum(x, 0)
    near = jnp.log1p(share * jnp.expm1(jnp.where(small, x, 0)))
    return jnp.where(small, near, peak + jnp.log((1 - share) * jnp.exp(-peak) + share * jnp.exp(x - peak)))


def _root(f: Callable[[Array], Array], high: Float[Array, ""]) -> Float[Array, ""]:
    """Where f, increasing, passes zero in [0, high], by bisection; differentiable in what f closes over."""

    def bisect(f, _):
        def halve(_, ends):
            low, high = ends
            middle = low + (high - low) / 2
            below = f(middle) < 0
            return jnp.where(below, middle, low), jnp.where(below, high, middle)

        return jax.lax.fori_loop(0, BISECTIONS, halve, (jnp.zeros_like(high), high))[1]

    return jax.lax.custom_root(f, high, bisect, lambda slope, y: y / slope(jnp.ones_like(y)))


def _mask(correct: ArrayLike, probs: Float[Array, " y"]) -> Bool[Array, " y"]:
    """A boolean for each output."""
    accepted = f"booleans of shape {probs.shape}"
    mask = validation.taken("correct", correct, accepted)
    if mask.dtype != bool or mask.shape != probs.shape:
        raise validation.refuse("correct", f"{mask.dtype} of shape {mask.shape}", accepted)
    return mask


class Refit(NamedTuple):
    """What a refit to accepted samples does to the diversity of a class of outputs."""

    remaining: Float[Array, "*shape"]  # E[1 − 1/N | N ≥ 1], the factor of the expected diversity
    empty: Float[Array, "*shape"]  # P(N = 0)


def refit_diversity(num_samples: int, accepted: ArrayLike) -> Refit:
    """Rejection-sampling fine-tuning as drift: what remains of the diversity of a class of outputs when it is refitted.

    N ~ Binomial(n, m) of n = `num_samples` are accepted outputs of the class, drawn from p(y|class), m the mass
    `accepted` of any shape, and the refit is to their frequencies: the chance that two samples of the class differ
    becomes E[1 − Σ_y p̂(y|class)² | N] = (1 − 1/N)(1 − Σ_y p(y|class)²). With q = 1 − m and the first of the N drawn as
    the (n−j+1)-th sample

        E[1 − 1/N | N ≥ 1] = Σ_{j=1..n} q^{n−j} · (1/j) Σ_{i<j} (1 − q^i) / Σ_{j=1..n} q^{n−j},

    at m = 0 its limit 0. Where N = 0 the class has no sample to refit to: a loop keeps the model if nothing at all is
    accepted, and otherwise loses the class.
    """
    n, m = validation.integer("num_samples", num_samples, 1), validation.rates("accepted", accepted)
    validation.entries("num_samples", n * m.size, MAX_TABLE)
    return _refit(n, m)


@partial(jax.jit, static_argnums=0)
def _refit(n: int, m: Float[Array, "*shape"]) -> Refit:
    log_q = jnp.log1p(-m)[..., None]
    j = jnp.arange(1, n + 1, dtype=m.dtype).reshape([1] * m.ndim + [n])
    unseen = jnp.cumsum(-jnp.expm1(j * log_q), axis=-1)  # Σ_{i≤j}; i = 0 adds nothing
    weight = jnp.where(j == n, 1, jnp.exp(jnp.where(j == n, 1, n - j) * log_q))  # 0·(−inf) where all is accepted
    means = jnp.concatenate([jnp.zeros_like(log_q), unseen[..., :-1]], -1) / j
    return Refit((weight * means).sum(-1) / weight.sum(-1), jnp.exp(n * log_q[..., 0]))


class Times(NamedTuple):
    """Learning rate × updates until the goal, for each method; each of the goal's shape."""

    one_form: Float[Array, "*shape"]  # supervised, on one fixed reference
    all_forms: Float[Array, "*shape"]  # supervised, on correct outputs drawn anew; or refitting to all accepted ones
    policy_gradient: Float[Array, "*shape"]
    natural_gradient: Float[Array, "*shape"]


def times_to(goal: ArrayLike, *, num_classes: int, num_forms: int) -> Times:
    """How long each method takes from a uniform distribution over classes × forms, one class of which is correct.

    With c classes, M forms of each (outputs that count as the same), n = cM, L = ln(J/(1−J)), and [·] the difference
    between the goal J, from 1/c to below 1 and of any shape, and 1/c:

        one_form:          (n−1)/n · [ℒ + e^ℒ],  ℒ = ln(p/(1−p)) of the reference, 1 − J = (1−p)(n−M)/(n−1),
        all_forms:         M (c−1)/c · [L + e^L],
        policy_gradient:   M (c−1)/c · [2L + e^L − e^{−L}],
        natural_gradient:  [L].

    Supervised learning is dℓ = q − p with target q; refitting to all accepted samples of the current model has the
    target p r/J, which from here is uniform on the correct outputs, as for `all_forms`. The others climb E r. As M
    grows one form takes ln M + [L]/c + ln(p/J) longer than M = 1, which is about ln M where there are many classes.
    """
    c, forms = validation.integer("num_classes", num_classes, 2), validation.integer("num_forms", num_forms, 1)
    accuracy, n = validation.rates("goal", goal), c * forms
    if validation.has_values(accuracy):
        values = np.asarray(accuracy)
        outside = (values < (1 - 4 * jnp.finfo(values.dtype).eps) / c) | (values == 1)
        if outside.any():
            raise validation.refuse("goal", values[outside].flat[0], f"numbers in [1/{c}, 1)")

    def difference(wrong, start, antiderivative):
        """[·], of a function of the odds e^L."""
        odds = xp.maximum((1 - wrong) / wrong, start)  # a goal of 1/c may be rounded
        return validation.array(antiderivative(odds) - antiderivative(xp.full_like(odds, start)))

    xp, accuracy = validation.host(accuracy)
    wrong = 1 - accuracy
    slow, start = forms * (c - 1) / c, 1 / (c - 1)
    return Times(
        (n - 1) / n * difference(wrong * ((n - 1) / (n - forms)), 1 / (n - 1), lambda x: xp.log(x) + x),
        slow * difference(wrong, start, lambda x: xp.log(x) + x),
        slow * difference(wrong, start, lambda x: 2 * xp.log(x) + x - 1 / x),
        difference(wrong, start, xp.log),
    )
