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
from experiments.questions.bracket import Case, Feedback, Loop, four
from sandbox import MarkovChain
from sandbox.regions import Transitions

SHARE = 0.2  # of the steps of a path, drawn by the true chain
# cut irrational numbers: up to 100 symbols no two rows of counts have one fit (theory.markov.smallest_gap)
SMOOTHING = {2: (0.31415926, 0.4721359), 3: (0.70710678, 0.73205081, 0.23606798)}
TWO_RATES = 0.8, 0.3

Right = Callable[[MarkovChain], Array]  # which steps are right [state, next], bool


class Task(NamedTuple):
    """A true chain, and what enters the loop."""

    chain: MarkovChain
    feedback: Feedback


class Seen(NamedTuple):
    """Counts of the first symbol and of the steps [K + K²]: of a path, of what was kept of it, of what is fresh."""

    path: Array
    accepted: Array
    fresh: Array


class Judge(NamedTuple):
    """A Verifier for which right is what `passes` says of the task, or where `own` of the model itself."""

    feedback: Feedback
    chain: MarkovChain
    passes: Any  # a Right, as a jax.tree_util.Partial

    def __call__(self, key: Array, model: MarkovChain, x: Array, /) -> Array:
        """The verdict on each symbol."""
        correct = jnp.where(self.feedback.own, self.passes(model), self.passes(self.chain))
        return sandbox.Verifier(self.feedback.tpr, self.feedback.fpr, Transitions(correct))(key, model, x)


class Interleaved(NamedTuple):
    """Z_{t+1} = fit to a path that Z_t writes, but for a share of its steps, which the true chain takes.

    Where the share is 0, to what the signal keeps of the path.
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
        """The law of the path: of each step, and of the first symbol."""
        return jax.tree.map(lambda own, real: (1 - self.share) * own + self.share * real, model, self.real)


def regime(task: Task) -> Interleaved:
    """Of this task."""
    return Interleaved(task.feedback.share, task.chain)


def flat(chain: MarkovChain) -> Array:
    """Initial law and transitions, or their counts, as one vector [K + K²]."""
    return jnp.concatenate([chain.initial, chain.transition.reshape(-1)])


def path_probs(model: MarkovChain, task: Task) -> Array:
    """The probabilities of the steps of a path [K + K²]."""
    return flat(regime(task).mixed(model))


def acceptance(correct: Array, tpr: Any, fpr: Any) -> Array:
    """The probability to be kept of each first symbol, which passes for right, and of each step [K + K²]."""
    return jnp.where(jnp.concatenate([jnp.ones(correct.shape[0], bool), correct.reshape(-1)]), tpr, fpr)


def counted(x: Array, weights: Array, states: int) -> Array:
    """The weighted counts of a path [K + K²]."""
    return flat(MarkovChain(jnp.zeros(states), jnp.zeros((states, states))).statistics(x, weights))


def make(tasks: MarkovChain, num_samples: int, correct: Right, **probs: Any) -> Case:
    """The case of these tasks.

    Args:
        tasks: The true chains, [x, …].
        num_samples: The length of a path.
        correct: Which steps are right: a verifier asks about the task, a self-judge about the model.
        **probs: `seen_log_likelihood` and `prepare`.
    """
    states = np.shape(tasks.initial)[1]

    def seen(key: Array, model: MarkovChain, task: Task) -> Seen:
        path_key, signal_key, coin_key = jax.random.split(key, 3)
        share = task.feedback.share
        x = regime(task).mixed(model).sample(path_key, num_samples)
        own, real = (1 - share) * jnp.exp(model.log_prob(x)), share * jnp.exp(task.chain.log_prob(x))
        fresh = jax.random.uniform(coin_key, (num_samples,)) < real / (own + real)  # who took the step, given the step
        accepted = judge(task)(signal_key, model, x)
        return Seen(*(counted(x, w, states) for w in (jnp.ones(num_samples), accepted, fresh.astype(float))))

    def judge(task: Task) -> Judge:
        return Judge(task.feedback, task.chain, jax.tree_util.Partial(correct))

    def signal_log_prob(seen: Seen, task: Task) -> Array:
        keeps = acceptance(correct(task.chain), task.feedback.tpr, task.feedback.fpr)
        counts = jnp.stack([seen.accepted, seen.path - seen.accepted]).reshape(1, -1)
        verdicts = theory.count_log_likelihood(counts, jnp.stack([keeps, 1 - keeps]).reshape(1, -1))[0, 0]
        return jnp.where(task.feedback.own, 0, verdicts) + seen.fresh @ jnp.log(flat(task.chain))

    def log_likelihood(x: Array, tasks: Task) -> Array:
        counts = jax.vmap(lambda path: counted(path, jnp.ones(num_samples), states))(x)
        return theory.count_log_likelihood(counts, jax.vmap(flat)(tasks.chain))

    def accuracy(model: MarkovChain, task: Task) -> Array:
        return model.stationary() @ jnp.where(correct(task.chain), model.transition, 0).sum(1)

    return Case(
        num_samples,
        partial(MarkovChain.fit, smoothing=SMOOTHING[states]),
        features,
        accuracy,
        log_likelihood,
        seen,
        signal=judge,
        regime=regime,
        signal_log_prob=signal_log_prob,
        truth=lambda task: task.chain,
        **probs,
    )


def loops(tasks: MarkovChain, feedback: dict[str, Feedback], injective: tuple[str, ...]) -> dict[str, Loop]:
    """These tasks with each feedback."""
    number = np.shape(tasks.initial)[0]
    return {name: Loop(Task(tasks, one.of(number)), one.closed, name in injective) for name, one in feedback.items()}


def features(model: MarkovChain) -> Array:
    """ln of all probabilities [x, r, K + K²], in which the log-likelihood of a path is linear."""
    return jnp.log(jax.vmap(jax.vmap(flat))(model))


def log_odds(model: MarkovChain) -> Array:
    """The same of two states [x, r, 3]."""
    return features(model)[..., ::2] - features(model)[..., 1::2]


def likeliest(chain: MarkovChain) -> Array:
    """The likeliest step from each state."""
    return chain.transition == chain.transition.max(-1, keepdims=True)


def all_verdicts(seen: Seen, latent: tuple[MarkovChain, Task]) -> Array:
    """ln p of paths and all verdicts on their steps [b], but for the number of paths with these counts [b, l]."""

    def distributions(model: MarkovChain, task: Task) -> Array:
        correct = jnp.where(task.feedback.own, likeliest(model), likeliest(task.chain))
        keeps = acceptance(correct, task.feedback.tpr, task.feedback.fpr)
        return jnp.concatenate([path_probs(model, task), keeps, 1 - keeps])

    counts = jnp.concatenate([seen.path, seen.accepted, seen.path - seen.accepted], 1)
    return theory.count_log_likelihood(counts, jax.vmap(distributions)(*latent))


@cache
def two_states(num_samples: int = 10) -> tuple[Case, dict[str, Loop]]:
    """Eight tasks: first 0 with probability .3 or .7, from 0 to 1 with .2 or .4, back with .3 or .6.

    Right is the likeliest step.
    """
    first, there, back = (grid.ravel() for grid in np.meshgrid([0.3, 0.7], [0.2, 0.4], [0.3, 0.6], indexing="ij"))
    initial, *rows = (np.stack([p, 1 - p], 1) for p in (first, 1 - there, back))
    tasks = MarkovChain(initial, np.stack(rows, 1))  # pyright: ignore[reportArgumentType]
    known = loops(tasks, four(*TWO_RATES, SHARE), ("closed", "fresh data"))
    case = make(tasks, num_samples, likeliest, seen_log_likelihood=all_verdicts)
    return case._replace(features=log_odds), known
