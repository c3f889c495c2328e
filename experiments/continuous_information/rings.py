"""Three states on a ring, where one move from each is wrong: what was accepted of a path determines what was rejected.

A verdict always accepts a correct step, and a wrong one with probability ψ. The rejected steps are three unknown
numbers, one a state. What flows into a state flows out of it, but for the two ends of the path, and the length is
known: three equations, so that given the last symbol the rejected steps are known, and the likelihood of what was
accepted is a sum over it.
"""

from functools import cache, partial, reduce
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from scipy.special import gammaln, xlogy

from experiments.continuous_information.chains import SHARE, ChainTask, PathCounts, features, make, path_probs
from experiments.continuous_information.setup import Setup, four
from sandbox import MarkovChain
from theory import markov

RATES = 1.0, 0.7  # of the verifier, and of the self-consistency judge
IMPOSSIBLE = -1e30  # ln 0, finite, so that a product with the zeros of other patterns is no NaN

AHEAD = np.roll(np.eye(3, dtype=bool), 1, axis=1)  # the moves forward
PATTERNS = np.array([[index >> state & 1 for state in range(3)] for index in range(8)], bool)  # who goes forward
WRONG = np.where(PATTERNS[:, :, None], AHEAD.T, AHEAD)  # [pattern, state, next]


class Explained(NamedTuple):
    """What was accepted; for each pattern and last symbol the rejected steps that explain it, and ln of the weight."""

    accepted: Array | np.ndarray  # the first symbol and the steps [12]
    rejected: Array | np.ndarray  # from each state [p, e, 3]
    log_weight: Array | np.ndarray  # [p, e]


def pattern(chain: MarkovChain) -> Array:
    """From which states the likelier move leads forward, as the index of `PATTERNS`."""
    forward = jnp.stack([chain.transition[a, (a + 1) % 3] >= chain.transition[a, (a - 1) % 3] for a in range(3)])
    return jnp.where(forward, jnp.array([1, 2, 4]), 0).sum()


def explain(first: np.ndarray, accepted: np.ndarray, num_samples: int, fpr: float) -> Explained:
    """The paths that what was accepted may come from.

    Args:
        first: The first symbol, [..., 3], one-hot.
        accepted: Counts of accepted steps, [..., 3, 3].
        num_samples: The length of the path.
        fpr: ψ.
    """
    inflow = np.swapaxes(WRONG, 1, 2) - np.eye(3)[None]  # what a rejected step out of `state` adds to each state
    equations = np.concatenate([inflow[:, :2], np.ones((8, 1, 3))], axis=1)
    balance = accepted.sum(-1) - accepted.sum(-2)
    ends = np.eye(3)
    flow = (balance - first)[..., None, :] + ends
    missing = np.broadcast_to((num_samples - 1 - accepted.sum((-1, -2)))[..., None, None], (*flow.shape[:-1], 1))
    known = np.concatenate([flow[..., :2], missing], axis=-1)  # [..., e, equation]
    rejected = np.einsum("pae,...le->...pla", np.linalg.inv(equations), known)  # [..., p, e, state]
    possible = (np.abs(rejected - np.rint(rejected)) < 1e-6).all(-1) & (rejected > -0.5).all(-1)
    rejected = np.where(possible[..., None], np.rint(rejected), 0)
    counts = accepted[..., None, None, :, :] + rejected[..., None] * WRONG[:, None]
    shape = counts.shape[:-2]
    start = np.broadcast_to(first.argmax(-1)[..., None, None], shape)
    paths = markov.log_num_paths(np.rint(counts).astype(int), start, np.broadcast_to(np.arange(3), shape))
    accepted_wrong = (accepted[..., None, :, :] * WRONG).sum(-1)[..., None, :]  # [..., p, 1, state]
    verdicts = gammaln(accepted_wrong + rejected + 1) - gammaln(accepted_wrong + 1) - gammaln(rejected + 1)
    verdicts = (verdicts + xlogy(accepted_wrong, fpr) + xlogy(rejected, 1 - fpr)).sum(-1)
    log_weight = np.where(possible, paths + verdicts, -np.inf)
    return Explained(np.concatenate([first, accepted.reshape(*accepted.shape[:-2], 9)], -1), rejected, log_weight)


def correct(chain: MarkovChain) -> Array:
    """All steps but the less likely move from each state."""
    return ~jnp.asarray(WRONG)[pattern(chain)]


def prepare(seen: PathCounts, tasks: ChainTask, *, num_samples: int) -> Explained:
    """The paths behind what was accepted of each."""
    accepted = np.rint(np.asarray(seen.accepted)).astype(int)
    steps = accepted[..., 3:].reshape(*accepted.shape[:-1], 3, 3)
    return explain(accepted[..., :3], steps, num_samples, float(np.ravel(tasks.inputs.fpr)[0]))


def seen_log_likelihood(seen: Explained, latent: tuple[MarkovChain, ChainTask]) -> Array:
    """ln p of what was accepted [b], for models and tasks [l]."""

    def of_each(model: MarkovChain, task: ChainTask) -> tuple[Array, Array]:
        judged = jnp.where(task.inputs.own, pattern(model), pattern(task.chain))
        return jnp.log(path_probs(model, task)), judged

    return log_likelihood(seen, *jax.vmap(of_each)(*latent))


@cache
def three_states(num_samples: int = 100) -> Setup:
    """Eight tasks: from each state, the likelier move leads forward or backward, with probability .45 to .3."""
    rows = np.where(WRONG, 0.3, 0.45) * ~np.eye(3, dtype=bool) + 0.25 * np.eye(3)
    tasks = MarkovChain(np.full((8, 3), 1 / 3), rows)  # pyright: ignore[reportArgumentType]
    prepared = partial(prepare, num_samples=num_samples)
    inputs = four(*RATES, SHARE)
    options = {"log_likelihood": seen_log_likelihood, "features": features, "prepare": prepared}
    return make(tasks, num_samples, correct, inputs, tuple(inputs), **options)


def log_likelihood(seen: Explained, log_chains: Array, patterns: Array) -> Array:
    """ln p of what was accepted [b, l], for chains with these ln probabilities [l, 12] and patterns [l]."""
    mine = jax.nn.one_hot(patterns, 8, dtype=log_chains.dtype)  # [l, p]
    steps = log_chains[:, 3:].reshape(-1, 3, 3)
    wrong = jnp.where(jnp.asarray(WRONG)[patterns], steps, 0).sum(2)  # ln p of the wrong move from each state
    parameters = jnp.concatenate([(mine[:, :, None] * wrong[:, None, :]).reshape(mine.shape[0], -1), mine], 1).T
    weights = jnp.maximum(seen.log_weight, IMPOSSIBLE)
    by_end = [
        jnp.concatenate([seen.rejected[:, :, e].reshape(weights.shape[0], -1), weights[:, :, e]], 1) @ parameters
        for e in range(3)
    ]
    top = reduce(jnp.maximum, by_end)  # `logsumexp` over a stack takes ten times as long
    total = top + jnp.log(sum(jnp.exp(each - top) for each in by_end))
    return jnp.where(top < IMPOSSIBLE / 2, -jnp.inf, total + seen.accepted.astype(log_chains.dtype) @ log_chains.T)
