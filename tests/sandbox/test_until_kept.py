"""Filtering and rejection: the exact distributions of both, and that regimes and paths do not care.

Two symbols, 0 accepted with probability P and 1 with probability Q. Until n are accepted this is Wright–Fisher with
selection: of the next n symbols each is 0 with probability P a / (P a + Q b), where a + b = 1 are the shares of now.
"""

from collections import Counter
from fractions import Fraction
from functools import cache, partial
from itertools import pairwise
from math import comb
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats
from cases import CASES, CHAIN, agrees, array, close, differs, own_fit, same

import sandbox
from sandbox.proposals import batch_key, num_proposals, per_accepted
from sandbox.regions import Symbols, Transitions

KEY = jax.random.key(17)
N, T, REPLICAS = 5, 3, 20_000
A, P, Q = 0.6, 0.9, 0.3
CATEGORICAL = sandbox.Categorical(array([A, 1 - A]))
VERIFIER = sandbox.Verifier(P, Q, Symbols(jnp.array([True, False])))
ACCEPTANCE = P * A + Q * (1 - A)


class Graded(NamedTuple):
    """The rates of a verifier as weights, without its noise."""

    table: jax.Array

    def __call__(self, key, model, x, /):
        return self.table[x]


@cache
def simulated(until_kept, graded=False):
    """The shares of symbol 0, the shares accepted and the accuracies, [replica, t]."""
    signal = Graded(array([P, Q])) if graded else VERIFIER
    run = partial(sandbox.run, num_samples=N, num_generations=T, until_kept=until_kept)
    record = jax.vmap(lambda key: run(key, CATEGORICAL, signal))(jax.random.split(KEY, REPLICAS))
    return np.asarray(record.model.probs[..., 0]), np.asarray(record.accepted), record.accuracy


def until_kept_step(a):
    """The exact distribution of the next share, {share: probability}."""
    accepted = P * a / (P * a + Q * (1 - a))
    return {Fraction(c, N): comb(N, c) * accepted**c * (1 - accepted) ** (N - c) for c in range(N + 1)}


def filtering_step(a):
    """Of n proposals, i zeros and j ones are accepted, and the others dropped: multinomial."""
    zero, one = P * a, Q * (1 - a)
    distribution = Counter()
    for i in range(N + 1):
        for j in range(N + 1 - i):
            share = Fraction(i, i + j) if i + j else Fraction(a).limit_denominator(2 * N)
            distribution[share] += comb(N, i) * comb(N - i, j) * zero**i * one**j * (1 - zero - one) ** (N - i - j)
    return distribution


def exact(step, t):
    distribution = {Fraction(A).limit_denominator(N): 1.0}
    for _ in range(t):
        after = Counter()
        for share, probability in distribution.items():
            for next_share, conditional in step(float(share)).items():
                after[next_share] += probability * conditional
        distribution = after
    return distribution


def p_value(shares, distribution):
    """Chi-square, rare shares pooled; 0 where a share was seen that cannot be."""
    seen = Counter(Fraction(float(share)).limit_denominator(2 * N) for share in shares)
    if any(distribution.get(share, 0) < 1e-12 for share in seen):
        return 0.0
    expected = {share: probability * len(shares) for share, probability in distribution.items()}
    often = [share for share in expected if expected[share] >= 10]
    counts, means = [seen[share] for share in often], [expected[share] for share in often]
    rest = len(shares) - sum(means)
    if rest > 1:
        counts, means = [*counts, len(shares) - sum(counts)], [*means, rest]
    return scipy.stats.chisquare(counts, np.array(means) * sum(counts) / sum(means)).pvalue


@pytest.mark.parametrize("t", [1, 3])
@pytest.mark.parametrize("graded", [False, True], ids=["noisy", "graded"])
def test_until_kept_is_selection(graded, t):
    """A weight is the probability to be accepted, whether the signal draws or the loop."""
    assert p_value(simulated(True, graded)[0][:, t], exact(until_kept_step, t)) > 1e-5


@pytest.mark.parametrize("t", [1, 3])
def test_filtering_is_a_ratio_of_multinomial_counts(t):
    assert p_value(simulated(False)[0][:, t], exact(filtering_step, t)) > 1e-5


def neutral_step(a):
    return {Fraction(c, N): comb(N, c) * a**c * (1 - a) ** (N - c) for c in range(N + 1)}


@pytest.mark.parametrize(
    ("until_kept", "step"), [(True, neutral_step), (True, filtering_step), (False, until_kept_step)]
)
def test_the_wrong_protocol_is_noticed(until_kept, step):
    """No selection, or the other protocol: both fail after one generation."""
    assert p_value(simulated(until_kept)[0][:, 1], exact(step, 1)) < 1e-9


def test_a_graded_filter_is_another_distribution():
    """Weights of P and Q give shares that counts cannot."""
    assert p_value(simulated(False, graded=True)[0][:, 1], exact(filtering_step, 1)) == 0


def test_proposals_are_negative_binomial():
    """Up to the one that completes the n: n / acceptance on average, the variance n (1 − acceptance) / acceptance²."""
    proposals = N / simulated(True)[1][:, 0]
    agrees(proposals, N / ACCEPTANCE)
    agrees((proposals - N / ACCEPTANCE) ** 2, N * (1 - ACCEPTANCE) / ACCEPTANCE**2)
    differs(np.ceil(proposals / N) * N, N / ACCEPTANCE)  # whole batches
    agrees(simulated(False)[1][:, 0], ACCEPTANCE)


@pytest.mark.parametrize("until_kept", [False, True], ids=["filtering", "until-kept"])
def test_a_state_that_keeps_nothing_stays(until_kept):
    lost = sandbox.Categorical(array([0.0, 1]))
    signal = sandbox.Verifier(1.0, 0.0, Symbols(jnp.array([True, False])))
    record = sandbox.run(KEY, lost, signal, num_samples=N, num_generations=T, until_kept=until_kept)
    same(record.model.probs, np.broadcast_to(lost.probs, (T + 1, 2)))
    same(record.accepted, np.zeros(T + 1))


class FirstOf(NamedTuple):
    """Accepts the first sample of the batch that has this key."""

    key: jax.Array

    def __call__(self, key, model, x, /):
        now = (jax.random.key_data(key) == jax.random.key_data(self.key)).all()
        return jnp.where((jnp.arange(x.size) == 0) & now, 1.0, 0)


@pytest.mark.parametrize(("batch", "accepted"), [(99, 1 / 20_000), (100, 0)])
def test_what_was_accepted_before_giving_up_is_fitted_to(batch, accepted):
    """The 10,000th proposal is the last without a sample, and 10,000 more are made for each that was accepted."""
    sample_key, signal_key = (jax.random.fold_in(jax.random.fold_in(KEY, use), 2**32 - batch) for use in range(2))
    run = partial(sandbox.run, num_samples=100, num_generations=1, until_kept=True)
    record = run(KEY, CATEGORICAL, FirstOf(signal_key))
    assert float(record.accepted[0]) == accepted
    first = CATEGORICAL.sample(sample_key, 100)[0]
    same(record.model.probs[1], np.eye(2)[first] if accepted else CATEGORICAL.probs)


@pytest.mark.parametrize(
    ("model", "regime", "fit"),
    [
        (CHAIN, sandbox.Accumulate(jnp.array([2, 1])), None),
        (CHAIN, sandbox.Fresh(CHAIN, 0.3, False), own_fit),
        pytest.param(CHAIN, sandbox.Reuse(jnp.array([2, 1])), None, marks=pytest.mark.slow),
        (CASES[6].model, sandbox.Accumulate(), None),
    ],
    ids=lambda value: type(value).__name__,
)
def test_where_all_is_kept_the_protocols_agree(model, regime, fit):
    loop = partial(sandbox.run, KEY, model, regime=regime, fit=fit, num_samples=12, num_generations=T)
    filtering, until_kept = (loop(sandbox.KeepAll(), until_kept=until_kept) for until_kept in (False, True))
    close(filtering, until_kept)


def test_the_first_batch_is_that_of_filtering():
    """And the accuracy is counted in it alone."""
    same(simulated(False)[2][:, 0], simulated(True)[2][:, 0])


@pytest.mark.parametrize("until_kept", [False, True], ids=["filtering", "until-kept"])
def test_no_step_leads_into_the_first_symbol_of_a_path(until_kept):
    """A verifier passes it as correct, but it has no part in the accuracy; one symbol alone has no step."""
    still = CHAIN._replace(transition=jnp.eye(3))
    signal = sandbox.Verifier(1.0, 0.0, Transitions(~jnp.eye(3, dtype=bool)))
    run = partial(sandbox.run, KEY, still, signal, num_generations=0, until_kept=until_kept)
    record = run(num_samples=N)
    same(record.accuracy, np.zeros(1))
    assert (record.accepted[0] == 1 / N) if not until_kept else (0 < record.accepted[0] < 1 / N)
    assert run(num_samples=1).accuracy is None


@pytest.mark.parametrize("seed", range(6))
def test_a_path_by_hand(seed):
    """Each symbol that is accepted counts with the one before it; the first counts in the first batch alone."""
    key, n, mask = jax.random.key(seed), 6, np.array([False, True, False])
    initial, transition, accepted, proposals = np.zeros(3), np.zeros((3, 3)), 0, 0
    first_key = jax.random.fold_in(key, 0)
    for batch in range(50):
        path = np.asarray(
            CASES[8].sample(
                first_key if batch == 0 else jax.random.fold_in(first_key, 2**32 - batch), n, key=lambda k: k
            )
        )
        if batch == 0:
            proposals += 1
            initial[path[0]] += mask[path[0]]
            accepted += mask[path[0]]
        for before, symbol in pairwise(path):
            if accepted < n:
                proposals += 1
                transition[before, symbol] += mask[symbol]
                accepted += mask[symbol]
    assert accepted == n
    signal = sandbox.FixedRewardModel(Symbols(jnp.asarray(mask)))
    record = sandbox.run(key, CHAIN, signal, num_samples=n, num_generations=1, until_kept=True)
    assert float(record.accepted[0]) == pytest.approx(n / proposals)
    share = transition / np.where(transition.sum(1, keepdims=True) > 0, transition.sum(1, keepdims=True), 1)
    close(record.model.transition[1], np.where(transition.sum(1, keepdims=True) > 0, share, CHAIN.transition))
    close(record.model.initial[1], initial if initial.any() else CHAIN.initial)


@pytest.mark.parametrize("order", [0, 1])
@pytest.mark.parametrize("n", [1, 7, 10_000, 2**20 + 3, 2**30])
def test_more_proposals_than_32_bits_count(n, order):
    """20,001 batches, as many as there can be, in 32 bits; a loop of 2.5e9 proposals agrees (once, 10 minutes)."""
    batch, last = jnp.asarray(20_001 if n < 2**30 else 10_001, jnp.int32), jnp.asarray(n // 2, jnp.int32)
    assert int(per_accepted(batch, n)) == int(batch) * n // 10_000
    expected = n + (int(batch) - 2) * (n - order) + int(last)
    np.testing.assert_allclose(num_proposals(batch, last, n, order, jnp.float32), expected, rtol=3e-7)


def test_one_symbol_a_path_does_not_hang():
    """Later batches of one symbol have no transition to offer."""
    signal = sandbox.FixedRewardModel(Symbols(jnp.array([False, False, True])))
    still = CHAIN._replace(initial=array([1.0, 0, 0]))
    record = sandbox.run(KEY, still, signal, num_samples=1, num_generations=0, until_kept=True)
    same(record.accepted, np.zeros(1))


def test_later_batches_share_no_noise_with_the_parts_of_a_signal():
    """`split(key)[i]` is fold_in(key, i), so that a batch must count from elsewhere."""
    batches = jax.vmap(partial(batch_key, KEY))(jnp.arange(100))
    numbers = jax.random.key_data(jnp.concatenate([batches, jax.random.split(KEY, 100)]))
    assert len(np.unique(numbers, axis=0)) == 200
