"""The network world: ten training methods from the same starts, on the same worlds, with the same random numbers.

Counts are the sandbox's, nats are those of `theory`. Each seed has its own world, start and data, which all methods
share, so that two methods are compared seed by seed.
"""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import Array
from jaxtyping import Float

import theory
from experiments.harness.cost import RUNS_BRIEFLY, RUNS_ONCE
from experiments.harness.study import study
from sandbox import policies
from sandbox.policies import (
    ADAM,
    RFT,
    RLVR,
    SFT,
    SGD,
    Dataset,
    NaturalGradient,
    Network,
    Prompts,
    Weighted,
    log_probs,
    network,
    train,
)
from theory.policies import pass_at

NUM_CLASSES, NUM_FORMS = 4, 8
NUM_CONTENTS = 16  # of training, and as many held out
NUM_DOMAINS, NUM_UNSEEN = 4, 4
NUM_BITS = 6
BATCH = 16  # seeds in one program
LOOKS = 24  # after so many updates, from 1 to the last, all exams are held
EARLY = 50  # updates, after which they are held too
NUM_SAMPLES = 4  # outputs, or references, a prompt and round
NOISY = (0.9, 0.2)
KL = 0.1
ABSENT = -1e6  # the logit of a form beyond M: of probability 0, but finite
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


def _reinforced(rlvr: float = 1.0, kl: float = 0.0, clip: float = np.inf) -> Weighted:
    """RLVR, or RFT where its weight is 0: what is judged is one program, whatever is made of the verdicts."""
    return Weighted((RLVR(kl, clip), RFT()), (rlvr, 1 - rlvr))


METHODS: dict[str, How] = {
    "SFT, one reference": How(SFT(), worded_once=True),
    "SFT, worded anew": How(SFT()),
    "RFT": How(_reinforced(0.0), num_updates=25),
    "RLVR": How(_reinforced()),
    "RLVR, KL": How(_reinforced(kl=KL)),
    "RLVR, noisy verdict": How(_reinforced(), rates=NOISY),
    "clipped": How(_reinforced(clip=0.2), num_updates=4),
    "clipped, KL": How(_reinforced(kl=KL, clip=0.2), num_updates=4),
    "natural": How(NaturalGradient(0.0), optimizer=SGD, learning_rate=0.1),
    "natural, KL": How(NaturalGradient(KL), optimizer=SGD, learning_rate=0.1),
}
ONCE, ANEW, REFIT, GRADIENT = "SFT, one reference", "SFT, worded anew", "RFT", "RLVR"


class Runs(NamedTuple):
    """What was seen before the first round and after some others, of each seed."""

    updates: np.ndarray  # [t], of whole rounds, so that a number may come twice
    passed: np.ndarray  # [seed, t, exam, k], the probability that one of k = PASSES outputs is right
    diversity: np.ndarray  # [seed, t], entropy of the form of a right output, nats, mean over the prompts of training
    kl: np.ndarray  # [seed, t], KL(policy ‖ start), nats, likewise
    nats: np.ndarray  # [seed, t], of signal that was spent so far, on all prompts of training

    @property
    def correct(self) -> np.ndarray:
        """The probability that an output is right [seed, t, exam]."""
        return self.passed[..., 0]

    @property
    def accepted(self) -> np.ndarray:
        """The diversity in the end, as a share of the start's [seed]."""
        return self.diversity[:, -1] / self.diversity[:, 0]


@study("methods/network", num_seeds=64, num_updates=200, full={"num_seeds": 128, "num_updates": 500})
def trained(
    key: Array,
    name: str,
    num_forms: int = NUM_FORMS,
    num_domains: int = NUM_DOMAINS,
    stop: int | None = None,
    *,
    num_seeds: int,
    num_updates: int,
) -> Runs:
    """Trains by one of METHODS; fewer forms, domains and updates, and more seeds, do not recompile.

    Args:
        key: the randomness, the same for all methods, forms and domains.
        name: a key of METHODS.
        num_forms: M, at most NUM_FORMS.
        num_domains: domains of training, at most NUM_DOMAINS.
        stop: after so many updates, where it is given.
        num_seeds: a multiple of BATCH, if there are more.
        num_updates: of each method.
    """
    how = METHODS[name]
    signal = policies.verdict(NUM_CLASSES, NUM_FORMS, tpr=how.rates[0], fpr=how.rates[1])
    looks = np.unique(np.append(np.rint(np.geomspace(1, num_updates, LOOKS)), [0, EARLY]).astype(int))
    rounds = -(-looks[looks <= (stop or num_updates)] // how.num_updates)
    rounds = np.append(rounds, np.repeat(rounds[-1], len(looks) - len(rounds)))  # as many for all, to be one program
    counts = np.where(np.arange(num_updates) < rounds[-1], how.num_updates, 0)
    sizes = {"num_rounds": num_updates, "optimizer": how.optimizer}
    parts = []
    for keys in np.split(np.asarray(jax.random.key_data(jax.random.split(key, num_seeds))), -(-num_seeds // BATCH)):
        starts = started(keys, num_forms, num_domains)
        found = _trained(starts, how.method, signal, how.learning_rate, how.worded_once, counts, rounds, **sizes)
        parts.append([np.asarray(leaf) for leaf in found])
    passed, diversity, kl, nats = (np.concatenate(leaves) for leaves in zip(*parts, strict=True))
    if isinstance(how.method, SFT):
        spent = imitated_nats(num_updates, num_forms, num_domains, worded_once=how.worded_once)
        nats = spent[rounds][None].repeat(num_seeds, 0)
    return Runs(how.num_updates * rounds, passed, diversity, kl, nats)


def imitated_nats(num_rounds: int, num_forms: int, num_domains: int, *, worded_once: bool) -> np.ndarray:
    """Nats of references before each round and after the last [t].

    One reference a prompt is drawn once and seen in each round: prompts × (ln K + ln M), all spent in the first round.
    Worded anew, the class is told once, and each of NUM_SAMPLES references a prompt and round brings ln M of its own.
    """
    rounds, prompts = np.arange(num_rounds + 1), NUM_CONTENTS * num_domains
    forms = np.minimum(rounds, 1) if worded_once else NUM_SAMPLES * rounds
    return prompts * (np.log(NUM_CLASSES) * np.minimum(rounds, 1) + np.log(num_forms) * forms)


def verdict_nats(
    probs: Float[Array, " prompt"], correct: Float[Array, " prompt"], channel: Float[Array, "right symbol"]
) -> Float[Array, ""]:
    """I(Y;S|Q) of one verdict on an output Y of the policy, in nats, the mean over the prompts.

    The verdict depends on whether Y is right alone, so that it is I(right;S|Q), with p(right|q) = `correct`; without
    errors of the verdict it is the mean entropy h(correct).
    """
    joint = probs[None, :] * jnp.stack([1 - correct, correct])  # [right, prompt]
    return theory.conditional_mutual_information(joint[:, None, :] * channel[:, :, None])


def _spent(probs: Float[Array, " prompt"], correct: Float[Array, "t prompt"], signal: policies.Feedback) -> Array:
    """Nats of verdicts before each round and after the last [t]; a prompt that is not asked costs nothing."""
    forms = signal.channel.shape[0] // NUM_CLASSES
    channel = signal.channel[jnp.array([forms, 0]), 0].astype(probs.dtype)  # on an output of another class, of the same
    each = jax.vmap(lambda p: verdict_nats(probs, p, channel))(correct[:-1])
    verdicts = NUM_SAMPLES * (probs > 0).sum().astype(probs.dtype)
    return verdicts * jnp.concatenate([jnp.zeros(1, probs.dtype), jnp.cumsum(each)])


class Start(NamedTuple):
    """What the methods share of a seed."""

    dataset: Dataset
    once: Float[Array, "prompt form"]  # the wording of one reference a prompt
    policy: Network
    key: Array  # of what is drawn in training


@partial(jax.jit, compiler_options=RUNS_ONCE)
@partial(jax.vmap, in_axes=(0, None, None))
def started(key: Array, num_forms: Any, num_domains: Any) -> Start:
    """World, references and first policy of a seed, given by the data of its key.

    Only `num_domains` of NUM_DOMAINS are asked in training. Of NUM_FORMS all but the first `num_forms` start with
    probability 0, where no gradient moves them.
    """
    world_key, network_key, wording_key, train_key = jax.random.split(jax.random.wrap_key_data(key), 4)
    dataset = policies.dataset(
        world_key,
        num_classes=NUM_CLASSES,
        num_forms=NUM_FORMS,
        num_items=(NUM_CONTENTS, NUM_CONTENTS),
        num_domains=(NUM_DOMAINS, NUM_UNSEEN),
        num_bits=NUM_BITS,
    )
    there = (jnp.arange(NUM_FORMS) < num_forms)[None, :]

    def asked(prompts: Prompts) -> Prompts:
        used = (jnp.arange(prompts.probs.size) % NUM_DOMAINS < num_domains).astype(prompts.probs.dtype)
        probs = there.astype(prompts.form_probs.dtype)
        wording = jnp.broadcast_to(probs / probs.sum(), prompts.form_probs.shape)
        return prompts._replace(probs=used / used.sum(), form_probs=wording)

    dataset = dataset._replace(train=asked(dataset.train), held_out=asked(dataset.held_out))
    *hidden, head = network(network_key, 2 * NUM_BITS, NUM_CLASSES, NUM_FORMS).layers
    policy = Network((*hidden, head._replace(bias=jnp.where(there, head.bias, ABSENT))))
    return Start(dataset, dataset.train.fixed_reference(wording_key).form_probs, policy, train_key)


def _watched(policy: Network, prompts: Prompts) -> tuple[Array, Network]:
    """What verdicts cost depends on each round; all else is seen of the policies that are looked at."""
    return _right(policy, prompts), policy


def _right(policy: Network, prompts: Prompts) -> Float[Array, " prompt"]:
    """The probability of the right class; a sum of float32 may pass 1."""
    classes = jax.nn.softmax(policy(prompts.features), axis=(1, 2)).sum(2)
    return jnp.clip(jnp.take_along_axis(classes, prompts.correct[:, None], 1)[:, 0], 0, 1)


def seen(policy: Network, dataset: Dataset, start: Network) -> tuple[Array, Array, Array]:
    """The probability that one of k outputs is right [exam, k]; H(form of a right output); KL to the start."""
    probs, logits = dataset.train.probs, policy(dataset.train.features)
    of_right = jnp.take_along_axis(logits, dataset.train.correct[:, None, None], 1)[:, 0]
    diversity = probs @ jax.vmap(theory.entropy)(jax.nn.softmax(of_right, axis=1))
    away = jax.vmap(theory.kl_divergence)(
        *(jnp.exp(log_probs(each, dataset.train.features)) for each in (policy, start))
    )
    passed = [x.probs @ pass_at(jnp.asarray(PASSES), _right(policy, x)[:, None]) for x in dataset]
    return jnp.stack(passed), diversity, probs @ away


@partial(jax.jit, static_argnames=("num_rounds", "optimizer"), compiler_options=RUNS_BRIEFLY)
def _trained(starts, method, signal, learning_rate, worded_once, counts, looks, *, num_rounds, optimizer):
    """The measurements of all seeds [seed, t, …] before round looks[t]."""

    def one(start: Start):
        dataset = start.dataset
        prompts = dataset.train._replace(form_probs=jnp.where(worded_once, start.once, dataset.train.form_probs))
        right, policies = train(
            start.key,
            start.policy,
            prompts,
            signal,
            method,
            num_rounds=num_rounds,
            num_updates=counts,
            num_samples=NUM_SAMPLES,
            learning_rate=learning_rate,
            optimizer=optimizer,
            measure=_watched,
        ).measured
        policies = jax.tree.map(lambda leaf: leaf[looks], policies)
        passed, diversity, kl = jax.vmap(lambda policy: seen(policy, dataset, start.policy))(policies)
        return passed, diversity, kl, _spent(prompts.probs, right, signal)[looks]

    return jax.vmap(one)(starts)
