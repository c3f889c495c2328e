"""A fake that takes no time

It stands in place of the real experiments.
"""

from matplotlib.figure import Figure

from experiments.harness import figures as plots
from experiments.harness.claim import Found, at_least, claim, equal
from experiments.harness.ledger import Settings
from experiments.harness.statements import Statement
from theory.estimators import Estimate


def found(settings: Settings) -> Found:
    return at_least(0.25 + settings.seed, 0.0, "n = 10 & all t")


def simulated(settings: Settings) -> Found:
    return equal(Estimate(0.1, 1e-3, 1_000), 0.0, "1000 replicas", "nats per generation")


CHECK, CONTROL = claim(
    "C2-fake",
    "I(X;Z_t) ≥ I(X;Z_{t+1}) <script>",
    found,
    control=("information goes to zero", simulated),
    figure="fake",
    test="tests/theory/test_claims.py::test_data_processing",
)
(OTHER,) = claim("C1-fake", "A seed tells nothing of I(X;Z_0)", found, figure="other")


@plots.style()
def draw(settings: Settings) -> Figure:
    """The caption, on
    two lines.

    Its second paragraph.
    """
    fig, ax = plots.figure()
    line = plots.band(ax, [0, 1, 2], [1.0, 0.5, 0.3], [0.1, 0.1, 0.1], label="simulated")
    plots.theory(ax, [0, 1, 2], [1.0, 0.52, 0.31], label="exact")
    plots.direct_labels(ax, {"simulated": line})
    ax.set(xlabel="generation t", ylabel="I(X;Z_t) [nats]")
    return fig


CLAIMS = (CHECK, CONTROL, OTHER)
STATEMENTS = (
    Statement(
        "C2",
        "A <loop> forgets",
        formula=r"I(X;Z_{t+1}) \le \ln c",
        words="I(X;Z_{t+1}) & more",
        conditions="The <rate>.",
        practice="Do & don't.",
        source="A & B (2026)",
        test="tests/test_a.py::test_b",
    ),
    Statement("C1", "A seed tells nothing"),
)
FIGURES = {"fake": draw, "other": draw, "third": draw}
