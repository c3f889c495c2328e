"""Replicas spread over the devices: each device has its own share, and nothing passes between them."""

import math
from collections.abc import Callable
from typing import Any

import jax
from jax.sharding import AxisType, Mesh, NamedSharding
from jax.sharding import PartitionSpec as P

from sandbox.base import Same

REPLICAS = P("replica")  # axis 0 is that of the replicas
ALL = P()  # the same on every device


def spread(replicas: Same) -> Same:
    """Puts replicas on several devices, as many as divide their number: a compiled `vmap` over them runs on all.

    Args:
        replicas: A pytree, such as keys or models, with the replicas on axis 0 of each leaf.

    Returns:
        The same, on the devices.
    """
    size = jax.tree.leaves(replicas)[0].shape[0]
    return put(replicas, mesh(math.gcd(size, jax.device_count())))


def _mesh(num_devices: int) -> jax.sharding.Mesh:
    devices = jax.devices()[:num_devices]
    return jax.make_mesh((num_devices,), ("replica",), axis_types=(AxisType.Auto,), devices=devices)


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
