"""What a channel W[x, y] = p(y|x) can carry, and how much it must lose: capacity, contraction coefficients, in nats.

References: Arimoto (1972), An algorithm for computing the capacity of arbitrary discrete memoryless channels; Boyd &
Vandenberghe (2004), Convex Optimization, section 11.7; Dobrushin (1956), Central limit theorem for nonstationary Markov
chains; Ahlswede & Gács (1976), Spreading of sets in product spaces; Anantharam, Gohari, Kamath & Nair (2013), On
maximal correlation, arXiv:1304.6133; Ordentlich & Polyanskiy (2021), Strong data processing constant is achieved by
binary inputs, arXiv:2010.01987; Rényi (1959), On measures of dependence.
"""

import warnings
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

from theory import validation
from theory.measures import divergence_terms, log_ratio
from theory.validation import ArrayLike

MAX_ITERATIONS = 1000
ROUNDINGS = 100  # of the channel; one moves a capacity C by about eps √C
REACH = 0.99  # how far Newton's step goes towards the nearest face
BISECTIONS = 40  # halvings of [0, 1]; at a maximum the error of the value is the square of that of the weight
NUM_RANDOM_STARTS = 32
MAX_CLIMB = 60
DAMPINGS = (1e-6, 1e-4, 1e-2, 1.0)  # of Newton's step, relative to the curvature
FACE = -300.0  # a tilt that leaves nothing of a symbol, and whose exponential is no denormal number


class Capacity(NamedTuple):
    """An interval around the capacity, in nats, and the input distribution that attains its lower end."""

    lower: Float[Array, ""]
    upper: Float[Array, ""]
    prior: Float[Array, " x"]


def capacity(channel: ArrayLike, *, tolerance: float | None = None, max_iterations: int = MAX_ITERATIONS) -> Capacity:
    """The capacity of a channel, between two bounds.

    C = max_r I(X;Y),  Σ_x r(x) D(W_x‖rW) ≤ C ≤ max_x D(W_x‖rW) for every input distribution r.

    Blahut–Arimoto's r(x) ← r(x) e^{D(W_x‖rW)}, normalised, while that is quick; then Newton's steps along the central
    path r(x) (ν − D(W_x‖rW)) = μ → 0, on the inputs that come near the upper bound. Under `jit` Newton's on all inputs.

    Args:
        channel: W[x, y] = p(y|x).
        tolerance: Stop when the two bounds are this close, in nats; None: 100 eps √C, as 100 roundings of W move C.
        max_iterations: Stop then at the latest. The bounds hold all the same; a `RuntimeWarning` says that they are
            wide, but not under `jit`.

    Returns:
        Both bounds, and the input distribution of the lower one, at which derivatives are taken.
    """
    w = validation.pmf("channel", channel, ndim=2, axis=1)
    goal = None if tolerance is None else validation.positive("tolerance", tolerance).astype(w.dtype)
    steps = validation.integer("max_iterations", max_iterations, 1)
    if not validation.has_values((w, goal)):
        return _capacity(w, goal, steps)
    found = _on_host(np.asarray(w, float), None if goal is None else float(goal), steps)
    return Capacity(*(validation.array(x, w.dtype) for x in found))


@jax.jit
def _capacity(channel: Float[Array, "x y"], tolerance: Array | None, max_iterations: int | Array) -> Capacity:
    uniform = jnp.full(channel.shape[0], 1 / channel.shape[0], channel.dtype)
    with jax.default_matmul_precision("highest"):
        prior, _ = _newton_steps(jnp, jax.lax.stop_gradient(channel), uniform, tolerance, max_iterations)
        q = _output(jnp, channel, jax.lax.stop_gradient(prior))
    divergences = divergence_terms(channel, jnp.broadcast_to(q[None], channel.shape)).sum(1)
    return Capacity((prior * divergences).sum(), divergences.max(), prior)


def _on_host(w: np.ndarray, tolerance: float | None, max_iterations: int) -> tuple[Any, ...]:
    r, steps = _blahut_arimoto(w, tolerance, min(len(w), max_iterations // 2))
    near = np.zeros(len(w), bool)
    while True:
        divergences = _divergences(np, w, _output(np, w, r))
        lower, upper = r @ divergences, divergences.max()
        wide = _wide(divergences, r, tolerance)
        if not wide or steps >= max_iterations:
            break
        near |= divergences >= lower - (upper - lower)
        r = np.where(near, r + 1 / near.sum(), 0)
        r[near], more = _newton_steps(np, w[near], r[near] / r.sum(), tolerance, max_iterations - steps)
        steps += more + 1
    if wide:
        message = f"capacity: {upper - lower:.2g} nats between the bounds after {max_iterations} iterations"
        warnings.warn(message, RuntimeWarning, stacklevel=3)
    return lower, upper, r


def _output(xp: Any, w: Any, r: Any) -> Any:
    """The output distribution rW, above zero."""
    return xp.maximum(r @ w, jnp.finfo(w.dtype).tiny)


def _divergences(xp: Any, w: Any, q: Any) -> Any:
    """D(w[x]‖q) for every row, as `divergence_terms`."""
    difference, normal = w - q[None], w >= jnp.finfo(w.dtype).tiny
    size = xp.log1p(xp.abs(difference) / xp.where(normal, xp.minimum(w, q[None]), 1))
    return xp.maximum(w * xp.copysign(size, difference) - difference, 0).sum(1)


def _wide(divergences: Any, r: Any, tolerance: Any) -> Any:
    """Whether the bounds are further apart than they may be."""
    upper = divergences.max()
    rounding = ROUNDINGS * float(jnp.finfo(divergences.dtype).eps) * upper**0.5
    return upper - r @ divergences > (rounding if tolerance is None else tolerance)


def _blahut_arimoto(w: np.ndarray, tolerance: float | None, max_iterations: int) -> tuple[Any, int]:
    """The input distribution after the quick steps, and their number; one logarithm an output."""
    negentropies = (w * np.log(np.where(w > 0, w, 1))).sum(1)
    r = np.full(len(w), 1 / len(w))
    for i in range(max_iterations):
        divergences = np.maximum(negentropies - w @ np.log(_output(np, w, r)), 0)
        if not _wide(divergences, r, tolerance):
            return r, i
        r = r * np.exp(divergences - divergences.max())
        r /= r.sum()
    return r, max_iterations


def _newton_steps(xp: Any, w: Any, r: Any, tolerance: Any, max_iterations: int | Array) -> tuple[Any, Any]:
    """The input distribution after the steps from r that its tolerance takes, and their number.

    A step solves D + ΔD + z + Δz = ν, ΔD = −W diag(1/rW) WᵀΔr, zΔr + rΔz = σμ − rz, Σ Δr = 0, with Mehrotra's σ, in
    the unknowns Δr/√r: b bᵀ has eigenvalues of at most 1, and none of its digits cancels where the rows of W are alike.
    """
    info = jnp.finfo(w.dtype)
    floor, rounding = float(info.tiny) ** 0.5, ROUNDINGS * float(info.eps)

    def step(state):
        r, z, divergences, i = state
        q = _output(xp, w, r)
        root = xp.sqrt(r)
        b = root[:, None] * (w - q[None]) / xp.sqrt(q)[None]
        scale = (b**2).sum()
        system = b @ b.T + scale * xp.outer(root, root) + xp.diag(z + rounding * scale**0.5)
        sides = xp.stack([root * (divergences - r @ divergences), 1 / root, root], 1)
        ahead, centre, level = (root[:, None] * xp.linalg.solve(system, sides)).T
        mu = r @ z / r.size

        def move(sigma):
            dr = ahead + sigma * mu * centre
            dr = dr - dr.sum() / level.sum() * level
            dz = (sigma * mu - z * dr) / r - z
            shrinks = xp.maximum((-dr / r).max(), (-dz / z).max())
            length = 1 / xp.maximum(shrinks / REACH, 1)
            return xp.maximum(r + length * dr, floor), xp.maximum(z + length * dz, floor)

        r_ahead, z_ahead = move(0)
        r, z = move(xp.clip(r_ahead @ z_ahead / (r.size * mu), 0, 1) ** 3)
        r = r / r.sum()
        return r, z, _divergences(xp, w, _output(xp, w, r)), i + 1

    def goes_on(state):
        r, _, divergences, i = state
        return _wide(divergences, r, tolerance) & (i < max_iterations)

    divergences = _divergences(xp, w, _output(xp, w, r))
    state = r, 2 * divergences.max() - r @ divergences - divergences + floor, divergences, 0
    if xp is jnp:
        state = jax.lax.while_loop(goes_on, step, state)
    else:
        while goes_on(state):
            state = step(state)
    return state[0], state[3]


def dobrushin(channel: ArrayLike) -> Float[Array, ""]:
    """Dobrushin's coefficient: how far apart two inputs can be told in total variation.

    η_TV = max_{x,x'} ½ Σ_y |W(y|x) − W(y|x')| ∈ [0, 1]; no divergence keeps a larger share through the channel.
    """
    w = validation.pmf("channel", channel, ndim=2, axis=1)
    return jax.lax.map(lambda row: jnp.abs(w - row[None]).sum(1).max() / 2, w).max()


def contraction(channel: ArrayLike) -> Float[Array, ""]:
    """The strong data-processing constant of a channel: no input distribution keeps more of its information.

    η_KL = sup I(U;Y)/I(U;X) over U → X → Y = max_{x,x'} max_w w(1−w) Σ_y (a−b)²/(wa+(1−w)b), a = W(·|x), b = W(·|x'):
    the supremum over input distributions of the squared maximal correlation is attained on two symbols, and is concave
    in w. In [0, 1]; 1 where two inputs have disjoint outputs.
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
    """The strong data-processing constant of a channel at one input distribution p.

    s*(p, W) = sup_r D(rW‖pW)/D(r‖p) = sup I(U;Y)/I(U;X) over U → X → Y with X ~ p;  ρ² ≤ s* ≤ η_KL.

    With r ∝ p·e^v the ratio λ rises along v ← Σ_y W(y|x) ln((rW)_y/(pW)_y)/λ, and faster along Newton's step; the best
    of both is taken, from tilts up and down of every symbol, near and far, and from random ones. ρ² is the limit r → p.
    Where no start finds the highest of several maxima the result is a lower bound. To about 1e-9; 0 where the input or
    the output is constant.
    """
    p, w = validation.one_dtype(
        validation.pmf("prior", prior, ndim=1), validation.pmf("channel", channel, ndim=2, axis=1)
    )
    validation.same_size("prior", p.size, "channel", w.shape[0])
    return _contraction_at(p, w, validation.array(_starts(p.size), w.dtype))


def _starts(size: int) -> Float[np.ndarray, "start x"]:
    """Tilts v of the input distribution: of one symbol, down to a face and up to a corner, and fixed random ones."""
    random = np.random.default_rng(0).standard_normal((NUM_RANDOM_STARTS, size))
    scales = np.geomspace(0.01, 10, NUM_RANDOM_STARTS)[:, None]
    return np.concatenate([s * np.eye(size) for s in (-30.0, -1.0, -0.01, 0.01, 1.0, 30.0)] + [scales * random])


@jax.jit
def _contraction_at(
    prior: Float[Array, " x"], channel: Float[Array, "x y"], starts: Float[Array, "start x"]
) -> Float[Array, ""]:
    fixed = jax.lax.stop_gradient((prior, channel))
    tilts, ratios = jax.vmap(partial(_climb, *fixed))(starts)
    best = _ratio(prior, channel, tilts[jnp.argmax(ratios)])
    return jnp.minimum(jnp.maximum(best, _maximal_correlation(prior[:, None] * channel) ** 2), 1)


def _tilted(p: Float[Array, " x"], v: Float[Array, " x"]) -> Float[Array, " x"]:
    """The distribution r ∝ p·e^v."""
    weights = p * jnp.exp(v - jnp.where(p > 0, v, -jnp.inf).max())
    return weights / weights.sum()


def _ratio(p: Float[Array, " x"], w: Float[Array, "x y"], v: Float[Array, " x"]) -> Float[Array, ""]:
    """D(rW‖pW)/D(r‖p) at r ∝ p·e^v, and 0 where r is so near to p that it would be rounding."""
    r = _tilted(p, v)
    distance = divergence_terms(r, p).sum()
    far = distance > jnp.finfo(p.dtype).eps ** (2 / 3)
    return jnp.where(far, divergence_terms(r @ w, p @ w).sum() / jnp.where(far, distance, 1), 0)


def _newton(f: Callable[[Array], Array], v: Float[Array, " x"]) -> Float[Array, "step x"]:
    """Newton's steps to a maximum of f, more and more damped."""
    slope, curvature = jax.grad(f)(v), jax.hessian(f)(v)
    unit = jnp.eye(v.size, dtype=v.dtype) * (jnp.abs(curvature).max() + jnp.finfo(v.dtype).tiny)
    dampings = jnp.asarray(DAMPINGS, v.dtype)
    return jax.vmap(lambda damping: v + jnp.linalg.solve(damping * unit - curvature, slope))(dampings)


def _climb(p: Float[Array, " x"], w: Float[Array, "x y"], v: Float[Array, " x"]) -> tuple[Array, Array]:
    """The tilt at the top of the hill on which v stands, and the ratio there."""
    ratio = partial(_ratio, p, w)

    def improve(state):
        v, best, _, i = state
        plain = w @ log_ratio(_tilted(p, v) @ w, p @ w) / jnp.maximum(best, jnp.finfo(p.dtype).tiny)
        steps = jnp.concatenate([plain[None], _newton(ratio, v)])
        steps = jnp.where(jnp.isfinite(steps), steps, 0)  # where the curvature cannot be inverted
        steps = jnp.maximum(steps - steps.max(1, keepdims=True), FACE)
        ratios = jax.vmap(ratio)(steps)
        top = jnp.argmax(ratios)
        rises = ratios[top] > best
        return jnp.where(rises, steps[top], v), jnp.maximum(ratios[top], best), rises, i + 1

    start = (v, ratio(v), jnp.asarray(True), 0)
    return jax.lax.while_loop(lambda state: state[2] & (state[3] < MAX_CLIMB), improve, start)[:2]


def maximal_correlation(joint: ArrayLike) -> Float[Array, ""]:
    """The Hirschfeld–Gebelein–Rényi maximal correlation: how well a function of X can predict a function of Y.

    ρ = max corr(f(X), g(Y)) ∈ [0, 1], the largest singular value of (p(x,y) − p(x)p(y))/√(p(x)p(y)).
    """
    return _maximal_correlation(validation.pmf("joint", joint, ndim=2))


def _maximal_correlation(joint: Float[Array, "x y"]) -> Float[Array, ""]:
    product = joint.sum(1, keepdims=True) * joint.sum(0, keepdims=True)
    scaled = jnp.where(product > 0, (joint - product) / jnp.sqrt(jnp.where(product > 0, product, 1)), 0)
    return jnp.minimum(jnp.linalg.svd(scaled, compute_uv=False)[0], 1)
