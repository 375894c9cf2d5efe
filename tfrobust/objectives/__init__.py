"""Training methods by name: frozen dataclasses of their hyper-parameters with the methods `inner` and `outer`."""

import dataclasses
from typing import TYPE_CHECKING, Any

from tfrobust.checks import check_choice
from tfrobust.errors import InputError
from tfrobust.names import OBJECTIVES

if TYPE_CHECKING:
    from tfrobust.types import Objective

__all__ = ["OBJECTIVES", "make_objective"]


def make_objective(name: str, **hyper: Any) -> "Objective":
    """Makes a training method from its name and hyper-parameters.

    Args:
        name: one of names.OBJECTIVES.
        **hyper: its hyper-parameters by name; None means not given, and a default is taken where the method has one.

    Raises:
        InputError: for an unknown name, a hyper-parameter that is required and not given, one that the method has no
          use for, and a value that makes no sense.
    """
    check_choice("method", name, OBJECTIVES)
    given = {key: value for key, value in hyper.items() if value is not None}
    fields = {field.name: field for field in dataclasses.fields(OBJECTIVES[name]) if field.init}
    unused = [key for key in given if key not in fields]
    missing = [key for key, f in fields.items() if f.default is dataclasses.MISSING and key not in given]
    if unused:
        raise InputError(f"method {name} has no use for {', '.join(unused)}: leave it out")
    if missing:
        raise InputError(f"method {name} needs {', '.join(missing)}: the papers' values are in flags/, give one")
    return OBJECTIVES[name](**given)
