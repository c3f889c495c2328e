"""A retrained chain against the enumeration of all its paths, in plain numpy, and against simulation."""

import itertools
from collections import defaultdict
from fractions import Fraction
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.spatial
import scipy.special
from oracles import close

import sandbox
from sandbox import regions
from theory import drift, markov
from theory.markov import paths

ALPHA = (0.31415926, 0.4721359)
PRIOR = np.array([0.1, 0.2, 0.3, 0.4])
TRANSITION = np.array([[[1 - a, a], [b, 1 - b]] for a in (0.2, 0.4) for b in (0.3, 0.6)])
INITIAL = np.array([[0.5, 0.5], [0.5, 0.5], [0.9, 0.1], [1.0, 0.0]])
HARD = INITIAL, np.concatenate([TRANSITION[:2], [[[1.0, 0.0], [0.5, 0.5]], [[0.0, 1.0], [1.0, 0.0]]]])  # with zeros


# the oracle: paths as tuples, statistics as six numbers, laws as dictionaries


def every_path(n, k=2):
    return list(itertools.product(range(k), repeat=n))


def statistic(path, accepted=None):
    accepted = [1] * len(path) if accepted is None else accepted
    counts = np.zeros(6, int)
    counts[path[0]] += accepted[0]
    for (a, b), keep in zip(itertools.pairwise(path), accepted[1:], strict=True):
        counts[2 + 2 * a + b] += keep
    return tuple(counts.tolist())


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


@pytest.mark.parametrize("n", range(1, 9))
def test_path_counts(n):
    expected = defaultdict(int)
    for path in every_path(n):
        expected[statistic(path)] += 1
    states = markov.path_counts(n)
    found = dict(zip(map(tuple, states.rows().tolist()), np.exp(states.log_paths), strict=True))
    assert set(found) == set(expected)
    assert len(states.first) == n * n - n + 2
    close([found[row] for row in expected], list(expected.values()))
    np.testing.assert_array_equal(states.first, states.rows()[:, 1])


def test_the_paths_of_long_statistics_add_up_to_all():
    states = markov.path_counts(300)
    np.testing.assert_allclose(np.exp(states.log_paths - 300 * np.log(2)).sum(), 1, rtol=1e-12)


@pytest.mark.parametrize("n", [2, 3, 5])
def test_kept_counts(n):
    patterns = list(itertools.product([0, 1], repeat=n))
    expected = sorted({statistic(path, accepted) for path in every_path(n) for accepted in patterns})
    states = markov.accepted_counts(n)
    np.testing.assert_array_equal(states.rows(), expected)
    np.testing.assert_array_equal(paths.index(states, states.rows()), np.arange(len(expected)))


@pytest.mark.parametrize(("n", "num_real"), [(2, 1), (5, 1), (5, 2), (6, 5)])
def test_fresh_counts(n, num_real):
    expected = {statistic(path) for path in every_path(n)}
    for real, own in itertools.product(every_path(num_real), every_path(n - num_real)):
        expected.add(tuple(np.add(statistic(real), statistic(own)).tolist()))
    states = markov.fresh_counts(n, num_real)
    np.testing.assert_array_equal(states.rows(), sorted(expected))
    np.testing.assert_array_equal(paths.index(states, states.rows()), np.arange(len(expected)))


@pytest.mark.parametrize(("k", "n"), [(2, 1), (2, 7), (3, 1), (3, 2), (3, 5), (3, 7), (4, 5)])
def test_log_num_paths(k, n):
    """Every table of transitions that a path has, with either end moved too."""
    expected = defaultdict(int)
    for path in every_path(n, k):
        counts = np.zeros((k, k), int)
        np.add.at(counts, (path[:-1], path[1:]), 1)
        expected[counts.tobytes(), path[0], path[-1]] += 1
    tables = np.array([np.frombuffer(counts, int).reshape(k, k) for counts in {key[0] for key in expected}])
    for first, last in itertools.product(range(k), repeat=2):
        counts = [expected.get((table.tobytes(), first, last), 0) for table in tables]
        np.testing.assert_allclose(np.exp(markov.log_num_paths(tables, first, last)), counts, rtol=1e-12, atol=0)


def test_log_num_paths_of_tables_without_a_path():
    apart = np.array(
        [[[0, 1, 0], [1, 0, 0], [0, 0, 2]], [[2, 0, 0], [0, 0, 3], [0, 3, 0]], [[0, 2, 0], [0, 0, 0], [0] * 3]]
    )
    assert np.isneginf(markov.log_num_paths(apart, 0, [0, 0, 1])).all()
    within = np.array(
        [[56, 79, 0, 0, 0], [79, 20, 0, 0, 0], [0, 0, 18, 103, 113], [0, 0, 103, 18, 94], [0, 0, 113, 94, 80]]
    )
    assert np.isneginf(
        markov.log_num_paths([within, 1000 * within], 0, 0)
    ).all()  # determinants of 1e-7, 1e5 by rounding


def test_log_num_paths_agrees_with_runs():
    states = markov.path_counts(60)
    last = (states.first + states.counts[:, 0, 1] + states.counts[:, 1, 0]) % 2
    np.testing.assert_allclose(markov.log_num_paths(states.counts, states.first, last), states.log_paths, atol=1e-11)


def test_smallest_gap_by_hand():
    """n = 3: rows of sum 0, 1, 2; and brute force over three symbols."""
    values = np.sort([0.3 / 1, 0.3 / 2, 1.3 / 2, 0.3 / 3, 1.3 / 3, 2.3 / 3])
    np.testing.assert_allclose(markov.smallest_gap([0.3, 0.7], 3), np.diff(values).min(), rtol=1e-12)
    alpha = np.array([0.2, 0.5, 1.1])
    counts = [c for c in itertools.product(range(5), repeat=3) if sum(c) <= 4]
    rows = [(c + alpha) / (c + alpha).sum() for c in np.array(counts)]
    gap = min(np.abs(p - q).max() for p, q in itertools.combinations(rows, 2))
    np.testing.assert_allclose(markov.smallest_gap(alpha, 5), gap, rtol=1e-12)


def test_irrational_pseudo_counts_are_injective():
    """No two of 5050 rows are equal, nor of 171,700; equal pseudo-counts, or hundredths, are not so."""
    assert markov.smallest_gap(ALPHA, 100) > 4e-8
    assert markov.smallest_gap([np.sqrt(2) / 2, np.sqrt(3) - 1, np.sqrt(5) - 2], 100) > 7e-6
    assert markov.smallest_gap([0.5, 0.5], 3) < 1e-15
    assert markov.smallest_gap([0.5, 0.5, 0.5], 4) < 1e-15
    assert markov.smallest_gap([0.31, 0.47], 100) < 1e-15


def closed_step(n, smoothing, counts):
    return path_probs(*fit(counts, smoothing), n)


@pytest.mark.parametrize("smoothing", [0.5, ALPHA])
@pytest.mark.parametrize("n", [1, 2, 5, 8])
def test_closed_loop_is_the_enumeration_of_all_paths(n, smoothing):
    initial, transition = HARD
    distributions = [path_probs(a, b, n) for a, b in zip(initial, transition, strict=True)]
    exact = markov.distributions(initial, transition, n, 2, smoothing=smoothing)
    information = markov.information(PRIOR, initial, transition, n, 2, smoothing=smoothing)
    step = {counts: closed_step(n, smoothing, counts) for counts in path_probs([0.5, 0.5], np.full((2, 2), 0.5), n)}
    for t in range(3):
        close(exact[t], table(distributions, markov.path_counts(n)))
        close(information[t], nats(PRIOR, distributions, smoothing))
        distributions = [mixture(probs, step.__getitem__) for probs in distributions]


def test_blocks_of_sources():
    """n = 20: 382 statistics, a block and a half, in one matrix."""
    states = markov.path_counts(20)
    rows = states.rows()
    kernel = np.exp(np.log(np.array([parameters(row, ALPHA) for row in rows])) @ rows.T + states.log_paths)
    close(kernel.sum(1), 1)
    distributions = np.asarray(markov.distributions(INITIAL, TRANSITION, 20, 4, smoothing=ALPHA))
    for t in range(4):
        close(distributions[t + 1], distributions[t] @ kernel)


@pytest.mark.parametrize("smoothing", [1e-3, 0.5, 1.0, 7.0, [2.0, 1.0], ALPHA])
@pytest.mark.parametrize("n", [1, 2, 9, 20, 41])
def test_a_model_of_a_whole_path_tells_its_statistics(n, smoothing):
    models = np.array([parameters(row, smoothing) for row in markov.path_counts(n).rows()])
    assert len(np.unique(models.round(9), axis=0)) == len(models)


def test_a_model_of_what_is_kept_tells_its_statistics_only_under_pseudo_counts_apart():
    rows = markov.accepted_counts(5).rows()
    for smoothing, all_apart in ((0.5, False), (ALPHA, True)):
        models = np.array([parameters(row, smoothing) for row in rows])
        assert (len(np.unique(models.round(9), axis=0)) == len(models)) == all_apart


@pytest.mark.parametrize("smoothing", [0.5, ALPHA])
def test_closed_loop_loses_information(smoothing):
    """I(X;Z_{t+1}) ≤ I(X;Z_t), and pointwise information averages to it."""
    information = np.asarray(markov.information(PRIOR, *HARD, 20, 10, smoothing=smoothing))
    assert (np.diff(information) < 0).all()
    chain = markov.distributions(*HARD, 20, 10, smoothing=smoothing)
    pointwise = jax.vmap(partial(drift.pointwise_information, PRIOR))(chain)
    close((PRIOR[None, :, None] * chain * jnp.where(chain > 0, pointwise, 0)).sum((1, 2)), information)


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
    step = {c: kept_step(n, acceptance, FIRST, ALPHA, c) for c in map(tuple, states.rows().tolist())}
    rates = RATES
    if acceptance is judge:
        rates = np.where(np.asarray(markov.fits(states, ALPHA)[1]) > 0.5, 0.9, 0.2)
    kernel = markov.accepted_kernel(n, rates, FIRST, smoothing=ALPHA)
    close(np.asarray(kernel).sum(1), 1)
    distributions = [path_probs(a, b, n) for a, b in zip(*HARD, strict=True)]
    first = markov.initial_distributions(*HARD, n, states)
    information = drift.information(PRIOR, first, kernel, 3)
    for t, exact in enumerate(drift.distributions(first, kernel, 3)):
        close(exact, table(distributions, states))
        close(information[t], nats(PRIOR, distributions, ALPHA))
        distributions = [mixture(probs, step.__getitem__) for probs in distributions]


def test_fresh_samples_are_the_enumeration_of_two_paths():
    n, num_real, smoothing = 6, 2, ALPHA
    states = markov.fresh_counts(n, num_real)
    real = [path_probs(a, b, num_real) for a, b in zip(*HARD, strict=True)]

    def step(x, counts):
        after = defaultdict(float)
        for (own, p), (new, q) in itertools.product(closed_step(4, smoothing, counts).items(), real[x].items()):
            after[tuple(np.add(own, new).tolist())] += p * q
        return after

    distributions = [path_probs(a, b, n) for a, b in zip(*HARD, strict=True)]
    first, kernels = (
        markov.initial_distributions(*HARD, n, states),
        markov.fresh_kernel(*HARD, n, num_real, smoothing=smoothing),
    )
    information = drift.information(PRIOR, first, kernels, 2)
    for t, exact in enumerate(drift.distributions(first, kernels, 2)):
        close(exact, table(distributions, states))
        close(information[t], nats(PRIOR, distributions, ALPHA))
        distributions = [mixture(probs, partial(step, x)) for x, probs in enumerate(distributions)]


def test_a_signal_that_keeps_all_closes_the_loop():
    n, states = 8, markov.accepted_counts(8)
    kernel = markov.accepted_kernel(n, np.ones((2, 2)), [1, 1], smoothing=ALPHA)
    information = drift.information(PRIOR, markov.initial_distributions(INITIAL, TRANSITION, n, states), kernel, 5)
    close(information, markov.information(PRIOR, INITIAL, TRANSITION, n, 5, smoothing=ALPHA))
    stays = markov.accepted_kernel(3, np.zeros((2, 2)), [0, 0], smoothing=ALPHA)
    close(stays, np.eye(len(stays)))


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


def simulated(states, signal, n, *, num_generations=3, num_replicas=2000, **options):
    """The states [x, r, t] of a simulated loop, found by their fit."""
    tasks = sandbox.MarkovChain(jnp.asarray(INITIAL), jnp.asarray(TRANSITION))
    record = sandbox.ensemble(
        jax.random.key(0),
        tasks,
        signal,
        num_samples=n,
        num_generations=num_generations,
        num_replicas=num_replicas,
        num_real=n,
        fit=FIT,
        **options,
    )
    initial, transition = markov.fits(states, ALPHA)
    keys = np.stack([initial[:, 0], transition[:, 0, 0], transition[:, 1, 0]], axis=-1)
    model = record.model
    values = np.stack([model.initial[..., 0], model.transition[..., 0, 0], model.transition[..., 1, 0]], axis=-1)
    distance, found = scipy.spatial.KDTree(keys).query(values)
    assert distance.max() < 1e-12
    return found


FIT = partial(sandbox.MarkovChain.fit, smoothing=ALPHA)


def agrees(distributions, found):
    """Pointwise information averages to I(X;Z_t), and every coordinate of the fitted counts to its mean."""
    assert found.shape[:2] == (4, 2000)
    for t in range(1, distributions.shape[0]):
        table = np.asarray(drift.pointwise_information([0.25] * 4, distributions[t]))
        joint = np.asarray(distributions[t]) / 4
        expected = (joint * np.where(joint > 0, table, 0)).sum()
        within(np.take_along_axis(table, found[..., t], 1), expected)
        for state in np.argsort(-distributions[t].mean(0))[:5]:  # the likeliest of all
            within(found[..., t] == state, joint[:, state].sum())


def within(samples, expected):
    """Of the mean over tasks, five standard errors, each task being its own stratum."""
    stderr = np.sqrt(np.sum(samples.var(1, ddof=1) / samples.shape[1])) / len(samples)
    assert abs(samples.mean() - expected) <= 5 * stderr


def test_simulated_closed_loop():
    found = simulated(markov.path_counts(20), sandbox.KeepAll(), 20)
    agrees(markov.distributions(INITIAL, TRANSITION, 20, 3, smoothing=ALPHA), found)


@pytest.mark.slow
def test_simulated_verifier():
    """tpr on the first symbol, which a verifier of transitions takes for right."""
    n, correct = 8, np.array([[1, 0], [1, 0]], bool)
    states = markov.accepted_counts(n)
    signal = sandbox.Verifier(0.8, 0.1, regions.Transitions(jnp.asarray(correct)))
    kernel = markov.accepted_kernel(n, np.where(correct, 0.8, 0.1), [0.8, 0.8], smoothing=ALPHA)
    distributions = drift.distributions(markov.initial_distributions(INITIAL, TRANSITION, n, states), kernel, 3)
    agrees(distributions, simulated(states, signal, n))


def own_verdict(key, model, x):
    likely = jnp.concatenate([jnp.ones(1, bool), model.transition[x[:-1], x[1:]] > 0.5])
    return (jax.random.uniform(key, x.shape) < jnp.where(likely, 0.9, 0.2)).astype(float)


@pytest.mark.slow
def test_simulated_self_judge():
    n, states = 6, markov.accepted_counts(6)
    own = np.where(np.asarray(markov.fits(states, ALPHA)[1]) > 0.5, 0.9, 0.2)
    kernel = markov.accepted_kernel(n, own, [0.9, 0.9], smoothing=ALPHA)
    distributions = drift.distributions(markov.initial_distributions(INITIAL, TRANSITION, n, states), kernel, 3)
    agrees(distributions, simulated(states, own_verdict, n))


@pytest.mark.slow
def test_simulated_fresh_samples():
    n, states = 10, markov.fresh_counts(10, 3)
    kernels = markov.fresh_kernel(INITIAL, TRANSITION, n, 3, smoothing=ALPHA)
    distributions = drift.distributions(markov.initial_distributions(INITIAL, TRANSITION, n, states), kernels, 3)
    agrees(distributions, simulated(states, sandbox.KeepAll(), n, regime=sandbox.Fresh(None, 0.3)))


def exact_cofactor(counts, last):
    """det of N_i 1[i=j] − N_ij without the last state, in integers."""
    left = [i for i in range(len(counts)) if i != last]
    matrix = [[Fraction(sum(counts[i]) * (i == j) - counts[i][j]) for j in left] for i in left]
    det = Fraction(1)
    for i in range(len(matrix)):
        det *= matrix[i][i]
        for j in range(i + 1, len(matrix)):
            factor = matrix[j][i] / matrix[i][i]
            matrix[j] = [a - factor * b for a, b in zip(matrix[j], matrix[i], strict=True)]
    return det


def test_log_num_paths_of_nearly_decomposable_tables():
    """Transitions between two halves 1e-12 times as many as within: by elimination in integers; any integer dtype."""
    n = 10**12
    counts = [[n, n, 1, 0], [n, n, 0, 1], [1, 0, n, n], [0, 1, n, n]]
    total = sum(counts[0])
    logs = 4 * (scipy.special.gammaln(total + 1) - 2 * scipy.special.gammaln(n + 1)) - 3 * np.log(total)
    exact = float(np.log(float(exact_cofactor(counts, 0))))
    found = markov.log_num_paths(counts, 0, 0) - logs
    np.testing.assert_allclose(found, exact, atol=0.5)  # 1e-13 of ln N!
    np.testing.assert_allclose(
        paths._log_last_exits(np.array(counts, float), np.eye(4, dtype=bool)[0]), exact, rtol=1e-14
    )
    small = np.array([[255, 1], [1, 3]])
    assert markov.log_num_paths(small.astype(np.uint8), 0, 0) == markov.log_num_paths(small, 0, 0)
