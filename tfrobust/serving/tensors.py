"""Tensors in JSON as TensorFlow Serving has them: "instances" row by row, or "inputs" column by column.

Row format: a list with one entry for each example, an object of inputs by name, or the value itself where the signature
has one input; answered by "predictions" in the same form.  Column format: an object of whole batches by name, or the
batch itself; answered by "outputs".  {"b64": ...} is bytes: a value of a string input, or a JPEG or PNG in the place of
an image (see `images`).

The shape and the kind of a value are known before an array of it is made.  NumPy is never asked to guess them: it
gives every text in a list the width of the longest.
"""

import base64
import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from tfrobust.serving.images import decode_image, is_image, read_base64
from tfrobust.types import InputError

ROW, COLUMN = "instances", "inputs"
Specs = Mapping[str, tf.TensorSpec]
_SLACK = 4  # A body is refused unread only beyond so many times a full batch: below, a message can say what is wrong.


class Bounds(NamedTuple):
    """What a request may ask for.

    Attributes:
        max_batch: the most examples in it.
        resize: whether an encoded image of another size is resized.
    """

    max_batch: int
    resize: bool = False


def max_values(signatures: Sequence[Specs], max_batch: int) -> int | None:
    """A number of values that no signature takes at once: a body with more is refused unread.

    Args:
        signatures: what each of them takes, by name.
        max_batch: the most examples in a request.

    Returns:
        The number; None where a shape is free or text is taken.
    """
    specs = [spec for signature in signatures for spec in signature.values()]
    if any(spec.dtype == tf.string or spec.shape.rank is None or None in spec.shape[1:] for spec in specs):
        return None
    sizes = [sum(int(np.prod(spec.shape[1:])) + 1 for spec in signature.values()) for signature in signatures]
    return _SLACK * max_batch * max(sizes, default=0) + 1000


def decode(body: Mapping[str, Any], specs: Specs, bounds: Bounds) -> tuple[dict[str, tf.Tensor], bool]:
    """The tensors in the body of a request.

    Args:
        body: the JSON object.
        specs: what the signature takes, by name.
        bounds: what a request may ask for.

    Returns:
        (the tensors by name, whether it was row format).

    Raises:
        InputError: where they do not fit the signature.
    """
    if (ROW in body) == (COLUMN in body):
        raise InputError(f"give either {ROW!r} (row format) or {COLUMN!r} (column format)")
    row = ROW in body
    values = _columns_of_rows(body[ROW], specs) if row else _columns(body[COLUMN], specs)
    return {name: _tensor(name, values[name], spec, bounds) for name, spec in specs.items()}, row


def encode(outputs: Mapping[str, tf.Tensor], row: bool) -> Iterator[str]:
    """The answer to a request: JSON in pieces.

    Args:
        outputs: tensors by name.
        row: whether the request was in row format.

    Raises:
        InputError: where a row format is wanted, and the outputs have no batch in common.
    """
    arrays = {name: _checked(name, value) for name, value in sorted(outputs.items())}
    single = len(arrays) == 1
    if not row:
        columns = [_column(name, array) for name, array in arrays.items()]
        if single:
            return chain(['{"outputs": '], columns[0], ["}"])
        named = (chain([f"{json.dumps(name)}: "], column) for name, column in zip(arrays, columns))
        return chain(['{"outputs": {'], _joined(named), ["}}"])
    sizes = {len(array) for array in arrays.values() if array.ndim}
    if len(sizes) > 1 or not all(array.ndim for array in arrays.values()):
        raise InputError(f"the outputs have no batch in common: ask with {COLUMN!r} (column format)")
    rows = ({name: _plain(name, array[i]) for name, array in arrays.items()} for i in range(sizes.pop()))
    texts = ([json.dumps(next(iter(each.values())) if single else each)] for each in rows)
    return chain(['{"predictions": ['], _joined(texts), ["]}"])


def _joined(texts) -> Iterator[str]:
    for i, pieces in enumerate(texts):
        if i:
            yield ", "
        yield from pieces


def _column(name: str, array: np.ndarray) -> Iterator[str]:
    if not array.ndim:
        return iter([json.dumps(_plain(name, array))])
    return chain(["["], _joined([json.dumps(_plain(name, each))] for each in array), ["]"])


def _columns_of_rows(rows, specs: Specs) -> dict[str, list]:
    if not isinstance(rows, list) or not rows:
        raise InputError(f"{ROW!r} must be a list with one entry at least")
    if len(specs) == 1 and not any(_is_named(row, specs) for row in rows):
        return {next(iter(specs)): rows}
    for i, row in enumerate(rows):
        if not _is_named(row, specs):
            raise InputError(f"entry {i} of {ROW!r} must be an object with {', '.join(specs)}")
        _check_names(row, specs, f"entry {i} of {ROW!r}")
    return {name: [row[name] for row in rows] for name in specs}


def _columns(inputs, specs: Specs) -> Mapping[str, Any]:
    if not _is_named(inputs, specs):
        if len(specs) > 1:
            raise InputError(f"{COLUMN!r} must be an object with {', '.join(specs)}")
        return {next(iter(specs)): inputs}
    _check_names(inputs, specs, repr(COLUMN))
    return inputs


def _is_named(value, specs: Specs) -> bool:
    """Whether the value is an object of inputs by name; {"b64": ...} is bytes unless an input has that name."""
    return isinstance(value, dict) and not (value.keys() == {"b64"} and "b64" not in specs)


def _check_names(given: Mapping[str, Any], specs: Specs, where: str) -> None:
    if given.keys() != specs.keys():
        has = ", ".join(str(name)[:40] for name in list(given)[:8]) or "nothing"
        raise InputError(f"{where} must have {', '.join(specs)}; it has {has}")


def _tensor(name: str, value, spec: tf.TensorSpec, bounds: Bounds) -> tf.Tensor:
    """The tensor of a value made of lists and numbers; one example after the other."""
    dtype = spec.dtype
    if not (dtype.is_floating or dtype.is_integer or dtype.is_bool or dtype == tf.string):
        raise InputError(f"{name} is of type {dtype.name}, which this server does not take")
    if _is_bytes(value) and spec.shape.rank:
        raise InputError(f"{name} must be a list with one entry for each example")
    if not isinstance(value, list) or spec.shape.rank == 0:
        return tf.constant(_array(name, value, spec.shape, spec, bounds), dtype)
    if len(value) > bounds.max_batch and spec.shape.rank:
        raise InputError(f"a batch of {len(value)} exceeds the limit of {bounds.max_batch}")
    lengths = [_lengths(each) for each in value]
    if len(set(map(tuple, lengths))) > 1:
        raise _ragged(name)
    given = [len(value), *(lengths[0] if lengths else [])]
    if not spec.shape[:1].is_compatible_with(given[:1]) or not value:
        raise _misshaped(name, spec, given)
    parts = [_array(name, each, spec.shape[1:], spec, bounds, before=given[:1]) for each in value]
    if len({part.shape for part in parts}) > 1:
        raise _ragged(name)
    return tf.constant(np.stack(parts), dtype)


def _array(name: str, value, shape: tf.TensorShape, spec: tf.TensorSpec, bounds: Bounds, *, before=()) -> np.ndarray:
    """The array of that shape, a part of a tensor of `spec`.  before: the dimensions of the whole that precede it."""
    if _is_bytes(value) and is_image(shape, spec.dtype):
        return decode_image(name, value["b64"], shape, spec.dtype, bounds.resize)
    if _is_bytes(value) and spec.dtype != tf.string:
        raise InputError(f'{name} takes no {{"b64": ...}}: it is no image of 1 or 3 channels, but {_described(spec)}')
    given = _lengths(value)
    if not shape.is_compatible_with(given):
        raise _misshaped(name, spec, [*before, *given])
    level = [value]
    for n in given:
        if set(map(type, level)) != {list} or set(map(len, level)) != {n}:
            raise _ragged(name)
        level = list(chain.from_iterable(level))
    return _cast(name, level, spec.dtype).reshape(given)


def _lengths(value) -> list[int]:
    """The shape of nested lists if none of them is ragged: that of the first ones."""
    lengths = []
    while isinstance(value, list):
        lengths.append(len(value))
        if not value:
            break
        value = value[0]
    return lengths


def _ragged(name: str) -> InputError:
    return InputError(f"{name} is ragged: every list at one depth must have the same length")


def _misshaped(name: str, spec: tf.TensorSpec, given: list[int]) -> InputError:
    got = given if len(given) <= 8 else f"{len(given)} dimensions"
    return InputError(f"{name} must have the shape {_shape(spec)}; got {got}")


def _shape(spec: tf.TensorSpec) -> str:
    return "[...]" if spec.shape.rank is None else str([-1 if n is None else n for n in spec.shape])


def _described(spec: tf.TensorSpec) -> str:
    return f"{spec.dtype.name} of the shape {_shape(spec)}"


def _cast(name: str, values: list, dtype: tf.DType) -> np.ndarray:
    """[N], in the type of the signature: whole numbers may become floats, nothing else changes its kind."""
    if not values:
        raise InputError(f"{name} is empty")
    if dtype == tf.string:
        return _strings(name, values)
    taken = {bool} if dtype.is_bool else {int} if dtype.is_integer else {int, float}
    others = set(map(type, values)) - taken
    if others:
        names = {str: "text", bool: "true or false", float: "numbers with a fraction", dict: "objects"}
        raise InputError(f"{name} must be {dtype.name}; it holds {names.get(others.pop(), 'other things')}")
    if dtype.is_integer and (min(values) < dtype.min or max(values) > dtype.max):
        raise InputError(f"{name} must be {dtype.name}; it holds numbers beyond {dtype.name}")
    if not dtype.is_floating:
        return np.array(values, dtype.as_numpy_dtype)
    try:
        with np.errstate(over="ignore"):
            array = np.array(values, np.float64).astype(dtype.as_numpy_dtype)
        if not np.isfinite(array.astype(np.float64)).all():
            raise OverflowError
    except OverflowError as e:
        raise InputError(f"{name} must be {dtype.name}; it holds numbers beyond {dtype.name}") from e
    return array


def _strings(name: str, values: list) -> np.ndarray:
    """[N] of bytes: text as UTF-8, {"b64": ...} as it is."""
    array = np.empty(len(values), object)
    for i, value in enumerate(values):
        if isinstance(value, str):
            array[i] = value.encode("utf-8", "surrogatepass")
        elif _is_bytes(value):
            array[i] = read_base64(name, value["b64"])
        else:
            raise InputError(f'{name} must be string: text or {{"b64": ...}}')
    return array


def _is_bytes(value) -> bool:
    return isinstance(value, dict) and value.keys() == {"b64"}


def _checked(name: str, value: tf.Tensor) -> np.ndarray:
    array = value.numpy()
    if value.dtype == tf.string:
        return np.array(array, object)
    if value.dtype == tf.bfloat16:
        return array.astype(np.float32)
    if array.dtype.kind not in "biuf":
        raise InputError(f"output {name} is of type {value.dtype.name}, which this server does not give")
    return array


def _plain(name: str, array) -> Any:
    """The values of an array, or of a part of it, as JSON takes them.  Bytes become text, or {"b64": ...} where they
    are no text or the output's name ends in _bytes, as in TensorFlow Serving."""
    if isinstance(array, (np.ndarray, np.generic)):
        array = array.tolist()
    if isinstance(array, bytes):
        return _text(array, binary=name.endswith("_bytes"))
    return [_plain(name, each) for each in array] if _holds_bytes(array) else array


def _holds_bytes(values) -> bool:
    while isinstance(values, list) and values:
        values = values[0]
    return isinstance(values, bytes)


def _text(data: bytes, binary: bool):
    try:
        return {"b64": base64.b64encode(data).decode()} if binary else data.decode()
    except UnicodeDecodeError:
        return _text(data, binary=True)
