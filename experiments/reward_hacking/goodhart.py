"""How far from its start a student is, and what it has gained by its judge and in truth: exact laws, and best of n.

All laws are of each prompt alone; the distance is KL(student ‖ start), the mean over the prompts of a kind.
"""

from functools import cache, partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from scipy.optimize import brentq

from experiments.closed_loop.loops import stream
from experiments.ledger import Settings
from experiments.reward_hacking import student
from experiments.reward_hacking.judge import Cell, When
from experiments.reward_hacking.student import FIRST, NUM_PROMPTS, RIGHT, Outputs, Seen, describe
from theory.best_of_n import best_of as best_of_law
from theory.policies import natural_gradient

STREAM = 133
TIMES = np.concatenate([[0.0], np.geomspace(0.1, 200, 80)])
SIZES = (1, 2, 4, 8, 16, 32, 64)
NUM_DRAWS = 250  # of n outputs, for each prompt


@jax.jit
def path(outputs: Outputs, times: Array) -> Seen:
    """Natural policy gradient, of one judge [t, kind]: π_0 e^{t r}/Z, also the optimum of reward − KL/t.

    Rises fastest in reward, by the nat: no law of the same KL, over all prompts, has more of it.
    """
    laws = jax.vmap(natural_gradient, (0, 0, None))
    return describe(jax.vmap(laws, (None, None, 0))(jnp.asarray(FIRST), outputs.score, times), outputs)


@partial(jax.jit, static_argnums=1)
def best_of(outputs: Outputs, sizes: tuple[int, ...]) -> Seen:
    """The best of n by the judge, of one judge [n, kind]."""
    laws = [jax.vmap(partial(best_of_law, n=n))(jnp.asarray(FIRST), outputs.score) for n in sizes]
    return describe(jnp.stack(laws), outputs)


def seeds(outputs: Outputs) -> list[Outputs]:
    """The judges on axis 0, one by one."""
    return [jax.tree.map(lambda x, i=i: x[i], outputs) for i in range(len(outputs.score))]


def stacked(each: list[Seen]) -> Seen:
    """Those of several judges, on axis 0."""
    return Seen(*(np.stack(leaves) for leaves in zip(*each, strict=True)))


@cache
def exact(settings: Settings, cell: Cell, when: When) -> tuple[Seen, Seen]:
    """The path at TIMES and the best of SIZES, of the judges of a cell [seed, ..., kind]."""
    judges = seeds(student.of(cell, settings, student.judged(settings, when)))
    return stacked([path(x, TIMES) for x in judges]), stacked([best_of(x, SIZES) for x in judges])


def draw(rng: np.random.Generator, outputs: Outputs, n: int, num_draws: int) -> np.ndarray:
    """Reward, truth and length [value, kind] of the best by the judge of n outputs that were drawn from the start."""
    u = rng.random((NUM_PROMPTS, num_draws, n, 1))
    chosen = (np.cumsum(FIRST, 1)[:, None, None, :-1] <= u).sum(3)
    scores = np.take_along_axis(outputs.score[:, None], chosen, 2)
    best = np.take_along_axis(chosen, scores.argmax(2)[..., None], 2)[..., 0]
    values = [np.take_along_axis(x, best, 1) for x in (outputs.score, RIGHT, outputs.length)]
    return np.stack([x.reshape(2, -1).mean(1) for x in values])


@cache
def drawn(settings: Settings, cell: Cell, when: When) -> Seen:
    """The best of SIZES, drawn [seed, n, kind]; but the distance, which no sample shows, is the exact one."""
    rng = np.random.default_rng(np.asarray(jax.random.key_data(stream(settings, STREAM))))
    _, laws = exact(settings, cell, when)
    judges = seeds(student.of(cell, settings, student.judged(settings, when)))
    found = np.stack([[draw(rng, outputs, n, NUM_DRAWS) for n in SIZES] for outputs in judges])
    return Seen(*np.moveaxis(found, 2, 0), kl=laws.kl)


def at_distance(outputs: Outputs, nats: float) -> Seen:
    """The point of the path whose mean KL over all prompts is `nats` [kind]."""

    def away(time: float) -> float:
        return float(path(outputs, np.array([time])).kl.mean()) - nats

    end = 1.0
    while away(end) < 0:
        end *= 2
    seen = path(outputs, np.array([brentq(away, 0, end, xtol=1e-12)]))
    return Seen(*(np.asarray(x)[0] for x in seen))
