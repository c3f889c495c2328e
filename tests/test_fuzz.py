"""Every public function stands in the table of good calls, and none answers bad input with a NaN or a traceback.

Of every argument some spoiled values are tried here, which must be refused in the grammar of errors; so the tables of
bad input (test_*_doors.py) hold only what depends on several arguments, or on what the domain forbids.
"""

import importlib
import inspect
import pkgutil
from collections import Counter

import fuzz
import jax
import jaxtyping
import numpy as np
import pytest

ROOTS = ("theory", "sandbox", "experiments.questions")
MODULES = ("theory.claims", "theory.policies.best_of_n", "sandbox.regions", "sandbox.store", "sandbox.noise")
INSIDE = "called inside the compiled program of a loop or a training, behind whose door nothing is checked twice"
WRITER = "what an ensemble writes its runs with"
ANSWER = "works on what `question` made and `answer` found, which takes minutes"
LOG = "works on what `logs.read` made, at whose door all is checked, or answers it"
EXEMPT = {
    **dict.fromkeys(("statistics", "fit_statistics", "start", "retrain", "parts", "loss", "natural", "inside"), INSIDE),
    **dict.fromkeys(("draw", "signs", "write", "counterfactual", "present", "inputs", "given", "symbol_probs"), INSIDE),
    **dict.fromkeys(("threefry", "uniform", "normal"), INSIDE),
    **dict.fromkeys(
        (
            "provenance",
            "create",
            "describe",
            "rebuild",
            "fingerprint",
            "atomic",
            "as_path",
            "Chunk",
            "Past",
            "Folder",
            "read",
            "write",
            "open",
            "config",
            "chunks",
        ),
        WRITER,
    ),
    **dict.fromkeys(("answer", "crossings", "decorrelation", "learned_first", "lines", "pick", "at"), ANSWER),
    **dict.fromkeys(("predicted_crossover", "measured_crossover", "figure", "save", "decorrelated"), ANSWER),
    **dict.fromkeys(("draws", "quantiles", "rates", "Sampler"), ANSWER),
    **dict.fromkeys(
        ("as_json", "features", "Constant", "Without", "constants", "leave_one_out", "pairs", "Pairs"), LOG
    ),
    **dict.fromkeys(("held_out", "lean", "Measured", "measure"), LOG),
    **dict.fromkeys(("Declared", "Rates", "Difference", "Source"), "what `check` makes of a file, or answers"),
    "check_classes": "what a training asks of prompts",
    "check": "what `run`, `ensemble`, `train` and `learn_online` ask of their parts",
    "Batch": "what a training hands to a method",
    "Kind": "an entry of a table of our own",
}

FEW = "text|number|NaN|one nan|ragged|no entry|[]|-1|0|1.5|2|inf|one -1|an axis behind|narrow"
TAKEN = {  # what is right for an argument, of one function or of all, although it looks spoiled
    "an axis behind": """KeepAll.__call__ x, KeepAll.acceptance x,
        candidates in_support, candidates success, classifier_bound features, coarsen joint,
        entropy pmf, estimate values, flow times, nats_saved loss, nats_saved losses, pass_at accuracy,
        pass_at_estimate num_correct, pseudo_values values, spend sizes, table_nats_saved_law samples,
        times_to goal""",
    "-1": """coarsen axis, coverage together, fixed_reward_model total, kimura selection, nats_saved entropy,
        rounds_to goal""",
    "narrow": """block_states blocks, candidates in_support, candidates success, code_length counts,
        coverage singles, data_processing information, estimate values, features, filtering_kernel acceptance,
        fixed_judge_total acceptances, fixed_reward_model information, flow times, item_capacities acceptances,
        joint_query_information queries, judge_distribution acceptances,
        log_variance_pointwise_information log_variances, mean_pointwise_information means, nats_saved loss,
        nats_saved losses, partition outputs, pass_at accuracy, pass_at_estimate num_correct,
        pseudo_values values, selection_kernel acceptance, spend sizes, strong_data_processing information,
        table_nats_saved_law samples, times_to goal, train batches, truncated kernel, x""",
    "one -1": """Box.__call__ x, Component.__call__ x, KeepAll.__call__ x, KeepAll.acceptance x,
        best_of score, coverage singles, data_processing information, estimate values, features, fit x, from_data x,
        fixed_reward_model information, flow cross, flow_crossover cross, flow_crossover direction,
        injection information, injection injected, learned_first nats_saved, learned_first reliance, log_prob x,
        log_variance_pointwise_information log_variances, log_variance_pointwise_information task,
        mean_pointwise_information means, mean_pointwise_information task, measured_crossover lead,
        mixture_nats_saved nats_saved, mixture_weights nats_saved, nats_saved loss, nats_saved losses,
        natural_gradient reward, partition outputs, pointwise_information log_likelihood, pseudo_values values,
        separated_crossover cross, separated_crossover direction, stratified_information log_likelihood,
        strong_data_processing information""",
    "2": """alpha, capacity tolerance, covariance_floor, coverage together, fixed_reward_model total,
        kimura selection, learning_rate, mean_information prior_variance, nats_saved entropy,
        natural_gradient time, persistent_rounds rounds, regressional_goodhart noise, fixed_rounds_law verdicts,
        optimal_rounds price, resampling attempts, rounds_to goal, scale, schedule_bound verdicts, smoothing,
        spurious_scale, step, variance, verdicts information, verdicts start, within verdicts""",
    "0": """shares_by_round num_rounds, log_num_paths first, log_num_paths last, log_variance_density generation,
        num_generations, pointwise_information task, posterior query, posterior symbol, replica_keys replica,
        replica_keys task, table_nats_saved num_samples""",
    "inf": """differing_pairs step, rounds_to goal""",
    "text": """out""",
    "one nan": """fit x""",  # of weight 0
}


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    return fuzz.calls(tmp_path_factory.mktemp("runs"))


def faces():
    """The packages whose `__init__` is a face, and the modules that are faces themselves."""
    roots = [importlib.import_module(name) for name in ROOTS]
    packages = [
        item.name for root in roots for item in pkgutil.walk_packages(root.__path__, f"{root.__name__}.") if item.ispkg
    ]
    return [*ROOTS, *packages, *MODULES]


def public():
    """Names and what they stand for."""
    for face in faces():
        module = importlib.import_module(face)
        for name, found in vars(module).items():
            home = getattr(found, "__module__", None) or ""
            ours = home == face if face in MODULES else home.split(".")[0] in ("theory", "sandbox", "experiments")
            protocol = getattr(found, "_is_protocol", False)
            if not name.startswith("_") and callable(found) and ours and not protocol:
                yield name, found
                if inspect.isclass(found):
                    for method, value in vars(found).items():
                        value = getattr(value, "__func__", value)
                        if inspect.isfunction(value) and (method == "__call__" or not method.startswith("_")):
                            yield f"{name}.{method}", value


def few(rows):
    """The spoiled calls that a function must refuse."""
    for row, case in fuzz.cases(rows):
        good = row.arguments[case.path[0]] if len(case.path) == 1 else True
        if isinstance(good, bool) or case.must not in ("refused", "either"):
            continue
        axis = good.ndim - 1 if isinstance(good, np.ndarray | jax.Array) else None
        label = "narrow" if case.label == f"one less on axis {axis}" else case.label
        label = "whole" if label == "0" and isinstance(good, float) else label
        name, argument = row.name.split()[0].split("."), case.path[0]
        taken = {argument, f"{name[-1]} {argument}", f"{'.'.join(name[-2:])} {argument}"} & set(
            " ".join(TAKEN.get(label, "").split()).split(", ")
        )
        if label in FEW.split("|") and not taken:
            yield row, case


@pytest.mark.parametrize("room", ROOTS)
def test_spoiled_arguments_are_refused(room, rows, monkeypatch):
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)  # as users call it
    found = [
        (case.function, case.path, case.label, *fuzz.judge(row, case, None)[:2])
        for row, case in few(row for row in rows if row.name.startswith(room))
    ]
    assert len(found) > 100
    wrong = [item for item in found if item[-2] != "refused"]
    assert not wrong, "\n".join(map(str, wrong))


def test_every_public_name_stands_in_the_table(rows):
    functions = {fuzz.find(row.name) for row in rows}
    inputs, outputs = set(), " ".join(str(inspect.signature(function).return_annotation) for function in functions)
    for row in rows:
        jax.tree.map(lambda part: inputs.add(type(part)), row.arguments, is_leaf=lambda part: inputs.add(type(part)))
    missing = [
        name
        for name, found in public()
        if name.split(".")[-1] not in EXEMPT
        and found not in functions | inputs
        and not (inspect.isclass(found) and found.__name__ in outputs)
    ]
    assert not missing, f"a line in tests/fuzz_theory.py or fuzz_sandbox.py each, or a reason in EXEMPT: {missing}"


@pytest.mark.slow
def test_no_input_gets_a_nan_or_a_foreign_traceback(capsys):
    found = fuzz.run(share=4)
    kinds, slow = Counter(item.kind for item in found), sum(item.seconds > 1 for item in found)
    with capsys.disabled():
        print(f"\n{len(found)} calls: {dict(kinds)}; {slow} took more than 1 s")
    assert not fuzz.faults(found), "\n".join(map(str, fuzz.faults(found)))
    assert len(found) >= 5_000
