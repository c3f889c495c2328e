"""What a signal carries about class and surface form, how many queries identify the class, how fast a policy learns.

from infoloop import questions, sandbox
print(questions.signal.signal_study(sandbox.policies.verdict(4, 8), num_forms=8))  # 4 classes in 8 surface forms
"""

from experiments.questions.signal.identify import ExpectedQueries as ExpectedQueries
from experiments.questions.signal.study import Curve as Curve
from experiments.questions.signal.study import Description as Description
from experiments.questions.signal.study import SignalStudy as SignalStudy
from experiments.questions.signal.study import describe as describe
from experiments.questions.signal.study import signal_study as signal_study
from experiments.questions.signal.study import training_curve as training_curve
