"""A small ensemble to run in many ways."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from cases import array

import sandbox

KEY = jax.random.key(9)
KEEP_ALL = sandbox.KeepAll()
TASKS = sandbox.Gaussian(array([[0.0, 1], [2, 3], [4, 5]]), jnp.broadcast_to(jnp.eye(2), (3, 2, 2)))
K, R, T, N = 3, 5, 7, 6  # 15 replicas do not divide by the two devices


def run(**options):
    signal = options.pop("signal", KEEP_ALL)
    tasks = options.pop("tasks", TASKS)
    settings = {"num_samples": N, "num_generations": T, "num_replicas": R, "num_real": 8, "progress": False}
    return sandbox.ensemble(options.pop("key", KEY), tasks, signal, **settings | options)


def stack(*models):
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *models)


class Centre(NamedTuple):
    """A judge that knows its task."""

    mean: jax.Array

    def __call__(self, key, model, x, /):
        return (jnp.abs(x - self.mean[None, :]) < 1).all(1).astype(jnp.float64)

    def correct(self, x):
        return x[:, 0] > self.mean[0]


def judge(key, task):
    return Centre(task.mean + 0.5 * jax.random.normal(key, task.mean.shape))


class LogDet(NamedTuple):
    """What is recorded of a model."""

    log_det: jax.Array


def log_det(model):
    return LogDet(2 * jnp.log(jnp.diagonal(model.scale)).sum())
