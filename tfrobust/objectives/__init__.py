"""Training methods by name.  Each is a frozen dataclass of its hyper-parameters with `inner` and `outer`."""

import dataclasses

from tfrobust.objectives.madry import Madry
from tfrobust.objectives.natural import Natural
from tfrobust.objectives.rar import IgNorm, IgSumNorm
from tfrobust.types import InputError

OBJECTIVES = {"natural": Natural, "madry": Madry, "ig_norm": IgNorm, "ig_sum_norm": IgSumNorm}


def make_objective(name: str, **hyper):
    """The method called `name`.

    hyper: its hyper-parameters by name.  None means not given: a default is taken where the method has one, and where
    the paper's value is required InputError names it.  A value that the method has no use for is refused as well.
    """
    if name not in OBJECTIVES:
        raise InputError(f"unknown method {name!r}: choose one of {', '.join(OBJECTIVES)}")
    given = {key: value for key, value in hyper.items() if value is not None}
    fields = {field.name: field for field in dataclasses.fields(OBJECTIVES[name])}
    unused = [key for key in given if key not in fields]
    missing = [key for key, f in fields.items() if f.default is dataclasses.MISSING and key not in given]
    if unused:
        raise InputError(f"method {name} has no use for {', '.join(unused)}: leave it out")
    if missing:
        raise InputError(f"method {name} needs {', '.join(missing)}: the papers' values are in flags/, give one")
    return OBJECTIVES[name](**given)
