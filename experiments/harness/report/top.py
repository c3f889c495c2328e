"""What stands at the top of the page: the question, the answer, and four cards; how to cite."""

from typing import NamedTuple

QUESTION = "What does a model gain, and what does it lose, when it is trained on its own samples?"
ANSWER = (
    "Retrained on its own samples with nothing from outside, a model can only lose information about its task. A "
    "verifier, an environment or fresh data open the loop: a generation then gains at most what their signal adds to "
    "the model and its candidates, while drift, the chance loss of retraining on few samples, can take back more. How "
    "accurate a verifier must be, how many verdicts a goal takes, and which part of a signal is learned first can be "
    "computed, and stand below with the cases where such a rule fails."
)
TERMS = (
    "Information is in nats (1 nat is 1.44 bits). I(X;Z) says how well the task X can be read off the model Z; Z_0 is "
    "fitted to real data, Z_t is the t-th refit, D_t are its samples and S_t what a signal says of them. A verifier "
    "keeps right outputs at the rate φ (tpr) and wrong ones at ψ (fpr), written (.9, .3); p is the share right at "
    "first. Until kept: a round samples until n outputs have passed; filtering: n are proposed."
)


class Card(NamedTuple):
    """A question that a reader comes with, and its answer."""

    title: str
    words: str


CARDS = (
    Card(
        "What is a closed loop, and what does it lose?",
        "A loop is closed if nothing enters a generation but the model and chance. A model that judges itself is "
        "closed, too. Each generation can only lose information about the task: a categorical model ends at what a "
        "single draw of the true one tells, however many samples a generation has, and others go on losing.",
    ),
    Card(
        "Why does a verifier help?",
        "Its verdicts depend on what is true and not on the model alone, so that they bring information in; a "
        "generation gains at most that much. A verifier only chooses, however: what no candidate gets right it cannot "
        "teach.",
    ),
    Card(
        "How good must the verifier be?",
        "Right outputs get past chance where n · ln(tpr/fpr) · p is above 1: n samples are kept in a round, right ones "
        "at the rate tpr and wrong ones at fpr; p is the share right at first. So more samples make up for a weaker "
        "verifier. To end with more than the real data told, it must also beat the break-even ratio. A blind spot, "
        "something wrong that always passes, gets worse with more samples.",
    ),
    Card(
        "Where does the thesis fail?",
        "The thesis: of several parts of a signal a student first uses the one that, learned alone, has saved most, "
        "that is, the entropy of the label less the log loss of a learner that sees this part alone, summed over the "
        "samples. It fails between equals once both are learned, where a small scale or weight decay hides a part, and "
        "where a student repeats few samples and savings were measured on fresh ones.",
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
