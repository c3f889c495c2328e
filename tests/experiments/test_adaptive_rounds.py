"""The simulated filter of R9: it is calibrated, and where it sees the accuracy it is the exact chain."""

import math

import jax
import numpy as np
import pytest
import scipy.stats

from experiments.adaptive_rounds import study
from theory import budget

KEY = jax.random.key(3)


def gap(sees, kappa):
    """What a run risks less what it expects to risk, in standard errors."""
    runs = study.filtered(KEY, sees, kappa, num_replicas=4000)
    difference = runs.wrong - runs.expected
    return difference.mean() / (difference.std() / len(difference) ** 0.5)


def test_filter_is_calibrated():
    """The posterior is right if the risk that it expects is that of the paths, on average."""
    assert abs(gap("pass rates", 6.0)) <= 5


def test_filter_by_hand():
    """Two accuracies, equally likely: after 5 rejections in a round of 3, those runs that have 1 or 2 correct ones."""
    z, rates = np.array([1 / 4, 3 / 4]), study.ROUNDS
    passes = z * rates[0] + (1 - z) * rates[1]
    seen = scipy.stats.nbinom.pmf(5, 3, passes)[:, None]
    joint = (seen * scipy.stats.binom.pmf([1, 2], 3, (z * rates[0] / passes)[:, None])).sum(0)
    places = np.searchsorted(study.lattice().accuracy, np.array([1 / 4, 3 / 4, 1 / 3, 2 / 3]) - 1e-9)
    belief = np.zeros((1, study.lattice().accuracy.size))
    belief[0, places[:2]] = 0.5
    after = study._updated(belief, np.array([3]), np.array([5]))
    np.testing.assert_allclose(after[0, places[2:]], joint / joint.sum(), rtol=1e-12)
    assert abs(after.sum() - 1) <= 1e-12


@pytest.mark.slow
def test_blind_filter_is_calibrated():
    """Likewise of a run that knows only that it goes on."""
    assert abs(gap("nothing", 6.0)) <= 5


def test_pass_rates_of_other_runs_mislead():
    """The negative control: a filter that is fed what other runs have seen risks more than it expects."""
    assert gap("other runs", 6.0) > 5


def test_seen_accuracy_is_the_exact_chain():
    runs, exact = study.filtered(KEY, "accuracy", 5.0, num_replicas=2000), study.equal_risk(5.0)
    for values, mean in ((runs.wrong, exact.wrong), (runs.verdicts, exact.verdicts)):
        assert abs(values.mean() - mean) <= 5 * values.std() / len(values) ** 0.5
    np.testing.assert_allclose(runs.expected, runs.wrong)


def test_bound_is_below_every_rule(monkeypatch):
    """No rule needs fewer verdicts than the bound, and the optimum needs as many."""
    monkeypatch.setattr(study, "PRICES", study.PRICES[:9:2])
    for found in (study.equal_risk(9), study.correct_samples(3), study.constant(9)):
        assert found.verdicts >= study.needed(found.wrong) * (1 - 1e-12)
    best = study.optimum(study.PRICES[2])
    assert math.isclose(study.needed(best.wrong), best.verdicts, rel_tol=1e-9)


def test_fixed_schedules_should_shrink():
    """At 100 verdicts on average: growing by 10 % a round leaves .074 wrong, equal rounds .054, shrinking .028."""

    def best(factor):
        sizes = [np.maximum(1, np.rint(first * factor ** np.arange(40))).astype(int) for first in range(6, 17)]
        return min(float(budget.spend(each, study.ROUNDS, study.START).within(100.0)) for each in sizes)

    np.testing.assert_allclose([best(1.1), best(1.0), best(0.8)], [0.0737, 0.0540, 0.0278], atol=5e-5)
