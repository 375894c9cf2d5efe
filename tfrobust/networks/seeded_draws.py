"""Layers that draw random numbers while they train (Dropout and its like), made to draw by the seed of a step.

Keras' layers draw from a state of their own, which is the processor's or the layer's and not the run's: a run that was
stopped would go on with other numbers.  Here what a layer draws is a function of the step's seed, the layer and the
image's place in the global batch.
"""

import contextlib
import threading
from collections.abc import Callable, Generator
from typing import Any

import keras
import tensorflow as tf
from keras import layers

from tfrobust.distribution import draw_for_replica
from tfrobust.models.adl import AttentionDropout
from tfrobust.networks.surrogates import Exchanged, kept
from tfrobust.networks.walk import flat

_running = threading.local()  # Replicas are threads of one process.


class Draw:
    """Random numbers of one call of a layer.

    Args:
        seed: [2] int32.
    """

    def __init__(self, seed: tf.Tensor):
        self.seed = seed

    def uniform(self, shape: Any) -> tf.Tensor:
        """Numbers in [0, 1) of a shape [B, ...], one row per image."""
        return self._by_place(tf.random.stateless_uniform, shape)

    def normal(self, shape: Any) -> tf.Tensor:
        """Numbers of a shape [B, ...] with mean 0 and deviation 1, one row per image."""
        return self._by_place(tf.random.stateless_normal, shape)

    def uniform_for_batch(self, shape: Any) -> tf.Tensor:
        """Numbers in [0, 1) of a shape, the same for all images."""
        return tf.random.stateless_uniform(shape, self.seed)

    def _by_place(self, random, shape):
        return draw_for_replica(lambda whole: random(whole, self.seed), shape)


class _Step:
    """The seed of a thread within `drawing`, and how often each layer has drawn by it."""

    def __init__(self, seed):
        self.seed, self.calls = seed, {}

    def draw(self, number: int) -> Draw:
        """Of the next call of the layer with that number: each call of the network has draws of its own."""
        call = self.calls[number] = self.calls.get(number, -1) + 1
        fold = tf.random.experimental.stateless_fold_in
        return Draw(fold(fold(self.seed, number), call))


@contextlib.contextmanager
def drawing(seed: tf.Tensor) -> Generator[None, None, None]:
    """Makes networks of `with_seeded_draws` draw by a seed while the block runs.

    Images that are not the whole batch have their place in it by `distribution.at_place`.

    Args:
        seed: [2] int32.
    """
    outer, _running.step = getattr(_running, "step", None), _Step(seed)
    try:
        yield
    finally:
        _running.step = outer


class Seeded(Exchanged):
    """A layer that draws, or holds layers that do, drawing by the seed of `drawing`; outside of it as it always did."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.supports_masking = True


def with_seeded_draws(network: keras.Model) -> keras.Model:
    """A network that shares every layer with `network`, and whose layers of DRAWS draw by the seed of `drawing`.

    The network itself where it has none of them, and where it has no graph (subclassed).  Models within and layers that
    hold others (MultiHeadAttention, TimeDistributed) are entered.
    """
    made = kept(network, with_seeded_draws, lambda: _rebuilt(network, []) if _draws(network) else None)
    return network if made is None else made


def _draws(network) -> bool:
    return any(type(each) in DRAWS for each in flat(network))


def _rebuilt(network, found: list) -> keras.Model | None:
    """The network with seeded layers; None where it has no graph.  found: the layers that draw so far, which numbers
    them."""

    def clone(layer):
        if isinstance(layer, keras.Model):
            return (_draws(layer) and _rebuilt(layer, found)) or layer
        if not isinstance(layer, layers.Layer):
            return layer
        places = []
        for each in flat(layer):
            if type(each) in DRAWS:
                places.append((each, "call", _seeded_call(each, len(found))))
                found.append(each)
        return Seeded(layer, places, name=layer.name, dtype=layer.compute_dtype) if places else layer

    try:
        return keras.models.clone_model(network, clone_function=clone)
    except (ValueError, TypeError, AttributeError):
        return None


def _seeded_call(layer, number: int) -> Callable:
    """The function that takes the place of `layer.call` in the seeded network."""
    own, drawn = layer.call, DRAWS[type(layer)]

    @tf.autograph.experimental.do_not_convert
    def call(inputs, training=None):
        step = getattr(_running, "step", None)
        if not training or step is None:
            return own(inputs, training=training)
        return drawn(layer, inputs, step.draw(number))

    return call


def _dropout(layer, x, draw: Draw):
    return _dropped(x, layer.rate, _uniform(layer, x, draw)) if layer.rate > 0 else x


def _spatial_dropout(layer, x, draw: Draw):
    """Whole channels are dropped."""
    if not layer.rate > 0:
        return x
    shape, sides = tf.shape(x), [1] * (x.shape.rank - 2)
    if getattr(layer, "data_format", "channels_last") == "channels_first":
        shape = tf.concat([shape[:2], sides], axis=0)
    else:
        shape = tf.concat([shape[:1], sides, shape[-1:]], axis=0)
    return _dropped(x, layer.rate, draw.uniform(shape))


def _dropped(x, rate, uniform):
    return x * tf.cast(uniform >= rate, x.dtype) / tf.cast(1 - rate, x.dtype) if rate < 1 else tf.zeros_like(x)


def _uniform(layer, x, draw: Draw):
    """Numbers of the layer's noise_shape, in which None stands for a side of x."""
    shape = tf.shape(x)
    if layer.noise_shape is None:
        return draw.uniform(shape)
    sides = tf.stack([shape[i] if side is None else side for i, side in enumerate(layer.noise_shape)])
    return draw.uniform(sides) if layer.noise_shape[0] is None else draw.uniform_for_batch(sides)


def _gaussian_noise(layer, x, draw: Draw):
    return x + tf.cast(layer.stddev * draw.normal(tf.shape(x)), x.dtype)


def _gaussian_dropout(layer, x, draw: Draw):
    """Multiplied by numbers around 1, with the deviation that Dropout's have."""
    if not layer.rate > 0:
        return x
    return x * tf.cast(1 + (layer.rate / (1 - layer.rate)) ** 0.5 * draw.normal(tf.shape(x)), x.dtype)


def _alpha_dropout(layer, x, draw: Draw):
    """Klambauer et al. (2017): what is dropped becomes SELU's least value, and mean and deviation are restored."""
    if not layer.rate > 0:
        return x
    least = -1.6732632423543772 * 1.0507009873554805
    keep = tf.cast(_uniform(layer, x, draw) >= layer.rate, x.dtype)
    scale = ((1 - layer.rate) * (1 + layer.rate * least**2)) ** -0.5
    return scale * (x * keep + least * (1 - keep)) - scale * least * layer.rate


def _adl(layer, x, draw: Draw):
    return layer.dropped(x, draw.uniform_for_batch([]))


# Layer -> (layer, x, draw) -> what it makes of x in training.  Exactly these classes: another may draw otherwise.
DRAWS = {
    layers.Dropout: _dropout,
    layers.SpatialDropout1D: _spatial_dropout,
    layers.SpatialDropout2D: _spatial_dropout,
    layers.SpatialDropout3D: _spatial_dropout,
    layers.GaussianNoise: _gaussian_noise,
    layers.GaussianDropout: _gaussian_dropout,
    layers.AlphaDropout: _alpha_dropout,
    AttentionDropout: _adl,
}
