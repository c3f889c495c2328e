"""The networks that are timed: policies trained by RLVR, and online learning of two competing features."""

from functools import partial
from typing import Any

import jax
import numpy as np

import sandbox
from sandbox.policies import ADAM, network

POLICY: dict[str, Any] = dict(num_samples=4, num_rounds=500, learning_rate=0.01)


def policies(num_seeds: int) -> tuple[sandbox.Network, sandbox.policies.Prompts]:
    """Networks at their start, stacked over seeds, and the prompts that all of them learn."""
    prompts = sandbox.policies.dataset(jax.random.key(0), num_classes=4, num_forms=8).train
    keys = jax.random.split(jax.random.key(1), num_seeds)
    return jax.jit(jax.vmap(lambda key: network(key, prompts.features.shape[1], 4, 8)))(keys), prompts


def policy_weights(start: sandbox.Network) -> tuple[np.ndarray, ...]:
    """Weight, bias, weight, bias of the stacked networks, as matrices."""
    hidden, head = start.layers
    parts = hidden.kernel, hidden.bias[:, None], head.kernel, head.bias
    weight, bias, out_weight, out_bias = (np.asarray(part) for part in parts)
    num_seeds, width = bias.shape[0], bias.shape[2]
    return weight, bias, out_weight.reshape(num_seeds, width, -1), out_bias.reshape(num_seeds, 1, -1)


@partial(jax.jit, static_argnames="num_rounds")
def trained_policies(
    start: sandbox.Network, prompts: sandbox.policies.Prompts, num_rounds: int = POLICY["num_rounds"]
) -> jax.Array:
    """The accuracy of each network before each round and after the last [seed, t]."""

    def one(key: jax.Array, network: sandbox.Network) -> jax.Array:
        options: dict[str, Any] = POLICY | {"num_rounds": num_rounds, "optimizer": ADAM}
        verdict = sandbox.policies.verdict(4, 8)
        return sandbox.train(key, network, prompts, verdict, sandbox.policies.RLVR(), **options).measured

    num_seeds = jax.tree.leaves(start)[0].shape[0]
    return jax.vmap(one)(jax.random.split(jax.random.key(2), num_seeds), start)


SHORTCUT: dict[str, Any] = dict(num_steps=200, batch=32)
STUDENT = sandbox.shortcuts.STUDENTS["MLP SGD"]


def parity_against_length(num_environments: int, order: int) -> tuple[jax.Array, sandbox.Shortcut]:
    """Environments that differ in how often the length agrees with the label, and one seed for each."""
    parity, length = sandbox.feature("parity", order=order), sandbox.feature("length")
    agreements = np.linspace(0.55, 0.95, num_environments)
    shortcuts = [sandbox.shortcut(parity, length, agreement=a, label_noise=0.1) for a in agreements]
    return jax.random.split(jax.random.key(3), (num_environments, 1)), sandbox.shortcuts.stack(shortcuts)


def student_weights(keys: jax.Array) -> tuple[np.ndarray, ...]:
    """The networks at the start of `learn_online` for these keys [environment, 1], as `policy_weights`."""
    return policy_weights(jax.jit(jax.vmap(lambda key: STUDENT.start(jax.random.fold_in(key, 0))))(keys[:, 0]))
