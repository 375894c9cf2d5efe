"""Class activation maps from gradients: Grad-CAM and Grad-CAM++.

With A_k the feature maps of a layer and g_k = d score / dA_k, both [h,w]:

    Grad-CAM     w_k = mean g_k                                         (Selvaraju et al., 2017)
    Grad-CAM++   w_k = sum a_k relu(g_k),                               (Chattopadhyay et al., 2018, Eq. 19)
                 a_k = g_k^2 / (2 g_k^2 + sum(A_k) g_k^3)
    map          relu(sum_k w_k A_k), resized to the image

Grad-CAM++ differentiates exp(score): the powers of the exponential cancel in a_k, and what is left of it scales the
whole map of an image, which no ranking and no normalisation sees; it is left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import tensorflow as tf

from tfrobust.attributions.attribution import Attribution
from tfrobust.attributions.coarse_map import coarse_map
from tfrobust.attributions.guided_backpropagation import guided_backpropagation
from tfrobust.attributions.scores import SCORES
from tfrobust.attributions.split import check_feature_map, last_feature_map, split_at
from tfrobust.networks.surrogates import guided_surrogate

if TYPE_CHECKING:
    import keras


def _cut(network, layer: str | None):
    """(head, tail) of the network, cut behind the layer or the last one that has feature maps."""
    layer = layer or last_feature_map(network)
    check_feature_map(network, layer)
    return split_at(network, layer)


def _features(network, score: str, x, y, layer: str | None):
    """(A, g), each [B,h,w,K]."""
    head, tail = _cut(network, layer)
    a = head(x, training=False)
    with tf.GradientTape() as tape:
        tape.watch(a)
        value = SCORES[score](y, tail(a, training=False))
    return a, tape.gradient(value, a)


def _class_map(a, weights, x, positive: bool):
    """sum_k w_k A_k [B,h,w] as a map of the image, [B,H,W,C], the same in every channel."""
    cam = tf.einsum("bhwk,bk->bhw", a, weights)
    return coarse_map(tf.nn.relu(cam) if positive else cam, x)


def grad_cam(
    network: keras.Model, score: str, x: tf.Tensor, y: tf.Tensor, *, layer: str | None = None, positive: bool = True
) -> tf.Tensor:
    """Grad-CAM: the feature maps of a layer, each weighted by its mean gradient, summed and resized to the image.

    Args:
        network: logits out.
        score: what is attributed, a name of `names.SCORES`.
        x: images [B,H,W,C].
        y: classes [B].
        layer: the layer whose feature maps are weighted, of a model within the network its path `MODEL/LAYER`; None:
          the last one that has feature maps, models within included.
        positive: set negative sums to 0 (the last ReLU).

    Returns:
        [B,H,W,C], the same in every channel.

    Raises:
        InputError: where the network has no such layer, or cannot be cut there.
    """
    a, g = _features(network, score, x, y, layer)
    return _class_map(a, tf.reduce_mean(g, axis=[1, 2]), x, positive)


def grad_cam_plus_plus(
    network: keras.Model, score: str, x: tf.Tensor, y: tf.Tensor, *, layer: str | None = None, positive: bool = True
) -> tf.Tensor:
    """Grad-CAM++: as Grad-CAM, with other weights of the feature maps.

    Args:
        network: logits out.
        score: what is attributed, a name of `names.SCORES`.
        x: images [B,H,W,C].
        y: classes [B].
        layer: the layer whose feature maps are weighted, of a model within the network its path `MODEL/LAYER`; None:
          the last one that has feature maps, models within included.
        positive: set negative sums to 0 (the last ReLU).

    Returns:
        [B,H,W,C], the same in every channel.

    Raises:
        InputError: as `grad_cam` does.
    """
    a, g = _features(network, score, x, y, layer)
    total = tf.reduce_sum(a, axis=[1, 2], keepdims=True)
    share = tf.math.divide_no_nan(g**2, 2 * g**2 + total * g**3)
    return _class_map(a, tf.reduce_sum(share * tf.nn.relu(g), axis=[1, 2]), x, positive)


def guided_grad_cam_plus_plus(
    network: keras.Model, score: str, x: tf.Tensor, y: tf.Tensor, layer: str | None = None
) -> tf.Tensor:
    """Guided backpropagation times Grad-CAM++ (Chattopadhyay et al., 2018, Section 3.3).

    Args:
        network: logits out.
        score: what is attributed, a name of `names.SCORES`.
        x: images [B,H,W,C].
        y: classes [B].
        layer: the layer whose feature maps are weighted, as for `grad_cam`.

    Returns:
        [B,H,W,C].

    Raises:
        InputError: as `grad_cam` and `guided_backpropagation` do.
    """
    return guided_backpropagation(network, score, x, y) * grad_cam_plus_plus(network, score, x, y, layer=layer)


@dataclass(frozen=True)
class GradCam(Attribution):
    """Grad-CAM as a method.

    Attributes:
        layer: the name of the layer whose feature maps are weighted, of a model within the network its path
          `MODEL/LAYER`; None: the last one that has feature maps, models within included.
    """

    layer: str | None = None

    def __call__(
        self, network: keras.Model, score: str, x: tf.Tensor, y: tf.Tensor, chunk: int | None = None
    ) -> tf.Tensor:
        return grad_cam(network, score, x, y, layer=self.layer)

    def check_network(self, network: keras.Model) -> None:
        _cut(network, self.layer)


@dataclass(frozen=True)
class GradCamPlusPlus(GradCam):
    """Grad-CAM++ as a method; `layer` as for `GradCam`."""

    def __call__(
        self, network: keras.Model, score: str, x: tf.Tensor, y: tf.Tensor, chunk: int | None = None
    ) -> tf.Tensor:
        return grad_cam_plus_plus(network, score, x, y, layer=self.layer)


@dataclass(frozen=True)
class GuidedGradCamPlusPlus(GradCam):
    """Guided backpropagation times Grad-CAM++ as a method; `layer` as for `GradCam`."""

    def __call__(
        self, network: keras.Model, score: str, x: tf.Tensor, y: tf.Tensor, chunk: int | None = None
    ) -> tf.Tensor:
        return guided_grad_cam_plus_plus(network, score, x, y, self.layer)

    def check_network(self, network: keras.Model) -> None:
        guided_surrogate(network)
        super().check_network(network)
