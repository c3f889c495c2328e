"""One good call of every public function of `sandbox` and of the questions, by its dotted name, as in fuzz_theory."""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from fuzz_values import row

import sandbox
from experiments.questions import audit, bracket, logs, plan
from sandbox import policies, regions, shortcuts
from sandbox.policies import RLVR, Score

RNG = np.random.default_rng(0)
KEY = jax.random.key(0)
P, PRIOR = [0.5, 0.3, 0.2], [0.6, 0.4]


def model(kind, *leaves):
    return kind(*map(jnp.asarray, leaves))


CATEGORICAL = model(sandbox.Categorical, P)
GAUSSIAN = model(sandbox.Gaussian, [1.0, -2.0], [[1.0, 0.0], [0.6, 0.8]])
MIXTURE = model(sandbox.GaussianMixture, [0.3, 0.7], [[-2.0], [1.0]], [[[0.5]], [[0.8]]])
PROMPTED = model(sandbox.PromptedCategorical, P, [[0.7, 0.3], [0.1, 0.9], [0.5, 0.5]])
CHAIN = model(sandbox.MarkovChain, P, [[0.7, 0.2, 0.1], [0.1, 0.6, 0.3], [0.25, 0.25, 0.5]])
MODELS = {
    "Categorical": (CATEGORICAL, np.array([0, 1, 1, 2, 0])),
    "Gaussian": (GAUSSIAN, RNG.normal(size=(5, 2))),
    "GaussianMixture": (MIXTURE, RNG.normal(size=(6, 1))),
    "MarkovChain": (CHAIN, np.array([0, 1, 1, 2, 0])),
    "PromptedCategorical": (PROMPTED, np.array([0, 1, 4, 5, 0])),
}
SYMBOLS, BOX = regions.Symbols(jnp.array([True, False, True])), regions.Box(jnp.array([-1.0, -9.0]), jnp.ones(2))
REGIONS = {
    "Symbols": (SYMBOLS, CATEGORICAL),
    "Transitions": (regions.Transitions(jnp.array([[True, False, True]] * 3)), CHAIN),
    "Box": (BOX, GAUSSIAN),
    "Component": (regions.Component(MIXTURE, 1), MIXTURE),
    "Denser": (regions.Denser(CATEGORICAL, -1.0), CATEGORICAL),
}
SCORES = sandbox.Rates(jnp.array([0.3, 0.1, 0.6]))
GRADED = sandbox.Verifier(0.9, 0.2, SYMBOLS)
SIGNALS = {
    "KeepAll": sandbox.KeepAll(),
    "Verifier": GRADED,
    "Rubric": sandbox.Rubric((SYMBOLS, SYMBOLS), jnp.array([0.9, 0.8]), jnp.array([0.1, 0.2]), jnp.array([1.0, 2.0])),
    "TopFraction": sandbox.TopFraction(0.5, SCORES, 0.1),
    "BestOfN": sandbox.BestOfN(2, SCORES, 0.1),
    "ExponentialTilt": sandbox.ExponentialTilt(0.5, SCORES, 0.7, 0.1),
    "BradleyTerry": sandbox.BradleyTerry(jnp.array([0.5, 1.0]), SCORES, False),
    "Environment": sandbox.Environment(SCORES),
    "BlindSpot": sandbox.BlindSpot(GRADED, SYMBOLS),
    "AllOf": sandbox.AllOf((GRADED, sandbox.KeepAll())),
    "AnyOf": sandbox.AnyOf((GRADED, GRADED)),
    "Discriminator": sandbox.Discriminator(CATEGORICAL, 0.5),
    "SelfConsistencyJudge": sandbox.SelfConsistencyJudge(0.9, 0.2),
    "FixedRewardModel": sandbox.FixedRewardModel(SYMBOLS),
}
RUN = {"key": KEY, "model": CATEGORICAL, "signal": GRADED, "num_samples": 6, "num_generations": 2}
K, M = 3, 2
PROMPTS = policies.Prompts(jnp.zeros((3, 2)), jnp.array([2, 0, 1]), jnp.full((3, M), 0.5), jnp.full(3, 1 / 3))
TABLE = policies.Table(jnp.asarray(RNG.normal(size=(3, K, M))))
NETWORK = policies.network(KEY, 2, K, M, hidden=(2,))
OWN, SCORE = policies.verdict(K, M, tpr=0.9), Score(jnp.asarray(RNG.uniform(size=(3, K * M))))
PREFERENCE = policies.preference(2, 1)
TRAIN = {"key": KEY, "policy": TABLE, "prompts": PROMPTS, "feedback": OWN, "method": RLVR(0.3)}
PARITY, LENGTH = shortcuts.feature("parity"), shortcuts.feature("length", size=8, margin=0.5)
ONE = shortcuts.shortcut(PARITY, LENGTH, agreement=0.8, label_noise=0.1)


def loops(name, base, argument, **values):
    """A row for each value of one argument, which alone is spoiled."""
    for label, value in values.items():
        yield row(f"{name} {label}", base, **{argument: value})


def first(x):
    return x == 0


def four(model, past):
    return 4


def half(x):
    return jnp.where(x == 0, 0.5, 0.25)


def stacked(tree):
    return jax.tree.map(lambda leaf: jnp.stack([leaf] * 2), tree)


def stored(folder: Path) -> Path:
    """A run on disk, as an ensemble leaves it, and files that are none."""
    path, bad = folder / "run", folder / "bad"
    counts = {"num_samples": 4, "num_generations": 2, "num_replicas": 2, "progress": False}
    sandbox.ensemble(KEY, stacked(CATEGORICAL), sandbox.KeepAll(), **counts, out=path)
    (bad / "folder").mkdir(parents=True)
    (bad / "empty").touch()
    (bad / "binary").write_bytes(bytes(range(256)))
    return path


def rows(folder: Path):
    path = stored(folder)
    for name, (of, x) in MODELS.items():
        options = {"smoothing": 0.5} if x.ndim == 1 else {"unbiased": True} if name == "Gaussian" else {}
        if name == "GaussianMixture":
            options = {"steps": 2, "covariance_floor": 1e-6, "diagonal": True, "known_scales": False}
        yield row(f"sandbox.{name}.sample", {"self": of}, key=KEY, n=5)
        yield row(f"sandbox.{name}.log_prob", {"self": of}, x=x)
        yield row(f"sandbox.{name}.fit", {"self": of}, x=x, weights=np.linspace(0, 1, len(x)), **options)
        yield row(f"sandbox.run {name}", RUN | {"signal": sandbox.KeepAll()}, model=of)
    data = {"x": RNG.normal(size=(9, 2)), "num_components": 2, "restarts": 2, "steps": 3, "covariance_floor": 1e-6}
    yield row("sandbox.GaussianMixture.from_data", key=KEY, **data)
    yield row("sandbox.GaussianMixture.at_floor", {"self": MIXTURE}, covariance_floor=1e-6)
    yield row("sandbox.GaussianMixture.num_modes", {"self": MIXTURE}, steps=5)
    yield row("sandbox.MarkovChain.stationary", self=CHAIN)
    x = np.array([0, 1, 1, 2, 0])
    for name, signal in SIGNALS.items():
        yield row(f"sandbox.run {name}", RUN, signal=signal)
        yield row(f"sandbox.{name}.__call__", {"self": signal, "key": KEY, "model": CATEGORICAL}, x=x)
        if hasattr(signal, "acceptance"):
            yield row(f"sandbox.{name}.acceptance", {"self": signal}, x=x)
    yield row("sandbox.Rubric.correct", {"self": SIGNALS["Rubric"]}, x=x)
    yield row("sandbox.Rates.__call__", {"self": SCORES}, x=x)
    for name, (region, of) in REGIONS.items():
        data = next(x for kind, x in MODELS.values() if kind is of)
        yield row(f"sandbox.regions.{name}.__call__", {"self": region}, x=data)
        yield row(f"sandbox.run {name}", RUN | {"model": of}, signal=sandbox.Verifier(0.9, 0.2, region))
    trained = {"task": CATEGORICAL, "num_real": 5, "level": 0.2}
    yield row("sandbox.FixedRewardModel.trained", key=KEY, **trained)
    yield row("sandbox.FixedRewardModel.drawn", key=KEY, verifier=GRADED, num_symbols=3)
    regimes = {"Fresh": sandbox.Fresh(CATEGORICAL, 0.5), "Reuse": sandbox.Reuse(jnp.array([0, 1, 2]))}
    regimes["Accumulate"] = sandbox.Accumulate(jnp.array([0, 1, 2]))
    yield from loops("sandbox.run", RUN, "regime", Replace=sandbox.Replace(), **regimes)
    passage = {"passage": sandbox.Fresh(sandbox.Passage(jnp.array([0, 1, 2, 2, 0])), 0.5)}
    bootstrap = {"bootstrap": sandbox.Fresh(sandbox.Bootstrap(jnp.asarray(RNG.normal(size=(4, 2)))), 0.5)}
    yield from loops("sandbox.run", RUN | {"model": CHAIN, "signal": sandbox.KeepAll()}, "regime", **passage)
    yield from loops("sandbox.run", RUN | {"model": GAUSSIAN, "signal": sandbox.KeepAll()}, "regime", **bootstrap)
    yield row("sandbox.Bootstrap.sample", {"self": bootstrap["bootstrap"].real}, key=KEY, n=3)
    yield row("sandbox.Passage.sample", {"self": passage["passage"].real}, key=KEY, n=3)
    options = {"num_samples": 6, "num_generations": 2, "until_kept": True}
    yield row("sandbox.run", {"model": CATEGORICAL, "signal": GRADED, "regime": sandbox.Replace()}, key=KEY, **options)
    yield row("sandbox.run fit", RUN, fit=sandbox.Categorical.fit)
    adaptive = {"key": KEY, "model": CATEGORICAL, "signal": GRADED, "size": four, "largest": 6, "num_generations": 2}
    yield row("sandbox.run_adaptive", adaptive)
    yield row("sandbox.run_adaptive fit", adaptive, fit=sandbox.Categorical.fit)
    yield row("sandbox.run function", RUN, signal=GRADED.__call__)
    functions = {"correct": sandbox.Verifier(0.9, 0.2, first), "score": sandbox.BestOfN(2, half)}
    functions |= {"success": sandbox.Environment(half), "blind": sandbox.BlindSpot(GRADED, first)}
    yield from loops("sandbox.run", RUN, "signal", **functions)
    tasks = {"tasks": stacked(CATEGORICAL), "signal": GRADED}
    counts = {"num_samples": 6, "num_generations": 2, "num_replicas": 2, "num_real": 4, "progress": False}
    yield row("sandbox.ensemble", tasks, key=KEY, **counts, until_kept=False, every=1, chunk=2, resume=False)
    yield row("sandbox.ensemble parts", {"key": KEY} | counts, **tasks)
    yield row("sandbox.ensemble folder", {"key": KEY} | counts | tasks, out=folder / "new")
    yield row("sandbox.ensemble summary", {"key": KEY} | counts | tasks, summary=dict_of, regime=sandbox.Reuse())
    yield row("sandbox.replica_keys", key=KEY, task=1, replica=2)
    yield row("sandbox.shard", replicas=stacked(CATEGORICAL))
    yield from policy_rows()
    yield from shortcut_rows()

    record = sandbox.Record(CATEGORICAL._replace(probs=np.full((1, 2, 3, 3), 1 / 3)), np.ones((1, 2, 3)), None)
    yield row("sandbox.store.load", path=path)
    yield row("sandbox.store.export", path=path, file=folder / "run.nc")
    yield row("sandbox.store.to_xarray", record=record, generations=[0, 1, 2])
    yield from question_rows()


def dict_of(model):
    return {"probs": model.probs}


def policy_rows():
    sizes = {"num_classes": K, "num_forms": M}
    yield row("sandbox.policies.verdict", **sizes, tpr=0.9, fpr=0.2)
    yield row("sandbox.policies.rubric", **sizes, style=True)
    yield row("sandbox.policies.preference", **sizes)
    yield row("sandbox.policies.reference", **sizes, num_styles=2)
    yield row("sandbox.policies.Feedback.against", {"self": PREFERENCE}, opponent=np.array(PRIOR))
    yield row("sandbox.policies.table_prompts", num_prompts=3, **sizes)
    yield row("sandbox.policies.Prompts.references", {"self": PROMPTS}, num_classes=K)
    yield row("sandbox.policies.Prompts.fixed_reference", {"self": PROMPTS}, key=KEY)
    contents = {"num_items": (6, 5), "num_domains": (3, 2), "num_bits": 4, "dtype": np.float32}
    yield row("sandbox.policies.dataset", key=KEY, **sizes, **contents, rule=policies.linear_rule(K))
    yield row("sandbox.policies.linear_rule", num_classes=K)
    yield row("sandbox.policies.network", key=KEY, num_features=2, **sizes, hidden=(2,), dtype=np.float32)
    yield row("sandbox.policies.log_probs", policy=TABLE, features=np.zeros((3, 2)))
    yield row("sandbox.Table.__call__", {"self": TABLE}, features=np.zeros((3, 2)))
    yield row("sandbox.Network.__call__", {"self": NETWORK}, features=np.zeros((3, 2), np.float32))
    yield row("sandbox.policies.accuracy", policy=TABLE, prompts=PROMPTS)
    numbers = {"num_rounds": 2, "num_updates": 1, "num_samples": 4, "learning_rate": 0.5}
    yield row("sandbox.train", TRAIN, **numbers, measure=policies.accuracy)
    yield row("sandbox.train parts", {"num_rounds": 2}, **TRAIN)
    batches = {"policy": NETWORK, "batches": np.array([[0, 2], [1, 1]])}
    yield row("sandbox.train batches", TRAIN | {"num_rounds": 2}, **batches)
    yield row("sandbox.train score", TRAIN | {"num_rounds": 2}, feedback=SCORE)
    methods = {"SFT": policies.SFT(), "RFT": policies.RFT(), "NaturalGradient": policies.NaturalGradient(0.3)}
    methods["Weighted"] = policies.Weighted((policies.RFT(), RLVR(0.1, 0.2)), (0.5, 0.5))
    methods |= {"RLVR": RLVR(0.3, 0.2), "GRPO": policies.GRPO(0.3, 0.2)}
    yield from loops("sandbox.train", TRAIN | {"num_rounds": 2}, "method", **methods)
    numbers = {"goal": 0.9, "num_rounds": 2, "num_samples": 4, "learning_rate": 0.5}
    yield row("sandbox.policies.rounds_to", TRAIN, **numbers, measure=policies.accuracy)


def shortcut_rows():
    yield row("sandbox.feature", kind="length", order=1, size=8, scale=2.0, margin=0.5, presence=0.9)
    yield row("sandbox.shortcut", intended=PARITY, spurious=LENGTH, agreement=0.8, label_noise=0.1)
    yield row("sandbox.shortcuts.stack", shortcuts=[ONE, ONE], made=("shortcuts",))
    yield row("sandbox.Feature.evidence", {"self": LENGTH})
    base = {"student": sandbox.STUDENTS["linear SGD"], "shortcuts": ONE, "keys": KEY, "num_steps": 32, "batch": 4}
    yield row("sandbox.learn_online", {"shortcuts": ONE, "student": base["student"]}, keys=KEY, num_steps=32, batch=4)
    yield row(
        "sandbox.learn_online parts", base, shortcuts=ONE, curriculum=ONE, training=shortcuts.Training(0.1, 0.1, 9, 3)
    )
    yield row("sandbox.learn_online student", base, student=base["student"])


def question_rows():
    questions = "experiments.questions"
    rates = plan.Question(initial=0.3, tpr=0.9, fpr=0.2, goal=0.9, verdicts=100, round_size=8)
    outputs = {"verdict": [1] * 11 + [0] * 9, "truth": [1] * 9 + [0] * 2 + [1] * 3 + [0] * 6}
    labels = plan.Question(log=logs.read(outputs), goal=0.9)
    scores = logs.read({"score": np.linspace(0, 1, 80), "truth": [0, 0, 1, 0, 1] * 8 + [0, 1, 1, 1, 1] * 8})
    yield row(f"{questions}.plan.answer", question=rates)
    yield row(f"{questions}.plan.answer labels", question=labels, made=("question",))
    yield row(f"{questions}.plan.check", question=rates)
    yield row(f"{questions}.plan.lines", {"question": rates, "answer": plan.answer(rates)}, width=100)
    yield row(f"{questions}.audit.audit", table=outputs, errors=0.3)
    yield row(f"{questions}.audit.lines", {"audit": audit.audit(outputs)}, width=100)
    yield row(f"{questions}.plan.thresholded", {"log": scores}, goal=0.7, errors=1.0)
    yield row(f"{questions}.pipeline.check", graph="X -> D -> Z0 -> D0 -> Z1", before="Z0", after="Z1")
    tasks = {"tasks": stacked(CATEGORICAL), "loop": bracket.Loop(num_samples=4)}
    yield row(f"{questions}.bracket.Simulation.check", self=bracket.Simulation(2, 20, 8, 4, 10, 1000))
    yield row(f"{questions}.bracket.everything", **tasks, made=("tasks", "loop"))
    short = {"simulation": bracket.Simulation(1, 20, 8, 4, 10, 1000)} | tasks
    yield row(f"{questions}.bracket.information", key=KEY, **short, made=("tasks", "loop", "simulation"))
    uniform = {"prior": [0.25] * 4, "proposals": [0.25] * 4}
    yield row(f"{questions}.signal.describe", signal=policies.verdict(2, 2, tpr=0.9), num_forms=2, **uniform)
    trained = {"signal": policies.verdict(2, 2, tpr=0.9)}
    sizes = {"num_forms": 2, "prior": [0.25] * 4, "num_queries": 16, "num_seeds": 2}
    yield row(f"{questions}.signal.training_curve", trained, **sizes, learning_rate=8.0, key=KEY)
    yield row(f"{questions}.signal.signal_study", trained, **sizes)
    asked = {
        "agreement": 0.85,
        "label_noise": 0.1,
        "order": 3,
        "margin": 0.5,
        "scale": 1.0,
        "samples": 4096,
        "seeds": 2,
    }
    asked |= {"intended": "threshold", "spurious": "style", "spurious_order": 1, "spurious_margin": 0.5}
    rest = {"spurious_scale": 1.0, "student": "linear", "optimizer": "SGD", "learning_rate": 0.1}
    yield row(f"{questions}.shortcut.question", **asked, **rest)
    loss = RNG.uniform(size=(3, 16))
    record = sandbox.OnlineRecord(loss, loss, loss, None)
    yield row(f"{questions}.shortcut.learning_curves", record=record, batch=4, points=5)
    yield row(f"{questions}.shortcut.nats_saved", loss=loss, batch=4)
    yield row(f"{questions}.shortcut.feature_information", shortcuts=[ONE, ONE], made=("shortcuts",))
