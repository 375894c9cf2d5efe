"""Clients of a server under test, and the load that several of them make."""

import json
import threading
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from flags import serve_flags
from flags.parsing import parse
from launch import serve
from tfrobust.serving import Metrics


class Running:
    """A server in this process on a free port: `with Running("--model=x=FOLDER", **limits) as server`."""

    def __init__(self, *flags, **limits):
        fv = parse((serve_flags.define,), ["serve", "--port=0", *map(str, flags)])
        self.metrics = Metrics()
        self.models = serve.read_models(fv, self.metrics)
        self.server = serve.make_server(fv, self.models, self.metrics, **limits)
        self.address = "127.0.0.1", self.server.effective_port
        self.url = "http://{}:{}".format(*self.address)
        self.thread = threading.Thread(target=self.server.run)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.server.stop()
        self.thread.join()

    def ask(self, path, body=None, headers=None):
        return ask(self.url + path, body, headers)


def ask(url, body=None, headers=None):
    """(status, answer) of a GET, or of a POST where there is a body: bytes, or what becomes JSON."""
    data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data, headers or {}), timeout=60) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as e:
        return e.code, json.load(e)


def load(url, body, clients: int, requests: int) -> dict:
    """Requests a second and percentiles of the milliseconds to an answer, of so many clients that ask at once."""
    data = json.dumps(body).encode()

    def one(_):
        began = time.perf_counter()
        status, _ = ask(url, data)
        return status, time.perf_counter() - began

    began = time.perf_counter()
    with ThreadPoolExecutor(clients) as pool:
        answers = list(pool.map(one, range(requests)))
    seconds = time.perf_counter() - began
    assert all(status == 200 for status, _ in answers)
    p50, p95, p99 = np.percentile([1000 * latency for _, latency in answers], [50, 95, 99])
    return {"per_second": requests / seconds, "p50_ms": p50, "p95_ms": p95, "p99_ms": p99}
