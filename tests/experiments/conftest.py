from types import ModuleType

import fake_experiment
import fake_experiment_with_data
import pytest

import experiments


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Installs the fake experiment instead of the real ones, and one that takes data."""
    modules = {"fake": fake_experiment.__name__, "fake-data": fake_experiment_with_data.__name__}
    monkeypatch.setattr(experiments, "EXPERIMENTS", modules)
    monkeypatch.setattr(fake_experiment_with_data, "CALLS", [])
    return fake_experiment
