import math
import re

import numpy as np
import pytest
import scipy.integrate
import scipy.stats

from experiments import cli
from experiments.questions import logs, plan
from experiments.questions.plan.loop import Loop
from experiments.questions.plan.prompts import draws, giving_up, measure, needed, prompts
from experiments.questions.plan.simulate import simulate
from theory import budget

RATES = ["--tpr", ".9", "--fpr", ".2"]
LOOP = [*RATES, "--initial", ".3"]


def screen(capsys, *arguments):
    """What `infoloop plan` prints, on one line without the breaks."""
    assert cli.main(["plan", *arguments]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) <= 34 and max(map(len, lines)) <= 100
    return " ".join(" ".join(lines).split())


def found(pattern, text):
    """The numbers that the pattern catches."""
    match = re.search(pattern, text)
    assert match, text
    return [float(group.replace(",", "")) for group in match.groups()]


def table(kind, text):
    """Accuracy, verdicts and rounds of a row without intervals."""
    return found(rf"{kind} (?:over )?([\d.]+) % ([\d,.]+) ([\d,.]+)", text)


def labels(path, rows, tpr=0.8, fpr=0.3, seed=0):
    rng = np.random.default_rng(seed)
    truth = rng.random(rows) < 0.4
    verdict = rng.random(rows) < np.where(truth, tpr, fpr)
    path.write_text("verdict,truth\n" + "".join(f"{int(v)},{int(t)}\n" for v, t in zip(verdict, truth, strict=True)))
    return path


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


def test_the_screen_says_what_the_theory_says(capsys):
    text = screen(capsys, *LOOP, "--goal", ".99", "--verdicts", "50", "--candidates", "4")
    sizes = np.arange(1, 65)
    end = budget.fixation(sizes, (0.9, 0.2), 0.3)
    size = int(np.argmax(np.asarray(end.correct) >= 0.99)) + 1
    assert found(r"rounds of (\d+) accepted samples until one kind is left", text) == [size]
    fresh = [100 * float(end.correct[size - 1]), float(end.verdicts[size - 1]), float(end.generations[size - 1])]
    assert table("independent", text) == pytest.approx(fresh, abs=0.05)
    accepted = 0.3 * 0.9 + 0.7 * 0.2
    drift = budget.fixation(size, (1.0, 1.0), 0.27 / accepted)  # all are accepted after the first round
    lasting = [100 * 0.27 / accepted, size / accepted + size * float(drift.generations - 1), float(drift.generations)]
    assert table("persistent", text) == pytest.approx(lasting, abs=0.05)
    limited = budget.hard_limit((0.9, 0.2), 0.3, 50)
    shown = found(r"independent .*? % \S+ \S+ ([\d.]+) % .* samples to fixation .*, (\d+) under the hard limit", text)
    assert shown == pytest.approx([100 * (1 - limited.wrong), limited.size], abs=0.01)
    nats = float(budget.verifier_capacity((0.9, 0.2)))
    assert found(r"at most ([\d.]+) nats \(([\d.]+) bits\)", text) == pytest.approx(
        [nats, nats / math.log(2)], abs=0.0006
    )
    least = float(budget.information_needed(0.01, [0.25] * 4)) / nats
    (shown,) = found(r"at least ([\d.]+) verdicts on average for any method .* 4 answers, equally likely", text)
    assert least - 0.1 <= shown <= least and "this loop starts better, with 30 % correct" in text


def test_errors_that_persist_come_first(capsys):
    """The goal that independent errors reach is not reached, and what would reach it is said."""
    text = screen(capsys, *LOOP, "--goal", ".9")
    assert "IF ERRORS PERSIST THE GOAL OF 90 % IS NOT REACHED: 65.85 % of what is accepted is correct after" in text
    assert text.index("IF ERRORS PERSIST") < text.index("if errors are independent")
    (ratio, number, two) = found(r"of LR ([\d.]+) or more .* with (\d+) verifiers .* \(2: ([\d.]+) %\)", text)

    def after(verifier):
        return float(budget.persistent_rounds(verifier, 0.3, 1.0, 1))

    assert after((0.9, 0.9 / ratio)) == pytest.approx(0.9, abs=1e-3)
    pair = budget.both((0.9, 0.2), (0.9, 0.2))
    assert 100 * after(pair) == pytest.approx(two, abs=0.01) and two < 90
    assert number == 3 and after(budget.both(pair, (0.9, 0.2))) > 0.9
    good = screen(capsys, "--tpr", ".9", "--fpr", ".01", "--initial", ".3", "--goal", ".9")
    assert "THE GOAL OF 90 % IS REACHED" in good and "it needs" not in good


def test_one_row_where_it_is_told_how_errors_are(capsys):
    only = screen(capsys, *LOOP, "--goal", ".9", "--errors", "independent")
    assert "PERSIST" not in only and not re.search(r"persistent [\d.]", only)
    missed = screen(capsys, *LOOP, "--goal", ".99", "--errors", "independent", "--round-size", "2")
    assert "(goal 99 % NOT reached); rounds of 5 reach it" in missed
    only = screen(capsys, *LOOP, "--goal", ".9", "--errors", "persistent")
    assert (
        "IF ERRORS PERSIST" in only
        and "if errors are independent" not in only
        and not re.search(r"independent [\d.]", only)
    )
    both = screen(capsys, *LOOP, "--round-size", "7", "--errors", "30%")
    kinds = budget.persistent_kinds((0.9, 0.2), 0.3, 0.3)
    exact = float(np.asarray(budget.ends_with(7, *kinds[:2]))[kinds.correct].sum())
    assert table("share 30 %", both)[0] == pytest.approx(100 * exact, abs=0.01)
    assert re.search(r"independent [\d.]", both) and re.search(r"persistent [\d.]", both)
    rounds = np.arange(50)
    path = np.asarray(budget.persistent_rounds((0.9, 0.2), 0.3, 0.3, rounds))
    shown = found(r"best stopped after (\d+) rounds, at ([\d.]+) %, and fall to ([\d.]+) %", both)
    assert shown == pytest.approx([path.argmax(), 100 * path.max(), 100 * path[1]], abs=0.01)


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


def test_filtering_is_another_protocol(capsys):
    text = screen(capsys, *LOOP, "--round-size", "6", "--protocol", "filtering")
    end = budget.fixation(6, (0.9, 0.2), 0.3, until_kept=False)
    assert "filtering: a round proposes n, costs n verdicts" in text
    assert table("independent", text)[0] == pytest.approx(100 * float(end.correct), abs=0.01)
    assert "until-kept: rejection sampling until n are accepted" in screen(capsys, *LOOP, "--round-size", "6")
    assert cli.main(["plan", *LOOP, "--round-size", "5001", "--protocol", "filtering"]) == 2
    assert "--round-size: 5001 was given; accepted: 1 to 5,000" in capsys.readouterr().err.splitlines()[-1]


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


@pytest.mark.slow
def test_the_verdicts_solved_for_are_enough_and_fewer_are_not(capsys):
    case = [*RATES, "--initial", ".1", "--goal", ".95"]
    takes, rounds = found(r"\(goal 95 %\), ([\d,.]+) verdicts in ([\d.]+) rounds", text := screen(capsys, *case))
    assert table("independent", text)[1:] == [takes, rounds]
    (needed_,) = found(
        r"10 verdicts a prompt: not enough .* it takes ([\d,.]+) or more", screen(capsys, *case, "--verdicts", "10")
    )
    assert -0.05 <= needed_ - takes <= 1.05
    assert "a prompt: enough to end" in screen(capsys, *case, "--verdicts", str(int(needed_)))
    assert "a prompt: not enough" in screen(capsys, *case, "--verdicts", str(int(needed_) - 1))


@pytest.mark.slow
@pytest.mark.parametrize("extra", [["--verdicts", "100"], ["--round-size", "11"]])
def test_the_fpr_solved_for_gives_the_goal_and_a_larger_one_does_not(capsys, extra):
    case = ["--tpr", ".9", "--initial", ".3", "--goal", ".99", "--errors", "independent", *extra]
    (fpr,) = found(r"an fpr of at most ([\d.]+) is good enough", screen(capsys, *case))
    assert "NOT" not in (good := screen(capsys, *case, "--fpr", str(fpr))) and "not enough" not in good
    bad = screen(capsys, *case, "--fpr", f"{fpr + 0.02:.4f}")
    assert "not enough" in bad or "NOT reached" in bad
    if "--round-size" in extra:
        assert fpr == pytest.approx(0.9 * float(budget.accuracy(11, 0.3, 0.99)), abs=2e-4)


def test_the_fpr_solved_for_holds_if_errors_persist(capsys):
    """Where both are asked for the smaller one is taken; one round decides, whatever the budget."""
    case = ["--tpr", ".9", "--initial", ".3", "--goal", ".9"]
    (fpr,) = found(
        r"at most ([\d.]+) is good enough at tpr 0.9 if errors are persistent",
        screen(capsys, *case, "--errors", "persistent"),
    )
    assert fpr == pytest.approx(0.9 * 0.3 * 0.1 / (0.7 * 0.9), abs=2e-5)
    text = screen(capsys, *case, "--verdicts", "60")
    fresh, lasting = found(
        r"at most ([\d.]+) .* independent .* at most ([\d.]+) .* persistent; below: the smaller", text
    )
    assert lasting == fpr < fresh and "IS REACHED" in text
    unequal = [*case, "--spread", ".3", "--errors", "persistent"]
    (fpr,) = found(r"an fpr of at most ([\d.]+) is", screen(capsys, *unequal))
    assert prompts(0.3, 0.9, fpr, spread=0.3).one_round() == pytest.approx(0.9, abs=1e-3)


@pytest.mark.slow
def test_success_of_a_budget_without_a_goal(capsys):
    text = screen(capsys, *LOOP, "--verdicts", "20")
    (size,) = found(r"rounds of (\d+) accepted samples until", text)
    costs = budget.fixation(np.array([size, size + 1], int), (0.9, 0.2), 0.3).verdicts
    assert costs[0] <= 20 < costs[1]


@pytest.mark.parametrize(
    ("case", "message"),
    [
        (".3 .6 .3 .9", "drives the correct answers OUT"),
        (
            ".5 .5 .3 .9",
            "carries no information: whatever the rounds, the loop ends correct as often as it began, 30 %",
        ),
        (".3 .6 .3 .9", "no budget lets this loop reach 90 %"),
        (".6 .58 .001 .99", "no round of up to 1,024 reaches 99 %"),
    ],
)
def test_a_verifier_that_cannot_help(capsys, case, message):
    tpr, fpr, initial, goal = case.split()
    assert message in screen(capsys, "--tpr", tpr, "--fpr", fpr, "--initial", initial, "--goal", goal)


@pytest.mark.slow
def test_intervals_hold_the_truth_and_widen_with_fewer_rows(tmp_path, capsys):
    widths = []
    true = budget.fixation(6, (0.8, 0.3), 0.4)
    for rows in (2000, 200):
        path = labels(tmp_path / f"{rows}.csv", rows)
        text = screen(capsys, "--data", str(path), "--initial", ".4", "--round-size", "6", "--verdicts", "60")
        for name, value in {"tpr": 0.8, "fpr": 0.3}.items():
            low, high = found(rf"{name} [\d.]+ \[95 %: ([\d.]+) to ([\d.]+)", text)
            assert low <= value <= high
        low, high, cheap, dear = found(
            r"independent [\d.]+ % \[([\d.]+) to ([\d.]+)\] [\d.]+ \[([\d.]+) to ([\d.]+)\]", text
        )
        assert low <= 100 * float(true.correct) <= high and cheap - 0.5 <= float(true.verdicts) <= dear + 0.5
        least, most = found(r"carries at most [\d.]+ \[95 %: ([\d.]+) to ([\d.]+)\]", text)
        widths.append(most - least)
        assert "CAREFUL" not in text
    assert widths[1] > 2 * widths[0]


@pytest.mark.parametrize("rows", [(1, 0, 0, 1), (0, 2, 1, 0)], ids=str)
def test_estimates_lie_in_their_intervals(tmp_path, capsys, rows):
    """However few labels there are, and where the verifier was never seen to err."""
    lines = np.repeat(["1,1\n", "0,1\n", "1,0\n", "0,0\n"], rows)
    (tmp_path / "x.csv").write_text("verdict,truth\n" + "".join(lines))
    shown = screen(capsys, "--data", str(tmp_path / "x.csv"), "--initial", ".3", "--round-size", "4")
    pattern = r"([\d.e-]+)(?: %)? \[(?:95 %: )?(?:under )?([\d.e-]+)(?: %)? to (?:over )?([\d,.e-]+)"
    intervals = re.findall(pattern, shown)
    assert len(intervals) >= 5
    for value, low, high in intervals:
        assert float(low) <= float(value) <= float(high.replace(",", "")), shown


@pytest.mark.slow
def test_labels_may_leave_the_goal_open(tmp_path, capsys):
    options = ["--initial", ".4", "--goal", ".95", "--errors", "independent", "--data"]
    few = screen(capsys, *options, str(labels(tmp_path / "few.csv", 40)))
    assert "(goal 95 %; so few labels leave that OPEN)" in few
    enough = screen(capsys, *options, str(labels(tmp_path / "many.csv", 20_000)), "--round-size", "14")
    assert "(goal 95 %)" in enough and "OPEN" not in enough
    assert "leave that OPEN" in screen(capsys, "--data", str(tmp_path / "few.csv"), "--goal", ".65")


def test_the_converse_says_where_it_starts(capsys):
    """From even odds: no loop that starts there, or below, takes fewer verdicts; one that starts above may."""
    for size in (1, 2, 7):
        end = budget.fixation(size, (0.9, 0.2), 0.5)
        goal = f"{float(end.correct):.6f}"
        text = screen(capsys, *RATES, "--initial", ".5", "--goal", goal, "--round-size", str(size))
        (least,) = found(r"at least ([\d.]+) verdicts? on average", text)
        assert 0 < least <= float(end.verdicts) and "starts better" not in text
    text = screen(capsys, "--tpr", ".9", "--fpr", ".7", "--initial", ".95", "--goal", ".96")
    least, takes = found(r"at least ([\d.]+) verdicts", text)[0], table("independent", text)[1]
    assert least > takes and "this loop starts better, with 95 % correct, and may take fewer" in text


def test_both_budgets_are_answered_side_by_side(capsys):
    """An average that is shared leaves fewer wrong than a limit of each run; large limits are simulated."""
    text = screen(capsys, "--tpr", ".8", "--fpr", ".4", "--initial", ".3", "--verdicts", "100")
    assert found(r"independent ([\d.]+) % \S+ \S+ ([\d.]+) %", text) == [98.8, 92.61]
    assert found(r"(\d+) accepted samples to fixation \[the largest .* (\d+) under the hard limit \[best", text) == [
        10,
        7,
    ]
    large = screen(capsys, *LOOP, "--verdicts", "2001", "--round-size", "3")
    share, error = found(r"independent [\d.]+ % \S+ \S+ ([\d.]+) ± ([\d.]+) %", large)
    assert share == pytest.approx(table("independent", large)[0], abs=5 * error)
    few = screen(capsys, *LOOP, "--verdicts", "1", "--round-size", "3")
    assert "1 verdict a prompt: not enough to end" in few and "too few for a round" in few


def test_one_of_something_is_no_plural(capsys):
    text = screen(capsys, *LOOP, "--round-size", "1", "--verdicts", "3")
    assert "rounds of 1 accepted sample until" in text and "2.4 verdicts in 1 round a prompt" in text
    assert not re.search(r"(?<![\d.,])1 (rounds|verdicts|accepted samples)\b", text)


@pytest.mark.parametrize("width", [40, 60, 80])
def test_the_screen_fits_the_terminal(width):
    question = plan.Question(0.3, 0.9, 0.2, goal=0.99, verdicts=300)
    wide, narrow = (plan.lines(question, plan.answer(question), n) for n in (100, width))
    assert max(map(len, narrow)) <= width and " ".join(" ".join(narrow).split()) == " ".join(" ".join(wide).split())


@pytest.mark.parametrize("written", ["1e3", "1,000"])
def test_numbers_as_people_write_them(capsys, written):
    shown = screen(capsys, "--tpr", "90%", "--fpr", "20 %", "--initial", "30%", "--goal", "99%", "--verdicts", written)
    assert shown == screen(capsys, *LOOP, "--goal", ".99", "--verdicts", "1000")


def test_the_answer_is_in_numbers():
    """What the screen says is what `answer` computes; many candidates take no memory."""
    question = plan.Question(initial=0.3, tpr=0.9, fpr=0.2, goal=0.99, verdicts=300, candidates=10**18)
    answer, few = plan.answer(question), plan.answer(question._replace(candidates=7))
    end = budget.fixation(answer.size, (0.9, 0.2), 0.3)
    fresh, lasting = answer.rows
    assert answer.cheapest == answer.size == 5 and answer.measured is None
    assert fresh.accuracy == pytest.approx([float(end.correct)] * 3, abs=1e-12)
    assert lasting.accuracy == answer.one_round == pytest.approx([27 / 41] * 3)
    nats = 0.99 * math.log(10**18) + 0.01 * math.log(0.01) + 0.99 * math.log(0.99)
    capacity = float(budget.verifier_capacity((0.9, 0.2)))
    assert answer.least == pytest.approx(nats / capacity, rel=1e-12)
    assert few.least == pytest.approx(float(budget.information_needed(0.01, [1 / 7] * 7)) / capacity, abs=1e-12)
    assert answer.needed == needed(prompts(0.3, 0.9, 0.2), 0.99)


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
def test_the_file_says_where_the_loop_starts(tmp_path, capsys):
    path = str(labels(tmp_path / "x.csv", 100))
    initial = measure(logs.read(path)).rates[0]
    text = screen(capsys, "--data", path, "--round-size", "4")
    assert "100 outputs of 2 columns, header verdict,truth" in text
    assert f"at the start {100 * initial:.4g} % [95 %: " in text and "the file's share" in text
    given = screen(capsys, "--data", path, "--round-size", "4", "--initial", repr(initial))
    assert f"at the start {100 * initial:.4g} % correct, as given" in given


@pytest.mark.slow
def test_too_few_labels_are_called_so(tmp_path, capsys):
    path = labels(tmp_path / "x.csv", 24, tpr=0.5)
    text = screen(capsys, "--data", str(path), "--initial", ".4", "--goal", ".99", "--verdicts", "60")
    assert "do not show that the verifier carries information" in text


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
