"""pass@k: how likely one of several samples is right, and its estimate. The public names stand in `theory.policies`."""

import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from theory import validation
from theory.validation import ArrayLike


def pass_at(k: ArrayLike, correct: ArrayLike) -> Float[Array, "*shape"]:
    """The probability that one of k independent samples is right.

    1 − (1−p)^k.

    Args:
        k: Samples, integers >= 1.
        correct: p, of a shape that broadcasts with `k`.

    Returns:
        The probabilities; a small one keeps its digits.

    Raises:
        ValueError: Where `k` has other entries than integers >= 1, or `correct` is not in [0, 1].

    References:
        Kulal et al. (2019), SPoC: search-based pseudocode to code, arXiv:1906.04908.
    """
    count, p = _integers("k", k, 1), validation.rates("correct", correct)
    try:
        count, p = jnp.broadcast_arrays(count.astype(p.dtype), p)
    except ValueError as error:
        raise validation.refuse("k", f"shape {count.shape}", f"one that broadcasts with {p.shape}") from error
    return -jnp.expm1(count * jnp.log1p(-p))


def pass_at_estimate(k: int, num_samples: int, num_correct: ArrayLike) -> Float[Array, "*shape"]:
    """The unbiased estimate of `pass_at(k, p)` from n samples with c right ones.

    1 − C(n−c, k)/C(n, k) = 1 − Π_{i<k} (1 − c/(n−i)).

    Args:
        k: At least 1.
        num_samples: n, at least k.
        num_correct: c, integers from 0 to n; any shape.

    Returns:
        The estimates.

    Raises:
        ValueError: Where an argument is no integer in its range.

    References:
        Chen et al. (2021), Evaluating large language models trained on code, section 2.1, arXiv:2107.03374.
    """
    k = validation.integer("k", k, 1)
    n, c = validation.integer("num_samples", num_samples, k), _integers("num_correct", num_correct, 0)
    if validation.has_values(c) and (c > n).any():
        raise validation.refuse("num_correct", c.max(), f"integers <= num_samples = {n}")
    left = n - jnp.arange(k, dtype=c.dtype).reshape([1] * c.ndim + [k])
    return -jnp.expm1(jnp.log1p(-jnp.minimum(c[..., None] / left, 1)).sum(-1))


def _integers(name: str, x: ArrayLike, at_least: int) -> Float[Array, "*shape"]:
    """Whole numbers of any shape, as floats."""
    array = validation.finite(name, x)
    if validation.has_values(array) and not ((array >= at_least) & (array == jnp.floor(array))).all():
        raise validation.refuse(name, x, f"integers >= {at_least}")
    return array
