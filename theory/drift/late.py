"""The end of a categorical loop: what it still carries about its task beyond what stays, and how that goes.

The closed loop. For symbols i ≠ j each generation has E Z_i Z_j = (1 − 1/n) z_i z_j, whatever the others are; three are
left more seldom, by a factor (1 − 2/n)^t. So a late loop has one symbol left, or the two of one pair, with

    P(i, j | x) = κ_t x_i x_j,   P(i alone | x) = x_i − ½ Σ_j κ_t x_i x_j,   κ_t = (1 − 1/n)^{t+1}/E_q[z(1−z)],

x the true distribution and Z_0 fitted to n real samples: of a pair that is left Z_i has a distribution q that knows
neither x nor t, symmetric, and E Z_i stays x_i. I(X;Z_t) is that of this channel; since (u ln u)' = 1 + ln u, it is

    I(X;Y) + κ_t Σ_{i<j} E[x_i x_j (ln(x_i x_j/E x_i x_j) − ½ ln(x_i x_j/(E x_i E x_j)))],

which is `excess_information`. What is neglected is smaller by a factor of order κ_t.

A smoothed fit absorbs nothing, and nothing stays. Its slowest modes are E Z_i − 1/K = (1 − μ)(z_i − 1/K), so that
p(z_t|x) = π + (1−μ)^t Σ_i (x_i − 1/K) ℓ_i, with π stationary and ℓ the left eigenvectors; I(X;Z_t) is half of the χ²
distance, which is quadratic: `smoothed_information`.

A Gaussian loop with one unknown parameter has no such end. Nothing is absorbed, the parameter walks on a line, and
I(X;Z_t) falls like 1/t: ½ ln(1 + nτ²/((t+1)σ²)) for a mean. Late, twice the age halves it: `gaussian.mean_information`.

References:
    Wright (1931), Evolution in Mendelian populations.
    Darroch & Seneta (1965), On quasi-stationary distributions in absorbing discrete-time finite Markov chains.
    Ewens (2004), Mathematical Population Genetics, section 3.2: the eigenvalues.
"""

import numpy as np
from jax import Array
from jaxtyping import Float
from scipy.stats import binom

from theory import validation
from theory.drift.kernels import MAX_ENTRIES, counts, multinomial_kernel
from theory.drift.selection import mutate
from theory.validation import ArrayLike

SMOOTHING = 1e-6, 1e6  # beyond them eigenvalues fall together


def quasi_stationary(n: int) -> Float[Array, " s"]:
    """q = lim P(n Z_t = · | both symbols are left): a loop of two symbols that has not ended, over `lattice(n, 2)`.

    The left eigenvector, of eigenvalue 1 − 1/n, of the closed loop between its ends, n ≥ 2: nearly uniform.
    """
    weights = _undecided(n)
    return validation.array(np.pad(weights / weights.sum(), 1))


def second_draw_information(prior: ArrayLike, pmfs: ArrayLike) -> Float[Array, ""]:
    """E[1{Y≠Y'} i(X;Y'|Y)] = Σ_{i≠j} E[x_i x_j ln(x_j E x_i/E x_i x_j)]: what a second draw adds where it differs.

    In nats, over two draws Y and Y' of the true model, with i(x;y'|y) = ln p(x|y,y')/p(x|y); 0 where all tasks are
    alike, or one draw identifies the task. `prior` has the probabilities of the tasks [x], `pmfs` their distributions
    [x, k].
    """
    xp, tasks, x = _tasks(prior, pmfs)
    pairs = x[:, :, None] * x[:, None, :] * (1 - np.eye(x.shape[1], dtype=x.dtype))
    both, first = xp.einsum("x,xij->ij", tasks, pairs), tasks @ x
    seen = (pairs > 0) & (both > 0)
    ratio = xp.where(seen, x[:, None, :] * first[:, None], 1) / xp.where(seen, both, 1)
    return validation.array(xp.einsum("x,xij->", tasks, pairs * xp.log(ratio)))


def excess_information(prior: ArrayLike, pmfs: ArrayLike, n: int, num_generations: int) -> Float[Array, " t"]:
    """I(X;Z_t) − I(X;Y) ~ ½ κ_t E[1{Y≠Y'} i(X;Y'|Y)],  κ_t = (1 − 1/n)^{t+1}/E_q[z(1−z)]: late in the closed loop.

    Half of it goes every n ln 2 generations. Y and Y' are two draws of the true model, ½ κ_t P(Y≠Y'|x) is the chance
    that two symbols are left, q is `quasi_stationary`, and 1/E_q[z(1−z)] tends to 6 (5.60 at n = 20, 5.89 at 100). Any
    number of symbols, n ≥ 2 samples a generation, Z_0 fitted to n real ones. Early it is too low, for 19 even tasks by
    22 % at t = n, 4 % at 3n, 4e-5 at 10n; `residual_information` is what stays. n = 5000 takes some 6 s.

    Args:
        prior: Probabilities of the tasks [x].
        pmfs: Their true distributions [x, k].
        n: Samples a generation.
        num_generations: The last t, from 0.
    """
    scale, t = _undecided(n).sum(), _generations(num_generations)
    _, added = validation.host(second_draw_information(prior, pmfs))
    return validation.array((scale / 2 * np.exp((t + 1) * np.log1p(-1 / n))).astype(added.dtype) * added)


def smoothed_information(
    prior: ArrayLike, pmfs: ArrayLike, n: int, smoothing: ArrayLike, num_generations: int
) -> Float[Array, " t"]:
    """I(X;Z_t) ~ ½ (1−μ)^{2t} Σ_ij Cov(x_i, x_j) Σ_z ℓ_i(z) ℓ_j(z)/π(z),  μ = λK/(n+λK): late, of a smoothed fit.

    Early it may exceed all there is. λ = `smoothing`, from 1e-6 to 1e6, is added to each of the K counts. The constant
    is at least that of a reversible chain, ½ nK (1 − (1−μ)²(1−1/n)) Σ_i Var(x_i), and near it: .03 % above at n = 20,
    λ = 1, K = 2. Half goes every ln 2/(2 |ln(1−μ)|) generations. The other arguments are those of
    `excess_information`, n ≥ 1; the kernel over `lattice(n, k)` has 4 GB at most.
    """
    xp, tasks, x = _tasks(prior, pmfs)
    k, t = x.shape[1], _generations(num_generations)
    added = k * validation.inside("smoothing", smoothing, *SMOOTHING)
    z, mu = counts(n, k) / n, added / (n + added)
    kernel = np.asarray(multinomial_kernel(n, mutate(z, mu)), float)
    stationary = _left(kernel, 1.0, np.ones((len(z), 1)))
    modes = _left(kernel, 1 - mu, z[:, :-1] - 1 / k)
    seen = stationary[:, 0] > np.finfo(float).eps  # what is rarer adds nothing, and has no digits
    metric = modes[seen].T @ (modes[seen] / stationary[seen])
    away = (x - tasks @ x)[:, :-1]
    distance = xp.einsum("x,xi,xj,ij->", tasks, away, away, metric.astype(x.dtype))
    return validation.array((np.exp(2 * t * np.log1p(-mu)) / 2).astype(x.dtype) * distance)


def _undecided(n: int) -> Float[np.ndarray, " s"]:
    """q/E_q[z(1−z)] on the states 1 … n−1, whose sum is 1/E_q[z(1−z)]."""
    n = validation.integer("n", n, 2)
    validation.entries("n", n**2, MAX_ENTRIES, "a kernel")
    inside = np.arange(1, n)
    z = (inside / n)[:, None]
    return _left(binom.pmf(inside, n, z), 1 - 1 / n, z * (1 - z))[:, 0]


def _left(
    kernel: Float[np.ndarray, "s s"], eigenvalue: float, right: Float[np.ndarray, "s m"]
) -> Float[np.ndarray, "s m"]:
    """(Tᵀ − λ + R Rᵀ) L = R: the left eigenvectors, Rᵀ L = 1, if R has all those on the right."""
    return np.linalg.solve(kernel.T - eigenvalue * np.eye(len(kernel)) + right @ right.T, right)


def _generations(num_generations: int) -> Float[np.ndarray, " t"]:
    """T = 0 … `num_generations`, as many as fit into memory."""
    last = validation.integer("num_generations", num_generations, 0, MAX_ENTRIES)
    return np.arange(last + 1.0)


def _tasks(prior: ArrayLike, pmfs: ArrayLike) -> tuple:
    """The module, the probabilities of the tasks [x] and their distributions [x, k], checked and of one dtype."""
    tasks, rows = validation.one_dtype(
        validation.pmf("prior", prior, ndim=1), validation.pmf("pmfs", pmfs, ndim=2, axis=1)
    )
    validation.same_size("prior", tasks.size, "pmfs", rows.shape[0])
    validation.entries("pmfs", rows.size * rows.shape[1], MAX_ENTRIES, "a table of pairs of symbols")
    return validation.host(tasks, rows)
