"""Many loops at once: which numbers come out, and what they do not depend on."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from cases import CASES, FAMILIES, FLOAT32, GAUSSIAN_1, at, close, names, same
from small_ensemble import KEEP_ALL, KEY, TASKS, K, LogDet, N, R, T, judge, log_det, run, stack

import sandbox

REGIMES = [sandbox.Accumulate(), sandbox.Fresh(None, 0.5, False), sandbox.Reuse()]


def test_no_replica_repeats_another():
    """Also of one task in two places."""
    means = run(tasks=stack(GAUSSIAN_1, GAUSSIAN_1, GAUSSIAN_1)).model.mean
    assert len(np.unique(means)) == means.size == K * R * (T + 1)


def test_without_real_samples_row_0_is_the_truth():
    record = run(num_real=None)
    same(record.model.mean[:, :, 0], np.broadcast_to(TASKS.mean[:, None], (K, R, 2)))


@pytest.mark.parametrize("case", [case for case in CASES if case.name in FAMILIES], ids=names)
def test_every_model(case):
    record = run(tasks=stack(case.model, case.model), num_replicas=3, num_generations=2, fit=case.loop_fit)
    for leaf, one in zip(record.model, case.model, strict=True):
        assert isinstance(leaf, np.ndarray) and leaf.dtype == one.dtype
        assert leaf.shape == (2, 3, 3, *one.shape) and np.isfinite(leaf).all()
    assert record.accepted.shape == (2, 3, 3) and record.accuracy is None


@pytest.mark.slow
@pytest.mark.parametrize("regime", REGIMES, ids=lambda regime: type(regime).__name__)
def test_a_replica_replayed_with_run(regime):
    """`replica_keys` gives the keys of its real samples, of its signal and of its loop."""
    record = run(regime=regime)
    k, r = 2, 3
    real_key, _, loop_key = sandbox.replica_keys(KEY, k, r)
    task = at(TASKS, k)
    real = task.sample(real_key, 8)
    first = task.fit(real, jnp.ones(8))
    given = regime.given(task, real)
    replay = sandbox.run(loop_key, first, KEEP_ALL, num_samples=N, num_generations=T, regime=given)
    close(at(record, k, r), replay, FLOAT32)


def test_numbers_do_not_depend_on_what_runs_beside():
    """Of replica (k, r): more replicas, fewer tasks, more generations."""
    record = run()
    close(jax.tree.map(lambda leaf: leaf[:, :2], record), run(num_replicas=2), FLOAT32)
    close(jax.tree.map(lambda leaf: leaf[:1], record), run(tasks=jax.tree.map(lambda leaf: leaf[:1], TASKS)), FLOAT32)
    close(jax.tree.map(lambda leaf: leaf[:, :, :3], record), run(num_generations=2), FLOAT32)
    assert not np.allclose(record.accepted + record.model.mean[..., 0], run(key=jax.random.key(10)).model.mean[..., 0])


@pytest.mark.slow
def test_summary():
    whole, short = run(), run(summary=log_det)
    assert type(short.model) is LogDet
    close(short.model.log_det, np.log(np.linalg.det(whole.model.scale)) * 2, FLOAT32)
    same(short.accepted, whole.accepted)
    as_dict = run(summary=lambda model: {"first": model.mean[0]})
    same(as_dict.model["first"], whole.model.mean[..., 0])


def test_progress_is_shown_on_request(capfd, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")  # as if standard error were a terminal
    run(progress=True)
    assert "generation" in capfd.readouterr().err
    run(progress=False)
    assert capfd.readouterr().err == ""


def test_a_factory_makes_a_signal_for_each_replica():
    """Each gets its own key and its own task, and replays with `replica_keys`."""
    record = run(signal=judge)
    assert 0 < record.accepted.mean() < 1
    assert record.accuracy.shape == (K, R, T + 1)
    assert len(np.unique(record.accepted[:, :, 0])) > 3
    task = at(TASKS, 1)
    real_key, signal_key, loop_key = sandbox.replica_keys(KEY, 1, 4)
    first = task.fit(task.sample(real_key, 8), jnp.ones(8))
    replay = sandbox.run(loop_key, first, judge(signal_key, task), num_samples=N, num_generations=T)
    close(at(record, 1, 4), replay, FLOAT32)


def test_keys_of_a_factory_differ():
    seen = run(signal=keyed, num_generations=0).accepted[:, :, 0]
    assert len(np.unique(seen)) == K * R


class Constant(NamedTuple):
    weight: jax.Array

    def __call__(self, key, model, x, /):
        return jnp.broadcast_to(self.weight, x.shape[:1])


def keyed(key, task):
    return Constant(jax.random.uniform(key))


def test_a_plain_function_and_a_parametrised_signal():
    constant = run(signal=Constant(jnp.array(0.25)))
    np.testing.assert_allclose(constant.accepted, 0.25)
    close(run(signal=lambda key, model, x: jnp.full(x.shape[0], 0.25)), constant, FLOAT32)
    close(constant.model, run().model, FLOAT32)


def nan_later(key, model, x):
    return jnp.full(x.shape[0], jnp.where(model.mean[0] > 1e6, jnp.nan, 1.0))


def jump(model, x, weights):
    return model._replace(mean=jnp.where(model.mean > 1e6, 0.0, 2e6))


def test_weights_are_checked_in_generations_that_are_not_recorded():
    """The mean is above a million in every second generation alone."""
    options = {"signal": nan_later, "fit": jump, "num_generations": 4, "num_real": None}
    with pytest.raises(ValueError, match=r"^signal: a weight of nan"):
        run(every=2, **options)


@pytest.mark.parametrize(("size", "devices"), [(6, 2), (3, 1)])
def test_replicas_are_sharded_over_the_devices_that_divide_them(size, devices):
    keys = sandbox.shard(jax.random.split(KEY, size))
    assert len(keys.sharding.device_set) == devices
    drawn = jax.jit(jax.vmap(jax.random.uniform))(keys)
    assert len(drawn.sharding.device_set) == devices
    np.testing.assert_array_equal(drawn, jax.vmap(jax.random.uniform)(jax.random.split(KEY, size)))
