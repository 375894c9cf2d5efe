"""Each room imports only what the design's floors allow, and nothing touches a network or a flag at import."""

import ast
import glob
import os

import pytest

from tests.helpers import ROOT, run_tests

SHARED = {"errors", "names", "types", "checks", "progress", "distribution", "spec_values", "deprecation", "labels"}
ALLOWED = {
    "errors": set(),
    "names": set(),
    "types": {"errors"},
    "checks": {"errors"},
    "labels": {"errors"},
    "progress": set(),
    "spec_values": {"errors"},
    "deprecation": set(),
    "command": set(),
    "image_headers": set(),
    "facts": set(),
    "layout": set(),
    "kernels": {"errors"},
    "training_spec": {"errors", "names", "checks"},
    "distribution": {"errors", "names", "types", "checks"},
    "gate": {"errors"},
    "evidence": {"errors", "gate", "report"},
    "memory_budget": {"types"},
    "balls": SHARED,
    "losses": SHARED,
    "similarity": SHARED,
    "image_ops": SHARED,
    "report": set(),
    "corruptions": SHARED | {"image_ops"},
    "models": SHARED,
    "data": SHARED | {"image_ops", "facts", "layout", "image_headers"},
    "networks": SHARED | {"layout", "models"},
    "attributions": SHARED | {"losses", "networks"},
    "training": SHARED | {"kernels", "networks", "training_spec"},
    "attacks": SHARED | {"kernels", "balls", "image_ops", "similarity", "attributions", "losses", "networks"},
    "serving": SHARED | {"attributions", "networks", "image_headers"},
    "objectives": SHARED | {"balls", "losses", "networks", "similarity", "attributions", "attacks"},
    "evaluation": SHARED | {"kernels", "attacks", "attributions", "similarity", "losses", "networks", "data", "balls"},
    "auditing": SHARED
    | {"kernels", "attacks", "attributions", "data", "evaluation", "memory_budget", "networks", "report", "similarity"},
    "downstream": SHARED
    | {"attributions", "attacks", "balls", "corruptions", "data", "evaluation", "image_ops", "losses", "networks"}
    | {"report", "similarity"},
    "monitoring": SHARED | {"attacks", "attributions", "data", "evaluation", "memory_budget", "report"},
    "failures": {"distribution"},
    "experiments": SHARED
    | {"kernels", "training_spec", "failures", "memory_budget", "data", "networks", "objectives", "attributions"}
    | {"models", "training", "evaluation", "monitoring", "report"},
    "papers": SHARED
    | {"facts", "memory_budget", "data", "networks", "attacks", "attributions", "evaluation", "downstream", "report"}
    | {"experiments", "similarity"},
    "zoo": SHARED
    | {"memory_budget", "data", "networks", "attacks", "attributions", "similarity", "evaluation", "evidence"}
    | {"experiments", "papers", "report"},
    "benchmark": SHARED
    | {
        "kernels",
        "losses",
        "models",
        "training",
        "attacks",
        "attributions",
        "objectives",
        "similarity",
        "evaluation",
        "auditing",
    }
    | {"report", "robust_model", "data", "facts", "experiments", "memory_budget"},
    "robust_model": {"types", "labels", "data", "networks", "training"},
    "api": SHARED
    | {"memory_budget", "auditing", "attributions", "data", "evaluation", "robust_model", "networks", "objectives"}
    | {"report", "similarity"},
}
PRIVATE = ("keras.src", "tensorflow.python", "tensorflow_addons")


def imported(path):
    with open(path, encoding="utf-8") as file:
        tree = ast.parse(file.read())
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: relative import"
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def files(folder):
    return [os.path.relpath(p, ROOT) for p in glob.glob(os.path.join(ROOT, folder, "**", "*.py"), recursive=True)]


def room(dotted):
    parts = dotted.split(".")
    return parts[1] if len(parts) > 1 and parts[0] == "tfrobust" else None


@pytest.mark.parametrize("path", files("tfrobust"))
def test_a_room_imports_only_the_floors_below(path):
    own = room(path[: -len(".py")].replace(os.sep, "."))
    if own == "__init__":
        return
    assert own in ALLOWED, f"{own} has no place in the table of rooms"
    for name in imported(os.path.join(ROOT, path)):
        private = [p for p in PRIVATE if own != "image_ops" or p != "tensorflow_addons"]
        assert not name.startswith(tuple(private)), f"{path} imports the private {name}"
        assert name.split(".")[0] not in ("flags", "launch", "absl"), f"{path} imports {name}"
        other = room(name)
        assert other in ALLOWED[own] | {own, None} or other not in ALLOWED, f"{path} imports {name}"


@pytest.mark.parametrize("path", [p for p in files("tfrobust") if p.endswith("__init__.py")])
def test_no_package_exports_a_function_under_the_name_of_its_module(path):
    """The module could not be imported as an attribute any more."""
    folder = os.path.dirname(os.path.join(ROOT, path))
    modules = {os.path.splitext(name)[0] for name in os.listdir(folder)}
    with open(os.path.join(ROOT, path), encoding="utf-8") as file:
        nodes = [node for node in ast.walk(ast.parse(file.read())) if isinstance(node, ast.ImportFrom)]
    own = os.path.dirname(path).replace(os.sep, ".")
    exported = {alias.asname or alias.name for node in nodes if node.module != own for alias in node.names}
    assert not exported & modules


@pytest.mark.parametrize("path", files("flags"))
def test_flags_do_not_know_the_verbs(path):
    assert not [n for n in imported(os.path.join(ROOT, path)) if n.split(".")[0] == "launch"]


@pytest.mark.parametrize("path", files("launch"))
def test_no_verb_is_imported(path):
    """A verb calls a room of the library; what verbs share on the command line is no verb's."""
    from launch.__main__ import verbs  # Here, as below: run as a program, this file finds tests/launch first.

    modules = {f"launch.{verb}" for verb in verbs()}
    if path != os.path.join("launch", "demo.py"):  # It does what a person does who calls the verbs.
        assert not modules & set(imported(os.path.join(ROOT, path)))
    if path.startswith(os.path.join("launch", "command_line")):
        others = [n for n in imported(os.path.join(ROOT, path)) if n.startswith("launch.")]
        assert all(n.startswith("launch.command_line") for n in others)


@pytest.mark.parametrize("path", [p for p in files("tests") if os.path.basename(p).startswith("test_")])
def test_a_test_file_runs_its_tests_when_run(path):
    with open(os.path.join(ROOT, path), encoding="utf-8") as file:
        assert file.read().endswith('if __name__ == "__main__":\n    run_tests(__file__)\n')


@pytest.mark.parametrize("path", glob.glob("*.py", root_dir=os.path.join(ROOT, "tests")))
def test_a_test_file_that_is_run_finds_no_folder_of_tests_in_the_place_of_a_package(path):
    """Python looks first where the program is: beside tests/launch, `launch` is another."""
    folder = os.path.join(ROOT, "tests")
    with open(os.path.join(folder, path), encoding="utf-8") as file:
        tree = ast.parse(file.read())
    modules = {node.module.split(".")[0] for node in tree.body if isinstance(node, ast.ImportFrom)}
    shadowed = {name for name in os.listdir(folder) if os.path.isdir(os.path.join(ROOT, name))}
    assert {"launch", "flags"} <= shadowed and not shadowed & modules


if __name__ == "__main__":
    run_tests(__file__)
