"""Hypothesis strategies: probability tables of fixed shape, with zeros and with masses of very different size."""

import jax
import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

MASSES = st.one_of(st.just(0.0), st.integers(1, 4).map(float), st.floats(1e-9, 1.0), st.floats(1e-150, 1e-100))
RATES = st.one_of(st.sampled_from([0.0, 1.0]), st.floats(1e-9, 1))
SEEDS = st.integers(0, 2**31 - 1)
FEW = settings(max_examples=settings().max_examples // 4)  # where an example is many tables, or takes long


def _rows(table):
    """Rows that sum to 1; a row of zeros becomes a point mass."""
    table = np.array(table)
    table[..., 0] += table.sum(-1) == 0
    return table / table.sum(-1, keepdims=True)


def pmfs(shape):
    """Probability tables normalised over the last axis: a law, a stack of laws, a channel or a kernel."""
    return arrays(float, shape, elements=MASSES).map(_rows)


def joints(shape):
    """Probability tables normalised as a whole."""
    return pmfs((int(np.prod(shape)),)).map(lambda p: p.reshape(shape))


def many(seed, shape, count=256):
    """Tables [count, *shape] from one seed, normalised over the last axis, some of them nearly deterministic."""
    rng = np.random.default_rng(seed)
    return jax.numpy.asarray(
        _rows(rng.gamma(rng.choice([0.1, 1.0, 10.0], (count, *[1] * len(shape))), size=(count, *shape)))
    )
