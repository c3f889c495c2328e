"""What a channel can carry, and how much it must lose: capacity and contraction coefficients, in nats."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

from theory import validation
from theory.measures import divergence_terms, log_ratio
from theory.validation import ArrayLike

MAX_ITERATIONS = 100_000
BISECTIONS = 40  # halvings of [0, 1]; at a maximum the error of the value is the square of that of the weight
NEAR = 1e-10  # of D(r‖p): below it the ratio of two divergences is rounding, and ρ² is its limit
NUM_RANDOM_STARTS = 64


class Capacity(NamedTuple):
    """An interval around the capacity, in nats, and the input law that attains its lower end."""

    lower: Float[Array, ""]
    upper: Float[Array, ""]
    prior: Float[Array, " x"]


def _divergences(p: Float[Array, "x y"], q: Float[Array, " y"]) -> Float[Array, " x"]:
    """D(p[x]‖q) for every row."""
    return divergence_terms(p, jnp.broadcast_to(q[None], p.shape)).sum(1)


def capacity(channel: ArrayLike, *, tolerance: float | None = None, max_iterations: int = MAX_ITERATIONS) -> Capacity:
    """The capacity of a channel, between two bounds, by the Blahut–Arimoto iteration.

    C = max_r I(X;Y),  Σ_x r(x) D(W_x‖rW) ≤ C ≤ max_x D(W_x‖rW) for every input law r;
    r(x) ← r(x) e^{D(W_x‖rW)}, normalised.

    Args:
        channel: W[x, y] = p(y|x).
        tolerance: Stop when the two bounds are this close, in nats; None: 1000 roundings of the dtype.
        max_iterations: Stop then at the latest; the bounds hold all the same.

    Returns:
        The lower and upper bound and the input law of the lower one, at which derivatives are taken.

    Raises:
        ValueError: Where a row of `channel` is not a probability table, or `tolerance` is not positive.

    References:
        Blahut (1972), Computation of channel capacity and rate-distortion functions.
        Arimoto (1972), An algorithm for computing the capacity of arbitrary discrete memoryless channels.
    """
    w = validation.pmf("channel", channel, ndim=2, axis=1)
    gap = validation.positive("tolerance", 1000 * float(jnp.finfo(w.dtype).eps) if tolerance is None else tolerance)
    return _capacity(w, gap.astype(w.dtype), validation.integer("max_iterations", max_iterations, 1))


@jax.jit
def _capacity(channel: Float[Array, "x y"], tolerance: Float[Array, ""], max_iterations: int | Array) -> Capacity:
    fixed = jax.lax.stop_gradient(channel)

    def bounds(w, r):
        divergences = _divergences(w, r @ w)
        used = jnp.where(r > 0, divergences, 0)  # a law that has left the support may divide by zero
        return Capacity((r * used).sum(), divergences.max(), r)

    def improve(state):
        r, _, i = state
        divergences = _divergences(fixed, r @ fixed)
        weights = jnp.where(r > 0, r * jnp.exp(divergences - divergences.max()), 0)
        r = weights / weights.sum()
        now = bounds(fixed, r)
        return r, now.upper - now.lower, i + 1

    def wide(state):
        return (state[1] > tolerance) & (state[2] < max_iterations)

    num_inputs = channel.shape[0]
    uniform = jnp.full(num_inputs, 1 / num_inputs, channel.dtype)
    prior, _, _ = jax.lax.while_loop(wide, improve, (uniform, jnp.asarray(jnp.inf, channel.dtype), 0))
    return bounds(channel, prior)


def dobrushin(channel: ArrayLike) -> Float[Array, ""]:
    """Dobrushin's coefficient: how far apart two inputs can be told in total variation.

    η_TV = max_{x,x'} ½ Σ_y |W(y|x) − W(y|x')|; no divergence keeps a larger share through the channel.

    Args:
        channel: W[x, y] = p(y|x).

    Returns:
        The coefficient, in [0, 1].

    Raises:
        ValueError: Where a row of `channel` is not a probability table.

    References:
        Dobrushin (1956), Central limit theorem for nonstationary Markov chains.
    """
    w = validation.pmf("channel", channel, ndim=2, axis=1)
    return jax.lax.map(lambda row: jnp.abs(w - row[None]).sum(1).max() / 2, w).max()


def contraction(channel: ArrayLike) -> Float[Array, ""]:
    """The strong data-processing constant of a channel: no input law keeps more of its information.

    η_KL = sup I(U;Y)/I(U;X) over U → X → Y = max_{x,x'} max_w w(1−w) Σ_y (a−b)²/(wa+(1−w)b), a = W(·|x), b = W(·|x'):
    the supremum over input laws of the squared maximal correlation is attained on two symbols, and is concave in w.

    Args:
        channel: W[x, y] = p(y|x).

    Returns:
        The coefficient, in [0, 1]; 1 where two inputs have disjoint outputs.

    Raises:
        ValueError: Where a row of `channel` is not a probability table.

    References:
        Ahlswede & Gács (1976), Spreading of sets in product spaces and hypercontraction of the Markov operator.
        Ordentlich & Polyanskiy (2021), Strong data processing constant is achieved by binary inputs, arXiv:2010.01987.
    """
    return _contraction(validation.pmf("channel", channel, ndim=2, axis=1))


@jax.jit
def _contraction(channel: Float[Array, "x y"]) -> Float[Array, ""]:
    def pair(a, b):
        fixed_a, fixed_b = jax.lax.stop_gradient((a, b))
        product = fixed_a * fixed_b * (fixed_a - fixed_b)

        def halve(_, ends):  # the slope, Σ ab(a−b)/(wa+(1−w)b)², falls in w
            low, high = ends
            w = (low + high) / 2
            mixture = w * fixed_a + (1 - w) * fixed_b
            rises = jnp.where(product == 0, 0, product / jnp.where(product == 0, 1, mixture) ** 2).sum() > 0
            return jnp.where(rises, w, low), jnp.where(rises, high, w)

        ends = jax.lax.fori_loop(0, BISECTIONS, halve, (jnp.zeros((), a.dtype), jnp.ones((), a.dtype)))
        w = (ends[0] + ends[1]) / 2
        mixture = w * a + (1 - w) * b
        return w * (1 - w) * jnp.where(mixture > 0, (a - b) ** 2 / jnp.where(mixture > 0, mixture, 1), 0).sum()

    best = jax.lax.map(lambda a: jax.vmap(pair, in_axes=(None, 0))(a, channel).max(), channel).max()
    return jnp.minimum(best, 1)


def contraction_at(prior: ArrayLike, channel: ArrayLike) -> Float[Array, ""]:
    """The strong data-processing constant of a channel at one input law.

    s*(p, W) = sup_r D(rW‖pW)/D(r‖p) = sup I(U;Y)/I(U;X) over U → X → Y with X ~ p;  ρ² ≤ s* ≤ η_KL.

    The ratio rises along r ← p·exp(Σ_y W(y|x) ln((rW)_y/(pW)_y)/λ), normalised, λ the ratio at r; started from every
    symbol, every pair, everything but one symbol, and laws spread around p. ρ² is the limit r → p. Where no start finds
    the highest of several maxima the result is a lower bound.

    Args:
        prior: Input law p[x].
        channel: W[x, y] = p(y|x).

    Returns:
        The coefficient, in [0, 1], to about 1e-10; 0 where the input or the output is constant.

    Raises:
        ValueError: Where `prior` or a row of `channel` is not a probability table, or the shapes disagree.

    References:
        Ahlswede & Gács (1976), Spreading of sets in product spaces and hypercontraction of the Markov operator.
        Anantharam, Gohari, Kamath & Nair (2013), On maximal correlation, hypercontractivity, and the data processing
        inequality studied by Erkip and Cover, arXiv:1304.6133.
    """
    p, w = validation.one_dtype(
        validation.pmf("prior", prior, ndim=1), validation.pmf("channel", channel, ndim=2, axis=1)
    )
    validation.same_size("prior", p.size, "channel", w.shape[0])
    return _contraction_at(p, w, jnp.asarray(_starts(p.size), w.dtype))


def _starts(size: int) -> Float[np.ndarray, "start x"]:
    """Tilts e^{v_x} of the input law: faces as zeros, and fixed random directions near and far."""
    one, all_but_one = np.eye(size), 1 - np.eye(size)
    pairs = [one[i] + one[j] for i in range(size) for j in range(i)] if size <= 32 else []
    directions = np.random.default_rng(0).standard_normal((NUM_RANDOM_STARTS, size))
    scales = np.geomspace(0.01, 10, NUM_RANDOM_STARTS)[:, None]
    near = np.concatenate([np.exp(s * one) for s in (-1.0, -0.01, 0.01, 1.0)])
    return np.concatenate([one, all_but_one, np.reshape(pairs, (-1, size)), near, np.exp(scales * directions)])


@jax.jit
def _contraction_at(
    prior: Float[Array, " x"], channel: Float[Array, "x y"], starts: Float[Array, "start x"]
) -> Float[Array, ""]:
    def ratio(p, w, r):
        """D(rW‖pW)/D(r‖p), and 0 where r is too near to p to tell."""
        distance = divergence_terms(r, p).sum()
        far = distance > NEAR
        return jnp.where(far, divergence_terms(r @ w, p @ w).sum() / jnp.where(far, distance, 1), 0)

    def climb(r):
        def improve(state):
            r, best, best_ratio, _, i = state
            now = ratio(p, w, r)
            better = now > best_ratio
            slope = w @ log_ratio(r @ w, p @ w) - lost(r)
            tilt = jnp.where(p > 0, slope / jnp.maximum(now, tiny), -jnp.inf)
            weights = p * jnp.exp(tilt - tilt.max())
            gain = now - best_ratio
            return weights / weights.sum(), jnp.where(better, r, best), jnp.maximum(now, best_ratio), gain, i + 1

        def rises(state):
            return (state[3] > 4 * jnp.finfo(p.dtype).eps) & (state[4] < 1000)

        def lost(r):  # an output that r cannot reach has ln 0: its inputs stay out
            return jnp.where((w > 0) & ((r @ w) == 0)[None], jnp.inf, 0).sum(1)

        start = (r, r, jnp.zeros((), p.dtype), jnp.asarray(jnp.inf, p.dtype), 0)
        return jax.lax.while_loop(rises, improve, start)[1:3]

    p, w = jax.lax.stop_gradient((prior, channel))
    tiny = jnp.finfo(p.dtype).tiny
    masses = starts * p[None]
    usable = masses.sum(1, keepdims=True) > 0
    laws = jnp.where(usable, masses / jnp.where(usable, masses.sum(1, keepdims=True), 1), p[None])
    reached, ratios = jax.vmap(climb)(laws)
    best = ratio(prior, channel, reached[jnp.argmax(ratios)])
    return jnp.minimum(jnp.maximum(best, _maximal_correlation(prior[:, None] * channel) ** 2), 1)


def maximal_correlation(joint: ArrayLike) -> Float[Array, ""]:
    """The Hirschfeld–Gebelein–Rényi maximal correlation: how well a function of X can predict a function of Y.

    ρ = max corr(f(X), g(Y)), the largest singular value of (p(x,y) − p(x)p(y))/√(p(x)p(y)).

    Args:
        joint: Probabilities [x, y].

    Returns:
        The correlation, in [0, 1].

    Raises:
        ValueError: Where `joint` is not a probability table of two axes.

    References:
        Rényi (1959), On measures of dependence.
        Witsenhausen (1975), On sequences of pairs of dependent random variables.
    """
    return _maximal_correlation(validation.pmf("joint", joint, ndim=2))


def _maximal_correlation(joint: Float[Array, "x y"]) -> Float[Array, ""]:
    product = joint.sum(1, keepdims=True) * joint.sum(0, keepdims=True)
    scaled = jnp.where(product > 0, (joint - product) / jnp.sqrt(jnp.where(product > 0, product, 1)), 0)
    return jnp.minimum(jnp.linalg.svd(scaled, compute_uv=False)[0], 1)
