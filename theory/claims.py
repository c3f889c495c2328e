"""The claims as functions that return their slack: right side minus left side, ≥ 0 where the claim holds."""

from jax import Array
from jaxtyping import Float

from theory import validation
from theory.channels import contraction
from theory.measures import mutual_information
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
    p = validation.pmf("joint", joint, ndim=3)
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
    values = _trajectory(information)
    return values[:-1] - values[1:]


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
    return rate * values[:-1] - values[1:]


def _trajectory(information: ArrayLike) -> Float[Array, " t"]:
    values = validation.finite("information", information, 1)
    if values.size < 2:
        raise validation.refuse("information", f"{values.size} generation", "at least 2")
    return values
