"""Training methods by name.  Each is a frozen dataclass of its hyper-parameters with `inner` and `outer`."""

import dataclasses

from tfrobust.checks import check_choice
from tfrobust.errors import InputError
from tfrobust.names import OBJECTIVES


def make_objective(name: str, **hyper):
    """The method called `name`.

    hyper: its hyper-parameters by name.  None means not given: a default is taken where the method has one, and where
    the paper's value is required InputError names it.  A value that the method has no use for is refused as well.
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
