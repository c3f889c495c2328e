"""The rows of the price of verdicts against other routes; they fail if their study is broken."""

import math

import numpy as np
import pytest

from experiments.harness.ledger import Settings
from experiments.verdicts import budgets, claims, study
from theory import budget

QUICK = Settings()


def test_published_sizes():
    """The table of constant sizes against the search of `theory.budget`."""
    size, wrong = budgets.rounds(QUICK).best
    assert size.tolist() == [8, 12, 19, 28, 42, 60]
    best, least, _ = budget.fixed_rounds(budgets.ROUNDS, budgets.START, 100)
    assert best == size[0]
    np.testing.assert_allclose(wrong[0], least, rtol=1e-12)


def test_two_sizes_are_better_than_one():
    """Large rounds first, small ones after, leave fewer wrong than the best constant size, and spend no more."""
    found = budgets.rounds(QUICK)
    two = found.two_stage
    for n, wrong, schedule, alone in zip(found.verdicts, two.wrong, two.schedules, found.best[1], strict=False):
        spending = budget.spend(schedule, budgets.ROUNDS, budgets.START)
        np.testing.assert_allclose(spending.wrong[-1], wrong, rtol=1e-9)
        assert float(spending.verdicts[-1]) <= n
        assert schedule[0] > schedule[-1] and wrong < alone


def test_one_round_selects_once_whatever_its_size():
    sizes = budgets.rounds(QUICK).sizes
    wrong = budget.spend(sizes[:, None], budgets.ROUNDS, budgets.START).wrong
    np.testing.assert_allclose(wrong, budgets.one_round(), atol=1e-12)


def test_no_schedule_passes_the_bound():
    """The best found without feedback, rounds of at most 14, against all with feedback, of at most 32."""
    numbers, bound = budgets.bound()
    found = budgets.rounds(QUICK)
    for best in (found.two_stage, found.shrinking):
        assert best.wrong[0] >= bound[numbers == 100]
        assert best.schedules[0].max() <= budgets.LARGEST


def test_no_loop_needs_fewer_verdicts_than_the_lower_bound():
    loops = study.fixations()
    ratio = loops.verdicts / loops.needed
    assert (ratio >= 1).all() and ratio.min() == pytest.approx(1.129, abs=1e-3)


def test_a_row_can_fail(monkeypatch):
    """A capacity ten times the true one."""
    loops = study.fixations()
    monkeypatch.setattr(study, "fixations", lambda: loops._replace(needed=loops.needed / 10))
    assert claims.too_few("accepted", QUICK).decide().outcome == "fails"


def test_the_exchange_by_hand():
    """One verdict errs with ½(1 − φ + ψ), and one fresh sample with 1 − p."""
    assert study.verdict_error(1) == pytest.approx((1 - 0.9 + 0.2) / 2)
    assert study.sample_error(np.array([1]))[0] == pytest.approx(0.4)
    assert study.sample_error(np.array([3]))[0] == pytest.approx(0.4**3 + 3 * 0.4**2 * 0.6)


def test_chernoff_is_the_rate_of_the_exact_error():
    """−ln of the error over k, two verdicts apart, at k = 400."""
    rate = math.log(study.verdict_error(398) / study.verdict_error(400)) / 2
    bhattacharyya = -math.log(math.sqrt(0.18) + math.sqrt(0.08))
    assert rate == pytest.approx(bhattacharyya, rel=0.01)
