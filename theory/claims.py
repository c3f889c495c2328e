"""The claims as functions that return their slack: right side minus left side, ≥ 0 where the claim holds."""

import jax
import jax.numpy as jnp
from jax import Array
from jax.scipy.special import logit
from jaxtyping import Float

from theory import validation
from theory.channels import contraction
from theory.measures import conditional_mutual_information, mutual_information
from theory.validation import ArrayLike


def training(joint: ArrayLike) -> Float[Array, ""]:
    """Claim C1: training adds nothing about the task beyond its data, X → D → Z.

    I(X;D) − I(X;Z) ≥ 0. It needs training noise that is independent of the task given the data.

    Args:
        joint: Probabilities [x, d, z] of task, data and model.

    Returns:
        The slack, in nats.

    Raises:
        ValueError: Where `joint` is not a probability table of three axes.

    References:
        Li, Sun & Deng (2026), An information-theoretic criterion for efficient data synthesis, arXiv:2605.16379.
    """
    _, p = validation.host(validation.pmf("joint", joint, ndim=3))
    return mutual_information(p.sum(2)) - mutual_information(p.sum(1))


def data_processing(information: ArrayLike) -> Float[Array, " step"]:
    """Claim C2: a closed loop loses information every generation, X → Z_t → D_t → Z_{t+1}.

    I(X;Z_t) − I(X;Z_{t+1}) ≥ 0.

    Args:
        information: I(X;Z_t) [t], in nats, at least two generations.

    Returns:
        The slack of each generation [t−1], in nats.

    Raises:
        ValueError: Where `information` is not a finite trajectory of at least two generations.

    References:
        Li, Sun & Deng (2026), An information-theoretic criterion for efficient data synthesis, arXiv:2605.16379.
    """
    _, values = validation.host(_trajectory(information))
    return validation.array(values[:-1] - values[1:])


def strong_data_processing(information: ArrayLike, kernel: ArrayLike) -> Float[Array, " step"]:
    """The quantitative C2, where there is one: a constant share of the information is lost every generation.

    η_KL(T) I(X;Z_t) − I(X;Z_{t+1}) ≥ 0, for one kernel T whatever the task. Where η_KL = 1, as for the closed
    categorical loop (two fixed symbols never meet), no constant rate below 1 holds, and none is claimed.

    Args:
        information: I(X;Z_t) [t], in nats, at least two generations.
        kernel: T[s, s], the same for every task.

    Returns:
        The slack of each generation [t−1], in nats.

    Raises:
        ValueError: Where η_KL is 1 within 1e-12, or an argument is malformed.

    References:
        Polyanskiy & Wu (2017), Strong data-processing inequalities for channels and Bayesian networks,
        arXiv:1508.06025.
    """
    values, rate = validation.one_dtype(_trajectory(information), contraction(validation.pmf("kernel", kernel, 2, 1)))
    if validation.has_values(rate) and rate >= 1 - 1e-12:
        raise validation.refuse("kernel", f"eta_KL = {rate}", "a kernel with eta_KL < 1: no constant rate holds here")
    _, values, rate = validation.host(values, rate)
    return validation.array(rate * values[:-1] - values[1:])


def external_signal(joint: ArrayLike) -> Float[Array, ""]:
    """Claim C3: a signal raises the bound by what it knows beyond the data, X → (D,S) → Z.

    I(X;D) + I(X;S|D) − I(X;Z) ≥ 0. What counts is I(X;S|D): I(X;S) can be smaller, where data and signal say something
    only together, or larger, where they say the same.

    Args:
        joint: Probabilities [x, d, s, z] of task, data, signal and model.

    Returns:
        The slack, in nats.

    Raises:
        ValueError: Where `joint` is not a probability table of four axes.

    References:
        Li, Sun & Deng (2026), An information-theoretic criterion for efficient data synthesis, arXiv:2605.16379.
    """
    _, p = validation.host(validation.pmf("joint", joint, ndim=4))
    known = conditional_mutual_information(p.sum(3).swapaxes(1, 2))
    return mutual_information(p.sum((2, 3))) + known - mutual_information(p.sum((1, 2)))


def injection(information: ArrayLike, injected: ArrayLike) -> Float[Array, " step"]:
    """Claim C4: a generation gains at most what its signal injects, so a loop that improves is information-open.

    I(X;Z_t) + I(X;S_t|Z_t,D_t) − I(X;Z_{t+1}) ≥ 0, if D_t is drawn from Z_t alone and Z_{t+1} is fitted to (D_t, S_t).
    The condition on the candidates D_t is needed: I(X;S_t|Z_t) can be zero while the loop gains. Being open is
    necessary for a gain, not sufficient.

    Args:
        information: I(X;Z_t) [t], in nats, at least two generations.
        injected: I(X;S_t|Z_t,D_t) [t−1], in nats.

    Returns:
        The slack of each generation [t−1], in nats.

    Raises:
        ValueError: Where an argument is not a finite trajectory, or the lengths disagree.

    References:
        Li, Sun & Deng (2026), An information-theoretic criterion for efficient data synthesis, arXiv:2605.16379.
    """
    values, entered = validation.one_dtype(_trajectory(information), validation.finite("injected", injected, 1))
    validation.same_size("injected", entered.size, "information[1:]", values.size - 1)
    _, values, entered = validation.host(values, entered)
    return validation.array(values[:-1] + entered - values[1:])


def self_consistency(joint: ArrayLike) -> Float[Array, ""]:
    """Claim C5: a judge that is a function of the student and noise closes the loop again, S = g(Z_t, D_t, noise).

    −I(X;S_t|Z_t,D_t) ≥ 0, hence zero.

    Args:
        joint: Probabilities [x, z, d, s] of task, student, candidates and verdicts.

    Returns:
        The slack, in nats.

    Raises:
        ValueError: Where `joint` is not a probability table of four axes.

    References:
        Li, Sun & Deng (2026), An information-theoretic criterion for efficient data synthesis, arXiv:2605.16379.
    """
    _, p = validation.host(validation.pmf("joint", joint, ndim=4))
    x, z, d, s = p.shape
    return -conditional_mutual_information(p.transpose(0, 3, 1, 2).reshape(x, s, z * d))


def fixed_reward_model(information: ArrayLike, total: ArrayLike) -> Float[Array, " t"]:
    """What a judge J that was made once can ever inject (claim C5, limit L4).

    I(X;Z_0) + I(X;J|Z_0) − I(X;Z_t) ≥ 0 for every t, if the judge's later noise is independent of X given (Z_0, J).

    Args:
        information: I(X;Z_t) [t], in nats, at least two generations.
        total: I(X;J|Z_0), in nats.

    Returns:
        The slack at each generation [t], in nats.

    Raises:
        ValueError: Where `information` is not a finite trajectory, or `total` not a number.
    """
    values, cap = validation.one_dtype(_trajectory(information), validation.finite("total", total, 0))
    _, values, cap = validation.host(values, cap)
    return validation.array(values[0] + cap - values)


def candidates(success: ArrayLike, in_support: ArrayLike) -> Float[Array, "*shape"]:
    """Claim C6: a signal can only choose among the candidates that there are, as a lost symbol does not come back.

    P(the right symbol is in the support of Z_0) − P(the loop ends right) ≥ 0.

    Args:
        success: Probabilities to end right.
        in_support: Probabilities that the right symbol is there at the start, of a shape that broadcasts.

    Returns:
        The slack.

    Raises:
        ValueError: Where an argument is not made of probabilities.

    References:
        Li, Sun & Deng (2026), An information-theoretic criterion for efficient data synthesis, arXiv:2605.16379.
    """
    end, start = validation.one_dtype(validation.rates("success", success), validation.rates("in_support", in_support))
    start, end = validation.broadcast(start, end)
    return validation.array(start - end)


def supervision(joint: ArrayLike) -> Float[Array, ""]:
    """Claim C7: a signal says no more of the output than of a summary P and, given P, of the rest.

    I(P;S|Q) + I(Y;S|P,Q) − I(Y;S|Q) = I(P;S|Y,Q) ≥ 0, with equality if and only if P says nothing of S beyond (Y,Q), as
    the block P = [Y]_π does.

    Args:
        joint: Probabilities [y, p, s, q] of output, summary, signal and prompt.

    Returns:
        The slack, in nats.

    Raises:
        ValueError: Where `joint` is not a probability table of four axes.

    References:
        Li, Sun & Deng (2026), An information-theoretic criterion for efficient data synthesis, arXiv:2605.16379.
    """
    _, p = validation.host(validation.pmf("joint", joint, ndim=4))
    y, summary, s, q = p.shape
    within = conditional_mutual_information(p.swapaxes(1, 2).reshape(y, s, summary * q))
    return conditional_mutual_information(p.sum(0)) + within - conditional_mutual_information(p.sum(1))


def learned_first(nats_saved: ArrayLike, reliance: ArrayLike) -> Float[Array, "*shape"]:
    """Claim C10: a student relies most on the component whose learner, alone, has saved most by prediction.

    r_c − max_{j≠c} r_j ≥ 0 with c = argmax S. It is a theorem where r ∝ e^S, the posterior of a Bayesian mixture of the
    learners (`prequential.mixture_weights`), and for other students a rule with exceptions.

    Args:
        nats_saved: S [..., component], in nats.
        reliance: r [..., component], the share of inputs that are answered as each component says where all differ.

    Returns:
        The slack, a share; of equal savings that of the first counts.

    Raises:
        ValueError: Where the arguments differ in shape, have fewer than 2 components, or hold a number that is not
            finite.

    References:
        Li, Sun & Deng (2026), An information-theoretic criterion for efficient data synthesis, arXiv:2605.16379.
    """
    s, r = validation.one_dtype(validation.finite("nats_saved", nats_saved), validation.finite("reliance", reliance))
    if s.shape != r.shape or s.ndim == 0 or s.shape[-1] < 2:
        raise validation.refuse(
            "reliance", f"shape {r.shape}", f"that of `saving`, {s.shape}, with 2 or more components"
        )
    first = jax.nn.one_hot(s.argmax(-1), s.shape[-1], dtype=bool)
    return jnp.where(first, r, -jnp.inf).max(-1) - jnp.where(first, -jnp.inf, r).max(-1)


def reward_hacking(agreement: ArrayLike, label_noise: ArrayLike) -> Float[Array, "*shape"]:
    """Claim C11: more labels do not cure a judge that is better told by a spurious feature than by the intended one.

    ln ρ/(1−ρ) − ln (1−ε)/ε ≥ 0: by so many nats a Bayes judge, of two features that are independent given the label,
    prefers what is wrong and has the spurious feature to what is right and has it not. Below 0 labels do cure it.

    Args:
        agreement: ρ in (0, 1), how often the spurious feature is there if and only if the label is good.
        label_noise: ε in (0, 1), how often the label is not what the intended feature says.

    Returns:
        The slack, in nats.

    Raises:
        ValueError: Where a rate is not inside (0, 1).

    References:
        Li, Sun & Deng (2026), An information-theoretic criterion for efficient data synthesis, arXiv:2605.16379.
    """
    rates = validation.one_dtype(validation.rates("agreement", agreement), validation.rates("label_noise", label_noise))
    for name, rate in zip(("agreement", "label_noise"), rates, strict=True):
        if validation.has_values(rate) and not ((rate > 0) & (rate < 1)).all():
            raise validation.refuse(name, rate, "numbers inside (0, 1)")
    rho, noise = jnp.broadcast_arrays(*rates)
    return logit(rho) + logit(noise)


def coverage(together: ArrayLike, singles: ArrayLike) -> Float[Array, ""]:
    """Claim C12: answers say together at most what they say one by one, S_1 … S_k independent given X.

    Σ_i I(X;S_i) − I(X;S_1…S_k) ≥ 0. With a block [X] in the place of X it can fail: two bits may say nothing of their
    xor one by one, as they are not independent given it. I([X];S_1…S_k) ≤ Σ_i I(X;S_i) holds.

    Args:
        together: I(X;S_1…S_k), in nats.
        singles: I(X;S_i) [i], in nats.

    Returns:
        The slack, in nats.

    Raises:
        ValueError: Where an argument is not finite, or has the wrong number of axes.

    References:
        Li, Sun & Deng (2026), An information-theoretic criterion for efficient data synthesis, arXiv:2605.16379.
    """
    all_of_them, each = validation.one_dtype(
        validation.finite("together", together, 0), validation.finite("singles", singles, 1)
    )
    _, all_of_them, each = validation.host(all_of_them, each)
    return validation.array(each.sum() - all_of_them)


def _trajectory(information: ArrayLike) -> Float[Array, " t"]:
    values = validation.finite("information", information, 1)
    if values.size < 2:
        raise validation.refuse("information", f"{values.size} generation", "at least 2")
    return values
