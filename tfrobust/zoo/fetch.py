"""Brings files of a release from an address or a folder, bounded, checked, and written whole or not at all.

What an address may do: be slow, be endless, send other bytes, lead elsewhere.  So the size is bounded while it is read,
the time as well, a redirect must stay with http or https and must not leave https, and bytes of another SHA-256 never
get the name that they were asked for.
"""

import hashlib
import http.client
import os
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

from tfrobust.checks import check_regular_file
from tfrobust.errors import InputError
from tfrobust.zoo.index import INDEX, MOST_INDEX_BYTES, Index, ZooNetwork, read_index

SCHEMES = ("http", "https")
SECONDS_OF_SILENCE = 30.0
MOST_SECONDS = 3600.0  # Of one file.
_BLOCK = 1 << 16


def fetch_index(place: str) -> Index:
    """The index at an address or path.

    Args:
        place: of the index itself, or of a folder that holds index.json.

    Raises:
        InputError: where it cannot be read, or is none.
    """
    place = index_place(place)
    with _opened(place) as file:
        return read_index(b"".join(_blocks(file, place, MOST_INDEX_BYTES)), place)


def index_place(place: str) -> str:
    """The address or path of the index; of a folder that of its index.json.

    Raises:
        InputError: for an address that is neither http nor https, or carries a password.
    """
    if "://" not in place:
        return os.path.join(place, INDEX) if os.path.isdir(place) else place
    parts = urllib.parse.urlsplit(place)
    if parts.scheme not in SCHEMES or not parts.hostname:
        raise InputError(f"{place} is no address of http or https: give one, or a path")
    if parts.password or parts.username:
        raise InputError("an address with a name or a password in it ends up in messages and files: give one without")
    return urllib.parse.urljoin(place, INDEX) if place.endswith("/") else place


def fetch_network(place: str, network: ZooNetwork, folder: str) -> str:
    """The network's file in a folder, brought there unless it is there already with the same SHA-256.

    Args:
        place: of the index.
        network: as the index has it.
        folder: exists.

    Returns:
        The path of the file.

    Raises:
        InputError: where the file cannot be read, or is another one than the index says.
    """
    path = os.path.join(folder, network.file)
    if os.path.isfile(path) and os.path.getsize(path) == network.bytes and sha256_of(path) == network.sha256:
        return path
    source, digest, size = beside(place, network.file), hashlib.sha256(), 0
    with _opened(source) as file, _whole_or_not_at_all(path) as target:
        for block in _blocks(file, source, network.bytes):
            target.write(block)
            digest.update(block)
            size += len(block)
        if size < network.bytes:
            raise InputError(f"{source} ended after {size:,} of {network.bytes:,} bytes: try again")
        if digest.hexdigest() != network.sha256:
            raise InputError(f"{source} is not the file of the index: its SHA-256 is {digest.hexdigest()[:16]}...")
    return path


def beside(place: str, name: str) -> str:
    """The address or path of the file of that name beside the index."""
    place = index_place(place)
    if "://" in place:
        return urllib.parse.urljoin(place, urllib.parse.quote(name))
    return os.path.join(os.path.dirname(place), name)


def sha256_of(path: str) -> str:
    """64 hexadecimal digits of the file's bytes."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


class _SafeRedirects(urllib.request.HTTPRedirectHandler):
    """Follows a redirect to http and https alone, and none from https to http."""

    def redirect_request(self, req, fp, code, msg, headers, newurl):  # noqa: PLR0917  As the base class has it.
        scheme, before = (urllib.parse.urlsplit(url).scheme for url in (newurl, req.full_url))
        if scheme not in SCHEMES or (before, scheme) == ("https", "http"):
            raise InputError(f"{req.full_url} leads to {newurl[:200]}, which is not fetched")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _opener() -> urllib.request.OpenerDirector:
    """Knows http and https, and neither files nor ftp."""
    opener = urllib.request.OpenerDirector()
    handlers = (urllib.request.ProxyHandler, urllib.request.HTTPHandler, urllib.request.HTTPSHandler, _SafeRedirects)
    for handler in (*handlers, urllib.request.HTTPErrorProcessor, urllib.request.HTTPDefaultErrorHandler):
        opener.add_handler(handler())
    return opener


@contextmanager
def _opened(place: str) -> Iterator[IO[bytes]]:
    """The file at an address or path; whatever goes wrong with it is said in one line."""
    if "://" not in place:
        check_regular_file(place)
        with _said(place), open(place, "rb") as file:
            yield file
        return
    with _said(place), _opener().open(place, timeout=SECONDS_OF_SILENCE) as file:
        yield file


@contextmanager
def _said(place: str) -> Iterator[None]:
    try:
        yield
    except urllib.error.HTTPError as e:
        raise InputError(f"{place} answers {e.code} {_on_one_line(e.reason)}: is it the address of a release?") from e
    except urllib.error.URLError as e:
        raise InputError(f"{place} cannot be reached ({_on_one_line(e.reason)}): without a network, give a path") from e
    except (TimeoutError, http.client.HTTPException, ConnectionError) as e:
        raise InputError(f"{place} stopped answering ({_on_one_line(e) or type(e).__name__}): try again") from e


def _on_one_line(reason: object) -> str:
    return " ".join(str(reason).split())[:120]


def _blocks(file: IO[bytes], place: str, most: int) -> Iterator[bytes]:
    """What the file holds, block by block; InputError where that is more than `most` bytes, or takes too long."""
    left, until = most, time.monotonic() + MOST_SECONDS
    read = file.read1  # type: ignore[attr-defined]  # Returns what has come: one that drips must not evade the time.
    while block := read(min(_BLOCK, left + 1)):
        left -= len(block)
        if left < 0:
            raise InputError(f"{place} is larger than the {most:,} bytes that it may have")
        if time.monotonic() > until:
            raise InputError(f"{place} takes longer than {MOST_SECONDS:,.0f} s")
        yield block


@contextmanager
def _whole_or_not_at_all(path: str) -> Iterator[IO[bytes]]:
    """A file for writing, which gets its name only once the block has ended."""
    descriptor, part = tempfile.mkstemp(prefix=".part-", dir=os.path.dirname(path) or ".")
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.chmod(part, 0o644)
        os.replace(part, path)
    except BaseException:
        os.remove(part)
        raise
