"""Least squares under gradient flow: what the weights are at each time, what is saved, and when an answer turns."""

import itertools
import math
from collections.abc import Callable, Sequence
from functools import partial

import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float
from scipy.optimize import root_scalar

from theory import validation
from theory.validation import ArrayLike

MAX_BISECTIONS = 10_000  # more than a bracket of floating-point numbers can be halved, twice over
SERIES = [(-1) ** k / math.factorial(k + 2) for k in reversed(range(16))]  # (x − 1 + e^{−x})/x² to rounding for x < 1


def flow(covariance: ArrayLike, cross: ArrayLike, times: ArrayLike) -> Float[Array, "*shape feature"]:
    """The weights of least squares under gradient flow from zero: ẇ = c − C w.

    w(t) = (1 − e^{−Ct}) C⁻¹ c; along an eigenvector of eigenvalue 0, t times that of c. With weight decay r pass C + r.

    Args:
        covariance: C = E zzᵀ [feature, feature].
        cross: c = E yz [feature].
        times: Learning rate × updates, >= 0; any shape.

    Returns:
        w at each time.

    Raises:
        ValueError: Where `covariance` is not symmetric and positive semidefinite, or another argument does not fit.

    References:
        Saxe, McClelland & Ganguli (2014), Exact solutions to the nonlinear dynamics of learning in deep linear neural
        networks, arXiv:1312.6120.
    """
    t, rates, vectors, along = validation.one_dtype(_times(times), *_modes(covariance, cross))
    x = jnp.multiply.outer(t, rates)
    share = jnp.where(x > 0, -jnp.expm1(-x) / jnp.where(x > 0, x, 1), 1)  # (1 − e^{−λt})/λt
    return jnp.matmul(jnp.multiply.outer(t, along) * share, vectors.T, precision="highest")


def flow_loss(
    weights: ArrayLike, covariance: ArrayLike, cross: ArrayLike, second_moment: ArrayLike = 1.0
) -> Float[Array, "*shape"]:
    """½ E(y − w·z)² = ½ (E y² − 2 c·w + wᵀCw): nats, up to a constant, for labels of Gaussian noise of variance 1.

    Args:
        weights: w [..., feature].
        covariance: C [feature, feature].
        cross: c [feature].
        second_moment: E y², a number > 0.

    Returns:
        The losses.

    Raises:
        ValueError: Where an argument does not fit.
    """
    (c, cov), w = _moments(covariance, cross), validation.finite("weights", weights)
    w, c, cov = validation.one_dtype(w, c, cov)
    y = validation.positive("second_moment", second_moment).astype(w.dtype)
    validation.same_size("weights", w.shape[-1] if w.ndim else 1, "cross", c.size)
    slope = jnp.matmul(w, cov, precision="highest") - 2 * jnp.broadcast_to(c, w.shape)
    return (y + (w * slope).sum(-1)) / 2


def flow_nats_saved(covariance: ArrayLike, cross: ArrayLike, times: ArrayLike) -> Float[Array, "*shape"]:
    """The saving of a learner under gradient flow: what its loss has stayed below that of w = 0, integrated.

    ∫_0^t (L(0) − L(w(s))) ds = Σ_i c_i² [t/(2λ_i) − (1 − e^{−2λ_i t})/(4λ_i²)] over the eigenvectors. For some of
    the features alone pass their part of both moments.

    Args:
        covariance: C [feature, feature].
        cross: c [feature].
        times: t >= 0; any shape.

    Returns:
        The savings, of the loss of `flow_loss` × time.

    Raises:
        ValueError: Where `covariance` is not symmetric and positive semidefinite, or another argument does not fit.
    """
    t, rates, _, along = validation.one_dtype(_times(times), *_modes(covariance, cross))
    x, scale = 2 * jnp.multiply.outer(t, rates), jnp.multiply.outer(t, along) ** 2
    large = jnp.where(x < 1, 1, x)
    series = jnp.polyval(jnp.array(SERIES, x.dtype), jnp.minimum(x, 1))
    return (scale * jnp.where(x < 1, series, (large + jnp.expm1(-large)) / large**2)).sum(-1)


def crossover(covariance: ArrayLike, cross: ArrayLike, direction: ArrayLike) -> Float[Array, ""]:
    """The time from which on the flow answers an input as it does in the end: direction · w(t) > 0 for good.

    For an input in which one feature says + and another −, signed so that + is right, the time at which the first takes
    over. No grid: f = d·w has f′ = Σ a_i e^{−λ_i t}, and between two zeros of such a sum lies one of (e^{λ_1 t} f′)′,
    which has a term fewer; so all are bracketed. With two features there is one turn at most. Not under `jit`.

    Args:
        covariance: C [feature, feature]; eigenvalues of 0 to rounding are left out, as w stays 0 there.
        cross: c [feature], in the range of C.
        direction: d [feature].

    Returns:
        Learning rate × updates: 0 where d·w > 0 from the start, inf where it does not end so.

    Raises:
        ValueError: Where `covariance` is not symmetric and positive semidefinite, or another argument does not fit.

    References:
        Jameson (2006), Counting zeros of generalised polynomials. Mathematical Gazette 90: Rolle's theorem here.
    """
    modes, d = _modes(covariance, cross), validation.finite("direction", direction, 1)
    validation.same_size("direction", d.size, "cross", modes[0].size)
    rates, vectors, along = (np.asarray(x, float) for x in modes)
    eps = float(jnp.finfo(modes[0].dtype).eps)
    some = rates > rates.size * eps * rates.max()
    if (np.abs(along[~some]) > math.sqrt(eps) * np.linalg.norm(along)).any():
        raise validation.refuse("cross", "a part along an eigenvalue 0 of `covariance`", "none there, as E yz has")
    rates, terms = rates[some], (np.asarray(d, float) @ vectors * along)[some]
    ends = terms / rates
    limit = ends.sum() if abs(ends.sum()) > 1000 * eps * np.abs(ends).sum() else 0.0
    stationary = _zeros(terms, rates)
    found = _between(lambda t: float(-ends @ np.expm1(-rates * t)), stationary, limit)
    return validation.array(math.inf if limit <= 0 else found[-1] if found else 0.0, modes[0].dtype)


def _zeros(terms: np.ndarray, rates: np.ndarray) -> list[float]:
    """The t > 0 at which Σ a_i e^{−λ_i t} changes sign, in order; the rates increase."""
    if len(terms) < 2:
        return []
    gaps = rates - rates[0]
    stationary = [0.0, *_zeros(terms[1:] * gaps[1:], gaps[1:])]
    return _between(lambda t: float(terms @ np.exp(-gaps * t)), stationary, terms[gaps == 0].sum())


def _between(value: Callable[[float], float], stationary: Sequence[float], limit: float) -> list[float]:
    """Where a function changes sign that is monotone between these points and from the last on to its limit."""
    ends = list(stationary)
    if ends and value(ends[-1]) * np.sign(limit) < 0:
        ends.append(max(2 * ends[-1], 1.0))
        while value(ends[-1]) * np.sign(limit) <= 0:
            ends[-1] *= 2
    pairs = [(a, b) for a, b in itertools.pairwise(ends) if np.sign(value(a)) * np.sign(value(b)) < 0]
    find = partial(root_scalar, value, method="brentq", xtol=1e-300, maxiter=MAX_BISECTIONS)
    return [find(bracket=pair).root for pair in pairs]


def separated_crossover(covariance: ArrayLike, cross: ArrayLike, direction: ArrayLike) -> Float[Array, ""]:
    """`crossover` for a slow feature and a fast one, in the limit in which the fast one is fitted at once.

    Then w_2 = (c_2 − C_12 w_1)/C_22, and the slow one learns what that leaves over: ẇ_1 = e − S w_1 with the residual
    e = c_1 − C_12 c_2/C_22 and the conditional variance S = C_11 − C_12²/C_22. The answer is D w_1 − B with
    D = d_1 − d_2 C_12/C_22 and B = −d_2 c_2/C_22, and turns at

        t = −ln(1 − B S/(D e))/S, up to O(1/C_22) as S → 0.

    Two signs u, v of means E uy = a, E vy = b, E uv = r, the slow feature s u, the fast one v, and an input in which
    they disagree, d = (s, −1):  t = −ln(1 − b (1−r)/(a − r b))/(s² (1−r²)), finite where b < a.

    Args:
        covariance: C [2, 2], positive; the slow feature first.
        cross: c [2].
        direction: d [2].

    Returns:
        Learning rate × updates: 0 where the answer is right from the start, inf where it is wrong in the end.

    Raises:
        ValueError: Where an argument does not fit.

    References:
        Pezeshki et al. (2021), Gradient starvation, arXiv:2011.09468.
    """
    (c, cov), d = _moments(covariance, cross), validation.finite("direction", direction, 1)
    c, cov, d = validation.one_dtype(c, cov, d)
    validation.same_size("cross", c.size, "a slow and a fast feature", 2)
    validation.same_size("direction", d.size, "cross", 2)
    share, left = cov[0, 1] / cov[1, 1], c[0] - cov[0, 1] / cov[1, 1] * c[1]
    rate = cov[0, 0] - share * cov[0, 1]
    if validation.has_values(cov) and not (cov[1, 1] > 0 and rate > 0):
        raise validation.refuse("covariance", covariance, "a positive definite one")
    behind, gain = -d[1] * c[1] / cov[1, 1], (d[0] - d[1] * share) * left / rate
    overtakes = gain - behind > 1000 * jnp.finfo(cov.dtype).eps * (abs(gain) + abs(behind))
    waits = overtakes & (behind > 0)
    time = -jnp.log1p(-jnp.where(waits, behind / jnp.where(waits, gain, 1), 0)) / rate
    return jnp.where(waits, time, jnp.where(overtakes, 0, jnp.inf))


def _moments(
    covariance: ArrayLike, cross: ArrayLike
) -> tuple[Float[Array, " feature"], Float[Array, "feature feature"]]:
    """c and C, symmetric and positive semidefinite to rounding."""
    cov, c = validation.one_dtype(validation.finite("covariance", covariance, 2), validation.finite("cross", cross, 1))
    if cov.shape != (c.size, c.size):
        raise validation.refuse(
            "covariance", f"shape {cov.shape}", f"shape {(c.size, c.size)}, as `cross` has {c.size}"
        )
    if validation.has_values(cov):
        values, slack = np.asarray(cov, float), math.sqrt(jnp.finfo(cov.dtype).eps) * np.abs(np.asarray(cov)).max()
        if np.abs(values - values.T).max() > slack or np.linalg.eigvalsh(values)[0] < -slack:
            raise validation.refuse("covariance", covariance, "a symmetric positive semidefinite matrix")
    return c, cov


def _modes(covariance: ArrayLike, cross: ArrayLike) -> tuple[Array, Array, Array]:
    """The eigenvalues of C, increasing and >= 0, its eigenvectors [feature, mode], and c along them."""
    xp, c, cov = validation.host(*_moments(covariance, cross))
    rates, vectors = xp.linalg.eigh(cov)
    along = (c[:, None] * vectors).sum(0)
    return validation.array(xp.maximum(rates, 0)), validation.array(vectors), validation.array(along)


def _times(times: ArrayLike) -> Array:
    """Finite times >= 0."""
    t = validation.finite("times", times)
    if validation.has_values(t) and (np.asarray(t) < 0).any():
        raise validation.refuse("times", t.min(), "numbers >= 0")
    return t
