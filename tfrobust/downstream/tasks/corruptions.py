"""Common corruptions (Hendrycks & Dietterich, 2019; ART Table 3): accuracy, and how alike the maps stay."""

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

SEVERITIES = (1, 2, 3, 4, 5)
MAPPED_AT = 3  # Severity at which maps are compared.


def corrupted(images, name: str, severity: int, settings):
    """(x, y): the images under one corruption; each draws by its own number, so batches do not matter."""
    size = settings.batch
    compute = tf.function(lambda x, n: corrupt(x, name, severity, n, settings.seed), autograph=False)
    parts = (compute(tf.constant(images.x[r]), tf.constant(images.examples[r])) for r in batches(len(images.x), size))
    return np.concatenate([part.numpy() for part in parts]), images.y


def published(name: str, severity: int, settings):
    """(x [N,32,32,3], y [N]) of CIFAR-10-C; the same images at each severity of a corruption."""
    x, y = cifar10_c(name, severity, settings.data_dir, settings.download)
    images = chosen(x, y, {}, settings.examples, settings.seed)
    return images.x, images.y


def measured(networks, images, settings, bar):
    """network -> (accuracy by (corruption, severity), agreement of the maps by corruption)."""
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
                    agreement[kind] = float(np.mean(similarity.spearman(*map(grey, (plain[name], maps)), "average")))
            bar.update()
    return found


def run(networks, data, held_out, settings, bar) -> Outcome:
    """One row for each corruption, and their means."""
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


def row(name, kinds, found):
    """Means over these corruptions, for each network."""
    out = {"corruption": name}
    for network, (accuracy, agreement) in found.items():
        out[network] = float(np.mean([accuracy[kind, severity] for kind in kinds for severity in SEVERITIES]))
        if agreement:
            out[f"maps of {network}"] = float(np.mean([agreement[kind] for kind in kinds]))
    return out


def curve(accuracy, images):
    """(severity, mean, low, high) over the usual corruptions."""
    points = []
    for severity in SEVERITIES:
        mean = float(np.mean([accuracy[kind, severity] for kind in COMMON]))
        known = statistics.share_of(mean, len(images.x))
        points.append((severity, mean, known["low"], known["high"]))
    return points


TASK = Task(run, ticks=lambda networks: len(CORRUPTIONS) * len(SEVERITIES))
