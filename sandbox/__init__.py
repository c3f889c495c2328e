"""The instrument: toy generative models, signals, and loops that retrain a model on its own samples."""

from sandbox import noise, regions, store
from sandbox.base import ExponentialFamily, Model, Signal
from sandbox.ensemble import ensemble, replica_keys
from sandbox.judges import Discriminator, FrozenJudge, SelfJudge
from sandbox.loop import Record, run
from sandbox.models import Categorical, Gaussian, GaussianMixture, MarkovChain
from sandbox.regimes import Accumulate, Fresh, Regime, Replace, Reuse
from sandbox.signals import AllOf, AnyOf, BlindSpot, Environment, KeepAll, Rates, Rubric, TopFraction, Verifier
from sandbox.sources import Bootstrap, Passage

__all__ = [
    "Accumulate",
    "AllOf",
    "AnyOf",
    "BlindSpot",
    "Bootstrap",
    "Categorical",
    "Discriminator",
    "Environment",
    "ExponentialFamily",
    "Fresh",
    "FrozenJudge",
    "Gaussian",
    "GaussianMixture",
    "KeepAll",
    "MarkovChain",
    "Model",
    "Passage",
    "Rates",
    "Record",
    "Regime",
    "Replace",
    "Reuse",
    "Rubric",
    "SelfJudge",
    "Signal",
    "TopFraction",
    "Verifier",
    "ensemble",
    "noise",
    "regions",
    "replica_keys",
    "run",
    "store",
]
