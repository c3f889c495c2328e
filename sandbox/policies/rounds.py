"""One round of training: how a policy's outputs are drawn and judged, and how they update it."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jax import Array
from jaxtyping import Float, Int

from sandbox import noise
from sandbox.policies.feedback import Feedback, Score
from sandbox.policies.losses import Batch, LogProbs, NaturalGradient, Number
from sandbox.policies.networks import log_probs
from sandbox.policies.prompts import Prompts

State = tuple[Any, Any]  # the policy, and its optimizer's moments


class Job(NamedTuple):
    """What is trained, on what, and how: the arguments of `train` that may be traced."""

    key: Array
    policy: Any
    prompts: Prompts
    feedback: Feedback | Score | None
    method: Any
    learning_rate: Number
    held_out: Any
    batches: Int[Array, "round row"] | None = None  # the prompts of each round; None: all


Drawn = tuple[Prompts, Batch]


def round_steps(
    job: Job, num_samples: int | None, optimizer: optax.GradientTransformation
) -> tuple[Callable[[Any, Array], Drawn], Callable[[Drawn, State], State]]:
    """How the policy of a round makes its batch, and how the batch updates the policy."""
    key, policy, prompts, feedback, method, learning_rate, _, batches = job
    start = log_probs(policy, prompts.features)
    prompts = prompts._replace(
        probs=prompts.probs.astype(start.dtype), form_probs=prompts.form_probs.astype(start.dtype)
    )
    symbols = jnp.ones((*start.shape, 1), start.dtype) if feedback is None else feedback.symbol_probs(prompts)
    value = jnp.zeros(1, start.dtype) if feedback is None else feedback.value.astype(start.dtype)

    def draw(policy: Any, t: Array) -> Drawn:
        asked, judged, first = prompts, symbols, start
        if batches is not None:
            rows = batches[t]
            asked, judged, first = jax.tree.map(lambda leaf: leaf[rows], (prompts, symbols, start))
            total = asked.probs.sum()
            asked = asked._replace(probs=asked.probs / jnp.where(total > 0, total, 1))
        behaviour = log_probs(policy, asked.features)
        mass, references, group = _drawn(jax.random.fold_in(key, t), behaviour, judged, asked, num_samples)
        return asked, Batch(mass, references, value, behaviour, first, group)

    def update(drawn: Drawn, state: State) -> State:
        (asked, batch), (policy, moments) = drawn, state
        gradient = jax.grad(lambda policy: method.loss(log_probs(policy, asked.features), batch))(policy)
        if isinstance(method, NaturalGradient):
            gradient = policy.natural(asked.features, asked.probs, gradient)
        step, moments = optimizer_step(optimizer, gradient, moments, policy)
        rate = jnp.asarray(learning_rate, start.dtype)
        return jax.tree.map(lambda x, d: x - (rate * d).astype(x.dtype), policy, step), moments

    return draw, update


def optimizer_step(
    optimizer: optax.GradientTransformation, gradient: Any, moments: Any, parameters: Any
) -> tuple[Any, Any]:
    """The step of an optimizer, and its moments."""
    with jax.numpy_dtype_promotion("standard"):  # optax mixes its own float32 numbers in
        return optimizer.update(gradient, moments, parameters)


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
    wanted = prompts.references(num_outputs // prompts.form_probs.shape[1])
    if num_samples is None:
        return probs[:, :, None] * jnp.exp(behaviour)[:, :, None] * symbols, probs * wanted, 1.0

    def draw(key: Array, distributions: Float[Array, "prompt #sample choice"]) -> Int[Array, "prompt sample"]:
        u = noise.uniform(key, (num_prompts, num_samples), distributions.dtype)[:, :, None]
        cumulative = jnp.cumsum(distributions, 2)
        return (cumulative <= u * cumulative[:, :, -1:]).sum(
            2
        )  # quicker than a search where each distribution has few draws

    def shares(chosen: Int[Array, "prompt sample"], num_choices: int) -> Float[Array, "prompt choice"]:
        return jax.nn.one_hot(chosen, num_choices, dtype=behaviour.dtype).sum(1) / num_samples

    output_key, symbol_key, reference_key = (jax.random.fold_in(key, i) for i in range(3))
    output = draw(output_key, jnp.exp(behaviour)[:, None, :])
    symbol = draw(symbol_key, jnp.take_along_axis(symbols, output[:, :, None], axis=1))
    mass = shares(output * num_symbols + symbol, num_outputs * num_symbols).reshape(symbols.shape)
    references = shares(draw(reference_key, wanted[:, None, :]), num_outputs)
    group = num_samples / max(num_samples - 1, 1)
    return probs[:, :, None] * mass, probs * references, group
