"""Turns specs (frozen dataclasses of settings) into plain values and back, and changes those fields that they have.

A suite holds attacks and maps of several classes, each with its own fields: what is written beside a result must name
the class, and a setting for all of them, such as a seed, concerns those that have it.
"""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any

from tfrobust.errors import InputError


def to_plain(value: Any) -> Any:
    """The value as JSON can hold it: dataclasses as dicts, their class under "kind", and tuples as lists."""
    if is_dataclass(value):
        return {"kind": type(value).__name__, **{f.name: to_plain(getattr(value, f.name)) for f in fields(value)}}
    if isinstance(value, Mapping):
        return {key: to_plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_plain(each) for each in value]
    return value


def from_plain(value: Any, kinds: Mapping[str, type]) -> Any:
    """What `to_plain` made the value of: dicts with a "kind" as dataclasses, lists as tuples.

    Args:
        value: as JSON gives it back.
        kinds: the classes that it may hold, by their names; nothing else is made.

    Raises:
        InputError: for a class or a setting that is not known, and for what a class refuses.
    """
    if isinstance(value, list):
        return tuple(from_plain(each, kinds) for each in value)
    if not isinstance(value, Mapping):
        return value
    own = {key: from_plain(each, kinds) for key, each in value.items() if key != "kind"}
    if "kind" not in value:
        return own
    kind = kinds.get(str(value["kind"]))
    if kind is None:
        raise InputError(f"unknown kind of spec {value['kind']!r}: it was written by another version, or by hand")
    unknown = own.keys() - {f.name for f in fields(kind)}
    if unknown:
        raise InputError(f"{kind.__name__} has no setting {', '.join(sorted(unknown))}")
    try:
        return kind(**{name: each for name, each in own.items() if name in names_of(kind)})
    except TypeError as e:
        raise InputError(f"{kind.__name__} cannot be made of its settings ({e})") from e


def names_of(spec: Any) -> tuple[str, ...]:
    """The names of the fields of `spec`, a dataclass or its class, that its constructor takes."""
    return tuple(f.name for f in fields(spec) if f.init)


def replace_known(spec: Any, **values) -> Any:
    """The dataclass `spec` with those of the `values` whose fields it has."""
    return replace(spec, **{name: value for name, value in values.items() if name in names_of(spec)})
