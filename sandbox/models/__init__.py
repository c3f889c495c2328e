"""Generative models, one file each."""

from sandbox.models.categorical import Categorical as Categorical
from sandbox.models.gaussian import Gaussian as Gaussian
from sandbox.models.gaussian_mixture import GaussianMixture as GaussianMixture
from sandbox.models.markov_chain import MarkovChain as MarkovChain
from sandbox.models.prompted import PromptedCategorical as PromptedCategorical
