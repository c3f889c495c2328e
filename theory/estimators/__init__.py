"""Information from samples: intervals, known distributions, bounds from simulated models, a classifier."""

from theory.estimators.bounds import Sandwich as Sandwich
from theory.estimators.bounds import sandwich as sandwich
from theory.estimators.classifier import Classified as Classified
from theory.estimators.classifier import classifier_bound as classifier_bound
from theory.estimators.intervals import Bounds as Bounds
from theory.estimators.intervals import Bracket as Bracket
from theory.estimators.intervals import Estimate as Estimate
from theory.estimators.intervals import estimate as estimate
from theory.estimators.intervals import merge as merge
from theory.estimators.intervals import monte_carlo as monte_carlo
from theory.estimators.intervals import pseudo_values as pseudo_values
from theory.estimators.pointwise import count_log_likelihood as count_log_likelihood
from theory.estimators.pointwise import pointwise_information as pointwise_information
from theory.estimators.pointwise import stratified_information as stratified_information
