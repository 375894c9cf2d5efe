"""Geometry of images: turned, moved, mapped by any projective transform.

tensorflow-addons does it where it can be imported (it ended with TensorFlow 2.15), the TensorFlow operation behind it
elsewhere; a test holds the two to one result.
"""

import functools
import math
import warnings

import tensorflow as tf


@functools.lru_cache(maxsize=None)
def addons():
    """tensorflow-addons, or None; it warns of its own end when it is imported."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import tensorflow_addons
        return tensorflow_addons
    except ImportError:
        return None


def projective_transform(x: tf.Tensor, transforms: tf.Tensor) -> tf.Tensor:
    """Images x [B,H,W,C] with the pixel (u, v), column and row, taken from

        ((t0 u + t1 v + t2) / d, (t3 u + t4 v + t5) / d),    d = t6 u + t7 v + 1

    bilinearly; outside the image is 0.  transforms: [B,8].
    """
    if addons() is not None:
        return addons().image.transform(x, transforms, interpolation="bilinear", fill_mode="constant", fill_value=0.0)
    return raw_projective_transform(x, transforms)


def raw_projective_transform(x: tf.Tensor, transforms: tf.Tensor) -> tf.Tensor:
    """The same by TensorFlow's own operation."""
    return tf.raw_ops.ImageProjectiveTransformV3(
        images=x,
        transforms=tf.cast(transforms, tf.float32),
        output_shape=tf.shape(x)[1:3],
        fill_value=0.0,
        interpolation="BILINEAR",
        fill_mode="CONSTANT",
    )


def rotate_and_shift(x: tf.Tensor, degrees: tf.Tensor, down: tf.Tensor, right: tf.Tensor) -> tf.Tensor:
    """Images x [B,H,W,C] turned counter-clockwise about their center by `degrees` [B], then moved by `down` and `right`
    [B] pixels."""
    height, width = x.shape[1:3]
    center_u, center_v = (width - 1) / 2, (height - 1) / 2
    angle = degrees * (math.pi / 180)
    cos, sin = tf.cos(angle), tf.sin(angle)
    # The inverse: what comes to (u, v) was at R^-1 (u - right - center, v - down - center) + center.
    u, v = right + center_u, down + center_v
    zero = tf.zeros_like(angle)
    rows = [cos, -sin, center_u - cos * u + sin * v, sin, cos, center_v - sin * u - cos * v, zero, zero]
    return projective_transform(x, tf.stack(rows, axis=1))
