"""Training with a seed, and the leak of a seed that was chosen on the answers.

The task is one of 8 half-planes; data are labelled points. A linear classifier is trained from a random start; it is
known by its answers to 8 queries, of which there are 16 patterns.
"""

from typing import NamedTuple

import jax
import numpy as np
from scipy.special import expit

from experiments.harness import plug_in
from experiments.harness.study import generator, study

NUM_TASKS, NUM_POINTS, NUM_SEEDS = 8, 2, 8
NUM_STEPS, RATE = 20, 1.0  # of gradient descent on the logistic loss
NUM_BATCHES = 32
CHOICES = ("nothing", "data", "answers")


class Trained(NamedTuple):
    """Information about the task [batch], in the data and in the model fitted to them, in nats."""

    of_data: np.ndarray
    of_model: np.ndarray
    setting: str


@study("closed-loop/seeds", num_replicas=16_000, full={"num_replicas": 160_000})
def trained(key: jax.Array, chosen_on: str, *, num_replicas: int) -> Trained:
    """The model of one seed, or of that seed of 8 which is best on the data, or on the true answers."""
    rng = generator(key)
    angle = 2 * np.pi * np.arange(NUM_TASKS) / NUM_TASKS + np.pi / 16
    tasks = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    x = rng.integers(NUM_TASKS, size=num_replicas)
    points = rng.standard_normal((num_replicas, NUM_POINTS, 2))
    labels = np.where(points @ tasks.T > 0, 1.0, -1.0)  # under each task [replica, point, x]
    mine = np.take_along_axis(labels, x[:, None, None], 2)  # [replica, point, 1]
    consistent = (labels == mine).all(1).sum(1)  # tasks, one of which is X, all equally likely
    weights = _descend(rng.standard_normal((num_replicas, 2, NUM_SEEDS)), points, mine)  # [replica, 2, seed]
    sector = (np.arctan2(weights[:, 1], weights[:, 0]) // (np.pi / 8)).astype(int) % 16  # the answers to 8 queries
    away = np.abs(sector - 2 * x[:, None])
    score = {
        "nothing": np.zeros(sector.shape),
        "data": (points @ weights * mine > 0).sum(1),
        "answers": -np.minimum(away, 16 - away),  # each sector away is a wrong answer more
    }[chosen_on]
    z = sector[np.arange(num_replicas), score.argmax(1)]
    batch = np.arange(num_replicas) % NUM_BATCHES
    of_data = np.array([np.log(NUM_TASKS / consistent)[batch == b].mean() for b in range(NUM_BATCHES)])
    of_model = plug_in.information(plug_in.tabled(batch, x, z, shape=(NUM_TASKS, 16)))
    how = "one seed" if chosen_on == "nothing" else f"the best of {NUM_SEEDS} seeds on the {chosen_on}"
    words = f"{NUM_TASKS} half-planes, {NUM_POINTS} labelled points, a linear classifier by gradient descent, {how}"
    return Trained(of_data, of_model, f"{words}; {NUM_BATCHES} batches of {num_replicas // NUM_BATCHES} replicas")


def _descend(weights: np.ndarray, points: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Gradient descent on the mean logistic loss of each seed."""
    signed = points * labels
    for _ in range(NUM_STEPS):
        weights = weights + RATE * np.einsum("rnd,rns->rds", signed, expit(-(signed @ weights))) / NUM_POINTS
    return weights
