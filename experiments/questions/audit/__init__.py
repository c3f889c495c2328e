"""The audit of a log: how good its verifier is, whether errors persist, what retraining reaches, what it teaches first.

found = audit.audit("log.csv")      # or a frame, or a mapping from names to arrays
print("\\n".join(audit.lines(found)))
audit.as_json(found)["accuracy"]["one_round"]      # [low, middle, high]
"""

from experiments.questions.audit.accuracy import Accuracy as Accuracy
from experiments.questions.audit.accuracy import Reached as Reached
from experiments.questions.audit.advice import Advice as Advice
from experiments.questions.audit.answer import Audit as Audit
from experiments.questions.audit.answer import audit as audit
from experiments.questions.audit.rates import Verifier as Verifier
from experiments.questions.audit.screen import as_json as as_json
from experiments.questions.audit.screen import lines as lines
from experiments.questions.errors import Errors as Errors
