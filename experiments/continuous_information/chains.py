"""Markov chains in four loops: a data set is a path, of which the likelihood needs the counts alone."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

import sandbox
import theory
from experiments.continuous_information.study import Case, Loop
from sandbox import MarkovChain
from sandbox.regimes import refit, whole
from sandbox.regions import Transitions

SHARE = 0.2  # of the steps of a path, drawn by the true chain
# cut irrational numbers: up to 100 symbols no two rows of counts have one fit (theory.markov.smallest_gap)
SMOOTHING = {2: (0.31415926, 0.4721359), 3: (0.70710678, 0.73205081, 0.23606798)}

Right = Callable[[MarkovChain], Array]  # which steps are right [state, next], bool


class Seen(NamedTuple):
    """Counts of the first symbol and of the steps [K + K²]: of a path, of what was kept of it, of what is fresh."""

    path: Array
    kept: Array
    fresh: Array


class OwnSteps(NamedTuple):
    """A self-judge: a Verifier for which right is what `passes` says of the model itself."""

    tpr: float
    fpr: float
    passes: Any  # a Right, as a jax.tree_util.Partial

    def __call__(self, key: Array, model: MarkovChain, x: Array, /) -> Array:
        """The verdict on each symbol."""
        return sandbox.Verifier(self.tpr, self.fpr, Transitions(self.passes(model)))(key, model, x)


class Interleaved(NamedTuple):
    """Z_{t+1} = fit to a path that Z_t writes, but for a share of its steps, which the true chain takes."""

    share: float
    real: Any = None

    def given(self, task: Any, real: Any) -> "Interleaved":
        """The true chain, where it was left out."""
        return self if self.real is not None else self._replace(real=task)

    def start(self, model: Any, num_rows: int, num_generations: int, fit: Any) -> tuple[()]:
        """Nothing to remember."""
        return ()

    def retrain(self, memory: Any, key: Array, t: Array, model: Any, part: Any, num_samples: int, fit: Any) -> Any:
        """Fits to a path of both."""
        return memory, refit(model, [whole(self.mixed(model).sample(key, num_samples))], fit)

    def mixed(self, model: MarkovChain) -> MarkovChain:
        """The law of the path: of each step, and of the first symbol."""
        return jax.tree.map(lambda own, real: (1 - self.share) * own + self.share * real, model, self.real)


def flat(chain: MarkovChain) -> Array:
    """Initial law and transitions, or their counts, as one vector [K + K²]."""
    return jnp.concatenate([chain.initial, chain.transition.reshape(-1)])


def acceptance(right: Array, rates: tuple[float, float]) -> Array:
    """The probability to be kept of each first symbol, which passes for right, and of each step [K + K²]."""
    return jnp.where(jnp.concatenate([jnp.ones(right.shape[0], bool), right.reshape(-1)]), *rates)


def of_path(seen: Seen, latent: tuple[MarkovChain, MarkovChain]) -> Array:
    """ln p of paths [b] under models [l], but for the number of paths with these counts."""
    return theory.count_log_likelihood(seen.path, jax.vmap(flat)(latent[0]))


def all_verdicts(right: Right, rates: tuple[float, float], whose: int) -> dict[str, Any]:
    """The fields of a `Loop` bounded by a path and all verdicts; `whose` they are: 0 the model's, 1 the task's."""

    def log_likelihood(seen: Seen, latent: tuple[MarkovChain, MarkovChain]) -> Array:
        keeps = jax.vmap(lambda chain: acceptance(right(chain), rates))(latent[whose])
        counts = jnp.concatenate([seen.path, seen.kept, seen.path - seen.kept], 1)
        return theory.count_log_likelihood(counts, jnp.concatenate([jax.vmap(flat)(latent[0]), keeps, 1 - keeps], 1))

    return {"log_likelihood": log_likelihood}


def four_loops(
    tasks: MarkovChain,
    num_samples: int,
    right: Right,
    rates: tuple[float, float],
    judged: Callable[[int], dict[str, Any]],
    share: float = SHARE,
) -> Case:
    """Four loops of these tasks.

    Args:
        tasks: The true chains, [x, …].
        num_samples: The length of a path.
        right: Which steps are right: the verifier asks about the task, the self-judge about the model.
        rates: (tpr, fpr) of both.
        judged: Whose verdict (0 the model's, 1 the task's) -> the fields of a `Loop` that say what of it is seen.
        share: The share of steps that the true chain takes in the loop with fresh data.
    """
    own = OwnSteps(*rates, jax.tree_util.Partial(right))
    keep, replace = sandbox.KeepAll(), sandbox.Replace()

    def verifier(task: MarkovChain) -> sandbox.Verifier:
        return sandbox.Verifier(*rates, Transitions(right(task)))

    def of_verdicts(seen: Seen, task: MarkovChain) -> Array:
        keeps = acceptance(right(task), rates)[None]
        counts = jnp.stack([seen.kept, seen.path - seen.kept]).reshape(1, -1)
        return theory.count_log_likelihood(counts, jnp.concatenate([keeps, 1 - keeps], 1))[0, 0]

    def of_real(x: Array, chains: MarkovChain) -> Array:
        counts = jax.vmap(lambda path: counted(path, jnp.ones(num_samples), chains.initial.shape[1]))(x)
        return theory.count_log_likelihood(counts, jax.vmap(flat)(chains))

    def share_right(model: MarkovChain, task: MarkovChain) -> Array:
        return model.stationary() @ jnp.where(right(task), model.transition, 0).sum(1)

    loops = {
        "closed": Loop(keep, replace, _judged(num_samples, lambda _: keep), of_path, injective=True),
        "self-judge": Loop(own, replace, _judged(num_samples, lambda _: own), **judged(0)),
        "verifier": Loop(
            lambda _, task: verifier(task),
            replace,
            _judged(num_samples, verifier),
            **judged(1),
            signal_log_prob=of_verdicts,
        ),
        "fresh data": interleaved(num_samples, share),
    }
    fit = partial(MarkovChain.fit, smoothing=SMOOTHING[tasks.initial.shape[1]])
    return Case(tasks, num_samples, fit, features, share_right, of_real, loops)


def interleaved(num_samples: int, share: float) -> Loop:
    """The true chain takes a share of the steps, and the fit does not see which."""

    def seen(key: Array, model: MarkovChain, task: MarkovChain) -> Seen:
        path_key, coin_key = jax.random.split(key)
        x = Interleaved(share, task).mixed(model).sample(path_key, num_samples)
        own, real = (1 - share) * jnp.exp(model.log_prob(x)), share * jnp.exp(task.log_prob(x))
        fresh = jax.random.uniform(coin_key, (num_samples,)) < real / (own + real)  # who took the step, given the step
        path, from_task = (counted(x, w, model.initial.size) for w in (jnp.ones(num_samples), fresh.astype(float)))
        return Seen(path, path, from_task)

    def of_mixed(seen: Seen, latent: tuple[MarkovChain, MarkovChain]) -> Array:
        mixed = jax.vmap(lambda model, task: flat(Interleaved(share, task).mixed(model)))(*latent)
        return theory.count_log_likelihood(seen.path, mixed)

    def of_fresh(seen: Seen, task: MarkovChain) -> Array:
        return seen.fresh @ jnp.log(flat(task))

    return Loop(sandbox.KeepAll(), Interleaved(share), seen, of_mixed, of_fresh, injective=True)


def counted(x: Array, weights: Array, states: int) -> Array:
    """The weighted counts of a path [K + K²]."""
    return flat(MarkovChain(jnp.zeros(states), jnp.zeros((states, states))).statistics(x, weights))


def _judged(num_samples: int, signal: Callable[[MarkovChain], Any]) -> Callable[..., Seen]:
    def seen(key: Array, model: MarkovChain, task: MarkovChain) -> Seen:
        sample_key, signal_key = jax.random.split(key)
        x = model.sample(sample_key, num_samples)
        weights = jnp.ones(num_samples), signal(task)(signal_key, model, x)
        path, kept = (counted(x, w, model.initial.size) for w in weights)
        return Seen(path, kept, jnp.zeros_like(path))

    return seen


def features(model: MarkovChain) -> Array:
    """ln of all probabilities [x, r, K + K²], in which the log-likelihood of a path is linear."""
    return jnp.log(jax.vmap(jax.vmap(flat))(model))


def likeliest(chain: MarkovChain) -> Array:
    """The likeliest step from each state."""
    return chain.transition == chain.transition.max(1, keepdims=True)


TWO_RATES = 0.8, 0.3


def two_states(num_samples: int = 12) -> Case:
    """Four tasks: from 0 to 1 with probability .2 or .4, back with .3 or .6; right is the likeliest step."""
    there, back = (grid.ravel() for grid in jnp.meshgrid(jnp.array([0.2, 0.4]), jnp.array([0.3, 0.6]), indexing="ij"))
    rows = jnp.stack([jnp.stack([1 - there, there], 1), jnp.stack([back, 1 - back], 1)], 1)
    tasks = MarkovChain(jnp.full((4, 2), 0.5), rows)
    return four_loops(tasks, num_samples, likeliest, TWO_RATES, partial(all_verdicts, likeliest, TWO_RATES))
