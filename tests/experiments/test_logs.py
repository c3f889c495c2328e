"""What is read of a log, and what is said of it."""

import numpy as np
import pandas as pd
import pytest

from experiments.questions import logs

TABLE = {
    "Task": ["a", "a", "b", "b", "c"],
    "passed": [1, 0, 1, 1, 0],
    "correct": [1, 0, 0, None, 1],
    "chars": [10, 20, 30, 40, 55],
    "ref_chars": [20, 20, 20, 20, 11],
    "model": ["x", "y", "x", "y", "x"],
    "note": ["long text"] * 5,
}


def test_columns_are_guessed_and_said():
    log = logs.read(TABLE)
    assert log.roles == {"verdict": "passed", "truth": "correct", "prompt": "Task"}
    assert log.prompt.tolist() == [0, 0, 1, 1, 2] and log.verdict.tolist() == TABLE["passed"]
    assert np.isnan(log.truth[3]) and log.labelled.sum() == 4
    assert list(log.groups) == ["model"] and log.groups["model"].values == ("x", "y")
    assert list(log.features) == ["chars"] and log.features["chars"].relative_to == "ref_chars"
    assert log.features["chars"].values == pytest.approx(np.log([0.5, 1, 1.5, 2, 5]))
    text = "; ".join(log.said)
    assert "passed as verdict, correct as truth, Task as prompt; groups: model; features: chars" in text
    assert "not used: note" in text and "missing: 1 in correct" in text


def test_files_and_frames_are_read_alike(tmp_path):
    frame = pd.DataFrame(TABLE)
    frame.to_csv(tmp_path / "log.tsv", index=False, sep="\t")
    frame.to_json(tmp_path / "log.jsonl", orient="records", lines=True)
    expected = logs.read(TABLE)
    for source in (frame, str(tmp_path / "log.tsv"), str(tmp_path / "log.jsonl")):
        found = logs.read(source)
        for name in ("verdict", "truth", "prompt"):
            np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))
        assert found.groups.keys() == expected.groups.keys()


def test_words_for_verdicts_and_named_columns():
    table = {"outcome": ["Pass", "fail", "pass"], "who": ["a", "b", "a"], "q": [1, 2, 1]}
    log = logs.read(table, verdict="outcome", prompt="q", group=["who"])
    assert log.verdict.tolist() == [1, 0, 1] and log.prompt.tolist() == [0, 1, 0] and list(log.groups) == ["who"]


@pytest.mark.parametrize(
    ("where", "rows"),
    [(["model=x"], 3), (["model!=x"], 2), (["model=x", "model=y"], 5), ({"model": "x", "Task": ["a", "c"]}, 2)],
)
def test_where_keeps_rows(where, rows):
    assert len(logs.read(TABLE, where=where).verdict) == rows


def test_scores_are_probabilities_or_have_a_threshold():
    shares = logs.read({"score": [0.1, 0.9, None]})
    assert shares.verdict.tolist() == [0.1, 0.9] and not shares.hard and "left out: 1 row without" in str(shares.said)
    rewards = {"reward": [-3.0, 2.0, 5.0, 5.5]}
    assert logs.read(rewards).verdict.tolist() == [0, 0, 1, 1]  # at the median
    assert logs.read(rewards, threshold=2).verdict.tolist() == [0, 1, 1, 1]


def test_one_output_with_two_truths_is_said_and_kept():
    log = logs.read({"prompt": [1, 1, 2], "output": ["f", "f", "f"], "verdict": [1, 1, 0], "truth": [1, 0, 0]})
    assert log.verdict.size == 3 and "CAREFUL: 1 output called both correct and wrong" in log.said[-1]


@pytest.mark.parametrize(
    ("table", "options", "message"),
    [
        ({"verdict": [0, 2]}, {}, r"column verdict: '2' was given; accepted: 1 or 0, or one of"),
        ({"x": [1, 2]}, {}, r"a verdict or a score: --verdict or --score COLUMN"),
        ({"verdict": [None, None]}, {}, "no row with a verdict"),
        (TABLE, {"truth": "gold"}, "--truth: gold was given"),
        (TABLE, {"truth": "passed"}, "a verdict or a score"),
        (TABLE, {"truth": "passed", "verdict": "passed"}, "--truth: passed was given; accepted: another column"),
        (TABLE, {"where": ["model=z"]}, "--where: model=z was given; accepted: a value of model: 'x, y'"),
        (TABLE, {"where": ["model"]}, "COLUMN=VALUE"),
        (TABLE, {"where": ["models=x"]}, "--where: models was given; accepted: a column"),
        (TABLE, {"where": ["model=x", "Task=b", "model!=x"]}, "conditions that some row meets"),
        (TABLE, {"threshold": 0.5}, "--threshold: 0.5 was given"),
        (TABLE, {"feature": ["model"]}, "--feature: model, a column of words"),
        ({"verdict": [1] * 60, "group": list(range(60))}, {"group": ["group"]}, "--group: group, of 60 values"),
        ({"score": [0.1, np.inf]}, {}, "a finite score"),
        ({"score": ["a", "b"]}, {"score": "score"}, "words was given; accepted: numbers, as scores"),
    ],
)
def test_what_cannot_be_read_is_refused_in_a_sentence(table, options, message):
    with pytest.raises(ValueError, match=message):
        logs.read(table, **options)
