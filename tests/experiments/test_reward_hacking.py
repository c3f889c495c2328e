"""Reward hacking: the laws of labels, of training and of cures against counts, simulation and numbers by hand."""

from functools import partial
from itertools import product
from math import log

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from experiments.ledger import Settings

import experiments
import theory
from experiments.reward_hacking import CHECKS, FIGURES, cures, exact, goodhart, judge, labels, measures, student
from experiments.reward_hacking.judge import CASE, Cell, Judges
from experiments.reward_hacking.student import ALIGNED, CONFLICT, FIRST, KIND, KL, RATE, RIGHT, START, Outputs, Seen
from experiments.thesis.curves import Curves
from sandbox import component, shortcut
from sandbox.components import WIDTH

QUICK = Settings()
close = partial(np.testing.assert_allclose, rtol=0, atol=1e-12)


def scored(seed: int = 0) -> Outputs:
    """Outputs of two judges, of random scores."""
    rng = np.random.default_rng(seed)
    return Outputs(*rng.random((2, 2, *RIGHT.shape)))


def first(outputs: Outputs) -> Outputs:
    return goodhart.seeds(outputs)[0]


def test_the_experiment_is_listed_and_its_figures_exist():
    assert {check.figure for check in CHECKS} - {None} == set(FIGURES)
    assert "experiments.reward_hacking" in {e.module for e in experiments.EXPERIMENTS}
    assert {check.claim for check in CHECKS} == {"C11"}


# labelled outputs


@pytest.mark.parametrize(("rho", "noise"), list(product([0.5, 0.7, 0.95], [0.0, 0.1, 0.3])))
def test_a_bayes_judge_adds_log_odds(rho, noise):
    """By hand: p(label | right, long) from the odds of each; it prefers wrong and long iff ρ > 1 − ε."""
    score = labels.bayes(labels.labelled(rho, noise))
    for right, long in product((0, 1), repeat=2):
        good = (1 - noise if right else noise) * (rho if long else 1 - rho)
        bad = (noise if right else 1 - noise) * (1 - rho if long else rho)
        close(score[right, long], good / (good + bad))
    assert np.sign(round(exact.preference(score), 12)) == np.sign(round(1 - noise - rho, 12))


def test_laws_of_cures_by_simulation():
    """The procedures, on labelled outputs one by one."""
    rng = np.random.default_rng(0)
    size, rho, noise = 400_000, 0.85, 0.1
    label = rng.integers(0, 2, size)
    right = np.where(rng.random(size) < noise, 1 - label, label)
    long = np.where(rng.random(size) < rho, label, 1 - label)
    law = labels.labelled(rho, noise)

    def compare(expected, label, right, long):
        shares = np.bincount(4 * label + 2 * right + long, minlength=8) / len(label)
        error = np.sqrt(expected * (1 - expected) / len(label)).ravel()
        assert (np.abs(shares - expected.ravel()) < 5 * error).all()

    compare(law, label, right, long)
    assert abs((long != right).mean() - labels.conflicts(rho, noise)) < 5 * 0.5 / size**0.5
    own = rng.random(size) < 0.4
    compare(
        labels.mixed(law, labels.labelled(0.5, noise), 0.4), label, right, np.where(own, rng.integers(0, 2, size), long)
    )
    other = np.where(rng.random(size) < 0.2, label, 1 - label)
    compare(labels.mixed(law, labels.labelled(0.2, noise), 0.4), label, right, np.where(own, other, long))
    disagree = long != label
    aligned = rng.permutation(np.flatnonzero(~disagree))[: disagree.sum()]
    kept = np.concatenate([np.flatnonzero(disagree), aligned])
    expected = labels.rebalanced(law)
    compare(expected.law, label[kept], right[kept], long[kept])
    assert abs(len(kept) / size - expected.kept) < 5 * 2 * 0.5 / size**0.5


def test_agreements_that_are_needed():
    law = labels.labelled(0.85, 0.1)
    for other in (0.5, 0.2):
        mixed = labels.mixed(law, labels.labelled(other, 0.1), labels.needed(0.85, 0.65, other))
        close(mixed, labels.labelled(0.65, 0.1))
    assert labels.needed(0.85, 0.9) == 0


# the student


def test_outputs_are_what_they_are_said_to_be():
    """A judge that goes by length likes the wrong ones in conflicts; right is the parity of the first features."""
    environment = shortcut(component("parity", order=3), judge.LENGTH, agreement=0.5)

    def by_length(features):
        by_hand.append(np.asarray(features))
        logit = features[:, WIDTH:].sum(1)
        return jnp.stack([-logit, logit], axis=1)[:, :, None]

    by_hand: list[np.ndarray] = []
    found = student.outputs_of(jax.random.key(0), environment, by_length)
    features = by_hand[0].reshape(*RIGHT.shape, 2 * WIDTH)
    np.testing.assert_array_equal(features[..., :3].prod(-1) > 0, RIGHT)
    np.testing.assert_array_equal(found.length, (features[..., WIDTH:] > 0).sum(-1))
    likes_right = (np.asarray(found.score) > 0.5) == RIGHT
    decided = np.asarray(found.length) != WIDTH / 2
    assert likes_right[decided & (KIND == ALIGNED)[:, None]].all()
    assert not likes_right[decided & (KIND == CONFLICT)[:, None]].any()
    assert decided.mean() > 0.8 and len(np.unique(features.reshape(-1, 2 * WIDTH), axis=0)) > 500


def test_what_is_seen_by_hand():
    """All mass on the first right output of each prompt."""
    outputs = first(scored())
    chosen = RIGHT.argmax(1)
    law = np.eye(RIGHT.shape[1])[chosen]
    seen = student.describe(jnp.asarray(law), outputs)
    for kind in (CONFLICT, ALIGNED):
        rows = np.flatnonzero(np.isin(KIND, kind))
        close(seen.reward[kind], outputs.score[rows, chosen[rows]].mean())
        close(seen.length[kind], outputs.length[rows, chosen[rows]].mean())
    close(seen.right, 1)
    close(seen.kl, -log(START / student.NUM_FORMS))
    mixed = Seen(*np.array([[1.0, 5.0]] * 4)).mixed(0.25)
    close(mixed, 4)


def test_hacked_is_more_reward_and_less_truth_on_conflicts():
    """Four students: only the third has both; aligned prompts do not matter."""
    reward, right = np.zeros((4, 3, 2)), np.full((4, 3, 2), 0.5)
    reward[:, -1, CONFLICT] = [1, -1, 1, 1]
    right[:, -1, CONFLICT] = [0.6, 0.4, 0.4, 0.5]
    reward[:, -1, ALIGNED], right[:, -1, ALIGNED] = 1, 0.1
    assert student.hacked(Seen(reward, right, right, right)).tolist() == [False, False, True, False]


def law_by_hand(outputs: Outputs, time: float) -> np.ndarray:
    weight = FIRST * np.exp(time * outputs.score)
    return weight / weight.sum(-1, keepdims=True)


def seen_by_hand(outputs: Outputs, law: np.ndarray) -> list[np.ndarray]:
    of_prompt = [law * x for x in (outputs.score, RIGHT, outputs.length, np.log(law / FIRST))]
    kinds = [np.isin(KIND, kind) for kind in (CONFLICT, ALIGNED)]
    return [np.stack([x.sum(-1)[:, kind].mean(-1) for kind in kinds], -1) for x in of_prompt]


def test_natural_gradient_follows_the_path_and_ends_at_the_optimum_with_a_kl():
    outputs = scored()
    trained = student.learn(jax.random.key(0), outputs, "natural")
    for t in (0, 1, 50, 200):
        for x, y in zip(trained, seen_by_hand(outputs, law_by_hand(outputs, RATE * t)), strict=True):
            close(x[:, t], y, atol=1e-10)
    times = RATE * np.arange(201)
    path = goodhart.stacked([goodhart.path(x, times) for x in goodhart.seeds(outputs)])
    for x, y in zip(trained, path, strict=True):
        close(x, y, atol=1e-10)
    regular = student.learn(jax.random.key(0), outputs, "natural, KL")
    best = law_by_hand(outputs, 1 / KL)
    for x, y in zip(regular, seen_by_hand(outputs, best), strict=True):
        close(x[:, -1], y, atol=1e-8)
    others = np.random.default_rng(1).dirichlet(np.ones(RIGHT.shape[1]), (500, 2, len(RIGHT)))
    for other in [*others, law_by_hand(outputs, 0.9 / KL), law_by_hand(outputs, 1.1 / KL)]:
        reward, _, _, kl = seen_by_hand(outputs, other)
        assert (reward - KL * kl < regular.reward[:, -1] - KL * regular.kl[:, -1] + 1e-9).all()


def test_sampled_gradients_learn_what_the_score_says():
    """A judge that likes what is wrong in conflicts: by samples, too."""
    bad = exact.of_bayes(labels.bayes(labels.labelled(0.95, 0.2)))
    seen = student.learn(jax.random.key(0), jax.tree.map(lambda x: x[None], bad), "RLVR, sampled")
    assert student.hacked(seen).all()
    close(seen.right[0, -1], [0, 1], atol=0.01)
    assert (np.abs(seen.length[0, -1] - 1) < 0.01).all()


# distances


def test_best_of_n_by_hand_and_drawn():
    """n = 1 is the start; the best of 3 of outputs without ties: p = F^3 − (F − p)^3 in the order of the scores."""
    outputs = first(scored())
    laws = goodhart.best_of(outputs, (1, 3))
    close(laws.right[0], START)
    close(laws.kl[0], 0)
    order = outputs.score.argsort(1)
    below = np.cumsum(np.take_along_axis(FIRST, order, 1), 1)
    sorted_law = np.diff(below**3, axis=1, prepend=0)
    law = np.empty_like(sorted_law)
    np.put_along_axis(law, order, sorted_law, 1)
    for x, y in zip(laws, seen_by_hand(outputs, law[None]), strict=True):
        close(x[1], y[0])
    drawn = goodhart.draw(np.random.default_rng(0), outputs, 3, 2000)
    assert (np.abs(drawn - np.stack(laws[:3])[:, 1]) < 5 * 0.5 / np.sqrt(32 * 2000)).all()


def test_a_point_of_the_path_at_a_distance():
    outputs = first(scored())
    seen = goodhart.at_distance(outputs, 0.1)
    close(seen.kl.mean(), 0.1, atol=1e-9)
    best = goodhart.best_of(outputs, (4,))
    ahead = goodhart.at_distance(outputs, float(best.kl.mean()))
    assert ahead.reward.mean() > best.reward.mean()


# cures


def test_a_second_verifier_by_hand():
    """Right .3 and wrong .6: the filter wants odds of 2, q > 2/3; the mean of q = .8 a weight .3/(.3 + .6) = 1/3."""
    outputs = Outputs(np.where(RIGHT, 0.3, 0.6), np.zeros(RIGHT.shape))
    assert cures.wins(outputs) == 0
    assert cures.wins(cures.filtered(outputs, 0.66)) == 0 and cures.wins(cures.filtered(outputs, 0.67)) == 1
    assert cures.wins(cures.weighted(outputs, 0.8, 0.33)) == 0 and cures.wins(cures.weighted(outputs, 0.8, 0.34)) == 1
    close(cures.filtered(outputs, 0.9).score[RIGHT], 0.27)
    close(cures.weighted(outputs, 0.9, 0.5).score[~RIGHT], 0.35)


def test_only_conflicts_are_to_be_won():
    wins = np.where((KIND == CONFLICT)[:, None] & (np.arange(len(RIGHT)) % 4 == 0)[:, None], RIGHT, ~RIGHT)
    close(cures.wins(Outputs(wins.astype(float), wins)), 0.25)


def test_where_a_line_ends_to_be_positive():
    """Between .6 and .8 at the zero; at the ends where it is so everywhere or nowhere; the first end of several."""
    x, y = np.array([0.5, 0.6, 0.8]), np.array([[1, 1, -3.0], [1, 1, 1], [-1, 1, 1], [1, -1, 1], [0, 0, 0]])
    close(cures._last_positive(x, y), [0.65, 0.8, 0.5, 0.55, 0.5])


def judged(reliance: dict[tuple[float, int], int], lead: dict[tuple[float, int], int]) -> Judges:
    """Judges whose reliance falls below ½ and whose lead rises above 0 after a number of batches: by hand."""
    cells = judge.cells(QUICK)
    samples = np.arange(256, 5120 + 1, 256)

    def step(after: float) -> np.ndarray:
        return np.tile((samples - after) / 5120, (4, 1))

    leads = np.stack([step(lead.get(c[:2], 1e4)) for c in cells])
    savings = np.stack([0 * leads, leads, 0 * leads], axis=2)
    trusts = np.stack([step(reliance.get(c[:2], 1e4)) for c in cells])
    return Judges(cells, Curves(samples, savings, savings, 0.5 - trusts), None)


def test_predictions_are_compared_with_what_was_measured(monkeypatch):
    """Cells of order 2: measured at 1500, 2000, …, predicted after twice as many; 3: never."""
    grid = judge.agreements(QUICK)
    measured = {(rho, 2): 1500 + 500 * i for i, rho in enumerate(grid)}
    predicted = {key: 2 * n for key, n in measured.items()}
    monkeypatch.setattr(judge, "trained", lambda settings, when: judged(measured, predicted))
    cures.enough.cache_clear()
    found = {c: (p, m) for c, p, m in measures.turns(QUICK)}
    assert set(found) <= {Cell(rho, 2, noise) for rho in grid for noise in (0.0, 0.1, 0.3)}
    close(found[Cell(0.5, 2)], (3000, 1500))
    close(found[Cell(0.6, 2)], (4000, 2000))
    index = judge.cells(QUICK).index(Cell(0.5, 2))
    saved = judged(measured, predicted).curves.lead < 0
    close(measures.hits(saved, QUICK)[index], 1 - 6 / 20)  # of 1536 … 2816
    enough = cures.enough(QUICK, 2)
    n = list(enough.samples).index(2304)  # measured: .6 at 2000, .7 at 2500; predicted: none
    close(enough.measured[:, n], 0.6 + 0.1 * 304 / 500)
    close(enough.predicted[:, n], 0.5)
    cures.enough.cache_clear()
    easy = measures.turn(True, QUICK)
    close(easy.measured, log(2))
    assert easy.verdict == "holds"


def test_waiting_and_rebalancing(monkeypatch):
    """Reliance ¼ is 1280 samples after reliance ½; of ρ = .95 a tenth is kept."""
    times = {(rho, 2): 1000 + 500 * i for i, rho in enumerate(judge.agreements(QUICK))}
    monkeypatch.setattr(judge, "trained", lambda settings, when: judged(times, times))
    close(cures.cured_after(QUICK, Cell(0.6, 2)).at, 1500 + 1280)
    close(cures.rebalanced_after(QUICK, Cell(0.95, 2)).at, (1000 + 1280) / 0.1, atol=1e-9)


# rows


def test_few_replicas_have_wide_intervals():
    """Student's quantile of 3 degrees of freedom is 3.182; a share ends at 1, a number of nats does not."""
    found = theory.estimate(np.array([0.8, 0.9, 0.9, 1.0]))
    low, high = (float(x) for x in measures.interval(found, "nats"))
    close((low, high), 0.9 + np.array([-1, 1]) * 3.182 * (0.02 / 3 / 4) ** 0.5, atol=1e-4)
    assert high > 1
    close(measures.interval(found), (low, 1))


def test_rows_on_scores_by_hand(monkeypatch):
    """The laws of training, with random scores in place of learned judges."""
    outputs = exact.of_bayes(labels.bayes(labels.labelled(0.95, 0.2)))
    outputs = outputs._replace(score=0.8 * outputs.score + 0.2 * scored().score[0])
    index = judge.cells(QUICK).index(CASE)
    many = jax.tree.map(lambda x: np.tile(x, (index + 1, 1, 1, 1)), outputs)
    monkeypatch.setattr(student, "judged", lambda settings, when: many)
    for row in (exact.kl_bounds, partial(exact.frontier, False)):
        assert row(QUICK).verdict == "holds"
    for row in (exact.kl_cures, partial(exact.frontier, True)):
        assert row(QUICK).verdict == "fails"
