"""Signals by hand; rows of supervision can fail; a user's own signal, and bad ones."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments.harness.ledger import Settings
from experiments.questions import signal
from experiments.questions.signal import identify
from experiments.supervision import claims, signals, study
from sandbox import policies
from sandbox.policies import Feedback
from theory.supervision import Decomposition, decompose, price

QUICK = Settings()
close = partial(np.testing.assert_allclose, rtol=0, atol=1e-12)


def test_a_verdict_and_a_reference_by_hand():
    """Verdict: h(1/c), all of the class, (c−1)(c+2)/(2c) queries; reference: ln c + ln M, 1 query."""
    verdict = signal.describe(policies.verdict(4, 2), 2)
    h = -0.25 * np.log(0.25) - 0.75 * np.log(0.75)
    close(verdict.decomposition, [h, h, 0, 1])
    close([verdict.best, *verdict.queries[:3]], [h, 3 * 6 / 8, 0, 2])
    shown = signal.describe(policies.reference(4, 2), 2)
    close(shown.decomposition, [np.log(8), np.log(4), np.log(2), 2 / 3])
    close([shown.best, *shown.queries[:3]], [np.log(4), 1, 0, np.log(4) / np.log(8)])


def test_the_distribution_of_the_target_and_of_the_proposal():
    """A reference of skewed forms carries H(form); a verdict on a class of probability ½ carries ln 2."""
    forms = np.array([0.9, 0.1])
    split = signal.describe(policies.reference(4, 2), 2, np.tile(forms / 4, 4)).decomposition
    close(split.within, -(forms * np.log(forms)).sum())
    prior = np.array([0.5, 0, 0.25, 0, 0.25, 0, 0, 0])
    verdict = signal.describe(policies.verdict(4, 2), 2, prior, np.eye(8)[0])
    close([verdict.decomposition.task, verdict.best], np.log(2))
    close(verdict.queries[:2], [1.5, 0])  # is it the class of probability ½? if not, one more


def test_a_signal_of_ones_own():
    """A bit of the class through noise, and a bit of the form, for whatever is proposed."""
    y = np.arange(4)
    symbol = np.eye(4)[y]
    noisy = 0.8 * symbol + 0.2 * symbol[y ^ 2]
    split = signal.describe(Feedback(jnp.asarray(noisy[None]), jnp.zeros(4)), 2).decomposition
    task = np.log(2) + 0.8 * np.log(0.8) + 0.2 * np.log(0.2)
    close(split, [task + np.log(2), task, np.log(2), task / (task + np.log(2))])


def test_indistinguishable_targets_are_merged_without_a_loss():
    """The description is that of the table as it stands."""
    rng = np.random.default_rng(0)
    half = rng.dirichlet(np.ones(3), (2, 3))  # [query, target, s]
    channel = np.repeat(half[[0, 1, 0]], 2, axis=1)  # forms are not distinguished, and query 2 is query 0
    prior, probs = rng.dirichlet(np.ones(6)), rng.dirichlet(np.ones(3))
    found = identify.merged(prior, channel, np.arange(6) // 2, probs)
    assert found.channel.shape == (2, 3, 3)
    close(np.sort(found.proposals), np.sort([probs[0] + probs[2], probs[1]]))
    close(found.prior, prior.reshape(3, 2).sum(1))
    joint = prior[:, None, None] * np.moveaxis(channel, 0, 2) * probs
    by_hand = jax.jit(decompose, static_argnums=1)(joint, (0, 0, 1, 1, 2, 2))
    own = Feedback(jnp.asarray(channel), jnp.zeros(3))
    close(signal.describe(own, 2, prior, probs).decomposition, by_hand)


def test_noisy_answers_are_queried_until_sure():
    """Two classes, rates (.9, .1): a walk of ±ln 9 that stops at ln 99, hence at 3 steps: E N = 3.74, by Wald."""
    queries = signal.describe(policies.verdict(2, 2, tpr=0.9, fpr=0.1), 2).queries
    odds = (0.1 / 0.9) ** 3
    expected = 3 / 0.8 * (1 - odds) / (1 + odds)
    assert abs(queries.greedy - expected) < 5 * queries.stderr < 0.5
    assert queries.converse < expected


def test_a_class_that_stays_open(monkeypatch):
    """A symbol that is always the same, and one that is a coin."""
    monkeypatch.setattr(identify, "MOST", 20)
    silent = jnp.tile(jnp.array([1.0, 0]), (1, 4, 1)), jnp.full((1, 4, 2), 0.5)
    for channel in silent:
        queries = signal.describe(Feedback(channel, jnp.zeros(2)), 2).queries
        assert queries[:3] == (np.inf, 0, np.inf)


def test_a_study_of_ones_own():
    """A judge that prefers the form of the reference; both parts from one call."""
    y = np.arange(4)
    correct, same = (np.equal.outer(part, part) for part in (y // 2, y % 2))
    accept = jnp.asarray(0.2 + 0.5 * correct + 0.2 * same)
    found = signal.signal_study(Feedback(jnp.stack([1 - accept, accept], 2), jnp.arange(2.0)), num_forms=2, num_seeds=4)
    split = found.description.decomposition
    assert 0 < split.within < split.task and split.efficiency < 1
    assert found.curve.method == "policy gradient"
    assert found.curve.queries.tolist() == list(range(0, 401, 8))
    close(found.curve.accuracy.mean[0], 0.5)
    assert found.curve.accuracy.mean[-1] > 0.9
    assert "efficiency" in str(found) and len(str(found).splitlines()) == 4


def test_a_reference_is_imitated():
    """One symbol a prompt and round; what names the class alone teaches it without a form."""
    curve = signal.training_curve(policies.reference(2, 2, num_styles=2), 2, num_queries=40, num_seeds=2)
    assert curve.method == "imitation"
    assert curve.queries.tolist() == list(range(41))
    assert (curve.accuracy.stderr < 1e-6).all() and curve.accuracy.mean[-1] > 0.98


VERDICT = policies.verdict(2, 2)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"signal": policies.preference(2, 2)}, "16 proposals was given; accepted: 4 proposals.*against"),
        ({"num_forms": 3}, "num_forms: 3 was given; accepted: a divisor of the 4 targets"),
        ({"num_forms": 4}, "2 classes or more"),
        ({"signal": VERDICT._replace(value=jnp.ones(2))}, "different values"),
        ({"signal": VERDICT._replace(value=jnp.ones(3))}, r"Feedback\.value: shape \[3\] .* accepted: symbol = 2"),
        ({"signal": VERDICT._replace(channel=VERDICT.channel / 2)}, "sum to 1"),
        ({"signal": VERDICT._replace(channel=VERDICT.channel[0])}, r"\[proposal, target"),
        ({"signal": VERDICT._replace(channel=VERDICT.channel[:3])}, "accepted: 4 proposals, one a target, or 1"),
        ({"prior": [0.5, 0.5]}, r"prior: shape \[2\] .* accepted: shape \[4\]"),
        ({"prior": [0.5] * 4}, "prior: .* accepted: probabilities that sum to 1"),
        ({"num_seeds": 1}, "num_seeds"),
        ({"num_queries": 4}, "num_queries"),
        ({"num_queries": 10**9}, "num_queries: .* accepted: a size"),
    ],
)
def test_bad_signals_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        signal.signal_study(**{"signal": VERDICT, "num_forms": 2} | options)


def test_a_training_has_one_rate():
    with pytest.raises(ValueError, match=r"learning_rate: .* accepted: one number"):
        signal.training_curve(VERDICT, 2, learning_rate=np.ones(2))


def test_crossing_is_between_two_updates():
    assert float(study.crossing(jnp.array([0.5, 0.98, 1.0]))) == pytest.approx(1.5)
    assert np.isnan(study.crossing(jnp.array([0.5, 0.6])))


def test_signals_that_look_at_the_class_alone_waste_nothing():
    """η = 1 for any p(s | class, prompt), on random distributions of output and prompt."""
    rng = np.random.default_rng(0)
    blocks = np.array([0, 0, 1, 1, 2])
    probs = rng.dirichlet(np.full(10, 0.3), 16).reshape(16, 5, 1, 2)
    answers = rng.dirichlet(np.full(3, 0.3), (16, 3, 2))[:, blocks]  # [table, y, q, s]
    split = jax.jit(jax.vmap(partial(decompose, blocks=blocks)))(probs * np.swapaxes(answers, 2, 3))
    close(split.efficiency, 1)


def test_skewed_forms_cost_less_than_uniform_ones():
    """H(form) = I(Y;S|[Y]) of a reference, below ln M, and a student with that distribution has none of it to learn."""
    forms = np.array([0.7, 0.1, 0.1, 0.1])
    split = signal.describe(policies.reference(2, 4), 4, np.tile(forms / 2, 2)).decomposition
    carried, learned = price(forms, forms)
    close([split.within, learned], [carried, 0])
    assert carried < np.log(4)


def test_costs_by_hand():
    """Two seeds of one M: reached after two rounds and after one, or never."""
    rounds = np.array([[2, 1], [3, 1]])
    for name, factor in ((study.PARAPHRASED, 1), (study.VERDICTS, study.NUM_JUDGED)):
        cost = study.Cost.of(rounds, 2, name)
        close(cost.samples, factor * np.array([[2, 1], [2, 1]]))
        close(cost.stuck, [0, 1])


def test_a_row_can_fail(monkeypatch):
    """Verdicts that take other times, a time off by a thousandth, and a factor of M in the network."""
    whole = signal.Description(Decomposition(1.0, 0.4, 0.5, 0.4), 0.4, identify.ExpectedQueries(4.0, 0.0, 3.0))
    monkeypatch.setattr(signals, "described", lambda settings, name: whole)
    assert claims.per_query("verdict", QUICK).decide().outcome == "fails"
    found = study.Durations(1.001 * study.predicted()["one_form"], np.zeros(len(study.FORMS)))
    monkeypatch.setattr(study, "trained", lambda method: found)
    assert claims.time("one_form", "one_form", QUICK).decide().outcome == "fails"
    drawn = np.random.default_rng(0).lognormal(0, 0.3, (3, 32)) * np.array(study.SAMPLED)[:, None]
    monkeypatch.setattr(study, "on_network", lambda settings, signal: study.Cost(drawn, np.zeros(3)))
    for id, verdict in (("C8-network-sft", "holds"), ("C8-network-rlvr", "fails")):
        assert next(check for check in claims.CLAIMS if check.id == id).find(QUICK).decide().outcome == verdict


def test_estimated_efficiency_is_that_of_the_table():
    """Sampled verdicts with a length bias, against the decomposition of the distribution that they are drawn from."""
    found = signals.judged(jax.random.key(0), 0.5)
    y = np.arange(16)
    odds = np.log(np.where(y < 4, 0.9 / 0.1, 0.2 / 0.8)) + 0.5 * (y % 4 - 1.5)
    accept = 1 / (1 + np.exp(-odds))
    exact = decompose(np.stack([1 - accept, accept], axis=1)[:, :, None] / 16, y // 4)
    for values, expected in ((found.total, exact.total), (found.task, exact.task)):
        assert abs(values.mean() - expected) < 5 * values.std(ddof=1) / 32**0.5


@pytest.mark.slow
def test_absent_forms_stay_absent():
    """Masked to one form, a network with sixteen learns as one with one: a fixed reference is a paraphrased one."""
    key = jax.random.key(3)
    paraphrased, fixed = (
        study.on_network(key, signal, num_seeds=4).samples[0] for signal in (study.PARAPHRASED, study.FIXED)
    )
    np.testing.assert_array_equal(paraphrased, fixed)
