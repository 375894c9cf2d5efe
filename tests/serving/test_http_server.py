"""Connections that are idle, slow, wrong or many take nothing from the others; the application is a stub."""

import json
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.helpers import run_tests
from tests.serving.load import Crowd
from tfrobust.serving import HttpServer, Limits

SOON = 5  # Seconds within which a local server answers whatever the machine does besides.


class App:
    """GET answers at once, POST once `go` is set; both with the number of bytes they got."""

    def __init__(self):
        self.go, self.begun = threading.Event(), threading.Semaphore(0)
        self.answer = None

    def __call__(self, environ, start_response):
        if environ["REQUEST_METHOD"] == "POST":
            self.begun.release()
            self.go.wait(30)
        body = self.answer or str(len(environ["wsgi.input"].read())).encode()
        start_response("200 OK", [("Content-Length", str(len(body)))])
        return [body]


class Serving:
    """`with Serving(**limits) as serving`"""

    def __init__(self, threads=2, stop_within=2, **limits):
        self.app = App()
        given = Limits(**{"max_body": 1_000_000, **limits})
        self.server = HttpServer(
            self.app, "127.0.0.1", 0, threads=threads, quick=lambda method, path: method == "GET", limits=given
        )
        self.address = "127.0.0.1", self.server.effective_port
        self.finished = []
        self.thread = threading.Thread(target=lambda: self.finished.append(self.server.run(stop_within)))

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.app.go.set()
        self.server.stop()
        self.thread.join()

    def connect(self, data=b""):
        connection = socket.create_connection(self.address, timeout=SOON)
        connection.sendall(data)
        return connection

    def ask(self, data):
        """(status, body) of what the server says to these bytes until it closes or is silent."""
        with self.connect(data) as connection:
            return read(connection)

    def quick(self):
        return self.ask(b"GET / HTTP/1.0\r\n\r\n")[0] == 200

    def connections(self):
        return len(self.server.active_channels)


def read(connection):
    data = b""
    while b"\r\n\r\n" not in data or len(body_of(data)) < length_of(data):
        got = connection.recv(65536)
        if not got:
            break
        data += got
    assert data, "closed without an answer"
    return int(data.split()[1]), body_of(data)


def body_of(data):
    return data.partition(b"\r\n\r\n")[2]


def length_of(data):
    head = data.partition(b"\r\n\r\n")[0].lower()
    return int(head.partition(b"content-length: ")[2].split()[0])


def post(size, more=""):
    return f"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: {size}\r\n{more}\r\n".encode()


def until(condition, seconds=SOON):
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.02)
    assert condition()


def error(answer, status):
    assert answer[0] == status
    body = json.loads(answer[1])
    assert body.keys() == {"error"} and "\n" not in body["error"]
    return body["error"]


@pytest.mark.parametrize(
    "begun",
    [b"", b"\r\n", b"POST / HT", post(50)[:-2], post(50), post(50) + b"x" * 49, post(50, "Expect: 100-continue\r\n")],
    ids=["idle", "blank line", "request line", "head", "body", "all but a byte", "continue"],
)
def test_a_request_that_is_not_whole_costs_no_worker(begun):
    with Serving(threads=1) as serving:
        waiting = [serving.connect(begun) for _ in range(20)]
        until(lambda: serving.connections() == 20)
        serving.app.go.set()
        assert serving.ask(post(3) + b"abc") == (200, b"3")
        for connection in waiting:
            connection.close()


def test_quick_requests_are_answered_while_all_workers_compute():
    with Serving(threads=2) as serving:
        busy = [serving.connect(post(1) + b"x") for _ in range(5)]
        for _ in range(2):
            assert serving.app.begun.acquire(timeout=SOON)
        assert serving.quick() and serving.quick()
        error(serving.ask(b"nonsense\r\n\r\n"), 400)  # What is no HTTP waits for no worker either.
        serving.app.go.set()
        assert [read(connection) for connection in busy] == [(200, b"1")] * 5


def drip(connection, seconds):
    """Sends a byte ten times a second until an answer is there."""
    connection.settimeout(0.1)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            connection.sendall(b"x")
        except OSError:
            pass
        try:
            connection.recv(1, socket.MSG_PEEK)
            break
        except TimeoutError:
            pass
    connection.settimeout(SOON)


def test_dripping_bytes_do_not_put_off_a_deadline():
    """Wherever in a request they drip; all at once, as each takes as long as a deadline."""
    chunked = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    unfinished = {
        "request line": (b"GET /", "head"),
        "head": (b"GET / HTTP/1.1\r\nHost: x\r\n", "head"),
        "body": (post(1000), "body"),
        "chunk": (chunked + b"3e8\r\n", "body"),
        "size of a chunk": (chunked, "body"),
    }

    def answer_to(begun):
        """What is said to a client that drips, and after how long."""
        with serving.connect(begun) as connection:
            began = time.monotonic()
            drip(connection, 8)
            return read(connection), time.monotonic() - began

    with Serving(head=0.5, body=0.5, linger=0.5) as serving, ThreadPoolExecutor(len(unfinished)) as clients:
        answers = list(clients.map(answer_to, [begun for begun, _ in unfinished.values()]))
        for (where, (_, what)), (answer, took) in zip(unfinished.items(), answers):
            assert f"the {what} of the request" in error(answer, 408), where
            assert took < 8, where
        until(lambda: not serving.connections())


def test_connections_without_a_request_are_closed():
    with Serving(idle=0.5) as serving:
        with serving.connect() as silent, serving.connect(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n") as kept:
            assert read(kept) == (200, b"0")
            kept.sendall(b"\r\n\r\n")  # Blank lines before a request are no request.
            for connection in silent, kept:
                assert connection.recv(1) == b""


def test_a_client_that_does_not_read_holds_no_worker_and_is_closed():
    with Serving(threads=1, answer=1) as serving:
        serving.app.answer = b"x" * 50_000_000
        serving.app.go.set()
        deaf = [serving.connect(post(0)) for _ in range(3)]
        for _ in range(3):
            assert serving.app.begun.acquire(timeout=SOON)
        serving.app.answer = None
        assert serving.ask(post(2) + b"ab") == (200, b"2")
        until(lambda: not serving.connections())
        for connection in deaf:
            connection.close()


@pytest.mark.parametrize(
    "line", [b"GET /%s HTTP/1.1\r\n", b"GET / HTTP/1.1\r\nX: %s\r\n", b"GET / HTTP/1.1\r\n%s: x\r\n"]
)
def test_a_head_without_end_is_refused(line):
    """The server says so long before 100 megabytes are there, and takes no memory for them."""
    before, _, after = line.partition(b"%s")
    with Serving(max_head=10_000) as serving, serving.connect(before) as connection:
        for _ in range(100):
            connection.sendall(b"x" * 1_000_000)
        connection.sendall(after + b"\r\n")
        assert "limit of 10000 bytes" in error(read(connection), 431)


def test_many_small_headers_are_a_large_head():
    headers = b"".join(b"X-%d: x\r\n" % i for i in range(2000))
    with Serving(max_head=10_000) as serving:
        assert "10000 bytes" in error(serving.ask(b"GET / HTTP/1.1\r\n" + headers + b"\r\n"), 431)


@pytest.mark.parametrize("body", [post(1_000_001) + b"x" * 1_000_001, post(10**30)], ids=["sent", "said"])
def test_a_large_body_is_refused(body):
    with Serving() as serving:
        assert "limit of 1000000 bytes" in error(serving.ask(body), 413)
        serving.app.go.set()
        assert serving.ask(post(1_000_000) + b"x" * 1_000_000) == (200, b"1000000")


def test_a_large_body_in_chunks_is_refused():
    with (
        Serving(max_body=1000) as serving,
        serving.connect(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n") as c,
    ):
        for _ in range(100):
            c.sendall(b"100\r\n" + b"x" * 256 + b"\r\n")
        assert "limit of 1000 bytes" in error(read(c), 413)


@pytest.mark.parametrize(
    "request_, status",
    [
        (b"hello\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nno header\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nX: a\nY: b\r\n\r\n", 400),
        (b"get / HTTP/1.1\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: 1, 1\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nnothex\r\n", 400),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n", 501),
    ],
)
def test_what_is_no_http_is_an_error_in_json(request_, status):
    with Serving() as serving:
        error(serving.ask(request_), status)


def test_new_clients_get_in_where_there_are_too_many():
    with Serving(threads=1, max_connections=20, max_waiting=5) as serving:
        working = serving.connect(post(1) + b"x")
        assert serving.app.begun.acquire(timeout=SOON)
        crowd = [serving.connect(begun) for begun in (b"", b"GET", post(9)) for _ in range(20)]
        assert all(serving.quick() for _ in range(20))
        until(lambda: serving.connections() <= 21)
        serving.app.go.set()
        assert read(working) == (200, b"1")  # What is at work is never closed.
        for connection in crowd:
            connection.close()


def test_requests_that_would_wait_too_long_are_told_so():
    with Serving(threads=1, max_waiting=3) as serving:
        connections = [serving.connect(post(1) + b"x")]
        assert serving.app.begun.acquire(timeout=SOON)
        connections += [serving.connect(post(1) + b"x") for _ in range(3)]
        until(lambda: len(serving.server._workers.queue) == 3)
        assert "try again" in error(serving.ask(post(1) + b"x"), 503)
        serving.app.go.set()
        assert [read(connection)[0] for connection in connections] == [200] * 4


def test_requests_on_one_connection_are_answered_in_order():
    with (
        Serving() as serving,
        serving.connect(post(2) + b"ab" + post(1) + b"a" + b"GET / HTTP/1.1\r\n\r\n") as connection,
    ):
        serving.app.go.set()
        data = b""
        while data.count(b"HTTP/1.1 200") < 3 or not data.endswith(b"\r\n\r\n0"):
            data += connection.recv(65536)
        assert [part.partition(b"\r\n\r\n")[2] for part in data.split(b"HTTP/1.1")[1:]] == [b"2", b"1", b"0"]


def test_the_end_answers_what_has_begun():
    with Serving(threads=1) as serving:
        working, waiting = serving.connect(post(1) + b"x"), serving.connect(post(2) + b"xx")
        assert serving.app.begun.acquire(timeout=SOON)
        idle, begun = serving.connect(), serving.connect(post(3) + b"x")
        until(lambda: serving.connections() == 4)
        serving.server.stop()
        assert idle.recv(1) == b""
        with pytest.raises(OSError):
            serving.connect()
        begun.sendall(b"xx")
        serving.app.go.set()
        assert [read(each) for each in (working, waiting, begun)] == [(200, b"1"), (200, b"2"), (200, b"3")]
        serving.thread.join(SOON)
        assert serving.finished == [True]


def test_the_end_does_not_wait_for_ever():
    with Serving(threads=1, stop_within=0.5) as serving:
        connections = [serving.connect(post(1) + b"x"), serving.connect(post(9)), serving.connect(b"GET")]
        assert serving.app.begun.acquire(timeout=SOON)
        began = time.monotonic()
        serving.server.stop()
        serving.thread.join(SOON)
        assert serving.finished == [False] and time.monotonic() - began < 4
        for connection in connections:
            connection.close()


def test_a_crowd_does_not_delay_quick_requests():
    """The short form of what `load` measures for a minute."""
    with Serving(threads=2, head=0.5, body=0.5) as serving, Crowd(serving.address, 200, 50) as crowd:
        took, end = [], time.monotonic() + 1.5
        while time.monotonic() < end or (crowd.reopened < 50 and time.monotonic() < end + SOON):
            began = time.monotonic()
            assert serving.quick()
            took.append(time.monotonic() - began)
            time.sleep(0.02)
        assert sorted(took)[len(took) * 9 // 10] < 0.2 and max(took) < 1
    assert crowd.reopened >= 50  # Those that drip are told that they are too slow.


if __name__ == "__main__":
    run_tests(__file__)
