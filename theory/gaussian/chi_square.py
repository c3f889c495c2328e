"""Functions of ln χ²_k, k = 2h degrees of freedom, that keep their digits where k is large.

ψ(h), ln Γ(h) and their differences grow with h while what is wanted of them shrinks, so that from h = 50 on Stirling's
series takes their place; its first term left out is below 1e-15 there.
"""

from typing import Any

import numpy as np
from jaxtyping import Complex, Float
from scipy.special import digamma, gammaln, loggamma

LARGE = 50.0
NEAR = 0.1  # where log1p(z) − z is summed as a series


def digamma_less_log(h: Float[np.ndarray, "*k"]) -> Float[np.ndarray, "*k"]:
    """ψ(h) − ln h, that is E ln χ²_{2h} − ln 2h."""
    y = 1 / np.square(h)
    return np.where(h < LARGE, digamma(h) - np.log(h), -1 / (2 * h) - y * (1 / 12 - y * (1 / 120 - y / 252)))


def log_gamma_half_step(h: float) -> float:
    """ln Γ(h + ½) − ln Γ(h) − ½ ln h, that is ln E χ_{2h} − ½ ln 2h."""
    if h < LARGE:
        return float(gammaln(h + 0.5) - gammaln(h) - np.log(h) / 2)
    y = 1 / h**2
    return (-1 / 8 + y * (1 / 192 - y * (1 / 640 - y * 17 / 14336))) / h


def log_gamma_ratio(h: float, w: Float[np.ndarray, " w"]) -> Complex[np.ndarray, " w"]:
    """ln Γ(h + iw) − ln Γ(h) − iw ln h, the cumulants of ln χ²_{2h}/2h at iw."""
    if h < LARGE:
        return loggamma(h + 1j * w) - loggamma(h) - 1j * w * np.log(h)
    z = 1j * w / h
    near = np.where(np.abs(z) < NEAR, z, 0)
    series = near**2 * np.polyval([(-1) ** (k + 1) / k for k in reversed(range(2, 18))], near)
    beyond = np.where(np.abs(z) < NEAR, series, np.log1p(z) - z)  # log1p(z) − z
    return h * beyond + (h * z - 0.5) * (z + beyond) + _rest(h * (1 + z)) - _rest(h)


def _rest(h: Any) -> Any:
    """Stirling's series for ln Γ(h) − (h − ½) ln h + h − ½ ln 2π."""
    y = 1 / np.square(h)
    return (1 / 12 - y * (1 / 360 - y * (1 / 1260 - y / 1680))) / h
