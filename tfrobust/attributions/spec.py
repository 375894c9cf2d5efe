"""The exact meaning of an attribution map: everything that changes a number measured on it."""

from dataclasses import dataclass

import tensorflow as tf

from tfrobust.attributions.gradient import gradient
from tfrobust.attributions.integrated_gradients import integrated_gradients
from tfrobust.attributions.quadrature import RULES
from tfrobust.attributions.scores import SCORES, make_score
from tfrobust.types import InputError

METHODS = ("integrated_gradients", "gradient")
CHANNELS = ("sum", "mean")
TIES = ("exact", "tolerant")


@dataclass(frozen=True)
class AttributionSpec:
    """Which map is computed, reduced, normalised and compared.  The defaults are RAR's protocol.

    method: integrated_gradients or gradient.
    score: what is attributed: logit, probability or loss of the class y.
    steps, rule, baseline: of Integrated Gradients; baseline is one grey level, 0 is black.
    channels: how the channels of a pixel are joined (sum or mean) after the absolute value, if there is one.
    signed: keep the sign; without it the map is of absolute values.
    normalize: divide the map by the sum of its absolute values, times H*W.
    ties: how equal entries are ranked; see `similarity.ranking`.
    k: size of the top-k set of the intersection.
    """

    method: str = "integrated_gradients"
    score: str = "logit"
    steps: int = 100
    rule: str = "right"
    baseline: float = 0.0
    channels: str = "sum"
    signed: bool = False
    normalize: bool = True
    ties: str = "exact"
    k: int = 100

    def __post_init__(self):
        allowed = {"method": METHODS, "score": SCORES, "rule": RULES, "channels": CHANNELS, "ties": TIES}
        for name, values in allowed.items():
            if getattr(self, name) not in values:
                raise InputError(f"unknown {name} {getattr(self, name)!r}: choose one of {', '.join(values)}")
        if self.steps < 1 or self.k < 1:
            raise InputError(f"steps and k of the attribution must be at least 1; got {self.steps} and {self.k}")

    def check(self, shape) -> None:
        """Raises InputError where k does not fit images of shape (H, W, C)."""
        pixels = shape[0] * shape[1]
        if self.k > pixels:
            raise InputError(f"k = {self.k} of the intersection exceeds the {pixels} pixels of an image")


def attribute(network, spec: AttributionSpec, x: tf.Tensor, y: tf.Tensor, chunk=None) -> tf.Tensor:
    """The raw, signed attribution [B,H,W,C] of the spec, before any reduction.  chunk: path points held at once."""
    score = make_score(network, spec.score)
    if spec.method == "gradient":
        return gradient(score, x, y)
    return integrated_gradients(score, x, y, spec.baseline, spec.steps, spec.rule, chunk)


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
