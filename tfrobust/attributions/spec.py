"""The exact meaning of an attribution map: everything that changes a number measured on it."""

from dataclasses import dataclass
from typing import Optional

import tensorflow as tf

from tfrobust.attributions.grad_cam import grad_cam, grad_cam_plus_plus, guided_grad_cam_plus_plus
from tfrobust.attributions.grad_shap import grad_shap
from tfrobust.attributions.gradient import gradient, gradient_x_input
from tfrobust.attributions.guided_backpropagation import guided_backpropagation
from tfrobust.attributions.integrated_gradients import integrated_gradients
from tfrobust.attributions.quadrature import RULES
from tfrobust.attributions.scores import SCORES, make_score
from tfrobust.attributions.smoothgrad import smoothgrad
from tfrobust.attributions.split import last_feature_map, split_at
from tfrobust.twins import guided_twin
from tfrobust.types import InputError

_BY_SCORE = {
    "integrated_gradients": lambda score, spec, x, y, chunk: integrated_gradients(
        score, x, y, spec.baseline, spec.steps, spec.rule, chunk
    ),
    "gradient": lambda score, spec, x, y, chunk: gradient(score, x, y),
    "gradient_x_input": lambda score, spec, x, y, chunk: gradient_x_input(score, x, y),
    "smoothgrad": lambda score, spec, x, y, chunk: smoothgrad(score, x, y, spec.samples, spec.deviation, chunk=chunk),
    "grad_shap": lambda score, spec, x, y, chunk: grad_shap(score, x, y, _noise_images(spec.samples, x), chunk=chunk),
}
_BY_NETWORK = {
    "guided_backpropagation": lambda network, spec, x, y: guided_backpropagation(network, spec.score, x, y),
    "grad_cam": lambda network, spec, x, y: grad_cam(network, spec.score, x, y, spec.layer),
    "grad_cam_plus_plus": lambda network, spec, x, y: grad_cam_plus_plus(network, spec.score, x, y, spec.layer),
    "guided_grad_cam_plus_plus": lambda network, spec, x, y: guided_grad_cam_plus_plus(
        network, spec.score, x, y, spec.layer
    ),
}
METHODS = (*_BY_SCORE, *_BY_NETWORK)
CHANNELS = ("sum", "mean")
TIES = ("exact", "tolerant")


@dataclass(frozen=True)
class AttributionSpec:
    """Which map is computed, reduced, normalised and compared.  The defaults are RAR's protocol.

    method: one of METHODS.
    score: what is attributed: logit, probability or loss of the class y.
    steps, rule, baseline: of Integrated Gradients; baseline is one grey level, 0 is black.
    samples: of SmoothGrad and GradSHAP, whose baselines are images of uniform noise; deviation: of SmoothGrad's noise.
    layer: of the Grad-CAMs, the last feature maps unless given.
    channels: how the channels of a pixel are joined (sum or mean) after the absolute value, if there is one.
    signed: keep the sign; without it the map is of absolute values.
    normalize: divide the map by the sum of its absolute values, times H*W.
    ties: how equal entries are ranked; see `similarity.ranking`.
    k: size of the top-k set of the intersection.  window: rows and columns by which LENS forgives a move.
    """

    method: str = "integrated_gradients"
    score: str = "logit"
    steps: int = 100
    rule: str = "right"
    baseline: float = 0.0
    samples: int = 50
    deviation: float = 0.15
    layer: Optional[str] = None
    channels: str = "sum"
    signed: bool = False
    normalize: bool = True
    ties: str = "exact"
    k: int = 100
    window: int = 1

    def __post_init__(self):
        allowed = {"method": METHODS, "score": SCORES, "rule": RULES, "channels": CHANNELS, "ties": TIES}
        for name, values in allowed.items():
            if getattr(self, name) not in values:
                raise InputError(f"unknown {name} {getattr(self, name)!r}: choose one of {', '.join(values)}")
        for name in ("steps", "samples", "k"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} of the attribution must be at least 1; got {getattr(self, name)}")
        if self.window < 0 or self.deviation < 0:
            raise InputError("window of LENS and deviation of SmoothGrad must be 0 or more")

    def check(self, shape) -> None:
        """Raises InputError where k does not fit images of shape (H, W, C)."""
        pixels = shape[0] * shape[1]
        if self.k > pixels:
            raise InputError(f"k = {self.k} of the intersection exceeds the {pixels} pixels of an image")

    def check_network(self, network) -> None:
        """Raises InputError where the network has no such map: no feature maps, no such layer, no guided twin."""
        if "guided" in self.method:
            guided_twin(network)
        if "grad_cam" in self.method:
            split_at(network, self.layer or last_feature_map(network))


def attribute(network, spec: AttributionSpec, x: tf.Tensor, y: tf.Tensor, chunk=None) -> tf.Tensor:
    """The raw, signed attribution [B,H,W,C] of the spec, before any reduction.  chunk: path points or samples held at
    once."""
    if spec.method in _BY_NETWORK:
        return _BY_NETWORK[spec.method](network, spec, x, y)
    return _BY_SCORE[spec.method](make_score(network, spec.score), spec, x, y, chunk)


def _noise_images(samples, x):
    return tf.random.stateless_uniform([samples, *x.shape[1:]], [1, 0])


def saliency_map(network, spec: AttributionSpec, x: tf.Tensor, y: tf.Tensor, chunk=None) -> tf.Tensor:
    """The map [B,H,W] that is ranked and shown: attribution, absolute value, channels joined, normalised to mean 1.

    Differentiable.  A map of zeros stays zeros.
    """
    a = attribute(network, spec, x, y, chunk)
    a = a if spec.signed else tf.abs(a)
    a = tf.reduce_sum(a, axis=-1) if spec.channels == "sum" else tf.reduce_mean(a, axis=-1)
    if spec.normalize:
        total = tf.reduce_sum(tf.abs(a), axis=[1, 2], keepdims=True)
        a = tf.math.divide_no_nan(a, total) * tf.cast(tf.size(a[0]), a.dtype)
    return a
