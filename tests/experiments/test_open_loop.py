"""What the open loop shows beyond its rows, which fail where their study is broken."""

import math

import numpy as np

from experiments.ledger import Settings
from experiments.open_loop import chains, rows

QUICK = Settings()


def test_information_is_not_progress():
    """Where what is right is rare, I(X;Z_t) falls while the share right rises."""
    loop = chains.filtering(chains.RARE)
    assert (np.diff(loop.information) < 0).all() and (np.diff(loop.right) > 0).all()


def test_published_end():
    """n = 50, p = .6, φ = 1, ψ = .99: from .505 nats to .093."""
    outcome = rows.in_the_end(rows.ALMOST_BLIND, QUICK)
    np.testing.assert_allclose([outcome.predicted, outcome.measured], [0.505, 0.093], atol=5e-4)


def test_nobody_knows_more_than_there_is():
    for scene in chains.SCENES:
        assert chains.filtering(scene).information.max() <= math.log(2) + 1e-12


def test_a_row_can_fail(monkeypatch):
    """The injection bound of a loop whose verdicts are said to inject a tenth of what they do."""
    loop = chains.filtering(chains.LITTLE_KNOWN)
    monkeypatch.setattr(rows.chains, "filtering", lambda scene: loop._replace(injected=loop.injected / 10))
    assert rows.injection(QUICK).verdict == "fails"
    assert rows.simulated_injection(QUICK).verdict == "fails"
