"""What it costs to reach 99 % correctness as the surface forms of an answer grow in number, M.

In time (learning rate × updates, exact gradients) on a table, against the closed forms of `theory.policies`; and in
samples, references for SFT and verdicts for RLVR, on a table and on a small network.
"""

from functools import lru_cache, partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

from experiments.closed_loop.loops import stream
from experiments.ledger import Settings
from sandbox import environments, feedback, spread
from sandbox.environments import Prompts
from sandbox.models.policy import Network, Table, network
from sandbox.training import ADAM, RLVR, SFT, Natural, share_right, train
from theory import policies

NUM_CLASSES = 4
GOAL = 0.99
FORMS = (1, 2, 4, 8, 16, 32, 64)  # M of the exact gradients
NUM_UPDATES = 1000  # of the larger of two learning rates
ABSENT = -1e6  # the logit of a form beyond M: of probability 0, but finite
METHODS = {
    "one_form": "SFT, one fixed reference",
    "all_forms": "SFT, forms drawn anew",
    "policy_gradient": "RLVR",
    "natural_gradient": "natural gradient of RLVR",
    "partition": "SFT of a model that knows the partition",
}
NUM_JUDGED = 4  # outputs a prompt and round for RLVR; SFT sees one reference a prompt and round
SAMPLED = {"SFT": SFT(), "RLVR": RLVR()}
WORLD: dict[str, Any] = {"num_contents": (8, 1), "num_domains": (2, 1)}  # 16 prompts of training for the network
NUM_REFERENCES = {1: 120, 4: 700, 16: 3000, 64: 24000}  # of the network for M, more than twice the mean
NUM_VERDICTS = 1000
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


def predicted(method: str) -> np.ndarray:
    """The closed forms of `theory.policies.times_to` [M]; who knows the partition has one form, M = 1."""
    name, forms = ("all_forms", [1] * len(FORMS)) if method == "partition" else (method, FORMS)
    times = [policies.times_to(GOAL, num_classes=NUM_CLASSES, num_forms=m) for m in forms]
    return np.array([float(getattr(t, name)) for t in times])


@lru_cache
def trained(method: str) -> Times:
    """The times of exact gradients from a uniform law, at two learning rates, extrapolated as O(learning rate).

    One table for all M, of whose forms the first M are there.
    """
    there = np.arange(FORMS[-1])[None, :] < np.array(FORMS)[:, None]
    wording = np.eye(FORMS[-1])[np.zeros(len(FORMS), int)] if method == "one_form" else there / there.sum(1)[:, None]
    rates = predicted(method)[:, None] / (NUM_UPDATES * np.array([1, 2]))
    loss = {"policy_gradient": RLVR(), "natural_gradient": Natural()}.get(method, SFT())
    args = (jnp.asarray(x) for x in (there, wording, rates))
    coarse, fine = np.asarray(_times(*args, loss, factored=method == "partition")).T
    time = 2 * fine - coarse
    return Times(time, np.abs(fine / time - 1))


@partial(jax.jit, static_argnames="factored")
def _times(
    there: Array, wording: Array, rates: Array, method: Any, *, factored: bool
) -> Float[Array, "num_forms rate"]:
    """Where J passes the goal, for each M and each of its learning rates."""
    judge = feedback.verdict(NUM_CLASSES, there.shape[1])

    def reach(there: Array, wording: Array, rate: Array) -> Array:
        prompt = Prompts(jnp.zeros((1, 0)), jnp.array([0]), wording[None], jnp.ones(1))
        flat = Factored(jnp.zeros((1, NUM_CLASSES)), jnp.where(there, 0, ABSENT).astype(float)[None])
        policy = flat if factored else Table(flat(prompt.features))
        rounds = int(2.1 * NUM_UPDATES)  # enough for the smaller rate
        path = train(jax.random.key(0), policy, prompt, judge, method, num_rounds=rounds, learning_rate=rate)
        return rate * crossing(path.measured)

    return jax.vmap(jax.vmap(reach, (None, None, 0)))(there, wording, rates)


def crossing(correct: Float[Array, " t"]) -> Float[Array, ""]:
    """When a path of correctness first passes the goal, interpolated between two updates; nan where it does not."""
    after = jnp.argmax(correct >= GOAL)
    low, high = correct[after - 1], correct[after]
    time = (after - 1).astype(correct.dtype) + (GOAL - low) / (high - low)
    return jnp.where((correct >= GOAL).any(), time, jnp.nan)


class Cost(NamedTuple):
    """Samples a prompt until the goal, and the entropy of the form of a right output there, in nats.

    A seed that is not there in the end counts with all of its samples.
    """

    samples: np.ndarray  # [seed]
    diversity: np.ndarray  # [seed]
    stuck: int  # seeds that did not get there


def num_seeds(settings: Settings) -> int:
    """How many seeds."""
    return 64 if settings.full else 32


def forms(settings: Settings) -> tuple[int, ...]:
    """M of the sampled trainings."""
    return (1, 4, 16, 64) if settings.full else (1, 4, 16)


def seen(policy: Any, prompts: Prompts) -> dict[str, Array]:
    """The share right, and the entropy of the form of a right output."""
    p = jax.nn.softmax(policy(prompts.features), axis=(1, 2))
    form = jnp.take_along_axis(p, prompts.right[:, None, None], axis=1)[:, 0]
    form = form / form.sum(1, keepdims=True)
    nats = -(form * jnp.log(jnp.maximum(form, jnp.finfo(form.dtype).tiny))).sum(1)
    return {"right": share_right(policy, prompts), "diversity": (prompts.law.astype(p.dtype) * nats).sum()}


def _first(path: dict[str, Array]) -> tuple[Array, Array, Array]:
    """Round and diversity at the goal or at the end, and whether it was reached."""
    there = path["right"] >= GOAL
    first = jnp.where(there.any(), jnp.argmax(there), there.size - 1)
    return first, path["diversity"][first], there.any()


def _cost(found: tuple[Array, Array, Array], method: str) -> Cost:
    rounds, diversity, there = (np.asarray(x) for x in found)
    return Cost(rounds * (NUM_JUDGED if method == "RLVR" else 1.0), diversity, int((~there).sum()))


def on_network(settings: Settings, method: str, num_forms: int) -> Cost:
    """The network under ADAM, in as many worlds as there are seeds; the same worlds for each method and M."""
    if method == "RLVR":
        return _verdicts(settings)[num_forms]
    return _references(settings, num_forms)[method]


@lru_cache
def _references(settings: Settings, num_forms: int) -> dict[str, Cost]:
    """SFT on forms drawn anew, and on one fixed reference a prompt."""
    there = jnp.ones((2, num_forms), bool)
    starts, once = _starts(settings, num_forms), jnp.array([False, True])
    found = _network(_keys(settings), starts, there, once, SFT(), NUM_REFERENCES[num_forms])
    return {name: _cost(case, "SFT") for name, case in zip(("SFT", "SFT once"), zip(*found, strict=True), strict=True)}


@lru_cache
def _verdicts(settings: Settings) -> dict[int, Cost]:
    """RLVR for each M, in one network of which the first M forms are there."""
    sizes = forms(settings)
    there = jnp.arange(sizes[-1])[None, :] < jnp.array(sizes)[:, None]
    starts, once = _starts(settings, sizes[-1]), jnp.zeros(len(sizes), bool)
    found = _network(_keys(settings), starts, there, once, RLVR(), NUM_VERDICTS // NUM_JUDGED)
    return {size: _cost(case, "RLVR") for size, case in zip(sizes, zip(*found, strict=True), strict=True)}


def _keys(settings: Settings) -> Array:
    return spread(jax.random.split(stream(settings, 80), num_seeds(settings)))


class Masked(NamedTuple):
    """A network with fewer forms: `absent`, added to the logits, is not trained."""

    network: Network
    absent: Float[Array, " form"]

    def __call__(self, features: Array, /) -> Float[Array, "prompt cls form"]:
        """The logits."""
        return self.network(features) + jax.lax.stop_gradient(self.absent)[None, None, :]


class Start(NamedTuple):
    """A world and a network at its start, for each seed."""

    prompts: Prompts
    network: Network


@lru_cache
def _starts(settings: Settings, num_forms: int) -> Start:
    """The worlds are the same for all M."""
    keys = jax.vmap(jax.random.split)(_keys(settings))
    prompts = _worlds(keys[:, 0])
    return Start(prompts, _networks(keys[:, 1], prompts.features.shape[2], num_forms))


@jax.jit
@jax.vmap
def _worlds(key: Array) -> Prompts:
    return environments.world(key, num_classes=NUM_CLASSES, num_forms=1, **WORLD).train


@partial(jax.jit, static_argnums=(1, 2))
def _networks(keys: Array, num_features: int, num_forms: int) -> Network:
    return jax.vmap(lambda key: network(key, num_features, NUM_CLASSES, num_forms))(keys)


@partial(jax.jit, static_argnums=5)
def _network(
    keys: Array, starts: Start, there: Array, once: Array, method: Any, num_rounds: int
) -> tuple[Array, Array, Array]:
    """Each case (the forms that are there, whether a prompt has one fixed reference) × each seed."""
    num_forms = there.shape[1]
    judge = feedback.verdict(NUM_CLASSES, num_forms)
    count = NUM_JUDGED if isinstance(method, RLVR) else 1
    options: dict[str, Any] = {"num_rounds": num_rounds, "num_samples": count, "measure": seen}
    options |= {"learning_rate": 0.01, "optimizer": ADAM}

    def one(there: Array, once: Array, key: Array, start: Start) -> tuple[Array, Array, Array]:
        once_key, train_key = jax.random.split(key)
        law = jnp.full((start.prompts.law.size, num_forms), 1 / num_forms, start.prompts.features.dtype)
        prompts = start.prompts._replace(wording=law)
        wording = jnp.where(once, prompts.worded_once(once_key).wording, law)
        policy = Masked(start.network, jnp.where(there, 0, ABSENT).astype(law.dtype))
        return _first(train(train_key, policy, prompts._replace(wording=wording), judge, method, **options).measured)

    return jax.vmap(jax.vmap(one, (None, None, 0, 0)), (0, 0, None, None))(there, once, keys, starts)


@lru_cache
def on_table(settings: Settings, method: str, steps: str) -> tuple[Cost, ...]:
    """The table with plain steps, for each M of `forms`."""
    sizes = forms(settings)
    keys = spread(jax.random.split(stream(settings, 81), num_seeds(settings)))
    there = jnp.arange(sizes[-1])[None, :] < jnp.array(sizes)[:, None]
    rounds = (100 * sizes[-1]) if steps == "small steps" else 100
    found = _table(keys, there, STEPS[steps], SAMPLED[method], rounds)
    return tuple(_cost((a, b, c), method) for a, b, c in zip(*found, strict=True))


@partial(jax.jit, static_argnums=4)
def _table(keys: Array, there: Array, rate: float, method: Any, num_rounds: int) -> tuple[Array, Array, Array]:
    """A prompt for each class, which learns alone."""
    judge = feedback.verdict(NUM_CLASSES, there.shape[1])
    count = NUM_JUDGED if isinstance(method, RLVR) else 1

    def one(there: Array, key: Array) -> tuple[Array, Array, Array]:
        prompts = environments.table_prompts(NUM_CLASSES, NUM_CLASSES, there.size)
        law = there.astype(float) / there.sum().astype(float)
        prompts = prompts._replace(wording=jnp.broadcast_to(law, prompts.wording.shape))
        start = Table(
            jnp.broadcast_to(jnp.where(there, 0, ABSENT).astype(float), (NUM_CLASSES, NUM_CLASSES, there.size))
        )
        options: dict[str, Any] = {"num_rounds": num_rounds, "num_samples": count, "measure": seen}
        return _first(train(key, start, prompts, judge, method, learning_rate=NUM_CLASSES * rate, **options).measured)

    return jax.vmap(jax.vmap(one, (None, 0)), (0, None))(there, keys)
