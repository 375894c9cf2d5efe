"""tfrobust.robustify, tfrobust.attribute and tfrobust.audit: what a notebook calls."""

import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

import tfrobust
from tests.helpers import ROOT, run_tests, shallow_network, without_graphs
from tfrobust import data
from tfrobust.attributions import integrated_gradients, make_score
from tfrobust.auditing import plan
from tfrobust.objectives import OBJECTIVES, make_objective
from tfrobust.objectives.defaults import defaults
from tfrobust.training import Trainer
from tfrobust.types import InputError


def plain(seed=0):
    """A network as people write it: bytes in, probabilities out."""
    keras.utils.set_random_seed(seed)
    return keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            keras.layers.Rescaling(1 / 255),
            keras.layers.Conv2D(8, 3, activation="relu"),
            keras.layers.BatchNormalization(),
            keras.layers.Flatten(),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )


@pytest.fixture(scope="module")
def digits():
    return data.load("digits")


def test_importing_tfrobust_alone_does_not_wait_for_tensorflow():
    code = "import sys, tfrobust; assert 'tensorflow' not in sys.modules; assert 'robustify' in dir(tfrobust)"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)
    with pytest.raises(AttributeError):
        tfrobust.nothing  # noqa: B018


@pytest.mark.parametrize("method", OBJECTIVES)
def test_every_method_fits_arrays_with_what_is_given_by_default(method, eagerly):
    """Without graphs; tests/objectives/test_conformance.py trains each method with one."""
    model = tfrobust.robustify(shallow_network(), method, eps=0.1)
    model.compile("adam")
    r = np.random.RandomState(0)
    x, y, before = r.rand(11, 8, 8, 1).astype(np.float32), r.randint(0, 10, 11), model.network.get_weights()
    if getattr(model.objective, "uses_saliency", False):
        s = r.uniform(-1, 1, (11, 1, 8, 8, 1)).astype(np.float32)
        with pytest.raises(InputError, match="map beside each image"):
            model.fit(x, y, verbose=0)
        history = model.fit(tf.data.Dataset.from_tensor_slices((x, y, s)).batch(8), verbose=0)
    else:
        history = model.fit(x, y, batch_size=8, verbose=0)
    assert np.isfinite(history.history["loss"]).all() and model.optimizer.iterations == 2
    assert any(np.any(a != b) for a, b in zip(before, model.network.get_weights()))


def test_it_trains_what_the_trainer_trains(digits):
    x, y = data.to_unit(digits.x_train[:20]), digits.y_train[:20]
    model = tfrobust.robustify(shallow_network(), "madry", eps=0.1, seed=3, attack_steps=2)
    model.compile(keras.optimizers.SGD(0.1))
    model.fit(x, y, batch_size=10, verbose=0, shuffle=False)
    network = shallow_network()
    trainer = Trainer(network, make_objective("madry", **{**defaults("madry", 0.1, (8, 8, 1)), "attack_steps": 2}), 3)
    trainer.compile(optimizer=keras.optimizers.SGD(0.1), jit_compile=False)
    trainer.fit(tf.data.Dataset.from_tensor_slices((x, y)).batch(10), verbose=0, shuffle=False)
    for a, b in zip(model.network.get_weights(), network.get_weights()):
        np.testing.assert_allclose(a, b, atol=1e-6)


def test_it_learns_evaluates_predicts_and_saves_the_plain_network(digits, tmp_path):
    given = plain()
    before = given.get_weights()
    model = tfrobust.robustify(given, "natural", pixels="0..255")
    model.compile("adam")
    x, y = digits.x_train[:600], digits.y_train[:600]
    history = model.fit(x, y, epochs=8, verbose=0, validation_data=(digits.x_test, digits.y_test))
    assert history.history["loss"][-1] < 0.5 * history.history["loss"][0]
    found = model.evaluate(digits.x_test, digits.y_test, verbose=0, return_dict=True)
    logits = model.predict(digits.x_test, verbose=0)
    want = tf.nn.sparse_softmax_cross_entropy_with_logits(digits.y_test, logits)
    np.testing.assert_allclose(found["accuracy"], np.mean(logits.argmax(axis=1) == digits.y_test), atol=1e-6)
    np.testing.assert_allclose(found["loss"], want.numpy().mean(), rtol=1e-4)
    np.testing.assert_allclose(found["accuracy"], history.history["val_accuracy"][-1], atol=1e-6)
    assert found["accuracy"] > 0.8 and logits.min() < 0
    assert all(np.array_equal(a, b) for a, b in zip(before, given.get_weights()))  # It trained a copy.
    model.save(tmp_path / "n.keras")
    saved = keras.models.load_model(tmp_path / "n.keras")
    np.testing.assert_array_equal(saved(data.to_unit(digits.x_test[:5])), model(digits.x_test[:5]))


X = np.zeros((4, 8, 8, 1), np.float32)
Y = np.arange(4)


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda m: m.fit(255 * (X + 1), Y), "divide by 255"),
        (lambda m: m.fit(X, np.eye(10)[Y]), "argmax"),
        (lambda m: m.fit(X, Y + 9), "0..9"),
        (lambda m: m.fit(X, Y, class_weight={0: 1.0}), "class_weight"),
        (lambda m: m.fit(X, Y, sample_weight=np.ones(4)), "sample_weight"),
        (lambda m: m.compile(loss="mse"), "leave loss out"),
        (lambda m: m.compile(metrics=["mae"]), "leave metrics out"),
        (lambda m: tfrobust.robustify(shallow_network(), "magic"), "magic"),
        (lambda m: tfrobust.robustify(shallow_network(), "madry", gamma=1.0), "no use for gamma"),
        (lambda m: tfrobust.robustify(shallow_network(), eps=-1), "eps"),
        (lambda m: tfrobust.attribute(shallow_network(), X, Y + 9), "0..9"),
        (lambda m: tfrobust.attribute(shallow_network(), X, method="magic"), "magic"),
        (lambda m: tfrobust.audit(shallow_network(), X, Y, minutes=-1), "minutes"),
        (lambda m: tfrobust.audit(shallow_network(), X, Y, eps=[8]), "eps"),
    ],
)
def test_what_cannot_be_is_refused(call, words):
    model = tfrobust.robustify(shallow_network(), "natural")
    model.compile()
    with pytest.raises(InputError, match=words):
        call(model)


def test_maps_are_those_of_the_library_for_networks_of_any_make():
    network = shallow_network()
    x = np.random.RandomState(0).rand(3, 8, 8, 1).astype(np.float32)
    y = network(x).numpy().argmax(axis=1)
    want = np.abs(integrated_gradients(make_score(network, "logit"), tf.constant(x), y, steps=20))[..., 0]
    want /= want.mean(axis=(1, 2), keepdims=True)
    np.testing.assert_allclose(tfrobust.attribute(network, x, steps=20), want, rtol=1e-4, atol=1e-5)
    inputs = keras.Input((8, 8, 1))
    bytes_in = keras.Model(inputs, keras.layers.Softmax()(network(keras.layers.Rescaling(1 / 255)(inputs))))
    np.testing.assert_allclose(tfrobust.attribute(bytes_in, x, pixels="0..255", steps=20), want, rtol=1e-3, atol=1e-4)
    assert tfrobust.attribute(network, x, y, "grad_cam").shape == (3, 8, 8)


def test_an_audit_shows_itself_and_is_saved(digits, tmp_path, monkeypatch):
    model = tfrobust.robustify(plain(), "natural", pixels="0..255")
    model.compile()
    model.fit(digits.x_train, digits.y_train, epochs=3, verbose=0)
    seen = []
    monkeypatch.setattr(plan, "LEVELS", ((3, 3),))  # As if there were no time for more.
    with without_graphs():
        audit = tfrobust.audit(
            model, digits.x_test, digits.y_test, eps=[8 / 255], images=4, report=lambda *said: seen.append(said)
        )
    assert audit.grade in ("fragile", "moves", "holds", "unsure", "none") and audit.verdict in repr(audit)
    shown = audit._repr_html_()
    assert "<table>" in shown and audit.verdict in shown
    assert audit.summary["pixels"]["chosen"] == "0..1"
    own = [r for r in audit.records if r["task"] == "gradient at 8/255"]
    assert len(own) == 4 and all(digits.y_test[int(r["image"][2:-1])] == r["label"] for r in own)
    path = audit.save(str(tmp_path / "a"))
    assert path.endswith("audit.html") and {p.name for p in (tmp_path / "a").iterdir()} >= {"audit.json", "audit.html"}
    passed = [seconds for _, seconds, _ in seen]
    assert len(passed) > 10 and passed == sorted(passed)


if __name__ == "__main__":
    run_tests(__file__)
