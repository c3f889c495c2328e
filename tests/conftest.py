"""Two virtual devices, float64, strict promotion, executed annotations: set before anything imports jax.

The tests are nearly all compilation, hence an older code generator of XLA and few optimisations, which takes half the
time; the defaults run in `infoloop verify`, in the notebooks and in the scripts that test_resume.py starts. What was
compiled once is kept on disk, as the command line keeps it.
"""

import os

os.environ["XLA_FLAGS"] = (
    os.environ.get("XLA_FLAGS", "") + " --xla_force_host_platform_device_count=2 --xla_cpu_use_fusion_emitters=false"
)
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # whose threads spin where all cores are busy

import jax

jax.config.update("jax_enable_x64", True)
jax.config.update("jax_numpy_dtype_promotion", "strict")
jax.config.update("jax_numpy_rank_promotion", "raise")

from jaxtyping import install_import_hook  # noqa: E402

install_import_hook(["sandbox", "theory"], "beartype.beartype")

from experiments.cli.session import keep_compiled  # noqa: E402

keep_compiled()

import pytest  # noqa: E402
from hypothesis import settings  # noqa: E402

settings.register_profile("dev", max_examples=50, deadline=None)
settings.register_profile("ci", max_examples=100, deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "dev")


@pytest.fixture(scope="module", autouse=True)
def quick_to_compile():
    """Compiling takes longer than running, but for the modules that override this; no other module needs the result."""
    jax.config.update("jax_disable_most_optimizations", True)
    yield
    jax.config.update("jax_disable_most_optimizations", False)
    jax.clear_caches()
