"""The flags of a data set, and its spec."""

from __future__ import annotations

from typing import TYPE_CHECKING

from absl import flags

from tfrobust.experiments.recipe import DataSpec
from tfrobust.facts import FACTS
from tfrobust.names import AUGMENTATIONS, EVALUATE_ON

if TYPE_CHECKING:
    from tfrobust.data import Labelled


def define(fv: flags.FlagValues) -> None:
    """Which data set, from where, and what is done to it first."""
    names = ", ".join(FACTS)
    flags.DEFINE_string(
        "dataset",
        None,
        f"Data set: {names}, a TFDS name, an .npz file, or a folder of images per class. Required.",
        flag_values=fv,
    )
    flags.DEFINE_integer(
        "image_size",
        None,
        "Side of the square that images are resized to (those of folders: cut to).",
        lower_bound=1,
        upper_bound=8192,
        flag_values=fv,
    )
    flags.DEFINE_string(
        "data_dir", None, "Folder with NAME.npz or NAME/NAME.npz, or with data prepared by TFDS.", flag_values=fv
    )
    flags.DEFINE_bool("download", False, "Let TFDS download a data set that is not there.", flag_values=fv)
    flags.DEFINE_integer("hold_out", 0, "Do not train on the first N training images.", lower_bound=0, flag_values=fv)
    flags.DEFINE_enum(
        "evaluate_on", "test", EVALUATE_ON, "Evaluate on the test split, or on what is held out.", flag_values=fv
    )
    flags.DEFINE_enum(
        "augmentation", None, list(AUGMENTATIONS), "Random change of the training images.", flag_values=fv
    )
    flags.DEFINE_integer(
        "per_class",
        0,
        "Fill classes up to N images with augmented copies, once for all passes (0: augment every image anew).",
        lower_bound=0,
        flag_values=fv,
    )
    flags.DEFINE_bool("equalize", False, "Equalize the histograms of training and test images (RAR).", flag_values=fv)
    define_exif(fv)
    flags.mark_flag_as_required("dataset", fv)


def define_exif(fv: flags.FlagValues) -> None:
    """How the images of a folder are read."""
    flags.DEFINE_bool(
        "exif",
        False,
        "Images of a folder: turn them upright as their EXIF says, put what is transparent on white.",
        flag_values=fv,
    )


def define_labelled(fv: flags.FlagValues, whose: str) -> None:
    """How the images of --data are found and read.

    Args:
        fv: to define them in.
        whose: the network that decides on their size, where --image_size does not.
    """
    where = {"flag_values": fv}
    flags.DEFINE_string("data_dir", None, "Folder of data sets by name.", **where)
    flags.DEFINE_bool("download", False, "Let TFDS download a data set that is not there.", **where)
    flags.DEFINE_integer(
        "image_size", None, f"Side of the square that images are cut to ({whose} unless given).", 1, **where
    )
    define_exif(fv)


def labelled(fv: flags.FlagValues, most: int, image_size: int | None) -> Labelled:
    """The images of --data, at most so many, of that size where they are cut to one; see `data.load_labelled`."""
    from tfrobust.data import load_labelled

    where = {"data_dir": fv.data_dir, "download": fv.download}
    return load_labelled(fv.data, most, fv.seed, image_size=image_size, exif=fv.exif, **where)


def from_flags(fv: flags.FlagValues) -> DataSpec:
    """The spec; nothing is read yet."""
    return DataSpec(
        name=fv.dataset,
        data_dir=fv.data_dir,
        download=fv.download,
        image_size=fv.image_size,
        hold_out=fv.hold_out,
        evaluate_on=fv.evaluate_on,
        augmentation=fv.augmentation,
        per_class=fv.per_class,
        equalize=fv.equalize,
        exif=fv.exif,
    )
