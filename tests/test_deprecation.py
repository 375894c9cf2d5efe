"""Old names warn where they are called, say what to write and until when, and go when they said they would."""

import ast
import glob
import os

import pytest

import tfrobust
from tests.helpers import ROOT, run_tests
from tfrobust.deprecation import deprecated


def uses():
    """(path, keyword arguments) of each name in the library that is deprecated."""
    for path in sorted(glob.glob(os.path.join(ROOT, "tfrobust", "**", "*.py"), recursive=True)):
        with open(path, encoding="utf-8") as file:
            tree = ast.parse(file.read())
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "deprecated":
                yield os.path.relpath(path, ROOT), {word.arg: word.value.value for word in node.keywords}


def number(version):
    return tuple(map(int, version.split(".")[:2]))


def test_no_name_is_there_in_the_version_that_was_to_be_without_it():
    found = list(uses())
    assert len(found) >= 3
    for path, given in found:
        assert number(given["removed_in"]) > number(tfrobust.__version__), f"{path}: remove it, or say a later version"


def test_an_old_name_warns_at_the_place_that_calls_it():
    @deprecated("old(x)", write="new(x)", removed_in="9.1")
    def old(x, more=0):
        """Adds."""
        return x + more

    with pytest.warns(DeprecationWarning) as warned:
        assert old(1, more=2) == 3
    assert str(warned[0].message) == "old(x) goes in tfrobust 9.1: write new(x)" and warned[0].filename == __file__
    assert (old.__name__, old.__doc__) == ("old", "Adds.")


if __name__ == "__main__":
    run_tests(__file__)
