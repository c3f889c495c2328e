"""Where samples live: an alphabet, or points with coordinates. Data are checked here, against the model's space."""

from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array

from sandbox import validation


class Space(NamedTuple):
    """`size` symbols 0 … size − 1, or points of `size` coordinates."""

    size: int
    kind: str  # "symbol" or "coordinate"

    def __str__(self) -> str:
        return f"{self.size} {self.kind}{'s' * (self.size != 1)}"

    def samples(self, name: str, x: Any, dtype: Any = None, weights: Any = None) -> Array:
        """`x` as samples of this space.

        Symbols are integers [n]; points are numbers [n, size] of `dtype` or a wider one, [n] too if there is one
        coordinate. Samples of weight 0 may be NaN.

        Raises:
            ValueError: A symbol outside the alphabet, or a point that is not finite.
        """
        symbols = self.kind == "symbol"
        accepted = f"symbols 0 … {self.size - 1}, [n]" if symbols else f"finite points [n, {self.size}]"
        given, x = x, validation.plain(name, x, accepted)
        x = x[:, None] if not symbols and self.size == 1 and x.ndim == 1 else x
        whole = jnp.issubdtype(x.dtype, jnp.integer)
        shape = x.shape[1:] == (() if symbols else (self.size,))
        real = whole or (not symbols and jnp.issubdtype(x.dtype, jnp.floating))
        if not shape or x.ndim < 1 or x.shape[0] < 1 or not real:
            raise validation.refuse(name, f"an array of {x.dtype} of shape {list(x.shape)}", accepted)
        if weights is not None and np.shape(weights) != x.shape[:1]:
            given, accepted = f"shape {list(np.shape(weights))}", f"one a sample, shape [{x.shape[0]}]"
            raise validation.refuse("weights", given, accepted)
        if validation.concrete(x):
            counts = np.asarray(weights) > 0 if weights is not None and validation.concrete(weights) else True
            values = np.asarray(x)
            if not symbols and values.dtype == np.float32:
                _check_resolution(name, given)
            outside = (values < 0) | (values >= self.size) if symbols else ~(np.abs(values) < _most(values.dtype))
            outside = (outside if symbols else outside.any(1)) & counts
            if outside.any():
                raise validation.refuse(name, f"{values[outside][0]} at place {np.argmax(outside)}", accepted)
        return validation.array(x, None if symbols or dtype is None else wider(x.dtype, dtype))

    def weighted(self, x: Any, weights: Any, dtype: Any) -> tuple[Array, Array]:
        """Samples, and their weights, 1 where that is None: in `dtype`, or in that of points if it is wider.

        Raises:
            ValueError: As `samples`; or the weights, or weighted squares of the points, are beyond floats.
        """
        if weights is not None and validation.concrete(weights):
            validation.nonnegative("weights", weights)
            weights = weights if isinstance(weights, Array) else np.asarray(weights)
        x = self.samples("x", x, dtype, weights)
        dtype = dtype if self.kind == "symbol" else x.dtype
        weights = jnp.ones(x.shape[0], dtype) if weights is None else weights
        if validation.concrete(x) and validation.concrete(weights) and np.any(np.asarray(weights) > 0):
            sizes = _sizes(np.asarray(x)[np.asarray(weights) > 0], np.asarray(weights, dtype), self.kind == "symbol")
            for name, size in sizes.items():
                if np.any((size < jnp.finfo(dtype).tiny) | (size > jnp.finfo(dtype).max)):
                    raise validation.refuse(name, f"a size of {size.max():.2g}", f"sizes that {jnp.dtype(dtype)} holds")
        return x, validation.array(weights, dtype)


def symbols(size: int) -> Space:
    """The alphabet 0 … size − 1."""
    return Space(size, "symbol")


def points(size: int) -> Space:
    """Points of so many coordinates."""
    return Space(size, "coordinate")


def symbols_of(field: str) -> Any:
    """The property `space` of what has a table with one entry a symbol."""
    return property(lambda self: symbols(np.shape(getattr(self, field))[-1]))


def points_of(field: str) -> Any:
    """The property `space` of what has an array with one entry a coordinate."""
    return property(lambda self: points((np.shape(getattr(self, field)) or (1,))[-1]))


def look_up(table: Array | np.ndarray, index: Any, missing: Any) -> Array:
    """table[index], and `missing` where there is no such entry."""
    return jnp.asarray(table).at[index].get(mode="fill", fill_value=missing, wrap_negative_indices=False)


def count(table: Array | np.ndarray, index: Any, weights: Array) -> Array:
    """The total weight of each index, in the shape of `table`; an index that it does not have is left out."""
    return jnp.zeros_like(table).at[index].add(weights, mode="drop", wrap_negative_indices=False)


def wider(first: Any, second: Any) -> Any:
    """The floating dtype of more bits; the second where the first is no floating one."""
    floating = jnp.issubdtype(first, jnp.floating)
    return first if floating and jnp.finfo(first).bits > jnp.finfo(second).bits else second


def _check_resolution(name: str, given: Any) -> None:
    """Raises where float32 tells points in double precision apart by less than a thousandth of their range."""
    if (values := np.asarray(given)).dtype == np.float64:
        with np.errstate(invalid="ignore"):
            step, spread = np.finfo(np.float32).eps * np.abs(values).max(0), np.ptp(values, axis=0)
        if np.any((spread > 0) & (step > spread / 1000)):
            said = f"a range of {np.min(spread):.2g} so far from 0 that float32 rounds by {np.max(step):.2g}"
            raise validation.refuse(name, said, "points about 0, or jax_enable_x64")


def _most(dtype: Any) -> float:
    """Below it the difference of two numbers is finite."""
    return float(jnp.finfo(dtype).max) / 4 if jnp.issubdtype(dtype, jnp.floating) else np.inf


def _sizes(x: np.ndarray, weights: np.ndarray, symbols: bool) -> dict[str, Any]:
    """The total weight, and of points the weighted squares of their range and of the largest."""
    with np.errstate(over="ignore", under="ignore"):
        total = weights.sum(dtype=float)
        if symbols:
            return {"weights": total}
        ranges = np.ptp(x.astype(float), axis=0)
        squares = np.append(ranges[ranges > 0], 2 * np.abs(x).max() + (not x.any())).astype(float) ** 2
        return {"weights": total, "x": total * squares}
