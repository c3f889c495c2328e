"""What stands at the top of the page: the question, the answer, and four cards with their evidence; how to cite."""

from typing import NamedTuple

QUESTION = "What does a model gain, and what does it lose, when it is trained on its own samples?"
ANSWER = (
    "Retrained on its own samples with nothing from outside, a model can only lose information about the task that it "
    "was made for. A verifier, an environment or fresh data open the loop, and a generation then gains at most what "
    "their signal tells beyond the model and its candidates; drift takes away again what a weak signal or too few "
    "samples bring. How accurate a verifier must be, how many verdicts a goal takes and which part of a signal is "
    "learned first can be computed, and stand below with the cases where such a rule fails."
)


class Card(NamedTuple):
    """A question that a reader comes with, its answer, and the rows of the ledger that say so."""

    title: str
    words: str
    rows: tuple[str, ...]


CARDS = (
    Card(
        "What is a closed loop, and what does it lose?",
        "A loop is closed if all that enters a generation follows from the model and from noise: filtering by its own "
        "score keeps it closed. In every generation it loses information about its task; what is left in the end is "
        "what a single draw of the true model tells.",
        ("C2-residual", "C2-mean-lost", "C2-english"),
    ),
    Card(
        "Why does a verifier help?",
        "Its verdicts depend on the task given the model and the candidates, so they inject information: at most that "
        "much can be gained. It only chooses, however: what no candidate gets right, it cannot teach.",
        ("C4-gain", "C4-injection-simulated", "C6-simulated"),
    ),
    Card(
        "How good must the verifier be?",
        "Good enough to outweigh drift: what counts is its advantage over chance times the number of samples. Beyond "
        "that break-even accuracy the loop gains; many samples forgive a weak verifier, but no number of them forgives "
        "a blind spot.",
        ("R1-break-even", "L3-barrier", "R6-best-size"),
    ),
    Card(
        "Where does the thesis fail?",
        "A student takes up first the component of a signal that, learned alone, has saved most by prediction; that "
        "tells far more than mutual information does. It fails where savings tie, where weight decay or a small scale "
        "hides a component, and where few samples are repeated often.",
        ("C10-hits", "L2-tie", "L2-decay"),
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
