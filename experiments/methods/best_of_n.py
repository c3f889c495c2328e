"""Best of n without training: how far it goes from the reference, and what a noisy score costs, against simulation."""

from functools import cache, partial

import jax
import jax.numpy as jnp
import numpy as np

import theory
from experiments.closed_loop.loops import stream
from experiments.ledger import Settings
from theory.best_of_n import best_of

NOISE = 1.0  # variance of the score's error, where that of the true value is 1
CHUNK = 20_000


def _num_chunks(settings: Settings) -> int:
    return 50 if settings.full else 10


@cache
def rank_kl(settings: Settings, n: int) -> theory.Estimate:
    """KL(best of n ‖ reference) of scores without ties, in nats: the mean of ln n u^{n−1}, u the rank of the best.

    The rank of a draw is uniform under the reference, and its density among the best is n u^{n−1}.
    """
    return theory.monte_carlo(jax.random.fold_in(stream(settings, 113), n), _LOG_DENSITY[n], _num_chunks(settings))


def _log_density(n: int, key: jax.Array) -> jax.Array:
    best = jax.random.uniform(key, (CHUNK, n), minval=jnp.finfo(float).tiny).max(1)
    return jnp.log(float(n)) + (n - 1.0) * jnp.log(best)


@cache
def selected(settings: Settings, n: int) -> theory.Estimate:
    """True value and proxy [2] of the best of n by the proxy, in standard deviations of the true value."""
    return theory.monte_carlo(jax.random.fold_in(stream(settings, 114), n), _SELECTED[n], _num_chunks(settings))


def _selected(n: int, key: jax.Array) -> jax.Array:
    true, error = jax.random.normal(key, (2, CHUNK, n))
    proxy = true + NOISE**0.5 * error
    best = jnp.argmax(proxy, axis=1)[:, None]
    return jnp.concatenate([jnp.take_along_axis(x, best, 1) for x in (true, proxy)], axis=1)


SIZES = (4, 16, 64)
# made once, since a new function would compile again
_LOG_DENSITY = {n: partial(_log_density, n) for n in SIZES}
_SELECTED = {n: partial(_selected, n) for n in SIZES}


def verdict_kl(n: int, correct: float) -> float:
    """KL(best of n by a verdict ‖ reference), exactly, in nats: two scores alone, hence ties."""
    law = np.array([1 - correct, correct])
    return float(theory.kl_divergence(best_of(law, np.array([0.0, 1.0]), n), law))
