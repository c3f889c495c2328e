"""Feedback on an output: a channel from the correct output to a symbol, for each output proposed.

An output is a class and a surface form, y = class · M + form; the target is the correct class in the form of a
reference. Plug in a signal of your own by its two tables: `Feedback(channel, value)`.
"""

from typing import Annotated, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

from sandbox import inputs, validation
from sandbox.policies.prompts import Prompts


class Feedback(NamedTuple):
    """p(symbol | proposal, target), and the value of each symbol to the policy that proposed."""

    channel: Annotated[Float[Array, "proposal target symbol"], validation.distribution]
    value: Annotated[Float[Array, " symbol"], validation.rate]  # a reward, and a filter's probability to accept

    def symbol_probs(self, prompts: Prompts) -> Float[Array, "prompt output symbol"]:
        """p(symbol | prompt, output) = Σ_target p(target | prompt) channel[output, target, symbol].

        The proposals must be the outputs, and so must the targets: a reference answers no proposal, a preference judges
        two.
        """
        proposals, targets, _ = self.channel.shape
        num_forms = prompts.form_probs.shape[1]
        if proposals != targets or targets % num_forms:
            given = f"{proposals} proposals of {targets} targets"
            accepted = f"a proposal for each target, class x {num_forms} forms"
            raise validation.refuse("Feedback.channel", given, accepted)
        references = prompts.references(targets // num_forms)
        return jnp.einsum("qt,yts->qys", references, self.channel.astype(references.dtype))

    def against(self, opponent: Float[Array, " output"]) -> "Feedback":
        """A preference between pairs as feedback on the first output, the second being drawn from `opponent`."""
        proposals, targets, symbols = self.channel.shape
        if proposals != targets**2:
            raise validation.refuse("Feedback.channel", f"{proposals} proposals", f"{targets**2} pairs of outputs")
        validation.distribution("opponent", opponent, (targets,))
        opponent = inputs.numbers("opponent", opponent, "output")
        pairs = self.channel.astype(opponent.dtype).reshape(targets, targets, targets, symbols)
        return self._replace(channel=jnp.einsum("o,yots->yts", opponent, pairs))


class Score(NamedTuple):
    """A judge of its own: it accepts (symbol 1) each output with a probability that no reference decides."""

    accepted: Annotated[Float[Array, "prompt output"], validation.rate]

    @property
    def value(self) -> Float[Array, "2"]:
        """1 for what is accepted, 0 for the rest."""
        return jnp.arange(2, dtype=self.accepted.dtype)

    def symbol_probs(self, prompts: Prompts) -> Float[Array, "prompt output symbol"]:
        """p(symbol | prompt, output), of rejected and accepted; one row a prompt."""
        if self.accepted.shape[0] != prompts.correct.size:
            accepted = f"a row for each of {prompts.correct.size} prompts"
            raise validation.refuse("Score.accepted", f"shape {self.accepted.shape}", accepted)
        accepted = self.accepted.astype(prompts.form_probs.dtype)
        return jnp.stack([1 - accepted, accepted], axis=2)


def verdict(num_classes: int, num_forms: int, *, tpr: float = 1.0, fpr: float = 0.0) -> Feedback:
    """Accepts (symbol 1, value 1) a proposal of the target's class with probability `tpr`, any other with `fpr`."""
    for name, value in (("tpr", tpr), ("fpr", fpr)):
        validation.scalar(name, value)
        validation.rate(name, value)
    accepted = np.where(_same_class(num_classes, num_forms), tpr, fpr)
    return Feedback(*jax.device_put((np.stack([1 - accepted, accepted], axis=2), np.arange(2.0))))


def rubric(num_classes: int, num_forms: int, *, style: bool = False) -> Feedback:
    """Grades a proposal by the criteria that it meets: each binary digit of the class and, with `style`, the form.

    There are ⌈log₂ K⌉ digits, at least 1; the symbols are the grades, of value met / criteria.
    """
    same = _same_class(num_classes, num_forms)
    validation.flag("style", style)
    classes, forms = np.divmod(np.arange(same.shape[0]), num_forms)
    digits = [(classes >> bit) & 1 for bit in range(max(1, (int(num_classes) - 1).bit_length()))]
    met = [digit[:, None] == digit[None, :] for digit in digits] + [forms[:, None] == forms[None, :]] * bool(style)
    validation.table("num_classes", same.size * (len(met) + 1))
    return Feedback(*jax.device_put((np.eye(len(met) + 1)[np.sum(met, axis=0)], np.arange(len(met) + 1.0) / len(met))))


def preference(num_classes: int, num_forms: int) -> Feedback:
    """Prefers the first (symbol 1) of two outputs, y · KM + y', if it alone is of the target's class; ties are a coin.

    `against` makes it feedback on single outputs.
    """
    correct = _same_class(num_classes, num_forms).astype(float)
    validation.table("num_classes", 2 * correct.size * len(correct))
    first = (1 + correct[:, None, :] - correct[None, :, :]).reshape(-1, correct.shape[0]) / 2
    return Feedback(*jax.device_put((np.stack([1 - first, first], axis=2), np.arange(2.0))))


def reference(num_classes: int, num_forms: int, *, num_styles: int = 1) -> Feedback:
    """Shows the target, whatever is proposed; of its form it hides which of `num_styles` styles it is in.

    Styles divide the forms: f // num_styles is shown, the whole form with one style. There is a single proposal, as
    it answers none, and symbols have the value 0, as they are imitated.
    """
    outputs = _same_class(num_classes, num_forms).shape[0]
    validation.at_least("num_styles", num_styles, 1)
    if num_forms % num_styles:
        raise validation.refuse("num_styles", num_styles, f"a divisor of num_forms = {num_forms}")
    shown = np.eye(outputs // num_styles)[np.arange(outputs) // num_styles]
    return Feedback(*jax.device_put((shown[None], np.zeros(outputs // num_styles))))


def _same_class(num_classes: int, num_forms: int) -> np.ndarray:
    """[proposal, target]: whether two outputs are of one class."""
    validation.at_least("num_classes", num_classes, 1)
    validation.at_least("num_forms", num_forms, 1)
    validation.table("num_classes", (num_classes * num_forms) ** 2)
    classes = np.arange(num_classes * num_forms) // num_forms
    return classes[:, None] == classes[None, :]
