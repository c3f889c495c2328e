"""A mixture of normal laws, fitted by expectation-maximisation."""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Bool, Float, Int

from sandbox import noise, validation
from sandbox.models.categorical import invert
from sandbox.models.gaussian import lower_triangle, transform
from sandbox.models.linalg import cholesky, inverse_of_square, normal_log_density

COVARIANCE_FLOOR = 1e-6


class GaussianMixture(NamedTuple):
    """p(x) = Σ_k weights[k] N(x; means[k], scales[k] scales[k]')."""

    weights: Float[Array, " component"]
    means: Float[Array, "component dim"]
    scales: Float[Array, "component dim column"]

    @staticmethod
    def from_data(
        key: Array,
        x: Float[Array, "n dim"],
        num_components: int,
        *,
        restarts: int = 8,
        steps: int = 100,
        covariance_floor: float = COVARIANCE_FLOOR,
        diagonal: bool = False,
    ) -> "GaussianMixture":
        """The likeliest of `restarts` fits, each `steps` of EM from seeds drawn by k-means++.

        Args:
            key: The randomness of the seeds.
            x: Points.
            num_components: k.
            restarts: Fits.
            steps: EM steps of each.
            covariance_floor: As in `fit`.
            diagonal: As in `fit`.

        Returns:
            The model.

        Raises:
            ValueError: fewer distinct samples than components, a sample that is not finite, or a count below 1.

        References:
            Arthur, Vassilvitskii (2007), k-means++: the advantages of careful seeding. SODA.
        """
        x = jnp.asarray(x)
        for name, value in (("num_components", num_components), ("restarts", restarts), ("steps", steps)):
            validation.at_least(name, value, 1)
        validation.samples("x", x)
        if x.ndim != 2 or len(np.unique(np.asarray(x), axis=0)) < num_components:
            raise ValueError(f"x: [n, d] with {num_components} distinct samples or more is accepted, got {x.shape}")
        validation.positive("covariance_floor", covariance_floor)
        return _likeliest(jax.random.split(key, restarts), x, num_components, steps, covariance_floor, diagonal)

    def check(self) -> None:
        """Raises ValueError unless the weights are probabilities and the shapes and triangles agree."""
        validation.distribution("GaussianMixture.weights", self.weights)
        k, d = self.weights.shape[-1], self.means.shape[-1]
        if self.means.shape[-2:] != (k, d) or self.scales.shape[-3:] != (k, d, d):
            raise ValueError(
                "GaussianMixture: weights [k], means [k, d] and scales [k, d, d] are accepted, "
                f"got {[list(leaf.shape) for leaf in self]}"
            )
        lower_triangle("GaussianMixture.scales", self.scales)

    def sample(self, key: Array, n: int) -> Float[Array, "n dim"]:
        """Draws n points."""
        component_key, point_key = jax.random.split(key)
        k, d = self.means.shape
        component = invert(jnp.cumsum(self.weights), noise.uniform(component_key, (n,), self.means.dtype))
        z = noise.normal(point_key, (n, d), self.means.dtype)
        # A select over the few components vectorises over replicas, where a gather would not.
        x = jnp.zeros_like(z)
        for j in range(k):
            x = jnp.where(component[:, None] == j, self.means[None, j] + transform(self.scales[j], z), x)
        return x

    def log_prob(self, x: Float[Array, "n dim"]) -> Float[Array, " n"]:
        """ln p(x_i), in nats."""
        components = jax.vmap(normal_log_density, (0, 0, None))(self.means, self.scales, x)
        return jax.nn.logsumexp(components + jnp.log(self.weights)[:, None], axis=0)

    def fit(
        self,
        x: Float[Array, "n dim"],
        weights: Float[Array, " n"],
        *,
        steps: int = 10,
        covariance_floor: float = COVARIANCE_FLOOR,
        diagonal: bool = False,
        known_scales: bool = False,
    ) -> "GaussianMixture":
        """`steps` of weighted EM, started from self.

        A component that explains no sample keeps its mean and scale. Each pivot of a covariance, the variance of a
        coordinate given those before it, is at least `covariance_floor` (units of x, squared): `at_floor` tells where
        that acts.

        Args:
            x: Points.
            weights: w, at least 0.
            steps: EM steps, at least 1.
            covariance_floor: The least pivot.
            diagonal: Whether the covariances are diagonal.
            known_scales: Whether weights and means alone are refitted.

        Returns:
            The model; self where all weights are 0.

        Raises:
            ValueError: `covariance_floor` is not positive, or `steps` is below 1.

        References:
            Dempster, Laird, Rubin (1977), Maximum likelihood from incomplete data via the EM algorithm. JRSS B.
        """
        validation.at_least("steps", steps, 1)
        validation.positive("covariance_floor", covariance_floor)
        weights = weights.astype(self.means.dtype)
        x = jnp.where(weights[:, None] > 0, x, self.means[:1])
        centre = (weights @ x) / jnp.maximum(weights.sum(), jnp.finfo(weights.dtype).tiny)
        features = quadratic_features(x - centre[None, :])

        def step(_, model: GaussianMixture) -> GaussianMixture:
            responsibilities = weights[None, :] * jax.nn.softmax(_log_weights(model) @ features, axis=0)
            new = _maximise(model, responsibilities @ features.T, covariance_floor, diagonal)
            return new._replace(scales=model.scales) if known_scales else new

        centred = self._replace(means=self.means - centre[None, :])
        fitted = jax.lax.fori_loop(0, steps, step, centred)
        fitted = fitted._replace(means=fitted.means + centre[None, :])
        return jax.tree.map(lambda new, old: jnp.where(weights.sum() > 0, new, old), fitted, self)

    def at_floor(self, covariance_floor: float = COVARIANCE_FLOOR) -> Bool[Array, " component"]:
        """The components whose covariance the floor holds up.

        Args:
            covariance_floor: That of the fit.

        Returns:
            Whether a pivot of each is at the floor.
        """
        pivots = jnp.diagonal(self.scales, axis1=-2, axis2=-1) ** 2
        return (pivots <= covariance_floor * (1 + 1e-6)).any(-1)

    def num_modes(self, *, steps: int = 50) -> Int[Array, ""]:
        """How many local maxima of the density are reached uphill from the means, `steps` of mean shift each.

        Two ends are different modes where the density dips on the straight line between them.

        Args:
            steps: Of mean shift.

        Returns:
            The number, from 1 to that of the components.

        References:
            Carreira-Perpiñán (2000), Mode-finding for mixtures of Gaussian distributions. IEEE PAMI 22.
        """
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


def quadratic_features(x: Float[Array, "n d"]) -> Float[Array, "f n"]:
    """1, x_a and x_a x_b for a ≤ b: the log-density of a normal law is linear in them, so EM is matrix products."""
    a, b = np.triu_indices(x.shape[1])
    return jnp.concatenate([jnp.ones_like(x.T[:1]), x.T, x.T[a] * x.T[b]])


def _log_weights(model: GaussianMixture) -> Float[Array, "k f"]:
    """The coefficients of ln(weight · density) of each component in the quadratic features."""
    d = model.means.shape[1]
    a, b = np.triu_indices(d)
    precision = jax.vmap(inverse_of_square)(model.scales)
    linear = (precision * model.means[:, None, :]).sum(-1)
    log_volume = jnp.log(jnp.diagonal(model.scales, axis1=1, axis2=2)).sum(1)
    constant = jnp.log(model.weights) - log_volume - 0.5 * (linear * model.means).sum(1) - 0.5 * d * jnp.log(2 * jnp.pi)
    quadratic = -precision[:, a, b] * jnp.where(a == b, 0.5, 1.0)[None, :].astype(precision.dtype)
    return jnp.concatenate([constant[:, None], linear, quadratic], axis=1)


def _maximise(model: GaussianMixture, sums: Float[Array, "k f"], floor: float, diagonal: bool) -> GaussianMixture:
    """The M step, from each component's sums of the quadratic features."""
    d = model.means.shape[1]
    a, b = np.triu_indices(d)
    size = sums[:, 0]
    used = size > 0
    averages = sums / jnp.where(used, size, 1)[:, None]
    means = averages[:, 1 : d + 1]
    second = jnp.zeros_like(model.scales).at[:, a, b].set(averages[:, d + 1 :]).at[:, b, a].set(averages[:, d + 1 :])
    covariances = second - means[:, :, None] * means[:, None, :]
    if diagonal:
        covariances = covariances * jnp.eye(d, dtype=covariances.dtype)[None]
    scales = jax.vmap(cholesky, (0, None))(covariances, floor)
    return GaussianMixture(
        weights=size / jnp.maximum(size.sum(), jnp.finfo(size.dtype).tiny),
        means=jnp.where(used[:, None], means, model.means),
        scales=jnp.where(used[:, None, None], scales, model.scales),
    )


@partial(jax.jit, static_argnums=(2, 3, 4, 5))
def _likeliest(
    keys: Array, x: Float[Array, "n d"], k: int, steps: int, floor: float, diagonal: bool
) -> GaussianMixture:
    """Of fits from the seeds of each key, the likeliest."""
    ones = jnp.ones(x.shape[0], x.dtype)

    def restart(key: Array) -> tuple[Array, GaussianMixture]:
        model = _seeded(key, x, k, floor, diagonal)
        model = model.fit(x, ones, steps=steps, covariance_floor=floor, diagonal=diagonal)
        return model.log_prob(x).mean(), model

    likelihoods, fits = jax.lax.map(restart, keys)
    return jax.tree.map(lambda leaf: leaf[jnp.argmax(likelihoods)], fits)


def _seeded(key: Array, x: Float[Array, "n d"], k: int, floor: float, diagonal: bool) -> GaussianMixture:
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
    d = x.shape[1]
    identity = jnp.broadcast_to(jnp.eye(d, dtype=x.dtype), (k, d, d))
    centre = x.mean(0)
    sums = jax.nn.one_hot(label, k, dtype=x.dtype).T @ quadratic_features(x - centre[None, :]).T
    model = _maximise(GaussianMixture(jnp.full(k, 1 / k, x.dtype), seeds, identity), sums, floor, diagonal)
    return model._replace(means=model.means + centre[None, :])
