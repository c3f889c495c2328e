"""Whether a pipeline is open, that is, whether one model can know more about the task than another, why, and how much.

verdict = pipeline.check("X -> D -> Z0 -> D0 -> Z1; X, D0 -> S0 -> Z1", before="Z0", after="Z1")
print("\\n".join(verdict.lines))
verdict.figure().savefig("pipeline.svg")

three = pipeline.check("loop.toml", rounds=3)  # the graph of one round, its models, marks and rates; example.toml
print(three.rounds.nats)
"""

from experiments.questions.pipeline.words import Checked as Checked
from experiments.questions.pipeline.words import check as check
