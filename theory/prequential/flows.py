"""Least squares under gradient flow: the weights at each time, and when the answer to an input switches.

C = E zzᵀ [feature, feature], symmetric and positive semidefinite, and c = E yz [feature] are the moments of features z
and a label y; time is the learning rate times the number of updates.

References:
    Jameson (2006), Counting zeros of generalised polynomials. Mathematical Gazette 90.
    Saxe, McClelland & Ganguli (2014), Exact solutions to the nonlinear dynamics of learning in deep linear neural
    networks, arXiv:1312.6120.
    Pezeshki et al. (2021), Gradient starvation, arXiv:2011.09468.
"""

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float
from scipy.optimize import brentq

from theory import validation
from theory.validation import ArrayLike

FOREVER = 1e300  # in units of the fastest rate


def flow(covariance: ArrayLike, cross: ArrayLike, times: ArrayLike) -> Float[Array, "*shape feature"]:
    """The weights w [..., feature] of least squares under gradient flow from zero, ẇ = c − C w, at `times` >= 0 [...].

    w(t) = (1 − e^{−Ct}) C⁻¹ c; along an eigenvector of eigenvalue 0, t times that of c. With weight decay r pass C + r.
    """
    t, rates, vectors, along = validation.one_dtype(_times(times), *_modes(covariance, cross))
    x = jnp.multiply.outer(t, rates)
    early = jnp.multiply.outer(t, along) * jnp.where(x > 0, -jnp.expm1(-x) / jnp.where(x > 0, x, 1), 1)
    late = jnp.broadcast_to(along / jnp.where(rates > 0, rates, 1), x.shape) * -jnp.expm1(-x)  # t c may overflow
    weights = jnp.matmul(jnp.where(x < 1, early, late), vectors.T, precision="highest")
    return validation.in_range("times", weights)


def flow_crossover(covariance: ArrayLike, cross: ArrayLike, direction: ArrayLike) -> Float[Array, ""]:
    """The time from which on the flow answers an input as it does in the end: d·w(t) > 0 for good, d = `direction`.

    0 where d·w > 0 from the start, inf where it does not end so. Where one feature of an input says + and another −,
    signed so that + is correct, the time at which the first takes over. No grid: f = d·w has f′ = Σ a_i e^{−λ_i t}, and
    between two zeros of such a sum lies one of (e^{λ_1 t} f′)′, which has a term fewer (Rolle); so all are bracketed.
    With two features there is one switch at most. Eigenvalues of C that are 0 to rounding are left out, as w stays 0
    there: c has to lie in the range of C. Not under `jit`.
    """
    if not validation.has_values((covariance, cross, direction)):
        raise validation.refuse("covariance, cross, direction", "a tracer", "concrete arrays, as roots are bracketed")
    modes, d = _modes(covariance, cross), validation.finite("direction", direction, 1)
    validation.same_size("direction", d.size, "cross", modes[0].size)
    rates, vectors, along = (np.asarray(x, float) for x in modes)
    eps = float(jnp.finfo(modes[0].dtype).eps)
    some = rates > rates.size * eps * rates.max()
    along, d = _unit(np, along), _unit(np, np.asarray(d, float))  # only their directions count
    if (np.abs(along[~some]) > math.sqrt(eps) * np.linalg.norm(along)).any():
        raise validation.refuse("cross", "a part along an eigenvalue 0 of `covariance`", "none there, as E yz has")
    if not some.any():
        return validation.array(math.inf, modes[0].dtype)
    unit = rates.max()
    rates, terms = rates[some] / unit, (d @ vectors * along)[some]
    ends = terms / rates
    limit = ends.sum() if abs(ends.sum()) > 1000 * eps * np.abs(ends).sum() else 0.0
    found = _between(lambda t: float(-ends @ np.expm1(-rates * t)), _zeros(terms, rates), limit)
    return validation.array(math.inf if limit <= 0 else found[-1] / unit if found else 0.0, modes[0].dtype)


def _unit(xp: Any, x: Any) -> Any:
    """`x` in units of its largest entry, so that products neither overflow nor vanish."""
    largest = abs(x).max()
    return x / xp.where(largest > 0, largest, 1)


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
    if ends and np.sign(value(ends[-1])) * np.sign(limit) < 0:
        ends.append(max(2 * ends[-1], 1.0))
        while np.sign(value(ends[-1])) != np.sign(limit) and ends[-1] < FOREVER:
            ends[-1] *= 2
    pairs = [(a, b) for a, b in itertools.pairwise(ends) if np.sign(value(a)) * np.sign(value(b)) < 0]
    return [float(np.asarray(brentq(value, *pair, xtol=1e-300, maxiter=10_000))) for pair in pairs]


def separated_crossover(covariance: ArrayLike, cross: ArrayLike, direction: ArrayLike) -> Float[Array, ""]:
    """`flow_crossover` for a slow feature and a fast one, in the limit in which the fast one is fitted at once.

    Then w_2 = (c_2 − C_12 w_1)/C_22, and the slow one learns what that leaves over: ẇ_1 = e − S w_1 with the residual
    e = c_1 − C_12 c_2/C_22 and the conditional variance S = C_11 − C_12²/C_22. The answer is D w_1 − B with
    D = d_1 − d_2 C_12/C_22 and B = −d_2 c_2/C_22, and switches at

        t = −ln(1 − B S/(D e))/S, up to O(1/C_22) as S → 0:

    0 where it is correct from the start, inf where it is wrong in the end. C [2, 2] is positive definite, the slow
    feature first. Two signs u, v of means E uy = a, E vy = b, E uv = r, the slow feature s u, the fast one v, and an
    input in which they disagree, d = (s, −1):  t = −ln(1 − b (1−r)/(a − r b))/(s² (1−r²)), finite where b < a.
    """
    (c, cov), d = _moments(covariance, cross), validation.finite("direction", direction, 1)
    c, cov, d = validation.one_dtype(c, cov, d)
    validation.same_size("cross", c.size, "a slow and a fast feature", 2)
    validation.same_size("direction", d.size, "cross", 2)
    xp, c, cov, d = validation.host(c, cov, d)
    c, d = _unit(xp, c), _unit(xp, d)  # only their directions count
    definite = not validation.has_values(cov) or (cov[1, 1] > 0 and cov[0, 0] - cov[0, 1] / cov[1, 1] * cov[0, 1] > 0)
    if not definite:
        raise validation.refuse("covariance", covariance, "a positive definite matrix")
    share = cov[0, 1] / cov[1, 1]
    left, rate = c[0] - share * c[1], cov[0, 0] - share * cov[0, 1]
    behind, gain = -d[1] * c[1] / cov[1, 1], (d[0] - d[1] * share) * left / rate
    overtakes = gain - behind > 1000 * jnp.finfo(cov.dtype).eps * (abs(gain) + abs(behind))
    waits = overtakes & (behind > 0)
    time = -xp.log1p(-xp.where(waits, behind / xp.where(waits, gain, 1), 0)) / rate
    return validation.array(xp.where(waits, time, xp.where(overtakes, 0, xp.inf)).astype(cov.dtype))


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
        raise validation.refuse("times", f"an entry {np.asarray(t).min()}", "numbers >= 0")
    return t
