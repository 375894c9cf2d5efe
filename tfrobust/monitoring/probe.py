"""What TensorBoard shows of a network while it trains: its maps and the attacks on them, on the same few images.

Nothing here touches the run: its draws are its own, and the network is only asked.
"""

import io
import json
import os
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from tfrobust import report
from tfrobust.attacks import AttackedMaps
from tfrobust.data import ImageData, to_unit
from tfrobust.evaluation import Suite
from tfrobust.evaluation.attacked import attack_maps
from tfrobust.evaluation.evaluator import checked
from tfrobust.evaluation.predictions import predict, predict_attacked
from tfrobust.memory_budget import Chunking

PICTURED = 4
MEASURES = ("top_k_intersection", "kendall")


class Seen(NamedTuple):
    """What a probe found.

    Attributes:
        predicted, attacked: [N], classes of the images as they are and under attack.
        maps: of the predicted classes, under the attack on them.
        values: what becomes a curve, by name.
    """

    predicted: np.ndarray
    attacked: np.ndarray
    maps: AttackedMaps
    values: dict[str, float]


class ProbePlan(NamedTuple):
    """What is probed, and when.

    Attributes:
        suite: whose first attack on predictions and first attack on a map are made.
        every: steps between two probes.
        examples: images of a probe, drawn from those evaluated on.
        held: images and path points held at once.
    """

    suite: Suite
    every: int
    examples: int = 16
    held: Chunking = Chunking()


def look(network: keras.Model, x: np.ndarray, y: np.ndarray, plan: ProbePlan, points: int | None = None) -> Seen:
    """One probe of a network.

    Scores of maps are means over the correctly predicted images, and not there where there is none.

    Args:
        network: logits out; it is only asked.
        x: images [N,H,W,C] in [0, 1].
        y: labels [N].
        plan: what is probed.
        points: path points held at once; None: all.
    """
    suite, task = plan.suite, plan.suite.first_task
    predicted = predict(network, x, plan.held.images).astype(np.int32)
    attacked = predict_attacked(network, x, y, suite.first_prediction, plan.held.images)
    correct = predicted == y
    values = {"natural_accuracy": correct.mean(), "adversarial_accuracy": (correct & (attacked == y)).mean()}
    found = {}
    for prefix, own in (("", task), ("noise_", task.control(suite.noise_draws))):
        found[prefix] = attack_maps(network, x, predicted, own, plan.held.images, chunk=points)
        if correct.any():
            values.update({prefix + name: found[prefix].scores[name][correct].mean() for name in MEASURES})
    return Seen(predicted, attacked, found[""], {name: float(value) for name, value in values.items()})


def pictures(seen: Seen, y: np.ndarray, title: str) -> tf.Tensor:
    """Pictures of the first images that a probe has seen, one of each, small enough for their text to be read.

    Args:
        seen: what `look` returned.
        y: labels [N] of its images.
        title: of each picture.

    Returns:
        [M,H,W,4] uint8, M at most PICTURED.
    """
    drawn = []
    for n in range(min(PICTURED, len(y))):
        panel = report.panel_of(seen.maps, n, f"image {n}, class {y[n]}")
        caption = panel.caption.replace("   ", "\n")
        said = f"predicted {seen.predicted[n]}", f"under PGD: {seen.attacked[n]}"
        png = io.BytesIO()
        own = panel._replace(caption=f"{caption}\n{said[1]}", before=said[0])
        report.draw_panels([own], png, title, 1, "blocks")
        drawn.append(tf.io.decode_png(png.getvalue()))
    return tf.stack(drawn)


class Probe(keras.callbacks.Callback):
    """Probes a network before the first step, every so many steps and after the last, and writes it to TensorBoard.

    The curves and pictures there are called probe/NAME.

    Args:
        network: that is trained.
        data: images of its test split are probed.
        plan: what is probed, and when.
        directory: of the run.
        start: the step that the run begins at.
        steps: the last one.

    Raises:
        InputError: where the network has no such map.
    """

    def __init__(
        self, network: keras.Model, data: ImageData, plan: ProbePlan, directory: str, *, start: int, steps: int
    ):
        super().__init__()
        chosen = np.sort(np.random.RandomState(plan.suite.seed).permutation(len(data.x_test))[: plan.examples])
        self.x, self.y = checked(network, to_unit(data.x_test[chosen]), data.y_test[chosen])
        plan.suite.first_task.map.check_network(network)
        self.network, self.plan, self.start, self.steps = network, plan, start, steps
        self.points = plan.held.points_for(network)
        self.writer = tf.summary.create_file_writer(os.path.join(directory, "tensorboard"))

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Writes the settings of the probe, and probes where the run is new."""
        with self.writer.as_default(self.start):
            settings = {**self.plan.suite.as_dict(), "examples": len(self.x), "attribution_examples": len(self.x)}
            tf.summary.text("probe/settings", f"```\n{json.dumps(settings, indent=2)}\n```")
        if self.start == 0:
            self._write(0)

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Probes the network after every `every` steps of the plan, and after the last step."""
        step = self.start + batch + 1
        if step % self.plan.every == 0 or step == self.steps:
            self._write(step)

    def _write(self, step: int):
        seen = look(self.network, self.x, self.y, self.plan, self.points)
        with self.writer.as_default(step):
            for name, value in seen.values.items():
                tf.summary.scalar(f"probe/{name}", value)
            tf.summary.image("probe/maps", pictures(seen, self.y, f"step {step:,d}"), max_outputs=PICTURED)
        self.writer.flush()
