"""Training one table against the integrated flows, against enumeration, and the theorems."""

import itertools
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st
from oracles import EXACT, close
from scipy.integrate import solve_ivp
from scipy.special import logit, softmax
from strategies import FEW, SEEDS, many

from theory import policies

RIGHT = np.array([True, False, True, False, False, True, False, False])
COUNT = 16
orbit = jax.jit(jax.vmap(policies.policy_gradient, in_axes=(0, None, 0)))


@jax.vmap
def constants(probs):
    """(1/p_y − 1/p_top) (Π p)^{1/n}, top the likeliest output of y's verdict: what plain policy gradient conserves."""
    best, worst = jnp.where(RIGHT, probs, 0).max(), jnp.where(RIGHT, 0, probs).max()
    top = jnp.where(RIGHT, best, worst)
    return (top - probs) / top * (jnp.exp(jnp.log(probs).mean()) / probs)


@jax.jit
@jax.vmap
def orbit_slope(start, correctness):
    """The law at J, and its derivative by J."""
    at = partial(policies.policy_gradient, start, RIGHT)
    return jax.jvp(at, (correctness,), (jnp.ones_like(correctness),))


def advantage(probs):
    """r − J."""
    return jnp.where(RIGHT, probs[..., ~RIGHT].sum(-1, keepdims=True), -probs[..., RIGHT].sum(-1, keepdims=True))


def velocity(probs):
    """d ln p/dt of plain policy gradient."""
    ascent = probs * advantage(probs)
    return ascent - (probs * ascent).sum(-1, keepdims=True)


def starts(seed):
    """Tables [COUNT, y] with every mass above 1e-9, and for each two correctnesses beyond its own."""
    distributions = many(seed, (8,), COUNT) + 1e-9
    distributions = distributions / distributions.sum(1, keepdims=True)
    begin, share = distributions[:, RIGHT].sum(1), np.random.default_rng(seed).uniform(0.001, 0.999, COUNT)
    return distributions, begin + share / 2 * (1 - begin), begin + share * (1 - begin)


def integrate(logits, field, time):
    """softmax of the logits after dℓ/dt = field(p)."""
    path = solve_ivp(lambda _, x: field(softmax(x)), (0, time), logits, method="DOP853", rtol=1e-13, atol=1e-13)
    return softmax(path.y[:, -1])


def integrated_orbit(start, right, goals):
    """Plain policy gradient up to each correctness, integrated in the time ln(J/(1−J)), whose ends are known."""

    def slope(_, logits):
        p = softmax(logits)
        ascent = p * np.where(right, p[~right].sum(), -p[right].sum())
        return ascent * p[right].sum() * p[~right].sum() / np.square(ascent).sum()

    logits = np.log(start)
    for span in itertools.pairwise([logit(start[right].sum()), *map(logit, goals)]):
        logits = solve_ivp(slope, span, logits, method="DOP853", rtol=1e-13, atol=1e-13).y[:, -1]
        yield softmax(logits)


def test_natural_gradient_follows_the_inverse_fisher_information():
    """dℓ/dt = F⁺ ∇_ℓ E r, with F = diag p − p pᵀ."""
    rng = np.random.default_rng(0)
    start, reward = rng.dirichlet(np.ones(5)), rng.normal(size=5)

    def field(p):
        return np.linalg.pinv(np.diag(p) - np.outer(p, p)) @ (p * (reward - p @ reward))

    close(policies.natural_gradient(start, reward, 1.5), integrate(np.log(start), field, 1.5), atol=1e-10)


natural = jax.jit(jax.vmap(policies.natural_gradient, in_axes=(0, None, None)))


@FEW
@given(SEEDS)
def test_natural_gradient_is_the_regularised_optimum(seed):
    """E_q r − β KL(q‖p_0) ≤ β ln E_0 e^{r/β}, with equality at p_{1/β}."""
    p, q = many(seed, (8,)), many(seed + 1, (8,))
    reward, beta = jnp.linspace(-1.0, 1, 8), 0.3

    def value(q):
        ratio = jnp.where(q > 0, q, 1) / jnp.where(q > 0, p, 1)
        return q @ reward - beta * jnp.where(q > 0, q * jnp.log(ratio), 0).sum(1)

    best = natural(p, reward, 1 / beta)
    bound = beta * jnp.log((p * jnp.exp(reward / beta)[None]).sum(1))
    close(value(best), bound)
    assert (value(q) <= bound + EXACT).all()
    assert (value(p) < bound).any()


@FEW
@given(SEEDS, st.floats(0, 1e3))
def test_natural_gradient_keeps_the_law_within_a_set_of_equal_reward(seed, time):
    """p_t(y | r) = p_0(y | r)."""
    start = many(seed, (8,))
    probs = natural(start, RIGHT.astype(float), time)

    def within(p):
        return p[:, RIGHT] / p[:, RIGHT].sum(1, keepdims=True)

    alive = start[:, RIGHT].sum(1) > 1e-290
    close(within(probs)[alive], within(start)[alive])


def test_natural_gradient_far_out():
    """A large time, a reward on an output without mass, and a best one of mass 1e-300: no overflow and no NaN."""
    probs = policies.natural_gradient([1e-300, 0.25, 0.75, 0], [1, 0, 0, 1e308], 1e6)
    close(probs, [1, 0, 0, 0])
    close(policies.natural_gradient([0.5, 0.5], [1e308, -1e308], 0), [0.5, 0.5])
    close(policies.natural_gradient([0.0, 0.5, 0.5], [1e3, 1, 1], 1e6), [0, 0.5, 0.5])


@pytest.mark.parametrize("seed", range(3))
def test_integration_agrees(seed):
    start = np.random.default_rng(seed).dirichlet(np.full(8, (0.4, 1, 3)[seed % 3]))
    begin = start[RIGHT].sum()
    goals = sorted((begin + (1 - begin) / 100, begin + (1 - begin) / 2, 1 - 1e-3, 1 - 1e-9))
    assert begin < goals[0]
    for goal, expected in zip(goals, integrated_orbit(start, RIGHT, goals), strict=True):
        probs = np.asarray(policies.policy_gradient(start, RIGHT, goal))
        close(probs, expected, atol=1e-13)
        np.testing.assert_allclose(probs, expected, rtol=1e-10)


@FEW
@given(SEEDS)
def test_orbit_obeys_the_flow(seed):
    """dp/dJ · Σ_y p_y² (r_y − J)² = dp/dt, so that d ln(p_a/p_b)/dt = (1−J)(p_a − p_b), or −J (p_a − p_b)."""
    start, _, goal = starts(seed)
    probs, by_correctness = orbit_slope(start, goal)
    rate = jnp.square(probs * advantage(probs)).sum(1, keepdims=True)
    close(by_correctness * rate, probs * velocity(probs))


@FEW
@given(SEEDS)
def test_orbit_reaches_its_correctness(seed):
    """Σ_right p = J, Σ p = 1."""
    start, _, goal = starts(seed)
    probs = orbit(start, RIGHT, goal)
    close(probs[:, RIGHT].sum(1), goal, atol=1e-13)
    close(probs.sum(1), 1, atol=1e-14)


@FEW
@given(SEEDS)
def test_diversity_among_right_outputs_falls_and_among_wrong_ones_rises(seed):
    """H(p(·|right)) falls and H(p(·|wrong)) rises along the orbit."""
    start, halfway, goal = starts(seed)
    distributions = [start, orbit(start, RIGHT, halfway), orbit(start, RIGHT, goal)]

    def diversity(probs, chosen):
        p = probs[:, chosen] / probs[:, chosen].sum(1, keepdims=True)
        return -(p * jnp.log(p)).sum(1)

    for earlier, later in itertools.pairwise(distributions):
        assert (diversity(later, RIGHT) <= diversity(earlier, RIGHT) + EXACT).all()
        assert (diversity(later, ~RIGHT) >= diversity(earlier, ~RIGHT) - EXACT).all()
    assert (diversity(distributions[2], RIGHT) < diversity(start, RIGHT) - 1e-3).any()  # and not by a hair everywhere
    assert (diversity(distributions[2], ~RIGHT) > diversity(start, ~RIGHT) + 1e-3).any()


@FEW
@given(SEEDS)
def test_orbit_conserves(seed):
    """(1/p_y − 1/p_top) (Π p)^{1/n} stays, hence the ratio of two differences; not along the natural gradient."""
    start, _, goal = starts(seed)
    probs = orbit(start, RIGHT, goal)
    now, then = constants(probs), constants(start)
    rounding = jnp.exp(jnp.log(probs).mean(1, keepdims=True)) / probs
    close((now - then) / (rounding + then), 0)
    assert jnp.abs((constants(natural(start, RIGHT.astype(float), 1.0)) - then) / (rounding + then)).max() > 1e-2
    u, v = (1 / p for p in (probs, start))
    for a, b, c, d in ((0, 2, 1, 3), (2, 5, 4, 6), (0, 5, 0, 2)):  # the last pairs are both right
        left, right = ((u[:, a] - u[:, b]) * (v[:, c] - v[:, d]), (v[:, a] - v[:, b]) * (u[:, c] - u[:, d]))
        size = (u[:, a] + u[:, b]) * (v[:, c] + v[:, d]) + (v[:, a] + v[:, b]) * (u[:, c] + u[:, d])
        close((left - right) / size, 0)


@pytest.mark.slow
@FEW
@given(SEEDS)
def test_orbit_is_one_curve(seed):
    """From any point of the orbit the rest is the same; and with right and wrong exchanged it leads back."""
    start, halfway, goal = starts(seed)
    middle = orbit(start, RIGHT, halfway)
    close(orbit(middle, RIGHT, goal), orbit(start, RIGHT, goal))
    back = orbit(middle, ~RIGHT, start[:, ~RIGHT].sum(1))
    close(back, start, atol=1e-8)  # the wrong outputs have drawn together, and backwards rounding is blown up again


@pytest.mark.parametrize(("ties", "num_wrong"), [(1, 1), (1, 4), (2, 4), (3, 2)])
def test_the_likeliest_take_all(ties, num_wrong):
    """The others' share falls like (1−J)^{w/(w+k)} and each of the k likeliest gets 1/k; k = 1 where k > 1 is wrong."""
    rng = np.random.default_rng(num_wrong)
    start = np.concatenate([np.full(ties, 3.0), rng.uniform(1, 2, 2), rng.uniform(1, 2, num_wrong)])
    start = np.pad(start / start.sum(), (0, 8 - start.size))  # a zero is no output, and does not count
    right = np.arange(8) < ties + 2
    errors = np.array([1e-9, 1e-12])
    distributions = np.stack([policies.policy_gradient(start, right, 1 - error) for error in errors])
    close(distributions[1, :ties], 1 / ties, atol=1e-4)
    others = np.log(distributions[:, ties : ties + 2])
    slope = (others[1] - others[0]) / np.log(errors[1] / errors[0])
    close(slope, num_wrong / (num_wrong + ties), atol=2e-3)
    assert ties == 1 or np.abs(slope - num_wrong / (num_wrong + 1)).min() > 0.05
    close(policies.policy_gradient(start, right, 1), np.where(np.arange(start.size) < ties, 1 / ties, 0))


def test_orbit_at_the_edges():
    """Zeros stay, masses of 1e-150 work, a start at its goal stays, and so does one that is right already."""
    right = np.arange(8) < 2
    start = {
        "tiny": [1e-150, 0, 0.75, 0.25, 0, 0, 0, 0],
        "plain": [0.1, 0.2, 0.3, 0.4, 0, 0, 0, 0],
        "correct": [0.25, 0.75, 0, 0, 0, 0, 0, 0],
        "wrong": [0, 0, 0.25, 0.75, 0, 0, 0, 0],
    }
    close(policies.policy_gradient(start["tiny"], right, 0.5), [0.5, 0, 0.25, 0.25, 0, 0, 0, 0], atol=1e-13)
    close(policies.policy_gradient(start["plain"], right, 0.2 + 0.1), start["plain"], atol=1e-15)
    for correctness in (1, 1 - 1e-15):
        close(policies.policy_gradient(start["correct"], right, correctness), start["correct"])
    under_jit = jax.jit(lambda probs, goal: policies.policy_gradient(probs, right, goal))
    for probs in start.values():  # no values to check: still no NaN
        assert all(np.isfinite(under_jit(jnp.array(probs), goal)).all() for goal in (0.0, 0.1, 0.5, 1.0))


def test_gradient_of_the_orbit():
    """By central differences in the start, along directions that keep its sum."""
    start = jnp.array([0.1, 0.2, 0.1, 0.1, 0.1, 0.1, 0.1, 0.2])
    jacobian = jax.jacobian(lambda p: policies.policy_gradient(p, RIGHT, 0.7))(start)
    for direction in np.eye(8)[1:] - np.eye(8)[0]:
        up, down = (policies.policy_gradient(start + h * direction, RIGHT, 0.7) for h in (1e-6, -1e-6))
        np.testing.assert_allclose(jacobian @ direction, (up - down) / 2e-6, atol=1e-8)


refit = jax.jit(policies.refit_diversity, static_argnums=0)


@given(st.floats(0.01, 1), SEEDS)
def test_enumeration_agrees_on_the_refit(mass, seed):
    """E[1 − Σ p̂²; N ≥ 1] / P(N ≥ 1) over all 4^5 samples of a class of three outputs and the rest."""
    probs = np.random.default_rng(seed).dirichlet(np.ones(3))
    draws = np.array(list(itertools.product(range(4), repeat=5)))
    weight = np.append(mass * probs, 1 - mass)[draws].prod(1)
    counts = (draws[:, :, None] == np.arange(3)).sum(1)
    size = counts.sum(1)
    diversity = 1 - np.square(counts / np.maximum(size, 1)[:, None]).sum(1)
    some = size > 0
    expected = weight[some] @ diversity[some] / weight[some].sum() / (1 - probs @ probs)
    result = refit(5, mass)
    close(result.remaining, expected)
    close(result.empty, weight[~some].sum())


def test_refit_of_many_samples():
    """Against the binomial law of N; relative digits where a second sample is rare: remaining → (n−1) m/4."""
    n, mass = 2000, np.array([[1e-3], [0.3]])
    size = np.arange(1, n + 1)
    weight = scipy.stats.binom.pmf(size, n, mass)
    remaining = refit(n, mass).remaining
    close(remaining, (weight * (1 - 1 / size)).sum(1, keepdims=True) / weight.sum(1, keepdims=True), atol=1e-11)
    few = refit(10, np.array([0, 1e-12, 1]))
    np.testing.assert_allclose(few.remaining, [0, 9e-12 / 4, 1 - 1 / 10], rtol=1e-10)
    close(few.empty, [1, 1 - 1e-11, 0])
    close(refit(1, np.array([0, 0.5, 1])).remaining, 0)


FIELDS = {
    "one_form": lambda p, right: np.eye(p.size)[0] - p,
    "all_forms": lambda p, right: right / right.sum() - p,
    "policy_gradient": lambda p, right: p * (right - p @ right),
    "natural_gradient": lambda p, right: right - p @ right,
    "refit": lambda p, right: p * right / (p @ right) - p,
}


@pytest.mark.parametrize("method", FIELDS)
@pytest.mark.parametrize("shape", [(2, 1), (3, 4), (10, 2)])
def test_integration_agrees_on_times(method, shape):
    """After the time of the formula the integrated flow is at the goal; refitting takes the time of `all_forms`."""
    classes, forms = shape
    right = (np.arange(classes * forms) < forms).astype(float)
    goals = np.array([0.55, 0.9, 0.99])
    times = policies.times_to(goals, num_classes=classes, num_forms=forms)
    of_method = np.asarray(getattr(times, "all_forms" if method == "refit" else method))
    reached = [integrate(np.zeros(right.size), lambda p: FIELDS[method](p, right), t) @ right for t in of_method]
    close(reached, goals, atol=1e-11)


def test_times_start_at_zero_and_scale_with_the_forms():
    """Policy gradient and fresh forms take M times as long, one form about ln M longer, natural gradient the same."""
    close(policies.times_to(0.1, num_classes=10, num_forms=7), 0, atol=1e-12)
    one, many_forms = (policies.times_to(0.9, num_classes=10**4, num_forms=m) for m in (1, 50))
    close(many_forms.policy_gradient / one.policy_gradient, 50)
    close(many_forms.all_forms / one.all_forms, 50)
    close(many_forms.one_form - one.one_form, np.log(50), atol=5e-3)
    close(many_forms.natural_gradient, one.natural_gradient)
    close(one.natural_gradient, np.log(9) + np.log(10**4 - 1))


@pytest.mark.parametrize("classes", [2, 5])
def test_the_form_costs_more_than_its_logarithm_where_classes_are_few(classes):
    """One form against M = 1: ln M + (L − L_0)/c + ln(p/J), and not ln M alone."""
    one, many_forms = (policies.times_to(0.99, num_classes=classes, num_forms=m) for m in (1, 10**7))
    extra = one.natural_gradient / classes + np.log((1 - 0.01 * classes / (classes - 1)) / 0.99)
    close(many_forms.one_form - one.one_form, np.log(1e7) + extra, atol=1e-5)
    assert extra > 1


def test_orbit_in_float32():
    """Also where the goal alone is, that of the start, below it in float64 by rounding."""
    reached = policies.policy_gradient(np.full(8, 0.125, np.float32), RIGHT, np.float32(0.9))
    close(reached, np.where(RIGHT, 0.3, 0.02), atol=1e-6)
    start = np.array([0.7, 0.3])
    close(policies.policy_gradient(start, [True, False], np.float32(0.7)), start, atol=1e-7)
