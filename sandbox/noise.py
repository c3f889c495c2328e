"""Random numbers for one replica that come out fast for a thousand.

`normal(key, shape)` and `uniform(key, shape)` read like `jax.random`, and a key alone decides its bits, whatever
else is in the batch. Under `jax.vmap` they are computed with the replica axis last, where XLA vectorises the random
bits and what consumes them; written for one replica, `jax.random` comes out with the replica axis first.
The bits are Threefry-2x32 with 20 rounds, the generator behind `jax.random.bits`, written out so that XLA can fuse it.
"""

import math

import jax
import jax.numpy as jnp
from jax import Array
from jax.custom_batching import custom_vmap
from jaxtyping import Float, UInt32

_PARITY = 0x1BD11BDA
_ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))


def threefry(key: UInt32[Array, "2 *b"], count: UInt32[Array, "2 *b"]) -> UInt32[Array, "2 *b"]:
    """Threefry-2x32, 20 rounds, of each counter under its key.

    Args:
        key: The two words of each key.
        count: The two words of each counter.

    Returns:
        Two words of random bits each.

    References:
        Salmon, Moraes, Dror, Shaw (2011), Parallel random numbers: as easy as 1, 2, 3. SC'11.
    """
    schedule = (key[0], key[1], key[0] ^ key[1] ^ jnp.uint32(_PARITY))
    x, y = count[0] + schedule[0], count[1] + schedule[1]
    for block in range(5):
        for distance in _ROTATIONS[block % 2]:
            x = x + y
            y = (y << jnp.uint32(distance)) | (y >> jnp.uint32(32 - distance))
            y = x ^ y
        x = x + schedule[(block + 1) % 3]
        y = y + schedule[(block + 2) % 3] + jnp.uint32(block + 1)
    return jnp.stack([x, y])


def _bits(keys: UInt32[Array, "batch 2"], n: int) -> UInt32[Array, "n batch"]:
    half = (n + 1) // 2
    shape = (half, keys.shape[0])
    index = jax.lax.broadcasted_iota(jnp.uint32, shape, 0)
    key = jnp.broadcast_to(keys.T[:, None, :], (2, *shape))
    return threefry(key, jnp.stack([index, index + jnp.uint32(half)])).reshape(2 * half, -1)[:n]


def _replica_last(transform, key: Array, shape: tuple[int, ...]) -> Array:
    """`transform` of random bits, one column a key, handed on with the replica axis where `jax.vmap` wants it."""
    n = math.prod(shape)
    if jnp.issubdtype(key.dtype, jax.dtypes.prng_key):
        key = jax.random.key_data(key)

    @custom_vmap
    def draw(key: Array) -> Array:
        return transform(_bits(key[None], n)).reshape(shape)

    @draw.def_vmap
    def _(_, __, keys: Array) -> tuple[Array, bool]:
        # Without the barrier XLA would fuse the draw into every consumer and draw again at each.
        columns = jax.lax.optimization_barrier(transform(_bits(keys, n)))
        return jnp.moveaxis(columns.reshape(*shape, -1), -1, 0), True

    return draw(key)


def _unit(bits: UInt32[Array, "*s"], dtype) -> Float[Array, "*s"]:
    """Midpoints of 2^32 cells of (0, 1); in float32 of 2^23, so that none rounds to 0 or 1."""
    width = 32 if dtype == jnp.float64 else 23
    return (bits >> jnp.uint32(32 - width)).astype(dtype) * 0.5**width + 0.5 ** (width + 1)


def uniform(key: Array, shape: tuple[int, ...], dtype) -> Float[Array, "*shape"]:
    """Uniform on (0, 1), from 32 bits in float64 and 23 in float32: an event rarer than that is not drawn fairly.

    Args:
        key: A JAX random key, or its data.
        shape: Of one replica.
        dtype: float64 or float32.

    Returns:
        The numbers, none of them 0 or 1.
    """
    return _replica_last(lambda bits: _unit(bits, dtype), key, shape)


def normal(key: Array, shape: tuple[int, ...], dtype) -> Float[Array, "*shape"]:
    """Standard normal, drawn in float32 and handed on in `dtype`.

    The draw is √2·erf⁻¹(u), u one of 2^23 midpoints of (−1, 1): its tail ends at 5.29 standard deviations, and its
    values are 1e-7 apart, which a Monte-Carlo average cannot see and which costs half as much as float64.
    A key in a batch and the same key alone may differ in the last bits of float32, as XLA compiles erf⁻¹ differently.

    Args:
        key: A JAX random key, or its data.
        shape: Of one replica.
        dtype: That of what is returned.

    Returns:
        The numbers.
    """

    def transform(bits):
        u = 2 * _unit(bits, jnp.float32) - 1
        return math.sqrt(2) * jax.lax.erf_inv(u)

    return _replica_last(transform, key, shape).astype(dtype)
