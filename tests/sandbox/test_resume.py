"""A run that stops and goes on: the same bits whatever the chunk and the interruptions, and what is left on disk."""

import importlib
import json
import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import NamedTuple

import ensemble_script
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import xarray
from cases import CASES, CHAIN, array, close, same
from small_ensemble import KEEP_ALL, KEY, TASKS, K, N, R, T, judge, log_det, run, stack

import sandbox
from sandbox import store

ENSEMBLE = importlib.import_module("sandbox.ensemble")  # the name in the package is the function


def every_row(record, every):
    return jax.tree.map(lambda leaf: leaf[:, :, ::every], record)


@pytest.mark.parametrize("every", [3, 50])
def test_every_thins_the_same_numbers(every):
    thinned = run(every=every)
    same(thinned, every_row(run(), every))
    same(run(every=every, chunk=1), thinned)


@pytest.mark.slow
def test_a_pool_in_a_buffer_survives_chunks():
    """One buffer of all samples is carried from chunk to chunk."""
    case = CASES[6]
    tasks = stack(case.model, case.model)
    options = {"tasks": tasks, "regime": sandbox.Accumulate(), "num_replicas": 2, "num_generations": 4}
    same(run(**options, chunk=2), run(**options))


def test_chunks_are_sized_by_their_bytes(monkeypatch, tmp_path):
    """Memory is bounded by the chunk: with less of it there are more chunks, and the same numbers."""
    row = K * R * (2 + 4 + 1) * 8
    monkeypatch.setattr(ENSEMBLE, "CHUNK_BYTES", 3 * row + 500)
    whole = run()
    monkeypatch.undo()
    same(whole, run())
    monkeypatch.setattr(ENSEMBLE, "CHUNK_BYTES", 1)
    monkeypatch.setattr(ENSEMBLE, "CHUNKS", 4)
    run(out=tmp_path)
    assert len(list(tmp_path.glob("chunk_*"))) == T + 1


def run_until(count, monkeypatch, **options):
    """A run that is interrupted after `count` chunks."""
    write, written = store.Folder.write, []

    def interrupted(*args):
        if len(written) == count:
            raise KeyboardInterrupt
        written.append(write(*args))

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(store.Folder, "write", interrupted)
        run(**options)


@pytest.mark.parametrize(
    ("regime", "signal"),
    [
        (sandbox.Replace(), judge),
        (sandbox.Accumulate(), KEEP_ALL),
        (sandbox.Fresh(None, 0.5, False), judge),
        (sandbox.Reuse(), KEEP_ALL),
    ],
    ids=["replace", "accumulate", "fresh", "reuse"],
)
def test_resume_after_ctrl_c(regime, signal, monkeypatch, tmp_path):
    """Bit for bit what an uninterrupted run gives, from memory and from disk."""
    options = {"regime": regime, "signal": signal, "chunk": 2, "out": tmp_path / "run"}
    run_until(2, monkeypatch, **options)
    assert store.load(tmp_path / "run").generations.tolist() == [0, 1, 2, 3]
    record = run(**options, resume=True)
    same(record, run(regime=regime, signal=signal))
    same(store.load(tmp_path / "run").record, record)
    same(run(**options, resume=True), record)  # nothing is left to do


@pytest.mark.parametrize("lost", [1, 4])
def test_resume_after_losing_the_last_chunks(lost, tmp_path):
    options = {"every": 2, "chunk": 1, "out": tmp_path, "regime": sandbox.Accumulate()}
    whole = run(**options)
    for file in sorted(tmp_path.glob("chunk_*"))[-lost:]:
        file.unlink()
    same(run(**options, resume=True), whole)
    assert len(list(tmp_path.glob("chunk_*"))) == 4


def test_resume_with_another_chunk(monkeypatch, tmp_path):
    run_until(1, monkeypatch, chunk=3, out=tmp_path)
    same(run(chunk=2, out=tmp_path, resume=True), run())
    assert store.load(tmp_path).generations.tolist() == list(range(T + 1))


def test_resume_where_nothing_was_written_yet(monkeypatch, tmp_path):
    run_until(0, monkeypatch, out=tmp_path)
    with pytest.raises(ValueError, match="no finished chunk"):
        store.load(tmp_path)
    same(run(out=tmp_path, resume=True), run())


def script(devices, folder, record, rows=1):
    command = [sys.executable, Path(ensemble_script.__file__), devices, folder, record, rows]
    environment = os.environ | {"PYTHONPATH": str(Path(sandbox.__file__).parent.parent)}
    return subprocess.Popen([str(part) for part in command], env=environment, stderr=subprocess.PIPE, text=True)


def finish(process):
    error = process.communicate()[1]
    assert process.returncode == 0, error


def saved(file):
    with np.load(file) as arrays:
        return dict(arrays)


@pytest.mark.slow
def test_kill_and_resume(tmp_path):
    """`kill -9` as soon as there are some more chunks, twice, at whatever it was doing; then to the end."""
    for enough in (3, 15):
        process = script(2, tmp_path / "run", tmp_path / "record.npz")
        while len(list((tmp_path / "run").glob("chunk_*"))) < enough and process.poll() is None:
            time.sleep(0.003)
        process.send_signal(signal.SIGKILL)
        error = process.communicate()[1]
        assert process.returncode == -signal.SIGKILL, error
        assert enough <= len(store.load(tmp_path / "run").generations) < 60
    for name in ("run", "whole"):
        finish(script(2, tmp_path / name, tmp_path / f"{name}.npz"))
    same(saved(tmp_path / "run.npz"), saved(tmp_path / "whole.npz"))
    same(store.load(tmp_path / "run").record, store.load(tmp_path / "whole").record)


@pytest.mark.slow
def test_one_device_and_two_agree_to_rounding_and_two_chunks_bit_by_bit(tmp_path):
    assert jax.device_count() == 2
    runs = {"one": (1, 1), "two": (2, 1), "whole": (2, 60)}  # devices, chunk
    for process in [script(d, tmp_path / name, tmp_path / f"{name}.npz", rows) for name, (d, rows) in runs.items()]:
        finish(process)
    one, two, whole = (saved(tmp_path / f"{name}.npz") for name in runs)
    close(one, two, 1e-9)
    same(two, whole)
    with pytest.raises(ValueError, match="num_devices = 1 where this has 2"):
        ensemble_script.main(tmp_path / "one", True)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("num_samples", {"num_samples": N + 1}),
        ("regime", {"regime": sandbox.Reuse()}),
        ("fit", {"fit": partial(sandbox.Gaussian.fit, unbiased=True)}),
        ("summary", {"summary": log_det}),
        ("signal", {"signal": judge}),
        ("key", {"key": jax.random.key(10)}),
        ("until_kept", {"until_kept": True}),
        ("fingerprint", {"tasks": TASKS._replace(mean=TASKS.mean + 1e-15)}),
        ("fingerprint", {"regime": sandbox.Fresh(None, 0.25)}),
    ],
)
def test_a_resume_under_another_config_is_refused(name, options, tmp_path):
    base = {"regime": sandbox.Fresh(None, 0.5)} if name == "fingerprint" and "regime" in options else {}
    run(**base, out=tmp_path)
    with pytest.raises(ValueError, match=rf"^resume: .*{name}"):
        run(**base | options, out=tmp_path, resume=True)


def edit(folder, change):
    config = json.loads((folder / "config.json").read_text())
    change(config)
    (folder / "config.json").write_text(json.dumps(config))


@pytest.mark.parametrize("package", ["jax", "jaxlib"])
def test_a_resume_under_another_version_is_refused(package, tmp_path):
    run(out=tmp_path)
    edit(tmp_path, lambda config: config["provenance"]["versions"].update({package: "0.4.1"}))
    with pytest.raises(ValueError, match=rf"^resume: .*{package} = 0.4.1"):
        run(out=tmp_path, resume=True)


def test_a_folder_that_holds_a_run_is_not_overwritten(tmp_path):
    run(out=tmp_path)
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    with pytest.raises(ValueError, match=r"^out: .* which holds a run already"):
        run(out=tmp_path, key=jax.random.key(1))
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before


def test_config_tells_how_to_do_it_again(tmp_path):
    run(out=tmp_path, signal=judge, fit=partial(sandbox.Gaussian.fit, unbiased=True), every=2)
    config = json.loads((tmp_path / "config.json").read_text())
    expected = {"num_samples": N, "num_generations": T, "num_replicas": R, "num_tasks": K, "num_real": 8, "every": 2}
    expected |= {"regime": "Replace", "signal": "judge", "fit": "Gaussian.fit(unbiased=True)"}
    expected["key"] = jax.random.key_data(KEY).tolist()
    assert {name: config["config"][name] for name in expected} == expected
    assert config["provenance"]["versions"]["jax"] == jax.__version__
    assert config["provenance"]["num_devices"] == 2
    assert set(config["provenance"]) >= {"backend", "device", "commit", "versions"}


@pytest.mark.parametrize(
    "options",
    [{}, {"every": 3}, {"summary": log_det}, {"signal": judge}],
    ids=lambda options: "".join(options) or "plain",
)
def test_load_gives_the_record_back(options, tmp_path):
    record = run(out=tmp_path, chunk=2, **options)
    loaded = store.load(tmp_path)
    same(loaded.record, record)
    assert jax.tree.structure(loaded.record) == jax.tree.structure(record)
    assert type(loaded.record.model) is type(record.model)
    assert loaded.generations.tolist() == list(range(0, T + 1, options.get("every", 1)))


@pytest.mark.parametrize(
    ("tasks", "dimensions"),
    [
        (TASKS, {"mean": ("dim",), "scale": ("dim", "column")}),
        (stack(CHAIN, CHAIN), {"initial": ("state",), "transition": ("state", "next")}),
        (
            stack(CASES[6].model),
            {"weights": ("component",), "means": ("component", "dim"), "scales": ("component", "dim", "column")},
        ),
    ],
    ids=["gaussian", "chain", "mixture"],
)
def test_export(tasks, dimensions, tmp_path):
    """netCDF with named dimensions, and the config as an attribute."""
    record = run(tasks=tasks, num_replicas=2, num_generations=4, every=2, out=tmp_path / "run")
    store.export(tmp_path / "run", tmp_path / "run.nc")
    with xarray.open_dataset(tmp_path / "run.nc") as dataset:
        for name, own in dimensions.items():
            assert dataset[name].dims == ("task", "replica", "generation", *own)
            same(dataset[name].values, getattr(record.model, name))
        same(dataset["accepted"].values, record.accepted)
        assert dataset["generation"].values.tolist() == [0, 2, 4]
        assert json.loads(dataset.attrs["config"])["config"]["num_samples"] == N
    assert {file.name for file in tmp_path.iterdir()} == {"run", "run.nc"}


@pytest.mark.parametrize("exists", [False, True])
def test_an_interrupted_write_leaves_nothing_behind(exists, tmp_path):
    file = tmp_path / "file"
    if exists:
        file.write_text("before")
    with pytest.raises(KeyboardInterrupt), store.atomic(file, "w") as stream:
        stream.write("half")
        raise KeyboardInterrupt
    assert [path.name for path in tmp_path.iterdir()] == (["file"] if exists else [])
    assert not exists or file.read_text() == "before"
    with store.atomic(file, "w") as stream:
        stream.write("after")
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("file", "after")]


def old(config):
    fields = config["config"]["record"]["fields"]
    fields |= {"kept": fields.pop("accepted"), "right": fields.pop("accuracy")}
    config["provenance"]["versions"]["infoloop"] = "0.0.9"


def foreign(config):
    config["config"]["record"]["fields"]["model"]["type"] = "sandbox.nowhere:Model"


def chunk(folder, i):
    return folder / f"chunk_0000{i}.npz"


@pytest.mark.parametrize(
    ("harm", "says", "load_alone"),
    [
        (lambda run: chunk(run, 2).unlink(), "without chunk_00002.npz", False),
        (lambda run: chunk(run, 3).rename(chunk(run, 2)), "chunk_00002.npz, which does not follow", False),
        (
            lambda run: [chunk(run, i + 1).rename(chunk(run, i)) for i in range(7)],
            "chunk_00000.npz, which does not follow",
            False,
        ),
        (lambda run: chunk(run, 7).write_bytes(b""), "chunk_00007.npz, cut", False),
        (lambda run: chunk(run, 1).write_bytes(b"PK\x03\x04 cut"), "chunk_00001.npz, cut", False),
        (lambda run: chunk(run, 1).write_text("notes"), "chunk_00001.npz, cut", False),
        (lambda run: np.savez(chunk(run, 1), x=np.ones(3)), "chunk_00001.npz, cut", False),
        (lambda run: (run / "config.json").write_text(""), "config.json, cut", False),
        (lambda run: (run / "config.json").write_text("[]"), "config.json, cut", False),
        (lambda run: (run / "config.json").unlink(), "without a config.json", True),
        (partial(edit, change=old), "infoloop 0.0.9, whose record has model, kept, right", False),
        (partial(edit, change=foreign), "sandbox.nowhere:Model", True),
        (lambda run: [file.unlink() for file in run.glob("chunk*")], "which holds no finished chunk", True),
    ],
)
def test_a_run_that_is_not_whole_is_refused_in_one_line_that_names_the_file(harm, says, load_alone, tmp_path):
    run(out=tmp_path, chunk=1)
    harm(tmp_path)
    calls = [lambda: store.load(tmp_path)] + [lambda: run(out=tmp_path, chunk=1, resume=True)] * (not load_alone)
    for call in calls:
        with pytest.raises(ValueError, match=rf"^\w+: .*{says}.* was given; accepted: ") as error:
            call()
        assert "\n" not in str(error.value)


def test_a_model_that_cannot_be_loaded_is_refused_before_it_runs(tmp_path):
    class Local(NamedTuple):
        log_det: jax.Array

    with pytest.raises(ValueError, match="top of a module, in a stored run"):
        run(summary=lambda model: Local(model.mean[0]), out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_fingerprint_sees_every_bit_and_no_address():
    tree = {"key": jax.random.key(0), "x": array([1.0, 2]), "signal": KEEP_ALL}
    assert store.fingerprint(tree) == store.fingerprint(tree | {"x": np.array([1.0, 2])})
    others = array([1.0, np.nextafter(2, 3)]), array([[1.0, 2]]), jnp.array([1, 2], jnp.float32)
    for other in (*({"x": x} for x in others), {"key": jax.random.key(1)}):
        assert store.fingerprint(tree) != store.fingerprint(tree | other)
