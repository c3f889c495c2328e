"""What decides a row, against SciPy's t distribution and against enumeration."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from experiments.harness.claim import FEWEST, Check, Found, at_least, at_most, claim, equal, paired
from experiments.harness.ledger import Settings
from theory import Bracket, Estimate

MANY = 10**9  # units: Student's t is the normal distribution
SETTINGS = Settings()


def estimate(mean, stderr, count=MANY):
    return Estimate(np.asarray(mean, float), np.asarray(stderr, float), count)


@pytest.mark.parametrize(
    ("measured", "predicted", "expected"),
    [
        (0.0, 0.0, "holds"),
        (-1e-12, 0.0, "holds"),
        (-1.01e-12, 0.0, "fails"),
        (estimate(5.001, 1.0), 0.0, "holds"),
        (estimate(4.999, 1.0), 0.0, "open"),
        (estimate(-4.999, 1.0), 0.0, "open"),
        (estimate(-5.001, 1.0), 0.0, "fails"),
        (estimate(0.0, 3.0), estimate(25.001, 4.0), "fails"),  # independent errors of 3 and 4 are one of 5
        (estimate(0.0, 3.0), estimate(24.999, 4.0), "open"),
        (estimate(0.0, 0.0), 0.0, "holds"),
    ],
)
def test_an_inequality(measured, predicted, expected):
    assert at_least(measured, predicted, "s").decide().outcome == expected
    assert at_most(predicted, measured, "s").decide().outcome == expected


@pytest.mark.parametrize(
    ("measured", "tolerance", "expected"),
    [
        (0.9e-12, None, "holds"),
        (-1.1e-12, None, "fails"),
        (1e-6, 1e-5, "holds"),
        (-1e-4, 1e-5, "fails"),
        (estimate(4.999, 1.0), None, "holds"),
        (estimate(-5.001, 1.0), None, "fails"),
    ],
)
def test_an_equality(measured, tolerance, expected):
    decision = equal(measured, 0.0, "s", tolerance=tolerance).decide()
    assert decision.outcome == expected and (decision.slack >= 0) == (expected == "holds")


@pytest.mark.parametrize("count", [12, 32, 200])
def test_few_units_are_decided_by_students_t(count):
    """The level is that of five sigma: 5.7e-7 on both sides."""
    quantile = stats.t.isf(stats.norm.sf(5.0), count - 1)
    decided = [at_least(estimate(x * quantile, 1.0, count), 0.0, "s").decide().outcome for x in (0.999, 1.001)]
    assert decided == ["open", "holds"]


def test_two_sides_have_welchs_degrees_of_freedom():
    a, b = np.random.default_rng(0).normal(size=(2, 12)) * [[1.0], [3.0]]
    a_side, b_side = (estimate(x.mean(), x.std(ddof=1) / 12**0.5, 12) for x in (a, b))
    error = math.hypot(a_side.stderr, b_side.stderr)
    freedom = stats.ttest_ind(a, b, equal_var=False).df
    decision = at_least(a_side, b_side, "s").decide()
    assert decision.stderr == pytest.approx(error)
    assert decision.reach == pytest.approx(stats.t.isf(stats.norm.sf(5.0), freedom) * error, rel=1e-9)


def test_pairs_are_subtracted_replica_by_replica():
    """What two arms share is no error of their difference; both means stand in the row."""
    rng = np.random.default_rng(1)
    shared = rng.normal(size=(100, 1)) * 10
    a, b = shared + np.array([1.0, 2.0]), shared + rng.normal(size=(100, 2)) * 0.1
    decision = at_least(*paired(a, b), ["first", "second"]).decide()
    assert decision.outcome == "holds" and decision.setting == "first; the worst of 2"
    assert decision.measured == pytest.approx(a[:, 0].mean()) and decision.predicted == pytest.approx(b[:, 0].mean())
    assert decision.stderr == pytest.approx(stats.sem(a[:, 0] - b[:, 0]))
    assert at_least(estimate(a.mean(0), stats.sem(a), 100), b.mean(0), "s").decide().outcome == "open"


@given(st.lists(st.tuples(st.floats(-9, 9), st.floats(0.1, 2)), min_size=1, max_size=6))
def test_of_an_array_the_worst_entry_decides(entries):
    """It fails if one fails, and holds if all do."""
    mean, stderr = map(np.array, zip(*entries, strict=True))
    alone = [at_least(estimate(m, s), 0.0, "s").decide().outcome for m, s in entries]
    decision = at_least(estimate(mean, stderr), 0.0, "s").decide()
    assert decision.outcome == ("fails" if "fails" in alone else "open" if "open" in alone else "holds")
    assert decision.slack / decision.reach == pytest.approx(min(m / (5 * s) for m, s in entries), rel=1e-6)


def test_an_entry_without_an_error_is_the_worst_only_if_it_is_wrong():
    """At t = 0 a simulation may be exact; that it agrees is no margin."""
    assert equal(estimate([1.0, 2.1], [0.0, 0.1]), [1.0, 2.0], ["a", "b"]).decide().setting == "b; the worst of 2"
    wrong = equal(estimate([1.5, 2.1], [0.0, 0.1]), [1.0, 2.0], ["a", "b"]).decide()
    assert wrong.outcome == "fails" and wrong.setting == "a; the worst of 2"


def test_exact_entries_are_decided_by_the_least_slack():
    decision = at_least([3.0, 1.0, 2.0], [0.0, 0.5, 1.9], ["a", "b", "c"], "bits").decide()
    assert (decision.setting, decision.unit, decision.stderr) == ("c; the worst of 3", "bits", None)
    assert (decision.measured, decision.predicted) == (2.0, 1.9) and decision.slack == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("lower", "upper", "expected"),
    [(0.051, 0.2, "holds"), (0.049, 0.2, "open"), (-0.2, -0.051, "fails"), (-0.2, -0.049, "open"), (-1, 1, "open")],
)
def test_a_bracket_decides_by_the_end_that_is_clear(lower, upper, expected):
    """Each end has an error of .01: five of them are .05."""
    bracket = Bracket(estimate(lower, 0.01), estimate(upper, 0.01))
    decision = at_least(bracket, 0.0, "s").decide()
    end = upper if expected == "fails" else lower
    assert (decision.outcome, decision.lower, decision.upper) == (expected, lower, upper)
    assert decision.slack == decision.measured == end
    other = at_most(0.0, bracket, "s").decide()
    assert (other.outcome, other.predicted, other.slack) == (expected, end, end)


def test_a_bracket_holds_a_truth():
    bracket = Bracket(estimate(0, 0.01), estimate(1, 0.01))
    decided = [equal(bracket, truth, "s").decide().outcome for truth in (-0.051, -0.049, 0.0, 1.049, 1.051)]
    assert decided == ["fails", "holds", "holds", "holds", "fails"]


@pytest.mark.parametrize(
    ("found", "message"),
    [
        (lambda: equal(math.nan, 0.0, "s"), "a side: nan was given"),
        (lambda: equal([], [], "s"), "a side: .* was given"),
        (lambda: equal(estimate(0.0, -1.0), 0.0, "s"), "stderr: -1.0 was given"),
        (lambda: equal(estimate(0.0, 1.0, FEWEST - 1), 0.0, "s"), f"count: {FEWEST - 1} was given"),
        (lambda: equal(estimate(0.0, 1.0), 0.0, "s", tolerance=1.0), "tolerance: 1.0 was given"),
        (lambda: Found(0.0, "≥", 0.0, "s", tolerance=1.0), "tolerance: 1.0 was given"),
        (lambda: Found(0.0, ">", 0.0, "s"), "relation: '>' was given"),
    ],
)
def test_what_cannot_be_decided_is_refused(found, message):
    with pytest.raises(ValueError, match=message):
        found().decide()
    with pytest.raises(ValueError, match="a: shape"):
        paired(np.zeros(FEWEST - 1), np.zeros(FEWEST - 1))


@pytest.mark.parametrize(
    "wrong", [{"id": "two words"}, {"id": "C13-x"}, {"id": "../up"}, {"test": "test_claims.py"}, {"statement": " "}]
)
def test_a_wrong_check_is_refused(wrong):
    with pytest.raises(ValueError, match=f"{next(iter(wrong))}: "):
        Check(**{"id": "C2-x", "statement": "s", "find": lambda settings: equal(0, 0, "s")} | wrong)


def row_of(measured, control, *, tie):
    """The rows of `measured ≥ 0` and of its control."""
    other = {
        "tie" if tie else "control": ("a hypothesis is missing", lambda settings: at_least(control, 0.0, "without"))
    }
    checks = claim("C2-x", "s", lambda settings: at_least(measured, 0.0, "with"), **other)
    return [check.row(SETTINGS) for check in checks]


def test_a_control_must_not_be_the_row_with_its_sign_turned():
    with pytest.raises(ValueError, match=r"control: the slack -1, that of C2-x with its sign turned, was given"):
        row_of(1.0, -1.0, tie=False)


def test_a_control_must_fail():
    row, control = row_of(1.0, -0.5, tie=False)
    assert row.as_expected and control.as_expected and control.control_of == "C2-x" and control.id == "C2-x-control"
    assert row_of(1.0, 1.0, tie=False)[1].refuted
    left = row_of(1.0, estimate(0.0, 1.0), tie=False)[1]
    assert not left.as_expected and not left.refuted


@pytest.mark.parametrize(
    ("mean", "stderr", "expected"),
    [(0.0, 0.01, True), (0.04, 0.01, True), (-0.9, 0.01, True), (0.0, 0.3, False), (1.0, 0.01, False)],
)
def test_a_tie_is_open_and_excludes_what_its_row_measured(mean, stderr, expected):
    """Noise that could hide all of the row's 1.0 is no control; nor is one that holds."""
    control = row_of(estimate(1.0, 0.01), estimate(mean, stderr), tie=True)[1]
    assert control.as_expected == expected
    assert control.refuted == (mean == 1.0)
