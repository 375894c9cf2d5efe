"""The functions for a notebook: `robustify` trains a network, `audit` measures one, `attribute` explains one;
`audit_callable` measures whatever can be called."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

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
from tfrobust.networks import adopt, check_images, contracted, input_shape, unfolded
from tfrobust.objectives import make_objective
from tfrobust.objectives.defaults import defaults
from tfrobust.robust_model import RobustModel

if TYPE_CHECKING:
    import keras


def robustify(
    network: keras.Model,
    method: str = "ig_sum_norm",
    eps: float = 8 / 255,
    pixels: str | None = None,
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
        pixels: the range of pixels that `network` expects, one of names.PIXELS; None: the one that its first layers are
          made for, such as 0..255 for a Rescaling(1 / 255), and [0, 1] where they do not say.
        seed: random seed of every draw.
        weight_decay, eps_ramp_steps, precision: see training_spec.TrainingSpec.
        head: the name of the output that gives the classes, for a network with several outputs.
        **hyper: hyper-parameters of the method; those left out have the values of objectives.defaults.

    Raises:
        InputError: where the network cannot be copied, and for an unknown method, hyper-parameter or setting.
    """
    copy = adopt(_model(network), pixels, head=head)
    chosen = {**defaults(method, eps, input_shape(copy)), **hyper}
    plan = {"weight_decay": weight_decay, "eps_ramp_steps": eps_ramp_steps, "precision": precision}
    return RobustModel(copy, make_objective(method, **chosen), seed, **plan)


def attribute(
    network: keras.Model,
    x: np.ndarray,
    y: np.ndarray | None = None,
    method: str = "integrated_gradients",
    pixels: str | None = None,
    batch_size: int = 32,
    chunk: int | str | None = None,
    memory_gb: float | None = None,
    head: str | None = None,
    **options: Any,
) -> np.ndarray:
    """Attribution maps of images: how much each pixel contributes to the score of a class.

    Args:
        network: any Keras classifier.
        x: images [N,H,W,C], float in [0, 1] or uint8; as [N,H,W] or [N,H*W*C] too, where the network takes them so.
        y: classes [N] that are explained; None: those that the network predicts.
        method: one of names.ATTRIBUTIONS.
        pixels, head: the range of pixels that `network` expects and its output of the classes, as for `robustify`.
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
    network = _model(network)
    x = to_unit(unfolded(np.asarray(x), input_shape(network)))
    check_images(x)
    network = contracted(network, pixels, x, head)
    spec = make_map(method, **options)
    spec.check_network(network)
    y = predict(network, x, batch_size) if y is None else check_labels(y, len(x), network.output_shape[-1])
    points = Chunking(batch_size, chunk, memory_gb).points_for(network)
    return plain_maps(network, x, y.astype(np.int32), spec, batch_size, points)


def audit(network: keras.Model, x: np.ndarray, y: np.ndarray, title: str = "Audit", **options: Any) -> Audit:
    """Measures how far attacks can change the explanations of a Keras classifier (docs/audit.md).

    Args:
        network: any Keras classifier.
        x: images [N,H,W,C], float in [0, 1] or uint8, of which some are drawn.
        y: labels [N].
        title: heading of the report.
        **options: eps=(2/255, 4/255, 8/255), minutes=10, images=100, pixels="auto", seed=0 and others of
          auditing.measure.

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


def _model(network):
    """The plain network of a RobustModel; any other network as it is."""
    return network.network if isinstance(network, RobustModel) else network
