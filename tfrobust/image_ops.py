"""Images turned, moved, mapped by any projective transform; their histograms equalized, their colours changed.

tensorflow-addons does the geometry where it can be imported (it ended with TensorFlow 2.15), the TensorFlow operation
behind it elsewhere; a test holds the two to one result.
"""

import functools
import math
import warnings
from types import ModuleType

import tensorflow as tf


@functools.cache
def addons() -> ModuleType | None:
    """The module tensorflow_addons, or None where it cannot be imported; its warning of its own end is not shown."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import tensorflow_addons
        return tensorflow_addons
    except ImportError:
        return None


def projective_transform(x: tf.Tensor, transforms: tf.Tensor) -> tf.Tensor:
    """Images under projective maps, bilinearly interpolated; outside the image is 0.

    The pixel (u, v), column and row, is taken from

        ((t0 u + t1 v + t2) / d, (t3 u + t4 v + t5) / d),    d = t6 u + t7 v + 1

    Args:
        x: images [B,H,W,C].
        transforms: t0 to t7 of each image, [B,8].

    Returns:
        [B,H,W,C].
    """
    found = addons()
    if found is not None:
        return found.image.transform(x, transforms, interpolation="bilinear", fill_mode="constant", fill_value=0.0)
    return raw_projective_transform(x, transforms)


def raw_projective_transform(x: tf.Tensor, transforms: tf.Tensor) -> tf.Tensor:
    """`projective_transform` of the images `x` [B,H,W,C] and `transforms` [B,8] by TensorFlow's own operation."""
    return tf.raw_ops.ImageProjectiveTransformV3(
        images=x,
        transforms=tf.cast(transforms, tf.float32),
        output_shape=tf.shape(x)[1:3],
        fill_value=0.0,
        interpolation="BILINEAR",
        fill_mode="CONSTANT",
    )


def rotate_and_shift(x: tf.Tensor, degrees: tf.Tensor, down: tf.Tensor, right: tf.Tensor) -> tf.Tensor:
    """Images turned counter-clockwise about their center, then moved.

    Args:
        x: images [B,H,W,C].
        degrees: of the turn, [B].
        down: how far they are moved down, [B], in pixels.
        right: how far they are moved to the right, [B], in pixels.

    Returns:
        [B,H,W,C]; what comes in from outside is 0.
    """
    height, width = x.shape[1:3]
    center_u, center_v = (width - 1) / 2, (height - 1) / 2
    angle = degrees * (math.pi / 180)
    cos, sin = tf.cos(angle), tf.sin(angle)
    # The inverse: what comes to (u, v) was at R^-1 (u - right - center, v - down - center) + center.
    u, v = right + center_u, down + center_v
    zero = tf.zeros_like(angle)
    rows = [cos, -sin, center_u - cos * u + sin * v, sin, cos, center_v - sin * u - cos * v, zero, zero]
    return projective_transform(x, tf.stack(rows, axis=1))


def equalize(x: tf.Tensor) -> tf.Tensor:
    """Images `x` [B,H,W,C] in [0, 1] with the histogram of each channel made as flat as it can be.

    Of its 256 levels, v becomes (F(v) - F(lowest)) / (n - F(lowest)), F(v) being how many of the n pixels are at most
    v.  A channel of one level stays as it is.  RAR's brightness normalization of GTSRB (its released code).
    """
    shape = tf.shape(x)
    levels = tf.reshape(tf.transpose(tf.cast(tf.round(x * 255), tf.int32), [0, 3, 1, 2]), [-1, shape[1] * shape[2]])
    at_most = tf.cumsum(tf.math.bincount(levels, minlength=256, maxlength=256, axis=-1), axis=1)
    n = at_most[:, -1:]
    lowest = tf.reduce_min(tf.where(at_most > 0, at_most, n), axis=1, keepdims=True)
    table = tf.round(255 * tf.cast(tf.maximum(at_most - lowest, 0), tf.float32) / tf.cast(n - lowest, tf.float32))
    table = tf.where(n == lowest, tf.range(256.0)[tf.newaxis], table)
    flat = tf.gather(table, levels, batch_dims=1) / 255
    return tf.transpose(tf.reshape(flat, [shape[0], shape[3], shape[1], shape[2]]), [0, 2, 3, 1])


def color_jitter(x: tf.Tensor, factors: tf.Tensor) -> tf.Tensor:
    """Images with brightness, contrast and saturation changed in turn, cut to [0, 1] after each.

    Args:
        x: images [B,H,W,C] in [0, 1]; grey ones have no saturation.
        factors: of brightness, contrast and saturation, [B,3]; 1 changes nothing.

    Returns:
        [B,H,W,C] in [0, 1].
    """
    brightness, contrast, saturation = tf.unstack(factors[:, :, tf.newaxis, tf.newaxis, tf.newaxis], axis=1)
    x = tf.clip_by_value(x * brightness, 0.0, 1.0)
    mean = tf.reduce_mean(_grey(x), axis=[1, 2, 3], keepdims=True)
    x = tf.clip_by_value(mean + contrast * (x - mean), 0.0, 1.0)
    grey = _grey(x)
    return tf.clip_by_value(grey + saturation * (x - grey), 0.0, 1.0)


def _grey(x):
    return tf.image.rgb_to_grayscale(x) if x.shape[-1] == 3 else x
