"""Exact chains of two symbols under each judge, simulations of them, and four judges on three models.

Which of two symbols is right is the task. Until kept throughout: each generation samples until n are kept, and stays
where a judge keeps nothing.
"""

from functools import cache, partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from scipy.optimize import root_scalar
from scipy.stats import binom

import sandbox
import theory
from experiments.harness.cost import RUNS_BRIEFLY
from experiments.harness.study import study
from sandbox.regions import Component, Symbols, Transitions
from theory import budget, drift

PRIOR = np.full(2, 0.5)
SHARE = 0.6  # of the right symbol in real data
TASKS = np.array([[SHARE, 1 - SHARE], [1 - SHARE, SHARE]])  # in task x, symbol x is right
Rates = tuple[float, float]  # tpr, fpr
VERIFIER = (0.9, 0.2)
WEAK = (0.9, 0.8)  # slow enough to see that what was lost comes back
NUM_SAMPLES = 50
NUM_GENERATIONS = 400
NUM_FRESH = 50  # real samples that a judge is retrained on in every generation
LEARNED = (1, 3, 5, 11, 21, 51, 101, 201)  # real samples of a learned judge, odd: no ties
NUM_SIMULATED, NUM_MODELS = 10, 15  # generations
LAWS = 8  # that are computed together, so that all chains are one program


class Path(NamedTuple):
    """What becomes of a loop."""

    distributions: np.ndarray  # p(z_t|x) [t, x, s]
    information: np.ndarray  # I(X;Z_t) [t]
    correct: np.ndarray  # the expected share of right samples [t]


def acceptances(verifier: Rates = VERIFIER) -> np.ndarray:
    """P(a verdict keeps the symbol | task) [x, k]."""
    return np.where(np.eye(2) > 0, *verifier)


def starts(n: int = NUM_SAMPLES) -> np.ndarray:
    """The law of Z_0 [x, s], fitted to n real samples: `drift.initial` without a compilation for each n."""
    return binom.pmf(np.arange(n + 1), n, TASKS[:, :1])


def preferences(m: int, rates: Rates) -> np.ndarray:
    """What a judge that saw m samples keeps, for each of their counts [s, k]: the likelier symbol, both in a tie."""
    counts = np.stack([np.arange(m + 1), m - np.arange(m + 1)], axis=1)
    return np.where(counts >= counts[:, ::-1], *rates)


def path(distributions: np.ndarray) -> Path:
    """The information and the share right of these laws."""
    shares = np.linspace(0, 1, distributions.shape[2])
    correct = np.einsum("x,txs,sx->t", PRIOR, distributions, np.stack([shares, 1 - shares], axis=1))
    return Path(distributions, np.asarray(_information(PRIOR[:, None] * distributions)), correct)


_information = jax.jit(jax.vmap(theory.mutual_information))
_kernel = jax.jit(drift.selection_kernel, static_argnums=0)


def kernels(n: int, keeps: np.ndarray) -> np.ndarray:
    """One generation of a loop whose judge keeps symbol k with probability keeps[j, k] [j, s, s]."""
    return np.stack([_kernel(n, accepted) for accepted in keeps])


def evolved(first: np.ndarray, moves: np.ndarray) -> np.ndarray:
    """The laws [t, j, s] from first[j, s] on, each under its kernel moves[j]; at most `LAWS` of them."""
    place = np.arange(LAWS) % len(first)
    return np.asarray(drift.distributions(first[place], moves[place], NUM_GENERATIONS))[:, : len(first)]


def frozen(joint: np.ndarray, keeps: np.ndarray) -> Path:
    """A judge J that is made once and keeps symbol k with probability keeps[j, k]; joint[x, j, s] = p(j, z_0|x).

    p(z_t|x) = Σ_j p(j|x) p(z_0|x, j) T_j^t, one chain for all judges that keep the same.
    """
    kinds, which = np.unique(keeps, axis=0, return_inverse=True)
    merged = np.stack([joint[:, which.ravel() == i].sum(1) for i in range(len(kinds))], axis=1)  # [x, kind, s]
    weights, n = merged.sum(2), joint.shape[2] - 1
    given = (merged / weights[..., None]).reshape(-1, n + 1)
    distributions = evolved(given, np.concatenate([kernels(n, kinds)] * 2)).reshape(-1, *merged.shape)
    return path(np.einsum("xj,txjs->txs", weights, distributions))


@cache
def no_judge() -> Path:
    """The closed loop."""
    return fresh_verifier((1.0, 1.0))


@cache
def fresh_verifier(rates: Rates = VERIFIER) -> Path:
    """Each verdict errs anew."""
    return path(evolved(starts(), kernels(NUM_SAMPLES, acceptances(rates))))


@cache
def self_consistency(rates: Rates = VERIFIER) -> Path:
    """The student's own preference is the judge, so that one kernel serves all tasks."""
    kinds, which = np.unique(preferences(NUM_SAMPLES, rates), axis=0, return_inverse=True)
    rows = kernels(NUM_SAMPLES, kinds)[which.ravel(), np.arange(NUM_SAMPLES + 1)]
    return path(evolved(starts(), np.stack([rows, rows])))


@cache
def earlier_student(rates: Rates = VERIFIER, n: int = NUM_SAMPLES) -> Path:
    """Z_0's preference is the judge for ever."""
    return frozen(starts(n)[:, :, None] * np.eye(n + 1), preferences(n, rates))


@cache
def fixed_reward_model() -> Path:
    """One noisy verdict on each symbol, drawn once."""
    bits = np.arange(4)[:, None] >> np.arange(2) & 1
    judges = np.asarray(_judge_law(acceptances()))  # [x, j]
    return frozen(judges[:, :, None] * starts()[:, None], bits.astype(float))


@cache
def learned_judge(m: int) -> tuple[Path, float]:
    """A judge that keeps what the majority of m other real samples is, and I(X;J|Z_0)."""
    joint = starts(m)[:, :, None] * starts()[:, None]
    keeps = preferences(m, (1.0, 0.0))
    kinds = np.stack([joint[:, (keeps == kind).all(1)].sum(1) for kind in ((1, 0), (1, 1), (0, 1))], axis=1)
    return frozen(joint, keeps), float(_conditional(PRIOR[:, None, None] * kinds))


_conditional = jax.jit(theory.conditional_mutual_information)


@cache
def retrained_judge(m: int = NUM_FRESH) -> Path:
    """A judge that prefers, weakly, what the majority of m fresh real samples is, others in every generation."""
    kinds, which = np.unique(preferences(m, WEAK), axis=0, return_inverse=True)
    weights = np.stack([starts(m)[:, which.ravel() == i].sum(1) for i in range(len(kinds))], axis=1)  # [x, kind]
    return path(evolved(starts(), np.einsum("xj,jab->xab", weights, kernels(NUM_SAMPLES, kinds))))


@cache
def samples() -> np.ndarray:
    """I(X;Z_0) of n + m real samples, m in `LEARNED`."""
    tables = [np.pad(starts(NUM_SAMPLES + m), ((0, 0), (0, LEARNED[-1] - m))) for m in LEARNED]
    return np.asarray(_information(PRIOR[:, None] * np.stack(tables)))


_judge_law, _frozen_total = jax.jit(budget.judge_distribution), jax.jit(budget.fixed_judge_total)
_capacity = jax.jit(budget.verifier_capacity)


@cache
def cap() -> float:
    """I(X;J|Z_0) of a judge that is drawn once."""
    return float(_frozen_total(PRIOR, acceptances(), starts()))


def fresh_worth() -> float:
    """I(X;J) over the capacity of one fresh verdict; given a start that says nothing, I(X;J|Z_0) is I(X;J)."""
    nothing = np.tile(starts().mean(0), (2, 1))
    return float(_frozen_total(PRIOR, acceptances(), nothing)) / float(_capacity(VERIFIER))


def best_guess() -> float:
    """The probability that the likelier task given Z_0 is the true one: Σ_z max_x p(x) p(z|x)."""
    return float((PRIOR[:, None] * starts()).max(0).sum())


def frozen_right(verifier: Rates = VERIFIER) -> float:
    """The share right in the end under a judge that is drawn once, by hand.

    It keeps the right symbol alone, or both or none, and then the share stays what it was, on average.
    """
    tpr, fpr = verifier
    return tpr * (1 - fpr) + (tpr * fpr + (1 - tpr) * (1 - fpr)) * SHARE


class Equal(NamedTuple):
    """The fresh verifier that ends right as often as a frozen judge, Z_0 fitted to n real samples."""

    sizes: np.ndarray  # n
    ratio: np.ndarray  # tpr/fpr [n]

    def at(self, n: int) -> float:
        """tpr/fpr for one of the sizes."""
        return float(self.ratio[list(self.sizes).index(n)])


@study("judges/equal-ratio", sizes=(10, 20, 50, 100, 200), full={"sizes": (10, 20, 50, 100, 200, 400)})
def equal_ratio(key: jax.Array, goal: float, *, sizes: tuple[int, ...]) -> Equal:
    """The largest ψ/φ whose loop ends right with the probability `goal`."""
    n = np.array(sizes)
    return Equal(n, 1 / np.asarray(budget.accuracy(n, SHARE, goal, num_real=n)))


def equal_law(goal: float) -> float:
    """The c of ln(tpr/fpr) → c/n: Kimura's (1 − e^{−2pc})/(1 − e^{−2c}) = goal."""
    root = root_scalar(lambda c: np.expm1(-2 * SHARE * c) / np.expm1(-2 * c) - goal, bracket=(1e-9, 100.0), xtol=1e-14)
    return float(root.root)


JUDGES = {
    "no judge": no_judge,
    "self-judge": self_consistency,
    "trained": lambda: learned_judge(NUM_SAMPLES)[0],
    "verifier": fresh_verifier,
}
MODELS = {
    "categorical": sandbox.Categorical(jnp.asarray(TASKS[0])),
    "mixture": sandbox.GaussianMixture(jnp.asarray(TASKS[0]), jnp.array([[-2.0], [2.0]]), jnp.ones((2, 1, 1))),
    "chain": sandbox.MarkovChain(  # to the right with probability .6, to the left else, on a ring of four
        jnp.full(4, 0.25), jnp.asarray(SHARE * np.roll(np.eye(4), 1, 1) + (1 - SHARE) * np.roll(np.eye(4), -1, 1))
    ),
}
RIGHT: dict[str, Any] = {
    "categorical": Symbols(jnp.array([True, False])),
    "mixture": Component(MODELS["mixture"], 0),
    "chain": Transitions(jnp.asarray(np.roll(np.eye(4), 1, 1) > 0)),
}


class OneOf(NamedTuple):
    """The signal signals[which], so that loops under each of them are one program."""

    which: jax.Array
    signals: tuple[Any, ...]
    correct: Any  # what `Record.right` counts

    def __call__(self, key: jax.Array, model: Any, x: Any, /) -> jax.Array:
        """The weights that it gives."""
        return jnp.stack([signal(key, model, x) for signal in self.signals])[self.which]


@partial(jax.jit, static_argnames=("num_generations", "num_replicas"), compiler_options=RUNS_BRIEFLY)
def loops(key: jax.Array, task: Any, correct: Any, *, num_generations: int, num_replicas: int) -> sandbox.Record:
    """The loops [judge, replica, t, …] under each of `JUDGES`, all with the same random numbers."""
    which, tpr, fpr = jnp.array([0, 1, 2, 0]), *jnp.array([(1, 1), VERIFIER, VERIFIER, VERIFIER]).T

    def judged(judge_key: jax.Array) -> sandbox.FixedRewardModel:
        return sandbox.FixedRewardModel.trained(judge_key, task, NUM_SAMPLES, level=0.5)

    def loop(own_key: jax.Array, which: jax.Array, tpr: jax.Array, fpr: jax.Array) -> sandbox.Record:
        real_key, loop_key = jax.random.split(own_key)
        two = jax.vmap(judged)(jax.random.split(real_key))  # the start is fitted as a judge is, to other real samples
        start, judge = (jax.tree.map(lambda leaf: leaf[i], two) for i in range(2))  # noqa: B023
        signals = sandbox.Verifier(tpr, fpr, correct), sandbox.SelfConsistencyJudge(*VERIFIER), judge
        run = partial(sandbox.run, num_samples=NUM_SAMPLES, num_generations=num_generations, until_kept=True)
        return run(loop_key, start.keeps.model, OneOf(which, signals, correct))

    replicas = jax.vmap(loop, (0, None, None, None))
    return jax.vmap(replicas, (None, 0, 0, 0))(jax.random.split(key, num_replicas), which, tpr, fpr)


@study("judges/models", num_replicas=600, full={"num_replicas": 2000})
def accuracy(key: jax.Array, model: str, *, num_replicas: int) -> np.ndarray:
    """The share right [judge, replica, t] of the samples of each model in the loop."""
    record = loops(key, MODELS[model], RIGHT[model], num_generations=NUM_MODELS, num_replicas=num_replicas)
    return np.asarray(record.accuracy)


class Simulated(NamedTuple):
    """The categorical loops, one replica of each task beside the other."""

    correct: theory.Estimate  # the share right [judge, t]
    information: theory.Estimate  # I(X;Z_t) [judge, t]: the mean of the exact ln p(z|x)/p(z) at the simulated z


@study("judges/simulated", num_replicas=500, full={"num_replicas": 4000})
def simulated(key: jax.Array, *, num_replicas: int) -> Simulated:
    """In the same program for both tasks."""
    sizes = {"num_generations": NUM_SIMULATED, "num_replicas": num_replicas}
    found = [
        loops(own_key, sandbox.Categorical(jnp.asarray(task)), Symbols(jnp.asarray(task == SHARE)), **sizes).model.probs
        for own_key, task in zip(jax.random.split(key), TASKS, strict=True)
    ]
    tables = np.stack(found)  # [x, judge, r, t, k]
    correct = np.stack([table[..., x] for x, table in enumerate(tables)]).mean(0)
    distributions = np.stack(
        [judge().distributions[: NUM_SIMULATED + 1] for judge in JUDGES.values()]
    )  # [judge, t, x, s]
    with np.errstate(divide="ignore"):
        nats = np.log(distributions) - np.log(np.einsum("x,jtxs->jts", PRIOR, distributions))[:, :, None]
    states = np.rint(tables[..., 0] * NUM_SAMPLES).astype(int)
    judge, t = np.arange(len(distributions))[:, None, None], np.arange(NUM_SIMULATED + 1)
    told = np.mean([nats[judge, t, x, state] for x, state in enumerate(states)], axis=0)
    return Simulated(*(theory.estimate(np.moveaxis(values, 1, 0)) for values in (correct, told)))
