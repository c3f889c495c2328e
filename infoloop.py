"""infoloop: what happens when generative models are trained on generated data, settled with numbers.

`sandbox`: models, signals and loops; `theory`: the mathematics; `questions`: what people ask of their own pipeline.
"""

from importlib.metadata import version as _version
from pathlib import Path as _Path

import sandbox as sandbox
import theory as theory

try:
    from experiments import questions as questions
except ImportError as _error:
    import experiments as _other

    _found = _Path(next(iter(_other.__path__))).resolve()
    _own = _Path(__file__).resolve().parent / "experiments"
    if _found == _own:
        raise
    raise ImportError(
        f"experiments: {_found} was found; accepted: {_own}, infoloop's own. Rename that folder, or start elsewhere"
    ) from _error

__version__ = _version("infoloop")
