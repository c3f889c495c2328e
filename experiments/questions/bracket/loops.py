"""Loops to be bracketed: how models are sampled, judged and refitted, what a fit sees, and their simulation."""

from collections.abc import Callable
from functools import cache, partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.scipy.special import xlog1py, xlogy

import sandbox
import theory
from experiments.validation import instance, number, refuse
from sandbox import inputs, validation
from sandbox.regimes import Fit, Regime, Replace


def _keeps_all(task: Any) -> sandbox.KeepAll:
    return sandbox.KeepAll()


def _replaces(task: Any) -> Replace:
    return Replace()


def _itself(task: Any) -> Any:
    return task


class Loop(NamedTuple):
    """How models are sampled, judged and refitted: a number and functions, of a task each.

    Z_{t+1} must be a function of what is seen of generation t, so that a fit may not start from Z_t. (Where nothing is
    accepted the model stays, which has to be too rare to be seen beside a standard error.) What differs between loops
    belongs into their tasks: a loop compiles once.
    """

    num_samples: int
    signal: Callable[[Any], Any] = _keeps_all
    regime: Callable[[Any], Regime] = _replaces
    fit: Fit | None = None  # None: the model's own, started from the first task
    truth: Callable[[Any], Any] = _itself  # the model that draws real samples
    features: Callable[[Any], Array] | None = None  # models [x, r, …] -> [x, r, feature] or [x, r, element, feature]
    accuracy: Callable[[Any, Any], Array] | None = None  # (model, task) -> that of the model's samples, expected


FUNCTIONS = {
    "signal": "(task)",
    "regime": "(task)",
    "fit": "(model, x, weights)",
    "truth": "(task)",
    "features": "(models)",
    "accuracy": "(model, task)",
}


class Sampler(NamedTuple):
    """What the fit to a generation sees: how it is drawn, and how likely it is."""

    seen: Callable[[Array, Any, Any], Any]  # (key, model, task) -> what the fit sees
    log_likelihood: Callable[[Any, Any], Array]  # (seen [b, …], (models, tasks) [l, …]) -> ln p [b, l]
    real_log_likelihood: Callable[[Any, Any], Array]  # (real samples [b, n, …], tasks [x, …]) -> ln p(d|x) [b, x]
    signal_log_prob: Callable[[Any, Any], Array] | None = None  # (seen, task) -> ln p(S|D,x); None: S knows no task
    prepare: Callable[[Any, Any], Any] = lambda seen, tasks: seen  # what the likelihood needs of what is seen [x, r, …]


class Simulation(NamedTuple):
    """How much is simulated, for each task: the classifier learns from all replicas, the sandwich has the first."""

    num_generations: int
    num_replicas: int = 1000
    num_models: int = 400  # in the averages; at least a fifth of the replicas, which the classifier holds out
    num_data: int = 50  # data sets, at most `num_models`
    num_steps: int = 600  # of the classifier's optimiser
    block: int = 2**19  # entries of the log-likelihood matrix at a time

    def check(self) -> None:
        """Raises ValueError unless the parts of the replicas fit into each other."""
        for name, value in self._asdict().items():
            number(name, value, lambda x: x >= 1, "1 or more", int)
        most = self.num_replicas
        number(
            "num_models", self.num_models, lambda x: most / 5 <= x <= most, f"num_replicas/5 to num_replicas = {most}"
        )
        number("num_data", self.num_data, lambda x: 2 <= x <= self.num_models, f"2 to num_models = {self.num_models}")


def check(tasks: Any, loop: Loop) -> None:
    """Raises ValueError unless the tasks are arrays of one first axis, of which the loop makes models."""
    instance("loop", loop, Loop, "a bracket.Loop")
    number("loop.num_samples", loop.num_samples, lambda x: x >= 1, "1 or more", int)
    validation.leaves("tasks", tasks)
    sizes = {np.shape(leaf)[:1] for leaf in jax.tree.leaves(tasks)}
    if len(sizes) != 1 or sizes & {(), (0,), (1,)}:
        accepted = "a pytree of arrays, whose first axis is that of X, two tasks or more"
        raise refuse("tasks", f"leaves of {sorted(sizes)} tasks", accepted)
    validation.finite("tasks", tasks)
    for name, arguments in FUNCTIONS.items():
        if getattr(loop, name) is not None:
            inputs.takes(f"loop.{name}", getattr(loop, name), arguments)
    truth = loop.truth(jax.tree.map(lambda leaf: leaf[0], tasks))
    if not (hasattr(truth, "sample") and hasattr(truth, "log_prob")):
        raise refuse("tasks", type(truth).__name__, "models, or what `loop.truth` makes into models")


def check_fit(tasks: Any, loop: Loop) -> None:
    """Raises ValueError where a fit to the same samples depends on the model that it is given."""
    if loop.fit is not None:
        ends = [jax.tree.map(lambda leaf: jnp.asarray(leaf)[which], tasks) for which in (0, -1)]  # noqa: B023
        first, last = map(jax.tree.leaves, _fits(loop, *ends))
        if not all(np.allclose(a, b, rtol=1e-4, equal_nan=True) for a, b in zip(first, last, strict=True)):
            accepted = "a function of the samples and their weights alone"
            raise refuse("loop.fit", "one that starts from the model it is given", accepted)


@partial(jax.jit, static_argnums=0)
def _fits(loop: Any, task: Any, other: Any) -> tuple[Any, Any]:
    """To samples of the first task, given its model and given that of the other."""
    x = loop.truth(task).sample(jax.random.key(0), loop.num_samples)
    first, last = (loop.fit(loop.truth(one), x, jnp.ones(loop.num_samples)) for one in (task, other))
    return first, last


def everything(tasks: Any, loop: Loop) -> Sampler:
    """The sampler of a fit that sees its samples and a verdict of 0 or 1 on each, as in `sandbox.run` with Replace().

    ln p(d,s|z,x) = Σ_i ln z(d_i) + s_i ln a(d_i) + (1 − s_i) ln(1 − a(d_i)), where a is the signal's `acceptance`.

    Raises:
        ValueError: the loop has another regime, or its signal no acceptance.
    """
    check(tasks, loop)
    task = jax.tree.map(lambda leaf: jnp.asarray(leaf)[0], tasks)
    signal, regime = loop.signal(task), loop.regime(task)
    if not isinstance(regime, Replace):
        raise refuse("loop.regime", type(regime).__name__, "Replace(), or a sampler of what the fit sees")
    if not hasattr(signal, "acceptance"):
        raise refuse("loop.signal", type(signal).__name__, "one with acceptance(x), or a sampler of what the fit sees")
    return _sampler(loop, not isinstance(signal, sandbox.KeepAll))


@cache
def _sampler(loop: Loop, judged: bool) -> Sampler:
    """The same functions for the same loop, so that it compiles once."""
    return Sampler(
        partial(_everything, loop=loop),
        partial(_log_likelihood, loop=loop if judged else None),
        partial(_real_log_likelihood, loop=loop),
        partial(_signal_log_prob, loop=loop) if judged else None,
    )


def _everything(key: Array, model: Any, task: Any, *, loop: Loop) -> tuple[Array, Array]:
    """The samples, and the verdicts on them."""
    sample_key, signal_key = jax.random.split(key)
    x = model.sample(sample_key, loop.num_samples)
    return x, loop.signal(task)(signal_key, model, x)


def _log_likelihood(seen: tuple[Array, Array], latent: tuple[Any, Any], *, loop: Loop | None) -> Array:
    def one(seen: tuple[Array, Array], model: Any, task: Any) -> Array:
        own = model.log_prob(seen[0]).sum()
        return own if loop is None else own + _signal_log_prob(seen, task, loop=loop).astype(own.dtype)

    return jax.vmap(lambda seen: jax.vmap(partial(one, seen))(*latent))(seen)


def _signal_log_prob(seen: tuple[Array, Array], task: Any, *, loop: Loop) -> Array:
    x, verdicts = seen
    rate = loop.signal(task).acceptance(x)
    verdicts = verdicts.astype(rate.dtype)
    return (xlogy(verdicts, rate) + xlog1py(1 - verdicts, -rate)).sum()


def _real_log_likelihood(x: Array, tasks: Any, *, loop: Loop) -> Array:
    of_task = jax.vmap(lambda x, task: loop.truth(task).log_prob(x).sum(), (None, 0))
    return jax.vmap(of_task, (0, None))(x, tasks)


def num_tasks(tasks: Any) -> int:
    """How many tasks there are."""
    return jax.tree.leaves(tasks)[0].shape[0]


def trajectory(key: Array, loop: Loop, task: Any, num_generations: int, start: Any = None) -> tuple[Any, Any]:
    """The models Z_t of one replica [t, …], the first fitted to real samples, and these.

    Args:
        key: a JAX random key.
        loop: how models are sampled, judged and refitted.
        task: what X is.
        num_generations: T.
        start: a model, the same for all tasks, from which the first fit starts, and the model's own every time; None:
            the task's own, for a fit that does not look at it.
    """
    real_key, loop_key = jax.random.split(key)
    truth = loop.truth(task)
    real = truth.sample(real_key, loop.num_samples)
    fit = loop.fit or (lambda _, x, weights: start.fit(x, weights))
    record = sandbox.run(
        loop_key,
        fit(truth if start is None else start, real, jnp.ones(loop.num_samples)),
        loop.signal(task),
        num_samples=loop.num_samples,
        num_generations=num_generations,
        regime=loop.regime(task),
        fit=fit,
    )
    return record.model, real


@partial(jax.jit, static_argnums=(2, 3, 4, 5, 6))
def simulate(
    key: Array, tasks: Any, loop: Loop, sampler: Sampler, num_generations: int, num_replicas: int, num_models: int
):
    """Of a loop: models of the first replicas [t, x, r, …], what is seen of them, and what `information` needs else."""
    run_key, seen_key = jax.random.split(key)
    size, start = num_tasks(tasks), loop.truth(jax.tree.map(lambda leaf: leaf[0], tasks))

    def each(function: Callable[..., Any], key: Array, num: int, *latents: Any) -> Any:
        """Of so many replicas of each task [x, r, …], as one batch, which is what the sandbox is fast at."""
        repeated = jax.tree.map(lambda leaf: jnp.repeat(jnp.asarray(leaf)[:, None], num, 1), tasks)
        flat = jax.tree.map(lambda leaf: leaf.reshape(-1, *leaf.shape[2:]), (*latents, repeated))
        found = jax.vmap(function)(jax.random.split(key, size * num), *flat)
        return jax.tree.map(lambda leaf: leaf.reshape(size, num, *leaf.shape[1:]), found)

    models, x = each(lambda key, task: trajectory(key, loop, task, num_generations, start), run_key, num_replicas)
    models = jax.tree.map(lambda leaf: jnp.moveaxis(leaf, 2, 0), models)
    earlier = jax.tree.map(lambda leaf: leaf[:-1, :, :num_models], models)  # that have a next generation
    keys = jax.random.split(seen_key, num_generations)
    draws = jax.lax.map(lambda both: each(sampler.seen, both[0], num_models, both[1]), (keys, earlier))
    likelihood = jax.vmap(sampler.real_log_likelihood, (1, None))(x[:, :num_models], tasks)
    real = jnp.where(jnp.isnan(likelihood).any(), jnp.nan, theory.stratified_information(likelihood))
    features, accuracies = loop.features or _parameters, None
    if loop.accuracy is not None:
        of_each = jax.vmap(jax.vmap(jax.vmap(loop.accuracy, (0, None))), (0, None))(models, tasks)
        if not isinstance(of_each, Array):
            raise refuse("loop.accuracy", f"a function that returns {of_each}", "a number in [0, 1] of each model")
        accuracies = of_each.mean(1).T
    return earlier, draws, jax.vmap(features)(models), real, accuracies


def _parameters(models: Any) -> Array:
    """All parameters of models [x, r, …] as features [x, r, feature]."""
    return jnp.concatenate([leaf.reshape(*leaf.shape[:2], -1) for leaf in jax.tree.leaves(models)], -1)
