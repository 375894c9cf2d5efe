"""Whether a function of tensors is affine, by the TensorFlow operations that it is made of.

Values would not tell: a layer whose gate begins at zero is affine until it is trained.
"""

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

# Linear in all of their inputs that depend on the tensors; what else they take are sizes and places.
_LINEAR = set(
    "Identity IdentityN Add AddV2 AddN Sub Neg BiasAdd Cast Reshape Transpose ConcatV2 Pack Unpack Split SplitV "
    "StridedSlice Slice GatherV2 Squeeze ExpandDims Tile BroadcastTo Pad PadV2 MirrorPad Mean Sum Cumsum AvgPool "
    "AvgPool3D ReverseV2 Roll SpaceToDepth DepthToSpace SpaceToBatchND BatchToSpaceND ResizeBilinear "
    "ResizeNearestNeighbor MatrixDiagPartV3 Snapshot".split()
)
# Linear in each of their inputs, with the others held.
_PRODUCTS = set(
    "Mul MulNoNan MatMul BatchMatMul BatchMatMulV2 BatchMatMulV3 Einsum Conv2D Conv3D DepthwiseConv2dNative "
    "Conv2DBackpropInput Conv3DBackpropInputV2".split()
)
# Linear in their first input alone.
_IN_THE_FIRST = {"RealDiv", "Div", "DivNoNan", "FusedBatchNormV3"}
# Say nothing of the entries of a tensor.
_SIZES = {"Shape", "ShapeN", "Size", "Rank", "ZerosLike", "OnesLike"}


def is_affine(function: Callable, tensors: Sequence[Any]) -> bool:
    """Whether a function is affine in some tensors together, whatever weights it has.

    Args:
        function: of these tensors; it may use others, and variables.
        tensors: with a shape and a dtype each.

    Returns:
        True where each operation between the tensors and what the function returns is linear or adds something; False
        also for a function that cannot be traced, and where an operation is not known.
    """
    specs = [tf.TensorSpec([None, *tuple(t.shape)[1:]], tf.as_dtype(t.dtype)) for t in tensors]
    try:
        graph = tf.function(lambda *given: function(*given), autograph=False).get_concrete_function(*specs).graph
    except Exception:  # Users' functions come here, and may fail with any error.
        return False
    depends = {t.ref() for t in graph.inputs[: len(specs)]}
    for op in graph.get_operations():
        places = [i for i, t in enumerate(op.inputs) if t.ref() in depends]
        if not places or op.type in _SIZES:
            continue
        if not _is_linear(op, places):
            return False
        depends.update(t.ref() for t in op.outputs)
    return True


def _is_linear(op, places: list[int]) -> bool:
    """Whether an operation is affine in its inputs at `places` together, and has the derivative of what it computes."""
    if _has_own_gradient(op) or not all(t.dtype.is_floating for t in op.outputs):
        return False
    if op.type in _PRODUCTS:
        return len(places) == 1
    if op.type in _IN_THE_FIRST:
        return places == [0] and not (op.type == "FusedBatchNormV3" and op.get_attr("is_training"))
    return op.type in _LINEAR


def _has_own_gradient(op) -> bool:
    """Whether the operation ends a function with a gradient that somebody wrote (`tf.custom_gradient`)."""
    try:
        return bool(op.get_attr("_gradient_op_type"))
    except ValueError:
        return False
