"""Retraining a Gaussian on its own samples: what its mean and its log-variance carry about the task."""

from theory.gaussian.log_variance import Density as Density
from theory.gaussian.log_variance import log_variance_density as log_variance_density
from theory.gaussian.log_variance import log_variance_information as log_variance_information
from theory.gaussian.log_variance import log_variance_pointwise_information as log_variance_pointwise_information
from theory.gaussian.mean import LogVarianceMoments as LogVarianceMoments
from theory.gaussian.mean import expected_deviation as expected_deviation
from theory.gaussian.mean import expected_squared_error as expected_squared_error
from theory.gaussian.mean import expected_variance as expected_variance
from theory.gaussian.mean import log_variance_moments as log_variance_moments
from theory.gaussian.mean import mean_information as mean_information
from theory.gaussian.mean import mean_pointwise_information as mean_pointwise_information
from theory.gaussian.mean import mean_variance as mean_variance
from theory.gaussian.priors import Finite as Finite
from theory.gaussian.priors import Normal as Normal
