"""The exact meaning of an attribution map: everything that changes a number measured on it."""

from dataclasses import dataclass
from typing import Optional

import tensorflow as tf

from tfrobust.attributions.grad_cam import grad_cam, grad_cam_plus_plus, guided_grad_cam_plus_plus
from tfrobust.attributions.grad_shap import grad_shap
from tfrobust.attributions.gradient import gradient, gradient_x_input
from tfrobust.attributions.guided_backpropagation import guided_backpropagation
from tfrobust.attributions.integrated_gradients import integrated_gradients
from tfrobust.attributions.scores import make_score
from tfrobust.attributions.smoothgrad import smoothgrad
from tfrobust.attributions.split import last_feature_map, split_at
from tfrobust.checks import check_choice
from tfrobust.names import ATTRIBUTIONS, CHANNELS, RULES, SCORES, TIES
from tfrobust.networks.surrogates import guided_twin
from tfrobust.types import InputError


@dataclass(frozen=True)
class AttributionSpec:
    """Which map is computed, reduced, normalised and compared.  The defaults are RAR's protocol.

    method: one of names.ATTRIBUTIONS.
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
        allowed = {"method": ATTRIBUTIONS, "score": SCORES, "rule": RULES, "channels": CHANNELS, "ties": TIES}
        for name, values in allowed.items():
            check_choice(name, getattr(self, name), values)
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
    return ATTRIBUTIONS[spec.method](network, spec, x, y, chunk)


# How `attribute` calls each method, by its name.


def _integrated_gradients(network, spec, x, y, chunk):
    return integrated_gradients(_score(network, spec), x, y, spec.baseline, spec.steps, spec.rule, chunk)


def _gradient(network, spec, x, y, chunk):
    return gradient(_score(network, spec), x, y)


def _gradient_x_input(network, spec, x, y, chunk):
    return gradient_x_input(_score(network, spec), x, y)


def _smoothgrad(network, spec, x, y, chunk):
    return smoothgrad(_score(network, spec), x, y, spec.samples, spec.deviation, chunk=chunk)


def _grad_shap(network, spec, x, y, chunk):
    noise = tf.random.stateless_uniform([spec.samples, *x.shape[1:]], [1, 0])
    return grad_shap(_score(network, spec), x, y, noise, chunk=chunk)


def _guided_backpropagation(network, spec, x, y, chunk):
    return guided_backpropagation(network, spec.score, x, y)


def _grad_cam(network, spec, x, y, chunk):
    return grad_cam(network, spec.score, x, y, spec.layer)


def _grad_cam_plus_plus(network, spec, x, y, chunk):
    return grad_cam_plus_plus(network, spec.score, x, y, spec.layer)


def _guided_grad_cam_plus_plus(network, spec, x, y, chunk):
    return guided_grad_cam_plus_plus(network, spec.score, x, y, spec.layer)


def _score(network, spec):
    return make_score(network, spec.score)


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
