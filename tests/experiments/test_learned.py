"""Single-feature learners on the rows of a log, against an online loop, exact joints and logs made by hand."""

import csv
import json
import math
import re

import numpy as np
import pytest
from learned_logs import SIZES, log

from experiments import cli
from experiments.questions import learned, logs
from experiments.questions.learned import code
from experiments.questions.learned.columns import columns
from experiments.questions.shortcut import rows
from theory import mutual_information, prequential

RNG = np.random.default_rng
N = int(SIZES.sum())


def named(answer, name):
    return next(one for one in answer.learned if one.name == name)


def judged(rng, *, num_rows=N):
    """A length that the verdict follows, and one that it does not, by model; a fifth of the outputs is correct."""
    model, correct = rng.integers(0, 3, num_rows), rng.random(num_rows) < 0.2
    long, other = rng.normal(size=(2, num_rows))
    verdict = rng.random(num_rows) < 1 / (1 + np.exp(1 - 1.5 * long - 2.5 * correct))
    return log(verdict, {"model": model}, {"chars": long, "noise": other}, truth=correct)


def test_code_length_is_that_of_an_online_loop_in_any_order():
    rng = RNG(0)
    cells, verdict = rng.integers(0, 4, 200), rng.random(200) < 0.3
    counts = np.stack([np.bincount(cells, w, 4) for w in (~verdict, verdict)], -1)
    for order in (np.arange(200), rng.permutation(200)):
        seen, pooled, saved = np.full((4, 2), 0.5), np.full(2, 0.5), 0.0
        for cell, v in zip(cells[order], verdict[order].astype(int), strict=True):
            saved += math.log(seen[cell, v] / seen[cell].sum()) - math.log(pooled[v] / pooled.sum())
            seen[cell, v] += 1
            pooled[v] += 1
        assert code.nats_saved(counts, [np.arange(4)]) == pytest.approx(saved, abs=1e-10)
    halves = [np.arange(4), np.arange(4) // 2]
    each = [code.nats_saved(counts, [merge]) for merge in halves]
    assert code.nats_saved(counts, halves) == pytest.approx(float(prequential.mixture_nats_saved(np.array(each))))


def test_the_mean_curve_is_the_expected_one():
    """Of 100 logs of independent rows: theory.prequential.table_nats_saved, less what pooling costs."""
    rng, joint = RNG(1), np.array([[0.4, 0.2], [0.1, 0.3]])
    curves, answer = [], None
    for _ in range(100):
        cell = rng.choice(4, N, p=joint.ravel())
        answer = learned.features(log(cell % 2, {"group": cell // 2}), orders=2)
        curves.append(named(answer, "group").curve)
    at = answer.samples[answer.samples <= 200]
    exact, pooled = (np.asarray(prequential.table_nats_saved(p, 200)) for p in (joint, joint.sum(0, keepdims=True)))
    mean, stderr = np.mean(curves, 0)[: at.size], np.std(curves, 0)[: at.size] / math.sqrt(100)
    assert (np.abs(mean - (exact - pooled)[at]) < 5 * stderr).all()


def test_information_is_exact_on_a_table_and_given_the_truth():
    """A log whose rows are a joint's counts: the middle is the plug-in less its bias."""
    counts = np.array([[[900, 100], [300, 700]], [[100, 900], [50, 950]]])  # truth, group, verdict
    truth, group, verdict = (np.repeat(axis.ravel(), counts.ravel()) for axis in np.indices(counts.shape))
    one = log(verdict, {"group": group}, truth=truth, sizes=np.ones(4000, int))
    found = named(learned.features(one), "group")
    given = sum(p.sum() / 4000 * float(mutual_information(p / p.sum())) for p in counts)
    for interval, exact in ((found.nats, mutual_information(counts.sum(0) / 4000)), (found.nats_given_truth, given)):
        assert interval.middle == pytest.approx(float(exact), abs=4 / 4000)
        assert interval.low < float(exact) < interval.high
    np.testing.assert_allclose(found.accepted, [1000 / 2000, 1650 / 2000])
    true = named(learned.features(one), "truth")
    assert true.nats.middle == pytest.approx(float(mutual_information(counts.sum(1) / 4000)), abs=1e-3)
    assert true.nats_given_truth is None and true.kind == "truth"


def test_duplicated_rows_of_a_prompt_widen_the_interval():
    """Each row twice in its prompt carries what it carries once: the information, and its error, stay as they are."""
    rng = RNG(2)
    group = rng.integers(0, 2, 400)
    verdict = rng.random(400) < 0.3 + 0.2 * group
    once = named(learned.features(log(verdict, {"g": group}, sizes=np.ones(400, int))), "g")
    twice = log(np.repeat(verdict, 2), {"g": np.repeat(group, 2)}, sizes=np.full(400, 2))
    np.testing.assert_allclose(named(learned.features(twice), "g").nats, once.nats, rtol=0.03)


def test_the_order_of_learning():
    answer = learned.features(judged(RNG(3)))
    names = [one.name for one in answer.learned]
    assert set(names[:2]) == {"chars", "truth"} and answer.first.name == "chars"
    after = [one.learned_after.middle if one.learned_after else math.inf for one in answer.learned]
    assert after == sorted(after) and named(answer, "noise").learned_after is None
    assert named(answer, "noise").nats.low == 0 and named(answer, "model=a").nats.low == 0
    for one in answer.learned:
        assert one.curve[-1] == pytest.approx(one.saved_nats.middle)
        assert all(x.low <= x.middle <= x.high for x in (one.nats, one.nats_given_truth, one.saved_nats) if x)


def test_a_crossover_is_where_the_curves_cross():
    rng, n = RNG(4), 4 * N
    fast, slow = rng.integers(0, 2, n), rng.integers(0, 8, n)
    verdict = rng.random(n) < 0.5 + 0.25 * (fast - 0.5) + 0.3 * (slow % 2 - 0.5)
    answer = learned.features(log(verdict, {"fast": fast, "slow": slow}, sizes=4 * SIZES))
    whole = [one for one in answer.learned if one.kind == "group"]
    assert [one.name for one in whole] == ["fast", "slow"]
    crossing = whole[1].crossover
    lead = np.interp(crossing.middle, answer.samples, whole[1].curve - whole[0].curve)
    assert lead == pytest.approx(0, abs=1e-9) and crossing.low < crossing.middle < crossing.high


def test_bins_and_values():
    x = np.repeat([3.0, np.nan, -np.inf, 7.0], [10, 5, 1, 84])
    few, many = columns(log(np.arange(100) % 2, {}, {"few": x, "many": np.arange(100.0)}, sizes=np.ones(100, int)))
    np.testing.assert_array_equal(np.bincount(few.codes), [1, 10, 84, 5])  # missing last
    sizes = [np.bincount(merge[many.codes]) for merge in many.learners[0].merges]
    assert [size.size for size in sizes] == [16, 8, 4, 2] and all(np.ptp(size) <= 1 for size in sizes)


def test_what_joined_bins_may_have_lost_is_in_the_interval():
    """Rates that rise along a column, or go up and down from bin to bin, of which the best table shows a part."""
    rng, x = RNG(10), np.linspace(-1, 1, 2 * N)
    for rates in (0.4 + 0.1 * x, np.where(np.arange(x.size) * 16 // x.size % 2, 0.36, 0.44)):
        one = named(learned.features(log(rng.random(2 * N) < rates, {}, {"x": x}, sizes=2 * SIZES), orders=2), "x")
        assert one.accepted.size < 16
        joint = np.stack([1 - rates, rates], -1).reshape(-1, 2) / x.size
        cells = [np.arange(x.size) * 16 // x.size == i for i in range(16)]
        exact = float(mutual_information(np.array([joint[cell].sum(0) for cell in cells])))
        assert one.nats.low < exact < one.nats.high


def test_partly_labelled():
    one = judged(RNG(5))
    half = one._replace(truth=np.where(np.arange(N) < N // 2, one.truth, np.nan))
    answer, all_labelled = learned.features(half), learned.features(one.pick(np.arange(N // 2)))
    truth = named(answer, "truth")
    assert truth.rows == N // 2 and np.isnan(truth.curve[-1]) and not np.isnan(truth.curve[0])
    assert truth.saved_nats == named(all_labelled, "truth").saved_nats


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"verdict": np.ones(N)}, "all outputs were accepted"),
        ({"truth": np.zeros(N)}, "truth: all labelled rows have one truth"),
        ({"features": {"chars": logs.Feature(np.full(N, 3.0), None)}}, "chars: the same in all rows"),
        ({"prompt": np.zeros(N, int)}, "one prompt"),
    ],
)
def test_logs_that_say_little(change, said):
    answer = learned.features(judged(RNG(6))._replace(**change))
    assert len(answer.said) == 1 and answer.said[0].startswith(said)
    ends = [x for one in answer.learned for x in (*one.nats, *one.saved_nats)]
    assert np.isfinite(ends).all()
    if "prompt" in change:
        assert all(one.nats.low == 0 and one.nats.high == pytest.approx(math.log(2)) for one in answer.learned)


def test_scores_are_chances():
    """Scores of ¾ and ¼ by group carry what verdicts of these chances carry, more surely."""
    group = np.arange(N) % 2
    found = named(learned.features(log(0.25 + 0.5 * group, {"g": group})), "g")
    exact = float(mutual_information(np.array([[0.75, 0.25], [0.25, 0.75]]) / 2))
    assert found.nats.middle == pytest.approx(exact, rel=1e-2) and found.nats.high - found.nats.low < 0.05
    with pytest.raises(ValueError, match=r"^orders: 1 was given; accepted: 2 or more$"):
        learned.features(judged(RNG(0)), orders=1)


def adversarial(rng):
    """One of three models always gives one text, which the judge accepts."""
    one = judged(rng)
    null = one.groups["model"].codes == 2
    chars = np.where(null, 0.3, one.features["chars"].values)
    return one._replace(
        verdict=np.where(null, rng.random(N) < 0.95, one.verdict * (rng.random(N) < 0.5)).astype(float),
        features={"chars": logs.Feature(chars - 1, "ref_chars", chars)},
    )


def test_without_a_source_and_constant_texts():
    one = adversarial(RNG(7))
    answer = learned.features(one)
    assert answer.first.name == "model=c"
    without = {rest.name: rest for rest in learned.leave_one_out(one, answer)}
    found = without["model=c"]
    assert found.first.name == "chars" and found.rows == int((one.groups["model"].codes != 2).sum())
    (constant,) = learned.constants(one)
    assert (constant.name, constant.columns) == ("model=c", (("chars", 0.3),))
    assert learned.constants(judged(RNG(7))) == ()


@pytest.mark.parametrize(("items", "chars", "warned"), [(0, None, False), (2, None, True), (0, 0, True), (0, 7, True)])
def test_a_source_without_list_items_is_not_one_of_constant_texts(items, chars, warned):
    rng = RNG(11)
    model, numbers = rng.integers(0, 3, N), rng.integers(0, 40, (2, N))
    for column, same in zip(numbers, (items, chars), strict=True):
        column[model == 1] = column[model == 1] if same is None else same
    one = log(rng.random(N) < 0.5, {"model": model}, {"items": numbers[0], "chars": numbers[1]})
    assert [found.name for found in learned.constants(one)] == ["model=b"] * warned


def test_a_held_out_set_and_pairs():
    one = judged(RNG(8))
    held, lean = learned.held_out(one, "chars"), learned.lean(one, "chars")
    np.testing.assert_array_equal((lean[held] > one.verdict.mean()), one.truth[held] == 0)
    assert learned.held_out(one._replace(truth=np.full(N, np.nan)), "chars") is None
    pairs = learned.pairs(one, "chars")
    assert (one.prompt[pairs.accepted] == one.prompt[pairs.rejected]).all()
    assert one.verdict[pairs.accepted].all() and not one.verdict[pairs.rejected].any()
    assert np.unique([*pairs.accepted, *pairs.rejected]).size == 2 * pairs.side.size
    accepted = np.bincount(one.prompt, one.verdict)
    assert pairs.side.size == np.minimum(accepted, SIZES - accepted).sum()
    assert pairs.wins > pairs.losses and pairs.drop == pytest.approx(1 - pairs.losses / pairs.wins)
    assert pairs.side[pairs.keep].sum() == 0 and (~pairs.keep).sum() == pairs.wins - pairs.losses
    with pytest.raises(ValueError, match=r"^name: 'charts' was given; accepted: .*did you mean chars"):
        learned.pairs(one, "charts")


@pytest.fixture
def file(tmp_path):
    """A log as people have it: words for verdicts, a gap, a model whose text is constant."""
    rng, path = RNG(9), tmp_path / "log.csv"
    one = adversarial(rng)
    with path.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["prompt", "model", "verdict", "correct", "chars", "score"])
        chars = np.round(np.exp(5 + one.features["chars"].raw)).astype(int)
        for i in range(N):
            row = [f"p{one.prompt[i]}", "abc"[one.groups["model"].codes[i]], ("reject", "accept")[int(one.verdict[i])]]
            writer.writerow([*row, int(one.truth[i]), "" if i == 5 else chars[i], round(rng.random(), 3)])
    return path


def test_the_command(file, tmp_path, capsys):
    out = tmp_path / "out"
    command = f"shortcut --data {file} --spurious chars score --group model --where model=a model=b --out {out}"
    assert cli.main(command.split()) == 0
    text = capsys.readouterr().out
    assert "intended: correct; carries" in text and "spurious: chars, score, a mixture of 2 columns" in text
    assert "learned first: the spurious side, after" in text and "model=b: the" in text and "CAREFUL" not in text
    answer = json.loads((out / "shortcut.json").read_text())
    assert answer["answer"]["first"] == "spurious" and answer["spurious"] == ["chars", "score"]
    assert {*answer["answer"]["groups"]} == {"model=a", "model=b"}
    table = {row["name"]: row for row in csv.DictReader((out / "shortcut-columns.csv").read_text().splitlines())}
    assert float(table["chars"]["nats_low"]) > 0.02 > float(table["score"]["nats_high"])
    pairs = list(csv.DictReader((out / "shortcut-pairs.csv").read_text().splitlines()))
    cells = list(csv.reader(file.read_text().splitlines()))
    assert all(cells[int(row["accepted_row"]) - 1][2] == "accept" for row in pairs)
    assert cli.main(["shortcut", "--data", str(file), "--spurious", "chars", "--out", str(out)]) == 0
    text = capsys.readouterr().out
    assert "CAREFUL: model=c: each of its" in text and "without model=c: the spurious side" in text
    assert text.index("  model=c (against the rest): after") < text.index("  chars: after")


def test_a_column_that_is_the_same_in_a_part_saves_nothing_there():
    """The group that is asked for is the intended side itself; or a value of it is, which is not in every part."""
    one = adversarial(RNG(12))
    for name in ("model", "model=c"):
        found = rows.measure(one, [name], ["chars"], "model")
        assert found.first == 0
        parts = dict(found.groups)
        assert len(parts) == 3 and all(not isinstance(part, str) for part in parts.values())
        for part in parts.values():
            intended, spurious = part.sides
            assert not intended.curves.any() and intended.learned_after is None
            assert part.first == (None if spurious.learned_after is None else 1)
    part = dict(found.groups)["model=a"]
    with pytest.raises(ValueError, match=r"^--intended: model, the same in all rows"):
        rows.measure(part.log, ["model"], ["chars"])


def test_what_is_surely_learned_beside_what_never_is_is_clearly_first():
    one = judged(RNG(14))
    flat = one._replace(features=one.features | {"flat": logs.Feature(np.zeros(N), None)})
    found = rows.measure(flat.pick(np.arange(150)), ["flat"], ["chars"], part=True)
    assert np.isfinite(found.sides[1].learned_after.high) and found.sides[0].learned_after is None
    assert found.first == 1 and found.clear and found.crossover is None
    few = rows.measure(flat.pick(np.arange(90)), ["flat"], ["chars"], part=True)
    assert few.first == 1 and few.sides[1].learned_after.high == np.inf and not few.clear


def test_each_of_two_values_is_the_whole_group():
    two = judged(RNG(13)).pick(np.flatnonzero(judged(RNG(13)).groups["model"].codes < 2))
    whole, one = (rows.measure(two, [name], ["chars"]) for name in ("model", "model=b"))
    assert one.sides[0].names == ("model=b",)
    np.testing.assert_array_equal(whole.sides[0].curves, one.sides[0].curves)
    with pytest.raises(ValueError, match=r"^--intended: 'model=c' was given"):  # none of these rows
        rows.measure(two, ["model=c"], ["chars"])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--data F --agreement .9 --spurious chars", "--agreement: .9 with --data was given; accepted: "),
        ("--agreement .9 --label verdict", "--label: verdict without --data was given; accepted: "),
        ("--spurious length", "--agreement: nothing was given; accepted: a value, or --data FILE"),
        ("--agreement .9 --spurious length style", "--spurious: length style was given; accepted: one KIND"),
        ("--data F", "--spurious: nothing was given; accepted: columns: chars, score, model"),
        ("--data F --spurious charts", "--spurious: 'charts' was given; accepted: .*did you mean chars"),
        ("--data F --spurious correct", "--spurious: correct was given; accepted: other columns than those of"),
        ("--data F --spurious chars --group models", "--group: 'models' was given; accepted: model"),
        ("--data F --spurious chars --label lable", "--label: lable was given; accepted: a column: 'prompt,model"),
        ("--data F --spurious chars --where model", "--where: 'model' was given; accepted: COLUMN=VALUE"),
    ],
)
def test_bad_commands_are_refused(file, refused, options, message):
    said = refused("shortcut", *(str(file) if word == "F" else word for word in options.split()))
    assert re.match(f"infoloop: {message}", said), said
