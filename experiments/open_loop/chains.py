"""Open loops in which every information is exact, and their simulation.

X says which of two symbols is right, both equally likely; real data have the right one with share p; a verifier keeps
right samples with probability φ and wrong ones with ψ.
"""

from functools import lru_cache
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

import sandbox
import theory
from experiments.ledger import Settings
from sandbox import regions
from theory import drift

PRIOR = np.full(2, 0.5)
NUM_GENERATIONS = 12


class Scene(NamedTuple):
    """A loop with a verifier."""

    title: str
    share: float  # p, of the right symbol in real data
    tpr: float  # φ
    fpr: float  # ψ
    num_samples: int  # n: proposals, or samples kept; as many real ones

    @property
    def text(self) -> str:
        """The parameters, as a setting."""
        return f"p = {self.share:g}, φ = {self.tpr:g}, ψ = {self.fpr:g}, n = {self.num_samples}"

    @property
    def acceptances(self) -> np.ndarray:
        """P(keep | symbol, task) [x, k]: symbol x is right in task x."""
        return np.array([[self.tpr, self.fpr], [self.fpr, self.tpr]])

    @property
    def tasks(self) -> np.ndarray:
        """The laws of real data [x, k]."""
        return np.array([[self.share, 1 - self.share], [1 - self.share, self.share]])


LITTLE_KNOWN = Scene("real data say next to nothing", 0.52, 0.9, 0.3, 10)
RARE = Scene("what is right is rare", 0.1, 0.9, 0.3, 10)
WEAK = Scene("the verifier is weak", 0.6, 1.0, 0.9, 10)
SCENES = (LITTLE_KNOWN, RARE, WEAK)


class Exact(NamedTuple):
    """A loop, computed."""

    information: np.ndarray  # I(X;Z_t) [t]
    injected: np.ndarray  # I(X;S_t|Z_t,D_t) [t − 1]; empty until kept, where the number of verdicts is random
    right: np.ndarray  # the expected share of right outputs [t]
    laws: np.ndarray  # [t, x, s]
    states: np.ndarray  # [s, k]


@lru_cache
def filtering(scene: Scene, num_generations: int = NUM_GENERATIONS) -> Exact:
    """n proposals in each generation, of which some are kept."""
    n = scene.num_samples
    chains = [drift.filtering_kernel(n, acceptance) for acceptance in scene.acceptances]
    starts = jnp.stack([drift.filtering_initial(n, task) for task in scene.tasks])
    laws = drift.laws(starts, jnp.stack([chain.kernel for chain in chains]), num_generations)
    injected = drift.verdict_information(PRIOR, laws[:-1], chains[0].states, scene.acceptances, n)
    return _exact(laws, chains[0].states, injected)


@lru_cache
def until_kept(scene: Scene, num_generations: int = NUM_GENERATIONS) -> Exact:
    """Sampling until n are kept in each generation."""
    n = scene.num_samples
    kernels = jnp.stack([drift.selection_kernel(n, acceptance) for acceptance in scene.acceptances])
    starts = jnp.stack([drift.initial(n, task) for task in scene.tasks])
    laws = drift.laws(starts, kernels, num_generations)
    return _exact(laws, drift.lattice(n, 2) / n, None)


def _exact(laws, states, injected) -> Exact:
    information = jax.vmap(lambda law: theory.mutual_information(law / 2))(laws)
    right = (laws[:, 0] @ states[:, 0] + laws[:, 1] @ states[:, 1]) / 2
    leaves = (information, np.full(0, 0.0) if injected is None else injected, right, laws, states)
    return Exact(*map(np.asarray, leaves))


class Simulated(NamedTuple):
    """A loop of the sandbox, in pairs of replicas, one a task."""

    pointwise: np.ndarray  # ln p(z|x)/p(z) under the exact law [replica, t]
    right: np.ndarray  # the share of right outputs that the model gives [replica, t]
    kept: np.ndarray  # the share of proposals kept [replica, t]


@lru_cache
def simulated(scene: Scene, keep: bool, settings: Settings) -> Simulated:
    """The same loop run by the sandbox; `keep`: until n are kept."""
    exact = (until_kept if keep else filtering)(scene)
    num_replicas = 10_000 if settings.full else 2_000

    def verifier(key: jax.Array, task: sandbox.Categorical) -> sandbox.Verifier:
        first = (task.probs[0] > 0.5) == (scene.share > 0.5)  # which symbol is right depends on the task
        right = regions.Symbols(jnp.stack([first, ~first]))
        return sandbox.Verifier(jnp.asarray(scene.tpr), jnp.asarray(scene.fpr), right)

    record = sandbox.ensemble(
        jax.random.fold_in(jax.random.key(settings.seed), 100 + keep),
        sandbox.Categorical(jnp.asarray(scene.tasks)),
        verifier,
        num_samples=scene.num_samples,
        num_generations=NUM_GENERATIONS,
        num_replicas=num_replicas,
        num_real=scene.num_samples,
        until_kept=keep,
        progress=False,
    )
    probs = record.model.probs  # [x, r, t, k]
    tables = np.asarray(jax.vmap(drift.pointwise_information, (None, 0))(jnp.asarray(PRIOR), jnp.asarray(exact.laws)))
    states = np.searchsorted(exact.states[:, 0], probs[..., 0] - 1e-9)
    task, generation = np.arange(2)[:, None, None], np.arange(NUM_GENERATIONS + 1)[None, None, :]
    pointwise = tables[generation, task, states].mean(0)
    right = np.stack([probs[0, ..., 0], probs[1, ..., 1]]).mean(0)
    return Simulated(pointwise, right, np.asarray(record.kept).mean(0))
