"""The mathematics: arrays in, numbers out. It knows nothing of models."""

from theory import budget as budget
from theory import claims as claims
from theory import drift as drift
from theory import gaussian as gaussian
from theory.channels import Capacity as Capacity
from theory.channels import capacity as capacity
from theory.channels import contraction as contraction
from theory.channels import contraction_at as contraction_at
from theory.channels import dobrushin as dobrushin
from theory.channels import maximal_correlation as maximal_correlation
from theory.estimators import Estimate as Estimate
from theory.estimators import estimate as estimate
from theory.measures import coarsen as coarsen
from theory.measures import conditional_mutual_information as conditional_mutual_information
from theory.measures import entropy as entropy
from theory.measures import kl_divergence as kl_divergence
from theory.measures import mutual_information as mutual_information
from theory.pipeline import Closed as Closed
from theory.pipeline import Open as Open
from theory.pipeline import Pipeline as Pipeline
