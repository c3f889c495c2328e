"""Feedback: the symbols of a signal on an output, against loops and by hand."""

import itertools

import jax.numpy as jnp
import numpy as np
import pytest
from cases import array, close, same

from sandbox import policies
from sandbox.inputs import ready
from sandbox.policies import Feedback, Prompts, Score

RNG = np.random.default_rng(0)
K, M = 3, 2
PROMPTS = Prompts(
    features=jnp.zeros((4, 0)),
    correct=jnp.array([2, 0, 1, 0]),
    form_probs=array([[0.5, 0.5], [0.1, 0.9], [1, 0], [0.3, 0.7]]),
    probs=jnp.full(4, 0.25),
)
OWN = Feedback(array(RNG.dirichlet(np.ones(4), (K * M, K * M))), array([0.0, 0.3, 1.0, 0.5]))
KINDS = {
    "own": OWN,
    "verdict": policies.verdict(K, M, tpr=0.9, fpr=0.2),
    "rubric": policies.rubric(K, M, style=True),
    "preference": policies.preference(K, M).against(array([0.3, 0.1, 0.1, 0.2, 0.25, 0.05])),
}


@pytest.mark.parametrize("name", KINDS)
def test_symbols_are_the_channel_at_a_reference(name):
    """p(s|q, y) = Σ_form form_probs(form|q) channel[y, correct(q) · M + form, s]."""
    signal = KINDS[name]
    ready("it", signal)
    channel = np.asarray(signal.channel)
    expected = np.zeros((4, K * M, channel.shape[2]))
    for q, y, form in itertools.product(range(4), range(K * M), range(M)):
        expected[q, y] += float(PROMPTS.form_probs[q, form]) * channel[y, int(PROMPTS.correct[q]) * M + form]
    close(signal.symbol_probs(PROMPTS), expected, 1e-14)
    single = signal.symbol_probs(PROMPTS._replace(form_probs=PROMPTS.form_probs.astype(jnp.float32)))
    assert single.dtype == jnp.float32
    close(single, expected, 1e-6)
    close(expected.sum(2), np.ones((4, K * M)))
    if name == "own":  # the proposal and the target are not the same thing
        swapped = signal._replace(channel=signal.channel.transpose(1, 0, 2)).symbol_probs(PROMPTS)
        assert np.abs(swapped - expected).max() > 0.1


def test_a_verdict_by_hand():
    """Two classes of two forms: outputs 0, 1 and 2, 3."""
    signal = policies.verdict(2, 2, tpr=0.9, fpr=0.2)
    accepted = [[0.9, 0.9, 0.2, 0.2], [0.9, 0.9, 0.2, 0.2], [0.2, 0.2, 0.9, 0.9], [0.2, 0.2, 0.9, 0.9]]
    close(signal.channel[:, :, 1], array(accepted))
    close(signal.channel.sum(2), np.ones((4, 4)))
    same(signal.value, np.array([0.0, 1.0]))
    same(policies.verdict(2, 2).channel[:, :, 1], (np.array(accepted) == 0.9).astype(float))


def test_a_rubric_by_hand():
    """Three classes 00, 01, 10 in binary: each digit is a criterion, and the form another."""
    grade = np.array([[2, 1, 1], [1, 2, 0], [1, 0, 2]])
    plain = policies.rubric(3, 1)
    same(np.argmax(plain.channel, 2), grade)
    same(plain.value, np.array([0, 0.5, 1]))
    styled = policies.rubric(3, 2, style=True)
    form = np.arange(6) % 2
    same(np.argmax(styled.channel, 2), grade.repeat(2, 0).repeat(2, 1) + (form[:, None] == form[None, :]))
    close(styled.value, array([0, 1 / 3, 2 / 3, 1]))
    same(np.argmax(policies.rubric(3, 2).channel, 2), grade.repeat(2, 0).repeat(2, 1))
    for signal in (plain, styled):
        assert set(np.unique(signal.channel)) == {0, 1}
        ready("it", signal)


@pytest.mark.parametrize(("num_classes", "num_digits"), [(1, 1), (2, 1), (3, 2), (4, 2), (5, 3), (8, 3), (9, 4)])
def test_a_rubric_has_as_many_criteria_as_a_class_has_digits(num_classes, num_digits):
    signal = policies.rubric(num_classes, 1)
    assert signal.value.size == num_digits + 1
    same(np.argmax(signal.channel, 2) == num_digits, np.eye(num_classes, dtype=bool))


def test_a_preference_by_hand():
    """Two outputs: (0, 0), (0, 1), (1, 0), (1, 1); the one that alone is correct wins, a tie is a coin."""
    signal = policies.preference(2, 1)
    same(signal.channel[:, 0, 1], np.array([0.5, 1, 0, 0.5]))
    same(signal.channel[:, 1, 1], np.array([0.5, 0, 1, 0.5]))
    same(signal.channel.sum(2), np.ones((4, 2)))
    same(signal.value, np.array([0.0, 1.0]))
    tie = policies.preference(3, 2).channel.reshape(6, 6, 6, 2)[2, 5, 0]  # two wrong ones
    same(tie, np.array([0.5, 0.5]))


def test_a_reference_by_hand():
    """It shows the target, or only its class and the group of its form."""
    same(policies.reference(2, 2).channel, np.eye(4)[None])
    grouped = policies.reference(2, 4, num_styles=2)
    same(np.argmax(grouped.channel[0], 1), np.array([0, 0, 1, 1, 2, 2, 3, 3]))
    assert grouped.channel.shape == (1, 8, 4)
    same(grouped.value, np.zeros(4))
    ready("it", grouped)


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.float64])
def test_an_opponent_is_marginalised(dtype):
    """channel[y, t] = Σ_o opponent(o) pairs[y·n + o, t]; of a preference (1 + 1[y correct] − P(o correct))/2."""
    n = 6
    opponent = RNG.dirichlet(np.ones(n)).astype(dtype)
    pairs = Feedback(array(RNG.dirichlet(np.ones(3), (n * n, n))), array([0, 0.5, 1]))
    expected = np.zeros((n, n, 3))
    for y, other, target in itertools.product(range(n), repeat=3):
        expected[y, target] += float(opponent[other]) * np.asarray(pairs.channel)[y * n + other, target]
    tolerance = 1e-6 if dtype == jnp.float32 else 1e-14
    signal = pairs.against(jnp.asarray(opponent))
    ready("it", signal)
    close(signal.channel, expected, tolerance)
    same(signal.value, pairs.value)
    swapped = pairs._replace(channel=pairs.channel.reshape(n, n, n, 3).swapaxes(0, 1).reshape(n * n, n, 3))
    assert np.abs(np.asarray(swapped.against(jnp.asarray(opponent)).channel) - expected).max() > 0.05
    won = policies.preference(K, M).against(jnp.asarray(opponent)).channel[:, :, 1]
    correct = np.arange(n)[:, None] // M == np.arange(n)[None, :] // M
    close(won, (1 + correct - opponent.astype(float) @ correct) / 2, tolerance)


SCORE = Score(array(RNG.uniform(size=(4, K * M))))


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.float64])
def test_a_score_accepts_whatever_is_correct(dtype):
    """p(1|q, y) is its table, for the correct class and for another, in the dtype of the prompts; 1 is worth 1."""
    ready("it", SCORE)
    prompts = PROMPTS._replace(form_probs=PROMPTS.form_probs.astype(dtype))
    for asked in (prompts, prompts._replace(correct=jnp.array([0, 1, 2, 2]), form_probs=prompts.form_probs[::-1])):
        channel = SCORE.symbol_probs(asked)
        assert channel.dtype == dtype and channel.shape == (4, K * M, 2)
        same(channel[:, :, 1], SCORE.accepted.astype(dtype))
        close(channel.sum(2), np.ones((4, K * M)), 1e-6)
    same(SCORE.value, np.array([0.0, 1.0]))
