"""The commands of `infoloop`, by name: their options, and what they print.

JAX, matplotlib and the experiments are imported inside the commands, so that `--help` answers at once.
"""

from collections.abc import Callable

from experiments.commands.evidence import bench, list_, run, verify
from experiments.commands.questions import check, plan, race

COMMANDS: dict[str, Callable[..., int]] = {
    "verify": verify,
    "list": list_,
    "run": run,
    "check": check,
    "plan": plan,
    "race": race,
    "bench": bench,
}
