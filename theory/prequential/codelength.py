"""What a learner saves by predicting online, which component of a signal it therefore takes up, and when it turns.

The prequential saving of a learner after n samples is the label's entropy less its online log loss, summed: n·I(X;Y)
less the price of learning. A mixture of learners follows the largest saving exactly; gradient flow has its own law.
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
from theory.measures import entropy as entropy_of
from theory.measures import product_divergence
from theory.validation import ArrayLike


def nats_saved(losses: ArrayLike, entropy: ArrayLike, *, batch: int = 1) -> Float[Array, "*shape n"]:
    """The prequential saving: what online prediction has saved over predicting from the label's law alone.

    S_n = Σ_{i≤n} (H(Y) − loss_i), where loss_i = −ln q_{i−1}(y_i|x_i) is that of a learner of the samples before i.

    Args:
        losses: [..., n] in nats: of each sample, or the mean of each batch, before the learner has seen it.
        entropy: H(Y), a number, in nats.
        batch: Samples a loss.

    Returns:
        The savings in nats after 1 … n losses; negative while learning has cost more than it has brought.

    Raises:
        ValueError: Where `losses` have no axis, a number is not finite, or `batch` is no integer >= 1.

    References:
        Dawid (1984), Statistical theory: the prequential approach. Rissanen (1984), Universal coding, information,
        prediction, and estimation. Blier & Ollivier (2018), The description length of deep learning models,
        arXiv:1802.07044.
    """
    loss = validation.finite("losses", losses)
    h = validation.finite("entropy", entropy, 0).astype(loss.dtype)
    if loss.ndim == 0:
        raise validation.refuse("losses", "shape ()", "at least 1 axis")
    xp, h, loss = validation.host(h, loss)
    return validation.array(validation.integer("batch", batch, 1) * xp.cumsum(h - loss, axis=-1))


def efficiency(nats_saved: ArrayLike, samples: ArrayLike) -> Float[Array, "*shape n"]:
    """S_n/n, nats a sample: what a learner has made of I(X;Y), which it approaches if it learns p(y|x) in the end.

    Args:
        nats_saved: S [..., n].
        samples: The number of samples behind each [n], > 0.

    Returns:
        Nats a sample.

    Raises:
        ValueError: Where the lengths differ, a number is not finite or a sample number not positive.
    """
    total, n = validation.one_dtype(
        validation.finite("nats_saved", nats_saved), validation.finite("samples", samples, 1)
    )
    validation.same_size("samples", n.size, "nats_saved", total.shape[-1] if total.ndim else 1)
    xp, total, n = validation.host(total, n)
    if validation.has_values(n) and not (n > 0).all():
        raise validation.refuse("samples", n.min(), "numbers > 0")
    return validation.array(total / xp.broadcast_to(n, total.shape))


class Crossing(NamedTuple):
    """From which sample on a mean lead stays above zero, and the interval of that number."""

    at: Float[Array | np.ndarray, ""]
    lower: Float[Array | np.ndarray, ""]
    upper: Float[Array | np.ndarray, ""]


def crossing(lead: ArrayLike, samples: ArrayLike, level: float = 0.95) -> Crossing:
    """The sample number from which on one learner's mean saving stays above another's.

    The last zero of the mean over seeds, and of mean ± t·stderr, between samples by a straight line: 0 where a curve is
    positive throughout, inf where it does not end so. The band holds at each single sample with probability `level`
    (Student's t, normal leads). As it holds at the true crossing, that lies above `upper` with probability
    (1 − level)/2 at most; below `lower` a little more often, as the upper band may dip below zero after it once more.

    Args:
        lead: [seed, n]: saving of the rival less that of the leader, at least 2 independent seeds.
        samples: Sample numbers [n], >= 0 and increasing.
        level: Of the pointwise band, in (0, 1).

    Returns:
        The crossing of the mean, and those of the upper (`lower`) and lower (`upper`) end of the band.

    Raises:
        ValueError: Where `lead` has fewer than 2 seeds, a number is not finite, `samples` do not fit, or `level` is
            outside (0, 1).
    """
    d, n = validation.one_dtype(validation.finite("lead", lead, 2), validation.finite("samples", samples, 1))
    validation.same_size("samples", n.size, "lead", d.shape[1])
    if d.shape[0] < 2:
        raise validation.refuse("lead", f"shape {d.shape}", "at least 2 seeds on axis 0")
    if not 0 < level < 1:
        raise validation.refuse("level", level, "a number in (0, 1)")
    mean, stderr, seeds = estimate(d)
    xp, n, mean, stderr = validation.host(n, mean, stderr)
    if validation.has_values(n) and not (n[0] >= 0 and (n[1:] > n[:-1]).all()):
        raise validation.refuse("samples", samples, "increasing numbers >= 0")
    half = float(stdtrit(seeds - 1, (1 + level) / 2)) * stderr
    return Crossing(*(validation.array(_last_zero(xp, n, curve)) for curve in (mean, mean + half, mean - half)))


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
    """−ln of the marginal likelihood of labels given contexts, each context's law under a Dirichlet(α) prior.

    Σ_x [ln Γ(n_x + Kα) − ln Γ(Kα) − Σ_y (ln Γ(n_xy + α) − ln Γ(α))], in any order of the samples the sum of the online
    losses −ln((n_xy + α)/(n_x + Kα)), with the counts before each.

    Args:
        counts: n_xy [context, label], >= 0.
        alpha: α > 0; 1/2 is that of Krichevsky and Trofimov.

    Returns:
        The length in nats.

    Raises:
        ValueError: Where `counts` is no table of finite numbers >= 0, or `alpha` not > 0.

    References:
        Krichevsky & Trofimov (1981), The performance of universal encoding. IEEE Trans. Inf. Theory 27.
    """
    n = validation.finite("counts", counts, 2)
    a = validation.positive("alpha", alpha).astype(n.dtype)
    if validation.has_values(n) and (n < 0).any():
        raise validation.refuse("counts", n.min(), "numbers >= 0")
    total = n.shape[1] * a
    return (gammaln(n.sum(1) + total) - gammaln(total)).sum() - (gammaln(n + a) - gammaln(a)).sum()


def table_nats_saved(joint: ArrayLike, num_samples: int, alpha: ArrayLike = 0.5) -> Float[Array, " n"]:
    """The exact expected saving of a Bayesian table that learns p(y|x) from independent samples, in nats.

    n H(Y) − E `code_length` = Σ_{m<n} [H(Y) + Σ_xy p_xy E ln(N_xy + α) − Σ_x p_x E ln(N_x + Kα)], with N ~ Binomial(m,
    p), whose law is carried from m to m + 1. It takes O(num_samples²) a cell; `table_nats_saved_law` is its limit.

    Args:
        joint: p_xy [context, label].
        num_samples: The last n.
        alpha: α > 0.

    Returns:
        The savings for n = 0 … num_samples.

    Raises:
        ValueError: Where `joint` is no probability table, `num_samples` < 0 or `alpha` not > 0.

    References:
        Dawid (1984); Krichevsky & Trofimov (1981).
    """
    p = validation.pmf("joint", joint, 2)
    a = validation.positive("alpha", alpha).astype(p.dtype)
    n = validation.integer("num_samples", num_samples, 0)
    return _table_saving(p, a, n)


@partial(jax.jit, static_argnums=2)
def _table_saving(p: Float[Array, "x y"], a: Float[Array, ""], n: int) -> Float[Array, " n"]:
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
    """`table_nats_saved` up to O(1/n): n I(X;Y), less (d/2) ln n, less a constant.

    n I − Σ_x [(d_x/2) ln(n p_x) − (k_x−1)/2 ln 2πe − (α−½) Σ_y ln p(y|x) + k_x ln Γ(α) − ln Γ(Kα)] over the contexts
    and labels of positive mass, with d_x = k_x − 1 + 2α(K − k_x) where k_x of K labels occur: (K−1)/2 ln n a context
    where all do, and where α = ½. By Stirling's formula in `code_length`.

    Args:
        joint: p_xy [context, label].
        samples: n > 0; any shape.
        alpha: α > 0.

    Returns:
        The savings in nats.

    Raises:
        ValueError: Where `joint` is no probability table, or a number of `samples` or `alpha` not > 0.

    References:
        Clarke & Barron (1990), Information-theoretic asymptotics of Bayes methods. IEEE Trans. Inf. Theory 36.
    """
    p, n = validation.one_dtype(validation.pmf("joint", joint, 2), validation.finite("samples", samples))
    a = validation.positive("alpha", alpha).astype(p.dtype)
    if validation.has_values(n) and not (n > 0).all():
        raise validation.refuse("samples", n.min(), "numbers > 0")
    occurs, labels, mass = p > 0, p.shape[1], p.sum(1)
    some, k = mass > 0, (p > 0).sum(1).astype(p.dtype)
    log_mass = jnp.log(jnp.where(some, mass, 1))
    logs = jnp.where(occurs, jnp.log(jnp.where(occurs, p, 1)) - log_mass[:, None], 0).sum(1)
    half = (k - 1) / 2 + a * (labels - k)
    rest = half * log_mass - (k - 1) / 2 * math.log(2 * math.pi * math.e) - (a - 0.5) * logs
    rest = rest + k * gammaln(a) - gammaln(labels * a)
    return n * product_divergence(p) - jnp.where(some, half, 0).sum() * jnp.log(n) - jnp.where(some, rest, 0).sum()


def mixture_weights(savings: ArrayLike, prior: ArrayLike | None = None) -> Float[Array, "*shape component"]:
    """What a Bayesian mixture of learners relies on: the posterior of each, after the samples behind their savings.

    π_i e^{S_i}/Σ_j π_j e^{S_j}: the savings on the data at hand decide. Neither their expectations nor the mutual
    informations n I_i do.

    Args:
        savings: S [..., component] in nats, of one sample of the data each.
        prior: π [component]; uniform by default.

    Returns:
        The weights, of sum 1 over the components.

    Raises:
        ValueError: Where `savings` are not finite, or `prior` is no probability table that fits.

    References:
        Dawid (1984). Cesa-Bianchi & Lugosi (2006), Prediction, Learning, and Games, section 9.2.
    """
    return jax.nn.softmax(_evidence(savings, prior), axis=-1)


def mixture_nats_saved(savings: ArrayLike, prior: ArrayLike | None = None) -> Float[Array, "*shape"]:
    """The saving of the Bayesian mixture: at most ln 1/π_i below that of any component, and never above the best.

    max_i (S_i + ln π_i) ≤ ln Σ_i π_i e^{S_i} ≤ max_i S_i.

    Args:
        savings: S [..., component] in nats.
        prior: π [component]; uniform by default.

    Returns:
        The savings in nats.

    Raises:
        ValueError: Where `savings` are not finite, or `prior` is no probability table that fits.
    """
    return logsumexp(_evidence(savings, prior), axis=-1)


def _evidence(savings: ArrayLike, prior: ArrayLike | None) -> Float[Array, "*shape component"]:
    """S + ln π."""
    s = validation.finite("savings", savings)
    size = s.shape[-1] if s.ndim else 1
    p = validation.pmf("prior", np.full(size, 1 / size, s.dtype) if prior is None else prior, 1)
    validation.same_size("prior", p.size, "savings", size)
    s, p = validation.one_dtype(s, p)
    return s + jnp.broadcast_to(jnp.log(p), s.shape)
