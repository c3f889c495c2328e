"""Signals: the contract each of them keeps, and what each of them means."""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from cases import (
    CASES,
    FAMILIES,
    FULL,
    GAUSSIAN_1,
    PROBS,
    agrees,
    array,
    at,
    close,
    compiled,
    densities,
    differs,
    names,
    same,
)

import sandbox
from sandbox.regions import Box, Component, Denser, Symbols, Transitions

KEY = jax.random.key(5)
N, T = 8, 2
KEYS = jax.random.split(KEY, 2000)[np.r_[0, :2000]]
CATEGORICAL = sandbox.Categorical(PROBS)
CORRECT = {
    "Categorical": Symbols(jnp.array([True, False, True, False])),
    "Gaussian": Box(array([-np.inf, -3, -1]), array([1.5, np.inf, 2])),
    "GaussianMixture": Component(FULL, 1),
    "MarkovChain": Transitions(jnp.array([[True, True, False], [False, True, True], [True, False, True]])),
}


class Succeeds(NamedTuple):
    """A rate for whatever sample: the wrong ones fail."""

    rate: jax.Array
    correct: object

    def __call__(self, x):
        return jnp.where(self.correct(x), self.rate, 0)


def score(model):
    return jax.tree_util.Partial(type(model).log_prob, model)


SIGNALS = {
    "keep-all": lambda model, correct, rate: sandbox.KeepAll(),
    "verifier": lambda model, correct, rate: sandbox.Verifier(rate, rate / 4, correct),
    "rubric": lambda model, correct, rate: sandbox.Rubric(
        (correct, Denser(model, rate - 2)),
        jnp.stack([rate, 1 - rate]),
        jnp.stack([rate / 2, rate / 8]),
        array([0.1, 0.7]),
    ),
    "discriminator": lambda model, correct, rate: sandbox.Discriminator(model, rate),
    "top-fraction": lambda model, correct, rate: sandbox.TopFraction(rate, score(model)),
    "best-of-n": lambda model, correct, rate: sandbox.BestOfN((4 * rate).astype(int) + 1, score(model), rate),
    "tilt": lambda model, correct, rate: sandbox.ExponentialTilt(rate, score(model)),
    "bradley-terry": lambda model, correct, rate: sandbox.BradleyTerry(
        jnp.stack([rate, 2 * rate, 1 + rate]), score(model)
    ),
    "environment": lambda model, correct, rate: sandbox.Environment(Succeeds(rate, correct)),
    "self-consistency": lambda model, correct, rate: sandbox.SelfConsistencyJudge(rate, rate / 4),
    "fixed-reward": lambda model, correct, rate: sandbox.FixedRewardModel(Denser(model, -6 * rate)),
    "blind-spot": lambda model, correct, rate: sandbox.BlindSpot(
        sandbox.Verifier(rate, rate / 4, correct), Denser(model, rate - 2)
    ),
    "all-of": lambda model, correct, rate: sandbox.AllOf((sandbox.Verifier(rate, rate / 4, correct),) * 2),
    "any-of": lambda model, correct, rate: sandbox.AnyOf((sandbox.Verifier(rate, rate / 4, correct),) * 2),
}
COMPARED = ["best-of-n", "tilt", "bradley-terry"]  # which test_scores.py runs, too
BASIC = ["verifier", "discriminator", "top-fraction", "self-consistency"]  # the others are made of such as these
GRADED = {"rubric", "discriminator", "tilt"}
PROTOCOLS = pytest.mark.parametrize(
    "until_kept", [pytest.param(False, marks=pytest.mark.slow), True], ids=["filtering", "until-kept"]
)
FAMILY_CASES = [case for case in CASES if case.name in FAMILIES]


def signal_of(name, model, rate):
    return SIGNALS[name](model, CORRECT[type(model).__name__], array(rate))


@jax.jit
def sweep(signals, keys, model, x):
    """The weights [signal, key, n] of stacked signals."""
    return jax.vmap(lambda signal: jax.vmap(lambda key: signal(key, model, x))(keys))(signals)


@jax.jit
def acceptances(signals, x):
    return jax.vmap(lambda signal: signal.acceptance(x))(signals)


@pytest.mark.parametrize(
    ("name", "case"),
    [
        pytest.param(
            name,
            case,
            id=f"{name}-{names(case)}",
            marks=[pytest.mark.slow] * (name in COMPARED or (i > 0 and name not in BASIC)),
        )
        for name in SIGNALS
        if name != "keep-all"
        for i, case in enumerate(FAMILY_CASES)
    ],
)
def test_the_contract(name, case):
    """Weights [n] in [0, 1] that the key decides, with parameters as leaves; their mean is the acceptance."""
    x = case.sample(1, N)
    pair = [signal_of(name, case.model, rate) for rate in (0.8, 0.3)]
    signals = jax.tree.map(lambda *leaves: np.stack(leaves), *pair)
    weights = sweep(signals, KEYS, case.model, x)
    assert weights.shape == (2, 2001, N)
    assert weights.dtype == jnp.ones(()).dtype
    assert bool(((weights >= 0) & (weights <= 1)).all())
    assert name in GRADED or set(np.unique(weights)) <= {0, 1}
    same(weights[:, 0], weights[:, 1])
    if hasattr(pair[0], "acceptance"):
        expected = acceptances(signals, x)
        for row in range(2):
            agrees(weights[row, 1:], expected[row])
        assert not np.array_equal(expected[0], expected[1])


@PROTOCOLS
@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] * (name in COMPARED)) for name in SIGNALS]
)
def test_every_signal_runs_and_compiles_once(name, until_kept):
    loop = partial(sandbox.run, num_samples=N, num_generations=T, until_kept=until_kept)
    record = loop(KEY, CATEGORICAL, signal_of(name, CATEGORICAL, 0.8))
    before = compiled()
    other = loop(jax.random.key(1), CATEGORICAL, signal_of(name, CATEGORICAL, 0.7))
    assert compiled() == before
    for accepted in (record.accepted, other.accepted):
        assert bool(((accepted > 0) & (accepted <= 1)).all())
    close(record.model.probs.sum(-1), np.ones(T + 1))
    knows = name in {"verifier", "rubric", "blind-spot", "all-of", "any-of"}
    assert (record.accuracy is not None) == knows


@PROTOCOLS
@pytest.mark.parametrize("case", FAMILY_CASES[1:], ids=names)
def test_every_model_runs(case, until_kept):
    """Under a signal that is made of most others."""
    parts = [signal_of(name, case.model, 0.8) for name in BASIC]
    signal = sandbox.AnyOf((sandbox.AllOf(tuple(parts[:2])), *parts[2:]))
    record = sandbox.run(
        KEY, case.model, signal, num_samples=N, num_generations=T, until_kept=until_kept, fit=case.loop_fit
    )
    assert bool(((record.accepted > 0) & (record.accepted <= 1)).all())
    assert bool(((record.accuracy >= 0) & (record.accuracy <= 1)).all())
    assert all(bool(jnp.isfinite(leaf).all()) for leaf in record.model)
    assert any(not np.array_equal(leaf[0], leaf[-1]) for leaf in record.model)


def test_regions_by_hand():
    same(Symbols(np.array([True, False]))(jnp.array([1, 0, 0])), np.array([False, True, True]))
    same(
        Transitions(np.array([[False, True], [False, False]]))(jnp.array([1, 0, 1, 1])),
        np.array([True, False, True, False]),
    )
    points = array([[0.0, 0], [1, 1], [1, 1.01], [-0.01, 0.5]])
    same(Box(array([0.0, 0]), array([1.0, 1]))(points), np.array([True, True, False, False]))
    same(Denser(CATEGORICAL, np.log(0.3))(jnp.arange(4)), np.array([True, True, False, False]))


def test_a_component_is_the_one_with_the_largest_share():
    x = CASES[6].sample(2, 500)
    for which in range(2):
        same(Component(FULL, which)(x), np.argmax(densities(FULL, x), axis=0) == which)


def weights_of(signal, model, x, key=KEY):
    return np.asarray(sweep(jax.tree.map(lambda leaf: jnp.asarray(leaf)[None], signal), key[None], model, x)[0, 0])


@pytest.mark.parametrize("fraction", [0.0, 0.1, 0.25, 0.3, 0.99, 1.0])
def test_the_top_fraction_keeps_so_many(fraction):
    """Also where all are equal, and the number does not depend on how 0.1 · 30 rounds."""
    count = max(round(fraction * 30), 1)
    x = jnp.asarray(np.random.default_rng(0).permutation(30), jnp.int32)
    top = weights_of(sandbox.TopFraction(array(fraction), sandbox.Rates(jnp.arange(30.0))), CATEGORICAL, x)
    same(np.sort(np.asarray(x)[top == 1]), np.arange(30)[-count:])
    ties = weights_of(sandbox.TopFraction(array(fraction), sandbox.Rates(jnp.zeros(30))), CATEGORICAL, x)
    assert ties.sum() == count


def test_a_discriminator_by_hand():
    """p_real / (p_real + p_model); 0, 1 and ½ where one or both are 0."""
    real, own = array([0.4, 0.6, 0, 0]), array([0.2, 0, 0.8, 0])
    signal = sandbox.Discriminator(sandbox.Categorical(real), array(0.0))
    weights = weights_of(signal, sandbox.Categorical(own), jnp.arange(4))
    np.testing.assert_allclose(weights, [2 / 3, 1, 0, 1 / 2], rtol=1e-14)


@pytest.mark.parametrize("case", FAMILY_CASES[::2], ids=names)
def test_a_discriminator_cannot_tell_a_perfect_model(case):
    x = case.sample(1, N)
    same(weights_of(sandbox.Discriminator(case.model, array(0.0)), case.model, x), np.full(N, 0.5))
    assert len(np.unique(weights_of(sandbox.Discriminator(case.model, array(0.5)), case.model, x))) == N


def test_a_discriminator_of_a_singular_model():
    """Its density is infinite where it has samples, and 0 elsewhere."""
    point = sandbox.Gaussian(array([1.0]), array([[0.0]]))
    x = array([[1.0], [2.0]])
    same(weights_of(sandbox.Discriminator(GAUSSIAN_1, array(1.0)), point, x), np.array([0, 1]))
    same(weights_of(sandbox.Discriminator(point, array(0.0)), point, x), np.array([0.5, 0.5]))


def test_a_self_consistency_judge_by_hand():
    """At rates 1 and 0 it accepts what is at least as likely as the mean of ln p over as many samples of the model."""
    for case in (CASES[0], CASES[3]):
        x, own = case.sample(1, 50), case.sample(0, 50, key=lambda _: jax.random.split(KEY)[0])
        weights = weights_of(sandbox.SelfConsistencyJudge(array(1.0), array(0.0)), case.model, x)
        same(weights, (case.model.log_prob(x) >= case.model.log_prob(own).mean()).astype(float))
        assert 0 < weights.sum() < 50


def fixed(key, task):
    return sandbox.FixedRewardModel.drawn(key, sandbox.Verifier(0.8, 0.3, Symbols(jnp.arange(4) < 2)), 4)


def test_a_fixed_reward_is_a_verifiers_first_call():
    """Each judge errs as a verifier does, and then never changes its mind."""
    judges = jax.vmap(fixed, (0, None))(jax.random.split(KEY, 4000), None)
    agrees(judges.accepts.mask, [0.8, 0.8, 0.3, 0.3])
    differs(judges.accepts.mask, [0.7, 0.7, 0.4, 0.4])
    weights = sweep(judges, jax.random.split(jax.random.key(1), 3), CATEGORICAL, jnp.arange(4))
    same(weights, np.broadcast_to(judges.accepts.mask[:, None], (4000, 3, 4)).astype(float))


@pytest.mark.parametrize("case", FAMILY_CASES[::2], ids=names)
def test_a_trained_judge_knows_its_own_samples(case):
    """Fitted to them from the task, it accepts those at or above the 10% quantile of their likelihood."""
    judge, real, likelihood = training(KEY, case.model, 50)
    close(judge.accepts.model, case._replace(options={}).fit(real), 1e-9)
    assert float(judge.accepts.threshold) == np.quantile(likelihood, 0.1, method="lower")
    same(judge.accepts(real), likelihood >= judge.accepts.threshold)


def test_a_trained_judge_of_a_singular_fit_accepts_its_support():
    judge, real, _ = training(KEY, GAUSSIAN_1, 1)
    assert float(judge.accepts.threshold) == np.inf
    same(judge.acceptance(real), np.ones(1))


@partial(jax.jit, static_argnums=2)
def training(key, task, num_real):
    judge, real = sandbox.FixedRewardModel.trained(key, task, num_real), task.sample(key, num_real)
    return judge, real, judge.accepts.model.log_prob(real)


@pytest.mark.slow
@PROTOCOLS
def test_an_ensemble_of_fixed_reward_models(until_kept):
    """Each replica has a judge of its own, and replays with `replica_keys`."""
    tasks = sandbox.Categorical(jnp.stack([PROBS, PROBS[::-1]]))
    options = {"num_samples": N, "num_generations": T, "until_kept": until_kept}
    record = sandbox.ensemble(KEY, tasks, trained, num_replicas=3, progress=False, **options)
    _, signal_key, loop_key = sandbox.replica_keys(KEY, 1, 2)
    task = sandbox.Categorical(tasks.probs[1])
    replay = sandbox.run(loop_key, task, trained(signal_key, task), **options)
    close(at(record, 1, 2), replay)
    assert 0 < record.accepted.mean() < 1


def trained(key, task):
    return sandbox.FixedRewardModel.trained(key, task, 10, level=0.5)


def test_a_blind_spot_lets_everything_through():
    """What a perfect verifier would reject passes where it does not look."""
    perfect = sandbox.Verifier(1.0, 0.0, Symbols(jnp.array([True, False, False, True])))
    signal = sandbox.BlindSpot(perfect, Symbols(jnp.array([False, True, False, False])))
    same(weights_of(signal, CATEGORICAL, jnp.arange(4)), np.array([1, 1, 0, 1]))
    same(signal.correct(jnp.arange(4)), np.array([True, False, False, True]))


def test_what_is_correct_is_forwarded_from_the_first():
    verifier = signal_of("verifier", CATEGORICAL, 0.8)
    assert sandbox.AllOf((verifier, sandbox.KeepAll())).correct is verifier.correct
    assert sandbox.AnyOf((sandbox.BlindSpot(verifier, verifier.correct), sandbox.KeepAll())).correct is verifier.correct
    assert sandbox.AllOf((sandbox.KeepAll(), verifier)).correct is None
    assert sandbox.BlindSpot(sandbox.KeepAll(), verifier.correct).correct is None


def test_a_rubric_is_correct_where_all_criteria_are_met():
    criteria = Symbols(jnp.array([True, True, False, False])), Symbols(jnp.array([True, False, True, False]))
    rubric = sandbox.Rubric(criteria, jnp.ones(2), jnp.zeros(2), array([1.0, 3.0]))
    same(rubric.correct(jnp.arange(4)), np.array([True, False, False, False]))
    same(weights_of(rubric, CATEGORICAL, jnp.arange(4)), np.array([1, 0.25, 0.75, 0]))


class Graded(NamedTuple):
    """Gives every sample the same weight."""

    weight: float

    def __call__(self, key, model, x, /):
        return jnp.full(x.shape[0], self.weight)


def test_graded_weights_are_combined_as_independent_verdicts():
    """Π_j w_j, and 1 − Π_j (1 − w_j): neither the least nor the largest."""
    parts, x = (Graded(0.5), Graded(0.4)), jnp.zeros(3, jnp.int32)
    model = sandbox.Categorical(jnp.ones(1))
    np.testing.assert_allclose(sandbox.AllOf(parts)(jax.random.key(0), model, x), 0.2, rtol=1e-12)
    np.testing.assert_allclose(sandbox.AnyOf(parts)(jax.random.key(0), model, x), 0.7, rtol=1e-12)
