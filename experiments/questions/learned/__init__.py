"""What a signal teaches first, from the rows of a log.

found = learned.features(log)        # single-feature learners in the order in which they learn
"""

from experiments.questions.learned.answer import Answer as Answer
from experiments.questions.learned.answer import Learned as Learned
from experiments.questions.learned.answer import features as features
