"""Entropy, divergence and information of finite tables, in nats, exact to rounding and differentiable at zeros.

References:
    Shannon (1948), A mathematical theory of communication.
    Kullback & Leibler (1951), On information and sufficiency.
    Cover & Thomas (2006), Elements of Information Theory, sections 2.3, 2.5 and 2.8.
"""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float, Int

from theory import validation
from theory.validation import ArrayLike

MAX_ENTRIES = 10_000_000  # of a table that labels make larger


def log_ratio(p: Float[Array, "*shape"], q: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """ln(p/q) = ±log1p(|p−q| / min(p,q)), exact where p ≈ q and finite where p ≪ q; 0 where either is zero.

    log1p((p−q)/q) alone is −inf already at p < 1e-16 q.
    """
    both = (p > 0) & (q > 0)
    size = jnp.log1p(jnp.where(both, jnp.abs(p - q), 0) / jnp.where(both, jnp.minimum(p, q), 1))
    return jnp.where(p < q, -size, size)


@jax.custom_jvp
def divergence_terms(p: Float[Array, "*shape"], q: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """The terms of D(p‖q), each non-negative: p ln(p/q) − p + q = q·φ(d), d = (p−q)/q, φ(d) = (1+d)·log1p(d) − d.

    For tables of equal mass the sum is Σ p ln(p/q), but no term cancels another, so a small divergence keeps its
    digits, where a difference of entropies has none left. The last rounding (1e-33) is kept from going below zero.

    The term is q where p = 0, with derivative 1 in q and none in p (a structural zero stays one), and inf where
    q = 0 < p.
    """
    terms = jnp.maximum(p * log_ratio(p, q) - (p - q), 0)
    return jnp.where((q <= 0) & (p > 0), jnp.inf, terms)


@divergence_terms.defjvp
def _divergence_terms_jvp(primals, tangents):
    """∂/∂p = ln(p/q), ∂/∂q = 1 − p/q, written out since the chain rule passes 1/q², which overflows in the tails."""
    (p, q), (p_dot, q_dot) = primals, tangents
    slope = jnp.where(q > 0, (q - p) / jnp.where(q > 0, q, 1), jnp.where(p > 0, 0, 1).astype(p.dtype))
    return divergence_terms(p, q), log_ratio(p, q) * p_dot + slope * q_dot


def divergence(p: Float[Array, "*shape"], q: Float[Array, "*shape"]) -> Float[Array, ""]:
    """`kl_divergence` of tables that have been checked.

    XLA takes what is smaller than a normal number for zero, and so would call D(p‖q) infinite: with values, in NumPy.
    """
    if not validation.has_values((p, q)):
        return divergence_terms(p, q).sum()
    mine, other = np.asarray(p, float), np.asarray(q, float)
    both = (mine > 0) & (other > 0)
    a, b = mine[both], other[both]
    with np.errstate(over="ignore"):
        gap = np.abs(a - b) / np.minimum(a, b)
    size = np.where(gap < 1e8, np.log1p(gap), np.abs(np.log(a) - np.log(b)))
    terms = np.maximum(a * np.copysign(size, a - b) - (a - b), 0)
    total = np.inf if mine[other <= 0].any() else terms.sum() + other[mine <= 0].sum()
    return validation.array(total, p.dtype)


def _divergence_from_product(p: Float[Array, "*shape"], q: Float[Array, "*shape"]) -> Float[Array, ""]:
    """D(p‖q) for a q made of marginals of p: zero below p only by underflow (p < 1e-150), never infinite."""
    return divergence_terms(p, jnp.maximum(q, jnp.where(p > 0, jnp.finfo(p.dtype).tiny, 0))).sum()


@jax.jit
def product_divergence(joint: Float[Array, "x y"]) -> Float[Array, ""]:
    """I(X;Y) of a table that has been checked: its divergence from the product of its marginals."""
    return _divergence_from_product(joint, joint.sum(1, keepdims=True) * joint.sum(0, keepdims=True))


def entropy(pmf: ArrayLike) -> Float[Array, ""]:
    """H(X) = −Σ_x p(x) ln p(x), with 0 ln 0 = 0: Shannon's entropy of a whole table, of any shape.

    Its derivative in a cell of probability zero is 0.
    """
    xp, p = validation.host(validation.pmf("pmf", pmf))
    return validation.array(xp.where(p > 0, p * -xp.log(xp.where(p > 0, p, 1)), 0).sum())


@jax.jit
def binary_entropy(p: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """h(p) = −p ln p − (1−p) ln(1−p), in nats; a small p keeps its digits."""
    inside = (p > 0) & (p < 1)
    safe = jnp.where(inside, p, 0.5)
    return jnp.where(inside, -safe * jnp.log(safe) - (1 - safe) * jnp.log1p(-safe), 0)


def kl_divergence(p: ArrayLike, q: ArrayLike) -> Float[Array, ""]:
    """D(p‖q) = Σ_x p(x) ln(p(x)/q(x)): the Kullback–Leibler divergence of two tables of one shape.

    Never negative; infinite where q = 0 < p.
    """
    p, q = validation.one_dtype(validation.pmf("p", p), validation.pmf("q", q))
    if p.shape != q.shape:
        raise validation.refuse("q", f"shape {q.shape}", f"shape {p.shape}, as `p` has")
    return divergence(p, q)


def mutual_information(joint: ArrayLike) -> Float[Array, ""]:
    """I(X;Y) = D(p(x,y) ‖ p(x) p(y)), of a joint table [x, y]; never negative."""
    return product_divergence(validation.pmf("joint", joint, ndim=2))


def conditional_mutual_information(joint: ArrayLike) -> Float[Array, ""]:
    """I(X;Y|Z) = D(p(x,y,z) ‖ p(x,z) p(y,z) / p(z)), of a joint table [x, y, z]; never negative."""
    return _conditional(validation.pmf("joint", joint, ndim=3))


@jax.jit
def _conditional(p: Float[Array, "x y z"]) -> Float[Array, ""]:
    z = p.sum((0, 1), keepdims=True)
    product = p.sum(1, keepdims=True) * (p.sum(0, keepdims=True) / jnp.where(z > 0, z, 1))  # p(x,z) p(y|z)
    return _divergence_from_product(p, product)


def coarsen(joint: ArrayLike, blocks: ArrayLike, axis: int) -> Array:
    """p([y]) = Σ_{y' in [y]} p(y'): merges the symbols of one axis into the blocks of a partition.

    Args:
        joint: Probabilities, of any shape.
        blocks: Integers [symbols of that axis]: `blocks[i]` is the block of symbol i; concrete, since they set a shape.
        axis: The axis to coarsen.

    Returns:
        The table with `max(blocks) + 1` symbols on that axis; labels that make it larger than `joint` may make ten
        million entries of it.
    """
    p = validation.pmf("joint", joint)
    if isinstance(axis, bool) or not isinstance(axis, int | np.integer) or not -p.ndim <= axis < p.ndim:
        raise validation.refuse("axis", axis, f"an axis of a table of shape {p.shape}")
    labels = block_labels(blocks, p.shape[axis], p.size // p.shape[axis])
    return coarse(p, labels, int(axis), int(labels.max()) + 1)


def block_labels(blocks: ArrayLike, size: int, width: int = 1) -> Int[np.ndarray, " symbol"]:
    """`blocks`, one for each of `size` symbols, and no more blocks than memory has room for, `width` entries each."""
    labels = validation.integers("blocks", blocks, 0, "non-negative integers, one for each symbol", ndim=1)
    validation.same_size("blocks", labels.size, "joint", size)
    if (num_blocks := int(labels.max()) + 1) > size:
        validation.entries("blocks", num_blocks * width, MAX_ENTRIES, f"{num_blocks:,} blocks, a table")
    return labels


@partial(jax.jit, static_argnums=(2, 3))
def coarse(p: Array, labels: Int[Array, " symbol"], axis: int, num_blocks: int) -> Array:
    """`coarsen` of what has been checked."""
    return jnp.moveaxis(jax.ops.segment_sum(jnp.moveaxis(p, axis, 0), labels, num_segments=num_blocks), 0, axis)
