"""Common corruptions (Hendrycks & Dietterich, 2019; ART Table 3): accuracy, and how alike the maps stay."""

import os

import numpy as np
import tensorflow as tf

from launch.tasks.common import Outcome, maps_of, predicted, test_images
from tfrobust import similarity
from tfrobust.corruptions import ART, COMMON, CORRUPTIONS, corrupt
from tfrobust.evaluation import statistics
from tfrobust.evaluation.predictions import batches
from tfrobust.report import Column, draw_curves

SEVERITIES = (1, 2, 3, 4, 5)
MAPPED_AT = 3  # Severity at which maps are compared.


def corrupted(images, name: str, severity: int, fv) -> np.ndarray:
    """The images under one corruption; each draws by its own number, so batches do not matter."""
    size = fv.evaluation_batch
    compute = tf.function(lambda x, n: corrupt(x, name, severity, n, fv.evaluation_seed), autograph=False)
    parts = (compute(tf.constant(images.x[r]), tf.constant(images.examples[r])) for r in batches(len(images.x), size))
    return np.concatenate([part.numpy() for part in parts])


def run(networks, data, fv, progress) -> Outcome:
    """One row for each network."""
    images = test_images(data, fv)
    few = images._replace(x=images.x[: fv.map_examples], y=images.y[: fv.map_examples])
    plain = {name: maps_of("gradient", network, few.x, few.y, fv) for name, network in networks.items()}
    accuracy = {name: {} for name in networks}
    agreement = {name: {} for name in networks}
    for kind in CORRUPTIONS:
        for severity in SEVERITIES:
            x = corrupted(images, kind, severity, fv)
            for name, network in networks.items():
                accuracy[name][kind, severity] = float(np.mean(predicted(network, x, fv) == images.y))
                if severity == MAPPED_AT:
                    maps = maps_of("gradient", network, x[: fv.map_examples], few.y, fv)
                    a, b = (np.abs(m).sum(-1) for m in (plain[name], maps))
                    agreement[name][kind] = float(np.mean(similarity.spearman(a, b, "average")))
            progress.update()
    rows = [row(name, network, images, accuracy[name], agreement[name], fv) for name, network in networks.items()]
    columns = [Column("network", "network"), Column("clean", "clean", ".1%"), Column("common", "the usual 15", ".1%")]
    columns += [Column("art", "ART's 15", ".1%"), Column("agreement", "maps alike", ".3f")]
    columns += [Column(kind, kind.replace("_", " "), ".1%") for kind in CORRUPTIONS]
    draw_curves(
        {name: curve(accuracy[name], images) for name in networks},
        os.path.join(fv.output, "corruptions.png"),
        "accuracy under the usual 15 corruptions",
        "accuracy",
        "severity",
    )
    details = {
        name: {
            "accuracy": [{"corruption": k, "severity": s, "accuracy": v} for (k, s), v in accuracy[name].items()],
            "agreement": agreement[name],
        }
        for name in networks
    }
    alike = f"maps alike: Spearman of the gradient's map before and after, severity {MAPPED_AT}, {len(few.x)} images."
    return Outcome(rows, columns, details, [f"Means over severities 1 to 5 on {len(images.x)} images; {alike}"])


def row(name, network, images, accuracy, agreement, fv):
    means = {kind: float(np.mean([accuracy[kind, s] for s in SEVERITIES])) for kind in CORRUPTIONS}
    return {
        "network": name,
        "clean": float(np.mean(predicted(network, images.x, fv) == images.y)),
        "common": float(np.mean([means[kind] for kind in COMMON])),
        "art": float(np.mean([means[kind] for kind in ART])),
        "agreement": float(np.mean(list(agreement.values()))),
        **means,
    }


def curve(accuracy, images):
    """(severity, mean, low, high) over the usual corruptions."""
    points = []
    for severity in SEVERITIES:
        hits = np.mean([accuracy[kind, severity] for kind in COMMON])
        known = statistics.share(np.arange(len(images.x)) < round(hits * len(images.x)))
        points.append((severity, float(hits), known["low"], known["high"]))
    return points
