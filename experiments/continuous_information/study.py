"""The information along loops of mixtures and Markov chains; the brackets themselves, against exact answers."""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from scipy.special import rel_entr, softmax

import theory
from experiments.continuous_information import chains, mixtures, rings
from experiments.harness.study import generator, study
from experiments.questions.bracket import Bracketed, Simulation
from experiments.questions.bracket.bounds import classified
from theory.estimators import Bounds, sandwich

NUM_TASKS, NUM_STATES, NUM_SYMBOLS, NUM_MODELS = 3, 5, 6, 40  # of the random problems


@study(
    "continuous-information/mixture",
    size=Simulation(num_generations=5, num_replicas=1280, num_models=640, num_data=200, num_steps=200),
    full={"size": Simulation(num_generations=10, num_replicas=10_000, num_models=2500, num_data=250, num_steps=1200)},
)
def mixture(key: jax.Array, loop: str, *, size: Simulation) -> Bracketed:
    """A loop of a mixture of two components."""
    return mixtures.small().information(key, loop, size)


@study(
    "continuous-information/chain",
    size=Simulation(num_generations=5, num_replicas=1280, num_models=1280, num_data=320, num_steps=200),
    full={"size": Simulation(num_generations=6, num_replicas=10_000, num_models=10_000, num_data=200, num_steps=1200)},
)
def chain(key: jax.Array, loop: str, *, size: Simulation) -> Bracketed:
    """A loop of a Markov chain of three states."""
    return rings.three_states().information(key, loop, size)


@study(
    "continuous-information/two-states",
    size=Simulation(num_generations=5, num_replicas=1280, num_models=640, num_data=200, num_steps=200),
    loops=("closed", "verifier"),
    full={
        "size": Simulation(num_generations=10, num_replicas=10_000, num_models=4000, num_data=500, num_steps=1200),
        "loops": ("closed", "self-consistency", "verifier", "fresh data"),
    },
)
def two_states(key: jax.Array, *, size: Simulation, loops: tuple[str, ...]) -> dict[str, Bracketed]:
    """Loops of a Markov chain of two states, in which counting is exact."""
    return {loop: chains.two_states().information(key, loop, size) for loop in loops}  # common random numbers


class RealSamples(NamedTuple):
    """The information in real samples, with their verdicts beside them, and in a model: values [replica]."""

    data: np.ndarray  # I(X;D)
    data_and_verdicts: np.ndarray  # I(X;D,S)
    accepted: np.ndarray  # I(X;K), K what was accepted
    model: np.ndarray  # below I(X;Z), Z the fit to K


@study(
    "continuous-information/real-samples",
    num_blocks=6,
    num_replicas=1280,  # as in `mixture` and `two_states`, whose compiled classifier these share
    num_steps=200,
    full={"num_replicas": 10_000, "num_steps": 1200},
)
def real_samples(key: jax.Array, *, num_blocks: int, num_replicas: int, num_steps: int) -> RealSamples:
    """Of 20 real samples of each mixture; a classifier a block, as in a loop of as many generations."""
    draw_key, train_key = jax.random.split(key)
    *tables, states = map(np.asarray, _real_samples(jax.random.split(draw_key, num_blocks), num_replicas))
    below, _ = classified(train_key, np.moveaxis(states, 2, 1), num_steps)
    return RealSamples(*[table[:, : len(below)].ravel() for table in tables] + [below.T.ravel()])


@partial(jax.jit, static_argnums=1)
def _real_samples(keys: jax.Array, num_replicas: int):
    """`RealSamples` but its last field [block, replica], and what the classifier sees [block, replica, x, …]."""
    loop, sampler, arms = mixtures.small()
    fit, features = loop.fit, loop.features
    assert fit is not None and features is not None
    tasks = jax.tree.map(jnp.asarray, arms["verifier"].tasks)

    def replica(key: jax.Array):
        seen = jax.vmap(sampler.seen)(jax.random.split(key, len(tasks.mixture.weights)), tasks.mixture, tasks)
        data = sampler.real_log_likelihood(seen.x[..., None], tasks)
        verdicts = jax.vmap(lambda one: jax.vmap(lambda task: mixtures.signal_log_prob(one, task))(tasks))(seen)
        accepted = sampler.log_likelihood(sampler.prepare(seen, tasks), (tasks.mixture, tasks))
        fitted = jax.vmap(fit)(tasks.mixture, seen.x[..., None], seen.accepted)
        return data, data + verdicts, accepted, fitted

    def block(key: jax.Array):
        *tables, fitted = jax.vmap(replica)(jax.random.split(key, num_replicas))
        return *map(theory.stratified_information, tables), features(fitted)

    return jax.lax.map(block, keys)


@study("continuous-information/problems", num_problems=512)
def problems(key: jax.Array, *, num_problems: int) -> tuple[np.ndarray, theory.Bracket]:
    """The exact I(X;D) of random small problems [problem], and their brackets."""
    rng = generator(key)
    shapes = (NUM_TASKS,), (NUM_TASKS, NUM_STATES), (NUM_STATES, NUM_SYMBOLS)
    prior, states, channel = (softmax(2 * rng.standard_normal((num_problems, *shape)), -1) for shape in shapes)

    def drawn(probs: np.ndarray) -> np.ndarray:
        return (rng.random((*probs.shape[:-1], 1)) > probs.cumsum(-1)[..., :-1]).sum(-1)

    of_task = np.repeat(states[:, :, None], NUM_MODELS, 2)
    models = np.take_along_axis(channel[:, None], drawn(of_task)[..., None], 2)
    lower, upper = map(np.asarray, _sandwiches(drawn(models), models, prior))
    joint = prior[..., None] * (states @ channel)
    exact = rel_entr(joint, joint.sum(2, keepdims=True) * joint.sum(1, keepdims=True)).sum((1, 2))
    return exact, theory.Bracket(*(theory.estimate(end.T) for end in (lower, upper)))


@jax.jit
def _sandwiches(data: jax.Array, models: jax.Array, prior: jax.Array) -> Bounds:
    """Of [problem, x, model], the model being its probabilities of the symbols."""
    return jax.vmap(lambda *of: sandwich(lambda symbols, z: jnp.log(z)[:, symbols].T, *of).bounds)(data, models, prior)
