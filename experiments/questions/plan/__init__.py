"""How many verdicts and rounds a loop with a verifier takes, how good the verifier must be, how often it ends correct.

question = plan.Question(initial=0.3, tpr=0.9, fpr=0.2, goal=0.99)
answer = plan.answer(question)      # numbers
plan.lines(question, answer)        # the screen of `infoloop plan`
"""

from experiments.questions.plan.answer import Answer as Answer
from experiments.questions.plan.answer import Question as Question
from experiments.questions.plan.answer import Ranged as Ranged
from experiments.questions.plan.answer import answer as answer
from experiments.questions.plan.answer import check as check
from experiments.questions.plan.labels import Counts as Counts
from experiments.questions.plan.labels import read_counts as read_counts
from experiments.questions.plan.screen import lines as lines
