"""What a network takes is found from the network itself, and every door goes by it."""

import gc
import weakref

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

import tfrobust
from tests.helpers import images, run_tests, small_network
from tfrobust.attacks import Ifia, Pgd, TopK
from tfrobust.attributions import make_map
from tfrobust.auditing import inputs
from tfrobust.evaluation import MapTask, Suite, evaluate
from tfrobust.models import make_model
from tfrobust.networks import adopt, check_images, check_network, contracted, inspect_network
from tfrobust.serving import Servable
from tfrobust.similarity import Comparison
from tfrobust.types import InputError

SHAPE = (8, 8, 3)
KERAS_3 = hasattr(keras, "ops")
X = np.random.RandomState(0).rand(6, *SHAPE).astype(np.float32)
cast = keras.ops.cast if KERAS_3 else tf.cast
transpose = keras.ops.transpose if KERAS_3 else tf.transpose


class Fixed(layers.Layer):
    """Somebody's own preprocessing: its constants are weights, and none is trained."""

    def build(self, shape):
        middle = keras.initializers.Constant(127.5)
        self.middle = self.add_weight(name="middle", shape=(), initializer=middle, trainable=False)
        super().build(shape)

    def call(self, x):
        return (x - self.middle) / self.middle


def network(*front, shape=SHAPE, dtype="float32", activation=None, batch=None):
    """A functional network that starts with these layers or functions."""
    keras.utils.set_random_seed(0)
    h = inputs = keras.Input(shape, dtype=dtype, batch_size=batch)
    for each in front:
        h = each(h)
    h = layers.ReLU()(layers.Conv2D(4, 3)(h))
    return keras.Model(inputs, layers.Dense(5, activation=activation)(layers.Flatten()(h)))


def adapted(scale):
    layer = layers.Normalization()
    layer.adapt(scale * X)
    return layer


def batch_normalized(scale, activation=None):
    """A network whose first layer has learned the statistics of its pixels."""
    made = network(layers.BatchNormalization(momentum=0.0), activation=activation)
    made(scale * X, training=True)
    return made


def within(*front):
    return keras.Sequential([keras.Input(SHAPE), *front])


def frozen(layer):
    layer.trainable = False
    return layer


BYTES = {
    "1/255": lambda **how: network(layers.Rescaling(1 / 255), **how),
    "1/127.5": lambda **how: network(layers.Rescaling(1 / 127.5, -1), **how),
    "normalization": lambda **how: network(adapted(255), **how),
    "frozen normalization": lambda **how: network(frozen(adapted(255)), **how),
    "batch normalization": lambda **how: batch_normalized(255, **how),
    "model within": lambda **how: network(within(layers.RandomFlip(), layers.Rescaling(1 / 255)), **how),
    "model within a model": lambda **how: network(within(within(layers.Rescaling(1 / 255))), **how),
    "division": lambda **how: network(lambda x: x / 255.0, **how),
    "two operations": lambda **how: network(lambda x: (x - 127.5) / 127.5, **how),
    "mean of ImageNet": lambda **how: network(keras.applications.vgg16.preprocess_input, **how),
    "lambda": lambda **how: network(layers.Lambda(lambda x: x / 255.0), **how),
    "two layers": lambda **how: network(layers.Rescaling(1 / 255), layers.Rescaling(2.0, -1), **how),
    "after padding": lambda **how: network(layers.ZeroPadding2D(), layers.Rescaling(1 / 255), **how),
    "after another size": lambda **how: network(layers.Resizing(12, 12), layers.Rescaling(1 / 255), **how),
    "inverted": lambda **how: network(layers.Rescaling(-1 / 255, 1), **how),
    "curve": lambda **how: network(lambda x: (x / 255.0) ** 0.5, **how),
    "own layer": lambda **how: network(Fixed(), **how),
}


def rows(names, alike=()):
    """(name, activation) of networks that end in logits and in a softmax.  Of the exhaustive tier are those of which
    there is one alike, and a softmax but at one of whole numbers: what is at the end is no matter of what is in
    front."""
    for name in names:
        for activation in (None, "softmax"):
            left_out = name in alike or (activation and name != "uint8")
            yield pytest.param(name, activation, marks=[pytest.mark.exhaustive] * bool(left_out))


def first_of(names):
    """Names, all but the first of the exhaustive tier."""
    first, *others = names
    return [first, *(pytest.param(name, marks=pytest.mark.exhaustive) for name in others)]


# There is 1/255, a model within a model, two operations, another size, a layer of one's own, and a Normalization, whose
# statistics are not trained either way.
ALIKE_BYTES = ("1/127.5", "model within", "division", "after padding", "two layers", "frozen normalization", "lambda")


@pytest.mark.parametrize("name, activation", rows(BYTES, ALIKE_BYTES))
def test_a_network_made_for_bytes_is_found_whatever_its_end(name, activation):
    made = BYTES[name](activation=activation)
    assert inspect_network(made).pixels == "0..255"
    with pytest.raises(InputError, match=r"pixels='0\.\.255'"):
        check_network(made, X)
    with pytest.raises(InputError, match=r"pass pixels='0\.\.255'"):
        adopt(made)
    assert_of_bytes(contracted(made), made, activation)


@pytest.mark.parametrize("activation", [None, pytest.param("softmax", marks=pytest.mark.exhaustive)])
@pytest.mark.parametrize("name", first_of(BYTES))
def test_a_network_made_for_bytes_is_adopted_by_the_range_that_it_says_or_that_is_given(name, activation):
    made = BYTES[name](activation=activation)
    for pixels in ("0..255", None):
        assert_of_bytes(adopt(made, pixels), made, activation)


def assert_of_bytes(got, made, activation):
    """Of images in [0, 1], it gives the logits of the network that is made for bytes."""
    check_network(got, X)
    logits = got(X, training=False)
    p = logits if activation is None else tf.nn.softmax(logits)
    np.testing.assert_allclose(p, made(255 * X, training=False), rtol=1e-3, atol=1e-4)


UNIT = {
    "nothing": lambda: network(),
    "normalization": lambda: network(adapted(1)),
    "batch normalization": lambda: batch_normalized(1.0),
    "new batch normalization": lambda: network(layers.BatchNormalization()),
    "to -1..1": lambda: network(layers.Rescaling(2.0, -1)),
    "to 0..255": lambda: network(layers.Rescaling(255.0)),
    "to 0..255 and back": lambda: network(layers.Rescaling(255.0), layers.Rescaling(1 / 255)),
    "each image": lambda: network(layers.Lambda(tf.image.per_image_standardization)),
    "cut": lambda: network(layers.Lambda(lambda x: tf.clip_by_value(x, 0.0, 1.0))),
    "sigmoid": lambda: network(layers.Activation("sigmoid")),
    "free size": lambda: keras.Sequential(
        [keras.Input((None, None, 3)), layers.Conv2D(4, 3), layers.GlobalAveragePooling2D(), layers.Dense(5)]
    ),
    "many bands": lambda: network(shape=(9, 9, 40)),
    "one row": lambda: keras.Sequential(
        [keras.Input((1, 64, 9)), layers.Conv2D(4, (1, 3)), layers.Flatten(), layers.Dense(5)]
    ),
}


# There is a way to 0..255 and back, a cut to 0..1, which flattens as a sigmoid does, and a batch normalization that has
# learned; the page of networks has a free size, and a network of this library standardises each image (below).
ALIKE_UNIT = ("to 0..255", "sigmoid", "new batch normalization", "free size", "each image")


@pytest.mark.parametrize("name", [pytest.param(n, marks=[pytest.mark.exhaustive] * (n in ALIKE_UNIT)) for n in UNIT])
def test_a_network_of_the_contract_stays_the_network_it_is(name):
    made = UNIT[name]()
    found = inspect_network(made)
    assert found.pixels in (None, "0..1") and found.layout == "channels_last" and found.images is None
    x = np.random.RandomState(0).rand(2, *(size or 11 for size in found.shape)).astype(np.float32)
    check_network(made, x)
    assert contracted(made, x=x) is made


def test_what_was_adopted_takes_0_to_1():
    made = network()
    for pixels in ("0..255", "-1..1", "imagenet_caffe", "imagenet_torch"):
        adopted = adopt(made, pixels)
        assert inspect_network(adopted).pixels in (None, "0..1")
        assert contracted(adopted) is adopted


@pytest.mark.parametrize(
    "front, pixels",
    [
        (lambda: layers.Rescaling(0.5, 0.5), "-1..1"),
        pytest.param(lambda: layers.Rescaling(127.5, 127.5), "-1..1", marks=pytest.mark.exhaustive),
        (lambda: lambda x: (x + 1.0) * 127.5, "-1..1"),
    ],
)
def test_a_network_made_for_minus_one_to_one(front, pixels):
    made = network(front())
    with pytest.raises(InputError, match=f"pixels='{pixels}'"):
        check_network(made, X)
    np.testing.assert_allclose(adopt(made, None)(X), made(2 * X - 1), rtol=1e-3, atol=1e-3)
    with pytest.raises(InputError, match=f"pass pixels='{pixels}'"):
        adopt(made, "0..255")


@pytest.mark.parametrize("top", [65535, pytest.param(4095, marks=pytest.mark.exhaustive), 16])
def test_other_ranges_are_refused_by_name_and_taken_as_the_line_says(top):
    made = network(layers.Rescaling(1 / top))
    for call in (lambda: check_network(made, X), lambda: adopt(made, "0..255"), lambda: adopt(made, None)):
        with pytest.raises(InputError, match=rf"0\.\.{top}: put keras.layers.Rescaling\({top}\) in front"):
            call()
    wrapped = keras.Sequential([keras.Input(SHAPE), layers.Rescaling(float(top)), made])
    check_network(wrapped, X)
    np.testing.assert_allclose(wrapped(X), made(top * X), rtol=1e-4, atol=1e-5)


def labelled(made, scale=255):
    return np.asarray(made(scale * X, training=False)).argmax(axis=1)


def evaluation():
    task = MapTask(make_map("gradient"), Ifia(0.1, 1, 0.1, goal=TopK(5)), Comparison(k=5))
    return Suite.of_one(Pgd(0.1, 1, 0.1), task)


# With a softmax it is adopted above.
@pytest.mark.parametrize("activation", [None, pytest.param("softmax", marks=pytest.mark.exhaustive)])
def test_every_door_adopts_a_network_of_bytes_or_refuses_it(activation):
    made = network(layers.Rescaling(1 / 255), activation=activation)
    y = labelled(made)
    right = adopt(made, "0..255")
    want = tfrobust.attribute(right, X, y, steps=2)
    np.testing.assert_allclose(tfrobust.attribute(made, X, y, steps=2), want, rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(tfrobust.attribute(made, X, steps=2), want, rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(tfrobust.robustify(made, "natural").network(X), right(X), atol=1e-5)
    assert chosen_by_audit(made, y) == "0..255"
    for call in (
        lambda: evaluate(made, X, y, evaluation()),
        lambda: Servable(made, make_map(steps=2)),
        lambda: tfrobust.attribute(made, X, pixels="0..1"),
        lambda: tfrobust.robustify(made, "natural", pixels="-1..1"),
    ):
        with pytest.raises(InputError, match=r"pixels='0\.\.255'"):
            call()


INTEGERS = {
    "uint8": lambda **how: network(layers.Rescaling(1 / 255), dtype="uint8", **how),
    "uint8, cast": lambda **how: network(lambda x: cast(x, "float32"), dtype="uint8", **how),
    "uint8, cast and divided": lambda **how: network(lambda x: cast(x, "float32") / 255.0, dtype="uint8", **how),
    "int32": lambda **how: network(layers.Rescaling(1 / 127.5, -1), dtype="int32", **how),
    "int64 within": lambda **how: network(layers.Rescaling(1 / 255), dtype="int64", **how),
    "uint16 of bytes": lambda **how: network(layers.Rescaling(1 / 255), dtype="uint16", **how),
}


def chosen_by_audit(network, y):
    """The range of pixels of which an audit asks only whether the network predicts better than chance in it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(inputs, "_chosen", lambda pixels, shares, y: "-1..1" if len(shares) > 1 else next(iter(shares)))
        return inputs.make_inputs(network, X, y).pixels


ALIKE_INTEGERS = ("uint8, cast and divided", "uint16 of bytes", "int64 within")


@pytest.mark.parametrize("name, activation", rows(INTEGERS, ALIKE_INTEGERS))
def test_a_network_of_whole_numbers_is_adopted_as_one_of_floats(name, activation):
    made = INTEGERS[name](activation=activation)
    dtype = inspect_network(made).dtype
    assert dtype == name.split(",")[0].split(" ")[0]
    with pytest.raises(InputError, match=f"takes {dtype} images.*adopt"):
        check_network(made, X)
    with pytest.raises(InputError, match=r"pass pixels='0\.\.255'.*float32"):
        adopt(made)
    adopted = contracted(made)
    want = of_whole_numbers(made)
    assert_as_floats(adopted, want, activation)
    assert_has_maps(adopted, want)


@pytest.mark.parametrize("activation", [None, pytest.param("softmax", marks=pytest.mark.exhaustive)])
@pytest.mark.parametrize("name", first_of(INTEGERS))
def test_other_doors_adopt_a_network_of_whole_numbers(name, activation):
    made = INTEGERS[name](activation=activation)
    want = of_whole_numbers(made)
    assert_as_floats(adopt(made, "0..255"), want, activation)
    assert_has_maps(made, want)
    assert chosen_by_audit(made, want.argmax(axis=1)) == "0..255"


def of_whole_numbers(made):
    """What it gives for the images as it takes them."""
    return np.asarray(made(np.round(255 * X).astype(inspect_network(made).dtype), training=False))


def assert_as_floats(adopted, want, activation):
    got = adopted(np.round(255 * X) / np.float32(255))
    got = got if activation is None else tf.nn.softmax(got)
    np.testing.assert_allclose(got, want, rtol=1e-3, atol=1e-3 * np.abs(want).max())


def assert_has_maps(network, outputs):
    maps = tfrobust.attribute(network, X, outputs.argmax(axis=1), "gradient")
    assert np.isfinite(maps).all() and np.abs(maps).max() > 0


@pytest.mark.parametrize("dtype", ["bool", "int8"])
def test_numbers_that_hold_no_pixels_are_refused(dtype):
    made = network(lambda x: cast(x, "float32"), dtype=dtype)
    for call in (lambda: check_network(made, X), lambda: adopt(made, None)):
        with pytest.raises(InputError, match=f"{dtype} images: give its keras.Input dtype='float32'"):
            call()


def test_half_precision_inputs_are_adopted_and_float64_is_taken():
    half = network(lambda x: cast(x, "float32"), dtype="float16")
    with pytest.raises(InputError, match="float16 images"):
        check_network(half, X)
    np.testing.assert_allclose(adopt(half)(X), half(X), atol=1e-2)
    check_network(network(lambda x: cast(x, "float32"), dtype="float64"), X)


def channels_first(*front, shape=(3, 16, 16)):
    return network(*front, shape=shape)


FIRST = {
    "permuted": lambda: channels_first(layers.Permute((2, 3, 1))),
    "scaled and permuted": lambda: channels_first(layers.Rescaling(2.0, -1), layers.Permute((2, 3, 1))),
    "transposed": lambda: channels_first(lambda x: transpose(x, [0, 2, 3, 1])),
    "lambda": lambda: channels_first(layers.Lambda(lambda x: tf.transpose(x, [0, 2, 3, 1]))),
    "grey": lambda: channels_first(layers.Permute((2, 3, 1)), shape=(1, 16, 16)),
    "grey, reshaped": lambda: channels_first(layers.Reshape((16, 16, 1)), shape=(1, 16, 16)),
    "not square": lambda: channels_first(layers.Permute((2, 3, 1)), shape=(3, 12, 20)),
}


def test_what_a_network_of_channels_first_expects_is_found_without_running_its_layers():
    """TensorFlow 2.15 would take a later pooling of channels last for the same one, and give wrong numbers."""
    made = network(layers.MaxPooling2D(2, data_format="channels_first"), shape=(3, 6, 6))
    assert inspect_network(made).layout == "channels_first"
    x = tf.reshape(tf.range(6.0 * 6 * 3), [1, 6, 6, 3])
    np.testing.assert_array_equal(tf.nn.max_pool2d(x, 2, 2, "VALID"), x[:, 1::2, 1::2])


# There is a layer, an operation, and one of grey images.
ALIKE_FIRST = ("scaled and permuted", "lambda", "grey")


@pytest.mark.parametrize("name", [pytest.param(n, marks=[pytest.mark.exhaustive] * (n in ALIKE_FIRST)) for n in FIRST])
def test_a_network_that_puts_its_channels_last_is_adopted(name):
    made = FIRST[name]()
    found = inspect_network(made)
    assert found.layout == "channels_first" and found.own_shape == made.input_shape[1:]
    x = np.random.RandomState(0).rand(3, *found.shape).astype(np.float32)
    with pytest.raises(InputError, match=r"channels first.*adopt"):
        check_network(made, x)
    np.testing.assert_allclose(adopt(made)(x), made(x.transpose(0, 3, 1, 2)), atol=1e-5)


@pytest.mark.parametrize("name", first_of(FIRST))
def test_doors_take_images_with_their_channels_last_of_a_network_that_puts_them_there(name):
    made = FIRST[name]()
    x = np.random.RandomState(0).rand(3, *inspect_network(made).shape).astype(np.float32)
    first = x.transpose(0, 3, 1, 2)
    y = np.asarray(made(first)).argmax(axis=1)
    assert tfrobust.attribute(made, x, y, "gradient").shape == x.shape[:3]
    with pytest.raises(InputError, match="transpose"):
        tfrobust.attribute(made, first, y, "gradient")
    assert inputs.make_inputs(made, x, y, pixels="0..1").x.shape == x.shape


def by_flattening(activation):
    shape = (3, 16, 16)
    return keras.Sequential([keras.Input(shape), layers.Flatten(), layers.Dense(5, activation=activation)])


@pytest.mark.parametrize("activation", [None, pytest.param("softmax", marks=pytest.mark.exhaustive)])
def test_channels_first_that_the_shape_alone_says_is_refused(activation):
    made = by_flattening(activation)
    x = np.random.RandomState(0).rand(2, 16, 16, 3).astype(np.float32)
    for call in (
        lambda: check_network(made, x),
        lambda: adopt(made, None),
        lambda: tfrobust.attribute(made, x),
        lambda: tfrobust.robustify(made),
        lambda: Servable(made, make_map(steps=2)),
    ):
        with pytest.raises(InputError, match=r"reads as channels first.*Permute"):
            call()
    fitting = keras.Sequential([keras.Input((16, 16, 3)), layers.Permute((3, 1, 2)), made])
    assert inspect_network(fitting).layout == "channels_last"
    np.testing.assert_allclose(contracted(fitting)(x).shape, (2, 5))


def test_layers_of_channels_first_are_named():
    # A CPU does not compute them, so the convolution is never called.
    inputs = keras.Input((5, 16, 16))
    h = layers.ZeroPadding2D(data_format="channels_first", name="padded")(inputs)
    made = keras.Model(inputs, layers.Dense(5)(layers.Flatten()(h)))
    with pytest.raises(InputError, match="'padded' has data_format='channels_first'"):
        adopt(made)


@pytest.mark.parametrize("shape", [(4, 3, 32, 32), (4, 1, 28, 28), (4, 3, 48, 64), (4, 4, 16, 16)])
def test_images_with_their_channels_first_are_refused(shape):
    with pytest.raises(InputError, match=r"channels first.*transpose"):
        check_images(np.zeros(shape, np.float32))


@pytest.mark.parametrize("shape", [(4, 32, 32, 3), (4, 9, 9, 200), (4, 3, 3, 103), (4, 1, 128, 9), (4, 3, 3, 3)])
def test_images_with_their_channels_last_are_taken(shape):
    check_images(np.zeros(shape, np.float32))


def test_a_network_of_so_many_images_is_adopted_as_one_of_any_number():
    for front in ([], [layers.Rescaling(1 / 255)]):
        made = network(*front, batch=4)
        assert inspect_network(made).images == 4
        with pytest.raises(InputError, match=r"4 images at once.*adopt"):
            check_network(made, X[:4])
        scale = 255 if front else 1
        np.testing.assert_allclose(adopt(made, None)(X[:3]), made(scale * X[:4])[:3], rtol=1e-3, atol=1e-4)


def ending_after_a_model(activation=None):
    """A network with its only convolutions, and a ReLU, in a model within."""
    inside = keras.Sequential([keras.Input(SHAPE), layers.Conv2D(4, 3, activation="relu"), layers.Conv2D(4, 3)])
    inputs = keras.Input(SHAPE)
    return keras.Model(inputs, layers.Dense(5, activation=activation)(layers.GlobalAveragePooling2D()(inside(inputs))))


MAPS_OF_LAYERS = ("grad_cam", "guided_backpropagation", "guided_grad_cam_plus_plus")


@pytest.mark.exhaustive  # The last has both, and a door that adopts the network for it, below.
def test_a_model_within_has_its_feature_maps_and_its_guided_map():
    """The network is adopted once, which each function does."""
    adopted = contracted(ending_after_a_model())
    for method in MAPS_OF_LAYERS:
        assert tfrobust.attribute(adopted, X, method=method).shape == (6, 8, 8)


@pytest.mark.parametrize("activation", [pytest.param(None, marks=pytest.mark.exhaustive), "softmax"])
@pytest.mark.parametrize("method", first_of(reversed(MAPS_OF_LAYERS)))
def test_a_model_within_has_its_maps_whatever_its_end(method, activation):
    made = ending_after_a_model(activation)
    assert tfrobust.attribute(made, X, method=method).shape == (6, 8, 8)


def test_a_model_within_is_served_with_its_feature_maps():
    servable = Servable(ending_after_a_model(), make_map("grad_cam"))
    assert servable.attribute(X, np.zeros(6, np.int32))["map"].shape == (6, 8, 8)


def test_inspecting_leaves_the_network_and_the_names_of_what_comes_after():
    made = network(within(layers.Rescaling(1 / 255)))
    nodes, config = len(made.layers), made.to_json()
    before = layers.Dense(1).name, keras.Sequential().name, layers.InputLayer((1,)).name
    inspect_network(made)
    after = layers.Dense(1).name, keras.Sequential().name, layers.InputLayer((1,)).name
    number = lambda name: int(name.rpartition("_")[2]) if name[-1].isdigit() else 0  # noqa: E731
    assert [number(b) - number(a) for a, b in zip(before, after)] == [1, 1, 1]
    assert len(made.layers) == nodes and made.to_json() == config


def test_what_is_kept_of_a_look_goes_with_the_network_and_knows_a_layer_that_is_added():
    made = keras.Sequential([keras.Input(SHAPE), layers.Rescaling(0.5, 0.5)])
    assert inspect_network(made).pixels is None
    made.add(layers.Conv2D(4, 3))
    assert inspect_network(made).pixels == "-1..1"
    nested = network(within(layers.Rescaling(1 / 255)))
    assert inspect_network(nested).pixels == "0..255"
    left = [weakref.ref(each) for each in (made, nested, nested.layers[1])]
    del made, nested
    gc.collect(), gc.collect()  # What was kept of the one goes when it is gone.
    assert [each() for each in left] == [None, None, None]


MNIST_CNN = pytest.param("mnist_cnn", (8, 8, 1), marks=pytest.mark.exhaustive)  # Of the layers of digits_cnn.


@pytest.mark.parametrize("name, shape", [("digits_cnn", (8, 8, 1)), MNIST_CNN, ("rar_resnet3", SHAPE)])
def test_own_networks_say_nothing_against_the_contract(name, shape):
    made = make_model(name, shape, 10, 0.25)
    assert contracted(made) is made


# Both standardise their pixels first, in the same way.
@pytest.mark.parametrize("name", ["vgg_gap", pytest.param("resnet10", marks=pytest.mark.exhaustive)])
def test_own_networks_that_standardise_their_pixels_say_nothing_of_their_range(name):
    assert inspect_network(make_model(name, (32, 32, 3), 10, 0.1)).pixels is None


def test_batch_normalization_says_nothing_against_the_contract():
    check_network(small_network(batch_norm=True), images()[0])


if __name__ == "__main__":
    run_tests(__file__)
