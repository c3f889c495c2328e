"""One of c equally likely candidates is correct: what verdicts on one candidate each cost, what a fixed judge holds.

References:
    Chernoff (1959), Sequential design of experiments. Annals of Mathematical Statistics 30.
    Kaufmann, Cappé & Garivier (2016), On the complexity of best-arm identification. JMLR 17: changes of measure.
    Cover & Thomas (2006), Elements of Information Theory, section 2.5.
"""

from functools import partial

import jax
import jax.numpy as jnp
from jax import Array
from jax.scipy.special import entr, rel_entr, xlogy
from jax.scipy.stats import binom
from jaxtyping import Float

from theory import validation
from theory.budget.outcomes import Verifier, checked_verifier
from theory.validation import ArrayLike

MAX_CANDIDATES = 10_000_000


def candidate_verdicts(num_candidates: int, verifier: Verifier, error: ArrayLike) -> Float[Array, "*shape"]:
    """N ≥ max{c/D(ψ‖φ) · ∫_{1/c}^{1−δ} d(1/c‖s) ds, (c(1−δ)−1)²/2c}: the least expected verdicts, a converse.

    It holds for every adaptive method that names the correct one of c = `num_candidates` equally likely candidates with
    an error of δ = `error` or less, if each verdict concerns one candidate and has fresh noise; d(q‖s) and D are the
    divergences of one bit. About c (1 − δ + δ ln δ)/D(ψ‖φ) for many candidates, while verdicts on sets of candidates
    need as few as the logarithm of c. `verifier` is (tpr, fpr), which broadcasts with `error`.

    Proof: P_0 is the world in which no candidate is correct, P_i that in which i is. Stopped after n verdicts,
    KL(P_0‖P_i) = E_0[N_i] D(ψ‖φ), of the event A_i "i has been named" d(P_0(A_i)‖P_i(A_i)) is at most that. The N_i add
    up to n at most, the P_0(A_i) to 1, and d is jointly convex: S(n), the probability to be done and correct, has
    d(1/c‖S) ≤ n D/c. E N ≥ Σ_n (1 − δ − S(n))⁺ ≥ ∫, turned on its side. And S(n) ≤ (n+1)/c whatever the verdicts say.

    Raises:
        ValueError: Where tpr = fpr, although more than a guess is asked.
    """
    c = validation.integer("num_candidates", num_candidates, 1, MAX_CANDIDATES)
    phi, psi, delta = validation.one_dtype(*checked_verifier(verifier), validation.rates("error", error))
    phi, psi, delta = map(jnp.asarray, validation.broadcast("verifier, error", phi, psi, delta))
    if validation.has_values((phi, psi, delta)) and ((phi == psi) & (1 - delta > 1 / c)).any():
        raise validation.refuse("verifier", "tpr = fpr", "tpr different from fpr, since equal rates carry nothing")
    return _least(phi, psi, 1 - delta, c)


@partial(jax.jit, static_argnums=3)
def _least(
    phi: Float[Array, "*shape"], psi: Float[Array, "*shape"], goal: Float[Array, "*shape"], c: int
) -> Float[Array, "*shape"]:
    q, gap = 1 / c, goal - 1 / c
    nats = rel_entr(psi, phi) + rel_entr(1 - psi, 1 - phi)
    # ∫ d(q‖s) ds from q to the goal, d(q‖s) = −h(q) − q ln s − (1−q) ln(1−s)
    area = q * (entr(goal) - entr(q) + gap) + (1 - q) * (entr(1 - q) - entr(1 - goal) + gap)
    area -= (entr(q) + entr(1 - q)) * gap
    needed = jnp.maximum(c * area / jnp.where(nats > 0, nats, 1), (c * goal - 1) ** 2 / (2 * c))
    return jnp.where(gap > 0, needed, 0)


def candidate_judge_total(verifier: Verifier, num_candidates: int) -> Float[Array, "*shape"]:
    """I(X;J) = E ln[c w_X / Σ_k w_k]: all that a fixed judge carries, one verdict drawn once on each of c candidates.

    w is φ(1−ψ) of a candidate that it accepts and (1−φ)ψ of one that it rejects; the correct one, X, is accepted with
    probability φ, and Binomial(c−1, ψ) of the others are. `fixed_judge_total` of these rates without its table of 2^c
    judges. It tends to D(φ‖ψ) for many candidates, and is never more: then each verdict on a wrong candidate is noise.
    `verifier` is (tpr, fpr), numbers or arrays that broadcast; in nats.
    """
    c = validation.integer("num_candidates", num_candidates, 1, MAX_CANDIDATES)
    phi, psi = checked_verifier(verifier)
    validation.entries("num_candidates", phi.size * c, MAX_CANDIDATES, "a table of verifiers and counts")
    return _judge_total(phi, psi, jnp.arange(c, dtype=phi.dtype))


@jax.jit
def _judge_total(phi: Float[Array, "*shape"], psi: Float[Array, "*shape"], others: Float[Array, " m"]) -> Array:
    phi, psi, c = phi[..., None], psi[..., None], others.size
    informs = phi != psi
    accepted, rejected = jnp.where(informs, phi * (1 - psi), 1), jnp.where(informs, (1 - phi) * psi, 1)

    def nats(chance, weight, m):  # of X accepted or not, m of all c accepted
        total = m * accepted + (c - m) * rejected  # 0 only where all weigh 0, as X does
        return xlogy(chance, jnp.where(total > 0, c * weight / jnp.where(total > 0, total, 1), 1))

    each = nats(phi, accepted, others + 1) + nats(1 - phi, rejected, others)
    likely = binom.pmf(others, c - 1, psi)
    return jnp.maximum(jnp.where(likely > 0, likely * each, 0).sum(-1), 0)
