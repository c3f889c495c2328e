"""Features of graded difficulty from which a label can be read, and an environment in which two of them compete.

A feature is a hidden sign, written into a block of input columns: as a bit, as the parity of several, as a length. All
kinds are written with the same uniform numbers, so that environments of any kinds run under one `jax.vmap`.
"""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Bool, Float, Int
from scipy.stats import binom

from sandbox import noise, validation

WIDTH = 10  # input columns a block
SIGNS, BLOCKS = 5, 2 * (WIDTH + 1)  # uniform numbers of which the signs of a sample are made, and its two blocks

Number = float | np.ndarray | Float[Array, ""]
Whole = int | np.ndarray | Int[Array, ""]
Block = Float[Array, "sample width"]
Sign = Float[Array, "sample 1"]


class Feature(NamedTuple):
    """How a hidden sign is written into a block of input columns; `feature` makes one."""

    kind: Whole  # its index in KINDS
    order: Whole  # columns that carry the sign together
    size: Whole  # columns in use: those that carry nothing are noise, those beyond are 0
    scale: Number  # multiplies the columns
    margin: Number  # in [0, 1]: how clearly the sign is written
    presence: Number  # how often it is written at all; the block is 0 otherwise

    def check(self) -> None:
        """Raises ValueError unless every number is in its range, for one feature or many."""
        for name, value, most in (
            ("kind", self.kind, len(KINDS) - 1),
            ("order", self.order, WIDTH),
            ("size", self.size, WIDTH),
        ):
            validation.integers(f"Feature.{name}", value, int(name != "kind"))
            if validation.concrete(value) and np.any(np.asarray(value) > most):
                raise validation.refuse(f"Feature.{name}", value, f"integers <= {most}")
        validation.positive("Feature.scale", self.scale, kind=jnp.float32)
        validation.rate("Feature.margin", self.margin)
        validation.rate("Feature.presence", self.presence)
        if len(shapes := {np.shape(value) for value in self}) > 1:
            raise validation.refuse("Feature", f"fields of shapes {sorted(shapes)}", "fields of one shape")

    def write(self, u: Float[Array, "sample width_and_1"], sign: Float[Array, " sample"]) -> Block:
        """The block of each sign ±1, 0 where it is absent.

        It is made of uniform numbers `u` in (0, 1), one a column, and one more that decides the presence.
        """
        wholes = (jnp.asarray(x, int) for x in self[:3])
        c = Feature(*wholes, *(jnp.asarray(x, u.dtype) for x in self[3:]))
        block = jax.lax.switch(c.kind, [kind.write for kind in KINDS.values()], u[:, :-1], sign[:, None], c)
        return jnp.where((u[:, -1:] < c.presence) & _from(block, 0, c.size), block * c.scale, 0)

    def evidence(self) -> Float[np.ndarray, "2 outcome"]:
        """p(evidence | sign), − first: the channel from the sign to a sufficient statistic of the block, in float64.

        For a pattern and a style this is how many of `order` steps stay or copies are +, Binomial(order,
        (1 ± margin)/2); for the others the sign itself, as outcome 0 or 1. The last of WIDTH + 2 outcomes is the
        absence of the block, 1 − presence.
        """
        if np.ndim(self.kind):
            raise validation.refuse("Feature", f"{np.size(self.kind)} features", "one feature")
        self.check()
        copies = list(KINDS.values())[int(self.kind)].copies
        trials, margin = (int(self.order), float(self.margin)) if copies else (1, 1.0)
        written = binom.pmf(np.arange(WIDTH + 1), trials, (1 + margin * np.array([[-1], [1]])) / 2)
        return np.pad(float(self.presence) * written, ((0, 0), (0, 1)), constant_values=1 - float(self.presence))


def feature(
    kind: str,
    *,
    order: int = 1,
    size: int = WIDTH,
    scale: float = 1.0,
    margin: float | None = None,
    presence: float = 1.0,
) -> Feature:
    """A feature of one of `KINDS`, its fields as NumPy numbers.

    Args:
        kind: parity (of order 1: a single bit), threshold, two-layer, pattern, length, style, source or position.
        order: How many columns, or sources, carry the sign; the redundancy of a style.
        size: Columns in use, the dimension of the block.
        scale: Multiplies the columns, which have a size of about 1.
        margin: How clearly the sign is written, where the kind has a margin; by default 1 for a pattern and a style,
            which carry nothing at 0, and 0 for others.
        presence: How often it is written at all, its sparsity.
    """
    if not isinstance(kind, str) or kind not in KINDS:
        raise validation.refuse("kind", repr(kind), f"one of {', '.join(KINDS)}")
    of_kind = KINDS[kind]
    _check_kind(kind, of_kind.write)
    validation.at_least("order", order, 1)
    validation.at_least("size", size, 1)
    most = max(k for k in range(1, WIDTH + 1) if of_kind.needs(k) <= WIDTH)
    if order > most:
        raise validation.refuse("order", order, f"with {kind} {f'1 to {most}' if most > 1 else 1}")
    if not of_kind.needs(order) <= size <= WIDTH:
        raise validation.refuse("size", size, f"{of_kind.needs(order)} to {WIDTH} with {kind} of order {order}")
    if margin is not None and of_kind.margin is None:
        raise validation.refuse("margin", margin, f"with {kind} none")
    margin = (of_kind.margin or 0.0) if margin is None else margin
    validation.positive("scale", scale, (), jnp.float32)
    validation.rate("margin", margin, ())
    validation.rate("presence", presence, ())
    wholes = (np.int32(x) for x in (list(KINDS).index(kind), order, size))
    return Feature(*map(np.asarray, (*wholes, *(np.float32(x) for x in (scale, margin, presence)))))


@cache
def _check_kind(name: str, write: Any) -> None:
    """Raises ValueError unless what writes a kind of feature returns a block."""
    u = np.full((2, WIDTH), 0.25, np.float32)
    one = Feature(*(np.asarray(x) for x in (0, 1, WIDTH)), *(np.asarray(x, np.float32) for x in (1, 0, 1)))
    block = jax.eval_shape(lambda u, sign: write(u, sign, one), u, u[:, :1])
    if getattr(block, "shape", None) != u.shape or block.dtype != u.dtype:
        raise validation.refuse(
            f"KINDS[{name!r}].write", f"one that returns {block}", "one that returns the dtype and shape of its u"
        )


def parity(u: Block, sign: Sign, c: Feature) -> Block:
    """Random bits ±1, the product of the first `order` being the sign; no margin."""
    bits = _bits(u)
    product = jnp.where(_from(u, 0, c.order), bits, 1).prod(1, keepdims=True)
    return jnp.where(_from(u, 0, 1), bits * product * sign, bits)


def threshold(u: Block, sign: Sign, c: Feature) -> Block:
    """Uniform numbers of variance 1; the sum of the first `order` has the sign, and at least margin · √order."""
    x, carries = _uniform(u), _from(u, 0, c.order)
    return jnp.where(carries, x * _sign_of(x, carries) * sign + sign * _shift(c), x)


def two_layer(u: Block, sign: Sign, c: Feature) -> Block:
    """The product of two thresholds, of `order` columns each, is the sign."""
    x = _uniform(u)
    groups = _from(u, 0, c.order), _from(u, c.order, c.order)
    first, second = (_sign_of(x, carries) for carries in groups)
    turned = jnp.where(groups[0], x * first * second * sign, x)
    sides = (second * sign, second)
    shifts = (jnp.where(carries, side * _shift(c), 0) for carries, side in zip(groups, sides, strict=True))
    return turned + sum(shifts)


def pattern(u: Block, sign: Sign, c: Feature) -> Block:
    """A Markov chain of bits, whose first `order` steps stay with probability (1 + sign · margin)/2, the others ½."""
    stay = (1 + jnp.where(_from(u, 1, c.order), sign * c.margin, 0)) / 2
    return jnp.cumprod(jnp.where(_from(u, 0, 1), _bits(u), jnp.where(u < stay, 1, -1)), axis=1)


def length(u: Block, sign: Sign, c: Feature) -> Block:
    """A length in unary, that many 1, then −1: over half of `size` for +, under it for −, by a share `margin` of it."""
    half = jnp.asarray(c.size, u.dtype) / 2
    away = half * (c.margin + (1 - c.margin) * u[:, :1])
    beyond = sign * (jnp.arange(u.shape[1], dtype=u.dtype)[None] + 0.5 - half) - 0.5  # in the direction of the sign
    return jnp.where(beyond <= away, sign, -sign)


def style(u: Block, sign: Sign, c: Feature) -> Block:
    """`order` copies of the sign, each equal to it with probability (1 + margin)/2; then random bits."""
    return jnp.where(_from(u, 0, c.order), jnp.where(u < (1 + c.margin) / 2, sign, -sign), _bits(u))


def source(u: Block, sign: Sign, c: Feature) -> Block:
    """Which of 2 · `order` sources it comes from, one 1 among 0; those of the first half mean −. No margin."""
    which = (u[:, :1] * jnp.asarray(c.order, u.dtype)).astype(int) + jnp.where(sign > 0, c.order, 0)
    return (jnp.arange(u.shape[1])[None] == which).astype(u.dtype)


def position(u: Block, sign: Sign, c: Feature) -> Block:
    """Where a mark stands among 0, in the first half of 2 · `order` places for −; a random ±1 is its own sign."""
    return source(u, sign, c) * _bits(u[:, 1:2])


def _bits(u: Block) -> Block:
    return jnp.where(u < 0.5, -1, 1).astype(u.dtype)


def _uniform(u: Block) -> Block:
    return (u - 0.5) * 12**0.5


def _from(u: Block, start: Whole, count: Whole) -> Bool[Array, "1 width"]:
    index = jnp.arange(u.shape[1])[None]
    return (index >= start) & (index < start + count)


def _sign_of(x: Block, carries: Bool[Array, "1 width"]) -> Sign:
    return jnp.where(jnp.where(carries, x, 0).sum(1, keepdims=True) < 0, -1, 1).astype(x.dtype)


def _shift(c: Feature) -> Array:
    """What the margin adds to each of `order` columns, so that their sum is √order · margin from 0."""
    margin = jnp.asarray(c.margin)
    return (margin / jnp.sqrt(jnp.asarray(c.order, margin.dtype)))[None, None]


class Kind(NamedTuple):
    """A way to write a sign; add yours to KINDS."""

    write: Callable[[Block, Sign, Feature], Block]  # (uniform noise, sign, feature) -> columns of a size of 1
    margin: float | None = None  # the default; None: it has none
    needs: Callable[[int], int] = lambda order: order  # columns, for a feature of this order
    copies: bool = False  # whether it has `order` copies of the sign, each equal to it with probability (1 + margin)/2


def _twice(order: int) -> int:
    return 2 * order


KINDS: dict[str, Kind] = {
    "parity": Kind(parity),
    "threshold": Kind(threshold, 0.0),
    "two-layer": Kind(two_layer, 0.0, _twice),
    "pattern": Kind(pattern, 1.0, lambda order: order + 1, copies=True),
    "length": Kind(length, 0.0, lambda order: 2 if order == 1 else WIDTH + 1),
    "style": Kind(style, 1.0, copies=True),
    "source": Kind(source, None, _twice),
    "position": Kind(position, None, _twice),
}


class Shortcut(NamedTuple):
    """A label with which an intended and a spurious feature agree, independently of each other given the label.

    The intended one is correct by definition, so that 1 less its agreement is the label noise.

    References:
        Geirhos et al. (2020), Shortcut learning in deep neural networks, arXiv:2004.07780.
    """

    intended: Feature
    spurious: Feature
    agreement: Float[Array, "2"] | np.ndarray  # how often the sign of each is the label's

    def check(self) -> None:
        """Raises ValueError unless there are two features and two agreements in [0, 1], for as many environments."""
        validation.rate("Shortcut.agreement", self.agreement)
        if np.shape(self.agreement)[-1:] != (2,):
            accepted = "two numbers, intended and spurious"
            raise validation.refuse("Shortcut.agreement", f"shape {np.shape(self.agreement)}", accepted)
        for name, one in zip(self._fields[:2], self[:2], strict=True):
            if not isinstance(one, Feature):
                raise validation.refuse(f"Shortcut.{name}", type(one).__name__, "a Feature, as of feature('length')")
            one.check()
            if np.shape(one.kind) != (many := np.shape(self.agreement)[:-1]):
                accepted = f"{many}, as of the agreements" if many else "a single feature"
                raise validation.refuse(f"Shortcut.{name}", f"shape {np.shape(one.kind)}", accepted)

    def draw(
        self, key: Array, num_samples: int, written: Bool[Array, "2"]
    ) -> tuple[Float[Array, "sample column"], Int[Array, " sample"]]:
        """Inputs and labels 0 or 1; a feature that is not `written` is replaced by one of an independent sign."""
        validation.key("key", key)
        validation.at_least("num_samples", num_samples, 1)
        u = noise.uniform(key, (num_samples, SIGNS + BLOCKS), jnp.float32)
        own, other, label = self.signs(u[:, :SIGNS])
        return self.write(u[:, SIGNS:], jnp.where(written[None], own, other)), label

    def signs(
        self, u: Float[Array, "sample 5"]
    ) -> tuple[Float[Array, "sample 2"], Float[Array, "sample 2"], Int[Array, " sample"]]:
        """The signs of both features, others that are independent of the label, and labels, of uniform numbers."""
        label, agree, other = jnp.split(u, [1, 3], axis=1)
        own = _bits(label) * jnp.where(agree < self.agreement[None], 1, -1)
        return own, _bits(other), (label[:, 0] >= 0.5).astype(int)

    def write(self, u: Float[Array, "sample blocks"], signs: Float[Array, "sample 2"]) -> Float[Array, "sample column"]:
        """Both blocks, side by side: `Feature.write` of uniform numbers and signs ±1, of the intended feature first."""
        both = jax.tree.map(lambda *leaves: jnp.stack(leaves), self.intended, self.spurious)
        u, signs = jnp.stack(jnp.split(u, 2, axis=1)), signs.T
        blocks = jax.lax.map(lambda of: of[0].write(of[1], of[2]), (both, u, signs))  # which halves the program
        return jnp.concatenate([*blocks], axis=1)

    def counterfactual(
        self, key: Array, num_samples: int
    ) -> tuple[Float[Array, "sample column"], Int[Array, " sample"]]:
        """Inputs in which both features are written and disagree, and the class 0 or 1 of the intended one."""
        validation.key("key", key)
        validation.at_least("num_samples", num_samples, 1)
        u = noise.uniform(key, (num_samples, 1 + BLOCKS), jnp.float32)
        signs, intended = opposed(u[:, :1])
        return self.present(True).write(u[:, 1:], signs), intended

    def present(self, certainly: bool | Bool[Array, "sample 1"]) -> "Shortcut":
        """With features that are always written, or in these samples."""
        intended, spurious = (x._replace(presence=jnp.where(certainly, 1, x.presence)) for x in self[:2])
        return self._replace(intended=intended, spurious=spurious)


def opposed(u: Float[Array, "sample 1"]) -> tuple[Float[Array, "sample 2"], Int[Array, " sample"]]:
    """Signs that disagree, of uniform numbers, and the class of the first, intended one."""
    sign = _bits(u)
    return jnp.concatenate([sign, -sign], axis=1), (sign[:, 0] > 0).astype(int)


def shortcut(intended: Feature, spurious: Feature, *, agreement: float, label_noise: float = 0.0) -> Shortcut:
    """An environment in which the spurious feature has the label's sign with probability ρ = `agreement`.

    The intended one has it with probability 1 − label_noise.
    """
    for name, value in (("agreement", agreement), ("label_noise", label_noise)):
        validation.rate(name, value, ())
    made = Shortcut(intended, spurious, np.array([1 - label_noise, agreement], np.float32))
    made.check()
    return made


def stack(shortcuts: Sequence[Shortcut]) -> Shortcut:
    """Environments as one, with an axis 0 of environments on every leaf, for `jax.vmap`."""
    many = not isinstance(shortcuts, Shortcut) and isinstance(shortcuts, list | tuple) and len(shortcuts)
    if not many or not all(isinstance(one, Shortcut) for one in shortcuts):
        raise validation.refuse("shortcuts", validation.shown(shortcuts), "a list of one Shortcut or more")
    for one in shortcuts:
        one.check()
    if len(shapes := {np.shape(one.agreement) for one in shortcuts}) > 1:
        raise validation.refuse("shortcuts", f"agreements of shapes {sorted(shapes)}", "environments of one shape")
    leaves: Any = jax.tree.map(lambda *leaves: np.stack(leaves), *shortcuts)
    return leaves
