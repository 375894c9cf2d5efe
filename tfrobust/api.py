"""What a notebook needs: a network made robust, audited, explained, in a line each."""

import numpy as np

from tfrobust import auditing
from tfrobust.attributions import make_map
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


def robustify(
    network,
    method: str = "ig_sum_norm",
    eps: float = 8 / 255,
    pixels: str | None = None,
    seed: int = 0,
    weight_decay: float = 0.0,
    eps_ramp_steps: int = 0,
    precision: str = "float32",
    head: str | None = None,
    **hyper,
) -> RobustModel:
    """A Keras model to compile and fit like any other, which trains a copy of `network` so that its explanations hold
    still.

        model = tfrobust.robustify(network)
        model.compile("adam")
        model.fit(x, y, epochs=5, validation_data=(x_test, y_test))
        model.network.save("robust.keras")

    network: any Keras classifier; it stays as it is.  `model.network` is the copy: images in [0, 1] in, logits out,
      every weight taken over (see networks.adopt).
    method: one of objectives.OBJECTIVES, with its hyper-parameters in `hyper`; those left out have the values of
      objectives.defaults.  eps: radius of the ball, in units of [0, 1].
    pixels: the range that `network` expects (networks.PIXELS); None: the one that its first layers are made for, such
      as 0..255 for a Rescaling(1 / 255), and [0, 1] where they do not say.
    head: the name of the output that gives the classes, of a network with several.
    seed: of every draw.  weight_decay, eps_ramp_steps, precision: see training.TrainingSpec.
    """
    copy = adopt(_model(network), pixels, head=head)
    chosen = {**defaults(method, eps, input_shape(copy)), **hyper}
    plan = {"weight_decay": weight_decay, "eps_ramp_steps": eps_ramp_steps, "precision": precision}
    return RobustModel(copy, make_objective(method, **chosen), seed, **plan)


def attribute(
    network,
    x,
    y=None,
    method: str = "integrated_gradients",
    pixels: str | None = None,
    batch_size: int = 32,
    chunk: int | str | None = None,
    memory_gb: float | None = None,
    head: str | None = None,
    **options,
) -> np.ndarray:
    """The maps [N,H,W] of the images x for the classes y, by default those that are predicted: absolute values, summed
    over channels, each map with mean 1.

    network: any Keras classifier.  x: [N,H,W,C], float in [0, 1] or uint8; as [N,H,W] or [N,H*W*C] too, where the
      network takes them so.  method: one of names.ATTRIBUTIONS.
    pixels, head: the range that `network` expects and its output of the classes, as for `robustify`.
    batch_size, chunk: images, and path points or samples of each, that are held at once; chunk None: all, "auto": as
      many as fit into memory_gb GiB, half of what is free unless given.  Values do not depend on it.
    options: settings of the method and of attributions.MapSpec, such as steps, signed.
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


def audit(network, x, y, title: str = "Audit", **options) -> Audit:
    """How far the explanations of any Keras classifier can be moved (docs/audit.md); in a notebook, a report.

    x: images [N,H,W,C], float in [0, 1] or uint8, of which some are drawn.  y: labels [N].
    options: eps=(2/255, 4/255, 8/255), minutes=10, images=100, pixels="auto", seed=0 and others of auditing.measure.
    """
    return Audit(auditing.measure(_model(network), x, y, **options), title)


def _model(network):
    """The plain network where a RobustModel is given."""
    return network.network if isinstance(network, RobustModel) else network
