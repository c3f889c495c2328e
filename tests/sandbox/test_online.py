"""Learning online: each student against a loop in numpy on the same draws, and what a run may depend on."""

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from cases import at, close, same

import sandbox
from sandbox import shortcuts
from sandbox.policies import log_probs
from sandbox.shortcuts import KINDS, STUDENTS, WIDTH, Kind, Training, feature, learn_online, online, shortcut
from sandbox.shortcuts.online import WRITTEN

STEPS, BATCH, SEEDS = 64, 16, 8
BIT = feature("parity")
ENVIRONMENTS = shortcuts.stack(
    [
        shortcut(feature("parity", order=2), feature("length"), agreement=0.8, label_noise=0.1),
        shortcut(feature("threshold", order=3, margin=0.2), feature("style", order=3, presence=0.7), agreement=0.9),
        shortcut(BIT, feature("position", order=2), agreement=0.7, label_noise=0.2),
        shortcut(feature("pattern", order=3, margin=0.5), feature("source", order=2), agreement=0.6),
    ]
)
EASY = shortcuts.stack([shortcut(BIT, feature("style"), agreement=0.5)] * 4)
TRAINING = Training(
    learning_rate=np.array([0.5, 0.1, 0.3, 0.4]),
    weight_decay=np.array([0.0, 0.5, 0.0, 0.05]),
    num_batches=np.array([1000, 1000, 5, 30]),
    switch=np.array([0, 0, 0, 20]),
)
KEYS = jax.random.split(jax.random.key(0), (4, SEEDS))


def go(student="linear SGD", shortcuts=ENVIRONMENTS, training=TRAINING, keys=KEYS, num_steps=STEPS, curriculum=EASY):
    """Four environments of eight seeds, whatever they are: one compilation a student and number of steps."""
    options = {"num_steps": num_steps, "batch": BATCH, "training": training, "curriculum": curriculum}
    return learn_online(keys, shortcuts, STUDENTS[student], **options)


@cache
def learned(student="linear SGD"):
    return go(student)


@jax.jit
def draws(key, environment, easy, training):
    """The inputs of each learner [learner, step, sample, column], the labels, and the counterfactual inputs."""
    data, evaluation = (jax.random.fold_in(key, i) for i in (1, 2))

    def step(t):
        now = jax.tree.map(lambda a, b: jnp.where(t < training.switch, a, b), easy, environment)
        k = jax.random.fold_in(data, t % training.num_batches)
        seen = jax.vmap(lambda written: now.draw(k, BATCH, written))(jnp.asarray(WRITTEN))
        return *seen, environment.counterfactual(jax.random.fold_in(evaluation, t), BATCH)

    features, labels, conflicts = jax.vmap(step)(jnp.arange(STEPS))
    return features.swapaxes(0, 1), labels.swapaxes(0, 1), conflicts


def by_hand(student, cell):
    """Loss, accuracy and reliance [learner, step] of a softmax regression from 0, in float64."""
    environment, easy, training = (at(x, cell[0]) for x in (ENVIRONMENTS, EASY, TRAINING))
    features, labels, (conflicts, intended) = jax.tree.map(np.asarray, draws(KEYS[cell], environment, easy, training))
    rate, decay = (float(x) for x in training[:2])
    result = np.zeros((3, 3, STEPS))
    for learner in range(3):
        weights: dict = {}  # of each input that was seen: a feature, or a context; and of the constant
        moments: dict = {}
        for t in range(STEPS):
            batch = [inputs(student, x) for x in features[learner, t]]
            p = [softmax(weights, x) for x in batch]
            asked = [softmax(weights, inputs(student, x)).argmax() for x in conflicts[t]]
            nats = [-np.log(q[y]) for q, y in zip(p, labels[learner, t], strict=True)]
            correct = [q.argmax() == y for q, y in zip(p, labels[learner, t], strict=True)]
            result[:, learner, t] = np.mean(nats), np.mean(correct), np.mean(asked != intended[t])
            slope = {name: np.zeros(2) for name in weights}
            for x, q, y in zip(batch, p, labels[learner, t], strict=True):
                for name, value in x.items():
                    slope[name] = slope.get(name, np.zeros(2)) + value * (q - np.eye(2)[y]) / BATCH
            for name, g in slope.items():
                w = weights.get(name, np.zeros(2))
                if student.endswith("Adam"):
                    m, v = moments.get(name, (np.zeros(2), np.zeros(2)))
                    m, v = moments[name] = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g**2
                    g = (m / (1 - 0.9 ** (t + 1))) / (np.sqrt(v / (1 - 0.999 ** (t + 1))) + 1e-8)
                weights[name] = w - rate * (g + decay * w)
    return result


def inputs(student, x):
    """The features by their index, or of each block the signs of the first six; and a constant 1."""
    if student.startswith("table"):
        return {(block, *(x[block * WIDTH :][:6] > 0)): 1.0 for block in (0, 1)} | {"constant": 1.0}
    return {i: float(value) for i, value in enumerate(x)} | {"constant": 1.0}


def softmax(weights, x):
    logits = sum(weights.get(name, np.zeros(2)) * value for name, value in x.items())
    return np.exp(logits) / np.exp(logits).sum()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("student", "cells"),
    [
        ("linear SGD", [(0, 0), (1, 3), (2, 7), (3, 1)]),
        ("table SGD", [(0, 1), (1, 2), (2, 0), (3, 5)]),
        pytest.param("linear Adam", [(0, 0), (1, 3), (2, 7), (3, 1)], marks=pytest.mark.slow),
    ],
)
def test_a_student_from_0_is_a_softmax_regression(student, cells):
    """Decay, batches that come again and a curriculum included; a tie of two likely labels may fall either way."""
    for cell in cells:
        loss, correct, reliance = by_hand(student, cell)
        found = at(learned(student), *cell)
        np.testing.assert_allclose(found.loss, loss, rtol=2e-4, atol=2e-5)
        for share, expected in ((found.accuracy, correct), (found.reliance, reliance)):
            gap = np.abs(np.asarray(share) - expected) * BATCH
            assert gap.max() < 1.01 and (gap > 0.5).mean() < 0.03  # the first weights of Adam are all ± the rate
        assert loss.std() > 0.005 and reliance.std() > 0.05


def test_students_from_0_know_nothing():
    """The first loss is ln 2; a hidden layer starts at random."""
    for student in ("linear SGD", "table SGD"):
        np.testing.assert_allclose(learned(student).loss[..., 0], np.log(2), rtol=1e-6)
        kernel = learned(student).policy.layers[-1].kernel
        assert kernel.shape == (4, SEEDS, 3, 20 if student == "linear SGD" else 128, 2, 1)
    for name, student in STUDENTS.items():
        start = jax.tree.leaves(student.start(jax.random.key(1)))
        assert any(leaf.any() for leaf in start) == name.startswith("MLP")
        assert student.table == name.startswith("table") and (len(start) == 4) == name.startswith("MLP")


PARITY = shortcuts.stack(
    [shortcut(feature("parity", order=k, size=4), feature("style"), agreement=0.5) for k in (1, 2)]
)


@cache
def learned_on_parity(student):
    if student == "linear SGD":  # as many as in the other runs
        return at(go(student, shortcuts.stack([at(PARITY, i % 2) for i in range(4)]), Training(1.0)), slice(2))
    return go(student, PARITY, Training(0.02), KEYS[:2, :2], 256, None)


@pytest.mark.slow
def test_a_hidden_layer_learns_a_parity_and_a_linear_student_cannot():
    """Which learns a bit by then; those of the spurious feature alone learn nothing, it being independent."""
    hidden, linear = (
        np.asarray(learned_on_parity(student).accuracy)[..., -20:].mean(-1) for student in ("MLP Adam", "linear SGD")
    )
    assert (hidden[:, :, :2] > 0.97).all()
    assert (linear[0, :, :2] > 0.97).all() and (np.abs(linear[1] - 0.5) < 0.15).all()
    for share in (hidden, linear):
        assert (np.abs(share[:, :, 2] - 0.5) < 0.15).all()
    reliance = np.asarray(learned_on_parity("MLP Adam").reliance)[..., -20:].mean(-1)
    assert (reliance[:, :, :2] < 0.03).all()


@pytest.mark.slow
def test_learners_start_alike_and_seeds_do_not():
    """At a rate of almost 0 the policy returned is the start: of the key's own, for all three learners."""
    found = go("MLP Adam", PARITY, Training(1e-12), KEYS[:2, :2], 256, None).policy
    for i, j in ((0, 0), (1, 1)):
        start = STUDENTS["MLP Adam"].start(jax.random.fold_in(KEYS[i, j], 0))
        for learner in range(3):
            close(at(found, i, j, learner), start, 1e-6)
    kernels = np.asarray(found.layers[-1].kernel)[:, :, 0].reshape(4, -1)
    assert len(np.unique(kernels[:, 0])) == 4


@pytest.mark.slow
def test_a_longer_run_begins_as_a_shorter_one():
    """And the policy of the shorter one has the reliance, loss and accuracy of the next step."""
    short, long = go(num_steps=40), learned()
    close(short[:3], tuple(x[..., :40] for x in long[:3]), 1e-6)
    for cell in ((0, 0), (3, 7)):
        environment, easy, training = (at(x, cell[0]) for x in (ENVIRONMENTS, EASY, TRAINING))
        features, labels, (conflicts, intended) = draws(KEYS[cell], environment, easy, training)
        for learner in range(3):
            policy = at(short.policy, *cell, learner)
            distributions, asked = log_probs(policy, features[learner, 40]), log_probs(policy, conflicts[40]).argmax(1)
            loss = -distributions[jnp.arange(BATCH), labels[learner, 40]].mean()
            found = loss, (distributions.argmax(1) == labels[learner, 40]).mean(), (asked != intended[40]).mean()
            close(found, tuple(x[*cell, learner, 40] for x in long[:3]), 1e-5)


@pytest.mark.slow
def test_one_environment_alone_is_as_in_a_stack():
    """Alone, and on two devices."""
    one = go(shortcuts=at(ENVIRONMENTS, 3), training=at(TRAINING, 3), keys=KEYS[3, 2], curriculum=at(EASY, 3))
    close(one[:3], at(learned(), 3, 2)[:3], 1e-5)
    keys = sandbox.shard(KEYS)
    assert len(keys.sharding.device_set) == 2
    spread = go(keys=keys)
    assert len(spread.loss.sharding.device_set) == 2
    close(spread[:3], learned()[:3], 1e-5)


def test_nothing_recompiles_but_students_and_sizes():
    """Kinds, orders, agreements, noise, rates, decay, batches, and whether there is a curriculum."""
    learned()
    before = online._samples._cache_size() + online._learn._cache_size()
    go(shortcuts=EASY, curriculum=ENVIRONMENTS)
    go(training=Training())
    go(training=Training(jnp.asarray(0.1), np.float64(0.5), np.int32(7), 3), curriculum=None)
    go(shortcuts=ENVIRONMENTS._replace(agreement=np.full((4, 2), 0.5)))
    go(curriculum=EASY._replace(agreement=jnp.full((4, 2), 0.5)))
    assert online._samples._cache_size() + online._learn._cache_size() == before


def test_before_the_switch_a_curriculum_is_the_easy_environment():
    """Bit for bit but for reliance, which is always that of the environment itself; a switch at 0 is none."""
    easy = go(shortcuts=EASY, training=TRAINING._replace(switch=0), curriculum=None)
    late = go(training=TRAINING._replace(switch=STEPS))
    same(late.policy, easy.policy)
    for name in ("loss", "accuracy"):
        same(getattr(late, name), getattr(easy, name))
        same(getattr(learned(), name)[3, ..., :20], getattr(easy, name)[3, ..., :20])
        assert not np.array_equal(getattr(learned(), name)[3, ..., 20:], getattr(easy, name)[3, ..., 20:])
    none = go(training=TRAINING._replace(switch=0), curriculum=None)
    same(at(none, slice(3)), at(learned(), slice(3)))


def test_one_batch_again_and_again_is_gradient_descent():
    """The loss of a small rate falls at every step, below that of new batches, of which there are as many as steps."""
    again, new = (go(training=Training(0.1, num_batches=n), curriculum=None).loss for n in (1, 2**31 - 1))
    assert (np.diff(again, axis=-1) < 1e-6).all()
    assert np.mean(again[..., -10:]) < np.mean(new[..., -10:]) - 0.02
    same(new, go(training=Training(0.1, num_batches=STEPS), curriculum=None).loss)
    differs = go(training=Training(0.1, num_batches=STEPS - 1), curriculum=None).loss
    same(differs[..., :-1], new[..., :-1])
    assert (np.asarray(differs[..., -1]) != np.asarray(new[..., -1])).mean() > 0.9


def test_features_that_carry_nothing_save_no_code_length():
    """Whatever is predicted of a fair coin costs ln 2 or more: in each seed's mean, and clearly at a large rate."""
    coins = ENVIRONMENTS._replace(agreement=np.full((4, 2), 0.5, np.float32))
    for rate in (0.01, 0.3):
        nats_saved = (np.log(2) - np.asarray(go(shortcuts=coins, training=Training(rate)).loss, float)).sum(-1) * BATCH
        mean, stderr = nats_saved.mean((0, 1)), nats_saved.mean(0).std(0, ddof=1) / SEEDS**0.5
        assert (mean < 5 * stderr).all()
        assert rate < 0.1 or (mean < -5 * stderr).all()


def test_decay_pulls_to_the_coin():
    """A decay of 1/rate forgets all but the last gradient, so that weights stay within the rate."""
    head = go(training=Training(0.1, weight_decay=10.0), curriculum=None).policy.layers[-1]
    assert max(np.abs(leaf).max() for leaf in head) < 0.1
    assert max(np.abs(leaf).max() for leaf in learned().policy.layers[-1]) > 0.5


ONE = shortcut(BIT, feature("length"), agreement=0.8)


@pytest.mark.slow
def test_a_feature_of_ones_own_is_one_line(monkeypatch):
    """Added between two runs of the same sizes, and learned by a student whom the features before it teach nothing."""
    before = learn_online(KEYS[0, 0], ONE, STUDENTS["linear SGD"], num_steps=64, training=Training(0.3))

    def zero_in_minus(u, sign, c):
        return jnp.where(sign > 0, 1.0, 0.0) * jnp.ones_like(u)

    monkeypatch.setitem(KINDS, "mine", Kind(zero_in_minus))
    own = shortcut(feature("mine"), feature("length"), agreement=0.5)
    after = learn_online(KEYS[0, 0], own, STUDENTS["linear SGD"], num_steps=64, training=Training(0.3))
    assert after.accuracy[1, -8:].mean() == 1 and before.accuracy[2, -8:].mean() < 0.95
