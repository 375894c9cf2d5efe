"""Self-attention written out: a network whose `MultiHeadAttention` layers show what they compute.

From the weights of the layer, for tokens x [B,T,C], n heads and keys of d entries:

    q, k, v = x W_q + b_q,  x W_k + b_k,  x W_v + b_v      [B,T,n,d]
    A = softmax(q k' / sqrt(d))                            [B,n,T,T], rows are queries
    y = (A v) W_o + b_o                                    [B,T,C]

Keras keeps A to itself, and never makes it where it computes by a fused kernel.  Here A is a tensor on the way to the
logits, with derivatives on both sides.  Dropout of A is left out, as in inference.
"""

import contextlib
import contextvars
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf
from keras.layers import MultiHeadAttention

from tfrobust.networks.inspection import inspect_network
from tfrobust.networks.surrogates import Exchanged, kept
from tfrobust.networks.walk import flat
from tfrobust.types import InputError

# Attention that is no MultiHeadAttention; Keras 2 has no GroupQueryAttention.
_OTHERS = tuple(
    getattr(keras.layers, name)
    for name in ("Attention", "AdditiveAttention", "GroupQueryAttention")
    if hasattr(keras.layers, name)
)
_PROJECTIONS = ("query", "key", "value", "attention_output")
_FREE_SIDE = 224  # Pixels of a side, where a network takes images of any size.
_TOLERANCE = 1e-4  # The largest difference of logits, relative to the largest logit.


class Dense(NamedTuple):
    """The weights of one projection of a layer.

    Attributes:
        kernel: variable [C,n,d] of query, key and value, [n,d,C] of the output.
        bias: variable [n,d] or [C]; None: there is none.
    """

    kernel: Any
    bias: Any


class SelfAttention:
    """One `MultiHeadAttention` layer, step by step; a subclass may take other steps.

    Args:
        layer: built, and used on one tensor as query, key and value.
    """

    def __init__(self, layer: MultiHeadAttention):
        self.layer = layer

    def __call__(self, x: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """(A [B,n,T,T], y [B,T,C]) of tokens `x` [B,T,C]."""
        weights = weights_of(self.layer)
        q, k, v = (self.project(x, weights[name], 1) for name in _PROJECTIONS[:3])
        a = self.normalize(self.compare(q, k))
        return a, self.project(self.mix(a, v), weights["attention_output"], 2)

    def project(self, x: tf.Tensor, dense: Dense, axes: int) -> tf.Tensor:
        """x W + b over the last axes of x.

        Args:
            x: [B,T,C] or [B,T,n,d].
            dense: W and b.
            axes: how many axes of x are summed over, 1 or 2.
        """
        y = tf.tensordot(x, tf.cast(dense.kernel, x.dtype), axes)
        return y if dense.bias is None else y + tf.cast(dense.bias, x.dtype)

    def compare(self, q: tf.Tensor, k: tf.Tensor) -> tf.Tensor:
        """q k' / sqrt(d) [B,n,T,T] of queries and keys [B,T,n,d]."""
        scale = self.layer.get_config()["key_dim"] ** -0.5
        return tf.einsum("bqnd,bknd->bnqk", scale * q, k)

    def normalize(self, s: tf.Tensor) -> tf.Tensor:
        """A = softmax of `s` [B,n,T,T] over keys."""
        return tf.nn.softmax(s)

    def mix(self, a: tf.Tensor, v: tf.Tensor) -> tf.Tensor:
        """A v [B,T,n,d] of A [B,n,T,T] and values [B,T,n,d]."""
        return tf.einsum("bnqk,bknd->bqnd", a, v)


class Call(NamedTuple):
    """What one call of an attention layer computed.

    Attributes:
        layer: the `MultiHeadAttention`.
        x: its tokens [B,T,C], or [B,h,w,C] where they have rows and columns; None where `fault` is given.
        a: A [B,n,T,T], a tensor on the way to `y`; None where `fault` is given.
        y: its output, of the axes of x.
        fault: why the call is not written out, in words; None where it is.
    """

    layer: MultiHeadAttention
    x: Any
    a: Any
    y: Any
    fault: str | None


Watch = Callable[[Call], Any]
_watch: contextvars.ContextVar[Watch | None] = contextvars.ContextVar("watch", default=None)


@contextlib.contextmanager
def watched(watch: Watch) -> Iterator[None]:
    """While the block runs, each call of an attention layer that is written out calls `watch`.

    Args:
        watch: Call -> the output that the layer gives in the place of `Call.y`; None: y itself.
    """
    token = _watch.set(watch)
    try:
        yield
    finally:
        _watch.reset(token)


def _shown(call: Call) -> Any:
    watch = _watch.get()
    other = None if watch is None else watch(call)
    return call.y if other is None else other


def _called(attention: SelfAttention) -> Callable:
    """`MultiHeadAttention.call`, written out by `attention`, for both versions of Keras."""
    layer, keras_call = attention.layer, attention.layer.call

    def call(query, value, key=None, *masks, **options):
        fault = fault_of(layer, (query, value, key), masks, options)
        if fault:
            y = keras_call(query, value, key, *masks, **{**options, "training": False})
            return _shown(Call(layer, None, None, y, fault))
        a, y = attention(_as_row(query))
        y = tf.reshape(y, tf.concat([tf.shape(query)[:-1], tf.shape(y)[2:]], axis=0)) if query.shape.rank > 3 else y
        return _shown(Call(layer, query, a, y, None))

    return call


def fault_of(layer, tensors, masks, options) -> str | None:
    """Why a call of the layer is not written out, in words; None where it is."""
    config, (query, value, key), rank = layer.get_config(), tensors, len(tensors[0].shape)
    axes = config["attention_axes"]
    masks = [*masks, *(value for name, value in options.items() if name.endswith("_mask"))]
    if value is not query or (key is not None and key is not query):
        return "takes its queries, keys and values from different tensors (cross attention)"
    if any(mask is not None and mask is not False for mask in masks) or config.get("sliding_window"):
        return "attends through a mask"
    if options.get("return_attention_scores"):
        return "returns its attention scores to the network"
    if axes is not None and sorted(axis % rank for axis in axes) != list(range(1, rank - 1)):
        return f"attends along some axes of its tokens alone (attention_axes={axes})"
    return None


def _as_row(x):
    """Tokens [B,...,C] as [B,T,C]."""
    return x if x.shape.rank == 3 else tf.reshape(x, [tf.shape(x)[0], -1, x.shape[-1]])


class WrittenOut(keras.layers.Layer):
    """A `MultiHeadAttention` layer with the same weights, written out.

    Args:
        attention: the steps.
    """

    def __init__(self, attention: SelfAttention, **kwargs: Any):
        super().__init__(**kwargs)
        self.layer = attention.layer
        self._call = _called(attention)

    def call(self, query: Any, value: Any, key: Any = None, *masks: Any, **options: Any) -> Any:
        """What the layer gives for what `MultiHeadAttention.call` takes."""
        return self._call(query, value, key, *masks, **options)


def attention_layers(network: keras.layers.Layer) -> list[MultiHeadAttention]:
    """The `MultiHeadAttention` layers of a network or a layer, those of models and layers within it included."""
    return [layer for layer in flat(network) if isinstance(layer, MultiHeadAttention)]


def weights_of(layer: MultiHeadAttention) -> dict[str, Dense]:
    """The weights of each projection: query, key, value and attention_output.

    Raises:
        InputError: where the layer has others, such as those of a gate or of LoRA.
    """
    found: dict[tuple, Any] = {}
    for weight in layer.weights:
        name = getattr(weight, "path", weight.name).split(":")[0]  # Keras 2 has no path, and a name that holds it.
        found[tuple(name.split("/")[-2:])] = weight
    weights = {each: Dense(found.pop((each, "kernel"), None), found.pop((each, "bias"), None)) for each in _PROJECTIONS}
    if found or any(dense.kernel is None for dense in weights.values()):
        other = ", ".join("/".join(name) for name in found) or "none of some projections"
        raise InputError(_refusal(layer, f"has weights beside those of its projections ({other})"))
    return weights


def written_out(network: keras.Model, steps: type[SelfAttention] = SelfAttention) -> keras.Model:
    """The same network, sharing every weight, with its self-attention written out.

    `watched` shows what the attention computes while the network runs.

    Args:
        network: a Sequential or functional model, or a surrogate of one.
        steps: how attention is computed.

    Raises:
        InputError: where the network has no graph.
    """

    def make():
        with watched(lambda call: None):  # Keras calls each layer once on no tokens of the network.
            return _written_out(network, steps)

    return kept(network, (written_out, steps), make)


def _written_out(network, steps):
    def clone(layer):
        if isinstance(layer, keras.Model):
            return _written_out(layer, steps)
        if not isinstance(layer, keras.layers.Layer):  # An operation of Keras 3.
            return layer
        if isinstance(layer, MultiHeadAttention):
            return WrittenOut(steps(layer), name=layer.name, dtype=layer.compute_dtype)
        places = [(each, "call", _called(steps(each))) for each in attention_layers(layer)]
        return Exchanged(layer, places, name=layer.name, dtype=layer.compute_dtype) if places else layer

    try:
        return keras.models.clone_model(network, clone_function=clone)
    except (ValueError, TypeError, AttributeError) as e:
        raise InputError(
            f"the attention of network {network.name!r} cannot be written out: only Sequential and functional models "
            f"are taken ({e})"
        ) from e


def attend(network: keras.Model, x: tf.Tensor) -> tuple[tf.Tensor, list[tf.Tensor]]:
    """The logits [B,K] of images `x` [B,H,W,C], and A [B,n,T,T] of every call of attention, in their order.

    A gradient of the logits with respect to each A is that of its own place: what later layers make of it.
    """
    maps = []
    with watched(lambda call: maps.append(call.a)):
        logits = written_out(network)(x, training=False)
    return logits, maps


def check_attention(network: keras.Model) -> None:
    """Checks, once for each network, that its attention can be written out, and that its logits stay what they are.

    Raises:
        InputError: where it has no `MultiHeadAttention`, or one that is used otherwise.
    """
    kept(network, check_attention, lambda: _checked(network))


def _checked(network) -> bool:
    layers = attention_layers(network)
    others = [layer for layer in flat(network) if isinstance(layer, _OTHERS)]
    for layer in others[:1]:
        raise InputError(_refusal(layer, f"is a {type(layer).__name__}"))
    if not layers:
        raise InputError(
            f"network {network.name!r} has no keras.layers.MultiHeadAttention, whose attention the map is made of: "
            "take another map, such as integrated_gradients, or make attention that is computed by hand such a layer"
        )
    for layer in layers:
        weights_of(layer)
    x = noise(image_shape(network))
    calls: list[Call] = []
    with watched(calls.append):
        got = written_out(network)(x, training=False)
    for call in calls:
        if call.fault:
            raise InputError(_refusal(call.layer, call.fault))
    want = network(x, training=False)
    if not calls or np.abs(got - want).max() > _TOLERANCE * np.abs(want).max():
        raise InputError(_refusal(layers[0], "computes something else than its weights say"))
    return True


def _refusal(layer, what: str) -> str:
    return (
        f"layer {layer.name!r} {what}, and maps of attention are made of self-attention by "
        "keras.layers.MultiHeadAttention among all tokens: take another map, such as integrated_gradients"
    )


def image_shape(network: keras.Model) -> tuple[int, int, int]:
    """(H, W, C) of the images that the network takes, some size where it takes any."""
    height, width, channels = (size or _FREE_SIDE for size in inspect_network(network).shape)
    return height, width, channels


def noise(shape: Sequence[int], images: int = 1) -> tf.Tensor:
    """As many images [N,H,W,C] of a shape (H, W, C), of noise in [0, 1]."""
    return tf.constant(np.random.RandomState(0).rand(images, *shape), tf.float32)
