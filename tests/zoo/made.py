"""A comparison of two tiny networks as launch.compare leaves it, a release of it, and a server on this machine."""

import contextlib
import functools
import http.server
import json
import os
import shutil
import tempfile
import threading
from dataclasses import replace

import pytest

from tests.helpers import linear_network, shallow_network, without_graphs
from tfrobust import zoo
from tfrobust.attacks import Ensemble, Ifia, Noise, Pgd, TopK
from tfrobust.attributions import make_map
from tfrobust.evaluation import MapTask, Suite
from tfrobust.experiments.evaluations import EvaluationImages, evaluate_run
from tfrobust.experiments.recipe import DataSpec
from tfrobust.similarity import Comparison

SETTINGS = "--dataset=digits\n--method={}\n--model=digits_cnn\n--noequalize\n--seed=0\n--steps=7\n# images 0123\n"
VERSIONS = {"tfrobust": "0", "tensorflow": "2", "keras": "2", "onednn": True}
EPS = 0.1
ROWS = {name: zoo.Row(f"flags/digits/{name}.flags", ("--steps=7",)) for name in ("natural", "madry")}
NAME = "digits-madry-seed0"
TURNS, SECONDS = 300, 0.2  # A server ends by itself after so many turns: a request each, or so long a wait for one.


def suite() -> Suite:
    task = MapTask(make_map(steps=2), Ifia(EPS, 1, 0.05, goal=TopK(8)), Comparison(8))
    auto = replace(task, attack=Ensemble(EPS, parts={"noise": Noise(EPS, restarts=2)}))
    return Suite(
        "evaluation",
        {"PGD": Pgd(EPS, 1, 0.05)},
        {"IFIA top-k": task, "auto": auto},
        examples=40,
        attribution_examples=3,
        doubled=0,
        aligned=False,
    )


@functools.cache
def _template() -> str:
    """A folder with the comparison and its release, made once in a process."""
    holder = tempfile.TemporaryDirectory(prefix="tfrobust-zoo-")
    _HELD.append(holder)
    compared = os.path.join(holder.name, "runs")
    data = DataSpec("digits")
    images = EvaluationImages.of(data.read())
    for seed, method in enumerate(ROWS):
        folder = os.path.join(compared, "seed0", method)
        os.makedirs(folder)
        shallow_network(seed).save(os.path.join(folder, "network.keras"))
        write(os.path.join(folder, "run.flags"), SETTINGS.format(method))
        done = {"steps": 7, "seconds": 1.5, "versions": VERSIONS, "commit": "abc1234", "date": "2026-01-01"}
        write(os.path.join(folder, "run.json"), json.dumps(done))
        with without_graphs():
            evaluate_run(folder, "auto", data, images, suite())
    write(os.path.join(compared, "costs.json"), json.dumps({"natural": 0.5, "madry": 1.0}))
    rows = ",".join(row.flagfile for row in ROWS.values())
    write(os.path.join(compared, "auto.flags"), f"--rows={rows}\n--overrides=--steps=7,--data_dir=/secret\n")
    zoo.add_runs(compared, os.path.join(holder.name, "release"), rows=ROWS, licence="apache-2.0")
    return holder.name


_HELD: list[tempfile.TemporaryDirectory] = []  # Removed when the process ends.


def comparison(folder, name: str = "runs", seed: int = 0) -> str:
    """A copy of the comparison, in the folder, as of that seed."""
    path = shutil.copytree(os.path.join(_template(), "runs"), os.path.join(folder, name))
    if seed:
        os.rename(os.path.join(path, "seed0"), os.path.join(path, f"seed{seed}"))
    return str(path)


def release(folder, name: str = "release", network: str = NAME) -> str:
    """A copy of the release, in the folder; the first network of it has that name."""
    path = str(shutil.copytree(os.path.join(_template(), "release"), os.path.join(folder, name), dirs_exist_ok=True))
    if network != NAME:
        first = replace(index().named(NAME), name=network)
        os.rename(os.path.join(path, f"{NAME}.keras"), os.path.join(path, first.file))
        write(os.path.join(path, "index.json"), zoo.Index((first,)).as_text())
    return path


def index() -> zoo.Index:
    return zoo.fetch_index(os.path.join(_template(), "release"))


def other_network(path) -> None:
    """Saves a network of other weights there."""
    import numpy as np

    linear_network(np.ones((8, 8, 1, 10))).save(path)


def write(path, text: str) -> None:
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


@contextlib.contextmanager
def served(folder, answers=None):
    """The address of a server of the folder on this machine, which answers for a minute at most.

    answers: path -> (status, headers, bytes) in the place of a file.
    """

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args):
            super().__init__(*args, directory=str(folder))

        def do_GET(self):
            if self.path not in (answers or {}):
                return super().do_GET()
            status, headers, body = answers[self.path]
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            return self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    server.timeout = SECONDS
    ended = threading.Event()

    def serve():
        for _ in range(TURNS):
            if ended.is_set():
                return
            server.handle_request()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("no_proxy", "127.0.0.1")
            yield f"http://127.0.0.1:{server.server_port}"
    finally:
        ended.set()
        thread.join()
        server.server_close()
