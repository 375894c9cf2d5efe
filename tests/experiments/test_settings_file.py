"""Settings as text: the same whatever way a number is written, different wherever the weights would be."""

import pytest

from tests.helpers import run_tests
from tfrobust.experiments.settings_file import different_lines, text_of

SETTINGS = {
    "eps": 0.1,
    "steps": 5,
    "nesterov": False,
    "pair": True,
    "boundaries": (),
    "rates": (1e-3, 1e-4),
    "norm": "l2",
}
DEFAULTS = {"loss": "triplet", "anneal": "epoch", "chunk": None, "contrast": True}


def test_every_kind_of_value_has_its_line():
    lines = text_of({**SETTINGS, "initialization": None}).splitlines()
    assert lines == [
        "--boundaries=",
        "--eps=0.1",
        "--nonesterov",
        "--norm=l2",
        "--pair",
        "--rates=0.001,0.0001",
        "--steps=5",
    ]


@pytest.mark.parametrize(
    "line, other",
    [
        ("--eps=0.1", "--eps=1e-1"),
        ("--rates=0.001,0.0001", "--rates=1e-3,.0001"),
        ("--steps=5", "--steps=5\n--loss=triplet"),
        ("--steps=5", "--steps=5\n--contrast"),
        ("--steps=5", "--steps=5\n\n"),
    ],
)
def test_what_means_the_same_is_the_same(line, other):
    text = text_of(SETTINGS)
    assert line in text
    assert different_lines(text.replace(line, other), text, DEFAULTS) == []
    assert different_lines(text, text.replace(line, other), DEFAULTS) == []


@pytest.mark.parametrize(
    "line, other",
    [
        ("--eps=0.1", "--eps=0.2"),
        ("--eps=0.1\n", ""),
        ("--pair", "--nopair"),
        ("--nonesterov", "--nesterov"),
        ("--rates=0.001,0.0001", "--rates=0.001"),
        ("--norm=l2", "--norm=linf"),
        ("--steps=5", "--steps=5\n--loss=cosine"),
        ("--steps=5", "--steps=5\n--nocontrast"),
        ("--steps=5", "--steps=5\n--chunk=3"),
        ("# images 0a", "# images 0b"),
        ("# images 0a", "# images 0a\n# initial weights 0c"),
    ],
)
def test_what_means_something_else_is_named(line, other):
    text = text_of(SETTINGS) + "# images 0a\n"
    changed = text.replace(line, other)
    assert changed != text
    found = different_lines(changed, text, DEFAULTS)
    assert found == sorted(set(changed.splitlines()) ^ set(text.splitlines()))
    assert found == different_lines(text, changed, DEFAULTS)


if __name__ == "__main__":
    run_tests(__file__)
