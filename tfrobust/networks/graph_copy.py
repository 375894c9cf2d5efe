"""A copy of a network's graph, layer by layer, with every weight, flat and with its activations as layers."""

import inspect
from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf
from keras import layers

from tfrobust.networks.functions import MadeOf, as_probabilities, can_be_split, is_function, relu_among
from tfrobust.networks.inspection import HALF, half_of, several_sigmoids
from tfrobust.networks.layer_paths import remember_paths
from tfrobust.networks.walk import flat, walk
from tfrobust.types import InputError

# Layers whose built-in activation is the last thing they do, so that it can be a layer of its own.
_ENDS_IN_ACTIVATION: tuple[Any, ...] = (layers.Dense, layers.EinsumDense, layers.Conv1D, layers.Conv2D, layers.Conv3D)
_ENDS_IN_ACTIVATION += (layers.Conv2DTranspose, layers.DepthwiseConv2D, layers.SeparableConv2D)


class Copier:
    """Traces a graph anew with copies of its layers.

    Tensors are known by their id, and kept so that no other tensor gets it.

    Args:
        images: the symbolic images [B,H,W,C] in [0, 1], input of the copy.
        start: the same as the network expects them.
    """

    def __init__(self, images: Any, start: Any):
        self.images, self.start = images, start
        self.pixels = {id(start): start}  # Tensors that were computed from the start without any weights.
        self.copies = {}  # id of a layer: (layer, its copy).
        self.made = MadeOf()
        self.training: bool | None = (
            None  # The `training` with which the network calls the inner model that is being traced.
        )
        self.names = {layer.name for layer in keras.Model(images, start).layers}
        self.within: list[str] = []  # Names of the models around what is being copied, the network itself left out.
        self.paths: dict[str, str] = {}  # See `layer_paths`, of the layers in models within.
        self.last = ""  # Name of the layer that gave what was copied last.

    def adopted(self, network: keras.Model, output: int = 0) -> tuple[keras.Model, Callable | None]:
        """Copies the network, with its weights, from the images to its logits.

        Args:
            network: a model with a graph.
            output: the index of its output that gives the classes.

        Returns:
            (the model, the function that made probabilities of its logits or None).

        Raises:
            InputError: where a layer cannot be copied, and where the output is none of `logits`.
        """
        # The network itself is walked where that is possible, because `walk` keeps what it has made for it.
        own = network if len(network.outputs) == 1 else keras.Model(network.inputs[0], network.outputs[output])
        outputs = self.run(own, self.start)
        logits, end = self.logits(tf.nest.flatten(outputs)[0])
        model = keras.Model(self.images, logits, name=network.name)
        remember_paths(model, self.paths)
        for layer, copy in self.copies.values():
            _check_float32(copy)
            if copy is not layer and getattr(layer, "weights", None):
                copy.set_weights(layer.get_weights())
                if isinstance(copy, layers.Normalization):
                    copy.finalize_state()  # It computes with what it derives of its weights.
        return model, end

    def run(self, model: keras.Model, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """The output of a model of the graph on symbolic tensors.

        Args:
            model: the network, or a model within it.
            inputs: one symbolic tensor for each of its inputs.
            training: what the network calls it with, as in base(x, training=False); None: what the model around it has.
            mask: not used; Keras hands it to models within.
        """
        outer, self.training = self.training, self.training if training is None else training
        outputs = walk(model, inputs, self.step)
        self.training = outer
        return outputs

    def step(self, op: Any, *args, **kwargs) -> Any:
        """The output of the copy of `op`, a layer, a model or an operation, on symbolic tensors `args` and `kwargs`."""
        path = "/".join((*self.within, op.name))
        if isinstance(op, keras.Model):
            self.within.append(op.name)
            y = self.run(op, *args, **kwargs)
            self.within.pop()
        else:
            y = self.copied(op, *args, **kwargs)
        if self.within or isinstance(op, keras.Model):
            self.paths[path] = self.last
        return y

    def copied(self, op: Any, *args, **kwargs) -> Any:
        """As `step`, of a layer or an operation."""
        if self.training is not None and "training" in inspect.signature(op.call).parameters:
            kwargs.setdefault("training", self.training)
        if isinstance(op, _ENDS_IN_ACTIVATION) and can_be_split(op.activation):
            z = self.copy(op, activation="linear")(*args, **kwargs)
            dtype = "float32" if _is_half(op) else op.compute_dtype
            return self.copied(layers.Activation(op.activation, dtype=dtype, name=f"{op.name}_activation"), z)
        tensors = [t for t in tf.nest.flatten((args, kwargs)) if self.is_tensor(t)]
        if getattr(op, "weights", None) and not isinstance(op, layers.Normalization):
            return self.copy(op)(*args, **kwargs)
        if tensors and all(id(t) in self.pixels for t in tensors):  # A ReLU that cuts pixels is no activation.
            y = self.copy(op)(*args, **kwargs)
            self.pixels.update({id(t): t for t in tf.nest.flatten(y)})
            return y
        exact = self.copy(op) if _is_half(op) else op  # In float32, its values tell exactly enough what it does.
        functions = self.made.functions(exact, args, kwargs, self.is_tensor) if is_function(op) else []
        relu = relu_among(functions)
        if relu:
            z, options = relu
            self.last = self.name(op.name)
            return layers.ReLU(**options, dtype=tf.as_dtype(z.dtype).name, name=self.last)(z)
        y = self.copy(op)(*args, **kwargs)
        if self.is_tensor(y):
            self.made.keep(y, functions)
        return y

    def is_tensor(self, value: Any) -> bool:
        """Whether `value` is a symbolic tensor."""
        return isinstance(value, type(self.images))

    def copy(self, op: Any, **changes) -> Any:
        """The one copy of the layer or operation `op`, made at the first call with `changes` of its configuration."""
        if id(op) not in self.copies:
            if _is_half(op):
                changes["dtype"] = "float32"
            try:
                config = _config_in_float32(op.get_config()) if _is_half(op) else op.get_config()
                copy = _from_config(type(op), {**config, "name": self.name(op.name), **changes})
            except Exception as e:  # Users' layers come here, and may fail with any error.
                if getattr(op, "weights", None):
                    raise InputError(
                        f"layer {op.name!r} cannot be copied: give {type(op).__name__} a get_config() with every "
                        f"argument of its __init__ ({first_line(e)})"
                    ) from e
                copy = op  # A layer without weights can be shared.
            self.copies[id(op)] = op, copy
        copy = self.copies[id(op)][1]
        self.last = copy.name
        return copy

    def name(self, wanted: str) -> str:
        """`wanted` as the name of a layer, with a number behind it where the copy has a layer of that name already."""
        name, n = wanted, 0
        while name in self.names:
            n += 1
            name = f"{wanted}_{n}"
        self.names.add(name)
        return name

    def logits(self, y: Any) -> tuple[Any, Callable | None]:
        """Goes back from an output of the network to its logits.

        Args:
            y: the output, [B,K] or [B,1]: logits, or what a softmax or a sigmoid made of them.

        Returns:
            (the logits [B,K] in float32, the function that made y of them or None).

        Raises:
            InputError: where y is made by several sigmoids, or is one number and no probability.
        """
        z, function, end = y, None, None
        for ancestor, made in self.made.of(y):
            end = as_probabilities(made, ancestor.shape[-1])
            if end:
                z, function = ancestor, made
                break
        if end == "sigmoid" and z.shape[-1] > 1:
            raise several_sigmoids("the network", z.shape[-1])
        if end != "sigmoid" and z.shape[-1] < 2:
            raise InputError(
                "the network gives one number: if it is the logit of class 1, end in keras.layers.Activation('sigmoid')"
            )
        if tf.as_dtype(z.dtype) != tf.float32:
            z = layers.Activation("linear", dtype="float32", name=self.name("float32"))(z)
        if end == "sigmoid":
            z = layers.Reshape((1, 1), name=self.name("logit"))(z)
            z = layers.Flatten(name=self.name("logits"))(layers.ZeroPadding1D((1, 0), name=self.name("zero"))(z))
        return z, function


def _from_config(kind, config):
    """The layer of a configuration, without the entries that no `__init__` of its classes takes where those prevent it.

    Layers of KerasHub tell of numbers that they derive; whether the copy is the same is seen by its outputs.
    """
    try:
        return kind.from_config(config)
    except TypeError:
        taken = {name for each in kind.__mro__ for name in inspect.signature(each.__init__).parameters}
        known = {name: value for name, value in config.items() if name in taken | {"name", "trainable", "dtype"}}
        if len(known) == len(config):
            raise
        return kind.from_config(known)


def _is_half(op) -> bool:
    """Whether the layer, or a layer in it, computes in 16 bits; its copy computes in float32, as exact maps need."""
    return isinstance(op, layers.Layer) and half_of(op) is not None


def _config_in_float32(config):
    """The configuration of a layer, and of those in it, with float32 in the place of numbers of 16 bits."""
    if isinstance(config, dict):
        return {k: "float32" if k == "dtype" and _names_half(v) else _config_in_float32(v) for k, v in config.items()}
    return type(config)(map(_config_in_float32, config)) if type(config) in (list, tuple) else config


def _names_half(dtype) -> bool:
    """Whether `dtype` is the name, or the configuration, of a 16-bit dtype or of a policy that computes with one."""
    while isinstance(dtype, dict):
        dtype = dtype.get("config", dtype.get("name"))
    return str(dtype).removeprefix("mixed_") in HALF


def _check_float32(copy) -> None:
    """Raises InputError where a layer has made inner layers that compute in 16 bits whatever its own dtype is."""
    for each in flat(copy) if isinstance(copy, layers.Layer) else ():
        if each.compute_dtype in HALF:
            raise InputError(
                f"layer {each.name!r} in layer {copy.name!r} computes in {each.compute_dtype} whatever the latter's "
                "dtype is: make it with dtype=self.dtype_policy, so that a copy computes in float32"
            )


def first_line(e: Exception) -> str:
    """The first line of what an error says, or the name of its class where it says nothing."""
    return (str(e).strip() or type(e).__name__).splitlines()[0]
