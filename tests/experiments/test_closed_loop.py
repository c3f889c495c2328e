"""The rows of the closed loop have a seed and can fail, and the readers of real data accept what they say."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments.closed_loop import claims, fresh, own_data, real_data, seeds, study
from experiments.harness import plug_in
from experiments.harness.ledger import Settings
from theory import drift
from theory.claims import data_processing

QUICK, KEY = Settings(), jax.random.key(0)


def test_the_exact_loop_loses():
    """C2: in every generation of two symbols, to the end."""
    assert data_processing(study.chain().information).min() >= -1e-12


def test_retained_is_the_chain_run_to_its_end():
    """Fresh samples with chance m/n, by the kernel of the theory from another start; and in three symbols by number."""
    n, m, p = 20, 2, np.array([0.7, 0.3])
    states = drift.lattice(n, 2) / n
    kernel = drift.multinomial_kernel(n, drift.migrate(states, m / n, p))
    starts = np.stack([drift.initial(n, p), drift.initial(n, p[::-1])])
    kernels = np.stack([kernel, np.asarray(kernel)[::-1, ::-1]])
    found = drift.information([0.5, 0.5], starts, kernels, 400)[-1] / np.log(2)
    np.testing.assert_allclose(fresh.retained(n, m, 0.7, stratified=False), found, rtol=0, atol=1e-10)


def test_fresh_samples_count_by_number_in_three_symbols_and_in_a_mean():
    """Three tasks of one likely symbol; the mean of a Gaussian has the variance 1/(2m − m²/n)."""

    def three(n: int, m: int) -> float:
        pmf = np.array([0.6, 0.2, 0.2])
        states = np.asarray(drift.lattice(n, 3)) / n
        kernel = np.asarray(drift.multinomial_kernel(n, drift.migrate(states, m / n, pmf)))
        stationary = np.linalg.matrix_power(kernel, 1 << 10)[0]
        place = {tuple(row): i for i, row in enumerate(np.rint(n * states).astype(int).tolist())}
        rows = [[place[tuple(np.roll(row, -x))] for row in np.rint(n * states).astype(int).tolist()] for x in range(3)]
        return float(plug_in.plain(stationary[np.array(rows)][None])[0])

    by_number, by_share = [three(n, 2) for n in (12, 24)], [three(12, 2), three(24, 4)]
    assert abs(np.log(by_number[1] / by_number[0])) < 0.1 < 0.3 < np.log(by_share[1] / by_share[0])
    for n, m in ((50, 1), (50, 10), (400, 10)):
        variance = 1.0
        for _ in range(5_000):
            variance = (1 - m / n) ** 2 * variance + 1 / n
        np.testing.assert_allclose(variance, 1 / (2 * m - m**2 / n), rtol=1e-12)


def test_beside_a_verifier_the_number_of_fresh_samples_does_not_decide():
    """LR 1.02, 2 fresh samples on average: more samples of the model's own retain more, as n ln LR grows."""

    def retained(n: int, ratio: float) -> float:
        states = np.asarray(drift.lattice(n, 2)) / n
        own = drift.select(states, np.array([1.0, 1 / ratio]))
        kernel = np.asarray(drift.multinomial_kernel(n, drift.migrate(own, 2 / n, np.array([0.6, 0.4]))))
        stationary = np.linalg.matrix_power(kernel, 1 << 14)[0]
        return float(plug_in.plain(np.stack([stationary, stationary[::-1]])[None])[0])

    assert retained(200, 1.02) > 1.5 * retained(50, 1.02)
    np.testing.assert_allclose(retained(200, 1.02 ** (1 / 4)), retained(50, 1.02), rtol=0.05)  # n ln LR is the same


def test_plug_in_information_has_no_bias_of_first_order():
    """Independent columns, where the plug-in alone is too large by 49/2N = .038; and a function, by its entropy."""
    rng = np.random.default_rng(0)
    batch = np.arange(640) % 32
    draws = [plug_in.tabled(batch, *rng.integers(8, size=(2, 640)), shape=(8, 8)) for _ in range(100)]
    assert np.mean([plug_in.plain(counts.sum(0)[None]) for counts in draws]) > 0.03
    assert abs(np.mean([plug_in.information(counts) for counts in draws])) < 0.006
    x = rng.integers(8, size=6400)
    same = plug_in.information(plug_in.tabled(np.arange(6400) % 32, x, x, shape=(8, 8)))
    np.testing.assert_allclose(same.mean(), np.log(8), atol=1e-3)


def test_a_learner_with_a_leak_is_seen():
    """C1: the answers, not the data, make the difference."""
    data, answers = (seeds.trained(KEY, choice, num_replicas=8_000) for choice in ("data", "answers"))
    np.testing.assert_array_equal(data.of_data, answers.of_data)
    assert data.of_model.mean() < data.of_data.mean() < answers.of_model.mean()


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
