import math

import numpy as np
import pytest
import scipy.integrate
import scipy.stats
from plan_screen import found, screen, table

from experiments.questions import logs, plan
from experiments.questions.plan.loop import Loop
from experiments.questions.plan.prompts import draws, giving_up, measure, prompts
from experiments.questions.plan.simulate import simulate
from theory import budget


def counted(tp, fn, fp, tn):
    """A log of so many outputs, one a prompt."""
    verdict = np.repeat([1, 0, 1, 0], [tp, fn, fp, tn])
    return logs.read({"verdict": verdict, "truth": np.repeat([1, 1, 0, 0], [tp, fn, fp, tn])})


def several(rng, num_prompts, outputs, spread, tpr=0.9, fpr=0.2, initial=0.4):
    """A log of several outputs a prompt, their accuracies from a Beta distribution."""
    size = (1 - spread) / spread
    accuracy = rng.beta(initial * size, (1 - initial) * size, num_prompts).repeat(outputs)
    truth = rng.random(accuracy.size) < accuracy
    verdict = rng.random(accuracy.size) < np.where(truth, tpr, fpr)
    return logs.read(
        {"prompt": np.arange(num_prompts).repeat(outputs), "truth": truth.astype(int), "verdict": verdict.astype(int)}
    )


def looked_at(rng, size, tpr, fpr, initial):
    """A run whose outputs keep the verdict of their first look: how it ends, its verdicts and rounds."""
    model, spent, rounds = None, 0, 0
    while model is None or len(set(model)) == 2:
        kept = []
        while len(kept) < size:
            spent += 1
            if model is None:  # an output that was not seen before
                correct = rng.random() < initial
                if rng.random() < (tpr if correct else fpr):
                    kept.append(correct)
            else:
                kept.append(model[rng.integers(size)])
        model, rounds = kept, rounds + 1
    return model[0], rounds, spent


def test_persistent_verdicts_as_simulated_look_by_look():
    rng = np.random.default_rng(0)
    runs = np.array([looked_at(rng, 5, 0.9, 0.2, 0.3) for _ in range(1500)], float)
    exact = Loop(prompts(0.3, 0.9, 0.2), 1.0).ends(5)
    assert (abs(runs.mean(0) - exact[:3]) < 5 * runs.std(0) / math.sqrt(1500)).all()


EXACT = {
    "until kept": (0.0, True, lambda n: Loop(prompts(0.3, 0.6, 0.4)).ends(n)),
    "persistent": (1.0, True, lambda n: Loop(prompts(0.3, 0.6, 0.4), 1.0).ends(n)),
    "filtering": (0.0, False, lambda n: Loop(prompts(0.3, 0.6, 0.4), 0.0, False).ends(n)),
}


@pytest.mark.parametrize("size", [1, 2, 12, pytest.param(40, marks=pytest.mark.slow)])
@pytest.mark.parametrize("case", EXACT)
def test_simulated_runs_end_as_the_chains_do(case, size):
    persistence, until_kept, exact = EXACT[case]
    end = exact(size)
    runs = simulate(prompts(0.3, 0.6, 0.4), size, persistence=persistence, until_kept=until_kept, runs=8000)
    assert end.error == 0 and abs(runs.accuracy - end.accuracy) < 5 * runs.error
    assert runs[1:3] == pytest.approx(end[1:3], rel=0.05)


@pytest.mark.parametrize("persistence", [0.0, 0.4, 1.0])
@pytest.mark.parametrize("verdicts", [9, 40])
def test_simulated_hard_limits(persistence, verdicts):
    """Against the exact chain, the closed form, and, at a limit that binds nowhere, the kinds' chain."""
    these = prompts(0.3, 0.8, 0.3)
    runs = simulate(these, 4, persistence=persistence, limit=verdicts if persistence != 0.4 else 10**6)
    if persistence == 0:
        exact = 1 - budget.hard_limit((0.8, 0.3), 0.3, verdicts, size=4).wrong
    elif persistence == 1:
        exact = Loop(these, 1.0).limited(4, verdicts).accuracy
    else:
        kinds = budget.persistent_kinds((0.8, 0.3), 0.3, persistence)
        exact = float(np.asarray(budget.ends_with(4, *kinds[:2]))[kinds.correct].sum())
    assert abs(runs.accuracy - exact) < 5 * runs.error


@pytest.mark.slow
def test_large_filtered_rounds_are_simulated_within_their_error():
    """At 60 against the chain; where all is accepted, as in rejection sampling; at 5000 a verifier that cannot fail."""
    exact = budget.fixation(60, (0.6, 0.5), 0.05, until_kept=False)
    runs = simulate(prompts(0.05, 0.6, 0.5), 60, until_kept=False)
    assert abs(runs.accuracy - float(exact.correct)) < 5 * runs.error
    assert runs[1:3] == pytest.approx([float(exact.generations), float(exact.verdicts)], rel=0.03)
    drift = budget.fixation(300, (1.0, 1.0), 0.3)
    runs = simulate(prompts(0.3, 1.0, 1.0), 300, until_kept=False)
    assert abs(runs.accuracy - 0.3) < 5 * runs.error
    assert runs.rounds == pytest.approx(float(drift.generations), rel=0.06)
    runs = simulate(prompts(0.3, 0.9, 0.2), 5000, until_kept=False)
    assert runs.accuracy == 1 and 0 < runs.error < 1e-3  # never called exact


@pytest.mark.slow
def test_filtering_finds_rounds_beyond_the_chain(capsys):
    case = ["--tpr", ".6", "--fpr", ".5", "--initial", ".05", "--goal", ".95", "--protocol", "filtering"]
    text = screen(capsys, *case)
    size, share = found(r"rounds of (\d+) proposals until one kind is left end with ([\d.]+) ± [\d.]+ % correct", text)
    assert size > 100 and share >= 95
    kept = Loop(prompts(0.05, 0.6, 0.5)).cheapest(0.95)
    assert size * (0.05 * 0.6 + 0.95 * 0.5) == pytest.approx(kept, rel=0.1)


def test_prompts_that_differ_are_averaged():
    these = prompts(0.3, 0.9, 0.2, spread=0.4)
    accuracy = scipy.stats.beta(0.3 * 1.5, 0.7 * 1.5)
    variance = these.mean(these.initial**2) - 0.09
    assert these.mean(these.initial) == pytest.approx(0.3) and variance == pytest.approx(0.4 * 0.21)
    after = scipy.integrate.quad(
        lambda u: 0.9 * accuracy.ppf(u) / (0.9 * accuracy.ppf(u) + 0.2 * (1 - accuracy.ppf(u))), 0, 1
    )
    assert these.one_round() == pytest.approx(after[0], abs=2e-4)
    end = scipy.integrate.quad(lambda u: float(budget.success(4, (0.9, 0.2), accuracy.ppf(u))), 0, 1, limit=20)
    assert Loop(these).ends(4).accuracy == pytest.approx(end[0], abs=2e-4)
    runs = simulate(these, 4)
    assert abs(runs.accuracy - end[0]) < 5 * runs.error
    assert prompts(0.3, 0.9, 0.2, spread=0).weight.size == 1
    both = prompts(0.3, 0.9, 0.2, spread=0.4, fpr_spread=0.3)
    assert both.rates == pytest.approx((0.9, 0.2)) and both.one_round() != pytest.approx(these.one_round(), abs=1e-3)


def test_giving_up_as_simulated_attempt_by_attempt(capsys):
    these = prompts(0.4, 0.95, 0.1, spread=0.5)
    left = giving_up(these)
    assert left is not None
    rng = np.random.default_rng(0)
    p = rng.beta(0.4, 0.6, (20_000, 1))
    correct = rng.random((20_000, 40)) < p
    accepted = rng.random((20_000, 40)) < np.where(correct, 0.95, 0.1)
    first, some = accepted.argmax(1), accepted.any(1)
    gains = 2.0 * correct[np.arange(20_000), first] - 1
    value = [(gains * (some & (first < k))).mean() for k in range(1, 41)]
    assert value[left.after - 1] > max(value) - 5 * gains.std() / math.sqrt(20_000)
    mine = some & (first < left.after)
    assert 1 - mine.mean() == pytest.approx(left.share, abs=5 * 0.5 / math.sqrt(20_000))
    share = correct[np.arange(20_000), first][mine].mean()
    assert (
        left.accuracy == pytest.approx(share, abs=5 * 0.5 / math.sqrt(mine.sum())) and left.accuracy > these.one_round()
    )
    assert giving_up(prompts(0.4, 0.95, 0.1)) is None
    text = screen(capsys, "--tpr", ".95", "--fpr", ".1", "--initial", ".4", "--spread", ".5", "--round-size", "2")
    assert found(r"if errors persist, after (\d+) verdicts", text) == [left.after]
    assert found(r"than correct: ([\d.]+) % of prompts", text) == pytest.approx([100 * left.share], abs=0.01)


@pytest.mark.parametrize("fpr", [0.0, 0.002, 0.2])
def test_prompts_that_accept_nothing_are_left_and_said(capsys, fpr):
    """Without an end the verdicts to an accepted output have no mean, where wrong outputs are never accepted."""
    these, rng = prompts(0.3, 0.9, fpr, spread=0.6, patience=100), np.random.default_rng(0)
    p = rng.beta(0.2, 0.7 / 1.5, 200_000)
    rate = 0.9 * p + fpr * (1 - p)
    looks = rng.geometric(np.maximum(rate, 1e-12))
    answered = looks <= 100
    share = np.minimum(looks, 100)
    assert these.looks() == pytest.approx(share.mean(), abs=5 * share.std() / math.sqrt(2e5))
    assert these.answered.sum() == pytest.approx(answered.mean(), abs=5 * 0.5 / math.sqrt(2e5))
    assert these.one_round() == pytest.approx((0.9 * p / rate)[answered].mean(), abs=5 * 0.5 / math.sqrt(2e5))
    case = ["--tpr", ".9", "--fpr", str(fpr), "--initial", ".3", "--spread", ".6", "--round-size", "1"]
    text = screen(capsys, *case, "--verdicts", "100")
    (left,) = found(
        r"give up a prompt after 100 verdicts without an accepted output, (?:under )?([\d.]+) % of them", text
    )
    assert left == pytest.approx(100 * (1 - answered.mean()), abs=0.6)
    assert table("independent", text)[1] == pytest.approx(these.looks(), abs=0.1)


def test_rates_are_jeffreys_where_prompts_have_an_output_each():
    log = counted(90, 2, 21, 77)
    drawn = draws(log).T
    odds = drawn[0] * drawn[1] / (drawn[0] * drawn[1] + (1 - drawn[0]) * drawn[2])
    for values, k, n in ((drawn[1], 90, 92), (drawn[2], 21, 98), (odds, 90, 111)):
        exact = scipy.stats.beta.ppf([0.025, 0.5, 0.975], k + 0.5, n - k + 0.5)
        assert np.quantile(values, [0.025, 0.5, 0.975]) == pytest.approx(exact, abs=0.003)
    assert measure(log).rates == pytest.approx((92 / 190, 90 / 92, 21 / 98))
    none = measure(counted(9, 0, 0, 4)).rates[2]
    assert none == pytest.approx(scipy.stats.beta.ppf(0.5, 0.5, 4.5), rel=0.05)


def test_a_log_of_unit_tests_is_answered_in_kind(tmp_path, capsys):
    """All correct outputs pass, and some wrong ones: what passed once passes again."""
    lines = np.repeat(["1,1\n", "1,0\n", "0,0\n"], [90, 22, 75])
    (file := tmp_path / "x.csv").write_text("verdict,truth\n" + "".join(lines))
    text = screen(capsys, "--data", str(file), "--goal", ".95", "--verdicts", "100")
    value, low, high = found(r"IS NOT REACHED: ([\d.]+) % \[95 %: ([\d.]+) to ([\d.]+)\] of what is accepted", text)
    exact = scipy.stats.beta.ppf([0.025, 0.975], 90.5, 22.5)
    assert value == pytest.approx(100 * 90 / 112, abs=0.01)
    assert [low, high] == pytest.approx(100 * exact, abs=0.2)
    assert "one output each" in text and "persistent 80.36 %" in text and "187 outputs" in text
    assert f"at the start {100 * 90 / 187:.4g} %" in text


@pytest.mark.slow
def test_a_log_with_several_outputs_a_prompt(capsys, tmp_path):
    rng = np.random.default_rng(1)
    log = several(rng, 600, 5, 0.4)
    seen = measure(log)
    assert seen.spread == pytest.approx(0.4, abs=0.08) and seen.fpr_spread < 0.06
    assert seen.num_prompts == 600 and seen.never == int((np.bincount(log.prompt, log.verdict) == 0).sum())
    few = several(np.random.default_rng(2), 40, 50, 0.5, fpr=0.2)
    alike = few._replace(prompt=np.arange(2000))
    assert np.ptp(np.quantile(draws(few)[:, 0], [0.025, 0.975])) > 2 * np.ptp(
        np.quantile(draws(alike)[:, 0], [0.025, 0.975])
    )
    rows = zip(log.prompt, log.verdict, log.truth, strict=True)
    (file := tmp_path / "x.csv").write_text("task,passed,gold\n" + "".join(f"{p},{v:g},{t:g}\n" for p, v, t in rows))
    text = screen(capsys, "--data", str(file), "--goal", ".9", "--prompt", "task")
    assert f"5 outputs a prompt, on average; on {seen.never} of 600 prompts none was accepted" in text
    (share,) = found(r"NOT REACHED: ([\d.]+) %", text)
    initial, tpr, fpr = seen.rates
    these = prompts(initial, tpr, fpr, spread=seen.spread, fpr_spread=seen.fpr_spread)
    assert share == pytest.approx(100 * these.one_round(), abs=0.01)


def test_looks_at_one_output_tell_the_share_that_persists(capsys):
    rng = np.random.default_rng(0)
    truth = rng.random(4000) < 0.5
    rate = np.where(truth, 0.8, 0.3)
    decided = rng.random(4000) < 0.4
    looks = [np.where(decided, u, rng.random(4000)) < rate for u in [rng.random(4000)] for _ in range(2)]
    data = {"verdict": np.concatenate(looks).astype(int), "truth": np.tile(truth, 2).astype(int)}
    log = logs.read(data | {"output": np.tile(np.arange(4000), 2), "prompt": np.tile(np.arange(4000), 2)})
    measured = measure(log)
    assert measured.persistence == pytest.approx(0.4, abs=5 / math.sqrt(4000))
    answer = plan.answer(plan.Question(log=log, round_size=4, spread=0.0))
    assert [row.persistence for row in answer.rows] == [0, measured.persistence, 1]


def scored(path, rows=4000, seed=0):
    rng = np.random.default_rng(seed)
    truth = rng.random(rows) < 0.4
    score = rng.normal(1.5 * truth)
    path.write_text("score,truth\n" + "".join(f"{s:.6f},{int(t)}\n" for s, t in zip(score, truth, strict=True)))
    return path


@pytest.mark.parametrize("errors", ["persistent", pytest.param("independent", marks=pytest.mark.slow)])
def test_a_threshold_is_chosen_for_the_goal_and_measured_on_other_prompts(tmp_path, capsys, errors):
    text = screen(capsys, "--data", str(scored(tmp_path / "x.csv")), "--goal", ".85", "--errors", errors)
    threshold, rows = found(r"score of ([-\d.]+) or more, chosen for a goal of 85 % .* other half, ([\d,]+) rows", text)
    assert rows == 2000
    rates = [scipy.stats.norm.sf(threshold, mean) for mean in (1.5, 0)]
    for name, value in zip(("tpr", "fpr"), rates, strict=True):
        low, high = found(rf"{name} [\d.]+ \[95 %: ([\d.e-]+) to ([\d.]+)\]", text)
        assert low - 0.02 <= value <= high + 0.02
    grid = np.linspace(-2, 3, 501)
    tpr, fpr = scipy.stats.norm.sf(grid, 1.5), scipy.stats.norm.sf(grid)
    if errors == "persistent":  # the least strict threshold that reaches it
        best = grid[np.argmax(0.4 * tpr / (0.4 * tpr + 0.6 * fpr) >= 0.85)]
    else:
        ends = budget.fixation(np.arange(1, 25)[:, None], (tpr, fpr), 0.4)
        best = grid[np.where(np.asarray(ends.correct) >= 0.85, np.asarray(ends.verdicts), np.inf).min(0).argmin()]
    assert threshold == pytest.approx(best, abs=0.35)


def test_a_threshold_chosen_on_noise_gains_nothing_on_other_prompts():
    accuracy, start = [], []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        log = logs.read({"score": rng.normal(size=80), "truth": (rng.random(80) < 0.4).astype(int)})
        rest = plan.thresholded(log)
        accepted = rest.verdict == 1
        if accepted.any():
            accuracy.append(rest.truth[accepted].mean())
        start.append(len(rest.truth))
    assert set(start) == {40} and abs(np.mean(accuracy) - 0.4) < 3 * np.std(accuracy) / math.sqrt(len(accuracy))


def test_a_threshold_that_is_given_is_taken(tmp_path, capsys):
    text = screen(capsys, "--data", str(scored(tmp_path / "x.csv", 300)), "--goal", ".9", "--threshold", "1.0")
    assert "accepted: score of 1 or more" in text and "half" not in text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("verdict,truth\n1,1\n0,1\n", "no output whose truth is wrong was given; accepted: outputs of both kinds"),
        ("verdict,truth\n1,1\n0,perhaps\n", "line 3, column truth: 'perhaps' was given; accepted: 1 or 0"),
        ("verdict,model\n1,a\n0,b\n", "no output whose truth is known was given; accepted: a column of it: --truth"),
        ("score,truth\n.1,1\n.2,0\n", "wrong outputs in half of the prompts was given; accepted: 10 or more"),
    ],
)
def test_logs_that_measure_no_verifier(tmp_path, refused, text, message):
    (file := tmp_path / "x.csv").write_text(text)
    assert message in refused("plan", "--data", str(file), "--goal", ".9")


@pytest.mark.slow
def test_rates_of_many_simulated_logs_are_covered():
    """One output a prompt, and five; 300 prompts."""
    for outputs in (1, 5):
        covered = []
        for seed in range(200):
            drawn = draws(several(np.random.default_rng(seed), 300, outputs, 0.3), 1000)
            low, high = np.quantile(drawn, (0.025, 0.975), axis=0)
            covered.append((low <= [0.4, 0.9, 0.2]) & (high >= [0.4, 0.9, 0.2]))
        assert (np.mean(covered, 0) > 0.95 - 4 * math.sqrt(0.95 * 0.05 / 200)).all()
