"""Differences of ln Γ and of ψ that keep their digits where the arguments are large.

ln Γ(h) and ψ(h) grow with h while their differences shrink, so that from h = 50 on Stirling's series takes their place:
ln Γ(h) = (h − ½) ln h − h + ½ ln 2π + `stirling_rest(h)`, the first term left out below 1e-15 there.
"""

import math
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.scipy.special import gammaln
from jaxtyping import Complex, Float
from scipy.special import digamma, loggamma

from theory.measures import log_ratio

LARGE = 50.0
NEAR = 0.1  # where log1p(z) − z is summed as a series


def stirling_rest(h: Any) -> Any:
    """1/(12h) − 1/(360h³) + …, for h ≥ 50, which may be complex."""
    y = 1 / (h * h)
    return (1 / 12 - y * (1 / 360 - y * (1 / 1260 - y / 1680))) / h


def log_beta(a: Float[Array, "x y"]) -> Float[Array, " x"]:
    """ln B(a) = Σ_y ln Γ(a_y) − ln Γ(Σ a) of each row; terms of the size a ln a cancel before they are rounded."""
    total = jnp.broadcast_to(a.sum(1, keepdims=True), a.shape)

    def rest(z: Array) -> Array:
        small = jnp.minimum(z, LARGE)
        direct = gammaln(small) - (small - 0.5) * jnp.log(small) + small - math.log(2 * math.pi) / 2
        return jnp.where(z < LARGE, direct, stirling_rest(jnp.maximum(z, LARGE)))

    halves = (jnp.log(total[:, 0]) - jnp.log(a).sum(1) + (a.shape[1] - 1) * math.log(2 * math.pi)) / 2
    return (a * log_ratio(a, total)).sum(1) + halves + rest(a).sum(1) - rest(total[:, 0])


def digamma_less_log(h: Float[np.ndarray, "*k"]) -> Float[np.ndarray, "*k"]:
    """ψ(h) − ln h, that is E ln χ²_{2h} − ln 2h."""
    y = 1 / np.square(h)
    return np.where(h < LARGE, digamma(h) - np.log(h), -1 / (2 * h) - y * (1 / 12 - y * (1 / 120 - y / 252)))


def log_gamma_half_step(h: float) -> float:
    """ln Γ(h + ½) − ln Γ(h) − ½ ln h, that is ln E χ_{2h} − ½ ln 2h."""
    if h < LARGE:
        return math.lgamma(h + 0.5) - math.lgamma(h) - math.log(h) / 2
    y = 1 / h**2
    return (-1 / 8 + y * (1 / 192 - y * (1 / 640 - y * 17 / 14336))) / h


def log_gamma_ratio(h: float, w: Float[np.ndarray, " w"]) -> Complex[np.ndarray, " w"]:
    """ln Γ(h + iw) − ln Γ(h) − iw ln h, that is ln E exp(iw ln(χ²_{2h}/2h))."""
    if h < LARGE:
        return loggamma(h + 1j * w) - loggamma(h) - 1j * w * np.log(h)
    z = 1j * w / h
    near = np.where(np.abs(z) < NEAR, z, 0)
    series = near**2 * np.polyval([(-1) ** (k + 1) / k for k in reversed(range(2, 18))], near)
    beyond = np.where(np.abs(z) < NEAR, series, np.log1p(z) - z)  # log1p(z) − z
    return h * beyond + (h * z - 0.5) * (z + beyond) + stirling_rest(h * (1 + z)) - stirling_rest(h)
