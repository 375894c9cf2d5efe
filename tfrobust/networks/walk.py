"""A walk through a network's graph: a function is called for every layer and operation, in place of its own call."""

import weakref
from collections.abc import Callable, Iterator
from typing import Any

import keras
import tensorflow as tf
from keras import layers

from tfrobust.types import InputError


def graph_of(model: keras.Model) -> keras.Model:
    """The model as a plain functional one, with nothing of what it was compiled with; the same at every call.

    Raises:
        InputError: where it has no graph (subclassed or not built).
    """
    try:
        of, graph = _graphs.get(model, ([], None))
        if graph is not None and [id(t) for t in model.outputs] == [id(t) for t in of]:
            return graph  # Otherwise layers may have been added to a Sequential.
        graph = keras.Model(model.inputs, _output_of(model), name=model.name)
        if not any(layer is model for layer in graph.layers):
            _graphs[model] = list(model.outputs), graph
            return graph
    except (AttributeError, RuntimeError, TypeError, ValueError):
        pass
    raise InputError(
        f"network {model.name!r} is subclassed or not built, and has no graph: "
        "make one with i = keras.Input((H, W, C)); keras.Model(i, network.call(i))"
    )


# Every door asks for the graph, if only to refuse a network without one.
_graphs: "weakref.WeakKeyDictionary[keras.Model, tuple[list, keras.Model]]" = weakref.WeakKeyDictionary()


def _output_of(model: keras.Model):
    return model.outputs[0] if isinstance(model, keras.Sequential) else model.output


class Unknown:
    """A tensor of which a walk knows the shape and the dtype alone."""

    def __init__(self, shape: Any, dtype: Any):
        self.shape, self.dtype = shape, dtype


@tf.autograph.experimental.do_not_convert  # As Keras 2 converts the calls of layers that are not its own.
def placeholders(op: layers.Layer) -> Any:
    """What a layer of Keras 2 makes, in the graph that is being traced for shapes and types alone.

    They are known from the layer's own graph, and to trace its call anew takes long.

    Returns:
        Tensors; None where the layer is part of several graphs or called several times, and so has several shapes.
    """
    try:
        op.get_output_at(1)
    except ValueError:  # It has no second output.
        return tf.nest.map_structure(lambda t: tf.compat.v1.placeholder(t.dtype, t.shape), op.output)
    except RuntimeError:  # It has none.
        pass
    return None


def _sizes(args, kwargs) -> list[tuple]:
    """The shapes of the tensors that an operation is given, without the axis of images."""
    return [tuple(t.shape)[1:] for t in tf.nest.flatten((args, kwargs)) if hasattr(t, "shape")]


class _Stand(getattr(keras, "Operation", layers.Layer)):  # type: ignore[misc]  # Keras 2 has no Operation.
    """Takes the place of a layer or an operation in a graph; once `step` is set, a call of it calls `step`."""

    step = None

    def __init__(self, op):
        super().__init__(name=op.name)
        self.op, self.made = op, []

    def call(self, *args, **kwargs):
        made = placeholders(self.op)
        return self.op(*args, **kwargs) if made is None else made

    def compute_output_spec(self, *args, **kwargs):
        return self.op.compute_output_spec(*args, **kwargs)

    def __call__(self, *args, **kwargs):
        if self.step is None:
            made = super().__call__(*args, **kwargs)
            self.made.append((_sizes(args, kwargs), made))
            return made
        found = self.step(self.op, *args, **kwargs)
        if found is None:
            sizes = _sizes(args, kwargs)  # A layer that is called several times may give several shapes.
            made = next((made for of, made in self.made if of == sizes), self.made[-1][1])
            found = tf.nest.map_structure(lambda t: Unknown(t.shape, t.dtype), made)
            self.passed(self.op, args, kwargs, found)
        return found


class _ModelStand(keras.Model):
    """Takes the place of a model within a graph; Keras 2 finds that place only if a Model stands there."""

    step = None

    def __call__(self, *args, **kwargs):
        if self.step is None:
            return super().__call__(*args, **kwargs)
        return self.step(self.op, *args, **kwargs)


def _stand(op):
    if not isinstance(op, keras.Model):
        return _Stand(op)
    # With automatic names, layers that are made afterwards would be numbered differently.
    of = graph_of(op).inputs
    inputs = [keras.Input(t.shape[1:], dtype=t.dtype, name=f"{op.name}_in{i}") for i, t in enumerate(of)]
    inputs = inputs if len(inputs) > 1 else inputs[0]
    model = _ModelStand(inputs, _Stand(op)(inputs), name=op.name)
    model.op = op
    return model


def walk(
    model: keras.Model, inputs: Any, step: Callable, passed: Callable = lambda op, args, kwargs, outputs: None
) -> Any:
    """Calls `step` for every layer and operation of a model, in place of its own call, in the order of the graph.

    Args:
        model: a model with a graph.
        inputs: one object for each of its inputs.
        step: (op, *args, **kwargs) -> the outputs of op, a layer, a model within or an operation, given what earlier
          steps returned; None where it makes none: then they are `Unknown`.
        passed: (op, args, kwargs, outputs) is called with those Unknown outputs.

    Returns:
        The output of the graph, as the last steps returned it.

    Raises:
        InputError: where the model has no graph.
    """
    with tf.init_scope():  # A walk may be part of a graph that is being traced.
        graph = graph_of(model)
        kept = _kept.pop(model, None)  # Out: a walk through the same model during this one must make its own stands.
        if kept is None or kept.of is not graph:
            kept = _Stands(graph)
    kept.set(step, passed)
    try:
        return kept.graph.call(tf.nest.flatten(inputs))
    finally:
        kept.set(None, None)
        _kept[model] = kept


class _Stands:
    """The graph of a model with a stand for each of its layers and operations."""

    def __init__(self, graph: keras.Model):
        self.of, self._stands = graph, []
        self.graph = keras.models.clone_model(graph, clone_function=self._stand)
        if hasattr(keras, "Function"):  # A model of Keras 3 would convert its inputs by operations of its own.
            self.graph = keras.Function(self.graph.inputs, self.graph.output, name=graph.name)

    def _stand(self, op):
        self._stands.append(_stand(op))
        return self._stands[-1]

    def set(self, step, passed) -> None:
        """What a call of a stand is from now on."""
        for each in self._stands:
            each.step, each.passed = step, passed


# Stands are kept, because a network is walked through several times and making them takes longer than a walk.
_kept: "weakref.WeakKeyDictionary[keras.Model, _Stands]" = weakref.WeakKeyDictionary()


def layers_in(value: Any) -> Iterator[layers.Layer]:
    """The layers in `value`, an attribute of a layer: itself, or those of a list, tuple or dict."""
    if isinstance(value, keras.layers.Layer):
        yield value
    elif isinstance(value, (list, tuple, dict)):
        for each in list(value.values() if isinstance(value, dict) else value):
            if isinstance(each, (keras.layers.Layer, list, tuple, dict)):
                yield from layers_in(each)


def flat(layer: layers.Layer, seen: set[int] | None = None) -> Iterator[layers.Layer]:
    """The layer and all layers within it, each once.

    Args:
        layer: a layer or a model.
        seen: the ids of the layers that are left out; those that are given are added.
    """
    seen = set() if seen is None else seen
    if id(layer) in seen:
        return
    seen.add(id(layer))
    yield layer
    for value in list(vars(layer).values()) if not isinstance(layer, keras.Model) else [layer.layers]:
        for each in layers_in(value):
            yield from flat(each, seen)
