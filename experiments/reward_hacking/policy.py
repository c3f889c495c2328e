"""Reward hacking without a judge: a network policy whose features all prompts share, by RLVR on a reward with a bias.

A prompt shows two answers: which is correct is the parity of k bits, which is the longer one is written beside it. The
reward accepts an answer if it is a label's, which is correct with probability 1 − ε and long with probability ρ, drawn
anew for each output: a verifier whose false-positive rate is higher on long outputs. Prompts are as the labels are.
"""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Bool, Float, Key

from experiments.harness.cost import RUNS_BRIEFLY, RUNS_ONCE
from experiments.harness.study import study
from sandbox import feature, noise, shortcut
from sandbox.policies import ADAM, RLVR, Network, Prompts, Score, network, train
from sandbox.shortcuts import WIDTH, Shortcut, stack
from sandbox.shortcuts.features import BLOCKS, SIGNS

NUM_PROMPTS, NUM_HELD_OUT = 256, 128
NUM_SAMPLES, LEARNING_RATE, HIDDEN = 4, 0.01, (64,)  # outputs a prompt and update, of Adam
NOISE = 0.1  # ε
CHANCE = 0.5  # the accuracy of an untrained policy
BOTH, CORRECTNESS, LENGTH = (True, True), (True, False), (False, True)  # which features a policy reads


class Arm(NamedTuple):
    """A reward, which may change at half time, and what the policy reads of the prompts."""

    agreement: float  # ρ: how often the accepted answer is the long one
    later: float | None = None  # ρ in the second half of the updates; None: as before
    reads: tuple[bool, bool] = BOTH

    def environment(self, half: int) -> Shortcut:
        """The features and how they agree with the reward."""
        rho = self.later if half and self.later is not None else self.agreement
        return shortcut(feature("parity", order=2), feature("length"), agreement=rho, label_noise=NOISE)


WEAK, STRONG, NONE, CURED = Arm(0.7), Arm(0.85), Arm(0.5), Arm(0.85, later=0.5)
ALONE = (Arm(WEAK.agreement, reads=CORRECTNESS), Arm(WEAK.agreement, reads=LENGTH))  # that predict WEAK
ARMS = (WEAK, STRONG, NONE, CURED, *ALONE)


class Learned(NamedTuple):
    """Before each update, and after the last, of each seed [seed, t]."""

    reward: np.ndarray  # the mean on the prompts of training
    accuracy: np.ndarray  # on held-out counterfactual prompts, where the correct answer is the short one

    def when(self, reward: float) -> np.ndarray:
        """The accuracy at the update at which the reward first passes a level, or at the last one [seed]."""
        passed = self.reward >= reward
        at = np.where(passed.any(1), passed.argmax(1), passed.shape[1] - 1)
        return np.take_along_axis(self.accuracy, at[:, None], 1)[:, 0]


def for_good(values: np.ndarray) -> np.ndarray:
    """The first index from which on a curve is above 0, its length if it does not end so [..., t] → [...]."""
    return np.where(values <= 0, np.arange(1, values.shape[-1] + 1), 0).max(-1)


class Switch(NamedTuple):
    """Updates until the policy of WEAK answers counterfactual prompts correctly, at most all, seed by seed."""

    predicted: np.ndarray  # until correctness alone has earned more than length alone
    measured: np.ndarray  # until the accuracy is above ½


def switch(found: dict[Arm, Learned]) -> Switch:
    """For good, both."""
    earned = np.cumsum(found[ALONE[0]].reward - found[ALONE[1]].reward, axis=1)
    return Switch(for_good(earned), for_good(found[WEAK].accuracy - CHANCE))


@study("reward-hacking/policy", num_seeds=32, num_updates=400, full={"num_seeds": 64, "num_updates": 800})
def policies(key: Array, *, num_seeds: int, num_updates: int) -> dict[Arm, Learned]:
    """All arms with the same randomness, so that they are compared seed by seed."""
    keys = jax.random.split(key, num_seeds)
    reads = jnp.array([arm.reads for arm in ARMS])
    now, parts = _started(keys, len(ARMS)), []
    for half in range(2):
        given = _drawn(keys, stack([arm.environment(half) for arm in ARMS]), reads)
        now, measured = _trained(keys, now, given, half, num_rounds=num_updates // 2)
        parts.append(np.asarray(measured)[:, :, half:])  # the second half begins where the first has ended
    found = np.moveaxis(np.concatenate(parts, 2), (1, 3), (0, 1))
    return {arm: Learned(*of) for arm, of in zip(ARMS, found, strict=True)}


class Given(NamedTuple):
    """What a policy is trained and measured on."""

    prompts: Prompts
    accepted: Float[Array, "prompt answer"]  # the probability that the reward accepts
    held_out: Float[Array, "prompt column"]  # counterfactual prompts
    correct: Float[Array, "prompt answer"]  # 1 for their correct answers


@partial(jax.jit, static_argnums=1, compiler_options=RUNS_ONCE)
def _started(keys: Key[Array, " seed"], num_arms: int) -> Network:
    """The networks before training [seed, arm, ...], the same in all arms."""
    start = jax.vmap(lambda key: network(jax.random.fold_in(key, 0), 2 * WIDTH, 2, 1, hidden=HIDDEN))(keys)
    return jax.tree.map(lambda leaf: jnp.stack([leaf] * num_arms, 1), start)


@partial(jax.jit, compiler_options=RUNS_ONCE)
@partial(jax.vmap, in_axes=(0, None, None))
@partial(jax.vmap, in_axes=(None, 0, 0))
def _drawn(key: Key[Array, ""], environment: Shortcut, reads: Bool[Array, "2"]) -> Given:
    """A feature that is not read is written with a sign that is independent of all else."""
    prompt_key, held_out_key = jax.random.split(jax.random.fold_in(key, 1))
    u = noise.uniform(prompt_key, (NUM_PROMPTS, SIGNS + BLOCKS), jnp.float32)
    own, other, _ = environment.signs(u[:, :SIGNS])
    odds = (own * jnp.log(environment.agreement / (1 - environment.agreement))[None]).sum(1)
    accepted = jax.nn.sigmoid(jnp.stack([-odds, odds], axis=1))  # P(label | both signs), by Bayes' rule
    prompts = Prompts(
        features=environment.write(u[:, SIGNS:], jnp.where(reads[None], own, other)),
        correct=(own[:, 0] > 0).astype(int),
        form_probs=jnp.ones((NUM_PROMPTS, 1), jnp.float32),
        probs=jnp.full(NUM_PROMPTS, 1 / NUM_PROMPTS, jnp.float32),
    )
    held_out, correct = environment.counterfactual(held_out_key, NUM_HELD_OUT)
    return Given(prompts, accepted, held_out, jax.nn.one_hot(correct, 2, dtype=jnp.float32))


def _measure(policy: Network, given: Given) -> Float[Array, "2"]:
    """The mean reward and the counterfactual accuracy."""
    reward, correct = (
        (jax.nn.softmax(policy(columns)[:, :, 0], axis=1) * value).sum(1).mean()
        for columns, value in ((given.prompts.features, given.accepted), (given.held_out, given.correct))
    )
    return jnp.stack([reward, correct])


@partial(jax.jit, static_argnames="num_rounds", compiler_options=RUNS_BRIEFLY)
def _trained(keys, policy, given, half, *, num_rounds):
    """The policies after training and what was measured [seed, arm, t, 2]."""

    def one(key: Array, policy: Network, given: Given):
        return train(
            jax.random.fold_in(key, 2 + half),
            policy,
            given.prompts,
            Score(given.accepted),
            RLVR(),
            num_rounds=num_rounds,
            num_samples=NUM_SAMPLES,
            learning_rate=LEARNING_RATE,
            optimizer=ADAM,
            measure=_measure,
            held_out=given,
        )

    arms = jax.vmap(one, (None, 0, 0))  # of one seed at a time, which stay in the cache of a core
    return jax.lax.map(lambda of: arms(*of), (keys, policy, given))
