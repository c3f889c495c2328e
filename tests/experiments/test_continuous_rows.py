"""The rows of continuous-information: each verdict, and what decides it."""

import numpy as np
import pytest
from experiments.continuous_information.loops import FULL, QUICK, case, studied
from experiments.ledger import Settings

from experiments import plots
from experiments.continuous_information import FIGURES, rows
from theory.estimators import Bounds


@pytest.mark.slow
@pytest.mark.parametrize("stem", ["continuous-mixture", "continuous-chain", "continuous-two-states"])
def test_figures_can_be_drawn(stem, tmp_path):
    assert plots.save(FIGURES[stem](Settings()), tmp_path, stem)[0].stat().st_size > 10_000
    assert "In practice:" in plots.caption(FIGURES[stem])


def test_the_interval_decides():
    """Holds where the lower bound is clear of zero, fails where the upper one is, and is open in between."""
    noise = np.random.default_rng(0).normal(size=400) / 20
    for low, high, verdict in ((0.1, 0.3, "holds"), (-0.3, -0.1, "fails"), (-0.1, 0.1, "open"), (0.001, 0.1, "open")):
        outcome = rows.decided(Bounds(low + noise - noise.mean(), high + noise - noise.mean()), "a setting")
        assert outcome.verdict == verdict
        assert (outcome.lower, outcome.upper) == pytest.approx((low, high))
        assert outcome.slack == pytest.approx(high if verdict == "fails" else low)


@pytest.mark.slow
def test_differences_are_paired():
    """The error of a difference on the same replicas is below that of independent ones."""
    bounds = studied(Settings(), "chain", "closed").bounds
    first, second = rows.at(bounds, 2), rows.at(bounds, 3)
    paired = first.minus(second).bracket().lower.stderr
    assert paired < np.hypot(first.bracket().lower.stderr, second.bracket().upper.stderr)


def test_sizes_fit():
    """The replicas that the classifier holds out, a fifth, are among those of the sandwich."""
    for sizes in (QUICK, FULL):
        for size in sizes.values():
            assert size.num_replicas / 5 <= size.num_models <= size.num_replicas
            assert size.num_data <= size.num_models


def test_a_case_is_made_once():
    assert case("chain") is case("chain")
