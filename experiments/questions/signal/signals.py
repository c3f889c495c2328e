"""What a signal says of the task and of the surface form, how fast it identifies the class, and how it trains.

Any `sandbox.policies.Feedback` will do: one of `SIGNALS`, or a user's own.
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
from experiments.harness.study import generator, study
from experiments.questions.signal import identify
from sandbox import policies, validation
from sandbox.policies import RLVR, Feedback, Table, train
from theory import supervision

NUM_CLASSES, NUM_FORMS, NUM_STYLES = 8, 8, 4  # 2 wordings of a class, 4 styles of each
RATES = (0.9, 0.2)
NUM_JUDGED = 8  # proposals a prompt and round of a training
NUM_SEEDS = 32
LEARNING_RATE = 8.0


NAMES = ("verdict", "noisy verdict", "rubric", "rubric + style", "preference", "reference", "reference + style")


def signals() -> dict[str, Feedback]:
    """The signals on one table of 8 classes × 8 forms."""
    size = (NUM_CLASSES, NUM_FORMS)
    found = (
        policies.verdict(*size),
        policies.verdict(*size, tpr=RATES[0], fpr=RATES[1]),
        policies.rubric(*size),
        policies.rubric(*size, style=True),
        policies.preference(*size),
        policies.reference(*size, num_styles=NUM_STYLES),
        policies.reference(*size),
    )
    return dict(zip(NAMES, found, strict=True))


class Description(NamedTuple):
    """What a signal says, in nats, and how many queries it takes to know the class."""

    decomposition: supervision.Decomposition  # of I(Y;S|Q), the mean over the proposals
    best: float  # I([Y];S|q) of the best proposal q: a query that is chosen, not drawn
    queries: identify.Queries


class Curve(NamedTuple):
    """The share right of a policy that is trained on the signal alone."""

    queries: np.ndarray  # [t], a prompt: proposals that were judged, or references that were shown
    correct: theory.Estimate  # [t], over seeds
    method: str


class Study(NamedTuple):
    """A signal, described and trained on."""

    description: Description
    curve: Curve

    def __str__(self) -> str:
        """Four lines."""
        (total, task, within, efficiency), best, queries = self.description
        correct = np.asarray(self.curve.correct.mean)
        reached = np.flatnonzero(correct >= 0.9)
        low, high = (float(x[-1]) for x in self.curve.correct.interval())
        when = f"90 % after {self.curve.queries[reached[0]]:g}" if reached.size else "90 % not reached"
        return "\n".join(
            [
                f"a query says {total:.3f} nats: {task:.3f} of the class, {within:.3f} of the form; "
                f"efficiency {efficiency:.2f}",
                f"the best query says {best:.3f} nats of the class",
                f"queries to identify the class: {queries}",
                f"{self.curve.method}: {correct[0]:.0%} right -> {correct[-1]:.0%} ({low:.0%} to {high:.0%}) in "
                f"{self.curve.queries[-1]:g} queries a prompt; {when}",
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
    """Splits what a signal says of the output into class and form: joint p(y) p(q) p(s|q,y), y = class · M + form.

    Args:
        signal: p(symbol | proposal, target) and the values of the symbols.
        num_forms: M, the forms of a class.
        prior: The law of the target [target]; None: uniform.
        proposals: The law of the proposal [proposal]; None: uniform.
        rng: The randomness of noisy answers, which are simulated; None: that of seed 0.

    Returns:
        I(Y;S|Q) and its two parts, in nats a query; that of the best query; queries until the class is known.

    Raises:
        ValueError: The signal is malformed, its targets are not classes × M forms, or a law does not fit.
    """
    blocks = _blocks(signal, num_forms)
    asked, targets, _ = signal.channel.shape
    p, probs = _law("prior", prior, targets), _law("proposals", proposals, asked)
    told = identify.merged(p, np.asarray(signal.channel, p.dtype), blocks, probs)
    parts, best = _told(told.prior, told.channel, told.proposals, tuple(told.blocks.tolist()))
    queries = identify.queries(told, rng or np.random.default_rng(0))
    return Description(supervision.Decomposition(*map(jnp.asarray, parts)), float(best), queries)


@partial(jax.jit, static_argnums=3, compiler_options=RUNS_ONCE)
def _told(prior: Array, channel: Array, proposals: Array, blocks: tuple[int, ...]) -> tuple[Any, Array]:
    """The parts of I(Y;S|Q), and I([Y];S|q) of the best query."""
    joint = prior[:, None, None] * jnp.moveaxis(channel, 0, 2) * proposals[None, None, :]
    best = supervision.query_information(prior, channel, blocks).max()
    return supervision.decompose(joint / joint.sum(), blocks), best


def _blocks(signal: Feedback, num_forms: int) -> np.ndarray:
    """The class of each target."""
    signal.check()
    validation.at_least("num_forms", num_forms, 1)
    targets = signal.channel.shape[1]
    if targets % num_forms or targets == num_forms:
        raise ValueError(
            f"num_forms: a divisor of the {targets} targets that leaves 2 classes or more is accepted, got {num_forms}"
        )
    return np.arange(targets) // num_forms


def _law(name: str, probs: Any | None, size: int) -> np.ndarray:
    """Uniform where none is given."""
    p = np.full(size, 1 / size) if probs is None else np.asarray(probs, float)
    if p.shape != (size,):
        raise ValueError(f"{name}: {size} probabilities are accepted, got shape {p.shape}")
    validation.distribution(name, jnp.asarray(p))
    return p / p.sum()


class Imitation(NamedTuple):
    """Raises the likelihood of what was shown, ln Σ_y π(y) p(s|y): SFT where the shown symbol is the output itself."""

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
    """The share right of a table, one prompt for each class, that is trained on this signal alone.

    A signal with a value for each proposal is climbed by policy gradient (RLVR), 8 proposals a prompt and round. One
    that answers no proposal (its channel has one) is imitated, one symbol a prompt and round.

    Args:
        signal: The signal; a preference against an opponent: `signal.against(law)`.
        num_forms: M, the forms of a class.
        prior: The law of the target [target], which sets the forms of references; None: uniform.
        num_queries: Proposals judged, or references shown, in all, a prompt.
        num_seeds: Independent trainings, at least 2.
        learning_rate: Of plain steps.
        key: The randomness; None: that of seed 0.

    Returns:
        Queries, the share right with its error, and the method.

    Raises:
        ValueError: The signal is malformed, judges something else than single outputs, or tells no proposal from
            another by its value; a number is out of range.
    """
    _blocks(signal, num_forms)
    proposals, targets, _ = signal.channel.shape
    if proposals not in (1, targets):
        hint = "; a preference is trained on against a law of opponents: signal.against(law)"
        raise ValueError(
            f"Feedback.channel: {targets} proposals, or 1 that is imitated, are accepted for training on {targets} "
            f"targets, got {proposals}{hint if proposals == targets**2 else ''}"
        )
    if proposals == targets and np.ptp(np.asarray(signal.value)) == 0:
        raise ValueError(f"Feedback.value: symbols of different values are accepted for training, got {signal.value}")
    validation.at_least("num_seeds", num_seeds, 2)
    validation.nonnegative("learning_rate", learning_rate)
    validation.at_least("num_queries", num_queries, NUM_JUDGED)
    keys = jax.random.split(jax.random.key(0) if key is None else key, num_seeds)
    p = _law("prior", prior, targets).reshape(-1, num_forms)
    mass = p.sum(1, keepdims=True)
    wording = np.where(mass > 0, p / np.where(mass > 0, mass, 1), 1 / num_forms)
    judged = proposals > 1
    count = NUM_JUDGED if judged else 1
    shown = None if judged else jnp.asarray(signal.channel[0])
    channel = jnp.broadcast_to(jnp.asarray(signal.channel), (targets, *signal.channel.shape[1:]))
    path = _paths(keys, signal._replace(channel=channel), shown, jnp.asarray(wording), learning_rate, num_queries)
    estimate = theory.estimate(np.asarray(path))
    queries = count * np.arange(estimate.mean.shape[0])
    return Curve(queries, estimate, "policy gradient" if judged else "imitation")


@partial(jax.jit, static_argnums=5, compiler_options=RUNS_BRIEFLY)
def _paths(
    keys: Array, signal: Feedback, shown: Array | None, wording: Array, learning_rate: Any, num_queries: int
) -> Float[Array, "seed t"]:
    """The share right of each seed before each round and after the last."""
    num_classes, num_forms = wording.shape
    prompts = policies.table_prompts(num_classes, num_classes, num_forms)._replace(wording=wording)
    start = Table(jnp.zeros((num_classes, num_classes, num_forms)))
    count = 1 if shown is not None else NUM_JUDGED
    method = RLVR() if shown is None else Imitation(shown)
    options: dict[str, Any] = {"num_rounds": num_queries // count, "num_samples": count}
    options |= {"learning_rate": learning_rate * num_classes}  # a prompt of a table learns alone

    return jax.vmap(lambda key: train(key, start, prompts, signal, method, **options).measured)(keys)


def signal_study(
    signal: Feedback, *, num_forms: int, prior: Any | None = None, num_queries: int = 400, num_seeds: int = NUM_SEEDS
) -> Study:
    """Describes a signal and trains on it: what it says, how many queries identify the class, how fast one learns.

    Args:
        signal: One of `sandbox.feedback`, or your own `Feedback(channel, value)`.
        num_forms: M, the forms of a class; outputs are numbered class · M + form.
        prior: The law of the target [target]; None: uniform.
        num_queries: Of the training, a prompt.
        num_seeds: Of the training.

    Returns:
        Both; printed, it is a summary.

    Raises:
        ValueError: As `describe` and `training_curve`.
    """
    curve = training_curve(signal, num_forms, prior, num_queries=num_queries, num_seeds=num_seeds)
    return Study(describe(signal, num_forms, prior), curve)


@study("supervision/signals")
def described(key: Array, name: str) -> Description:
    """One of the signals."""
    return describe(_signals()[name], NUM_FORMS, rng=generator(key))


_signals = jax.jit(signals)  # one compilation
