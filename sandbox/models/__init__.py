"""Generative models and policies, one file each."""

from sandbox.models.categorical import Categorical
from sandbox.models.gaussian import Gaussian
from sandbox.models.gaussian_mixture import GaussianMixture
from sandbox.models.markov_chain import MarkovChain
from sandbox.models.policy import Network, Table

__all__ = ["Categorical", "Gaussian", "GaussianMixture", "MarkovChain", "Network", "Table"]
