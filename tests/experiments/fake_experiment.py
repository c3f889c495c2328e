"""An experiment that takes no time, in place of the real ones."""

from dataclasses import replace

from matplotlib.figure import Figure

from experiments import plots
from experiments.ledger import Check, Settings, equality, inequality

CHECK = Check(
    id="C2-fake",
    claim="C2",
    kind="exact",
    statement="I(X;Z_t) ≥ I(X;Z_{t+1}) <script>",
    test="tests/theory/test_claims.py::test_data_processing",
    measure=lambda settings: inequality(0.25 + settings.seed, setting="n = 10 & all t", predicted=0.0, measured=0.25),
    figure="fake",
)
TWIN = replace(
    CHECK,
    id="C2-fake-twin",
    kind="monte-carlo",
    statement="information goes to zero",
    measure=lambda settings: equality(0.1, 0.0, stderr=1e-3, setting="1000 replicas", unit="nats per generation"),
    figure=None,
    expected="fails",
    twin_of="C2-fake",
)
OTHER = replace(CHECK, id="C1-fake", claim="C1", figure="other")


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


CHECKS = (CHECK, TWIN, OTHER)
FIGURES = {"fake": draw, "other": draw, "third": draw}
CALLS: list[dict] = []  # what it was run with


def run(settings: Settings, **options: object) -> None:
    CALLS.append({"settings": settings, **options})
