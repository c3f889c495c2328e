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
from theory.classifier import classifier_bound
from theory.estimators import Bounds
from theory.sandwich import sandwich


class Loop(NamedTuple):
    """A loop, and the law of what its fit sees of a generation.

    Z_{t+1} must be a function of what is seen of generation t, so that the fit may not start from Z_t.
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
    injection: Array | None  # from above: I(X;Z_{t−1}) + I(X;S_{t−1}|Z_{t−1},D_{t−1}); None in a closed loop
    right: theory.Estimate  # the share right of Z_t [t]
    effective: Array  # how many models carry the likelihood of what the fit of Z_t has seen [t], t ≥ 1


def study(key: Array, case: Case, loop: Loop, size: Size) -> Study:
    """Brackets I(X;Z_t), t = 0 … T, in nats.

    Below: H(X) + E ln q(x|z), a classifier's. Above: I(X; what the fit saw), exact for the real samples, a sandwich
    later; in an open loop also the last bound and what the signal injected, I(X;S|Z,D) ≤ E ln p(s|d,x) −
    ln Σ_x' q(x'|z) p(s|d,x') for any q. In a closed loop an earlier upper bound and a later lower one hold too. The
    tightest is taken by its mean: of k bounds, the best seems too good by less than √(2 ln k) of their errors.
    """
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
    below, log_posterior = _classified(train_key, jax.vmap(case.features)(models), size)
    injected, seen, effective = [], [_of_real(real_key, case, size.num_models)], []
    for t in range(size.num_generations):
        model = jax.tree.map(lambda leaf: leaf[t, :, : size.num_models], models)  # noqa: B023
        data = _draw(jax.random.fold_in(seen_key, t), loop.seen, model, case.tasks)
        if t < size.num_sandwiches:
            few = loop.prepare(jax.tree.map(lambda leaf: leaf[:, : size.num_data], data))
            found = sandwich(loop.log_likelihood, few, (model, _repeat(case.tasks, size.num_models)), block=size.block)
            seen.append(found.bounds)
            effective.append(found.effective)
        if loop.signal_log_prob is not None:
            injected.append(_injected(loop.signal_log_prob, data, case.tasks, log_posterior[t], size.num_models))
    of_seen = Bounds(*(jnp.stack(ends, 1) for ends in zip(*seen, strict=True)))
    bounds, injection = (_closed(below, of_seen), None) if not injected else _open(below, of_seen, injected)
    if loop.injective:  # the first is that of the real samples
        told = bounds.lower.at[:, : of_seen.lower.shape[1]].get()
        bounds = bounds._replace(
            lower=bounds.lower.at[:, : told.shape[1]].set(_tightest([told, of_seen.lower], jnp.argmax))
        )
    share = jax.vmap(jax.vmap(jax.vmap(case.share_right, (0, None))), (0, None))(models, case.tasks)  # [t, x, r]
    return Study(bounds, of_seen, injection, theory.estimate(share.mean(1).T), jnp.stack(effective))


def _classified(key: Array, features: Array, size: Size) -> tuple[Array, Array]:
    """The classifier's values [replica, t], and its log-posterior of the replicas it held out [t, x, r, x']."""
    train = jax.jit(jax.vmap(partial(classifier_bound, num_steps=size.num_steps)))
    # the last replicas are held out, the first are those of the sandwich
    found = train(jax.random.split(key, features.shape[0]), jnp.flip(features, 2))
    return _spread(jnp.flip(found.values, 1).T, size.num_models), jnp.flip(found.log_posterior, 2)


def _of_real(key: Array, case: Case, num_replicas: int) -> Bounds:
    """I(X;D_real), whose law is known: both ends are the same."""
    draw = partial(_draw, seen=lambda key, _, task: task.sample(key, case.num_samples))
    data = draw(key, model=_repeat(case.tasks, num_replicas), tasks=case.tasks)  # [x, r, n, …]
    log_likelihood = jax.vmap(case.log_likelihood, (0, None))(data, case.tasks)  # [x, r, x']
    values = theory.stratified_information(jnp.swapaxes(log_likelihood, 0, 1))
    return Bounds(values, values)


def _draw(key: Array, seen: Callable[[Array, Any, Any], Any], model: Any, tasks: Any) -> Any:
    """What is seen of models [x, r, …], a task each."""
    keys = jax.random.split(key, jax.tree.leaves(model)[0].shape[:2])
    return jax.jit(jax.vmap(jax.vmap(seen, (0, 0, None))))(keys, model, tasks)


def _injected(log_prob: Callable[[Any, Any], Array], data: Any, tasks: Any, log_posterior: Array, size: int) -> Array:
    """Values of an upper bound on I(X;S|Z,D) [replica], from the replicas that the classifier held out."""
    held_out = jax.tree.map(lambda leaf: leaf[:, : log_posterior.shape[1]], data)
    log_probs = jax.vmap(jax.vmap(jax.vmap(log_prob, (None, 0)), (0, None)), (0, None))(held_out, tasks)  # [x, r, x']
    own = jnp.diagonal(log_probs, axis1=0, axis2=2).T
    return _spread((own - logsumexp(log_probs + log_posterior, axis=2)).mean(0), size)


def _closed(below: Array, seen: Bounds) -> Bounds:
    """Information falls: a later lower bound, and an earlier upper bound, hold too."""
    last = below.shape[1]
    lower = [
        _tightest(
            [below[:, s] for s in range(t, last)] + [seen.lower[:, s] for s in range(t + 1, seen.lower.shape[1])],
            jnp.argmax,
        )
        for t in range(last)
    ]
    upper = [
        _tightest([seen.upper[:, s] for s in range(min(t + 1, seen.upper.shape[1]))], jnp.argmin) for t in range(last)
    ]
    return Bounds(jnp.stack(lower, 1), jnp.stack(upper, 1))


def _open(below: Array, seen: Bounds, injected: list[Array]) -> tuple[Bounds, Array]:
    """What was seen, or what was known and what was injected."""
    upper, injection = [seen.upper[:, 0]], [seen.upper[:, 0]]
    for t, values in enumerate(injected, 1):
        injection.append(upper[-1] + values)
        candidates = [injection[-1]] + [seen.upper[:, t]] * (t < seen.upper.shape[1])
        upper.append(_tightest(candidates, jnp.argmin))
    return Bounds(below, jnp.stack(upper, 1)), jnp.stack(injection, 1)


def _tightest(candidates: list[Array], best: Callable[[Array], Array]) -> Array:
    """The values [replica, …] of the best mean."""
    values = jnp.stack(candidates)
    return jnp.take_along_axis(values, best(values.mean(1), axis=0)[None, None], 0)[0]


def _spread(values: Array, num_replicas: int) -> Array:
    """The mean over some replicas [r, …] as jackknife pseudo-values over more: the others add nothing to it."""
    mean = values.mean(0, keepdims=True)
    added = (values - mean) * (num_replicas / values.shape[0])
    return mean + jnp.pad(added, ((0, num_replicas - values.shape[0]), *[(0, 0)] * (values.ndim - 1)))


def _repeat(tasks: Any, num_replicas: int) -> Any:
    return jax.tree.map(lambda leaf: jnp.repeat(leaf[:, None], num_replicas, 1), tasks)
