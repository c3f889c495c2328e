"""What a signal carries about class and surface form, how many queries identify the class, how fast a policy learns.

print(signal.signal_study(policies.verdict(4, 8), num_forms=8))
"""

from experiments.questions.signal.identify import ExpectedQueries as ExpectedQueries
from experiments.questions.signal.study import Curve as Curve
from experiments.questions.signal.study import Description as Description
from experiments.questions.signal.study import SignalStudy as SignalStudy
from experiments.questions.signal.study import describe as describe
from experiments.questions.signal.study import signal_study as signal_study
from experiments.questions.signal.study import training_curve as training_curve
