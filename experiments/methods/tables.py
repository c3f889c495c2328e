"""One law a prompt, exactly: what natural gradient, plain gradient, a refit and one reference do inside a block."""

from functools import cache, partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

import sandbox
import theory
from experiments.closed_loop.loops import stream
from experiments.ledger import Settings
from sandbox import environments, feedback
from sandbox.models.policy import Table
from sandbox.regions import Symbols
from sandbox.training import RLVR, Natural, train
from theory import policies
from theory.supervision import diversity

NUM_PROMPTS, NUM_CLASSES, NUM_FORMS = 12, 4, 3
BLOCKS = np.repeat(np.arange(NUM_CLASSES), NUM_FORMS)
PROMPTS = environments.table_prompts(NUM_PROMPTS, NUM_CLASSES, NUM_FORMS)
TIME = 48.0  # learning rate × updates
ROUNDS = 1920  # of the smallest learning rate, TIME/ROUNDS
FINER = (4, 2, 1)  # learning rates, in units of the smallest
NUM_REFIT = 12  # samples a prompt
NUM_GENERATIONS = 4


class Path(NamedTuple):
    """The laws of all prompts while a table is trained."""

    laws: np.ndarray  # [t, prompt, output]
    correct: np.ndarray  # [t, prompt]

    def within(self, q: int) -> np.ndarray:
        """p(form | right class) of a prompt [t, form]."""
        return _within(self.laws[:, q], q)

    def entropies(self) -> tuple[np.ndarray, np.ndarray]:
        """H of the outputs that are right, and of those that are wrong [t, prompt], in nats."""
        of = [jax.vmap(partial(diversity, blocks=RIGHT[q].astype(int)))(self.laws[:, q]) for q in range(NUM_PROMPTS)]
        wrong, right = np.stack([np.asarray(each.entropy).T for each in of], axis=2)
        return right, wrong


RIGHT = BLOCKS[None, :] == np.asarray(PROMPTS.right)[:, None]  # [prompt, output]


def _within(law: np.ndarray, q: int) -> np.ndarray:
    right = law[..., RIGHT[q]]
    return right / right.sum(-1, keepdims=True)


def start(settings: Settings) -> Table:
    """Random logits: standard normal."""
    return Table(jax.random.normal(stream(settings, 111), (NUM_PROMPTS, NUM_CLASSES, NUM_FORMS)))


def _law(policy: Table, _) -> jax.Array:
    return jax.nn.softmax(policy.logits.reshape(NUM_PROMPTS, -1), axis=1)


@cache
def trained(settings: Settings, method: str, finer: int = FINER[-1]) -> Path:
    """A table under exact gradients of the verdict, for TIME and longer, at `finer` times the smallest learning rate.

    The gradient of the mean over prompts is 1/prompts of that of a prompt alone, which the learning rate makes up for;
    natural gradient divides by the law itself.
    """
    step, how = {"natural": (1.0, Natural()), "plain": (float(NUM_PROMPTS), RLVR())}[method]
    result = train(
        jax.random.key(0),  # nothing is drawn
        start(settings),
        PROMPTS,
        feedback.verdict(NUM_CLASSES, NUM_FORMS),
        how,
        num_rounds=ROUNDS,
        learning_rate=step * finer * TIME / ROUNDS,
        measure=_law,
    )
    laws = np.asarray(result.measured)
    return Path(laws, (laws * RIGHT).sum(2))


def orbit(path: Path, t: int) -> Path:
    """The laws on the conserved orbits from the path's start, at its correctness at t, as a path of one point."""
    pairs = zip(path.laws[0], RIGHT, path.correct[t], strict=True)
    laws = np.stack([np.asarray(policies.policy_gradient(*pair)) for pair in pairs])
    return Path(laws[None], path.correct[t][None])


def off_orbit(settings: Settings) -> tuple[list[float], float]:
    """The largest distance from the orbit at TIME for each learning rate, and what is left of it in the limit 0.

    The distance is a power series in the learning rate η without a constant. Two halvings cancel η and η²:
    (8 δ(η/4) − 6 δ(η/2) + δ(η))/3.
    """
    distances = []
    for finer in FINER:
        path, t = trained(settings, "plain", finer), ROUNDS // finer
        distances.append(path.laws[t] - orbit(path, t).laws[0])
    coarse, middle, fine = distances
    return [float(np.abs(d).max()) for d in distances], float(np.abs((8 * fine - 6 * middle + coarse) / 3).max())


def information(path: Path) -> np.ndarray:
    """I(X;[Y']) [t], in nats: the right class X of a prompt, all alike, and the class of an answer to it."""
    classes = path.laws.reshape(*path.laws.shape[:2], NUM_CLASSES, NUM_FORMS).sum(3)
    members = np.eye(NUM_CLASSES)[np.asarray(PROMPTS.right)]  # [prompt, x]
    joint = np.einsum("qx,tqk->txk", members, classes) / NUM_PROMPTS
    return np.asarray(jax.vmap(theory.mutual_information)(joint))


class Refits(NamedTuple):
    """A model refitted again and again to what a verifier keeps of its own samples."""

    start: np.ndarray  # p(form | right class) [form]
    forms: np.ndarray  # the same, of the refits [replica, t, form]; those alone that kept something at first
    accepted: float  # mass of the right class at the start

    def kept(self, t: int) -> theory.Estimate:
        """What is left of the heterozygosity 1 − Σ p² inside the class after t refits, as a share of the start's."""
        left = 1 - np.square(self.forms[:, t]).sum(1)
        return theory.estimate(left / (1 - np.square(self.start).sum()))

    def exact(self, t: int) -> float:
        """Its expectation: the first refit is to a random number of samples, the later ones, all right, to n."""
        first = policies.refit_heterozygosity(NUM_REFIT, self.accepted).kept
        return float(first) * (1 - 1 / NUM_REFIT) ** (t - 1)


@cache
def refitted(settings: Settings) -> Refits:
    """Categorical models over class × form, filtered by a verifier without errors, refitted to the shares."""
    law, right = np.asarray(_law(start(settings), None))[0], RIGHT[0]
    record = sandbox.ensemble(
        stream(settings, 112),
        sandbox.Categorical(jnp.asarray(law)[None]),
        sandbox.Verifier(1.0, 0.0, Symbols(jnp.asarray(right))),
        num_samples=NUM_REFIT,
        num_generations=NUM_GENERATIONS,
        num_replicas=100_000 if settings.full else 20_000,
        progress=False,
    )
    probs = np.asarray(record.model.probs)[0]  # [replica, t, output]
    refit = probs[:, 1, ~right].sum(1) == 0  # a generation that keeps nothing leaves the model as it is
    return Refits(_within(law, 0), _within(probs[refit], 0), float(law[right].sum()))


def one_reference(settings: Settings) -> tuple[float, float]:
    """Heterozygosity inside the right class of a fit to one reference, and of a fit to a reference of each form."""
    model = sandbox.Categorical(_law(start(settings), None)[0])
    references = jnp.flatnonzero(jnp.asarray(RIGHT[0]))
    fits = (model.fit(x, jnp.ones(x.shape)).probs for x in (references[:1], references))
    one, all_forms = (float(diversity(p, BLOCKS).heterozygosity[int(PROMPTS.right[0])]) for p in fits)
    return one, all_forms
