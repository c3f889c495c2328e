"""What stands at the top of the page: the question, the answer, and four cards with their evidence; how to cite."""

from typing import NamedTuple

QUESTION = "What does a model gain, and what does it lose, when it is trained on its own samples?"
ANSWER = (
    "Retrained on its own samples with nothing from outside, a model can only lose information about its task. A "
    "verifier, an environment or fresh data open the loop: a generation then gains at most what their signal tells "
    "beyond the model and its candidates, and drift takes away again what a weak signal or too few samples bring. How "
    "accurate a verifier must be, how many verdicts a goal takes, and which part of a signal is learned first can be "
    "computed, and stand below with the cases where such a rule fails."
)


class Card(NamedTuple):
    """A question that a reader comes with, its answer, and the rows of the ledger that say so."""

    title: str
    words: str
    rows: tuple[str, ...]


CARDS = (
    Card(
        "What is a closed loop, and what does it lose?",
        "A loop is closed if all that enters a generation follows from the model and from chance; a model that judges "
        "itself is closed, too. Each generation can only lose information about the task. In the end the model tells "
        "what a single draw of the true one tells, however many samples a generation has.",
        ("C2-residual", "C2-mean-lost", "C5-chain"),
    ),
    Card(
        "Why does a verifier help?",
        "Its verdicts depend on what is true and not on the model alone, so that they bring information in; a "
        "generation gains at most that much. A verifier only chooses, however: what no candidate gets right it cannot "
        "teach.",
        ("C4-gain", "C4-injection-simulated", "C6-simulated"),
    ),
    Card(
        "How good must the verifier be?",
        "Good enough to outweigh drift: what counts is the logarithm of tpr/fpr times the samples that are kept in a "
        "round. A weak verifier does with more samples, up to the break-even accuracy, beyond which the loop forgets "
        "faster than it is taught; and no number of samples makes up for a blind spot.",
        ("L3-barrier", "R1-break-even", "R6-best-size"),
    ),
    Card(
        "Where does the thesis fail?",
        "The thesis: what is learned first is the part of a signal that, learned alone, has saved most by prediction. "
        "That says what a student relies on far more often than information does. It fails where savings tie, where a "
        "small scale or weight decay hides a part, and where few samples are repeated often.",
        ("C10-hits", "C10-above-information", "L2-tie", "L2-decay"),
    ),
)

PAPER = """@inproceedings{li2026criterion,
  title     = {An Information-Theoretic Criterion for Efficient Data Synthesis},
  author    = {Li, H. and Sun, Z. and Deng, X.},
  booktitle = {Proceedings of the International Conference on Machine Learning (ICML)},
  year      = {2026},
  note      = {arXiv:2605.16379}
}"""
SOFTWARE = """@software{infoloop,
  title   = {infoloop: what happens when generative models are trained on generated data, settled with numbers},
  author  = {{The infoloop developers}},
  version = {%s},
  year    = {2026}
}"""
