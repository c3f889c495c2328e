"""What the tests of losses and of training share: a table, a network, prompts, signals, and short runs."""

import itertools
from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
from cases import array

from sandbox.policies import RFT, RLVR, SFT, Feedback, NaturalGradient, Prompts, Table, accuracy, network, train

RNG = np.random.default_rng(0)
KEY = jax.random.key(3)
P, K, M, D = 3, 3, 2, 2
N = K * M
PROMPTS = Prompts(
    features=array(RNG.normal(size=(P, D))),
    correct=jnp.array([1, 0, 2]),
    form_probs=array([[0.5, 0.5], [0.2, 0.8], [1, 0]]),
    probs=array([0.5, 0.3, 0.2]),
)
TABLE = Table(array(RNG.normal(size=(P, K, M))))
OWN = Feedback(array(RNG.dirichlet(np.ones(4), (N, N))), array(RNG.uniform(size=4)))
KEYS = jax.random.split(KEY, 3000)


@cache
def net(dtype=jnp.float64):
    return network(jax.random.key(4), D, K, M, hidden=(2,), dtype=dtype)


def seen(policy, held_out):
    """The policy, and its accuracy."""
    return policy, accuracy(policy, held_out)


def go(policy=TABLE, prompts=PROMPTS, signal=OWN, method=None, key=KEY, num_rounds=2, measure=seen, **options):
    """A short run; most tests share its few compilations."""
    method = RLVR(0.3) if method is None else method
    return train(key, policy, prompts, signal, method, num_rounds=num_rounds, measure=measure, **options)


def path_of(*arguments, **options):
    """The policy before each round and after the last [t, …]."""
    return go(*arguments, **options).measured[0]


def rewards(prompts, signal):
    """E[value | prompt, output], in loops."""
    channel, value = np.asarray(signal.channel), np.asarray(signal.value)
    expected = np.zeros((P, N))
    for q, y, form in itertools.product(range(P), range(N), range(M)):
        target = int(prompts.correct[q]) * M + form
        expected[q, y] += float(prompts.form_probs[q, form]) * channel[y, target] @ value
    return expected


POLICIES = {"table": lambda: TABLE, "network": net}
METHODS = {"sft": SFT(), "rft": RFT(), "rlvr": RLVR(0.3), "natural": NaturalGradient(0.3)}
