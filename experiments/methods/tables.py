"""Tables, exactly: what the policy gradient does to the forms of a class, and what refits to few samples do."""

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
CLASSES = np.repeat(np.arange(NUM_CLASSES), NUM_FORMS)  # of the outputs
CORRECT = CLASSES[None, :] == np.asarray(PROMPTS.correct)[:, None]  # [prompt, output]
TIME = 48.0  # learning rate × updates
ROUNDS = 1920  # of the smallest learning rate, TIME/ROUNDS
FINER = (4, 2, 1)  # learning rates, in units of the smallest
NUM_REFIT = 12  # samples per refit
NUM_GENERATIONS = 4


class TrainingPath(NamedTuple):
    """The output distributions of all prompts while a table is trained."""

    probs: np.ndarray  # [t, prompt, output]
    accuracy: np.ndarray  # [t, prompt]

    def form_probs(self, q: int) -> np.ndarray:
        """p(form | correct class) of a prompt [t, form]."""
        return _form_probs(self.probs[:, q], q)

    def entropies(self) -> tuple[np.ndarray, np.ndarray]:
        """H of the correct outputs, and of the wrong ones [t, prompt], in nats."""
        of = (np.where(which, self.probs, 0) for which in (CORRECT, ~CORRECT))
        correct, wrong = (entr(probs / probs.sum(2, keepdims=True)).sum(2) for probs in of)
        return correct, wrong


def _form_probs(probs: np.ndarray, q: int) -> np.ndarray:
    correct = probs[..., CORRECT[q]]
    return correct / correct.sum(-1, keepdims=True)


def _probs(policy: Table, _=None) -> jax.Array:
    return jax.nn.softmax(policy.logits.reshape(NUM_PROMPTS, -1), axis=1)


@study("methods/table")
def trained(key: jax.Array) -> list[TrainingPath]:
    """Tables under exact gradients of the verdict, for TIME and longer, at each learning rate of FINER."""
    paths = np.asarray(_trained(key, np.array(FINER)))
    return [TrainingPath(probs, (probs * CORRECT).sum(2)) for probs in paths]


@jax.jit
def _trained(key: jax.Array, finer: jax.Array) -> jax.Array:
    """The distributions [rate, t, prompt, output] from one start, with standard normal logits.

    The gradient of the mean over prompts is 1/prompts of that of one prompt, which the learning rate compensates.
    """
    start = Table(jax.random.normal(key, (NUM_PROMPTS, NUM_CLASSES, NUM_FORMS)))
    judge = verdict(NUM_CLASSES, NUM_FORMS)

    def probs(finer: jax.Array) -> jax.Array:
        rate = NUM_PROMPTS * TIME / ROUNDS * finer.astype(float)
        unused = jax.random.key(0)  # the gradients are exact
        options = {"num_rounds": ROUNDS, "learning_rate": rate, "measure": _probs}
        return train(unused, start, PROMPTS, judge, RLVR(), **options).measured

    return jax.vmap(probs)(finer)


def orbit(path: TrainingPath, t: np.ndarray) -> TrainingPath:
    """The distributions on the conserved orbits from the path's start, at its accuracy at each t."""
    accuracy = path.accuracy[t]
    return TrainingPath(np.stack([_orbit(path.probs[0], CORRECT, each) for each in accuracy]), accuracy)


_orbit = jax.jit(jax.vmap(policies.policy_gradient))


def off_orbit(paths: list[TrainingPath]) -> tuple[np.ndarray, np.ndarray]:
    """The distributions at TIME in the limit of small learning rates η, and those on the orbit there [prompt, output].

    The distance from the orbit is a power series in η without a constant. Two halvings cancel η and η²:
    (8 δ(η/4) − 6 δ(η/2) + δ(η))/3.
    """
    ends = [ROUNDS // finer for finer in FINER]
    on = [orbit(path, np.array([t])).probs[0] for path, t in zip(paths, ends, strict=True)]
    coarse, middle, fine = (path.probs[t] - exact for path, t, exact in zip(paths, ends, on, strict=True))
    return on[-1] + (8 * fine - 6 * middle + coarse) / 3, on[-1]


class RefitReplicas(NamedTuple):
    """A model refitted repeatedly to those of its own samples that a verifier accepts."""

    start: np.ndarray  # p(form | correct class) [form]
    form_probs: (
        np.ndarray
    )  # the same, of the refits [replica, t, form], of replicas whose first round accepts something
    accuracy: float  # at the start

    def diversity(self) -> theory.Estimate:
        """The diversity 1 − Σ p² of the forms after each refit [t], as a share of the start's."""
        diversity = 1 - np.square(self.form_probs[:, 1:]).sum(2)
        return theory.estimate(diversity / (1 - np.square(self.start).sum()))

    def exact(self) -> np.ndarray:
        """Its expectation [t]: the first refit is to a random number of samples, the later ones, all correct, to n."""
        first = np.asarray(policies.refit_diversity(NUM_REFIT, self.accuracy).remaining)
        return first * (1 - 1 / NUM_REFIT) ** np.arange(NUM_GENERATIONS)


@study("methods/refits", num_replicas=20_000, full={"num_replicas": 100_000})
def refitted(key: jax.Array, *, num_replicas: int) -> RefitReplicas:
    """Categorical models over class × form, filtered by a verifier that never errs, refitted to the shares."""
    start_key, loop_key = jax.random.split(key)
    start, correct = np.asarray(_softmax(start_key)), CORRECT[0]
    record = sandbox.ensemble(
        loop_key,
        sandbox.Categorical(jnp.asarray(start)[None]),
        sandbox.Verifier(1.0, 0.0, Symbols(jnp.asarray(correct))),
        num_samples=NUM_REFIT,
        num_generations=NUM_GENERATIONS,
        num_replicas=num_replicas,
        progress=False,
    )
    probs = np.asarray(record.model.probs)[0]  # [replica, t, output]
    refit = probs[:, 1, ~correct].sum(1) == 0  # a generation that accepts nothing leaves the model as it is
    return RefitReplicas(_form_probs(start, 0), _form_probs(probs[refit], 0), float(start[correct].sum()))


@jax.jit
def _softmax(key: jax.Array) -> jax.Array:
    return jax.nn.softmax(jax.random.normal(key, (NUM_CLASSES * NUM_FORMS,)))
