"""A two-state Markov chain retrained on one path of its own symbols: exact distributions of the counts of the path.

The statistics of a path x_0 … x_{n−1} are its first symbol and N_ab, how often b follows a. A fit with pseudo-counts
α > 0 (`smoothing`, one number or [2]) has transition[a, b] = (N_ab + α_b) / (Σ_b N_ab + Σ α), the mean of a posterior
under a Dirichlet(α) prior, or of the prior in a row without counts; initial likewise, from the first symbol. So Z_{t+1}
is a function of the statistics of D_t, and the loop is a Markov chain on them. At α = 0 a state that a path never
leaves would keep its row, which is no function of that path.

Z carries what its statistics carry, where the fit is injective. On one whole path it is for every α > 0: with p and q
the fitted transition[0, 1] and transition[1, 0], A = Σ α, N_0 = N_00 + N_01 and δ = N_01 − N_10, to which the first
symbol leaves two adjacent values, (p + q)(N_0 + A) = δ + α_1 − α_0 + q (n − 1 + 2A); so one model with two statistics
would have them 1/(p + q) apart in N_0 and p/(p + q) apart in N_01, which is no integer. Where a signal drops
transitions equal pseudo-counts are not injective: a row of equal counts becomes uniform, whatever their sum. Where 1,
α_b and A are independent over the rationals, each row determines its counts: (N_b + α_b) / (N + A) = (N'_b + α_b) /
(N' + A) is N_b N' − N'_b N + (N_b − N'_b) A + (N' − N) α_b = 0, so N = N' and N_b = N'_b. `smallest_gap` gives
how near floating point comes to equal rows; (0.31, 0.47), being hundredths, has some at n = 100.

Tasks are given by the true distributions of the first symbol [x, 2] and transition probabilities [x, 2, 2].
`accepted_kernel` and `fresh_kernel` open the loop on more statistics, for short paths; `drift.distributions` and
`drift.information` take them.

References:
    Billingsley (1961), Statistical methods in Markov chains. Ann. Math. Stat. 32.
    Li, Sun & Deng (2026), An information-theoretic criterion for efficient data synthesis, arXiv:2605.16379.
"""

from functools import partial, reduce

import jax
import jax.numpy as jnp
import numpy as np
import scipy.stats
from jax import Array
from jaxtyping import Float, Int

from theory import validation
from theory.drift import kernels
from theory.estimators.pointwise import count_log_likelihood
from theory.markov.paths import (
    PathCounts,
    TransitionCounts,
    accepted_counts,
    checked,
    fresh_counts,
    index,
    path_counts,
    pseudo_counts,
)
from theory.measures import product_divergence
from theory.validation import ArrayLike

Statistics = TransitionCounts | PathCounts
BLOCK = 256  # sources whose rows of the kernel are in memory at once


def distributions(
    initial: ArrayLike, transition: ArrayLike, n: int, num_generations: int, *, smoothing: ArrayLike
) -> Float[Array, "t x s"]:
    """The distributions [t, x, s] of the statistics that Z_t is fitted to, given the task, in a closed loop, t = 0 … T.

    p_0(s|x) = #paths(s) p(s|x), p_{t+1}(s'|x) = Σ_s p_t(s|x) #paths(s') p(s' | fit(s)), where p(s|θ) =
    initial[first] Π_ab transition[a, b]^{N_ab}, over `path_counts(n)`; `drift.pointwise_information` takes those of a
    generation. Every path, the real one too, has n ≥ 1 symbols. The kernel is made a block of sources at a time: n⁴
    exponentials a generation, some tenths of a second at n = 100.
    """
    num_generations = validation.integer("num_generations", num_generations, 0)
    tasks, paths = _chains(initial, transition), path_counts(n)
    validation.entries("num_generations", (num_generations + 1) * len(tasks) * len(paths.first), kernels.MAX_ENTRIES)
    models = _fits(paths.rows(), smoothing)
    blocks = np.pad(models, ((0, -len(models) % BLOCK), (0, 0)))  # no probability reaches the padding
    blocks = blocks.reshape(-1, BLOCK, 6)
    tables = (validation.array(table, tasks.dtype) for table in (blocks, paths.rows(), paths.log_paths))
    return _closed_loop(tasks, *tables, num_generations=num_generations)


@partial(jax.jit, static_argnames="num_generations")
def _closed_loop(
    tasks: Float[Array, "x 6"],
    blocks: Float[Array, "block source 6"],
    rows: Float[Array, "s 6"],
    log_paths: Float[Array, " s"],
    *,
    num_generations: int,
) -> Float[Array, "t x s"]:
    def generation(probs, _):
        def add(total, block):
            part, models = block
            return total + jnp.matmul(part, _path_probs(models, rows, log_paths), precision="highest"), None

        padded = jnp.pad(probs, ((0, 0), (0, blocks[..., 0].size - probs.shape[1])))
        parts = padded.reshape(-1, *blocks.shape[:2]).swapaxes(0, 1)
        return jax.lax.scan(add, jnp.zeros_like(probs), (parts, blocks))[0], probs

    last, earlier = jax.lax.scan(generation, _path_probs(tasks, rows, log_paths), length=num_generations)
    return jnp.concatenate([earlier, last[None]])


@jax.jit
def _path_probs(
    chains: Float[Array, "z 6"], rows: Float[Array, "s 6"], log_paths: Float[Array, " s"]
) -> Float[Array, "z s"]:
    """The distribution of the statistics of one path, under each chain."""
    return jnp.exp(count_log_likelihood(rows, chains).T + log_paths[None])


def information(
    prior: ArrayLike, initial: ArrayLike, transition: ArrayLike, n: int, num_generations: int, *, smoothing: ArrayLike
) -> Float[Array, " t"]:
    """The information I(X;Z_t) [t] that the model has about the task in the closed loop, t = 0 … T, in nats.

    D(p(x) p(s_t|x) ‖ p(x) p(s_t)), s_t the statistics that Z_t is fitted to, which it determines for every α > 0;
    `prior` p(x) [x], the other arguments as in `distributions`.
    """
    tasks = validation.pmf("prior", prior, ndim=1)
    chain = distributions(initial, transition, n, num_generations, smoothing=smoothing)
    validation.same_size("prior", tasks.size, "initial", chain.shape[1])
    tasks, chain = validation.one_dtype(tasks, chain)
    return _informations(tasks, chain)


@jax.jit
def _informations(prior: Float[Array, " x"], distributions: Float[Array, "t x s"]) -> Float[Array, " t"]:
    return jax.lax.map(lambda probs: product_divergence(prior[:, None] * probs), distributions)


def fits(states: Statistics, smoothing: ArrayLike) -> tuple[Float[Array, "s 2"], Float[Array, "s 2 2"]]:
    """The model that is fitted to each statistic: by it a simulation finds its states, and a judge its verdict.

    (N_b + α_b) / (Σ N + Σ α) for the first symbol [s, 2] and for each row [s, 2, 2]; the statistics are those of
    `path_counts`, `accepted_counts` or `fresh_counts`.
    """
    params = _fits(checked(states).rows(), smoothing)
    return validation.array(params[:, :2]), validation.array(params[:, 2:].reshape(-1, 2, 2))


def initial_distributions(
    initial: ArrayLike, transition: ArrayLike, n: int, states: TransitionCounts
) -> Float[Array, "x s"]:
    """The distributions [x, s] of Z_0, fitted to all of a real path of n ≥ 1 symbols, for `drift.distributions`.

    p_0(s|x) = #paths(s) · initial[first] · Π_ab transition[a, b]^{N_ab}, over the statistics of the loop, those of
    `accepted_counts(n)` or `fresh_counts(n, num_real)`.
    """
    known, probs = checked(states), _one_path(_chains(initial, transition), n)
    size = len(known.first)
    return jnp.zeros((probs.shape[0], size), probs.dtype).at[:, index(known, path_counts(n).rows())].set(probs)


def accepted_kernel(
    n: int, acceptance: ArrayLike, accept_first: ArrayLike, *, smoothing: ArrayLike
) -> Float[Array, "source target"]:
    """A generation of n ≥ 2 symbols of which a signal accepts some: each transition, and the first symbol, by itself.

    T(s, k) = Σ_N p(N | fit(s)) Π_ab Binomial(k_ab; N_ab, acceptance[a, b]), and likewise for the first symbol; where
    nothing is accepted the model stays. The probabilities are `acceptance` [2, 2] and `accept_first` [2], or [s, 2, 2]
    and [s, 2] where the model decides. The kernel [source, target] is over `accepted_counts(n)`, at most 4 GB, one
    task's; the empty statistic is no target.
    """
    states = accepted_counts(n)
    rows, size = states.rows(), len(states.first)
    validation.entries("n", size**2, kernels.MAX_ENTRIES, "a kernel")
    rates = []
    for name, table, shape in (("accept_first", accept_first, (2,)), ("acceptance", acceptance, (2, 2))):
        rate = np.asarray(validation.rates(name, table))
        if rate.shape not in (shape, (size, *shape)):
            raise validation.refuse(name, f"shape {rate.shape}", f"shape {shape} or {(size, *shape)}")
        rates.append(np.broadcast_to(rate, (size, *shape)).reshape(size, -1))
    paths, probs = path_counts(n).rows(), np.asarray(_one_path(validation.array(_fits(rows, smoothing)), n))
    each, which = np.unique(np.concatenate(rates, axis=1), axis=0, return_inverse=True)
    kernel = np.empty((size, size))
    for i, rate in enumerate(each):
        binomials = (scipy.stats.binom.pmf(rows[:, j], paths[:, j, None], rate[j]) for j in range(6))
        kernel[which.reshape(-1) == i] = probs[which.reshape(-1) == i] @ reduce(np.multiply, binomials)
    nothing = kernel[:, 0].copy()
    kernel[:, 0] = 0
    return validation.array(kernel + np.diag(nothing))


def fresh_kernel(
    initial: ArrayLike, transition: ArrayLike, n: int, num_real: int, *, smoothing: ArrayLike
) -> Float[Array, "x source target"]:
    """A generation of n ≥ 2 symbols: a fresh real path of `num_real` < n, and the others a path of the model's own.

    T_x(s, s') = Σ p(N|x) p(N' | fit(s)) over N + N' = s': between the paths there is no transition. The kernels
    [x, source, target] are over `fresh_counts(n, num_real)`, at most 4 GB.
    """
    states, tasks = fresh_counts(n, num_real), _chains(initial, transition)
    size, num_tasks = len(states.first), tasks.shape[0]
    validation.entries("n", num_tasks * size**2, kernels.MAX_ENTRIES, "kernels")
    real = np.asarray(_one_path(tasks, num_real))
    own = np.asarray(_one_path(validation.array(_fits(states.rows(), smoothing)), n - num_real))
    both = path_counts(n - num_real).rows()[:, None] + path_counts(num_real).rows()[None]
    added = np.zeros((num_tasks, own.shape[1], size))
    added[:, np.arange(own.shape[1])[:, None], index(states, both)] = real[:, None, :]
    return validation.array(own @ added)


def _one_path(chains: Float[Array, "z 6"], n: int) -> Float[Array, "z s"]:
    """`_path_probs` of a path of n symbols."""
    paths = path_counts(n)
    return _path_probs(chains, *(validation.array(table, chains.dtype) for table in (paths.rows(), paths.log_paths)))


def _fits(rows: Int[np.ndarray, "s 6"], smoothing: ArrayLike) -> Float[np.ndarray, "s 6"]:
    """The parameters that are fitted to each statistic, in the order of its counts."""
    alpha = pseudo_counts(smoothing)
    if alpha.shape not in ((), (2,)):
        raise validation.refuse("smoothing", f"{alpha.size} pseudo-counts", "one number or one for each of two states")
    smoothed = rows.reshape(-1, 3, 2) + alpha
    return (smoothed / smoothed.sum(2, keepdims=True)).reshape(-1, 6)


def _chains(initial: ArrayLike, transition: ArrayLike) -> Float[Array, "x 6"]:
    """The true parameters, checked, in the order of the counts."""
    first, table = validation.one_dtype(
        validation.pmf("initial", initial, ndim=2, axis=1), validation.pmf("transition", transition, ndim=3, axis=2)
    )
    for name, array in (("initial", first), ("transition", table)):
        if set(array.shape[1:]) != {2}:
            raise validation.refuse(name, f"shape {array.shape}", "two states")
    validation.same_size("transition", table.shape[0], "initial", first.shape[0])
    return jnp.concatenate([first, table.reshape(-1, 4)], axis=1)
