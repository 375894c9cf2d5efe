"""The functions for a notebook: `robustify` trains a network, `audit` measures one, `attribute` explains one, `picture`
shows explanations; `audit_callable` measures whatever can be called."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from tfrobust import auditing
from tfrobust.attributions import make_map
from tfrobust.auditing.callable_result import CallableAudit
from tfrobust.auditing.callables import measure_callable
from tfrobust.auditing.function_judge import Explain, Predict
from tfrobust.auditing.result import Audit
from tfrobust.checks import check_whole
from tfrobust.data import to_unit
from tfrobust.evaluation.attacked import plain_maps
from tfrobust.evaluation.predictions import predict
from tfrobust.labels import check_labels
from tfrobust.memory_budget import Chunking
from tfrobust.names import AUTO
from tfrobust.networks import adopt, check_images, contracted, input_shape, unfolded
from tfrobust.objectives import make_objective
from tfrobust.objectives.defaults import defaults
from tfrobust.report import Panel, Picture, class_name
from tfrobust.robust_model import RobustModel
from tfrobust.similarity import kendall
from tfrobust.types import InputError

if TYPE_CHECKING:
    import keras


def robustify(
    network: keras.Model,
    method: str = "ig_sum_norm",
    eps: float = 8 / 255,
    *,
    pixels: str | None = AUTO,
    seed: int = 0,
    weight_decay: float = 0.0,
    eps_ramp_steps: int = 0,
    precision: str = "float32",
    head: str | None = None,
    **hyper: Any,
) -> RobustModel:
    """Gives a Keras model to compile and fit like any other; it trains a copy of `network` whose explanations do not
    change under attack.

        model = tfrobust.robustify(network)
        model.compile("adam")
        model.fit(x, y, epochs=5, validation_data=(x_test, y_test))
        model.network.save("robust.keras")

    Args:
        network: any Keras classifier; it stays as it is.  `model.network` is the copy: images in [0, 1] in, logits out,
          every weight taken over (see networks.adopt).
        method: the training method, one of names.OBJECTIVES.
        eps: radius of the ball of perturbed images, in units of the pixel range [0, 1].
        pixels: the range of pixels that `network` expects, one of names.PIXELS; "auto": the one that its first layers
          are made for, such as 0..255 for a Rescaling(1 / 255), and [0, 1] where they do not say.  None is "auto".
        seed: random seed of every draw.
        weight_decay: the loss gains weight_decay / 2 times the squared norm of all kernels.
        eps_ramp_steps: steps over which eps and the step size of the attack grow from 0; 0: they are whole from the
          start.
        precision: float32, bfloat16_attack or bfloat16; see training_spec.TrainingSpec.
        head: the name of the output that gives the classes, for a network with several outputs.
        **hyper: hyper-parameters of the method; those left out have the values of objectives.defaults.

    Raises:
        InputError: where the network cannot be copied, and for an unknown method, hyper-parameter or setting.
    """
    copy = adopt(_model(network), None if pixels == AUTO else pixels, head=head)
    chosen = {**defaults(method, eps, copy.input_shape[1:]), **hyper}
    plan = {"weight_decay": weight_decay, "eps_ramp_steps": eps_ramp_steps, "precision": precision}
    return RobustModel(copy, make_objective(method, **chosen), seed, **plan)


def attribute(
    network: keras.Model,
    x: np.ndarray,
    y: np.ndarray | None = None,
    method: str = "integrated_gradients",
    *,
    pixels: str | None = AUTO,
    batch_size: int = 32,
    chunk: int | Literal["auto"] | None = None,
    memory_gb: float | None = None,
    head: str | None = None,
    **options: Any,
) -> np.ndarray:
    """Attribution maps of images: how much each pixel contributes to the score of a class.

    Args:
        network: any Keras classifier.
        x: images [N,H,W,C], float in [0, 1] or uint8; also [N,H,W], or a row of numbers per image, where the
          network takes them so.
        y: classes [N] that are explained; None: those that the network predicts.
        method: one of names.ATTRIBUTIONS.
        pixels: the range of pixels that `network` expects, as for `robustify`.
        head: the name of the output that gives the classes, as for `robustify`.
        batch_size: images that are held in memory at once.
        chunk: path points or samples of each image that are held at once; None: all, "auto": as many as fit into
          `memory_gb`.  Maps do not depend on it.
        memory_gb: memory in GiB for chunk="auto", which is chosen where this is given; None: half of what is free.
        **options: settings of the method and of attributions.MapSpec, such as steps or signed.

    Returns:
        Maps [N,H,W] float32: absolute values summed over channels, each map scaled to mean 1, unless `options` say
        otherwise.

    Raises:
        InputError: where images, labels, network and settings do not fit each other.
    """
    check_whole("batch_size", batch_size, 1)
    chunk = "auto" if chunk is None and memory_gb is not None else chunk
    if chunk not in (None, "auto"):
        check_whole("chunk", chunk, 1)
    network, x = _as_contracted(network, x, pixels, head)
    spec = make_map(method, **options)
    spec.check_network(network)
    y = predict(network, x, batch_size) if y is None else check_labels(y, len(x), network.output_shape[-1])
    points = Chunking(batch_size, chunk, memory_gb).points_for(network)
    return plain_maps(network, x, y.astype(np.int32), spec, batch_size, chunk=points)


def picture(
    network: keras.Model,
    x: np.ndarray,
    x_adv: np.ndarray | None = None,
    y: np.ndarray | None = None,
    *,
    class_names: Sequence[str] | None = None,
    title: str = "",
    pixels: str | None = AUTO,
    head: str | None = None,
    **options: Any,
) -> Picture:
    """Shows what a network sees in images: each image, its map over it, and the map; where attacked images are given,
    before, after and the difference.

        tfrobust.picture(network, x_test[:2], class_names=names)  # A notebook shows it.
        tfrobust.picture(network, x_test[:2], x_adv).save("maps.svg")

    Args:
        network: any Keras classifier.
        x: images, as for `attribute`; a handful of them.
        x_adv: the same images after an attack, in the form of `x`; None: there was none.
        y: classes [N] that the maps explain; None: those that the network predicts for `x`.
        class_names: of the classes; None: their numbers are shown.
        title: of the picture.
        pixels: the range that the network expects, as for `attribute`.
        head: the name of the output that gives the classes, of a network with several.
        **options: of `attribute`, such as method, chunk and settings of the method.

    Raises:
        InputError: where images, labels, network and options do not fit each other.
    """
    network, x = _as_contracted(network, x, pixels, head)
    if class_names is not None and len(class_names) != network.output_shape[-1]:
        known = network.output_shape[-1]
        raise InputError(f"{len(class_names)} class names were given and the network knows {known} classes")
    batch = options.get("batch_size", 32)
    predicted = predict(network, x, batch)
    explained = predicted if y is None else np.asarray(y)
    a = attribute(network, x, explained, **options)
    said = [f"predicted: {class_name(label, class_names)}" for label in predicted]
    names = [f"image {n}" for n in range(len(x))]
    if x_adv is None:
        panels = [Panel(*each, None, None, "", before) for each, before in zip(zip(names, x, a), said)]
        return Picture(panels, title)
    x_adv = to_unit(unfolded(np.asarray(x_adv), input_shape(network)))
    if x_adv.shape != x.shape:
        raise InputError(f"x_adv has the shape {x_adv.shape} and x {x.shape}: give the same images after the attack")
    a_adv = attribute(network, x_adv, explained, **options)
    after = [f"predicted: {class_name(label, class_names)}" for label in predict(network, x_adv, batch)]
    alike = [f"Kendall {value:.2f}" for value in kendall(a, a_adv)]
    return Picture(list(map(Panel, names, x, a, x_adv, a_adv, alike, said, after)), title)


def audit(network: keras.Model, x: np.ndarray, y: np.ndarray, title: str = "Audit", **options: Any) -> Audit:
    """Measures how far attacks can change the explanations of a Keras classifier (docs/audit.md).

    Args:
        network: any Keras classifier.
        x: images [N,H,W,C], float in [0, 1] or uint8, of which some are drawn.
        y: labels [N].
        title: heading of the report.
        **options: eps=(2/255, 4/255, 8/255), minutes=10, images=100, pixels="auto", seed=0 and others of
          auditing.measure.  "auto" is as for `robustify`; where the first layers do not say, the labels do: it is the
          range in which the network predicts most of the images correctly.

    Returns:
        The result, which a notebook shows as a report.

    Raises:
        InputError: where images, labels, network and options do not fit each other.
    """
    return Audit(auditing.measure(_model(network), x, y, **options), title)


def audit_callable(
    predict: Predict, explain: Explain, x: np.ndarray, y: np.ndarray, title: str = "Audit", **options: Any
) -> CallableAudit:
    """Measures how far attacks can change the explanations of any pair of Python functions (docs/audit.md).

    They may call a network of another framework, an ONNX model or a server: the attacks ask them for predictions and
    maps of changed images and need nothing else.  They find less than those that follow a gradient, so a Keras network
    is better given to `audit`.

    Args:
        predict: images [B,H,W,C], float32 in [0, 1] -> scores [B,K] (logits or probabilities), or classes [B].
        explain: (the same images, classes [B] int32) -> maps [B,H,W] or [B,H,W,C].
        x: images [N,H,W,C], float in [0, 1] or uint8.
        y: labels [N].
        title: heading of the report.
        **options: eps=(2/255, 4/255, 8/255), queries=200, images=100 and others of
          `auditing.callables.measure_callable`.

    Returns:
        The result, which a notebook shows as a report.

    Raises:
        InputError: where images, labels and options do not fit each other, or a function raises an error or gives what
          cannot be used.
    """
    return CallableAudit(measure_callable(predict, explain, x, y, **options), title)


def _as_contracted(network, x, pixels, head):
    """(the network with images in [0, 1] in and logits out, the images as it takes them)."""
    network = _model(network)
    x = to_unit(unfolded(np.asarray(x), input_shape(network)))
    check_images(x)
    return contracted(network, None if pixels == AUTO else pixels, x, head), x


def _model(network):
    """The plain network of a RobustModel; any other network as it is."""
    return network.network if isinstance(network, RobustModel) else network
