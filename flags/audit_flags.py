"""The flags of an audit."""

from absl import flags

from flags import data_flags, pixels_flags
from flags.parsers import define_memory, define_numbers
from tfrobust.names import AUDITED_IMAGES


def define(fv: flags.FlagValues) -> None:
    """Which network, on which images, for how long."""
    where = {"flag_values": fv}
    flags.DEFINE_string("network", None, "Your network: a .keras file. Required.", **where)
    flags.DEFINE_string(
        "data",
        None,
        "Your images: an .npz file with x and y (or x_test and y_test), a folder of images per class, or a data set by "
        "name (docs/data.md). Required.",
        **where,
    )
    flags.DEFINE_string("output", "audit", "Folder of the report.", **where)
    pixels_flags.define_automatic(fv, "or else the one in which it predicts best")
    define_numbers("eps", "2/255,4/255,8/255", "Largest changes of a pixel, in units of [0, 1], commas between.", fv)
    flags.DEFINE_float("minutes", 10.0, "Time that it may take.", **where)
    flags.DEFINE_integer("images", AUDITED_IMAGES, "Images whose maps are attacked, at most.", lower_bound=1, **where)
    flags.DEFINE_integer(
        "seed",
        0,
        "Random seed for the choice of images and the attacks.",
        lower_bound=0,
        upper_bound=2**31 - 1,
        **where,
    )
    flags.DEFINE_list(
        "class_names",
        None,
        "Names of the classes, in their order, commas between (the folders' unless given).",
        **where,
    )
    flags.DEFINE_multi_string(
        "fail_if",
        [],
        "A condition under which the audit fails, with exit code 3: a number of the report, an operator, a value, such "
        "as kendall<0.5, accuracy<0.9, 'APGD at 4/255:accuracy<0.2', top_k_intersection.low<baseline-0.05 "
        "(docs/audit.md).",
        **where,
    )
    flags.DEFINE_string("baseline", None, "audit.json of an earlier audit, for conditions that name it.", **where)
    data_flags.define_labelled(fv, "the network's")
    define_memory(fv)
    flags.mark_flags_as_required(["network", "data"], fv)
