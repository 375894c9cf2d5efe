"""The flags of a verification of attacked images, and what they say together with a file of an evaluation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from absl import flags

from flags import map_flags, pixels_flags
from flags.parsers import define_memory, define_number, define_points
from tfrobust.errors import InputError
from tfrobust.names import BALLS, TIES

if TYPE_CHECKING:
    from tfrobust.attributions import MapSpec
    from tfrobust.evaluation.attacked_images import AttackedImages
    from tfrobust.similarity import Comparison

OF_MEASURE = ("eps", "norm", "map_k", "map_ties", "map_window")  # And all flags of the map.


def define(fv: flags.FlagValues) -> None:
    """Which images, of which network, and what they are measured with."""
    where = {"flag_values": fv}
    flags.DEFINE_string("network", None, "Saved Keras network: a .keras file. Required.", **where)
    flags.DEFINE_string(
        "attacked", None, "The attacked images: an .npz file with x_adv, and x and y. Required.", **where
    )
    flags.DEFINE_string(
        "against",
        None,
        "What an evaluation left with --keep_images: its images, its scores as the bound, its ball, map and k. "
        "--attacked then needs x_adv alone.",
        **where,
    )
    flags.DEFINE_string(
        "output", None, "Folder for verified.json and a record of each image (none unless given).", **where
    )
    pixels_flags.define(fv)
    define_number("eps", None, "Radius of the ball, in units of [0, 1] (8/255, not 8).", fv)
    flags.DEFINE_enum("norm", "linf", list(BALLS), "Norm of the ball.", **where)
    flags.DEFINE_integer("map_k", None, "k of the top-k intersection (an eighth of the pixels unless given).", **where)
    flags.DEFINE_enum("map_ties", "exact", TIES, "How ties are ranked.", **where)
    flags.DEFINE_integer("map_window", 1, "LENS: rows and columns by which it forgives a move.", **where)
    flags.DEFINE_integer("evaluation_batch", 100, "Images held at once.", lower_bound=1, **where)
    define_points("map_chunk", "Path points held at once (all unless given); auto: what --memory_gb allows.", fv)
    define_memory(fv)
    flags.mark_flags_as_required(["network", "attacked"], fv)


def check(fv: flags.FlagValues) -> None:
    """Raises InputError for flags that do not go together; this costs no TensorFlow."""
    given = [f"--{name}" for name in (*OF_MEASURE, *_of_maps()) if fv[name].present]
    if fv.against and given:
        raise InputError(f"--against says what was measured: leave out {', '.join(given)}")
    if not fv.against and fv.eps is None:
        raise InputError("give --eps, the radius of the ball, or --against, which says it")


def measure_of(
    fv: flags.FlagValues, against: AttackedImages | None, pixels: int
) -> tuple[float, str, MapSpec, Comparison]:
    """(eps, norm, map, comparison), of the flags or of the evaluation's file.

    Args:
        fv: these flags and those of the map.
        against: the file of the evaluation; None: there is none.
        pixels: of an image.
    """
    from tfrobust.similarity import Comparison

    if against is not None:
        return against.about["eps"], against.about["norm"], against.map, against.comparison
    comparison = Comparison(fv.map_k or max(1, pixels // 8), fv.map_ties, fv.map_window)
    return fv.eps, fv.norm, map_flags.from_flags(fv), comparison


def _of_maps() -> list[str]:
    fv = flags.FlagValues()
    map_flags.define(fv)
    return list(fv)
