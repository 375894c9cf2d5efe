"""Networks as people have them, by plain Keras: what each is, how it is made, and which of its outputs counts."""

import contextlib
from collections.abc import Callable
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf
from keras import layers


class Case(NamedTuple):
    """A network as somebody brings it.

    Attributes:
        make: () -> the network.
        shape: of the owner's images, whose pixels are in [0, 1].
        head: name of the output that gives the classes, of a network with several.
    """

    make: Callable
    shape: tuple = (8, 8, 3)
    head: str | None = None


def functional(*body, shape=(8, 8, 3), end=None, **inputs):
    """A functional network: these layers, five classes, and an end."""
    x = image = keras.Input(shape, **inputs)
    for layer in body:
        x = layer(x)
    x = layers.Dense(5)(layers.GlobalAveragePooling2D()(x))
    return keras.Model(image, layers.Activation(end)(x) if end else x)


def conv(activation="relu", **options):
    return layers.Conv2D(4, 3, activation=activation, **options)


def sequential(*body):
    return keras.Sequential(list(body))


def keras_first_example():
    """Flatten(28, 28), Dense, Dropout, Dense: the first network of Keras' own guides."""
    return sequential(
        keras.Input((28, 28)), layers.Flatten(), layers.Dense(16, "relu"), layers.Dropout(0.2), layers.Dense(10)
    )


def one_sigmoid():
    return sequential(keras.Input((8, 8, 3)), conv(), layers.Flatten(), layers.Dense(1, activation="sigmoid"))


def two_heads():
    image = keras.Input((8, 8, 3))
    h = layers.Flatten()(conv()(image))
    return keras.Model(image, [layers.Dense(5, name="kind")(h), layers.Dense(3, name="colour")(h)])


def heads_by_name():
    image = keras.Input((8, 8, 3))
    h = layers.Flatten()(conv()(image))
    return keras.Model(image, {"kind": layers.Dense(5, name="kind")(h), "box": layers.Dense(4, name="box")(h)})


def two_inputs():
    image, age = keras.Input((8, 8, 3)), keras.Input((1,))
    h = layers.Concatenate()([layers.Flatten()(conv()(image)), age])
    return keras.Model([image, age], layers.Dense(5)(h))


@contextlib.contextmanager
def policy(kind):
    """Keras' global policy of precision within the block."""
    before = keras.mixed_precision.global_policy() if not hasattr(keras, "ops") else keras.config.dtype_policy()
    keras.mixed_precision.set_global_policy(kind)
    try:
        yield
    finally:
        keras.mixed_precision.set_global_policy(before)


def mixed(kind):
    def make():
        with policy(kind):
            return functional(conv(), end="softmax")

    return make


class Subclassed(keras.Model):
    """A network without a graph."""

    def __init__(self):
        super().__init__()
        self.conv, self.flat, self.dense = conv(), layers.Flatten(), layers.Dense(5)

    def call(self, x):
        return self.dense(self.flat(self.conv(x)))


def subclassed():
    network = Subclassed()
    network(np.zeros((1, 8, 8, 3), np.float32))
    return network


@keras.saving.register_keras_serializable(package="people")
class Scale(layers.Layer):
    """A layer of one's own with a weight, registered."""

    def build(self, shape):
        self.scale = self.add_weight(name="scale", shape=(shape[-1],), initializer="ones")

    def call(self, x):
        return x * self.scale


def nested():
    base = functional(conv(), shape=(8, 8, 3))
    base = keras.Model(base.input, base.layers[1].output, name="base")
    return functional(layers.Rescaling(1 / 255), base)


def channels_first_inside():
    """Images that come with their channels first and are turned by the network itself."""
    image = keras.Input((3, 8, 8))
    h = conv()(layers.Permute((2, 3, 1))(image))
    return keras.Model(image, layers.Dense(5)(layers.Flatten()(h)))


def frozen(part):
    def make():
        network = functional(conv(), layers.Conv2D(4, 3, activation="relu"))
        (network if part == "all" else network.layers[1]).trainable = False
        return network

    return make


def attention():
    image = keras.Input((8, 8, 3))
    h = layers.Reshape((16, 4))(layers.Conv2D(4, 2, strides=2)(image))
    h = layers.MultiHeadAttention(2, 4)(h, h)
    return keras.Model(image, layers.Dense(5)(layers.GlobalAveragePooling1D()(layers.LayerNormalization()(h))))


@keras.saving.register_keras_serializable(package="people")
class ClassToken(layers.Layer):
    """A layer of one's own that puts a token before the patches."""

    def build(self, shape):
        self.token = self.add_weight(name="token", shape=(1, 1, shape[-1]), initializer="ones")

    def call(self, x):
        return tf.concat([tf.repeat(tf.cast(self.token, x.dtype), tf.shape(x)[0], axis=0), x], axis=1)

    def compute_output_shape(self, shape):
        return (shape[0], shape[1] + 1, shape[2])


def vision_transformer():
    image = keras.Input((8, 8, 3))
    h = ClassToken()(layers.Reshape((16, 4))(layers.Conv2D(4, 2, strides=2)(image)))
    z = layers.LayerNormalization()(h)
    h = layers.Add()([h, layers.MultiHeadAttention(2, 4)(z, z)])
    h = layers.Add()([h, layers.Dense(4, activation="gelu")(layers.LayerNormalization()(h))])
    return keras.Model(image, layers.Dense(5)(layers.Flatten()(layers.Cropping1D((0, 16))(h))))


def residual():
    image = keras.Input((8, 8, 3))
    h = conv(padding="same")(image)
    h = layers.Add()([h, conv(None, padding="same")(layers.BatchNormalization()(h))])
    return keras.Model(image, layers.Dense(5)(layers.GlobalAveragePooling2D()(layers.ReLU()(h))))


def function_relu():
    image = keras.Input((8, 8, 3))
    h = keras.activations.relu(layers.Conv2D(4, 3)(image))
    return keras.Model(image, layers.Dense(5)(layers.Flatten()(h)))


def shared_layer():
    image = keras.Input((8, 8, 3))
    same = conv(padding="same")
    h = same(layers.Conv2D(3, 1)(image))
    h = layers.Conv2D(3, 1)(h)
    return keras.Model(image, layers.Dense(5)(layers.Flatten()(same(h))))


def several_sigmoids():
    return functional(conv(), end="sigmoid")


NETWORKS: dict[str, Case] = {
    "logits, images in [0, 1]": Case(lambda: functional(conv())),
    "softmax at the end": Case(lambda: functional(conv(), end="softmax")),
    "softmax in the last Dense": Case(
        lambda: sequential(keras.Input((8, 8, 3)), conv(), layers.Flatten(), layers.Dense(5, activation="softmax"))
    ),
    "Rescaling(1/255) first": Case(lambda: functional(layers.Rescaling(1 / 255), conv())),
    "Rescaling to [-1, 1] first": Case(lambda: functional(layers.Rescaling(1 / 127.5, -1), conv(), end="softmax")),
    "Normalization of ImageNet first": Case(
        lambda: functional(
            layers.Normalization(mean=[123.7, 116.3, 103.5], variance=[3409.0, 3262.0, 3291.0]), conv(), end="softmax"
        )
    ),
    "images (28, 28), Keras' first example": Case(keras_first_example, (28, 28)),
    "images as rows of 784 numbers": Case(
        lambda: sequential(keras.Input((784,)), layers.Dense(16, "relu"), layers.Dense(10, "softmax")), (784,)
    ),
    "rows that are no image": Case(
        lambda: sequential(keras.Input((50,)), layers.Dense(16, "relu"), layers.Dense(5)), (50,)
    ),
    "one sigmoid": Case(one_sigmoid),
    "several sigmoids": Case(several_sigmoids),
    "several heads": Case(two_heads, head="kind"),
    "heads in a dict": Case(heads_by_name, head="kind"),
    "two inputs": Case(two_inputs),
    "mixed_float16": Case(mixed("mixed_float16")),
    "mixed_bfloat16": Case(mixed("mixed_bfloat16")),
    "subclassed": Case(subclassed),
    "a layer of one's own, registered": Case(lambda: functional(conv(None), Scale(), layers.ReLU())),
    "a model within": Case(nested),
    "channels first, turned by the network": Case(channels_first_inside, (8, 8, 3)),
    "channels first throughout": Case(
        lambda: functional(layers.MaxPooling2D(2, data_format="channels_first", name="pool"), shape=(3, 8, 8)),
        (8, 8, 3),
    ),
    "uint8": Case(lambda: functional(layers.Rescaling(1 / 255), conv(), dtype="uint8")),
    "batches of 4 alone": Case(lambda: functional(conv(), batch_size=4)),
    "any size": Case(lambda: functional(conv(), shape=(None, None, 3))),
    "frozen": Case(frozen("all")),
    "partly frozen": Case(frozen("part")),
    "without ReLU (GELU)": Case(lambda: functional(conv("gelu"))),
    "without ReLU (tanh)": Case(lambda: functional(conv("tanh"))),
    "attention": Case(attention),
    "vision transformer": Case(vision_transformer),
    "residual with BatchNormalization": Case(residual),
    "relu as a function": Case(function_relu),
    "a layer called twice": Case(shared_layer),
}


def images_of(case: Case, n: int = 4):
    """Images [N,...] in [0, 1] as the owner of the network has them."""
    return np.random.RandomState(0).rand(n, *case.shape).astype(np.float32)
