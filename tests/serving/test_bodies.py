"""Bodies: the same JSON as Python's, gzip, and bounds on what they become."""

import gzip
import itertools
import json
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from werkzeug.exceptions import BadRequest, HTTPException, RequestEntityTooLarge, UnsupportedMediaType

from tests.helpers import run_tests
from tfrobust.serving.bodies import deflate, inflate, read_json

PLAIN = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5)
)
VALUES = st.recursive(
    PLAIN, lambda each: st.lists(each, max_size=3) | st.dictionaries(st.text(max_size=3), each, max_size=3)
)


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(st.sampled_from(["instances", "inputs", "x"]), VALUES), st.sampled_from([None, 1, "\t"]))
def test_what_is_json_is_read_as_python_reads_it(value, indent):
    for ascii_ in (True, False):
        text = json.dumps(value, indent=indent, ensure_ascii=ascii_)
        try:
            body = text.encode()
        except UnicodeEncodeError:  # Half of a pair.
            continue
        assert read_json(b" \n" + body + b"\r\n", None) == value


TEXT = '{"instances": [{"a": [1, 2.5e3], "b": "x\\n"}, [], null], "inputs": {"c": [[1], true], "d": {}}, "e": {}}'


@settings(max_examples=500, deadline=None)
@given(
    st.integers(0, len(TEXT)), st.integers(0, 3), st.sampled_from(["", "[", "]", "{", "}", ",", ":", '"', "1", "\x00"])
)
def test_what_python_refuses_is_refused(at, cut, put):
    text = TEXT[:at] + put + TEXT[at + cut :]
    try:
        want = json.loads(text)
    except ValueError:
        with pytest.raises(BadRequest, match="no JSON"):
            read_json(text.encode(), None)
    else:
        assert isinstance(want, dict) and read_json(text.encode(), None) == want


@pytest.mark.parametrize(
    "body",
    [
        b'{"a": NaN}',
        b'{"instances": [[-Infinity]]}',
        b'{"instances": ' + b"[" * 100_000,
        b'{"x": ' * 100_000,
        b'{"a": ' + b"1" * 10_000 + b"}",
        b'{"a": "\xff"}',
        '{"a": 1}'.encode("utf-16"),
        b'{"a": 1} {"a": 1}',
        b'{1: "a"}',
        b"{'a': 1}",
        b'{"a" 1}',
        b'{"a": 1,}',
        b'{"instances": [1,]}',
    ],
)
def test_what_is_no_json_is_refused(body):
    with pytest.raises(BadRequest, match="no JSON"):
        read_json(body, None)


@pytest.mark.parametrize("body", [b"[1]", b"1", b'"{}"', b"null"])
def test_what_is_no_object_is_refused(body):
    with pytest.raises(BadRequest, match="JSON object"):
        read_json(body, None)


def test_more_values_than_a_model_takes_are_refused_unread():
    with pytest.raises(BadRequest, match="more than the 100 values"):
        read_json(b"," * 101, 100)


def test_gzip_is_inflated():
    data = bytes(range(256)) * 100
    assert inflate(gzip.compress(data), "gzip", 10**6) == data == inflate(gzip.compress(data), " X-GZIP", len(data))
    assert inflate(gzip.compress(data[:9]) + gzip.compress(data[9:]), "gzip", 10**6) == data
    assert inflate(data, "", 1) == inflate(data, "identity", 1) == data
    assert gzip.decompress(deflate(["a", "ü" * 5000])) == ("a" + "ü" * 5000).encode()


BOMB = gzip.compress(b"0" * 20_000_000)


@pytest.mark.parametrize(
    "data, encoding, error",
    [
        (BOMB, "gzip", RequestEntityTooLarge),
        (gzip.compress(b"0" * 600_000) * 2, "gzip", RequestEntityTooLarge),
        (BOMB[:100], "gzip", BadRequest),
        (gzip.compress(b"{}") + b"more", "gzip", BadRequest),
        (b"{}", "gzip", BadRequest),
        (zlib.compress(b"{}"), "gzip", BadRequest),
        (b"{}", "br", UnsupportedMediaType),
        (b"{}", "gzip, gzip", UnsupportedMediaType),
    ],
    ids=itertools.count(),  # The bytes of gzip hold the time at which they were made.
)
def test_what_is_no_gzip_or_too_large_is_refused(data, encoding, error):
    with pytest.raises(HTTPException) as e:
        inflate(data, encoding, 1_000_000)
    assert type(e.value) is error


if __name__ == "__main__":
    run_tests(__file__)
