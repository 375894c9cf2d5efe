"""Makes sure that a folder has one writer at a time.

A lock of the operating system (the file .lock) keeps other processes out and is let go by the kernel when its holder
dies, so what was killed goes on without handwork.  Not every network file system shares such locks between machines:
so the holder also keeps the file .owner alive, and another machine that gets the lock watches that file before it
believes that the holder is gone.  Machines' clocks play no part.
"""

import contextlib
import json
import os
import socket
import threading
import time
import uuid
from collections.abc import Generator

from filelock import FileLock, Timeout

from tfrobust.errors import InputError
from tfrobust.progress import SILENT, Progress

LOCK, OWNER = ".lock", ".owner"
BEAT = 5.0  # Seconds between two signs of life of a holder.
MOMENT = 0.5  # Seconds for which a process that only looks at the lock may hold it.
PATIENCE = 30.0  # Seconds without a sign of life after which a holder on another machine is taken for dead.


class FolderInUseError(InputError):
    """The folder belongs to another process."""


class Claim:
    """A folder that this process holds.

    Args:
        directory: the folder.
        progress: is told where another machine's claim is watched.
    """

    def __init__(self, directory: str, progress: Progress = SILENT):
        self.directory, self.path = directory, os.path.join(directory, OWNER)
        self.progress = progress
        self.record = {"host": socket.gethostname(), "pid": os.getpid(), "token": uuid.uuid4().hex}
        self._lost, self._over = None, threading.Event()

    def check(self) -> None:
        """Raises FolderInUseError once another machine has the folder, because this process slept for too long."""
        if self._lost is not None:
            raise FolderInUseError(
                f"{self.directory} was taken by {_name(self._lost)}: this process slept for too long and stops"
            )

    def take(self) -> None:
        """Leaves the record of this process, which has the lock.

        Raises:
            FolderInUseError: where another machine has the folder.
        """
        if not os.path.exists(self.path):
            try:
                _write(self.path, "x", self.record)
            except FileExistsError:
                raise _busy(self.directory, _read(self.path)) from None
        else:
            found = _read(self.path)
            elsewhere = not found or found["host"] != self.record["host"]
            if elsewhere:
                self.progress.say(
                    f"{self.directory} was claimed by {_name(found)}: watching for {PATIENCE:.0f} s if it is alive"
                )
                if not _silent(self.path):
                    raise _busy(self.directory, found)
            own = f"{self.path}.{self.record['token']}"
            _write(own, "w", self.record)
            os.replace(own, self.path)
            if elsewhere:
                time.sleep(BEAT)  # Of several that saw the same silence, the last to write has it.
                if _read(self.path) != self.record:
                    raise _busy(self.directory, _read(self.path))
        threading.Thread(target=self._live, daemon=True).start()

    def give_up(self) -> None:
        """Ends the claim, and removes the record where it is still this process's."""
        self._over.set()
        with contextlib.suppress(OSError):
            if _read(self.path) == self.record:
                os.remove(self.path)

    def _live(self) -> None:
        while not self._over.wait(BEAT):
            with contextlib.suppress(OSError):
                found = _read(self.path)
                if found and found != self.record:
                    self._lost = found
                    return
                os.utime(self.path)


_held: dict[str, Claim] = {}


@contextlib.contextmanager
def claimed(directory: str, wait: bool = False, progress: Progress = SILENT) -> Generator[Claim, None, None]:
    """Holds a folder while the block runs; within it, the same process may claim it again.

    Args:
        directory: the folder, which exists.
        wait: until whoever has it is done, instead of raising.
        progress: is told for whom it waits.

    Raises:
        FolderInUseError: where another process has it, and `wait` is False.
    """
    key = os.path.realpath(directory)
    if key in _held:
        yield _held[key]
        return
    from tfrobust.distribution import (
        is_chief,
    )  # Here, because importing TensorFlow takes seconds and `is_claimed` needs none of it.

    if not is_chief():  # Of several processes that train one network, the chief writes.
        yield Claim(directory)
        return
    lock = FileLock(os.path.join(directory, LOCK))
    _acquire(lock, directory, wait, progress)
    claim = Claim(directory, progress)
    try:
        claim.take()
        _held[key] = claim
        yield claim
    finally:
        _held.pop(key, None)
        claim.give_up()
        lock.release()


def is_claimed(directory: str) -> bool:
    """Whether a process, this or another, holds the folder `directory`.

    Of a process on another machine: whether it did not let go.
    """
    if not os.path.exists(os.path.join(directory, LOCK)):
        return False
    lock = FileLock(os.path.join(directory, LOCK))
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return True
    found = _read(os.path.join(directory, OWNER))
    lock.release()
    return bool(found) and found["host"] != socket.gethostname()


def _acquire(lock: FileLock, directory: str, wait: bool, progress: Progress) -> None:
    try:
        lock.acquire(timeout=MOMENT, poll_interval=MOMENT / 10)
    except Timeout:
        found = _read(os.path.join(directory, OWNER))
        if not wait:
            raise _busy(directory, found) from None
        progress.say(f"waiting for {_name(found)}, which works on {directory}")
        lock.acquire(poll_interval=1)


def _busy(directory: str, found) -> FolderInUseError:
    return FolderInUseError(
        f"{directory} is being written by {_name(found)}: wait for it, stop it, or give another --output"
    )


def _name(found) -> str:
    return f"process {found['pid']} on {found['host']}" if found else "another process"


def _write(path: str, mode: str, record: dict) -> None:
    with open(path, mode, encoding="utf-8") as file:
        try:
            json.dump(record, file)
            file.flush()
        except OSError:
            os.remove(path)
            raise


def _read(path: str):
    """The record in the file; None where there is none."""
    try:
        with open(path, encoding="utf-8") as file:
            found = json.load(file)
        return found if {"host", "pid", "token"} <= set(found) else None
    except (FileNotFoundError, ValueError, TypeError):
        return None


def _silent(path: str) -> bool:
    """Whether the file stays as it is for PATIENCE seconds."""
    before, until = _beat(path), time.monotonic() + PATIENCE
    while time.monotonic() < until:
        time.sleep(BEAT / 5)
        if _beat(path) != before:
            return False
    return True


def _beat(path: str):
    try:
        with open(path, encoding="utf-8") as file:  # Opened, because network file systems then ask their server.
            return os.fstat(file.fileno()).st_mtime_ns
    except FileNotFoundError:
        return None
