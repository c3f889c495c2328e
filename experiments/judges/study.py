"""Exact chains of two symbols under each judge, simulations of them, and four judges on three models.

The task is which of two symbols is correct. All loops use rejection sampling: each generation samples until n are
accepted, and keeps its model if the judge accepts nothing.
"""

from functools import cache, partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from scipy.optimize import root_scalar
from scipy.special import expit, logit, rel_entr
from scipy.stats import binom

import sandbox
import theory
from experiments.harness.cost import RUNS_BRIEFLY
from experiments.harness.study import generator, study
from sandbox.regions import Component, Symbols, Transitions
from theory import budget, drift

PRIOR = np.full(2, 0.5)
SHARE = 0.6  # of the correct symbol in real data
TASKS = np.array([[SHARE, 1 - SHARE], [1 - SHARE, SHARE]])  # in task x, symbol x is correct
VerifierRates = tuple[float, float]  # tpr, fpr
VERIFIER = (0.9, 0.2)
WEAK = (0.9, 0.8)  # slow enough to see information lost and recovered
NUM_SAMPLES = 50
NUM_GENERATIONS = 400
NUM_FRESH = 50  # real samples that a judge is retrained on in every generation
VOTES, NUM_VOTED = (1, 3, 11, 51, 201), 40  # samples of a majority vote, odd: no ties; generations
LEARNED = (1, 3, 5, 11, 21, 51, 101, 201)  # real samples of a learned judge, odd: no ties
NUM_SIMULATED, NUM_MODELS = 10, 15  # generations
TOGETHER = 8  # distributions computed together, so that all chains are one program


class JudgedLoop(NamedTuple):
    """An exact loop."""

    distributions: np.ndarray  # p(z_t|x) [t, x, s]
    information: np.ndarray  # I(X;Z_t) [t]
    accuracy: np.ndarray  # the expected one [t]


def acceptances(verifier: VerifierRates = VERIFIER) -> np.ndarray:
    """P(a verdict accepts the symbol | task) [x, k]."""
    return np.where(np.eye(2) > 0, *verifier)


def starts(n: int = NUM_SAMPLES) -> np.ndarray:
    """The distribution of Z_0 [x, s], fitted to n real samples: `drift.initial` without a compilation for each n."""
    return binom.pmf(np.arange(n + 1), n, TASKS[:, :1])


def preferences(m: int, rates: VerifierRates) -> np.ndarray:
    """P(accept) of a judge that saw m samples, for each of their counts [s, k]: by tpr the commoner symbol, or both."""
    counts = np.stack([np.arange(m + 1), m - np.arange(m + 1)], axis=1)
    return np.where(counts >= counts[:, ::-1], *rates)


def judged(distributions: np.ndarray) -> JudgedLoop:
    """The information and the accuracy of these distributions."""
    shares = np.linspace(0, 1, distributions.shape[2])
    accuracy = np.einsum("x,txs,sx->t", PRIOR, distributions, np.stack([shares, 1 - shares], axis=1))
    return JudgedLoop(distributions, np.asarray(_information(PRIOR[:, None] * distributions)), accuracy)


_information = jax.jit(jax.vmap(theory.mutual_information))
_kernel = jax.jit(drift.selection_kernel, static_argnums=0)


def kernels(n: int, acceptance: np.ndarray) -> np.ndarray:
    """One generation of a loop whose judge j accepts symbol k with probability acceptance[j, k] [j, s, s]."""
    return np.stack([_kernel(n, each) for each in acceptance])


def evolved(first: np.ndarray, moves: np.ndarray) -> np.ndarray:
    """The distributions [t, j, s] from first[j, s] on, each under its kernel moves[j]; at most `TOGETHER` of them."""
    place = np.arange(TOGETHER) % len(first)
    return np.asarray(drift.distributions(first[place], moves[place], NUM_GENERATIONS))[:, : len(first)]


def fixed_judge(joint: np.ndarray, acceptance: np.ndarray) -> JudgedLoop:
    """A fixed judge J that accepts symbol k with probability acceptance[j, k]; joint[x, j, s] = p(j, z_0|x).

    p(z_t|x) = Σ_j p(j|x) p(z_0|x, j) T_j^t, one chain for all judges that accept alike.
    """
    kinds, which = np.unique(acceptance, axis=0, return_inverse=True)
    merged = np.stack([joint[:, which.ravel() == i].sum(1) for i in range(len(kinds))], axis=1)  # [x, kind, s]
    weights, n = merged.sum(2), joint.shape[2] - 1
    given = (merged / weights[..., None]).reshape(-1, n + 1)
    distributions = evolved(given, np.concatenate([kernels(n, kinds)] * 2)).reshape(-1, *merged.shape)
    return judged(np.einsum("xj,txjs->txs", weights, distributions))


@cache
def no_judge() -> JudgedLoop:
    """The closed loop."""
    return fresh_verifier((1.0, 1.0))


@cache
def fresh_verifier(rates: VerifierRates = VERIFIER) -> JudgedLoop:
    """Each verdict has independent errors."""
    return judged(evolved(starts(), kernels(NUM_SAMPLES, acceptances(rates))))


@cache
def self_consistency(rates: VerifierRates = VERIFIER) -> JudgedLoop:
    """The model's own preference is the judge, so that one kernel serves all tasks."""
    kinds, which = np.unique(preferences(NUM_SAMPLES, rates), axis=0, return_inverse=True)
    rows = kernels(NUM_SAMPLES, kinds)[which.ravel(), np.arange(NUM_SAMPLES + 1)]
    return judged(evolved(starts(), np.stack([rows, rows])))


@cache
def earlier_model(rates: VerifierRates = VERIFIER, n: int = NUM_SAMPLES) -> JudgedLoop:
    """Z_0's preference is the judge forever."""
    return fixed_judge(starts(n)[:, :, None] * np.eye(n + 1), preferences(n, rates))


@cache
def fixed_reward_model() -> JudgedLoop:
    """One noisy verdict on each symbol, drawn once and forever."""
    bits = np.arange(4)[:, None] >> np.arange(2) & 1
    judges = np.asarray(_judge_distribution(acceptances()))  # [x, j]
    return fixed_judge(judges[:, :, None] * starts()[:, None], bits.astype(float))


@cache
def learned_judge(m: int) -> tuple[JudgedLoop, float]:
    """The loop under a judge that accepts the majority symbol of m other real samples, and I(X;J|Z_0)."""
    joint = starts(m)[:, :, None] * starts()[:, None]
    acceptance = preferences(m, (1.0, 0.0))
    kinds = np.stack([joint[:, (acceptance == kind).all(1)].sum(1) for kind in ((1, 0), (1, 1), (0, 1))], axis=1)
    return fixed_judge(joint, acceptance), float(_conditional(PRIOR[:, None, None] * kinds))


_conditional = jax.jit(theory.conditional_mutual_information)


@cache
def retrained_judge(m: int = NUM_FRESH) -> JudgedLoop:
    """A judge that weakly prefers the majority symbol of m fresh real samples, redrawn in every generation."""
    kinds, which = np.unique(preferences(m, WEAK), axis=0, return_inverse=True)
    weights = np.stack([starts(m)[:, which.ravel() == i].sum(1) for i in range(len(kinds))], axis=1)  # [x, kind]
    return judged(evolved(starts(), np.einsum("xj,jab->xab", weights, kernels(NUM_SAMPLES, kinds))))


@cache
def samples() -> np.ndarray:
    """I(X;Z_0) of n + m real samples, m in `LEARNED`."""
    tables = [np.pad(starts(NUM_SAMPLES + m), ((0, 0), (0, LEARNED[-1] - m))) for m in LEARNED]
    return np.asarray(_information(PRIOR[:, None] * np.stack(tables)))


_judge_distribution, _fixed_judge_total = jax.jit(budget.judge_distribution), jax.jit(budget.fixed_judge_total)
_capacity = jax.jit(budget.verifier_capacity)


@cache
def cap() -> float:
    """I(X;J|Z_0) of a judge that is drawn once."""
    return float(_fixed_judge_total(PRIOR, acceptances(), starts()))


def worth(num_candidates: int, verifier: VerifierRates = VERIFIER) -> float:
    """I(X;J)/C(φ,ψ) of a fixed judge of so many candidates."""
    return float(budget.candidate_judge_total(verifier, num_candidates)) / float(_capacity(verifier))


def worth_limit(verifier: VerifierRates = VERIFIER) -> float:
    """D(φ‖ψ)/C(φ,ψ), for many candidates."""
    tpr, fpr = verifier
    return float(rel_entr(tpr, fpr) + rel_entr(1 - tpr, 1 - fpr)) / float(_capacity(verifier))


class TrainedJudge(NamedTuple):
    """What a judge injects that was trained on real samples, and what the loop gains in each generation."""

    injected: float  # I(X;J|Z_0)
    fixed: np.ndarray  # I(X;Z_t) − I(X;Z_0)
    retrained: np.ndarray  # the same of a judge that is trained again, on m fresh samples, in every generation


@cache
def trained_judge(n: int = 20, m: int = 20, size: int = 400, num_generations: int = 6) -> TrainedJudge:
    """The judge counted the symbols in m real samples, and accepts a symbol in proportion to e^{2 count/n}.

    Z_0 is fitted to n other real samples, and each generation to `size` accepted ones: resampling loses little.
    The counts add up, I(X;Z_0,J) is that of n + m samples; the tilt weighs them alike, logit z ≈ (2/n)(n_1 − n_2).
    """
    first, judges, tilt = starts(n), starts(m), 2 / n * (2 * np.arange(m + 1) - m)

    def moves(states: int) -> np.ndarray:  # [s, j, s']
        share = expit(logit(np.arange(states + 1) / states)[:, None] + tilt)
        return binom.pmf(np.arange(size + 1), size, share[..., None])

    kept, later = np.einsum("xs,xj,sjk->xjk", first, judges, moves(n)), moves(size)
    fresh = kept.sum(1)
    tables = [first, starts(n + m), fresh, fresh]
    for _ in range(num_generations - 1):
        kept, fresh = np.einsum("xjs,sjk->xjk", kept, later), np.einsum("xs,xj,sjk->xk", fresh, judges, later)
        tables += [kept.sum(1), fresh]
    padded = np.stack([np.pad(table, ((0, 0), (0, size + 1 - table.shape[1]))) for table in tables])
    start, *known = judged(padded).information
    injected, *gained = np.array(known) - start
    return TrainedJudge(injected, np.array(gained[::2]), np.array(gained[1::2]))


@study("judges/votes", independent=("num_votes", "real"), num_replicas=10_000, full={"num_replicas": 100_000})
def votes(key: jax.Array, num_votes: int, real: bool, *, num_replicas: int) -> np.ndarray:
    """Whether the majority of the model's samples is correct [start or end, replica]; ½ for a tie.

    In every generation the majority of `num_votes` samples, of the model itself or real ones, passes for correct.
    """
    rng, (tpr, fpr) = generator(key), VERIFIER
    first = share = rng.binomial(NUM_SAMPLES, SHARE, num_replicas) / NUM_SAMPLES
    for _ in range(NUM_VOTED):
        correct = 2 * rng.binomial(num_votes, SHARE if real else share, num_replicas) > num_votes
        accepted = share * np.where(correct, tpr, fpr)
        rejected = (1 - share) * np.where(correct, fpr, tpr)
        share = rng.binomial(NUM_SAMPLES, accepted / (accepted + rejected)) / NUM_SAMPLES
    return (1 + np.sign(np.stack([first, share]) - 0.5)) / 2


def best_guess() -> float:
    """The probability that the likelier task given Z_0 is the true one: Σ_z max_x p(x) p(z|x)."""
    return float((PRIOR[:, None] * starts()).max(0).sum())


def fixed_judge_accuracy(verifier: VerifierRates = VERIFIER) -> float:
    """The accuracy in the end under a fixed judge, by hand.

    It accepts the correct symbol alone, or both or none, and then the expected accuracy stays what it was.
    """
    tpr, fpr = verifier
    return tpr * (1 - fpr) + (tpr * fpr + (1 - tpr) * (1 - fpr)) * SHARE


class EquivalentVerifier(NamedTuple):
    """The fresh verifier that ends correct as often as a fixed judge, Z_0 fitted to n real samples."""

    sizes: np.ndarray  # n
    ratio: np.ndarray  # its likelihood ratio tpr/fpr [n]

    def at(self, n: int) -> float:
        """The likelihood ratio for one of the sizes."""
        return float(self.ratio[list(self.sizes).index(n)])


@study("judges/equal-ratio", sizes=(10, 20, 50, 100, 200), full={"sizes": (10, 20, 50, 100, 200, 400)})
def equal_ratio(key: jax.Array, goal: float, *, sizes: tuple[int, ...]) -> EquivalentVerifier:
    """The smallest likelihood ratio whose loop ends correct with probability `goal`."""
    n = np.array(sizes)
    return EquivalentVerifier(n, 1 / np.asarray(budget.accuracy(n, SHARE, goal, num_real=n)))


def equal_ratio_limit(goal: float) -> float:
    """The c of ln(tpr/fpr) → c/n: Kimura's (1 − e^{−2pc})/(1 − e^{−2c}) = goal."""
    root = root_scalar(lambda c: np.expm1(-2 * SHARE * c) / np.expm1(-2 * c) - goal, bracket=(1e-9, 100.0), xtol=1e-14)
    return float(root.root)


JUDGES = {
    "no judge": no_judge,
    "self-consistency judge": self_consistency,
    "trained reward model": lambda: learned_judge(NUM_SAMPLES)[0],
    "verifier": fresh_verifier,
}
MODELS = {
    "categorical": sandbox.Categorical(jnp.asarray(TASKS[0])),
    "mixture": sandbox.GaussianMixture(jnp.asarray(TASKS[0]), jnp.array([[-2.0], [2.0]]), jnp.ones((2, 1, 1))),
    "chain": sandbox.MarkovChain(  # on a ring of four, one step on with probability .6, else one back
        jnp.full(4, 0.25), jnp.asarray(SHARE * np.roll(np.eye(4), 1, 1) + (1 - SHARE) * np.roll(np.eye(4), -1, 1))
    ),
}
CORRECT: dict[str, Any] = {
    "categorical": Symbols(jnp.array([True, False])),
    "mixture": Component(MODELS["mixture"], 0),
    "chain": Transitions(jnp.asarray(np.roll(np.eye(4), 1, 1) > 0)),
}


class SelectedSignal(NamedTuple):
    """The signal signals[which], so that loops under each of them are one program."""

    which: jax.Array
    signals: tuple[Any, ...]
    correct: Any  # for `Record.accuracy`

    def __call__(self, key: jax.Array, model: Any, x: Any, /) -> jax.Array:
        """Its weights."""
        return jnp.stack([signal(key, model, x) for signal in self.signals])[self.which]


@partial(jax.jit, static_argnames=("num_generations", "num_replicas"), compiler_options=RUNS_BRIEFLY)
def loops(key: jax.Array, task: Any, correct: Any, *, num_generations: int, num_replicas: int) -> sandbox.Record:
    """The loops [judge, replica, t, …] under each of `JUDGES`, all with the same random numbers."""
    which, tpr, fpr = jnp.array([0, 1, 2, 0]), *jnp.array([(1, 1), VERIFIER, VERIFIER, VERIFIER]).T

    def trained(judge_key: jax.Array) -> sandbox.FixedRewardModel:
        return sandbox.FixedRewardModel.trained(judge_key, task, NUM_SAMPLES, level=0.5)

    def loop(own_key: jax.Array, which: jax.Array, tpr: jax.Array, fpr: jax.Array) -> sandbox.Record:
        real_key, loop_key = jax.random.split(own_key)
        two = jax.vmap(trained)(jax.random.split(real_key))  # Z_0 is fitted like the judge, to other real samples
        start, judge = (jax.tree.map(lambda leaf: leaf[i], two) for i in range(2))  # noqa: B023
        signals = sandbox.Verifier(tpr, fpr, correct), sandbox.SelfConsistencyJudge(*VERIFIER), judge
        run = partial(sandbox.run, num_samples=NUM_SAMPLES, num_generations=num_generations, until_kept=True)
        return run(loop_key, start.accepts.model, SelectedSignal(which, signals, correct))

    replicas = jax.vmap(loop, (0, None, None, None))
    return jax.vmap(replicas, (None, 0, 0, 0))(jax.random.split(key, num_replicas), which, tpr, fpr)


@study("judges/models", num_replicas=400, full={"num_replicas": 2000})
def accuracy(key: jax.Array, model: str, *, num_replicas: int) -> np.ndarray:
    """The accuracy [judge, replica, t] of the samples of each model in the loop."""
    record = loops(key, MODELS[model], CORRECT[model], num_generations=NUM_MODELS, num_replicas=num_replicas)
    return np.asarray(record.accuracy)


class SimulatedJudges(NamedTuple):
    """The categorical loops, in pairs of replicas, one per task."""

    accuracy: theory.Estimate  # [judge, t]
    information: theory.Estimate  # I(X;Z_t) [judge, t]: the mean of the exact ln p(z|x)/p(z) at the simulated z


@study("judges/simulated", num_replicas=500, full={"num_replicas": 4000})
def simulated(key: jax.Array, *, num_replicas: int) -> SimulatedJudges:
    """One program for both tasks."""
    sizes = {"num_generations": NUM_SIMULATED, "num_replicas": num_replicas}
    found = [
        loops(own_key, sandbox.Categorical(jnp.asarray(task)), Symbols(jnp.asarray(task == SHARE)), **sizes).model.probs
        for own_key, task in zip(jax.random.split(key), TASKS, strict=True)
    ]
    tables = np.stack(found)  # [x, judge, r, t, k]
    accuracy = np.stack([table[..., x] for x, table in enumerate(tables)]).mean(0)
    exact = [judge().distributions[: NUM_SIMULATED + 1] for judge in JUDGES.values()]
    distributions = np.stack(exact)  # [judge, t, x, s]
    with np.errstate(divide="ignore"):
        nats = np.log(distributions) - np.log(np.einsum("x,jtxs->jts", PRIOR, distributions))[:, :, None]
    states = np.rint(tables[..., 0] * NUM_SAMPLES).astype(int)
    judge, t = np.arange(len(distributions))[:, None, None], np.arange(NUM_SIMULATED + 1)
    pointwise = np.mean([nats[judge, t, x, state] for x, state in enumerate(states)], axis=0)
    return SimulatedJudges(*(theory.estimate(np.moveaxis(values, 1, 0)) for values in (accuracy, pointwise)))
