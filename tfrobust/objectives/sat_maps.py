"""The saliency maps that SAT takes from a teacher (Mangla et al., 2020, Sections 3.2, 4.1 and 5), in [-1, 1].

Ranges are those of the released code: signs of guided backpropagation; Grad-CAM++ (without its last ReLU), SmoothGrad
and Integrated Gradients scaled to [0, 1] image by image; Guided Grad-CAM++ ((g + 1)(c + 1) - 2) / 2.  A map in [0, 1]
can only darken: -s is never positive.  `gradient` is what the released code's guided backpropagation is on its ResNets.
The map is that of the true class (the released code: of the class that the teacher predicts).
"""

import tensorflow as tf

from tfrobust.attributions import make_score
from tfrobust.attributions.grad_cam import grad_cam_plus_plus
from tfrobust.attributions.gradient import gradient
from tfrobust.attributions.guided_backpropagation import guided_backpropagation
from tfrobust.attributions.integrated_gradients import integrated_gradients
from tfrobust.attributions.smoothgrad import smoothgrad
from tfrobust.checks import check_choice
from tfrobust.names import SAT_MAPS

BOX_THRESHOLD = 0.5


def scaled(a: tf.Tensor) -> tf.Tensor:
    """Each map of a [B,H,W,C] moved and stretched to [0, 1]; a constant one becomes 0."""
    low = tf.reduce_min(a, axis=[1, 2, 3], keepdims=True)
    return tf.math.divide_no_nan(a - low, tf.reduce_max(a, axis=[1, 2, 3], keepdims=True) - low)


def boxed(a: tf.Tensor) -> tf.Tensor:
    """+1 in the smallest box around what exceeds BOX_THRESHOLD in a [B,H,W,C] in [0, 1], -1 outside."""
    above = tf.reduce_any(a > BOX_THRESHOLD, axis=3)
    return tf.where((_span(above, 2)[:, :, tf.newaxis] & _span(above, 1)[:, tf.newaxis, :])[..., tf.newaxis], 1.0, -1.0)


def _span(above, axis):
    """From the first to the last row (axis 2) or column (axis 1) with a pixel above, [B,H] or [B,W]."""
    hit = tf.cast(tf.reduce_any(above, axis=axis), tf.int32)
    return (tf.cumsum(hit, axis=1) > 0) & (tf.cumsum(hit, axis=1, reverse=True) > 0)


def gradient_sign(network, x, y):
    """The sign of the gradient of the logit."""
    return tf.sign(gradient(make_score(network, "logit"), x, y))


def guided_backpropagation_sign(network, x, y):
    """The sign of guided backpropagation."""
    return tf.sign(guided_backpropagation(network, "logit", x, y))


def scaled_cam(network, x, y):
    """Grad-CAM++ without its last ReLU, in [0, 1]."""
    return scaled(grad_cam_plus_plus(network, "logit", x, y, positive=False))


def cam_box(network, x, y):
    """+1 in the box around where Grad-CAM++ is high, -1 outside."""
    return tf.zeros_like(x) + boxed(scaled_cam(network, x, y))


def guided_cam(network, x, y):
    """Guided Grad-CAM++ of the signs of guided backpropagation."""
    return ((guided_backpropagation_sign(network, x, y) + 1) * (scaled_cam(network, x, y) + 1) - 2) / 2


def scaled_smoothgrad(network, x, y):
    """SmoothGrad of the logit, in [0, 1]."""
    return scaled(smoothgrad(make_score(network, "logit"), x, y))


def scaled_integrated_gradients(network, x, y):
    """Integrated Gradients of the logit, in [0, 1]."""
    return scaled(integrated_gradients(make_score(network, "logit"), x, y))


SIGNS = ("gradient", "guided_backpropagation", "grad_cam_plus_plus_box")  # Whose maps are -1, 0 or 1.


def sat_map(network, method: str, x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
    """The map of the teacher `network` for class y, [B,H,W,C] in [-1, 1].  method: one of SAT_MAPS."""
    check_choice("saliency", method, SAT_MAPS)
    return SAT_MAPS[method](network, x, y)
