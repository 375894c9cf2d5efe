"""Cuts a network in two behind one of its layers, which may be one of a model within it."""

import difflib
import weakref
from typing import Any

import keras
import tensorflow as tf

from tfrobust.networks.layer_paths import known_paths, name_in
from tfrobust.networks.masked_max_pool import MaskedMaxPool, can_be_masked
from tfrobust.networks.walk import known_outputs, walk
from tfrobust.types import InputError

_NAMED = 8  # Names that a refusal lists at most.

_taps: "weakref.WeakKeyDictionary[keras.Model, _Tapped]" = weakref.WeakKeyDictionary()


class Tap(keras.layers.Layer):
    """Wraps a layer, so that it has a single output.

    Surrogates share layers with their network, and a shared layer has one output in each of these models.
    """

    def __init__(self, layer: keras.layers.Layer, **kwargs: Any):
        super().__init__(**kwargs)
        self.layer, self._on_symbolic = layer, False

    def on_symbolic(self, *args: Any, **kwargs: Any) -> Any:
        """Its place in a graph: what the layer gives for symbolic tensors."""
        self._on_symbolic = True
        try:
            return self(*args, **kwargs)
        finally:
            self._on_symbolic = False

    def call(self, *args: Any, **kwargs: Any) -> tf.Tensor:
        return self.layer(*args, **kwargs)

    def _infer_output_signature(self, inputs: Any, args: Any, kwargs: Any, input_masks: Any) -> Any:
        """What Keras 2 asks where it is called on symbolic tensors."""
        made = known_outputs(self.layer) if self._on_symbolic else None
        if made is None:
            return super()._infer_output_signature(inputs, args, kwargs, input_masks)
        self.built = True
        return made

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        """What Keras 3 asks in the place of a call on symbolic tensors."""
        return self.layer.compute_output_spec(*args, **kwargs)


class _Tapped:
    """A network with every layer tapped and all weights shared, flat, and the pieces cut of it so far.

    Attributes:
        outputs: path of a layer or of a model within -> what it gives, once for each of its calls.
        leaves: the paths of the layers, in the order of their calls.

    Args:
        network: with a graph and one input.
    """

    def __init__(self, network: keras.Model):
        given = network.inputs[0]
        self.input = keras.Input(given.shape[1:], batch_size=given.shape[0], dtype=given.dtype)
        self.pieces: dict[str, tuple[keras.Model, keras.Model]] = {}
        self.outputs: dict[str, list] = {
            each.name: [self.input] for each in network.layers if isinstance(each, keras.layers.InputLayer)
        }
        self.leaves: list[str] = []
        self._within: list[str] = []
        self._names: set[str] = set()
        self.output = tf.nest.flatten(walk(network, self.input, self._step))[0]

    def _step(self, op, *args, **kwargs):
        """The output of a layer, an operation or a model within on symbolic tensors, by taps."""
        path = "/".join((*self._within, op.name))
        if isinstance(op, keras.Model):
            self._within.append(op.name)
            output = walk(op, args[0] if args else kwargs["inputs"], self._step)
            self._within.pop()
        else:
            tap = _tap(op, self._name(path))
            output = (tap.on_symbolic if isinstance(tap, Tap) else tap)(*args, **kwargs)
            self.leaves.append(path)
        self.outputs.setdefault(path, []).append(output)
        return output

    def _name(self, path: str) -> str:
        """The path as a name of a layer, which must have no slash and be the only one of its name."""
        name, n = path.replace("/", "."), 0
        while name in self._names:
            n += 1
            name = f"{path.replace('/', '.')}_{n}"
        self._names.add(name)
        return name


def _tap(op, name: str):
    if not isinstance(op, keras.layers.Layer):  # An operation of Keras 3, which has no weights to share.
        return type(op).from_config({**op.get_config(), "name": name})
    if can_be_masked(op):
        return MaskedMaxPool(name=name, dtype=op.compute_dtype)
    return Tap(op, name=name)


def _tapped(network: keras.Model) -> _Tapped:
    if network not in _taps:
        with tf.init_scope():
            try:
                _taps[network] = _Tapped(network)
            except (ValueError, TypeError, AttributeError) as e:
                raise InputError(f"network {network.name!r} cannot be cut: only Sequential and functional do") from e
    return _taps[network]


def split_at(network: keras.Model, layer: str) -> tuple[keras.Model, keras.Model]:
    """Cuts a network behind a layer into a head and a tail: network(x) = tail(head(x)).

    Args:
        network: Sequential or functional.
        layer: the name of a layer that every path passes; of a layer of a model within the network its path,
          `MODEL/LAYER`.  A copy that `networks.adopt` made, which has no models within, takes the paths of the network
          that it was made of, too.

    Returns:
        (head, tail), which share their weights with the network.

    Raises:
        InputError: where the network cannot be cut, or not behind that layer.
    """
    tapped = _tapped(network)
    if layer not in tapped.pieces:
        with tf.init_scope():
            h = output_of(network, layer)
            try:
                pieces = keras.Model(tapped.input, h), keras.Model(h, tapped.output)
            except ValueError as e:
                raise InputError(f"cannot cut the network behind layer {layer!r}: another path goes around it") from e
        tapped.pieces[layer] = pieces
    return tapped.pieces[layer]


def output_of(network: keras.Model, layer: str) -> Any:
    """What a layer gives, as a symbolic tensor; arguments and errors as those of `split_at`."""
    outputs = _tapped(network).outputs.get(name_in(network, layer), [])
    if len(outputs) == 1 and not isinstance(outputs[0], (list, tuple, dict)):
        return outputs[0]
    if outputs:
        raise InputError(f"cannot cut the network behind layer {layer!r}: it is called several times or gives several")
    raise InputError(
        f"cannot cut the network behind layer {layer!r}: network {network.name!r} has none of that name "
        f"(near: {', '.join(_near(network, layer))})"
    )


def _near(network, layer: str) -> list[str]:
    """Names of layers like the one that was asked for, the nearest first; the last ones where there is none like it."""
    inputs = {each.name for each in network.layers if isinstance(each, keras.layers.InputLayer)}
    known = [name for name in (*_tapped(network).outputs, *known_paths(network)) if name not in inputs]
    last = lambda path: path.rpartition("/")[2]  # noqa: E731  # conv5 is near backbone/conv5.
    found = difflib.get_close_matches(layer, known, _NAMED, cutoff=0.6)
    ends = difflib.get_close_matches(last(layer), dict.fromkeys(map(last, known)), _NAMED, cutoff=0.6)
    found += [path for end in ends for path in known if last(path) == end]
    return list(dict.fromkeys(found))[:_NAMED] or known[-_NAMED:]


def last_feature_map(network: keras.Model) -> str:
    """The name or path of the last layer that gives a stack of feature maps [B,h,w,K] of more than one pixel, once.

    Raises:
        InputError: where the network has no such layer.
    """
    tapped = _tapped(network)
    for path in reversed(tapped.leaves):
        if len(tapped.outputs[path]) == 1 and _is_feature_map(tapped.outputs[path][0]):
            return path
    raise InputError(f"network {network.name!r} has no feature maps for Grad-CAM: no layer gives [B,h,w,K]")


def check_feature_map(network: keras.Model, layer: str) -> None:
    """Raises InputError unless the output of a layer, or of a model within, is a stack of feature maps [B,h,w,K]."""
    output = output_of(network, layer)
    if len(output.shape) != 4:
        raise InputError(f"layer {layer!r} has no feature maps for Grad-CAM: it gives {list(output.shape)}")


def _is_feature_map(output) -> bool:
    shape = getattr(output, "shape", ())
    return len(shape) == 4 and tuple(shape[1:3]) != (1, 1)
