"""One law a prompt, exactly: what plain gradient does inside a class, and what refits to few samples do."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from scipy.special import entr

import sandbox
import theory
from experiments.harness.study import study
from sandbox.policies import RLVR, Table, table_prompts, train, verdict
from sandbox.regions import Symbols
from theory import policies

NUM_PROMPTS, NUM_CLASSES, NUM_FORMS = 12, 4, 3
PROMPTS = table_prompts(NUM_PROMPTS, NUM_CLASSES, NUM_FORMS)
RIGHT = (
    np.repeat(np.arange(NUM_CLASSES), NUM_FORMS)[None, :] == np.asarray(PROMPTS.correct)[:, None]
)  # [prompt, output]
TIME = 48.0  # learning rate × updates
ROUNDS = 1920  # of the smallest learning rate, TIME/ROUNDS
FINER = (4, 2, 1)  # learning rates, in units of the smallest
NUM_REFIT = 12  # samples a prompt
NUM_GENERATIONS = 4


class Path(NamedTuple):
    """The laws of all prompts while a table is trained."""

    distributions: np.ndarray  # [t, prompt, output]
    correct: np.ndarray  # [t, prompt]

    def within(self, q: int) -> np.ndarray:
        """p(form | right class) of a prompt [t, form]."""
        return _within(self.distributions[:, q], q)

    def entropies(self) -> tuple[np.ndarray, np.ndarray]:
        """H of the outputs that are right, and of those that are wrong [t, prompt], in nats."""
        of = (np.where(which, self.distributions, 0) for which in (RIGHT, ~RIGHT))
        right, wrong = (entr(distributions / distributions.sum(2, keepdims=True)).sum(2) for distributions in of)
        return right, wrong


def _within(law: np.ndarray, q: int) -> np.ndarray:
    right = law[..., RIGHT[q]]
    return right / right.sum(-1, keepdims=True)


def _law(policy: Table, _=None) -> jax.Array:
    return jax.nn.softmax(policy.logits.reshape(NUM_PROMPTS, -1), axis=1)


@study("methods/table")
def trained(key: jax.Array) -> list[Path]:
    """Tables under exact gradients of the verdict, for TIME and longer, at each learning rate of FINER."""
    return [
        Path(distributions, (distributions * RIGHT).sum(2))
        for distributions in np.asarray(_trained(key, np.array(FINER)))
    ]


@jax.jit
def _trained(key: jax.Array, finer: jax.Array) -> jax.Array:
    """The laws [rate, t, prompt, output] from one start, with standard normal logits.

    The gradient of the mean over prompts is 1/prompts of that of a prompt alone, which the learning rate makes up for.
    """
    start = Table(jax.random.normal(key, (NUM_PROMPTS, NUM_CLASSES, NUM_FORMS)))
    judge = verdict(NUM_CLASSES, NUM_FORMS)

    def distributions(finer: jax.Array) -> jax.Array:
        rate = NUM_PROMPTS * TIME / ROUNDS * finer.astype(float)
        nothing = jax.random.key(0)  # is drawn
        return train(
            nothing, start, PROMPTS, judge, RLVR(), num_rounds=ROUNDS, learning_rate=rate, measure=_law
        ).measured

    return jax.vmap(distributions)(finer)


def orbit(path: Path, t: np.ndarray) -> Path:
    """The laws on the conserved orbits from the path's start, at its correctness at each t."""
    correct = path.correct[t]
    return Path(np.stack([_orbit(path.distributions[0], RIGHT, each) for each in correct]), correct)


_orbit = jax.jit(jax.vmap(policies.policy_gradient))


def off_orbit(paths: list[Path]) -> tuple[np.ndarray, np.ndarray]:
    """The laws at TIME in the limit of small learning rates η, and those on the orbit there [prompt, output].

    The distance from the orbit is a power series in η without a constant. Two halvings cancel η and η²:
    (8 δ(η/4) − 6 δ(η/2) + δ(η))/3.
    """
    ends = [ROUNDS // finer for finer in FINER]
    on = [orbit(path, np.array([t])).distributions[0] for path, t in zip(paths, ends, strict=True)]
    coarse, middle, fine = (path.distributions[t] - law for path, t, law in zip(paths, ends, on, strict=True))
    return on[-1] + (8 * fine - 6 * middle + coarse) / 3, on[-1]


class Refits(NamedTuple):
    """A model refitted again and again to what a verifier keeps of its own samples."""

    start: np.ndarray  # p(form | right class) [form]
    forms: np.ndarray  # the same, of the refits [replica, t, form]; those alone that kept something at first
    accepted: float  # mass of the right class at the start

    def kept(self) -> theory.Estimate:
        """What is left of the heterozygosity 1 − Σ p² inside a class after each refit [t], as share of the start's."""
        left = 1 - np.square(self.forms[:, 1:]).sum(2)
        return theory.estimate(left / (1 - np.square(self.start).sum()))

    def exact(self) -> np.ndarray:
        """Its expectation [t]: the first refit is to a random number of samples, the later ones, all right, to n."""
        first = np.asarray(policies.refit_diversity(NUM_REFIT, self.accepted).remaining)
        return first * (1 - 1 / NUM_REFIT) ** np.arange(NUM_GENERATIONS)


@study("methods/refits", num_replicas=20_000, full={"num_replicas": 100_000})
def refitted(key: jax.Array, *, num_replicas: int) -> Refits:
    """Categorical models over class × form, filtered by a verifier without errors, refitted to the shares."""
    start_key, loop_key = jax.random.split(key)
    law = np.asarray(_softmax(start_key))
    right = RIGHT[0]
    record = sandbox.ensemble(
        loop_key,
        sandbox.Categorical(jnp.asarray(law)[None]),
        sandbox.Verifier(1.0, 0.0, Symbols(jnp.asarray(right))),
        num_samples=NUM_REFIT,
        num_generations=NUM_GENERATIONS,
        num_replicas=num_replicas,
        progress=False,
    )
    probs = np.asarray(record.model.probs)[0]  # [replica, t, output]
    refit = probs[:, 1, ~right].sum(1) == 0  # a generation that keeps nothing leaves the model as it is
    return Refits(_within(law, 0), _within(probs[refit], 0), float(law[right].sum()))


@jax.jit
def _softmax(key: jax.Array) -> jax.Array:
    return jax.nn.softmax(jax.random.normal(key, (NUM_CLASSES * NUM_FORMS,)))
