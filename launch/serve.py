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
import re
import resource
import sys
import threading
from typing import TYPE_CHECKING, Collection, Dict, Optional, Sequence, Union

from absl import flags

from launch.command_line import signals, verb
from tfrobust.errors import InputError
from tfrobust.names import ALL, LATEST

if TYPE_CHECKING:
    from tfrobust.serving import HttpServer, Metrics, ServedModel

FILES_PER_CONNECTION = 3  # Its socket, and temporary files for a large body and a large answer.
OTHER_FILES = 200


def serve_flags(fv: flags.FlagValues) -> None:
    """What is served, where, and how much of it at once."""
    where = {"flag_values": fv}
    flags.DEFINE_multi_string("model", None, "NAME=FOLDER with versions; once for each model. Required.", **where)
    flags.DEFINE_string("versions", LATEST, "latest, all, or numbers such as 3,5: the versions served.", **where)
    flags.DEFINE_multi_string("label", None, "NAME:LABEL=N: version N of model NAME under a label too.", **where)
    flags.DEFINE_string("host", "127.0.0.1", "Address to listen on; 0.0.0.0: all of this machine.", **where)
    flags.DEFINE_integer("port", 8501, "Port (0: a free one).", lower_bound=0, upper_bound=65535, **where)
    flags.DEFINE_integer("threads", 4, "Requests worked on at once; more wait.", 1, 1024, **where)
    flags.DEFINE_integer("max_connections", 1000, "Connections; a new one closes an idle one.", 300, 100_000, **where)
    flags.DEFINE_integer("max_batch", 128, "Examples in a request.", 1, 2**31 - 1, **where)
    flags.DEFINE_float("max_body_mb", 32, "Megabytes of a request, inflated.", 0.001, 2000, **where)
    flags.DEFINE_boolean("resize", False, "Resize a JPEG or PNG to the size the model takes.", **where)
    flags.DEFINE_float("poll_seconds", 2, "Time between looks for a newer version (0: never).", 0, 1e6, **where)
    flags.mark_flag_as_required("model", fv)


def check(fv: flags.FlagValues) -> None:
    """Raises InputError for models, versions and labels that are not written as they must be."""
    read_labels(fv.label, named_folders(fv))
    _read_versions(fv.versions)


def named_folders(fv: flags.FlagValues) -> Dict[str, str]:
    """name -> the folder of a model; raises InputError where --model does not say that."""
    folders = {}
    for text in fv.model:
        name, _, folder = text.rpartition("=")
        name = name or os.path.basename(os.path.normpath(folder))
        if name in folders or not re.fullmatch(r"[\w.-]+", name):
            raise InputError(f"--model={text}: {name!r} is there twice or no name: give NAME=FOLDER for each")
        folders[name] = folder
    return folders


def read_models(fv: flags.FlagValues, metrics: Optional[Metrics] = None) -> Dict[str, ServedModel]:
    """name -> the model in its folder."""
    from tfrobust.serving import ServedModel

    wanted, loaded = _read_versions(fv.versions), metrics.loaded if metrics else None
    return {name: ServedModel(name, folder, wanted, loaded) for name, folder in named_folders(fv).items()}


def _read_versions(text: str) -> Union[str, Sequence[int]]:
    """LATEST, ALL or the numbers."""
    if text in (LATEST, ALL):
        return text
    if not re.fullmatch(r"[0-9]{1,19}(,[0-9]{1,19})*", text):
        raise InputError(f"--versions={text}: give latest, all, or numbers such as 3,5")
    return tuple(sorted({int(number) for number in text.split(",")}))


def read_labels(given: Optional[Sequence[str]], models: Collection[str]) -> Dict[str, Dict[str, int]]:
    """name of the model -> label -> number of the version.  models: the names that there are."""
    labels = {}
    for text in given or ():
        found = re.fullmatch(r"([\w.-]+):([\w.-]+)=([0-9]{1,19})", text)
        if not found or found[1] not in models:
            raise InputError(f"--label={text}: give NAME:LABEL=N, the name of a --model and the number of a version")
        labels.setdefault(found[1], {})[found[2]] = int(found[3])
    return labels


def make_server(fv: flags.FlagValues, models: Dict[str, ServedModel], metrics: Metrics, **limits) -> HttpServer:
    """The server, bound to its port and not yet answering; raises InputError where the port cannot be had.

    limits: fields of Limits that differ from its defaults."""
    from tfrobust.serving import Bounds, HttpServer, Limits, RestApi, is_quick

    max_body = int(fv.max_body_mb * 1e6)
    labels = read_labels(fv.label, models)
    api = RestApi(models, max_body, Bounds(fv.max_batch, fv.resize), metrics, labels)
    connections = _connections(fv.max_connections)
    given = {"max_connections": connections, "max_waiting": min(256, connections // 2), **limits}
    try:
        return HttpServer(api, fv.host, fv.port, fv.threads, is_quick, Limits(max_body, **given))
    except (OSError, ValueError) as e:
        raise InputError(f"cannot listen on {fv.host}:{fv.port} ({e}): give another --port or --host") from e


def _connections(wanted: int) -> int:
    """So many connections, or as many as this process may have files open for."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = FILES_PER_CONNECTION * wanted + OTHER_FILES
    if soft != resource.RLIM_INFINITY and soft < needed:
        soft = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        return max(1, (soft - OTHER_FILES) // FILES_PER_CONNECTION)
    return wanted


def watch(models: Dict[str, ServedModel], seconds: float, stopped: threading.Event) -> None:
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
    return verb.run("serve", __doc__, (serve_flags,), serve, argv, check)


if __name__ == "__main__":
    verb.as_process(main)
