"""TensorFlow Serving's REST API for SavedModels, as a WSGI application: any WSGI server runs it.

    GET  /v1/models/NAME[/versions/N or /labels/LABEL]             states of the versions
    GET  /v1/models/NAME[/versions/N or /labels/LABEL]/metadata    signatures
    POST /v1/models/NAME[/versions/N or /labels/LABEL]:predict     {"signature_name": ..., "instances" or "inputs": ...}
    GET  /monitoring/prometheus/metrics                            counts and times

Bodies may be gzip, and answers are where the client says that it takes it.  An error is {"error": "one line"} with a
status of 4xx where the request is wrong, and of 5xx where it is not.
"""

import json
import logging
import re
import threading
import time
from collections.abc import Iterable, Mapping
from typing import Any

import tensorflow as tf
from werkzeug.exceptions import BadRequest, HTTPException, NotFound, RequestEntityTooLarge, ServiceUnavailable
from werkzeug.routing import BaseConverter, Map, Rule
from werkzeug.wrappers import Request, Response

from tfrobust.serving.bodies import deflate, inflate, read_json
from tfrobust.serving.metrics import CONTENT_TYPE, Metrics
from tfrobust.serving.tensors import Bounds, decode, encode, max_values
from tfrobust.serving.versions import ServedModel, State, Version, inputs_of, outputs_of
from tfrobust.types import InputError

DEFAULT_SIGNATURE = "serving_default"
MONITORING = "/monitoring/prometheus/metrics"
_METHOD = "tensorflow/serving/predict"
# TensorFlow's enum of types has other names for these; it calls all others as TensorFlow does, in capitals.
_DTYPES = {"float32": "FLOAT", "float64": "DOUBLE", "float16": "HALF"}
_LARGE, _WORTH_GZIP = 1 << 20, 1 << 10  # Bytes.
_log = logging.getLogger(__name__)


class _Name(BaseConverter):
    regex = r"[^/:]+"  # A name has no colon: the verb follows it.


def _rules():
    model = "/v1/models/<name:name>"
    for of in model, f"{model}/versions/<int:version>", f"{model}/labels/<name:label>":
        yield Rule(of, endpoint="status", methods=["GET"])
        yield Rule(f"{of}/metadata", endpoint="metadata", methods=["GET"])
        yield Rule(f"{of}:predict", endpoint="predict", methods=["POST"])
    yield Rule(MONITORING, endpoint="monitoring", methods=["GET"])


def is_quick(method: str, path: str) -> bool:
    """Whether a request, with that `method` and `path`, is answered in no time: everything but predictions."""
    return method != "POST" or not path.endswith(":predict")


class RestApi:
    """The application.

    Args:
        models: by name.
        max_body: bytes of a request, inflated.
        bounds: of the tensors in it.
        metrics: where it counts; None: metrics of its own.
        labels: name of the model -> label -> number of the version; None: no model has labels.
    """

    def __init__(
        self,
        models: Mapping[str, ServedModel],
        max_body: int,
        bounds: Bounds,
        metrics: Metrics | None = None,
        labels: Mapping[str, Mapping[str, int]] | None = None,
    ):
        self.models, self.max_body, self.bounds, self.labels = models, max_body, bounds, labels or {}
        self.metrics = metrics or Metrics()
        self._routes = Map(list(_rules()), converters={"name": _Name}, merge_slashes=False, strict_slashes=True)
        # Memory: a large body takes many times its size while it is read, and reading two at once is not faster.
        self._reading = threading.Lock()

    def __call__(self, environ, start_response):
        request = Request(environ)
        try:
            endpoint, where = self._routes.bind_to_environ(environ).match()
            response = getattr(self, f"_{endpoint}")(request, **where)
        except Exception as e:
            response = self._failure(request, e)
        return response(environ, start_response)

    def _failure(self, request: Request, e: Exception) -> Response:
        code, text = 500, f"the server failed: {type(e).__name__}"
        if isinstance(e, HTTPException) and (e.code or 500) >= 400:
            code, text = e.code or 500, _one_line(e.description)
        elif isinstance(e, HTTPException):  # A redirection by werkzeug is no answer of this API.
            code, text = 404, "no such path"
        else:
            _log.exception("%s %r", request.method, request.path)
        response = _answer(request, [json.dumps({"error": text})], code)
        if isinstance(e, HTTPException) and code == 405:
            response.headers.extend([header for header in e.get_headers() if header[0] == "Allow"])
        return response

    def _monitoring(self, request: Request) -> Response:
        return Response(self.metrics.text(), 200, content_type=CONTENT_TYPE)

    def _model(self, name: str) -> ServedModel:
        if name not in self.models:
            raise NotFound(f"no model {name[:100]!r}: there is {', '.join(self.models)}")
        return self.models[name]

    def _number(self, name: str, version: int | None, label: str | None) -> int | None:
        """The number of the version that is asked for, None: the newest."""
        if label is None:
            return version
        labels = self.labels.get(name, {})
        if label not in labels:
            raise NotFound(f"no label {label[:100]!r} of model {name!r}: there is {', '.join(labels) or 'none'}")
        return labels[label]

    def _version(self, name: str, version: int | None, label: str | None) -> Version:
        model = self._model(name)
        number, versions = self._number(name, version, label), model.versions
        if number is None:
            return versions[max(versions)]
        if number not in versions:
            served = ", ".join(map(str, sorted(versions)))
            raise NotFound(f"version {number} of model {name!r} is not served: there is {served}")
        return versions[number]

    def _status(self, request: Request, name: str, version: int | None = None, label: str | None = None):
        states = self._model(name).states
        number = self._number(name, version, label)
        if number is not None and number not in states:
            raise NotFound(f"version {number} of model {name!r} is not there")
        asked = sorted(states, reverse=True) if number is None else [number]
        return _answer(request, [json.dumps({"model_version_status": [_state(n, states[n]) for n in asked]})])

    def _metadata(self, request: Request, name: str, version: int | None = None, label: str | None = None):
        of = self._version(name, version, label)
        signatures = {key: _described(key, signature) for key, signature in of.signatures.items()}
        described = {
            "model_spec": {"name": name, "signature_name": "", "version": str(of.number)},
            "metadata": {"signature_def": {"signature_def": signatures}},
        }
        return _answer(request, [json.dumps(described)])

    def _predict(self, request: Request, name: str, version: int | None = None, label: str | None = None):
        self._model(name)
        began = time.perf_counter()
        try:
            response = _answer(request, self._prediction(request, name, self._version(name, version, label)))
        except Exception as e:
            response = self._failure(request, e)
        self.metrics.answered(name, response.status_code, time.perf_counter() - began)
        return response

    def _prediction(self, request: Request, name: str, of: Version) -> Iterable[str]:
        """The answer, in pieces."""
        try:
            signature, tensors, row = self._read(request, name, of)
            began = time.perf_counter()
            outputs = signature(**tensors)
            self.metrics.computed(name, time.perf_counter() - began)
            return encode(outputs, row)
        except (InputError, tf.errors.InvalidArgumentError) as e:
            raise BadRequest(getattr(e, "message", str(e))) from e
        except (tf.errors.ResourceExhaustedError, MemoryError) as e:
            raise ServiceUnavailable("out of memory: ask for fewer examples at once") from e

    def _read(self, request: Request, name: str, of: Version):
        """(signature, its tensors, whether they came in row format)"""
        if (request.content_length or 0) > self.max_body:
            raise RequestEntityTooLarge(f"the body exceeds the limit of {self.max_body} bytes")
        body = request.environ["wsgi.input"].read(request.content_length or 0)
        body = inflate(body, request.headers.get("Content-Encoding", ""), self.max_body)
        taken = [inputs_of(signature) for signature in of.signatures.values()]
        large = len(body) > _LARGE
        if large:
            self._reading.acquire()
        try:
            asked = read_json(body, max_values(taken, self.bounds.max_batch))
            key = asked.get("signature_name") or DEFAULT_SIGNATURE
            if not isinstance(key, str) or key not in of.signatures:
                there = ", ".join(of.signatures)
                raise BadRequest(f"no signature {str(key)[:100]!r} in model {name!r}: there is {there}")
            tensors, row = decode(asked, inputs_of(of.signatures[key]), self.bounds)
            return of.signatures[key], tensors, row
        finally:
            if large:
                self._reading.release()


def _answer(request: Request, pieces: Iterable[str], status: int = 200) -> Response:
    """A response of JSON; gzip where it is worth it and the client takes it."""
    pieces = list(pieces)
    headers = [("Vary", "Accept-Encoding")]
    if sum(map(len, pieces)) >= _WORTH_GZIP and request.accept_encodings["gzip"] > 0:
        return Response(
            deflate(pieces), status, [*headers, ("Content-Encoding", "gzip")], content_type="application/json"
        )
    return Response("".join(pieces), status, headers, content_type="application/json")


def _one_line(text: str | None) -> str:
    """One line of an error's text: what an assertion in the graph says, or the last line that names no nodes."""
    asserted = re.search(r"assertion failed: \[(.*?)\](?: \[|\s*$)", text or "", re.MULTILINE)
    if asserted:
        return asserted.group(1)
    lines = [line.strip() for line in (text or "").splitlines() if line.strip() and "{{node" not in line]
    return lines[-1][:500] if lines else "error"


def _state(number: int, state: State) -> dict[str, Any]:
    code = "OK" if not state.error else "UNKNOWN"
    return {
        "version": str(number),
        "state": state.state,
        "status": {"error_code": code, "error_message": state.error},
    }


def _described(key: str, signature) -> dict[str, Any]:
    """A signature in the JSON of a SignatureDef."""
    inputs = {name: _tensor_info(spec, f"{key}_{name}:0") for name, spec in inputs_of(signature).items()}
    outputs = {name: _tensor_info(spec, "") for name, spec in outputs_of(signature).items()}
    return {"inputs": inputs, "outputs": outputs, "method_name": _METHOD}


def _tensor_info(spec: tf.TensorSpec, name: str) -> dict[str, Any]:
    dims = [] if spec.shape.rank is None else [{"size": str(-1 if n is None else n), "name": ""} for n in spec.shape]
    dtype = _DTYPES.get(spec.dtype.name, spec.dtype.name.upper())
    return {
        "dtype": f"DT_{dtype}",
        "tensor_shape": {"dim": dims, "unknown_rank": spec.shape.rank is None},
        "name": name,
    }
