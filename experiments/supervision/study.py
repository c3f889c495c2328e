"""The cost of reaching 99 % accuracy as the number of surface forms of an answer, M, grows.

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
ABSENT = -1e6  # the logit of a form beyond M: its probability is 0, but the logit is finite
METHODS = {
    "one_form": "SFT, one fixed reference",
    "all_forms": "SFT, paraphrased references",
    "policy_gradient": "RLVR",
    "natural_gradient": "natural gradient of RLVR",
    "partition": "SFT of a model that knows the partition",
}
PARAPHRASED, FIXED, VERDICTS = "paraphrased references", "one fixed reference", "verdicts"
NUM_JUDGED = 4  # outputs a prompt and round for RLVR; SFT sees one reference a prompt and round
DATASET: dict[str, Any] = {"num_items": (8, 1), "num_domains": (2, 1), "num_bits": 6}  # 16 prompts of training
ROUNDS = {PARAPHRASED: 3000, FIXED: 200, VERDICTS: 250}  # of the network, more than twice the mean
STEPS = {"small steps": 1.0, "large steps": 50.0}  # learning rates of the sampled table


class Factored(NamedTuple):
    """A table that knows the partition: ln π(class, form) = classes[class] + forms[form], up to a constant."""

    classes: Float[Array, "prompt cls"]
    forms: Float[Array, "prompt form"]

    def __call__(self, features: Array, /) -> Float[Array, "prompt cls form"]:
        """The sums."""
        return self.classes[:, :, None] + self.forms[:, None, :]


class Durations(NamedTuple):
    """Learning rate × updates until the goal, extrapolated to small learning rates, and how far that moved them."""

    time: np.ndarray  # [M]
    moved: np.ndarray  # [M], relative


@cache
def predicted() -> dict[str, np.ndarray]:
    """The closed forms of `theory.policies.times_to` [M]; with the partition known it is as with one form, M = 1."""
    times = [policies.times_to(GOAL, num_classes=NUM_CLASSES, num_forms=m) for m in FORMS]
    by_name = {name: np.array([float(getattr(t, name)) for t in times]) for name in times[0]._fields}
    return by_name | {"partition": by_name["all_forms"][:1].repeat(len(FORMS))}


@cache
def trained(method: str) -> Durations:
    """The times of exact gradients from a uniform distribution, extrapolated from two learning rates as O(rate).

    One table for all M, of whose forms the first M are present.
    """
    present = _present(FORMS)
    form_probs = (
        np.eye(FORMS[-1])[np.zeros(len(FORMS), int)] if method == "one_form" else present / present.sum(1)[:, None]
    )
    rates = predicted()[method][:, None] / (NUM_UPDATES * np.array([1, 2]))
    loss = {"policy_gradient": RLVR(), "natural_gradient": NaturalGradient()}.get(method, SFT())
    coarse, fine = np.asarray(_times(present, form_probs, rates, loss, factored=method == "partition")).T
    time = 2 * fine - coarse
    return Durations(time, np.abs(fine / time - 1))


def _present(sizes: tuple[int, ...]) -> np.ndarray:
    """Which forms are present, for each M [M, form]."""
    return np.arange(sizes[-1])[None, :] < np.array(sizes)[:, None]


@partial(jax.jit, static_argnames="factored", compiler_options=RUNS_BRIEFLY)
def _times(
    present: Array, form_probs: Array, rates: Array, method: Any, *, factored: bool
) -> Float[Array, "num_forms rate"]:
    """The time at which the accuracy passes the goal, for each M and each of its learning rates."""
    judge = verdict(NUM_CLASSES, present.shape[1])
    unused = jax.random.key(0)  # gradients are exact

    def reach(present: Array, form_probs: Array, rate: Array) -> Array:
        prompt = Prompts(jnp.zeros((1, 0)), jnp.array([0]), form_probs[None], jnp.ones(1))
        flat = Factored(jnp.zeros((1, NUM_CLASSES)), jnp.where(present, 0, ABSENT).astype(float)[None])
        policy = flat if factored else Table(flat(prompt.features))
        rounds = int(2.1 * NUM_UPDATES)  # enough for the smaller rate
        return rate * crossing(
            train(unused, policy, prompt, judge, method, num_rounds=rounds, learning_rate=rate).measured
        )

    return jax.vmap(jax.vmap(reach, (None, None, 0)))(present, form_probs, rates)


def crossing(accuracy: Float[Array, " t"]) -> Float[Array, ""]:
    """When an accuracy first passes the goal, interpolated between two updates; nan where it does not."""
    after = jnp.argmax(accuracy >= GOAL)
    low, high = accuracy[after - 1], accuracy[after]
    time = (after - 1).astype(accuracy.dtype) + (GOAL - low) / (high - low)
    return jnp.where((accuracy >= GOAL).any(), time, jnp.nan)


class Cost(NamedTuple):
    """Samples a prompt until the goal; a seed that does not reach it counts with all of its samples."""

    samples: np.ndarray  # [M, seed]
    stuck: np.ndarray  # [M], seeds that did not reach it

    @classmethod
    def of(cls, rounds: np.ndarray, most: int, signal: str) -> "Cost":
        """From the rounds until the goal [M, seed], of `most`."""
        return cls(np.minimum(rounds, most) * float(_num_samples(signal)), (rounds > most).sum(1))


def _num_samples(signal: str) -> int:
    """A prompt and round."""
    return NUM_JUDGED if signal == VERDICTS else 1


def _rounds(key: Array, policy: Any, prompts: Prompts, present: Array, signal: str, **options: Any) -> Array:
    """The rounds until the goal, with the forms that are `present`."""
    return rounds_to(
        key,
        policy,
        prompts,
        verdict(NUM_CLASSES, present.size),
        RLVR() if signal == VERDICTS else SFT(),
        goal=GOAL,
        num_samples=_num_samples(signal),
        **options,
    )


def _with_forms(prompts: Prompts, present: Array) -> Prompts:
    """References in any of the present forms, equally likely."""
    probs = present.astype(prompts.form_probs.dtype)
    return prompts._replace(form_probs=jnp.broadcast_to(probs / probs.sum(), prompts.form_probs.shape))


@study("supervision/network", num_seeds=32, full={"num_seeds": 128})
def on_network(key: Array, signal: str, *, num_seeds: int) -> Cost:
    """The network under ADAM, on a dataset for each seed; the same datasets for each signal and M."""
    starts = _starts(jax.random.split(key, num_seeds))
    sampled, fixed = VERDICTS if signal == VERDICTS else PARAPHRASED, signal == FIXED  # references of both: one program
    rounds = [_network(starts, present, fixed, ROUNDS[signal], sampled) for present in _present(SAMPLED)]
    return Cost.of(np.stack(rounds), ROUNDS[signal], signal)


class TrainingStart(NamedTuple):
    """A dataset and an untrained network, for each seed."""

    prompts: Prompts
    network: Network
    reference: Array  # the key of fixed references
    train: Array  # that of training


@partial(jax.jit, compiler_options=RUNS_ONCE)
@jax.vmap
def _starts(key: Array) -> TrainingStart:
    dataset_key, network_key, reference, train = jax.random.split(key, 4)
    prompts = dataset(dataset_key, num_classes=NUM_CLASSES, num_forms=SAMPLED[-1], **DATASET).train
    untrained = network(network_key, prompts.features.shape[1], NUM_CLASSES, SAMPLED[-1])
    return TrainingStart(prompts, untrained, reference, train)


@partial(jax.jit, static_argnums=4, compiler_options=RUNS_BRIEFLY)
@partial(jax.vmap, in_axes=(0, None, None, None, None))
def _network(start: TrainingStart, present: Array, fixed: Any, num_rounds: Any, signal: str) -> Array:
    """The rounds of each seed, in a network of which the first M forms are present."""
    prompts = _with_forms(start.prompts, present)
    form_probs = jnp.where(fixed, prompts.fixed_reference(start.reference).form_probs, prompts.form_probs)
    prompts = prompts._replace(form_probs=form_probs)
    *hidden, head = start.network.layers
    bias = jnp.where(present[None], head.bias, ABSENT)  # where no gradient moves it
    policy = Network((*hidden, head._replace(bias=bias)))
    options: dict[str, Any] = {"num_rounds": num_rounds, "learning_rate": 0.01, "optimizer": ADAM}
    return _rounds(start.train, policy, prompts, present, signal, **options)


@study("supervision/table", num_seeds=32, full={"num_seeds": 128})
def on_table(key: Array, signal: str, *, num_seeds: int) -> dict[str, Cost]:
    """The table with plain steps, small and large."""
    keys, most = jax.random.split(key, num_seeds), 100 * SAMPLED[-1]
    found = {
        name: np.stack([_table(keys, present, rate, most, signal) for present in _present(SAMPLED)])
        for name, rate in STEPS.items()
    }
    return {name: Cost.of(rounds, most, signal) for name, rounds in found.items()}


@partial(jax.jit, static_argnums=4, compiler_options=RUNS_BRIEFLY)
@partial(jax.vmap, in_axes=(0, None, None, None, None))
def _table(key: Array, present: Array, rate: Any, num_rounds: Any, signal: str) -> Array:
    """The rounds of each seed, of a prompt for each class, which learns alone."""
    prompts = _with_forms(table_prompts(NUM_CLASSES, NUM_CLASSES, present.size), present)
    logits = jnp.where(present, 0, ABSENT).astype(float)
    policy = Table(jnp.broadcast_to(logits, (NUM_CLASSES, NUM_CLASSES, present.size)))
    return _rounds(key, policy, prompts, present, signal, num_rounds=num_rounds, learning_rate=NUM_CLASSES * rate)
