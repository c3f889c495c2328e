"""The rows of continuous-information: what decides them, and that they fail where their study is broken."""

import numpy as np

from experiments.continuous_information import claims
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


def test_differences_are_paired():
    """The error of a difference on the same replicas is below that of independent ones."""
    first, (low, high) = claims.between(bounds(0.1, 0.3), bounds(0, 0.05))
    np.testing.assert_allclose(
        np.ravel([first.lower.mean, first.upper.mean, low, high]), [0.1, 0.3, 0, 0.05], atol=1e-12
    )
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
    real = claims.study.RealSamples(model - 0.3, model - 0.2, model, model)
    monkeypatch.setattr(claims.study, "real_samples", lambda settings: real)
    assert claims.external_signal("data_and_verdicts", Settings()).decide().outcome == "fails"
    exact, ends = np.zeros(3), [Estimate(np.array([end, 0, 0]), np.full(3, 0.01), 40) for end in (0.2, 0.3)]
    monkeypatch.setattr(claims.study, "problems", lambda settings: (exact, claims.Bracket(*ends)))
    assert claims.brackets(Settings()).decide().outcome == "fails"
