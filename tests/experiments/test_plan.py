import math
import re

import numpy as np
import pytest

from experiments import cli
from experiments.questions import plan
from theory import budget

RATES = ["--tpr", ".9", "--fpr", ".2"]
LOOP = [*RATES, "--initial", ".3"]


def screen(capsys, *arguments):
    """What `infoloop plan` prints, on one line without the breaks."""
    assert cli.main(["plan", *arguments]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) <= 32 and max(map(len, lines)) <= 100
    return " ".join(" ".join(lines).split())


def found(pattern, text):
    """The numbers that the pattern catches."""
    match = re.search(pattern, text)
    assert match, text
    return [float(group.replace(",", "")) for group in match.groups()]


def labels(path, rows, tpr=0.8, fpr=0.3, seed=0):
    rng = np.random.default_rng(seed)
    truth = rng.random(rows) < 0.4
    verdict = rng.random(rows) < np.where(truth, tpr, fpr)
    path.write_text("verdict,truth\n" + "".join(f"{int(v)},{int(t)}\n" for v, t in zip(verdict, truth, strict=True)))
    return path


def test_the_screen_says_what_the_theory_says(capsys):
    text = screen(capsys, *LOOP, "--goal", ".99", "--verdicts", "50", "--candidates", "4")
    sizes = np.arange(1, 65)
    end = budget.fixation(sizes, (0.9, 0.2), 0.3)
    size = int(np.argmax(np.asarray(end.correct) >= 0.99)) + 1
    assert found(r"rounds of (\d+) accepted samples until one kind is left", text) == [size]
    assert found(r"all correct with probability ([\d.]+) % \[exact", text) == pytest.approx(
        [100 * float(end.correct[size - 1])], abs=0.01
    )
    rounds, verdicts = found(r"it takes ([\d.]+) rounds and ([\d.]+) verdicts", text)
    assert rounds == pytest.approx(float(end.generations[size - 1]), abs=0.05)
    assert verdicts == pytest.approx(float(end.verdicts[size - 1]), abs=0.5)
    near = float(budget.kimura(size, math.log(4.5), 0.3))
    (shown,) = found(r"chain\]; ([\d.]+) % \[Kimura 1962\]", text)
    assert shown == pytest.approx(100 * near, abs=0.01)
    nats = float(budget.verifier_capacity((0.9, 0.2)))
    assert found(r"at most ([\d.]+) nats \(([\d.]+) bits\)", text) == pytest.approx(
        [nats, nats / math.log(2)], abs=0.0006
    )
    least = float(budget.information_needed(0.01, [0.25] * 4)) / nats
    (shown,) = found(r"at least ([\d.]+) verdicts on average for any method .* 4 answers, equally likely", text)
    assert least - 0.1 <= shown <= least and "this loop starts better, with 30 % correct" in text
    stopped, limited = (of((0.9, 0.2), 0.3, 50) for of in (budget.until_fixation, budget.hard_limit))
    share, size = found(r"on average 50 verdicts .* probability ([\d.]+) % in rounds of (\d+) \[exact", text)
    assert share == pytest.approx(100 * (1 - stopped.wrong), abs=0.01) and size == stopped.size
    share, size = found(r"hard limit of 50 .* accuracy ([\d.]+) % in rounds of (\d+) \[exact: best", text)
    assert share == pytest.approx(100 * (1 - limited.wrong), abs=0.01) and size == limited.size


@pytest.mark.slow
def test_the_verdicts_solved_for_are_enough_and_fewer_are_not(capsys):
    case = [*RATES, "--initial", ".1", "--goal", ".95"]
    takes, rounds = found(
        r"until one kind is left: ([\d,.]+) verdicts in ([\d.]+) rounds", text := screen(capsys, *case)
    )
    assert found(r"it takes ([\d.]+) rounds and ([\d,.]+) verdicts", text) == [rounds, takes]
    (needed,) = found(
        r"10 verdicts: not enough .* it takes ([\d,.]+) or more", screen(capsys, *case, "--verdicts", "10")
    )
    assert -0.05 <= needed - takes <= 1.05
    assert "verdicts: enough (" in screen(capsys, *case, "--verdicts", str(int(needed)))
    assert "verdicts: not enough" in screen(capsys, *case, "--verdicts", str(int(needed) - 1))


@pytest.mark.slow
@pytest.mark.parametrize("extra", [["--verdicts", "100"], ["--round-size", "11"]])
def test_the_fpr_solved_for_gives_the_goal_and_a_larger_one_does_not(capsys, extra):
    case = ["--tpr", ".9", "--initial", ".3", "--goal", ".99", *extra]
    (fpr,) = found(r"an fpr of at most ([\d.]+) is good enough", screen(capsys, *case))
    assert "(goal 99 %)" in (good := screen(capsys, *case, "--fpr", str(fpr))) and "not enough" not in good
    bad = screen(capsys, *case, "--fpr", f"{fpr + 0.02:.4f}")
    assert "not enough" in bad or "miss the goal" in bad
    if "--round-size" in extra:
        assert fpr == pytest.approx(0.9 * float(budget.accuracy(11, 0.3, 0.99)), abs=2e-4)


@pytest.mark.slow
def test_success_of_a_budget_without_a_goal(capsys):
    text = screen(capsys, *LOOP, "--verdicts", "20")
    (size,) = found(r"rounds of (\d+) accepted samples end correct", text)
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
        (".6 .58 .001 .99", "no round of up to 1024 reaches 99 %"),
    ],
)
def test_a_verifier_that_cannot_help(capsys, case, message):
    tpr, fpr, initial, goal = case.split()
    assert message in screen(capsys, "--tpr", tpr, "--fpr", fpr, "--initial", initial, "--goal", goal)


def test_filtering_is_another_protocol(capsys):
    text = screen(capsys, *LOOP, "--round-size", "6", "--protocol", "filtering")
    end = budget.fixation(6, (0.9, 0.2), 0.3, until_kept=False)
    assert "filtering: a round proposes n, costs n verdicts" in text
    assert found(r"all correct with probability ([\d.]+) %", text) == pytest.approx(
        [100 * float(end.correct)], abs=0.01
    )
    assert "until-kept: rejection sampling until n are accepted" in screen(capsys, *LOOP, "--round-size", "6")
    assert cli.main(["plan", *LOOP, "--round-size", "61", "--protocol", "filtering"]) == 2
    assert "--round-size: 61 was given; accepted: 1 to 60" in capsys.readouterr().err.splitlines()[-1]


def test_labels_are_counted(tmp_path, refused):
    (file := tmp_path / "x.csv").write_text("id,truth,verdict\n7,yes,keep\n8,no,keep\n9,no,keep\n10,false,drop\n")
    assert plan.read_counts(file)[0] == (1, 1, 2, 3)
    for text, message in (
        ("1,1\n0,1\n", "x.csv: no output whose truth is wrong was given; accepted: outputs of both kinds"),
        ("1,1\n0,perhaps\n", "line 2, column truth: 'perhaps' was given; accepted: 1 or 0"),
    ):
        file.write_text(text)
        assert message in refused("plan", "--verdicts-file", str(file), "--initial", ".4", "--goal", ".9")


@pytest.mark.slow
def test_intervals_hold_the_truth_and_widen_with_fewer_rows(tmp_path, capsys):
    widths = []
    true = budget.fixation(6, (0.8, 0.3), 0.4)
    for rows in (2000, 200):
        path = labels(tmp_path / f"{rows}.csv", rows)
        text = screen(capsys, "--verdicts-file", str(path), "--initial", ".4", "--round-size", "6", "--verdicts", "60")
        pairs = {"tpr": 0.8, "fpr": 0.3, "all correct with probability": 100 * float(true.correct)}
        for name, value in pairs.items():
            low, high = found(rf"{name} [\d.]+(?: %)? \[95 %: ([\d.]+)(?: %)? to ([\d.]+)", text)
            assert low <= value <= high
        low, high = found(r"rounds and [\d.]+ \[95 %: ([\d.]+) to ([\d.]+)\] verdicts", text)
        assert low <= float(true.verdicts) + 0.5 and float(true.verdicts) - 0.5 <= high
        widths.append(np.subtract(*found(r"carries at most [\d.]+ \[95 %: ([\d.]+) to ([\d.]+)\]", text)[::-1]))
        assert "CAREFUL" not in text
    assert widths[1] > 2 * widths[0]


@pytest.mark.parametrize("rows", [(1, 1, 0, 1), (3, 3, 0, 3), (0, 2, 1, 1), (4, 5, 1, 5)], ids=str)
def test_estimates_lie_in_their_intervals(tmp_path, capsys, rows):
    """However few labels there are, and where the verifier was never seen to err."""
    accepted_correct, correct, accepted_wrong, wrong = rows
    times = (accepted_correct, correct - accepted_correct, accepted_wrong, wrong - accepted_wrong)
    lines = np.repeat(["1,1\n", "0,1\n", "1,0\n", "0,0\n"], times)
    (tmp_path / "x.csv").write_text("".join(lines))
    shown = screen(capsys, "--verdicts-file", str(tmp_path / "x.csv"), "--initial", ".3", "--round-size", "4")
    intervals = re.findall(r"([\d.]+)(?: %)? \[95 %: (?:under )?([\d.]+)(?: %)? to (?:over )?([\d,.]+)", shown)
    assert len(intervals) >= 5
    for value, low, high in intervals:
        assert float(low) <= float(value) <= float(high.replace(",", "")), shown


@pytest.mark.slow
def test_labels_may_leave_the_goal_open(tmp_path, capsys):
    options = ["--initial", ".4", "--goal", ".95", "--verdicts-file"]
    few = screen(capsys, *options, str(labels(tmp_path / "few.csv", 40)))
    low, high = found(r"all correct with probability [\d.]+ % \[95 %: ([\d.]+) % to (?:over )?([\d.]+) %\]", few)
    assert low < 95 < high and "(goal 95 %); so few labels leave that OPEN" in few
    enough = screen(capsys, *options, str(labels(tmp_path / "many.csv", 20_000)), "--round-size", "14")
    assert "goal 95 %" in enough and "OPEN" not in enough


def test_the_converse_says_where_it_starts(capsys):
    """From even odds: no loop that starts there, or below, takes fewer verdicts; one that starts above may."""
    for size in (1, 2, 7):
        end = budget.fixation(size, (0.9, 0.2), 0.5)
        goal = f"{float(end.correct):.6f}"
        text = screen(capsys, *RATES, "--initial", ".5", "--goal", goal, "--round-size", str(size))
        (least,) = found(r"at least ([\d.]+) verdicts? on average", text)
        assert 0 < least <= float(end.verdicts) and "starts better" not in text
    text = screen(capsys, "--tpr", ".9", "--fpr", ".7", "--initial", ".95", "--goal", ".96")
    least, takes = found(r"at least ([\d.]+) verdicts", text) + found(r"and ([\d.]+) verdicts? on average", text)
    assert least > takes and "this loop starts better, with 95 % correct, and may take fewer" in text


def test_both_budgets_are_answered_side_by_side(capsys):
    """An average that is shared leaves fewer wrong than a limit of each run; large limits are not computed."""
    text = screen(capsys, "--tpr", ".8", "--fpr", ".4", "--initial", ".3", "--verdicts", "100")
    assert found(r"probability ([\d.]+) % in rounds of (\d+) \[exact: the largest paid", text) == [98.8, 10]
    assert found(r"accuracy ([\d.]+) % in rounds of (\d+) \[exact: best", text) == [92.61, 7]
    large = screen(capsys, *LOOP, "--verdicts", "2001", "--round-size", "3")
    assert "hard limit of 2,001 verdicts in each run: not computed above 2,000" in large
    few = screen(capsys, *LOOP, "--verdicts", "1", "--round-size", "3")
    assert "1 verdict a run: too few for runs that end" in few and "too few for a round of 3" in few


def test_one_of_something_is_no_plural(capsys):
    text = screen(capsys, *LOOP, "--round-size", "1", "--verdicts", "3")
    assert "rounds of 1 accepted sample end correct" in text and "it takes 1 round and 2.4 verdicts" in text
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
    assert answer.cheapest == answer.size == 5 and answer.correct.value == pytest.approx(float(end.correct), abs=1e-12)
    assert answer.correct.low is None and answer.num_draws == 0
    nats = 0.99 * math.log(10**18) + 0.01 * math.log(0.01) + 0.99 * math.log(0.99)
    capacity = float(budget.verifier_capacity((0.9, 0.2)))
    assert answer.least.value == pytest.approx(nats / capacity, rel=1e-12)
    needed = float(budget.information_needed(0.01, [1 / 7] * 7))
    assert few.least.value == pytest.approx(needed / capacity, abs=1e-12)


def test_the_file_says_where_the_loop_starts(tmp_path, capsys):
    path = str(labels(tmp_path / "x.csv", 100))
    counts, _ = plan.read_counts(tmp_path / "x.csv")
    options = ["--verdicts-file", path, "--round-size", "4"]
    text = screen(capsys, *options)
    assert "100 rows of 2 columns, header verdict,truth" in text
    assert f"start {100 * counts.accuracy:.4g} % correct, the file's share" in text
    given = screen(capsys, *options, "--initial", repr(counts.accuracy))
    assert given == text.replace("the file's share", "as given")


@pytest.mark.slow
def test_too_few_labels_are_called_so(tmp_path, capsys):
    path = labels(tmp_path / "x.csv", 24, tpr=0.5)
    text = screen(capsys, "--verdicts-file", str(path), "--initial", ".4", "--goal", ".99", "--verdicts", "60")
    assert "do not show that the verifier carries information" in text and "to over" in text


def test_rates_of_many_simulated_files_are_covered(tmp_path):
    covered = []
    for seed in range(200):
        tpr, _ = plan.read_counts(labels(tmp_path / "x.csv", 100, seed=seed))[0].draws(400)
        low, high = np.quantile(tpr, (0.025, 0.975))
        covered.append(low <= 0.8 <= high)
    assert np.mean(covered) > 0.95 - 4 * math.sqrt(0.95 * 0.05 / 200)
