"""Curves of online learning, made by hand."""

import numpy as np
import pytest

from experiments.questions.shortcut import curves
from experiments.questions.shortcut.curves import BOTH, INTENDED, SPURIOUS, Curves
from sandbox.shortcuts import OnlineRecord

RNG = np.random.default_rng(0)


def made_up(shape, num_steps):
    return OnlineRecord(*(RNG.random((*shape, 3, num_steps)).astype(np.float32) for _ in range(3)), policy=None)


@pytest.mark.parametrize(("num_steps", "batch", "points"), [(8, 1, 40), (100, 32, 40), (1000, 4, 12), (3, 2, 40)])
def test_curves_against_loops(num_steps, batch, points):
    """Code lengths are sums from the first step on; shares are means of the last 15 % of the steps, at least one."""
    made = made_up((2, 3), num_steps)
    found = curves.learning_curves(made, batch=batch, points=points)
    steps = found.samples / batch
    assert steps[0] == min(8, num_steps) and steps[-1] == num_steps and steps.size <= points
    assert (steps == steps.astype(int)).all() and (np.diff(steps) > 0).all()
    assert found.nats_saved.shape == found.accuracy.shape == (2, 3, 3, steps.size)
    assert found.reliance.shape == (2, 3, steps.size)
    for i, n in enumerate(steps.astype(int)):
        saved = sum(batch * (np.log(2) - made.loss[..., t].astype(float)) for t in range(n))
        np.testing.assert_allclose(found.nats_saved[..., i], saved, rtol=1e-10, atol=1e-10)
        last = [t for t in range(n) if t >= np.floor(n * 0.85) or t == n - 1]
        np.testing.assert_allclose(found.accuracy[..., i], made.accuracy[..., last].mean(-1), rtol=1e-5)
        np.testing.assert_allclose(found.reliance[..., i], made.reliance[..., BOTH, last].mean(-1), rtol=1e-5)
    np.testing.assert_array_equal(found.lead, found.nats_saved[..., INTENDED, :] - found.nats_saved[..., SPURIOUS, :])


def test_sample_numbers_grow_geometrically():
    """A thousand batches in 8 points: the ratio of neighbours is that of the ends to the 1/7, but for whole batches."""
    samples = curves.learning_curves(made_up((), 1024), batch=2, points=8).samples
    np.testing.assert_array_equal(samples, [16, 32, 64, 128, 256, 512, 1024, 2048])


def test_at_is_the_last_sample_number_that_is_not_larger():
    one = Curves(np.array([8, 16, 40]), *np.zeros((2, 3, 3)), np.zeros(3))
    assert [one.at(n) for n in (8, 8.5, 15.99, 16, 39, 40, 1e9)] == [0, 0, 0, 1, 1, 2, 2]
    assert one.at(40 * (1 - 1e-12)) == 2  # to rounding
    with pytest.raises(ValueError, match="samples: 7 was given; accepted: 8 or more"):
        one.at(7)


def straight(lead, reliance):
    """Two seeds: 100 nats saved by the spurious feature, and a `lead` more by the intended one."""
    n = np.array([10.0, 20, 30, 40, 50])
    lead, reliance = (np.stack([f(n), f(n)]) for f in (lead, reliance))
    nats_saved = np.full((2, 3, 5), 100.0)
    nats_saved[:, BOTH], nats_saved[:, INTENDED] = 1e6, 100 + lead
    return Curves(n, nats_saved, np.zeros((2, 3, 5)), reliance)


def test_crossovers_of_straight_lines():
    """A lead of n − 27 crosses at 27, a reliance of 1 − n/80 is a half at 40; all at once and never are 0 and ∞."""
    one = straight(lambda n: n - 27, lambda n: 1 - n / 80)
    np.testing.assert_allclose(curves.predicted_crossover(one), 27, rtol=1e-12)
    np.testing.assert_allclose(curves.measured_crossover(one), 40, rtol=1e-12)
    for sign, crossover in ((1, 0), (-1, np.inf)):
        one = straight(lambda n, s=sign: s * n, lambda n, s=sign: 0.5 - 0.2 * s + 0 * n)
        assert {float(x) for x in (*curves.predicted_crossover(one), *curves.measured_crossover(one))} == {crossover}


def test_crossovers_have_the_error_of_the_seeds():
    """Leads n − 25 and n − 29: mean 27, stderr 2, and Student's t of one degree of freedom, 12.7."""
    one = straight(lambda n: n - 27, lambda n: 1 - n / 80)
    nats_saved = one.nats_saved.copy()
    nats_saved[0, INTENDED] += 0.5
    nats_saved[1, INTENDED] -= 0.5
    at, lower, upper = (float(x) for x in curves.predicted_crossover(one._replace(nats_saved=nats_saved)))
    assert at == pytest.approx(27) and upper - at == pytest.approx(12.7062 / 2, rel=1e-4) == at - lower
