"""Random shortcuts of all kinds, and what is known of their features before anything is trained."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from sandbox.shortcuts import KINDS, WIDTH, Feature, Shortcut, feature, shortcut, stack


class Range(NamedTuple):
    """The orders and margins that are drawn."""

    orders: tuple[int, int]
    margins: tuple[float, float] = (0, 0)


INTENDED = {
    "parity": Range((1, 4)),
    "threshold": Range((2, 8), (0, 0.5)),
    "two-layer": Range((1, 4), (0, 0.5)),
    "pattern": Range((3, 8), (0.4, 1)),
}
SPURIOUS = {
    "parity": Range((1, 1)),  # a bit
    "length": Range((1, 1), (0, 0.8)),
    "style": Range((1, 7), (0.4, 1)),
    "source": Range((1, 4)),
    "position": Range((1, 4)),
}
SCALES = (0.3, 2.0)
CORRECT, AGREEMENT = (0.7, 1.0), (0.55, 0.99)  # agreement of the intended, and of the spurious feature with the label
PRESENCE = (0.3, 1.0)
OFTEN = 0.7  # the share of features that are always written, and of those that use all columns
DEGREES = {"two-layer": 2, "pattern": 2, "position": 2}  # of parity its order, of others 1
SAMPLE = 4096  # for the linear fit


def random_feature(rng: np.random.Generator, kinds: Mapping[str, Range]) -> Feature:
    """A feature of one of these kinds; scales are log-uniform, all else is uniform."""
    kind = str(rng.choice(list(kinds)))
    drawn = kinds[kind]
    order = int(rng.integers(drawn.orders[0], drawn.orders[1] + 1))
    size = WIDTH if rng.random() < OFTEN else int(rng.integers(KINDS[kind].needs(order), WIDTH + 1))
    scale, margin = float(np.exp(rng.uniform(*np.log(SCALES)))), float(rng.uniform(*drawn.margins))
    return feature(
        kind,
        order=order,
        size=size,
        scale=scale,
        margin=None if KINDS[kind].margin is None else margin,
        presence=1.0 if rng.random() < OFTEN else float(rng.uniform(*PRESENCE)),
    )


def random_shortcut(rng: np.random.Generator) -> Shortcut:
    """An intended feature, hard or easy, and a spurious one that agrees with the label more often or less."""
    blocks = random_feature(rng, INTENDED), random_feature(rng, SPURIOUS)
    return shortcut(*blocks, agreement=rng.uniform(*AGREEMENT), label_noise=1 - rng.uniform(*CORRECT))


def degree(block: Feature) -> int:
    """The lowest degree of a polynomial in the columns that carries information about the sign."""
    kind = list(KINDS)[int(block.kind)]
    return int(block.order) if kind == "parity" else DEGREES.get(kind, 1)


def linear_fits(key: jax.Array, shortcuts: Sequence[Shortcut]) -> Float[np.ndarray, "environment 2"]:
    """R² of the least-squares fit of the label to each block, on a sample: cᵀ C⁻¹ c / var Y."""

    def moments(key_and_one: tuple[jax.Array, Shortcut]) -> jax.Array:
        columns, label = key_and_one[1].draw(key_and_one[0], SAMPLE, jnp.ones(2, bool))
        return jnp.cov(jnp.concatenate([columns, label[:, None].astype(columns.dtype)], axis=1).astype(float).T)

    keys = jax.random.split(key, len(shortcuts))
    found = np.asarray(jax.jit(lambda all_of_them: jax.lax.map(moments, all_of_them))((keys, stack(shortcuts))))
    return np.stack([_explained(found, slice(i * WIDTH, (i + 1) * WIDTH)) for i in range(2)], axis=1)


def _explained(moments: np.ndarray, block: slice) -> np.ndarray:
    cross, inverse = moments[:, block, -1], np.linalg.pinv(moments[:, block, block], rcond=1e-6, hermitian=True)
    return np.einsum("ef,efg,eg->e", cross, inverse, cross) / moments[:, -1, -1]
