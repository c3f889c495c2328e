"""The instrument: toy generative models, signals, and loops that retrain a model on its own samples.

Every public function raises `ValueError` naming the argument that is not what its annotation and docstring say.
"""

from sandbox import noise as noise
from sandbox import policies as policies
from sandbox import regions as regions
from sandbox import shortcuts as shortcuts
from sandbox import store as store
from sandbox.adaptive import AdaptiveRecord as AdaptiveRecord
from sandbox.adaptive import Past as Past
from sandbox.adaptive import run_adaptive as run_adaptive
from sandbox.base import ExponentialFamily as ExponentialFamily
from sandbox.base import Model as Model
from sandbox.base import Signal as Signal
from sandbox.devices import shard as shard
from sandbox.ensemble import ensemble as ensemble
from sandbox.ensemble import replica_keys as replica_keys
from sandbox.judges import Discriminator as Discriminator
from sandbox.judges import FixedRewardModel as FixedRewardModel
from sandbox.judges import SelfConsistencyJudge as SelfConsistencyJudge
from sandbox.loop import Record as Record
from sandbox.loop import run as run
from sandbox.models import Categorical as Categorical
from sandbox.models import Gaussian as Gaussian
from sandbox.models import GaussianMixture as GaussianMixture
from sandbox.models import MarkovChain as MarkovChain
from sandbox.policies import Network as Network
from sandbox.policies import Table as Table
from sandbox.policies import train as train
from sandbox.regimes import Accumulate as Accumulate
from sandbox.regimes import Fresh as Fresh
from sandbox.regimes import Regime as Regime
from sandbox.regimes import Replace as Replace
from sandbox.regimes import Reuse as Reuse
from sandbox.shortcuts import LEARNERS as LEARNERS
from sandbox.shortcuts import STUDENTS as STUDENTS
from sandbox.shortcuts import Feature as Feature
from sandbox.shortcuts import OnlineRecord as OnlineRecord
from sandbox.shortcuts import Shortcut as Shortcut
from sandbox.shortcuts import Student as Student
from sandbox.shortcuts import Training as Training
from sandbox.shortcuts import feature as feature
from sandbox.shortcuts import learn_online as learn_online
from sandbox.shortcuts import shortcut as shortcut
from sandbox.signals import AllOf as AllOf
from sandbox.signals import AnyOf as AnyOf
from sandbox.signals import BlindSpot as BlindSpot
from sandbox.signals import Environment as Environment
from sandbox.signals import KeepAll as KeepAll
from sandbox.signals import Rates as Rates
from sandbox.signals import Rubric as Rubric
from sandbox.signals import TopFraction as TopFraction
from sandbox.signals import Verifier as Verifier
from sandbox.sources import Bootstrap as Bootstrap
from sandbox.sources import Passage as Passage
