"""tfrobust: image classifiers whose explanations hold still under attack, trained and measured in TensorFlow.

For notebooks: tfrobust.robustify, audit, audit_callable, attribute and picture (see `tfrobust.api`).
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tfrobust.api import attribute, audit, audit_callable, picture, robustify

__version__ = "0.2.0.dev0"

__all__ = ["attribute", "audit", "audit_callable", "picture", "robustify"]


def __getattr__(name: str):
    """The functions of `api`, imported when they are first asked for: they bring all rooms with them."""
    if name not in __all__:
        raise AttributeError(f"module 'tfrobust' has no attribute {name!r}")
    from tfrobust import api

    return getattr(api, name)


def __dir__():
    return sorted({*globals(), *__all__})
