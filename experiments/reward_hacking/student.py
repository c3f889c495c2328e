"""Stage 2, the student: a table learns by RL; its reward is the probability, by the judge, that an output is good.

Each prompt has a right and a wrong class in several forms. In a prompt of conflict the right answers are short and the
wrong ones long, in an aligned one it is the reverse; prompts share nothing, so the two kinds are told apart throughout.
"""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

from sandbox import noise
from sandbox.policies import RLVR, Network, Score, Table, table_prompts, train
from sandbox.shortcuts import WIDTH, Shortcut

NUM_PROMPTS, NUM_FORMS = 64, 8
OUTPUTS = 2 * NUM_FORMS
START = 0.6  # how often the student is right before it is trained
CONFLICT, ALIGNED = range(2)  # kinds of prompts: the first half, the second
NUM_ROUNDS, LEARNING_RATE = 200, 4.0 * NUM_PROMPTS  # of policy gradient
PROMPTS = table_prompts(NUM_PROMPTS, 2, NUM_FORMS)
RIGHT = np.repeat(np.arange(2)[None] == np.asarray(PROMPTS.correct)[:, None], NUM_FORMS, axis=1)  # [prompt, output]
KIND = np.arange(NUM_PROMPTS) * 2 // NUM_PROMPTS  # [prompt]
FIRST = np.where(RIGHT, START, 1 - START) / NUM_FORMS  # the law of the start [prompt, output]


class Outputs(NamedTuple):
    """What is known of each output [..., prompt, output]."""

    score: Any  # the judge's probability that it is good
    length: Any  # marks that it is long, of WIDTH


class Seen(NamedTuple):
    """Means over the prompts of a kind [..., kind], before each round and after the last."""

    reward: Any  # the mean score
    correct: Any
    length: Any
    kl: Any  # KL(student ‖ start) in nats

    def mixed(self, conflict: Any) -> "Seen":
        """The means where a share `conflict` of the prompts is of that kind."""
        return Seen(*(conflict * x[..., CONFLICT] + (1 - conflict) * x[..., ALIGNED] for x in self))


def describe(probs: Float[Any, "*t prompt output"], outputs: Outputs) -> Seen:
    """What is seen of a law, of NumPy or of JAX."""
    of = probs.__array_namespace__()
    log_ratio = of.log(of.where(probs > 0, probs, 1)) - np.log(FIRST)

    def means(value: Any) -> Any:
        of_prompt = (probs * value).sum(-1)
        return of_prompt.reshape(*of_prompt.shape[:-1], 2, NUM_PROMPTS // 2).mean(-1)

    return Seen(*map(means, (outputs.score, RIGHT.astype(float), outputs.length, log_ratio)))


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


def outputs_of_all(keys: Array, shortcuts: Shortcut, policies: Network) -> Outputs:
    """Those of judges in several environments, several seeds of each [environment, seed, prompt, output]."""
    return jax.tree.map(np.asarray, _outputs(keys, shortcuts, policies))


_outputs = jax.jit(jax.vmap(jax.vmap(outputs_of, (0, None, 0))))


def learn(key: Array, outputs: Outputs, num_samples: int | None = None) -> Seen:
    """Students of many judges, on axis 0 of the leaves, by policy gradient: what was seen [judge, t, kind].

    Args:
        key: The randomness.
        outputs: As the judges score them [judge, prompt, output].
        num_samples: Outputs a prompt and round; None: exact gradients.
    """
    keys = jax.random.split(key, len(outputs.score))
    return jax.tree.map(np.asarray, _learn(keys, outputs, num_samples=num_samples))


@partial(jax.jit, static_argnames="num_samples")
def _learn(keys: Array, outputs: Outputs, *, num_samples: int | None) -> Seen:
    start = Table(jnp.log(jnp.asarray(FIRST)).reshape(NUM_PROMPTS, 2, NUM_FORMS))

    def one(key: Array, outputs: Outputs) -> Seen:
        result = train(
            key,
            start,
            PROMPTS,
            Score(outputs.score),
            RLVR(),
            num_rounds=NUM_ROUNDS,
            num_samples=num_samples,
            learning_rate=LEARNING_RATE,
            measure=_measure,
            exam=outputs,
        )
        return result.measured

    return jax.vmap(one)(keys, outputs)
