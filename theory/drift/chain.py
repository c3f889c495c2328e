"""Retraining a categorical model on its own samples is Wright–Fisher drift on the lattice of counts: exact laws.

A state is a table of counts c with Σ_k c_k = n; the model it stands for has probabilities c/n. Everything is computed
from the law of the state given the task: p(z_t|x) = p(z_0|x) T_x^t.
"""

from functools import partial

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from theory import validation
from theory.drift.kernels import BandedKernel, Kernels, counts, multinomial_kernel
from theory.measures import product_divergence
from theory.validation import ArrayLike


def neutral_kernel(n: int, num_symbols: int = 2) -> Float[Array, "source target"]:
    """The closed loop: n samples of the model itself, and the maximum-likelihood fit to them.

    T(z, ·) = Multinomial(n, z)/n.

    Args:
        n: Samples a generation, at least 1.
        num_symbols: K, at least 1.

    Returns:
        Kernel [source, target] over `lattice(n, num_symbols)`.

    Raises:
        ValueError: Where an argument is not an integer >= 1, or the kernel would pass 4 GB.

    References:
        Wright (1931), Evolution in Mendelian populations.
        Seddik et al. (2024), How bad is training on synthetic data? arXiv:2404.05090.
    """
    return multinomial_kernel(n, counts(n, num_symbols) / n)


def initial(n: int, pmf: ArrayLike) -> Float[Array, " s"]:
    """The law of Z_0, the model fitted to n real samples of one true law.

    n·Z_0 ~ Multinomial(n, pmf).

    Args:
        n: Real samples, at least 1.
        pmf: The true law [k].

    Returns:
        Probabilities [s] over `lattice(n, k)`.

    Raises:
        ValueError: Where `n` < 1 or `pmf` is not a probability table.
    """
    _, p = validation.host(validation.pmf("pmf", pmf, ndim=1))
    _, rows = validation.host(multinomial_kernel(n, p[None]))
    return validation.array(rows[0])


def _step(probs: Float[Array, " s"], kernel: Float[Array, "s s"] | BandedKernel) -> Float[Array, " s"]:
    """One generation: the law of the next state, law · T."""
    if not isinstance(kernel, BandedKernel):
        return jnp.matmul(probs, kernel, precision="highest")
    width = kernel.bands.shape[1]
    windows = jax.vmap(lambda start: jax.lax.dynamic_slice(probs, (start,), (width,)))(kernel.starts)
    return jnp.einsum("bs,bst->bt", windows, kernel.bands, precision="highest").reshape(-1)[: probs.size]


def _generation(
    distributions: Float[Array, "x s"], kernels: Float[Array, "*x s s"] | BandedKernel
) -> Float[Array, "x s"]:
    """One generation for every task, under one kernel or each under its own."""
    per_task = kernels.bands.ndim == 4 if isinstance(kernels, BandedKernel) else kernels.ndim == 3
    return jax.vmap(_step, in_axes=(0, 0 if per_task else None))(distributions, kernels)


def _chain(initial: ArrayLike, kernels: Kernels) -> tuple[Array, Array | BandedKernel]:
    """The arguments that `distributions` and `information` share, checked and of one dtype."""
    first = validation.pmf("initial", initial, ndim=2, axis=1)
    if isinstance(kernels, BandedKernel):
        bands = validation.floats("kernels", kernels.bands, ndim=(3, 4))
        padded, width, size = bands.shape[-3] * bands.shape[-1], bands.shape[-2], first.shape[1]
        if width > size or not padded - bands.shape[-1] < size <= padded:
            raise validation.refuse(
                "kernels", f"bands of shape {bands.shape}", f"bands over {size} states, as `initial` has"
            )
        first, bands = validation.one_dtype(first, bands)
        return first, BandedKernel(validation.array(kernels.starts), bands)
    table = validation.pmf("kernels", kernels, ndim=(2, 3), axis=-1)
    if table.shape[-2:] != (first.shape[1],) * 2:
        raise validation.refuse(
            "kernels", f"shape {table.shape}", f"{first.shape[1]} × {first.shape[1]} states, as `initial` has"
        )
    if table.ndim == 3:
        validation.same_size("kernels", table.shape[0], "initial", first.shape[0])
    first, table = validation.one_dtype(first, table)
    return first, table


def distributions(initial: ArrayLike, kernels: Kernels, num_generations: int) -> Float[Array, "t x s"]:
    """The laws of Z_t given the task, for every generation.

    p(z_t|x) = p(z_0|x) T_x^t.

    Args:
        initial: Laws of Z_0 [x, s], one a task.
        kernels: One kernel [s, s] or one a task [x, s, s], or a `BandedKernel`.
        num_generations: T, at least 0.

    Returns:
        Laws [t, x, s], t = 0 … T.

    Raises:
        ValueError: Where a law or a row of a kernel is not a probability table, or the shapes disagree.
    """
    first, table = _chain(initial, kernels)
    return _laws(first, table, num_generations=validation.integer("num_generations", num_generations, 0))


@partial(jax.jit, static_argnames="num_generations")
def _laws(first: Float[Array, "x s"], kernels: Array | BandedKernel, *, num_generations: int) -> Float[Array, "t x s"]:
    def generation(probs, _):
        return _generation(probs, kernels), probs

    last, earlier = jax.lax.scan(generation, first, length=num_generations)
    return jnp.concatenate([earlier, last[None]])


def information(prior: ArrayLike, initial: ArrayLike, kernels: Kernels, num_generations: int) -> Float[Array, " t"]:
    """What the model still tells about the task after each generation, in nats.

    I(X;Z_t) = D(p(x) p(z_t|x) ‖ p(x) p(z_t)), t = 0 … T, in one scan that stores no law.

    Args:
        prior: Probabilities of the tasks [x].
        initial: Laws of Z_0 [x, s], one a task.
        kernels: One kernel [s, s] or one a task [x, s, s], or a `BandedKernel`.
        num_generations: T, at least 0.

    Returns:
        I(X;Z_t) [t], t = 0 … T.

    Raises:
        ValueError: Where an argument is not a probability table, or the shapes disagree.

    References:
        Li, Sun & Deng (2026), An information-theoretic criterion for efficient data synthesis, arXiv:2605.16379.
    """
    tasks = validation.pmf("prior", prior, ndim=1)
    first, table = _chain(initial, kernels)
    validation.same_size("prior", tasks.size, "initial", first.shape[0])
    tasks = validation.array(tasks, first.dtype)
    return _information(tasks, first, table, num_generations=validation.integer("num_generations", num_generations, 0))


@partial(jax.jit, static_argnames="num_generations")
def _information(
    prior: Float[Array, " x"], first: Float[Array, "x s"], kernels: Array | BandedKernel, *, num_generations: int
) -> Float[Array, " t"]:
    def nats(probs):
        return _mixture_information(prior, probs)

    def generation(probs, _):
        return _generation(probs, kernels), nats(probs)

    last, earlier = jax.lax.scan(generation, first, length=num_generations)
    return jnp.concatenate([earlier, nats(last)[None]])


def pointwise_information(prior: ArrayLike, distributions: ArrayLike) -> Float[Array, "x s"]:
    """How much one state says for each task; a simulation averages it over its pairs (x, z), with no plug-in bias.

    i(x;z) = ln p(z|x)/p(z),  E i(X;Z) = I(X;Z).

    Args:
        prior: Probabilities of the tasks [x].
        distributions: Laws of the state given the task [x, s], at one generation.

    Returns:
        Table [x, s]; −inf where the task never reaches the state.

    Raises:
        ValueError: Where an argument is not a probability table, or the shapes disagree.
    """
    tasks, table = validation.one_dtype(
        validation.pmf("prior", prior, ndim=1), validation.pmf("distributions", distributions, ndim=2, axis=1)
    )
    validation.same_size("prior", tasks.size, "distributions", table.shape[0])
    return _pointwise(tasks, table)


@jax.jit
def _pointwise(tasks: Float[Array, " x"], table: Float[Array, "x s"]) -> Float[Array, "x s"]:
    reached = table > 0
    marginal = jnp.broadcast_to((tasks[:, None] * table).sum(0, keepdims=True), table.shape)
    ratio = jnp.where(reached, table, 1) / jnp.where(reached, marginal, 1)
    return jnp.where(reached, jnp.log(ratio), -jnp.inf)


def residual_information(prior: ArrayLike, pmfs: ArrayLike) -> Float[Array, ""]:
    """What is left of the task when the closed loop has come to rest: what one draw of the true model tells, in nats.

    I(X;Z_∞) = I(X;Y), Y ~ pmfs[x]: fixation in symbol i has probability Z_0(i), a martingale, for every n.

    Args:
        prior: Probabilities of the tasks [x].
        pmfs: True laws [x, k], one a task.

    Returns:
        The limit of I(X;Z_t).

    Raises:
        ValueError: Where an argument is not a probability table, or the shapes disagree.
    """
    tasks, table = validation.one_dtype(
        validation.pmf("prior", prior, ndim=1), validation.pmf("pmfs", pmfs, ndim=2, axis=1)
    )
    validation.same_size("prior", tasks.size, "pmfs", table.shape[0])
    return _mixture_information(tasks, table)


@jax.jit
def _mixture_information(prior: Float[Array, " x"], table: Float[Array, "x k"]) -> Float[Array, ""]:
    return product_divergence(prior[:, None] * table)
