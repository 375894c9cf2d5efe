"""Serves SavedModels over HTTP with TensorFlow Serving's REST API: a client of it works unchanged.

    python -m launch.serve --model=x=served/x --port=8501

served/x holds versions, folders with a number, as python -m launch.export leaves them: the newest is served, until a
newer one is there (--versions says otherwise).  GET /v1/models/x, GET /v1/models/x/metadata, POST
/v1/models/x:predict, GET /monitoring/prometheus/metrics.
A SavedModel is a program: its graph can read and write files and do all that this process may do.  Serve only what
you trust, from folders to which nobody else can write.
The server speaks to this machine alone unless --host says otherwise, and then to anyone: who may ask, and encryption,
are the business of a proxy before it.  SIGTERM and Ctrl-C end it within 5 seconds, with what it works on answered.
"""

from __future__ import annotations

import os
import sys
import threading
from typing import TYPE_CHECKING

from absl import flags

from flags import serve_flags
from launch.command_line import signals, verb
from tfrobust.errors import InputError

if TYPE_CHECKING:
    from tfrobust.serving import HttpServer, Metrics, ServedModel


def read_models(fv: flags.FlagValues, metrics: Metrics | None = None) -> dict[str, ServedModel]:
    """name -> the model in its folder."""
    from tfrobust.serving import ServedModel

    wanted, loaded = serve_flags.read_versions(fv.versions), metrics.loaded if metrics else None
    return {name: ServedModel(name, folder, wanted, loaded) for name, folder in serve_flags.named_folders(fv).items()}


def make_server(fv: flags.FlagValues, models: dict[str, ServedModel], metrics: Metrics, **limits) -> HttpServer:
    """The server, bound to its port and not yet answering; raises InputError where the port cannot be had.

    limits: fields of Limits that differ from its defaults."""
    from tfrobust.serving import Bounds, HttpServer, Limits, RestApi, affordable_connections, is_quick

    max_body = int(fv.max_body_mb * 1e6)
    labels = serve_flags.read_labels(fv.label, models)
    api = RestApi(models, max_body, Bounds(fv.max_batch, fv.resize), metrics, labels)
    connections = affordable_connections(fv.max_connections)
    given = {"max_connections": connections, "max_waiting": min(256, connections // 2), **limits}
    try:
        return HttpServer(api, fv.host, fv.port, threads=fv.threads, quick=is_quick, limits=Limits(max_body, **given))
    except (OSError, ValueError) as e:
        raise InputError(f"cannot listen on {fv.host}:{fv.port} ({e}): give another --port or --host") from e


def watch(models: dict[str, ServedModel], seconds: float, stopped: threading.Event) -> None:
    """Follows the folders until stopped; says once what stands in the way of a version."""
    said = set()
    while not stopped.wait(seconds):
        for model in models.values():
            taken, errors = None, []
            try:
                taken = model.refresh()
            except InputError as e:  # The folder is gone, or away for a while: what is in memory is served.
                errors = [str(e)]
            if taken:
                print(f"{model.name}: version {taken.number}", flush=True)
            for error in [*errors, *model.failed.values()]:
                if error not in said:
                    print(f"{model.name}: {error}", file=sys.stderr, flush=True)
                    said.add(error)


def serve(fv: flags.FlagValues) -> None:
    from tfrobust.serving import Metrics

    metrics = Metrics()
    models = read_models(fv, metrics)
    server = make_server(fv, models, metrics)
    stopped = threading.Event()
    watcher = threading.Thread(target=watch, args=(models, fv.poll_seconds, stopped), daemon=True)
    with signals.told(server.stop):
        if fv.poll_seconds:
            watcher.start()
        host = f"[{server.effective_host}]" if ":" in server.effective_host else server.effective_host
        for name, model in models.items():
            url = f"http://{host}:{server.effective_port}/v1/models/{name}"
            print(f"{name}: version {', '.join(map(str, sorted(model.versions)))}: {url}", flush=True)
        answered = _answer(server)
    stopped.set()
    if watcher.is_alive():
        watcher.join(0.1)
    print("stopped", flush=True)
    # A thread inside TensorFlow would hold up an ordinary end, or crash in it.
    if signals.installed() and (not answered or watcher.is_alive()):
        sys.stderr.flush()
        os._exit(0)


def _answer(server: HttpServer) -> bool:
    """Answers until the server is stopped; returns whether all that had begun was answered."""
    try:
        return server.run()
    except KeyboardInterrupt:  # Ctrl-C where the verb is not the process, so that no signal calls `stop`.
        server.stop()
        return server.run()


def main(argv=None) -> int:
    return verb.run("serve", __doc__, (serve_flags.define,), serve, argv=argv, check=serve_flags.check)


if __name__ == "__main__":
    verb.as_process(main)
