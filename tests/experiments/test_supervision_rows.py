"""Signals by hand; rows of supervision can fail; what a user's own signal gets, and is refused."""

from functools import partial

import jax.numpy as jnp
import numpy as np
import pytest

from experiments import supervision
from experiments.ledger import Settings
from experiments.supervision import costs, identify, measures, signals
from sandbox import feedback
from sandbox.feedback import Feedback

QUICK = Settings()
close = partial(np.testing.assert_allclose, rtol=0, atol=1e-12)


def test_a_verdict_and_a_reference_by_hand():
    """Verdict: h(1/c), all of the class, (c−1)(c+2)/(2c) queries; reference: ln c + ln M, 1 query."""
    verdict = supervision.describe(feedback.verdict(4, 2), 2)
    h = -0.25 * np.log(0.25) - 0.75 * np.log(0.75)
    close(verdict.decomposition, [h, h, 0, 1])
    close([verdict.best, *verdict.queries[:3]], [h, 3 * 6 / 8, 0, 2])
    shown = supervision.describe(feedback.reference(4, 2), 2)
    close(shown.decomposition, [np.log(8), np.log(4), np.log(2), 2 / 3])
    close([shown.best, *shown.queries[:3]], [np.log(4), 1, 0, np.log(4) / np.log(8)])


def test_the_law_of_the_target_and_of_the_proposal():
    """A reference of skewed forms tells H(form) of them; a verdict on a class of probability ½ tells ln 2."""
    forms = np.array([0.9, 0.1])
    split = supervision.describe(feedback.reference(4, 2), 2, np.tile(forms / 4, 4)).decomposition
    close(split.within, -(forms * np.log(forms)).sum())
    prior = np.array([0.5, 0, 0.25, 0, 0.25, 0, 0, 0])
    verdict = supervision.describe(feedback.verdict(4, 2), 2, prior, np.eye(8)[0])
    close([verdict.decomposition.task, verdict.best], np.log(2))
    close(verdict.queries[:2], [1.5, 0])  # is it the class of probability ½? if not, one more


def test_a_signal_of_ones_own():
    """A bit of the class through noise, and a bit of the form, for whatever is proposed."""
    y = np.arange(4)
    symbol = np.eye(4)[y]
    noisy = 0.8 * symbol + 0.2 * symbol[y ^ 2]
    split = supervision.describe(Feedback(jnp.asarray(noisy[None]), jnp.zeros(4)), 2).decomposition
    task = np.log(2) + 0.8 * np.log(0.8) + 0.2 * np.log(0.2)
    close(split, [task + np.log(2), task, np.log(2), task / (task + np.log(2))])


def test_what_is_not_told_apart_is_merged_without_a_loss():
    """The description is that of the table as it stands."""
    rng = np.random.default_rng(0)
    half = rng.dirichlet(np.ones(3), (2, 3))  # [query, target, s]
    channel = np.repeat(half[[0, 1, 0]], 2, axis=1)  # forms are not told apart, and query 2 is query 0
    prior, law = rng.dirichlet(np.ones(6)), rng.dirichlet(np.ones(3))
    found = identify.merged(prior, channel, np.arange(6) // 2, law)
    assert found.channel.shape == (2, 3, 3)
    close(np.sort(found.proposals), np.sort([law[0] + law[2], law[1]]))
    close(found.prior, prior.reshape(3, 2).sum(1))
    joint = prior[:, None, None] * np.moveaxis(channel, 0, 2) * law
    by_hand = signals.split(jnp.asarray(joint), (0, 0, 1, 1, 2, 2))
    signal = Feedback(jnp.asarray(channel), jnp.zeros(3))
    close(signals.describe(signal, 2, prior, law).decomposition, by_hand)


def test_noisy_answers_are_asked_until_sure():
    """Two classes, rates (.9, .1): a walk of ±ln 9 that stops at ln 99, hence at 3 steps: E N = 3.74, by Wald."""
    queries = supervision.describe(feedback.verdict(2, 2, tpr=0.9, fpr=0.1), 2).queries
    odds = (0.1 / 0.9) ** 3
    expected = 3 / 0.8 * (1 - odds) / (1 + odds)
    assert abs(queries.greedy - expected) < 5 * queries.stderr < 0.5
    assert queries.converse < expected


def test_a_class_that_stays_open(monkeypatch):
    """A symbol that is always the same, and one that is a coin."""
    monkeypatch.setattr(identify, "MOST", 20)
    silent = jnp.tile(jnp.array([1.0, 0]), (1, 4, 1)), jnp.full((1, 4, 2), 0.5)
    for channel in silent:
        queries = supervision.describe(Feedback(channel, jnp.zeros(2)), 2).queries
        assert queries[:3] == (np.inf, 0, np.inf)


def test_a_study_of_ones_own():
    """A judge that prefers the wording of the reference; both parts from one call."""
    y = np.arange(4)
    right, same = (np.equal.outer(part, part) for part in (y // 2, y % 2))
    accept = jnp.asarray(0.2 + 0.5 * right + 0.2 * same)
    found = supervision.study(Feedback(jnp.stack([1 - accept, accept], 2), jnp.arange(2.0)), num_forms=2, num_seeds=4)
    split = found.description.decomposition
    assert 0 < split.within < split.task and split.efficiency < 1
    assert found.curve.method == "policy gradient"
    assert found.curve.queries.tolist() == list(range(0, 401, 8))
    close(found.curve.correct.mean[0], 0.5)
    assert found.curve.correct.mean[-1] > 0.9
    assert "efficiency" in str(found) and len(str(found).splitlines()) == 4


def test_a_reference_is_imitated():
    """One symbol a prompt and round; what names the class alone teaches it without a form."""
    curve = supervision.training_curve(feedback.reference(2, 2, num_styles=2), 2, num_queries=40, num_seeds=2)
    assert curve.method == "imitation"
    assert curve.queries.tolist() == list(range(41))
    assert (curve.correct.stderr < 1e-6).all() and curve.correct.mean[-1] > 0.98


PREFERENCE = feedback.preference(2, 2)
VERDICT = feedback.verdict(2, 2)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: supervision.study(PREFERENCE, num_forms=2), "16$|against"),
        (lambda: supervision.study(VERDICT, num_forms=3), "num_forms: a divisor of the 4 targets"),
        (lambda: supervision.study(VERDICT, num_forms=4), "2 classes or more"),
        (lambda: supervision.study(VERDICT, num_forms=0), "num_forms"),
        (lambda: supervision.study(VERDICT._replace(value=jnp.ones(2)), num_forms=2), "different values"),
        (lambda: supervision.study(VERDICT._replace(value=jnp.arange(3.0)), num_forms=2), "one a symbol"),
        (lambda: supervision.study(VERDICT._replace(channel=VERDICT.channel / 2), num_forms=2), "sum to 1"),
        (lambda: supervision.study(VERDICT._replace(channel=VERDICT.channel[0]), num_forms=2), r"\[proposal, target"),
        (lambda: supervision.study(VERDICT._replace(channel=VERDICT.channel[:3]), num_forms=2), "4 proposals, or 1"),
        (lambda: supervision.study(VERDICT, num_forms=2, prior=[0.5, 0.5]), "prior: 4 probabilities"),
        (lambda: supervision.study(VERDICT, num_forms=2, prior=[0.5] * 4), "prior: probabilities that sum to 1"),
        (lambda: supervision.study(VERDICT, num_forms=2, num_seeds=1), "num_seeds"),
        (lambda: supervision.study(VERDICT, num_forms=2, num_queries=4), "num_queries"),
        (lambda: supervision.describe(VERDICT, 2, proposals=[1.0]), "proposals: 4 probabilities"),
    ],
)
def test_what_cannot_be_studied_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_crossing_is_between_two_updates():
    assert float(costs.crossing(jnp.array([0.5, 0.98, 1.0]))) == pytest.approx(1.5)
    assert np.isnan(costs.crossing(jnp.array([0.5, 0.6])))


def test_a_row_can_fail(monkeypatch):
    """A study that is broken on purpose."""
    monkeypatch.setattr(measures, "BLOCKS", (0, 1, 0, 1, 2))
    assert measures.blind(QUICK).verdict == "fails"  # signals by other blocks than those of the split
    found = costs.Times(1.001 * costs.predicted("one_form"), np.zeros(len(costs.FORMS)))
    monkeypatch.setattr(costs, "trained", lambda method: found)
    assert measures.time("one_form", QUICK).verdict == "fails"


def test_rows_are_reached_by_their_seed():
    assert measures.summary(Settings(seed=1)).slack != measures.summary(QUICK).slack
