"""Three closed loops in which I(X;Z_t) is exact, each also simulated.

A simulated information is the mean of ln p(z|x)/p(z) at the simulated z, under the exact distribution: no plug-in
estimate, no bias.
"""

from functools import cache, partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

import sandbox
import theory
from experiments.harness.ledger import Settings
from experiments.harness.study import generator, study
from theory import drift, gaussian

NUM_SAMPLES = 50  # of the categorical loop
SHARES = np.arange(1, 20) / 20  # its 19 equally likely tasks: the probability of the first symbol
PMFS = np.stack([SHARES, 1 - SHARES], axis=1)
PRIOR = np.full(19, 1 / 19)
NUM_MEAN, NUM_VARIANCE = 10, 20  # samples of the Gaussian loops
NUM_GENERATIONS = 200
LATE = 2000  # generations, after which nothing is left to lose


class ExactLoop(NamedTuple):
    """A categorical loop, computed."""

    kernel: np.ndarray  # [s, s]
    distributions: np.ndarray  # of the state given the task [t, x, s], t = 0 … NUM_GENERATIONS
    pointwise: np.ndarray  # ln p(s|x)/p(s) [t, x, s]
    information: np.ndarray  # I(X;Z_t) [t], t = 0 … LATE


@cache
def chain(n: int = NUM_SAMPLES, smoothing: float = 0.0) -> ExactLoop:
    """The exact loop of n samples whose fit adds `smoothing` to each count; Z_0 is fitted to n real samples."""
    return ExactLoop(*map(np.asarray, _chain(n, smoothing)))


@partial(jax.jit, static_argnums=0)
def _chain(n: int, smoothing: jax.Array) -> tuple[jax.Array, ...]:
    states = jnp.asarray(drift.lattice(n, 2), float)
    kernel = drift.multinomial_kernel(n, (states + smoothing) / (n + 2 * smoothing))
    starts = jax.vmap(partial(drift.initial, n))(jnp.asarray(PMFS))
    distributions = drift.distributions(starts, kernel, NUM_GENERATIONS)
    pointwise = jax.vmap(drift.pointwise_information, (None, 0))(jnp.asarray(PRIOR), distributions)
    return kernel, distributions, pointwise, drift.information(PRIOR, starts, kernel, LATE)


@cache
def residual() -> float:
    """I(X;Y), the information about the task in one draw Y of the true model."""
    return float(jax.jit(drift.residual_information)(PRIOR, PMFS))


class SimulatedLoop(NamedTuple):
    """A simulated loop and its exact information."""

    setting: str
    exact: np.ndarray  # I(X;Z_t) [t]
    pointwise: np.ndarray  # [replica, t]; the mean over replicas estimates I(X;Z_t)
    parameter: np.ndarray  # of the models [replica, t, …]

    @property
    def information(self) -> theory.Estimate:
        """The estimate of I(X;Z_t) [t]."""
        return theory.estimate(self.pointwise)


@study("closed-loop/categorical", num_replicas=200, full={"num_replicas": 1000})
def categorical(key: jax.Array, *, num_replicas: int) -> SimulatedLoop:
    """The task is the probability of a symbol; a replica is one loop for each task."""
    record = _ensemble(key, sandbox.Categorical(jnp.asarray(PMFS)), NUM_SAMPLES, num_replicas=num_replicas)
    z = np.moveaxis(np.asarray(record.model.probs)[..., 0], 0, 2)  # [replica, t, x]
    states = np.rint(z * NUM_SAMPLES).astype(int)
    exact, generation, task = chain(), np.arange(NUM_GENERATIONS + 1)[:, None], np.arange(len(SHARES))
    pointwise = exact.pointwise[generation, task, states].mean(2)
    setting = f"2 symbols, n = {NUM_SAMPLES}, 19 tasks"
    return SimulatedLoop(setting, exact.information[: NUM_GENERATIONS + 1], pointwise, z)


def diversity(settings: Settings) -> theory.Estimate:
    """The chance that two samples of the model differ, relative to that of the true model [t]."""
    z = categorical(settings).parameter
    return theory.estimate((z * (1 - z)).mean(2) / (SHARES * (1 - SHARES)).mean())


def expected_diversity() -> np.ndarray:
    """(1 − 1/n)^{t+1} [t] (Wright 1931)."""
    return (1 - 1 / NUM_SAMPLES) ** np.arange(1, NUM_GENERATIONS + 2)


@study("closed-loop/mean", num_tasks=4_000, full={"num_tasks": 20_000})
def mean(key: jax.Array, *, num_tasks: int) -> SimulatedLoop:
    """The task is the mean of a Gaussian of variance 1, drawn from N(0, 1)."""
    task_key, loop_key = jax.random.split(key)
    tasks = generator(task_key).standard_normal(num_tasks)
    models = sandbox.Gaussian(jnp.asarray(tasks[:, None]), jnp.asarray(np.ones((num_tasks, 1, 1))))
    means = np.asarray(_ensemble(loop_key, models, NUM_MEAN, fit=fit_mean).model.mean)[:, 0, :, 0]
    exact, pointwise = map(np.asarray, _of_means(tasks, means))
    return SimulatedLoop(f"n = {NUM_MEAN}, τ = σ = 1", exact, pointwise, means)


@jax.jit
def _of_means(tasks: jax.Array, means: jax.Array) -> tuple[jax.Array, jax.Array]:
    """I(X;Z_t) [t], and its pointwise values [task, t]."""
    exact = gaussian.mean_information(NUM_MEAN, NUM_GENERATIONS)
    return exact, gaussian.mean_pointwise_information(tasks, means, NUM_MEAN)


@study("closed-loop/log-variance", num_tasks=4_000, full={"num_tasks": 20_000})
def log_variance(key: jax.Array, *, num_tasks: int) -> SimulatedLoop:
    """The task is the log-variance of a Gaussian, drawn from N(0, 1); mean and variance are refitted.

    The parameter is the distance of the log-variance from the task.
    """
    task_key, loop_key = jax.random.split(key)
    tasks = generator(task_key).standard_normal(num_tasks)
    models = sandbox.Gaussian(jnp.asarray(np.zeros((num_tasks, 1))), jnp.asarray(np.exp(tasks / 2)[:, None, None]))
    walk = 2 * np.log(np.asarray(_ensemble(loop_key, models, NUM_VARIANCE).model.scale)[:, 0, :, 0, 0])
    pointwise = gaussian.log_variance_pointwise_information(tasks, walk, NUM_VARIANCE)
    exact = gaussian.log_variance_information(NUM_VARIANCE, NUM_GENERATIONS)
    setting = f"n = {NUM_VARIANCE}, prior N(0, 1) on ln σ²"
    return SimulatedLoop(setting, np.asarray(exact), np.asarray(pointwise), walk - tasks[:, None])


def fit_mean(model: sandbox.Gaussian, x: jax.Array, weights: jax.Array) -> sandbox.Gaussian:
    """The maximum-likelihood mean; the variance is known."""
    return model.fit(x, weights)._replace(scale=model.scale)


def _ensemble(key: jax.Array, tasks, n: int, *, num_replicas: int = 1, fit=None) -> sandbox.Record:
    return sandbox.ensemble(
        key,
        tasks,
        sandbox.KeepAll(),
        num_samples=n,
        num_generations=NUM_GENERATIONS,
        num_replicas=num_replicas,
        num_real=n,
        fit=fit,
        progress=False,
    )
