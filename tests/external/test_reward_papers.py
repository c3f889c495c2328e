"""Numbers of others about rewards that err: what they printed, or what their printed equation gives."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.signal import fftconvolve
from scipy.stats import norm
from scipy.stats import t as student

from sandbox.policies import RLVR, Prompts, Table, train, verdict
from theory import budget, policies, prequential
from theory.policies.best_of_n import best_of_kl, regressional_goodhart

ONE = Prompts(jnp.zeros((1, 1)), jnp.array([1]), jnp.ones((1, 1)), jnp.ones(1))  # one prompt, class 1 is correct


class Standardised(NamedTuple):
    """RLVR with GRPO's division by the standard deviation of the reward, a method of one's own."""

    def loss(self, log_probs, batch):
        accepted = batch.mass[:, :, 1].sum()  # of symbol 1, whose value is 1
        return RLVR().loss(log_probs, batch) / jnp.sqrt(accepted * (1 - accepted))


def wrong(method, tpr, fpr, *, start, rate):
    """The mass of the wrong output after 500 exact updates of a table of two outputs."""
    table = Table(jnp.log(jnp.array([[[start], [1 - start]]])))
    feedback, key = verdict(2, 1, tpr=tpr, fpr=fpr), jax.random.key(0)
    trained = train(key, table, ONE, feedback, method, num_rounds=500, learning_rate=rate)
    return 1 - float(np.ravel(trained.measured)[-1])


@pytest.mark.parametrize(
    ("error", "mass", "without"),
    [(0.0, 0.109, 0.0108), (0.2, 0.210, 0.0188), (0.4, 0.380, 0.0636), (0.5, 0.5, 0.5), (0.6, 0.620, 0.9364)],
)
def test_noisy_verifiable_rewards(error, mass, without):
    """dp/dt = −η (J/σ) [p(1−p)]², the mass p of bad modes, η = .01, 500 steps from ½, FP = FN = `error`.

    Rad et al. (2026), Rate or fate? RLVεR, arXiv:2601.04411 (cognichip/Noisy-RL, code/simulation/
    01_phase_transition_simulation.ipynb, its equation and defaults). A step of a table's two logits is half of η.
    Without σ, as `RLVR` is, and with η = .2, noise costs more time; the sign of J alone decides in both.
    """
    p = 0.5
    for _ in range(500):
        q = 1 - error - (1 - 2 * error) * p
        p -= 0.01 * (1 - 2 * error) / np.sqrt(q * (1 - q)) * (p * (1 - p)) ** 2
    assert p == pytest.approx(mass, abs=5.1e-4)  # what their equation gives
    assert wrong(Standardised(), 1 - error, error, start=0.5, rate=0.005) == pytest.approx(p, abs=5e-4)
    assert wrong(RLVR(), 1 - error, error, start=0.5, rate=0.1) == pytest.approx(without, abs=5.1e-5)


def test_youden_and_likelihood_ratio():
    """Two verifiers of J = .09: equal for the gradient; a refitted loop, n = 20, ends correct in 1.000, .698.

    At most 400 verdicts, best step or round size: RLVR in groups of 8 leaves .0207, .0172 wrong, refitting .0037, .427.
    Divided by σ the gradient is not equal, .0415 and .0174: nearly correct outputs of a lenient verifier vary less.
    """
    verifiers = (0.1, 0.01), (0.99, 0.9)
    ends = [float(budget.fixation(20, rates, 0.3).correct) for rates in verifiers]
    np.testing.assert_allclose(ends, [1.0, 0.698], atol=5.1e-4)
    masses = [wrong(RLVR(), *rates, start=0.7, rate=0.1) for rates in verifiers]
    assert masses[0] == pytest.approx(masses[1], abs=1e-12)
    divided = [wrong(Standardised(), *rates, start=0.7, rate=0.1) for rates in verifiers]
    np.testing.assert_allclose(divided, [0.0415, 0.0174], atol=5.1e-5)
    paid = [policies.best_step(rates, 0.3, 400).wrong for rates in verifiers]
    paid += [budget.hard_limit(rates, 0.3, 400).wrong for rates in verifiers]
    np.testing.assert_allclose(paid, [0.0207, 0.0172, 0.0037, 0.427], rtol=0.02)


@pytest.mark.parametrize(("start", "kl", "gap", "end"), [(0.3, 0.5, 1.0, 0.760004), (0.05, 0.25, 1.0, 0.741841)])
def test_fixed_points_of_a_penalised_policy(start, kl, gap, end):
    """logit p* = logit p_ref + J/β: mean-only GRPO with a KL penalty β to the reference, at convergence.

    Mroueh (2025), RLVR: GRPO's effective loss, dynamics, and success amplification, arXiv:2503.06639.
    """
    closed = policies.natural_gradient([1 - start, start], [0.0, gap], 1 / kl)[1]
    rates = {"tpr": 0.5 + gap / 2, "fpr": 0.5 - gap / 2}
    trained = 1 - wrong(RLVR(kl), **rates, start=1 - start, rate=1.0)
    np.testing.assert_allclose([closed, trained], end, atol=5.1e-7)


def test_spurious_reward():
    """A reward that is random, or the same for all outputs, moves an exact gradient not at all: no prior, no clipping.

    Shao et al. (2025), Spurious rewards, arXiv:2506.10947, see gains with one model family and not with others.
    """
    for rate in (0.5, 1.0):
        assert wrong(RLVR(), rate, rate, start=0.7, rate=1.0) == pytest.approx(0.7, abs=1e-12)


def test_invisible_leash():
    """Policy gradient from correct outputs of .3 and .1: at accuracy .9999 the second has .0043, 2/3 at pass@256.

    Wu et al. (2025), The invisible leash, arXiv:2507.14843: the shrinkage of support outweighs its expansion.
    """
    start, correct = [0.3, 0.1, 0.6, 0.0], [True, True, False, True]
    end = np.asarray(policies.policy_gradient(start, correct, 0.9999))
    assert end[1] == pytest.approx(0.0043, abs=5.1e-5) and end[3] == 0
    assert policies.pass_at(256, end[1]) == pytest.approx(0.668, abs=5.1e-4)
    assert policies.pass_at(256, 0.1) > 1 - 1e-11


def test_goodhart():
    """What the best of n by a score is worth, half of whose variance is error: Gaussian, half of the score for all n.

    Student-t(3) errors: shares .573, .352, .078 at n = 4, 64, 1024; the worth rises to 1.336 at n = 32, then falls.
    Kwa, Thomas & Garriga-Alonso (2024), Catastrophic Goodhart, arXiv:2407.14503: heavy-tailed errors, high reward
    without utility. Khalaf et al. (2025), Inference-time reward hacking, arXiv:2506.19248: "the true reward first
    increases before declining".
    """
    x, step = np.linspace(-400, 400, 80_001, retstep=True)
    value, error = norm.pdf(x), student.pdf(x * 3**0.5, 3) * 3**0.5
    score, worth = (fftconvolve(v, error, "same") * step for v in (value, value * x))
    below = np.clip(np.cumsum(score) * step, 0, 1)
    true, proxy = {}, {}
    for n in (4, 16, 32, 64, 1024):
        light = regressional_goodhart(n, 1.0)
        assert light.true / light.proxy == pytest.approx(0.5, abs=1e-12)
        true[n], proxy[n] = ((y * n * below ** (n - 1)).sum() * step for y in (worth, score * x))
    np.testing.assert_allclose([true[n] / proxy[n] for n in (4, 64, 1024)], [0.573, 0.352, 0.078], atol=6e-4)
    np.testing.assert_allclose([true[32], true[1024]], [1.336, 0.651], atol=6e-4)
    assert max(true, key=lambda n: true[n]) == 32


def test_best_of_n_divergence():
    """ln n − (n−1)/n is an upper bound, not the value: 1.386 − .75 = .636 at n = 4; a verdict at accuracy ¼ has .415.

    Beirami et al. (2024), Theoretical guarantees on the best-of-n alignment policy, arXiv:2401.01879.
    """
    chosen = policies.best_of_n.best_of([0.25, 0.75], [1.0, 0.0], 4)
    divergence = float((chosen * np.log(chosen / np.array([0.25, 0.75]))).sum())
    np.testing.assert_allclose([best_of_kl(4), divergence], [0.636, 0.415], atol=5.1e-4)


def test_epiplexity_is_code_length():
    """K_auc = Σ (loss_i − loss_n), and the code length saved S_n = n (H − loss_n) − K_auc: one curve, two readings.

    Finzi et al. (2026), From entropy to epiplexity, arXiv:2601.03220 (shikaiqiu/epiplexity: `K_auc`, the area of the
    training loss above its current value).
    """
    loss = 0.3 + 0.4 / (1 + np.arange(200) / 20)
    k_auc = (loss - loss[-1]).sum()
    saved = prequential.nats_saved(loss, np.log(2))[-1]
    assert saved == pytest.approx(200 * (np.log(2) - loss[-1]) - k_auc, rel=1e-12)
