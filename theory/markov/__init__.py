"""Retraining a Markov chain of two states on its own paths: exact chains over the counts of a path."""

from theory.markov.chain import accepted_kernel as accepted_kernel
from theory.markov.chain import distributions as distributions
from theory.markov.chain import fits as fits
from theory.markov.chain import fresh_kernel as fresh_kernel
from theory.markov.chain import information as information
from theory.markov.chain import initial_distributions as initial_distributions
from theory.markov.paths import PathCounts as PathCounts
from theory.markov.paths import TransitionCounts as TransitionCounts
from theory.markov.paths import accepted_counts as accepted_counts
from theory.markov.paths import fresh_counts as fresh_counts
from theory.markov.paths import log_num_paths as log_num_paths
from theory.markov.paths import path_counts as path_counts
from theory.markov.paths import smallest_gap as smallest_gap
