"""What a signal says of an output: a channel from the output that is right to a symbol, for each output proposed.

An output is a class and a surface form, y = class · M + form; the target is the right class in the form of a reference.
Plug in a signal of your own by its two tables: `Feedback(channel, value)`.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

from sandbox import validation
from sandbox.policies.prompts import Prompts


class Feedback(NamedTuple):
    """p(symbol | proposal, target), and what each symbol is worth to the one who proposed."""

    channel: Float[Array, "proposal target symbol"]
    value: Float[Array, " symbol"]  # in [0, 1]: a reward, and a filter's probability to keep

    def check(self) -> None:
        """Raises ValueError unless `channel` holds laws of symbols, and each symbol has a value in [0, 1]."""
        validation.arrays(self)
        if self.channel.ndim != 3:
            shape = self.channel.shape
            raise ValueError(f"Feedback.channel: an array [proposal, target, symbol] is accepted, got shape {shape}")
        validation.distribution("Feedback.channel", self.channel)
        if self.value.shape != self.channel.shape[2:]:
            raise ValueError(
                f"Feedback.value: {self.channel.shape[2]} numbers, one a symbol, are accepted, got {self.value.shape}"
            )
        validation.rate("Feedback.value", self.value)

    def given(self, prompts: Prompts) -> Float[Array, "prompt output symbol"]:
        """p(symbol | prompt, proposed output), the target being a reference of the prompt.

        Σ_target p(target | prompt) channel[output, target, symbol].

        Args:
            prompts: What is asked, with the law of its references.

        Returns:
            The laws of the symbols.

        Raises:
            ValueError: The proposals are not the outputs: a reference answers no proposal, a preference judges two.
        """
        proposals, targets, _ = self.channel.shape
        num_forms = prompts.wording.shape[1]
        if proposals != targets or targets % num_forms:
            raise ValueError(
                f"Feedback.channel: a proposal for each target, class x {num_forms} forms, is accepted, "
                f"got {proposals} proposals of {targets} targets"
            )
        references = prompts.references(targets // num_forms)
        return jnp.einsum("qt,yts->qys", references, self.channel.astype(references.dtype))

    def against(self, opponent: Float[Array, " output"]) -> "Feedback":
        """A preference between pairs as feedback on the first output, the second being drawn from `opponent`.

        Args:
            opponent: The law of the second output.

        Returns:
            Feedback whose proposals are the outputs.

        Raises:
            ValueError: The proposals are not the ordered pairs of outputs, or `opponent` is not a law on the outputs.
        """
        proposals, targets, symbols = self.channel.shape
        if proposals != targets**2:
            raise ValueError(f"Feedback.channel: {targets**2} pairs of outputs are accepted, got {proposals} proposals")
        validation.distribution("opponent", opponent)
        if opponent.shape != (targets,):
            raise ValueError(f"opponent: {targets} numbers, one an output, are accepted, got shape {opponent.shape}")
        pairs = self.channel.astype(opponent.dtype).reshape(targets, targets, targets, symbols)
        return self._replace(channel=jnp.einsum("o,yots->yts", opponent, pairs))


class Score(NamedTuple):
    """A judge of its own: it accepts (symbol 1) each output with a probability that no reference decides."""

    accepted: Float[Array, "prompt output"]

    @property
    def value(self) -> Float[Array, "2"]:
        """1 for what is accepted, 0 for the rest."""
        return jnp.arange(2, dtype=self.accepted.dtype)

    def check(self) -> None:
        """Raises ValueError unless `accepted` is a table of numbers in [0, 1]."""
        validation.arrays(self)
        if self.accepted.ndim != 2:
            shape = self.accepted.shape
            raise ValueError(f"Score.accepted: an array [prompt, output] is accepted, got shape {shape}")
        validation.rate("Score.accepted", self.accepted)

    def given(self, prompts: Prompts) -> Float[Array, "prompt output symbol"]:
        """p(symbol | prompt, proposed output).

        Args:
            prompts: What is asked, as many as there are rows.

        Returns:
            Laws of two symbols, rejected and accepted.

        Raises:
            ValueError: There is not a row for each prompt.
        """
        if self.accepted.shape[0] != prompts.correct.size:
            shape = self.accepted.shape
            raise ValueError(
                f"Score.accepted: a row for each of {prompts.correct.size} prompts is accepted, got {shape}"
            )
        accepted = self.accepted.astype(prompts.wording.dtype)
        return jnp.stack([1 - accepted, accepted], axis=2)


def verdict(num_classes: int, num_forms: int, *, tpr: float = 1.0, fpr: float = 0.0) -> Feedback:
    """Accepts (symbol 1) a proposal of the target's class with probability `tpr`, any other with `fpr`.

    Args:
        num_classes: K.
        num_forms: M, the surface forms of a class.
        tpr: The true-positive rate φ.
        fpr: The false-positive rate ψ.

    Returns:
        Feedback of two symbols, of values 0 and 1.

    Raises:
        ValueError: A size is below 1, or a rate is outside [0, 1].
    """
    validation.rate("tpr", tpr)
    validation.rate("fpr", fpr)
    accepted = np.where(_same_class(num_classes, num_forms), tpr, fpr)
    return Feedback(*jax.device_put((np.stack([1 - accepted, accepted], axis=2), np.arange(2.0))))


def rubric(num_classes: int, num_forms: int, *, style: bool = False) -> Feedback:
    """Grades a proposal by how many criteria it meets: each binary digit of the class, and the form if `style`.

    Args:
        num_classes: K, of ⌈log₂ K⌉ binary digits, at least 1.
        num_forms: M, the surface forms of a class.
        style: Whether the form is a criterion too.

    Returns:
        Feedback of a symbol for each grade, its value the share of the criteria that are met.

    Raises:
        ValueError: A size is below 1.
    """
    same = _same_class(num_classes, num_forms)
    classes, forms = np.divmod(np.arange(same.shape[0]), num_forms)
    digits = [(classes >> bit) & 1 for bit in range(max(1, (num_classes - 1).bit_length()))]
    met = [digit[:, None] == digit[None, :] for digit in digits] + [forms[:, None] == forms[None, :]] * style
    return Feedback(*jax.device_put((np.eye(len(met) + 1)[np.sum(met, axis=0)], np.arange(len(met) + 1.0) / len(met))))


def preference(num_classes: int, num_forms: int) -> Feedback:
    """Says which of two outputs, y · KM + y', is better: the first (symbol 1) if it alone is right; a coin at a tie.

    Args:
        num_classes: K.
        num_forms: M, the surface forms of a class.

    Returns:
        Feedback whose proposals are the ordered pairs of outputs; `against` makes it one on outputs.

    Raises:
        ValueError: A size is below 1.
    """
    correct = _same_class(num_classes, num_forms).astype(float)
    first = (1 + correct[:, None, :] - correct[None, :, :]).reshape(-1, correct.shape[0]) / 2
    return Feedback(*jax.device_put((np.stack([1 - first, first], axis=2), np.arange(2.0))))


def reference(num_classes: int, num_forms: int, *, num_styles: int = 1) -> Feedback:
    """Shows the target itself, whatever is proposed; its form is a wording in one of `num_styles` styles, not shown.

    Form f is wording f // num_styles; with one style the whole form is shown.

    Args:
        num_classes: K.
        num_forms: M, the surface forms of a class.
        num_styles: Styles, a divisor of M.

    Returns:
        Feedback of a single proposal, as it answers none; its symbols have the value 0, as it is imitated.

    Raises:
        ValueError: A size is below 1, or the styles do not divide the forms.
    """
    outputs = _same_class(num_classes, num_forms).shape[0]
    validation.at_least("num_styles", num_styles, 1)
    if num_forms % num_styles:
        raise ValueError(f"num_styles: a divisor of num_forms = {num_forms} is accepted, got {num_styles}")
    shown = np.eye(outputs // num_styles)[np.arange(outputs) // num_styles]
    return Feedback(*jax.device_put((shown[None], np.zeros(outputs // num_styles))))


def _same_class(num_classes: int, num_forms: int) -> np.ndarray:
    """[proposal, target]: whether two outputs are of one class."""
    validation.at_least("num_classes", num_classes, 1)
    validation.at_least("num_forms", num_forms, 1)
    classes = np.arange(num_classes * num_forms) // num_forms
    return classes[:, None] == classes[None, :]
