"""What a signal carries about class and surface form, how many queries identify the class, how fast a policy learns.

Any `sandbox.policies.Feedback` will do, also a user's own.
"""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

import theory
from experiments.harness.cost import RUNS_BRIEFLY, RUNS_ONCE
from experiments.questions.signal import identify
from sandbox import inputs, policies, validation
from sandbox.policies import RLVR, Feedback, Table, train
from theory import supervision

NUM_JUDGED = 8  # proposals a prompt and round of a training
NUM_SEEDS = 32
LEARNING_RATE = 8.0
REACHED = 0.9  # the accuracy whose queries a study names


class Description(NamedTuple):
    """The information of a signal, in nats, and the queries that identify the class."""

    decomposition: supervision.Decomposition  # of I(Y;S|Q), the mean over the proposals
    best: float  # I([Y];S|q) of the best proposal q: a query that is chosen, not drawn
    queries: identify.ExpectedQueries


class Curve(NamedTuple):
    """The accuracy of a policy that is trained on the signal alone."""

    queries: np.ndarray  # [t], a prompt: proposals that were judged, or references that were shown
    accuracy: theory.Estimate  # [t], over seeds
    method: str


class SignalStudy(NamedTuple):
    """A signal, described and trained on."""

    description: Description
    curve: Curve

    def __str__(self) -> str:
        """Four lines."""
        (total, task, within, efficiency), best, queries = self.description
        accuracy = np.asarray(self.curve.accuracy.mean)
        reached = np.flatnonzero(accuracy >= REACHED)
        low, high = (float(x[-1]) for x in self.curve.accuracy.interval())
        when = f"after {self.curve.queries[reached[0]]:g}" if reached.size else "not reached"
        return "\n".join(
            [
                f"a query carries {total:.3f} nats: {task:.3f} about the class, {within:.3f} about the form; "
                f"efficiency {efficiency:.2f}",
                f"the best query carries {best:.3f} nats about the class",
                f"queries to identify the class: {queries}",
                f"{self.curve.method}: accuracy {accuracy[0]:.0%} -> {accuracy[-1]:.0%} ({low:.0%} to {high:.0%}) in "
                f"{self.curve.queries[-1]:g} queries a prompt; {REACHED:.0%} {when}",
            ]
        )


def describe(
    signal: Feedback,
    num_forms: int,
    prior: Any | None = None,
    proposals: Any | None = None,
    *,
    rng: np.random.Generator | None = None,
) -> Description:
    """I(Y;S|Q) split into class and form, of the joint p(y) p(q) p(s|q,y), y = class · M + form.

    Args:
        signal: p(symbol | proposal, target) and the values of the symbols.
        num_forms: M, the surface forms of a class.
        prior: The distribution of the target [target]; None: uniform.
        proposals: The distribution of the proposal [proposal]; None: uniform.
        rng: The randomness of noisy answers, which are simulated; None: that of seed 0.
    """
    signal, blocks = _ready(signal, num_forms)
    num_queries, targets, _ = signal.channel.shape
    p, q = _distribution("prior", prior, targets), _distribution("proposals", proposals, num_queries)
    merged = identify.merged(p, np.asarray(signal.channel, p.dtype), blocks, q)
    parts, best = _information(merged.prior, merged.channel, merged.proposals, tuple(merged.blocks.tolist()))
    queries = identify.expected_queries(merged, rng or np.random.default_rng(0))
    return Description(supervision.Decomposition(*map(jnp.asarray, parts)), float(best), queries)


@partial(jax.jit, static_argnums=3, compiler_options=RUNS_ONCE)
def _information(prior: Array, channel: Array, proposals: Array, blocks: tuple[int, ...]) -> tuple[Any, Array]:
    """The parts of I(Y;S|Q), and I([Y];S|q) of the best query."""
    joint = prior[:, None, None] * jnp.moveaxis(channel, 0, 2) * proposals[None, None, :]
    best = supervision.query_information(prior, channel, blocks).max()
    return supervision.decompose(joint / joint.sum(), blocks), best


def _ready(signal: Feedback, num_forms: int) -> tuple[Feedback, np.ndarray]:
    """The signal in the form that JAX takes, and the class of each target."""
    if not isinstance(signal, Feedback):
        raise validation.refuse("signal", type(signal).__name__, "a Feedback, as of policies.verdict(4, 8)")
    signal = inputs.ready("signal", signal)
    validation.at_least("num_forms", num_forms, 1)
    targets = signal.channel.shape[1]
    if targets % num_forms or targets == num_forms:
        accepted = f"a divisor of the {targets} targets that leaves 2 classes or more"
        raise validation.refuse("num_forms", num_forms, accepted)
    return signal, np.arange(targets) // num_forms


def _distribution(name: str, probs: Any | None, size: int) -> np.ndarray:
    """Uniform where none is given."""
    if probs is None:
        return np.full(size, 1 / size)
    validation.distribution(name, probs, (size,))
    p = np.asarray(probs, float)
    return p / p.sum()


class Imitation(NamedTuple):
    """Raises ln Σ_y π(y) p(s|y), the likelihood of the symbols shown: SFT where a symbol is the output itself."""

    shown: Float[Array, "output symbol"]  # p(symbol | output)

    def loss(self, log_probs: Any, batch: Any, /) -> Float[Array, ""]:
        """−Σ shown ln Σ_y π(y) p(s|y)."""
        likelihood = jnp.exp(log_probs) @ self.shown.astype(log_probs.dtype)
        return -(batch.mass.sum(1) * jnp.log(jnp.maximum(likelihood, jnp.finfo(likelihood.dtype).tiny))).sum()


def training_curve(
    signal: Feedback,
    num_forms: int,
    prior: Any | None = None,
    *,
    num_queries: int = 400,
    num_seeds: int = NUM_SEEDS,
    learning_rate: float = LEARNING_RATE,
    key: Array | None = None,
) -> Curve:
    """The accuracy of a table, one prompt for each class, that is trained on this signal alone.

    A signal with a value for each proposal is a reward for policy gradient (RLVR), 8 proposals a prompt and round. One
    that answers no proposal (its channel has one) is imitated, one symbol a prompt and round.

    Args:
        signal: The signal; a preference becomes one against an opponent: `signal.against(probs)`.
        num_forms: M, the surface forms of a class.
        prior: The distribution of the target [target], which sets the forms of references; None: uniform.
        num_queries: Proposals judged, or references shown, in all, a prompt.
        num_seeds: Independent trainings, at least 2.
        learning_rate: Of plain steps.
        key: The randomness; None: that of seed 0.
    """
    signal, _ = _ready(signal, num_forms)
    proposals, targets, _ = signal.channel.shape
    if proposals not in (1, targets):
        hint = "; of a preference use signal.against(probs of the opponent)" if proposals == targets**2 else ""
        accepted = f"{targets} proposals, one a target, or 1 that is imitated{hint}"
        raise validation.refuse("Feedback.channel", f"{proposals} proposals", accepted)
    if proposals == targets and np.ptp(np.asarray(signal.value)) == 0:
        raise validation.refuse("Feedback.value", signal.value, "symbols of different values, to train on")
    validation.at_least("num_seeds", num_seeds, 2)
    validation.scalar("learning_rate", learning_rate)
    validation.nonnegative("learning_rate", learning_rate)
    validation.at_least("num_queries", num_queries, NUM_JUDGED)
    validation.table("num_queries", num_queries * num_seeds)
    own_key = jax.random.key(0) if key is None else key
    validation.key("key", own_key)
    keys = jax.random.split(own_key, num_seeds)
    p = _distribution("prior", prior, targets).reshape(-1, num_forms)
    mass = p.sum(1, keepdims=True)
    form_probs = np.where(mass > 0, p / np.where(mass > 0, mass, 1), 1 / num_forms)
    judged = proposals > 1
    count = NUM_JUDGED if judged else 1
    shown = None if judged else jnp.asarray(signal.channel[0])
    channel = jnp.broadcast_to(jnp.asarray(signal.channel), (targets, *signal.channel.shape[1:]))
    path = _paths(keys, signal._replace(channel=channel), shown, jnp.asarray(form_probs), learning_rate, num_queries)
    if not np.isfinite(path).all():
        raise validation.refuse("learning_rate", learning_rate, "one with which the accuracy stays finite")
    estimate = theory.estimate(np.asarray(path))
    queries = count * np.arange(estimate.mean.shape[0])
    return Curve(queries, estimate, "policy gradient" if judged else "imitation")


@partial(jax.jit, static_argnums=5, compiler_options=RUNS_BRIEFLY)
def _paths(
    keys: Array, signal: Feedback, shown: Array | None, form_probs: Array, learning_rate: Any, num_queries: int
) -> Float[Array, "seed t"]:
    """The accuracy of each seed before each round and after the last."""
    num_classes, num_forms = form_probs.shape
    prompts = policies.table_prompts(num_classes, num_classes, num_forms)._replace(form_probs=form_probs)
    start = Table(jnp.zeros((num_classes, num_classes, num_forms)))
    count = 1 if shown is not None else NUM_JUDGED
    method = RLVR() if shown is None else Imitation(shown)
    options: dict[str, Any] = {"num_rounds": num_queries // count, "num_samples": count}
    options |= {"learning_rate": learning_rate * num_classes}  # a prompt of a table learns alone

    return jax.vmap(lambda key: train(key, start, prompts, signal, method, **options).measured)(keys)


def signal_study(
    signal: Feedback, *, num_forms: int, prior: Any | None = None, num_queries: int = 400, num_seeds: int = NUM_SEEDS
) -> SignalStudy:
    """`describe` and `training_curve` of a signal; printed, it is a summary.

    Args:
        signal: One of `sandbox.policies`, such as `verdict(4, 8)`, or your own `Feedback(channel, value)`.
        num_forms: M, the surface forms of a class; outputs are numbered class · M + form.
        prior: The distribution of the target [target]; None: uniform.
        num_queries: Of the training, a prompt.
        num_seeds: Of the training.
    """
    curve = training_curve(signal, num_forms, prior, num_queries=num_queries, num_seeds=num_seeds)
    return SignalStudy(describe(signal, num_forms, prior), curve)
