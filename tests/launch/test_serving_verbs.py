"""Export and serve as people call them: from a saved network to a map over HTTP, and an end in good order."""

import http.client
import importlib
import inspect
import json
import re
import select
import shutil
import signal
import socket
import time
import urllib.parse

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from launch import export, serve
from tests import processes
from tests.helpers import ROOT, images, run_tests, shallow_network
from tests.serving.clients import ask
from tfrobust.attributions import make_map, saliency_map
from tfrobust.networks import adopt
from tfrobust.serving import ATTRIBUTE, PREDICT, HttpServer, read_metadata

STOP_WITHIN = inspect.signature(HttpServer.run).parameters["stop_within"].default


@pytest.fixture(autouse=True)
def at_root(monkeypatch):
    monkeypatch.chdir(ROOT)


def call(verb, *flags):
    return verb.main(["verb", *map(str, flags)])


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """A folder of models: x, slow, whose maps take a second or more, and slower, whose take more than a server has."""
    folder = tmp_path_factory.mktemp("exported")
    shallow_network().save(folder / "a.keras")
    network = f"--network={folder}/a.keras"
    assert call(export, network, f"--output={folder}/x/1", "--map_method=gradient") == 0
    for name, steps in (("slow", 200_000), ("slower", 2_000_000)):
        more = [f"--map_steps={steps}", "--map_chunk=20"]
        assert call(export, network, f"--output={folder}/{name}/1", *more) == 0
    return folder


@pytest.mark.parametrize("verb, words", [(export, "--map_method"), (serve, "--max_batch")])
def test_help_explains_every_flag(verb, words, capsys):
    assert verb.main(["verb", "--help"]) == 0
    text = capsys.readouterr().out
    assert words in text and "python -m launch" in text
    assert all(len(line.split(None, 1)) == 2 for line in text.splitlines() if line.startswith("  --"))


def test_the_map_that_the_flags_say_is_exported(tmp_path, capsys):
    network = shallow_network()
    network.save(tmp_path / "a.keras")
    flags = ["--map_score=probability", "--map_steps=5", "--map_rule=trapezoid", "--map_signed", "--map_chunk=2"]
    flags += ["--map_channels=mean", "--nomap_normalize", "--map_baseline=0.5"]
    assert call(export, f"--network={tmp_path}/a.keras", f"--output={tmp_path}/x/4", *flags) == 0
    assert f"python -m launch.serve --model={tmp_path}/x" in capsys.readouterr().out
    settings = {"score": "probability", "steps": 5, "rule": "trapezoid", "baseline": 0.5}
    settings.update(signed=True, channels="mean", normalize=False)
    about = read_metadata(f"{tmp_path}/x/4")
    assert settings.items() <= about["attribution"].items() and about["attribution"]["chunk"] == 2
    assert {"tensorflow", "keras", "tfrobust", "onednn"} == about["versions"].keys() and len(about["fingerprint"]) == 16
    x, y = images()
    signatures = tf.saved_model.load(f"{tmp_path}/x/4").signatures
    want = saliency_map(network, make_map(**settings), x, y)
    np.testing.assert_allclose(signatures[ATTRIBUTE](images=x, labels=tf.cast(y, tf.int64))["map"], want, atol=1e-6)


OWN_LAYER = """
import keras
class Twice(keras.layers.Layer):
    def call(self, x):
        return 2 * x
"""


def test_a_layer_of_ones_own_is_loaded_where_the_command_names_it(tmp_path, monkeypatch, capsys):
    """And nowhere else: a file of a network must not choose what is imported."""
    (tmp_path / "own_layers.py").write_text(OWN_LAYER)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    own = importlib.import_module("own_layers")
    inputs = keras.Input((8, 8, 1))
    h = own.Twice()(layers.Conv2D(2, 3)(inputs))
    keras.Model(inputs, layers.Dense(5)(layers.Flatten()(h))).save(tmp_path / "own.keras")
    for named, code, says in (
        ([], 2, "--custom_objects=MODULE:CLASS"),
        (["--custom_objects=own_layers"], 2, "give MODULE:CLASS"),
        (["--custom_objects=no_layers:Twice"], 2, "no_layers cannot be imported"),
        (["--custom_objects=own_layers:Once"], 2, "own_layers has no Once"),
        (["--custom_objects=own_layers:Twice"], 0, ""),
    ):
        assert call(export, f"--network={tmp_path}/own.keras", f"--output={tmp_path}/x/1", *named) == code, named
        err = capsys.readouterr().err
        assert says in err and "Traceback" not in err
    assert call(export, f"--network={tmp_path}/own.keras", f"--output={tmp_path}/x/2") == 2


def test_a_head_is_exported(tmp_path):
    inputs = keras.Input((8, 8, 3))
    h = layers.Flatten()(layers.Conv2D(2, 3, activation="relu")(inputs))
    network = keras.Model(inputs, [layers.Dense(5, name="kind")(h), layers.Dense(3, name="colour")(h)])
    network.save(tmp_path / "heads.keras")
    assert call(export, f"--network={tmp_path}/heads.keras", f"--output={tmp_path}/x/1", "--map_steps=2") == 2
    head = ["--head=colour", "--map_steps=2"]
    assert call(export, f"--network={tmp_path}/heads.keras", f"--output={tmp_path}/x/1", *head) == 0
    x = np.random.RandomState(0).rand(2, 8, 8, 3).astype(np.float32)
    served = tf.saved_model.load(f"{tmp_path}/x/1").signatures["serving_default"](images=tf.constant(x))
    np.testing.assert_allclose(served["logits"], network(x)[1], atol=1e-5)


def test_a_network_that_was_not_made_for_this_is_adopted(tmp_path, capsys):
    inputs = keras.Input((8, 8, 3))
    h = layers.GlobalAveragePooling2D()(layers.Conv2D(4, 3, activation="relu")(layers.Rescaling(1 / 255)(inputs)))
    network = keras.Model(inputs, layers.Dense(5, activation="softmax")(h))
    network.save(tmp_path / "a.keras")
    flags = [f"--network={tmp_path}/a.keras", "--map_method=guided_backpropagation"]
    assert call(export, *flags, "--pixels=-1..1", f"--output={tmp_path}/x/1") == 2
    assert "0..255" in capsys.readouterr().err
    x, _ = images(4, shape=(8, 8, 3))
    for number, pixels in enumerate([[], ["--pixels=0..255"]], 1):  # Its first layers say the same.
        assert call(export, *flags, *pixels, f"--output={tmp_path}/x/{number}") == 0
        outputs = tf.saved_model.load(f"{tmp_path}/x/{number}").signatures[PREDICT](images=x)
        np.testing.assert_allclose(outputs["probabilities"], network(255 * x), atol=1e-6)
        np.testing.assert_allclose(outputs["logits"], adopt(network, "0..255")(x), atol=1e-6)


@pytest.mark.parametrize(
    "flags, words",
    [
        (["--output={}/x"], "must end in the number of a version"),
        (["--output={}/there/1"], "there already"),
        (["--output={}/x/1", "--map_method=grad_cam", "--map_layer=nosuch"], "cannot cut"),
        (["--output={}/x/1", "--map_steps=0"], "at least 1"),
        (["--output={}/x/1", "--network=nosuch.keras"], "no network"),
        (["--output={}/x/1", "--image_size=9"], "8 x 8, not 9 x 9"),
        (["--output={}/a.keras/1"], "cannot write"),
    ],
)
def test_what_cannot_be_exported_is_said_in_one_line(exported, tmp_path, capsys, flags, words):
    shutil.copy(exported / "a.keras", tmp_path)
    (tmp_path / "there" / "1").mkdir(parents=True)
    flags = [flag.format(tmp_path) for flag in flags]
    assert call(export, f"--network={tmp_path}/a.keras", *flags) == 2
    error = capsys.readouterr().err
    assert words in error and error.count("\n") == 1
    assert not (tmp_path / "x" / "1").exists()


@pytest.mark.parametrize(
    "flags, words",
    [
        (["--model={}/nosuch"], "cannot read"),
        (["--model=x={}"], "holds no version"),
        (["--model=x={}/x", "--model=x={}/x"], "there twice"),
        (["--model=a b={}/x"], "no name"),
        (["--model=x={}/x", "--host=no.such.host.invalid"], "cannot listen"),
    ],
)
def test_what_cannot_be_served_is_said_in_one_line(exported, capsys, flags, words):
    assert call(serve, *(flag.format(exported) for flag in flags)) == 2
    error = capsys.readouterr().err
    assert words in error and error.count("\n") == 1


def address(process):
    """Of the model that a server has begun to serve."""
    while not (line := re.match(r".*(http://\S+).*\n", process.output())):
        assert process.poll() is None, process.finish()
        time.sleep(0.05)
    return line[1]


@pytest.mark.parametrize("stop", [signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.exhaustive)])
def test_a_server_answers_what_it_has_begun_and_ends(exported, stop):
    """That Ctrl-C ends it in good order is seen below, too."""
    process = processes.start(["-m", "launch.serve", f"--model=x={exported}/slow", "--port=0"])
    try:
        url = address(process)
        x = images(8)[0].numpy().tolist()
        assert ask(url + ":predict", {"instances": x})[0] == 200
        slow = {"signature_name": "attribute", "inputs": {"images": x, "labels": [1] * 8}}
        place = urllib.parse.urlsplit(url + ":predict")
        client = http.client.HTTPConnection(place.netloc, timeout=300)
        client.request("POST", place.path, json.dumps(slow))  # Now it is sent, however busy the machine is.
        assert not select.select([client.sock], [], [], 0.3)[0]  # The server is still at work.
        process.send_signal(stop)
        answer = client.getresponse()
        assert answer.status == 200 and np.shape(json.load(answer)["outputs"]) == (8, 8, 8)
        client.close()
        done = process.finish(timeout=60)
        assert done.returncode == 0 and done.stdout.splitlines()[-1] == "stopped"
    finally:
        process.kill()


# Serves with so many seconds for its end.
WITHIN = """
import sys
from launch import serve
from launch.command_line import verb
from tfrobust.serving import HttpServer
HttpServer.run.__defaults__ = (float(sys.argv.pop(1)),)
verb.as_process(serve.main)
"""


@pytest.mark.parametrize("within", [1, pytest.param(STOP_WITHIN, marks=pytest.mark.exhaustive)])
def test_a_server_ends_in_time_whatever_it_works_on(exported, within):
    """Several requests that take longer than it has, clients that drip, and one that does not read its answer."""
    assert STOP_WITHIN < 5  # As its help says.
    process = processes.start(["-c", WITHIN, str(within), f"--model=x={exported}/slower", "--port=0"])
    try:
        host, port = re.search(r"http://([^:]+):(\d+)", address(process)).groups()
        body = {"signature_name": "attribute", "inputs": {"images": images(8)[0].numpy().tolist(), "labels": [1] * 8}}
        data = json.dumps(body).encode()
        head = f"POST /v1/models/x:predict HTTP/1.1\r\nHost: x\r\nContent-Length: {len(data)}\r\n\r\n".encode()
        connections = [socket.create_connection((host, int(port)), timeout=60) for _ in range(10)]
        for connection in connections[:6]:
            connection.sendall(head + data)
        for connection in connections[6:]:
            connection.sendall(head + data[:9])
        time.sleep(1)
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        took = process.wait(60), time.monotonic() - began
        assert took[0] == 0 and within < took[1] < within + 1.5  # And a busy machine.
        assert process.output().splitlines()[1:] == ["stopped"]
        for connection in connections:
            connection.close()
    finally:
        process.kill()


if __name__ == "__main__":
    run_tests(__file__)
