"""Information from samples, each value with its error or between two bounds.

`intervals`: means, brackets and their errors; `pointwise`: known densities; `sandwich`: a law known through simulated
models only; `classifier`: no law known at all.
"""

from theory.classifier import Classified as Classified
from theory.classifier import classifier_bound as classifier_bound
from theory.intervals import Bounds as Bounds
from theory.intervals import Bracket as Bracket
from theory.intervals import Estimate as Estimate
from theory.intervals import estimate as estimate
from theory.intervals import merge as merge
from theory.intervals import monte_carlo as monte_carlo
from theory.intervals import spread as spread
from theory.pointwise import count_log_likelihood as count_log_likelihood
from theory.pointwise import pointwise_information as pointwise_information
from theory.pointwise import stratified_information as stratified_information
from theory.sandwich import Sandwich as Sandwich
from theory.sandwich import sandwich as sandwich
