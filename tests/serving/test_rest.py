"""The server as clients meet it: TensorFlow Serving's formats, its errors, several clients at once."""

import functools
import gzip
import http.client
import json
import os
import shutil
import socket
import tempfile
import threading
import time
import tracemalloc
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import tensorflow as tf
from prometheus_client.parser import text_string_to_metric_families

from launch import serve
from tests.helpers import images, run_tests, shallow_network
from tests.serving.clients import Running, load
from tfrobust.attributions import make_map
from tfrobust.serving import Servable, ServedModel, write_saved_model
from tfrobust.types import InputError

PREDICT = "/v1/models/x:predict"


@functools.cache
def exported(seed):
    """(a servable, a folder of which each test takes a copy)"""
    servable, folder = Servable(shallow_network(seed), make_map("gradient")), tempfile.TemporaryDirectory()
    write_saved_model(servable, os.path.join(folder.name, "1"), {})
    return servable, folder


def export(folder, seed=0):
    servable, made = exported(seed)
    shutil.copytree(os.path.join(made.name, "1"), f"{folder}.unfinished")
    os.rename(f"{folder}.unfinished", folder)  # Whole at once, as versions are.
    return servable


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """(a running server of model x, its servable)"""
    folder = tmp_path_factory.mktemp("x")
    export(folder / "1", seed=1)
    servable = export(folder / "2")
    with Running(f"--model=x={folder}", "--max_batch=8", "--max_body_mb=0.1") as server:
        yield server, servable


@pytest.fixture(scope="module")
def batch():
    x, y = images(3)
    return x, tf.cast(y, tf.int64)


def states(server, path="/v1/models/x"):
    """Version -> state."""
    status, answer = server.ask(path)
    assert status == 200
    return {int(each["version"]): each["state"] for each in answer["model_version_status"]}


def assert_rows(answer, columns):
    """Row format holds the same numbers as the tensors by name: bit for bit, a float32 in JSON loses nothing."""
    assert len(answer) == len(next(iter(columns.values())))
    for name, values in columns.items():
        got = np.array([row[name] for row in answer], values.dtype.as_numpy_dtype)
        np.testing.assert_array_equal(got, values)


def test_row_format(served, batch):
    server, servable = served
    x, y = batch
    want = servable.predict(x)
    for instances in x.numpy().tolist(), [{"images": each} for each in x.numpy().tolist()]:
        status, answer = server.ask(PREDICT, {"instances": instances})
        assert status == 200 and answer.keys() == {"predictions"}
        assert_rows(answer["predictions"], want)
    rows = [{"images": image, "labels": label} for image, label in zip(x.numpy().tolist(), y.numpy().tolist())]
    status, answer = server.ask(PREDICT, {"signature_name": "attribute", "instances": rows})
    assert status == 200  # One output: the values themselves.
    np.testing.assert_array_equal(np.float32(answer["predictions"]), servable.attribute(x, y)["map"])


def test_column_format(served, batch):
    server, servable = served
    x, y = batch
    want = servable.predict(x)
    for inputs in x.numpy().tolist(), {"images": x.numpy().tolist()}:
        status, answer = server.ask(PREDICT, {"inputs": inputs})
        assert status == 200 and answer["outputs"].keys() == want.keys()
        for name, values in want.items():
            np.testing.assert_array_equal(np.array(answer["outputs"][name], values.dtype.as_numpy_dtype), values)
    asked = {"signature_name": "attribute", "inputs": {"images": x.numpy().tolist(), "labels": y.numpy().tolist()}}
    status, answer = server.ask("/v1/models/x/versions/2:predict", asked)
    np.testing.assert_array_equal(np.float32(answer["outputs"]), servable.attribute(x, y)["map"])


def test_state_and_metadata(served):
    server, _ = served
    for path in "/v1/models/x", "/v1/models/x/versions/2":
        state = {"version": "2", "state": "AVAILABLE", "status": {"error_code": "OK", "error_message": ""}}
        assert server.ask(path) == (200, {"model_version_status": [state]})
    status, answer = server.ask("/v1/models/x/metadata")
    assert status == 200 and answer["model_spec"] == {"name": "x", "signature_name": "", "version": "2"}
    signatures = answer["metadata"]["signature_def"]["signature_def"]
    assert signatures.keys() == {"serving_default", "attribute"}
    attribute = signatures["attribute"]
    assert attribute["inputs"]["images"]["dtype"] == "DT_FLOAT" and attribute["inputs"]["labels"]["dtype"] == "DT_INT64"
    sizes = [dim["size"] for dim in attribute["inputs"]["images"]["tensor_shape"]["dim"]]
    assert sizes == ["-1", "8", "8", "1"] and attribute["outputs"].keys() == {"map"}


IMAGE = np.full((8, 8, 1), 0.5).tolist()
WRONG = {
    "no JSON": (b"{", 400, "no JSON"),
    "no text": (b"\xff\xfe\xfa", 400, "no JSON"),
    "nothing": (b"", 400, "no JSON"),
    "deep": (b"[" * 40000, 400, "no JSON"),
    "a list": ([1], 400, "JSON object"),
    "NaN": (b'{"instances": [NaN]}', 400, "NaN is no number"),
    "infinite": (b'{"instances": [[[[1e999]]]]}', 400, "shape"),
    "neither format": ({}, 400, "either 'instances'"),
    "both formats": ({"instances": [IMAGE], "inputs": [IMAGE]}, 400, "either 'instances'"),
    "no rows": ({"instances": []}, 400, "one entry at least"),
    "no list": ({"instances": 3}, 400, "must be a list"),
    "empty column": ({"inputs": []}, 400, "shape"),
    "ragged": ({"instances": [IMAGE, IMAGE[:3]]}, 400, "ragged"),
    "shape": ({"instances": [[[[0.5]]]]}, 400, "images must have the shape [-1, 8, 8, 1]; got [1, 1, 1, 1]"),
    "text": ({"instances": [np.full((8, 8, 1), "a").tolist()]}, 400, "it holds text"),
    "truth": ({"instances": [np.full((8, 8, 1), True).tolist()]}, 400, "it holds true or false"),
    "null": ({"instances": [np.full((8, 8, 1), None).tolist()]}, 400, "images must be float32"),
    "objects": ({"instances": [np.full((8, 8, 1), {"b64": "aaaa"}).tolist()]}, 400, "images must be float32"),
    "bytes": ({"instances": [(255 * np.array(IMAGE)).tolist()]}, 400, "images must lie in [0, 1]"),
    "too large": ({"instances": [np.full((8, 8, 1), 1e300).tolist()]}, 400, "beyond float32"),
    "other names": ({"instances": [{"image": IMAGE}]}, 400, "must have images; it has image"),
    "mixed rows": ({"instances": [{"images": IMAGE}, IMAGE]}, 400, "entry 1 of 'instances' must be an object"),
    "signature": (
        {"signature_name": "explain", "instances": [IMAGE]},
        400,
        "no signature 'explain' in model 'x': there is ",
    ),
    "no name": ({"signature_name": ["attribute"], "instances": [IMAGE]}, 400, "no signature"),
    "batch": ({"instances": [IMAGE] * 9}, 400, "batch of 9 exceeds the limit of 8"),
    "body": (b" " * 100_001, 413, "exceeds the limit of 100000 bytes"),
    "a large body": (b" " * 30_000_000, 413, "exceeds the limit of 100000 bytes"),
}
ATTRIBUTE_WRONG = {
    "one input": ({"inputs": [IMAGE]}, "must be an object with"),
    "no labels": ({"inputs": {"images": [IMAGE]}}, "it has images"),
    "a label's fraction": ({"inputs": {"images": [IMAGE], "labels": [1.5]}}, "labels must be int64"),
    "a label's size": ({"inputs": {"images": [IMAGE], "labels": [2**70]}}, "labels must be int64"),
    "a class too many": ({"inputs": {"images": [IMAGE], "labels": [10]}}, "labels must lie in 0..9"),
    "too few labels": ({"inputs": {"images": [IMAGE, IMAGE], "labels": [1]}}, "one label for each image"),
}


def assert_refused(answer, status, words):
    got, body = answer
    assert got == status and body.keys() == {"error"}
    assert words in body["error"] and "\n" not in body["error"] and "Traceback" not in body["error"]


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_said_in_one_line(served, name):
    body, status, words = WRONG[name]
    assert_refused(served[0].ask(PREDICT, body), status, words)


@pytest.mark.parametrize("name", ATTRIBUTE_WRONG)
def test_what_is_wrong_with_labels_is_said_in_one_line(served, name):
    body, words = ATTRIBUTE_WRONG[name]
    assert_refused(served[0].ask(PREDICT, {"signature_name": "attribute", **body}), 400, words)


@pytest.mark.parametrize(
    "path, body, status",
    [
        ("/v1/models/y", None, 404),
        ("/v1/models/y:predict", {"instances": [IMAGE]}, 404),
        ("/v1/models/x/versions/1", None, 404),
        ("/v1/models/x/versions/1:predict", {"instances": [IMAGE]}, 404),
        ("/v1/models/x/versions/one:predict", {"instances": [IMAGE]}, 404),
        ("/v1/models/x:classify", {"instances": [IMAGE]}, 404),
        ("/nowhere", None, 404),
        ("/v1/models/x/labels/stable", None, 404),
        ("/v1/models/x/labels/stable:predict", {"instances": [IMAGE]}, 404),
        ("//v1//models/x", None, 404),
        ("/v1/models/x/", None, 404),
        ("/v1/models/%ff%fe", None, 404),
        ("/monitoring/prometheus/metrics", {}, 405),
        (PREDICT, None, 405),
        ("/v1/models/x", {"instances": [IMAGE]}, 405),
    ],
)
def test_what_is_not_there(served, path, body, status):
    assert_refused(served[0].ask(path, body), status, "")


TEXTS = ["a" * 20_000, *[""] * 20_000]
GREEDY = {
    "texts": {"instances": [TEXTS]},
    "more texts": {"instances": [["a" * 200_000, *[""] * 200_000]]},
    "texts as a batch": {"inputs": TEXTS},
    "texts in an image": {"instances": [[[[text] for text in TEXTS[:8]]] * 8]},
    "texts of labels": {"signature_name": "attribute", "inputs": {"images": [IMAGE], "labels": TEXTS}},
    "a text of a label": {"signature_name": "attribute", "inputs": {"images": [IMAGE], "labels": [TEXTS]}},
    "texts and numbers": {"instances": [["a" * 20_000, 1, None, 2.5, *[[]] * 20_000]]},
    "zeros": {"instances": [[0] * 100_000]},
    "zeros as a batch": {"instances": [0] * 100_000},
    "zeros in place": {"instances": [[[[0] * 100_000]]]},
    "empty lists": {"instances": [[[]] * 100_000]},
    "empty objects": {"instances": [[{}] * 100_000]},
    "a ragged image": {"instances": [[[[0.5]] * 8] * 7 + [[["a" * 100_000]] * 8]]},
    "long numbers": {"instances": [[10**4000] * 200]},
    "names": {"instances": [{str(i): 0 for i in range(100_000)}]},
    "other members": {"instances": [TEXTS], "x": [0] * 100_000},
    "a signature": {"signature_name": "x" * 1_000_000, "instances": [IMAGE]},
}


@pytest.fixture(scope="module")
def roomy(tmp_path_factory):
    """A server with the bounds that it has unless told otherwise.  Model x takes 8x8 images, free any size."""
    folder = tmp_path_factory.mktemp("models")
    export(folder / "x" / "1")

    @tf.function(input_signature=[tf.TensorSpec([None, None, None, 1], tf.float32, "images")])
    def mean(images):
        return {"mean": tf.reduce_mean(images, [1, 2, 3])}

    tf.saved_model.save(tf.Module(), str(folder / "free" / "1"), signatures={"serving_default": mean})
    with Running(f"--model=x={folder}/x", f"--model=free={folder}/free") as server:
        server.ask(PREDICT, {"instances": [IMAGE]})
        yield server


@pytest.mark.parametrize("model", ["x", "free"])
@pytest.mark.parametrize("name", GREEDY)
def test_a_body_takes_no_memory_beyond_its_size(roomy, name, model):
    data = json.dumps(GREEDY[name]).encode()
    tracemalloc.start()
    try:
        status, answer = roomy.ask(f"/v1/models/{model}:predict", data)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert_refused((status, answer), 400, "")
    assert len(answer["error"]) < 1000
    assert peak < 25 * len(data) + 1_000_000  # The client's copies are among them.


def test_a_small_body_that_inflates_to_a_large_one_is_refused(roomy):
    bomb = gzip.compress(b'{"instances": [' + b"0," * 50_000_000)
    tracemalloc.start()
    try:
        answer = roomy.ask(PREDICT, bomb, {"Content-Encoding": "gzip"})
        assert tracemalloc.get_traced_memory()[1] < 80_000_000
    finally:
        tracemalloc.stop()
    assert_refused(answer, 413, "once it is inflated")


def test_bodies_and_answers_may_be_gzip(roomy):
    plain = json.dumps({"instances": [IMAGE] * 20}).encode()
    want = roomy.ask(PREDICT, plain)
    assert want[0] == 200
    assert roomy.ask(PREDICT, gzip.compress(plain), {"Content-Encoding": "gzip"}) == want
    connection = http.client.HTTPConnection(*roomy.address, timeout=30)
    for accepted, encoding in ("gzip", "gzip"), ("br, gzip;q=0.5", "gzip"), ("identity", None), ("gzip;q=0", None):
        connection.request("POST", PREDICT, plain, {"Accept-Encoding": accepted})
        answer = connection.getresponse()
        data = answer.read()
        assert answer.headers["Content-Encoding"] == encoding
        assert json.loads(gzip.decompress(data) if encoding else data) == want[1]
    connection.close()


def test_metrics_have_the_names_of_tensorflow_serving(tmp_path):
    export(tmp_path / "x" / "1")
    with Running(f"--model={tmp_path}/x") as server:
        for body in {"instances": [IMAGE]}, {"instances": [IMAGE]}, {"instances": []}:
            server.ask(PREDICT, body)
        server.ask("/v1/models/x/versions/7:predict", {"instances": [IMAGE]})
        server.ask("/v1/models/nosuch:predict", {"instances": [IMAGE]})
        with urllib.request.urlopen(f"{server.url}/monitoring/prometheus/metrics", timeout=30) as answer:
            kind, text = answer.headers["Content-Type"], answer.read().decode()
    assert kind.startswith("text/plain; version=0.0.4")
    families = {family.name: family for family in text_string_to_metric_families(text)}
    names = {":tensorflow:serving:request_count", ":tensorflow:serving:request_latency"}
    names |= {":tensorflow:serving:runtime_latency", ":tensorflow:cc:saved_model:load_attempt_count"}
    assert names | {":tensorflow:cc:saved_model:load_latency", "process_resident_memory_bytes"} <= families.keys()
    counts = {
        (sample.labels["model_name"], sample.labels["status"]): sample.value
        for sample in families[":tensorflow:serving:request_count"].samples
    }
    assert counts == {("x", "OK"): 2, ("x", "INVALID_ARGUMENT"): 1, ("x", "NOT_FOUND"): 1}
    for name, labels, count in (
        ("request_latency", {"model_name": "x", "API": "predict", "entrypoint": "REST"}, 4),
        ("runtime_latency", {"model_name": "x", "API": "Predict", "runtime": "TF1"}, 2),
    ):
        samples = families[f":tensorflow:serving:{name}"].samples
        (got,) = [sample for sample in samples if sample.name.endswith("_count")]
        assert got.value == count and got.labels == labels
    loads = families[":tensorflow:cc:saved_model:load_attempt_count"].samples
    assert [(sample.labels["status"], sample.value) for sample in loads] == [("success", 1)]


def test_the_state_is_answered_while_all_workers_compute(tmp_path):
    """Two workers, and more requests of a second or more than they can take."""
    servable = Servable(shallow_network(), make_map(steps=4000), chunk=20)
    write_saved_model(servable, str(tmp_path / "x" / "1"), {})
    rows = [{"images": IMAGE, "labels": 1}] * 8
    with Running(f"--model={tmp_path}/x", "--threads=2") as server, ThreadPoolExecutor(6) as pool:
        asked = [pool.submit(server.ask, PREDICT, {"signature_name": "attribute", "instances": rows}) for _ in range(6)]
        took = []
        while not all(each.done() for each in asked):
            for path in (
                "/v1/models/x",
                "/v1/models/x/metadata",
                "/monitoring/prometheus/metrics",
                "/v1/models/x/versions/1",
            ):
                began = time.monotonic()
                with urllib.request.urlopen(server.url + path, timeout=30) as answer:
                    assert answer.status == 200
                took.append(time.monotonic() - began)
            time.sleep(0.05)
        assert [each.result()[0] for each in asked] == [200] * 6
        assert len(took) > 8 and sorted(took)[len(took) // 2] < 0.2


def test_a_connection_goes_on_after_an_error(served):
    connection = http.client.HTTPConnection(*served[0].address, timeout=30)
    for body, status in ((b"{", 400), (b" " * 200_000, 413), (b"{}", 400)):
        connection.request("POST", PREDICT, body)
        answer = connection.getresponse()
        assert answer.status == status and answer.headers["Content-Type"] == "application/json"
        answer.read()
    connection.close()


def test_a_client_that_says_nothing_does_not_hold_the_others_up(served):
    with socket.create_connection(served[0].address) as silent:
        silent.sendall(b"POST /v1/models/x:predict HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\n")
        assert served[0].ask("/v1/models/x")[0] == 200


def test_clients_at_once_each_get_their_own_answer(served):
    server, servable = served
    x, y = images(24)
    want = servable.predict(x)["logits"].numpy()
    maps = servable.attribute(x, tf.cast(y, tf.int64))["map"].numpy()

    def predict(i):
        return server.ask(PREDICT, {"instances": [x[i].numpy().tolist()]})[1]["predictions"][0]["logits"]

    def attribute(i):
        row = {"images": x[i].numpy().tolist(), "labels": int(y[i])}
        return server.ask(PREDICT, {"signature_name": "attribute", "instances": [row]})[1]["predictions"][0]

    with ThreadPoolExecutor(8) as pool:
        logits, got = pool.map(predict, range(24)), pool.map(attribute, range(24))
        np.testing.assert_allclose(np.float32(list(logits)), want, atol=1e-6)
        np.testing.assert_allclose(np.float32(list(got)), maps, rtol=1e-4, atol=1e-5)


def test_load(served):
    """Prints what `pytest -s` shows; docs/serving.md has such figures.  The bounds are those of a broken server."""
    image = images(1)[0].numpy().tolist()
    row = {"images": image[0], "labels": 1}
    for what, body in (
        ("predict", {"instances": image}),
        ("attribute", {"signature_name": "attribute", "instances": [row]}),
        ("predict 8", {"instances": image * 8}),
    ):
        for clients in (1, 8):
            measured = load(served[0].url + PREDICT, body, clients, 20)
            print(f"{what}, {clients} clients:", ", ".join(f"{k} {v:.1f}" for k, v in measured.items()))
            assert measured["per_second"] > 5 and measured["p99_ms"] < 5000


def test_a_newer_version_takes_over_and_a_broken_one_does_not(tmp_path):
    old = export(tmp_path / "x" / "3", seed=1)
    export(tmp_path / "x" / "2", seed=2)
    os.makedirs(tmp_path / "x" / "7")  # Not written yet.
    x = images(2)[0]
    with Running(f"--model={tmp_path}/x") as server:
        model = server.models["x"]
        assert model.refresh() is None and server.ask("/v1/models/x/versions/3")[0] == 200
        (tmp_path / "x" / "9").mkdir()
        (tmp_path / "x" / "9" / "saved_model.pb").write_bytes(b"not one")
        assert model.refresh() is None and "9" in model.failed[9]
        _, answer = server.ask(PREDICT, {"instances": x.numpy().tolist()})
        assert_rows(answer["predictions"], old.predict(x))
        new = export(tmp_path / "x" / "10")
        assert model.refresh().number == 10
        _, answer = server.ask(PREDICT, {"instances": x.numpy().tolist()})
        assert_rows(answer["predictions"], new.predict(x))
        assert_refused(server.ask("/v1/models/x/versions/3:predict", {"instances": [IMAGE]}), 404, "there is 10")
        assert states(server) == {10: "AVAILABLE", 9: "END", 3: "END"}
        shutil.rmtree(tmp_path / "x")  # What is in memory is served all the same.
        with pytest.raises(InputError):
            model.refresh()
        assert server.ask("/v1/models/x")[0] == 200


def test_folders_without_a_model_are_refused(tmp_path):
    for folder, words in (("nosuch", "cannot read"), ("", "holds no version")):
        with pytest.raises(InputError, match=words):
            ServedModel("x", str(tmp_path / folder))
    tf.saved_model.save(tf.Module(), str(tmp_path / "1"))
    with pytest.raises(InputError, match="no signatures"):
        ServedModel("x", str(tmp_path))


def test_any_saved_model_is_served(tmp_path):
    """Not ours: two inputs of any shape, a scalar among the outputs, a half and a truth value."""

    @tf.function(input_signature=[tf.TensorSpec([None], tf.float16, "a"), tf.TensorSpec(None, tf.bool, "b")])
    def function(a, b):
        return {"twice": 2 * a, "any": tf.reduce_any(b)}

    module = tf.Module()
    tf.saved_model.save(module, str(tmp_path / "x" / "1"), signatures={"serving_default": function})
    with Running(f"--model={tmp_path}/x") as server:
        asked = {"inputs": {"a": [1, 2.5], "b": [[False, True]]}}
        assert server.ask(PREDICT, asked) == (200, {"outputs": {"any": True, "twice": [2.0, 5.0]}})
        rows = {"instances": [{"a": 1, "b": False}]}
        assert_refused(server.ask(PREDICT, rows), 400, "no batch in common")
        signature = server.ask("/v1/models/x/metadata")[1]["metadata"]["signature_def"]["signature_def"]
        inputs = signature["serving_default"]["inputs"]
        assert inputs["a"]["dtype"] == "DT_HALF" and inputs["b"]["tensor_shape"] == {"dim": [], "unknown_rank": True}


def test_watching_takes_up_a_version_and_goes_on_without_its_folder(tmp_path, capsys):
    export(tmp_path / "x" / "1")
    models, stopped = {"x": ServedModel("x", str(tmp_path / "x"))}, threading.Event()
    watcher = threading.Thread(target=serve.watch, args=(models, 0.02, stopped))
    watcher.start()
    export(tmp_path / "x" / "2")
    until = time.monotonic() + 30
    while models["x"].newest.number != 2 and time.monotonic() < until:
        time.sleep(0.01)
    shutil.rmtree(tmp_path / "x")
    time.sleep(0.2)
    assert models["x"].newest.number == 2 and watcher.is_alive()
    stopped.set()
    watcher.join()
    captured = capsys.readouterr()
    assert "x: version 2" in captured.out and captured.err.count("cannot read") == 1


if __name__ == "__main__":
    run_tests(__file__)
