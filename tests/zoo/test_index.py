"""The index of a release: what is written is read again, and what is damaged or made to harm is refused in one line."""

import json
import re

import pytest

from tests.helpers import run_tests
from tests.zoo import made
from tfrobust.errors import InputError
from tfrobust.zoo import read_index


@pytest.fixture(scope="module")
def index():
    return made.index()


def changed(index, **values) -> bytes:
    """The index with values of its first network changed; None takes one away."""
    plain = json.loads(index.as_text())
    for name, value in values.items():
        if value is None:
            del plain["networks"][0][name]
        else:
            plain["networks"][0][name] = value
    return json.dumps(plain).encode()


def test_what_is_written_is_read_again(index):
    text = index.as_text()
    assert read_index(text.encode(), "there") == index and read_index(text.encode(), "there").as_text() == text
    assert [network.name for network in index.networks] == ["digits-madry-seed0", "digits-natural-seed0"]


def test_a_network_is_found_by_its_name_and_a_wrong_one_is_told_the_nearest(index):
    assert index.named(made.NAME).method == "madry"
    with pytest.raises(InputError, match=r"no network 'digits-madri-seed0' .*did you mean digits-madry-seed0"):
        index.named("digits-madri-seed0")
    with pytest.raises(InputError, match="there are 2, which list shows"):
        index.named("#")


@pytest.mark.parametrize(
    "text, why",
    [
        (b"<html>", "no JSON"),
        (b"\xff", "no JSON"),
        (b"[" * 100_000, "no JSON"),
        (b'{"networks": []}', "it has no schema"),
        (b"[]", "it has no schema"),
        (b'{"schema": 2, "networks": []}', "schema '2', and this version of tfrobust reads schema 1"),
        (b'{"schema": 1, "networks": {}}', "networks is no list"),
        (b'{"schema": 1, "networks": [3]}', "is no object"),
        (b'{"schema": 1, "networks": [], "x": NaN}', "NaN is no number"),
    ],
)
def test_what_is_no_index_is_refused(text, why):
    with pytest.raises(InputError, match=re.escape(why)) as refusal:
        read_index(text, "there")
    assert "\n" not in str(refusal.value) and str(refusal.value).startswith("there ")


@pytest.mark.parametrize("name", ["../x", "a/b", "a\\b", ".hidden", "", "C:x", "a.b", "x" * 200, "a\nb", 3])
def test_a_name_that_could_leave_the_folder_is_refused(index, name):
    with pytest.raises(InputError, match="is not made of letters, digits, _ and -"):
        read_index(changed(index, name=name), "there")


@pytest.mark.parametrize(
    "values, why",
    [
        ({"bytes": 1 << 50}, "bytes is no whole number from 0 to 2,147,483,648"),
        ({"bytes": -1}, "bytes is no whole number"),
        ({"bytes": True}, "bytes is no whole number"),
        ({"sha256": "0" * 63}, "sha256 is not 64 hexadecimal digits"),
        ({"sha256": "../" + "0" * 61}, "sha256 is not 64 hexadecimal digits"),
        ({"sha256": None}, "lacks or must not have sha256"),
        ({"more": 1}, "lacks or must not have more"),
        ({"settings": "x" * 30_000}, "settings is no text of at most 20,000 characters"),
        ({"seconds": "1"}, "seconds is no number"),
        ({"reported": [{"value": 1}]}, "a Reported lacks"),
        ({"evaluations": [{}]}, "a EvaluationRecord lacks"),
        ({"name": "digits-natural-seed0"}, "it names a network twice"),
        ({"name": "DIGITS-natural-seed0"}, "it names a network twice"),
    ],
)
def test_a_damaged_network_is_refused(index, values, why):
    with pytest.raises(InputError, match=re.escape(why)):
        read_index(changed(index, **values), "there")


@pytest.mark.parametrize(
    "scores, why",
    [
        ({"natural": {"accuracy": {"mean": "1"}}}, "natural: accuracy is no number"),
        ({"natural": {"accuracy": {"mean": 1.0, "low": 0.0}}}, "natural: accuracy is no mean with its interval"),
        ({"natural": [1]}, "natural is no object"),
    ],
)
def test_damaged_scores_are_refused(index, scores, why):
    (record,) = json.loads(index.as_text())["networks"][0]["evaluations"]
    with pytest.raises(InputError, match=re.escape(why)):
        read_index(changed(index, evaluations=[{**record, "scores": scores}]), "there")


if __name__ == "__main__":
    run_tests(__file__)
