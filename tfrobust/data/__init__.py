"""Data sets by name, as checked arrays and as batches (x, y); x float32 [B,H,W,C] in [0, 1], y int32 [B]."""

from tfrobust.data.annotations import ANNOTATIONS, annotation_maps
from tfrobust.data.arrays import ImageData, make_image_data, pixel_statistics, to_unit
from tfrobust.data.labelled import Labelled, load_labelled
from tfrobust.data.loading import load
from tfrobust.data.prepared import augmented, resized
from tfrobust.data.published_corruptions import cifar10_c
from tfrobust.data.stream import training_batches
from tfrobust.facts import FACTS

__all__ = [
    "ANNOTATIONS",
    "FACTS",
    "ImageData",
    "Labelled",
    "annotation_maps",
    "augmented",
    "cifar10_c",
    "load",
    "load_labelled",
    "make_image_data",
    "pixel_statistics",
    "resized",
    "to_unit",
    "training_batches",
]
