"""Shortcut learning: networks that read two competing features of a label, an intended and a spurious one."""

from sandbox.shortcuts.features import KINDS as KINDS
from sandbox.shortcuts.features import WIDTH as WIDTH
from sandbox.shortcuts.features import Feature as Feature
from sandbox.shortcuts.features import Kind as Kind
from sandbox.shortcuts.features import Shortcut as Shortcut
from sandbox.shortcuts.features import feature as feature
from sandbox.shortcuts.features import shortcut as shortcut
from sandbox.shortcuts.features import stack as stack
from sandbox.shortcuts.online import LEARNERS as LEARNERS
from sandbox.shortcuts.online import MLP as MLP
from sandbox.shortcuts.online import ONCE as ONCE
from sandbox.shortcuts.online import STUDENTS as STUDENTS
from sandbox.shortcuts.online import OnlineRecord as OnlineRecord
from sandbox.shortcuts.online import Student as Student
from sandbox.shortcuts.online import Training as Training
from sandbox.shortcuts.online import learn_online as learn_online
