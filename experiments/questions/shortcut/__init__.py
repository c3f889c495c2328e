"""Shortcut learning: which of two features of a label is learned first, and when a learner switches.

question = shortcut.question(intended="parity", order=3, spurious="length", agreement=0.85)
found = shortcut.answer(question)       # curves, for several shares of decorrelated labels
shortcut.lines(question, found)      # the screen of `infoloop shortcut`

found = shortcut.measure(log, ["correct"], ["chars"])   # on the rows of a log, of questions.logs
"""

from experiments.questions.shortcut.curves import BOTH as BOTH
from experiments.questions.shortcut.curves import INTENDED as INTENDED
from experiments.questions.shortcut.curves import SPURIOUS as SPURIOUS
from experiments.questions.shortcut.curves import Curves as Curves
from experiments.questions.shortcut.curves import crossings as crossings
from experiments.questions.shortcut.curves import learning_curves as learning_curves
from experiments.questions.shortcut.curves import measured_crossover as measured_crossover
from experiments.questions.shortcut.curves import nats_saved as nats_saved
from experiments.questions.shortcut.curves import predicted_crossover as predicted_crossover
from experiments.questions.shortcut.figures import figure as figure
from experiments.questions.shortcut.figures import save as save
from experiments.questions.shortcut.learn import Question as Question
from experiments.questions.shortcut.learn import answer as answer
from experiments.questions.shortcut.learn import decorrelation as decorrelation
from experiments.questions.shortcut.learn import feature_information as feature_information
from experiments.questions.shortcut.learn import learned_first as learned_first
from experiments.questions.shortcut.learn import question as question
from experiments.questions.shortcut.rows import Measured as Measured
from experiments.questions.shortcut.rows import measure as measure
from experiments.questions.shortcut.words import lines as lines
