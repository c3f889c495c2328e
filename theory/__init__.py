"""The mathematics: arrays in, numbers out, in nats. It knows nothing of models.

- `measures`, `channels`: entropy, divergence, mutual information; capacity, contraction;
- `pipeline`, `claims`: which node can know more about the task than another; the claims as inequalities;
- `drift`, `budget`: retraining as a Markov chain; what a verdict carries, how loops end, how many verdicts they take;
- `gaussian`, `markov`: exact loops of a Gaussian's mean or variance, and of a chain of two states;
- `supervision`, `policies`, `prequential`: what a signal carries, what a policy makes of it, code lengths;
- `estimators`: means with errors, bounds on information from samples.

Every public function raises `ValueError` naming the argument that is not what its annotation and docstring say;
`Raises` mentions further conditions alone. Tables are checked to sum to 1 within the square root of the
rounding of their dtype. Under `jit`, `vmap` and `grad` shapes are checked and values are not.

The dtype of a result is the widest among the arrays given; lists have JAX's default, which is float32 unless
`jax_enable_x64` is set; half precision is widened to it. In float32 inequalities hold, and bounds meet, to its rounding
(1e-7) alone, and a traced number below 1e-38 counts as 0.
"""

from theory import budget as budget
from theory import claims as claims
from theory import drift as drift
from theory import gaussian as gaussian
from theory import markov as markov
from theory import policies as policies
from theory import prequential as prequential
from theory import supervision as supervision
from theory.channels import Capacity as Capacity
from theory.channels import capacity as capacity
from theory.channels import contraction as contraction
from theory.channels import contraction_at as contraction_at
from theory.channels import dobrushin as dobrushin
from theory.channels import maximal_correlation as maximal_correlation
from theory.estimators import Bounds as Bounds
from theory.estimators import Bracket as Bracket
from theory.estimators import Estimate as Estimate
from theory.estimators import count_log_likelihood as count_log_likelihood
from theory.estimators import estimate as estimate
from theory.estimators import merge as merge
from theory.estimators import monte_carlo as monte_carlo
from theory.estimators import pointwise_information as pointwise_information
from theory.estimators import stratified_information as stratified_information
from theory.measures import coarsen as coarsen
from theory.measures import conditional_mutual_information as conditional_mutual_information
from theory.measures import entropy as entropy
from theory.measures import kl_divergence as kl_divergence
from theory.measures import mutual_information as mutual_information
from theory.pipeline import Closed as Closed
from theory.pipeline import Entry as Entry
from theory.pipeline import Open as Open
from theory.pipeline import Pipeline as Pipeline
from theory.policies import best_of_n as best_of_n
from theory.supervision import Decomposition as Decomposition
from theory.supervision import decompose as decompose
