"""What version 0.1 called an attack: one class for all methods."""

from tfrobust.attacks.ifia import Ifia
from tfrobust.checks import check_choice
from tfrobust.deprecation import deprecated
from tfrobust.names import GOALS, PREDICTION_ATTACKS
from tfrobust.spec_values import names_of

_METHODS = {**{name: name for name in PREDICTION_ATTACKS}, "manipulation": "manipulation"}
_METHODS.update({f"ifia_{name}": name for name in GOALS if name != "manipulation"})
_DEFAULTS = {"steps": 0, "step_size": 0.0, "k": 100}


@deprecated(
    "AttackSpec(METHOD, ...)",
    write="attacks.Pgd(...), attacks.Ifia(..., goal=attacks.TopK(k)) and so on",
    removed_in="0.3",
)
def AttackSpec(method: str, eps: float, norm: str = "linf", **options):
    """The attack of that method with those of the options that it has."""
    check_choice("method", method, _METHODS)
    known = {**_DEFAULTS, "eps": eps, "norm": norm, **options}
    kind = PREDICTION_ATTACKS.get(method, Ifia)
    own = {name: value for name, value in known.items() if name in names_of(kind)}
    if kind is Ifia:
        goal = GOALS[_METHODS[method]]
        own["goal"] = goal(**{name: value for name, value in known.items() if name in names_of(goal)})
    return kind(**own)
