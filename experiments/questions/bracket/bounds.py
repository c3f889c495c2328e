"""The bounds on I(X;Z_t): what a classifier reads off the models, and what their fits have seen."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.scipy.special import logsumexp

import theory
from experiments.questions.bracket.loops import (
    Loop,
    Sampler,
    Simulation,
    check,
    check_fit,
    everything,
    num_tasks,
    simulate,
)
from experiments.validation import instance, refuse
from sandbox import inputs, validation
from theory.estimators import Bounds, Classified, classifier_bound, pseudo_values, sandwich

_pseudo_values = jax.jit(pseudo_values, static_argnums=1)


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

    def draw(self, ax: Any, color: str) -> None:
        """The band between the bounds on matplotlib's axes, and 95 % intervals of sampling error outside of it."""
        ends = self.information
        t, (low, high) = np.arange(np.size(ends.lower.mean)), ends.interval()
        ax.fill_between(t, low, high, color=color, alpha=0.15, linewidth=0, label="_95 %")
        ax.fill_between(t, ends.lower.mean, ends.upper.mean, color=color, alpha=0.45, linewidth=0, label="_bracket")
        for name, end in ends._asdict().items():
            ax.plot(t, end.mean, color=color, linewidth=1.4, label=f"_{name} bound")


@inputs.traced("loop, sampler")
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
    instance("simulation", simulation, Simulation, "a bracket.Simulation")
    simulation.check()
    check(tasks, loop)
    validation.key("key", key)
    validation.flag("injective", injective)
    if closed is not None:
        validation.flag("closed", closed)
    if sampler is not None:
        instance("sampler", sampler, Sampler, "a bracket.Sampler, or None")
    whole, sampler = sampler is None, sampler or everything(tasks, loop)
    check_fit(tasks, loop)
    loop_key, train_key = jax.random.split(key)
    simulated = simulate(loop_key, tasks, loop, sampler, *simulation[:3])
    models, draws, states, real, accuracies = jax.tree.map(np.asarray, simulated)
    _check_simulated(states, real, accuracies)
    if whole and not np.isin(draws[1], (0, 1)).all():
        raise refuse("loop.signal", "a weight between 0 and 1", "verdicts of 0 or 1, or a sampler of what the fit sees")
    below, log_posterior = classified(train_key, states, simulation.num_steps)
    below = np.asarray(_pseudo_values(below, simulation.num_models))
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
        injected = np.asarray(_pseudo_values(injected, simulation.num_models))
        known, injection = _open(below, seen, injected, np.log(num_tasks(tasks)))
    if injective:
        known = known._replace(lower=_best([known.lower, seen.lower], np.argmax))
    accuracy = None
    if accuracies is not None:
        error = accuracies.std(0, ddof=1) / len(accuracies) ** 0.5
        accuracy = theory.Estimate(accuracies.mean(0), error, len(accuracies))
    _check_bracket(known.bracket())
    return Bracketed(known, seen, injection, accuracy, np.asarray(effective))


def _check_simulated(states: np.ndarray, real: np.ndarray, accuracies: np.ndarray | None) -> None:
    """Raises where a function of the loop or of the sampler has returned nonsense."""
    if states.ndim not in (4, 5):
        accepted = "features [x, r, feature] or [x, r, element, feature]"
        raise refuse("loop.features", f"an array of shape {list(states.shape[1:])}", accepted)
    if not np.isfinite(states).all():
        raise refuse("loop.fit, loop.features", "a NaN or an infinity", "finite models, and finite features of them")
    if not np.isfinite(real).all():
        raise refuse("sampler.real_log_likelihood", "NaN", "ln p(d|x), −inf where x cannot have made d")
    if accuracies is not None and (accuracies.ndim != 2 or not ((accuracies > -1e-6) & (accuracies < 1 + 1e-6)).all()):
        raise refuse("loop.accuracy", validation.shown(accuracies), "a number in [0, 1] of each model")


def _check_bracket(ends: theory.Bracket) -> None:
    """Raises where the lower end is above the upper one by more than five of their standard errors."""
    low, high = ends
    gap = np.asarray(low.mean) - high.mean - 5 * np.hypot(low.stderr, high.stderr) - 1e-5
    if (gap > 0).any():
        t = int(np.argmax(gap))
        given = f"one whose bracket at t = {t} is {low.mean[t]:.3g} to {high.mean[t]:.3g}"
        raise refuse("loop.fit, sampler", given, "a fit to what the sampler sees alone, and its likelihood")


_between = jax.jit(lambda of, data, latent, block: sandwich(of, data, latent, block=block), static_argnums=(0, 3))


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
