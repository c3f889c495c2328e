"""What a run costs, what is kept of it, and two ledgers side by side."""

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import jax
import numpy as np
import pytest

from experiments.cli import session
from experiments.harness import compare, cost

COMPILE = """
import sys, jax
from experiments.cli.session import set_up_jax
from experiments.harness import cost
set_up_jax()
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
cost.count_compilations()
double = jax.jit(lambda x: x * 2 + 1)
double(1.0)
cost.release()
double(1.0)
spent = cost.Cost.now()
print(spent.compiled, spent.read)
"""


def compiled(home):
    environment = os.environ | {"XDG_CACHE_HOME": str(home)}
    environment.pop("JAX_COMPILATION_CACHE_DIR", None)
    done = subprocess.run([sys.executable, "-c", COMPILE], env=environment, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_what_was_compiled_once_is_read_by_the_next_run(tmp_path):
    """In a folder for each jaxlib and CPU; and by this run again, where programs have been released."""
    assert compiled(tmp_path) == "1 1"
    (folder,) = (tmp_path / "infoloop").iterdir()
    assert folder.name.startswith(f"xla-{jax.lib.__version__}-") and list(folder.iterdir())
    assert compiled(tmp_path) == "0 2"


@pytest.mark.parametrize(("named", "enabled"), [(None, False), ("elsewhere", True)])
def test_jaxs_own_variables_turn_it_off(tmp_path, monkeypatch, named, enabled):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    config = SimpleNamespace(jax_compilation_cache_dir=named, jax_enable_compilation_cache=enabled)
    monkeypatch.setattr(jax, "config", config)
    session.keep_compiled()
    assert not list(tmp_path.iterdir())


def test_the_longest_unused_programs_go(tmp_path, monkeypatch):
    for age in range(5):
        (tmp_path / str(age)).write_bytes(b"x" * 10)
        os.utime(tmp_path / str(age), (age, age))
    monkeypatch.setattr(session, "CACHED", 20)
    session._bound(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["3", "4"]


def test_compilations_are_counted():
    cost.count_compilations()
    double, x, spent = jax.jit(lambda x: x * 2.125 - 1), np.zeros(17), []
    for _ in range(2):
        start = cost.Cost.now()
        double(x).block_until_ready()
        spent.append(cost.Cost.now().since(start))
    assert [one.compiled + one.read for one in spent] == [1, 0]
    assert spent[0].cpu > 0 and 0.05 < spent[0].memory < 100
    assert set(spent[0].fields()) == {"wall_time", "cpu_time", "compilations", "peak_memory"}


def test_two_ledgers_are_compared(tmp_path, capsys):
    """Six digits of what is exact, five errors of what is simulated, and every outcome."""
    row = {"id": "C1-a", "verdict": "holds", "expected": "holds", "kind": "exact", "unit": "nats", "stderr": None}
    row |= {"predicted": 1.0, "measured": 2.0, "slack": 1.0}
    simulated = row | {"id": "C1-b", "stderr": 0.1, "kind": "monte-carlo"}
    old = [row, simulated, row | {"id": "C1-gone"}]
    files = [str(tmp_path / name) for name in ("old.json", "new.json")]
    cases = (
        ([row | {"measured": 2.0000001}, simulated | {"measured": 2.6}, old[2]], []),
        ([row | {"measured": 2.00001}, simulated | {"measured": 2.8}, old[2]], ["C1-a: measured", "C1-b: measured"]),
        ([row | {"verdict": "open"}, simulated], ["C1-a: verdict holds → open", "C1-gone: gone"]),
    )
    for new, said in cases:
        for file, rows in zip(files, (old, new), strict=True):
            Path(file).write_text(json.dumps(rows))
        assert compare.main(files) == bool(said)
        *lines, last = capsys.readouterr().out.splitlines()
        assert len([line for line in lines if line]) == len(said) and last.endswith(f"{len(said)} differences")
        assert all(line.startswith(start) for line, start in zip(lines, said, strict=False))
    assert compare.main([]) == 2
