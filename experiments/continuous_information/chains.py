"""Markov chains in loops: a data set is a path, of which the likelihood needs the counts alone."""

from collections.abc import Callable
from functools import cache, partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

import sandbox
import theory
from experiments.continuous_information.setup import Arm, Inputs, Setup, four
from experiments.questions.bracket import Loop, Sampler
from sandbox import MarkovChain
from sandbox.regions import Transitions

SHARE = 0.2  # of the steps of a path, drawn by the true chain
# cut irrational numbers: up to 100 symbols no two rows of counts have one fit (theory.markov.smallest_gap)
SMOOTHING = {2: (0.31415926, 0.4721359), 3: (0.70710678, 0.73205081, 0.23606798)}
TWO_RATES = 0.8, 0.3

Correct = Callable[[MarkovChain], Array]  # which steps are correct [state, next], bool


class ChainTask(NamedTuple):
    """A true chain, and what enters the loop."""

    chain: MarkovChain
    inputs: Inputs


class PathCounts(NamedTuple):
    """Counts of the first symbol and of the steps [K + K²]: of a path, of what was accepted of it, of what is fresh."""

    path: Array
    accepted: Array
    fresh: Array


class ChainJudge(NamedTuple):
    """A Verifier whose correct steps are `steps` of the task, or where `own` of the model itself."""

    inputs: Inputs
    chain: MarkovChain
    steps: Any  # a Correct, as a jax.tree_util.Partial

    def __call__(self, key: Array, model: MarkovChain, x: Array, /) -> Array:
        """The verdict on each symbol."""
        correct = jnp.where(self.inputs.own, self.steps(model), self.steps(self.chain))
        return sandbox.Verifier(self.inputs.tpr, self.inputs.fpr, Transitions(correct))(key, model, x)


class Interleaved(NamedTuple):
    """Z_{t+1} = fit to a path that Z_t writes, but for a share of its steps, which the true chain takes.

    Where the share is 0, to what the signal accepts of the path.
    """

    share: Any
    real: Any

    def given(self, task: Any, real: Any) -> "Interleaved":
        """Nothing to fill in."""
        return self

    def parts(self, key: Array, model: Any, own: Any, num_samples: int) -> list[Any]:
        """A path of both, or the model's own."""
        x, weights = own
        both = self.mixed(model).sample(key, num_samples)
        return [(jnp.where(self.share > 0, both, x), jnp.where(self.share > 0, 1.0, weights))]

    def mixed(self, model: MarkovChain) -> MarkovChain:
        """The distribution of each step of the path, and of the first symbol."""
        return jax.tree.map(lambda own, real: (1 - self.share) * own + self.share * real, model, self.real)


def regime(task: ChainTask) -> Interleaved:
    """Of this task."""
    return Interleaved(task.inputs.share, task.chain)


def flat(chain: MarkovChain) -> Array:
    """Initial distribution and transitions, or their counts, as one vector [K + K²]."""
    return jnp.concatenate([chain.initial, chain.transition.reshape(-1)])


def path_probs(model: MarkovChain, task: ChainTask) -> Array:
    """The probabilities of the steps of a path [K + K²]."""
    return flat(regime(task).mixed(model))


def acceptance(correct: Array, tpr: Any, fpr: Any) -> Array:
    """The probability to be accepted of each first symbol, which counts as correct, and of each step [K + K²]."""
    return jnp.where(jnp.concatenate([jnp.ones(correct.shape[0], bool), correct.reshape(-1)]), tpr, fpr)


def counted(x: Array, weights: Array, states: int) -> Array:
    """The weighted counts of a path [K + K²]."""
    return flat(MarkovChain(jnp.zeros(states), jnp.zeros((states, states))).statistics(x, weights))


def make(
    tasks: MarkovChain,
    num_samples: int,
    correct: Correct,
    inputs: dict[str, Inputs],
    injective: tuple[str, ...],
    log_likelihood: Callable[[Any, Any], Array],
    features: Callable[[Any], Array],
    **prepare: Any,
) -> Setup:
    """The loops of these tasks.

    Args:
        tasks: the true chains [x, …].
        num_samples: the length of a path.
        correct: which steps are correct: a verifier asks about the task, a self-consistency judge about the model.
        inputs: what enters each loop, by name.
        injective: the loops in which a model determines all that its fit has seen.
        log_likelihood: of what a fit sees, as a `Sampler` has it.
        features: of models, as a `Loop` has them.
        **prepare: as a `Sampler` has it.
    """
    states, number = np.shape(tasks.initial)[1], np.shape(tasks.initial)[0]

    def seen(key: Array, model: MarkovChain, task: ChainTask) -> PathCounts:
        path_key, signal_key, coin_key = jax.random.split(key, 3)
        share = task.inputs.share
        x = regime(task).mixed(model).sample(path_key, num_samples)
        own, real = (1 - share) * jnp.exp(model.log_prob(x)), share * jnp.exp(task.chain.log_prob(x))
        fresh = jax.random.uniform(coin_key, (num_samples,)) < real / (own + real)  # who took the step, given the step
        accepted = judge(task)(signal_key, model, x)
        return PathCounts(*(counted(x, w, states) for w in (jnp.ones(num_samples), accepted, fresh.astype(float))))

    def judge(task: ChainTask) -> ChainJudge:
        return ChainJudge(task.inputs, task.chain, jax.tree_util.Partial(correct))

    def signal_log_prob(seen: PathCounts, task: ChainTask) -> Array:
        rates = acceptance(correct(task.chain), task.inputs.tpr, task.inputs.fpr)
        counts = jnp.stack([seen.accepted, seen.path - seen.accepted]).reshape(1, -1)
        verdicts = theory.count_log_likelihood(counts, jnp.stack([rates, 1 - rates]).reshape(1, -1))[0, 0]
        return jnp.where(task.inputs.own, 0, verdicts) + seen.fresh @ jnp.log(flat(task.chain))

    def real_log_likelihood(x: Array, tasks: ChainTask) -> Array:
        counts = jax.vmap(lambda path: counted(path, jnp.ones(num_samples), states))(x)
        return theory.count_log_likelihood(counts, jax.vmap(flat)(tasks.chain))

    def accuracy(model: MarkovChain, task: ChainTask) -> Array:
        return model.stationary() @ jnp.where(correct(task.chain), model.transition, 0).sum(1)

    loop = Loop(
        num_samples,
        signal=judge,
        regime=regime,
        fit=partial(MarkovChain.fit, smoothing=SMOOTHING[states]),
        truth=lambda task: task.chain,
        features=features,
        accuracy=accuracy,
    )
    arms = {name: Arm(ChainTask(tasks, one.of(number)), one.closed, name in injective) for name, one in inputs.items()}
    return Setup(loop, Sampler(seen, log_likelihood, real_log_likelihood, signal_log_prob, **prepare), arms)


def features(model: MarkovChain) -> Array:
    """ln of all probabilities [x, r, K + K²], in which the log-likelihood of a path is linear."""
    return jnp.log(jax.vmap(jax.vmap(flat))(model))


def log_odds(model: MarkovChain) -> Array:
    """The same of two states [x, r, 3]."""
    return features(model)[..., ::2] - features(model)[..., 1::2]


def likeliest(chain: MarkovChain) -> Array:
    """The likeliest step from each state."""
    return chain.transition == chain.transition.max(-1, keepdims=True)


def all_verdicts(seen: PathCounts, latent: tuple[MarkovChain, ChainTask]) -> Array:
    """ln p of paths and all verdicts on their steps [b], but for the number of paths with these counts [b, l]."""

    def distributions(model: MarkovChain, task: ChainTask) -> Array:
        correct = jnp.where(task.inputs.own, likeliest(model), likeliest(task.chain))
        rates = acceptance(correct, task.inputs.tpr, task.inputs.fpr)
        return jnp.concatenate([path_probs(model, task), rates, 1 - rates])

    counts = jnp.concatenate([seen.path, seen.accepted, seen.path - seen.accepted], 1)
    return theory.count_log_likelihood(counts, jax.vmap(distributions)(*latent))


@cache
def two_states(num_samples: int = 10) -> Setup:
    """Eight tasks: first 0 with probability .3 or .7, from 0 to 1 with .2 or .4, back with .3 or .6.

    Correct is the likeliest step.
    """
    first, there, back = (grid.ravel() for grid in np.meshgrid([0.3, 0.7], [0.2, 0.4], [0.3, 0.6], indexing="ij"))
    initial, *rows = (np.stack([p, 1 - p], 1) for p in (first, 1 - there, back))
    tasks = MarkovChain(initial, np.stack(rows, 1))  # pyright: ignore[reportArgumentType]
    inputs = four(*TWO_RATES, SHARE)
    return make(tasks, num_samples, likeliest, inputs, ("closed", "fresh data"), all_verdicts, log_odds)
