"""The saliency maps that SAT takes from a teacher (Mangla et al., 2020, Sections 3.2, 4.1 and 5), in [-1, 1].

Ranges are those of the released code: signs of guided backpropagation; Grad-CAM++ (without its last ReLU), SmoothGrad
and Integrated Gradients scaled to [0, 1] image by image; Guided Grad-CAM++ ((g + 1)(c + 1) - 2) / 2.  A map in [0, 1]
can only darken: -s is never positive.  `gradient` is what the released code's guided backpropagation is on its ResNets.
The map is that of the true class (the released code: of the class that the teacher predicts).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import tensorflow as tf

from tfrobust.attributions import make_score
from tfrobust.attributions.grad_cam import grad_cam_plus_plus
from tfrobust.attributions.gradient import gradient
from tfrobust.attributions.guided_backpropagation import guided_backpropagation
from tfrobust.attributions.integrated_gradients import integrated_gradients
from tfrobust.attributions.smoothgrad import smoothgrad
from tfrobust.checks import check_choice
from tfrobust.names import SAT_MAPS

if TYPE_CHECKING:
    import keras

BOX_THRESHOLD = 0.5


def scaled(a: tf.Tensor) -> tf.Tensor:
    """Scales each of the maps a [B,H,W,C] to [0, 1]; a constant map becomes 0."""
    low = tf.reduce_min(a, axis=[1, 2, 3], keepdims=True)
    return tf.math.divide_no_nan(a - low, tf.reduce_max(a, axis=[1, 2, 3], keepdims=True) - low)


def boxed(a: tf.Tensor) -> tf.Tensor:
    """The smallest box around all pixels of a map above BOX_THRESHOLD.

    Args:
        a: maps [B,H,W,C] in [0, 1].

    Returns:
        [B,H,W,1], +1 in the box and -1 outside.
    """
    above = tf.reduce_any(a > BOX_THRESHOLD, axis=3)
    return tf.where((_span(above, 2)[:, :, tf.newaxis] & _span(above, 1)[:, tf.newaxis, :])[..., tf.newaxis], 1.0, -1.0)


def _span(above, axis):
    """From the first to the last row (axis 2) or column (axis 1) with a pixel above, [B,H] or [B,W]."""
    hit = tf.cast(tf.reduce_any(above, axis=axis), tf.int32)
    return (tf.cumsum(hit, axis=1) > 0) & (tf.cumsum(hit, axis=1, reverse=True) > 0)


def gradient_sign(network: keras.Model, x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
    """The sign of the gradient of the logit.

    Args:
        network: the teacher; logits out.
        x: images [B,H,W,C].
        y: classes [B] that the maps explain.

    Returns:
        [B,H,W,C], -1, 0 or 1.
    """
    return tf.sign(gradient(make_score(network, "logit"), x, y))


def guided_backpropagation_sign(network: keras.Model, x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
    """The sign of guided backpropagation of the logit.

    Args:
        network: the teacher; logits out.
        x: images [B,H,W,C].
        y: classes [B] that the maps explain.

    Returns:
        [B,H,W,C], -1, 0 or 1.
    """
    return tf.sign(guided_backpropagation(network, "logit", x, y))


def scaled_cam(network: keras.Model, x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
    """Grad-CAM++ without its last ReLU, scaled to [0, 1].

    Args:
        network: the teacher; logits out.
        x: images [B,H,W,C].
        y: classes [B] that the maps explain.

    Returns:
        [B,H,W,C], in [0, 1].
    """
    return scaled(grad_cam_plus_plus(network, "logit", x, y, positive=False))


def cam_box(network: keras.Model, x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
    """The smallest box around the pixels where Grad-CAM++ is high.

    Args:
        network: the teacher; logits out.
        x: images [B,H,W,C].
        y: classes [B] that the maps explain.

    Returns:
        [B,H,W,C], +1 in the box and -1 outside.
    """
    return tf.zeros_like(x) + boxed(scaled_cam(network, x, y))


def guided_cam(network: keras.Model, x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
    """Guided Grad-CAM++, made of the signs of guided backpropagation and of scaled Grad-CAM++.

    Args:
        network: the teacher; logits out.
        x: images [B,H,W,C].
        y: classes [B] that the maps explain.

    Returns:
        [B,H,W,C], in [-1, 1].
    """
    return ((guided_backpropagation_sign(network, x, y) + 1) * (scaled_cam(network, x, y) + 1) - 2) / 2


def scaled_smoothgrad(network: keras.Model, x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
    """SmoothGrad of the logit, scaled to [0, 1].

    Args:
        network: the teacher; logits out.
        x: images [B,H,W,C].
        y: classes [B] that the maps explain.

    Returns:
        [B,H,W,C], in [0, 1].
    """
    return scaled(smoothgrad(make_score(network, "logit"), x, y))


def scaled_integrated_gradients(network: keras.Model, x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
    """Integrated Gradients of the logit, scaled to [0, 1].

    Args:
        network: the teacher; logits out.
        x: images [B,H,W,C].
        y: classes [B] that the maps explain.

    Returns:
        [B,H,W,C], in [0, 1].
    """
    return scaled(integrated_gradients(make_score(network, "logit"), x, y))


SIGNS = ("gradient", "guided_backpropagation", "grad_cam_plus_plus_box")  # Their maps hold only -1, 0 and 1.


def sat_map(network: keras.Model, method: str, x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
    """The saliency maps of a teacher, with which SAT perturbs images.

    Args:
        network: the teacher; logits out.
        method: one of names.SAT_MAPS.
        x: images [B,H,W,C].
        y: classes [B].

    Returns:
        [B,H,W,C] in [-1, 1].

    Raises:
        InputError: for an unknown method.
    """
    check_choice("saliency", method, SAT_MAPS)
    return SAT_MAPS[method](network, x, y)
