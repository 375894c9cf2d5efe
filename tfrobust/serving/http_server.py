"""An HTTP server in which a connection costs a worker thread only while a whole request of it is computed.

It is waitress: one thread reads and writes all connections, and hands a request to a worker once its last byte has
come.  This module adds what waitress leaves out.  A whole head and a whole body have a deadline (waitress closes a
connection only when nothing happens on it, so that a byte a second would keep it for ever).  Quick requests have
threads of their own.  Where there are too many connections, a new one takes the place of an idle one.  Errors are JSON.
A server that is stopped answers what has begun.
"""

import json
import logging
import resource
import socket
import threading
import time
from collections.abc import Callable
from typing import Any, NamedTuple

from waitress import wasyncore
from waitress.adjustments import Adjustments
from waitress.channel import HTTPChannel
from waitress.server import TcpWSGIServer
from waitress.task import ErrorTask, ThreadedTaskDispatcher
from waitress.utilities import Error

QUICK_THREADS = 2
ACCEPTED_AT_ONCE = 64  # New connections between two looks at the ones there are.
RECEIVED_AT_ONCE = 1 << 16  # Bytes.
FILES_PER_CONNECTION = 3  # Its socket, and temporary files for a large body and a large answer.
OTHER_FILES = 200


class Limits(NamedTuple):
    """What a client may take.  Sizes are in bytes, times in seconds.

    Attributes:
        max_body: of a request.
        max_head: request line and headers.
        max_connections: at once.
        max_waiting: requests that wait for a worker; more are answered by 503.
        head, body: from the first byte of a request to the end of its head, and from there to its last byte.
        answer: until the client has taken its answer.
        idle: a connection without a request.
        linger: the rest of a request that was refused is read for so long and dropped, because a client that cannot
          send it does not look for an answer.
    """

    max_body: int
    max_head: int = 32 << 10
    max_connections: int = 1000
    max_waiting: int = 256
    head: float = 10
    body: float = 60
    answer: float = 120
    idle: float = 60
    linger: float = 5


def affordable_connections(wanted: int) -> int:
    """How many connections this process may have: as many as `wanted`, or as it may have files open for.

    The process is let open more files where that can be.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = FILES_PER_CONNECTION * wanted + OTHER_FILES
    if soft != resource.RLIM_INFINITY and soft < needed:
        soft = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        return max(1, (soft - OTHER_FILES) // FILES_PER_CONNECTION)
    return wanted


class _TimedOutError(Error):
    code, reason = 408, "Request Timeout"


class _TooBusyError(Error):
    code, reason = 503, "Service Unavailable"


class _JsonErrorTask(ErrorTask):
    """The answer to a request that never reaches the application."""

    def execute(self):
        error, limits = self.request.error, self.channel.server.limits
        too_large = {413: f"the body exceeds the limit of {limits.max_body} bytes"}
        too_large[431] = f"request line and headers exceed the limit of {limits.max_head} bytes"
        text = too_large.get(error.code) or " ".join(f"{error.reason}: {error.body}".split())
        body = json.dumps({"error": text}).encode()
        self.status = f"{error.code} {error.reason}"
        self.response_headers.append(("Content-Type", "application/json"))
        self.set_close_on_finish()
        self.content_length = len(body)
        self.write(body)


class _Channel(HTTPChannel):
    """A connection.  since: when its state began, as time.monotonic() counts."""

    request: Any  # The one that is being read; None between two.
    error_task_class = _JsonErrorTask
    # In the order in which connections give way to a new one; one that is "working" never does.
    STATES = ("linger", "idle", "head", "body", "answer", "working")

    def __init__(self, server, *args, **kw):
        self.since, self._refused, self._lingers = time.monotonic(), False, False
        super().__init__(server, *args, **kw)

    @property
    def state(self) -> str:
        if self._lingers:
            return "linger"
        if self.requests:
            return "working"
        if self.total_outbufs_len:
            return "answer"
        request = self.request
        return "idle" if request is None else "body" if request.headers_finished else "head"

    def rank(self) -> tuple:
        """Its place among those that give way.  A new client has a second to send its request, whatever its state."""
        state = self.state
        fresh = time.monotonic() - self.since < 1
        return state == "working", fresh, 0 if fresh else self.STATES.index(state), self.since

    def received(self, data: bytes) -> bool:
        before = self.request
        taken = super().received(data)
        if self.request is not None and self.request is not before:
            self.since = time.monotonic()
        return taken

    def service(self) -> None:
        self._refused = self._refused or self.requests[0].error is not None
        super().service()

    def write_soon(self, data) -> int:
        self.since = time.monotonic()
        return super().write_soon(data)

    def check_deadline(self) -> None:
        """Ends what takes too long, with an answer where a request has begun."""
        state, limits = self.state, self.server.limits
        if state == "working":
            return
        allowed = limits.head + limits.body if state == "body" else getattr(limits, state)
        if time.monotonic() - self.since < allowed:
            return
        if state not in ("head", "body"):
            self.handle_close()
            return
        with self.requests_lock:
            request, self.request = self.request, None
            request.error = _TimedOutError(f"the {state} of the request did not come within {allowed:g} seconds")
            request.completed = True
            self.requests.append(request)
        self.server.add_task(self)

    # The system resets a connection that is closed while the client still sends, and its answer is lost.

    def handle_close(self) -> None:
        if self._refused and self.connected and not self._lingers:
            self._lingers, self.will_close, self.since = True, False, time.monotonic()
            try:
                self.socket.shutdown(socket.SHUT_WR)
                return
            except OSError:  # The client is gone.
                pass
        super().handle_close()

    def handle_read(self) -> None:
        if not self._lingers:
            super().handle_read()
            return
        try:
            self.recv(RECEIVED_AT_ONCE)  # Calls handle_close at the end of what the client sends.
        except OSError:
            self.handle_close()


class HttpServer(TcpWSGIServer):
    """Serves a WSGI application.  It is bound to its port once made.

    Args:
        application: called by `threads` workers.
        host, port: where it listens.
        threads: how many workers compute.
        quick: (method, path) -> whether such a request takes no time; these requests, and errors, have other threads,
          and are answered while all workers compute.
        limits: what a client may take.

    Raises:
        OSError, ValueError: where it cannot be bound, with the reason.
    """

    channel_class = _Channel

    def __init__(self, application: Callable, host: str, port: int, *, threads: int, quick: Callable, limits: Limits):
        self.limits, self._is_quick = limits, quick
        self._stopping, self._ended = threading.Event(), False
        self._next_look, self._giving_way = 0.0, []
        self._workers, self._quick = ThreadedTaskDispatcher(), ThreadedTaskDispatcher()
        logging.getLogger("waitress.queue").setLevel(
            logging.ERROR
        )  # waitress would log a warning for every request that waits.
        settings = Adjustments(
            host=host,
            port=port,
            ident=None,
            backlog=1024,
            asyncore_use_poll=True,  # select() cannot take more than 1024 files.
            log_socket_errors=False,
            recv_bytes=RECEIVED_AT_ONCE,
            max_request_header_size=limits.max_head + 1,  # waitress refuses what reaches its limit.
            max_request_body_size=limits.max_body + 1,
            connection_limit=2 * limits.max_connections + ACCEPTED_AT_ONCE,  # handle_accept keeps the smaller limit.
            # Beyond it a worker waits for its client.  It never does: a large answer waits in a temporary file.
            outbuf_high_watermark=1 << 62,
        )
        super().__init__(application, dispatcher=self._workers, adj=settings)
        self._workers.set_thread_count(threads)
        self._quick.set_thread_count(QUICK_THREADS)

    def run(self, stop_within: float = 4.5) -> bool:
        """Answers until `stop` is called, then finishes what has begun.

        Args:
            stop_within: the most seconds for that.

        Returns:
            Whether all that had begun was answered.
        """
        while not self._stopping.is_set():
            self._turn(1)
        self._turn(0)  # A request that came before the stop may not have been accepted yet, ...
        wasyncore.dispatcher.close(self)  # New clients are refused from here on.
        self._turn(0)  # ... or accepted and not been read: it would be taken for an idle connection.
        until = time.monotonic() + stop_within
        while (under_way := self._under_way()) and time.monotonic() < until:
            self._turn(0.05)
        if not under_way:
            self._workers.shutdown()
            self._quick.shutdown()
        self._ended = True
        wasyncore.close_all(self._map)
        return not under_way

    def stop(self) -> None:
        """Ends `run`.  Another thread or the handler of a signal may call it."""
        self._stopping.set()
        if not self._ended:
            self.pull_trigger()

    def _turn(self, timeout: float) -> None:
        # Between two turns, because the number of a file that is closed during a turn may be given to another file.
        for channel in self._giving_way:
            if channel.state != "working":
                channel.handle_close()
        self._giving_way.clear()
        if time.monotonic() >= self._next_look:
            self._next_look = time.monotonic() + 1
            for channel in list(self.active_channels.values()):
                channel.check_deadline()
        wasyncore.loop(timeout, use_poll=True, map=self._map, count=1)

    def _under_way(self) -> bool:
        """Whether a request is being read, computed or answered; other connections are closed."""
        busy = False
        for channel in list(self.active_channels.values()):
            if channel.state in ("body", "answer", "working"):
                busy = True
            else:
                channel.handle_close()
        return busy

    def add_task(self, task: _Channel) -> None:
        """Hands the first request of the channel `task`, which is whole, to a worker."""
        request = task.requests[0]
        if request.error is None and not self._is_quick(request.command, request.path):
            if len(self._workers.queue) < self.limits.max_waiting:
                self._workers.add_task(task)
                return
            request.error = _TooBusyError("too many requests wait: try again later")
        self._quick.add_task(task)

    def handle_accept(self) -> None:
        """Takes new connections.

        Where there are too many, each closes the one that has waited longest; requests that are computed or wait for it
        are fewer than the limit, so that a new client always finds room.
        """
        for _ in range(ACCEPTED_AT_ONCE):
            before = len(self.active_channels)
            super().handle_accept()
            if len(self.active_channels) == before:
                return
            if before >= self.limits.max_connections:
                others = [channel for channel in self.active_channels.values() if channel not in self._giving_way]
                first = min(others, key=_Channel.rank)
                if first.state != "working":
                    self._giving_way.append(first)

    def maintenance(self, now: float) -> None:
        """Does nothing, whatever the time `now`: `check_deadline` ends connections here."""
