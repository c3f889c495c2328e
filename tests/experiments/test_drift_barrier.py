"""The drift barrier by other routes; its rows fail where their study is broken."""

import numpy as np
import pytest
from matplotlib.colors import to_hex

import theory
from experiments import plots
from experiments.drift_barrier import FIGURES, chains, figures, loops, rows
from experiments.ledger import Settings
from theory import drift

QUICK = Settings()


def test_start_information_is_that_of_the_samples():
    n = 7
    joint = np.stack([np.asarray(drift.initial(n, law)) for law in ([0.6, 0.4], [0.4, 0.6])]) / 2
    expected = theory.mutual_information(joint)
    np.testing.assert_allclose(chains.start_information(np.array([n])), [expected], rtol=0, atol=1e-12)


def test_what_is_always_kept_is_not_wrong():
    """Without a blind spot more samples do end right more often: the spot is the reason."""
    sizes = (2, 8, 20)
    acceptance, start = np.array([0.9, 0.3, 0.3]), chains.BLIND_START
    right = [chains._ends(n, acceptance, start)[0] for n in sizes]
    assert right == sorted(right)


def test_a_row_can_fail(monkeypatch):
    """The mixture against the chain of another verifier, and Kimura's form with half the selection."""
    size = loops.sizes(QUICK)
    shifted = {fpr: theory.Estimate(np.full(len(size), 0.5), np.full(len(size), 0.01), 9) for fpr in loops.FPRS}
    ends = loops.Ends(size, shifted, {fpr: np.full(len(size), 0.6) for fpr in loops.FPRS})
    monkeypatch.setattr(loops, "mixture", lambda settings: ends)
    assert rows.mixture(QUICK).verdict == "fails"
    assert rows.barrier(loops.FPRS[0], QUICK).verdict == "fails"


@pytest.mark.slow
def test_no_line_strikes_a_label_through(monkeypatch):
    """What ends at 0, or below a dashed limit, and a white label where the picture is yellow."""
    monkeypatch.setattr(figures.budget, "break_even", lambda n, share: 0.99 * np.sqrt(share) * (1 - 0.3 / n))
    monkeypatch.setattr(figures.budget, "break_even_limit", np.sqrt)
    sizes, ratios = np.array([2, 5, 20, 50, 200]), np.linspace(0, 0.999, 9)
    ends = chains.Diagram(sizes, ratios, (1 - ratios[:, None]) ** (4 / sizes))
    monkeypatch.setattr(
        chains, "gain", lambda settings: ends._replace(ratios=0.85 + ratios / 7, values=ends.values - 0.5)
    )
    monkeypatch.setattr(chains, "ends_right", lambda settings: ends)
    for name in ("break-even", "blind-spot"):
        fig = FIGURES[f"drift-barrier-{name}"](QUICK)
        fig.draw_without_rendering()
        for ax in fig.axes:
            lines = [line.get_transform().transform_path(line.get_path()) for line in ax.lines]
            for text in ax.texts:
                box = text.get_window_extent().padded(-1)
                assert not any(line.intersects_bbox(box, filled=False) for line in lines), text.get_text()
                assert box.y0 > ax.bbox.y0
    labels = {
        text.get_text(): text.get_color() for ax in FIGURES["drift-barrier-diagram"](QUICK).axes for text in ax.texts
    }
    assert to_hex(labels[".95"]) == plots.DARK and to_hex(labels["½"]) == plots.LIGHT.lower()
