"""Whether a pipeline is open, that is, whether one model can know more about the task than another, and why.

verdict = pipeline.check("X -> D -> Z0 -> D0 -> Z1; X, D0 -> S0 -> Z1", before="Z0", after="Z1")
print("\\n".join(verdict.lines))
verdict.figure().savefig("pipeline.svg")
"""

from experiments.questions.pipeline.words import Checked as Checked
from experiments.questions.pipeline.words import check as check
