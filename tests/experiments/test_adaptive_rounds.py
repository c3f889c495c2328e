"""The simulated filter of R9: it is calibrated, and where it sees the accuracy it is the exact chain."""

import math

import jax
import numpy as np
import pytest

from experiments.adaptive_rounds import study

KEY = jax.random.key(3)


def gap(sees, kappa):
    """What a run risks less what it expects to risk, in standard errors."""
    runs = study.filtered(KEY, sees, kappa, num_replicas=4000)
    difference = runs.wrong - runs.expected
    return difference.mean() / (difference.std() / len(difference) ** 0.5)


def test_filter_is_calibrated():
    """The posterior is right if the risk that it expects is that of the paths, on average."""
    assert abs(gap("pass rates", 6.0)) <= 5


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
