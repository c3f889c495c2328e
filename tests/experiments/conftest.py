import sys
from types import ModuleType

import fake_experiment
import pytest

import experiments
from experiments import Experiment


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Installs the fake experiment instead of the real ones, once without and once with data."""
    without = Experiment("fake", "fake_experiment", "a fake", takes_data=False)
    with_data = Experiment("fake-data", "fake_experiment_with_data", "takes data", takes_data=True)
    monkeypatch.setattr(experiments, "EXPERIMENTS", (without, with_data))
    empty = ModuleType("fake_experiment_with_data")
    vars(empty).update(CHECKS=(), FIGURES={}, run=fake_experiment.run)
    monkeypatch.setitem(sys.modules, "fake_experiment_with_data", empty)
    monkeypatch.setattr(fake_experiment, "CALLS", [])
    return fake_experiment
