"""What a loop with a verifier reaches on a prompt, in how many verdicts and rounds, and how good a verifier must be.

question = plan.Question(initial=0.3, tpr=0.9, fpr=0.2, goal=0.99)
answer = plan.answer(question)      # numbers, for errors that are independent and for errors that persist
plan.lines(question, answer)        # the screen of `infoloop plan`

A log, of `logs.read`, takes the place of the rates: plan.Question(log=log, goal=0.99).
"""

from experiments.questions.plan.answer import Answer as Answer
from experiments.questions.plan.answer import Question as Question
from experiments.questions.plan.answer import Row as Row
from experiments.questions.plan.answer import answer as answer
from experiments.questions.plan.answer import check as check
from experiments.questions.plan.screen import lines as lines
from experiments.questions.plan.threshold import thresholded as thresholded
