"""Properties of the open loop beyond its rows, which fail if their study is broken."""

import numpy as np

from experiments.harness.ledger import Settings
from experiments.open_loop import claims, study
from theory import Estimate

QUICK = Settings()


def test_information_is_not_progress():
    """Where correct outputs are rare, I(X;Z_t) falls while the accuracy rises."""
    loops = study.exact(False)
    assert (np.diff(loops.information[study.RARE]) < 0).all() and (np.diff(loops.accuracy[study.RARE]) > 0).all()


def test_published_end():
    """n = 50, p = .6, φ = 1, ψ = .99: from .505 nats to .093."""
    outcome = claims.in_the_end(0.99, QUICK).decide()
    np.testing.assert_allclose(np.array([outcome.predicted, outcome.measured], float), [0.505, 0.093], atol=5e-4)


def test_a_row_can_fail(monkeypatch):
    """Verdicts that inject a tenth of the gain; a loop that ends correct without correct symbols in Z_0."""
    exact = study.exact(False)
    rng = np.random.default_rng(0)
    values = exact.information[None] + rng.normal(size=(200, *exact.information.shape)) / 100
    monkeypatch.setattr(study, "simulated", lambda settings, until_kept: study.SimulatedLoops(values, values))
    assert claims.injection(QUICK).decide().outcome == "holds"
    monkeypatch.setattr(study, "exact", lambda until_kept: exact._replace(injected=exact.injected / 10))
    assert claims.injection(QUICK).decide().outcome == "fails"
    assert claims.accuracy(False, QUICK).decide().outcome == "fails"
    monkeypatch.setattr(study, "support", lambda settings, fpr: Estimate(np.array(0.7), np.array(0.001), 200))
    assert claims.simulated_support(0.0, QUICK).decide().outcome == "fails"
