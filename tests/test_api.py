"""tfrobust.robustify, tfrobust.attribute and tfrobust.audit: what a notebook calls."""

import dataclasses
import functools
import inspect
import pydoc
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

import tfrobust
from tests.helpers import ROOT, run_tests, shallow_network, shorten_audits, without_graphs
from tfrobust import api, data, report
from tfrobust.attributions import make_score
from tfrobust.attributions.integrated_gradients import integrated_gradients
from tfrobust.auditing import audit
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


@functools.cache
def untrained():
    """A network whose weights stay as they are, as those do of which `robustify` trains a copy."""
    return shallow_network()


def test_help_lists_what_people_import():
    text = pydoc.render_doc(tfrobust, renderer=pydoc.plaintext)
    assert tfrobust.__all__ == ["attribute", "audit", "audit_callable", "picture", "robustify"]
    assert set(tfrobust.__all__) <= set(dir(tfrobust))
    for name in tfrobust.__all__:
        function = getattr(tfrobust, name)
        assert function is getattr(api, name)
        assert f"    {name}(" in text and inspect.getdoc(function).splitlines()[0] in text


def test_a_range_of_pixels_means_the_same_with_the_same_default_in_every_function(eagerly):
    for function in (tfrobust.robustify, tfrobust.attribute, audit.measure):
        assert inspect.signature(function).parameters["pixels"].default == "auto"
    network, x = plain(), np.random.RandomState(0).rand(2, 8, 8, 1).astype(np.float32)
    logits = tfrobust.robustify(network, "natural", pixels="0..255").network(x)
    want = tfrobust.attribute(network, x, pixels="0..255", steps=3)
    for pixels in ("auto", None):
        np.testing.assert_array_equal(tfrobust.robustify(network, "natural", pixels=pixels).network(x), logits)
        np.testing.assert_allclose(tfrobust.attribute(network, x, pixels=pixels, steps=3), want, rtol=1e-4, atol=1e-6)


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
    """Without graphs; tests/objectives/test_conformance.py trains each method with one.  Keras' own loop hands batches
    of arrays to two methods, and to those of maps; to the others, whose steps it hands nothing else, this test does."""
    model = tfrobust.robustify(untrained(), method, eps=0.1)
    if getattr(model.objective, "attack_steps", 0):  # One of them shows what all do.
        model.objective = dataclasses.replace(model.objective, attack_steps=1)
    model.compile("adam")
    r = np.random.RandomState(0)
    n = 11 if method == "madry" else 3  # Of a batch that is not full; of one method, with a full one before it.
    x, y, before = r.rand(n, 8, 8, 1).astype(np.float32), r.randint(0, 10, n), model.network.get_weights()
    if getattr(model.objective, "uses_saliency", False):
        s = r.uniform(-1, 1, (n, 1, 8, 8, 1)).astype(np.float32)
        with pytest.raises(InputError, match="map beside each image"):
            model.fit(x, y, verbose=0)
        history = model.fit(tf.data.Dataset.from_tensor_slices((x, y, s)).batch(8), verbose=0)
    elif method in ("natural", "madry"):
        history = model.fit(x, y, batch_size=8, verbose=0)
    else:
        history = model.train_step((tf.constant(x), tf.constant(y)))
    assert np.isfinite(getattr(history, "history", history)["loss"]).all() and model.optimizer.iterations == -(-n // 8)
    assert any(np.any(a != b) for a, b in zip(before, model.network.get_weights()))


def test_it_trains_what_the_trainer_trains(digits, eagerly):
    x, y = data.to_unit(digits.x_train[:20]), digits.y_train[:20]
    model = tfrobust.robustify(untrained(), "madry", eps=0.1, seed=3, attack_steps=2)
    model.compile(keras.optimizers.SGD(0.1))
    model.fit(x, y, batch_size=10, verbose=0, shuffle=False)
    network = shallow_network()
    trainer = Trainer(
        network, make_objective("madry", **{**defaults("madry", 0.1, (8, 8, 1)), "attack_steps": 2}), seed=3
    )
    trainer.compile(optimizer=keras.optimizers.SGD(0.1), jit_compile=False)
    trainer.fit(tf.data.Dataset.from_tensor_slices((x, y)).batch(10), verbose=0, shuffle=False)
    for a, b in zip(model.network.get_weights(), network.get_weights()):
        np.testing.assert_allclose(a, b, atol=1e-6)


def test_it_learns_evaluates_predicts_and_saves_the_plain_network(digits, tmp_path):
    given = plain()
    before = given.get_weights()
    model = tfrobust.robustify(given, "natural", pixels="0..255")
    model.compile(keras.optimizers.Adam(0.01))
    x, y = digits.x_train[:600], digits.y_train[:600]
    history = model.fit(x, y, epochs=3, verbose=0, validation_data=(digits.x_test, digits.y_test))
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
        (lambda m: m.get_config(), "model.network"),
        (lambda m: m.compile(loss="mse"), "leave loss out"),
        (lambda m: m.compile(metrics=["mae"]), "leave metrics out"),
        (lambda m: tfrobust.robustify(untrained(), "magic"), "magic"),
        (lambda m: tfrobust.robustify(untrained(), "madry", gamma=1.0), "no use for gamma"),
        (lambda m: tfrobust.robustify(untrained(), eps=-1), "eps"),
        (lambda m: tfrobust.attribute(untrained(), X, Y + 9), "0..9"),
        (lambda m: tfrobust.attribute(untrained(), X, method="magic"), "magic"),
        (lambda m: tfrobust.attribute(untrained(), X, steps=5.5), "whole number"),
        (lambda m: tfrobust.attribute(untrained(), X, baseline=128), "baseline"),
        (lambda m: tfrobust.attribute(untrained(), X, baseline=float("nan")), "baseline"),
        (lambda m: tfrobust.attribute(untrained(), X, batch_size=0), "batch_size"),
        (lambda m: tfrobust.attribute(untrained(), X, chunk=0), "chunk"),
        (lambda m: tfrobust.attribute(untrained(), X, method="gradient", steps=5), "option of a gradient map"),
        (lambda m: tfrobust.audit(untrained(), X, Y, minutes=-1), "minutes"),
        (lambda m: tfrobust.audit(untrained(), X, Y, eps=[8]), "eps"),
    ],
)
def test_what_cannot_be_is_refused(call, words):
    with pytest.raises(InputError, match=words):
        call(natural_model())


def batched(x, y, *more):
    return tf.data.Dataset.from_tensor_slices((x, y, *more)).batch(2)


def sgd_model(method="natural", network=None, **hyper):
    model = tfrobust.robustify(untrained() if network is None else network, method, **hyper)
    model.compile(keras.optimizers.SGD(0.1))
    return model


@functools.cache
def natural_model():
    """One that was fitted, for calls that are refused."""
    model = sgd_model()
    model.fit(X, Y, verbose=0)
    return model


NAN = np.where(np.arange(4)[:, None, None, None] == 1, np.nan, X).astype(np.float32)
BATCHES = {
    "bytes as floats": (batched(255 * (X + 1), Y), "divide by 255"),
    "NaN": (batched(NAN, Y), "NaN or infinite"),
    "halves": (batched(X, Y + 0.5), "whole numbers"),
    "another class": (batched(X, Y + 9), "0..9"),
    "one-hot": (batched(X, np.eye(10)[Y]), "argmax"),
}


@pytest.mark.parametrize("name", BATCHES)
def test_a_batch_that_cannot_be_changes_no_weight(name):
    """A data set, a generator and validation data; one that is wrong from its second batch on, too."""
    batches, words = BATCHES[name]
    model = natural_model()
    before = model.network.get_weights()
    calls = (
        lambda: model.fit(batches, verbose=0),
        lambda: model.fit((batch for batch in batches), verbose=0),
        lambda: model.fit(X, Y, validation_data=batches, verbose=0),
        lambda: model.evaluate(batches, verbose=0),
    )
    for call in calls:
        with pytest.raises(InputError, match=words):
            call()
        assert all(map(np.array_equal, before, model.network.get_weights()))
    with pytest.raises(InputError, match=words):
        model.fit(batched(X, Y).concatenate(batches) if name != "one-hot" and name != "halves" else batches, verbose=0)
    assert np.isfinite(model.network.get_weights()[0]).all()


def test_labels_in_a_column_are_taken_after_others():
    """Keras then traces the step for labels of any shape."""
    model = natural_model()
    assert np.isfinite(model.fit(((x, y) for x, y in [(X, Y[:, None])]), verbose=0).history["loss"]).all()


def test_images_come_as_arrays_tensors_data_sets_and_generators(eagerly):
    x, y = np.random.RandomState(0).rand(4, 8, 8, 1).astype(np.float32), np.array([3, 1, 4, 1])
    given = {
        "array": (x, y),
        "tensor": (tf.constant(x), tf.constant(y)),
        "data set": (tf.data.Dataset.from_tensor_slices((x, y)).batch(4),),
        "generator": ((batch for batch in [(x, y)]),),
        "without channels": (x[..., 0], y),
        "labels as floats": (tf.data.Dataset.from_tensor_slices((x, y.astype(np.float32))).batch(4),),
    }
    found, model = {}, sgd_model()
    before = model.network.get_weights()
    for name, own in given.items():
        model.network.set_weights(before)
        model.fit(*own, verbose=0, shuffle=False)
        found[name] = model.network.get_weights()
    for weights in found.values():
        for a, b in zip(weights, found["array"]):
            np.testing.assert_allclose(a, b, atol=1e-7)


@pytest.mark.parametrize("method, hyper", [("natural", {}), ("trades", {"attack_steps": 1})])
def test_weights_of_images_weigh_every_term(method, hyper, eagerly):
    """In a step of SGD: twice the weight is twice the way, no weight no image, a class' weight that of its images."""
    x, y = np.random.RandomState(0).rand(4, 8, 8, 1).astype(np.float32), np.array([3, 1, 4, 1])

    model = sgd_model(method, **hyper)
    before = model.network.get_weights()

    def moved(x=x, y=y, **options):
        model.network.set_weights(before)
        model.compile(keras.optimizers.SGD(0.1))  # Draws are by the number of the step.
        model.fit(x, y, batch_size=4, verbose=0, shuffle=False, **options)
        return np.concatenate([(a - b).ravel() for a, b in zip(model.network.get_weights(), before)])

    plain = moved()
    np.testing.assert_allclose(moved(sample_weight=np.full(4, 2.0)), 2 * plain, atol=1e-6)
    of_class_1 = {label: float(label == 1) for label in range(10)}
    ones = moved(sample_weight=np.array([0, 1, 0, 1.0]))
    np.testing.assert_allclose(moved(class_weight=of_class_1), ones, atol=1e-6)
    assert np.abs(moved(sample_weight=np.zeros(4))).max() == 0
    weighted = tf.data.Dataset.from_tensor_slices((x, y, np.full(4, 2.0))).batch(4)
    np.testing.assert_allclose(moved(weighted, None), 2 * plain, atol=1e-6)


def test_weights_weigh_the_loss_of_an_evaluation_and_of_a_validation(eagerly):
    x, y = np.random.RandomState(0).rand(4, 8, 8, 1).astype(np.float32), np.array([3, 1, 4, 1])
    model = sgd_model()
    loss, accuracy = model.evaluate(x, y, verbose=0)
    twice = np.full(4, 2.0)
    assert model.evaluate(x, y, sample_weight=twice, verbose=0) == pytest.approx([2 * loss, accuracy], rel=1e-5)
    model.compile(keras.optimizers.SGD(0.0))
    history = model.fit(x, y, validation_data=(x, y, twice), verbose=0).history
    assert history["val_loss"] == pytest.approx([2 * loss], rel=1e-5)


def test_weights_of_a_method_with_maps_come_behind_them(eagerly):
    x, y = np.random.RandomState(0).rand(4, 8, 8, 1).astype(np.float32), np.array([3, 1, 4, 1])
    maps = np.ones((4, 1, 8, 8, 1), np.float32)

    model = sgd_model("sat")
    before = model.network.get_weights()

    def moved(*more):
        model.network.set_weights(before)
        model.compile(keras.optimizers.SGD(0.1))  # Draws are by the number of the step.
        model.fit(tf.data.Dataset.from_tensor_slices((x, y, maps, *more)).batch(4), verbose=0)
        return model.network.get_weights()[0] - before[0]

    np.testing.assert_allclose(moved(np.full(4, 2.0)), 2 * moved(), atol=1e-6)
    with pytest.raises(InputError, match="x, y, s, weight"):
        model.fit(batched(x, y, maps), class_weight={1: 2.0})


def test_what_is_saved_is_the_plain_network(tmp_path):
    model, other = sgd_model(), shallow_network(1)
    model.save_weights(tmp_path / "w.weights.h5")
    other.load_weights(str(tmp_path / "w.weights.h5"))
    assert all(map(np.array_equal, other.get_weights(), model.network.get_weights()))
    again = sgd_model(network=shallow_network(2))
    again.load_weights(tmp_path / "w.weights.h5")
    assert all(map(np.array_equal, again.network.get_weights(), model.network.get_weights()))
    model.export(tmp_path / "exported")
    exported = tf.saved_model.load(tmp_path / "exported")
    np.testing.assert_allclose(exported.serve(tf.constant(X)), model.network(X), atol=1e-6)
    save = keras.callbacks.ModelCheckpoint(str(tmp_path / "best.keras"))
    model.fit(X, Y, verbose=0, callbacks=[save])
    loaded = keras.models.load_model(tmp_path / "best.keras", compile=False)
    np.testing.assert_allclose(loaded(X), model.network(X), atol=1e-6)


def test_a_network_of_which_nothing_can_be_trained_is_refused_and_a_partly_frozen_one_is_not(eagerly):
    network = shallow_network()
    network.layers[1].trainable = False
    frozen, free = network.layers[1], network.layers[-1]
    model = sgd_model(network=network)
    before = [w.copy() for w in model.network.get_weights()]
    model.fit(X + 0.5, Y, verbose=0)
    after = model.network.get_weights()
    assert np.array_equal(after[0], before[0]) and not np.array_equal(after[-1], before[-1])
    assert frozen is not free
    network.trainable = False
    with pytest.raises(InputError, match="frozen"):
        sgd_model(network=network).fit(X, Y, verbose=0)


def test_maps_are_those_of_the_library_for_networks_of_any_make():
    network = untrained()
    x = np.random.RandomState(0).rand(3, 8, 8, 1).astype(np.float32)
    y = network(x).numpy().argmax(axis=1)
    want = np.abs(integrated_gradients(make_score(network, "logit"), tf.constant(x), y, steps=20))[..., 0]
    want /= want.mean(axis=(1, 2), keepdims=True)
    np.testing.assert_allclose(tfrobust.attribute(network, x, steps=20), want, rtol=1e-4, atol=1e-5)
    inputs = keras.Input((8, 8, 1))
    bytes_in = keras.Model(inputs, keras.layers.Softmax()(network(keras.layers.Rescaling(1 / 255)(inputs))))
    np.testing.assert_allclose(tfrobust.attribute(bytes_in, x, pixels="0..255", steps=20), want, rtol=1e-3, atol=1e-4)
    assert tfrobust.attribute(network, x, y, "grad_cam").shape == (3, 8, 8)


@pytest.mark.parametrize("held", [{"chunk": 3}, {"chunk": "auto", "memory_gb": 1e-5}, {"memory_gb": 1e-5}], ids=str)
def test_maps_do_not_depend_on_what_is_held_at_once(held, monkeypatch, eagerly):
    network, seen = untrained(), []
    x = np.random.RandomState(0).rand(3, 8, 8, 1).astype(np.float32)
    want = tfrobust.attribute(network, x, steps=7)
    plain = api.plain_maps
    monkeypatch.setattr(api, "plain_maps", lambda *given, chunk: seen.append(chunk) or plain(*given, chunk=chunk))
    np.testing.assert_allclose(tfrobust.attribute(network, x, steps=7, batch_size=2, **held), want, atol=1e-5)
    assert seen == [held.get("chunk") if held.get("chunk") == 3 else 1]


def test_a_picture_shows_the_maps_before_and_after_with_the_names_of_the_classes(eagerly):
    network, names = untrained(), [f"kind {i}" for i in range(10)]
    x = np.random.RandomState(0).rand(2, 8, 8, 1).astype(np.float32)
    x_adv = np.clip(x + 0.05, 0, 1)
    said = network(x).numpy().argmax(axis=1)
    picture = tfrobust.picture(network, x, x_adv, class_names=names, steps=5)
    first = picture.panels[0]
    np.testing.assert_allclose(first.a, tfrobust.attribute(network, x, steps=5)[0], atol=1e-5)
    np.testing.assert_allclose(first.a_adv, tfrobust.attribute(network, x_adv, said, steps=5)[0], atol=1e-5)
    assert first.before == f"predicted: kind {said[0]}" and first.caption.startswith("Kendall 0.")
    assert tfrobust.picture(network, x[:1], steps=5)._repr_png_()[:4] == b"\x89PNG"
    with pytest.raises(InputError, match="give the same images"):
        tfrobust.picture(network, x, x_adv[:1], steps=5)
    with pytest.raises(InputError, match="knows 10 classes"):
        tfrobust.picture(network, x, class_names=["a"], steps=5)


def test_an_audit_shows_itself_and_is_saved(digits, tmp_path, monkeypatch):
    """With the labels that an untrained network says, and without its pictures."""
    model, x, seen = tfrobust.robustify(plain(), "natural", pixels="0..255"), digits.x_test[:40], []
    model.network.layers[-1].bias.assign(np.arange(10) / 10)  # Without one, it would say the same in any range.
    y = model.network(data.to_unit(x)).numpy().argmax(axis=1)
    shorten_audits(monkeypatch, steps=1, pgd_steps=1)
    monkeypatch.setattr(report, "html_picture", lambda draw, alt, form="png": "")
    with without_graphs():
        audit = tfrobust.audit(model, x, y, eps=[8 / 255], images=4, report=lambda *said: seen.append(said))
    assert audit.grade in ("fragile", "moves", "holds", "unsure", "none") and audit.verdict in repr(audit)
    shown = audit._repr_html_()
    assert "<table>" in shown and audit.verdict.split(": ")[0] in shown
    assert audit.summary["pixels"]["chosen"] == "0..1"
    own = [r for r in audit.records if r["task"] == "gradient at 8/255"]
    assert len(own) == 4 and all(y[int(r["image"][2:-1])] == r["label"] for r in own)
    path = audit.save(str(tmp_path / "a"))
    assert path.endswith("audit.html") and {p.name for p in (tmp_path / "a").iterdir()} >= {"audit.json", "audit.html"}
    passed = [seconds for _, seconds, _ in seen]
    assert len(passed) > 10 and passed == sorted(passed)


if __name__ == "__main__":
    run_tests(__file__)
