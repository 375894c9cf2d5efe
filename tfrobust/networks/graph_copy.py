"""A copy of a network's graph, layer by layer, with every weight, flat and with its activations as layers."""

import inspect

import keras
import tensorflow as tf
from keras import layers

from tfrobust.networks.functions import as_probabilities, as_relu, can_be_split, is_function, is_pointwise, takes_bytes
from tfrobust.types import InputError

# Layers whose built-in activation is the last thing they do, so that it can be a layer of its own.
_ENDS_IN_ACTIVATION = (layers.Dense, layers.EinsumDense, layers.Conv1D, layers.Conv2D, layers.Conv3D)
_ENDS_IN_ACTIVATION += (layers.Conv2DTranspose, layers.DepthwiseConv2D, layers.SeparableConv2D)


def graph_of(model: keras.Model) -> keras.Model:
    """The model as a plain functional one, with nothing of what it was compiled with."""
    try:
        graph = keras.Model(model.inputs, model.outputs[0] if isinstance(model, keras.Sequential) else model.output)
        if not any(layer is model for layer in graph.layers):
            return graph
    except (AttributeError, RuntimeError, TypeError, ValueError):
        pass
    raise InputError(
        f"network {model.name!r} is subclassed or not built, and has no graph: "
        "make one with i = keras.Input((H, W, C)); keras.Model(i, network.call(i))"
    )


class _Stand(getattr(keras, "Operation", layers.Layer)):
    """Stands for a layer or an operation in a graph; once `step` is set, a call of it is one of `step`."""

    step = None

    def __init__(self, original):
        super().__init__(name=original.name)
        self.original = original

    def call(self, *args, **kwargs):
        return self.original(*args, **kwargs)

    def compute_output_spec(self, *args, **kwargs):
        return self.original.compute_output_spec(*args, **kwargs)

    def __call__(self, *args, **kwargs):
        if self.step is None:
            return super().__call__(*args, **kwargs)
        return self.step(self.original, *args, **kwargs)


class _ModelStand(keras.Model):
    """Stands for a model within a graph: Keras 2 finds the place of a model in a graph by its being one."""

    step = None

    def __call__(self, *args, **kwargs):
        if self.step is None:
            return super().__call__(*args, **kwargs)
        return self.step(self.original, *args, **kwargs)


def _stand(op):
    if not isinstance(op, keras.Model):
        return _Stand(op)
    inputs = [keras.Input(t.shape[1:], dtype=t.dtype) for t in graph_of(op).inputs]
    inputs = inputs if len(inputs) > 1 else inputs[0]
    model = _ModelStand(inputs, _Stand(op)(inputs), name=op.name)
    model.original = op
    return model


class Copier:
    """Traces a graph anew with copies of its layers.  Tensors are known by their id, and kept so that it stays theirs.

    images, start: the symbolic images in [0, 1], and in the range that the network expects; bytes_expected: whether
    that is 0..255.
    """

    def __init__(self, images, start, bytes_expected: bool):
        self.images, self.start, self.bytes_expected = images, start, bytes_expected
        # The start, and what was made of it without weights: (tensor, what was done to each pixel).
        self.pixels = {id(start): (start, lambda t: t)}
        self.copies = {}  # Of a layer: (layer, copy).
        self.made = {}  # Of the output of a layer without weights: (output, the layer as a function, input).
        self.training = None  # Of the model within that is being traced: base(x, training=False).
        self.names = {layer.name for layer in keras.Model(images, start).layers}

    def adopted(self, network: keras.Model):
        """(the model, what made probabilities of its logits or None)."""
        outputs = self.run(keras.Model(network.inputs[0], network.outputs[0]), self.start)
        logits, end = self.logits(tf.nest.flatten(outputs)[0])
        model = keras.Model(self.images, logits, name=network.name)
        for layer, copy in self.copies.values():
            if copy is not layer and getattr(layer, "weights", None):
                copy.set_weights(layer.get_weights())
                if isinstance(copy, layers.Normalization):
                    copy.finalize_state()  # It computes with what it derives of its weights.
        return model, end

    def run(self, model: keras.Model, inputs, training=None, mask=None):
        """The output of the model on symbolic tensors."""
        stands = []

        def stand(op):
            stands.append(_stand(op))
            return stands[-1]

        graph = keras.models.clone_model(graph_of(model), clone_function=stand)
        if hasattr(keras, "Function"):  # A model of Keras 3 would convert its inputs by operations of its own.
            graph = keras.Function(graph.inputs, graph.output)
        for each in stands:
            each.step = self.step
        outer, self.training = self.training, self.training if training is None else training
        outputs = graph.call(tf.nest.flatten(inputs))
        self.training = outer
        return outputs

    def step(self, op, *args, **kwargs):
        """The output of a layer, a model or an operation on symbolic tensors."""
        if isinstance(op, keras.Model):
            return self.run(op, *args, **kwargs)
        if self.training is not None and "training" in inspect.signature(op.call).parameters:
            kwargs.setdefault("training", self.training)
        if isinstance(op, _ENDS_IN_ACTIVATION) and can_be_split(op.activation):
            z = self.copy(op, activation="linear")(*args, **kwargs)
            name = f"{op.name}_activation"
            return self.step(layers.Activation(op.activation, dtype=op.compute_dtype, name=name), z)
        tensors = [t for t in tf.nest.flatten((args, kwargs)) if isinstance(t, type(self.images))]
        if len(tensors) != 1 or (getattr(op, "weights", None) and not isinstance(op, layers.Normalization)):
            return self.copy(op)(*args, **kwargs)

        def function(t):
            own = tf.nest.map_structure(lambda a: t if a is tensors[0] else a, (args, kwargs))
            return op(*own[0], **own[1])

        early = id(tensors[0]) in self.pixels
        relu = as_relu(function) if is_function(op) and not early else None
        if relu:
            dtype = tf.as_dtype(tensors[0].dtype).name
            y = layers.ReLU(**relu, dtype=dtype, name=self.name(op.name))(tensors[0])
        else:
            y = self.copy(op)(*args, **kwargs)
        self.made[id(y)] = y, function, tensors[0]
        if early:
            before = self.pixels[id(tensors[0])][1]
            self.pixels[id(y)] = y, (lambda t: function(before(t))) if is_pointwise(op) else before
            # All of it together: an adopted network takes [0, 1], and makes 0..255 of it for a layer that wants that.
            bytes_wanted = is_pointwise(op) and takes_bytes(self.pixels[id(y)][1], self.images.shape[-1])
            if bytes_wanted and not self.bytes_expected:
                raise InputError(f"layer {op.name!r} is made for pixels in 0..255: pass pixels='0..255'")
        return y

    def copy(self, op, **changes):
        """The one copy of the layer or operation."""
        if id(op) not in self.copies:
            try:
                copy = type(op).from_config({**op.get_config(), "name": self.name(op.name), **changes})
            except Exception as e:  # Layers of any make come here, and fail with any error.
                if getattr(op, "weights", None):
                    raise InputError(
                        f"layer {op.name!r} cannot be copied: give {type(op).__name__} a get_config() with every "
                        f"argument of its __init__ ({first_line(e)})"
                    ) from e
                copy = op  # Without weights it may as well be shared.
            self.copies[id(op)] = op, copy
        return self.copies[id(op)][1]

    def name(self, wanted: str) -> str:
        """The name, or the first free one like it: models within had names of their own."""
        name, n = wanted, 0
        while name in self.names:
            n += 1
            name = f"{wanted}_{n}"
        self.names.add(name)
        return name

    def logits(self, y):
        """(the logits [B,K] in the output y, what made y of them or None)."""
        _, function, z = self.made.get(id(y), (y, None, y))
        end = function and as_probabilities(function, z.shape[-1])
        if not end:
            z, function = y, None
        if end == "sigmoid" and z.shape[-1] > 1:
            raise InputError(
                f"the network ends in {z.shape[-1]} sigmoids, whose labels do not exclude each other: "
                "choose one of them, or end in a softmax"
            )
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


def first_line(e: Exception) -> str:
    return (str(e).strip() or type(e).__name__).splitlines()[0]
