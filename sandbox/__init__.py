"""The instrument: toy generative models, signals, and loops that retrain a model on its own samples."""

from sandbox import components, environments, feedback, noise, online, regions, store, training
from sandbox.base import ExponentialFamily, Model, Signal
from sandbox.components import Component, Shortcut, component, shortcut
from sandbox.devices import spread
from sandbox.ensemble import ensemble, replica_keys
from sandbox.judges import Discriminator, FrozenJudge, SelfJudge
from sandbox.loop import Record, run
from sandbox.models import Categorical, Gaussian, GaussianMixture, MarkovChain, Network, Table
from sandbox.online import LEARNERS, STUDENTS, Race, Student, Training, race, races
from sandbox.regimes import Accumulate, Fresh, Regime, Replace, Reuse
from sandbox.signals import AllOf, AnyOf, BlindSpot, Environment, KeepAll, Rates, Rubric, TopFraction, Verifier
from sandbox.sources import Bootstrap, Passage
from sandbox.training import train

__all__ = [
    "LEARNERS",
    "STUDENTS",
    "Accumulate",
    "AllOf",
    "AnyOf",
    "BlindSpot",
    "Bootstrap",
    "Categorical",
    "Component",
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
    "Network",
    "Passage",
    "Race",
    "Rates",
    "Record",
    "Regime",
    "Replace",
    "Reuse",
    "Rubric",
    "SelfJudge",
    "Shortcut",
    "Signal",
    "Student",
    "Table",
    "TopFraction",
    "Training",
    "Verifier",
    "component",
    "components",
    "ensemble",
    "environments",
    "feedback",
    "noise",
    "online",
    "race",
    "races",
    "regions",
    "replica_keys",
    "run",
    "shortcut",
    "spread",
    "store",
    "train",
    "training",
]
