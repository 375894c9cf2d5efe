"""The flags of a data set, and what is made of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from absl import flags

from tfrobust.facts import FACTS
from tfrobust.names import AUGMENTATIONS, EVALUATE_ON

if TYPE_CHECKING:
    from tfrobust.data import ImageData


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
    flags.mark_flag_as_required("dataset", fv)


def load(fv: flags.FlagValues) -> ImageData:
    """The data set as it is on disk."""
    from tfrobust import data

    return data.load(fv.dataset, fv.data_dir, fv.download, fv.image_size)


def prepared(loaded: ImageData, fv: flags.FlagValues, evaluate_on=None) -> ImageData:
    """The data set as the flags want it held out and augmented; evaluate_on: instead of the flag's."""
    return augmented(loaded.holding_out(fv.hold_out, evaluate_on or fv.evaluate_on), fv)


def augmented(held: ImageData, fv: flags.FlagValues) -> ImageData:
    """The same with the augmentation of these flags."""
    from tfrobust import data

    return data.augmented(held, fv.augmentation, fv.per_class, fv.equalize)


def from_flags(fv: flags.FlagValues) -> ImageData:
    return prepared(load(fv), fv)
