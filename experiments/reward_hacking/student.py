"""Stage 2, the student: a table learns by RL; its reward is the judge's probability that an output is good.

Each prompt has a correct and a wrong class in several forms. On a counterfactual prompt the correct answers are short
and the wrong ones long, on an aligned one it is the reverse; prompts share nothing, so the two kinds stay separate.
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
START = 0.6  # the accuracy of the student before training
COUNTERFACTUAL, ALIGNED = range(2)  # kinds of prompts: counterfactual, the first half; and the second half
NUM_ROUNDS, LEARNING_RATE = 200, 4.0 * NUM_PROMPTS  # of policy gradient
PROMPTS = table_prompts(NUM_PROMPTS, 2, NUM_FORMS)
CORRECT = np.repeat(np.arange(2)[None] == np.asarray(PROMPTS.correct)[:, None], NUM_FORMS, axis=1)  # [prompt, output]
KIND = np.arange(NUM_PROMPTS) * 2 // NUM_PROMPTS  # [prompt]
FIRST = np.where(CORRECT, START, 1 - START) / NUM_FORMS  # the distribution of the start [prompt, output]


class Outputs(NamedTuple):
    """The score and the length of each output [..., prompt, output]."""

    score: Any  # the judge's probability that it is good
    length: Any  # how many of WIDTH columns are +1


class Metrics(NamedTuple):
    """Means over the prompts of a kind [..., kind], before each round and after the last."""

    reward: Any  # the mean score
    accuracy: Any
    length: Any
    kl: Any  # KL(student ‖ start) in nats

    def mixed(self, conflict: Any) -> "Metrics":
        """The means where a share `conflict` of the prompts is of that kind."""
        return Metrics(*(conflict * x[..., COUNTERFACTUAL] + (1 - conflict) * x[..., ALIGNED] for x in self))


def describe(probs: Float[Any, "*t prompt output"], outputs: Outputs) -> Metrics:
    """The metrics of a distribution, of NumPy or of JAX."""
    of = probs.__array_namespace__()
    log_ratio = of.log(of.where(probs > 0, probs, 1)) - np.log(FIRST)

    def means(value: Any) -> Any:
        of_prompt = (probs * value).sum(-1)
        return of_prompt.reshape(*of_prompt.shape[:-1], 2, NUM_PROMPTS // 2).mean(-1)

    return Metrics(*map(means, (outputs.score, CORRECT.astype(float), outputs.length, log_ratio)))


def _measure(policy: Table, outputs: Outputs) -> Metrics:
    return describe(jax.nn.softmax(policy.logits.reshape(NUM_PROMPTS, -1), axis=1), outputs)


def outputs_of(key: Array, shortcut: Shortcut, policy: Network) -> Outputs:
    """Writes the outputs of all prompts, with other noise for each form, and lets the judge score them."""
    good = np.where(CORRECT, 1, -1)
    long = np.where(KIND[:, None] == ALIGNED, good, -good)
    u = noise.uniform(key, (NUM_PROMPTS * OUTPUTS, 2 * (WIDTH + 1)), jnp.float32)
    columns = shortcut.write(u, jnp.asarray(np.stack([good.ravel(), long.ravel()], axis=1), jnp.float32))
    score = jax.nn.softmax(policy(columns)[:, :, 0], axis=1)[:, 1]
    length = (columns[:, WIDTH:] > 0).sum(1)
    return Outputs(*(x.reshape(NUM_PROMPTS, OUTPUTS).astype(float) for x in (score, length)))


def outputs_of_all(keys: Array, shortcuts: Shortcut, policies: Network) -> Outputs:
    """Those of judges in several environments, several seeds of each [environment, seed, prompt, output]."""
    return jax.tree.map(np.asarray, _outputs(keys, shortcuts, policies))


_outputs = jax.jit(jax.vmap(jax.vmap(outputs_of, (0, None, 0))))


def learn(key: Array, outputs: Outputs, num_samples: int | None = None) -> Metrics:
    """Students of many judges by policy gradient, leaves [judge, prompt, output] → [judge, t, kind].

    `num_samples` outputs are drawn a prompt and round; None: exact gradients.
    """
    keys = jax.random.split(key, len(outputs.score))
    return jax.tree.map(np.asarray, _learn(keys, outputs, num_samples=num_samples))


@partial(jax.jit, static_argnames="num_samples")
def _learn(keys: Array, outputs: Outputs, *, num_samples: int | None) -> Metrics:
    start = Table(jnp.log(jnp.asarray(FIRST)).reshape(NUM_PROMPTS, 2, NUM_FORMS))

    def one(key: Array, outputs: Outputs) -> Metrics:
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
            held_out=outputs,
        )
        return result.measured

    return jax.vmap(one)(keys, outputs)
