"""One run for the tests that need a process of its own, compiled as by default.

argv = number of devices, folder, file for the record, chunk.
"""

import os
import sys

if __name__ == "__main__":
    os.environ["XLA_FLAGS"] = f"--xla_force_host_platform_device_count={sys.argv[1]}"

import jax

jax.config.update("jax_enable_x64", True)

import jax.numpy as jnp  # noqa: E402
import numpy as np  # noqa: E402
from small_ensemble import run  # noqa: E402

import sandbox  # noqa: E402


def keep_low(key, model, x):
    return (x[:, 0] <= model.mean[0] + 1).astype(jnp.float64)


def main(folder, resume, chunk=1):
    counts = {"num_samples": 20, "num_generations": 59, "num_replicas": 3, "num_real": 20}
    regime = sandbox.Accumulate()
    return run(signal=keep_low, regime=regime, chunk=chunk, out=folder, resume=resume, **counts)


if __name__ == "__main__":
    assert jax.device_count() == int(sys.argv[1])
    record = main(sys.argv[2], True, int(sys.argv[4]))
    np.savez(sys.argv[3], mean=record.model.mean, scale=record.model.scale, accepted=record.accepted)
