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
from sandbox.environments import Prompts
from sandbox.feedback import Feedback, Score
from sandbox.methods import RFT as RFT
from sandbox.methods import RLVR as RLVR
from sandbox.methods import SFT as SFT
from sandbox.methods import Batch as Batch
from sandbox.methods import LogLaw, Number
from sandbox.methods import Method as Method
from sandbox.methods import Natural as Natural
from sandbox.models.policy import Policy, log_law

SGD = optax.identity()
ADAM = optax.scale_by_adam()


class Trained(NamedTuple):
    """The policy in the end, and what `measure` saw before each round and after the last."""

    policy: Any
    measured: Any  # leaves [t, …], t = 0 … num_rounds


Measure = Callable[[Any, Any], Any]  # (policy, exam) -> what is recorded


def share_right(policy: Policy, prompts: Prompts) -> Float[Array, ""]:
    """The probability that an output is right: Σ_q law(q) Σ_form π(right class, form | q).

    Args:
        policy: What answers.
        prompts: What is asked.

    Returns:
        The probability.
    """
    p = jax.nn.softmax(policy(prompts.features), axis=(1, 2)).sum(2)
    return (prompts.law.astype(p.dtype) * jnp.take_along_axis(p, prompts.right[:, None], axis=1)[:, 0]).sum()


def train(
    key: Array,
    policy: Any,
    prompts: Prompts,
    feedback: Feedback | Score | None,
    method: Any,
    *,
    num_rounds: int,
    num_updates: int = 1,
    num_samples: int | None = None,
    learning_rate: Number = 1.0,
    optimizer: optax.GradientTransformation = SGD,
    measure: Measure = share_right,
    exam: Any = None,
) -> Trained:
    """Trains a policy in rounds: outputs are drawn from it and judged, then it is updated on them.

    Args:
        key: The randomness: that of round t comes from `fold_in(key, t)`.
        policy: The start: a `Table`, a `Network`, or another `Policy`.
        prompts: What is asked; a prompt of law 0 is not learned from.
        feedback: The signal; SFT does without, as it looks at the prompts' references alone.
        method: `SFT()`, `RFT()`, `RLVR()`, `Natural()`, or another `Method`.
        num_rounds: How often outputs are drawn.
        num_updates: Updates on the outputs of a round; RFT and a clipped RLVR want more than one.
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
    if isinstance(method, Natural) and not hasattr(policy, "natural"):
        raise ValueError(f"policy: one with a method `natural` is accepted with Natural, got {type(policy).__name__}")
    _check_sizes(policy, prompts, feedback)
    validation.at_least("num_rounds", num_rounds, 1)
    validation.at_least("num_updates", num_updates, 1)
    validation.nonnegative("learning_rate", learning_rate)
    if num_samples is not None:
        validation.at_least("num_samples", num_samples, 2 if isinstance(method, RLVR | Natural) else 1)
    exam = prompts if exam is None else exam
    if isinstance(exam, Prompts):
        exam.check()
        _check_sizes(policy, exam, None)
    sizes = {"num_rounds": num_rounds, "num_updates": num_updates, "num_samples": num_samples}
    return _train(
        key, policy, prompts, feedback, method, learning_rate, exam, optimizer=optimizer, measure=measure, **sizes
    )


@partial(jax.jit, static_argnames=("num_rounds", "num_updates", "num_samples", "optimizer", "measure"))
def _train(
    key,
    policy,
    prompts,
    feedback,
    method,
    learning_rate,
    exam,
    *,
    num_rounds,
    num_updates,
    num_samples,
    optimizer,
    measure,
) -> Trained:
    start = log_law(policy, prompts.features)
    prompts = prompts._replace(law=prompts.law.astype(start.dtype), wording=prompts.wording.astype(start.dtype))
    symbols = jnp.ones((*start.shape, 1), start.dtype) if feedback is None else feedback.given(prompts)
    value = jnp.zeros(1, start.dtype) if feedback is None else feedback.value.astype(start.dtype)

    def update(batch: Batch, state: tuple[Any, Any]) -> tuple[Any, Any]:
        policy, moments = state
        gradient = jax.grad(lambda policy: method.loss(log_law(policy, prompts.features), batch))(policy)
        if isinstance(method, Natural):
            gradient = policy.natural(prompts.features, prompts.law, gradient)
        with jax.numpy_dtype_promotion("standard"):  # optax mixes its own float32 numbers in
            step, moments = optimizer.update(gradient, moments, policy)
        rate = jnp.asarray(learning_rate, start.dtype)
        return jax.tree.map(lambda x, d: x - (rate * d).astype(x.dtype), policy, step), moments

    def one_round(state: tuple[Any, Any], t: Array) -> tuple[tuple[Any, Any], Any]:
        seen = measure(state[0], exam)
        behaviour = log_law(state[0], prompts.features)
        mass, references, group = _drawn(jax.random.fold_in(key, t), behaviour, symbols, prompts, num_samples)
        batch = Batch(mass, references, value, behaviour, start, group)
        if num_updates == 1:  # which XLA fuses better than a loop of one
            return update(batch, state), seen
        return jax.lax.fori_loop(0, num_updates, lambda _, state: update(batch, state), state), seen

    (policy, _), seen = jax.lax.scan(one_round, (policy, optimizer.init(policy)), jnp.arange(num_rounds))
    last = measure(policy, exam)
    return Trained(policy, jax.tree.map(lambda a, b: jnp.concatenate([a, b[None]]), seen, last))


def _drawn(
    key: Array,
    behaviour: LogLaw,
    symbols: Float[Array, "prompt output symbol"],
    prompts: Prompts,
    num_samples: int | None,
) -> tuple[Array, Array, Number]:
    """The mass of (prompt, output, symbol), that of the references, and the correction of the group's mean."""
    num_prompts, num_outputs, num_symbols = symbols.shape
    law = prompts.law[:, None]
    wanted = prompts.references(num_outputs // prompts.wording.shape[1])
    if num_samples is None:
        return law[:, :, None] * jnp.exp(behaviour)[:, :, None] * symbols, law * wanted, 1.0

    def draw(key: Array, laws: Float[Array, "prompt #sample choice"]) -> Int[Array, "prompt sample"]:
        u = noise.uniform(key, (num_prompts, num_samples), laws.dtype)[:, :, None]
        cumulative = jnp.cumsum(laws, 2)
        return (cumulative <= u * cumulative[:, :, -1:]).sum(2)  # for few draws a law, quicker than a search

    def shares(chosen: Int[Array, "prompt sample"], num_choices: int) -> Float[Array, "prompt choice"]:
        return jax.nn.one_hot(chosen, num_choices, dtype=behaviour.dtype).sum(1) / num_samples

    output_key, symbol_key, reference_key = (jax.random.fold_in(key, i) for i in range(3))
    output = draw(output_key, jnp.exp(behaviour)[:, None, :])
    symbol = draw(symbol_key, jnp.take_along_axis(symbols, output[:, :, None], axis=1))
    mass = shares(output * num_symbols + symbol, num_outputs * num_symbols).reshape(symbols.shape)
    references = shares(draw(reference_key, wanted[:, None, :]), num_outputs)
    group = num_samples / max(num_samples - 1, 1)
    return law[:, :, None] * mass, law * references, group


def _check_sizes(policy: Any, prompts: Prompts, feedback: Feedback | Score | None) -> None:
    """Raises ValueError unless the outputs of the policy are those of the prompts and of the feedback."""
    num_prompts, num_classes, num_forms = jax.eval_shape(lambda p, x: p(x), policy, prompts.features).shape
    if prompts.wording.shape != (num_prompts, num_forms):
        raise ValueError(
            f"Prompts.wording: {num_prompts} prompts with {num_forms} forms, as the policy has, are accepted, "
            f"got shape {prompts.wording.shape}"
        )
    if validation.concrete(prompts.right) and np.any(np.asarray(prompts.right) >= num_classes):
        raise ValueError(f"Prompts.right: classes below the policy's {num_classes} are accepted, got {prompts.right}")
    if feedback is None:
        return
    outputs = jax.eval_shape(lambda f, q: f.given(q), feedback, prompts).shape[1]
    if outputs != num_classes * num_forms:
        raise ValueError(
            f"feedback: one on {num_classes} classes x {num_forms} forms, as the policy has, is accepted, "
            f"got one on {outputs} outputs"
        )
