"""Every public function stands in the table of good calls, and none answers bad input with a NaN or a traceback."""

import importlib
import inspect
import pkgutil
from collections import Counter

import fuzz
import jax
import pytest

ROOTS = ("theory", "sandbox", "experiments.questions")
MODULES = ("theory.claims", "theory.policies.best_of_n", "sandbox.regions", "sandbox.store", "sandbox.noise")
INSIDE = "called inside the compiled program of a loop or a training, behind whose door nothing is checked twice"
WRITER = "what an ensemble writes its runs with"
ANSWER = "works on what `question` made and `answer` found, which takes minutes"
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
            "Chunk",
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
    "check_classes": "what a training asks of prompts",
    "check": "what `run`, `ensemble`, `train` and `learn_online` ask of their parts",
    "Batch": "what a training hands to a method",
    "Kind": "an entry of a table of our own",
}


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


def test_every_public_name_stands_in_the_table(tmp_path):
    rows = fuzz.calls(tmp_path)
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
