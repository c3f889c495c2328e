"""What single data sets carry about their task under known distributions, in nats: values that `monte_carlo` averages.

References:
    Fano (1961), Transmission of Information, section 2.2: pointwise information.
    Cochran (1977), Sampling Techniques, chapter 5: stratified sampling.
"""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.scipy.special import logsumexp
from jaxtyping import Float

from theory import validation
from theory.validation import ArrayLike


def pointwise_information(
    log_likelihood: ArrayLike, task: ArrayLike, prior: ArrayLike | None = None
) -> Float[Array, "*shape"]:
    """The pointwise information [...] of each replica of data about its task; its mean over both is I(X;D), in nats.

    i(x;d) = ln p(d|x) − ln Σ_x' p(x') p(d|x') = −ln Σ_x' p(x') p(d|x')/p(d|x) ≤ −ln p(x). It may be negative.

    Args:
        log_likelihood: ln p(d|x') [..., x'] of each replica under every task, up to a constant of each replica; −inf
            where the task cannot have made the replica.
        task: The index x of the task that did make it; integers that broadcast to [...], each of prior > 0.
        prior: p(x') [x']; uniform by default.
    """
    likelihood = validation.floats("log_likelihood", log_likelihood)
    if likelihood.ndim == 0:
        raise validation.refuse("log_likelihood", "a number", "at least 1 axis, that of the tasks")
    *shape, num_tasks = likelihood.shape
    own = validation.taken("task", task, "integers")
    if not jnp.issubdtype(own.dtype, jnp.integer):
        raise validation.refuse("task", f"dtype {own.dtype}", "integers")
    if own.ndim > len(shape) or any(a not in (1, b) for a, b in zip(own.shape[::-1], shape[::-1], strict=False)):
        raise validation.refuse("task", f"shape {own.shape}", f"one that broadcasts to {tuple(shape)}")
    p = validation.pmf("prior", np.full(num_tasks, 1 / num_tasks, likelihood.dtype) if prior is None else prior, ndim=1)
    validation.same_size("prior", p.size, "log_likelihood", num_tasks)
    likelihood, p = validation.one_dtype(likelihood, p)
    if validation.has_values((own, p)):
        indices = np.asarray(own)
        if not ((indices >= 0) & (indices < num_tasks)).all() or not (np.asarray(p)[indices] > 0).all():
            raise validation.refuse("task", "an entry that is no task", f"indices 0 … {num_tasks - 1}, of prior > 0")
    if validation.has_values(likelihood) and not (np.asarray(likelihood) < np.inf).all():  # nor is NaN
        raise validation.refuse("log_likelihood", "a NaN or +inf", "numbers below +inf")
    values, of_own = _values(likelihood, own, log_or_minus_infinity(p))
    if validation.has_values(of_own) and not (np.asarray(of_own) > -np.inf).all():
        raise validation.refuse("log_likelihood", "−inf for a replica's own task", "numbers above −inf there")
    return values


def log_or_minus_infinity(p: Array) -> Array:
    """ln p, −inf at 0; by NumPy where there are values, since XLA takes subnormal numbers for 0."""
    xp, p = validation.host(p)
    return validation.array(xp.where(p > 0, xp.log(xp.where(p > 0, p, 1)), -np.inf).astype(p.dtype))


@jax.jit
def _values(likelihood: Float[Array, "*shape x"], own: Array, log_prior: Float[Array, " x"]) -> tuple[Array, Array]:
    """The values, and the log-likelihood of each replica's own task."""
    index = jnp.broadcast_to(jnp.expand_dims(own, tuple(range(likelihood.ndim - 1 - own.ndim))), likelihood.shape[:-1])
    of_own = jnp.take_along_axis(likelihood, index[..., None], -1)
    return -logsumexp(likelihood - of_own + jnp.broadcast_to(log_prior, likelihood.shape), axis=-1), of_own


def stratified_information(log_likelihood: ArrayLike, prior: ArrayLike | None = None) -> Float[Array, "*shape"]:
    """Pointwise information where each replica has one data set of every task: their average under the prior, in nats.

    v = Σ_x p(x) i(x; d_x),  d_x ~ p(d|x), from ln p(d_x|x') [..., x, x'] and p(x) [x], positive (uniform by default).
    Unbiased, since E v = Σ_x p(x) E[i(X;D)|X=x] = I(X;D) whether or not the d_x of a replica are independent of each
    other, and `estimate` of the values [...] has the correct standard error. It is smaller than that of random tasks:
    with a uniform prior over m tasks and independent d_x, Var v = E Var(i|X)/m, where m values of random tasks have a
    mean of variance [E Var(i|X) + Var E(i|X)]/m. A prior that is far from uniform spends most data sets on tasks of
    little weight, and may lose more by that than it gains.
    """
    likelihood = validation.floats("log_likelihood", log_likelihood)
    if likelihood.ndim < 2 or likelihood.shape[-1] != likelihood.shape[-2]:
        raise validation.refuse("log_likelihood", f"shape {likelihood.shape}", "[..., x, x'], both the tasks")
    size = likelihood.shape[-1]
    p = validation.pmf("prior", np.full(size, 1 / size, likelihood.dtype) if prior is None else prior, ndim=1)
    if validation.has_values(p) and not (np.asarray(p) > 0).all():
        raise validation.refuse("prior", "an entry 0.0", "positive probabilities")
    values = pointwise_information(likelihood, np.arange(size), p)
    _, values, p = validation.host(*validation.one_dtype(values, p))
    return validation.array(values @ p)


def count_log_likelihood(counts: ArrayLike, probs: ArrayLike) -> Float[Array, "d z"]:
    """The log-likelihood [d, z] of each table of counts [d, f] under each model [z, f], in nats, float32 at least.

    ln p(d|z) = Σ_f counts[d,f] ln probs[z,f], without the multinomial coefficient, which is common to all models;
    0 ln 0 = 0, and −inf exactly where an impossible symbol was counted. Counts are numbers >= 0; a row of `probs` need
    not sum to 1, so that several tables may stand side by side, as the rows of a transition matrix do.
    """
    seen, p = validation.finite("counts", counts, 2), validation.rates("probs", probs, 2)
    validation.same_size("counts", seen.shape[1], "probs", p.shape[1])
    if validation.has_values(seen) and np.asarray(seen).min() < 0:
        raise validation.refuse("counts", np.asarray(seen).min(), "non-negative numbers")
    seen, p, _ = validation.one_dtype(seen, p, validation.array(np.float32(0)))
    return _count_log_likelihood(seen, log_or_minus_infinity(p))


@jax.jit
def _count_log_likelihood(seen: Float[Array, "d f"], logs: Float[Array, "z f"]) -> Float[Array, "d z"]:
    possible = logs > -jnp.inf
    product = partial(jnp.einsum, "df,zf->dz", precision="highest")
    impossible = product((seen > 0).astype(seen.dtype), (~possible).astype(seen.dtype))
    return jnp.where(impossible > 0, -jnp.inf, product(seen, jnp.where(possible, logs, 0)))
