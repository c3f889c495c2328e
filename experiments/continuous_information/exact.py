"""The exact information in the loops of `chains.two_states`, on the counts that each model is fitted to."""

from functools import lru_cache, partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

from experiments.continuous_information import chains
from sandbox import MarkovChain
from theory import drift, markov

SMOOTHING = np.array(chains.SMOOTHING[2])


@lru_cache
def information(loop: str, num_generations: int, num_samples: int = 12) -> Float[np.ndarray, " t"]:
    """I(X;Z_t), t = 0 … T, of one of the four loops, in nats.

    A fit tells the counts that it was made from, on which the loop is a Markov chain. What a verdict keeps of a path is
    binomial, count by count; with fresh steps a path is one of the mixed chain.

    Args:
        loop: "closed", "self-judge", "verifier" or "fresh data".
        num_generations: T.
        num_samples: The length of a path.

    Returns:
        [t].

    Raises:
        KeyError: Where there is no such loop.
    """
    tasks = chains.two_states(num_samples).tasks
    prior = np.full(len(tasks.initial), 1 / len(tasks.initial))
    chain = {"closed": _closed, "self-judge": _self_judge, "verifier": _verifier, "fresh data": _fresh}[loop]
    return np.asarray(drift.information(prior, *chain(tasks, num_samples), num_generations))


def _closed(tasks: MarkovChain, num_samples: int) -> tuple[Array, Array]:
    """The laws of the counts of a real path [x, s], and the kernel [s, s]."""
    return _path_laws(tasks, num_samples), _path_laws(_fits(markov.path_counts(num_samples)), num_samples)


def _fresh(tasks: MarkovChain, num_samples: int) -> tuple[Array, Array]:
    models = _fits(markov.path_counts(num_samples))
    mixed = jax.vmap(lambda task: jax.vmap(chains.Interleaved(chains.SHARE, task).mixed)(models))(tasks)
    every = jax.tree.map(lambda leaf: leaf.reshape(-1, *leaf.shape[2:]), mixed)  # [x·s, …]
    kernels = _path_laws(every, num_samples).reshape(len(tasks.initial), len(models.initial), -1)
    return _path_laws(tasks, num_samples), kernels


def _self_judge(tasks: MarkovChain, num_samples: int) -> tuple[Array, Array]:
    states = markov.kept_counts(num_samples)
    kernel = markov.kept_kernel(num_samples, *_acceptance(_fits(states)), smoothing=SMOOTHING)
    return markov.initial_laws(*tasks, num_samples, states), kernel


def _verifier(tasks: MarkovChain, num_samples: int) -> tuple[Array, Array]:
    kernel = partial(markov.kept_kernel, num_samples, smoothing=SMOOTHING)
    kernels = jnp.stack([kernel(*rates) for rates in zip(*_acceptance(tasks), strict=True)])
    return markov.initial_laws(*tasks, num_samples, markov.kept_counts(num_samples)), kernels


def _fits(states: markov.Counts | markov.PathCounts) -> MarkovChain:
    return MarkovChain(*markov.fits(states, SMOOTHING))


def _path_laws(chain: MarkovChain, num_samples: int) -> Float[Array, "chain s"]:
    """The law of the counts of a path, under each chain."""
    return markov.laws(*chain, num_samples, 0, smoothing=SMOOTHING)[0]


def _acceptance(chain: MarkovChain) -> tuple[Float[Array, "chain 2 2"], Float[Array, "chain 2"]]:
    """Of each step, and of the first symbol, which passes for right, where right is what the chain finds likeliest."""
    rates = jax.vmap(lambda chain: chains.acceptance(chains.likeliest(chain), chains.TWO_RATES))(chain)
    return rates[:, 2:].reshape(-1, 2, 2), rates[:, :2]
