"""Priors of a real-valued task, and the replicas that were simulated from them."""

from typing import NamedTuple

from jax import Array

from theory import validation
from theory.validation import ArrayLike


class Normal(NamedTuple):
    """X ~ N(mean, variance)."""

    mean: ArrayLike = 0.0
    variance: ArrayLike = 1.0


class Finite(NamedTuple):
    """P(X = values[x]) = probs[x]: finitely many tasks."""

    values: ArrayLike  # [x]
    probs: ArrayLike  # [x]


Prior = Normal | Finite
STANDARD_NORMAL = Normal()


def checked(prior: Prior) -> Prior:
    """The prior with its fields as checked arrays."""
    if isinstance(prior, Normal):
        mean = validation.finite("prior.mean", prior.mean, 0)
        return Normal(mean, validation.positive("prior.variance", prior.variance))
    if not isinstance(prior, Finite):
        raise validation.refuse("prior", type(prior).__name__, "Normal(mean, variance) or Finite(values, probs)")
    values = validation.finite("prior.values", prior.values, 1)
    probs = validation.pmf("prior.probs", prior.probs, 1)
    validation.same_size("prior.probs", probs.size, "prior.values", values.size)
    return Finite(values, probs)


def replicas(name: str, task: ArrayLike, trajectories: ArrayLike) -> tuple[Array, Array]:
    """Tasks [...] and what was fitted for them, [..., t], of one dtype; `name` is that of the trajectories."""
    x, v = validation.one_dtype(validation.finite("task", task), validation.finite(name, trajectories))
    if v.ndim == 0 or v.shape[:-1] != x.shape:
        raise validation.refuse(name, f"shape {v.shape}", f"the shape of `task`, {x.shape}, and an axis of generations")
    return x, v
