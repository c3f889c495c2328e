"""Learning online, in a single pass: what a student has saved, and which of two components it relies on by then.

Three learners of one kind run beside each other, on the same labels: of the environment as it is, and of each of its
components alone. Their losses are those of each batch before it is learned from.
"""

from functools import cache, partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import Array
from jaxtyping import Float, Int

from sandbox import validation
from sandbox.components import KINDS, WIDTH, Shortcut
from sandbox.models.policy import Network, log_law, network
from sandbox.training import ADAM, SGD

LEARNERS = ("both", "intended", "spurious")
WRITTEN = np.array([[True, True], [True, False], [False, True]])
CONTEXT = 6  # features of a block by whose signs a table looks it up

Number = float | np.ndarray | Float[Array, ""]


class Student(NamedTuple):
    """A learner's architecture and optimiser: static, so each compiles once."""

    hidden: tuple[int, ...] = (64,)  # widths; () is linear
    optimizer: optax.GradientTransformation = ADAM  # without its rate and sign, as optax.scale_by_adam()
    table: bool = False  # whether it sees only the signs of a block's first six features, as one of 2^6 contexts

    def check(self) -> None:
        """Raises ValueError unless a step against the gradient goes downhill."""
        if not (step := _first_step(self.optimizer)) > 0:
            accepted = "a transformation without its rate and sign, as optax.scale_by_adam(), is accepted"
            raise ValueError(f"Student.optimizer: {accepted}, got one whose step is {step} for a gradient of 1")

    def start(self, key: Array) -> Network:
        """Its weights before training: random, or 0 where there is no hidden layer.

        Args:
            key: The randomness.

        Returns:
            A network of two classes.
        """
        policy = network(key, 2 * 2**CONTEXT if self.table else 2 * WIDTH, 2, 1, hidden=self.hidden)
        return policy if self.hidden else jax.tree.map(jnp.zeros_like, policy)

    def sees(self, features: Float[Array, "sample feature"]) -> Float[Array, "sample input"]:
        """What the student sees of a sample.

        Args:
            features: Both blocks, side by side.

        Returns:
            The features; of a table, a one in the context of each block.
        """
        if not self.table:
            return features
        signs = (features.reshape(-1, 2, WIDTH)[:, :, :CONTEXT] > 0).astype(int)
        context = (signs * 2 ** jnp.arange(CONTEXT)[None, None]).sum(2)
        return jax.nn.one_hot(context, 2**CONTEXT, dtype=features.dtype).reshape(-1, 2 * 2**CONTEXT)


@cache
def _first_step(optimizer: optax.GradientTransformation) -> float:
    """The step for a gradient of 1."""
    with jax.ensure_compile_time_eval(), jax.numpy_dtype_promotion("standard"):
        step = jax.jit(lambda one: optimizer.update(one, optimizer.init(one), one)[0])(np.float32(1))
    return float(np.asarray(step))


MLP = Student()
STUDENTS = {
    f"{name} {how}": Student(hidden, optimizer, table)
    for name, hidden, table in (("table", (), True), ("linear", (), False), ("MLP", (64,), False))
    for how, optimizer in (("SGD", SGD), ("Adam", ADAM))
}


class Training(NamedTuple):
    """How a student is trained; leaves, so that a sweep does not recompile."""

    learning_rate: Number = 0.01
    weight_decay: Number = 0.0
    num_batches: int | np.ndarray | Int[Array, ""] = 2**31 - 1  # different ones; then they come again
    switch: int | np.ndarray | Int[Array, ""] = 0  # the step at which a curriculum ends

    def check(self) -> None:
        """Raises ValueError unless every number is in its range."""
        validation.positive("Training.learning_rate", self.learning_rate)
        validation.nonnegative("Training.weight_decay", self.weight_decay)
        validation.positive("Training.num_batches", self.num_batches)
        validation.nonnegative("Training.switch", self.switch)
        for name, steps in (("num_batches", self.num_batches), ("switch", self.switch)):
            if not jnp.issubdtype(jnp.result_type(steps), jnp.integer):
                raise ValueError(f"Training.{name}: integers are accepted, got {steps}")


RATES = (jnp.float32, jnp.float32, int, int)  # the dtypes of its fields
ONCE = Training()  # each sample is seen once


class Race(NamedTuple):
    """What each of LEARNERS did at each step, on the batch that it then learned from."""

    loss: Float[Array, "*runs learner step"]  # the mean log loss, nats a sample
    right: Float[Array, "*runs learner step"]  # the share whose label was the likelier one
    reliance: Float[Array, "*runs learner step"]  # the share of counterfactual inputs answered as the spurious one says
    policy: Any  # in the end, leaves [..., learner, ...]


def race(
    key: Array,
    shortcut: Shortcut,
    student: Student = MLP,
    *,
    num_steps: int,
    batch: int = 32,
    training: Training = ONCE,
    curriculum: Shortcut | None = None,
) -> Race:
    """Runs a student of both components, one of the intended and one of the spurious component alone.

    Args:
        key: The randomness: that of step t comes from `fold_in`, so that a longer race begins as a shorter one.
        shortcut: The environment.
        student: What learns.
        num_steps: Batches.
        batch: Samples in each, and counterfactual inputs on which reliance is measured.
        training: Rates, and how often the same samples come again.
        curriculum: Another environment, of the steps before `training.switch`.

    Returns:
        Leaves [learner, ...], of LEARNERS.

    Raises:
        ValueError: A number is out of range, or there is a curriculum without a switch.
    """
    if curriculum is not None and not np.any(np.asarray(training.switch) > 0):
        raise ValueError("Training.switch: 1 or more, the step at which the curriculum ends, is accepted, got 0")
    keys, shortcuts, rates, first = _one((key[None], shortcut, training, curriculum))
    return _only(races(keys, shortcuts, student, num_steps=num_steps, batch=batch, training=rates, curriculum=first))


@jax.jit
def _one(tree: Any) -> Any:
    return jax.tree.map(lambda leaf: leaf[None], tree)


@jax.jit
def _only(tree: Any) -> Any:
    return jax.tree.map(lambda leaf: leaf[0, 0], tree)


def races(
    keys: Array,
    shortcuts: Shortcut,
    student: Student = MLP,
    *,
    num_steps: int,
    batch: int = 32,
    training: Training = ONCE,
    curriculum: Shortcut | None = None,
) -> Race:
    """`race` in many environments, and from several starts in each; one program a student and number of steps.

    Args:
        keys: [environment, seed]; `sandbox.spread(keys)` runs them on all devices.
        shortcuts: As `stack` makes them, each leaf [environment, ...].
        student: What learns.
        num_steps: Batches.
        batch: Samples in each.
        training: Numbers for all environments, or one for each.
        curriculum: Other environments, of the steps before `training.switch`.

    Returns:
        Leaves [environment, seed, learner, ...].

    Raises:
        ValueError: A number is out of range, or keys, training or curriculum are not of as many environments.
    """
    if not isinstance(student, Student):
        raise ValueError(f"student: a Student is accepted, as STUDENTS['MLP Adam'], got {student!r}")
    first = shortcuts if curriculum is None else curriculum
    for checked in (student, shortcuts, first, training):
        checked.check()
    size = np.shape(shortcuts.agreement)[0]
    if keys.ndim != 2 or keys.shape[0] != size:
        raise ValueError(f"keys: keys [environment, seed] of {size} environments are accepted, got shape {keys.shape}")
    if np.shape(first.agreement) != np.shape(shortcuts.agreement):
        shape = np.shape(first.agreement)
        raise ValueError(f"curriculum: {size} environments are accepted, got agreements of shape {shape}")
    for name, value in training._asdict().items():
        if np.shape(value) not in ((), (size,)):
            shape = np.shape(value)
            raise ValueError(f"Training.{name}: a number, or one for each of {size} are accepted, got shape {shape}")
    validation.at_least("num_steps", num_steps, 1)
    validation.at_least("batch", batch, 1)
    kinds = tuple(KINDS.values())
    rates = Training(*(validation.array(x, dtype, (size,)) for x, dtype in zip(training, RATES, strict=True)))
    late, early = (x._replace(agreement=validation.array(x.agreement, jnp.float32)) for x in (shortcuts, first))
    return _races(keys, late, early, rates, kinds=kinds, student=student, num_steps=num_steps, batch=batch)


@partial(jax.jit, static_argnames=("kinds", "student", "num_steps", "batch"))
def _races(keys, shortcuts, first, training, *, kinds, **sizes) -> Race:
    del kinds  # a program knows the kinds that there were when it was compiled
    seeds = jax.vmap(partial(_race, **sizes), (0, None, None, None))
    return jax.vmap(seeds)(keys, shortcuts, first, training)


def _race(key, shortcut, first, training: Training, *, student: Student, num_steps: int, batch: int) -> Race:
    start = student.start(jax.random.fold_in(key, 0))
    data, exam = (jax.random.fold_in(key, i) for i in (1, 2))

    def loss(policy: Network, inputs: Array, label: Array) -> tuple[Array, Array]:
        laws = log_law(policy, inputs)
        return -jnp.take_along_axis(laws, label[:, None], axis=1).mean(), laws

    def learner(written: Array) -> Race:
        def step(state: tuple[Network, Any], t: Array) -> tuple[tuple[Network, Any], tuple[Array, Array, Array]]:
            policy, moments = state
            now = jax.tree.map(lambda early, late: jnp.where(t < training.switch, early, late), first, shortcut)
            features, label = now.draw(jax.random.fold_in(data, t % training.num_batches), batch, written)
            conflict, intended = shortcut.conflicts(jax.random.fold_in(exam, t), batch)
            (nats, laws), gradient = jax.value_and_grad(loss, has_aux=True)(policy, student.sees(features), label)
            right = (laws.argmax(1) == label).mean()
            reliance = (log_law(policy, student.sees(conflict)).argmax(1) != intended).mean()
            with jax.numpy_dtype_promotion("standard"):  # optax mixes its own float32 numbers in
                update, moments = student.optimizer.update(gradient, moments, policy)
            policy = jax.tree.map(
                lambda w, d: w - training.learning_rate * (d + training.weight_decay * w), policy, update
            )
            return (policy, moments), (nats, right, reliance)

        (policy, _), seen = jax.lax.scan(step, (start, student.optimizer.init(start)), jnp.arange(num_steps))
        return Race(*seen, policy)

    return jax.vmap(learner)(jnp.asarray(WRITTEN))
