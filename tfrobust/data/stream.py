"""Training batches in an order that is a function of (seed, position): what a killed run saw next, a resumed one sees.

`tf.data`'s own shuffle cannot do that: its buffer is not part of any checkpoint.  Here pass p over the N images visits
them in the pseudo-random permutation of (seed, p), so the stream can be entered at any step at no cost.
"""

import tensorflow as tf

from tfrobust.data.arrays import ImageData


def training_batches(data: ImageData, batch_size: int, seed: int, start: int = 0) -> tf.data.Dataset:
    """An endless stream of (x [B,H,W,C] float32 in [0, 1], y [B] int32), beginning with the batch of step `start`;
    (x, y, s [B,M,H,W,C] float32) where the data have saliency maps."""
    n = len(data.x_train)
    x, y = tf.constant(data.x_train), tf.constant(data.y_train)
    s = None if data.saliency is None else tf.constant(data.saliency)

    def index(position):
        return tf.random.experimental.index_shuffle(position % n, [tf.cast(seed, tf.int64), position // n], n - 1)

    def gather(indices):
        images = tf.gather(x, indices)
        if images.dtype == tf.uint8:
            images = tf.cast(images, tf.float32) / 255
        batch = images, tf.gather(y, indices)
        return batch if s is None else (*batch, tf.cast(tf.gather(s, indices), tf.float32))

    positions = tf.data.Dataset.range(start * batch_size, tf.int64.max)
    indices = positions.map(index).batch(batch_size, drop_remainder=True)
    return indices.map(gather).prefetch(tf.data.AUTOTUNE)
