"""What stands at the top of the page: the question, the answer, and four cards; how to cite."""

from typing import NamedTuple

QUESTION = "What does a model gain, and what does it lose, when it is trained on its own samples?"
ANSWER = (
    "Retrained on its own samples alone, a generative model can only lose information about its task: this is model "
    "collapse. A verifier, an environment or fresh data open the loop: a generation then gains at most the information "
    "that their signal adds to the model and its candidates, while drift, the chance loss of retraining on few "
    "samples, can take back more. How good a verifier must be, how many verdicts a goal takes, and which feature of a "
    "signal is learned first are computed below, together with the cases in which each rule fails."
)
TERMS = (
    "Information is in nats (1 nat is 1.44 bits). I(X;Z) is what the model Z carries about the task X. Z_0 is fitted "
    "to real data, Z_t is generation t, D_t are its samples and S_t the signal on them. A verifier accepts correct "
    "outputs at the rate tpr and wrong ones at the rate fpr, written (.9, .3); its likelihood ratio is LR = tpr/fpr; p "
    "is the accuracy at the start. Until n are accepted: rejection sampling; filtering: n are proposed."
)


class Card(NamedTuple):
    """A question that a reader comes with, and its answer."""

    title: str
    words: str


CARDS = (
    Card(
        "What is a closed loop, and what does it lose?",
        "A loop is closed if nothing enters a generation but the model and chance. A model that judges itself "
        "(self-consistency, self-rewarding) is closed, too. Each generation can only lose information about the task. "
        "A categorical model collapses to one answer: what it still carries is the information in a single real "
        "sample, whatever the number of samples in a generation. A Gaussian goes on losing.",
    ),
    Card(
        "Why does a verifier help?",
        "Its verdicts depend on the task and not on the model alone, so that they bring information in; a generation "
        "gains at most that much. A verifier only selects, however: where outputs share no parameters it "
        "cannot teach what no candidate gets correct.",
    ),
    Card(
        "How good must the verifier be?",
        "Correct outputs survive drift where n · ln LR · p is above 1: n samples are accepted in a generation, LR = "
        "tpr/fpr is the likelihood ratio of the verifier, p the accuracy at the start. So more samples make up for a "
        "weaker verifier. To end with more information than the real data carried, LR must also be above break-even. A "
        "blind spot, something wrong that is always accepted, gets worse with more samples, if the verifier rejects "
        "some correct outputs.",
    ),
    Card(
        "Which feature is learned first?",
        "Of several features of a label, a network mostly relies first on the one that alone compresses the labels "
        "best so far (the largest prequential code length saved by a single-feature learner). The rule fails between "
        "equals once both are learned, where a small scale or weight decay hides a feature, and where a learner "
        "repeats few samples and the code lengths were measured on fresh ones.",
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
