"""Hit rates, crossovers and information by hand; the exact cases against matrix exponentials and integrals."""

import itertools
import math
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import quad
from scipy.linalg import expm
from scipy.optimize import brentq

from experiments.harness.ledger import Settings
from experiments.questions.shortcut import Curves, feature_information
from experiments.thesis import environments, exact, flow, predicted, rates, study, switches
from experiments.thesis.rates import MLPS, TABLES, Pool
from experiments.thesis.study import COPIES, CROSSING, SAVED
from sandbox.shortcuts import KINDS, OnlineRecord, feature, shortcut

QUICK = Settings()
close = partial(np.testing.assert_allclose, rtol=0, atol=1e-12)


# hit rates


def test_hits():
    """A perfect predictor, an inverted one, and a tie."""
    reliance = np.array([[0.9, 0.2, 0.7], [0.1, 0.4, 0.6]])
    for score, expected in ((reliance - 0.5, 1), (0.5 - reliance, 0), (np.zeros((2, 3)), 0.5)):
        assert (rates.hits(score, reliance) == expected).all()


def test_environments_weigh_the_same_however_many_cells_they_have():
    """So that copies of a cell are no evidence, and those without a chosen cell do not count."""
    values = np.array([[[1.0, 0, 0, 0]], [[1, 1, 7, 7]], [[9, 9, 9, 9]], [[0, 7, 7, 7]]])
    chosen = np.array([[[1, 1, 1, 1]], [[1, 1, 0, 0]], [[0, 0, 0, 0]], [[1, 0, 0, 0]]], bool)
    close(rates.of_environments(values, chosen), [0.25, 1, 0])
    close(rates.of_environments(values.repeat(100, 1), chosen.repeat(100, 1)), [0.25, 1, 0])


def test_ratio_of_the_code_lengths_saved():
    nats_saved = np.array([[10, 4], [4, 10], [10, 10], [10, 0], [-5, 10], [2.9, 1], [2.9, -50], [-1, -2]])
    close(rates.ratio(nats_saved), [2.5, 2.5, 1, *[np.inf] * 2, *[np.nan] * 3])


def test_each_clear_cell_has_one_ratio():
    known = np.array([[10, 10], [10, 8], [10, 5], [10, 0], [0, 10]])
    nats_saved = np.concatenate([np.random.default_rng(0).normal(10, 10, (500, 2)), known])
    groups = np.array([rates.leads(nats_saved, *ends) for ends in ((1, 1.25), (1.25, 2), (2, np.inf))])
    assert (groups.sum(0) == (nats_saved.max(1) > rates.CLEAR)).all()
    assert groups.argmax(0)[-5:].tolist() == [0, 1, 2, 2, 2]


def pooled(reliance, **scores):
    """One student: 5 nats saved by the intended feature, and e^score times as much by the spurious one."""
    reliance = np.asarray(reliance, float)[:, None]
    nats_saved = np.stack([np.full(reliance.shape, 5.0), 5 * np.exp(scores[SAVED])[:, None]], -1)
    return Pool(reliance, nats_saved, {name: np.asarray(x, float)[:, None] for name, x in scores.items()})


RNG = np.random.default_rng(0)
RELIANCE = np.where(RNG.random((40, 6)) < 0.5, 0.9, 0.1)
RELIANCE[:, 0] = 0.55  # not decided


@pytest.fixture
def given(monkeypatch):
    """Forty environments; the code length saved is always right, its inverse never, the coin in half of the cells."""
    coin = RNG.choice([-1.0, 1.0], RELIANCE.shape)
    scores = {SAVED: RELIANCE - 0.5, "inverse": 0.5 - RELIANCE, "coin": coin, "silent": 0 * coin}
    monkeypatch.setattr(study, "students", lambda settings: None)
    monkeypatch.setattr(rates, "pool", lambda found, students=(): pooled(RELIANCE, **scores))
    return scores


def test_rows_of_a_perfect_rule_and_of_its_inverse(given):
    found = [predicted.hits(how, 0.9, MLPS, 0, 0, QUICK).decide() for how in (SAVED, "inverse", "silent")]
    assert [one.outcome for one in found] == ["holds", "fails", "fails"]
    assert [one.measured for one in found] == [1, 0, 0.5]
    close(found[0].slack, 0.1)
    assert "83% of the cells are decided" in found[0].setting
    assert predicted.hits(SAVED, 0.9, MLPS, 0, 1, QUICK).decide().outcome == "fails"  # those of another environment


def test_rows_that_compare(given, monkeypatch):
    monkeypatch.setattr(predicted, "RIVALS", {"coin": 0.1, "inverse": 0.2})
    found = predicted.above(0, QUICK).decide()
    correct = (given["coin"][:, 1:] > 0) == (RELIANCE[:, 1:] > 0.5)
    close(found.slack, 0.9 - correct.mean())
    close(found.stderr, correct.mean(1).std(ddof=1) / math.sqrt(40))
    assert found.outcome == "holds" and "coin" in found.setting
    assert predicted.above(1, QUICK).decide().outcome != "holds"
    assert predicted.as_own("coin", TABLES, QUICK).decide().outcome == "fails"
    assert predicted.tied("coin", 0.9, QUICK).decide().outcome == "holds"
    assert predicted.tied("inverse", 0.9, QUICK).decide().outcome == "fails"


def test_rate_where_a_feature_leads():
    """Right where it is 3 times the other, wrong where 1.2 times, in every second environment."""
    close_call = np.arange(40)[:, None] % 2 == 0
    lead = np.log(np.where(close_call, 1.2, 3)) * np.ones((40, 6))
    found = pooled(np.where(close_call, 0.1, 0.9) * np.ones((40, 6)), **{SAVED: lead})
    for least, mean, count in ((0, 0.5, 40), (1.1, 0.5, 40), (2, 1, 20)):
        rate = rates.hit_rate(found, least=least)
        assert (rate.mean(), rate.size) == (mean, count)


# the study


def test_measures_by_hand():
    """Losses that grow with the learner; a tenth of 160 steps is 16; windows are of the last 15 %, 24 steps."""
    loss = np.log(2) - np.array([9, 1, 2])[:, None] * np.ones(160)
    correct = np.array([0.1, 0.6, 0.7])[:, None] + np.zeros(160)
    reliance = np.stack([np.where(np.arange(160) < 136, 0, 0.8), np.ones(160), np.ones(160)])
    found = study.measures_of(OnlineRecord(*(x[None] for x in (loss, correct, reliance)), policy=()))
    assert found.samples[-1] == 160 * study.BATCH
    close(found.nats_saved[0, -1], [160 * 32, 2 * 160 * 32], atol=1e-8)
    close(found.earlier[0, -1], [16 * 32, 2 * 16 * 32], atol=1e-8)
    close(found.earlier[0, 0], [32, 64], atol=1e-8)  # a tenth of 8 batches: of 1 at least
    close(found.half[0, -1], [80 * 32, 2 * 80 * 32], atol=1e-8)
    close(found.current[0, -1], [24 * 32, 2 * 24 * 32], atol=1e-8)
    close(found.first, [[32, 32]])  # the first batch saves 32 nats, or 64
    close(found.accuracy[0, -1], [0.6, 0.7])
    close(found.reliance[0, -1], 0.8)


def test_a_small_study(monkeypatch):
    """Environments, then the copies of those that switch; optimisers share environments, data and places of rates."""
    asked = []

    def constant(*args, **options):
        asked.append((args, options))
        return OnlineRecord(*(jnp.full((*args[0].shape, 3, 8), x) for x in (0.5, 0.6, 0.7)), policy=())

    monkeypatch.setattr(study, "learn_online", constant)
    monkeypatch.setattr(environments, "linear_fits", lambda key, drawn: np.zeros((len(drawn), 2)))
    learners = ("linear SGD", "linear Adam")
    found = study.students(jax.random.key(0), num_environments=2, num_steps=8, learners=learners)
    for name in learners:
        assert found.results[name].measures.reliance.shape == (2, 1)
        assert found.results[name].crossing.nats_saved.shape == (len(CROSSING), COPIES, 3, 1)
    (keys, shortcuts, _), options = asked[0]
    assert (jax.random.key_data(keys) == jax.random.key_data(asked[1][0][0])).all()
    assert shortcuts.agreement.shape == (2 + COPIES * len(CROSSING), 2) and options["num_steps"] == 8
    close(shortcuts.agreement[2 : 2 + COPIES], np.tile(CROSSING[0].agreement, (COPIES, 1)), atol=1e-7)
    places = []
    for (_, sizes), name in zip(asked, ("SGD", "Adam"), strict=True):
        rate, (low, high) = sizes["training"].learning_rate, study.RATES[name]
        assert ((low < rate[:2]) & (rate[:2] < high)).all() and (rate[2:] == study.CROSSING_RATES[name]).all()
        places.append(np.log(rate[:2] / low) / np.log(high / low))
    close(*places)


def test_scores():
    """Each is that of the spurious less that of the intended feature, of the student that it names."""
    results = {}
    for i, name in enumerate(rates.EVERYONE):
        parts = (np.full((2, 3, 2), [0.0, i + 10 * j]) for j in (1, 2, 3, 4, 5))
        measures = study.Measures(np.arange(3), np.zeros((2, 3)), *parts, first=np.zeros((2, 2)))
        results[name] = study.StudentResult(measures, None)
    found = study.Students(results, {"order": np.array([[-1.0, -3], [0, 2]])})
    common = {"order": [2] * 3, study.LINEAR_SAVED: [11] * 3}
    scores = {how: score[1].tolist() for how, score in study.scores(found, "MLP Adam").items()}
    own = {SAVED: 13, study.TENTH: 23, study.HALF: 33, study.CURRENT: 43, "accuracy": 53, study.OPTIMISER: 12}
    assert scores == common | {how: [score] * 3 for how, score in own.items()}
    assert study.OPTIMISER not in study.scores(found, "table SGD")
    assert study.OPTIMISER not in rates.pool(found).score and rates.pool(found).reliance.shape == (2, 4, 3)


def straight(crossover, cross, seeds=12):
    """Straight lines that cross there, of seeds that differ a little, in two environments."""
    n, shift = np.arange(20.0, 121, 10), np.linspace(-1, 1, seeds)[:, None]
    lead = n - cross + shift
    nats_saved = np.stack([0 * lead, lead, 0 * lead], axis=1)
    reliance = 0.5 - (n - crossover + shift) / 100
    return study.StudentResult(None, Curves(n, *(np.stack([x, x]) for x in (nats_saved, nats_saved, reliance))))


NEVER = 500


@pytest.mark.parametrize(
    ("crossover", "cross", "share"),
    [(90, 60, 1), (60, 90, 1), (90, 35, 0), (35, 90, 0), (60, NEVER, 0), (NEVER, 60, 0)],
)
def test_rows_of_switches(crossover, cross, share, monkeypatch):
    """Off by a factor of 1.5: within 2; of 2.6: not; and where only one of the two is there, it is a miss."""
    found = study.Students({name: straight(crossover, cross) for name in MLPS}, {})
    monkeypatch.setattr(study, "students", lambda settings: found)
    for row, holds in ((predicted.designed(MLPS, QUICK), share), (predicted.missed(False, QUICK), not share)):
        outcome = row.decide()
        assert (outcome.measured, outcome.outcome) == (share, "holds" if holds else "fails")


def test_clear_switches_by_hand():
    """At √(10·20) between −5 at 10 and 5 at 20; a curve not clearly below before, or above in the end, has none."""
    curves = np.array([[-5.0, 5, 9], [-5, 5, 2], [-2, 5, 9], [5, -5, 9], [1, 2, 9]])
    found = switches.switched(curves, np.array([10, 20, 40]), 3.0)
    close(found, [math.sqrt(200), np.nan, np.nan, 20 * 2 ** (5 / 14), np.nan], atol=1e-9)
    predicted, measured = np.array([10, 10, 10, np.nan, np.nan]), np.array([20, 21, np.nan, 5, np.nan])
    close(switches.agree(predicted, measured), [1, 0, 0, 0, np.nan])
    assert switches.described(predicted, measured) == (
        "3 switches predicted, 3 observed, 2 both, 1 of these within a factor of 2"
    )


def test_who_is_relied_on_first():
    """First saved by the spurious (twice), at once (a tie), by none (a tie); the last is never decided."""
    reliance = np.array([[0.5, 0.9, 0.1], [0.1, 0.9, 0.9], [0.9, 0.9, 0.9], [0.1, 0.1, 0.1], [0.5, 0.55, 0.5]])
    saved = np.array([[64, 32], [np.inf, 32], [32, 32], [np.inf, np.inf], [32, 64]])
    parts = [np.zeros((5, 3, 2))] * 5
    measures = study.Measures(np.arange(3), reliance, *parts, first=saved)
    close(rates.first(measures), [1, 0, 0.5, 0.5, np.nan])
    close(rates.first(measures, 1), [0, 0, 1, 0.5, np.nan])


def test_switches_of_flows():
    """At scale .1: 65.7 and 38.8, within 2; from a sign of mean .1 43.5 and 4.4 at scale .05."""
    assert exact.flow_switches(exact.STRONG, QUICK).decide().measured == 11 / 12
    assert exact.flow_switches(exact.WEAK, QUICK).decide().measured == 0
    close(flow.crossover(0.1, means=(0.9, 0.5)), flow.crossover(0.1), atol=1e-9)
    close(flow.savings_cross(0.1, means=(0.9, 0.5)), flow.savings_cross(0.1), atol=1e-9)


# environments


def test_random_shortcuts():
    """All kinds, orders and sizes, none refused; another seed gives others."""
    rng = np.random.default_rng(0)
    found = [environments.random_shortcut(rng) for _ in range(400)]
    for i, kinds in enumerate((environments.INTENDED, environments.SPURIOUS)):
        blocks = [one[i] for one in found]
        assert {list(KINDS)[int(block.kind)] for block in blocks} == set(kinds)
        for kind, drawn in kinds.items():
            orders = {int(block.order) for block in blocks if list(KINDS)[int(block.kind)] == kind}
            assert (min(orders), max(orders)) == drawn.orders
        assert 0.6 < np.mean([block.presence == 1 for block in blocks]) < 0.8
        scales = [block.scale for block in blocks]
        assert min(scales) >= 0.3 and max(scales) <= 2
    agreements = np.array([one.agreement for one in found])
    assert (agreements.min(0) >= [0.699, 0.549]).all() and (agreements.max(0) <= [1, 0.991]).all()


def binary(p):
    return -p * math.log(p) - (1 - p) * math.log(1 - p)


def enumerated(copies, margin, agreement):
    """I(Y; copies) over all of their values."""
    correct, total = (1 + margin) / 2, 0.0
    for signs in itertools.product((-1, 1), repeat=copies):
        given = [math.prod(correct if s == sign else 1 - correct for s in signs) for sign in (-1, 1)]
        joint = [(agreement * given[y] + (1 - agreement) * given[1 - y]) / 2 for y in (0, 1)]
        total += sum(p * math.log(2 * p / sum(joint)) for p in joint)
    return total


def test_information():
    """A sign with probability a: ln 2 − h(a), whatever its kind and scale; a share of it where it is sparse."""
    cases = [
        (feature("parity", order=3), 0.9, math.log(2) - binary(0.9)),
        (feature("length", scale=0.3), 0.8, math.log(2) - binary(0.8)),
        (feature("threshold", order=4, margin=0.3, presence=0.25), 0.8, (math.log(2) - binary(0.8)) / 4),
        (feature("two-layer", order=2), 0.5, 0),
        (feature("style", order=1, margin=0.6), 0.9, math.log(2) - binary(0.9 * 0.8 + 0.1 * 0.2)),
        (feature("style", order=4, margin=0.5), 0.85, enumerated(4, 0.5, 0.85)),
        (feature("pattern", order=5, margin=0.7, presence=0.5), 0.75, enumerated(5, 0.7, 0.75) / 2),
    ]
    other = feature("source")
    pairs = [shortcut(block, other, agreement=0.7, label_noise=1 - rate) for block, rate, _ in cases]
    found = feature_information(pairs)
    close(found[:, 0], [expected for *_, expected in cases], atol=1e-7)  # agreements are of float32
    close(found[:, 1], math.log(2) - binary(0.7), atol=1e-7)
    swapped = feature_information([shortcut(pairs[5].intended, pairs[5].intended, agreement=0.85)])
    close(swapped[0, 1], found[5, 0], atol=1e-7)


def test_degree_is_the_least_that_carries_something():
    """R² of the sign on all monomials of lower degree is nothing, on those of that degree as well something."""
    threes, twos = ("parity", "threshold"), ("two-layer", "style", "source", "position")
    kinds = [("parity", 1), ("length", 1), *((kind, 3) for kind in threes), *((kind, 2) for kind in twos)]
    blocks = [feature(kind, order=order, size=4) for kind, order in kinds]
    blocks.append(feature("pattern", order=3, size=4, margin=0.7))
    rng = np.random.default_rng(0)
    u, sign = rng.random((4000, 11), np.float32), rng.choice([-1, 1], 4000).astype(np.float32)
    write = jax.jit(lambda block: block.write(jnp.asarray(u), jnp.asarray(sign)))
    for block in blocks:
        x = np.asarray(write(block), float)[:, :4]
        explained = [r_squared(monomials(x, degree), sign) for degree in range(environments.degree(block) + 1)]
        assert explained[-1] > 0.1 and max(explained[:-1]) < 0.02, list(KINDS)[int(block.kind)]


def monomials(x, degree):
    powers = (c for d in range(degree + 1) for c in itertools.combinations_with_replacement(range(x.shape[1]), d))
    return np.stack([x[:, list(c)].prod(1) for c in powers], 1)


def r_squared(x, y):
    return 1 - np.square(y - x @ np.linalg.lstsq(x, y, rcond=None)[0]).mean() / np.square(y - y.mean()).mean()


def test_linear_fits():
    """(2a − 1)² of a bit at any scale, times the presence and the margin² of a copy; nothing of a parity."""
    pairs = [
        shortcut(feature("parity", scale=0.3), feature("parity", order=2), agreement=0.9, label_noise=0.2),
        shortcut(feature("style", margin=0.5), feature("parity", size=3, presence=0.5), agreement=0.9, label_noise=0.0),
    ]
    found = environments.linear_fits(jax.random.key(0), pairs)
    close(found, [[0.6**2, 0], [0.5**2, 0.8**2 / 2]], atol=5 * 2 / math.sqrt(environments.SAMPLE))
    assert (np.abs(found[0, 1]) < 0.01) and (found > 0).all()


# exact


def test_the_flow_switches_where_a_matrix_exponential_does():
    """Of [[−C, c], [0, 0]]; and the losses saved cross where the integrals of the losses saved do."""
    a, b, s = 0.9, 0.5, flow.SCALE
    block = np.array([[-(s**2), -s * a * b, s * a], [-s * a * b, -1, b], [0, 0, 0]])
    close(flow.crossover(s), brentq(lambda t: expm(block * t)[:2, 2] @ [s, -1], 30, 100, xtol=1e-12), atol=1e-8)
    assert flow.crossover(1.0) == 0

    def saved(scale, mean, time):
        def gain(t):
            output = -mean * math.expm1(-(scale**2) * t)  # of the feature, in place of its weight
            return mean * output - output**2 / 2

        return quad(gain, 0, time, epsabs=0, epsrel=1e-12)[0]

    expected = brentq(lambda t: saved(s, a, t) - saved(1, b, t), 10, 100)
    close(flow.savings_cross(s), expected, atol=1e-6)
