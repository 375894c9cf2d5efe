"""Serves SavedModels over HTTP with TensorFlow Serving's REST API: a client of it works unchanged.

    python -m launch.serve --model=x=served/x --port=8501

served/x holds versions, folders with a number, as python -m launch.export leaves them: the newest is served, until a
newer one is there.  GET /v1/models/x, GET /v1/models/x/metadata, POST /v1/models/x:predict.
It speaks to this machine alone unless --host says otherwise, and then to anyone: who may ask, and encryption, are the
business of a proxy before it.  SIGTERM and Ctrl-C end it when what it works on is answered.
"""

import contextlib
import os
import re
import signal
import sys
import threading
from typing import Dict

from absl import flags
from cheroot import wsgi

from launch import verb
from tfrobust.serving import RestApi, ServedModel
from tfrobust.types import InputError

STOP_WITHIN = 30  # Seconds that requests have to end in when the server is stopped.
CLIENT_TIMEOUT = 30  # Seconds without a byte from a client after which its connection is closed.


def serve_flags(fv: flags.FlagValues) -> None:
    """What is served, where, and how much of it at once."""
    where = {"flag_values": fv}
    flags.DEFINE_multi_string("model", None, "NAME=FOLDER with versions; once for each model. Required.", **where)
    flags.DEFINE_string("host", "127.0.0.1", "Address to listen on; 0.0.0.0: all of this machine.", **where)
    flags.DEFINE_integer("port", 8501, "Port (0: a free one).", lower_bound=0, upper_bound=65535, **where)
    flags.DEFINE_integer("threads", 4, "Requests worked on at once; more wait.", lower_bound=1, **where)
    flags.DEFINE_integer("max_batch", 128, "Examples in a request.", lower_bound=1, **where)
    flags.DEFINE_float("max_body_mb", 32, "Megabytes of a request.", lower_bound=0.001, **where)
    flags.DEFINE_float("poll_seconds", 2, "Time between looks for a newer version (0: never).", lower_bound=0, **where)
    flags.mark_flag_as_required("model", fv)


def read_models(given) -> Dict[str, ServedModel]:
    """name -> the model in its folder."""
    models = {}
    for text in given:
        name, _, folder = text.rpartition("=")
        name = name or os.path.basename(os.path.normpath(folder))
        if name in models or not re.fullmatch(r"[\w.-]+", name):
            raise InputError(f"--model={text}: {name!r} is there twice or no name: give NAME=FOLDER for each")
        models[name] = ServedModel(name, folder)
    return models


def make_server(fv: flags.FlagValues, models: Dict[str, ServedModel]) -> wsgi.Server:
    """The server, bound to its port and not yet answering; raises InputError where the port cannot be had."""
    api = RestApi(models, int(fv.max_body_mb * 1e6), fv.max_batch)
    server = wsgi.Server(
        (fv.host, fv.port),
        api,
        numthreads=fv.threads,
        request_queue_size=128,
        timeout=CLIENT_TIMEOUT,
        shutdown_timeout=STOP_WITHIN,
    )
    try:
        server.prepare()
    except OSError as e:
        raise InputError(f"cannot listen on {fv.host}:{fv.port} ({e}): give another --port or --host") from e
    return server


def watch(models: Dict[str, ServedModel], seconds: float, stopped: threading.Event) -> None:
    """Takes up newer versions until stopped; says once what stands in the way of one."""
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
    models = read_models(fv.model)
    server = make_server(fv, models)
    stopped = threading.Event()

    def stop(*_):
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, stop)
    if fv.poll_seconds:
        threading.Thread(target=watch, args=(models, fv.poll_seconds, stopped), daemon=True).start()
    host, port = server.bind_addr[:2]
    for name, model in models.items():
        print(f"{name}: version {model.newest.number}: http://{host}:{port}/v1/models/{name}", flush=True)
    with contextlib.suppress(KeyboardInterrupt):
        server.serve()
    stopped.set()
    server.stop()
    print("stopped", flush=True)


def main(argv=None) -> int:
    return verb.run("serve", __doc__, (serve_flags,), serve, argv)


if __name__ == "__main__":
    sys.exit(main())
