"""Open loops whose information is exact, and their simulation.

X is which of two symbols is correct, both equally likely. The correct symbol has probability p in real data. A verifier
accepts a correct sample with probability φ (tpr) and a wrong one with ψ (fpr).
"""

from functools import cache, partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from scipy.special import logsumexp, xlogy
from scipy.stats import norm

import sandbox
import theory
from experiments.harness.study import generator, study
from sandbox import regions
from theory import drift

PRIOR = np.full(2, 0.5)
NUM_GENERATIONS, NUM_SAMPLES = 12, 10  # proposals or accepted samples per generation; as many real samples


class Scenario(NamedTuple):
    """A loop with a verifier."""

    title: str
    accuracy: float  # p, of real data
    tpr: float  # φ
    fpr: float  # ψ

    @property
    def text(self) -> str:
        """The parameters, as a setting."""
        return f"p = {self.accuracy:g}, verifier ({self.tpr:g}, {self.fpr:g})"


SCENARIOS = (
    Scenario("uninformative real data", 0.52, 0.9, 0.3),
    Scenario("correct outputs are rare", 0.1, 0.9, 0.3),
    Scenario("weak verifier", 0.6, 1.0, 0.9),
)
UNINFORMATIVE, RARE, WEAK = range(len(SCENARIOS))


class ExactLoops(NamedTuple):
    """The loops of all scenarios, computed."""

    information: np.ndarray  # I(X;Z_t) [scenario, t]
    injected: (
        np.ndarray
    )  # I(X;S_t|Z_t,D_t) [scenario, t − 1]; empty for rejection sampling: a random number of verdicts
    accuracy: np.ndarray  # the expected one [scenario, t]
    distributions: np.ndarray  # [scenario, t, x, s]
    states: np.ndarray  # the share of the first symbol [s], ascending


@cache
def exact(until_kept: bool) -> ExactLoops:
    """Rejection sampling until n are accepted, or filtering of n proposals in each generation."""
    share, tpr, fpr = np.array([scenario[1:] for scenario in SCENARIOS]).T
    acceptances = np.stack([[tpr, fpr], [fpr, tpr]]).T  # P(accept | symbol, task) [scenario, x, k]; x is correct in x
    tasks = np.stack([[share, 1 - share], [1 - share, share]]).T  # the distributions of real data [scenario, x, k]
    loops = ExactLoops(*map(np.asarray, (_rejection_sampling if until_kept else _filtering)(tasks, acceptances)))
    return loops._replace(states=loops.states[0])


@jax.jit
@jax.vmap
def _filtering(tasks: jax.Array, acceptances: jax.Array) -> tuple[jax.Array, ...]:
    chains = [drift.filtering_kernel(NUM_SAMPLES, acceptance) for acceptance in acceptances]
    starts = jnp.stack([drift.filtering_initial(NUM_SAMPLES, task) for task in tasks])
    distributions = drift.distributions(starts, jnp.stack([chain.kernel for chain in chains]), NUM_GENERATIONS)
    injected = drift.verdict_information(PRIOR, distributions[:-1], chains[0].states, acceptances, NUM_SAMPLES)
    return _exact(distributions, chains[0].states[:, 0], injected)


@cache
def without_candidates() -> np.ndarray:
    """I(X;S_t|Z_t) of the loops that filter, whose candidates D_t are not seen [scenario, t − 1]."""
    _, tpr, fpr = np.array([scenario[1:] for scenario in SCENARIOS]).T
    loops, acceptances = exact(False), np.stack([[tpr, fpr], [fpr, tpr]]).T
    shares = np.stack([loops.states, 1 - loops.states], axis=1)
    return np.asarray(_unseen(loops.distributions[:, :-1], acceptances, shares))


@jax.jit
@partial(jax.vmap, in_axes=(0, 0, None))
def _unseen(distributions: jax.Array, acceptances: jax.Array, shares: jax.Array) -> jax.Array:
    return drift.verdict_information(PRIOR, distributions, shares, acceptances, NUM_SAMPLES, candidates=False)


@jax.jit
@jax.vmap
def _rejection_sampling(tasks: jax.Array, acceptances: jax.Array) -> tuple[jax.Array, ...]:
    kernels = jnp.stack([drift.selection_kernel(NUM_SAMPLES, acceptance) for acceptance in acceptances])
    starts = jnp.stack([drift.initial(NUM_SAMPLES, task) for task in tasks])
    distributions = drift.distributions(starts, kernels, NUM_GENERATIONS)
    return _exact(distributions, jnp.arange(NUM_SAMPLES + 1) / NUM_SAMPLES, jnp.zeros(0))


def _exact(distributions: jax.Array, states: jax.Array, injected: jax.Array) -> tuple[jax.Array, ...]:
    information = jax.vmap(lambda given: theory.mutual_information(given / 2))(distributions)
    accuracy = (distributions[:, 0] @ states + distributions[:, 1] @ (1 - states)) / 2
    return information, injected, accuracy, distributions, states


class SimulatedLoops(NamedTuple):
    """The loops of the sandbox, in pairs of replicas, one per task."""

    pointwise: np.ndarray  # ln p(z|x)/p(z) under the exact distribution [replica, scenario, t]
    accuracy: np.ndarray  # of the model [replica, scenario, t]


@study("open-loop/loops", independent=("until_kept",), num_replicas=2_000, full={"num_replicas": 10_000})
def simulated(key: jax.Array, until_kept: bool, *, num_replicas: int) -> SimulatedLoops:
    """The loops of all scenarios, run by the sandbox."""
    shares = np.array([share for scenario in SCENARIOS for share in (scenario.accuracy, 1 - scenario.accuracy)])
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
    z = np.asarray(record.model.probs)[..., 0].reshape(len(SCENARIOS), 2, num_replicas, -1)  # [scenario, x, replica, t]
    states = np.searchsorted(loops.states, z - 1e-9)
    scenario, t = np.arange(len(SCENARIOS))[:, None, None, None], np.arange(z.shape[-1])
    probs = loops.distributions[scenario, t, :, states]  # p(z|x') [scenario, x, replica, t, x']
    given = np.stack([probs[:, 0, ..., 0], probs[:, 1, ..., 1]])  # p(z|x)
    marginal = np.stack([probs[:, x].mean(-1) for x in (0, 1)])  # p(z)
    pointwise = np.log(given / marginal).mean(0)  # [scenario, replica, t]
    accuracy = (z[:, 0] + 1 - z[:, 1]) / 2
    return SimulatedLoops(np.moveaxis(pointwise, 0, 1), np.moveaxis(accuracy, 0, 1))


def _verifier(key: jax.Array, task: sandbox.Categorical) -> sandbox.Verifier:
    """That of the scenario whose real data have this distribution; the task decides which symbol is correct."""
    share, tpr, fpr = jnp.asarray([scenario[1:] for scenario in SCENARIOS]).T
    near = jnp.abs(jnp.stack([share, 1 - share]) - task.probs[0])  # [x, scenario]
    first = near.min(1)[0] < near.min(1)[1]
    place = near.min(0).argmin()
    return sandbox.Verifier(tpr[place], fpr[place], regions.Symbols(jnp.stack([first, ~first])))


@study("open-loop/verdicts", num_replicas=2_000, full={"num_replicas": 10_000})
def injected_until_kept(key: jax.Array, *, num_replicas: int) -> np.ndarray:
    """ln p(d_t,s_t|x,z_t)/p(d_t,s_t|z_t) [replica, scenario, t] of rejection sampling; its mean is I(X;S_t|Z_t,D_t).

    Verdicts are counted by symbol, those on rejected outputs too, whose number depends on the task.
    """
    rng, loops = generator(key), exact(True)
    values = np.empty((num_replicas, len(SCENARIOS), NUM_GENERATIONS))
    for i, (_, _, tpr, fpr) in enumerate(SCENARIOS):
        acceptances = np.array([[tpr, fpr], [fpr, tpr]])  # [x, k]
        for t, given in enumerate(loops.distributions[i, :-1]):  # [x, s]
            found = np.zeros(num_replicas)
            for x, rates in enumerate(acceptances):
                state = rng.choice(given.shape[1], num_replicas, p=given[x] / given[x].sum())
                z = np.stack([loops.states[state], 1 - loops.states[state]], axis=1)
                total = z @ rates
                accepted = rng.binomial(NUM_SAMPLES, z[:, 0] * rates[0] / total)
                num_rejected = rng.negative_binomial(NUM_SAMPLES, total)
                share = z[:, 0] * (1 - rates[0]) / np.where(total < 1, 1 - total, 1)
                rejected = rng.binomial(num_rejected, np.clip(share, 0, 1))
                counts = np.stack([accepted, NUM_SAMPLES - accepted, rejected, num_rejected - rejected], axis=1)
                logs = xlogy(counts, np.concatenate([acceptances, 1 - acceptances], axis=1)[:, None]).sum(2)  # [x, r]
                prior = given[:, state] / given[:, state].sum(0)
                found += (logs[x] - logsumexp(logs, axis=0, b=prior)) / 2
            values[:, i, t] = found
    return values


@study("open-loop/support", num_replicas=2_000, full={"num_replicas": 10_000})
def support(key: jax.Array, *, num_replicas: int) -> theory.Estimate:
    """The accuracy in the end of filtering n proposals by a perfect verifier, from the accuracy .1."""
    record = sandbox.ensemble(
        key,
        sandbox.Categorical(jnp.array([[SUPPORT_START, 1 - SUPPORT_START]])),
        sandbox.Verifier(1.0, 0.0, regions.Symbols(jnp.array([True, False]))),
        num_samples=NUM_SAMPLES,
        num_generations=SUPPORT_GENERATIONS,
        num_replicas=num_replicas,
        num_real=NUM_SAMPLES,
        every=SUPPORT_GENERATIONS,
        progress=False,
    )
    return theory.estimate(np.asarray(record.model.probs)[0, :, -1, 0])


@study("open-loop/shared", num_replicas=2_000, full={"num_replicas": 10_000})
def shared_support(key: jax.Array, *, num_replicas: int) -> theory.Estimate:
    """The same of outputs that share parameters: two attributes, each modelled alone, correct where both are yes.

    Each is yes with probability √.1; the first accepted proposal leaves correct outputs only.
    """
    rng = generator(key)
    real = rng.random((num_replicas, NUM_SAMPLES, 2)) < SUPPORT_START**0.5
    share = real.mean(1).prod(1)  # of correct outputs in the model, of which the real samples may have none
    found = rng.binomial(NUM_SAMPLES * SUPPORT_GENERATIONS, share) > 0
    return theory.estimate(np.where(found, 1.0, share))


SUPPORT_START, SUPPORT_GENERATIONS = 0.1, 60


class AverageInformation(NamedTuple):
    """Pointwise information about the task [replica]: in data and a signal, and in a learner's average of the two."""

    of_both: np.ndarray
    of_model: np.ndarray
    setting: str


@study("open-loop/means", num_replicas=1_000, full={"num_replicas": 4_000})
def means(key: jax.Array, *, num_replicas: int) -> AverageInformation:
    """Data and a signal of another precision; the learner keeps their average alone."""
    tasks, n, noise = np.linspace(-1.0, 1.0, 8), 4, 0.25
    errors = generator(key).standard_normal((2, num_replicas, 8))
    data, signal = tasks + errors[0] / n**0.5, tasks + noise * errors[1]  # the mean is sufficient for the data
    # ln p(d,s|x') [replica, x, x'], independent given x'
    both = norm.logpdf(data[..., None], tasks, n**-0.5) + norm.logpdf(signal[..., None], tasks, noise)
    model = norm.logpdf((data + signal)[..., None] / 2, tasks, (1 / n + noise**2) ** 0.5 / 2)
    setting = f"8 tasks N(μ_x, 1), D: {n} samples, S: μ_x ± {noise:g}, Z = (mean of D + S)/2"
    of_both, of_model = (np.asarray(stratified_information(table)) for table in (both, model))
    return AverageInformation(of_both, of_model, f"{setting}, {num_replicas} paired replicas")


stratified_information = jax.jit(theory.stratified_information)
