import math
import re

import numpy as np
import pytest
from plan_screen import LOOP, RATES, found, screen, table

from experiments import cli
from experiments.questions import logs, plan
from experiments.questions.plan.prompts import measure, needed, prompts
from theory import budget


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


def test_filtering_is_another_protocol(capsys):
    text = screen(capsys, *LOOP, "--round-size", "6", "--protocol", "filtering")
    end = budget.fixation(6, (0.9, 0.2), 0.3, until_kept=False)
    assert "filtering: a round proposes n, costs n verdicts" in text
    assert table("independent", text)[0] == pytest.approx(100 * float(end.correct), abs=0.01)
    assert "until-kept: rejection sampling until n are accepted" in screen(capsys, *LOOP, "--round-size", "6")
    assert cli.main(["plan", *LOOP, "--round-size", "5001", "--protocol", "filtering"]) == 2
    assert "--round-size: 5001 was given; accepted: 1 to 5,000" in capsys.readouterr().err.splitlines()[-1]


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
