"""Adopted copies: they take pixels in [0, 1], give logits, and compute what the network computes."""

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from tests.helpers import images, run_tests
from tests.networks.small_applications import mobilenet
from tfrobust.attributions import make_score
from tfrobust.attributions.gradient import gradient
from tfrobust.attributions.split import last_feature_map
from tfrobust.networks import PIXELS, adopt, check_network
from tfrobust.networks.smooth_relus import Softplus
from tfrobust.networks.surrogates import surrogate
from tfrobust.types import InputError

SHAPE = (8, 8, 3)
KERAS_3 = hasattr(keras, "ops")
# ReLU and the like as people write them, without a layer.
relu = keras.ops.relu if KERAS_3 else tf.nn.relu
leaky_relu = keras.ops.leaky_relu if KERAS_3 else tf.nn.leaky_relu
maximum = keras.ops.maximum if KERAS_3 else tf.maximum
softmax = keras.ops.softmax if KERAS_3 else tf.nn.softmax
sigmoid = keras.ops.sigmoid if KERAS_3 else tf.nn.sigmoid
log_softmax = keras.ops.log_softmax if KERAS_3 else tf.nn.log_softmax


X = np.random.RandomState(0).rand(3, *SHAPE).astype(np.float32)


def classifier(end, *middle):
    """A functional network: a convolution, the layers or operations of the middle, and end(features [B,F])."""
    inputs = keras.Input(SHAPE)
    h = layers.Conv2D(4, 3)(inputs)
    for each in middle:
        h = each(h)
    return keras.Model(inputs, end(layers.Flatten()(h)))


def dense(k=5, activation="softmax"):
    return layers.Dense(k, activation=activation)


def after(layer, *first):
    """The end that calls the layer on the outputs of others."""

    def end(h):
        for each in (*first, layer):
            h = each(h)
        return h

    return end


def on(*front, dtype="float32"):
    """A network that starts with these layers."""
    h = inputs = keras.Input(SHAPE, dtype=dtype)
    for each in front:
        h = each(h)
    return keras.Model(inputs, dense()(layers.Flatten()(h)))


def sequential():
    return keras.Sequential(
        [
            keras.Input(SHAPE),
            layers.Conv2D(4, 3, activation="relu"),
            layers.BatchNormalization(),
            layers.Dropout(0.5),
            layers.Flatten(),
            layers.Dense(6, activation="relu"),
            dense(),
        ]
    )


def nested():
    """A model before, one in the middle that is called twice and has two inputs, and one with the softmax at the end;
    the same layer names in each."""
    a, b = keras.Input((6, 6, 4), name="a"), keras.Input((6, 6, 4), name="b")
    block = keras.Model([a, b], layers.Add(name="add")([a, layers.Conv2D(4, 1, activation="relu", name="conv")(b)]))
    before = keras.Sequential([keras.Input(SHAPE), layers.Conv2D(4, 3, name="conv"), layers.ReLU(name="relu")])
    end = keras.Sequential([keras.Input((6, 6, 4)), layers.Flatten(), layers.Dense(5), layers.Softmax()])
    inputs = keras.Input(SHAPE)
    h = before(inputs)
    h = block([block([h, h]), h])
    return keras.Model(inputs, end(h))


def outputs(network, x):
    return np.asarray(network(x, training=False))


def weights(network):
    return sorted((w.shape, w.tobytes()) for w in network.get_weights())


def as_probabilities(logits, want):
    """softmax(logits), of class 1 alone where the network gives only that."""
    return np.asarray(tf.nn.softmax(logits))[:, -want.shape[1] :]


NETWORKS = {
    "sequential": sequential,
    "functional": lambda: classifier(dense(), layers.ReLU()),
    "softmax layer": lambda: classifier(after(layers.Softmax(), dense(activation=None))),
    "softmax activation": lambda: classifier(after(layers.Activation("softmax"), dense(activation=None))),
    "softmax operation": lambda: classifier(after(softmax, dense(activation=None))),
    "softmax lambda": lambda: classifier(after(layers.Lambda(lambda z: tf.nn.softmax(z)), dense(activation=None))),
    "sigmoid": lambda: classifier(dense(1, "sigmoid"), layers.ReLU()),
    "sigmoid operation": lambda: classifier(after(sigmoid, dense(1, None))),
    "nested": nested,
    "relu operation": lambda: classifier(dense(), relu),
    "leaky relu operation": lambda: classifier(dense(), lambda h: leaky_relu(h, 0.3)),
    "maximum": lambda: classifier(dense(), lambda h: maximum(0.0, h)),
    "relu lambda": lambda: classifier(dense(), layers.Lambda(lambda h: tf.nn.relu(h))),
    "leaky relu within": lambda: classifier(dense(), layers.Conv2D(4, 3, activation=layers.LeakyReLU(0.1))),
    "sum": lambda: classifier(dense(), lambda h: relu(h + layers.Conv2D(4, 1)(h))),
    "gelu and sigmoid": lambda: classifier(dense(), layers.Dense(4, "gelu"), layers.Dense(4, "sigmoid")),
}


# Adopted, a ReLU is a layer however it was written (test_surrogates has these, too).
ALIKE = ("leaky relu operation", "relu lambda", "maximum")
PLAIN = ("functional",)  # Others are functional, and more.


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=[pytest.mark.exhaustive] * (n in (*ALIKE, *PLAIN))) for n in NETWORKS]
)
def test_what_went_into_the_softmax_comes_out_and_the_network_stays(name):
    network = NETWORKS[name]()
    x, _ = images(shape=SHAPE)
    want, config, before = outputs(network, x), str(network.get_config()), network.get_weights()
    adopted = adopt(network, x=x)
    probabilities = as_probabilities(outputs(adopted, x), want)
    np.testing.assert_allclose(probabilities, want, atol=1e-6)
    np.testing.assert_array_equal(probabilities.argmax(axis=1), want.argmax(axis=1))
    assert weights(adopted) == weights(network)
    assert not [layer for layer in adopted.layers if isinstance(layer, keras.Model)]
    # Whatever is done with the copy, the network stays.
    adopted.set_weights([w + 1 for w in adopted.get_weights()])
    np.testing.assert_array_equal(outputs(network, x), want)
    for old, new in zip(before, network.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    assert str(network.get_config()) == config


@functools.cache
def adopted_of(name):
    """The copy of that network, which the tests that share it leave as it is."""
    return adopt(NETWORKS[name]())


# What becomes of the others has the layers of these.
SAVED = ("sequential", "sigmoid", "nested")


@pytest.mark.parametrize("name", [pytest.param(n, marks=[pytest.mark.exhaustive] * (n not in SAVED)) for n in NETWORKS])
def test_what_was_adopted_is_saved_and_loads_as_it_was(name, tmp_path):
    adopted = adopted_of(name)
    adopted.save(tmp_path / "adopted.keras")
    np.testing.assert_array_equal(outputs(keras.models.load_model(tmp_path / "adopted.keras"), X), outputs(adopted, X))


ALIKE_ROWS = [
    pytest.param(name, marks=pytest.mark.exhaustive) for name in (*ALIKE, "sequential", "leaky relu within", "sum")
]


@pytest.mark.parametrize("name", ["relu operation", "nested", *ALIKE_ROWS])
def test_the_twin_of_what_was_adopted_has_a_second_derivative(name):
    adopted = adopted_of(name)
    x, y = images(shape=SHAPE)
    y = tf.minimum(y, 4)
    np.testing.assert_allclose(surrogate(adopted, tf.nn.relu)(x), adopted(x, training=False), atol=1e-5)
    soft = make_score(surrogate(adopted, Softplus(1.0)), "logit")
    with tf.GradientTape() as tape:
        tape.watch(x)
        size = tf.reduce_sum(gradient(soft, x, y) ** 2)
    assert np.abs(tape.gradient(size, x)).max() > 0


def test_a_built_in_relu_becomes_a_layer_and_the_networks_own_stays():
    network = sequential()
    adopted = adopt(network)
    relus = [layer.name for layer in adopted.layers if isinstance(layer, layers.ReLU)]
    assert relus == [network.layers[0].name + "_activation", network.layers[4].name + "_activation"]
    assert network.layers[0].activation is keras.activations.relu
    assert adopted.get_layer(network.layers[0].name).activation is keras.activations.linear


def test_a_sigmoid_becomes_two_logits():
    network = NETWORKS["sigmoid"]()
    x, _ = images(shape=SHAPE)
    logits, p = outputs(adopt(network), x), outputs(network, x)[:, 0]
    np.testing.assert_array_equal(logits[:, 0], 0)
    np.testing.assert_allclose(tf.nn.softmax(logits), np.stack([1 - p, p], axis=1), atol=1e-6)


def test_log_probabilities_are_logits():
    network = classifier(after(log_softmax, dense(activation=None)))
    x, _ = images(shape=SHAPE)
    np.testing.assert_array_equal(outputs(adopt(network), x), outputs(network, x))


MEAN, STD = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
RANGES = {
    "0..1": lambda x: x,
    "0..255": lambda x: 255 * x,
    "-1..1": lambda x: 2 * x - 1,
    "imagenet_caffe": lambda x: (255 * x)[..., ::-1] - [103.939, 116.779, 123.68],
    "imagenet_torch": lambda x: (x - MEAN) / STD,
}


# Without another range, an adopted network is saved above.
@pytest.mark.parametrize("pixels", [pytest.param(r, marks=[pytest.mark.exhaustive] * (r == "0..1")) for r in RANGES])
def test_pixels_come_in_the_range_that_the_network_expects(pixels, tmp_path):
    network = on()
    network.set_weights([0.1 * w for w in network.get_weights()])
    x, _ = images(shape=SHAPE)
    adopted = adopt(network, pixels)
    want = outputs(network, RANGES[pixels](x.numpy()).astype(np.float32))
    np.testing.assert_allclose(tf.nn.softmax(outputs(adopted, x)), want, atol=1e-6)
    assert weights(adopted) == weights(network)
    adopted.save(tmp_path / "adopted.keras")
    loaded = keras.models.load_model(tmp_path / "adopted.keras", safe_mode=True)
    np.testing.assert_array_equal(outputs(loaded, x), outputs(adopted, x))


def test_imagenet_caffe_is_what_keras_applications_does():
    x, _ = images(shape=SHAPE)
    want = keras.applications.imagenet_utils.preprocess_input(255 * x.numpy(), mode="caffe")
    inputs = keras.Input(SHAPE)
    network = keras.Model(inputs, layers.Flatten()(inputs))
    np.testing.assert_allclose(outputs(adopt(network, "imagenet_caffe"), x), want.reshape(len(x), -1), atol=1e-3)


def adapted(scale):
    layer = layers.Normalization()
    layer.adapt(scale * images(shape=SHAPE)[0].numpy())
    return layer


# What is adopted from the others says nothing of another range (tests/networks/test_inspection.py).
FEW = ("0..255", "imagenet_caffe")


@pytest.mark.parametrize("pixels", [pytest.param(p, marks=[pytest.mark.exhaustive] * (p not in FEW)) for p in PIXELS])
def test_a_network_adopted_from_any_range_takes_0_to_1_when_adopted_again(pixels):
    network = on(layers.Rescaling(1 / 255)) if pixels == "0..255" else on()
    once = adopt(network, pixels)
    np.testing.assert_allclose(adopt(once)(X), once(X), atol=1e-5)


FRONTS = [
    lambda: [layers.ZeroPadding2D(1), layers.Rescaling(1 / 127.5, offset=-1)],
    lambda: [lambda x: x / 255.0],
    lambda: [layers.Lambda(lambda x: x / 255.0)],
    lambda: [adapted(255)],
    lambda: [keras.Sequential([keras.Input(SHAPE), layers.Rescaling(1 / 255)])],
]


# That the others say the same is seen in tests/networks/test_inspection.py.
@pytest.mark.parametrize(
    "front",
    [lambda: [layers.Rescaling(1 / 255)], *(pytest.param(front, marks=pytest.mark.exhaustive) for front in FRONTS)],
)
def test_a_network_with_its_own_preprocessing_wants_0_to_255(front):
    network = on(*front())
    for pixels in ("0..1", "-1..1", "imagenet_torch"):
        with pytest.raises(InputError, match=r"pass pixels='0..255'"):
            adopt(network, pixels)
    x, _ = images(shape=SHAPE)
    np.testing.assert_allclose(tf.nn.softmax(adopt(network, "0..255")(x)), network(255 * x), atol=1e-6)


def test_a_normalization_of_images_in_0_to_1_stays():
    network = on(adapted(1))
    x, _ = images(shape=SHAPE)
    np.testing.assert_allclose(tf.nn.softmax(adopt(network)(x)), network(x), atol=1e-6)


@pytest.mark.parametrize(
    "make, options, pixels, scale",
    [
        pytest.param("MobileNetV2", {"alpha": 0.35}, "-1..1", lambda x: 2 * x - 1, marks=pytest.mark.exhaustive),
        ("a block of MobileNetV3Small", {"minimalistic": True}, "0..255", lambda x: 255 * x),
        pytest.param(
            "MobileNetV3Small",
            {"alpha": 0.35, "minimalistic": True},
            "0..255",
            lambda x: 255 * x,
            marks=pytest.mark.exhaustive,
        ),
        pytest.param("ResNet50V2", {}, "-1..1", lambda x: 2 * x - 1, marks=pytest.mark.exhaustive),
        pytest.param("EfficientNetB0", {}, "0..255", lambda x: 255 * x, marks=pytest.mark.exhaustive),
    ],
)
def test_networks_of_keras_applications(make, options, pixels, scale):
    keras.utils.set_random_seed(0)
    if make in dir(keras.applications):
        network = getattr(keras.applications, make)(weights=None, input_shape=(32, 32, 3), classes=7, **options)
    else:
        network = mobilenet(7, **options)
    x, _y = images(n=2, shape=(32, 32, 3))
    adopted = adopt(network, pixels, x)
    want = outputs(network, scale(x))
    probabilities = np.asarray(tf.nn.softmax(outputs(adopted, x)))
    np.testing.assert_allclose(probabilities, want, atol=1e-6)
    np.testing.assert_array_equal(probabilities.argmax(axis=1), want.argmax(axis=1))
    for old, new in zip(network.get_weights(), adopted.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    smooth = outputs(surrogate(adopted, Softplus(1.0)), x)
    assert np.isfinite(smooth).all()
    if pixels == "0..255":
        with pytest.raises(InputError, match=r"0..255"):
            adopt(network)
    if make != "EfficientNetB0":  # Which has no ReLU.
        assert np.abs(smooth - outputs(adopted, x)).max() > 0.01


def test_a_base_that_is_called_without_training_stays_so():
    base = keras.Sequential([keras.Input(SHAPE), layers.Conv2D(4, 3), layers.BatchNormalization(), layers.ReLU()])
    inputs = keras.Input(SHAPE)
    network = keras.Model(inputs, dense()(layers.GlobalAveragePooling2D()(base(inputs, training=False))))
    adopted = adopt(network)
    x, _ = images(shape=SHAPE)
    # Keras 3 overrules the base when the whole is called with training=True; the copy does what the network does.
    np.testing.assert_allclose(tf.nn.softmax(adopted(x, training=True)), network(x, training=True), atol=1e-6)


def test_a_network_from_a_file_and_one_that_was_compiled(tmp_path, eagerly):
    network = sequential()
    network.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
    x, y = images(shape=SHAPE)
    network.train_on_batch(x, tf.one_hot(y % 5, 5))
    network.save(tmp_path / "network.keras")
    loaded = keras.models.load_model(tmp_path / "network.keras")
    np.testing.assert_allclose(tf.nn.softmax(outputs(adopt(loaded), x)), outputs(network, x), atol=1e-6)


def test_batch_normalization_keeps_its_statistics_and_dropout_stays():
    network = sequential()
    network(255 * images(shape=SHAPE)[0], training=True)
    adopted = adopt(network)
    old, new = network.layers[1], adopted.get_layer(network.layers[1].name)
    assert np.abs(old.moving_mean).max() > 0
    np.testing.assert_array_equal(new.moving_mean, old.moving_mean)
    np.testing.assert_array_equal(new.moving_variance, old.moving_variance)
    assert [layer.rate for layer in adopted.layers if isinstance(layer, layers.Dropout)] == [0.5]


def test_feature_maps_of_models_within_are_found():
    assert last_feature_map(adopted_of("nested")) == "conv_activation_1"


def test_what_was_adopted_can_be_adopted_again():
    x, _ = images(shape=SHAPE)
    once = adopt(on(), "-1..1")
    np.testing.assert_allclose(outputs(adopt(once), x), outputs(once, x), atol=1e-6)
    assert outputs(adopt(once, "-1..1"), x).shape == (6, 5)


def test_half_precision_ends_in_float32():
    policy = keras.mixed_precision.global_policy() if not KERAS_3 else keras.config.dtype_policy()
    keras.mixed_precision.set_global_policy("mixed_float16")
    try:
        end = after(layers.Activation("softmax", dtype="float32"), dense(activation=None))
        network = classifier(end, layers.ReLU())
    finally:
        keras.mixed_precision.set_global_policy(policy)
    # Large logits are rounded by more than is allowed.
    network.set_weights([0.02 * w for w in network.get_weights()])
    x, _ = images(shape=SHAPE)
    adopted = adopt(network, "0..255")
    assert tf.as_dtype(adopted(x).dtype) == tf.float32
    np.testing.assert_allclose(tf.nn.softmax(adopted(x)), network(255 * x), atol=1e-3)


class Subclassed(keras.Model):
    def __init__(self):
        super().__init__()
        self.flatten, self.dense = layers.Flatten(), dense()

    def call(self, x):
        return self.dense(self.flatten(x))


class Squared(keras.Model):
    """A functional model whose call is not its graph."""

    def call(self, x, training=None):
        return super().call(x, training=training) ** 2


class WithoutConfig(layers.Layer):
    def __init__(self, dense):
        super().__init__()
        self.dense = dense

    def build(self, shape):
        self.dense.build(shape)
        super().build(shape)

    def call(self, x):
        return self.dense(x)

    def compute_output_shape(self, shape):
        return (*shape[:-1], self.dense.units)


def two_inputs():
    a, b = keras.Input(SHAPE), keras.Input(SHAPE)
    return keras.Model([a, b], dense()(layers.Flatten()(layers.Add()([a, b]))))


def two_outputs():
    network = classifier(dense())
    return keras.Model(network.input, [network.output, network.output])


def squared():
    network = classifier(dense())
    return Squared(network.input, network.output)


def called():
    network = Subclassed()
    network(keras.Input(SHAPE))
    return network


REFUSALS = {
    "path": (lambda: "network.keras", "load_model"),
    "subclassed": (Subclassed, "keras.Model.i, network.call.i"),
    "subclassed and called": (called, "keras.Model.i, network.call.i"),
    "subclassed within": (lambda: on(layers.Conv2D(3, 1), Subclassed()), "network.call.i"),
    "not built": (lambda: keras.Sequential([layers.Flatten(), dense()]), "not built"),
    "two inputs": (two_inputs, "2 inputs"),
    "two outputs": (two_outputs, "2 outputs"),
    "vectors": (lambda: keras.Sequential([keras.Input((5,)), dense()]), "which is no image"),
    "bytes": (lambda: on(layers.Rescaling(1 / 255), dtype="uint8"), "float32"),
    "maps": (lambda: keras.Sequential([keras.Input(SHAPE), layers.Conv2D(5, 1, activation="softmax")]), "logits"),
    "sigmoids": (lambda: classifier(dense(5, "sigmoid")), "5 sigmoids"),
    "one logit": (lambda: classifier(dense(1, None)), "Activation.'sigmoid'"),
    "another softmax": (
        lambda: classifier(after(layers.Lambda(lambda z: tf.nn.softmax(2 * z)), dense(activation=None))),
        "remove its final softmax",
    ),
    "dropout after softmax": (lambda: classifier(after(layers.Dropout(0.5), dense())), "remove its final softmax"),
    "own call": (squared, "something beside its layers"),
    "layer without config": (lambda: on(WithoutConfig(layers.Dense(3))), "get_config"),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_what_cannot_be_adopted_is_refused_in_one_line(name):
    make, words = REFUSALS[name]
    with pytest.raises(InputError, match=words) as refusal:
        adopt(make())
    assert "\n" not in str(refusal.value)


def test_pixels_and_images_that_do_not_fit_are_refused():
    network = sequential()
    with pytest.raises(InputError, match="must be one of"):
        adopt(network, "bytes")
    with pytest.raises(InputError, match="takes images"):
        adopt(network, x=np.zeros((2, 9, 9, 3), np.float32))
    gray = keras.Sequential([keras.Input((8, 8, 1)), layers.Flatten(), dense()])
    with pytest.raises(InputError, match="RGB"):
        adopt(gray, "imagenet_torch")
    with pytest.raises(InputError, match="divide by 255"):
        adopt(network, x=np.full((2, *SHAPE), 255, np.float32))


def test_a_subclassed_model_made_functional_as_the_line_says():
    i = keras.Input(SHAPE)
    network = Subclassed()
    x, _ = images(shape=SHAPE)
    adopted = adopt(keras.Model(i, network.call(i)))
    check_network(adopted, x)
    np.testing.assert_allclose(tf.nn.softmax(adopted(x)), network(x), atol=1e-6)


def test_images_of_any_size():
    inputs = keras.Input((None, None, 3))
    network = keras.Model(inputs, dense()(layers.GlobalMaxPooling2D()(layers.Conv2D(4, 3, activation="relu")(inputs))))
    x, _ = images(shape=(11, 9, 3))
    np.testing.assert_allclose(tf.nn.softmax(adopt(network, "imagenet_torch", x)(x)).shape, (6, 5))


class Derived(layers.Layer):
    """A layer that tells of a number that its __init__ does not take, as layers of KerasHub do."""

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units, self.dense = units, layers.Dense(2 * units, dtype=self.compute_dtype)

    def call(self, x):
        return self.dense(x)

    def get_config(self):
        return {**super().get_config(), "units": self.units, "outputs": 2 * self.units}


def test_a_layer_that_tells_of_more_than_it_takes_is_copied():
    network = keras.Sequential([keras.Input((8, 8, 3)), Derived(3), layers.Flatten(), layers.Dense(5)])
    x = np.random.RandomState(0).rand(2, 8, 8, 3).astype(np.float32)
    np.testing.assert_allclose(adopt(network)(x), network(x), atol=1e-6)


if __name__ == "__main__":
    run_tests(__file__)
