"""What single data sets tell of their task under known laws, in nats: the values that `monte_carlo` averages."""

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
    """What each replica of data tells of its task under known laws; the mean over tasks and data is I(X;D), in nats.

    i(x;d) = ln p(d|x) − ln Σ_x' p(x') p(d|x') = −ln Σ_x' p(x') p(d|x')/p(d|x) ≤ −ln p(x). It may be negative.

    Args:
        log_likelihood: ln p(d|x') [..., x'] of each replica under every task, of any common additive constant; −inf
            where the task cannot have made the replica.
        task: The index x of the task that did make it; integers that broadcast to [...].
        prior: p(x') [x']; uniform by default.

    Returns:
        The values [...], in nats.

    Raises:
        ValueError: Where a log-likelihood is NaN or +inf, or that of the replica's own task −inf; where `task` has
            other entries than indices of tasks with a positive prior, or `prior` is no probability table.

    References:
        Fano (1961), Transmission of Information, section 2.2.
    """
    likelihood = validation.floats("log_likelihood", log_likelihood)
    if likelihood.ndim == 0:
        raise validation.refuse("log_likelihood", "a number", "at least 1 axis, that of the tasks")
    *shape, num_tasks = likelihood.shape
    own = validation.array(task)
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
    values, of_own = _values(likelihood, own, p)
    if validation.has_values(of_own) and not (np.asarray(of_own) > -np.inf).all():
        raise validation.refuse("log_likelihood", "−inf for a replica's own task", "numbers above −inf there")
    return values


@jax.jit
def _values(likelihood: Float[Array, "*shape x"], own: Array, p: Float[Array, " x"]) -> tuple[Array, Array]:
    """The values, and the log-likelihood of each replica's own task."""
    index = jnp.broadcast_to(jnp.expand_dims(own, tuple(range(likelihood.ndim - 1 - own.ndim))), likelihood.shape[:-1])
    of_own = jnp.take_along_axis(likelihood, index[..., None], -1)
    return -logsumexp(likelihood - of_own, axis=-1, b=jnp.broadcast_to(p, likelihood.shape)), of_own


def stratified_information(log_likelihood: ArrayLike, prior: ArrayLike | None = None) -> Float[Array, "*shape"]:
    """Pointwise information where each replica has one data set of every task: their average under the prior.

    v = Σ_x p(x) i(x; d_x),  d_x ~ p(d|x). Unbiased, since E v = Σ_x p(x) E[i(X;D)|X=x] = I(X;D) whether or not the d_x
    of a replica are independent of each other. Its error is smaller, since the tasks are not drawn: with a uniform
    prior over m tasks and independent d_x, Var v = E Var(i|X)/m, where m values of random tasks have a mean of variance
    [E Var(i|X) + Var E(i|X)]/m. A prior that is far from uniform spends most data sets on tasks of little weight, and
    may lose more by that than it gains.

    Args:
        log_likelihood: ln p(d_x|x') [..., x, x'] of the data of each task x under every task x'.
        prior: p(x) [x], positive; uniform by default.

    Returns:
        The values [...], in nats, each of one replica: `estimate` of them has the right standard error.

    Raises:
        ValueError: As in `pointwise_information`; where the last two axes differ.

    References:
        Cochran (1977), Sampling Techniques, chapter 5.
    """
    likelihood = validation.floats("log_likelihood", log_likelihood)
    if likelihood.ndim < 2 or likelihood.shape[-1] != likelihood.shape[-2]:
        raise validation.refuse("log_likelihood", f"shape {likelihood.shape}", "[..., x, x'], both the tasks")
    size = likelihood.shape[-1]
    values = pointwise_information(likelihood, np.arange(size), prior)
    law = validation.array(np.full(size, 1 / size) if prior is None else prior, values.dtype)
    _, values, law = validation.host(values, law)
    return validation.array(values @ law)


def count_log_likelihood(counts: ArrayLike, probs: ArrayLike) -> Float[Array, "d z"]:
    """The log-likelihood of each table of counts under each model, by one matrix product.

    ln p(d|z) = Σ_f counts[d,f] ln probs[z,f], without the multinomial coefficient, which is common to all models;
    0 ln 0 = 0, and −inf exactly where a symbol was seen that is impossible (a subnormal probability counts as 0).

    Args:
        counts: How often each symbol was seen [d, f], non-negative.
        probs: The probabilities of the symbols [z, f]; the tables of several laws may stand side by side, as the rows
            of a transition matrix do.

    Returns:
        The log-likelihoods [d, z] in nats, in float32 at least.

    Raises:
        ValueError: Where a count is negative or not finite, a probability is outside [0, 1], or the symbols differ in
            number.
    """
    seen, p = validation.finite("counts", counts, 2), validation.rates("probs", probs, 2)
    validation.same_size("counts", seen.shape[1], "probs", p.shape[1])
    if validation.has_values(seen) and np.asarray(seen).min() < 0:
        raise validation.refuse("counts", seen.min(), "non-negative numbers")
    seen, p, _ = validation.one_dtype(seen, p, validation.array(np.float32(0)))
    return _count_log_likelihood(seen, p)


@jax.jit
def _count_log_likelihood(seen: Float[Array, "d f"], p: Float[Array, "z f"]) -> Float[Array, "d z"]:
    # Scaling by a power of two is exact; ln 0 becomes so large a number that a count of it overflows, and none is 0.
    info = jnp.finfo(p.dtype)
    scale = 2.0 ** (info.maxexp // 2)
    logs = jnp.where(p > 0, jnp.log(jnp.where(p > 0, p, 1)) / scale, -info.max / 4)
    return jnp.einsum("df,zf->dz", seen * scale, logs, precision="highest")
