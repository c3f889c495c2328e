"""Benchmarks and their alternatives compute the same, and the table reports what was measured; nothing on time."""

import json
import time
from functools import partial
from types import SimpleNamespace

import jax.numpy as jnp
import numpy as np
import pytest

import sandbox
from experiments import bench, cli
from experiments.bench import Benchmark, Effort, Timing, baselines, network_baselines, networks, work
from experiments.continuous_information import coverage
from theory import budget, drift

SIZE = dict(num_replicas=500, num_samples=10, num_generations=5)
WEIGHTS, MEANS, IDENTITIES = np.array([0.4, 0.6]), np.array([[-3.0, 0.0], [3.0, 1.0]]), np.tile(np.eye(2), (2, 1, 1))


def rng():
    return np.random.default_rng(0)


def assert_same_mean(ours, theirs):
    """The means over independent replicas, axis 0, agree within five standard errors of their difference."""
    stderr = np.sqrt(ours.var(axis=0) / len(ours) + theirs.var(axis=0) / len(theirs))
    assert (np.abs(ours.mean(axis=0) - theirs.mean(axis=0)) <= 5 * stderr).all()
    assert (stderr > 0).any()


def widen(model, num_replicas):
    return baselines.Mixtures(*(np.broadcast_to(part, (num_replicas, *part.shape)) for part in model))


@pytest.mark.parametrize(("alternative", "randomness"), [(baselines.gaussian, rng()), (baselines.gaussian_loop, 0)])
def test_the_gaussian_loops_are_the_same(alternative, randomness):
    record = work.retrain(sandbox.Gaussian(jnp.zeros(1), jnp.eye(1)), **SIZE).model
    means, deviations = alternative(randomness, **SIZE)
    assert means.shape == deviations.shape == (6, 500) and record.mean.shape == (1, 500, 6, 1)
    assert (means[0] == 0).all() and (deviations[0] == 1).all()
    ours_mean, ours_deviation = record.mean[0, :, 1:, 0], record.scale[0, :, 1:, 0, 0]
    assert_same_mean(ours_mean, means[1:].T)
    assert_same_mean(ours_mean**2, means[1:].T ** 2)
    assert_same_mean(np.log(ours_deviation), np.log(deviations[1:].T))


def test_other_sizes_are_not_the_same():
    shorter = baselines.gaussian(rng(), **SIZE | {"num_samples": 6})[1]
    with pytest.raises(AssertionError):
        assert_same_mean(np.log(baselines.gaussian(rng(), **SIZE)[1][1:].T), np.log(shorter[1:].T))


def test_the_categorical_loops_are_the_same():
    probs = rng().dirichlet(np.ones(40))
    ours = work.retrain(sandbox.Categorical(jnp.asarray(probs)), **SIZE).model.probs[0]
    theirs = baselines.categorical(rng(), probs, **SIZE).swapaxes(0, 1)
    assert ours.shape == theirs.shape and np.allclose(ours[:, 0], theirs[:, 0], rtol=1e-15)
    assert_same_mean((ours[:, 1:] ** 2).sum(axis=2), (theirs[:, 1:] ** 2).sum(axis=2))
    assert_same_mean((ours[:, 1:] > 0).sum(axis=2), (theirs[:, 1:] > 0).sum(axis=2))


def test_the_markov_loops_are_the_same():
    initial, *rows = rng().dirichlet(np.ones(3), 4)
    transition, size = np.stack(rows), SIZE | {"num_samples": 30}
    ours = work.retrain(sandbox.MarkovChain(jnp.asarray(initial), jnp.asarray(transition)), **size).model
    initials, transitions = baselines.markov_chain(rng(), initial, transition, **size)
    assert ours.transition.shape == (1, 500, 6, 3, 3) and transitions.shape == (6, 500, 3, 3)
    assert np.allclose(transitions.sum(axis=3), 1) and np.allclose(initials.sum(axis=2), 1)
    assert_same_mean(ours.initial[0, :, 1:], initials[1:].swapaxes(0, 1))
    assert_same_mean(ours.transition[0, :, 1:], transitions[1:].swapaxes(0, 1))
    assert_same_mean((ours.transition[0, :, 1:] > 0).sum(axis=(2, 3)), (transitions[1:] > 0).sum(axis=(2, 3)).T)


def test_the_mixture_loops_are_the_same():
    size = dict(num_samples=50, num_generations=3)
    model = sandbox.GaussianMixture(*map(jnp.asarray, (WEIGHTS, MEANS, IDENTITIES)))
    ours = work.retrain(model, num_replicas=200, **size).model
    start = widen(baselines.Mixtures(WEIGHTS, MEANS, IDENTITIES), 200)
    theirs = baselines.mixture(rng(), start, fit=baselines.em, **size)
    assert ours.means.shape == (1, 200, 4, 2, 2) and theirs.means.shape == (4, 200, 2, 2)
    covariances = ours.scales @ ours.scales.swapaxes(4, 5)
    for mine, other in zip((ours.weights, ours.means, covariances), theirs, strict=True):
        assert_same_mean(mine[0, :, 1:], other[1:].swapaxes(0, 1))
        assert_same_mean(mine[0, :, 1:] ** 2, other[1:].swapaxes(0, 1) ** 2)


def test_all_expectation_maximisations_are_the_same():
    start = baselines.Mixtures(WEIGHTS, MEANS + 0.5, IDENTITIES)
    x = baselines.sample(rng(), widen(baselines.Mixtures(WEIGHTS, MEANS, IDENTITIES), 1), 300)
    reference = baselines.em(x, widen(start, 1), steps=20, covariance_floor=0)
    by_features = baselines.em_by_features(x, widen(start, 1), steps=20, covariance_floor=0)
    scikit_learn = baselines.em_of_scikit_learn(x[0], start, steps=20, covariance_floor=0)
    model = sandbox.GaussianMixture(*map(jnp.asarray, start))
    ours = model.fit(jnp.asarray(x[0]), jnp.ones(300), steps=20, covariance_floor=1e-9)  # which does not act
    covariances = ours.scales @ ours.scales.swapaxes(1, 2)
    for fitted in (by_features, scikit_learn, (ours.weights, ours.means, covariances)):
        for part, expected in zip(fitted, reference, strict=True):  # 20 steps of some 300 terms, each to 1e-16
            np.testing.assert_allclose(np.reshape(part, expected[0].shape), expected[0], rtol=1e-10, atol=1e-12)


def test_what_is_exact_is_the_same():
    """Chains with a verifier a task and with one for all, chances to end correct, information."""
    initial = np.stack([np.asarray(drift.initial(5, task)) for task in ([0.2, 0.3, 0.5], [0.6, 0.3, 0.1])])
    kernels = np.stack([np.asarray(drift.selection_kernel(5, np.array(a))) for a in ([0.9, 0.4, 0.2], [0.3, 0.8, 0.5])])
    sizes, ratios = np.array([2, 7]), np.array([0.001, 0.6])
    prior, kernel = np.full(3, 1 / 3), drift.neutral_kernel(20)
    starts = jnp.stack([drift.initial(20, np.array([p, 1 - p])) for p in (0.0, 0.3, 0.9)])
    same = partial(np.testing.assert_allclose, rtol=0, atol=1e-12)
    for each in (kernels, kernels[0]):
        same(drift.distributions(initial, each, 4)[-1], baselines.last_distributions(initial, each, 4))
    same(budget.success(sizes, (np.ones((2, 1)), ratios[:, None]), 0.3), baselines.fixation(sizes, ratios, 0.3))
    theirs = baselines.information(prior, np.asarray(starts), np.asarray(kernel), 30)
    same(drift.information(prior, starts, kernel, 30), theirs)


def test_the_pointwise_informations_are_the_same():
    """Also at points far from all components, where no density is above zero in float64."""
    points = np.concatenate([10 * rng().standard_normal((200, 2)), [[60.0, -60.0]]])
    mixture = baselines.Mixtures(coverage.WEIGHTS, coverage.MEANS, coverage.COVARIANCES)
    expected = baselines.pair_information(points, mixture)
    x, y = points.T
    for values in (
        coverage.pair_information(jnp.asarray(x), jnp.asarray(y), *mixture),
        baselines.pair_information_by_hand(x, y, mixture),
        baselines.pair_information_by_hand(x, y, mixture, baselines.log_add),
    ):  # log-densities up to 1e4, each to 1e-16
        np.testing.assert_allclose(values, expected, rtol=1e-12, atol=1e-10)


@pytest.fixture(scope="module")
def table():
    return bench.table()


@pytest.mark.slow
def test_the_log_likelihoods_are_the_same(table):
    """The bare product, where no count meets a zero; the memory written into does not matter."""
    (row,) = [row for row in table if row.name == "ln p(d|z)"]
    ours, theirs = np.asarray(row.ours()), row.alternative()
    possible = np.isfinite(ours)
    assert 0 < possible.sum() < ours.size and not np.isnan(ours).any()
    np.testing.assert_allclose(ours[possible], theirs[possible], rtol=1e-14, atol=1e-12)


@pytest.mark.slow
def test_the_informations_are_those_of_dit(table):
    (row,) = [row for row in table if row.against == "dit"]
    theirs = row.alternative()
    np.testing.assert_allclose(np.asarray(row.ours())[: len(theirs)], theirs, rtol=1e-12)


@pytest.mark.slow
def test_the_table_has_the_promised_targets(table):
    assert [row.target for row in table if row.target] == [2.5, 100, 3.5, 1, 5, 8, 10, 2, 0.9, 0.9, 5, 0.5, 1, 1, 100]
    widths = bench.COLUMNS
    assert all(len(row.name) <= widths["work"] and len(row.against) <= widths["against"] for row in table)


def test_the_two_take_turns_and_the_ratio_is_theirs():
    calls: list[str] = []
    row = Benchmark("a", "b", "c", lambda: calls.append("ours"), lambda: calls.append("theirs"), 1.0, share=0.5)
    timing = bench.measure(row, Effort(seconds=0, least=3, most=5))
    assert calls[-6:] == ["ours", "theirs"] * 3
    assert len(timing.ours) == len(timing.alternative) == 3 and timing.compile is not None
    assert bench.measure(row, Effort(seconds=60, least=1, most=4), compiled=True).compile is None
    assert calls[-9:] == ["theirs", *["ours", "theirs"] * 4]
    slow = row._replace(alternative=lambda: time.sleep(0.01), share=0.1)
    assert min(bench.measure(slow, Effort(0, 2, 2)).alternative) >= 0.1  # scaled up
    assert Timing([1.0, 10.0, 1.0, 10.0], [3.0, 30.0, 3.0, 30.0], 1, 0.5).ratio == 3  # of the turns


def test_bench_keeps_what_it_prints(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("experiments.cli.evidence.set_up_jax", lambda: None)  # the tests have
    ours = lambda: 1e-3  # noqa: E731
    rows = [
        Benchmark("quick", "one replica", "NumPy", ours, lambda: 1e-2, 2.0),
        Benchmark("quick", "one replica", "a Python loop", ours, lambda: 1e-2, None, 0.25),
        Benchmark("slow", "two replicas", "NumPy", lambda: 1e-1, lambda: 1e-2, 2.0),
    ]

    def measure(work, effort, *, compiled):
        """The seconds that each returns."""
        return Timing([work.ours()] * 2, [work.alternative()] * 2, 1, None if compiled else 0.1)

    monkeypatch.setattr(bench, "table", lambda: rows)
    monkeypatch.setattr(bench, "measure", measure)
    assert cli.main(["bench", "--out", str(tmp_path)]) == 0
    headline, *lines = capsys.readouterr().out.splitlines()
    assert "jax" in headline and "cores" in headline and "cpu × 2" in headline
    assert "\x1b" not in "".join(lines) and max(map(len, lines[:-1])) <= 80
    assert "≥ 2 ✓" in lines[1] and "theirs timed on 25%, scaled up" in lines[4] and "≥ 2 ✗" in lines[5]
    document = json.loads((tmp_path / "bench.json").read_text(encoding="utf-8"))
    assert document["profile"] == "quick" and document["machine"]["cores"] >= 1
    assert [row["met"] for row in document["rows"]] == [True, None, False]
    assert [row["compile"] is None for row in document["rows"]] == [False, True, False]
    assert all(len(row["ours"]["times"]) == 2 for row in document["rows"])
    page = (tmp_path / "bench.md").read_text(encoding="utf-8").splitlines()
    assert len({line.count("|") for line in page[:5]}) == 1 and document["machine"]["processor"] in page[-1]
    assert {path.name for path in tmp_path.iterdir()} == {"bench.json", "bench.md"}


def test_durations_have_three_digits():
    shown = [bench.duration(seconds) for seconds in (2.345, 0.0081, 0.98765, 12.34)]
    assert shown == ["2.35 s", "8.10 ms", "988 ms", "12.3 s"]


def test_a_processor_without_a_name_has_its_architecture(monkeypatch):
    monkeypatch.setattr(bench, "Path", lambda _: SimpleNamespace(read_text=lambda encoding: "processor: 0"))
    assert bench.machine()["processor"]


@pytest.mark.slow
def test_the_policies_are_trained_alike():
    """The accuracy in each round, averaged over seeds; the two Adams agree from the first round on."""
    rounds, num_seeds = 30, 24
    start, prompts = networks.policies(num_seeds)
    ours = np.asarray(networks.trained_policies(start, prompts, rounds))
    size = networks.POLICY | {"num_rounds": rounds}
    weights = networks.policy_weights(start)
    numbers = np.asarray(prompts.features), np.asarray(prompts.correct)
    theirs = network_baselines.policy_gradient(rng(), weights, *numbers, **size).T
    np.testing.assert_allclose(ours[:, 0], theirs[:, 0], atol=1e-5)
    difference = ours[:, 1:] - theirs[:, 1:]
    assert (np.abs(difference.mean(0)) <= 5 * difference.std(0, ddof=1) / num_seeds**0.5).all()
    assert ours[:, -1].mean() > ours[:, 0].mean() + 0.3


@pytest.mark.slow
def test_online_learning_is_the_same():
    """Each learner's loss, accuracy and reliance, in means over 20 steps; a parity of 2 is learned within 200."""
    keys, shortcuts = networks.parity_against_length(64, order=2)
    training = sandbox.Training(0.5)
    learned = sandbox.learn_online(keys, shortcuts, networks.STUDENT, training=training, **networks.SHORTCUT)
    options, weights = networks.SHORTCUT | {"order": 2, "learning_rate": 0.5}, networks.student_weights(keys)
    theirs = network_baselines.learn_online(rng(), weights, np.asarray(shortcuts.agreement), **options)
    ours = np.stack([learned.loss, learned.accuracy, learned.reliance])[:, :, 0]
    assert ours.shape == theirs.shape == (3, 64, 3, 200) and ours.dtype == theirs.dtype == np.float32
    difference = (ours - theirs).reshape(3, 64, 3, 10, 20).mean(4, dtype=float).swapaxes(0, 1)
    assert_same_mean(difference, np.zeros_like(difference))
    accuracy, reliance = theirs[1:, ..., -20:].mean((1, 3))
    assert (accuracy > 0.7).all() and reliance[1] < 0.1 < reliance[0] < 0.5 < reliance[2]
