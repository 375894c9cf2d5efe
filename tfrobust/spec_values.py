"""Turns specs (frozen dataclasses of settings) into plain values, and changes those of their fields that they have.

A suite holds attacks and maps of several classes, each with its own fields: what is written beside a result must name
the class, and a setting for all of them, such as a seed, concerns those that have it.
"""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any


def to_plain(value: Any) -> Any:
    """The value as JSON can hold it: dataclasses as dicts, their class under "kind", and tuples as lists."""
    if is_dataclass(value):
        return {"kind": type(value).__name__, **{f.name: to_plain(getattr(value, f.name)) for f in fields(value)}}
    if isinstance(value, Mapping):
        return {key: to_plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_plain(each) for each in value]
    return value


def names_of(spec: Any) -> tuple[str, ...]:
    """The names of the fields of `spec`, a dataclass or its class, that its constructor takes."""
    return tuple(f.name for f in fields(spec) if f.init)


def replace_known(spec: Any, **values) -> Any:
    """The dataclass `spec` with those of the `values` whose fields it has."""
    return replace(spec, **{name: value for name, value in values.items() if name in names_of(spec)})
