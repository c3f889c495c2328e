"""pass@k: how likely one of several samples is correct, and its estimate; and what is submitted if a verifier picks.

References:
    Kulal et al. (2019), SPoC: search-based pseudocode to code, arXiv:1906.04908.
    Chen et al. (2021), Evaluating large language models trained on code, section 2.1, arXiv:2107.03374.
    Stroebl, Kapoor & Narayanan (2024), The limits of inference scaling through resampling, arXiv:2411.17501: the
        ceiling of resampling, and the best number of attempts under a price of a false positive.
"""

from typing import Any, NamedTuple

import numpy as np
from jax import Array
from jaxtyping import Float

from theory import validation
from theory.budget.persistent import tasks
from theory.policies.gradients import MAX_TABLE
from theory.validation import ArrayLike


class Resampling(NamedTuple):
    """How a task ends whose outputs are drawn until one is accepted, of k at most; the rest stays unanswered."""

    correct: Float[Array, "*shape"]  # probability that the accepted output is correct
    wrong: Float[Array, "*shape"]  # … that it is wrong


def pass_at(k: ArrayLike, accuracy: ArrayLike) -> Float[Array, "*shape"]:
    """The probability 1 − (1−p)^k that one of k ≥ 1 independent samples of accuracy p is correct.

    The shapes of `k` and `accuracy` broadcast; a small probability keeps its digits.
    """
    count, p = validation.whole("k", k, 1), validation.rates("accuracy", accuracy)
    xp, count, p = validation.host(*validation.broadcast("k, accuracy", count.astype(p.dtype), p))
    return validation.array(_pass_at(xp, count, p))


def _pass_at(xp: Any, k: Any, p: Any) -> Any:
    """Where k = 0, 0."""
    with np.errstate(divide="ignore"):
        return -xp.expm1(k * xp.log1p(xp.where(k > 0, -p, 0)))


def resampling(
    attempts: ArrayLike, correct: ArrayLike, wrong: ArrayLike, weights: ArrayLike | None = None
) -> Resampling:
    """E_i[a_i/(a_i+b_i) (1 − (1−a_i−b_i)^k)], whole numbers k = `attempts` ≥ 0 of any shape, and the same of b_i.

    What is submitted is the first output that is accepted. If a wrong one costs c correct ones, the best k is the
    argmax of correct − c·wrong; for tasks alike it is 0 or has no bound, so that a finite one needs unequal tasks.
    For k → ∞ it is `budget.ceiling`, whose arguments the others are.
    """
    k, a, b, weight = validation.one_dtype(validation.whole("attempts", attempts, 0), *tasks(correct, wrong, weights))
    xp, k, a, b, weight = validation.host(k, a, b, weight)
    rate = xp.minimum(a + b, 1)
    each = weight * xp.where(rate > 0, _pass_at(xp, k[..., None], rate) / xp.where(rate > 0, rate, 1), 0)
    return Resampling(validation.array((each * a).sum(-1)), validation.array((each * b).sum(-1)))


def pass_at_estimate(k: int, num_samples: int, num_correct: ArrayLike) -> Float[Array, "*shape"]:
    """The unbiased estimate of `pass_at(k, p)` from n = `num_samples` ≥ k samples with c = `num_correct` correct ones.

    1 − C(n−c, k)/C(n, k) = 1 − Π_{i<k} (1 − c/(n−i)), for c of any shape.
    """
    k = validation.integer("k", k, 1)
    n, c = validation.integer("num_samples", num_samples, k), validation.whole("num_correct", num_correct, 0)
    validation.entries("k", k * c.size, MAX_TABLE)
    xp, c = validation.host(c)
    if validation.has_values(c) and (c > n).any():
        raise validation.refuse("num_correct", c.max(), f"integers <= num_samples = {n}")
    left = (float(n) - xp.arange(k, dtype=c.dtype)).reshape([1] * c.ndim + [k])
    with np.errstate(divide="ignore"):
        failed = xp.log1p(-xp.minimum(c[..., None] / left, 1)).sum(-1)
    return validation.array(-xp.expm1(failed))
