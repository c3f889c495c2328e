"""The random numbers: known answers, the library's own generator, and statistics."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats
from cases import agrees, same
from jax.extend.random import threefry2x32_p

from sandbox import noise

N = 200_000
DRAWS = pytest.mark.parametrize("draw", [noise.uniform, noise.normal], ids=["uniform", "normal"])
DTYPES = pytest.mark.parametrize("dtype", [jnp.float32, jnp.float64], ids=["float32", "float64"])


def words(*values):
    return jnp.array(values, jnp.uint32)


@pytest.mark.parametrize(
    ("count", "key", "expected"),
    [
        ((0, 0), (0, 0), (0x6B200159, 0x99BA4EFE)),
        ((0xFFFFFFFF, 0xFFFFFFFF), (0xFFFFFFFF, 0xFFFFFFFF), (0x1CB996FC, 0xBB002BE7)),
        ((0x243F6A88, 0x85A308D3), (0x13198A2E, 0x03707344), (0xC4923A9C, 0x483DF7A0)),
    ],
)
def test_known_answers(count, key, expected):
    """Threefry-2x32-20, from the vectors of Random123 (Salmon, Moraes, Dror, Shaw 2011)."""
    same(noise.threefry(words(*key), words(*count)), words(*expected))


def test_bits_are_those_of_the_library():
    rng = np.random.default_rng(0)
    key, count = (jnp.asarray(rng.integers(0, 2**32, (2, 1000), dtype=np.uint32)) for _ in range(2))
    same(noise.threefry(key, count), jnp.stack(threefry2x32_p.bind(*key, *count)))


@DTYPES
@pytest.mark.parametrize(
    ("draw", "law", "moments"),
    [(noise.uniform, "uniform", {1: 1 / 2, 2: 1 / 3}), (noise.normal, "norm", {1: 0, 2: 1, 3: 0, 4: 3, 6: 15})],
)
def test_draws_have_their_law(draw, law, moments, dtype):
    """Its moments, and the Kolmogorov–Smirnov distance to it."""
    x = np.asarray(draw(jax.random.key(1), (N,), dtype))
    assert x.dtype == dtype
    for power, moment in moments.items():
        agrees(x.astype(np.float64) ** power, moment)
    assert scipy.stats.kstest(x, law).pvalue > 1e-6  # about 5 standard errors


def test_the_tail_is_as_heavy_as_it_should_be():
    """P(|z| > 2, 3, 4), over 4 million draws."""
    z = np.asarray(noise.normal(jax.random.key(2), (4_000_000,), jnp.float64))
    for threshold in (2, 3, 4):
        agrees(np.abs(z) > threshold, 2 * scipy.stats.norm.sf(threshold))


@pytest.mark.parametrize("fill", [0, 0xFFFFFFFF])
def test_where_the_tail_ends(fill, monkeypatch):
    """The extreme bits give the midpoints of the outermost cells: none rounds to 0 or 1, a normal ends at ±5.29."""
    monkeypatch.setattr(noise, "_bits", lambda keys, n: jnp.full((n, keys.shape[0]), fill, jnp.uint32))
    key = jax.random.key(0)
    for dtype, width in ((jnp.float64, 32), (jnp.float32, 23)):
        edge = float(noise.uniform(key, (1,), dtype)[0])
        assert edge == (0.5 ** (width + 1) if fill == 0 else 1 - 0.5 ** (width + 1))
        assert 0 < edge < 1
    edge = float(noise.normal(key, (1,), jnp.float64)[0])
    assert abs(edge) == pytest.approx(scipy.stats.norm.isf(0.5**24), rel=1e-3)
    assert abs(edge) == pytest.approx(5.29, abs=0.01)
    assert (edge < 0) == (fill == 0)


def test_uniform_has_32_bits_in_float64_and_23_in_float32():
    key = jax.random.key(0)
    fine = np.asarray(noise.uniform(key, (N,), jnp.float64))
    coarse = np.asarray(noise.uniform(key, (N,), jnp.float32), np.float64)
    np.testing.assert_array_equal((fine - 0.5**33) * 2**32 % 1, 0)
    np.testing.assert_array_equal((coarse - 0.5**24) * 2**23 % 1, 0)
    assert len(np.unique(fine)) > len(np.unique(coarse))
    np.testing.assert_allclose(fine, coarse, atol=0.5**23)


def correlation(a, b):
    """√n · corr(a, b): standard normal where a and b are independent."""
    return np.corrcoef(np.ravel(a), np.ravel(b))[0, 1] * np.sqrt(np.size(a))


@DRAWS
def test_neighbouring_keys_and_counters_are_independent(draw):
    """Of draws under fold_in(key, t) and fold_in(key, t + 1), of split keys, and of neighbours under one key."""
    key = jax.random.key(3)
    for keys in (jax.vmap(jax.random.fold_in, (None, 0))(key, jnp.arange(400)), jax.random.split(key, 400)):
        x = np.asarray(jax.vmap(lambda key: draw(key, (500,), jnp.float64))(keys))
        assert np.unique(x).size > 0.98 * x.size  # no stream repeats another
        y = np.abs(x - x.mean())
        for a in (x, y):
            for first, second in ((a[:-1], a[1:]), (a[:, :-1], a[:, 1:]), (a[:, :250], a[:, 250:])):
                assert abs(correlation(first, second)) <= 5
    assert abs(correlation(x, x + 1e-2 * np.roll(x, 1))) > 5


def test_means_across_keys_are_as_spread_as_they_should_be():
    """n · Var(mean of n) = 1 across keys, which a dependence among the draws of one key would change."""
    keys = jax.random.split(jax.random.key(4), 4000)
    z = np.asarray(jax.vmap(lambda key: noise.normal(key, (100,), jnp.float64))(keys))
    agrees(100 * z.mean(1) ** 2, 1)
    agrees(4000 * z.mean(0) ** 2, 1)


@DRAWS
@pytest.mark.parametrize(
    ("shape", "dtype"), [((), jnp.float64), ((7,), jnp.float64), ((2, 3, 4), jnp.float64), ((7,), jnp.float32)], ids=str
)
def test_a_batch_equals_one_by_one(draw, dtype, shape):
    """Under one vmap and under two: the bits exactly, hence uniforms; a normal up to the rounding of erf⁻¹ in float32.

    jax 0.12 compiles erf⁻¹ of a batch with other instructions than of one: 4 units in the last place are allowed.
    """
    keys = jax.random.split(jax.random.key(5), 6)
    single = jax.jit(lambda key: draw(key, shape, dtype))
    alone = jnp.stack([single(key) for key in keys])
    assert alone.shape == (6, *shape)
    assert alone.dtype == dtype

    def equal(batch, single):
        if draw is noise.uniform:
            same(batch, single)
        ulp = np.finfo(np.float32).eps
        np.testing.assert_allclose(batch, single, rtol=4 * ulp, atol=ulp)

    equal(jax.jit(jax.vmap(single))(keys), alone)
    equal(jax.vmap(lambda key: draw(key, shape, dtype))(keys), alone)
    nested = jax.vmap(jax.vmap(single))(keys.reshape(2, 3))
    equal(nested.reshape(6, *shape), alone)
    equal(jax.vmap(single)(keys[2:4]), alone[2:4])


@DRAWS
def test_typed_and_raw_keys_agree(draw):
    typed, raw = jax.random.key(6), jax.random.PRNGKey(6)
    same(draw(typed, (9,), jnp.float64), draw(raw, (9,), jnp.float64))
    same(jax.vmap(lambda key: draw(key, (9,), jnp.float64))(raw[None])[0], draw(typed, (9,), jnp.float64))


@DRAWS
def test_a_batch_of_something_else_leaves_the_draw_alone(draw):
    """vmap over another argument than the key: one draw for all."""
    key = jax.random.key(7)
    shifted = jax.vmap(lambda shift: draw(key, (4,), jnp.float64) + shift)(jnp.zeros(3))
    same(shifted, jnp.broadcast_to(draw(key, (4,), jnp.float64), (3, 4)))
