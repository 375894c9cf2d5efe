"""SavedModels with TensorFlow alone give what the library gives."""

import functools
import os
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from tests import processes
from tests.helpers import images, run_tests, shallow_network, small_network, small_transformer
from tfrobust.attributions import make_map, saliency_map
from tfrobust.names import ATTRIBUTIONS
from tfrobust.serving import ATTRIBUTE, PREDICT, Servable, read_metadata, write_saved_model
from tfrobust.spec_values import names_of
from tfrobust.types import InputError

SPECS = {
    method: make_map(method, **{name: 6 for name in ("steps", "samples") if name in names_of(kind)})
    for method, kind in ATTRIBUTIONS.items()
}
SPECS["signed"] = make_map(steps=7, signed=True, normalize=False, channels="mean")

ALONE = """
import sys
import numpy as np
import tensorflow as tf
given = np.load(sys.argv[1])
for folder in sys.argv[2:]:
    signatures = tf.saved_model.load(folder).signatures
    out = signatures["serving_default"](images=tf.constant(given["x"]))
    out.update(signatures["attribute"](images=tf.constant(given["x"]), labels=tf.constant(given["y"])))
    np.savez(folder + ".npz", **out)
assert "tfrobust" not in sys.modules
"""


def batch(n=5):
    x, y = images(n)
    return x, tf.cast(y, tf.int64)


def refusal(call, **tensors):
    with pytest.raises(tf.errors.InvalidArgumentError) as e:
        call(**tensors)
    return e.value.message


@functools.cache
def network_of(name):
    """One for all methods that take any network."""
    return small_transformer() if "rollout" in name else shallow_network() if name == "any" else network_of("any")


@functools.cache
def servable(name):
    """Of a method; traced once for the tests of this file."""
    return Servable(network_of(name), SPECS[name], chunk=3)


# A path, draws, a layer of the network and masks: what a SavedModel has to hold.  Attention is among all methods.
EACH_KIND = ("smoothgrad", "grad_cam", "occlusion"), ("gradient",)
EVERY = tuple(SPECS), ("integrated_gradients", "grad_cam")


@pytest.mark.parametrize(
    "names, with_batch_norm",
    [EACH_KIND, pytest.param(*EVERY, marks=pytest.mark.exhaustive)],
    ids=["each kind", "every"],
)
def test_a_process_with_tensorflow_alone_gets_the_same_bits(names, with_batch_norm, tmp_path):
    x, y = batch()
    np.savez(tmp_path / "given.npz", x=x, y=y)
    normalized, want = small_network(batch_norm=True), {}
    exported = {name: servable(name) for name in names}
    for method in with_batch_norm:
        exported[f"{method} with batch norm"] = Servable(normalized, SPECS[method], chunk=3)
    for name, made in exported.items():
        write_saved_model(made, str(tmp_path / name), {})
        want[name] = {**made.predict(x), **made.attribute(x, y)}
    folders = [str(tmp_path / name) for name in want]
    done = processes.run(["-c", ALONE, str(tmp_path / "given.npz"), *folders], cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    for name, outputs in want.items():
        with np.load(tmp_path / f"{name}.npz") as got:
            assert set(got) == {"logits", "probabilities", "label", "map"}
            for key, value in outputs.items():
                np.testing.assert_array_equal(got[key], value, err_msg=f"{name} {key}")


# Each traces what another row traces, or a part of it.
ALIKE = ("gradient_x_input", "grad_cam_plus_plus", "guided_grad_cam_plus_plus", "attention_rollout")


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.exhaustive] * (name in ALIKE)) for name in SPECS]
)
def test_the_numbers_are_those_of_the_library(name):
    network = network_of(name)
    for n in (1, 4):
        x, y = batch(n)
        outputs = servable(name).predict(x)
        np.testing.assert_allclose(outputs["logits"], network(x), atol=1e-6)
        np.testing.assert_allclose(outputs["probabilities"], tf.nn.softmax(network(x)), atol=1e-6)
        np.testing.assert_array_equal(outputs["label"], np.argmax(network(x), axis=1))
        want = saliency_map(network, SPECS[name], x, tf.cast(y, tf.int32))
        np.testing.assert_allclose(servable(name).attribute(x, y)["map"], want, rtol=1e-5, atol=1e-5)


def test_what_is_no_image_or_label_is_an_error_after_loading_too(tmp_path):
    write_saved_model(servable("gradient"), str(tmp_path / "1"), {})
    signatures = tf.saved_model.load(str(tmp_path / "1")).signatures
    predict, attribute = signatures[PREDICT], signatures[ATTRIBUTE]
    x, y = batch()
    for bad in (255 * x, x - 0.5, tf.where(x > 0.5, np.nan, x)):
        assert "images must lie in [0, 1]" in refusal(predict, images=bad)
        assert "images must lie in [0, 1]" in refusal(attribute, images=bad, labels=y)
    predict(images=tf.fill([1, 8, 8, 1], 1 + 5e-6))  # What rounding does is let through.
    assert "labels must lie in 0..9" in refusal(attribute, images=x, labels=y + 10)
    assert "labels must lie in 0..9" in refusal(attribute, images=x, labels=y - 10)
    assert "one label for each image" in refusal(attribute, images=x, labels=y[:3])


def test_metadata_says_what_the_map_is_and_nothing_is_overwritten(tmp_path):
    servable = Servable(shallow_network(), make_map("smoothgrad", samples=6, deviation=0.2), chunk=2)
    folder = str(tmp_path / "1")
    write_saved_model(servable, folder, {"network": "a.keras"})
    about = read_metadata(folder)
    assert about["attribution"]["method"] == "smoothgrad" and about["attribution"]["samples"] == 6
    assert about["attribution"]["deviation"] == 0.2 and about["attribution"]["chunk"] == 2
    assert about["inputs"]["images"] == {
        "shape": [None, 8, 8, 1],
        "dtype": "float32",
        "range": [0.0, 1.0],
        "tolerance": 1e-5,
    }
    assert about["classes"] == 10 and about["network"] == "a.keras"
    with pytest.raises(InputError, match="there already"):
        write_saved_model(servable, folder, {})
    assert os.listdir(tmp_path) == ["1"]
    os.remove(os.path.join(folder, "assets.extra", "tfrobust.json"))
    assert read_metadata(folder) == {}


def test_networks_that_cannot_be_served_are_refused():
    inputs = keras.Input((None, None, 3))
    free = keras.Model(inputs, layers.Dense(4)(layers.GlobalMaxPooling2D()(layers.Conv2D(4, 3)(inputs))))
    with pytest.raises(InputError, match="--image_size"):
        Servable(free, SPECS["smoothgrad"])
    assert Servable(free, SPECS["smoothgrad"], (9, 7)).shape == (9, 7, 3)
    with pytest.raises(InputError, match="8 x 8, not 9 x 9"):
        Servable(network_of("any"), SPECS["gradient"], (9, 9))
    network = network_of("any")
    with pytest.raises(InputError, match="softmax"):
        Servable(keras.Model(network.input, layers.Softmax()(network.output)), SPECS["gradient"])
    with pytest.raises(InputError, match="cannot cut"):
        Servable(network, make_map("grad_cam", layer="nosuch"))


def test_saved_model_cli_runs_it(tmp_path):
    made = servable("integrated_gradients")
    write_saved_model(made, str(tmp_path / "1"), {})
    x, y = batch()
    np.savez(tmp_path / "given.npz", x=x, y=y)
    cli = os.path.join(os.path.dirname(sys.executable), "saved_model_cli")
    command = [cli, "run", "--dir", "1", "--tag_set", "serve", "--signature_def", "attribute", "--outdir", "out"]
    done = processes.run([*command, "--inputs", "images=given.npz[x];labels=given.npz[y]"], cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    np.testing.assert_allclose(np.load(tmp_path / "out" / "map.npy"), made.attribute(x, y)["map"], atol=1e-6)


if __name__ == "__main__":
    run_tests(__file__)
