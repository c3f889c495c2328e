"""A loop whose rounds have sizes of their own: against `run`, and against exact chains."""

from functools import cache, partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats
from cases import CHAIN, agrees, array, same

import sandbox
from sandbox import proposals
from sandbox.regions import Symbols, Transitions
from theory import budget

KEY = jax.random.key(5)
RATES, START, LARGEST, T = (0.8, 0.4), 0.3, 12, 12
MODEL = sandbox.Categorical(array([START, 1 - START]))
VERIFIER = sandbox.Verifier(*RATES, Symbols(jnp.array([True, False])))
REPLICAS = 2000


class EqualRisk(NamedTuple):
    """Sees the accuracy of the model; its numbers are leaves."""

    risk: jax.Array

    def __call__(self, model, past, /):
        return budget.equal_risk(model.probs[0], RATES, self.risk)


class ByPassRate(NamedTuple):
    """Sees the last pass rate alone, and a model of one symbol."""

    many: jax.Array
    few: jax.Array

    def __call__(self, model, past, /):
        last = past.accepted[past.t - 1]
        n = jnp.where((past.t > 0) & (last > 0.6), self.few, self.many)
        return jnp.where(model.probs.max() < 1, n, 0)


@cache
def simulated(size, *numbers):
    size = size(*map(jnp.asarray, numbers))
    run = partial(sandbox.run_adaptive, largest=LARGEST, num_generations=T)
    return jax.vmap(lambda key: run(key, MODEL, VERIFIER, size))(jax.random.split(KEY, REPLICAS))


PATH = sandbox.Verifier(0.9, 0.3, Transitions(jnp.eye(3, dtype=bool)))


@pytest.mark.parametrize(
    ("model", "signal"), [(MODEL, VERIFIER), pytest.param(CHAIN, PATH, marks=pytest.mark.slow)], ids=["table", "chain"]
)
def test_full_rounds_are_run(model, signal):
    """n_t = `largest`: sample by sample the loop of rejection sampling."""
    record = sandbox.run(KEY, model, signal, num_samples=7, num_generations=3, until_kept=True)
    found = sandbox.run_adaptive(KEY, model, signal, lambda model, past: 7, largest=7, num_generations=3)
    jax.tree.map(same, tuple(record), tuple(found[:3]))
    np.testing.assert_allclose(found.verdicts, 7 / np.asarray(record.accepted))


def test_a_round_of_none_ends_the_run():
    """It costs nothing, and the model stays."""
    found = simulated(EqualRisk, 0.05)
    probs, over = np.asarray(found.model.probs), np.asarray(found.sizes) == 0
    assert over[:, 1:].any() and not over[:, 0].any()
    for leaf in (found.accepted, found.verdicts):
        np.testing.assert_array_equal(np.asarray(leaf)[over], 0)
    same(probs[:, 1:][over[:, :-1]], probs[:, :-1][over[:, :-1]])


def test_equal_risk_is_the_exact_chain():
    """The wrong share and the verdicts; T rounds end all but 1e-4 of the runs."""
    found = simulated(EqualRisk, 0.05)
    exact = budget.adaptive_rounds(partial(budget.equal_risk, verifier=RATES, risk=0.05), RATES, START, largest=LARGEST)
    agrees(1 - np.asarray(found.model.probs)[:, T, 0], exact.wrong)
    agrees(np.asarray(found.verdicts).sum(1), exact.verdicts)
    other = budget.adaptive_rounds(lambda z: np.full(z.shape, 5), RATES, START, largest=LARGEST)
    spent = np.asarray(found.verdicts).sum(1)
    assert abs(spent.mean() - other.verdicts) > 5 * spent.std() / REPLICAS**0.5


def by_pass_rate(many, few):
    """The exact distribution over accuracy and next size, T + 1 rounds: E[1 − Z] and the verdicts."""
    mass, wrong, spent = {(START, many): 1.0}, 0.0, 0.0
    for _ in range(T):
        after = {}
        for (z, n), weight in mass.items():
            accepted = z * RATES[0] + (1 - z) * RATES[1]
            spent += weight * n / accepted
            most = np.ceil(n / 0.6) - 1  # proposals at which the pass rate is above .6
            often = scipy.stats.nbinom.cdf(most - n, n, accepted)
            for k, chance in enumerate(scipy.stats.binom.pmf(np.arange(n + 1), n, z * RATES[0] / accepted)):
                if k == 0:
                    wrong += weight * chance
                elif k < n:
                    for size, share in ((few, often), (many, 1 - often)):
                        after[k / n, size] = after.get((k / n, size), 0) + weight * chance * share
        mass = after
    return wrong + sum(weight * (1 - z) for (z, _), weight in mass.items()), spent


@pytest.mark.slow
def test_what_was_accepted_decides():
    """Rounds of 4 after a pass rate above .6, else of 8: the exact chain over accuracy and size."""
    found = simulated(ByPassRate, 8, 4)
    counts = np.asarray(found.model.probs)[:, 1, 0] * 8  # the model is fitted to the eight alone
    np.testing.assert_allclose(counts, np.rint(counts), atol=1e-9)
    agrees(np.asarray(found.verdicts)[:, 0], 8 / 0.52)
    wrong, spent = by_pass_rate(8, 4)
    agrees(1 - np.asarray(found.model.probs)[:, T, 0], wrong)
    agrees(np.asarray(found.verdicts)[:, :T].sum(1), spent)
    assert set(np.unique(found.sizes)) == {0, 4, 8}
    reverse = by_pass_rate(4, 8)[1]
    values = np.asarray(found.verdicts)[:, :T].sum(1)
    assert abs(values.mean() - reverse) > 5 * values.std() / REPLICAS**0.5


@pytest.mark.slow
def test_other_numbers_do_not_compile_again():
    from sandbox.adaptive import _run_adaptive

    run = partial(sandbox.run_adaptive, KEY, MODEL, VERIFIER, largest=5, num_generations=2)
    run(EqualRisk(jnp.asarray(0.1)))
    size = _run_adaptive._cache_size()
    run(EqualRisk(jnp.asarray(0.2)))
    assert _run_adaptive._cache_size() == size


def test_accuracy_is_seen_where_nothing_is_wanted():
    """Rounds of none have samples all the same: a run of no rounds keeps the accuracy of its model."""
    model = sandbox.Categorical(array([1.0, 0.0]))
    record = sandbox.run_adaptive(KEY, model, VERIFIER, lambda model, past: 0, largest=4, num_generations=2)
    same(record.accuracy, jnp.ones(3))
    same(record.verdicts, jnp.zeros(3))


def test_a_round_that_gives_up_says_what_it_may_have_cost():
    """Nothing is accepted: PATIENCE proposals for each sample wanted, the most that it can have been."""
    nothing = sandbox.Verifier(0.0, 0.0, VERIFIER.correct)
    record = sandbox.run_adaptive(KEY, MODEL, nothing, lambda model, past: 2, largest=200, num_generations=0)
    same(record.verdicts, 2.0 * proposals.PATIENCE * jnp.ones(1))
