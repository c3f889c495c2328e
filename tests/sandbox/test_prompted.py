"""Prompts of unequal difficulty: one is a Categorical, many share a loop, each learns from its own outputs alone."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from cases import PROBS, agrees, array, differs, same

import sandbox
import theory.budget
from sandbox.regions import Symbols

KEY = jax.random.key(2)
N = 200_000
PROBS_OF = array([[0.5, 0.3, 0.2], [0.1, 0.6, 0.3], [0.02, 0.9, 0.08], [0.3, 0.3, 0.4]])
MODEL = sandbox.PromptedCategorical(array([0.4, 0.3, 0.2, 0.1]), PROBS_OF)
CORRECT = np.arange(12).reshape(4, 3) % 3 == 0  # of each prompt the first output
ACCEPTED = np.array([[1, 1, 0], [1, 0, 1], [0, 0, 1], [0, 0, 0]], bool)  # the errors of a verifier that persist


def run(signal, **options):
    return sandbox.run(KEY, MODEL, signal, **{"num_samples": N, "num_generations": 3} | options)


def test_one_prompt_is_a_categorical():
    """Bit for bit: samples, probabilities, fits."""
    one, other = sandbox.PromptedCategorical(jnp.ones(1), PROBS[None]), sandbox.Categorical(PROBS)
    x, weights = other.sample(KEY, 50), jnp.linspace(0, 1, 50)
    same(one.sample(KEY, 50), x)
    same(one.log_prob(x), other.log_prob(x))
    fits = [jax.jit(lambda model: model.fit(x, weights, smoothing=0.5).probs)(model) for model in (one, other)]
    same(fits[0][0], fits[1])


def test_a_prompt_of_which_nothing_is_accepted_stays_as_it_is():
    """Smoothed or not; how often prompts are asked does not change."""
    x, weights = jnp.array([0, 0, 2, 3, 7, 8]), array([1, 0.5, 0.5, 0, 0.2, 0.6])
    for smoothing, first, third in ((0.0, [0.75, 0, 0.25], [0, 0.25, 0.75]), (1.0, [0.5, 0.2, 0.3], [5, 6, 8])):
        fitted = MODEL.fit(x, weights, smoothing=smoothing)
        np.testing.assert_allclose(fitted.probs[0], first, rtol=1e-14)
        np.testing.assert_allclose(fitted.probs[2], np.divide(third, sum(third)), rtol=1e-14)
        same(fitted.probs[1::2], MODEL.probs[1::2])
        same(fitted.prompts, MODEL.prompts)


def test_persistent_errors_end_after_one_round_at_the_ceiling():
    """a/(a+b) of each prompt with an output that is accepted, their mean that of theory; later rounds add nothing."""
    judge = sandbox.FixedRewardModel(Symbols(jnp.asarray(ACCEPTED.ravel())))
    probs = np.asarray(run(judge).model.probs)
    a, b = ((np.asarray(PROBS_OF) * ACCEPTED * kind).sum(1) for kind in (CORRECT, ~CORRECT))
    asked, some = np.asarray(MODEL.prompts), a + b > 0
    expected = a[some] / (a + b)[some]
    variance = expected * (1 - expected) / (N * asked * (a + b))[some]
    found = (probs * CORRECT).sum(2)
    assert np.all(np.abs(found[1, some] - expected) <= 5 * np.sqrt(variance) + 1e-15)
    same(found[:, ~some], np.broadcast_to(found[:1, ~some], (4, 1)))
    ceiling = theory.budget.ceiling(a, b, asked)
    mean = (asked * found)[1, some].sum() / ceiling.covered
    stderr = np.sqrt((asked[some] ** 2 * variance).sum()) / ceiling.covered
    assert abs(mean - ceiling.accuracy) < 5 * stderr < 0.007
    assert abs(a.sum() / (a + b).sum() - ceiling.accuracy) > 0.1  # which is not the pooled share
    later = np.sqrt(variance + 3 * expected * (1 - expected) / (N * asked[some]))
    assert np.all(np.abs(found[3, some] - expected) <= 5 * later)


def test_independent_errors_multiply_the_odds_of_each_prompt():
    """By LR each round, whatever the odds; the accuracy of a record is the mean over all prompts."""
    tpr, fpr = 0.8, 0.4
    record = run(sandbox.Verifier(tpr, fpr, Symbols(jnp.asarray(CORRECT.ravel()))))
    share = (np.asarray(record.model.probs) * CORRECT).sum(2)
    odds, variance = share / (1 - share), 0
    for t in range(3):
        z = share[t]
        variance = variance + (1 / (z * tpr) + 1 / ((1 - z) * fpr)) / (N * np.asarray(MODEL.prompts))
        assert np.all(np.abs(np.log(odds[t + 1] / odds[0]) - (t + 1) * np.log(2)) <= 5 * np.sqrt(variance))
    assert np.sqrt(variance).max() < 0.06
    mean = share @ np.asarray(MODEL.prompts)
    assert np.all(np.abs(np.asarray(record.accuracy) - mean) <= 5 * np.sqrt(mean * (1 - mean) / N))
    mean = mean * tpr + (1 - mean) * fpr
    assert np.all(np.abs(np.asarray(record.accepted) - mean) <= 5 * np.sqrt(mean * (1 - mean) / N))


@pytest.mark.parametrize("until_kept", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_hard_prompts_are_never_learned(until_kept):
    """By a perfect verifier: P(prompt q not learned in T rounds of n proposals) = (1 − prompts p)^{nT}, p its accuracy.

    Sampling until n are accepted asks more often, so that fewer stay as they were.
    """
    n, rounds = 12, 4
    perfect = sandbox.Verifier(1.0, 0.0, Symbols(jnp.asarray(CORRECT.ravel())))
    tasks = jax.tree.map(lambda leaf: leaf[None], MODEL)
    sizes = {"num_samples": n, "num_generations": rounds, "num_replicas": 2000, "progress": False}
    record = sandbox.ensemble(KEY, tasks, perfect, **sizes, until_kept=until_kept)
    share = (np.asarray(record.model.probs)[0] * CORRECT).sum(3)
    same(np.unique(share[:, :, 2]), np.unique([np.asarray(PROBS_OF)[2, 0], 1]))
    hard = share[:, -1, 2] < 1
    if until_kept:
        assert hard.mean() < 0.8
        return
    expected = (1 - np.asarray(MODEL.prompts) * np.asarray(PROBS_OF)[:, 0]) ** (n * rounds)
    agrees(share[:, -1, 1:] < 1, expected[1:])
    differs(hard, expected[2] ** 1.5)
    mean = share @ np.asarray(MODEL.prompts)
    agrees(record.accuracy[0] - mean, 0)
