"""The flags of an attribution map, and its spec."""

from __future__ import annotations

from typing import TYPE_CHECKING

from absl import flags

from flags.parsers import define_number
from tfrobust.names import ATTRIBUTIONS, RULES, SCORES, SMOOTHED

if TYPE_CHECKING:
    from tfrobust.attributions import MapSpec


def define(fv: flags.FlagValues) -> None:
    """Which map is made."""
    where = {"flag_values": fv}
    flags.DEFINE_enum("map_method", "integrated_gradients", list(ATTRIBUTIONS), "Attribution method.", **where)
    flags.DEFINE_enum("map_score", "logit", list(SCORES), "What is attributed.", **where)
    flags.DEFINE_integer("map_steps", 100, "Integrated Gradients points (m).", **where)
    flags.DEFINE_enum("map_rule", "right", list(RULES), "Their end points.", **where)
    flags.DEFINE_float("map_baseline", 0.0, "Grey level of the baseline.", lower_bound=0, upper_bound=1, **where)
    flags.DEFINE_integer("map_samples", 50, "SmoothGrad, GradSHAP, uniformly_smoothed: samples.", **where)
    define_number("map_deviation", 0.15, "SmoothGrad: standard deviation of the noise.", fv)
    define_number("map_radius", 4.0, "uniformly_smoothed: radius of its l2 ball, in units of [0, 1].", fv)
    flags.DEFINE_enum("map_base", "gradient", SMOOTHED, "uniformly_smoothed: the map that is smoothed.", **where)
    flags.DEFINE_string(
        "map_layer",
        None,
        "Grad-CAMs: layer whose feature maps count (the last unless given); of a model within: MODEL/LAYER.",
        **where,
    )
    flags.DEFINE_integer("map_patch", 4, "Occlusion: side of its squares, in pixels.", **where)
    flags.DEFINE_integer("map_stride", 2, "Occlusion: rows and columns from one square to the next.", **where)
    flags.DEFINE_integer("map_masks", 1000, "RISE: masks.", **where)
    flags.DEFINE_integer("map_cells", 7, "RISE: cells of a mask along a side.", **where)
    define_number("map_probability", 0.5, "RISE: probability of a cell to be kept.", fv)
    flags.DEFINE_integer("map_seed", 0, "RISE: seed of the masks.", **where)


def from_flags(fv: flags.FlagValues, **reducing) -> MapSpec:
    """The map; flags of other methods than --map_method are passed over, as a flagfile serves several methods.

    Args:
        fv: these flags.
        **reducing: fields of MapSpec that these flags do not say, such as signed.
    """
    from tfrobust.attributions import MapSpec
    from tfrobust.spec_values import names_of

    kind = ATTRIBUTIONS[fv.map_method]
    return MapSpec(kind(**{name: fv[f"map_{name}"].value for name in names_of(kind)}), fv.map_score, **reducing)
