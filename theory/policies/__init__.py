"""What each training method does to one prompt's distribution over outputs; RLVR on a budget; best of n; pass@k."""

from theory.policies import best_of_n as best_of_n
from theory.policies.attempts import Resampling as Resampling
from theory.policies.attempts import pass_at as pass_at
from theory.policies.attempts import pass_at_estimate as pass_at_estimate
from theory.policies.attempts import resampling as resampling
from theory.policies.gradients import Refit as Refit
from theory.policies.gradients import Times as Times
from theory.policies.gradients import natural_gradient as natural_gradient
from theory.policies.gradients import policy_gradient as policy_gradient
from theory.policies.gradients import refit_diversity as refit_diversity
from theory.policies.gradients import times_to as times_to
from theory.policies.reinforce import BestStep as BestStep
from theory.policies.reinforce import Reinforced as Reinforced
from theory.policies.reinforce import best_step as best_step
from theory.policies.reinforce import differing_pairs as differing_pairs
from theory.policies.reinforce import reinforce as reinforce
from theory.policies.reinforce import reinforce_law as reinforce_law
from theory.policies.reinforce import reinforce_rate as reinforce_rate
