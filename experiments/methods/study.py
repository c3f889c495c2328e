"""Training methods of a network, on the same datasets, from the same starts, with the same random numbers.

Each seed has its own dataset, start and references, which all methods share, so that two methods are compared seed by
seed.
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
NUM_ITEMS = 16  # of training, and as many held out
NUM_DOMAINS, NUM_UNSEEN = 4, 4
NUM_BITS = 6
BATCH = 16  # seeds in one program
NUM_MEASURED = 24  # numbers of updates, from 1 to the last, after which policies are measured
EARLY = 50  # updates, after which they are measured too
NUM_SAMPLES = 4  # outputs, or references, per prompt and round
NOISY = (0.9, 0.2)
KL = 0.1
CAPPED = 4.0  # a clip: ratios up to 5
ABSENT = -1e6  # the logit of a form beyond M: of probability 0, but finite
TRIES = (1, 4, 16)  # k of pass@k
EVALUATED = ("training prompts", "held-out items", "unseen domains")
TRAINING, HELD_OUT, UNSEEN = range(3)


class MethodConfig(NamedTuple):
    """How a method trains."""

    method: Any
    num_updates: int = 1  # per round
    optimizer: optax.GradientTransformation = ADAM
    learning_rate: float = 0.01
    verifier: tuple[float, float] = (1.0, 0.0)  # tpr, fpr
    fixed_reference: bool = False  # one reference per prompt, else a paraphrase in each round


def _reinforced(rlvr: float = 1.0, kl: float = 0.0, clip: float = np.inf) -> Weighted:
    """RLVR, or RFT if its weight is 0: one program for all methods that use verdicts."""
    return Weighted((RLVR(kl, clip), RFT()), (rlvr, 1 - rlvr))


METHODS: dict[str, MethodConfig] = {
    "SFT, fixed reference": MethodConfig(SFT(), fixed_reference=True),
    "SFT, paraphrased": MethodConfig(SFT()),
    "RFT": MethodConfig(_reinforced(0.0), num_updates=25),
    "RLVR": MethodConfig(_reinforced()),
    "RLVR, re-used": MethodConfig(_reinforced(clip=CAPPED), num_updates=25),
    "RLVR, KL": MethodConfig(_reinforced(kl=KL)),
    "RLVR, noisy verifier": MethodConfig(_reinforced(), verifier=NOISY),
    "RLVR, clipped": MethodConfig(_reinforced(clip=0.2), num_updates=4),
    "RLVR, clipped, KL": MethodConfig(_reinforced(kl=KL, clip=0.2), num_updates=4),
    "natural gradient": MethodConfig(NaturalGradient(0.0), optimizer=SGD, learning_rate=0.1),
    "natural gradient, KL": MethodConfig(NaturalGradient(KL), optimizer=SGD, learning_rate=0.1),
}
FIXED, PARAPHRASED = "SFT, fixed reference", "SFT, paraphrased"
REFIT, GRADIENT, REUSED, PENALISED = "RFT", "RLVR", "RLVR, re-used", "RLVR, KL"


class TrainingMetrics(NamedTuple):
    """Measured before the first round and after some others, for each seed."""

    updates: np.ndarray  # [t], of whole rounds, so that a number may come twice
    passed: np.ndarray  # [seed, t, evaluated, k], pass@k for k in TRIES
    diversity: np.ndarray  # [seed, t], entropy of the form of a correct output, nats, mean over the training prompts
    kl: np.ndarray  # [seed, t], KL(policy ‖ start), nats, likewise
    nats: np.ndarray  # [seed, t], of the signal used so far, on all training prompts

    @property
    def accuracy(self) -> np.ndarray:
        """The probability that an output is correct [seed, t, evaluated]."""
        return self.passed[..., 0]

    @property
    def diversity_left(self) -> np.ndarray:
        """The diversity in the end, as a share of the start's [seed]."""
        return self.diversity[:, -1] / self.diversity[:, 0]


@study("methods/network", num_seeds=96, num_updates=200, full={"num_seeds": 192, "num_updates": 500})
def trained(
    key: Array,
    name: str,
    num_forms: int = NUM_FORMS,
    num_domains: int = NUM_DOMAINS,
    stop: int | None = None,
    kl_weight: float | None = None,
    *,
    num_seeds: int,
    num_updates: int,
) -> TrainingMetrics:
    """Trains by one of METHODS with M = `num_forms`, at most NUM_FORMS, up to `stop` updates if given.

    With `kl_weight` it is RLVR with a penalty of this weight. The randomness is the same for all methods, forms and
    domains; fewer of them, and more seeds, do not recompile. There are at most BATCH seeds, or a multiple of it.
    """
    config = METHODS[name] if kl_weight is None else METHODS[name]._replace(method=_reinforced(kl=kl_weight))
    signal = policies.verdict(NUM_CLASSES, NUM_FORMS, tpr=config.verifier[0], fpr=config.verifier[1])
    measured = np.unique(np.append(np.rint(np.geomspace(1, num_updates, NUM_MEASURED)), [0, EARLY]).astype(int))
    rounds = -(-measured[measured <= (stop or num_updates)] // config.num_updates)
    rounds = np.append(rounds, np.repeat(rounds[-1], len(measured) - len(rounds)))  # as many for all: one program
    counts = np.where(np.arange(num_updates) < rounds[-1], config.num_updates, 0)
    options = {"num_rounds": num_updates, "optimizer": config.optimizer}
    parts = []
    for keys in np.split(np.asarray(jax.random.key_data(jax.random.split(key, num_seeds))), -(-num_seeds // BATCH)):
        starts = started(keys, num_forms, num_domains)
        how = config.learning_rate, config.fixed_reference
        found = _trained(starts, config.method, signal, *how, counts, rounds, **options)
        parts.append([np.asarray(leaf) for leaf in found])
    passed, diversity, kl, nats = (np.concatenate(leaves) for leaves in zip(*parts, strict=True))
    if isinstance(config.method, SFT):
        spent = reference_nats(num_updates, num_forms, num_domains, fixed_reference=config.fixed_reference)
        nats = spent[rounds][None].repeat(num_seeds, 0)
    return TrainingMetrics(config.num_updates * rounds, passed, diversity, kl, nats)


def reference_nats(num_rounds: int, num_forms: int, num_domains: int, *, fixed_reference: bool) -> np.ndarray:
    """Nats of references before each round and after the last [t].

    A fixed reference costs prompts × (ln K + ln M), all in the first round. With paraphrases the class costs ln K once,
    and each of NUM_SAMPLES references per prompt and round costs ln M.
    """
    rounds, prompts = np.arange(num_rounds + 1), NUM_ITEMS * num_domains
    forms = np.minimum(rounds, 1) if fixed_reference else NUM_SAMPLES * rounds
    return prompts * (np.log(NUM_CLASSES) * np.minimum(rounds, 1) + np.log(num_forms) * forms)


def verdict_nats(
    probs: Float[Array, " prompt"], accuracy: Float[Array, " prompt"], channel: Float[Array, "correct symbol"]
) -> Float[Array, ""]:
    """I(Y;S|Q) of one verdict on an output Y of the policy, in nats, the mean over the prompts.

    The verdict depends only on whether Y is correct, so it is I(correct;S|Q), with p(correct|q) = `accuracy`; if the
    verdict never errs it is the mean entropy h(accuracy).
    """
    joint = probs[None, :] * jnp.stack([1 - accuracy, accuracy])  # [correct, prompt]
    return theory.conditional_mutual_information(joint[:, None, :] * channel[:, :, None])


def verdicts_spent(
    probs: Float[Array, " prompt"], accuracy: Float[Array, "t prompt"], signal: policies.Feedback
) -> Array:
    """Nats of verdicts before each round and after the last [t]; a prompt that is not queried costs nothing."""
    forms = signal.channel.shape[0] // NUM_CLASSES
    channel = signal.channel[jnp.array([forms, 0]), 0].astype(probs.dtype)  # on an output of another class, of the same
    each = jax.vmap(lambda p: verdict_nats(probs, p, channel))(accuracy[:-1])
    verdicts = NUM_SAMPLES * (probs > 0).sum().astype(probs.dtype)
    return verdicts * jnp.concatenate([jnp.zeros(1, probs.dtype), jnp.cumsum(each)])


class SeedSetup(NamedTuple):
    """What the methods share of a seed."""

    dataset: Dataset
    reference: Float[Array, "prompt form"]  # the form of the fixed reference, one-hot
    policy: Network
    key: Array  # of training


@partial(jax.jit, compiler_options=RUNS_ONCE)
@partial(jax.vmap, in_axes=(0, None, None))
def started(key: Array, num_forms: Any, num_domains: Any) -> SeedSetup:
    """Dataset, references and first policy of a seed, given by the data of its key.

    Only `num_domains` of NUM_DOMAINS are queried in training. Of NUM_FORMS all but the first `num_forms` start with
    probability 0, where no gradient moves them.
    """
    dataset_key, network_key, reference_key, train_key = jax.random.split(jax.random.wrap_key_data(key), 4)
    dataset = policies.dataset(
        dataset_key,
        num_classes=NUM_CLASSES,
        num_forms=NUM_FORMS,
        num_items=(NUM_ITEMS, NUM_ITEMS),
        num_domains=(NUM_DOMAINS, NUM_UNSEEN),
        num_bits=NUM_BITS,
    )
    there = (jnp.arange(NUM_FORMS) < num_forms)[None, :]

    def restricted(prompts: Prompts) -> Prompts:
        queried = (jnp.arange(prompts.probs.size) % NUM_DOMAINS < num_domains).astype(prompts.probs.dtype)
        probs = there.astype(prompts.form_probs.dtype)
        form_probs = jnp.broadcast_to(probs / probs.sum(), prompts.form_probs.shape)
        return prompts._replace(probs=queried / queried.sum(), form_probs=form_probs)

    dataset = dataset._replace(train=restricted(dataset.train), held_out=restricted(dataset.held_out))
    *hidden, head = network(network_key, 2 * NUM_BITS, NUM_CLASSES, NUM_FORMS).layers
    policy = Network((*hidden, head._replace(bias=jnp.where(there, head.bias, ABSENT))))
    return SeedSetup(dataset, dataset.train.fixed_reference(reference_key).form_probs, policy, train_key)


def _recorded(policy: Network, prompts: Prompts) -> tuple[Array, Network]:
    """The cost of verdicts needs the accuracy of each round; all else is measured on some policies."""
    return prompt_accuracy(policy, prompts), policy


def prompt_accuracy(policy: Network, prompts: Prompts) -> Float[Array, " prompt"]:
    """The probability of the correct class; a sum of float32 may exceed 1."""
    classes = jax.nn.softmax(policy(prompts.features), axis=(1, 2)).sum(2)
    return jnp.clip(jnp.take_along_axis(classes, prompts.correct[:, None], 1)[:, 0], 0, 1)


def metrics(policy: Network, dataset: Dataset, start: Network) -> tuple[Array, Array, Array]:
    """pass@k [evaluated, k]; H(form | correct class); KL to the start."""
    probs, features = dataset.train.probs, dataset.train.features
    of_correct = jnp.take_along_axis(policy(features), dataset.train.correct[:, None, None], 1)[:, 0]
    diversity = probs @ jax.vmap(theory.entropy)(jax.nn.softmax(of_correct, axis=1))
    kl = jax.vmap(theory.kl_divergence)(*(jnp.exp(log_probs(each, features)) for each in (policy, start)))
    passed = [of.probs @ pass_at(jnp.asarray(TRIES), prompt_accuracy(policy, of)[:, None]) for of in dataset]
    return jnp.stack(passed), diversity, probs @ kl


@partial(jax.jit, static_argnames=("num_rounds", "optimizer"), compiler_options=RUNS_BRIEFLY)
def _trained(starts, method, signal, learning_rate, fixed_reference, counts, measured, *, num_rounds, optimizer):
    """The metrics of all seeds [seed, t, …] before round measured[t]."""

    def one(start: SeedSetup):
        dataset = start.dataset
        form_probs = jnp.where(fixed_reference, start.reference, dataset.train.form_probs)
        prompts = dataset.train._replace(form_probs=form_probs)
        accuracy, policies = train(
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
            measure=_recorded,
        ).measured
        policies = jax.tree.map(lambda leaf: leaf[measured], policies)
        passed, diversity, kl = jax.vmap(lambda policy: metrics(policy, dataset, start.policy))(policies)
        return passed, diversity, kl, verdicts_spent(prompts.probs, accuracy, signal)[measured]

    return jax.vmap(one)(starts)
