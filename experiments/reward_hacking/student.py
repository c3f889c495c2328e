"""Stage 2, the student: a table learns by RL; its reward is the probability, by the judge, that an output is good.

Each prompt has a right and a wrong class in several forms. In a prompt of conflict the right answers are short and the
wrong ones long, in an aligned one it is the reverse; prompts share nothing, so the two kinds are told apart throughout.
"""

from functools import cache, partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

from experiments.closed_loop.loops import stream
from experiments.ledger import Settings
from experiments.reward_hacking import judge
from experiments.reward_hacking.judge import LENGTH, Cell, When
from sandbox import component, noise, shortcut
from sandbox.components import WIDTH, Shortcut, stack
from sandbox.environments import table_prompts
from sandbox.feedback import Score
from sandbox.models.policy import Network, Table
from sandbox.training import RLVR, Natural, train

STREAM = 131
NUM_PROMPTS, NUM_FORMS = 64, 8
OUTPUTS = 2 * NUM_FORMS
START = 0.6  # how often the student is right before it is trained
CONFLICT, ALIGNED = range(2)  # kinds of prompts: the first half, the second
NUM_ROUNDS = 200
PROMPTS = table_prompts(NUM_PROMPTS, 2, NUM_FORMS)
RIGHT = np.repeat(np.arange(2)[None] == np.asarray(PROMPTS.right)[:, None], NUM_FORMS, axis=1)  # [prompt, output]
KIND = np.arange(NUM_PROMPTS) * 2 // NUM_PROMPTS  # [prompt]
FIRST = np.where(RIGHT, START, 1 - START) / NUM_FORMS  # the law of the start [prompt, output]


class How(NamedTuple):
    """How the student is trained."""

    method: Any
    learning_rate: float
    num_samples: int | None = None  # outputs a prompt and round; None: exact gradients


KL = 0.5  # β
RATE = 0.2  # of natural gradient: its time is RATE × rounds
METHODS = {
    "natural": How(Natural(), RATE),
    "natural, KL": How(Natural(KL), RATE),
    "RLVR": How(RLVR(), 4.0 * NUM_PROMPTS),
    "RLVR, sampled": How(RLVR(), 4.0 * NUM_PROMPTS, num_samples=4),
}


class Outputs(NamedTuple):
    """What is known of each output [prompt, output]."""

    score: Any  # the judge's probability that it is good
    length: Any  # marks that it is long, of WIDTH


class Seen(NamedTuple):
    """Means over the prompts of a kind [..., kind], before each round and after the last."""

    reward: Any  # the mean score
    right: Any
    length: Any
    kl: Any  # KL(student ‖ start) in nats

    def mixed(self, conflict: Any) -> "Seen":
        """The means where a share `conflict` of the prompts is of that kind."""
        return Seen(*(conflict * x[..., CONFLICT] + (1 - conflict) * x[..., ALIGNED] for x in self))


def hacked(seen: Seen) -> np.ndarray:
    """Whether the reward of the training, on conflicts as on all prompts, went up and the share right there down."""
    up = np.asarray(seen.reward[..., -1, CONFLICT] > seen.reward[..., 0, CONFLICT])
    return up & np.asarray(seen.right[..., -1, CONFLICT] < seen.right[..., 0, CONFLICT])


def describe(law: Float[Array, "*t prompt output"], outputs: Outputs) -> Seen:
    """What is seen of a law."""
    start = jnp.broadcast_to(jnp.asarray(FIRST, law.dtype), law.shape)
    log_ratio = jnp.log(jnp.where(law > 0, law, 1)) - jnp.log(start)

    def means(value: Array) -> Array:
        of_prompt = (law * jnp.broadcast_to(value, law.shape)).sum(-1)
        return of_prompt.reshape(*of_prompt.shape[:-1], 2, NUM_PROMPTS // 2).mean(-1)

    return Seen(*map(means, (outputs.score, jnp.asarray(RIGHT, law.dtype), outputs.length, log_ratio)))


def _measure(policy: Table, outputs: Outputs) -> Seen:
    return describe(jax.nn.softmax(policy.logits.reshape(NUM_PROMPTS, -1), axis=1), outputs)


def outputs_of(key: Array, shortcut: Shortcut, policy: Network) -> Outputs:
    """Writes the outputs of all prompts, in other words for each form, and has them judged."""
    good = np.where(RIGHT, 1, -1)
    long = np.where(KIND[:, None] == ALIGNED, good, -good)
    u = noise.uniform(key, (NUM_PROMPTS * OUTPUTS, 2 * (WIDTH + 1)), jnp.float32)
    features = shortcut.write(u, jnp.asarray(np.stack([good.ravel(), long.ravel()], axis=1), jnp.float32))
    score = jax.nn.softmax(policy(features)[:, :, 0], axis=1)[:, 1]
    length = (features[:, WIDTH:] > 0).sum(1)
    return Outputs(*(x.reshape(NUM_PROMPTS, OUTPUTS).astype(float) for x in (score, length)))


@cache
def judged(settings: Settings, when: When) -> Outputs:
    """The outputs of a student's prompts, as each judge scores them [cell, seed, prompt, output].

    The same outputs for the early judges as for the late ones.
    """
    judges = judge.trained(settings, when)
    shortcuts = stack([shortcut(component("parity", order=c.order), LENGTH, agreement=0.5) for c in judges.cells])
    keys = jax.random.split(stream(settings, STREAM), np.shape(judges.curves.reliance)[:2])
    return jax.tree.map(np.asarray, _outputs(keys, shortcuts, judges.policy))


_outputs = jax.jit(jax.vmap(jax.vmap(outputs_of, (0, None, 0))))


def learn(key: Array, outputs: Outputs, method: str) -> Seen:
    """Students of many judges, on axis 0 of the leaves: what was seen [judge, t, kind]."""
    how = METHODS[method]
    keys = jax.random.split(key, len(outputs.score))
    rates = (how.method, how.learning_rate)
    return jax.tree.map(np.asarray, _learn(keys, outputs, *rates, num_samples=how.num_samples))


@partial(jax.jit, static_argnames="num_samples")
def _learn(keys: Array, outputs: Outputs, method: Any, learning_rate: float, *, num_samples: int | None) -> Seen:
    start = Table(jnp.log(jnp.asarray(FIRST)).reshape(NUM_PROMPTS, 2, NUM_FORMS))

    def one(key: Array, outputs: Outputs) -> Seen:
        result = train(
            key,
            start,
            PROMPTS,
            Score(outputs.score),
            method,
            num_rounds=NUM_ROUNDS,
            num_samples=num_samples,
            learning_rate=learning_rate,
            measure=_measure,
            exam=outputs,
        )
        return result.measured

    return jax.vmap(one)(keys, outputs)


@cache
def trained(settings: Settings, method: str, when: When) -> Seen:
    """The students of all judges [cell, seed, t, kind]."""
    outputs = judged(settings, when)
    shape = outputs.score.shape[:2]
    seen = learn(stream(settings, STREAM + 1), jax.tree.map(lambda x: x.reshape(-1, *x.shape[2:]), outputs), method)
    return jax.tree.map(lambda x: x.reshape(*shape, *x.shape[1:]), seen)


def of(cell: Cell, settings: Settings, many: Any) -> Any:
    """The leaves of one cell."""
    index = judge.cells(settings).index(cell)
    return jax.tree.map(lambda x: x[index], many)
