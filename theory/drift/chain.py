"""What a chain still carries about its task: I(X;Z_t) from p(z_t|x) = p(z_0|x) T_x^t, exact.

A state of the lattice is a table of counts c with Σ_k c_k = n; the model that it stands for has probabilities c/n.

References:
    Wright (1931), Evolution in Mendelian populations.
    Seddik et al. (2024), How bad is training on synthetic data? arXiv:2404.05090.
    Li, Sun & Deng (2026), An information-theoretic criterion for efficient data synthesis, arXiv:2605.16379.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

from theory import validation
from theory.drift.kernels import MAX_ENTRIES, BandedKernel, Kernels, checked_bands, counts, multinomial_kernel
from theory.measures import product_divergence
from theory.validation import ArrayLike


class Truncated(NamedTuple):
    """A chain on its first states: rows renormalised, and the mass of each that was cut off."""

    kernel: Float[Array, "source target"]
    lost: Float[Array, " source"]


def neutral_kernel(n: int, num_symbols: int = 2) -> Float[Array, "source target"]:
    """T(z, ·) = Multinomial(n, z)/n: the closed loop, in which a model is fitted to n samples of the one before.

    The fit is that of maximum likelihood. The kernel [source, target] over `lattice(n, num_symbols)` has 4 GB at most.
    """
    return multinomial_kernel(n, counts(n, num_symbols) / n)


def initial(n: int, pmf: ArrayLike) -> Float[Array, " s"]:
    """n·Z_0 ~ Multinomial(n, pmf): the distribution of the model that is fitted to n real samples of one task.

    Probabilities [s] over `lattice(n, k)`, of the true distribution `pmf` [k].
    """
    _, p = validation.host(validation.pmf("pmf", pmf, ndim=1))
    _, rows = validation.host(multinomial_kernel(n, p[None]))
    return validation.array(rows[0])


def truncated(kernel: ArrayLike | Callable[[np.ndarray, np.ndarray], Any], size: int) -> Truncated:
    """A chain of infinitely many states, or of very many, on the first `size` of them.

    T'(s, s') = T(s, s')/(1 − ε_s) and ε_s = Σ_{s' ≥ size} T(s, s'). Where both chains start from the same distribution
    of the first states, after t generations they differ by at most E Σ_{i<t} ε(Z'_i) in total variation.

    Args:
        kernel: T(source, target) of arrays of states 0, 1, … that broadcast, such as
            `lambda s, t: scipy.stats.poisson.pmf(t, 0.9 * s)`; or a table of which the first states are taken.
        size: The number of states that stay.

    Raises:
        ValueError: Where a state keeps no mass among the first ones.
    """
    size = validation.integer("size", size, 1)
    validation.entries("size", size**2, MAX_ENTRIES, "a kernel")
    if isinstance(kernel, type):
        raise validation.refuse("kernel", f"the class {kernel.__name__}", "a function or a table")
    if callable(kernel):
        states = np.arange(size)
        try:
            found = validation.rates("kernel", kernel(states[:, None], states[None, :]))
        except TypeError as error:
            given = f"a function that fails ({error})"
            raise validation.refuse("kernel", given, "one of arrays of states that broadcast") from error
        if found.shape != (size, size):
            accepted = f"a function of states [{size}, 1] and [1, {size}] to probabilities [{size}, {size}]"
            raise validation.refuse("kernel", f"one to shape {found.shape}", accepted)
    else:
        found = validation.rates("kernel", kernel, 2)
        if min(found.shape) < size:
            raise validation.refuse("kernel", f"shape {found.shape}", f"at least {size} × {size} states")
    xp, table = validation.host(found)
    within = table[:size, :size].sum(1)
    if validation.has_values(found):
        if within.min() <= 0:
            accepted = f"a chain whose states keep some mass among the first {size}"
            raise validation.refuse("kernel", f"a row of no mass, that of state {within.argmin()}", accepted)
        if (worst := table[:size].sum(1).max()) > 1 + np.sqrt(jnp.finfo(found.dtype).eps):
            raise validation.refuse("kernel", f"a row of sum {worst}", "rows of sum 1, or less where they are cut off")
    lost = xp.maximum(1 - within, 0)
    return Truncated(validation.array(table[:size, :size] / within[:, None]), validation.array(lost))


def _step(pmf: Float[Array, " s"], kernel: Float[Array, "s s"] | BandedKernel) -> Float[Array, " s"]:
    """One generation: the distribution of the next state, p · T."""
    if not isinstance(kernel, BandedKernel):
        return jnp.matmul(pmf, kernel, precision="highest")
    width = kernel.bands.shape[1]
    windows = jax.vmap(lambda start: jax.lax.dynamic_slice(pmf, (start,), (width,)))(kernel.starts)
    return jnp.einsum("bs,bst->bt", windows, kernel.bands, precision="highest").reshape(-1)[: pmf.size]


def _generation(
    distributions: Float[Array, "x s"], kernels: Float[Array, "*x s s"] | BandedKernel
) -> Float[Array, "x s"]:
    """One generation for every task, under one kernel or each under its own."""
    per_task = kernels.bands.ndim == 4 if isinstance(kernels, BandedKernel) else kernels.ndim == 3
    return jax.vmap(_step, in_axes=(0, 0 if per_task else None))(distributions, kernels)


def _chain(
    initial: ArrayLike, kernels: Kernels, prior: Array | None = None
) -> tuple[Array, Array | BandedKernel, Array]:
    """Distributions and kernels, checked, and if there is one the prior, of one dtype."""
    first = validation.pmf("initial", initial, ndim=2, axis=1)
    num_tasks, size = first.shape
    tasks = first if prior is None else prior
    if prior is not None:
        validation.same_size("prior", prior.size, "initial", num_tasks)
    if isinstance(kernels, BandedKernel):
        starts, bands = checked_bands(kernels, size)
        if bands.ndim == 4:
            validation.same_size("kernels", bands.shape[0], "initial", num_tasks)
        first, bands, tasks = validation.one_dtype(first, bands, tasks)
        return first, BandedKernel(starts, bands), tasks
    table = validation.pmf("kernels", kernels, ndim=(2, 3), axis=-1)
    if table.shape[-2:] != (size, size):
        raise validation.refuse("kernels", f"shape {table.shape}", f"{size} × {size} states, as `initial` has")
    if table.ndim == 3:
        validation.same_size("kernels", table.shape[0], "initial", num_tasks)
    first, table, tasks = validation.one_dtype(first, table, tasks)
    return first, table, tasks


def _num_generations(num_generations: int, width: int) -> int:
    """So many that what is kept of them fits into memory."""
    checked = validation.integer("num_generations", num_generations, 0)
    validation.entries("num_generations", (checked + 1) * width, MAX_ENTRIES, "a result")
    return checked


def distributions(initial: ArrayLike, kernels: Kernels, num_generations: int) -> Float[Array, "t x s"]:
    """p(z_t|x) = p(z_0|x) T_x^t: the distribution of Z_t given the task, t = 0 … `num_generations`.

    `initial` are the distributions of Z_0 [x, s], one a task, and `kernels` one kernel [s, s], one a task [x, s, s], or
    a `BandedKernel`.
    """
    first, table, _ = _chain(initial, kernels)
    return _distributions(first, table, num_generations=_num_generations(num_generations, first.size))


@partial(jax.jit, static_argnames="num_generations")
def _distributions(
    first: Float[Array, "x s"], kernels: Array | BandedKernel, *, num_generations: int
) -> Float[Array, "t x s"]:
    def generation(now, _):
        return _generation(now, kernels), now

    last, earlier = jax.lax.scan(generation, first, length=num_generations)
    return jnp.concatenate([earlier, last[None]])


def information(prior: ArrayLike, initial: ArrayLike, kernels: Kernels, num_generations: int) -> Float[Array, " t"]:
    """I(X;Z_t) = D(p(x) p(z_t|x) ‖ p(x) p(z_t)): what the model still carries about the task, t = 0 … T, in nats.

    One scan, which stores no distribution; `prior` are the probabilities of the tasks [x], the others those of
    `distributions`, with T = `num_generations`.
    """
    first, table, tasks = _chain(initial, kernels, validation.pmf("prior", prior, 1))
    return _information(tasks, first, table, num_generations=_num_generations(num_generations, 1))


@partial(jax.jit, static_argnames="num_generations")
def _information(
    prior: Float[Array, " x"], first: Float[Array, "x s"], kernels: Array | BandedKernel, *, num_generations: int
) -> Float[Array, " t"]:
    def nats(table):
        return _mixture_information(prior, table)

    def generation(now, _):
        return _generation(now, kernels), nats(now)

    last, earlier = jax.lax.scan(generation, first, length=num_generations)
    return jnp.concatenate([earlier, nats(last)[None]])


def pointwise_information(prior: ArrayLike, distributions: ArrayLike) -> Float[Array, "x s"]:
    """i(x;z) = ln p(z|x)/p(z),  E i(X;Z) = I(X;Z): a table [x, s], −inf where the task never reaches the state.

    A simulation averages it over its pairs (x, z), with no plug-in bias. `prior` are the probabilities of tasks [x],
    `distributions` p(z|x) [x, s] at one generation.
    """
    xp, tasks, table = validation.host(*_tasks("distributions", prior, distributions))
    reached = table > 0
    marginal = xp.broadcast_to((tasks[:, None] * table).sum(0, keepdims=True), table.shape)
    seen = marginal > 0  # not where a task has no prior, nor where its product with a probability underflows
    ratio = xp.where(reached, table, 1) / xp.where(reached & seen, marginal, 1)
    return validation.array(xp.where(reached, xp.where(seen, xp.log(ratio), xp.inf), -xp.inf))


def residual_information(prior: ArrayLike, pmfs: ArrayLike) -> Float[Array, ""]:
    """I(X;Z_∞) = I(X;Y), Y ~ pmfs[x]: what the closed loop is left with is what one sample of the true model carries.

    Fixation in symbol i has probability Z_0(i), a martingale, whatever n; `pmfs` are the true distributions [x, k].
    """
    return _mixture_information(*_tasks("pmfs", prior, pmfs))


def _tasks(name: str, prior: ArrayLike, table: ArrayLike) -> tuple[Array, ...]:
    """Probabilities of the tasks [x] and a distribution of each [x, …], checked and of one dtype."""
    tasks, rows = validation.one_dtype(
        validation.pmf("prior", prior, ndim=1), validation.pmf(name, table, ndim=2, axis=1)
    )
    validation.same_size("prior", tasks.size, name, rows.shape[0])
    return tasks, rows


@jax.jit
def _mixture_information(prior: Float[Array, " x"], table: Float[Array, "x k"]) -> Float[Array, ""]:
    return product_divergence(prior[:, None] * table)
