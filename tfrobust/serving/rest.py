"""TensorFlow Serving's REST API for SavedModels, as a WSGI application: any WSGI server runs it.

    GET  /v1/models/NAME[/versions/N]             state
    GET  /v1/models/NAME[/versions/N]/metadata    signatures
    POST /v1/models/NAME[/versions/N]:predict     {"signature_name": ..., "instances" or "inputs": ...}

An error is {"error": "one line"} with a status of 4xx where the request is wrong, and of 5xx where it is not.
"""

import json
import logging
import re
from typing import Any, Dict, Mapping, Optional

import tensorflow as tf
from werkzeug.exceptions import BadRequest, HTTPException, NotFound, ServiceUnavailable
from werkzeug.routing import BaseConverter, Map, Rule
from werkzeug.wrappers import Request, Response

from tfrobust.serving.tensors import decode, encode
from tfrobust.serving.versions import ServedModel, Version, inputs_of, outputs_of
from tfrobust.types import InputError

DEFAULT_SIGNATURE = "serving_default"
_METHOD = "tensorflow/serving/predict"
_DTYPES = {"float32": "FLOAT", "float64": "DOUBLE", "float16": "HALF"}  # The others are called as they are.
_log = logging.getLogger(__name__)


class _Name(BaseConverter):
    regex = r"[^/:]+"  # A colon begins the verb.


def _rules():
    for model in "/v1/models/<name:name>", "/v1/models/<name:name>/versions/<int:version>":
        yield Rule(model, endpoint="status", methods=["GET"])
        yield Rule(f"{model}/metadata", endpoint="metadata", methods=["GET"])
        yield Rule(f"{model}:predict", endpoint="predict", methods=["POST"])


class RestApi:
    """The application.  models: by name.  max_body: bytes of a request; max_batch: examples in one."""

    def __init__(self, models: Mapping[str, ServedModel], max_body: int, max_batch: int):
        self.models, self.max_body, self.max_batch = models, max_body, max_batch
        self._routes = Map(list(_rules()), converters={"name": _Name})

    def __call__(self, environ, start_response):
        request = Request(environ)
        request.max_content_length = self.max_body
        try:
            # Before anything else: what is left unread would be taken for the next request of the connection.
            body = self._read(request)
            endpoint, where = self._routes.bind_to_environ(environ).match()
            answer, status = getattr(self, f"_{endpoint}")(body=body, **where), 200
        except HTTPException as e:
            answer, status = {"error": _one_line(e.description)}, e.code
        except Exception as e:
            _log.exception("%s %s", request.method, request.path)
            answer, status = {"error": f"the server failed: {type(e).__name__}"}, 500
        return Response(json.dumps(answer), status, content_type="application/json")(environ, start_response)

    def _read(self, request: Request) -> bytes:
        try:
            return request.get_data(cache=False)
        except HTTPException as e:
            if e.code == 413:
                e.description = f"the body exceeds the limit of {self.max_body} bytes"
                while request.environ["wsgi.input"].read(1 << 16):  # A client that still sends would see no answer.
                    pass
            raise

    def _version(self, name: str, version: Optional[int]) -> Version:
        if name not in self.models:
            raise NotFound(f"no model {name!r}: there is {', '.join(self.models)}")
        newest = self.models[name].newest
        if version is not None and version != newest.number:
            raise NotFound(f"version {version} of model {name!r} is not served: version {newest.number} is")
        return newest

    def _status(self, name: str, body: bytes, version: Optional[int] = None) -> Dict[str, Any]:
        return {"model_version_status": [_state(self._version(name, version).number)]}

    def _metadata(self, name: str, body: bytes, version: Optional[int] = None) -> Dict[str, Any]:
        of = self._version(name, version)
        signatures = {key: _described(key, signature) for key, signature in of.signatures.items()}
        return {
            "model_spec": {"name": name, "signature_name": "", "version": str(of.number)},
            "metadata": {"signature_def": {"signature_def": signatures}},
        }

    def _predict(self, name: str, body: bytes, version: Optional[int] = None) -> Dict[str, Any]:
        of, asked = self._version(name, version), _json(body)
        key = asked.get("signature_name") or DEFAULT_SIGNATURE
        if not isinstance(key, str) or key not in of.signatures:
            raise BadRequest(f"no signature {key!r} in model {name!r}: there is {', '.join(of.signatures)}")
        signature = of.signatures[key]
        try:
            tensors, row = decode(asked, inputs_of(signature), self.max_batch)
            return encode(signature(**tensors), row)
        except (InputError, tf.errors.InvalidArgumentError) as e:
            raise BadRequest(getattr(e, "message", str(e))) from e
        except tf.errors.ResourceExhaustedError as e:
            raise ServiceUnavailable("out of memory: ask for fewer examples at once") from e


def _json(body: bytes) -> Dict[str, Any]:
    """The object in the body."""

    def refuse(constant):
        raise ValueError(f"{constant} is no number in JSON")

    try:
        value = json.loads(body, parse_constant=refuse)
    except (ValueError, RecursionError) as e:
        raise BadRequest(f"the body is no JSON: {e}") from e
    if not isinstance(value, dict):
        raise BadRequest("the body must be a JSON object")
    return value


def _one_line(text: Optional[str]) -> str:
    """What an assertion in the graph says, or the last line that is not about the graph's nodes."""
    asserted = re.search(r"assertion failed: \[(.*?)\](?: \[|\s*$)", text or "", re.MULTILINE)
    if asserted:
        return asserted.group(1)
    lines = [line.strip() for line in (text or "").splitlines() if line.strip() and "{{node" not in line]
    return lines[-1][:500] if lines else "error"


def _state(version: int) -> Dict[str, Any]:
    return {"version": str(version), "state": "AVAILABLE", "status": {"error_code": "OK", "error_message": ""}}


def _described(key: str, signature) -> Dict[str, Any]:
    """A signature in the JSON of a SignatureDef."""
    inputs = {name: _tensor_info(spec, f"{key}_{name}:0") for name, spec in inputs_of(signature).items()}
    outputs = {name: _tensor_info(spec, "") for name, spec in outputs_of(signature).items()}
    return {"inputs": inputs, "outputs": outputs, "method_name": _METHOD}


def _tensor_info(spec: tf.TensorSpec, name: str) -> Dict[str, Any]:
    dims = [] if spec.shape.rank is None else [{"size": str(-1 if n is None else n), "name": ""} for n in spec.shape]
    dtype = _DTYPES.get(spec.dtype.name, spec.dtype.name.upper())
    return {
        "dtype": f"DT_{dtype}",
        "tensor_shape": {"dim": dims, "unknown_rank": spec.shape.rank is None},
        "name": name,
    }
