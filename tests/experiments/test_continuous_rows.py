"""The rows of continuous-information: what decides them, and that they fail where their study is broken."""

import numpy as np
import pytest

from experiments.continuous_information import claims
from experiments.harness.claim import at_least
from experiments.harness.ledger import Settings
from experiments.questions.bracket import Bracketed
from theory import Bounds, Estimate

NOISE = np.random.default_rng(0).normal(size=(400, 1)) / 20


def bounds(*values):
    """Of generations, with the same noise."""
    values = np.array(values) + NOISE - NOISE.mean()
    return Bounds(values[:, ::2], values[:, 1::2])


def of(known, correct=(0.5, 0.6)):
    """A study of what is known."""
    found = Bracketed(known, known, None, Estimate(np.array(correct), np.full(2, 0.001), 400), np.ones(1))
    return lambda settings, loop: found


@pytest.mark.parametrize(
    ("low", "high", "outcome"),
    [(0.1, 0.3, "holds"), (-0.3, -0.1, "fails"), (-0.1, 0.1, "open")],
)
def test_the_interval_decides(low, high, outcome):
    """Holds where the lower bound is clear of zero, fails where the upper one is, and is open in between."""
    found = at_least(*claims.between(bounds(low, high), bounds(0, 0)), "a setting").decide()
    assert found.outcome == outcome
    assert found.slack == pytest.approx(high if outcome == "fails" else low)


def test_differences_are_paired():
    """The error of a difference on the same replicas is below that of independent ones."""
    first, _ = claims.between(bounds(0.1, 0.3), bounds(0, 0))
    assert first.lower.stderr < 1e-12 < NOISE.std() / 20


def test_rows_fail_where_a_loop_does_what_it_should_not():
    falls, rises = of(bounds(1, 1.1, 0.5, 0.6)), of(bounds(0.5, 0.6, 1, 1.1))
    for row, correct, wrong in ((claims.never_more, falls, rises), (claims.learns, rises, falls)):
        assert row(correct, "a loop", Settings()).decide().outcome == "holds"
        assert row(wrong, "a loop", Settings()).decide().outcome == "fails"


def test_rows_fail_where_a_study_is_broken(monkeypatch):
    """Brackets off by a tenth of a nat, a share that falls, a signal that carries nothing, intervals too narrow."""
    exact = np.array([0.3, 0.2])
    monkeypatch.setattr(claims, "information", lambda loop, t: exact)
    for shift, outcome in ((0.0, "holds"), (0.1, "fails")):
        found = of(bounds(*np.repeat(exact + shift, 2) + np.array([-0.01, 0.01] * 2)))(None, None)
        monkeypatch.setattr(claims.study, "two_states", lambda settings, found=found: {"closed": found})
        assert claims.enumerated(Settings()).decide().outcome == outcome
    monkeypatch.setattr(claims.study, "chain", of(bounds(1, 1, 1, 1), correct=(0.6, 0.5)))
    assert claims.sharpens(Settings()).decide().outcome == "fails"
    model = 1 + NOISE[:, 0]
    monkeypatch.setattr(
        claims.study, "real_samples", lambda settings: claims.study.RealSamples(model - 0.3, model - 0.2, model, model)
    )
    assert claims.external_signal("data_and_verdicts", Settings()).decide().outcome == "fails"
    exact, ends = np.zeros(3), [Estimate(np.array([end, 0, 0]), np.full(3, 0.01), 40) for end in (0.2, 0.3)]
    monkeypatch.setattr(claims.study, "problems", lambda settings: (exact, claims.Bracket(*ends)))
    assert claims.brackets(Settings()).decide().outcome == "fails"
