"""The rows of the closed loop have a seed and can fail, and the readers of real data accept what they say."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments.closed_loop import claims, own_data, real_data, study
from experiments.harness.ledger import Settings
from theory.claims import data_processing

QUICK, KEY = Settings(), jax.random.key(0)


def test_the_exact_loop_loses():
    """C2: in every generation of two symbols, to the end."""
    assert data_processing(study.chain().information).min() >= -1e-12


def test_a_row_can_fail():
    """The simulated information against another generation's exact law; a loop that loses nothing."""
    loop = study.mean(KEY, num_tasks=1_000)
    assert claims.simulated(lambda _: loop, QUICK).decide().outcome == "holds"
    shifted = loop._replace(exact=np.roll(loop.exact, 10))
    assert claims.simulated(lambda _: shifted, QUICK).decide().outcome == "fails"
    gains = {"replace": {"held_out": np.arange(11) + np.random.default_rng(0).normal(size=(20, 11)) / 10}}
    loops = real_data.Loops("x", "x", real_data.RealData("text", KEY, KEY, None), gains, {}, {})
    assert claims.held_out(lambda _: loops, QUICK).decide().outcome == "fails"


@pytest.mark.slow
def test_faithful_is_read_whole():
    source = real_data.read(KEY, real_data.FILES["faithful.csv"], (1, 2))
    x = np.concatenate([source.train, source.held_out])
    assert x.shape == (272, 2) and source.model.weights.size == source.model.num_modes() == 2
    np.testing.assert_allclose(x.mean(0), [3.487783, 70.897059], atol=5e-7)  # R Core Team, datasets::faithful
    expected = source.model.log_prob(source.held_out)
    np.testing.assert_allclose(real_data.log_prob(source.model, np.asarray(source.held_out)), expected, atol=1e-9)


def test_english_is_read_whole():
    source = real_data.read(KEY, real_data.FILES["english.txt"])
    path = np.asarray(source.train)
    assert "".join(source.alphabet[i] for i in path[:30]) == "in the beginning god created t"
    assert abs(path.size / source.held_out.size - 9) < 1e-3
    a, b = source.alphabet.index("t"), source.alphabet.index("h")  # the fit is the relative frequency of each bigram
    share = np.sum((path[:-1] == a) & (path[1:] == b)) / np.sum(path[:-1] == a)
    np.testing.assert_allclose(source.model.transition[a, b], share, rtol=1e-12)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("short.csv", "x,y\n1,2\n3,4\n", "2 different rows was given; accepted: 20 different rows"),
        ("words.csv", "1,2\n" * 30 + "a,b\n", "line 31"),
        ("short.txt", "too short", "accepted: a text of 1000 characters"),
        ("same.txt", " " * 2000, "short|text"),
    ],
)
def test_bad_data_are_refused(tmp_path, name, content, message):
    file = tmp_path / name
    file.write_text(content)
    with pytest.raises(ValueError, match=message):
        real_data.read(KEY, file)


def test_numbers_are_recognised_without_their_ending(tmp_path):
    file = tmp_path / "numbers"
    file.write_text("\n".join(f"{i * 0.37 % 1}" for i in range(40)))
    assert own_data.said(file).endswith("numbers: 40 points of 1 coordinate, no header")
    source = real_data.read(KEY, file, (1,))
    assert source.kind == "points" and source.train.shape == (30, 1)


def test_chain_measures():
    """The support, entropy rate and held-out log-likelihood of a chain, against their definitions on a small one."""
    transition = jnp.array([[0.5, 0.5, 0.0], [0.25, 0.75, 0.0], [0.2, 0.3, 0.5]])
    model = real_data.MarkovChain(jnp.array([1.0, 0.0, 0.0]), transition)
    held_out = jnp.array([0, 1, 1, 0, 0, 1], jnp.int32)
    measures = jax.jit(real_data._of_chain)(held_out, KEY, model)
    assert measures["support"] == 4  # state 2 is never reached; the stationary distribution is (1/3, 2/3, 0)
    rate = 1 / 3 * np.log(2) + 2 / 3 * -(0.25 * np.log(0.25) + 0.75 * np.log(0.75))
    np.testing.assert_allclose(measures["entropy_rate"], rate, rtol=1e-12)
    mixed = 0.99 * np.asarray(transition) + 0.01 / 3
    expected = np.mean([np.log(mixed[a, b]) for a, b in itertools.pairwise(np.asarray(held_out))])
    np.testing.assert_allclose(measures["held_out"], expected, rtol=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["points.csv", "text.txt"])
def test_own_data_are_run_and_resumed(tmp_path, monkeypatch, name):
    monkeypatch.setattr(real_data, "NUM_GENERATIONS", 3)
    monkeypatch.setattr(own_data.figures, "SHOWN", (0, 1, 3))
    file = tmp_path / name
    file.write_text("\n".join(f"{i * 0.37 % 1}" for i in range(40)) if name == "points.csv" else "so it is " * 200)
    for resume in (False, True):
        own_data.run(QUICK, data=file, out=tmp_path / "out", resume=resume)
        real_data.own.cache_clear()
    for regime in own_data.figures.REGIMES:
        assert (tmp_path / "out" / f"{file.stem}-{regime}.nc").is_file()
    assert (tmp_path / "out" / f"closed-loop-{file.stem}.png").is_file()
