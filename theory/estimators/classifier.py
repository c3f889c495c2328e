"""A lower bound on the information between a task and a state of continuous parameters: the log loss of a classifier.

The classifier is a pool of experts of shrinking bias and growing variance (linear, quadratic, quadratic plus an MLP),
trained side by side. For nearly Gaussian statistics the log-odds are linear or quadratic, and where replicas are few a
simple expert wins; the pool's weights are fitted on replicas that trained none of them.

References:
    Barber & Agakov (2003), The IM algorithm: a variational approach to information maximization. NeurIPS 16.
    Zaheer et al. (2017), Deep sets. NeurIPS 30.
    Wolpert (1992), Stacked generalization. Neural Networks 5.
    Csiszár & Tusnády (1984), Information geometry and alternating minimization procedures. Statistics & Decisions 1.
"""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import linen
from jax import Array
from jax.scipy.special import logsumexp
from jaxtyping import Float

from theory import validation
from theory.estimators.pointwise import log_or_minus_infinity
from theory.measures import entropy
from theory.validation import ArrayLike

MOST = {"hidden": 10**4, "depth": 100, "num_steps": 10**7, "batch_size": 2**53}
REACH = 5.0  # standard deviations at which a feature saturates
MOST_SQUARED = 20  # features, beyond which their products are left out
GAIN = 10.0  # of the linear maps, which Adam's steps of one size would otherwise move too little
MEMORY = 0.98  # of the average over the steps' parameters
NUM_CHECKS = 20  # validations of a training
POOL_GAP = 1e-3  # nats that the pool's weights may lose on the replicas that fit them
FEWEST_POOLINGS, MOST_POOLINGS = 50, 1400  # EM steps for the weights; after k steps ln(4 experts)/k nats are left


class Classified(NamedTuple):
    """The held-out replicas, which are the last ones of the replica axis, in its order."""

    values: Float[Array, "held_out"]  # H(X) + Σ_x p(x) ln q(x|z_xr): their mean is the bound, in nats
    log_posterior: Float[Array, "x held_out candidate"]  # ln q(x'|z_xr)


class _Experts(linen.Module):
    """Logits of the experts, all zero initially: each starts at the prior.

    A set enters as the means over its elements: of their features, products and the outputs of an MLP.
    """

    num_candidates: int
    hidden: int
    depth: int

    @linen.compact
    def __call__(self, z: Float[Array, "x replica *element feature"]) -> Float[Array, "expert x replica candidate"]:
        linear, quadratic = z, _with_products(z)
        if z.ndim == 4:
            linear, quadratic = z.mean(-2), jnp.concatenate([quadratic, self._perceptron(quadratic)], -1).mean(-2)
        flexible = self._logits(quadratic) + self._logits(self._perceptron(quadratic))
        return jnp.stack([self._logits(linear), self._logits(quadratic), flexible])

    def _perceptron(self, z: Array) -> Array:
        for _ in range(self.depth):
            z = linen.gelu(linen.Dense(self.hidden)(z))
        return z

    def _logits(self, z: Array) -> Array:
        return GAIN * linen.Dense(self.num_candidates, kernel_init=linen.initializers.zeros)(z)


def classifier_bound(
    key: Array,
    features: ArrayLike,
    prior: ArrayLike | None = None,
    *,
    hidden: int = 64,
    depth: int = 1,
    num_steps: int = 600,
    batch_size: int = 128,
    learning_rate: float = 6e-3,
    held_out: float = 0.2,
) -> Classified:
    """A lower bound on the information between a task and a state, by the log loss of a trained classifier, in nats.

    I(X;Z) = H(X) + E ln p(x|z) ≥ H(X) + E ln q(x|z); the gap is E KL(p(·|z) ‖ q(·|z)), for any q fixed before it meets
    the replicas of the mean. So the replica axis is cut in three: the first part trains the experts, the second
    chooses the best step of each and pools them, q = Σ_e w_e q_e with the prior as one more expert, and the last, the
    held-out set, takes the mean. Features that lose some of the state only loosen the bound. `jax.vmap` over keys and
    features trains many classifiers in one compilation. Values and posteriors are in the features' dtype.

    Args:
        key: Consumed.
        features: [x, replica, feature], or [x, replica, element, feature] for a set of elements whose order has no
            meaning; independent replicas, any units: they are standardised by the moments of the training part.
        prior: Probabilities [x] of the tasks. None: uniform.
        hidden: Units of a hidden layer.
        depth: Hidden layers of an MLP.
        num_steps: Steps of the optimiser, AdamW, in 20 equal rounds with a validation after each; what is left of a
            division by 20 is not run.
        batch_size: Replicas of each task in a step.
        learning_rate: Of the first step; it decays to zero by a cosine.
        held_out: The share of the replicas, below 1/2, that takes the mean; an equal one chooses and pools.
    """
    key = validation.key("key", key)
    z = validation.finite("features", features, (3, 4))
    num_tasks, replicas = z.shape[:2]
    if num_tasks < 2:
        raise validation.refuse("features", f"shape {z.shape}", "at least 2 tasks on axis 0")
    p = validation.pmf("prior", np.full(num_tasks, 1 / num_tasks) if prior is None else prior, 1)
    validation.same_size("prior", p.size, "features", num_tasks)
    for name, size, most in zip(MOST, (hidden, depth, num_steps, batch_size), MOST.values(), strict=True):
        validation.integer(name, size, 1, most)
    validation.positive("learning_rate", learning_rate)
    chosen = round(validation.inside("held_out", held_out, 0, 0.5) * replicas)
    if not 0 < 2 * chosen < replicas:
        raise validation.refuse("held_out", held_out, f"a share below 1/2 of {replicas} replicas that holds one")
    if validation.has_values(z) and not np.isfinite(np.ptp(np.asarray(z), axis=tuple(range(z.ndim - 1)))).all():
        raise validation.refuse("features", f"a range beyond {z.dtype}", "numbers of a more moderate size")
    p = validation.array(p, z.dtype)
    return _classified(key, z, p, log_or_minus_infinity(p), learning_rate, hidden, depth, num_steps, batch_size, chosen)


@partial(jax.jit, static_argnums=(5, 6, 7, 8, 9))
def _classified(
    key: Array,
    z: Array,
    p: Array,
    log_p: Array,
    learning_rate: float | Array,
    hidden: int,
    depth: int,
    num_steps: int,
    batch_size: int,
    chosen: int,
) -> Classified:
    """The work of `classifier_bound`, compiled once for each shape; `chosen` replicas choose, as many take the mean."""
    if z.ndim == 4:  # one order for all that are equal as sets, so that not even a rounding tells them apart
        z = jnp.stack(jax.lax.sort([z[..., i] for i in range(z.shape[-1])], dimension=2, num_keys=z.shape[-1]), -1)
    num_train, narrow = z.shape[1] - 2 * chosen, p.astype(jnp.float32)
    log_narrow = jnp.where(narrow > 0, jnp.log(narrow), log_p.astype(jnp.float32))  # rare tasks are none in float32
    train, unseen = jnp.split(_standardized(z, num_train).astype(jnp.float32), [num_train], 1)
    experts = _Experts(len(z), hidden, depth)
    optimizer = optax.adamw(optax.cosine_decay_schedule(learning_rate, num_steps))

    def log_posteriors(params: Any, z: Array) -> Array:
        logits: Any = experts.apply(params, z)
        return jax.nn.log_softmax(logits + log_narrow[None, None, None])

    def loss(params: Any, z: Array) -> Array:
        return -_scores(narrow, log_posteriors(params, z)).mean(-1).sum()

    def step(carry: Any, key: Array) -> tuple[Any, None]:
        params, average, state = carry
        rows = jax.random.randint(key, (min(batch_size, num_train),), 0, num_train)
        gradient = jax.grad(loss)(params, train[:, rows])
        with jax.numpy_dtype_promotion("standard"):  # optax raises a float to an integer power
            updates, state = optimizer.update(gradient, state, params)
        params = optax.apply_updates(params, updates)
        return (params, optax.incremental_update(params, average, 1 - MEMORY), state), None

    def check(carry: Any, keys: Array) -> tuple[Any, None]:
        trained, best = carry
        trained, _ = jax.lax.scan(step, trained, keys)
        found = log_posteriors(trained[1], unseen)
        better = _scores(narrow, found[:, :, :chosen]).mean(-1) > _scores(narrow, best[:, :, :chosen]).mean(-1)
        return (trained, jnp.where(better[:, None, None, None], found, best)), None

    key, first = jax.random.split(key)
    params = experts.init(first, train[:, :1])
    keys = jax.random.split(key, (min(NUM_CHECKS, num_steps), max(num_steps // NUM_CHECKS, 1)))
    start = ((params, params, optimizer.init(params)), log_posteriors(params, unseen))
    (_, best), _ = jax.lax.scan(check, start, keys)
    pooled = _pooled(narrow, log_narrow, best, chosen).astype(z.dtype)
    log_q = jax.nn.log_softmax(pooled)  # sums to 1 in the dtype of the features
    return Classified(entropy(p) + _scores(p, log_q), log_q)


def _standardized(z: Array, num_train: int) -> Array:
    """Mean 0 and standard deviation 1 over the training replicas (a constant becomes 0), saturating smoothly.

    A power of two is taken out first, so that no unit makes squares overflow or vanish.
    """
    axes = tuple(range(z.ndim - 1))
    z = jnp.ldexp(z, -jnp.frexp(jnp.abs(z[:, :num_train]).max(axes, keepdims=True))[1])
    train = z[:, :num_train]
    centre, deviation = train.mean(axes, keepdims=True), train.std(axes, keepdims=True)
    return REACH * jnp.tanh((z - centre) / (REACH * jnp.where(deviation > 0, deviation, 1)))


def _with_products(z: Float[Array, "*batch feature"]) -> Float[Array, "*batch monomial"]:
    """The features, and where they are few also their products in pairs."""
    i, j = jnp.triu_indices(z.shape[-1] if z.shape[-1] <= MOST_SQUARED else 0)
    return jnp.concatenate([z, z[..., i] * z[..., j]], -1)


def _scores(prior: Float[Array, " x"], log_q: Float[Array, "*expert x replica x"]) -> Float[Array, "*expert replica"]:
    """Σ_x p(x) ln q(x|z_xr)."""
    return jnp.where(prior > 0, jnp.diagonal(log_q, axis1=-3, axis2=-1), 0) @ prior


def _pooled(
    prior: Float[Array, " x"], log_prior: Float[Array, " x"], log_q: Float[Array, "expert x replica x"], chosen: int
) -> Float[Array, "x held_out x"]:
    """ln Σ_e w_e q_e(x|z) on the held-out replicas, the weights by EM on the ones before; the prior is an expert.

    w_e ← w_e g_e,  g_e = Σ_x p(x) mean_r q_e(x|z_xr) / Σ_e' w_e' q_e'(x|z_xr), which raises the mean log-likelihood at
    every step. The best weights have at most ln max_e g_e nats more, and after k steps at most ln(experts)/k.
    """
    log_q = jnp.concatenate([log_q, jnp.broadcast_to(log_prior, (1, *log_q.shape[1:]))])
    own = jnp.exp(jnp.diagonal(log_q[:, :, :chosen], axis1=1, axis2=3))  # [expert, replica, x]

    def gains(weights: Array) -> Array:
        total = (weights[:, None, None] * own).sum(0, keepdims=True)
        return (own / jnp.where(total > 0, total, 1)).mean(1) @ prior

    def improve(state: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        step, weights, gain = state
        weights = weights * gain
        return step + 1, weights, gains(weights)

    def unfinished(state: tuple[Array, Array, Array]) -> Array:
        step, _, gain = state
        return (step < FEWEST_POOLINGS) | ((step < MOST_POOLINGS) & (gain.max() > 1 + POOL_GAP))

    even = jnp.full(len(own), 1 / len(own), own.dtype)
    _, weights, _ = jax.lax.while_loop(unfinished, improve, (jnp.zeros((), int), even, gains(even)))
    return logsumexp(jnp.log(weights)[:, None, None, None] + log_q[:, :, chosen:], 0)
