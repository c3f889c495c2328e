"""A reference and verdicts at equal nats and batch: 4 prompts a round, by default 10 updates on what they return."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from experiments.harness.cost import RUNS_BRIEFLY
from experiments.harness.study import generator, study
from experiments.methods.study import (
    BATCH,
    CAPPED,
    NUM_CLASSES,
    NUM_DOMAINS,
    NUM_FORMS,
    NUM_ITEMS,
    NUM_SAMPLES,
    SeedSetup,
    prompt_accuracy,
    reference_nats,
    started,
    verdicts_spent,
)
from sandbox.policies import ADAM, RLVR, SFT, Network, Weighted, train, verdict

PROMPTS, UPDATES = 4, 10  # a round
NUM_ROUNDS = 120  # at most, for both
NATS = float(reference_nats(1, NUM_FORMS, NUM_DOMAINS, fixed_reference=True)[1])  # of one reference to each prompt


RLVR_OR_SFT = (RLVR(clip=CAPPED), SFT())  # weighted, hence one program


@study("methods/small-batches", num_seeds=128, full={"num_seeds": 256})
def transferred(
    key: Array, name: str, num_updates: int = UPDATES, uses: float = np.inf, *, num_seeds: int
) -> np.ndarray:
    """The accuracy of RLVR, or SFT, on unseen domains [seed] when at most NATS have been spent, or after NUM_ROUNDS.

    Prompts come in a random order, all of them before one comes again. An output is used in the `num_updates` of its
    round. A reference costs nats once, so that SFT may use it in each round in which its prompt comes, or in `uses`.
    """
    is_rlvr, num_prompts = name == "RLVR", NUM_ITEMS * NUM_DOMAINS
    start_key, order_key = jax.random.split(key)
    rng = generator(order_key)
    orders = np.stack([rng.permutation(num_prompts) for _ in range(num_seeds)])
    rows = np.tile(orders, NUM_ROUNDS * PROMPTS // num_prompts + 1)[:, : NUM_ROUNDS * PROMPTS]
    batches = rows.reshape(-1, BATCH, NUM_ROUNDS, PROMPTS)
    keys = np.asarray(jax.random.key_data(jax.random.split(start_key, num_seeds))).reshape(len(batches), BATCH, -1)
    method, parts = Weighted(RLVR_OR_SFT, (float(is_rlvr), float(not is_rlvr))), []
    counts = np.where(np.arange(NUM_ROUNDS) < uses * num_prompts / PROMPTS, num_updates, 0)
    for some, those in zip(keys, batches, strict=True):
        found = _trained(started(some, NUM_FORMS, NUM_DOMAINS), method, those, counts)
        parts.append([np.asarray(leaf) for leaf in found])
    accuracy, spent = (np.concatenate(leaves) for leaves in zip(*parts, strict=True))
    last = (spent <= NATS).sum(1) - 1 if is_rlvr else -1  # references cost no more than NATS, however often used
    return accuracy[np.arange(num_seeds), last]


def _measured(policy: Network, dataset: Any) -> tuple[Array, Array]:
    return prompt_accuracy(policy, dataset.train), prompt_accuracy(policy, dataset.unseen).mean()


@partial(jax.jit, compiler_options=RUNS_BRIEFLY)
@partial(jax.vmap, in_axes=(0, None, 0, None))
def _trained(start: SeedSetup, method: Weighted, batches: Array, counts: Array) -> tuple[Array, Array]:
    """The accuracy on unseen domains, and the nats of verdicts spent, before each round and after the last."""
    signal = verdict(NUM_CLASSES, NUM_FORMS)
    accuracy, unseen = train(
        start.key,
        start.policy,
        start.dataset.train._replace(form_probs=start.reference),
        signal,
        method,
        num_rounds=NUM_ROUNDS,
        num_updates=counts,
        num_samples=NUM_SAMPLES,
        batches=batches,
        learning_rate=0.01,
        optimizer=ADAM,
        measure=_measured,
        held_out=start.dataset,
    ).measured
    queried = jnp.take_along_axis(accuracy[:-1], batches, axis=1)
    queried = jnp.concatenate([queried, queried[-1:]])  # after the last round nothing is queried
    return unseen, verdicts_spent(jnp.full(PROMPTS, 1 / PROMPTS, queried.dtype), queried, signal)
