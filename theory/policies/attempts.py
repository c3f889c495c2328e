"""pass@k: how likely one of several samples is correct, and its estimate.

References:
    Kulal et al. (2019), SPoC: search-based pseudocode to code, arXiv:1906.04908.
    Chen et al. (2021), Evaluating large language models trained on code, section 2.1, arXiv:2107.03374.
"""

import numpy as np
from jax import Array
from jaxtyping import Float

from theory import validation
from theory.policies.gradients import MAX_TABLE
from theory.validation import ArrayLike


def pass_at(k: ArrayLike, accuracy: ArrayLike) -> Float[Array, "*shape"]:
    """The probability 1 − (1−p)^k that one of k ≥ 1 independent samples of accuracy p is correct.

    The shapes of `k` and `accuracy` broadcast; a small probability keeps its digits.
    """
    count, p = _integers("k", k, 1), validation.rates("accuracy", accuracy)
    xp, count, p = validation.host(*validation.broadcast("k, accuracy", count.astype(p.dtype), p))
    with np.errstate(divide="ignore"):
        return validation.array(-xp.expm1(count * xp.log1p(-p)))


def pass_at_estimate(k: int, num_samples: int, num_correct: ArrayLike) -> Float[Array, "*shape"]:
    """The unbiased estimate of `pass_at(k, p)` from n = `num_samples` ≥ k samples with c = `num_correct` correct ones.

    1 − C(n−c, k)/C(n, k) = 1 − Π_{i<k} (1 − c/(n−i)), for c of any shape.
    """
    k = validation.integer("k", k, 1)
    n, c = validation.integer("num_samples", num_samples, k), _integers("num_correct", num_correct, 0)
    validation.entries("k", k * c.size, MAX_TABLE)
    xp, c = validation.host(c)
    if validation.has_values(c) and (c > n).any():
        raise validation.refuse("num_correct", c.max(), f"integers <= num_samples = {n}")
    left = (float(n) - xp.arange(k, dtype=c.dtype)).reshape([1] * c.ndim + [k])
    with np.errstate(divide="ignore"):
        failed = xp.log1p(-xp.minimum(c[..., None] / left, 1)).sum(-1)
    return validation.array(-xp.expm1(failed))


def _integers(name: str, x: ArrayLike, at_least: int) -> Float[Array, "*shape"]:
    """Whole numbers of any shape, as floats."""
    found = validation.finite(name, x)
    if validation.has_values(found):
        values = np.asarray(found)
        if not ((values >= at_least) & (values == np.floor(values))).all():
            raise validation.refuse(name, x, f"integers >= {at_least}")
    return found
