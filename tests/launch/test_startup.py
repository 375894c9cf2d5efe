"""Help and refusals answer at once: neither imports TensorFlow, which takes seconds."""

import ast
import glob
import json
import os
import subprocess
import sys

import pytest

from launch.__main__ import verbs
from tests import processes
from tests.helpers import ROOT, run_tests
from tfrobust import names

# Calls a verb several times, and says of each its exit code, which of the heavy packages it needed, and its seconds.
CODE = """
import importlib, json, sys, time
HEAVY = {"tensorflow", "keras", "matplotlib", "scipy", "sklearn"}
for call in json.loads(sys.argv[1]):
    began = time.process_time()
    code = importlib.import_module(f"launch.{call[0]}").main(call)
    print(json.dumps([code, sorted(HEAVY & set(sys.modules)), time.process_time() - began]), end="\\0")
    print(end="\\0", file=sys.stderr, flush=True)
"""
CPU_SECONDS = 1.0
TRAIN = ["train", "--flagfile=flags/demo/madry.flags", "--output=o"]
EVALUATE = ["evaluate", "--network=n.keras", "--flagfile=flags/demo/evaluate.flags", "--output=o"]
COMPARE = ["compare", "--rows=flags/demo/madry.flags", "--flagfile=flags/demo/evaluate.flags", "--output=o"]
DOWNSTREAM = ["downstream", "--networks=n.keras", "--dataset=digits", "--output=o"]
SWEEP = ["sweep", "--rows=flags/demo/madry.flags", "--output=o"]
REFUSED = {
    "an unknown flag": [*TRAIN, "--epsilon=1"],
    "what is no flag": [*TRAIN, "more"],
    "a missing flag": ["train", "--method=madry"],
    "a bad number": [*TRAIN, "--eps=eight"],
    "a number out of range": [*TRAIN, "--hold_out=-1"],
    "a bad choice": [*TRAIN, "--norm=l7"],
    "a flagfile that is not there": ["train", "--flagfile=none.flags"],
    "an unknown method": [*TRAIN, "--method=magic"],
    "an unknown model": [*TRAIN, "--model=magic"],
    "an unknown optimizer": [*TRAIN, "--optimizer=magic"],
    "a plan of no steps": [*TRAIN, "--steps=0"],
    "rates without boundaries": [*TRAIN, "--learning_rates=0.1,0.01"],
    "an unknown source of maps": [*TRAIN, "--saliency=magic"],
    "an unknown suite": [*EVALUATE, "--suite=magic"],
    "a suite and a flag of its own": [*EVALUATE, "--suite=rar", "--ifia_k=3"],
    "a natural network without a suite": [*EVALUATE, "--natural=n.keras"],
    "an evaluation without eps": ["evaluate", "--network=n.keras", "--dataset=digits", "--output=o"],
    "IFIA without k": [*EVALUATE, "--ifia_k="],
    "a comparison without seeds": [*COMPARE, "--seeds="],
    "a comparison with a name of ours": [*COMPARE, "--name=run"],
    "an unknown task": [*DOWNSTREAM, "--task=magic"],
    "a network twice": [*DOWNSTREAM, "--task=alignment", "--networks=a=n.keras,a=n.keras"],
    "a version that is no number": ["export", "--network=n.keras", "--output=served/x"],
    "a network in an unknown range of pixels": [*EVALUATE, "--pixels=0..7"],
    "ranges of pixels for other networks": [*DOWNSTREAM, "--task=alignment", "--pixels=0..1,0..255"],
    "an unknown range of pixels": ["export", "--network=n.keras", "--output=served/1", "--pixels=0..7"],
    "an unknown network to measure": ["memory", "--model=magic"],
    "chunks that are no numbers": ["memory", "--chunks=few"],
    "growth against what there is not": ["growth", "--axes=magic", "--output=o"],
    "a range that is no numbers": ["growth", "--batch=few", "--output=o"],
    "claims on nothing": ["claims", "--output=o"],
    "claims on an empty list": ["claims", "--runs=", "--output=o"],
    "the cost of nothing": ["cost", "--output=o"],
    "the cost of an unknown paper": ["cost", "--papers=magic", "--output=o"],
    "the cost of a row that is not there": ["cost", "--rows=none.flags", "--output=o"],
    "a page that is not there": ["benchmark", "--dataset=digits", "--page=none.md", "--output=o"],
    "an unknown table": ["reproduce", "--paper=rar", "--table=T77"],
    "no table": ["reproduce", "--paper=rar"],
    "a verification without a ball": ["verify", "--network=n.keras", "--attacked=x.npz"],
    "a sweep of nothing": ["sweep", "--output=o"],
    "no action of the zoo": ["zoo"],
    "an unknown action of the zoo": ["zoo", "find", "--index=i"],
    "a zoo without an index": ["zoo", "list"],
    "no network of the zoo": ["zoo", "get", "--index=i"],
    "a network for a board": ["zoo", "board", "x", "--index=i", "--output=o"],
    "a board without a file": ["zoo", "board", "--index=i"],
    "a release of nothing": ["zoo", "build", "--output=o"],
    "a release with a prefix that is a path": ["zoo", "build", "--runs=r", "--output=o", "--prefix=../x"],
    "a release of a row that is not there": ["zoo", "build", "--runs=r", "--output=o", "--rows=none.flags"],
    "a job without an image": [*SWEEP, "--write=kubernetes"],
    "a number that no TensorFlow holds": [*TRAIN, "--steps=3000000000"],
    "a flagfile that is a device": ["train", "--flagfile=/dev/null", "--output=o"],
    "versions that are no numbers": ["serve", "--model=x=served", "--versions=new"],
    "a label of no model": ["serve", "--model=x=served", "--label=y:stable=1"],
    "a model twice": ["serve", "--model=x=served", "--model=x=served"],
    "a port that there is not": ["serve", "--model=x=served", "--port=70000"],
    "a row that is not there": ["sweep", "--rows=none.flags", "--output=o"],
    "a row of an unknown method": [
        "sweep",
        "--rows=flags/demo/madry.flags",
        "--overrides=--method=magic",
        "--output=o",
    ],
    "a number that no run has": [*SWEEP, "--only=7"],
    "a comparison with a row that is not there": [*COMPARE, "--rows=none.flags"],
    "a comparison with an unknown model": [*COMPARE, "--overrides=--model=magic"],
    "a network that is not there": EVALUATE,
    "a network to export that is not there": ["export", "--network=n.keras", "--output=served/1"],
    "a network to audit that is not there": ["audit", "--network=n.keras", "--data=digits"],
    "a comparison of one network": ["diff", "n.keras", "--data=digits"],
    "networks to compare that are not there": ["diff", "n.keras", "m.keras", "--data=digits"],
    "a word too many": ["diff", "n.keras", "m.keras", "o.keras", "--data=digits"],
    "evidence of nothing": ["evidence"],
    "networks that are not there": [*DOWNSTREAM, "--task=alignment"],
    "an audit of nothing": ["audit", "--network=n.keras"],
    "a demo with a flag": ["demo", "--steps=3"],
}


@pytest.mark.parametrize(
    "verb", [pytest.param(name, marks=[pytest.mark.exhaustive] * (name != "train")) for name in verbs()]
)
def test_help_needs_no_tensorflow(verb):
    """Nor do the other verbs, which are all asked below, in processes that need not start."""
    before = os.times()
    command = [sys.executable, "-c", CODE, json.dumps([[verb, "--help"]])]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    after = os.times()
    (answer,) = answers(done)
    assert answer["code"] == 0 and not answer["imported"], done.stderr
    assert after.children_user + after.children_system - before.children_user - before.children_system < CPU_SECONDS


def answers(done):
    """What a process of CODE says of its calls: exit code, heavy packages, seconds, and what the verb wrote."""
    *outs, _ = done.stdout.split("\0")
    *errors, _ = done.stderr.split("\0")
    said = [(out, *line) for out, line in ((o, json.loads(o.splitlines()[-1])) for o in outs)]
    return [
        {"out": out, "error": error, "code": code, "imported": imported, "seconds": seconds}
        for (out, code, imported, seconds), error in zip(said, errors, strict=True)
    ]


@pytest.mark.parametrize("verb", verbs())
def test_help_and_what_is_refused_need_no_tensorflow(verb):
    refused = {what: given for what, given in REFUSED.items() if given[0] == verb}
    calls = [[verb, "--help"], *refused.values()]
    done = processes.run(["-c", CODE, json.dumps(calls)], imported=processes.LIGHT)
    assert done.returncode == 0, done.stderr
    helped, *others = answers(done)
    assert (helped["code"], helped["imported"]) == (0, []) and helped["seconds"] < CPU_SECONDS, helped
    assert len(others) == len(refused)
    for what, answer in zip(refused, others):
        assert (answer["code"], answer["imported"]) == (2, []) and answer["seconds"] < CPU_SECONDS, (what, answer)
        error = answer["error"]
        assert error.startswith(f"{verb}: ") and error.count("\n") == 1, (what, error)
    assert not os.path.exists(os.path.join(ROOT, "o"))


def test_every_refusal_is_of_a_verb():
    assert {given[0] for given in REFUSED.values()} <= set(verbs())


def test_every_name_stands_for_something():
    registries = {name: value for name, value in vars(names).items() if isinstance(value, names.Registry)}
    assert len(registries) > 10
    for where, registry in registries.items():
        assert list(registry) and "magic" not in registry, where
        assert all(registry[name] is not None for name in registry), where
    with pytest.raises(KeyError):
        names.BALLS["magic"]


def test_no_list_of_names_is_written_twice():
    own = {
        frozenset(value): name
        for name, value in vars(names).items()
        if name.isupper() and not isinstance(value, (int, str)) and len(value) > 2
    }
    assert len(own) > 10
    for room in ("tfrobust", "flags", "launch"):
        for path in glob.glob(os.path.join(ROOT, room, "**", "*.py"), recursive=True):
            with open(path, encoding="utf-8") as file:
                tree = ast.parse(file.read())
            for node in ast.walk(tree) if not path.endswith(os.path.join("tfrobust", "names.py")) else ():
                items = getattr(node, "keys" if isinstance(node, ast.Dict) else "elts", ())
                written = frozenset(item.value for item in items if isinstance(item, ast.Constant))
                assert written not in own, f"{path}:{node.lineno} writes {own[written]} once more"


if __name__ == "__main__":
    run_tests(__file__)
