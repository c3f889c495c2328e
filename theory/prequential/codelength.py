"""The code length saved by predicting online, which feature a learner therefore relies on, and when it switches.

The prequential code length saved after n samples is the label's entropy less the online log loss, summed: n·I(X;Y) less
the price of learning. A Bayesian mixture of learners follows the one that has saved most; gradient flow has a law of
its own (`flows.py`).

References:
    Krichevsky & Trofimov (1981), The performance of universal encoding. IEEE Trans. Inf. Theory 27.
    Dawid (1984), Statistical theory: the prequential approach. J. R. Stat. Soc. A 147.
    Rissanen (1984), Universal coding, information, prediction, and estimation. IEEE Trans. Inf. Theory 30.
    Clarke & Barron (1990), Information-theoretic asymptotics of Bayes methods. IEEE Trans. Inf. Theory 36.
    Cesa-Bianchi & Lugosi (2006), Prediction, Learning, and Games, section 9.2: mixtures of learners.
    Blier & Ollivier (2018), The description length of deep learning models, arXiv:1802.07044.
"""

import math
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.scipy.special import gammaln, logsumexp
from jaxtyping import Float
from scipy.special import stdtrit

from theory import validation
from theory.estimators.intervals import estimate
from theory.estimators.pointwise import log_or_minus_infinity
from theory.gamma import log_beta
from theory.measures import entropy as entropy_of
from theory.measures import product_divergence
from theory.validation import ArrayLike

MAX_TABLE = 2**26  # entries of a table in memory


def nats_saved(losses: ArrayLike, entropy: ArrayLike, *, batch: int = 1) -> Float[Array, "*shape n"]:
    """The code length saved [..., n] by online prediction over predicting from the label's distribution alone, in nats.

    S_n = Σ_{i≤n} (H(Y) − loss_i), where loss_i = −ln q_{i−1}(y_i|x_i) is that of a learner of the samples before i.
    `losses` [..., n] are those of each sample, or the means of batches of so many samples, `entropy` is H(Y), a number.
    Negative while learning has cost more than it has brought. The sum is in float64 where there are values, and has the
    losses' dtype.
    """
    loss, h = validation.finite("losses", losses), validation.finite("entropy", entropy, 0)
    if loss.ndim == 0:
        raise validation.refuse("losses", "shape ()", "at least 1 axis")
    size, dtype = float(validation.integer("batch", batch, 1)), loss.dtype
    xp, h, loss = validation.host(h, loss)
    h, loss = (h.astype(float), loss.astype(float)) if xp is np else (h.astype(dtype), loss)
    with np.errstate(over="ignore", invalid="ignore"):
        saved = (size * xp.cumsum(h - loss, axis=-1)).astype(dtype)
    return validation.in_range("losses", validation.array(saved))


class Crossover(NamedTuple):
    """From which sample on a mean lead stays above zero, and the interval of that number."""

    at: Float[Array | np.ndarray, ""]
    lower: Float[Array | np.ndarray, ""]
    upper: Float[Array | np.ndarray, ""]


def measured_crossover(lead: ArrayLike, samples: ArrayLike, level: float = 0.95) -> Crossover:
    """The number of samples from which on one learner has the larger code length saved, by curves of several seeds.

    The last zero of the mean over seeds, and of mean ± t·stderr (`upper` ends the −, `lower` the +), by a straight line
    between samples: 0 where a curve is positive throughout, inf where it does not end so. The band holds at each single
    sample with probability `level` (Student's t, Gaussian leads). As it holds at the true crossover, that lies above
    `upper` with probability (1 − level)/2 at most; below `lower` a little more often, as the upper end of the band may
    dip below zero after it once more.

    Args:
        lead: [seed, n]: what the rival has saved less what the leader has, at least 2 independent seeds.
        samples: Sample numbers [n], >= 0 and increasing.
        level: Of the pointwise band, in (0, 1).
    """
    d, n = validation.one_dtype(validation.finite("lead", lead, 2), validation.finite("samples", samples, 1))
    validation.same_size("samples", n.size, "lead", d.shape[1])
    if d.shape[0] < 2:
        raise validation.refuse("lead", f"shape {d.shape}", "at least 2 seeds on axis 0")
    level = validation.inside("level", level, 0, 1)
    mean, stderr, seeds = estimate(d)
    xp, n, mean, stderr = validation.host(n, mean, stderr)
    if validation.has_values(n) and not (n[0] >= 0 and (n[1:] > n[:-1]).all()):
        raise validation.refuse("samples", samples, "increasing numbers >= 0")
    half = float(stdtrit(seeds - 1, (1 + level) / 2)) * stderr
    return Crossover(*(validation.array(_last_zero(xp, n, curve)) for curve in (mean, mean + half, mean - half)))


def _last_zero(xp: Any, x: Any, y: Any) -> Any:
    """Where the broken line through (x, y) becomes positive for good."""
    below = y <= 0
    last = x.size - 1 - xp.argmax(below[::-1])
    after = xp.minimum(last + 1, x.size - 1)
    crosses = below.any() & ~below[-1]
    rise = xp.where(crosses, y[after] - y[last], 1)
    at = x[last] - y[last] / rise * (x[after] - x[last])
    return xp.where(crosses, at, xp.where(below[-1], jnp.inf, 0)).astype(y.dtype)


def code_length(counts: ArrayLike, alpha: ArrayLike = 0.5) -> Float[Array, ""]:
    """−ln of the marginal likelihood of labels given contexts, each under a Dirichlet(α) prior of its own, in nats.

    −Σ_x [ln B(n_x1 + α, …, n_xK + α) − ln B(α, …, α)], B(a) = Π_y Γ(a_y)/Γ(Σ a), for `counts` n_xy [context, label]
    >= 0 and α > 0 (1/2 is that of Krichevsky and Trofimov): in any order of the samples the sum of the online losses
    −ln((n_xy + α)/(n_x + Kα)), with the counts before each.
    """
    n = validation.finite("counts", counts, 2)
    a = validation.positive("alpha", alpha).astype(n.dtype)
    if validation.has_values(n) and (np.asarray(n) < 0).any():
        raise validation.refuse("counts", f"an entry {np.asarray(n).min()}", "numbers >= 0")
    length = (log_beta(jnp.full_like(n, 1) * a) - log_beta(n + a)).sum()
    return validation.in_range("counts, alpha", length)


def table_nats_saved(joint: ArrayLike, num_samples: int, alpha: ArrayLike = 0.5) -> Float[Array, " n"]:
    """The exact expected code length saved [n] by a Bayesian table that learns p(y|x), n = 0 … `num_samples`, in nats.

    n H(Y) − E `code_length` = Σ_{m<n} [H(Y) + Σ_xy p_xy E ln(N_xy + α) − Σ_x p_x E ln(N_x + Kα)], with N ~ Binomial(m,
    p), carried from m to m + 1, for independent samples of `joint` p_xy [context, label] and α > 0. It takes
    O(num_samples²) a cell; `table_nats_saved_law` is its limit.
    """
    p = validation.pmf("joint", joint, 2)
    a = validation.positive("alpha", alpha).astype(p.dtype)
    n = validation.integer("num_samples", num_samples, 0)
    validation.entries("num_samples", n * (p.size + p.shape[0]), MAX_TABLE)
    return validation.in_range("alpha", _table_nats_saved(p, a, n))


@partial(jax.jit, static_argnums=2)
def _table_nats_saved(p: Float[Array, "x y"], a: Float[Array, ""], n: int) -> Float[Array, " n"]:
    cells = jnp.concatenate([p.ravel(), p.sum(1)])
    pseudo = jnp.concatenate([jnp.full(p.size, a), jnp.full(p.shape[0], p.shape[1] * a)])
    weights = cells * jnp.where(jnp.arange(cells.size) < p.size, 1, -1)
    gains = entropy_of(p.sum(0)) + _gains(cells, pseudo, weights, jnp.arange(n, dtype=p.dtype))
    return jnp.concatenate([jnp.zeros(1, p.dtype), jnp.cumsum(gains)])


def _gains(p: Float[Array, " c"], pseudo: Float[Array, " c"], weights: Float[Array, " c"], m: Float[Array, " n"]):
    """Σ_c w_c E ln(N_c + pseudo_c) for N_c ~ Binomial(m, p_c), m = 0 … n − 1."""
    logs = jnp.log(jnp.add.outer(pseudo, m))

    def another(probs, _):
        more = jnp.pad(probs[:, :-1], ((0, 0), (1, 0)))
        return probs * (1 - p)[:, None] + more * p[:, None], (weights * (probs * logs).sum(1)).sum()

    return jax.lax.scan(another, jnp.zeros_like(logs).at[:, :1].set(1), length=m.size)[1]


def table_nats_saved_law(joint: ArrayLike, samples: ArrayLike, alpha: ArrayLike = 0.5) -> Float[Array, "*shape"]:
    """`table_nats_saved` up to O(1/n): n I(X;Y), less (d/2) ln n, less a constant, for `samples` n > 0 of any shape.

    n I − Σ_x [(d_x/2) ln(n p_x) − (k_x−1)/2 ln 2πe − (α−½) Σ_y ln p(y|x) + k_x ln Γ(α) − ln Γ(Kα)] over the contexts
    and labels of positive mass, with d_x = k_x − 1 + 2α(K − k_x) where k_x of K labels occur: (K−1)/2 ln n a context
    where all do, and where α = ½. By Stirling's formula in `code_length`.
    """
    p, n = validation.one_dtype(validation.pmf("joint", joint, 2), validation.finite("samples", samples))
    a = validation.positive("alpha", alpha).astype(p.dtype)
    if validation.has_values(n) and not (np.asarray(n) > 0).all():
        raise validation.refuse("samples", f"an entry {np.asarray(n).min()}", "numbers > 0")
    occurs, labels, mass = p > 0, p.shape[1], p.sum(1)
    some, k = mass > 0, (p > 0).sum(1).astype(p.dtype)
    log_mass = jnp.log(jnp.where(some, mass, 1))
    logs = jnp.where(occurs, jnp.log(jnp.where(occurs, p, 1)) - log_mass[:, None], 0).sum(1)
    half = (k - 1) / 2 + a * (labels - k)
    rest = half * log_mass - (k - 1) / 2 * math.log(2 * math.pi * math.e) - (a - 0.5) * logs
    rest = rest + k * gammaln(a) - gammaln(labels * a)
    law = n * product_divergence(p) - jnp.where(some, half, 0).sum() * jnp.log(n) - jnp.where(some, rest, 0).sum()
    return validation.in_range("samples, alpha", law)


def mixture_weights(nats_saved: ArrayLike, prior: ArrayLike | None = None) -> Float[Array, "*shape learner"]:
    """How far a Bayesian mixture relies on each learner [..., learner]: its posterior after the samples at hand.

    π_i e^{S_i}/Σ_j π_j e^{S_j}, for the code length S [..., learner] that each has saved on these samples, in nats, and
    π [learner] (uniform by default). Neither their expectations nor the mutual informations n I_i decide.
    """
    return jax.nn.softmax(_evidence(nats_saved, prior), axis=-1)


def mixture_nats_saved(nats_saved: ArrayLike, prior: ArrayLike | None = None) -> Float[Array, "*shape"]:
    """The code length [...] that the Bayesian mixture saves, in nats.

    max_i (S_i + ln π_i) ≤ ln Σ_i π_i e^{S_i} ≤ max_i S_i: at most ln 1/π_i below that of any learner, and never above
    the best.
    """
    return logsumexp(_evidence(nats_saved, prior), axis=-1)


def _evidence(nats_saved: ArrayLike, prior: ArrayLike | None) -> Float[Array, "*shape learner"]:
    """S + ln π."""
    s = validation.finite("nats_saved", nats_saved)
    size = s.shape[-1] if s.ndim else 1
    p = validation.pmf("prior", np.full(size, 1 / size, s.dtype) if prior is None else prior, 1)
    validation.same_size("prior", p.size, "nats_saved", size)
    s, p = validation.one_dtype(s, p)
    return s + jnp.broadcast_to(log_or_minus_infinity(p), s.shape)
