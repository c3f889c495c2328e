"""Training a policy in rounds on what a signal returns, by the gradient of a method's loss, exact or sampled."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import Array
from jaxtyping import Float, Int

from sandbox import inputs, validation
from sandbox.policies.feedback import Feedback, Score
from sandbox.policies.losses import GRPO, RLVR, SFT, Method, NaturalGradient, Number
from sandbox.policies.networks import Policy, checked_logits, ready_policy
from sandbox.policies.prompts import Prompts
from sandbox.policies.rounds import Job, State, round_steps

SGD = optax.identity()
ADAM = optax.scale_by_adam()


class Trained(NamedTuple):
    """The policy after training, and the value of `measure` before each round and after the last."""

    policy: Any
    measured: Any  # leaves [t, …], t = 0 … num_rounds


Measure = Callable[[Any, Any], Any]  # (policy, held_out) -> what is recorded


def accuracy(policy: Policy, prompts: Prompts) -> Float[Array, ""]:
    """The probability that an output is correct: Σ_q probs(q) Σ_form π(correct class, form | q)."""
    prompts = _prompts("prompts", prompts)
    logits = checked_logits(policy, prompts.features)
    prompts.check_classes(logits.shape[1])
    if prompts.correct.size != len(logits):
        raise validation.refuse("prompts", f"{prompts.correct.size} prompts", f"{len(logits)}, as the policy has")
    p = jax.nn.softmax(logits, axis=(1, 2)).sum(2)
    return (prompts.probs.astype(p.dtype) * jnp.take_along_axis(p, prompts.correct[:, None], axis=1)[:, 0]).sum()


def train(
    key: Array,
    policy: Any,
    prompts: Prompts,
    feedback: Feedback | Score | None,
    method: Any,
    *,
    num_rounds: int,
    num_updates: int | np.ndarray | Int[Array, " round"] = 1,
    num_samples: int | None = None,
    batches: np.ndarray | Int[Array, "round row"] | None = None,
    learning_rate: Number = 1.0,
    optimizer: optax.GradientTransformation = SGD,
    measure: Measure = accuracy,
    held_out: Any = None,
) -> Trained:
    """Trains a policy in rounds: in each, outputs are drawn from it and judged, then it is updated on them.

    Args:
        key: The randomness: that of round t comes from `fold_in(key, t)`.
        policy: The start: a `Table`, a `Network`, or another `Policy`.
        prompts: The training set; a prompt of probability 0 is not learned from.
        feedback: The signal; SFT does without, as it looks at the prompts' references alone.
        method: `SFT()`, `RFT()`, `RLVR()`, `GRPO()`, `NaturalGradient()`, or another `Method`.
        num_rounds: How often outputs are drawn.
        num_updates: Updates on the outputs of a round; RFT and a clip want more than one. An array has one
            number a round, 0 or more, and may be traced; rounds after the last with an update cost nothing.
        num_samples: Outputs (SFT: references) drawn for each prompt and round; None: exact gradients, by enumeration.
        batches: The prompts of each round, by their rows in `prompts`, which may come twice, with their probabilities
            renormalised: minibatches, epochs, a curriculum. None: all prompts in each round. Not for a `Table`, whose
            logits do not come from features.
        learning_rate: Multiplies each update, so that it may be traced.
        optimizer: `SGD`, `ADAM`, or another of optax without a learning rate, one object for all calls: a new one
            recompiles.
        measure: What is recorded, a function of the policy and of `held_out`; one object for all calls, too.
        held_out: The second argument of `measure`, such as held-out prompts; None: the training set.
    """
    job = _checked(
        Job(key, policy, prompts, feedback, method, learning_rate, held_out), num_samples, optimizer, measure
    )
    validation.at_least("num_rounds", num_rounds, 1)
    job = job._replace(batches=_batches(batches, job, num_rounds))
    recorded = _measured(measure, job.policy, job.held_out)
    validation.table("num_rounds", num_rounds * sum(leaf.size for leaf in recorded))
    counts = None
    if not isinstance(num_updates, int | np.integer):
        validation.integers("num_updates", num_updates, 0, (num_rounds,))
        num_updates, counts = 1, validation.array(num_updates, int)
    validation.at_least("num_updates", num_updates, 1)  # pyright: ignore[reportArgumentType]
    sizes = {"num_rounds": num_rounds, "num_updates": num_updates, "num_samples": num_samples}
    trained = _train(job, counts, optimizer=optimizer, measure=measure, **sizes)
    if not all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(trained.policy) if validation.concrete(leaf)):
        accepted = "a start, a method and a learning rate with which it stays finite"
        raise validation.refuse("policy", "one that training makes infinite or NaN", accepted)
    for leaf in jax.tree.leaves(trained.measured):
        validation.no_nan("measure", leaf)
    return trained


def rounds_to(
    key: Array,
    policy: Any,
    prompts: Prompts,
    feedback: Feedback | Score | None,
    method: Any,
    *,
    goal: Number,
    num_rounds: int | np.ndarray | Int[Array, ""],
    num_samples: int | None = None,
    learning_rate: Number = 1.0,
    optimizer: optax.GradientTransformation = SGD,
    measure: Measure = accuracy,
    held_out: Any = None,
) -> Int[Array, ""]:
    """The rounds of `train`, one update each, until `measure`, a number, is first at least `goal`; no more are run.

    All else is as in `train`, but `num_rounds`, the most there may be, can be traced. The result is 0 … num_rounds, or
    num_rounds + 1 where the goal is not reached.
    """
    job = _checked(
        Job(key, policy, prompts, feedback, method, learning_rate, held_out), num_samples, optimizer, measure
    )
    validation.integers("num_rounds", num_rounds, 1, ())
    validation.scalar("goal", goal)
    recorded = _measured(measure, job.policy, job.held_out)
    if len(recorded) != 1 or recorded[0].shape != () or not jnp.issubdtype(recorded[0].dtype, jnp.floating):
        raise validation.refuse("measure", f"a function to {validation.shown(recorded)}", "one to a single number")
    rounds, last = _rounds_to(job, goal, num_rounds, num_samples=num_samples, optimizer=optimizer, measure=measure)
    validation.no_nan("measure", last)
    return rounds


def _measured(measure: Any, policy: Any, held_out: Any) -> list[jax.ShapeDtypeStruct]:
    """What is recorded, which must be arrays of real numbers, or nothing."""
    validation.function("measure", measure)
    try:
        found = jax.tree.leaves(jax.eval_shape(measure, policy, held_out))
    except TypeError as error:
        raise validation.refuse("measure", validation.shown(error), "a function to an array") from error
    if any(jnp.issubdtype(leaf.dtype, jnp.complexfloating) for leaf in found):
        raise validation.refuse("measure", f"a function to {validation.shown(found)}", "one to an array of numbers")
    return found


def _checked(job: Any, num_samples: Any, optimizer: Any, measure: Measure) -> Job:
    """The job with the feedback that the method uses, and with the training set where nothing is held out."""
    key, policy, prompts, feedback, method, learning_rate, held_out, _ = job
    validation.key("key", key)
    prompts = _prompts("prompts", prompts)
    if isinstance(method, type) or not isinstance(method, Method):
        raise validation.refuse("method", repr(method), "one with a `loss`, as RLVR()")
    if not isinstance(feedback, Feedback | Score | None):
        raise validation.refuse("feedback", validation.shown(feedback), "a Feedback or a Score")
    if not isinstance(optimizer, optax.GradientTransformation):
        raise validation.refuse("optimizer", repr(optimizer), "one of optax, as optax.scale_by_adam()")
    policy, method = ready_policy(policy), inputs.ready("method", method)
    if not jax.tree.leaves(policy):
        raise validation.refuse("policy", "a function without parameters", "a pytree of arrays, to be trained")
    feedback = inputs.ready("feedback", feedback)
    validation.leaves("method", method)
    if isinstance(method, SFT):
        feedback = None
    elif feedback is None:
        raise validation.refuse("feedback", None, f"a Feedback with {type(method).__name__}")
    if isinstance(method, NaturalGradient) and not hasattr(policy, "natural"):
        accepted = "one with a method `natural`, with NaturalGradient"
        raise validation.refuse("policy", type(policy).__name__, accepted)
    num_outputs = _check_sizes(policy, prompts, feedback)
    validation.scalar("learning_rate", learning_rate)
    validation.nonnegative("learning_rate", learning_rate)
    if num_samples is not None:
        compares = any(isinstance(one, RLVR | GRPO | NaturalGradient) for one in getattr(method, "methods", [method]))
        validation.at_least("num_samples", num_samples, 2 if compares else 1)
        validation.table("num_samples", num_samples * prompts.probs.size * num_outputs)
    held_out = prompts if held_out is None else held_out
    if isinstance(held_out, Prompts):
        held_out = _prompts("held_out", held_out)
        _check_sizes(policy, held_out, None)
    elif measure is accuracy:
        raise validation.refuse("held_out", type(held_out).__name__, "Prompts, for `accuracy`")
    return Job(key, policy, prompts, feedback, method, learning_rate, held_out)


@partial(jax.jit, static_argnames=("num_rounds", "num_updates", "num_samples", "optimizer", "measure"))
def _train(job: Job, counts, *, num_rounds, num_updates, num_samples, optimizer, measure) -> Trained:
    policy, held_out = job.policy, job.held_out
    draw, update = round_steps(job, num_samples, optimizer)

    def one_round(state: State, t: Array) -> tuple[State, Any]:
        measured = measure(state[0], held_out)
        batch = draw(state[0], t)
        if counts is None and num_updates == 1:  # which XLA fuses better than a loop of one
            return update(batch, state), measured
        times = num_updates if counts is None else counts[t]
        return jax.lax.fori_loop(0, times, lambda _, state: update(batch, state), state), measured

    start = policy, optimizer.init(policy)
    if counts is None:
        (policy, _), path = jax.lax.scan(one_round, start, jnp.arange(num_rounds))
        end = jax.tree.map(jnp.asarray, measure(policy, held_out))
        return Trained(policy, jax.tree.map(lambda a, b: jnp.concatenate([a, b[None]]), path, end))

    def recorded(t: Array, so_far: tuple[State, Any]) -> tuple[State, Any]:
        state, now = one_round(so_far[0], t)
        return state, jax.tree.map(lambda rows, row: rows.at[t].set(row), so_far[1], now)

    done = jnp.max(jnp.where(counts > 0, jnp.arange(num_rounds) + 1, 0))  # in later rounds nothing happens
    room = jax.tree.map(lambda row: jnp.zeros((num_rounds + 1, *row.shape), row.dtype), measure(policy, held_out))
    (policy, _), path = jax.lax.fori_loop(0, done, recorded, (start, room))
    passed = jnp.arange(num_rounds + 1) < done

    def filled(rows: Array, last: Array) -> Array:
        return jnp.where(passed.reshape(-1, *[1] * last.ndim), rows, last[None])

    return Trained(policy, jax.tree.map(filled, path, measure(policy, held_out)))


@partial(jax.jit, static_argnames=("num_samples", "optimizer", "measure"))
def _rounds_to(job: Job, goal, num_rounds, *, num_samples, optimizer, measure) -> tuple[Int[Array, ""], Array]:
    """The rounds and the last value; a policy is measured in the round that trains it, as both need its logits."""
    policy, held_out = job.policy, job.held_out
    draw, update = round_steps(job, num_samples, optimizer)

    def goes_on(now: tuple[State, Array, Array]) -> Array:
        _, t, value = now
        return (t <= num_rounds) & ~(value >= goal)

    def one_round(now: tuple[State, Array, Array]) -> tuple[State, Array, Array]:
        state, t, _ = now
        return update(draw(state[0], t), state), t + 1, measure(state[0], held_out)

    none = jnp.full_like(jax.eval_shape(measure, policy, held_out), jnp.nan)  # reaches no goal
    start = (policy, optimizer.init(policy)), jnp.zeros((), int), none
    _, t, value = jax.lax.while_loop(goes_on, one_round, start)
    return jnp.where(value >= goal, t - 1, t), value


def _batches(batches: Any, job: Job, num_rounds: int) -> Array | None:
    """The rows of each round, for a policy that looks at the features of a row alone."""
    if batches is None:
        return None
    validation.integers("batches", batches, 0)
    shape, most = np.shape(batches), job.prompts.probs.size
    if len(shape) != 2 or shape[0] != num_rounds or not shape[1]:
        raise validation.refuse("batches", f"shape {shape}", f"one row of prompts a round, shape ({num_rounds}, …)")
    if validation.concrete(batches) and np.max(batches) >= most:
        raise validation.refuse("batches", np.max(batches), f"rows of the {most} prompts, 0 … {most - 1}")
    if len(jax.eval_shape(job.policy, job.prompts.features[:1])) != 1:
        raise validation.refuse(
            "policy", type(job.policy).__name__, "one whose logits come from features, with batches"
        )
    return validation.array(batches, int)


def _prompts(name: str, prompts: Any) -> Prompts:
    if not isinstance(prompts, Prompts):
        raise validation.refuse(name, type(prompts).__name__, "Prompts, as `dataset(...).train`")
    return inputs.ready(name, prompts)


def _check_sizes(policy: Any, prompts: Prompts, feedback: Feedback | Score | None) -> int:
    """How many outputs a prompt has; raises ValueError where policy, prompts and feedback do not agree on it."""
    logits = jax.eval_shape(checked_logits, policy, prompts.features)
    num_prompts, num_classes, num_forms = logits.shape
    if prompts.form_probs.shape != (num_prompts, num_forms):
        accepted = f"{num_prompts} prompts with {num_forms} forms, as the policy has"
        raise validation.refuse("Prompts.form_probs", f"shape {prompts.form_probs.shape}", accepted)
    prompts.check_classes(num_classes)
    if feedback is not None:
        outputs = jax.eval_shape(lambda f, q: f.symbol_probs(q), feedback, prompts).shape[1]
        if outputs != num_classes * num_forms:
            accepted = f"one on {num_classes} classes x {num_forms} forms, as the policy has"
            raise validation.refuse("feedback", f"one on {outputs} outputs", accepted)
    return num_classes * num_forms
