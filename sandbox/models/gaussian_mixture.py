"""A mixture of Gaussians, fitted by expectation-maximisation."""

import warnings
from functools import partial
from typing import Annotated, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Bool, Float, Int

from sandbox import inputs, noise, spaces, validation
from sandbox.base import ArrayLike
from sandbox.models.categorical import invert
from sandbox.models.gaussian import transform
from sandbox.models.linalg import cast, centre, cholesky, inverse_of_square, normal_log_density

COVARIANCE_FLOOR = 1e-10
CONVERGED = 1e-3  # nats a sample that a last step of EM may still add to the likelihood


class GaussianMixture(NamedTuple):
    """p(x) = Σ_k weights[k] N(x; means[k], scales[k] scales[k]').

    Of data in a wider dtype the fit is computed in theirs; what is returned always has that of the means.
    """

    weights: Annotated[Float[Array, " component"], validation.distribution]
    means: Float[Array, "component dim"]
    scales: Annotated[Float[Array, "component dim column"], validation.square, validation.lower_triangle]
    space = spaces.points_of("means")

    @staticmethod
    def from_data(
        key: Array,
        x: ArrayLike,
        num_components: int,
        *,
        restarts: int = 8,
        steps: int = 100,
        covariance_floor: float = COVARIANCE_FLOOR,
        diagonal: bool = False,
    ) -> "GaussianMixture":
        """The likeliest of `restarts` fits, each `steps` of EM from seeds drawn by k-means++.

        Warns where one more step would raise the mean log-likelihood by over 1e-3 nats.

        Args:
            key: The randomness of the seeds.
            x: Points [n, d]; [n] if d = 1.
            num_components: k, at most the number of distinct points.
            restarts: Fits.
            steps: EM steps of each.
            covariance_floor: As in `fit`.
            diagonal: As in `fit`.

        Returns:
            The model, in the dtype of x.

        References:
            Arthur, Vassilvitskii (2007), k-means++: the advantages of careful seeding. SODA.
        """
        validation.key("key", key)
        for name, value in (("num_components", num_components), ("restarts", restarts), ("steps", steps)):
            validation.at_least(name, value, 1)
        x = validation.samples("x", x)
        shape = np.shape(x)
        space = spaces.points(shape[1] if len(shape) == 2 else 1)
        points = space.samples("x", x)
        distinct = len(np.unique(np.asarray(points), axis=0))
        if distinct < num_components:
            raise validation.refuse("x", f"{distinct} distinct points", f"{num_components} or more, one a component")
        validation.positive("covariance_floor", covariance_floor, ())
        floating = jnp.issubdtype(points.dtype, jnp.floating)
        points, _ = space.weighted(points, None, points.dtype if floating else jnp.result_type(float))
        keys = jax.random.split(key, restarts)
        seeds = _seeds(keys, points, num_components, covariance_floor, diagonal)
        fits, likelihoods = _improved(seeds, points, steps, covariance_floor, diagonal)
        best = int(np.argmax(likelihoods))
        gain = float(_improved(fits, points, 1, covariance_floor, diagonal)[1][best] - likelihoods[best])
        if gain > CONVERGED:
            warnings.warn(f"steps: {steps} do not suffice, one more adds {gain:.2g} nats a sample", stacklevel=2)
        return jax.tree.map(lambda leaf: leaf[best], fits)

    def sample(self, key: Array, n: int) -> Float[Array, "n dim"]:
        """Draws n points."""
        weights, means, scales = inputs.to_sample(self, key, n)
        component_key, point_key = jax.random.split(key)
        k, d = means.shape
        component = invert(jnp.cumsum(weights), noise.uniform(component_key, (n,), means.dtype))
        z = noise.normal(point_key, (n, d), means.dtype)
        # A select over the few components vectorises over replicas, where a gather would not.
        x = jnp.zeros_like(z)
        for j in range(k):
            x = jnp.where(component[:, None] == j, means[None, j] + transform(scales[j], z), x)
        return x

    def log_prob(self, x: ArrayLike) -> Float[Array, " n"]:
        """ln p(x_i), in nats."""
        self = inputs.ready("GaussianMixture", self)
        x = self.space.samples("x", x, self.means.dtype)
        weights, means, scales = cast(self, x.dtype)
        components = jax.vmap(normal_log_density, (0, 0, None))(means, scales, x)
        return jax.nn.logsumexp(components + jnp.log(weights)[:, None], axis=0).astype(self.means.dtype)

    def fit(
        self,
        x: ArrayLike,
        weights: ArrayLike = None,
        *,
        steps: int | Int[Array, ""] = 10,
        covariance_floor: float | Float[Array, ""] = COVARIANCE_FLOOR,
        diagonal: bool = False,
        known_scales: bool = False,
    ) -> "GaussianMixture":
        """`steps` of weighted EM, started from self: so many, converged or not, are what the fit is.

        A component that explains no sample keeps its mean and scale; where all weights are 0 the fit is self. Each
        pivot of a covariance, the variance of a coordinate given those before it, is at least `covariance_floor` times
        the variance of that coordinate in the data, or times 1 if it does not vary: `at_floor` tells where that acts.

        Args:
            x: Points.
            weights: w, at least 0; None: all 1.
            steps: EM steps, at least 1.
            covariance_floor: The least pivot, in units of the variance of the data.
            diagonal: Whether the covariances are diagonal.
            known_scales: Whether weights and means alone are refitted.

        References:
            Dempster, Laird, Rubin (1977), Maximum likelihood from incomplete data via the EM algorithm. JRSS B.
        """
        if validation.concrete(steps):
            validation.at_least("steps", steps, 1)
        validation.positive("covariance_floor", covariance_floor, ())
        self = inputs.ready("GaussianMixture", self)
        x, weights = self.space.weighted(x, weights, self.means.dtype)
        share = weights / jnp.maximum(weights.sum(), jnp.finfo(weights.dtype).tiny)
        middle = centre(x, weights)
        z = jnp.where(share[None, :] > 0, (x - middle[None, :]).T, 0)
        floor = _floor(covariance_floor, (share[None, :] * z**2).sum(1), middle)

        def step(_, model: GaussianMixture) -> GaussianMixture:
            new = _maximise(model, _shares(model, share, z), z, floor, diagonal)
            return new._replace(scales=model.scales) if known_scales else new

        start = cast(self, x.dtype)
        end = jax.lax.fori_loop(0, steps, step, start._replace(means=start.means - middle[None, :]))
        fitted = cast(end._replace(means=end.means + middle[None, :]), self.means.dtype)
        return jax.tree.map(lambda new, old: jnp.where(weights.sum() > 0, new, old), fitted, self)

    def at_floor(self, covariance_floor: float = COVARIANCE_FLOOR) -> Bool[Array, " component"]:
        """The components of a fit whose covariance its `covariance_floor` holds up: a pivot of each is at the floor.

        EM leaves the mixture the variance of the data, so that the floor is known from the model alone.
        """
        validation.positive("covariance_floor", covariance_floor, ())
        weights, means, scales = inputs.ready("GaussianMixture", self)
        gaps = means - (weights[:, None] * means).sum(0)[None, :]
        variance = (weights[:, None] * ((scales**2).sum(2) + gaps**2)).sum(0)
        pivots = jnp.diagonal(scales, axis1=-2, axis2=-1) ** 2
        return (pivots <= covariance_floor * (1 + 1e-4) * variance[None, :]).any(-1)

    def num_modes(self, *, steps: int = 50) -> Int[Array, ""]:
        """How many local maxima of the density are reached uphill from the means, `steps` of mean shift each.

        From 1 to the number of components. Two ends are different modes where the density dips on the straight line
        between them.

        References:
            Carreira-Perpiñán (2000), Mode-finding for mixtures of Gaussian distributions. IEEE PAMI 22.
        """
        validation.at_least("steps", steps, 1)
        self = inputs.ready("GaussianMixture", self)
        k = self.weights.size
        precisions = jax.vmap(inverse_of_square)(self.scales)
        pulls = (precisions * self.means[:, None, :]).sum(-1)

        def uphill(_, x: Array) -> Array:
            densities = jax.vmap(normal_log_density, (0, 0, None))(self.means, self.scales, x[None])[:, 0]
            shares = jax.nn.softmax(densities + jnp.log(self.weights))
            covariance = inverse_of_square(cholesky((shares[:, None, None] * precisions).sum(0)))
            return covariance @ (shares[:, None] * pulls).sum(0)

        ends = jax.lax.fori_loop(0, steps, jax.vmap(uphill, (None, 0)), self.means)
        line = jnp.linspace(0, 1, 33, dtype=self.means.dtype)[:, None]
        new = jnp.ones((), int)
        for j in range(1, k):
            heights = [self.log_prob((1 - line) * ends[None, i] + line * ends[None, j]) for i in range(j)]
            dips = [height.min() < jnp.minimum(height[0], height[-1]) - 1e-9 for height in heights]
            new = new + jnp.stack(dips).all().astype(new.dtype)
        return new


def _floor(relative: float | Array, variance: Float[Array, " d"], mean: Float[Array, " d"]) -> Float[Array, " d"]:
    """The least pivot of each coordinate; one whose variance is that of rounding does not vary."""
    rounding = 8 * jnp.finfo(mean.dtype).eps * mean
    return relative * jnp.where(variance > rounding**2, variance, 1)


def _shares(model: GaussianMixture, share: Float[Array, " n"], z: Float[Array, "d n"]) -> Float[Array, "k n"]:
    """The E step: how the share of each point in the data is divided among the components.

    By the distances from each mean, coordinate by coordinate: about one centre for all, far components would cancel.
    """
    weights, means, scales = model
    d, info = z.shape[0], jnp.finfo(z.dtype)
    pivots = jnp.maximum(jnp.diagonal(scales, axis1=1, axis2=2), info.tiny)
    normal: list[Array] = []
    for i in range(d):
        rest = z[None, i] - means[:, i, None]
        for j in range(i):
            rest = rest - scales[:, i, j, None] * normal[j]
        normal.append(rest * (1 / pivots)[:, i, None])
    squares = jnp.minimum(sum(value**2 for value in normal), info.max)
    logits = (jnp.log(weights) - jnp.log(pivots).sum(1))[:, None] - 0.5 * squares
    # The barriers keep XLA from computing a density again for every sum that reads it.
    logits = jax.lax.optimization_barrier(logits)
    odds = jax.lax.optimization_barrier(jnp.exp(logits - logits.max(0)[None, :]))
    return odds * (share / odds.sum(0))[None, :]


def _maximise(
    model: GaussianMixture,
    shares: Float[Array, "k n"],
    z: Float[Array, "d n"],
    floor: Float[Array, " d"],
    diagonal: bool,
) -> GaussianMixture:
    """The M step, from each component's share in each point; the moments are about the new means."""
    d = z.shape[0]
    shares = jax.lax.optimization_barrier(shares)
    size = shares.sum(1)
    used = size > 0
    total = jnp.where(used, size, 1)
    means = jnp.stack([(shares * z[None, j]).sum(1) / total for j in range(d)], axis=1)
    gaps = [z[None, j] - means[:, j, None] for j in range(d)]
    covariances = jnp.zeros_like(model.scales)
    for a in range(d):
        for b in range(a, a + 1) if diagonal else range(a + 1):
            entry = (shares * gaps[a] * gaps[b]).sum(1) / total
            covariances = covariances.at[:, a, b].set(entry).at[:, b, a].set(entry)
    scales = jax.vmap(cholesky, (0, None))(covariances, floor)
    return GaussianMixture(
        weights=size / jnp.maximum(size.sum(), jnp.finfo(size.dtype).tiny),
        means=jnp.where(used[:, None], means, model.means),
        scales=jnp.where(used[:, None, None], scales, model.scales),
    )


@partial(jax.jit, static_argnums=(2, 4))
def _seeds(keys: Array, x: Float[Array, "n d"], k: int, floor: Array, diagonal: bool) -> GaussianMixture:
    """The start of each restart."""
    return jax.lax.map(lambda key: _seeded(key, x, k, floor, diagonal), keys)


@partial(jax.jit, static_argnums=4)
def _improved(
    models: GaussianMixture, x: Float[Array, "n d"], steps: Array, floor: Array, diagonal: bool
) -> tuple[GaussianMixture, Float[Array, " restart"]]:
    """Each model after so many steps, and its mean log-likelihood."""

    def improved(model: GaussianMixture) -> tuple[GaussianMixture, Array]:
        model = model.fit(x, steps=steps, covariance_floor=floor, diagonal=diagonal)
        return model, model.log_prob(x).mean()

    return jax.lax.map(improved, models)


def _seeded(key: Array, x: Float[Array, "n d"], k: int, floor: Array, diagonal: bool) -> GaussianMixture:
    """Each sample given to the nearest of k seeds, the next seed drawn in proportion to the squared distance."""

    def square_distance(seed: Array) -> Array:
        return ((x - seed[None, :]) ** 2).sum(1)

    def draw(nearest: Array, key: Array) -> tuple[Array, Array]:
        seed = x[jax.random.categorical(key, jnp.log(nearest))]
        return jnp.minimum(nearest, square_distance(seed)), seed

    first_key, key = jax.random.split(key)
    first = x[jax.random.randint(first_key, (), 0, x.shape[0])]
    rest = jax.lax.scan(draw, square_distance(first), jax.random.split(key, k - 1))[1]
    seeds = jnp.concatenate([first[None], rest])
    label = jnp.argmin(jax.vmap(square_distance)(seeds), axis=0)
    n, d = x.shape
    identity = jnp.broadcast_to(jnp.eye(d, dtype=x.dtype), (k, d, d))
    start = GaussianMixture(jnp.full(k, 1 / k, x.dtype), seeds, identity)
    middle = x.mean(0)
    shares = jax.nn.one_hot(label, k, dtype=x.dtype).T / n
    model = _maximise(start, shares, (x - middle[None, :]).T, _floor(floor, x.var(0), middle), diagonal)
    return model._replace(means=model.means + middle[None, :])
