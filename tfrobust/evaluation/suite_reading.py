"""Makes a suite from the plain values that were stored with its result, so that it can be run again."""

from collections.abc import Mapping
from typing import Any

from tfrobust import attacks
from tfrobust.attributions import MapSpec
from tfrobust.errors import InputError
from tfrobust.evaluation.suite import MapTask, Suite
from tfrobust.names import ATTRIBUTIONS, GOALS, PREDICTION_ATTACKS
from tfrobust.similarity import Comparison
from tfrobust.spec_values import from_plain, names_of


def suite_from_plain(plain: Mapping[str, Any]) -> Suite:
    """The suite whose `as_dict` these plain values are; keys that are no settings of a suite are left out.

    Args:
        plain: as JSON gives it back.

    Raises:
        InputError: where something of it is unknown, missing or refused.
    """
    own = {name: plain[name] for name in names_of(Suite) if name in plain}
    missing = [name for name in ("name", "predictions", "attributions", "seed") if name not in own]
    if missing:
        raise InputError(f"no settings of an evaluation: {', '.join(missing)} is missing")
    try:
        return from_plain({"kind": "Suite", **own}, _kinds())
    except (AttributeError, TypeError) as e:  # Of another type than the classes ask for.
        raise InputError(f"no settings of an evaluation: {e}") from e


def _kinds() -> dict[str, type]:
    """Every class that the plain values of a suite may name."""
    exported = (getattr(attacks, name) for name in attacks.__all__)
    on_maps = [each for each in exported if isinstance(each, type) and issubclass(each, attacks.MapAttack)]
    on_maps.remove(attacks.MapAttack)  # The base class, which attacks nothing.
    named = [registry[name] for registry in (ATTRIBUTIONS, GOALS, PREDICTION_ATTACKS) for name in registry]
    return {kind.__name__: kind for kind in (Suite, MapTask, MapSpec, Comparison, *on_maps, *named)}
