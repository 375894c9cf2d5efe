"""The flags of a data set, and what is made of them."""

from absl import flags

from tfrobust import data
from tfrobust.data.arrays import EVALUATE_ON


def define(fv: flags.FlagValues) -> None:
    """Which data set, and from where."""
    names = ", ".join(data.FACTS)
    flags.DEFINE_string(
        "dataset",
        None,
        f"Data set: {names}, a TFDS name, an .npz file, or a folder of images per class. Required.",
        flag_values=fv,
    )
    flags.DEFINE_integer(
        "image_size", None, "Folders of images: cut to squares of this side.", lower_bound=1, flag_values=fv
    )
    flags.DEFINE_string(
        "data_dir", None, "Folder with NAME.npz or NAME/NAME.npz, or with data prepared by TFDS.", flag_values=fv
    )
    flags.DEFINE_bool("download", False, "Let TFDS download a data set that is not there.", flag_values=fv)
    flags.DEFINE_integer("hold_out", 0, "Do not train on the first N training images.", lower_bound=0, flag_values=fv)
    flags.DEFINE_enum(
        "evaluate_on", "test", EVALUATE_ON, "Evaluate on the test split, or on what is held out.", flag_values=fv
    )
    flags.mark_flag_as_required("dataset", fv)


def from_flags(fv: flags.FlagValues) -> data.ImageData:
    return data.load(fv.dataset, fv.data_dir, fv.download, fv.image_size).holding_out(fv.hold_out, fv.evaluate_on)
