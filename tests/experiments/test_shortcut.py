"""`infoloop shortcut`: its answer in words, and the files that it leaves."""

import csv

import numpy as np
import pytest

from experiments import cli
from experiments.questions.shortcut import learn, words
from experiments.questions.shortcut.curves import Curves

SAMPLES = np.array([100, 400, 1600, 6400])
OPTIONS = {"agreement": 0.9, "label_noise": 0.05, "samples": 6400, "seeds": 3}


def curves(lead, reliance):
    """[share, n], and three seeds that differ a little, around it."""
    seeds = np.array([-1.0, 0.0, 1.0])[None, :, None]
    intended = lead[:, None] + seeds
    nats_saved = np.stack([intended, intended, np.zeros_like(intended)], axis=2)
    return Curves(SAMPLES, nats_saved, np.zeros_like(nats_saved), reliance[:, None] + 0.01 * seeds)


def test_a_switch_in_words():
    share, one = learn.SHARES[:, None], np.ones((9, 1))
    lead = np.array([[-20.0, -40.0, -40.0, 120.0]]) + 80 * share  # of equal code lengths at δ = 1/4, 1/2, 1/2, 0
    reliance = one * np.array([[0.9, 0.9, 0.7, 0.1]]) - share * np.array([[0.8, 0.8, 0.8, 0.0]])
    question = learn.question(**OPTIONS)
    text = list(words.lines(question, curves(lead, reliance)))
    expected = "intended: parity of 3, agrees with 0.95 of the labels, 0.495 nats; spurious: length, 0.9, 0.368 nats"
    assert text[0] == expected
    assert "learned first: parity of 3" in text[2] and "after 6,400" in text[2]  # what leads before has saved nothing
    switch = next(line for line in text if line.startswith("switches to parity of 3"))
    assert "predicted after 2,800 samples" in switch and "measured after 3,200 samples" in switch  # by straight lines
    assert "parity of 3 (0.95 against 0.9)" in next(line for line in text if "unlimited" in line)
    shown = {int(line.split()[0].replace(",", "")): line for line in text if "samples: predicted" in line}
    assert list(shown) == [100, 400, 1600, 6400]
    assert "predicted 25 %" in shown[100] and "measured 50 %" in shown[100]
    assert "predicted 50 %" in shown[1600] and "measured 25 %" in shown[1600]
    assert shown[6400].endswith("predicted 0 %; measured 0 %")


def test_the_feature_learned_first_is_named_and_one_that_never_is():
    lead, reliance = np.tile([[-5.0, 8.0, 20.0, 30.0]], (9, 1)), np.full((9, 4), 0.8)
    found = curves(lead, reliance)
    text = " ".join(words.lines(learn.question(**OPTIONS), found))
    assert learn.learned_first(found.pick(0)) == 1
    first = "learned first: parity of 3, which alone has saved 8.0 ± 0.6 nats of code length after 400 samples"
    assert f"{first}, length 0.0 ± 0.0" in text
    assert "measured not by 6,400 samples" in text and "not surely" not in text
    assert text.count("measured not learned by then") == 4


def test_equals_have_no_winner():
    """Ahead by one seed's luck is not ahead, and to have lost less is not to have saved."""
    lead = np.tile([[1.0, -2.0, 1.0, -1.0]], (9, 1))
    text = list(words.lines(learn.question(**OPTIONS), curves(lead, np.full((9, 4), 0.5))))
    assert text[2].startswith("learned first: neither is clearly ahead by 6,400 samples; alone, parity of 3 has saved")
    found = curves(np.full((9, 4), 50.0), np.full((9, 4), 0.5))
    lost = found._replace(nats_saved=found.nats_saved - 100)
    assert learn.learned_first(lost.pick(0)) is None and learn.learned_first(found.pick(0)) == 0
    assert [float(x.at) for x in learn.decorrelation(lost, 3)] == [np.inf, np.inf]


@pytest.mark.parametrize(("n", "rate", "share"), [(0, 0.9, 0.25), (1, 0.6, 1.0)])
def test_a_share_of_independent_labels_lowers_the_agreement(n, rate, share):
    question = learn.question(**OPTIONS | {"agreement": rate})
    mixed = np.asarray(question.decorrelated(share).agreement)
    np.testing.assert_allclose(mixed, [0.95, (1 - share) * rate + share * 0.5], rtol=1e-6)


@pytest.mark.parametrize(
    ("option", "given", "message"),
    [
        ("samples", 10**12, "--samples: a table of .* was given; accepted: a size"),
        ("student", "MPL", "--student.*MLP"),
        ("spurious_scale", 0.0, r"--spurious-scale: 0\.0 was given; accepted: "),
    ],
)
def test_bad_questions_are_refused(option, given, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        learn.question(**OPTIONS | {option: given})


@pytest.mark.slow
def test_the_command_leaves_the_evidence(tmp_path, capsys):
    bits = "--intended bit --spurious bit --spurious-scale 2 --agreement 70% --label-noise .05 --student linear"
    assert cli.main(f"shortcut {bits} --samples 2048 --seeds 3 --out {tmp_path}".split()) == 0
    out = capsys.readouterr().out
    assert "intended: the intended bit, agrees with 0.95" in out and "student: linear Adam" in out
    assert out.splitlines()[0].endswith("seed 0") and "profile" not in out + (tmp_path / "shortcut.json").read_text()
    assert "shortcut.png" in out and (tmp_path / "shortcut.svg").stat().st_size > 10_000
    rows = list(csv.DictReader((tmp_path / "shortcut.csv").read_text().splitlines()))
    assert {row["seed"] for row in rows} == {"0", "1", "2"} and len({row["decorrelated"] for row in rows}) == 9
    end = [row for row in rows if row["samples"] == "2048" and row["decorrelated"] == "0.0"]
    assert all(float(row["nats_saved_intended"]) > float(row["nats_saved_spurious"]) > 0 for row in end)
    assert all(float(row["reliance"]) < 0.5 for row in end)
