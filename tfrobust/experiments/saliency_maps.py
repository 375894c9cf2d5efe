"""Saliency maps beside the training images: of the data's annotations, or of teachers, made once and kept.

A file of maps carries in its name a fingerprint of all that it depends on: the teacher's weights and architecture, the
method, the images and labels.  It is found again by whoever needs the same maps, and never taken for others.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf

from tfrobust.attributions.split import last_feature_map
from tfrobust.checks import make_writable_folder
from tfrobust.data import ImageData, annotation_maps, to_unit
from tfrobust.distribution import all_processes_agree
from tfrobust.experiments.fingerprints import fingerprint_arrays, fingerprint_network
from tfrobust.experiments.recipe import NetworkOrigin, Recipe, SaliencySource
from tfrobust.experiments.training_run import trained_network
from tfrobust.networks import check_network, load_fitting_network
from tfrobust.networks.surrogates import guided_surrogate
from tfrobust.objectives import sat_maps
from tfrobust.progress import SILENT, Progress
from tfrobust.types import InputError

if TYPE_CHECKING:
    import keras


BATCH = 100
VERSION = "1"  # Part of the fingerprint: raise it when the code of a method changes.


def with_saliency(recipe: Recipe, data: ImageData, progress: Progress = SILENT) -> ImageData:
    """The data with the maps that a recipe asks for.

    Args:
        recipe: names the sources of the maps.
        data: its images.
        progress: is shown how far it is.

    Raises:
        InputError: where its method needs maps and has none, or has no use for them.
    """
    uses = getattr(recipe.objective, "uses_saliency", False)
    if recipe.saliency and not uses:
        raise InputError(f"method {recipe.method} has no use for --saliency: leave it out")
    if not recipe.saliency:
        if uses:
            raise InputError(f"method {recipe.method} needs a map beside each image: give --saliency")
        return data
    maps = [_maps(source, recipe, data, progress) for source in recipe.saliency]
    return replace(data, saliency=np.stack(maps, axis=1))


def _maps(source: SaliencySource, recipe: Recipe, data: ImageData, progress: Progress) -> np.ndarray:
    if source.teacher is None:
        if source.kind not in data.annotations:
            raise InputError(f"--saliency={source.kind}: {data.name} has no {source.kind} of its training images")
        return annotation_maps(source.kind, data.annotations[source.kind], data.shape)
    folder = make_writable_folder(recipe.saliency_folder(), "--saliency_dir")
    teacher = _teacher(source.teacher, recipe, data, folder, progress)
    return kept_maps(source.kind, teacher, data, folder, progress)


def _teacher(origin: NetworkOrigin, recipe: Recipe, data: ImageData, folder: str, progress: Progress):
    """A teacher: the network in a .keras file, or that of a recipe, trained on the same images unless it has been."""
    if origin.recipe is None:
        teacher = load_fitting_network(origin.file, progress)
    else:
        first = origin.recipe.on_data_of(recipe)
        if any(source.teacher and source.teacher.recipe for source in first.saliency):
            raise InputError(f"teacher {origin} has a teacher of its own to be trained first: train it by itself")
        images = with_saliency(first, first.data.augment(data), progress)
        teacher = trained_network(first, images, folder, progress)
    check_network(teacher, to_unit(data.x_train[:BATCH]))
    if teacher.output_shape[-1] < data.classes:
        raise InputError(f"teacher {origin} knows {teacher.output_shape[-1]} classes, {data.name} has {data.classes}")
    return teacher


def kept_maps(
    method: str, teacher: keras.Model, data: ImageData, folder: str, progress: Progress = SILENT
) -> np.ndarray:
    """A teacher's maps of the training images, read from a folder or made and put there.

    Args:
        method: of the map, one of SAT_MAPS.
        teacher: the network whose maps they are.
        data: its training images are mapped.
        folder: where the file of maps is kept.
        progress: is shown how far it is.

    Returns:
        [N,H,W,C], int8 or float16.
    """
    name = f"{os.path.basename(data.name)}-{method}-{fingerprint(method, teacher, data)}.npy"
    path = os.path.join(folder, name)
    if all_processes_agree(os.path.exists(path)):
        try:
            maps = np.load(path, allow_pickle=False)
            if maps.shape == data.x_train.shape:
                return maps
        except (OSError, ValueError, EOFError):
            pass  # Its writer was stopped in the middle: the maps are made anew.
    maps = make_maps(method, teacher, data, progress)
    unfinished = f"{path}.{os.getpid()}.npy"
    np.save(unfinished, maps)
    os.replace(unfinished, path)
    return maps


def fingerprint(method: str, teacher: keras.Model, data: ImageData) -> str:
    """16 hexadecimal digits of everything that the maps depend on.

    Args:
        method: of the map, one of SAT_MAPS.
        teacher: the network whose maps they are.
        data: its training images are mapped.
    """
    parts = VERSION, method, fingerprint_network(teacher), fingerprint_arrays(data.x_train, data.y_train)
    return hashlib.sha256(" ".join(parts).encode()).hexdigest()[:16]


def make_maps(method: str, teacher: keras.Model, data: ImageData, progress: Progress = SILENT) -> np.ndarray:
    """Computes the maps of `kept_maps`.

    Args:
        method: of the map, one of SAT_MAPS.
        teacher: the network whose maps they are.
        data: its training images are mapped.
        progress: is shown how far it is.

    Raises:
        InputError: where the teacher has no such map.
    """
    n = len(data.x_train)
    maps = np.empty(data.x_train.shape, np.int8 if method in sat_maps.SIGNS else np.float16)
    if "cam" in method:
        last_feature_map(teacher)
    if "guided" in method:
        guided_surrogate(teacher)
    compute = tf.function(lambda x, y: sat_maps.sat_map(teacher, method, x, y), reduce_retracing=True, autograph=False)
    bar = progress.bar(-(-n // BATCH), f"maps by {method}")
    for start in range(0, n, BATCH):
        part = slice(start, start + BATCH)
        maps[part] = compute(tf.constant(to_unit(data.x_train[part])), tf.constant(data.y_train[part]))
        bar.update()
    bar.close()
    return maps
