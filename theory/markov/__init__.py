"""Retraining a Markov chain of two states on its own paths: exact chains over the counts of a path."""

from theory.markov.chain import fits as fits
from theory.markov.chain import fresh_kernel as fresh_kernel
from theory.markov.chain import information as information
from theory.markov.chain import initial_laws as initial_laws
from theory.markov.chain import kept_kernel as kept_kernel
from theory.markov.chain import laws as laws
from theory.markov.paths import Counts as Counts
from theory.markov.paths import PathCounts as PathCounts
from theory.markov.paths import fresh_counts as fresh_counts
from theory.markov.paths import kept_counts as kept_counts
from theory.markov.paths import log_num_paths as log_num_paths
from theory.markov.paths import path_counts as path_counts
from theory.markov.paths import smallest_gap as smallest_gap
