"""Load on a server in a process of its own; run by hand, prints figures such as docs/serving.md has.

    python -m tests.serving.load [IDLE_SECONDS [LOAD_SECONDS]]

First 400 idle and 50 dripping connections while the state of a model is asked for, then 10 clients with every third
body wrong, then SIGTERM while requests are at work.  All on 127.0.0.1, with as many requests as fit into the seconds
that are given (60 and 300).
"""

import gzip
import json
import os
import random
import re
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter

import numpy as np

from tests.helpers import ROOT, images, small_network
from tests.serving.clients import ask
from tfrobust.attributions import make_map
from tfrobust.serving import Servable, write_saved_model

IDLE, DRIPPING, CLIENTS = 400, 50, 10
IMAGE = np.full((8, 8, 1), 0.5).tolist()
HEAD = b"POST /v1/models/x:predict HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n"


class Served:
    """A server process: `with Served(folder) as served`.  Model x is small, each map of model slow takes seconds."""

    def __init__(self, folder: str):
        for name, spec, chunk in ("x", make_map(steps=10), None), ("slow", make_map(steps=20000), 20):
            write_saved_model(Servable(small_network(), spec, chunk=chunk), os.path.join(folder, name, "1"), {})
        models = [f"--model={name}={folder}/{name}" for name in ("x", "slow")]
        command = [sys.executable, "-m", "launch.serve", "--port=0", *models]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=ROOT)

    def __enter__(self):
        self.url = re.search(r"http://[^/\s]+", self.process.stdout.readline()).group()
        host, port = self.url.removeprefix("http://").split(":")
        self.address = host, int(port)
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    def megabytes(self) -> float:
        """Resident memory."""
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as file:
            return int(re.search(r"VmRSS:\s+(\d+)", file.read()).group(1)) / 1024


class Crowd:
    """Connections on which nothing happens, or a byte a second; one that the server closes is opened again."""

    def __init__(self, address, idle: int, dripping: int):
        self.address, self.reopened, self._stopped = address, 0, threading.Event()
        self.selector, self.dripping = selectors.DefaultSelector(), {}
        for i in range(idle + dripping):
            self._open(None if i < idle else i)
        self.thread = threading.Thread(target=self._run, daemon=True)

    def _open(self, drips):
        connection = socket.create_connection(self.address, timeout=10)
        if drips is not None:  # Every other one of them within its head, the others within their body.
            connection.sendall(HEAD if drips % 2 else HEAD + b"\r\n")
            self.dripping[connection] = drips
        connection.setblocking(False)
        self.selector.register(connection, selectors.EVENT_READ, drips)

    def _run(self):
        drop_at = time.monotonic()
        while not self._stopped.is_set():
            for key, _ in self.selector.select(0.1):
                try:
                    if key.fileobj.recv(4096):
                        continue
                except OSError:
                    pass
                self._close(key.fileobj)
                self._open(key.data)
                self.reopened += 1
            if time.monotonic() >= drop_at:
                drop_at += 1
                for connection in list(self.dripping):
                    try:
                        connection.send(b"x")
                    except OSError:
                        pass

    def _close(self, connection):
        self.selector.unregister(connection)
        self.dripping.pop(connection, None)
        connection.close()

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self._stopped.set()
        self.thread.join()
        for key in list(self.selector.get_map().values()):
            self._close(key.fileobj)


def state_within(address, url, seconds, idle=IDLE, dripping=DRIPPING) -> dict:
    """Milliseconds within which the state of a model is answered beside the crowd."""
    took = []
    with Crowd(address, idle, dripping) as crowd:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            began = time.monotonic()
            status, _ = ask(f"{url}/v1/models/x")
            took.append(1000 * (time.monotonic() - began))
            assert status == 200
            time.sleep(0.1)
    p50, p99 = np.percentile(took, [50, 99])
    return {"asked": len(took), "p50_ms": p50, "p99_ms": p99, "max_ms": max(took), "reopened": crowd.reopened}


def bad_bodies():
    """Bodies that are wrong in many ways, without end; a pair is a body with its encoding."""
    deep, texts, zeros = b"[" * 100_000, ["a" * 20_000, *[""] * 20_000], [0] * 1_000_000
    wrong = [b"", b"{", b"\xff", deep, {"instances": [texts]}, {"instances": zeros}, {"instances": [[[[2]]]]}]
    wrong += [{"inputs": {"images": [IMAGE] * 200}}, {"instances": [{"b64": "AAAA"}]}, {"signature_name": [1]}]
    wrong += [{"instances": [IMAGE, IMAGE[1:]]}, {"instances": [[[["a"]]]]}, {"instances": [[[[10**400]]]]}]
    encoded = [(body if isinstance(body, bytes) else json.dumps(body).encode(), "identity") for body in wrong]
    bomb = gzip.compress(b"[" + b"0," * 50_000_000)
    encoded += [(bomb, "gzip"), (bomb[:1000], "gzip"), (b"no gzip", "gzip"), (b"{}", "br")]
    while True:
        yield from encoded


def five_minutes(served: Served, seconds: float) -> dict:
    """What clients get, and the memory of the server, while a third of the bodies is wrong."""
    counts, memory, lock, until = Counter(), [], threading.Lock(), time.monotonic() + seconds
    predict, bad = f"{served.url}/v1/models/x:predict", bad_bodies()
    x = images(8)[0].numpy().tolist()
    rows = [{"images": image, "labels": i} for i, image in enumerate(x)]
    good = [{"instances": x[:1]}, {"inputs": x}, {"signature_name": "attribute", "instances": rows}]

    def client(seed):
        draw = random.Random(seed)
        while time.monotonic() < until:
            if draw.random() < 1 / 3:
                with lock:
                    body, encoding = next(bad)
                kind, status = "bad", ask(predict, body, {"Content-Encoding": encoding})[0]
            else:
                kind, status = "good", ask(predict, draw.choice(good))[0]
            with lock:
                counts[kind, status] += 1

    clients = [threading.Thread(target=client, args=(seed,)) for seed in range(CLIENTS)]
    for each in clients:
        each.start()
    while any(each.is_alive() for each in clients):
        memory.append((seconds - (until - time.monotonic()), served.megabytes()))
        time.sleep(min(1, seconds / 100))
    for each in clients:
        each.join()
    return {"answers": dict(counts), "memory": memory}


def stopped_within(served: Served) -> dict:
    """Seconds to the end after SIGTERM, and the answers to what was at work."""
    x = images(4)[0].numpy().tolist()
    body = {"signature_name": "attribute", "inputs": {"images": x, "labels": [1] * 4}}
    answers = []
    clients = [
        threading.Thread(target=lambda: answers.append(ask(f"{served.url}/v1/models/slow:predict", body)[0]))
        for _ in range(2)
    ]
    for each in clients:
        each.start()
    time.sleep(0.5)
    at_work = sum(each.is_alive() for each in clients)
    began = time.monotonic()
    served.process.send_signal(signal.SIGTERM)
    code = served.process.wait(30)
    seconds = time.monotonic() - began
    for each in clients:
        each.join()
    return {"at_work": at_work, "answers": answers, "exit_code": code, "seconds": seconds}


def main(idle_seconds=60.0, load_seconds=300.0) -> None:
    with tempfile.TemporaryDirectory() as folder, Served(folder) as served:
        print(f"{IDLE} idle, {DRIPPING} dripping:", state_within(served.address, served.url, idle_seconds), flush=True)
        found = five_minutes(served, load_seconds)
        fifth = load_seconds / 5
        after = [megabytes for at, megabytes in found["memory"] if at > fifth]
        print(f"{CLIENTS} clients:", found["answers"])
        marks = [round(np.interp(i * fifth, *zip(*found["memory"]))) for i in range(6)]
        print(f"MB at each fifth of the time: {marks}; between {min(after):.0f} and {max(after):.0f} after the first")
        assert not [status for _, status in found["answers"] if status >= 500]
        print("SIGTERM:", stopped_within(served), flush=True)


if __name__ == "__main__":
    main(*map(float, sys.argv[1:]))
