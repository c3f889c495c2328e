"""I(X;Z_t) along a loop between two bounds, for any model whose likelihood is known and any signal.

Which way to take: a model that has a kernel, that is, finitely many states or a closed form of them, has an exact
answer, `theory.drift.information`; one that has none, a network or a mixture, gets a bracket:

    tasks = sandbox.Gaussian(jnp.linspace(-1, 1, 8)[:, None], jnp.ones((8, 1, 1)))  # equally likely true models
    loop = bracket.Loop(num_samples=20)  # closed; open with signal=lambda task: sandbox.Verifier(…)
    found = bracket.information(jax.random.key(0), tasks, loop, bracket.Simulation(num_generations=4))
    lower, upper = found.information  # two `theory.Estimate`s [t], in nats

The model is any `sandbox.Model`. Where the signal has no `acceptance`, or the fit sees less than all samples and
verdicts, a `Sampler` of one's own says what it sees.
"""

from collections.abc import Callable
from functools import cache, partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.scipy.special import logsumexp, xlog1py, xlogy

import sandbox
import theory
from experiments.validation import refuse
from sandbox.regimes import Fit, Regime, Replace
from theory.estimators import Bounds, Classified, classifier_bound, sandwich, spread

_spread = jax.jit(spread, static_argnums=1)


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


class Bracketed(NamedTuple):
    """What is known of a loop, generation by generation; bounds are values of the same replicas, [replica, t]."""

    bounds: Bounds  # on I(X;Z_t)
    seen: Bounds  # on what the fit of Z_t has seen
    injection: np.ndarray | None  # from above: I(X;Z_{t−1}) + I(X;S_{t−1}|Z_{t−1},D_{t−1}), t ≥ 1; None if closed
    accuracy: theory.Estimate | None  # of Z_t [t]; None where the loop has none
    effective: np.ndarray  # how many models carry the likelihood of what the fit of Z_t has seen [t], t ≥ 1

    @property
    def information(self) -> theory.Bracket:
        """The bracket of I(X;Z_t) [t], in nats; `.interval()` adds the sampling error of both ends."""
        return self.bounds.bracket()


def information(
    key: Array,
    tasks: Any,
    loop: Loop,
    simulation: Simulation,
    sampler: Sampler | None = None,
    *,
    closed: bool | None = None,
    injective: bool = False,
) -> Bracketed:
    """Brackets I(X;Z_t), t = 0 … T, in nats.

    Below: H(X) + E ln q(x|z), a classifier's. Above: I(X; what the fit saw), unbiased for the real samples, whose
    distribution is known, a sandwich later; in an open loop also the last bound and what the signal injected, for any q
    I(X;S|Z,D) ≤ E[ln p(s|d,x) − ln Σ_x' q(x'|z) p(s|d,x')], where S is independent of Z given (D, X). In a closed loop
    an earlier upper bound and a later lower one hold too. The tightest is taken by its mean: of k bounds, the best
    seems too good by less than √(2 ln k) of their errors. A decision at five errors has room for that; an interval of
    95 % is that of each end by itself.

    Args:
        key: a JAX random key.
        tasks: what X may be, equally likely: true models, or what `loop.truth` makes them of [x, …].
        loop: how models are sampled, judged and refitted.
        simulation: how much is simulated.
        sampler: what a fit sees; None: all samples and all verdicts on them, as `everything` has it.
        closed: whether what enters knows nothing of the task; None: it does not where `signal_log_prob` is None.
        injective: whether Z_{t+1} determines all that its fit has seen: a lower bound on that is then one on Z_{t+1}.

    Raises:
        ValueError: where the sizes do not fit: num_replicas/5 ≤ num_models ≤ num_replicas, 2 ≤ num_data ≤ num_models.
    """
    _check(simulation)
    whole, sampler = sampler is None, sampler or everything(tasks, loop)
    loop_key, train_key = jax.random.split(key)
    simulated = _simulate(loop_key, tasks, loop, sampler, *simulation[:3])
    models, draws, states, real, accuracies = jax.tree.map(np.asarray, simulated)
    if whole and not np.isin(draws[1], (0, 1)).all():
        raise refuse("loop.signal", "a weight between 0 and 1", "verdicts of 0 or 1, or a sampler of what the fit sees")
    below, log_posterior = classified(train_key, states, simulation.num_steps)
    below = np.asarray(_spread(below, simulation.num_models))
    bounds, effective = [Bounds(real, real)], []
    of_each = jax.tree.map(lambda leaf: np.repeat(np.asarray(leaf)[:, None], simulation.num_models, 1), tasks)
    for t in range(simulation.num_generations):
        model = jax.tree.map(lambda leaf: leaf[t], models)  # noqa: B023
        data = sampler.prepare(jax.tree.map(lambda leaf: leaf[t][:, : simulation.num_data], draws), tasks)  # noqa: B023
        found = _between(sampler.log_likelihood, *_single((data, (model, of_each))), simulation.block)
        bounds.append(found.bounds)
        effective.append(found.effective)
    seen = Bounds(*(np.stack([np.asarray(values, float) for values in ends], 1) for ends in zip(*bounds, strict=True)))
    if sampler.signal_log_prob is None or closed:
        known, injection = _closed(below, seen), None
    else:
        held_out = jax.tree.map(lambda leaf: leaf[:, :, : log_posterior.shape[2]], draws)
        injected = _injected(held_out, tasks, log_posterior[:-1], sampler.signal_log_prob)
        injected = np.asarray(_spread(injected, simulation.num_models))
        known, injection = _open(below, seen, injected, np.log(_num_tasks(tasks)))
    if injective:
        known = known._replace(lower=_best([known.lower, seen.lower], np.argmax))
    accuracy = None
    if accuracies is not None:
        error = accuracies.std(0, ddof=1) / len(accuracies) ** 0.5
        accuracy = theory.Estimate(accuracies.mean(0), error, len(accuracies))
    return Bracketed(known, seen, injection, accuracy, np.asarray(effective))


def everything(tasks: Any, loop: Loop) -> Sampler:
    """The sampler of a fit that sees its samples and a verdict of 0 or 1 on each, as in `sandbox.run` with Replace().

    ln p(d,s|z,x) = Σ_i ln z(d_i) + s_i ln a(d_i) + (1 − s_i) ln(1 − a(d_i)), where a is the signal's `acceptance`.

    Raises:
        ValueError: the loop has another regime, or its signal no acceptance.
    """
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


def _check(simulation: Simulation) -> None:
    """Raises ValueError unless the parts of the replicas fit into each other."""
    num_generations, num_replicas, num_models, num_data = simulation[:4]
    if num_generations < 1:
        raise refuse("num_generations", num_generations, "1 or more")
    if not num_replicas / 5 <= num_models <= num_replicas:
        raise refuse("num_models", num_models, f"num_replicas/5 to num_replicas = {num_replicas}")
    if not 2 <= num_data <= num_models:
        raise refuse("num_data", num_data, f"2 to num_models = {num_models}")


def _num_tasks(tasks: Any) -> int:
    return jax.tree.leaves(tasks)[0].shape[0]


_between = jax.jit(lambda probs, data, latent, block: sandwich(probs, data, latent, block=block), static_argnums=(0, 3))


def trajectory(key: Array, loop: Loop, task: Any, num_generations: int, start: Any = None) -> tuple[Any, Any]:
    """The models Z_t of one replica [t, …], the first fitted to real samples, and these.

    Args:
        key: a JAX random key.
        loop: how models are sampled, judged and refitted.
        task: what X is.
        num_generations: T.
        start: a model, the same for all tasks, from which the model's own fit starts where the loop has no other.
    """
    real_key, loop_key = jax.random.split(key)
    truth = loop.truth(task)
    real = truth.sample(real_key, loop.num_samples)
    fit = loop.fit or (lambda _, x, weights: start.fit(x, weights))
    record = sandbox.run(
        loop_key,
        fit(truth, real, jnp.ones(loop.num_samples)),
        loop.signal(task),
        num_samples=loop.num_samples,
        num_generations=num_generations,
        regime=loop.regime(task),
        fit=fit,
    )
    return record.model, real


@partial(jax.jit, static_argnums=(2, 3, 4, 5, 6))
def _simulate(
    key: Array, tasks: Any, loop: Loop, sampler: Sampler, num_generations: int, num_replicas: int, num_models: int
):
    """Of a loop: models of the first replicas [t, x, r, …], what is seen of them, and what `information` needs else."""
    run_key, seen_key = jax.random.split(key)
    num_tasks, start = _num_tasks(tasks), loop.truth(jax.tree.map(lambda leaf: leaf[0], tasks))

    def each(function: Callable[..., Any], key: Array, num: int, *latents: Any) -> Any:
        """Of so many replicas of each task [x, r, …], as one batch, which is what the sandbox is fast at."""
        repeated = jax.tree.map(lambda leaf: jnp.repeat(jnp.asarray(leaf)[:, None], num, 1), tasks)
        flat = jax.tree.map(lambda leaf: leaf.reshape(-1, *leaf.shape[2:]), (*latents, repeated))
        found = jax.vmap(function)(jax.random.split(key, num_tasks * num), *flat)
        return jax.tree.map(lambda leaf: leaf.reshape(num_tasks, num, *leaf.shape[1:]), found)

    models, x = each(lambda key, task: trajectory(key, loop, task, num_generations, start), run_key, num_replicas)
    models = jax.tree.map(lambda leaf: jnp.moveaxis(leaf, 2, 0), models)
    earlier = jax.tree.map(lambda leaf: leaf[:-1, :, :num_models], models)  # that have a next generation
    keys = jax.random.split(seen_key, num_generations)
    draws = jax.lax.map(lambda both: each(sampler.seen, both[0], num_models, both[1]), (keys, earlier))
    real = theory.stratified_information(jax.vmap(sampler.real_log_likelihood, (1, None))(x[:, :num_models], tasks))
    features, accuracies = loop.features or _parameters, None
    if loop.accuracy is not None:
        of_each = jax.vmap(jax.vmap(jax.vmap(loop.accuracy, (0, None))), (0, None))(models, tasks)
        accuracies = of_each.mean(1).T
    return earlier, draws, jax.vmap(features)(models), real, accuracies


def _parameters(models: Any) -> Array:
    """All parameters of models [x, r, …] as features [x, r, feature]."""
    return jnp.concatenate([leaf.reshape(*leaf.shape[:2], -1) for leaf in jax.tree.leaves(models)], -1)


def classified(key: Array, states: np.ndarray, num_steps: int) -> tuple[np.ndarray, np.ndarray]:
    """The classifier's values of the first replicas [replica, t], and its log-posterior of them [t, x, replica, x'].

    Args:
        key: The randomness of its training.
        states: Features of models [t, x, r, …]; it learns from the last ones, four fifths.
        num_steps: Of its optimiser.
    """
    keys = jax.random.split(key, len(states))
    found = jax.tree.map(np.asarray, _trained(keys, np.flip(states, 2), num_steps))
    return np.flip(found.values, 1).T, np.flip(found.log_posterior, 2)


@partial(jax.jit, static_argnums=2)
def _trained(keys: Array, states: Array, num_steps: int) -> Classified:
    """One after the other: as a batch they take twice as long to compile, and no less to run."""
    return jax.lax.map(lambda each: classifier_bound(*each, num_steps=num_steps), (keys, states))


@partial(jax.jit, static_argnums=3)
def _injected(draws: Any, tasks: Any, log_posterior: Array, log_prob: Callable[[Any, Any], Array]) -> Array:
    """Values of an upper bound on I(X;S_t|Z_t,D_t) [replica, t], from draws and posteriors of the same replicas."""
    under_each = jax.vmap(log_prob, (None, 0))
    log_probs = jax.vmap(jax.vmap(jax.vmap(under_each, (0, None)), (0, None)), (0, None))(draws, tasks)
    own = jnp.swapaxes(jnp.diagonal(log_probs, axis1=1, axis2=3), 1, 2)  # [t, x, r] of [t, x, r, x']
    return (own - logsumexp(log_probs + log_posterior, axis=3)).mean(1).T


def _single(tree: Any) -> Any:
    """In single precision: a thousandth of a standard error, and twice as fast."""
    return jax.tree.map(lambda leaf: np.asarray(leaf, np.float32) if np.asarray(leaf).dtype == float else leaf, tree)


def _closed(below: np.ndarray, seen: Bounds) -> Bounds:
    """Information falls, X → Z_s → D_s → Z_t: earlier upper bounds hold too, and later lower ones, on D_s as on Z_s."""
    generations = range(below.shape[1])
    lower = [_best([*below[:, t:].T, *seen.lower[:, t + 1 :].T], np.argmax) for t in generations]
    upper = [_best(seen.upper[:, : t + 1].T, np.argmin) for t in generations]
    return Bounds(np.stack(lower, 1), np.stack(upper, 1))


def _open(below: np.ndarray, seen: Bounds, injected: np.ndarray, entropy: float) -> tuple[Bounds, np.ndarray]:
    """The next model knows no more than its fit has seen, than was known and what was injected, or than H(X)."""
    upper, injection = [seen.upper[:, 0]], [seen.upper[:, 0]]
    for t in range(1, below.shape[1]):
        injection.append(upper[-1] + injected[:, t - 1])
        upper.append(_best([injection[-1], np.full_like(upper[-1], entropy), seen.upper[:, t]], np.argmin))
    return Bounds(below, np.stack(upper, 1)), np.stack(injection, 1)


def _best(candidates: Any, best: Callable[..., Any]) -> np.ndarray:
    """Of bounds [replica, …], entry by entry the one of the best mean."""
    values = np.stack(list(candidates))
    which = best(values.mean(1), axis=0)
    return np.take_along_axis(values, np.broadcast_to(which, values.shape[1:])[None], 0)[0]
