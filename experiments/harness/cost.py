"""The cost of a run: seconds of wall clock and CPU, compilations, peak memory."""

import ctypes
import gc
import resource
import sys
import time
from collections import Counter
from contextlib import suppress
from functools import cache
from typing import NamedTuple, Self

# Options of `jax.jit`, LLVM's level: a lower one compiles faster, which is worth more where a program runs for seconds
RUNS_ONCE, RUNS_BRIEFLY = ({"xla_backend_optimization_level": level} for level in (0, 1))
_COMPILED, _READ = "/jax/core/compile/backend_compile_duration", "/jax/compilation_cache/cache_hits"
_COUNTS: Counter[str] = Counter()  # JAX keeps its listeners for good, so that there is one count a process


class Cost(NamedTuple):
    """The cost of this process so far; the difference of two is the cost of a part."""

    wall: float
    cpu: float
    compiled: int  # programs that XLA compiled
    read: int  # programs read from the persistent compilation cache
    memory: float  # GB at the peak so far

    @classmethod
    def now(cls) -> Self:
        """Since the process began; compilations since `count_compilations`."""
        used = resource.getrusage(resource.RUSAGE_SELF)
        compiled, read = _COUNTS[_COMPILED], _COUNTS[_READ]
        unit = 1e9 if sys.platform == "darwin" else 1e6  # of ru_maxrss: bytes there, kilobytes elsewhere
        return cls(time.perf_counter(), used.ru_utime + used.ru_stime, compiled - read, read, used.ru_maxrss / unit)

    def since(self, start: "Cost") -> "Cost":
        """The cost since then; the peak of the memory is that of the process."""
        wall, cpu, compiled, read, _ = (now - then for now, then in zip(self, start, strict=True))
        return Cost(wall, cpu, int(compiled), int(read), self.memory)

    def fields(self) -> dict[str, str]:
        """For the provenance."""
        return {
            "wall_time": f"{self.wall:.1f} s",
            "cpu_time": f"{self.cpu:.1f} s",
            "compilations": f"{self.compiled}, and {self.read} read from the cache",
            "peak_memory": f"{self.memory:.2f} GB",
        }

    def __str__(self) -> str:
        said = f"{self.wall:.0f} s, {self.cpu:.0f} CPU seconds, {self.compiled} compilations"
        return f"{said}{f' and {self.read} from the cache' if self.read else ''}, {self.memory:.1f} GB at most"


@cache
def count_compilations() -> None:
    """Starts counting compilations, once a process."""
    import jax

    def heard(event: str, *_: object, **__: object) -> None:
        _COUNTS[event] += 1

    jax.monitoring.register_event_duration_secs_listener(heard)
    jax.monitoring.register_event_listener(heard)


def release() -> None:
    """Releases memory: compiled programs, which stay in the cache on disk, and freed memory that glibc holds."""
    import jax

    jax.clear_caches()
    gc.collect()
    with suppress(OSError, AttributeError):  # another system's C library
        ctypes.CDLL("libc.so.6").malloc_trim(0)
