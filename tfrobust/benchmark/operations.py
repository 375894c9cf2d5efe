"""Counts the floating-point operations of a traced function: convolutions, their gradients, and matrix products.

They are all but a few per cent of what a network computes.  A multiplication and an addition are two operations.
Bodies of while loops count as often as their `maximum_iterations` says.  What no result depends on does not count:
TensorFlow traces the gradient by a kernel, too, where only that by the image is wanted, and prunes it before it runs.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import tensorflow as tf

from tfrobust.errors import InputError

_CALLS = ("PartitionedCall", "StatefulPartitionedCall")


def count_operations(function: Any) -> float:
    """The operations that one call of a function makes.

    Args:
        function: a concrete function (`tf.function(f).get_concrete_function(...)`) whose inputs have static shapes.

    Raises:
        InputError: where the graph does not say a shape, or how often a loop runs.
    """
    graph = function.graph.as_graph_def(add_shapes=True)
    wanted = [tensor.op.name for tensor in function.graph.outputs]
    wanted += [operation.name for operation in function.graph.control_outputs]
    return _Counter(graph.library).nodes(_live(graph.node, wanted), {node.name: _shapes(node) for node in graph.node})


class _Counter:
    """Counts within the functions of a library, each of which is counted once."""

    def __init__(self, library):
        self.functions = {each.signature.name: each for each in library.function}
        self.counted = {}

    def function(self, name) -> float:
        if name not in self.counted:
            body = self.functions[name]
            arguments = body.signature.input_arg
            shapes = {arg.name: [_shape_of_argument(body, i)] for i, arg in enumerate(arguments)}
            for node in body.node_def:
                shapes[node.name] = _shapes(node)
            live = _live(body.node_def, [*body.ret.values(), *body.control_ret.values()])
            self.counted[name] = self.nodes(live, shapes)
        return self.counted[name]

    def nodes(self, nodes, shapes) -> float:
        constants = {node.name: node for node in nodes if node.op == "Const"}
        return sum(self.node(node, shapes, constants) for node in nodes)

    def node(self, node, shapes, constants) -> float:
        if node.op in _CALLS:
            return self.function(node.attr["f"].func.name)
        if node.op in ("While", "StatelessWhile"):
            times = constants.get(node.input[1].split(":")[0])
            inner = self.function(node.attr["body"].func.name)
            if not inner:
                return 0.0
            if times is None or (times := int(tf.make_ndarray(times.attr["value"].tensor))) < 0:
                raise InputError(f"loop {node.name} does not say how often it runs")
            return times * inner
        if node.op in ("If", "StatelessIf"):
            return max(self.function(node.attr[branch].func.name) for branch in ("then_branch", "else_branch"))
        if node.op not in _RULES:
            return 0.0
        inputs = [_input_shape(name, shapes) for name in node.input if not name.startswith("^")]
        return 2.0 * _RULES[node.op](node, inputs, _shapes(node)[0])


def _live(nodes, wanted):
    """Of the nodes, those on which `wanted` ones (names of nodes or of their outputs) depend."""
    by_name, found, left = {node.name: node for node in nodes}, {}, list(wanted)
    while left:
        name = left.pop().removeprefix("^").split(":")[0]
        if name in by_name and name not in found:
            found[name] = by_name[name]
            left.extend(by_name[name].input)
    return list(found.values())


def _convolution(node, inputs, output):
    return _size(output) * _size(inputs[1]) / inputs[1][-1]


def _to_input(node, inputs, output):
    return _size(inputs[2]) * _size(inputs[1]) / inputs[1][-1]


def _to_filter(node, inputs, output):
    return _size(inputs[2]) * _size(output) / output[-1]


def _product(node, inputs, output):
    transposed = node.attr["transpose_a" if node.op == "MatMul" else "adj_x"].b
    return _size(output) * inputs[0][-2 if transposed else -1]


_RULES = {
    "Conv2D": _convolution,
    "Conv2DBackpropInput": _to_input,
    "Conv2DBackpropFilter": _to_filter,
    "MatMul": _product,
    "BatchMatMulV2": _product,
}


def _size(shape) -> float:
    if shape is None or any(n is None or n < 0 for n in shape):
        raise InputError(f"operations cannot be counted: the graph does not say a shape (it says {shape})")
    return float(math.prod(shape))


def _shapes(node):
    return [None if s.unknown_rank else [d.size for d in s.dim] for s in node.attr["_output_shapes"].list.shape]


def _shape_of_argument(body, i):
    shapes = body.arg_attr[i].attr["_output_shapes"].list.shape
    if not shapes and i < len(body.attr["_input_shapes"].list.shape):
        shapes = body.attr["_input_shapes"].list.shape[i : i + 1]
    return None if not shapes or shapes[0].unknown_rank else [d.size for d in shapes[0].dim]


def _input_shape(name, shapes):
    """The shape of an input, which is called NODE:NUMBER in a graph and NODE:OUTPUT:NUMBER in a function."""
    parts = name.split(":")
    found = shapes[parts[0]]
    number = int(parts[-1]) if len(parts) > 1 else 0
    return found[number] if number < len(found) else None


def giga(operations: float, seconds: float) -> float:
    """10^9 operations in a second."""
    return float(np.divide(operations, seconds) / 1e9)
