"""What a server counts, for Prometheus, under the names that TensorFlow Serving gives it.

TensorFlow Serving's counters do not end in _total, which prometheus_client adds to every counter of its own; they are
therefore written as samples without a type, which Prometheus treats alike.  Times are in microseconds, as there.
"""

import threading
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from prometheus_client import CollectorRegistry, Histogram, ProcessCollector, generate_latest
from prometheus_client.core import UnknownMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
_TIMES = [
    float(f"{10 * 1.8**i:.6g}") for i in range(33)
]  # Upper edges of the histograms in microseconds, up to 25 minutes.
_REQUESTS, _LOADS = ":tensorflow:serving:request_count", ":tensorflow:cc:saved_model:load_attempt_count"
_LOADING = ":tensorflow:cc:saved_model:load_latency"
_STATUS = {200: "OK", 404: "NOT_FOUND", 413: "RESOURCE_EXHAUSTED", 503: "UNAVAILABLE"}


class Metrics:
    """Counts of one server.  Only names of models that are served become labels: anyone may ask for others."""

    def __init__(self):
        self._lock, self._requests = threading.Lock(), Counter()
        self._loads: Counter[tuple[str, str]] = Counter()
        self._loading: dict[str, float] = defaultdict(float)
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self)
        ProcessCollector(registry=self._registry)
        times: dict[str, Any] = {"buckets": _TIMES, "registry": self._registry}
        name = ":tensorflow:serving:request_latency"
        labels = ["model_name", "API", "entrypoint"]
        self._latency = Histogram(name, "Microseconds from a whole request to its answer.", labels, **times)
        name = ":tensorflow:serving:runtime_latency"
        labels = ["model_name", "API", "runtime"]
        self._runtime = Histogram(name, "Microseconds that the graph of a model took.", labels, **times)

    def answered(self, model: str, status: int, seconds: float) -> None:
        """Counts an answer to a request to predict.

        Args:
            model: its name.
            status: of HTTP.
            seconds: from the whole request to its answer.
        """
        name = _STATUS.get(status) or ("INVALID_ARGUMENT" if status < 500 else "INTERNAL")
        with self._lock:
            self._requests[model, name] += 1
        self._latency.labels(model, "predict", "REST").observe(1e6 * seconds)

    def computed(self, model: str, seconds: float) -> None:
        """Counts a run of the graph of a `model`, which took so many `seconds`."""
        self._runtime.labels(model, "Predict", "TF1").observe(1e6 * seconds)

    def loaded(self, path: str, error: str | None, seconds: float) -> None:
        """Counts an attempt to load a version.

        Args:
            path: of the version.
            error: why it does not load; None where it does.
            seconds: that it took.
        """
        with self._lock:
            self._loads[path, "success" if error is None else "fail"] += 1
            self._loading[path] += 1e6 * seconds

    def collect(self) -> Iterator[UnknownMetricFamily]:
        """The counts, for the registry, which calls it."""
        with self._lock:
            requests, loads, loading = dict(self._requests), dict(self._loads), dict(self._loading)
        yield _family(_REQUESTS, "Requests to predict.", ["model_name", "status"], requests)
        yield _family(_LOADS, "Attempts to load a version.", ["model_path", "status"], loads)
        times = {(path,): microseconds for path, microseconds in loading.items()}
        yield _family(_LOADING, "Microseconds of loading versions, added up.", ["model_path"], times)

    def text(self) -> bytes:
        """All counts in Prometheus' text format."""
        return generate_latest(self._registry)


def _family(name: str, what: str, labels: list[str], counts: Mapping[Any, float]) -> UnknownMetricFamily:
    family = UnknownMetricFamily(name, what, labels=labels)
    for key, count in sorted(counts.items()):
        family.add_metric(key, count)
    return family
