"""Archives that are fetched, checked against the published checksum, and only then unpacked.

TFDS checks only what it has a sha256 of; of most of these archives an md5 is published.
"""

import gzip
import hashlib
import os
import tarfile
import zlib
from typing import Any, NamedTuple

import tensorflow as tf
import tensorflow_datasets as tfds

from tfrobust.types import InputError

CHUNK = 2**20
AGAIN = "it is damaged or only half downloaded; remove it and try again"


class Archive(NamedTuple):
    """Where an archive is and what it must be.

    Attributes:
        url: its address.
        md5: None where none is published: the archive, a .tgz, must then unpack to its end and hold at least `files`
          files.
        files: see md5.
    """

    url: str
    md5: str | None = None
    files: int = 1


def fetch(dl_manager: Any, archives: dict[str, Archive]) -> dict[str, Any]:
    """Downloads, checks and unpacks archives.

    Args:
        dl_manager: of TFDS.
        archives: by name.

    Returns:
        name -> folder with what the archive of that name holds.

    Raises:
        InputError: where an archive is not what it must be.
    """
    paths = dl_manager.download({name: archive.url for name, archive in archives.items()})
    for name, path in paths.items():
        check(path, archives[name])
    return dl_manager.extract({name: _packed(path, archives[name].url) for name, path in paths.items()})


def _packed(path, url: str):
    """The archive with its format, which TFDS could not guess: the name that it gives the file may lose the ending."""
    method = tfds.download.ExtractMethod.ZIP if ".zip" in url else tfds.download.ExtractMethod.TAR_GZ
    return tfds.download.Resource(path=path, extract_method=method)


def check(path: str | os.PathLike, archive: Archive) -> None:
    """Raises InputError, with the file's name, unless the file of that `path` is the `archive`."""
    if archive.md5 is None:
        return _check_contents(path, archive.files)
    md5 = hashlib.md5(usedforsecurity=False)
    with tf.io.gfile.GFile(path, "rb") as file:
        while chunk := file.read(CHUNK):
            md5.update(chunk)
    if md5.hexdigest() != archive.md5:
        raise InputError(f"{path} has md5 {md5.hexdigest()}, should have {archive.md5}: {AGAIN}")


def _check_contents(path, files: int) -> None:
    try:
        with tf.io.gfile.GFile(path, "rb") as file, gzip.GzipFile(fileobj=file) as unzipped:
            with tarfile.open(fileobj=unzipped, mode="r|") as tar:
                found = sum(member.isfile() for member in tar)
            while unzipped.read(CHUNK):  # Gzip's own checksum is compared at the very end.
                pass
    except (OSError, EOFError, zlib.error, tarfile.TarError) as e:
        raise InputError(f"{path} cannot be unpacked ({str(e).splitlines()[0][:200]}): {AGAIN}") from e
    if found < files:
        raise InputError(f"{path} holds {found} files, should hold {files} or more: {AGAIN}")
