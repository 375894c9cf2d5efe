"""Python processes that need not import TensorFlow: each is forked from one that has imported it.

`start(["-m", "launch.train", "--help"])` does what `python -m launch.train --help` does, in a tenth of a second instead
of some seconds of processor time.  The process that is forked has imported packages of others alone and has computed
nothing, so that a child finds TensorFlow as if it had just imported it, and nothing of this project.  It is not the
process of the tests, whose TensorFlow has threads, which do not survive a fork.
"""

import gc
import json
import os
import runpy
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
IMPORTED = ("tensorflow", "keras", "sklearn.datasets", "matplotlib.figure", "absl.flags")
LIGHT = ("absl.flags", "numpy")  # For what should end before anything heavy is imported.
PAUSE = 0.01  # Seconds between two looks at a file that another process will write.


class Done(NamedTuple):
    """How a process ended: its exit code, or minus the signal that killed it, what it wrote, and the seconds of the
    processor that it took."""

    returncode: int
    stdout: str
    stderr: str
    seconds: float


class Process:
    """A process that was started, with the methods of subprocess.Popen that the tests need."""

    def __init__(self, folder: str):
        self._folder = Path(folder)
        self.pid = int(self._wait_for("pid", 60))

    def _wait_for(self, name: str, timeout: float | None) -> str:
        until = None if timeout is None else time.monotonic() + timeout
        while not (self._folder / name).exists():
            if until is not None and time.monotonic() > until:
                raise subprocess.TimeoutExpired(f"process in {self._folder}", timeout)
            time.sleep(PAUSE)
        return (self._folder / name).read_text()

    @property
    def returncode(self) -> int | None:
        """None while it runs."""
        return self.poll()

    def poll(self) -> int | None:
        ended = self._folder / "returncode"
        return int(ended.read_text()) if ended.exists() else None

    def wait(self, timeout: float | None = None) -> int:
        return int(self._wait_for("returncode", timeout))

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def output(self) -> str:
        """What it has written to its standard output so far."""
        return (self._folder / "stdout").read_text(errors="replace")

    def finish(self, timeout: float | None = None) -> Done:
        """Waits for its end."""
        code = self.wait(timeout)
        error, seconds = ((self._folder / name).read_text(errors="replace") for name in ("stderr", "seconds"))
        return Done(code, self.output(), error, float(seconds))


def start(
    args: Sequence[str], cwd: str = ROOT, env: dict[str, str] | None = None, imported: tuple[str, ...] = IMPORTED
) -> Process:
    """`python ARGS` (-m MODULE ..., -c CODE ... or FILE ...) in a process of its own.  env: its whole environment, that
    of the tests unless given.  imported: what the process that is forked has imported."""
    server, base = _server(imported)
    folder = tempfile.mkdtemp(dir=base)
    for name in ("stdout", "stderr"):
        Path(folder, name).touch()
    given = {"args": list(map(str, args)), "cwd": str(cwd), "env": dict(env or os.environ), "folder": folder}
    server.stdin.write(json.dumps(given) + "\n")
    server.stdin.flush()
    return Process(folder)


def run(
    args: Sequence[str],
    cwd: str = ROOT,
    env: dict[str, str] | None = None,
    timeout: float = 240,
    imported: tuple[str, ...] = IMPORTED,
) -> Done:
    """The same, from its start to its end; killed after `timeout` seconds."""
    process = start(args, cwd, env, imported)
    try:
        return process.finish(timeout)
    finally:
        process.kill()


_SERVERS: dict[tuple[str, ...], tuple] = {}


def _server(imported: tuple[str, ...]):
    """(the process that is forked, a folder for what its children write), there until `close`."""
    if imported not in _SERVERS:
        base = tempfile.mkdtemp(prefix="processes")
        command = [sys.executable, "-m", "tests.processes", base, *imported]
        server = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, text=True)
        _SERVERS[imported] = server, base
    return _SERVERS[imported]


def close() -> None:
    """Ends the processes that are forked, and removes what their children wrote."""
    for server, base in _SERVERS.values():
        server.stdin.close()  # It ends when there is nothing to read any more.
        server.wait()
        shutil.rmtree(base, ignore_errors=True)
    _SERVERS.clear()


def _serve(base: str, *imported: str) -> None:
    """Reads what to start, a line each, and starts it in a child of a child, which waits for it."""
    for module in imported:
        __import__(module)
    if sys.dont_write_bytecode:  # Each child would compile the project anew.
        sys.dont_write_bytecode, sys.pycache_prefix = False, os.path.join(base, "bytecode")
    gc.collect()
    gc.freeze()  # A child that went through all that at its end, and so copied it, took more than a second for it.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # Nobody waits for those who wait.
    for line in sys.stdin:
        if os.fork() == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            # A shell that starts the tests in the background has Ctrl-C ignored, and every child after it.
            signal.signal(signal.SIGINT, signal.default_int_handler)
            _wait_for_child(json.loads(line))


def _wait_for_child(given: dict) -> None:
    child = os.fork()
    if child == 0:
        _become(given)
    folder = Path(given["folder"])
    _write(folder / "pid", child)
    _, status, used = os.wait4(child, 0)
    _write(folder / "seconds", used.ru_utime + used.ru_stime)
    _write(folder / "returncode", os.waitstatus_to_exitcode(status))
    os._exit(0)


def _write(path: Path, number: float) -> None:
    part = path.with_suffix(".part")
    part.write_text(str(number))
    part.rename(path)  # Whoever looks for it finds it whole.


def _become(given: dict) -> None:
    """Turns this process into the one that was asked for, and ends with it."""
    os.chdir(given["cwd"])
    os.environ.clear()
    os.environ.update(given["env"])
    for number, path in ((0, os.devnull), (1, f"{given['folder']}/stdout"), (2, f"{given['folder']}/stderr")):
        file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        os.dup2(file, number)
        os.close(file)
    sys.stdin = open(0, encoding="utf-8", closefd=False)
    sys.path[0] = given["cwd"]
    # `launch` has set what TensorFlow reads when it is imported; the project in the folder may be a copy.
    for name in [name for name in sys.modules if name.split(".")[0] in ("launch", "tests")]:
        del sys.modules[name]
    _python(given["args"])
    sys.exit()  # As any Python does at its end: exit functions, and what is still unwritten.


def _python(args: list[str]) -> None:
    if args[0] == "-m":
        sys.argv = args[1:]
        runpy.run_module(args[1], run_name="__main__", alter_sys=True)
    elif args[0] == "-c":
        sys.argv = ["-c", *args[2:]]
        exec(compile(args[1], "<string>", "exec"), {"__name__": "__main__"})
    else:
        sys.argv = args
        runpy.run_path(args[0], run_name="__main__")


if __name__ == "__main__":
    _serve(*sys.argv[1:])
