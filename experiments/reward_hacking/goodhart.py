"""Proxy reward and accuracy against KL(student ‖ start): natural gradient, exact, and best of n.

All distributions are of one prompt alone; the KL is the mean over the prompts of a kind.
"""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from experiments.harness.study import generator
from experiments.reward_hacking.student import (
    CORRECT,
    FIRST,
    NUM_FORMS,
    NUM_PROMPTS,
    PROMPTS,
    START,
    Metrics,
    Outputs,
    describe,
)
from theory.policies.best_of_n import best_of as best_of_probs

TIMES = np.concatenate([[0.0], np.geomspace(0.1, 200, 80)])
END = 40.0  # of natural gradient, where a student counts as trained, in learning rate × updates
SIZES = (1, 2, 4, 8, 16, 32, 64)
NUM_DRAWS = 250  # of n outputs, for each prompt


def path(outputs: Outputs, times: Float[np.ndarray, " t"]) -> Metrics:
    """Natural policy gradient [..., t, kind]: π_0 e^{t r}/Z, also the optimum of reward − KL/t.

    No distribution of the same KL, over all prompts, has a higher reward.
    """
    score, length = (np.asarray(x)[..., None, :, :] for x in outputs)
    weight = FIRST * np.exp(times[:, None, None] * (score - score.max(-1, keepdims=True)))
    return describe(weight / weight.sum(-1, keepdims=True), Outputs(score, length))


def final(outputs: Outputs) -> Metrics:
    """Students by natural gradient, after training [..., kind]."""
    return Metrics(*(x[..., 0, :] for x in path(outputs, np.array([END]))))


def best_of(outputs: Outputs) -> Metrics:
    """The best of each of SIZES by the judge, of many judges [judge, n, kind]."""
    distributions = np.stack(_best_of(outputs.score), axis=1)
    return describe(distributions, Outputs(*(x[:, None] for x in outputs)))


@jax.jit
def _best_of(scores: Float[jax.Array, "judge prompt output"]) -> list[jax.Array]:
    return [jax.vmap(jax.vmap(partial(best_of_probs, n=n)), (None, 0))(jnp.asarray(FIRST), scores) for n in SIZES]


def drawn(key: jax.Array, outputs: Outputs) -> Metrics:
    """The best of SIZES sampled outputs [judge, n, kind]; the KL, which samples do not show, is the exact one."""
    rng = generator(key)
    judges = [Outputs(*leaves) for leaves in zip(*outputs, strict=True)]
    found = np.stack([[draw(rng, judge, n, NUM_DRAWS) for n in SIZES] for judge in judges])
    return Metrics(*np.moveaxis(found, 2, 0), kl=best_of(outputs).kl)


def draw(rng: np.random.Generator, outputs: Outputs, n: int, num_draws: int) -> np.ndarray:
    """Reward, accuracy and length [value, kind] of the best of n outputs drawn from the start, by the judge."""
    shape = NUM_PROMPTS, num_draws, n
    correct = np.asarray(PROMPTS.correct)[:, None, None]
    chosen = np.where(rng.random(shape) < START, correct, 1 - correct) * NUM_FORMS + rng.integers(NUM_FORMS, size=shape)
    scores = np.take_along_axis(outputs.score, chosen.reshape(NUM_PROMPTS, -1), 1).reshape(shape)
    best = np.take_along_axis(chosen, scores.argmax(2)[..., None], 2)[..., 0]
    values = [np.take_along_axis(x, best, 1) for x in (outputs.score, CORRECT, outputs.length)]
    return np.stack([x.reshape(2, -1).mean(1) for x in values])
