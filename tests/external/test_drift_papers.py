"""Numbers of others about drift: what they printed, or what their printed formula gives, held to our chains."""

import numpy as np
import pytest
from scipy.integrate import quad

from theory import drift
from theory.gaussian import expected_deviation, expected_variance, log_variance_density, mean_variance

# Wright-Fisher Exact Solver (https://github.com/dekoning-lab/wfes3, baseline_tests/validate_baselines.py, which has the
# outputs of Krukov's wfes2): a diploid population of N, one copy at first, h = 1/2, u = v.
# P_fix, P_ext, T_abs, T_ext, T_fix to every printed digit.
WFES = {
    (100, 0.01, 1e-6): (1.1498014307e-02, 9.8850198569e-01, 13.763025703, 9.5423157407, 376.62395695),
    (5, 0.1, 1e-9): (1.4849038300e-01, 8.5150961700e-01, 6.2910739849, 4.3736841537, 17.286236418),
}


@pytest.mark.parametrize("setting", WFES)
def test_wright_fisher_exact_solver(setting):
    """Selection, then mutation, then 2N draws; both ends absorb; the times of either end by conditioning on it."""
    population, s, u = setting
    n = 2 * population
    p = np.arange(n + 1) / n
    fitter = (1 + s) * p**2 + (1 + s / 2) * p * (1 - p)
    p = fitter / (fitter + (1 + s / 2) * p * (1 - p) + (1 - p) ** 2)
    p = p * (1 - u) + (1 - p) * u
    kernel = np.array(drift.multinomial_kernel(n, np.stack([p, 1 - p], axis=1)))
    kernel[[0, n]] = np.eye(n + 1)[[0, n]]
    ends = np.asarray(drift.fixation_probabilities(kernel))

    def time_to(end):  # Doob's transform: the chain given that it ends there
        given = kernel * ends[:, end] / np.where(ends[:, end] > 0, ends[:, end], 1)[:, None]
        given[n - end] = np.eye(n + 1)[n - end]
        return drift.fixation_time(given)[1]

    ours = [ends[1, n], ends[1, 0], drift.fixation_time(kernel)[1], time_to(0), time_to(n)]
    np.testing.assert_allclose(ours, WFES[setting], rtol=6e-11)


@pytest.mark.slow
@pytest.mark.parametrize(("n", "law", "exact", "excess"), [(30, 17.261, 15.999, 0.079), (60, 34.522, 33.031, 0.045)])
def test_first_extinction(n, law, exact, excess):
    """P(T > t) = Π_i (1 − e^{−2 n p_i/t}) for large n: three equal symbols; the exact chain loses one a little sooner.

    Benati, Londei, Lanzieri & Loreto (2025), First-extinction law for resampling processes, arXiv:2509.20101.
    """
    assert quad(lambda t: (1 - np.exp(-2 * n / 3 / t)) ** 3, 0, np.inf)[0] == pytest.approx(law, abs=6e-4)
    kernel, states = np.array(drift.neutral_kernel(n, 3)), np.asarray(drift.lattice(n, 3))
    lost = (states == 0).any(1)
    kernel[lost] = np.eye(len(states))[lost]
    assert drift.fixation_time(kernel)[(states == n // 3).all(1)] == pytest.approx(exact, abs=6e-4)
    assert law / exact - 1 == pytest.approx(excess, abs=6e-4)


@pytest.mark.slow
def test_concentration_of_a_language_model():
    """S_m = 1 − (1 − 1/n)^m (1 − S_0), S = Σ p²: E S of the exact chain, three symbols, n = 10, m = 0 … 30.

    Seddik, Chen, Hayou, Youssef & Debbah (2024), How bad is training on synthetic data?, arXiv:2404.05090.
    """
    n, pmf, m = 10, np.array([0.5, 0.3, 0.2]), np.arange(31)
    states = np.asarray(drift.lattice(n, 3)) / n
    chain = drift.distributions(drift.initial(n, pmf)[None], drift.neutral_kernel(n, 3), 30)
    squares = np.asarray(chain)[:, 0] @ (states**2).sum(1)
    np.testing.assert_allclose(squares, 1 - (1 - 1 / n) ** (m + 1) * (1 - (pmf**2).sum()), rtol=1e-12)


def test_rate_of_model_collapse():
    """P(S_k > ε) ≤ e^{−k/(4n−1)} σ/ε: .0593 at n = 10, k = 200, ε = .1, unbiased fits; the exact probability is .0041.

    Suresh, Thangaraj & Khandavally (2024), Rate of model collapse in recursive training, arXiv:2412.17646, theorem 3;
    Bertrand et al. (2023), arXiv:2310.00429: E S_k = a^k, which with Markov's inequality gives .0391.
    """
    walk = log_variance_density(10, 199, unbiased=True)
    exact = walk.values[walk.points > 2 * np.log(0.1)].sum() * (walk.points[1] - walk.points[0])
    bertrand = expected_deviation(10, 199, unbiased=True)[-1] / 0.1
    suresh = np.exp(-200 / 39) / 0.1
    np.testing.assert_allclose([exact, bertrand, suresh], [0.0041, 0.0391, 0.0593], atol=5.1e-5)
    assert exact < bertrand < suresh


@pytest.mark.parametrize(("n", "ratio"), [(100, 0.366), (1000, 0.905)])
def test_trace_ratios(n, ratio):
    """E tr Σ_t / tr Σ_0 = (1 − 1/n)^t after the 100 fits of their sweep, "Replace", np.cov(bias=True).

    Kazdan et al. (2024), Collapse or thrive?, arXiv:2410.16713 (RylanSchaeffer/KoyejoLab-Collapse-or-Thrive,
    sweeps/fit_gaussians/default.yaml: n = 10, 32, 100, 316, 1000).
    """
    assert expected_variance(n, 99)[99] == pytest.approx(ratio, abs=5.1e-4)


def test_accumulating_data():
    """Σ_{i≤t} 1/i² → π²/6 where data accumulate, t where they are replaced: the error of a mean, over that of t = 1.

    Dey & Donoho (2024), Universality of the π²/6 pathway in avoiding model collapse, arXiv:2410.22812; Gerstgrasser
    et al. (2024), Is model collapse inevitable?, arXiv:2404.01413.
    """
    kept, replaced = (mean_variance(20, 10**5, accumulate=a) for a in (True, False))
    assert kept[0] / kept[-1] == pytest.approx(6 / np.pi**2, abs=1e-5)
    assert replaced[-1] / replaced[0] == pytest.approx(10**5 + 1)
