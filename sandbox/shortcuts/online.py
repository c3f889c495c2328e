"""Online learning of two competing features, in a single pass: losses, accuracy, and the feature that is relied on.

Three learners of one kind run on the same labels: one reads both features, and two single-feature learners read one
each. Their losses are those of each batch before it is learned from, so that they add up to a code length.
"""

from functools import cache, partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import Array
from jax.sharding import Mesh
from jaxtyping import Float, Int

from sandbox import devices, noise, validation
from sandbox.policies.networks import Network, log_probs, network
from sandbox.policies.rounds import optimizer_step
from sandbox.policies.training import ADAM, SGD
from sandbox.shortcuts.features import BLOCKS, KINDS, SIGNS, WIDTH, Shortcut, opposed

LEARNERS = ("both", "intended", "spurious")
WRITTEN = np.array([[True, True], [True, False], [False, True]])
RUNS, STEPS = 12, 32  # of one call of a program
CONTEXT = 6  # columns of a block by whose signs a table looks it up

Number = float | np.ndarray | Float[Array, ""]


class Student(NamedTuple):
    """A learner's architecture and optimiser: static, so each compiles once."""

    hidden: tuple[int, ...] = (64,)  # widths; () is linear
    optimizer: optax.GradientTransformation = ADAM  # without its rate and sign, as optax.scale_by_adam()
    table: bool = False  # whether it sees only the signs of a block's first six columns, as one of 2^6 contexts

    def check(self) -> None:
        """Raises ValueError unless the widths are a tuple, and a step against the gradient goes downhill."""
        if not isinstance(self.hidden, tuple):
            raise validation.refuse("Student.hidden", repr(self.hidden), "a tuple of widths")
        for i, width in enumerate(self.hidden):
            validation.at_least(f"Student.hidden[{i}]", width, 1)
        accepted = "a transformation of optax without its rate and sign, as optax.scale_by_adam()"
        validation.flag("Student.table", self.table)
        if not isinstance(self.optimizer, optax.GradientTransformation) or not all(map(callable, self.optimizer)):
            raise validation.refuse("Student.optimizer", repr(self.optimizer), accepted)
        try:
            step = _first_step(self.optimizer)
        except (TypeError, ValueError, AttributeError, LookupError) as error:
            raise validation.refuse("Student.optimizer", f"one that fails ({error})", accepted) from error
        if not step > 0:
            given = f"one whose step is {step} for a gradient of 1"
            raise validation.refuse("Student.optimizer", given, accepted)

    def start(self, key: Array) -> Network:
        """The network of two classes before training: random, or 0 where there is no hidden layer."""
        policy = network(key, 2 * 2**CONTEXT if self.table else 2 * WIDTH, 2, 1, hidden=self.hidden)
        return policy if self.hidden else jax.tree.map(jnp.zeros_like, policy)

    def inputs(self, columns: Float[Array, "sample column"]) -> Float[Array, "sample input"]:
        """The inputs of the student: the columns of both blocks; of a table, a one in the context of each block."""
        if not self.table:
            return columns
        signs = (columns.reshape(-1, 2, WIDTH)[:, :, :CONTEXT] > 0).astype(int)
        context = (signs * 2 ** jnp.arange(CONTEXT)[None, None]).sum(2)
        return jax.nn.one_hot(context, 2**CONTEXT, dtype=columns.dtype).reshape(-1, 2 * 2**CONTEXT)


@cache
def _first_step(optimizer: optax.GradientTransformation) -> float:
    """The least step for gradients of 1; NaN where it is none for each of them."""
    with jax.ensure_compile_time_eval():
        step, _ = jax.jit(lambda one: optimizer_step(optimizer, one, optimizer.init(one), one))(np.ones(2, np.float32))
    return float(np.min(step)) if np.shape(step) == (2,) else np.nan


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
        validation.positive("Training.learning_rate", self.learning_rate, kind=jnp.float32)
        validation.nonnegative("Training.weight_decay", self.weight_decay, kind=jnp.float32)
        validation.integers("Training.num_batches", self.num_batches, 1)
        validation.integers("Training.switch", self.switch, 0)


RATES = (jnp.float32, jnp.float32, int, int)  # the dtypes of its fields
ONCE = Training()  # each sample is seen once


class OnlineRecord(NamedTuple):
    """The measures of each of LEARNERS at each step, on the batch that it then learned from."""

    loss: Float[Array, "*runs learner step"]  # the mean log loss, nats a sample
    accuracy: Float[Array, "*runs learner step"]  # of the likelier label
    reliance: Float[Array, "*runs learner step"]  # the share of counterfactual inputs answered by the spurious feature
    policy: Any  # after training, leaves [..., learner, ...]


def learn_online(
    keys: Array,
    shortcuts: Shortcut,
    student: Student = MLP,
    *,
    num_steps: int,
    batch: int = 32,
    training: Training = ONCE,
    curriculum: Shortcut | None = None,
) -> OnlineRecord:
    """Online learning of two features of a label, by a student of both and by single-feature learners of either.

    One program a student, whatever the number of environments, seeds and steps. It loops in Python over blocks of runs
    and steps, so not under `jit`.

    Args:
        keys: [environment, seed], or one key, of one environment; the randomness of step t comes from `fold_in`, so
            that a longer run begins as a shorter one. `sandbox.shard(keys)` runs them on all devices.
        shortcuts: As `stack` makes them, each leaf [environment, ...]; with one key, as `shortcut` does.
        student: The architecture and the optimizer.
        num_steps: Batches.
        batch: Samples in each, and counterfactual inputs on which reliance is measured.
        training: Numbers for all environments, or one for each: rates, and how often the same samples come again.
        curriculum: Other environments, of the steps before `training.switch`.

    Returns:
        Leaves [environment, seed, learner, ...], with one key [learner, ...], of LEARNERS.
    """
    if not jnp.issubdtype(getattr(keys, "dtype", float), jax.dtypes.prng_key):
        accepted = "keys [environment, seed], as of jax.random.split, or one key"
        raise validation.refuse("keys", validation.shown(keys), accepted)
    first = shortcuts if curriculum is None else curriculum
    expected: tuple[tuple[str, Any, type], ...] = (
        ("shortcuts", shortcuts, Shortcut),
        ("student", student, Student),
        ("training", training, Training),
        ("curriculum", first, Shortcut),
    )
    for name, value, kind in expected:
        if not isinstance(value, kind):
            raise validation.refuse(name, validation.shown(value), f"a {kind.__name__}")
        value.check()
    if keys.ndim == 0:
        if curriculum is not None and not np.any(np.asarray(training.switch) > 0):
            raise validation.refuse("Training.switch", 0, "1 or more, the step at which the curriculum ends")
        one = jax.tree.map(lambda leaf: np.asarray(leaf)[None], (shortcuts, training, curriculum))
        options: dict[str, Any] = {"num_steps": num_steps, "batch": batch, "training": one[1], "curriculum": one[2]}
        return jax.tree.map(lambda leaf: leaf[0, 0], learn_online(keys[None, None], one[0], student, **options))
    size = np.shape(shortcuts.agreement)[0]
    if keys.ndim != 2 or keys.shape[0] != size:
        raise validation.refuse("keys", f"shape {keys.shape}", f"keys [environment, seed] of {size} environments")
    if np.shape(first.agreement) != np.shape(shortcuts.agreement):
        given = f"agreements of shape {np.shape(first.agreement)}"
        raise validation.refuse("curriculum", given, f"{size} environments")
    for name, value in training._asdict().items():
        if np.shape(value) not in ((), (size,)):
            accepted = f"a number, or one for each of {size}"
            raise validation.refuse(f"Training.{name}", f"shape {np.shape(value)}", accepted)
    validation.at_least("num_steps", num_steps, 1)
    validation.at_least("batch", batch, 1)
    validation.table("num_steps", 3 * len(LEARNERS) * keys.size * num_steps)
    validation.table("batch", 3 * 2 * WIDTH * RUNS * STEPS * batch)
    rates = Training(*(validation.array(x, dtype, (size,)) for x, dtype in zip(training, RATES, strict=True)))
    late, early = (x._replace(agreement=validation.array(x.agreement, jnp.float32)) for x in (shortcuts, first))
    seeds = jax.tree.map(lambda leaf: np.asarray(leaf).repeat(keys.shape[1], 0), (late, early, rates))
    runs = _Runs(np.asarray(jax.random.key_data(keys)).reshape(keys.size, -1), *seeds)
    mesh = devices.mesh(len(keys.sharding.device_set))
    found = _in_blocks(runs, mesh, student, num_steps, batch)
    if not np.isfinite(found.loss).all():
        accepted = "one with which the losses stay finite"
        raise validation.refuse("Training.learning_rate/Student.optimizer", training.learning_rate, accepted)
    return devices.put(jax.tree.map(lambda leaf: leaf.reshape(*keys.shape, *leaf.shape[1:]), found), mesh)


class _Runs(NamedTuple):
    """The arguments of some runs, of three learners each, leaves [run, ...]."""

    key: Any
    shortcut: Shortcut
    first: Shortcut  # before the switch
    training: Training


class _Samples(NamedTuple):
    """The inputs of the learners of a run, leaves [step, sample, ...]."""

    own: Array
    other: Array  # the same, of signs that are independent of the label
    counterfactual: Array
    label: Array
    intended: Array  # the class of the intended feature in the counterfactual inputs


def _in_blocks(runs: _Runs, mesh: Mesh, student: Student, *sizes: int) -> OnlineRecord:
    """One program for any number of runs and of steps, whose data stay in the cache of a core."""
    total = len(runs.key)
    size = min(RUNS, -(-total // mesh.size)) * mesh.size
    index = np.arange(-(-total // size) * size).reshape(-1, size).clip(max=total - 1)
    of_blocks = [
        _block(devices.put(jax.tree.map(lambda leaf, block=block: leaf[block], runs), mesh), mesh, student, *sizes)
        for block in index
    ]
    return jax.tree.map(lambda *blocks: np.concatenate(blocks)[:total], *of_blocks)


def _block(runs: _Runs, mesh: Mesh, student: Student, num_steps: int, batch: int) -> OnlineRecord:
    state, measured = _start(runs.key, mesh=mesh, student=student), []
    for t in range(0, num_steps, STEPS):
        samples = _samples(runs, t, mesh=mesh, kinds=tuple(KINDS.values()), batch=batch)
        state, here = _learn(state, samples, runs.training, t, num_steps, mesh=mesh, student=student)
        measured.append(here)
    joined: list[Any] = [np.concatenate(x, axis=-1)[..., :num_steps] for x in zip(*measured, strict=True)]
    loss, accuracy, reliance = joined
    return OnlineRecord(loss, accuracy, reliance, state[0])


@partial(jax.jit, static_argnames=("mesh", "student"))
def _start(keys: Array, *, mesh: Mesh, student: Student) -> tuple[Network, Any]:
    def start(key: Array) -> tuple[Network, Any]:
        policy = student.start(jax.random.fold_in(jax.random.wrap_key_data(key), 0))
        return jax.tree.map(lambda leaf: jnp.stack([leaf] * len(LEARNERS)), (policy, student.optimizer.init(policy)))

    return devices.sharded(jax.vmap(start), mesh, (devices.REPLICAS,))(keys)


@partial(jax.jit, static_argnames=("mesh", "kinds", "batch"))
def _samples(runs: _Runs, first: Array, *, mesh: Mesh, kinds: Any, batch: int) -> _Samples:
    """The inputs of the next STEPS steps, of one run after another: no run computes the kinds of another."""
    del kinds  # a program knows the kinds that there were when it was compiled

    def of_run(run: _Runs, first: Array) -> _Samples:
        steps, before = first + jnp.arange(STEPS), first < run.training.switch
        data, evaluation = (jax.random.fold_in(jax.random.wrap_key_data(run.key), i) for i in (1, 2))

        def uniform(key: Array, steps: Array, size: int) -> Array:
            u = jax.vmap(lambda t: noise.uniform(jax.random.fold_in(key, t), (batch, size), jnp.float32))(steps)
            return u.reshape(STEPS * batch, size)

        u = uniform(data, steps % run.training.num_batches, SIGNS + BLOCKS)
        v = uniform(evaluation, steps, 1 + BLOCKS)
        opposite, intended = opposed(v[:, :1])
        all_blocks = jnp.concatenate([u[:, SIGNS:], u[:, SIGNS:], v[:, 1:]])
        counterfactual = jnp.arange(3 * STEPS * batch)[:, None] >= 2 * STEPS * batch

        def later(i: Array, earlier: _Samples) -> _Samples:
            now = jax.tree.map(lambda a, b: jnp.where(i == 0, a, b), run.first, run.shortcut)
            own, other, label = now.signs(u[:, :SIGNS])
            written = now.present(counterfactual).write(all_blocks, jnp.concatenate([own, other, opposite]))
            found = _Samples(
                *written.reshape(3, STEPS, batch, -1), *(x.reshape(STEPS, batch) for x in (label, intended))
            )
            early = jnp.repeat((i > 0) & (steps < run.training.switch), batch).reshape(STEPS, batch, 1)
            own, other = (jnp.where(early, a, b) for a, b in zip(earlier[:2], found[:2], strict=True))
            return found._replace(own=own, other=other)

        inputs, classes = jnp.zeros((STEPS, batch, 2 * WIDTH), u.dtype), jnp.zeros((STEPS, batch), int)
        none = _Samples(inputs, inputs, inputs, classes, classes)
        return jax.lax.fori_loop(jnp.where(before, 0, 1), 2, later, none)

    def of_runs(runs: _Runs, first: Array) -> _Samples:
        return jax.lax.map(lambda run: of_run(run, first), runs)

    return devices.sharded(of_runs, mesh, (devices.REPLICAS, devices.ALL))(runs, jnp.asarray(first))


@partial(jax.jit, static_argnames=("mesh", "student"))
def _learn(
    state: Any, samples: _Samples, training: Training, first: Array, num_steps: Array, *, mesh: Mesh, student: Student
):
    """STEPS steps of all three learners; after `num_steps` in all nothing is learned."""

    def loss(policy: Network, inputs: Array, label: Array) -> tuple[Array, Array]:
        nats = log_probs(policy, inputs)
        return -jnp.where(label == 1, nats[:, 1], nats[:, 0]).mean(), nats  # no gather, whose gradient is a scatter

    def learner(state: Any, written: Array, now: _Samples, training: Training, learns: Array) -> Any:
        policy, moments = state
        inputs = student.inputs(jnp.where(jnp.repeat(written, WIDTH)[None], now.own, now.other))
        (mean, nats), gradient = jax.value_and_grad(loss, has_aux=True)(policy, inputs, now.label)
        answers = log_probs(policy, student.inputs(now.counterfactual))
        correct, spurious = (
            (x[:, 1] > x[:, 0]) == (y == 1) for x, y in ((nats, now.label), (answers, 1 - now.intended))
        )
        update, moments = optimizer_step(student.optimizer, gradient, moments, policy)
        rate = jnp.where(learns, training.learning_rate, 0)
        policy = jax.tree.map(lambda w, d: w - rate * (d + training.weight_decay * w), policy, update)
        return (policy, moments), (mean, correct.mean(), spurious.mean())

    def of_run(state: Any, samples: _Samples, training: Training, first: Array, num_steps: Array) -> Any:
        def step(state: Any, i: Array) -> Any:
            now = jax.tree.map(lambda leaf: leaf[i], samples)
            learners = jax.vmap(learner, (0, 0, None, None, None))
            return learners(state, jnp.asarray(WRITTEN), now, training, first + i < num_steps)

        state, measured = jax.lax.scan(step, state, jnp.arange(STEPS))
        return state, tuple(jnp.moveaxis(x, 0, -1) for x in measured)

    specs = (devices.REPLICAS,) * 3 + (devices.ALL,) * 2
    runs = jax.vmap(of_run, (0, 0, 0, None, None))
    return devices.sharded(runs, mesh, specs)(state, samples, training, jnp.asarray(first), jnp.asarray(num_steps))
