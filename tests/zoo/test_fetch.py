"""Files are fetched from a path or an address with their size and SHA-256, or not at all."""

import os
import re
import shutil
import socket
import urllib.request
from dataclasses import replace

import pytest

from tests.helpers import run_tests
from tests.zoo import made
from tfrobust.errors import InputError
from tfrobust.zoo import fetch, fetch_index, fetch_network


@pytest.fixture(scope="module")
def release(tmp_path_factory):
    return made.release(tmp_path_factory.mktemp("release"))


@pytest.fixture(scope="module")
def network(release):
    return fetch_index(release).named(made.NAME)


def refused(why, place, network, folder):
    """Fetches, and finds one line that says why not, and nothing left in the folder."""
    with pytest.raises(InputError, match=why) as refusal:
        fetch_network(place, network, str(folder))
    assert "\n" not in str(refusal.value) and os.listdir(folder) == []


def test_a_network_comes_from_a_folder_its_index_or_an_address(release, network, tmp_path):
    with made.served(release) as address:
        for i, place in enumerate((release, f"{release}/index.json", f"{address}/index.json", f"{address}/")):
            assert fetch_index(place) == fetch_index(release)
            folder = tmp_path / str(i)
            folder.mkdir()
            path = fetch_network(place, network, str(folder))
            assert fetch.sha256_of(path) == network.sha256 and os.listdir(folder) == [network.file]


def test_what_is_there_already_is_not_fetched_again(release, network, tmp_path):
    path = fetch_network(release, network, str(tmp_path))
    assert fetch_network("http://127.0.0.1:1/index.json", network, str(tmp_path)) == path
    with open(path, "r+b") as file:
        file.write(b"damaged")
    fetch_network(release, network, str(tmp_path))
    assert fetch.sha256_of(path) == network.sha256


def test_another_file_is_refused(release, network, tmp_path):
    refused("is not the file of the index: its SHA-256", release, replace(network, sha256="0" * 64), tmp_path)
    refused("ended after", release, replace(network, bytes=network.bytes + 1), tmp_path)
    refused("is larger than", release, replace(network, bytes=network.bytes - 1), tmp_path)
    refused("no file at", release, replace(network, name="none"), tmp_path)


def test_what_a_server_may_do_is_refused(release, network, tmp_path):
    with open(os.path.join(release, network.file), "rb") as file:
        whole = file.read()
    length = {"Content-Length": str(len(whole))}
    answers = {
        "/short/x": (200, length, whole[:100]),
        "/long/x": (200, {}, whole + b"more"),
        "/other/x": (200, length, whole[::-1]),
        "/file/x": (302, {"Location": "file:///etc/hostname"}, b""),
        "/ftp/x": (302, {"Location": "ftp://127.0.0.1/x"}, b""),
        "/gone/x": (404, {}, b""),
        "/round/x": (302, {"Location": f"/round/{network.file}"}, b""),
        "/moved/x": (302, {"Location": f"/{network.file}"}, b""),
    }
    answers = {path.replace("x", network.file): answer for path, answer in answers.items()}
    with made.served(release, answers) as address:
        for place, why in (
            ("short", "ended after 100 of"),
            ("long", "is larger than"),
            ("other", "is not the file of the index"),
            ("file", "answers 302 .*file:///etc/hostname. is not allowed"),
            ("ftp", "leads to ftp://127.0.0.1/x, which is not fetched"),
            ("gone", "answers 404"),
            ("round", "answers 302"),
        ):
            refused(why, f"{address}/{place}/index.json", network, tmp_path)
        assert fetch_network(f"{address}/moved/index.json", network, str(tmp_path))


def test_a_redirect_never_leaves_https():
    handler, request = fetch._SafeRedirects(), urllib.request.Request("https://example.org/index.json")
    with pytest.raises(InputError, match=r"leads to http://example.org/, which is not fetched"):
        handler.redirect_request(request, None, 302, "", {}, "http://example.org/")
    assert handler.redirect_request(request, None, 302, "", {}, "https://example.org/x").full_url.endswith("/x")


def test_one_that_drips_is_given_up(release, network, tmp_path, monkeypatch):
    monkeypatch.setattr(fetch, "MOST_SECONDS", -1.0)
    refused("takes longer than", release, network, tmp_path)


def test_an_index_has_a_size(release, monkeypatch):
    monkeypatch.setattr(fetch, "MOST_INDEX_BYTES", 100)
    with pytest.raises(InputError, match="is larger than the 100 bytes that it may have"):
        fetch_index(release)


@pytest.mark.parametrize("place", ["file:///etc/hostname", "ftp://127.0.0.1/index.json", "gopher://x/y", "http://"])
def test_only_http_https_and_paths_are_places(place):
    with pytest.raises(InputError, match="is no address of http or https"):
        fetch_index(place)


def test_an_address_with_a_password_is_refused_without_repeating_it():
    with pytest.raises(InputError, match="without") as refusal:
        fetch_index("https://me:secret@example.org/index.json")
    assert "secret" not in str(refusal.value)


def test_without_a_network_one_line_says_so(tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        place = f"http://127.0.0.1:{free.getsockname()[1]}/index.json"
    with pytest.raises(InputError, match=f"{re.escape(place)} cannot be reached .*without a network, give a path"):
        fetch_index(place)
    with pytest.raises(InputError, match="no file at"):
        fetch_index(str(tmp_path / "index.json"))


def test_a_device_is_no_index():
    with pytest.raises(InputError, match="is no file"):
        fetch_index("/dev/zero")


def test_half_a_file_never_has_the_name(release, network, tmp_path, monkeypatch):
    def fail(*_):
        raise OSError(28, "no space left on device")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError):
        fetch_network(release, network, str(tmp_path))
    assert os.listdir(tmp_path) == [] and shutil.disk_usage(tmp_path).free


if __name__ == "__main__":
    run_tests(__file__)
