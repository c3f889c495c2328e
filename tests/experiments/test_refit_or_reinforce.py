"""Where the lead changes between refitting and RLVR (R10)."""

import numpy as np
import pytest

from experiments.refit_or_reinforce import study


def test_the_lead_changes_at_the_root():
    """Just below it RLVR leaves less wrong, just above it refitting."""
    log_ratio = study.changes(0.7, 100)
    for factor, ahead in ((0.95, study.reinforced), (1.05, study.refitted)):
        verifier = (0.7, 0.7 * np.exp(-factor * log_ratio))
        assert ahead(verifier, 100) == min(study.reinforced(verifier, 100), study.refitted(verifier, 100))


@pytest.mark.slow
@pytest.mark.parametrize("start", [0.1, 0.2, 0.3, 0.45, 0.6])
def test_the_rule_from_other_starts(start):
    """ln LR = 5 p^−.7/√N within a quarter, at a tpr of .7 and .95, 200 and 400 verdicts."""
    found = [[study.changes(tpr, n, start) / study.rule(n, start) for tpr in (0.7, 0.95)] for n in (200, 400)]
    np.testing.assert_allclose(found, 1, atol=0.25)
