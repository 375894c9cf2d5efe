"""Finds from a network itself what it takes: the range and dtype of its pixels, their layout, how many images at once.

The pixels are followed from the input through whatever has no weights of its own (Rescaling, Normalization, padding,
arithmetic, models within), to the first layer that learned something: what has become of a few greys there says which
range they are made for.  A learned layer says nothing, so a network without a preprocessing of its own takes whatever
its owner says.
"""

import inspect
import math
from dataclasses import dataclass
from typing import Any, Literal

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from tfrobust.layout import reads_channels_first
from tfrobust.networks.ranges import GREYS, range_of
from tfrobust.networks.walk import Unknown, flat, graph_of, walk
from tfrobust.types import InputError

_FREE_SIDE = 32  # A network that takes images of any size is inspected with images of this side.
CHANNELS_LAST, CHANNELS_FIRST = "channels_last", "channels_first"
HALF = ("float16", "bfloat16")


@dataclass(frozen=True)
class NetworkInput:
    """What a network takes.

    Attributes:
        shape: (H, W, C) of an image, None where a size is free.
        layout: channels_last, or channels_first where the network itself takes [C,H,W].
        layout_layer: the layer that says so; None where the shape alone does.
        transposed: whether that layer is one that puts the channels last, so that all behind it has them there.
        dtype: of its numbers, such as "float32" or "uint8".
        images: how many it takes at once, None for any number.
        pixels: the range its first layers are made for, one of `PIXELS` or another "0..N"; None where they do not say.
        pixels_layer: the layer that says so; None where the dtype does.
        flat: the shape of an image as the network itself has it where that is no [H,W,C]: (H, W), or (H*W*C,).
        half: float16 or bfloat16 where it computes with these, as Keras' mixed precision does; None where it does not.
    """

    shape: tuple
    layout: str = CHANNELS_LAST
    layout_layer: str | None = None
    transposed: bool = False
    dtype: str = "float32"
    images: int | None = None
    pixels: str | None = None
    pixels_layer: str | None = None
    flat: tuple | None = None
    half: str | None = None

    @property
    def own_shape(self) -> tuple:
        """The shape of an image as the network itself takes it: [H,W,C], [C,H,W] or `flat`."""
        if self.flat:
            return self.flat
        height, width, channels = self.shape
        return (channels, height, width) if self.layout == CHANNELS_FIRST else self.shape

    @property
    def is_integer(self) -> bool:
        """Whether the network takes whole numbers, as uint8 is."""
        return tf.as_dtype(self.dtype).is_integer


def inspect_network(network: keras.Model) -> NetworkInput:
    """What the network takes, as its inputs and first layers say.

    Raises:
        InputError: where that is not one batch of images.
    """
    batch = getattr(network, "input_shape", None)
    if batch is None:
        graph_of(network)  # Says what to do.
        raise InputError(f"network {network.name!r} has no input shape: only Sequential and functional models will do")
    if isinstance(batch, (list, dict)):
        raise InputError(
            f"network {network.name!r} has {len(batch)} inputs, and images are one: make a model of one input, with "
            "the others constant"
        )
    flat = None if len(batch) == 4 else tuple(batch[1:])
    own_shape = tuple(batch[1:]) if flat is None else _unfolded(network, flat)
    dtype = tf.as_dtype(network.inputs[0].dtype)
    found = _Front(batch, dtype)
    if holds_pixels(dtype):
        with tf.init_scope():
            found.follow(network)
    pixels = found.pixels or ("0..255" if dtype.is_integer else None)
    first = flat is None and (
        found.layout == CHANNELS_FIRST or (found.layout is None and reads_channels_first(own_shape))
    )
    shape = (own_shape[1], own_shape[2], own_shape[0]) if first else own_shape
    layout, layer = (CHANNELS_FIRST, found.layout_layer) if first else (CHANNELS_LAST, None)
    said = pixels, found.pixels_layer
    transposed = first and found.transposed
    return NetworkInput(shape, layout, layer, transposed, dtype.name, batch[0], *said, flat, half_of(network))


def _unfolded(network, flat: tuple) -> tuple:
    """(H, W, C) of images that the network takes as (H, W), which are grey, or as one row of numbers, which are square:
    grey, or RGB where no grey square has so many."""
    if len(flat) == 2:
        return (*flat, 1)
    if len(flat) == 1 and flat[0]:
        for channels in (1, 3):
            side = math.isqrt(flat[0] // channels)
            if channels * side * side == flat[0]:
                return side, side, channels
    raise InputError(
        f"network {network.name!r} takes {list(flat)} for an image, which is no image [H,W,C]: put a layer in front, "
        f"keras.Sequential([keras.Input((H, W, C)), keras.layers.Reshape({flat}), network])"
    )


def half_of(network: keras.Model | layers.Layer) -> Literal["float16", "bfloat16"] | None:
    """The 16-bit kind of numbers, float16 or bfloat16, that the network or a layer in it computes with; or None."""
    own = (layer.compute_dtype for layer in flat(network) if not isinstance(layer, keras.Model))
    return next((dtype for dtype in own if dtype in HALF), None)


def end_activation(network: keras.Model) -> str | None:
    """The name of the activation in which the last layer ends, "linear" where it has none.

    None where the last layer does not say, such as a model within or an operation.
    """
    last = network.layers[-1] if getattr(network, "layers", None) else None
    if isinstance(last, layers.Softmax):
        return "softmax"
    activation = getattr(last, "activation", None)
    return getattr(activation, "__name__", None)


def several_sigmoids(what: str, outputs: int) -> InputError:
    """The error that refuses a network which ends in several sigmoids.

    Args:
        what: how a message calls the network.
        outputs: how many sigmoids.
    """
    return InputError(
        f"{what} ends in {outputs} sigmoids, whose labels do not exclude each other: choose one of them, or end in a "
        "softmax"
    )


def holds_pixels(dtype: Any) -> bool:
    """Whether pixels fit into the dtype: no bool, no int8, no text."""
    dtype = tf.as_dtype(dtype)
    return dtype.is_floating or (dtype.is_integer and dtype.max >= 255)


class _Pixels:
    """A tensor that was computed from the pixels alone: its values for images of GREYS, and one whose entries differ.

    range: for which it is made, layer: the one that made it so.  moved: whether its axes are no longer the input's.
    """

    def __init__(self, values, layer: str | None = None, before=(), moved: bool = False):
        self.values, self.moved = values, moved
        self.shape, self.dtype = values[0].shape, values[0].dtype
        self.range = range_of(dict(zip(GREYS, (np.asarray(v) for v in values))))
        same = [each.layer for each in before if each.range == self.range]
        self.layer = same[0] if same else layer


class _Front:
    """Follows the pixels into a network, and keeps what the layers on their way say."""

    def __init__(self, batch_shape, dtype):
        self.batch_shape, self.dtype = batch_shape, dtype
        self.pixels = self.pixels_layer = self.layout = self.layout_layer = None
        self.transposed = False

    def follow(self, network) -> None:
        images, *sides = self.batch_shape
        shape = images or 1, *(size or _FREE_SIDE for size in sides)
        values = [np.full(shape, grey) for grey in GREYS] + [np.arange(np.prod(shape)).reshape(shape) % 251]
        try:
            walk(network, _Pixels([tf.constant(value, self.dtype) for value in values]), self._step)
        except Exception:  # The graph is missing or cannot be followed: nothing more can be found out.
            pass

    def _step(self, op, *args, **kwargs):
        if isinstance(op, keras.Model):
            return walk(op, args[0] if args else kwargs["inputs"], self._step)
        tensors = tf.nest.flatten((args, kwargs))
        pixels = [t for t in tensors if isinstance(t, _Pixels)]
        if not pixels:
            return None
        self._look_at_layout(op, pixels)
        # What takes channels first is not run: a CPU has none without oneDNN, and with it TensorFlow 2.15 gives wrong
        # numbers where poolings of both layouts meet in one process.
        first = getattr(op, "data_format", None) == CHANNELS_FIRST
        if not first and not any(isinstance(t, Unknown) for t in tensors):
            made = self._applied(op, args, kwargs)
            if made is not None:
                return made
        for each in pixels:
            if self.pixels is None and each.range:
                self.pixels, self.pixels_layer = each.range, each.layer
        return None

    def _look_at_layout(self, op, pixels) -> None:
        where = getattr(op, "data_format", None)
        if self.layout is None and where == CHANNELS_FIRST and not any(p.moved for p in pixels):
            self.layout, self.layout_layer = where, op.name

    def _applied(self, op, args, kwargs):
        """The op's result for the pixels; None where the op has learned weights, or cannot be called on them."""
        call = op
        if isinstance(op, layers.BatchNormalization):
            call = _standardization(op)
        elif _has_learned(op):
            return None
        elif isinstance(op, layers.Layer) and "training" in inspect.signature(op.call).parameters:
            kwargs = {**kwargs, "training": False}  # Layers that augment must not change the pixels.
        made = []
        for i in range(len(GREYS) + 1):
            own = tf.nest.map_structure(lambda t, i=i: t.values[i] if isinstance(t, _Pixels) else t, (args, kwargs))
            try:
                made.append(call(*own[0], **own[1]))
            except Exception:  # Users' layers come here, and may fail with any error.
                return None
        before = [t for t in tf.nest.flatten((args, kwargs)) if isinstance(t, _Pixels)]
        moved = any(each.moved for each in before)
        if not moved and len(before) == 1 and tf.is_tensor(made[-1]):
            moved = self._is_transposition(op, before[0].values[-1], made[-1])
        return tf.nest.map_structure(lambda *values: _Pixels(values, op.name, before, moved), *made)

    def _is_transposition(self, op, before, after) -> bool:
        """Whether the axes of the images were moved; keeps the layout where that says which they had."""
        before, after = np.asarray(before), np.asarray(after)
        if before.ndim != 4 or after.size != before.size:
            return False
        to_last, to_first = (before.transpose(axes) for axes in ((0, 2, 3, 1), (0, 3, 1, 2)))
        for moved, was in ((to_last, CHANNELS_FIRST), (to_first, CHANNELS_LAST)):
            if moved.shape == after.shape != before.shape and np.array_equal(moved, after):
                channels = before.shape[1] if was == CHANNELS_FIRST else before.shape[3]
                if self.layout is None and channels <= 4:
                    self.layout, self.layout_layer, self.transposed = was, op.name, was == CHANNELS_FIRST
                return True
        return False


def _has_learned(op) -> bool:
    """Whether it has weights for training; a layer that holds constants, such as means, only prepares."""
    if not getattr(op, "weights", None) or isinstance(op, layers.Normalization):
        return False
    return bool(op.trainable_weights) or not op.trainable


def _standardization(layer: layers.BatchNormalization):
    """The layer's subtraction of the mean and division by the deviation, without its learned scale and offset."""

    def standardized(x, training=None, mask=None):
        axis = layer.axis[0] if isinstance(layer.axis, (list, tuple)) else layer.axis
        shape = [1] * len(x.shape)
        shape[axis] = -1
        mean, variance = (np.reshape(np.asarray(v), shape) for v in (layer.moving_mean, layer.moving_variance))
        return (tf.cast(x, tf.float32) - mean) / np.sqrt(variance + layer.epsilon)

    return standardized
