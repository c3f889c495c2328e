"""What each training method does to one prompt's law over outputs, exactly: a softmax table under gradient flow.

p = softmax(ℓ) over the outputs y; `correct` marks those that the verifier accepts, J = Σ_right p is the correctness, and
a verdict is the reward r = 1[right]. Time is the learning rate times the number of updates.
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

BISECTIONS = 64  # of an interval of length ~40: below the rounding of float64


def natural_gradient(start: ArrayLike, reward: ArrayLike, time: ArrayLike) -> Float[Array, " y"]:
    """The law after natural policy gradient on the expected reward.

    dℓ/dt = r, hence p_t ∝ p_0 e^{t r}: ratios within a set of equal reward never change. With t = 1/β it is also the
    optimum of E r − β KL(p‖p_0).

    Args:
        start: p_0 [y]; a zero stays one.
        reward: r [y].
        time: t >= 0.

    Returns:
        p_t [y].

    Raises:
        ValueError: Where `start` is no probability table, `reward` not finite or of another length, or `time` negative.

    References:
        Kakade (2001), A natural policy gradient. NIPS 14.
        Rafailov et al. (2023), Direct preference optimization, appendix A.1, arXiv:2305.18290.
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


def policy_gradient(start: ArrayLike, right: ArrayLike, correctness: ArrayLike) -> Float[Array, " y"]:
    """The law at which plain policy gradient on the verdict reaches a given correctness, without integrating.

    dℓ_y/dt = p_y (r_y − J). Then d e^{−ℓ}/dt = −(r_y − J)/Σ e^ℓ is the same for all outputs of one verdict, and Σ_y ℓ_y
    is constant. So with p_0 = `start` and two numbers A, B >= 0 that grow along the orbit

        ℓ = ℓ_0 − ln(1 − p_0 A) on the right outputs,  ℓ = ℓ_0 − ln(1 + p_0 B) on the wrong ones,
        Π_right (1 − p_0 A) · Π_wrong (1 + p_0 B) = 1,

    and J picks one point of this curve. Right outputs draw apart, d ln(p_a/p_b)/dt = (1−J)(p_a − p_b), and wrong ones
    draw together, d ln(p_c/p_d)/dt = −J (p_c − p_d). As J → 1 the k likeliest right outputs of the start take all, 1/k
    each; the others fall like (1−J)^{w/(w+k)}, where w is the number of wrong outputs. Refitting to all accepted
    samples of the current model, dℓ = p r/J − p, is the same flow in the time ∫ J dt, and has the same orbits.

    Args:
        start: p_0 [y]; a zero stays one, and does not count in w.
        correct: Which outputs are accepted [y], of mass above 0 in `start`.
        correctness: J, from that of `start` to 1 (the limit). For an earlier point of the orbit exchange right and
            wrong: `policy_gradient(start, ~right, 1 − J)`.

    Returns:
        The law [y] at that J. A `start` of correctness 1 stays as it is.

    Raises:
        ValueError: Where `start` is no probability table, `correct` no mask or of mass 0, or `correctness` below that of
            `start` or above 1.

    References:
        Mei et al. (2020), On the global convergence rates of softmax policy gradient methods, arXiv:2005.06392.
    """
    p, goal = validation.one_dtype(validation.pmf("start", start, 1), validation.rates("correctness", correctness, 0))
    mask = _mask(right, p)
    if validation.has_values((p, mask, goal)):
        mass = np.asarray(p)[np.asarray(mask)].sum() / np.asarray(p).sum()
        if not mass > 0:
            raise validation.refuse(
                "correct", "a set of mass 0 in `start`", "one of mass > 0: no other is ever reached"
            )
        if np.asarray(goal) < mass - 100 * jnp.finfo(p.dtype).eps:  # the caller may have summed in another order
            raise validation.refuse("correctness", goal, f"numbers from that of `start`, {mass}, to 1")
    return _orbit(p, mask, goal)


@jax.jit
def _orbit(p: Float[Array, " y"], right: Bool[Array, " y"], correctness: Float[Array, ""]) -> Float[Array, " y"]:
    """The point of the curve in `policy_gradient`, by the one unknown a: 1 − p_0 A = e^{−a} for the likeliest right."""
    info = jnp.finfo(p.dtype)
    best, worst = jnp.where(right, p, 0), jnp.where(right, 0, p)
    top = jnp.maximum(jnp.where(right, best.max(), worst.max()), info.tiny)  # the likeliest of its verdict
    share = p / top
    log_odds = jax.scipy.special.logit(jnp.minimum(correctness, 1 - info.epsneg))

    def lost(a):
        """ℓ_0 − ℓ, whose sum over the wrong outputs makes up for that over the right ones."""
        gained = -jnp.where(right, _log_mix(share, -a), 0).sum()
        b = _root(lambda b: jnp.where(right, 0, _log_mix(share, b)).sum() - gained, gained)
        return _log_mix(share, jnp.where(right, -a, b))

    def excess(a):
        """ln(J/(1−J)) less its goal; e^a, which might overflow, is taken out of the right mass."""
        ratio = jnp.exp(-lost(a) - jnp.where(right, a, 0))
        return a + jnp.log((best * ratio).sum()) - jnp.log((worst * ratio).sum()) - log_odds

    # J/(1−J) ≥ e^a p_0(likeliest right) / (1 − J_0) bounds a
    a = _root(excess, jnp.maximum(log_odds + jnp.log(worst.sum() / jnp.maximum(best.max(), info.tiny)), 0))
    probs = jax.nn.softmax(jnp.where(p > 0, jnp.log(jnp.where(p > 0, p, 1)) - lost(a), -jnp.inf))
    winners = (right & (p == top)).astype(p.dtype)
    ends = (correctness == 1) & (worst.max() > 0) & (best.max() > 0)
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


def conserved(probs: ArrayLike, right: ArrayLike) -> Float[Array, " y"]:
    """What plain policy gradient on a verdict never changes.

    (1/p_y − 1/p_top) · (Π_i p_i)^{1/n} = e^{−ℓ_y} − e^{−ℓ_top} with Σ ℓ = 0, where top is the likeliest output of y's
    verdict: the n − 2 constants of an orbit in the simplex of n − 1 dimensions. Hence (1/p_a − 1/p_b)/(1/p_c − 1/p_d)
    is constant too, for a, b of one verdict and c, d of one verdict.

    Args:
        probs: p [y], positive.
        correct: Which outputs are accepted [y].

    Returns:
        The constants [y], >= 0; zero for the likeliest output of each verdict.

    Raises:
        ValueError: Where `probs` is no probability table or has a zero, or `correct` is no mask.
    """
    p = validation.pmf("probs", probs, 1)
    mask = _mask(right, p)
    if validation.has_values(p) and not (np.asarray(p) > 0).all():
        raise validation.refuse("probs", "an entry 0.0", "positive entries")
    xp, p, mask = validation.host(p, mask)
    top = xp.where(mask, xp.where(mask, p, 0).max(), xp.where(mask, 0, p).max())
    return validation.array((top - p) / top * (xp.exp(xp.log(p).mean()) / p))


def _mask(right: ArrayLike, probs: Float[Array, " y"]) -> Bool[Array, " y"]:
    """`correct`, a boolean for each output."""
    mask = validation.array(right)
    if mask.dtype != bool or mask.shape != probs.shape:
        raise validation.refuse("correct", f"{mask.dtype} of shape {mask.shape}", f"booleans of shape {probs.shape}")
    return mask


class Refit(NamedTuple):
    """What a refit to accepted samples does to the diversity of a class of outputs."""

    kept: Float[Array, "*shape"]  # E[1 − 1/N | N ≥ 1], the factor of the expected heterozygosity
    empty: Float[Array, "*shape"]  # P(N = 0)


def refit_diversity(num_samples: int, accepted: ArrayLike) -> Refit:
    """Rejection-sampling fine-tuning as drift: what is left of a class's heterozygosity when it is refitted.

    N ~ Binomial(n, m) of n samples are accepted outputs of the class, drawn from its law p(y|class), and the refit is
    to their frequencies: E[1 − Σ_y p̂(y|class)² | N] = (1 − 1/N)(1 − Σ_y p(y|class)²). With q = 1 − m and the first of
    the N drawn as the (n−j+1)-th sample

        E[1 − 1/N | N ≥ 1] = Σ_{j=1..n} q^{n−j} · (1/j) Σ_{i<j} (1 − q^i) / Σ_{j=1..n} q^{n−j}.

    Where N = 0 the class has no sample to refit to: a loop keeps the model if nothing at all is accepted, and otherwise
    loses the class.

    Args:
        num_samples: n, at least 1.
        accepted: m, the mass of the class that is accepted; any shape. At 0 the limit N = 1 is given.

    Returns:
        The expected factor given N >= 1, and the probability of N = 0.

    Raises:
        ValueError: Where `num_samples` < 1 or `accepted` is not in [0, 1].

    References:
        Ewens (2004), Mathematical Population Genetics, section 1.4: the decay of heterozygosity.
    """
    n, m = validation.integer("num_samples", num_samples, 1), validation.rates("accepted", accepted)
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

    one_form: Float[Array, "*shape"]  # supervised, on one fixed right output
    all_forms: Float[Array, "*shape"]  # supervised, on right outputs drawn anew; or refitting to all that is accepted
    policy_gradient: Float[Array, "*shape"]
    natural_gradient: Float[Array, "*shape"]


def times_to(goal: ArrayLike, *, num_classes: int, num_forms: int) -> Times:
    """How long each method takes from a uniform law over classes × forms, one class of which is right.

    With c classes, M forms, n = cM, L = ln(J/(1−J)) and [·] the difference between the goal and J = 1/c:

        one_form:          (n−1)/n · [ℒ + e^ℒ],  ℒ = ln(p/(1−p)) of the reference, 1 − J = (1−p)(n−M)/(n−1),
        all_forms:         M (c−1)/c · [L + e^L],
        policy_gradient:   M (c−1)/c · [2L + e^L − e^{−L}],
        natural_gradient:  [L].

    Supervised learning is dℓ = q − p with target q; refitting to all accepted samples of the current model has the
    target p r/J, which from here is uniform on the right outputs, as for `all_forms`. The others climb E r. As M grows
    one form takes ln M + [L]/c + ln(p/J) longer than M = 1, which is about ln M where there are many classes.

    Args:
        goal: J, from 1/c to below 1; any shape.
        num_classes: c, at least 2.
        num_forms: M, outputs that count as the same, at least 1.

    Returns:
        The times.

    Raises:
        ValueError: Where a count is out of its range or `goal` outside [1/c, 1).
    """
    c, forms = validation.integer("num_classes", num_classes, 2), validation.integer("num_forms", num_forms, 1)
    correct, n = validation.rates("goal", goal), c * forms
    if validation.has_values(correct):
        values = np.asarray(correct)
        outside = (values < (1 - 4 * jnp.finfo(values.dtype).eps) / c) | (values == 1)
        if outside.any():
            raise validation.refuse("goal", values[outside].flat[0], f"numbers in [1/{c}, 1)")

    def difference(wrong, start, antiderivative):
        """[·], of a function of the odds e^L."""
        odds = (1 - wrong) / wrong
        return validation.array(antiderivative(odds) - antiderivative(xp.full_like(odds, start)))

    xp, correct = validation.host(correct)
    wrong = 1 - correct
    slow, start = forms * (c - 1) / c, 1 / (c - 1)
    return Times(
        (n - 1) / n * difference(wrong * ((n - 1) / (n - forms)), 1 / (n - 1), lambda x: xp.log(x) + x),
        slow * difference(wrong, start, lambda x: xp.log(x) + x),
        slow * difference(wrong, start, lambda x: 2 * xp.log(x) + x - 1 / x),
        difference(wrong, start, xp.log),
    )
