"""A budget of looks: spread over new questions, or spent on the same ones again; exact.

There are many independent prompts, each with one of two classes; a look is a verdict on one answer to one prompt.
"""

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float
from scipy import stats

import theory
from theory import supervision

BUDGET = 64  # looks, and as many prompts
DISTINCT = (1, 2, 4, 8, 16, 32, 64)
VERIFIERS = ((1.0, 0.0), (0.9, 0.1), (0.8, 0.2), (0.65, 0.35))
NOISY = (0.8, 0.2)
SURE = 0.95
EVEN = (0.5, 0.5)
BLOCKS = (0.6, 0.39, 0.01)  # one task, three blocks; a query asks whether it is this one


def asks(verifier: tuple[float, float], num_blocks: int) -> Float[np.ndarray, "query block symbol"]:
    """p(symbol | block, query): query b asks whether the block is b."""
    accepts = np.where(np.eye(num_blocks, dtype=bool), *verifier)
    return np.stack([1 - accepts, accepts], axis=2)


@cache
def repeated(verifier: tuple[float, float], looks: int, prior: tuple[float, ...] = EVEN, query: int = 0) -> float:
    """I(X;S_1…S_k) of k looks at one question, in nats."""
    return float(_told(jnp.array(prior), asks(verifier, len(prior)), (query,) * looks))


_told = jax.jit(supervision.coverage, static_argnums=2)


def spread(verifier: tuple[float, float], distinct: int) -> float:
    """What the budget tells of all prompts, in nats: m prompts, each looked at BUDGET/m times."""
    return distinct * repeated(verifier, BUDGET // distinct)


def own_entropy(query: int, prior: tuple[float, ...]) -> float:
    """H(f_q(X)), which no number of looks at query q passes, in nats."""
    return float(theory.entropy([prior[query], 1 - prior[query]]))


def after(query: int, looks: tuple[int, ...], verifier: tuple[float, float], prior: tuple[float, ...]) -> float:
    """What one more look tells, I(X;S_q|looks), in nats."""
    channel = asks(verifier, len(prior))
    return float(_told(jnp.array(prior), channel, (*looks, query)) - _told(jnp.array(prior), channel, looks))


def sure(distinct: int, verifier: tuple[float, float] = NOISY) -> float:
    """The expected share of the prompts whose class is known with probability SURE or more, given all looks.

    Of k looks that accept a times, the log-odds are a ln(tpr/fpr) + (k−a) ln((1−tpr)/(1−fpr)).
    """
    (tpr, fpr), k = verifier, BUDGET // distinct
    accepted = np.arange(k + 1)
    odds = accepted * np.log(tpr / fpr) + (k - accepted) * np.log((1 - tpr) / (1 - fpr))
    laws = [stats.binom.pmf(accepted, k, rate) for rate in (tpr, fpr)]
    return distinct / BUDGET * float(np.mean(laws, 0)[np.abs(odds) >= np.log(SURE / (1 - SURE))].sum())


def random_bounds(seed: int, num_looks: int = 4) -> Float[np.ndarray, " table"]:
    """Σ I(X;S_i) − I(X;S_1…S_k) of 256 random tasks, 3 queries × 5 tasks × 3 symbols, the first put twice."""
    rng = np.random.default_rng(seed)
    priors = jnp.asarray(rng.dirichlet(np.full(5, 0.5), 256))
    channels = jnp.asarray(rng.dirichlet(np.full(3, 0.4), (256, num_looks - 1, 5)))
    queries = (0, *range(num_looks - 1))

    def slack(prior, channel):
        singles = supervision.query_information(prior, channel)[jnp.asarray(queries)]
        return theory.claims.coverage(supervision.coverage(prior, channel, queries), singles)

    return np.asarray(jax.jit(jax.vmap(slack))(priors, channels))
