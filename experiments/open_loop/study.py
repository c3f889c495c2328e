"""Open loops in which every information is exact, and their simulation.

X says which of two symbols is right, both equally likely; real data have the right one with share p; a verifier keeps
right samples with probability φ and wrong ones with ψ.
"""

from functools import cache
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from scipy.stats import norm

import sandbox
import theory
from experiments.harness.study import generator, study
from sandbox import regions
from theory import drift

PRIOR = np.full(2, 0.5)
NUM_GENERATIONS, NUM_SAMPLES = 12, 10  # proposals a generation, or samples kept; as many real ones


class Scene(NamedTuple):
    """A loop with a verifier."""

    title: str
    share: float  # p, of the right symbol in real data
    tpr: float  # φ
    fpr: float  # ψ

    @property
    def text(self) -> str:
        """The parameters, as a setting."""
        return f"p = {self.share:g}, φ = {self.tpr:g}, ψ = {self.fpr:g}"


SCENES = (
    Scene("real data say next to nothing", 0.52, 0.9, 0.3),
    Scene("what is right is rare", 0.1, 0.9, 0.3),
    Scene("the verifier is weak", 0.6, 1.0, 0.9),
)
LITTLE_KNOWN, RARE, WEAK = range(len(SCENES))


class Exact(NamedTuple):
    """The loops of all scenes, computed."""

    information: np.ndarray  # I(X;Z_t) [scene, t]
    injected: np.ndarray  # I(X;S_t|Z_t,D_t) [scene, t − 1]; empty until kept, where the number of verdicts is random
    correct: np.ndarray  # the expected share of right outputs [scene, t]
    distributions: np.ndarray  # [scene, t, x, s]
    states: np.ndarray  # the share of the first symbol [s], ascending


@cache
def exact(until_kept: bool) -> Exact:
    """n proposals in each generation, of which some are kept; or sampling until n are kept."""
    share, tpr, fpr = np.array([scene[1:] for scene in SCENES]).T
    acceptances = np.stack(
        [[tpr, fpr], [fpr, tpr]]
    ).T  # P(keep | symbol, task) [scene, x, k]: symbol x is right in task x
    tasks = np.stack([[share, 1 - share], [1 - share, share]]).T  # the laws of real data [scene, x, k]
    loops = Exact(*map(np.asarray, (_until_kept if until_kept else _filtering)(tasks, acceptances)))
    return loops._replace(states=loops.states[0])


@jax.jit
@jax.vmap
def _filtering(tasks: jax.Array, acceptances: jax.Array) -> tuple[jax.Array, ...]:
    chains = [drift.filtering_kernel(NUM_SAMPLES, acceptance) for acceptance in acceptances]
    starts = jnp.stack([drift.filtering_initial(NUM_SAMPLES, task) for task in tasks])
    distributions = drift.distributions(starts, jnp.stack([chain.kernel for chain in chains]), NUM_GENERATIONS)
    injected = drift.verdict_information(PRIOR, distributions[:-1], chains[0].states, acceptances, NUM_SAMPLES)
    return _exact(distributions, chains[0].states[:, 0], injected)


@jax.jit
@jax.vmap
def _until_kept(tasks: jax.Array, acceptances: jax.Array) -> tuple[jax.Array, ...]:
    kernels = jnp.stack([drift.selection_kernel(NUM_SAMPLES, acceptance) for acceptance in acceptances])
    starts = jnp.stack([drift.initial(NUM_SAMPLES, task) for task in tasks])
    distributions = drift.distributions(starts, kernels, NUM_GENERATIONS)
    return _exact(distributions, jnp.arange(NUM_SAMPLES + 1) / NUM_SAMPLES, jnp.zeros(0))


def _exact(distributions: jax.Array, states: jax.Array, injected: jax.Array) -> tuple[jax.Array, ...]:
    information = jax.vmap(lambda law: theory.mutual_information(law / 2))(distributions)
    correct = (distributions[:, 0] @ states + distributions[:, 1] @ (1 - states)) / 2
    return information, injected, correct, distributions, states


class Simulated(NamedTuple):
    """The loops of the sandbox, in pairs of replicas, one a task."""

    pointwise: np.ndarray  # ln p(z|x)/p(z) under the exact law [replica, scene, t]
    correct: np.ndarray  # the share of right outputs that the model gives [replica, scene, t]


@study("open-loop/loops", independent=("until_kept",), num_replicas=2_000, full={"num_replicas": 10_000})
def simulated(key: jax.Array, until_kept: bool, *, num_replicas: int) -> Simulated:
    """The loops of all scenes, run by the sandbox."""
    shares = np.array([share for scene in SCENES for share in (scene.share, 1 - scene.share)])
    record = sandbox.ensemble(
        key,
        sandbox.Categorical(jnp.asarray(np.stack([shares, 1 - shares], axis=1))),
        _verifier,
        num_samples=NUM_SAMPLES,
        num_generations=NUM_GENERATIONS,
        num_replicas=num_replicas,
        num_real=NUM_SAMPLES,
        until_kept=until_kept,
        progress=False,
    )
    loops = exact(until_kept)
    z = np.asarray(record.model.probs)[..., 0].reshape(len(SCENES), 2, num_replicas, -1)  # [scene, x, replica, t]
    states = np.searchsorted(loops.states, z - 1e-9)
    distributions = loops.distributions[
        np.arange(len(SCENES))[:, None, None, None], np.arange(z.shape[-1]), :, states
    ]  # […, x']
    own = np.stack([distributions[:, 0, ..., 0], distributions[:, 1, ..., 1]])  # p(z|x)
    both = np.stack([distributions[:, x].mean(-1) for x in (0, 1)])  # p(z)
    pointwise = np.log(own / both).mean(0)  # [scene, replica, t]
    correct = (z[:, 0] + 1 - z[:, 1]) / 2
    return Simulated(np.moveaxis(pointwise, 0, 1), np.moveaxis(correct, 0, 1))


def _verifier(key: jax.Array, task: sandbox.Categorical) -> sandbox.Verifier:
    """That of the scene in which real data have this law; which symbol is right depends on the task."""
    share, tpr, fpr = jnp.asarray([scene[1:] for scene in SCENES]).T
    near = jnp.abs(jnp.stack([share, 1 - share]) - task.probs[0])  # [x, scene]
    first = near.min(1)[0] < near.min(1)[1]
    place = near.min(0).argmin()
    return sandbox.Verifier(tpr[place], fpr[place], regions.Symbols(jnp.stack([first, ~first])))


@study("open-loop/support", num_replicas=2_000, full={"num_replicas": 10_000})
def support(key: jax.Array, fpr: float, *, num_replicas: int) -> theory.Estimate:
    """The share right in the end, n proposals filtered by a verifier with φ = 1, from the share .1."""
    record = sandbox.ensemble(
        key,
        sandbox.Categorical(jnp.array([[SUPPORT_SHARE, 1 - SUPPORT_SHARE]])),
        sandbox.Verifier(1.0, fpr, regions.Symbols(jnp.array([True, False]))),
        num_samples=NUM_SAMPLES,
        num_generations=SUPPORT_GENERATIONS,
        num_replicas=num_replicas,
        num_real=NUM_SAMPLES,
        every=SUPPORT_GENERATIONS,
        progress=False,
    )
    return theory.estimate(np.asarray(record.model.probs)[0, :, -1, 0])


SUPPORT_SHARE, SUPPORT_GENERATIONS = 0.1, 60


class Average(NamedTuple):
    """What data and a signal say of the task, and what a learner keeps of it, pointwise [replica]."""

    of_both: np.ndarray
    of_model: np.ndarray
    setting: str


@study("open-loop/means", num_replicas=1_000, full={"num_replicas": 4_000})
def means(key: jax.Array, *, num_replicas: int) -> Average:
    """Data and a signal of another accuracy, of which the learner keeps the average alone."""
    tasks, n, noise = np.linspace(-1.0, 1.0, 8), 4, 0.25
    errors = generator(key).standard_normal((2, num_replicas, 8))
    data, signal = tasks + errors[0] / n**0.5, tasks + noise * errors[1]  # of data their mean says all
    # ln p(d,s|x') [replica, x, x'], independent given x'
    both = norm.logpdf(data[..., None], tasks, n**-0.5) + norm.logpdf(signal[..., None], tasks, noise)
    model = norm.logpdf((data + signal)[..., None] / 2, tasks, (1 / n + noise**2) ** 0.5 / 2)
    setting = (
        f"8 tasks N(μ_x, 1), D: {n} samples, S: μ_x ± {noise:g}, Z = (mean of D + S)/2, {num_replicas} paired replicas"
    )
    of_both, of_model = (np.asarray(stratified_information(table)) for table in (both, model))
    return Average(of_both, of_model, setting)


stratified_information = jax.jit(theory.stratified_information)
