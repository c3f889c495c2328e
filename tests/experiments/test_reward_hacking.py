"""Reward hacking: students, distances and cures against numbers by hand, counts and simulation."""

from functools import partial
from itertools import product
from math import log

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import expit, logit, rel_entr

from experiments.harness.ledger import Settings
from experiments.questions.shortcut import Curves
from experiments.reward_hacking import claims, goodhart, policy, student, study, taught
from experiments.reward_hacking.student import ALIGNED, CORRECT, COUNTERFACTUAL, FIRST, KIND, START, Metrics, Outputs
from experiments.reward_hacking.study import BASE, GridPoint, Judges
from sandbox import feature, shortcut
from sandbox.shortcuts import WIDTH

QUICK = Settings()
close = partial(np.testing.assert_allclose, rtol=0, atol=1e-12)


def scored(seed=0):
    """Outputs of two judges, of random scores."""
    return Outputs(*np.random.default_rng(seed).random((2, 2, *CORRECT.shape)))


def of_bayes(rho, noise):
    """The outputs as a judge scores them that adds the log-odds of correct and long."""
    correct = np.where(CORRECT, 1, -1)
    long = np.where((KIND == ALIGNED)[:, None], correct, -correct)
    return Outputs(expit(correct * logit(1 - noise) + long * logit(rho)), long * 1.0)


# labelled outputs


def test_distributions_of_labels_by_simulation():
    """How often length and truth disagree; dropping aligned outputs leaves ρ = ½ and a share 2(1−ρ)."""
    rng = np.random.default_rng(0)
    size, rho, noise = 400_000, 0.85, 0.1
    label = rng.integers(0, 2, size)
    correct = np.where(rng.random(size) < noise, 1 - label, label)
    long = np.where(rng.random(size) < rho, label, 1 - label)
    assert abs((long != correct).mean() - GridPoint(rho, 1, noise).disagreement) < 5 * 0.5 / size**0.5
    disagree = long != label
    accepted = np.concatenate([np.flatnonzero(disagree), np.flatnonzero(~disagree)[: disagree.sum()]])
    close((long == label)[accepted].mean(), 0.5)
    assert abs(len(accepted) / size - 2 * (1 - rho)) < 5 * 2 * 0.5 / size**0.5


@pytest.mark.parametrize(("rho", "noise"), list(product([0.6, 0.7, 0.95], [0.1, 0.2, 0.35])))
def test_students_of_bayes_judges_are_hacked_where_length_carries_more(rho, noise):
    """ρ > 1 − ε; in aligned prompts they are correct in any case."""
    accuracy = goodhart.final(of_bayes(rho, noise)).accuracy
    assert (accuracy[COUNTERFACTUAL] < START) == GridPoint(rho, 1, noise).shortcut_carries_more
    assert accuracy[ALIGNED] > START


# the student


def test_outputs_are_what_they_are_said_to_be():
    """A judge that relies on length likes wrong outputs in counterfactual prompts; correctness is a parity."""
    environment = shortcut(feature("parity", order=3), study.LENGTH, agreement=0.5)

    @jax.jit
    def judged_by_length(key):
        seen = []

        def by_length(features):
            seen.append(features)
            logit = features[:, WIDTH:].sum(1)
            return jnp.stack([-logit, logit], axis=1)[:, :, None]

        return student.outputs_of(key, environment, by_length), seen[0]

    found, features = jax.tree.map(np.asarray, judged_by_length(jax.random.key(0)))
    features = features.reshape(*CORRECT.shape, 2 * WIDTH)
    np.testing.assert_array_equal(features[..., :3].prod(-1) > 0, CORRECT)
    np.testing.assert_array_equal(found.length, (features[..., WIDTH:] > 0).sum(-1))
    likes_correct = (found.score > 0.5) == CORRECT
    decided = found.length != WIDTH / 2
    assert likes_correct[decided & (KIND == ALIGNED)[:, None]].all()
    assert not likes_correct[decided & (KIND == COUNTERFACTUAL)[:, None]].any()
    assert decided.mean() > 0.8 and len(np.unique(features.reshape(-1, 2 * WIDTH), axis=0)) > 500


def metrics_by_hand(outputs, probs):
    of_prompt = [probs * outputs.score, probs * CORRECT, probs * outputs.length, rel_entr(probs, FIRST)]
    return [
        np.stack([x.sum(-1)[..., kind == KIND].mean(-1) for kind in (COUNTERFACTUAL, ALIGNED)], -1) for x in of_prompt
    ]


def test_metrics_by_hand():
    """Of all mass on the first correct output of each prompt, and of any distribution."""
    outputs = Outputs(*(x[0] for x in scored()))
    certain = np.eye(CORRECT.shape[1])[CORRECT.argmax(1)]
    for probs in (certain, np.random.default_rng(1).dirichlet(np.ones(CORRECT.shape[1]), len(CORRECT))):
        for array in (probs, jnp.asarray(probs)):
            for x, y in zip(student.describe(array, outputs), metrics_by_hand(outputs, probs), strict=True):
                close(x, y)
    close(student.describe(certain, outputs).kl, -log(START / student.NUM_FORMS))
    close(Metrics(*np.array([[1.0, 5.0]] * 4)).mixed(0.25), 4)


def test_the_path_by_hand():
    """π_0 e^{t r}, of judges one by one; no other distribution has more reward less KL/t."""
    outputs = scored()
    path = goodhart.path(outputs, np.array([0.0, 0.7, 40]))
    for i, t in enumerate((0.0, 0.7, 40)):
        weight = FIRST * np.exp(t * outputs.score)
        for x, y in zip(path, metrics_by_hand(outputs, weight / weight.sum(-1, keepdims=True)), strict=True):
            close(x[:, i], y)
    for x, y in zip(goodhart.final(outputs), path, strict=True):
        close(x, y[:, 2])
    for probs in np.random.default_rng(1).dirichlet(np.ones(CORRECT.shape[1]), (200, *outputs.score.shape[:2])):
        reward, _, _, kl = metrics_by_hand(outputs, probs)
        assert (reward - kl / 0.7 < path.reward[:, 1] - path.kl[:, 1] / 0.7).all()


@pytest.mark.parametrize("num_samples", [None, 4])
def test_gradients_learn_what_the_score_says(num_samples):
    """A judge that likes wrong outputs in counterfactual prompts."""
    bad = jax.tree.map(lambda x: x[None], of_bayes(0.95, 0.2))
    seen = student.learn(jax.random.key(0), bad, num_samples)
    close(seen.accuracy[0, 0], START)
    close(seen.accuracy[0, -1], [0, 1], atol=0.03)
    close(seen.length[0, -1], 1, atol=0.03)
    assert (seen.reward[0, -1] > seen.reward[0, 0]).all()


# distances


def test_best_of_n_by_hand_and_drawn():
    """n = 1 is the start; the best of 4 of outputs without ties: p = F^4 − (F − p)^4 in the order of the scores."""
    outputs = scored()
    distributions = goodhart.best_of(outputs)
    close(distributions.accuracy[:, 0], START)
    close(distributions.kl[:, 0], 0)
    order = outputs.score.argsort(-1)
    below = np.cumsum(np.take_along_axis(np.broadcast_to(FIRST, order.shape), order, -1), -1)
    probs = np.empty(order.shape)
    np.put_along_axis(probs, order, np.diff(below**4, axis=-1, prepend=0), -1)
    place = goodhart.SIZES.index(4)
    for x, y in zip(distributions, metrics_by_hand(outputs, probs), strict=True):
        close(x[:, place], y)
    drawn = goodhart.draw(np.random.default_rng(0), Outputs(*(x[0] for x in outputs)), 4, 2000)
    assert (np.abs(drawn - np.stack(distributions[:3])[:, 0, place]) < 5 * 0.5 / np.sqrt(32 * 2000)).all()


# cures


def test_a_second_verifier_by_hand():
    """Correct .3 and wrong .6: the filter wants odds of 2, q > 2/3."""
    outputs = Outputs(np.where(CORRECT, 0.3, 0.6), np.zeros(CORRECT.shape))
    assert study.wins(outputs) == 0
    close(study.wins(study.filtered(outputs, np.array([0.66, 0.67])[:, None, None])), [0, 1])
    close(study.filtered(outputs, 0.9).score[CORRECT], 0.27)


def test_only_counterfactual_prompts_count():
    wins = np.where((KIND == COUNTERFACTUAL)[:, None] & (np.arange(len(CORRECT)) % 4 == 0)[:, None], CORRECT, ~CORRECT)
    close(study.wins(Outputs(wins.astype(float), wins)), 0.25)


def test_where_a_line_stops_being_positive():
    """Between .6 and .8 at the zero; at the ends where it is so everywhere or nowhere; the first end of several."""
    x, y = np.array([0.5, 0.6, 0.8]), np.array([[1, 1, -3.0], [1, 1, 1], [-1, 1, 1], [1, -1, 1], [0, 0, 0]])
    close(study._last_positive(x, y), [0.65, 0.8, 0.5, 0.55, 0.5])


AGREEMENTS = (0.5, 0.6, 0.7, 0.8, 0.85, 0.95)


def judged(reliance, lead):
    """Judges whose reliance falls below ½ and whose lead rises above 0 after a number of samples: by hand."""
    points = (*(GridPoint(rho, 2) for rho in AGREEMENTS), study.PURE, study.NOISY)
    samples = np.arange(256, 5120 + 1, 256)

    def step(after):
        return np.tile((samples - after) / 5120, (12, 1))

    leads = np.stack([step(lead.get(c.agreement, 1e5)) for c in points])
    saved = np.stack([0 * leads, leads, 0 * leads], axis=2)
    margins = np.stack([step(reliance.get(c.agreement, 1e5)) for c in points])
    curves = Curves(samples, saved, saved, 0.5 - margins)
    outputs = Outputs(*(np.broadcast_to(x, (len(points), 12, *CORRECT.shape)) for x in of_bayes(0.95, 0.2)))
    nothing = Metrics(*np.zeros((4, 12, 1, 2)))
    return Judges(points, AGREEMENTS, (2,), curves, outputs, {}, nothing, nothing)


MEASURED = {rho: 1500 + 500 * i for i, rho in enumerate(AGREEMENTS[:5])}


def test_predictions_are_compared_with_measurements(monkeypatch):
    """Measured at 1500, 2000, …, 3500, predicted after half as many."""
    found = judged(MEASURED, {rho: n / 2 for rho, n in MEASURED.items()})
    safe = study.safe_agreement(found, 2)
    n = list(safe.samples).index(2304)  # measured: .6 at 2000, .7 at 2500; predicted: all but the last
    close(safe.measured[:, n], 0.6 + 0.1 * 304 / 500)
    assert (safe.predicted[:, n] > 0.85).all()
    monkeypatch.setattr(claims, "judges", lambda settings, when: found)
    close(study.cured_after(found, GridPoint(0.6, 2)), 2000 + 1280)
    close(study.rebalanced_after(found, GridPoint(0.95, 2)), (1500 + 1280) / 0.1, atol=1e-9)


def test_switches_of_judges_are_counted(monkeypatch):
    """Predicted when measured; nearly twice as early; three times as early; only predicted; only measured."""
    steep = {"reliance": {}, "lead": {}}
    times = ((1500, 1500), (2000, 1100), (3000, 1000), (1e5, 2000), (2500, 1e5))
    for rho, (measured, lead) in zip(AGREEMENTS, times, strict=False):
        steep["reliance"][rho], steep["lead"][rho] = measured, lead
    found = judged(**steep)
    curves = found.curves._replace(nats_saved=100 * found.curves.nats_saved, reliance=0.5 - 3 * found.curves.margin)
    monkeypatch.setattr(claims, "judges", lambda settings, when: found._replace(curves=curves))
    outcome = claims.crossover(False, QUICK).decide()
    close(outcome.measured, 2 / 7)  # three points have the last agreement
    assert "84 judges" in outcome.setting


def test_rows_fail_on_judges_that_are_not_so(monkeypatch):
    """Judges that switch when predicted, whose students all are hacked; then the prediction is reversed."""
    good, bad = judged(MEASURED, MEASURED), judged(MEASURED, {rho: 9000 - n for rho, n in MEASURED.items()})
    for found, verdict in ((good, "holds"), (bad, "fails")):
        monkeypatch.setattr(claims, "judges", lambda settings, when, found=found: found)
        assert claims.phases(False, QUICK).decide().outcome == verdict
    assert claims.agreed(False, QUICK).decide().outcome == "fails"
    assert claims.longer(BASE, QUICK).decide().outcome == "holds"
    assert claims.early_stop(BASE, "early", QUICK).decide().outcome == "holds"
    kind = of_bayes(0.6, 0.1)
    cured = good._replace(outputs=Outputs(*(np.broadcast_to(x, (8, 12, *CORRECT.shape)) for x in kind)))
    monkeypatch.setattr(claims, "judges", lambda settings, when: cured)
    assert claims.longer(BASE, QUICK).decide().outcome == "fails"
    assert claims.early_stop(BASE, "early", QUICK).decide().outcome == "fails"


# a policy


def learned(reward, accuracy, seeds=32):
    """Arms of which reward and accuracy are lines over the updates, of seeds that do not differ."""
    return policy.Learned(*(np.tile(np.asarray(x, float), (seeds, 1)) for x in (reward, accuracy)))


def test_a_policy_when_its_reward_passes():
    """The first update at which it does, and the last where it never does."""
    found = learned([0.5, 0.7, 0.9, 0.7], [0.5, 0.4, 0.3, 0.2], 2)
    close([found.when(0.6), found.when(0.95)], [[0.4] * 2, [0.2] * 2])
    close(policy.for_good(np.array([[1, -1, 1, 1], [1, 2, 3, 4], [-1, 1, 1, -1]])), [2, 0, 4])


def test_rows_of_a_policy(monkeypatch):
    """Length first, or correctness first; predicted at update 1, measured at 3."""
    short, long = (
        learned([0.5, 0.9, 0.9, 0.9], [0.5, 0.9, 0.9, 0.9]),
        learned([0.5, 0.9, 0.9, 0.9], [0.4, 0.1, 0.2, 0.9]),
    )
    alone = learned([0.5, 0.9, 0.9, 0.9], [0] * 4), learned([0.6, 0.6, 0.6, 0.6], [0] * 4)
    found = {policy.STRONG: long, policy.NONE: short, policy.WEAK: long}
    found |= dict(zip(policy.ALONE, alone, strict=True))
    monkeypatch.setattr(policy, "policies", lambda settings: found)
    assert taught.earned(policy.STRONG, QUICK).decide().outcome == "holds"
    assert taught.earned(policy.NONE, QUICK).decide().outcome == "fails"
    assert taught.cured(policy.NONE, QUICK).decide().outcome == "holds"
    switch = policy.switch(found)
    close([switch.predicted, switch.measured], np.tile([[1], [3]], 32))
    assert taught.later(False, QUICK).decide().outcome == "holds"


def test_rewards_of_a_policy():
    """P(the label says so | both signs) by counting: of aligned prompts, and of those in which they disagree."""
    arm, reads = policy.WEAK, jnp.array([policy.BOTH, policy.LENGTH])
    environments = study.stack([arm.environment(0)] * 2)
    given = jax.tree.map(
        lambda leaf: np.asarray(leaf)[0], policy._drawn(jax.random.split(jax.random.key(0), 1), environments, reads)
    )
    columns, correct = given.prompts.features, given.prompts.correct
    aligned = (columns[0, :, WIDTH:].sum(1) > 0) == (correct[0] == 1)
    tie = columns[0, :, WIDTH:].sum(1) == 0
    both, neither = 0.9 * 0.7, 0.1 * 0.3
    only, other = 0.9 * 0.3, 0.1 * 0.7
    chance = np.where(aligned, both / (both + neither), only / (only + other))
    close(given.accepted[0][np.arange(len(tie)), correct[0]][~tie], chance[~tie], atol=1e-6)
    close(given.accepted[0], given.accepted[1], atol=0)
    assert ((columns[0, :, :2].prod(1) > 0) == (correct[0] == 1)).all()
    assert 0.3 < ((columns[1, :, :2].prod(1) > 0) == (correct[1] == 1)).mean() < 0.7  # not read: of another sign
    held = given.held_out[0]
    assert ((held[:, WIDTH:].sum(1) > 0) != given.correct[0][:, 1]).mean() > 0.8


@pytest.mark.slow
def test_policies_of_one_seed_do_not_depend_on_the_others():
    """Nor does an arm's first half on what its second will be."""
    found = policy.policies(jax.random.key(0), num_seeds=2, num_updates=4)
    again = policy.policies(jax.random.key(0), num_seeds=2, num_updates=4)
    for arm in policy.ARMS:
        close(found[arm].accuracy, again[arm].accuracy, atol=0)
    close(found[policy.CURED].accuracy[:, :3], found[policy.STRONG].accuracy[:, :3], atol=1e-6)
    assert (found[policy.CURED].accuracy[:, 4] != found[policy.STRONG].accuracy[:, 4]).any()
