"""Studies: computed once, with randomness of their own, and found again on disk."""

import ast
import os
import pickle
from pathlib import Path

import jax
import numpy as np
import pytest

from experiments.harness import study as harness
from experiments.harness.ledger import Settings
from experiments.harness.study import key_of, study

CALLS: list[tuple] = []


@study("test/normal", num=3, full={"num": 5})
def normal(key, shift=0.0, *, num):
    CALLS.append((shift, num))
    return np.asarray(jax.random.normal(key, (num,))) + shift


@study("test/apart", independent=("n",), num=3)
def apart(key, n, *, num):
    return jax.random.normal(key, (num,))


@pytest.fixture(autouse=True)
def forgotten():
    CALLS.clear()
    normal.cache_clear()
    apart.cache_clear()


def test_it_is_computed_once_for_each_argument_size_profile_and_seed():
    for _ in range(2):
        for settings in (Settings(), Settings("full"), Settings(seed=1)):
            normal(settings)
        normal(Settings(), 1.0)
        normal(Settings(), shift=1.0)
        normal(Settings(), num=3)
        normal(Settings(), num=4)
    assert CALLS == [(0.0, 3), (0.0, 5), (0.0, 3), (1.0, 3), (0.0, 4)]
    harness.forget(normal.__module__)
    normal(Settings())
    assert len(CALLS) == 6


def test_with_a_key_it_is_the_plain_function():
    a, b = normal(jax.random.key(0), 1.0), normal(jax.random.key(0), 1.0, num=4)
    assert a.shape == (3,) and b.shape == (4,) and len(CALLS) == 2
    assert jax.vmap(lambda key: apart(key, 0, num=2))(jax.random.split(jax.random.key(0), 4)).shape == (4, 2)


def test_arguments_share_randomness_unless_they_are_independent():
    np.testing.assert_allclose(normal(Settings(), 1.0), normal(Settings(), 0.0) + 1.0)
    assert not np.array_equal(apart(Settings(), 1), apart(Settings(), 2))
    assert not np.array_equal(normal(Settings()), normal(Settings(seed=1)))


def test_what_is_not_a_constant_is_named():
    with pytest.raises(TypeError, match="shift: ndarray was given"):
        normal(Settings(), np.zeros(2))
    for wrong in ({"full": {"number": 1}}, {"independent": ("m",)}):
        with pytest.raises(ValueError, match=f"{next(iter(wrong))}: .* was given; accepted:"):
            study("test/wrong", num=1, **wrong)(lambda key, *, num: None)


def test_it_goes_on_from_disk_only_when_asked(tmp_path):
    first = normal(Settings(folder=tmp_path))
    (file,) = tmp_path.iterdir()
    normal.cache_clear()
    normal(Settings(folder=tmp_path))
    assert len(CALLS) == 2
    normal.cache_clear()
    settings = Settings(folder=tmp_path, resume=True)
    np.testing.assert_array_equal(normal(settings), first)
    assert len(CALLS) == 2 and settings.read == ["test/normal"]
    normal(Settings(seed=1, folder=tmp_path, resume=True))
    normal(Settings("full", folder=tmp_path, resume=True))
    assert len(CALLS) == 4
    file.write_bytes(file.read_bytes()[:20])
    normal.cache_clear()
    np.testing.assert_array_equal(normal(settings), first)
    assert len(CALLS) == 5


def test_what_another_version_wrote_is_not_read(tmp_path, monkeypatch):
    normal(Settings(folder=tmp_path))
    for part in ("_versions", "_source"):
        normal.cache_clear()
        with monkeypatch.context() as patch:
            patch.setattr(harness, part, lambda *_: "another")
            normal(Settings(folder=tmp_path, resume=True))
    assert len(CALLS) == 3


def test_the_folder_is_bounded(tmp_path, monkeypatch):
    """The newest results stay; a large one is not kept at all."""
    monkeypatch.setattr(harness, "MOST", 2 * len(pickle.dumps(np.zeros(3))) + 10)
    for seed in range(4):
        normal(Settings(seed=seed, folder=tmp_path))
        for file in tmp_path.iterdir():
            os.utime(file, (seed, seed)) if file.stat().st_mtime > 1e6 else None
    assert len(list(tmp_path.iterdir())) == 2
    monkeypatch.setattr(harness, "LARGEST", 10)
    normal(Settings(seed=9, folder=tmp_path))
    assert len(list(tmp_path.iterdir())) == 2


# What no two studies share, and no two uses in one: held by the source of all experiments.

ROOT = Path(__file__).parents[2] / "experiments"
SOURCES = {
    path: ast.parse(path.read_text(encoding="utf-8"))
    for path in ROOT.rglob("*.py")
    if not {"bench", "cli", "harness"} & set(path.parts)
}


def names_of_studies(tree):
    """The first argument of each `@study(...)`."""
    calls = [d for n in ast.walk(tree) if isinstance(n, ast.FunctionDef) for d in n.decorator_list]
    return [d.args[0].value for d in calls if isinstance(d, ast.Call) and getattr(d.func, "id", "") == "study"]


def twice(function):
    """The keys that a function uses at more than one place: parameters and variables called key or …_key."""
    asked = {n.left for n in ast.walk(function) if isinstance(n, ast.Compare)}  # whether it is None
    for call in (n for n in ast.walk(function) if isinstance(n, ast.Call)):
        asked |= set(call.args) if ast.unparse(call.func) == "validation.key" else set()
    names = [n for n in ast.walk(function) if isinstance(n, ast.Name)]
    used = [n.id for n in names if isinstance(n.ctx, ast.Load) and n not in asked]
    stored = [n.id for n in names if isinstance(n.ctx, ast.Store)]
    others = (n for n in ast.walk(function) if isinstance(n, ast.Lambda | ast.FunctionDef) and n is not function)
    inner = {argument.arg for other in others for argument in other.args.args}
    keys = {name for name in used if name == "key" or name.endswith("_key")} - inner
    return {name for name in keys if used.count(name) > max(1, stored.count(name))}


def test_no_two_studies_have_one_key():
    names = [name for tree in SOURCES.values() for name in names_of_studies(tree)]
    assert len(names) > 20 and len(set(names)) == len(names)
    roots = [jax.random.key_data(key_of(0, name)).tolist() for name in names]
    small = [jax.random.key_data(jax.random.fold_in(jax.random.key(0), i)).tolist() for i in range(1000)]
    assert len(set(map(tuple, roots + small))) == len(names) + 1000


def test_within_a_study_no_key_is_used_twice():
    """`split(key, n)[i]` is `fold_in(key, i)`: a key that is consumed at one place has one use."""
    functions = [(path, n) for path, tree in SOURCES.items() for n in ast.walk(tree) if isinstance(n, ast.FunctionDef)]
    found = {f"{path.relative_to(ROOT)}:{f.name}": keys for path, f in functions if (keys := twice(f))}
    assert not found


def test_a_key_that_is_used_twice_is_seen():
    (wrong,) = ast.parse("def f(key):\n    return normal(key) + uniform(jax.random.fold_in(key, 1))").body
    (correct,) = ast.parse("def f(key):\n    a_key, b_key = split(key)\n    return normal(a_key) + uniform(b_key)").body
    assert twice(wrong) == {"key"} and not twice(correct)


def test_no_randomness_but_that_of_the_studies():
    """A key or a generator of a number, the seed or another, is made in harness/study.py alone."""
    for path, tree in SOURCES.items():
        for call in (n for n in ast.walk(tree) if isinstance(n, ast.Call)):
            made = ast.unparse(call.func)
            seed = ast.unparse(call.args[0]) if call.args else ""
            assert made not in ("jax.random.key", "np.random.default_rng") or "seed" not in seed, f"{path}: {seed}"
