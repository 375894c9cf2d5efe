"""The bodies of requests and answers: gzip and JSON, with bounds on what a small body may become.

A large body is read, and a large answer written, one example at a time.  Python's JSON module holds the interpreter for
the whole of a call, and other threads, such as those that answer a readiness probe, would wait for it.
"""

import json
import re
import zlib
from collections.abc import Iterable
from typing import Any

from werkzeug.exceptions import BadRequest, RequestEntityTooLarge, UnsupportedMediaType

_GZIP = 16 + zlib.MAX_WBITS
_BLANK = re.compile(r"[ \t\n\r]*")


def inflate(data: bytes, encoding: str, limit: int) -> bytes:
    """What the body of a request holds.

    Args:
        data: the body.
        encoding: its Content-Encoding.
        limit: the most bytes that it may hold; no more are inflated.

    Raises:
        UnsupportedMediaType: for another encoding than gzip.
        BadRequest: for what is no gzip.
        RequestEntityTooLarge: beyond the limit.
    """
    if encoding.strip().lower() in ("", "identity"):
        return data
    if encoding.strip().lower() not in ("gzip", "x-gzip"):
        raise UnsupportedMediaType(f"Content-Encoding {encoding[:40]!r} is not supported: send gzip or none")
    parts, size = [], 0
    while data:  # A gzip file may have several members.
        member = zlib.decompressobj(_GZIP)
        try:
            parts.append(member.decompress(data, limit + 1 - size))
        except zlib.error as e:
            raise BadRequest(f"the body is no gzip: {e}") from e
        size += len(parts[-1])
        if size > limit:
            raise RequestEntityTooLarge(f"the body exceeds the limit of {limit} bytes once it is inflated")
        if not member.eof:
            raise BadRequest("the body is no gzip: it ends too early")
        data = member.unused_data
    return b"".join(parts)


def deflate(pieces: Iterable[str]) -> bytes:
    """The text in `pieces` as gzip."""
    packer = zlib.compressobj(1, zlib.DEFLATED, _GZIP)
    return b"".join([packer.compress(piece.encode()) for piece in pieces] + [packer.flush()])


def read_json(body: bytes, max_values: int | None) -> dict[str, Any]:
    """The JSON object in the body of a request.

    Args:
        body: inflated.
        max_values: the most numbers that it may hold; None: any number.

    Raises:
        BadRequest: where there is none, or more: commas are counted before anything is made of the body.
    """
    if max_values is not None and body.count(b",") > max_values:
        raise BadRequest(f"the body holds more than the {max_values} values that the model takes at once")
    try:
        return _Reader(body.decode("utf-8-sig")).read()
    except (ValueError, RecursionError) as e:
        raise BadRequest(f"the body is no JSON: {e}") from e


class _Reader:
    """Reads an object, and what lies in it down to the single examples, piece by piece."""

    def __init__(self, text: str):
        self.text = text
        self._decoder = json.JSONDecoder(parse_constant=_refuse)

    def read(self) -> dict[str, Any]:
        start = self._skip(0)
        if self.text[start : start + 1] != "{":
            self._decoder.decode(self.text)  # Raises where it is no JSON.
            raise BadRequest("the body must be a JSON object")
        value, end = self._object(start, depth=0)
        end = self._skip(end)
        if end != len(self.text):
            raise json.JSONDecodeError("Extra data", self.text, end)
        return value

    def _value(self, start: int, depth: int) -> tuple[Any, int]:
        """(the value that begins at `start`, where it ends).  depth: 1 for the members of the outermost object."""
        opening = self.text[start : start + 1]
        if depth <= 2 and opening == "[":
            return self._array(start)
        if depth == 1 and opening == "{":
            return self._object(start, depth)
        return self._decoder.raw_decode(self.text, start)

    def _array(self, start: int):
        values, end = [], self._skip(start + 1)
        if self.text[end : end + 1] == "]":
            return values, end + 1
        while True:
            value, end = self._decoder.raw_decode(self.text, end)
            values.append(value)
            closed, end = self._next(end, "]")
            if closed:
                return values, end

    def _object(self, start: int, depth: int):
        members, end = {}, self._skip(start + 1)
        if self.text[end : end + 1] == "}":
            return members, end + 1
        while True:
            key, end = self._decoder.raw_decode(self.text, end)
            end = self._skip(end)
            if not isinstance(key, str) or self.text[end : end + 1] != ":":
                raise json.JSONDecodeError("Expecting a name in quotes and ':'", self.text, end)
            members[key], end = self._value(self._skip(end + 1), depth + 1)
            closed, end = self._next(end, "}")
            if closed:
                return members, end

    def _next(self, end: int, closing: str) -> tuple[bool, int]:
        """(whether the list ends here, where it goes on)."""
        end = self._skip(end)
        if self.text[end : end + 1] == closing:
            return True, end + 1
        if self.text[end : end + 1] != ",":
            raise json.JSONDecodeError(f"Expecting ',' or {closing!r}", self.text, end)
        return False, self._skip(end + 1)

    def _skip(self, start: int) -> int:
        blank = _BLANK.match(self.text, start)
        return blank.end() if blank else start


def _refuse(constant: str):
    raise ValueError(f"{constant} is no number in JSON")
