"""The information in data whose likelihood is an average over simulated models, between two bounds.

References:
    Nowozin (2018), Debiasing evidence approximations, ICLR (the bias of a log-average).
    Poole et al. (2019), On variational bounds of mutual information, arXiv:1905.06922 (leaving the own one out).
    Efron & Stein (1981), The jackknife estimate of variance. Annals of Statistics 9.
"""

import math
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.scipy.special import logsumexp
from jaxtyping import Float

from theory import validation
from theory.estimators.intervals import Bounds, pseudo_values
from theory.validation import ArrayLike

FEW = 10  # models, below which an average is of no use
BLOCK = 2**23  # entries of the log-likelihood matrix in memory at a time


class Sandwich(NamedTuple):
    """Bounds on I(X;D), and how many models carry the likelihood of a data set."""

    bounds: Bounds
    effective: Float[Array, ""]  # median over data sets of 1/Σ_l w_l², w_l the share of model l, not the own, in p(d|x)

    @property
    def loose(self) -> Array:
        """Whether so few models carry an average that the bounds are of no use."""
        return self.effective < FEW


def sandwich(
    log_likelihood: Callable[[Any, Any], Array],
    data: Any,
    models: Any,
    prior: ArrayLike | None = None,
    *,
    block: int = BLOCK,
) -> Sandwich:
    """Bounds on I(X;D) in nats, where D is drawn from a random model Z of task X, from simulated models of each task.

    p(d|x) = E[p(d|Z)|x] and p(d) = Σ_x p(x) p(d|x) are averages over models z_xl, l < L. The average that includes the
    model which made d overestimates E ln p(d|x), since u ln u is convex; the one that leaves it out underestimates it,
    since ln is concave; likewise for p(d), within the task of that model. Hence

        E[ln p̂_out(d|x) − ln p̂_in(d)] ≤ I(X;D) ≤ E[ln p̂_in(d|x) − ln p̂_out(d)].

    For Gaussians of f parameters whose models vary v times as much as data of one model, the ends lie at most
    2 ((1+v)^f − 1)/L apart once that is small, and close more slowly before; in a closed loop v = t + 1 for D_t.
    `effective` is about L/(1+v)^{f/2}: below some ten models the bounds are too loose to be of use, as `loose` says.

    All data sets meet the same models, so their values are not independent. The values [l] of the bounds are therefore
    those of the infinitesimal jackknife over replicas, each a model with the data set drawn from it: what a replica
    adds by its own data set, and what its model adds to the averages of all others. They need some 20 data sets a task.

    Args:
        log_likelihood: (data [b, …], models [l, …]) -> ln p(d_i|z_j) [b, l], in nats, up to a constant of each data
            set; −inf where a model cannot have made it. Compiled once for each function.
        data: A pytree of arrays [x, r, …], r ≥ 2; data set (x, r) was drawn from model (x, r).
        models: A pytree of arrays [x, l, …], l ≥ r: independent draws of p(z|x). What else the likelihood needs of the
            task, such as its verifier, is part of it.
        prior: p(x) [x]; uniform by default.
        block: Entries of the matrix [x·r, x·l] in memory at a time.

    Raises:
        ValueError: Where no model but its own can have made some data set (`models`: more are needed).
    """
    log_likelihood = validation.function("log_likelihood", log_likelihood)
    (m, r), (tasks, num_models) = _leading("data", data), _leading("models", models)
    validation.same_size("models", tasks, "data", m)
    if r < 2:
        raise validation.refuse("data", f"{r} data set a task", "at least 2")
    if num_models < r:
        raise validation.refuse("models", f"{num_models} a task", f"at least the {r} that made the data")
    p = validation.pmf("prior", np.full(m, 1 / m) if prior is None else prior, 1)
    validation.same_size("prior", p.size, "data", m)
    _check_shape(log_likelihood, data, models, m * num_models)
    rows = max(1, min(r, validation.integer("block", block, 1) // (m * num_models)))
    bounds, effective, values = _sandwich(log_likelihood, data, models, jnp.log(p), rows=rows)
    if validation.has_values(values):
        if np.isnan(values).any():
            accepted = "finite numbers, or −inf for what a model other than its own cannot have made"
            raise validation.refuse("log_likelihood", "a NaN, +inf, or −inf of a data set's own model", accepted)
        if not np.isfinite(values).all():
            raise validation.refuse("models", f"{num_models} a task", "enough that others can have made each data set")
    return Sandwich(bounds, effective)


def _leading(name: str, tree: Any) -> tuple[int, int]:
    """The two leading axes, which all leaves share; leaves are arrays of numbers, none of them NaN."""
    for leaf in jax.tree.leaves(tree):
        array = validation.taken(name, leaf, "arrays of real numbers")
        if jnp.issubdtype(array.dtype, jnp.complexfloating) or array.size == 0:
            raise validation.refuse(name, f"{array.dtype} of shape {array.shape}", "arrays of real numbers")
        floats = validation.has_values(array) and jnp.issubdtype(array.dtype, jnp.floating)
        if floats and np.isnan(np.asarray(array)).any():
            raise validation.refuse(name, "a NaN", "arrays of real numbers")
    shapes = {np.shape(leaf)[:2] for leaf in jax.tree.leaves(tree)}
    if len(shapes) != 1 or len(shape := next(iter(shapes))) != 2 or 0 in shape:
        given = " and ".join(sorted(map(str, shapes))) or "none"
        raise validation.refuse(name, f"leading axes {given}", "arrays [x, replica, …], the same in all")
    return shape


def _check_shape(log_likelihood: Callable[[Any, Any], Array], data: Any, models: Any, num_models: int) -> None:
    """Refuses a likelihood that does not give [2, all models] for two data sets."""

    def block(data: Any, models: Any) -> Array:
        flat = jax.tree.map(lambda leaf: leaf.reshape(-1, *leaf.shape[2:]), models)
        return log_likelihood(jax.tree.map(lambda leaf: leaf[0, :2], data), flat)

    found = validation.result("log_likelihood", block, data, models, on="such `data` and `models`")
    if found.shape != (2, num_models) or not jnp.issubdtype(found.dtype, jnp.floating):
        given = f"a function that returns {found.dtype} of shape {found.shape} for 2 data sets"
        raise validation.refuse("log_likelihood", given, f"one that returns floats of shape (2, {num_models})")


@partial(jax.jit, static_argnames=("log_likelihood", "rows"))
def _sandwich(log_likelihood, data, models, log_prior, *, rows: int) -> tuple[Bounds, Array, Array]:
    num_replicas = jax.tree.leaves(data)[0].shape[1]
    num_models = jax.tree.leaves(models)[0].shape[1]
    flat = jax.tree.map(lambda leaf: leaf.reshape(-1, *leaf.shape[2:]), models)
    index = jnp.arange(math.ceil(num_replicas / rows) * rows).reshape(-1, rows)

    def task(columns: Array, x_and_own: tuple[Array, Any]) -> tuple[Array, tuple[Array, Array]]:
        x, own = x_and_own

        def part(columns: Array, replica: Array) -> tuple[Array, tuple[Array, Array]]:
            there = replica < num_replicas
            replica = jnp.minimum(replica, num_replicas - 1)
            ell = log_likelihood(jax.tree.map(lambda leaf: leaf[replica], own), flat)
            ell = ell.reshape(rows, log_prior.size, num_models)
            values, effective, new = _rows(ell, x, replica, there.astype(ell.dtype), log_prior)
            return columns + new, (values, effective)

        columns, (values, effective) = jax.lax.scan(part, columns, index)
        return columns, (_joined(values)[:, :num_replicas], _joined(effective[..., None])[0, :num_replicas])

    dtype = jax.eval_shape(log_likelihood, jax.tree.map(lambda leaf: leaf[0, :1], data), flat).dtype
    log_prior = log_prior.astype(dtype)
    nothing = jnp.zeros((2, log_prior.size, num_models), dtype)
    columns, (values, effective) = jax.lax.scan(task, nothing, (jnp.arange(log_prior.size), data))
    return _jackknife(values, columns, jnp.exp(log_prior)), jnp.median(effective), values


def _rows(ell: Array, x: Array, own: Array, there: Array, log_prior: Array) -> tuple[Array, Array, Array]:
    """For some data sets of task x: both values [r, 2], the effective number of models, the models' shares [2, x, l].

    The share of a model in a value is its derivative with respect to how often the model is counted; that of the model
    which made the data set, of order 1/effective, is left out.
    """
    rows, place, num_models = jnp.arange(own.size), jnp.arange(log_prior.size), ell.shape[2]
    made = ell[rows, x, own]
    made = jnp.where(made > -jnp.inf, made, jnp.nan)  # for the check outside
    ell = ell.at[rows, x, own].set(-jnp.inf)
    top = ell.max(2)
    top = jnp.where(top > -jnp.inf, top, top.max(1, keepdims=True))  # where no model of a task can have made the data
    top = jnp.where(top > -jnp.inf, top, 0)
    e = jnp.exp(ell - top[:, :, None])
    out = top + jnp.log(e.sum(2))
    own_task = (place == x)[None, :]
    whole = jnp.where(own_task, jnp.logaddexp(out, made[:, None]), out)
    size = jnp.asarray(num_models, ell.dtype)
    log_size_out = jnp.log(size - own_task.astype(ell.dtype))
    marginal_in = logsumexp(log_prior[None, :] + whole - jnp.log(size), axis=1)
    marginal_out = logsumexp(log_prior[None, :] + out - log_size_out, axis=1)
    values = jnp.stack([(out - log_size_out)[:, x] - marginal_in, whole[:, x] - jnp.log(size) - marginal_out], axis=1)

    weight = (jnp.exp(log_prior[x]) * there)[:, None]
    conditional = jnp.where(own_task, jnp.stack([-out, -whole]), -jnp.inf)
    marginal = log_prior[None, None, :] - jnp.stack(
        jnp.broadcast_arrays(marginal_in[:, None] + jnp.log(size), marginal_out[:, None] + log_size_out)
    )
    coefficients = weight[None] * (jnp.exp(conditional + top[None]) - jnp.exp(marginal + top[None]))
    shares = jnp.einsum("vrx,rxl->vxl", coefficients, e)
    effective = e.sum(2)[:, x] ** 2 / (e**2).sum(2)[:, x]
    return values, effective, shares


def _joined(blocks: Float[Array, "block row value"]) -> Float[Array, "value replica"]:
    """Blocks of replicas, one after the other."""
    return jnp.moveaxis(blocks, 2, 0).reshape(blocks.shape[2], -1)


def _jackknife(values: Float[Array, "x v r"], columns: Float[Array, "v x l"], prior: Float[Array, " x"]) -> Bounds:
    """θ + L Σ_x of what replica l adds: its own value above its task's mean, and its share above the mean share."""
    num_replicas, num_models = values.shape[2], columns.shape[2]
    own = pseudo_values((prior[:, None, None] * values).sum(0).T, num_models)  # [l, v]
    shares = (columns - columns.mean(2, keepdims=True)).sum(1) * (num_models / num_replicas)
    lower, upper = own.T + shares
    return Bounds(lower, upper)
