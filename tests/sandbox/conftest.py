import jax
import pytest


@pytest.fixture(scope="module")
def quick_to_compile():
    """Where compiling takes longer than running, and no bit depends on how well it is done."""
    jax.clear_caches()
    jax.config.update("jax_disable_most_optimizations", True)
    yield
    jax.config.update("jax_disable_most_optimizations", False)
    jax.clear_caches()
