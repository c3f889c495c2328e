import fake_experiment
import fake_experiment_with_data
import pytest

import experiments
from experiments import cli


@pytest.fixture
def fake(monkeypatch):
    """Installs the fake experiment instead of the real ones, and one that takes data."""
    modules = {"fake": fake_experiment.__name__, "fake-data": fake_experiment_with_data.__name__}
    monkeypatch.setattr(experiments, "EXPERIMENTS", modules)
    monkeypatch.setattr(fake_experiment_with_data, "CALLS", [])
    return fake_experiment


@pytest.fixture
def refused(capsys):
    """Runs a command that cannot be done, and gives what it says: one line on stderr, and its exit status."""

    def refused(*arguments, status=2):
        assert cli.main(arguments) == status
        (line,) = capsys.readouterr().err.splitlines()
        assert line.startswith("infoloop: ")
        return line

    return refused
