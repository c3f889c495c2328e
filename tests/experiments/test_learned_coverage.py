"""Known information, code length and crossovers lie in the intervals of `questions.learned` in generated logs."""

import numpy as np
import pytest
from learned_logs import PROMPTS, SIZES, log
from scipy.special import betaincinv, expit, ndtri

from experiments.questions import learned
from experiments.questions.learned.curves import last_zero
from theory import mutual_information

LOGS = 1_000
CASES = {  # rates by value of a group, how alike a prompt's verdicts are, whether its outputs share a value
    "independent, none": ([0.4] * 4, None, False),
    "independent, small": ([0.3, 0.4, 0.4, 0.45], None, False),
    "independent, large": ([0.02, 0.5, 0.9, 0.98], None, False),
    "independent, all but all": ([0.01, 0.99], None, False),
    "by prompt, none": ([0.4] * 4, 1.0, True),
    "by prompt, small": ([0.25, 0.4, 0.4, 0.5], 1.0, True),
    "by prompt, large": ([0.05, 0.3, 0.9, 0.95], 1.0, True),
    "within prompts, none": ([0.4] * 4, 1.0, False),
    "within prompts, small": ([0.3, 0.4, 0.4, 0.45], 1.0, False),
}


def generated(rng, rates, concentration, per_prompt):
    """Rows of a group, a value a row or a prompt; with a concentration a prompt is one quantile of beta rates."""
    rates, prompts = np.asarray(rates), np.repeat(np.arange(PROMPTS), SIZES)
    codes = rng.integers(0, rates.size, PROMPTS if per_prompt else prompts.size)
    codes = codes[prompts] if per_prompt else codes
    chance = rates[codes]
    if concentration is not None:
        chance = betaincinv(concentration * chance, concentration * (1 - chance), rng.random(PROMPTS)[prompts])
    return log(rng.random(prompts.size) < chance, {"group": codes})


def held(interval, truth):
    return interval is not None and interval.low <= truth <= interval.high


def covered(name, found, truth, capsys):
    """The expected code length saved is the mean over the logs."""
    expected = np.mean([one.saved_nats.middle for one in found])
    nats, saved = (
        np.mean([held(getattr(one, field), true) for one in found])
        for field, true in (("nats", truth), ("saved_nats", expected))
    )
    with capsys.disabled():
        print(f"\n{name}: I = {truth:.4f} nats covered {nats:.1%}, E S = {expected:.1f} nats covered {saved:.1%}")
    assert nats >= 0.93 and saved >= 0.93


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_information_and_code_length(name, capsys):
    rng = np.random.default_rng(list(CASES).index(name))
    rates = np.array(CASES[name][0])
    logs = (generated(rng, *CASES[name]) for _ in range(LOGS))
    found = [next(o for o in learned.features(one, orders=2).learned if o.name == "group") for one in logs]
    truth = float(mutual_information(np.stack([1 - rates, rates], -1) / rates.size))
    covered(name, found, truth, capsys)
    assert abs(np.mean([one.nats.middle for one in found]) - truth) < 0.03 * truth + 0.002


@pytest.mark.slow
@pytest.mark.parametrize("slope", [0.0, 0.1, 0.2, 0.3, 0.5, 1.0, 3.0])
def test_information_of_a_number(slope, capsys):
    """A Gaussian column and a logistic rate: the information of the column itself, of which bins show a part."""
    rng, n, found = np.random.default_rng([2, int(10 * slope)]), SIZES.sum(), []
    for _ in range(LOGS):
        x = rng.normal(size=n)
        one = log(rng.random(n) < expit(slope * x - 0.5), {}, {"x": x})
        found.append(learned.features(one, orders=2).learned[0])
    rates = expit(slope * ndtri((np.arange(100_000) + 0.5) / 100_000) - 0.5)
    truth = float(mutual_information(np.stack([1 - rates, rates], -1) / rates.size))
    covered(f"slope {slope}", found, truth, capsys)


@pytest.mark.slow
def test_information_given_the_truth(capsys):
    """A group that changes the rate of acceptance within each truth, and labels of three in four rows."""
    rng, n, shares = np.random.default_rng(1), SIZES.sum(), []
    for effect in (0.0, 0.5, 1.0):
        rates = np.array([[0.2], [0.9]]) + effect * np.array([[0.2], [0.1]]) * [-1, 0, 1]
        truth = sum(
            w * float(mutual_information(np.stack([1 - r, r], -1) / 3)) for w, r in zip((0.6, 0.4), rates, strict=True)
        )
        found = []
        for _ in range(LOGS):
            codes, correct = rng.integers(0, 3, n), rng.random(n) < 0.4
            verdict, known = rng.random(n) < rates[correct.astype(int), codes], rng.random(n) < 0.75
            one = log(verdict, {"group": codes}, truth=np.where(known, correct, np.nan))
            found.append(next(o for o in learned.features(one, orders=2).learned if o.name == "group"))
        shares.append(np.mean([held(one.nats_given_truth, truth) for one in found]))
    with capsys.disabled():
        print("\ngiven the truth:", *(f"{share:.1%}" for share in shares))
    assert min(shares) >= 0.93


@pytest.mark.slow
def test_the_order_of_learning(capsys):
    """Of a group of two values and one of eight that carries more: against the mean curves of all logs."""
    rng, n, found = np.random.default_rng(3), SIZES.sum(), []
    for _ in range(LOGS):
        a, b = rng.integers(0, 2, n), rng.integers(0, 8, n)
        chance = 0.5 + 0.3 * (a - 0.5) + 0.4 * (b % 2 - 0.5)
        answer = learned.features(log(rng.random(n) < chance, {"a": a, "b": b}))
        names = [one.name for one in answer.learned]
        found.append((answer, *(answer.learned[names.index(name)] for name in "ab")))
    samples = found[0][0].samples
    means = [np.mean([one[i].curve for one in found], 0) for i in (1, 2)]
    after = [last_zero(samples, mean - learned.LEARNED) for mean in means]
    crossover = last_zero(samples, means[1] - means[0])
    shares = [np.mean([held(one[i].learned_after, after[i - 1]) for one in found]) for i in (1, 2)]
    orders = [([o.name for o in answer.learned], b.crossover) for answer, _, b in found]
    told = [crossing for names, crossing in orders if crossing and names[names.index("b") - 1] == "a"]
    shares.append(np.mean([held(one, crossover) for one in told]))
    with capsys.disabled():
        where = f"learned after {after[0]:.0f} and {after[1]:.0f} rows, crossover {crossover:.0f} (in {len(told)} logs)"
        print(f"\n{where}:", *(f"{share:.1%}" for share in shares))
    assert min(shares) >= 0.93
