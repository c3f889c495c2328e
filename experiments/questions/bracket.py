"""I(X;Z_t) along a loop between two bounds, for any model whose likelihood is known and any signal."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.scipy.special import logsumexp

import sandbox
import theory
from sandbox.regimes import Fit, Regime
from theory.estimators import Bounds, Classified, classifier_bound, pseudo_values, sandwich

_spread = jax.jit(pseudo_values, static_argnums=1)


class Feedback(NamedTuple):
    """What enters a loop: verdicts, of the model about itself where `own`, and a share of real samples."""

    tpr: Any = 1.0
    fpr: Any = 1.0
    own: Any = False
    share: Any = 0.0

    @property
    def closed(self) -> bool:
        """Whether it knows nothing of the task."""
        return self.share == 0 and (self.own or self.tpr == self.fpr)

    def of(self, num_tasks: int) -> "Feedback":
        """The same for each task."""
        return Feedback(*(np.full(num_tasks, value) for value in self))


def four(tpr: float, fpr: float, share: float) -> dict[str, Feedback]:
    """The loops that differ in their numbers alone, so that they share what is compiled."""
    return {
        "closed": Feedback(),
        "self-judge": Feedback(tpr, fpr, own=True),
        "verifier": Feedback(tpr, fpr),
        "fresh data": Feedback(share=share),
    }


class Case(NamedTuple):
    """A model, how it is retrained, and the law of what its fit sees of a generation: functions, of a task each.

    Z_{t+1} must be a function of what is seen of generation t, so that the fit may not start from Z_t. (Where nothing
    is kept the model stays: in the cases here that is too rare to be seen beside a standard error.) What differs
    between loops belongs into their tasks: a `Case` compiles once.
    """

    num_samples: int
    fit: Fit
    features: Callable[[Any], Array]  # models [x, r, …] -> [x, r, feature] or [x, r, element, feature]
    accuracy: Callable[[Any, Any], Array]  # (model, task) -> the expected share of the model's samples that is right
    log_likelihood: Callable[[Any, Any], Array]  # (real samples [b, n, …], tasks [x, …]) -> ln p(d|x) [b, x]
    seen: Callable[[Array, Any, Any], Any]  # (key, model, task) -> what the fit to its samples sees
    seen_log_likelihood: Callable[[Any, Any], Array]  # (seen [b, …], (models, tasks) [l, …]) -> ln p [b, l]
    signal: Callable[[Any], Any] = lambda task: sandbox.KeepAll()
    regime: Callable[[Any], Regime] = lambda task: sandbox.Replace()
    signal_log_prob: Callable[[Any, Any], Array] | None = None  # (seen, task) -> ln p(S|D,x); None: S knows no task
    truth: Callable[[Any], Any] = lambda task: task  # the model that draws real samples
    prepare: Callable[[Any, Any], Any] = lambda seen, tasks: seen  # what the likelihood needs of what is seen [x, r, …]


class Loop(NamedTuple):
    """The tasks of a loop, equally likely, and what else its functions need of each."""

    tasks: Any  # [x, …]
    closed: bool = True  # whether what enters knows nothing of the task; a case without `signal_log_prob` is closed
    injective: bool = False  # whether Z_{t+1} tells all that its fit has seen


class Size(NamedTuple):
    """How much is simulated, for each task: the classifier learns from all replicas, the sandwich has the first."""

    num_generations: int
    num_replicas: int
    num_models: int  # in the averages; at least a fifth of the replicas, which the classifier holds out
    num_data: int  # data sets, at most `num_models`
    num_steps: int = 600  # of the classifier's optimiser
    block: int = 2**19  # entries of the log-likelihood matrix at a time


class Bracketed(NamedTuple):
    """What is known of a loop, generation by generation; bounds are values of the same replicas, [replica, t]."""

    bounds: Bounds  # on I(X;Z_t)
    seen: Bounds  # on what the fit of Z_t has seen
    injection: np.ndarray | None  # from above: I(X;Z_{t−1}) + I(X;S_{t−1}|Z_{t−1},D_{t−1}), t ≥ 1; None if closed
    correct: theory.Estimate  # the share right of Z_t [t]
    effective: np.ndarray  # how many models carry the likelihood of what the fit of Z_t has seen [t], t ≥ 1


def bracket(key: Array, case: Case, loop: Loop, size: Size) -> Bracketed:
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
    loop_key, train_key = jax.random.split(key)
    simulated = _simulate(loop_key, loop.tasks, case, *size[:3])
    models, draws, states, real, correct = jax.tree.map(np.asarray, simulated)
    below, log_posterior = classified(train_key, states, size.num_steps)
    below = np.asarray(_spread(below, size.num_models))
    bounds, effective = [Bounds(real, real)], []
    tasks = jax.tree.map(lambda leaf: np.repeat(np.asarray(leaf)[:, None], size.num_models, 1), loop.tasks)
    for t in range(size.num_generations):
        model = jax.tree.map(lambda leaf: leaf[t], models)  # noqa: B023
        data = case.prepare(jax.tree.map(lambda leaf: leaf[t][:, : size.num_data], draws), loop.tasks)  # noqa: B023
        found = _between(case.seen_log_likelihood, *_single((data, (model, tasks))), size.block)
        bounds.append(found.bounds)
        effective.append(found.effective)
    seen = Bounds(*(np.stack([np.asarray(values, float) for values in ends], 1) for ends in zip(*bounds, strict=True)))
    if loop.closed or case.signal_log_prob is None:
        known, injection = _closed(below, seen), None
    else:
        held_out = jax.tree.map(lambda leaf: leaf[:, :, : log_posterior.shape[2]], draws)
        injected = _injected(held_out, loop.tasks, log_posterior[:-1], case.signal_log_prob)
        injected = np.asarray(_spread(injected, size.num_models))
        known, injection = _open(below, seen, injected, np.log(len(jax.tree.leaves(loop.tasks)[0])))
    if loop.injective:  # what the fit has seen, the model tells
        known = known._replace(lower=_best([known.lower, seen.lower], np.argmax))
    share = theory.Estimate(correct.mean(0), correct.std(0, ddof=1) / len(correct) ** 0.5, len(correct))
    return Bracketed(known, seen, injection, share, np.asarray(effective))


def _check(size: Size) -> None:
    """Raises ValueError unless the parts of the replicas fit into each other."""
    if not size.num_replicas / 5 <= size.num_models <= size.num_replicas:
        accepted = f"num_replicas/5 to num_replicas = {size.num_replicas}"
        raise ValueError(f"num_models: {size.num_models} was given; accepted: {accepted}")
    if not 2 <= size.num_data <= size.num_models:
        raise ValueError(f"num_data: {size.num_data} was given; accepted: 2 to num_models = {size.num_models}")


_between = jax.jit(lambda probs, data, latent, block: sandwich(probs, data, latent, block=block), static_argnums=(0, 3))


def trajectory(key: Array, case: Case, task: Any, num_generations: int) -> tuple[Any, Any]:
    """The models Z_t of one replica [t, …], the first fitted to real samples, and these."""
    real_key, loop_key = jax.random.split(key)
    truth = case.truth(task)
    real = truth.sample(real_key, case.num_samples)
    record = sandbox.run(
        loop_key,
        case.fit(truth, real, jnp.ones(case.num_samples)),
        case.signal(task),
        num_samples=case.num_samples,
        num_generations=num_generations,
        regime=case.regime(task),
        fit=case.fit,
    )
    return record.model, real


@partial(jax.jit, static_argnums=(2, 3, 4, 5))
def _simulate(key: Array, tasks: Any, case: Case, num_generations: int, num_replicas: int, num_models: int):
    """Of a loop: the models of the first replicas [t, x, r, …], what is seen of them, and what `bracket` needs else."""
    run_key, seen_key = jax.random.split(key)
    num_tasks = jax.tree.leaves(tasks)[0].shape[0]

    def each(function: Callable[..., Any], key: Array, num: int, *latents: Any) -> Any:
        """Of so many replicas of each task [x, r, …], as one batch, which is what the sandbox is fast at."""
        repeated = jax.tree.map(lambda leaf: jnp.repeat(jnp.asarray(leaf)[:, None], num, 1), tasks)
        flat = jax.tree.map(lambda leaf: leaf.reshape(-1, *leaf.shape[2:]), (*latents, repeated))
        found = jax.vmap(function)(jax.random.split(key, num_tasks * num), *flat)
        return jax.tree.map(lambda leaf: leaf.reshape(num_tasks, num, *leaf.shape[1:]), found)

    models, x = each(lambda key, task: trajectory(key, case, task, num_generations), run_key, num_replicas)
    models = jax.tree.map(lambda leaf: jnp.moveaxis(leaf, 2, 0), models)
    earlier = jax.tree.map(lambda leaf: leaf[:-1, :, :num_models], models)  # that have a next generation
    keys = jax.random.split(seen_key, num_generations)
    draws = jax.lax.map(lambda both: each(case.seen, both[0], num_models, both[1]), (keys, earlier))
    real = theory.stratified_information(jax.vmap(case.log_likelihood, (1, None))(x[:, :num_models], tasks))
    correct = jax.vmap(jax.vmap(jax.vmap(case.accuracy, (0, None))), (0, None))(models, tasks)
    return earlier, draws, jax.vmap(case.features)(models), real, correct.mean(1).T


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
