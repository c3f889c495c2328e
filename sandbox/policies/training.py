"""Training a policy in rounds on what a signal says, by the gradient of a method's loss, exact or sampled."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import Array
from jaxtyping import Float, Int

from sandbox import noise, validation
from sandbox.policies.feedback import Feedback, Score
from sandbox.policies.losses import RLVR, SFT, Batch, LogProbs, Method, NaturalGradient, Number
from sandbox.policies.networks import Policy, log_probs
from sandbox.policies.prompts import Prompts

SGD = optax.identity()
ADAM = optax.scale_by_adam()


class Trained(NamedTuple):
    """The policy in the end, and what `measure` saw before each round and after the last."""

    policy: Any
    measured: Any  # leaves [t, …], t = 0 … num_rounds


Measure = Callable[[Any, Any], Any]  # (policy, exam) -> what is recorded
State = tuple[Any, Any]  # the policy, and what its optimizer remembers


def accuracy(policy: Policy, prompts: Prompts) -> Float[Array, ""]:
    """The probability that an output is right: Σ_q law(q) Σ_form π(right class, form | q).

    Args:
        policy: What answers.
        prompts: What is asked.

    Returns:
        The probability.
    """
    p = jax.nn.softmax(policy(prompts.features), axis=(1, 2)).sum(2)
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
    learning_rate: Number = 1.0,
    optimizer: optax.GradientTransformation = SGD,
    measure: Measure = accuracy,
    exam: Any = None,
) -> Trained:
    """Trains a policy in rounds: outputs are drawn from it and judged, then it is updated on them.

    Args:
        key: The randomness: that of round t comes from `fold_in(key, t)`.
        policy: The start: a `Table`, a `Network`, or another `Policy`.
        prompts: What is asked; a prompt of law 0 is not learned from.
        feedback: The signal; SFT does without, as it looks at the prompts' references alone.
        method: `SFT()`, `RFT()`, `RLVR()`, `NaturalGradient()`, or another `Method`.
        num_rounds: How often outputs are drawn.
        num_updates: Updates on the outputs of a round; RFT and a clipped RLVR want more than one. An array has one
            number a round, 0 or more, and may be traced; rounds after the last with an update cost nothing.
        num_samples: Outputs (SFT: references) drawn for each prompt and round; None: exact gradients, by enumeration.
        learning_rate: Multiplies each update, so that it may be traced.
        optimizer: `SGD`, `ADAM`, or another of optax without a learning rate, one object for all calls: a new one
            recompiles.
        measure: Function (policy, exam) of what is recorded; one object for all calls, too.
        exam: What `measure` looks at; the prompts of training where nothing is given.

    Returns:
        The policy in the end, and what was measured before each round and after the last.

    Raises:
        ValueError: A number is out of range, a table malformed, the feedback does not judge outputs, or policy, prompts
            and feedback differ in size.
    """
    feedback, exam = _checked(policy, prompts, feedback, method, learning_rate, num_samples, exam)
    validation.at_least("num_rounds", num_rounds, 1)
    counts = None
    if np.ndim(num_updates):
        validation.integers("num_updates", num_updates, 0)
        if np.shape(num_updates) != (num_rounds,):
            shape = np.shape(num_updates)
            raise ValueError(f"num_updates: a number, or one for each of {num_rounds} are accepted, got shape {shape}")
        num_updates, counts = 1, num_updates
    validation.at_least("num_updates", num_updates, 1)  # pyright: ignore[reportArgumentType]
    sizes = {"num_rounds": num_rounds, "num_updates": num_updates, "num_samples": num_samples}
    arguments = key, policy, prompts, feedback, method, learning_rate, exam
    return _train(*arguments, counts, optimizer=optimizer, measure=measure, **sizes)


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
    exam: Any = None,
) -> Int[Array, ""]:
    """The rounds of `train`, one update each, after which `measure` is first at least `goal`; no more are computed.

    Args:
        key: As in `train`, like all that is not named here.
        policy: The start.
        prompts: What is asked.
        feedback: The signal.
        method: How the signal enters.
        goal: What `measure` is to reach.
        num_rounds: The most; it may be traced.
        num_samples: Outputs drawn for each prompt and round.
        learning_rate: Multiplies each update.
        optimizer: As in `train`.
        measure: Function (policy, exam) of the number that is compared with `goal`.
        exam: What `measure` looks at.

    Returns:
        The number, from 0 on; `num_rounds` + 1 where the goal is not reached.

    Raises:
        ValueError: As `train`.
    """
    feedback, exam = _checked(policy, prompts, feedback, method, learning_rate, num_samples, exam)
    validation.integers("num_rounds", num_rounds, 1)
    validation.finite("goal", goal)
    arguments = key, policy, prompts, feedback, method, learning_rate, exam, goal, num_rounds
    return _rounds_to(*arguments, num_samples=num_samples, optimizer=optimizer, measure=measure)


def _checked(
    policy: Any,
    prompts: Prompts,
    feedback: Feedback | Score | None,
    method: Any,
    learning_rate: Number,
    num_samples: int | None,
    exam: Any,
) -> tuple[Feedback | Score | None, Any]:
    """The feedback that the method looks at, and the exam, that of training where none is given."""
    if not isinstance(prompts, Prompts):
        raise ValueError(f"prompts: Prompts are accepted, as `world.train`, got {type(prompts).__name__}")
    if isinstance(method, type) or not isinstance(method, Method):
        raise ValueError(f"method: one with a `loss`, as RLVR(), is accepted, got {method!r}")
    for checked in (policy, prompts, feedback, method):
        getattr(checked, "check", lambda: None)()
    if isinstance(method, SFT):
        feedback = None
    elif feedback is None:
        raise ValueError(f"feedback: a Feedback is accepted with {type(method).__name__}, got None")
    if isinstance(method, NaturalGradient) and not hasattr(policy, "natural"):
        raise ValueError(f"policy: one with a method `natural` is accepted with Natural, got {type(policy).__name__}")
    _check_sizes(policy, prompts, feedback)
    validation.nonnegative("learning_rate", learning_rate)
    if num_samples is not None:
        compares = any(isinstance(one, RLVR | NaturalGradient) for one in getattr(method, "methods", [method]))
        validation.at_least("num_samples", num_samples, 2 if compares else 1)
    exam = prompts if exam is None else exam
    if isinstance(exam, Prompts):
        exam.check()
        _check_sizes(policy, exam, None)
    return feedback, exam


@partial(jax.jit, static_argnames=("num_rounds", "num_updates", "num_samples", "optimizer", "measure"))
def _train(
    key,
    policy,
    prompts,
    feedback,
    method,
    learning_rate,
    exam,
    counts,
    *,
    num_rounds,
    num_updates,
    num_samples,
    optimizer,
    measure,
) -> Trained:
    draw, update = _steps(key, policy, prompts, feedback, method, learning_rate, num_samples, optimizer)

    def one_round(state: State, t: Array) -> tuple[State, Any]:
        seen = measure(state[0], exam)
        batch = draw(state[0], t)
        if counts is None and num_updates == 1:  # which XLA fuses better than a loop of one
            return update(batch, state), seen
        times = num_updates if counts is None else counts[t]
        return jax.lax.fori_loop(0, times, lambda _, state: update(batch, state), state), seen

    start = policy, optimizer.init(policy)
    if counts is None:
        (policy, _), seen = jax.lax.scan(one_round, start, jnp.arange(num_rounds))
        return Trained(policy, jax.tree.map(lambda a, b: jnp.concatenate([a, b[None]]), seen, measure(policy, exam)))

    def recorded(t: Array, so_far: tuple[State, Any]) -> tuple[State, Any]:
        state, now = one_round(so_far[0], t)
        return state, jax.tree.map(lambda rows, row: rows.at[t].set(row), so_far[1], now)

    done = jnp.max(jnp.where(counts > 0, jnp.arange(num_rounds) + 1, 0))  # in later rounds nothing happens
    room = jax.tree.map(lambda row: jnp.zeros((num_rounds + 1, *row.shape), row.dtype), measure(policy, exam))
    (policy, _), seen = jax.lax.fori_loop(0, done, recorded, (start, room))
    passed = jnp.arange(num_rounds + 1) < done

    def filled(rows: Array, last: Array) -> Array:
        return jnp.where(passed.reshape(-1, *[1] * last.ndim), rows, last[None])

    return Trained(policy, jax.tree.map(filled, seen, measure(policy, exam)))


@partial(jax.jit, static_argnames=("num_samples", "optimizer", "measure"))
def _rounds_to(
    key, policy, prompts, feedback, method, learning_rate, exam, goal, num_rounds, *, num_samples, optimizer, measure
) -> Int[Array, ""]:
    """Looks at a policy in the round that also trains it, as both need its logits."""
    draw, update = _steps(key, policy, prompts, feedback, method, learning_rate, num_samples, optimizer)

    def goes_on(now: tuple[State, Array, Array]) -> Array:
        _, t, reached = now
        return (t <= num_rounds) & ~reached

    def one_round(now: tuple[State, Array, Array]) -> tuple[State, Array, Array]:
        state, t, _ = now
        return update(draw(state[0], t), state), t + 1, measure(state[0], exam) >= goal

    start = (policy, optimizer.init(policy)), jnp.zeros((), int), jnp.zeros((), bool)
    _, t, reached = jax.lax.while_loop(goes_on, one_round, start)
    return jnp.where(reached, t - 1, t)


def _steps(
    key: Array,
    policy: Any,
    prompts: Prompts,
    feedback: Feedback | Score | None,
    method: Any,
    learning_rate: Number,
    num_samples: int | None,
    optimizer: optax.GradientTransformation,
) -> tuple[Callable[[Any, Array], Batch], Callable[[Batch, State], State]]:
    """What a round sees of the policy that it begins with, and an update on it."""
    start = log_probs(policy, prompts.features)
    prompts = prompts._replace(probs=prompts.probs.astype(start.dtype), wording=prompts.wording.astype(start.dtype))
    symbols = jnp.ones((*start.shape, 1), start.dtype) if feedback is None else feedback.given(prompts)
    value = jnp.zeros(1, start.dtype) if feedback is None else feedback.value.astype(start.dtype)

    def draw(policy: Any, t: Array) -> Batch:
        behaviour = log_probs(policy, prompts.features)
        mass, references, group = _drawn(jax.random.fold_in(key, t), behaviour, symbols, prompts, num_samples)
        return Batch(mass, references, value, behaviour, start, group)

    def update(batch: Batch, state: State) -> State:
        policy, moments = state
        gradient = jax.grad(lambda policy: method.loss(log_probs(policy, prompts.features), batch))(policy)
        if isinstance(method, NaturalGradient):
            gradient = policy.natural(prompts.features, prompts.probs, gradient)
        with jax.numpy_dtype_promotion("standard"):  # optax mixes its own float32 numbers in
            step, moments = optimizer.update(gradient, moments, policy)
        rate = jnp.asarray(learning_rate, start.dtype)
        return jax.tree.map(lambda x, d: x - (rate * d).astype(x.dtype), policy, step), moments

    return draw, update


def _drawn(
    key: Array,
    behaviour: LogProbs,
    symbols: Float[Array, "prompt output symbol"],
    prompts: Prompts,
    num_samples: int | None,
) -> tuple[Array, Array, Number]:
    """The mass of (prompt, output, symbol), that of the references, and the correction of the group's mean."""
    num_prompts, num_outputs, num_symbols = symbols.shape
    probs = prompts.probs[:, None]
    wanted = prompts.references(num_outputs // prompts.wording.shape[1])
    if num_samples is None:
        return probs[:, :, None] * jnp.exp(behaviour)[:, :, None] * symbols, probs * wanted, 1.0

    def draw(key: Array, distributions: Float[Array, "prompt #sample choice"]) -> Int[Array, "prompt sample"]:
        u = noise.uniform(key, (num_prompts, num_samples), distributions.dtype)[:, :, None]
        cumulative = jnp.cumsum(distributions, 2)
        return (cumulative <= u * cumulative[:, :, -1:]).sum(2)  # for few draws a law, quicker than a search

    def shares(chosen: Int[Array, "prompt sample"], num_choices: int) -> Float[Array, "prompt choice"]:
        return jax.nn.one_hot(chosen, num_choices, dtype=behaviour.dtype).sum(1) / num_samples

    output_key, symbol_key, reference_key = (jax.random.fold_in(key, i) for i in range(3))
    output = draw(output_key, jnp.exp(behaviour)[:, None, :])
    symbol = draw(symbol_key, jnp.take_along_axis(symbols, output[:, :, None], axis=1))
    mass = shares(output * num_symbols + symbol, num_outputs * num_symbols).reshape(symbols.shape)
    references = shares(draw(reference_key, wanted[:, None, :]), num_outputs)
    group = num_samples / max(num_samples - 1, 1)
    return probs[:, :, None] * mass, probs * references, group


def _check_sizes(policy: Any, prompts: Prompts, feedback: Feedback | Score | None) -> None:
    """Raises ValueError unless the outputs of the policy are those of the prompts and of the feedback."""
    num_prompts, num_classes, num_forms = jax.eval_shape(lambda p, x: p(x), policy, prompts.features).shape
    if prompts.wording.shape != (num_prompts, num_forms):
        raise ValueError(
            f"Prompts.wording: {num_prompts} prompts with {num_forms} forms, as the policy has, are accepted, "
            f"got shape {prompts.wording.shape}"
        )
    if validation.concrete(prompts.correct) and np.any(np.asarray(prompts.correct) >= num_classes):
        raise ValueError(
            f"Prompts.correct: classes below the policy's {num_classes} are accepted, got {prompts.correct}"
        )
    if feedback is None:
        return
    outputs = jax.eval_shape(lambda f, q: f.given(q), feedback, prompts).shape[1]
    if outputs != num_classes * num_forms:
        raise ValueError(
            f"feedback: one on {num_classes} classes x {num_forms} forms, as the policy has, is accepted, "
            f"got one on {outputs} outputs"
        )
