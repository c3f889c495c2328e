"""A retrained chain against the enumeration of all its paths, in plain numpy, and against simulation."""

import itertools
from collections import defaultdict
from functools import cache, partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.spatial
from oracles import ALPHA, close, every_path, statistic

import sandbox
from sandbox import regions
from theory import drift, markov

PRIOR = np.array([0.1, 0.2, 0.3, 0.4])
TRANSITION = np.array([[[1 - a, a], [b, 1 - b]] for a in (0.2, 0.4) for b in (0.3, 0.6)])
INITIAL = np.array([[0.5, 0.5], [0.5, 0.5], [0.9, 0.1], [1.0, 0.0]])
HARD = INITIAL, np.concatenate([TRANSITION[:2], [[[1.0, 0.0], [0.5, 0.5]], [[0.0, 1.0], [1.0, 0.0]]]])  # with zeros


# the oracle: paths as tuples, statistics as six numbers, laws as dictionaries


def probability(path, initial, transition):
    p = initial[path[0]]
    for a, b in itertools.pairwise(path):
        p *= transition[a][b]
    return p


def fit(counts, smoothing):
    rows = np.reshape(counts, (3, 2)) + np.broadcast_to(smoothing, 2)
    rows = rows / rows.sum(1, keepdims=True)
    return rows[0], rows[1:]


def parameters(counts, smoothing):
    return np.concatenate([part.ravel() for part in fit(counts, smoothing)])


def path_probs(initial, transition, n):
    probs = defaultdict(float)
    for path in every_path(n):
        probs[statistic(path)] += probability(path, initial, transition)
    return probs


def mixture(probs, step):
    """The law after a generation, in which a model with these statistics has the law step(statistics)."""
    after = defaultdict(float)
    for counts, p in probs.items():
        for target, q in step(counts).items():
            after[target] += p * q
    return after


def table(distributions, states):
    """Laws [x, s] of dictionaries; every state they reach must be there."""
    rows = [tuple(row) for row in states.rows().tolist()]
    assert all({s for s, p in probs.items() if p > 0} <= set(rows) for probs in distributions)
    return np.array([[probs.get(row, 0.0) for row in rows] for probs in distributions])


def nats(prior, distributions, smoothing):
    """I(X; Z), models told apart by their rounded parameters."""
    joint = defaultdict(lambda: np.zeros(len(prior)))
    for x, probs in enumerate(distributions):
        for counts, p in probs.items():
            joint[tuple(parameters(counts, smoothing).round(9))][x] += prior[x] * p
    cells = np.array(list(joint.values()))
    product = cells.sum(1, keepdims=True) * cells.sum(0)[None]
    return (cells[cells > 0] * np.log(cells[cells > 0] / product[cells > 0])).sum()


def follows(chain, information, states, step, n, smoothing=ALPHA):
    """The laws of the chain and I(X;Z_t) are those of all paths, from HARD on, by `step(x, statistics)`."""
    distributions = [path_probs(a, b, n) for a, b in zip(*HARD, strict=True)]
    for exact, value in zip(chain, information, strict=True):
        close(exact, table(distributions, states))
        close(value, nats(PRIOR, distributions, smoothing))
        distributions = [mixture(probs, partial(step, x)) for x, probs in enumerate(distributions)]


@pytest.mark.parametrize("smoothing", [0.5, ALPHA])
@pytest.mark.parametrize("n", [1, 2, 5, 8])
def test_closed_loop_is_the_enumeration_of_all_paths(n, smoothing):
    step = cache(lambda counts: path_probs(*fit(counts, smoothing), n))
    exact = markov.distributions(*HARD, n, 2, smoothing=smoothing)
    information = markov.information(PRIOR, *HARD, n, 2, smoothing=smoothing)
    follows(exact, information, markov.path_counts(n), lambda x, counts: step(counts), n, smoothing)


def test_blocks_of_sources():
    """n = 20: 382 statistics, a block and a half, in one matrix."""
    states = markov.path_counts(20)
    rows = states.rows()
    kernel = np.exp(np.log(np.array([parameters(row, ALPHA) for row in rows])) @ rows.T + states.log_paths)
    close(kernel.sum(1), 1)
    distributions = np.asarray(markov.distributions(INITIAL, TRANSITION, 20, 4, smoothing=ALPHA))
    for t in range(4):
        close(distributions[t + 1], distributions[t] @ kernel)


EVERY = [(markov.path_counts(n), s, True) for n in (1, 2, 9, 20, 41) for s in (1e-3, 0.5, 7.0, [2.0, 1.0], ALPHA)]


@pytest.mark.parametrize(
    ("states", "smoothing", "apart"),
    [*EVERY, (markov.accepted_counts(5), 0.5, False), (markov.accepted_counts(5), ALPHA, True)],
)
def test_a_model_tells_its_statistics(states, smoothing, apart):
    """Of a whole path always, of what is kept only under pseudo-counts apart."""
    models = np.array([parameters(row, smoothing) for row in states.rows()])
    assert (len(np.unique(models.round(9), axis=0)) == len(models)) == apart


@pytest.mark.slow
def test_information_numbers():
    """Four tasks, n = 100."""
    information = markov.information([0.25] * 4, [[0.5, 0.5]] * 4, TRANSITION, 100, 3, smoothing=ALPHA)
    np.testing.assert_allclose(information, [1.183896, 0.883743, 0.691164, 0.563916], rtol=0, atol=5e-7)


RATES = np.array([[0.9, 0.3], [0.0, 1.0]])
FIRST = np.array([0.8, 0.4])


def kept_step(n, acceptance, accept_first, smoothing, counts):
    """Every path, and every choice of what is kept of it; where that is nothing the model stays."""
    model = fit(counts, smoothing)
    rates = acceptance(model) if callable(acceptance) else acceptance
    after = defaultdict(float)
    for path in every_path(n):
        p = probability(path, *model)
        rate = [accept_first[path[0]]] + [rates[a][b] for a, b in itertools.pairwise(path)]
        for accepted in itertools.product([0, 1], repeat=n):
            q = p * np.prod([r if keep else 1 - r for r, keep in zip(rate, accepted, strict=True)])
            after[statistic(path, accepted) if any(accepted) else counts] += q
    return after


def judge(model):
    """A self-judge: what is likelier than not is kept more often."""
    return np.where(np.asarray(model[1]) > 0.5, 0.9, 0.2)


@pytest.mark.parametrize("acceptance", [RATES, judge], ids=["verifier", "self-judge"])
def test_filtering_is_the_enumeration_of_what_is_kept(acceptance):
    n, states = 4, markov.accepted_counts(4)
    step = cache(partial(kept_step, n, acceptance, FIRST, ALPHA))
    rates = RATES if acceptance is RATES else judge(markov.fits(states, ALPHA))
    kernel = markov.accepted_kernel(n, rates, FIRST, smoothing=ALPHA)
    close(np.asarray(kernel).sum(1), 1)
    first = markov.initial_distributions(*HARD, n, states)
    information = drift.information(PRIOR, first, kernel, 3)
    follows(drift.distributions(first, kernel, 3), information, states, lambda x, counts: step(counts), n)


def test_fresh_samples_are_the_enumeration_of_two_paths():
    n, num_real, states = 6, 2, markov.fresh_counts(6, 2)
    real = [path_probs(a, b, num_real) for a, b in zip(*HARD, strict=True)]

    @cache
    def step(x, counts):
        after = defaultdict(float)
        for (own, p), (new, q) in itertools.product(path_probs(*fit(counts, ALPHA), 4).items(), real[x].items()):
            after[tuple(np.add(own, new).tolist())] += p * q
        return after

    first = markov.initial_distributions(*HARD, n, states)
    kernels = markov.fresh_kernel(*HARD, n, num_real, smoothing=ALPHA)
    follows(drift.distributions(first, kernels, 2), drift.information(PRIOR, first, kernels, 2), states, step, n)


def test_a_right_verifier_adds_what_a_self_judge_cannot():
    """I(X;Z_1) > I(X;Z_0) under a verifier that knows the task, never under one that knows the model."""
    n, states = 8, markov.accepted_counts(8)
    first = markov.initial_distributions(INITIAL, TRANSITION, n, states)
    knows = [markov.accepted_kernel(n, np.where(p > 0.5, 0.95, 0.05), [1, 1], smoothing=ALPHA) for p in TRANSITION]
    opened = drift.information(PRIOR, first, np.stack(knows), 3)
    assert opened[3] > opened[0] + 0.1
    own = np.where(np.asarray(markov.fits(states, ALPHA)[1]) > 0.5, 0.95, 0.05)
    closed = drift.information(PRIOR, first, markov.accepted_kernel(n, own, [1, 1], smoothing=ALPHA), 3)
    assert (np.diff(closed) < 0).all()


def closed(n, states):
    """The chain of the theory, and what makes it in the sandbox."""
    chain = markov.distributions(INITIAL, TRANSITION, n, 3, smoothing=ALPHA)
    return chain, sandbox.KeepAll(), {}


def kernel_chain(n, states, kernel):
    return drift.distributions(markov.initial_distributions(INITIAL, TRANSITION, n, states), kernel, 3)


def verifier(n, states):
    """Its tpr on the first symbol, which a verifier of transitions takes for right."""
    correct = np.array([[1, 0], [1, 0]], bool)
    kernel = markov.accepted_kernel(n, np.where(correct, 0.8, 0.1), [0.8, 0.8], smoothing=ALPHA)
    return kernel_chain(n, states, kernel), sandbox.Verifier(0.8, 0.1, regions.Transitions(jnp.asarray(correct))), {}


def self_judge(n, states):
    def verdict(key, model, x):
        likely = jnp.concatenate([jnp.ones(1, bool), model.transition[x[:-1], x[1:]] > 0.5])
        return (jax.random.uniform(key, x.shape) < jnp.where(likely, 0.9, 0.2)).astype(float)

    kernel = markov.accepted_kernel(n, judge(markov.fits(states, ALPHA)), [0.9, 0.9], smoothing=ALPHA)
    return kernel_chain(n, states, kernel), verdict, {}


def fresh(n, states):
    kernels = markov.fresh_kernel(INITIAL, TRANSITION, n, 3, smoothing=ALPHA)
    return kernel_chain(n, states, kernels), sandbox.KeepAll(), {"regime": sandbox.Fresh(None, 0.3)}


def within(samples, expected):
    """The mean over tasks, each its own stratum, is within five standard errors."""
    stderr = np.sqrt(np.sum(samples.var(1, ddof=1) / samples.shape[1])) / len(samples)
    assert abs(samples.mean() - expected) <= 5 * stderr


@pytest.mark.parametrize(
    ("states", "loop"),
    [
        (markov.path_counts(20), closed),
        pytest.param(markov.accepted_counts(8), verifier, marks=pytest.mark.slow),
        pytest.param(markov.accepted_counts(6), self_judge, marks=pytest.mark.slow),
        pytest.param(markov.fresh_counts(10, 3), fresh, marks=pytest.mark.slow),
    ],
)
def test_simulated(states, loop):
    """Pointwise information averages to I(X;Z_t), and the likeliest states come as often as they should."""
    n = int(states.rows().sum(1).max())
    chain, signal, options = loop(n, states)
    tasks = sandbox.MarkovChain(jnp.asarray(INITIAL), jnp.asarray(TRANSITION))
    options |= {"num_samples": n, "num_generations": 3, "num_replicas": 2000, "num_real": n}
    fit = partial(sandbox.MarkovChain.fit, smoothing=ALPHA)
    model = sandbox.ensemble(jax.random.key(0), tasks, signal, fit=fit, **options).model
    values, keys = (
        np.stack([initial[..., 0], transition[..., 0, 0], transition[..., 1, 0]], axis=-1)
        for initial, transition in ((model.initial, model.transition), markov.fits(states, ALPHA))
    )
    distance, found = scipy.spatial.KDTree(keys).query(values)  # the states [x, r, t], by their fit
    assert distance.max() < 1e-12 and found.shape[:2] == (4, 2000)
    for t in range(1, len(chain)):
        pointwise, joint = np.asarray(drift.pointwise_information([0.25] * 4, chain[t])), np.asarray(chain[t]) / 4
        within(np.take_along_axis(pointwise, found[..., t], 1), (joint * np.where(joint > 0, pointwise, 0)).sum())
        for state in np.argsort(-joint.mean(0))[:5]:
            within(found[..., t] == state, joint[:, state].sum())
