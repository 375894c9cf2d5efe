"""A map with fewer rows and columns than the image, as a map of its pixels."""

import tensorflow as tf


def coarse_map(a: tf.Tensor, x: tf.Tensor) -> tf.Tensor:
    """The map resized to the image, bilinearly.

    Args:
        a: [B,h,w].
        x: images [B,H,W,C].

    Returns:
        [B,H,W,C], the same in every channel.
    """
    return tf.image.resize(a[..., tf.newaxis], x.shape[1:3]) + tf.zeros_like(x)
