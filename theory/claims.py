"""The claims as functions that return their slack: what bounds minus what is bounded, ≥ 0 where the claim holds.

C1 … C12 are those of the paper, each with its conditions; information is in nats, and trajectories have at least two
generations. A joint table has its axes in the order in which its docstring names them.

References:
    Li, Sun & Deng (2026), An information-theoretic criterion for efficient data synthesis, arXiv:2605.16379.
    Polyanskiy & Wu (2017), Strong data-processing inequalities for channels and Bayesian networks, arXiv:1508.06025.
"""

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from theory import validation
from theory.channels import contraction
from theory.measures import conditional_mutual_information, mutual_information
from theory.validation import ArrayLike


def training(joint: ArrayLike) -> Float[Array, ""]:
    """C1: training adds nothing about the task beyond its data, X → D → Z.

    I(X;D) − I(X;Z) ≥ 0 for `joint` [x, d, z] of task, data and model, if the training noise is independent of the task
    given the data.
    """
    _, p = validation.host(validation.pmf("joint", joint, ndim=3))
    return mutual_information(p.sum(2)) - mutual_information(p.sum(1))


def data_processing(information: ArrayLike) -> Float[Array, " step"]:
    """C2: a closed loop loses information every generation, X → Z_t → D_t → Z_{t+1}.

    I(X;Z_t) − I(X;Z_{t+1}) ≥ 0 [t−1], for `information` I(X;Z_t) [t].
    """
    _, values = validation.host(_trajectory(information))
    return validation.array(values[:-1] - values[1:])


def strong_data_processing(information: ArrayLike, kernel: ArrayLike) -> Float[Array, " step"]:
    """C2 with a rate: a closed loop loses a constant share of its information every generation.

    η_KL(T) I(X;Z_t) − I(X;Z_{t+1}) ≥ 0 [t−1], for I(X;Z_t) [t] and one kernel T[s, s] whatever the task.

    Raises:
        ValueError: Where η_KL is 1 to rounding, as for the closed categorical loop, in which two fixed symbols never
            meet: no constant rate below 1 holds, and none is claimed.
    """
    values, rate = validation.one_dtype(_trajectory(information), contraction(validation.pmf("kernel", kernel, 2, 1)))
    if validation.has_values(rate) and rate >= 1 - max(1e-12, 100 * float(jnp.finfo(rate.dtype).eps)):
        raise validation.refuse("kernel", f"eta_KL = {rate}", "a kernel with eta_KL < 1: no constant rate holds here")
    _, values, rate = validation.host(values, rate)
    return validation.array(rate * values[:-1] - values[1:])


def external_signal(joint: ArrayLike) -> Float[Array, ""]:
    """C3: a signal raises the bound by what it carries beyond the data, X → (D,S) → Z.

    I(X;D) + I(X;S|D) − I(X;Z) ≥ 0 for `joint` [x, d, s, z] of task, data, signal and model. What counts is I(X;S|D):
    I(X;S) can be smaller, where only data and signal together carry something, or larger, where they carry the same.
    """
    _, p = validation.host(validation.pmf("joint", joint, ndim=4))
    beyond = conditional_mutual_information(p.sum(3).swapaxes(1, 2))
    return mutual_information(p.sum((2, 3))) + beyond - mutual_information(p.sum((1, 2)))


def injection(information: ArrayLike, injected: ArrayLike) -> Float[Array, " step"]:
    """C4: a generation gains at most what its signal injects, so a loop that improves is information-open.

    I(X;Z_t) + I(X;S_t|Z_t,D_t) − I(X;Z_{t+1}) ≥ 0 [t−1], if D_t is drawn from Z_t alone and Z_{t+1} is fitted to
    (D_t, S_t); `information` is I(X;Z_t) [t] and `injected` I(X;S_t|Z_t,D_t) [t−1]. The condition on the candidates D_t
    is needed: I(X;S_t|Z_t) can be zero while the loop gains. To be open is necessary for a gain, not sufficient.
    """
    values, entered = validation.one_dtype(_trajectory(information), validation.finite("injected", injected, 1))
    validation.same_size("injected", entered.size, "information[1:]", values.size - 1)
    _, values, entered = validation.host(values, entered)
    return validation.array(values[:-1] + entered - values[1:])


def self_consistency(joint: ArrayLike) -> Float[Array, ""]:
    """C5: a judge that is a function of the student and noise closes the loop again, S = g(Z_t, D_t, noise).

    −I(X;S_t|Z_t,D_t) ≥ 0, hence zero, for `joint` [x, z, d, s] of task, student, candidates and verdicts.
    """
    _, p = validation.host(validation.pmf("joint", joint, ndim=4))
    x, z, d, s = p.shape
    return -conditional_mutual_information(p.transpose(0, 3, 1, 2).reshape(x, s, z * d))


def fixed_reward_model(information: ArrayLike, total: ArrayLike) -> Float[Array, " t"]:
    """The most that a fixed reward model J can ever inject (claim C5, limit L4).

    I(X;Z_0) + I(X;J|Z_0) − I(X;Z_t) ≥ 0 [t], if the later noise of J is independent of X given (Z_0, J); `information`
    is I(X;Z_t) [t] and `total` I(X;J|Z_0), a number.
    """
    values, most = validation.one_dtype(_trajectory(information), validation.finite("total", total, 0))
    _, values, most = validation.host(values, most)
    return validation.array(values[0] + most - values)


def candidates(success: ArrayLike, in_support: ArrayLike) -> Float[Array, "*shape"]:
    """C6: a signal can only choose among the candidates that there are, since a lost symbol does not come back.

    P(the correct symbol is in the support of Z_0) − P(the loop ends at it) ≥ 0, of probabilities that broadcast.
    """
    end, start = validation.one_dtype(validation.rates("success", success), validation.rates("in_support", in_support))
    start, end = validation.broadcast("success, in_support", start, end)
    return validation.array(start - end)


def supervision(joint: ArrayLike) -> Float[Array, ""]:
    """C7: a signal carries no more about the output than about a summary P and, given P, about the rest.

    I(P;S|Q) + I(Y;S|P,Q) − I(Y;S|Q) = I(P;S|Y,Q) ≥ 0 for `joint` [y, p, s, q] of output, summary, signal and prompt,
    with equality if and only if P carries nothing about S beyond (Y,Q), as the block P = [Y]_π does.
    """
    _, p = validation.host(validation.pmf("joint", joint, ndim=4))
    y, summary, s, q = p.shape
    within = conditional_mutual_information(p.swapaxes(1, 2).reshape(y, s, summary * q))
    return conditional_mutual_information(p.sum(0)) + within - conditional_mutual_information(p.sum(1))


def learned_first(nats_saved: ArrayLike, reliance: ArrayLike) -> Float[Array, "*shape"]:
    """C10: a student relies most on the feature with the largest code length saved by its single-feature learner.

    r_c − max_{j≠c} r_j ≥ 0 with c = argmax S. It is a theorem where r ∝ e^S, the posterior of a Bayesian mixture of the
    learners (`prequential.mixture_weights`), and for other students a rule with exceptions.

    Args:
        nats_saved: S [..., feature], in nats, of two features or more; of equal ones the first counts.
        reliance: r [..., feature], the share of inputs that are answered as each feature says where all differ.
    """
    s, r = validation.one_dtype(validation.finite("nats_saved", nats_saved), validation.finite("reliance", reliance))
    if s.shape != r.shape or s.ndim == 0 or s.shape[-1] < 2:
        accepted = f"that of `nats_saved`, {s.shape}, with 2 or more features"
        raise validation.refuse("reliance", f"shape {r.shape}", accepted)
    first = jax.nn.one_hot(s.argmax(-1), s.shape[-1], dtype=bool)
    return jnp.where(first, r, -jnp.inf).max(-1) - jnp.where(first, -jnp.inf, r).max(-1)


def reward_hacking(agreement: ArrayLike, label_noise: ArrayLike) -> Float[Array, "*shape"]:
    """C11: more labels do not cure a judge for which a spurious feature is the better predictor of the label.

    ln ρ/(1−ρ) − ln (1−ε)/ε ≥ 0: by so many nats a Bayes judge, of two features that are independent given the label,
    prefers a wrong output that has the spurious feature to a correct one that has it not. Below 0 labels do cure it.
    The sign, ρ > 1 − ε, holds for features that depend on each other as well, if exchanging good and bad leaves the
    distribution as it is: where the two disagree the label is as one of them says, and P(as the spurious one) −
    P(as the intended one) = ρ − (1−ε) before dividing by P(they disagree).

    Args:
        agreement: ρ in (0, 1), how often the spurious feature is there if and only if the label is good.
        label_noise: ε in (0, 1), how often the label is not what the intended feature says.
    """
    rates = validation.one_dtype(validation.rates("agreement", agreement), validation.rates("label_noise", label_noise))
    xp, rho, noise = validation.host(*rates)
    for name, rate in (("agreement", rho), ("label_noise", noise)):
        if xp is not jnp and not ((rate > 0) & (rate < 1)).all():
            raise validation.refuse(name, rate, "numbers inside (0, 1)")
    rho, noise = validation.broadcast("agreement, label_noise", rho, noise)
    return validation.array(xp.log(rho) - xp.log1p(-rho) + xp.log(noise) - xp.log1p(-noise))


def coverage(together: ArrayLike, singles: ArrayLike) -> Float[Array, ""]:
    """C12: answers carry together at most the sum of what each carries, S_1 … S_k independent given X.

    Σ_i I(X;S_i) − I(X;S_1…S_k) ≥ 0, `together` I(X;S_1…S_k), a number, and `singles` I(X;S_i) [i]. With a block [X] in
    the place of X it can fail, since answers need not be independent given the block: each of two fair bits carries
    nothing about their xor, and both carry all of it. I([X];S_1…S_k) ≤ Σ_i I(X;S_i) holds.
    """
    joint, each = validation.one_dtype(
        validation.finite("together", together, 0), validation.finite("singles", singles, 1)
    )
    _, joint, each = validation.host(joint, each)
    return validation.array(each.sum() - joint)


def _trajectory(information: ArrayLike) -> Float[Array, " t"]:
    values = validation.finite("information", information, 1)
    if values.size < 2:
        raise validation.refuse("information", f"{values.size} generation", "at least 2")
    return values
