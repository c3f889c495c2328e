"""Three closed loops in which I(X;Z_t) is exact, each also simulated.

A simulated information is the average of ln p(z|x)/p(z), with the exact law, at the simulated z: no plug-in, no bias.
"""

from functools import lru_cache
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

import sandbox
import theory
from experiments.ledger import Settings
from theory import drift, gaussian

NUM_SAMPLES = 50  # of the categorical loop
SHARES = np.arange(1, 20) / 20  # its 19 tasks, equally likely: the probability of the first symbol
PRIOR = np.full(19, 1 / 19)
NUM_MEAN, NUM_VARIANCE = 10, 20  # samples of the Gaussian loops
NUM_GENERATIONS = 200


class Information(NamedTuple):
    """I(X;Z_t), exact and simulated, and the simulated pointwise values behind it."""

    exact: np.ndarray  # [t]
    simulated: theory.Estimate  # [t]
    pointwise: np.ndarray  # [replica, t]; the mean over replicas is the estimate


@lru_cache
def laws() -> np.ndarray:
    """The laws of the categorical state [t, x, s]."""
    return np.asarray(drift.laws(starts(), drift.neutral_kernel(NUM_SAMPLES), NUM_GENERATIONS))


@lru_cache
def categorical_record(settings: Settings) -> sandbox.Record:
    """The categorical loop of every task."""
    tasks = sandbox.Categorical(jnp.stack([jnp.asarray(SHARES), 1 - jnp.asarray(SHARES)], axis=1))
    return _ensemble(settings, 0, tasks, NUM_SAMPLES, num_replicas=1000 if settings.full else 200)


@lru_cache
def categorical(settings: Settings) -> Information:
    """The task is the probability of a symbol."""
    states = np.rint(categorical_record(settings).model.probs[..., 0] * NUM_SAMPLES).astype(int)  # [x, r, t]
    tables = jax.vmap(drift.pointwise_information, (None, 0))(jnp.asarray(PRIOR), jnp.asarray(laws()))  # [t, x, s]
    task, generation = np.arange(len(SHARES))[:, None, None], np.arange(NUM_GENERATIONS + 1)[None, None, :]
    pointwise = np.asarray(tables)[generation, task, states].mean(0)  # one replica of each task: stratified
    exact = drift.information(PRIOR, starts(), drift.neutral_kernel(NUM_SAMPLES), NUM_GENERATIONS)
    return Information(np.asarray(exact), theory.estimate(pointwise), pointwise)


@lru_cache
def gaussian_mean(settings: Settings) -> Information:
    """The task is the mean of a normal law of variance 1, itself drawn from N(0, 1)."""
    tasks = jax.random.normal(stream(settings, 1), (_num_tasks(settings),), float)
    models = sandbox.Gaussian(tasks[:, None], jnp.ones((tasks.size, 1, 1)))
    record = _ensemble(settings, 2, models, NUM_MEAN, fit=fit_mean)
    pointwise = gaussian.mean_pointwise_information(tasks, record.model.mean[:, 0, :, 0], NUM_MEAN)
    exact = gaussian.mean_information(NUM_MEAN, NUM_GENERATIONS)
    return Information(np.asarray(exact), theory.estimate(pointwise), np.asarray(pointwise))


@lru_cache
def log_variance_walk(settings: Settings) -> tuple[np.ndarray, np.ndarray]:
    """Tasks [x], the log-variance of a normal law drawn from N(0, 1), and the simulated log-variances [x, t]."""
    tasks = jax.random.normal(stream(settings, 3), (_num_tasks(settings),), float)
    models = sandbox.Gaussian(jnp.zeros((tasks.size, 1)), jnp.exp(tasks / 2)[:, None, None])
    record = _ensemble(settings, 4, models, NUM_VARIANCE)
    return np.asarray(tasks), 2 * np.log(record.model.scale[:, 0, :, 0, 0])


@lru_cache
def log_variance(settings: Settings) -> Information:
    """The task is the variance of a normal law; mean and variance are refitted."""
    tasks, walk = log_variance_walk(settings)
    pointwise = gaussian.log_variance_pointwise_information(tasks, walk, NUM_VARIANCE)
    exact = gaussian.log_variance_information(NUM_VARIANCE, NUM_GENERATIONS)
    return Information(np.asarray(exact), theory.estimate(pointwise), np.asarray(pointwise))


def fit_mean(model: sandbox.Gaussian, x: jax.Array, weights: jax.Array) -> sandbox.Gaussian:
    """The maximum-likelihood mean where the variance is known."""
    return model.fit(x, weights)._replace(scale=model.scale)


def _ensemble(settings: Settings, index: int, tasks, n: int, *, num_replicas: int = 1, fit=None) -> sandbox.Record:
    return sandbox.ensemble(
        stream(settings, index),
        tasks,
        sandbox.KeepAll(),
        num_samples=n,
        num_generations=NUM_GENERATIONS,
        num_replicas=num_replicas,
        num_real=n,
        fit=fit,
        progress=False,
    )


def stream(settings: Settings, index: int) -> jax.Array:
    """One of the independent random streams of a seed."""
    return jax.random.fold_in(jax.random.key(settings.seed), index)


def _num_tasks(settings: Settings) -> int:
    return 20_000 if settings.full else 4_000


def starts(n: int = NUM_SAMPLES) -> jax.Array:
    """The law of Z_0 [x, s], each task's model fitted to n real samples."""
    return jnp.stack([drift.initial(n, [share, 1 - share]) for share in SHARES])
