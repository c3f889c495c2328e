"""Replicas over several devices: each device has its own share, and nothing passes between them."""

import math
from collections.abc import Callable
from typing import Any

import jax
from jax.sharding import AxisType, Mesh, NamedSharding
from jax.sharding import PartitionSpec as P

from sandbox import validation
from sandbox.base import Same

REPLICAS = P("replica")  # axis 0 is that of the replicas
ALL = P()  # the same on every device


def shard(replicas: Same) -> Same:
    """Puts replicas, on axis 0 of each leaf, on as many devices as divide their number, where a `vmap` then runs."""
    sizes = {getattr(leaf, "shape", ())[:1] for leaf in jax.tree.leaves(replicas)}
    if len(sizes) != 1 or sizes & {(), (0,)}:
        raise validation.refuse("replicas", f"leaves of lengths {sorted(sizes)}", "arrays with the replicas on axis 0")
    validation.finite("replicas", replicas)
    return put(replicas, mesh(math.gcd(*sizes.pop(), jax.device_count())))


def mesh(num_devices: int) -> Mesh:
    """The first devices, in a row."""
    devices = jax.devices()[:num_devices]
    return jax.make_mesh((num_devices,), ("replica",), axis_types=(AxisType.Auto,), devices=devices)


def put(replicas: Same, mesh: Mesh) -> Same:
    """Replicas, axis 0 of each leaf, on the devices, in equal shares."""
    return jax.device_put(replicas, NamedSharding(mesh, REPLICAS))


def sharded(function: Callable[..., Any], mesh: Mesh, specs: tuple[P, ...]) -> Callable[..., Any]:
    """`function` on each device's own share of the replicas, with nothing passed between devices."""
    return jax.shard_map(function, mesh=mesh, in_specs=specs, out_specs=REPLICAS, check_vma=False)
