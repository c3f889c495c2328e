"""The network world: ten training methods from the same starts, on the same worlds, with the same random numbers.

Counts are the sandbox's, nats are those of `theory`. Each seed has its own world, start and data, which all methods
share, so that two methods are compared seed by seed.
"""

from functools import cache, partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import Array
from jaxtyping import Float

import theory
from experiments.closed_loop.loops import stream
from experiments.ledger import Settings
from sandbox import environments, feedback
from sandbox.environments import Prompts, World
from sandbox.models.policy import Network, log_law, network
from sandbox.training import ADAM, RFT, RLVR, SFT, SGD, Natural, train
from theory.policies import pass_at

STREAM = 110
NUM_CLASSES, NUM_FORMS = 4, 8
NUM_CONTENTS = 16  # of training, and as many held out
NUM_DOMAINS, NUM_UNSEEN = 4, 4
NUM_BITS = 6
WIDTH = 32  # of the hidden layer, at most
BATCH = 32  # seeds in one program
NUM_SAMPLES = 4  # outputs, or references, a prompt and round
NOISY = (0.9, 0.2)
KL = 0.1
PASSES = (1, 4, 16)
EXAMS = ("training prompts", "held-out contents", "unseen domains")
TRAINING, HELD_OUT, UNSEEN = range(3)


class How(NamedTuple):
    """How a method trains."""

    method: Any
    num_updates: int = 1  # a round
    optimizer: optax.GradientTransformation = ADAM
    learning_rate: float = 0.01
    rates: tuple[float, float] = (1.0, 0.0)  # of the verdict
    worded_once: bool = False  # whether each prompt has one reference for ever


METHODS: dict[str, How] = {
    "SFT, one reference": How(SFT(), worded_once=True),
    "SFT, worded anew": How(SFT()),
    "RFT": How(RFT(), num_updates=25),
    "RLVR": How(RLVR(0.0, np.inf)),
    "RLVR, KL": How(RLVR(KL, np.inf)),
    "RLVR, noisy verdict": How(RLVR(0.0, np.inf), rates=NOISY),
    "clipped": How(RLVR(0.0, 0.2), num_updates=4),
    "clipped, KL": How(RLVR(KL, 0.2), num_updates=4),
    "natural": How(Natural(0.0), optimizer=SGD, learning_rate=0.1),
    "natural, KL": How(Natural(KL), optimizer=SGD, learning_rate=0.1),
}
ONCE, ANEW, REFIT, GRADIENT = "SFT, one reference", "SFT, worded anew", "RFT", "RLVR"


class Study(NamedTuple):
    """What was seen before each round and after the last, of each seed."""

    updates: np.ndarray  # [t]
    correct: np.ndarray  # [seed, t, exam], the probability that an output is right
    passed: np.ndarray  # [seed, t, exam, k], that one of k = PASSES outputs is
    diversity: np.ndarray  # [seed, t], entropy of the form of a right output, nats, mean over the prompts of training
    kl: np.ndarray  # [seed, t], KL(policy ‖ start), nats, likewise
    nats: np.ndarray  # [seed, t], of signal that was spent so far, on all prompts of training

    def last(self, exam: int) -> np.ndarray:
        """The correctness in the end [seed]."""
        return self.correct[:, -1, exam]

    def at_nats(self, budget: float, exam: int) -> np.ndarray:
        """The correctness [seed] when `budget` nats were spent, linear between two rounds."""
        pairs = zip(self.nats, self.correct[..., exam], strict=True)
        return np.array([np.interp(budget, nats, correct) for nats, correct in pairs])


def num_updates(settings: Settings) -> int:
    """Of each method."""
    return 500 if settings.full else 200


def reference_nats(num_forms: int = NUM_FORMS, num_domains: int = NUM_DOMAINS) -> float:
    """What one reference a prompt says of the outputs: prompts × (ln K + ln M) nats, of the class and of its form."""
    return NUM_CONTENTS * num_domains * float(np.log(NUM_CLASSES) + np.log(num_forms))


@cache
def studied(
    settings: Settings,
    name: str,
    *,
    num_forms: int = NUM_FORMS,
    num_domains: int = NUM_DOMAINS,
    width: int = WIDTH,
    batches: int = 2,
) -> Study:
    """Trains by one of METHODS, many seeds in one program; fewer domains and units, and more seeds, do not recompile.

    Args:
        settings: How many updates, and the randomness.
        name: A key of METHODS.
        num_forms: M.
        num_domains: Domains of training.
        width: Hidden units, at most WIDTH.
        batches: Of BATCH seeds each.
    """
    cell = (num_forms, num_domains, width)
    parts = [_batch(settings, name, *cell, batch) for batch in range(batches)]
    correct, passed, diversity, kl, nats = (np.concatenate(leaves) for leaves in zip(*parts, strict=True))
    how = METHODS[name]
    num_rounds = num_updates(settings) // how.num_updates
    if isinstance(how.method, SFT):
        nats = imitated_nats(num_rounds, num_forms, num_domains, worded_once=how.worded_once)[None].repeat(len(kl), 0)
    return Study(how.num_updates * np.arange(num_rounds + 1), correct, passed, diversity, kl, nats)


@cache
def _batch(settings: Settings, name: str, num_forms: int, num_domains: int, width: int, batch: int) -> list[np.ndarray]:
    """What `_trained` measures of one batch of seeds."""
    how = METHODS[name]
    keys = jax.random.split(jax.random.fold_in(stream(settings, STREAM), batch), BATCH)
    starts = started(keys, num_domains, width, num_forms, max(num_domains, NUM_DOMAINS))
    signal = feedback.verdict(NUM_CLASSES, num_forms, tpr=how.rates[0], fpr=how.rates[1])
    measured = _trained(
        starts,
        how.method,
        signal,
        how.learning_rate,
        how.worded_once,
        num_rounds=num_updates(settings) // how.num_updates,
        num_updates=how.num_updates,
        optimizer=how.optimizer,
    )
    return [np.asarray(leaf) for leaf in jax.block_until_ready(measured)]


def imitated_nats(num_rounds: int, num_forms: int, num_domains: int, *, worded_once: bool) -> np.ndarray:
    """Nats of references before each round and after the last [t].

    One reference a prompt is drawn once and seen in each round: prompts × (ln K + ln M), all spent in the first round.
    Worded anew, the class is told once, and each of NUM_SAMPLES references a prompt and round brings ln M of its own.
    """
    rounds, prompts = np.arange(num_rounds + 1), NUM_CONTENTS * num_domains
    forms = np.minimum(rounds, 1) if worded_once else NUM_SAMPLES * rounds
    return prompts * (np.log(NUM_CLASSES) * np.minimum(rounds, 1) + np.log(num_forms) * forms)


def verdict_nats(
    law: Float[Array, " prompt"], correct: Float[Array, " prompt"], channel: Float[Array, "right symbol"]
) -> Float[Array, ""]:
    """I(Y;S|Q) of one verdict on an output Y of the policy, in nats, the mean over the prompts.

    The verdict depends on whether Y is right alone, so that it is I(right;S|Q), with p(right|q) = `correct`; without
    errors of the verdict it is the mean entropy h(correct).
    """
    joint = law[None, :] * jnp.stack([1 - correct, correct])  # [right, prompt]
    return theory.conditional_mutual_information(joint[:, None, :] * channel[:, :, None])


def _spent(law: Float[Array, " prompt"], correct: Float[Array, "t prompt"], signal: feedback.Feedback) -> Array:
    """Nats of verdicts before each round and after the last [t]; a prompt that is not asked costs nothing."""
    forms = signal.channel.shape[0] // NUM_CLASSES
    channel = signal.channel[jnp.array([forms, 0]), 0].astype(law.dtype)  # on an output of another class, of the same
    each = jax.vmap(lambda p: verdict_nats(law, p, channel))(correct[:-1])
    verdicts = NUM_SAMPLES * (law > 0).sum().astype(law.dtype)
    return verdicts * jnp.concatenate([jnp.zeros(1, law.dtype), jnp.cumsum(each)])


def narrowed(policy: Network, width: Any) -> Network:
    """The network with its first `width` hidden units alone, scaled as if it had been drawn with that width.

    A unit whose weights are all zero stays dead: its gradient vanishes. So the width may be traced. The weights behind
    the hidden layer have variance 1/width (LeCun).
    """
    layers = policy.variables["params"]
    first, head = layers["Dense_0"], layers["head"]
    units = first["bias"].size
    alive = (jnp.arange(units) < width).astype(first["kernel"].dtype)
    scale = alive * jnp.sqrt(units / jnp.asarray(width, alive.dtype))
    first = first | {"kernel": first["kernel"] * alive[None, :]}
    head = head | {"kernel": head["kernel"] * scale[:, None, None]}
    return Network({"params": {"Dense_0": first, "head": head}})


class Start(NamedTuple):
    """What the methods share of a seed."""

    world: World
    once: Float[Array, "prompt form"]  # the wording of one reference a prompt
    policy: Network
    key: Array  # of what is drawn in training


def _start(key: Array, num_domains: Any, width: Any, num_forms: int, most_domains: int) -> Start:
    """World, references and first policy of a seed; only `num_domains` of `most_domains` are asked in training."""
    world_key, network_key, wording_key, train_key = jax.random.split(key, 4)
    world = environments.world(
        world_key,
        num_classes=NUM_CLASSES,
        num_forms=num_forms,
        num_contents=(NUM_CONTENTS, NUM_CONTENTS),
        num_domains=(most_domains, NUM_UNSEEN),
        num_bits=NUM_BITS,
    )

    def asked(prompts: Prompts) -> Prompts:
        used = (jnp.arange(prompts.law.size) % most_domains < num_domains).astype(prompts.law.dtype)
        return prompts._replace(law=used / used.sum())

    world = world._replace(train=asked(world.train), held_out=asked(world.held_out))
    policy = network(network_key, 2 * NUM_BITS, NUM_CLASSES, num_forms, hidden=(WIDTH,))
    return Start(world, world.train.worded_once(wording_key).wording, narrowed(policy, width), train_key)


started = jax.jit(jax.vmap(_start, (0, None, None, None, None)), static_argnums=(3, 4))


def seen(policy: Network, exam: tuple[World, Array]) -> tuple[list[Array], Array, Array]:
    """How often each prompt of each exam is answered right; H(form of a right output); KL to the start."""
    world, start_law = exam
    law, logits = world.train.law, policy(world.train.features)
    of_right = jnp.take_along_axis(logits, world.train.right[:, None, None], 1)[:, 0]
    diversity = law @ jax.vmap(theory.entropy)(jax.nn.softmax(of_right, axis=1))
    away = jax.vmap(theory.kl_divergence)(jnp.exp(log_law(policy, world.train.features)), jnp.exp(start_law))
    return [_right(policy, prompts) for prompts in world], diversity, law @ away


def _right(policy: Network, prompts: Prompts) -> Float[Array, " prompt"]:
    """The probability of the right class; a sum of float32 may pass 1."""
    classes = jax.nn.softmax(policy(prompts.features), axis=(1, 2)).sum(2)
    return jnp.clip(jnp.take_along_axis(classes, prompts.right[:, None], 1)[:, 0], 0, 1)


@partial(jax.jit, static_argnames=("num_rounds", "num_updates", "optimizer"))
def _trained(starts, method, signal, learning_rate, worded_once, *, num_rounds, num_updates, optimizer):
    """The measurements of all seeds [seed, t, …]."""

    def one(start: Start):
        world = start.world
        prompts = world.train._replace(wording=jnp.where(worded_once, start.once, world.train.wording))
        _, (right, diversity, kl) = train(
            start.key,
            start.policy,
            prompts,
            signal,
            method,
            num_rounds=num_rounds,
            num_updates=num_updates,
            num_samples=NUM_SAMPLES,
            learning_rate=learning_rate,
            optimizer=optimizer,
            measure=seen,
            exam=(world, log_law(start.policy, world.train.features)),
        )
        passed = [pass_at(jnp.asarray(PASSES), p[..., None]) for p in right]  # [t, prompt, k]
        passed = [jnp.einsum("q,tqk->tk", x.law, p) for x, p in zip(world, passed, strict=True)]
        return jnp.stack(passed, 1), diversity, kl, _spent(prompts.law, right[TRAINING], signal)

    passed, *others = jax.vmap(one)(starts)
    return passed[..., 0], passed, *others
