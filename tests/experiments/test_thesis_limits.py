"""The thesis's failures as minimal examples, exact ones against other ways to compute them; and the measures."""

import itertools
from functools import partial

import jax
import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.special import stdtrit

from experiments.harness.ledger import Settings
from experiments.questions.shortcut import Curves
from experiments.thesis import acceleration, claims, failures, flow
from experiments.thesis.cases import SCENARIOS, learn_all
from experiments.thesis.failures import RuleTest
from theory import prequential

QUICK = Settings()
close = partial(np.testing.assert_allclose, rtol=0)


def integrated(scale, decay, time):
    """The answer of the flow with weight decay, and the loss saved by each sign alone, by Runge–Kutta."""
    covariance, cross, direction = flow.signs(scale)
    second = np.diag(covariance)

    def slope(_, state):
        both, single, _ = np.split(state, 3)
        gain = cross * single - second * single**2 / 2
        return np.concatenate([cross - covariance @ both - decay * both, cross - (second + decay) * single, gain])

    both, _, saved = np.split(solve_ivp(slope, (0, time), np.zeros(6), rtol=1e-11, atol=1e-13).y[:, -1], 3)
    return direction @ both, saved


def test_scale():
    """Between the crossing of the losses saved and the switch the rule is wrong; both times fall as 1/scale²."""
    cross, crossover = flow.savings_cross(0.1), flow.crossover(0.1)
    close([cross, crossover], [38.838, 65.719], atol=1e-3)
    for time, ahead, answered in ((0.99 * cross, False, False), (50, True, False), (1.01 * crossover, True, True)):
        answer, saved = integrated(0.1, 0, time)
        assert (saved[0] > saved[1]) == ahead
        assert (answer > 0) == answered
        close(flow.nats_saved(0.1, 0, time), saved, atol=1e-8)
    assert cross < 50 < crossover
    for time in (flow.crossover, flow.savings_cross):
        close(time(0.01) / time(0.02), 4, atol=8 * 0.02**2)


def test_decay():
    """With the same decay the learner of the small sign alone saves more forever, and the student never switches."""
    covariance, cross, direction = flow.signs(0.1)
    answer, saved = integrated(0.1, 0.02, 400)
    assert answer < 0 and saved[0] > 1.4 * saved[1]
    close(flow.nats_saved(0.1, 0.02, np.array([100, 400]))[:, 1], saved, atol=1e-8)
    assert direction @ np.linalg.solve(covariance + 0.02 * np.eye(2), cross) < 0
    answer, saved = (np.array(x) for x in zip(*(integrated(0.1, 0.02, time) for time in (3000, 4000)), strict=True))
    close(flow.limit(0.1, 0.02)[0], answer[1], atol=1e-8)
    close(flow.limit(0.1, 0.02)[1], (saved[1] - saved[0]) / 1000, atol=1e-8)
    assert flow.crossover(0.1, 0.02) == np.inf and np.isfinite(flow.savings_cross(0.1, 0.02))
    assert flow.crossover(0.1, 0.002) < 100
    assert flow.savings_cross(0.1, 0.1) == np.inf  # so strong that the rule holds again


def test_edge_of_stability():
    """The answer is Σ_i d_i c_i (1 − (1 − rate λ_i)^t)/λ_i, and flips at each step where a factor is below −1.

    Alone w_t = c/E z² · (1 − (1 − rate E z²)^t), which saves c w_t − ½ E z² w_t² a step.
    """
    covariance, cross, direction = flow.signs(0.7)
    rates, vectors = np.linalg.eigh(covariance)
    steps = np.arange(1, 41)[:, None]
    for rate in (0.95, 1.9):
        found = flow.descend(0.7, rate, 40)
        modes = (direction @ vectors) * (cross @ vectors) / rates * (1 - (1 - rate * rates) ** steps)
        close(found.answer, modes.sum(1), atol=1e-8)
        assert (found.alone < 1).all() and (found.together > 1) == (rate > 1)
        assert (found.lead[20:] > 0).all()
        second = np.diag(covariance)
        single = cross / second * (1 - (1 - rate * second) ** (steps - 1))
        close(found.lead, (cross * single - second * single**2 / 2).cumsum(0) @ [1, -1], atol=1e-10)
    late = np.sign(flow.descend(0.7, 1.9).answer[200:])
    assert (late[1:] == -late[:-1]).all()


def test_joint_table():
    """By every sequence of 5 samples: in the pair at hand and correct, there and wrong, elsewhere."""
    correct, agreement, contexts = 0.9, 0.8, 4
    chance = np.array([correct * (1 - agreement), (1 - correct) * agreement]) / contexts
    probs = np.append(chance, 1 - chance.sum())
    expected = 0
    for sequence in itertools.product(range(3), repeat=5):
        vote = sequence.count(1) - sequence.count(0)
        expected += probs[list(sequence)].prod() * (1 + np.sign(vote)) / 2
    close(failures.joint_reliance(contexts, correct, agreement, 5), expected, atol=1e-14)
    assert failures.joint_reliance(contexts, correct, agreement, 0) == 0.5
    joint = failures.table_joint(4, 0.9)
    close(joint, np.array([[0.9, 0.1], [0.9, 0.1], [0.1, 0.9], [0.1, 0.9]]) / 4, atol=1e-15)


def test_contexts_that_never_occur_save_nothing():
    for contexts in (2, failures.CONTEXTS):
        expected = prequential.table_nats_saved(failures.table_joint(contexts, 0.8), failures.SAMPLES)
        close(failures.table_nats_saved(contexts, 0.8), expected, atol=1e-12)


@pytest.mark.slow
def test_seeds_of_scenarios_are_the_same_samples():
    """The first ones of a scenario with more seeds are those of one with fewer."""
    once, twice = SCENARIOS["no rate"]._replace(times=1), SCENARIOS["no rate"]._replace(times=2)
    for a, b in zip(*learn_all(jax.random.key(0), [once, twice], 2), strict=True):
        np.testing.assert_array_equal(a, b[: len(a)])


def made(lead, reliance, samples=(32, 64, 128)):
    """Curves of which the lead and the reliance are known, [seed, n]."""
    lead, reliance = np.broadcast_arrays(*(np.asarray(x, float) for x in (lead, reliance)))
    nats_saved = np.stack([0 * lead, lead, 0 * lead], axis=1)
    return Curves(np.array(samples), nats_saved, nats_saved, reliance)


def test_which_feature_is_followed():
    """Leads of 3 and −1 nats: the second seed predicts the spurious feature; or each by the other's."""
    curves = made([[-5, 3, 9], [-5, -1, 9]], [[0.9, 0.2, 0], [0.9, 0.3, 0]])
    found = failures.followed(curves, curves, 100)
    assert found.samples == 64
    close(found.share, [0.8, 0.3], atol=1e-15)
    close(found.lead, [3, -1], atol=0)
    close(failures.followed(curves, curves, 100, others=True).share, [0.2, 0.7], atol=1e-15)
    close(found.nats_saved, [[3, 0], [-1, 0]], atol=0)
    close(failures.followed(curves, made([[-1, -1, -1]] * 2, 0), 100).share, [0.2, 0.3], atol=1e-15)


@pytest.mark.parametrize(
    ("lead", "reliance", "verdict"), [(9, 0.9, "holds"), (-9, 0.9, "fails"), (9, 0.5, "open"), (9, 0.1, "fails")]
)
def test_a_failure_needs_a_lead_and_answers(lead, reliance, verdict, monkeypatch):
    """Twelve seeds with an error of .01, whose code lengths all predict the same."""
    spread = 0.01 * np.sqrt(12) * np.tile([1, -1], 6)[:, None]
    monkeypatch.setattr(failures, "learned", lambda *_: made(np.full((12, 1), lead), reliance + spread, (12_288,)))
    rows = [row(RuleTest("decay"), 0.5, QUICK).decide().outcome for row in (claims.follows_little, claims.follows)]
    assert rows == [verdict, {"holds": "fails", "fails": "holds", "open": "open"}[verdict]]


def test_jackknife():
    """A mean's pseudo-values are the values; of a square they are off by O(1/n)."""
    values = np.array([1.0, 2, 4, 9])[:, None]
    close(acceleration.pseudo_values(lambda means: means[:, 0], values), values[:, 0], atol=1e-12)
    mean = np.array([(values.sum() - x) / 3 for x in values[:, 0]])
    found = acceleration.pseudo_values(lambda means: means[:, 0] ** 2, values)
    close(found, 4 * values.mean() ** 2 - 3 * mean**2, atol=1e-12)


N = np.arange(20, 121, 10)


def line(crossover, cross, seeds=12):
    """Seeds that do not differ."""
    return made([N - cross] * seeds, [0.5 - (N - crossover) / 1000] * seeds, N)


def test_speedup(monkeypatch):
    """Switches at 80 and 40, code lengths that cross at 90 and 30: 2 and 3 times as early; of the common seeds."""
    found = {"xor": line(80, 90, 24), "features": line(40, 30)}
    monkeypatch.setattr(acceleration, "learned", lambda _, name: found[name])
    got = acceleration.speedup(QUICK, "features")
    close([got.predicted, got.measured], np.log([[3] * 12, [2] * 12]), atol=1e-12)
    never = acceleration.crossovers(line(500, -5))
    close([never.measured, never.predicted], np.log([[120] * 12, [20] * 12]), atol=1e-12)


def test_rows_of_speedups(monkeypatch):
    """2 times as early, where 3 times is predicted: ln 3/2 is .369 of ln 3; too early is as bad as too late."""
    found = {"xor": line(80, 90), "features": line(40, 30), "verdicts": line(30, 60), "curriculum": line(90, 30)}
    monkeypatch.setattr(acceleration, "learned", lambda _, name: found[name])
    monkeypatch.setattr(claims, "learned", lambda _, name: found[name])
    for name, off in (("features", 0.37), ("verdicts", 1.42)):  # ln 8/3 is 2.42 times ln 3/2
        rows = [claims.agrees(name, within, QUICK).decide().outcome for within in (off - 0.01, off + 0.01)]
        assert rows == ["fails", "holds"]
    outcome = claims.earlier("features", QUICK).decide()
    close([outcome.slack, outcome.measured, outcome.predicted], np.log([2, 80, 40]), atol=1e-12)
    assert claims.earlier("curriculum", QUICK).decide().outcome == "fails"


def test_errors_of_a_speedup_are_of_pairs(monkeypatch):
    """Seeds whose switches differ by as much with and without: no error; else that of the difference."""
    shift = np.linspace(-5, 5, 12)[:, None]
    slow, fast = line(80, 90), line(40, 30)
    both = {"xor": slow._replace(reliance=slow.reliance + shift / 1000), "features": fast}
    monkeypatch.setattr(acceleration, "learned", lambda _, name: both[name])
    monkeypatch.setattr(claims, "learned", lambda _, name: both[name])
    outcome = claims.earlier("features", QUICK).decide()
    close(outcome.stderr, shift.std(ddof=1) / 12**0.5 / 80, atol=1e-4)
    close(outcome.reach, -stdtrit(11, 2.8665157187919333e-07) * outcome.stderr, atol=1e-8)
