"""Common corruptions (Hendrycks & Dietterich, 2019; ART Table 3): accuracy, and how alike the maps stay."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from tfrobust import similarity
from tfrobust.corruptions import ART, COMMON, CORRUPTIONS, corrupt
from tfrobust.data import cifar10_c
from tfrobust.downstream.heatmaps import grey
from tfrobust.downstream.tasks.common import Outcome, Task, chosen, maps_of, predicted, test_images
from tfrobust.evaluation import statistics
from tfrobust.evaluation.predictions import batches
from tfrobust.report import Column, draw_curves
from tfrobust.types import InputError

if TYPE_CHECKING:
    import keras

    from tfrobust.data import ImageData
    from tfrobust.downstream.tasks.common import Images, TaskSettings
    from tfrobust.progress import Bar


SEVERITIES = (1, 2, 3, 4, 5)
MAPPED_AT = 3  # Severity at which maps are compared.


def corrupted(images: Images, name: str, severity: int, settings: TaskSettings) -> tuple[np.ndarray, np.ndarray]:
    """Images under one corruption; each draws by its own number, so batches do not matter.

    Args:
        images: clean ones.
        name: one of CORRUPTIONS.
        severity: 1 to 5.
        settings: the seed, and how many images are held at once.

    Returns:
        (x [N,H,W,C] float32 in [0, 1], y [N]).
    """
    size = settings.batch
    compute = tf.function(lambda x, n: corrupt(x, name, severity, n, settings.seed), autograph=False)
    parts = (compute(tf.constant(images.x[r]), tf.constant(images.examples[r])) for r in batches(len(images.x), size))
    return np.concatenate([part.numpy() for part in parts]), images.y


def published(name: str, severity: int, settings: TaskSettings) -> tuple[np.ndarray, np.ndarray]:
    """Images of CIFAR-10-C; the same images at each severity of a corruption.

    Args:
        name: one of CORRUPTIONS.
        severity: 1 to 5.
        settings: how many images, and where they are.

    Returns:
        (x [N,32,32,3] float32 in [0, 1], y [N]).
    """
    x, y = cifar10_c(name, severity, settings.data_dir, settings.download)
    images = chosen(x, y, {}, settings.examples, settings.seed)
    return images.x, images.y


def measured(
    networks: Mapping[str, keras.Model], images: Images, settings: TaskSettings, bar: Bar
) -> dict[str, tuple[dict, dict]]:
    """Measures all networks under all corruptions.

    Args:
        networks: by name.
        images: clean ones.
        settings: which corrupted images, and how many maps.
        bar: a step for each corruption and severity.

    Returns:
        network -> (accuracy by (corruption, severity), agreement of the maps by corruption).
    """
    few, y = images.x[: settings.map_examples], images.y[: settings.map_examples]
    plain = {}
    if not settings.cifar10_c:
        plain = {name: maps_of("gradient", network, few, y, settings) for name, network in networks.items()}
    found = {name: ({}, {}) for name in networks}
    for kind in CORRUPTIONS:
        for severity in SEVERITIES:
            if settings.cifar10_c:
                x, labels = published(kind, severity, settings)
            else:
                x, labels = corrupted(images, kind, severity, settings)
            for name, network in networks.items():
                accuracy, agreement = found[name]
                accuracy[kind, severity] = float(np.mean(predicted(network, x, settings) == labels))
                # The published images are in an order of their own: their maps have no clean ones to be compared with.
                if severity == MAPPED_AT and not settings.cifar10_c:
                    maps = maps_of("gradient", network, x[: settings.map_examples], y, settings)
                    agreement[kind] = float(np.mean(similarity.spearman(grey(plain[name]), grey(maps), "average")))
            bar.update()
    return found


def run(
    networks: Mapping[str, keras.Model], data: ImageData, held_out: ImageData | None, settings: TaskSettings, bar: Bar
) -> Outcome:
    """Accuracy and agreement of maps, a row for each corruption and their means; for the arguments see `Task`."""
    if settings.cifar10_c and (data.shape, data.classes) != ((32, 32, 3), 10):
        raise InputError(f"cifar10_c needs images like those of CIFAR-10; those of {data.name} are {data.shape}")
    images = test_images(data, settings)
    found = measured(networks, images, settings, bar)
    rows = [
        {
            "corruption": "none",
            **{n: float(np.mean(predicted(w, images.x, settings) == images.y)) for n, w in networks.items()},
        }
    ]
    rows += [row(kind.replace("_", " "), [kind], found) for kind in CORRUPTIONS]
    rows += [row("mean of the usual 15", COMMON, found), row("mean of ART's 15", ART, found)]
    columns = [Column("corruption", "corruption"), *(Column(name, name, ".1%") for name in networks)]
    if not settings.cifar10_c:
        columns += [Column(f"maps of {name}", f"maps of {name}", ".3f") for name in networks]
    curves = {name: curve(accuracy, images) for name, (accuracy, _) in found.items()}
    details = {
        name: {
            "accuracy": [{"corruption": k, "severity": s, "accuracy": v} for (k, s), v in accuracy.items()],
            "agreement": agreement,
        }
        for name, (accuracy, agreement) in found.items()
    }
    which = "CIFAR-10-C" if settings.cifar10_c else "our own corruptions"
    notes = [f"Accuracy under {which}, mean over severities 1 to 5, on {len(images.x)} images."]
    if not settings.cifar10_c:
        few = len(images.x[: settings.map_examples])
        notes.append(f"Maps: Spearman of the gradient's map before and after, severity {MAPPED_AT}, {few} images.")
    title = "accuracy under the usual 15 corruptions"
    return Outcome(rows, columns, details, lambda path: draw_curves(curves, path, title, "accuracy", "severity"), notes)


def row(name: str, kinds: Sequence[str], found: Mapping[str, tuple[dict, dict]]) -> dict:
    """A row of the table: means over corruptions, for each network.

    Args:
        name: what the row is called.
        kinds: the corruptions.
        found: what `measured` returned.
    """
    out: dict[str, Any] = {"corruption": name}
    for network, (accuracy, agreement) in found.items():
        out[network] = float(np.mean([accuracy[kind, severity] for kind in kinds for severity in SEVERITIES]))
        if agreement:
            out[f"maps of {network}"] = float(np.mean([agreement[kind] for kind in kinds]))
    return out


def curve(accuracy: Mapping[tuple[str, int], float], images: Images) -> list[tuple[int, float, float, float]]:
    """A network's (severity, mean, low, high) over the usual corruptions, low and high a 95 % interval.

    Args:
        accuracy: by (corruption, severity).
        images: on which it was measured.
    """
    points = []
    for severity in SEVERITIES:
        mean = float(np.mean([accuracy[kind, severity] for kind in COMMON]))
        known = statistics.share_of(mean, len(images.x))
        points.append((severity, mean, known["low"], known["high"]))
    return points


TASK = Task(run, ticks=lambda networks: len(CORRUPTIONS) * len(SEVERITIES))
