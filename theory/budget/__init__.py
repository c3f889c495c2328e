"""A verifier as a channel, and the loop that it filters: nats per verdict, fixation, rounds, break-even.

The loop refits a categorical model to what the verifier accepted; correct outputs are accepted with probability φ (the
true-positive rate), all others with ψ (the false-positive rate). Two symbols, "correct" and "wrong", are enough, since
blocks of outputs are lumpable. Under rejection sampling until n are accepted only the likelihood ratio φ/ψ matters.

What is given by a formula may be traced by JAX; what solves a chain, or searches, takes numbers with values.
"""

from theory.budget.adaptive import Rounds as Rounds
from theory.budget.adaptive import adaptive_rounds as adaptive_rounds
from theory.budget.adaptive import equal_risk as equal_risk
from theory.budget.adaptive import equal_risk_law as equal_risk_law
from theory.budget.adaptive import optimal_rounds as optimal_rounds
from theory.budget.blind import Threshold as Threshold
from theory.budget.blind import best_threshold as best_threshold
from theory.budget.blind import blind_exponent as blind_exponent
from theory.budget.blind import roc as roc
from theory.budget.blind import threshold_rule as threshold_rule
from theory.budget.candidates import candidate_judge_total as candidate_judge_total
from theory.budget.candidates import candidate_verdicts as candidate_verdicts
from theory.budget.exponents import wrong_exponent as wrong_exponent
from theory.budget.kinds import ends_with as ends_with
from theory.budget.kinds import shares_by_round as shares_by_round
from theory.budget.outcomes import Fixation as Fixation
from theory.budget.outcomes import fixation as fixation
from theory.budget.outcomes import kimura as kimura
from theory.budget.outcomes import success as success
from theory.budget.persistent import Ceiling as Ceiling
from theory.budget.persistent import Kinds as Kinds
from theory.budget.persistent import both as both
from theory.budget.persistent import ceiling as ceiling
from theory.budget.persistent import persistent_kinds as persistent_kinds
from theory.budget.persistent import persistent_rounds as persistent_rounds
from theory.budget.rounds import BestSize as BestSize
from theory.budget.rounds import fixed_rounds as fixed_rounds
from theory.budget.rounds import fixed_rounds_law as fixed_rounds_law
from theory.budget.rounds import hard_limit as hard_limit
from theory.budget.rounds import until_fixation as until_fixation
from theory.budget.schedule import Spending as Spending
from theory.budget.schedule import schedule_bound as schedule_bound
from theory.budget.schedule import spend as spend
from theory.budget.thresholds import accuracy as accuracy
from theory.budget.thresholds import break_even as break_even
from theory.budget.thresholds import break_even_limit as break_even_limit
from theory.budget.verifier import fixed_judge_total as fixed_judge_total
from theory.budget.verifier import information_needed as information_needed
from theory.budget.verifier import item_capacities as item_capacities
from theory.budget.verifier import judge_distribution as judge_distribution
from theory.budget.verifier import verdict as verdict
from theory.budget.verifier import verdicts as verdicts
from theory.budget.verifier import verifier_capacity as verifier_capacity
