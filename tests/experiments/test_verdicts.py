"""What the rows of the price of verdicts say, against other routes; and they can fail."""

import math

import numpy as np
import pytest

import theory
from experiments.ledger import Settings
from experiments.verdicts import FIGURES, blocks, converse, exchange, rounds, rows
from theory import budget

QUICK = Settings()


def test_every_caption_says_what_to_do():
    assert all("In practice:" in (maker.__doc__ or "") for maker in FIGURES.values())


@pytest.mark.slow
def test_published_sizes():
    """The table of constant sizes against the search of `theory.budget`."""
    study = rounds.constant(QUICK)
    assert study.best[0].tolist() == [8, 12, 19, 28, 42, 60]
    size, wrong = budget.best_round(rounds.VERIFIER, rounds.START, 100)
    assert size == study.best[0][0]
    np.testing.assert_allclose(study.best[1][0], wrong, rtol=1e-12)


@pytest.mark.slow
def test_two_sizes_are_better_than_one():
    """Large rounds first, small ones after, leave less wrong than the best constant size, and spend no more."""
    found, constant = rounds.best(rounds.two_stage, QUICK), rounds.constant(QUICK).best
    for n, wrong, schedule, alone in zip(found.verdicts, found.wrong, found.schedules, constant[1], strict=False):
        spending = budget.spend(schedule, rounds.VERIFIER, rounds.START)
        np.testing.assert_allclose(spending.wrong[-1], wrong, rtol=1e-9)
        assert float(spending.verdicts[-1]) <= n
        assert schedule[0] > schedule[-1] and wrong < alone


def test_the_bound_can_fail(monkeypatch):
    """A bound that is as large as what is left wrong by a single round is broken by the best schedule."""
    monkeypatch.setattr(rounds, "bound", lambda _: (np.array([100]), np.array([rounds.one_round()])))
    assert rows.bounded(QUICK).verdict == "fails"


def test_the_law_of_blocks_can_fail(monkeypatch):
    monkeypatch.setattr(blocks, "slope_law", lambda: 4.0)
    assert rows.block_law(QUICK).verdict == "fails"


def test_the_converse_can_fail(monkeypatch):
    """A capacity a tenth of the true one."""
    loops = {start: converse.fixations(start) for start in converse.STARTS}
    monkeypatch.setattr(converse, "fixations", lambda start: loops[start]._replace(needed=10 * loops[start].needed))
    assert rows.needs(QUICK).verdict == "fails"


def test_students_that_learn_nothing_are_no_better(monkeypatch):
    """A uniform student in the place of the one that chooses."""
    uniform = blocks.student("uniform", QUICK)
    monkeypatch.setattr(blocks, "student", lambda *_: uniform)
    assert rows.better_students(QUICK).verdict != "holds"


def test_students_end_right_often_enough():
    """Whoever stops at a posterior of .95 is wrong in at most a twentieth of the cases: within five standard errors."""
    for kind in blocks.STUDENTS:
        if kind == "ignoring":
            continue  # its posterior is that of the kept samples, also calibrated, but slow
        wrong = theory.estimate(blocks.search(kind, 8, 4000, np.random.default_rng(3))[1].astype(float))
        assert wrong.mean <= blocks.ERROR + 5 * wrong.stderr


def test_a_student_of_one_verdict():
    """Two blocks, φ = 1: a verdict on the likelier one; the posterior of a rejected one is zero."""
    used, wrong = blocks.search("informative", 2, 2000, np.random.default_rng(0))
    assert used.min() >= 2  # the largest step of the log-odds is ln 7 < ln 19
    assert wrong.mean() < blocks.ERROR + 0.03


def test_the_exchange_by_hand():
    """One verdict errs with ½(1 − φ + ψ), and one fresh sample with 1 − p."""
    assert exchange.verdict_error(1) == pytest.approx((1 - 0.9 + 0.2) / 2)
    assert exchange.sample_error(np.array([1]))[0] == pytest.approx(0.4)
    assert exchange.sample_error(np.array([3]))[0] == pytest.approx(0.4**3 + 3 * 0.4**2 * 0.6)


def test_chernoff_is_the_rate_of_the_exact_error():
    """−ln of the error over k, two verdicts apart, at k = 400."""
    rate = math.log(exchange.verdict_error(398) / exchange.verdict_error(400)) / 2
    bhattacharyya = -math.log(math.sqrt(0.18) + math.sqrt(0.08))
    assert rate == pytest.approx(bhattacharyya, rel=0.01)


@pytest.mark.slow
@pytest.mark.parametrize("stem", FIGURES)
def test_figures_are_drawn(stem):
    assert FIGURES[stem](QUICK).axes
