"""The flags of a comparison of two networks."""

from absl import flags

from flags import data_flags, pixels_flags
from flags.parsers import define_memory, define_number
from tfrobust.names import AUTO, PIXELS


def define(fv: flags.FlagValues) -> None:
    """Which two networks, on which images."""
    where = {"flag_values": fv}
    flags.DEFINE_string("before", None, "The first network: a .keras file. Required, or the first word.", **where)
    flags.DEFINE_string("after", None, "The second network: a .keras file. Required, or the second word.", **where)
    flags.DEFINE_string(
        "data",
        None,
        "Your images: an .npz file with x and y (or x_test and y_test), a folder of images per class, or a data set by "
        "name (docs/data.md). Required.",
        **where,
    )
    flags.DEFINE_list(
        "seeds_of_before",
        [],
        "Networks of the same training as the first with other seeds, commas between: how much their maps differ is "
        "the yardstick.",
        **where,
    )
    flags.DEFINE_string("output", "diff", "Folder of the report.", **where)
    flags.DEFINE_enum(
        "pixels",
        AUTO,
        [AUTO, *PIXELS],
        "Range of pixels that the networks were trained on; auto: for each the one in which it predicts best.",
        **where,
    )
    pixels_flags.define_form(fv)
    define_number("eps", "4/255", "Largest change of a pixel by noise and attack, in units of [0, 1].", fv)
    flags.DEFINE_integer("images", 500, "Images whose predictions are compared, at most.", 1, **where)
    flags.DEFINE_integer("explained", 48, "Images whose maps are compared, at most.", 1, **where)
    flags.DEFINE_integer("attacked", 16, "Images whose maps are attacked, at most (0: none).", 0, **where)
    flags.DEFINE_integer("steps", 20, "Steps of the attack on maps.", 1, **where)
    flags.DEFINE_integer("points", 32, "Points of Integrated Gradients.", 1, **where)
    flags.DEFINE_integer("seed", 0, "Random seed for the choice of images, noise and attack.", 0, **where)
    flags.DEFINE_list("class_names", None, "Names of the classes, in their order (the folders' unless given).", **where)
    data_flags.define_labelled(fv, "the first network's")
    define_memory(fv)
    flags.mark_flags_as_required(["before", "after", "data"], fv)
