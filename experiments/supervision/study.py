"""What it costs to reach 99 % correctness as the surface forms of an answer grow in number, M.

In time (learning rate × updates, exact gradients) on a table, against the closed forms of `theory.policies`; and in
samples, references for SFT and verdicts for RLVR, on a table and on a small network.
"""

from functools import cache, partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

from experiments.harness.cost import RUNS_BRIEFLY, RUNS_ONCE
from experiments.harness.study import study
from sandbox.policies import (
    ADAM,
    RLVR,
    SFT,
    NaturalGradient,
    Network,
    Prompts,
    Table,
    dataset,
    network,
    rounds_to,
    table_prompts,
    train,
    verdict,
)
from theory import policies

NUM_CLASSES = 4
GOAL = 0.99
FORMS = (1, 2, 4, 8, 16, 32, 64)  # M of the exact gradients
SAMPLED = (1, 4, 16)  # M of the sampled ones
NUM_UPDATES = 1000  # of the larger of two learning rates
ABSENT = -1e6  # the logit of a form beyond M: of probability 0, but finite
METHODS = {
    "one_form": "SFT, one fixed reference",
    "all_forms": "SFT, forms drawn anew",
    "policy_gradient": "RLVR",
    "natural_gradient": "natural gradient of RLVR",
    "partition": "SFT of a model that knows the partition",
}
ANEW, ONCE, VERDICTS = "references, anew", "references, one fixed", "verdicts"
NUM_JUDGED = 4  # outputs a prompt and round for RLVR; SFT sees one reference a prompt and round
WORLD: dict[str, Any] = {"num_contents": (8, 1), "num_domains": (2, 1), "num_bits": 6}  # 16 prompts of training
ROUNDS = {ANEW: 3000, ONCE: 200, VERDICTS: 250}  # of the network, more than twice the mean
STEPS = {"small steps": 1.0, "large steps": 50.0}  # learning rates of the sampled table


class Factored(NamedTuple):
    """A table that knows the partition: ln π(class, form) = its class + its form, up to a constant."""

    classes: Float[Array, "prompt cls"]
    forms: Float[Array, "prompt form"]

    def __call__(self, features: Array, /) -> Float[Array, "prompt cls form"]:
        """The sums."""
        return self.classes[:, :, None] + self.forms[:, None, :]


class Times(NamedTuple):
    """Learning rate × updates until the goal, extrapolated to small learning rates, and how far that moved them."""

    time: np.ndarray  # [M]
    moved: np.ndarray  # [M], relative


@cache
def predicted() -> dict[str, np.ndarray]:
    """The closed forms of `theory.policies.times_to` [M]; who knows the partition has one form, M = 1."""
    times = [policies.times_to(GOAL, num_classes=NUM_CLASSES, num_forms=m) for m in FORMS]
    by_name = {name: np.array([float(getattr(t, name)) for t in times]) for name in times[0]._fields}
    return by_name | {"partition": by_name["all_forms"][:1].repeat(len(FORMS))}


@cache
def trained(method: str) -> Times:
    """The times of exact gradients from a uniform law, at two learning rates, extrapolated as O(learning rate).

    One table for all M, of whose forms the first M are there.
    """
    there = _there(FORMS)
    wording = np.eye(FORMS[-1])[np.zeros(len(FORMS), int)] if method == "one_form" else there / there.sum(1)[:, None]
    rates = predicted()[method][:, None] / (NUM_UPDATES * np.array([1, 2]))
    loss = {"policy_gradient": RLVR(), "natural_gradient": NaturalGradient()}.get(method, SFT())
    coarse, fine = np.asarray(_times(there, wording, rates, loss, factored=method == "partition")).T
    time = 2 * fine - coarse
    return Times(time, np.abs(fine / time - 1))


def _there(sizes: tuple[int, ...]) -> np.ndarray:
    """Which forms are there, for each M [M, form]."""
    return np.arange(sizes[-1])[None, :] < np.array(sizes)[:, None]


@partial(jax.jit, static_argnames="factored", compiler_options=RUNS_BRIEFLY)
def _times(
    there: Array, wording: Array, rates: Array, method: Any, *, factored: bool
) -> Float[Array, "num_forms rate"]:
    """Where J passes the goal, for each M and each of its learning rates."""
    judge = verdict(NUM_CLASSES, there.shape[1])
    nothing = jax.random.key(0)  # is drawn

    def reach(there: Array, wording: Array, rate: Array) -> Array:
        prompt = Prompts(jnp.zeros((1, 0)), jnp.array([0]), wording[None], jnp.ones(1))
        flat = Factored(jnp.zeros((1, NUM_CLASSES)), jnp.where(there, 0, ABSENT).astype(float)[None])
        policy = flat if factored else Table(flat(prompt.features))
        rounds = int(2.1 * NUM_UPDATES)  # enough for the smaller rate
        return rate * crossing(
            train(nothing, policy, prompt, judge, method, num_rounds=rounds, learning_rate=rate).measured
        )

    return jax.vmap(jax.vmap(reach, (None, None, 0)))(there, wording, rates)


def crossing(correct: Float[Array, " t"]) -> Float[Array, ""]:
    """When a path of correctness first passes the goal, interpolated between two updates; nan where it does not."""
    after = jnp.argmax(correct >= GOAL)
    low, high = correct[after - 1], correct[after]
    time = (after - 1).astype(correct.dtype) + (GOAL - low) / (high - low)
    return jnp.where((correct >= GOAL).any(), time, jnp.nan)


class Cost(NamedTuple):
    """Samples a prompt until the goal; a seed that is not there in the end counts with all of its samples."""

    samples: np.ndarray  # [M, seed]
    stuck: np.ndarray  # [M], seeds that did not get there

    @classmethod
    def of(cls, rounds: np.ndarray, most: int, signal: str) -> "Cost":
        """From the rounds until the goal [M, seed], of `most`."""
        return cls(np.minimum(rounds, most) * float(_num_samples(signal)), (rounds > most).sum(1))


def _num_samples(signal: str) -> int:
    """A prompt and round."""
    return NUM_JUDGED if signal == VERDICTS else 1


def _rounds(key: Array, policy: Any, prompts: Prompts, there: Array, signal: str, **options: Any) -> Array:
    """The rounds until the goal, where of each class the forms are there that `there` names."""
    return rounds_to(
        key,
        policy,
        prompts,
        verdict(NUM_CLASSES, there.size),
        RLVR() if signal == VERDICTS else SFT(),
        goal=GOAL,
        num_samples=_num_samples(signal),
        **options,
    )


def _worded(prompts: Prompts, there: Array) -> Prompts:
    """References in one of the forms that are there, all equally likely."""
    probs = there.astype(prompts.wording.dtype)
    return prompts._replace(wording=jnp.broadcast_to(probs / probs.sum(), prompts.wording.shape))


@study("supervision/network", num_seeds=32, full={"num_seeds": 128})
def on_network(key: Array, signal: str, *, num_seeds: int) -> Cost:
    """The network under ADAM, in as many worlds as there are seeds; the same worlds for each signal and M."""
    starts = _starts(jax.random.split(key, num_seeds))
    sampled, once = VERDICTS if signal == VERDICTS else ANEW, signal == ONCE  # both kinds of references: one program
    rounds = [_network(starts, there, once, ROUNDS[signal], sampled) for there in _there(SAMPLED)]
    return Cost.of(np.stack(rounds), ROUNDS[signal], signal)


class Start(NamedTuple):
    """A world and a network at its start, for each seed."""

    prompts: Prompts
    network: Network
    once: Array  # the key of fixed references
    train: Array  # that of training


@partial(jax.jit, compiler_options=RUNS_ONCE)
@jax.vmap
def _starts(key: Array) -> Start:
    world_key, network_key, once, train = jax.random.split(key, 4)
    prompts = dataset(world_key, num_classes=NUM_CLASSES, num_forms=SAMPLED[-1], **WORLD).train
    return Start(prompts, network(network_key, prompts.features.shape[1], NUM_CLASSES, SAMPLED[-1]), once, train)


@partial(jax.jit, static_argnums=4, compiler_options=RUNS_BRIEFLY)
@partial(jax.vmap, in_axes=(0, None, None, None, None))
def _network(start: Start, there: Array, once: Any, num_rounds: Any, signal: str) -> Array:
    """The rounds of each seed, in a network of which the first M forms are there."""
    prompts = _worded(start.prompts, there)
    prompts = prompts._replace(wording=jnp.where(once, prompts.worded_once(start.once).wording, prompts.wording))
    layers = start.network.variables["params"]
    head = layers["head"] | {"bias": jnp.where(there, layers["head"]["bias"], ABSENT)}  # where no gradient moves it
    policy = Network({"params": layers | {"head": head}})
    options: dict[str, Any] = {"num_rounds": num_rounds, "learning_rate": 0.01, "optimizer": ADAM}
    return _rounds(start.train, policy, prompts, there, signal, **options)


@study("supervision/table", num_seeds=32, full={"num_seeds": 128})
def on_table(key: Array, signal: str, *, num_seeds: int) -> dict[str, Cost]:
    """The table with plain steps, small and large."""
    keys, most = jax.random.split(key, num_seeds), 100 * SAMPLED[-1]
    found = {
        name: np.stack([_table(keys, there, rate, most, signal) for there in _there(SAMPLED)])
        for name, rate in STEPS.items()
    }
    return {name: Cost.of(rounds, most, signal) for name, rounds in found.items()}


@partial(jax.jit, static_argnums=4, compiler_options=RUNS_BRIEFLY)
@partial(jax.vmap, in_axes=(0, None, None, None, None))
def _table(key: Array, there: Array, rate: Any, num_rounds: Any, signal: str) -> Array:
    """The rounds of each seed, of a prompt for each class, which learns alone."""
    prompts = _worded(table_prompts(NUM_CLASSES, NUM_CLASSES, there.size), there)
    logits = jnp.where(there, 0, ABSENT).astype(float)
    policy = Table(jnp.broadcast_to(logits, (NUM_CLASSES, NUM_CLASSES, there.size)))
    return _rounds(key, policy, prompts, there, signal, num_rounds=num_rounds, learning_rate=NUM_CLASSES * rate)
