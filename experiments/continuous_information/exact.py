"""The exact information in the loops of `chains.two_states`, on the counts that each model is fitted to."""

from collections.abc import Sequence
from functools import cache

import jax
import numpy as np
from jaxtyping import Float
from scipy.special import rel_entr

from experiments.continuous_information import chains
from sandbox import MarkovChain
from theory import markov

SMOOTHING = np.array(chains.SMOOTHING[2])


@cache
def information(loop: str, num_generations: int, num_samples: int = 10) -> Float[np.ndarray, " t"]:
    """I(X;Z_t), t = 0 … T, of one of the four loops, in nats.

    A fit determines the counts that it was made from, on which the loop is a Markov chain. What a verdict accepts of a
    path is binomial, count by count; with fresh steps a path is one of the mixed chain.

    Args:
        loop: "closed", "self-consistency", "verifier" or "fresh data".
        num_generations: T.
        num_samples: The length of a path.

    Returns:
        [t].

    Raises:
        KeyError: Where there is no such loop.
    """
    tasks = chains.two_states(num_samples).arms[loop].tasks
    distributions, kernels = (_judged if loop in ("self-consistency", "verifier") else _whole)(tasks, num_samples)
    found = []
    for _ in range(num_generations + 1):
        joint = distributions / len(distributions)
        found.append(rel_entr(joint, joint.sum(1, keepdims=True) * joint.sum(0)).sum())
        distributions = np.stack([one @ kernel for one, kernel in zip(distributions, kernels, strict=True)])
    return np.array(found)


def _whole(tasks: chains.ChainTask, num_samples: int) -> tuple[np.ndarray, np.ndarray]:
    """Distributions of the counts of a real path [x, s], and kernels of whole paths, mixed with the true chain."""
    models = MarkovChain(*map(np.asarray, markov.fits(markov.path_counts(num_samples), SMOOTHING)))  # pyright: ignore[reportArgumentType]
    of_each = [jax.tree.map(lambda leaf: np.asarray(leaf)[x], tasks) for x in range(len(tasks.chain.initial))]  # noqa: B023
    mixed = [chains.regime(task).mixed(models) for task in of_each]
    every = jax.tree.map(lambda *leaves: np.concatenate(leaves), *mixed)  # [x·s, …]
    return _path_distributions(tasks.chain, num_samples), np.split(_path_distributions(every, num_samples), len(mixed))  # pyright: ignore


def _judged(tasks: chains.ChainTask, num_samples: int) -> tuple[np.ndarray, Sequence[np.ndarray]]:
    """The same where a judge rejects steps; tasks with the same judge share a kernel."""
    states = markov.accepted_counts(num_samples)
    judges = MarkovChain(*markov.fits(states, SMOOTHING)) if tasks.inputs.own[0] else tasks.chain
    tpr, fpr = tasks.inputs.tpr[0], tasks.inputs.fpr[0]
    accepts = np.where(chains.likeliest(judges), tpr, fpr)  # [s or x, state, next]
    first = np.full(2, tpr)

    def kernel(accept: np.ndarray) -> np.ndarray:
        firsts = np.broadcast_to(first, (*accept.shape[:-2], 2))
        return np.asarray(markov.accepted_kernel(num_samples, accept, firsts, smoothing=SMOOTHING))

    distributions = np.asarray(markov.initial_distributions(*tasks.chain, num_samples, states))
    if tasks.inputs.own[0]:
        return distributions, [kernel(accepts)] * len(distributions)
    each, which = np.unique(accepts, axis=0, return_inverse=True)
    kernels = [kernel(accept) for accept in each]
    return distributions, [kernels[i] for i in which.reshape(-1)]


def _path_distributions(chain: MarkovChain, num_samples: int) -> Float[np.ndarray, "chain s"]:
    """The distribution of the counts of a path, under each chain."""
    return np.asarray(markov.distributions(*chain, num_samples, 0, smoothing=SMOOTHING)[0])
