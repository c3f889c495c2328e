"""The instrument: toy generative models, signals, and loops that retrain a model on its own samples."""

from sandbox import noise, store
from sandbox.base import ExponentialFamily, Model, Signal
from sandbox.ensemble import ensemble, replica_keys
from sandbox.loop import Accumulate, Fresh, Record, Regime, Replace, Reuse, run
from sandbox.models import Categorical, Gaussian, GaussianMixture, MarkovChain
from sandbox.signals import KeepAll
from sandbox.sources import Bootstrap, Passage

__all__ = [
    "Accumulate",
    "Bootstrap",
    "Categorical",
    "ExponentialFamily",
    "Fresh",
    "Gaussian",
    "GaussianMixture",
    "KeepAll",
    "MarkovChain",
    "Model",
    "Passage",
    "Record",
    "Regime",
    "Replace",
    "Reuse",
    "Signal",
    "ensemble",
    "noise",
    "replica_keys",
    "run",
    "store",
]
