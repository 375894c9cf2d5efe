"""Tensors in JSON as TensorFlow Serving has them: "instances" row by row, or "inputs" column by column.

Row format: a list with one entry for each example, an object of inputs by name, or the value itself where the signature
has one input; answered by "predictions" in the same form.  Column format: an object of whole batches by name, or the
batch itself; answered by "outputs".
"""

from typing import Any, Dict, Mapping, Tuple

import numpy as np
import tensorflow as tf

from tfrobust.types import InputError

ROW, COLUMN = "instances", "inputs"
Specs = Mapping[str, tf.TensorSpec]


def decode(body: Mapping[str, Any], specs: Specs, max_batch: int) -> Tuple[Dict[str, tf.Tensor], bool]:
    """(the tensors by name, whether it was row format); raises InputError where they do not fit the signature."""
    if (ROW in body) == (COLUMN in body):
        raise InputError(f"give either {ROW!r} (row format) or {COLUMN!r} (column format)")
    row = ROW in body
    values = _columns_of_rows(body[ROW], specs) if row else _columns(body[COLUMN], specs)
    return {name: _tensor(name, values[name], spec, max_batch) for name, spec in specs.items()}, row


def encode(outputs: Mapping[str, tf.Tensor], row: bool) -> Dict[str, Any]:
    """The answer to a request of that format."""
    values = {name: _plain(name, value) for name, value in sorted(outputs.items())}
    if not row:
        return {"outputs": next(iter(values.values())) if len(values) == 1 else values}
    sizes = {len(value) if isinstance(value, list) else None for value in values.values()}
    if len(sizes) > 1 or None in sizes:
        raise InputError(f"the outputs have no batch in common: ask with {COLUMN!r} (column format)")
    if len(values) == 1:
        return {"predictions": next(iter(values.values()))}
    return {"predictions": [dict(zip(values, each)) for each in zip(*values.values())]}


def _columns_of_rows(rows, specs: Specs) -> Dict[str, list]:
    if not isinstance(rows, list) or not rows:
        raise InputError(f"{ROW!r} must be a list with one entry at least")
    if len(specs) == 1 and not any(isinstance(row, dict) for row in rows):
        return {next(iter(specs)): rows}
    for i, row in enumerate(rows):
        if not isinstance(row, dict):
            raise InputError(f"entry {i} of {ROW!r} must be an object with {', '.join(specs)}")
        _check_names(row, specs, f"entry {i} of {ROW!r}")
    return {name: [row[name] for row in rows] for name in specs}


def _columns(inputs, specs: Specs) -> Mapping[str, Any]:
    if not isinstance(inputs, dict):
        if len(specs) > 1:
            raise InputError(f"{COLUMN!r} must be an object with {', '.join(specs)}")
        return {next(iter(specs)): inputs}
    _check_names(inputs, specs, repr(COLUMN))
    return inputs


def _check_names(given: Mapping[str, Any], specs: Specs, where: str) -> None:
    if given.keys() != specs.keys():
        raise InputError(f"{where} must have {', '.join(specs)}; it has {', '.join(map(str, given)) or 'nothing'}")


def _tensor(name: str, value, spec: tf.TensorSpec, max_batch: int) -> tf.Tensor:
    """The tensor of a value made of lists and numbers."""
    if isinstance(value, list) and spec.shape.rank and len(value) > max_batch:
        raise InputError(f"a batch of {len(value)} exceeds the limit of {max_batch}")
    if not (spec.dtype.is_floating or spec.dtype.is_integer or spec.dtype.is_bool):
        raise InputError(f"{name} is of type {spec.dtype.name}, which this server does not take")
    try:
        array = np.asarray(value)
    except ValueError as e:
        raise InputError(f"{name} is ragged: every list at one depth must have the same length") from e
    if not spec.shape.is_compatible_with(array.shape):
        raise InputError(f"{name} must have the shape {_shape(spec.shape)}; got {list(array.shape)}")
    if not array.size:
        raise InputError(f"{name} is empty")
    return tf.constant(_cast(name, array, spec.dtype))


def _cast(name: str, array: np.ndarray, dtype: tf.DType) -> np.ndarray:
    """The array in the type of the signature: whole numbers may become floats, nothing else changes its kind."""
    kinds = "b" if dtype.is_bool else "iu" if dtype.is_integer else "iuf"
    if array.dtype.kind not in kinds:
        what = {"U": "text", "b": "true or false", "f": "numbers with a fraction"}.get(array.dtype.kind, "other things")
        raise InputError(f"{name} must be {dtype.name}; it holds {what}")
    if dtype.is_integer and (array.min() < dtype.min or array.max() > dtype.max):
        raise InputError(f"{name} holds numbers beyond {dtype.name}")
    with np.errstate(over="ignore"):
        cast = array.astype(dtype.as_numpy_dtype)
    if dtype.is_floating and not np.isfinite(cast.astype(np.float64)).all():
        raise InputError(f"{name} holds numbers beyond {dtype.name}")
    return cast


def _shape(shape: tf.TensorShape) -> list:
    return [-1 if n is None else n for n in shape] if shape.rank is not None else ["..."]


def _plain(name: str, value: tf.Tensor):
    array = np.asarray(value)
    if array.dtype.kind not in "biuf":
        raise InputError(f"output {name} is of type {array.dtype}, which this server does not give")
    return array.tolist()
