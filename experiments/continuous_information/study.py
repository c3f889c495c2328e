"""I(X;Z_t) along a loop between two bounds, for any model whose likelihood is known and any signal."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.scipy.special import logsumexp

import sandbox
import theory
from sandbox.regimes import Fit, Regime
from theory.estimators import Bounds, classifier_bound, sandwich, spread


class Loop(NamedTuple):
    """A loop, and the law of what its fit sees of a generation.

    Z_{t+1} must be a function of what is seen of generation t, so that the fit may not start from Z_t. (Where nothing
    is kept the model stays: in the cases here that is too rare to be seen beside a standard error.)
    """

    signal: Any  # as `sandbox.ensemble` takes it
    regime: Regime
    seen: Callable[[Array, Any, Any], Any]  # (key, model, task) -> what the fit to its samples sees
    log_likelihood: Callable[[Any, Any], Array]  # (seen [b, …], (model, task) [l, …]) -> ln p [b, l]
    signal_log_prob: Callable[[Any, Any], Array] | None = None  # (seen, task) -> ln p(S|D,x); None: S knows no task
    injective: bool = False  # whether Z_{t+1} tells all that its fit has seen
    prepare: Callable[[Any], Any] = lambda seen: seen  # what the likelihood needs of what is seen, [x, r, …] each


class Case(NamedTuple):
    """Tasks, equally likely, the model that is fitted to them, and the loops in which it is retrained."""

    tasks: Any  # [x, …]
    num_samples: int
    fit: Fit
    features: Callable[[Any], Array]  # models [x, r, …] -> [x, r, feature] or [x, r, element, feature]
    share_right: Callable[[Any, Any], Array]  # (model, task) -> the expected share of the model's samples that is right
    log_likelihood: Callable[[Any, Any], Array]  # (samples [b, n, …], tasks [x, …]) -> ln p(d|x) [b, x]
    loops: dict[str, Loop]


class Size(NamedTuple):
    """How much is simulated, for each task: the classifier learns from all replicas, the sandwich has the first."""

    num_generations: int
    num_replicas: int
    num_models: int  # in the averages; at least a fifth of the replicas, which the classifier holds out
    num_data: int  # data sets, at most `num_models`
    num_sandwiches: int = 1_000_000  # generations that have one
    num_steps: int = 600  # of the classifier's optimiser
    block: int = 2**20  # entries of the log-likelihood matrix at a time


class Study(NamedTuple):
    """What is known of a loop, generation by generation; bounds are values of the same replicas, [replica, t]."""

    bounds: Bounds  # on I(X;Z_t)
    seen: Bounds  # on what the fit of Z_t has seen; [replica, t] for as many t as have a sandwich
    injection: Array | None  # from above: I(X;Z_{t−1}) + I(X;S_{t−1}|Z_{t−1},D_{t−1}), from t = 1 on; None if closed
    right: theory.Estimate  # the share right of Z_t [t]
    effective: Array  # how many models carry the likelihood of what the fit of Z_t has seen [t], t ≥ 1


def study(key: Array, case: Case, loop: Loop, size: Size) -> Study:
    """Brackets I(X;Z_t), t = 0 … T, in nats.

    Below: H(X) + E ln q(x|z), a classifier's. Above: I(X; what the fit saw), unbiased for the real samples, whose law
    is known, a sandwich later; in an open loop also the last bound and what the signal injected, for any q
    I(X;S|Z,D) ≤ E[ln p(s|d,x) − ln Σ_x' q(x'|z) p(s|d,x')], where S is independent of Z given (D, X). In a closed loop
    an earlier upper bound and a later lower one hold too. The tightest is taken by its mean: of k bounds, the best
    seems too good by less than √(2 ln k) of their errors. A verdict, with five errors, has room for that; an interval
    of 95 % is that of each end by itself.

    Raises:
        ValueError: Where the sizes do not fit: num_replicas/5 ≤ num_models ≤ num_replicas, 2 ≤ num_data ≤ num_models.
    """
    _check(size)
    loop_key, seen_key, real_key, train_key = jax.random.split(key, 4)
    record = sandbox.ensemble(
        loop_key,
        case.tasks,
        loop.signal,
        num_samples=case.num_samples,
        num_generations=size.num_generations,
        num_replicas=size.num_replicas,
        num_real=case.num_samples,
        regime=loop.regime,
        fit=case.fit,
        progress=False,
    )
    models = jax.tree.map(lambda leaf: jnp.moveaxis(leaf, 2, 0), record.model)  # [t, x, r, …]
    below, log_posterior = _classified(train_key, case.features, models, size)
    earlier = jax.tree.map(lambda leaf: leaf[:-1, :, : size.num_models], models)  # that have a next generation
    draws = _draw(loop.seen, seen_key, earlier, case.tasks)
    seen, effective = _seen(real_key, case, loop, size, earlier, draws)
    if loop.signal_log_prob is None:
        bounds, injection = _closed(below, seen), None
    else:
        posterior = log_posterior[:-1]
        held_out = jax.tree.map(lambda leaf: leaf[:, :, : posterior.shape[2]], draws)
        injected = spread(_injected(loop.signal_log_prob, held_out, case.tasks, posterior), size.num_models)
        bounds, injection = _open(below, seen, injected, jnp.log(posterior.shape[-1]))
    if loop.injective:
        bounds = _injective(bounds, seen)
    return Study(bounds, seen, injection, theory.estimate(_shares(case.share_right, models, case.tasks)), effective)


def _check(size: Size) -> None:
    """Raises ValueError unless the parts of the replicas fit into each other."""
    if not size.num_replicas / 5 <= size.num_models <= size.num_replicas:
        accepted = f"num_replicas/5 to num_replicas = {size.num_replicas}"
        raise ValueError(f"num_models: {size.num_models} was given; accepted: {accepted}")
    if not 2 <= size.num_data <= size.num_models:
        raise ValueError(f"num_data: {size.num_data} was given; accepted: 2 to num_models = {size.num_models}")


# Compiled once for each case or loop: what is static below is a function of theirs.
@partial(jax.jit, static_argnums=(1, 3))
def _classified(key: Array, features: Callable[[Any], Array], models: Any, size: Size) -> tuple[Array, Array]:
    """The classifier's values [replica, t], and its log-posterior of the replicas it held out [t, x, r, x']."""
    # the last replicas are held out, the first are those of the sandwich
    states = jnp.flip(jax.vmap(features)(models), 2)
    found = jax.vmap(partial(classifier_bound, num_steps=size.num_steps))(jax.random.split(key, len(states)), states)
    return spread(jnp.flip(found.values, 1).T, size.num_models), jnp.flip(found.log_posterior, 2)


@partial(jax.jit, static_argnums=0)
def _draw(seen: Callable[[Array, Any, Any], Any], key: Array, models: Any, tasks: Any) -> Any:
    """What is seen of models [t, x, r, …], a task each."""
    keys = jax.random.split(key, jax.tree.leaves(models)[0].shape[:3])
    return jax.vmap(jax.vmap(jax.vmap(seen, (0, 0, None))), (0, 0, None))(keys, models, tasks)


@partial(jax.jit, static_argnums=(1, 3, 4))
def _real(key: Array, log_likelihood: Callable[[Any, Any], Array], tasks: Any, n: int, num_replicas: int) -> Array:
    """ln p(d|x') of real samples of each task x, [r, x, x']."""
    keys = jax.random.split(key, (num_replicas, jax.tree.leaves(tasks)[0].shape[0]))
    x = jax.vmap(jax.vmap(lambda key, task: task.sample(key, n)), (0, None))(keys, tasks)
    return jax.vmap(log_likelihood, (0, None))(x, tasks)


@partial(jax.jit, static_argnums=0)
def _injected(log_prob: Callable[[Any, Any], Array], draws: Any, tasks: Any, log_posterior: Array) -> Array:
    """Values of an upper bound on I(X;S_t|Z_t,D_t) [replica, t], from draws and posteriors of the same replicas."""
    under_each = jax.vmap(log_prob, (None, 0))
    log_probs = jax.vmap(jax.vmap(jax.vmap(under_each, (0, None)), (0, None)), (0, None))(draws, tasks)
    own = jnp.swapaxes(jnp.diagonal(log_probs, axis1=1, axis2=3), 1, 2)  # [t, x, r] of [t, x, r, x']
    return (own - logsumexp(log_probs + log_posterior, axis=3)).mean(1).T


@partial(jax.jit, static_argnums=0)
def _shares(share_right: Callable[[Any, Any], Array], models: Any, tasks: Any) -> Array:
    """The expected share right of models [t, x, r], the mean over tasks [r, t]."""
    return jax.vmap(jax.vmap(jax.vmap(share_right, (0, None))), (0, None))(models, tasks).mean(1).T


def _seen(key: Array, case: Case, loop: Loop, size: Size, models: Any, draws: Any) -> tuple[Bounds, Array]:
    """Bounds on what the fit of Z_t has seen [replica, t], t = 0 being the real samples, and how good the averages are.

    The law of the real samples is known: both of their ends are the same.
    """
    real = theory.stratified_information(_real(key, case.log_likelihood, case.tasks, case.num_samples, size.num_models))
    bounds, effective = [Bounds(real, real)], []
    tasks = jax.tree.map(lambda leaf: jnp.repeat(leaf[:, None], size.num_models, 1), case.tasks)
    for t in range(min(size.num_generations, size.num_sandwiches)):
        model, data = jax.tree.map(lambda leaf: leaf[t], (models, draws))  # noqa: B023
        data = loop.prepare(jax.tree.map(lambda leaf: leaf[:, : size.num_data], data))
        found = sandwich(loop.log_likelihood, data, (model, tasks), block=size.block)
        bounds.append(found.bounds)
        effective.append(found.effective)
    return Bounds(*(jnp.stack(ends, 1) for ends in zip(*bounds, strict=True))), jnp.asarray(effective)


def _closed(below: Array, seen: Bounds) -> Bounds:
    """Information falls, X → Z_s → D_s → Z_t: earlier upper bounds hold too, and later lower ones, on D_s as on Z_s."""
    last, known = below.shape[1], seen.upper.shape[1]
    lower = _best(
        jnp.concatenate([below, seen.lower[:, 1:]], 1),
        [[*range(t, last), *range(last + t, last + known - 1)] for t in range(last)],
        max,
    )
    return Bounds(lower, _best(seen.upper, [range(min(t + 1, known)) for t in range(last)], min))


def _open(below: Array, seen: Bounds, injected: Array, entropy: Array) -> tuple[Bounds, Array]:
    """The next model knows no more than its fit has seen, than was known and what was injected, or than H(X)."""
    upper, injection = [seen.upper[:, 0]], [seen.upper[:, 0]]
    for t in range(1, below.shape[1]):
        injection.append(upper[-1] + injected[:, t - 1])
        known = [seen.upper[:, t]] if t < seen.upper.shape[1] else []
        candidates = [injection[-1], jnp.full_like(injection[-1], entropy), *known]
        upper.append(_best(jnp.stack(candidates, 1), [range(len(candidates))], min)[:, 0])
    return Bounds(below, jnp.stack(upper, 1)), jnp.stack(injection, 1)


def _injective(bounds: Bounds, seen: Bounds) -> Bounds:
    """What the fit has seen, the model tells: its lower bound is one on Z_t, where it is known."""
    last, known = bounds.lower.shape[1], seen.lower.shape[1]
    columns = [[t, last + t] if t < known else [t] for t in range(last)]
    return bounds._replace(lower=_best(jnp.concatenate([bounds.lower, seen.lower], 1), columns, max))


def _best(values: Array, columns: list[Any], best: Callable[..., int]) -> Array:
    """Of values [replica, column], for each list of columns the one of the best mean."""
    means = values.mean(0).tolist()
    return values[:, jnp.asarray([best(some, key=means.__getitem__) for some in columns])]
