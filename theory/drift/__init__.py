"""Retraining a categorical model on its own samples is Wright–Fisher drift: exact kernels, selection, fixation.

For a model of your own that has a transition kernel, use `information` (first `truncated`, if it has infinitely many
states). For one that has none, such as a network, `infoloop.questions.bracket` bounds it from samples.
"""

from theory.drift.chain import Truncated as Truncated
from theory.drift.chain import distributions as distributions
from theory.drift.chain import information as information
from theory.drift.chain import initial as initial
from theory.drift.chain import neutral_kernel as neutral_kernel
from theory.drift.chain import pointwise_information as pointwise_information
from theory.drift.chain import residual_information as residual_information
from theory.drift.chain import truncated as truncated
from theory.drift.fixation import fixation_probabilities as fixation_probabilities
from theory.drift.fixation import fixation_time as fixation_time
from theory.drift.fixation import fixation_time_diffusion as fixation_time_diffusion
from theory.drift.kernels import BandedKernel as BandedKernel
from theory.drift.kernels import banded_kernel as banded_kernel
from theory.drift.kernels import lattice as lattice
from theory.drift.kernels import multinomial_kernel as multinomial_kernel
from theory.drift.kernels import num_states as num_states
from theory.drift.late import excess_information as excess_information
from theory.drift.late import quasi_stationary as quasi_stationary
from theory.drift.late import second_draw_information as second_draw_information
from theory.drift.late import smoothed_information as smoothed_information
from theory.drift.selection import Filtering as Filtering
from theory.drift.selection import block_states as block_states
from theory.drift.selection import filtering_initial as filtering_initial
from theory.drift.selection import filtering_kernel as filtering_kernel
from theory.drift.selection import migrate as migrate
from theory.drift.selection import mutate as mutate
from theory.drift.selection import select as select
from theory.drift.selection import selection_kernel as selection_kernel
from theory.drift.selection import verdict_information as verdict_information
