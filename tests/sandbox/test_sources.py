"""What is drawn from data: rows with replacement, and passages whose transitions are those of the path."""

import jax
import jax.numpy as jnp
import numpy as np
from cases import agrees

import sandbox

DATA = jnp.arange(12.0).reshape(6, 2)
PATH = jnp.array([0, 1, 2, 3, 4, 5, 6], jnp.int32)


def test_bootstrap_draws_each_row_equally_often():
    """Each of the rows, whole, with probability 1/6."""
    x = np.asarray(sandbox.Bootstrap(DATA).sample(jax.random.key(0), 6000))
    assert {tuple(row) for row in x} == {tuple(row) for row in np.asarray(DATA)}
    drawn = (x[:, None] == np.asarray(DATA)[None]).all(2)
    agrees(drawn.astype(float), np.full(6, 1 / 6))


def test_a_passage_is_a_stretch_of_the_path():
    """x_{i+1} follows x_i in the path, which closes on itself; every start is equally likely."""
    keys = jax.random.split(jax.random.key(1), 3500)
    x = np.asarray(jax.vmap(lambda key: sandbox.Passage(PATH).sample(key, 10))(keys))
    np.testing.assert_array_equal(x[:, 1:], (x[:, :-1] + 1) % 7)
    agrees((x[:, :1] == np.arange(7)[None]).astype(float), np.full(7, 1 / 7))


def test_both_feed_a_loop():
    gaussian = sandbox.Gaussian(DATA.mean(0), jnp.eye(2))
    regime = sandbox.Fresh(sandbox.Bootstrap(DATA), 1.0)
    options = {"num_samples": 4000, "num_generations": 1}
    record = sandbox.run(jax.random.key(2), gaussian, sandbox.KeepAll(), regime=regime, **options)
    # 5 standard errors of the mean of 4000 rows whose deviation is √(35/3)
    np.testing.assert_allclose(record.model.mean[1], DATA.mean(0), atol=5 * (35 / 3 / 4000) ** 0.5)
    chain = sandbox.MarkovChain(jnp.full(7, 1 / 7), jnp.full((7, 7), 1 / 7))
    regime = sandbox.Fresh(sandbox.Passage(PATH), 1.0)
    record = sandbox.run(jax.random.key(3), chain, sandbox.KeepAll(), regime=regime, **options)
    np.testing.assert_array_equal(record.model.transition[1], np.roll(np.eye(7), 1, axis=1))
