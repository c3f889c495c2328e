"""What a signal teaches first, from the rows of a log.

found = learned.features(log)        # single-feature learners, in the order in which they learn
learned.leave_one_out(log, found)    # what is learned first without each value that is learned
learned.constants(log)               # values of groups whose outputs are all the same
learned.held_out(log, "chars")       # rows on which chars and the truth disagree
learned.pairs(log, "chars")          # pairs in which chars wins as often as it loses
"""

from experiments.questions.learned.answer import LEARNED as LEARNED
from experiments.questions.learned.answer import Answer as Answer
from experiments.questions.learned.answer import Learned as Learned
from experiments.questions.learned.answer import features as features
from experiments.questions.learned.groups import Constant as Constant
from experiments.questions.learned.groups import Without as Without
from experiments.questions.learned.groups import constants as constants
from experiments.questions.learned.groups import leave_one_out as leave_one_out
from experiments.questions.learned.pairs import Pairs as Pairs
from experiments.questions.learned.pairs import held_out as held_out
from experiments.questions.learned.pairs import lean as lean
from experiments.questions.learned.pairs import pairs as pairs
