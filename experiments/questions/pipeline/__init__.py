"""Whether a pipeline is open, that is, whether one model can know more about the task than another, why, and how much.

verdict = pipeline.check("X -> D -> Z0 -> D0 -> Z1; X, D0 -> S0 -> Z1", before="Z0", after="Z1")
print("\\n".join(verdict.lines))
verdict.figure().savefig("pipeline.svg")
"""

from experiments.questions.pipeline.declared import Declared as Declared
from experiments.questions.pipeline.declared import Rates as Rates
from experiments.questions.pipeline.repeated import Difference as Difference
from experiments.questions.pipeline.rounds import Rounds as Rounds
from experiments.questions.pipeline.rounds import Source as Source
from experiments.questions.pipeline.words import Checked as Checked
from experiments.questions.pipeline.words import check as check
