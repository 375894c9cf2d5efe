"""Training batches in an order that is a function of (seed, position): what a killed run saw next, a resumed one sees.

`tf.data`'s own shuffle cannot do that: its buffer is not part of any checkpoint.  Here pass p over the N images visits
them in the pseudo-random permutation of (seed, p), so the stream can be entered at any step at no cost; an augmented
image is drawn from its number, so it is the same as well.
"""

import numpy as np
import tensorflow as tf

from tfrobust.data.arrays import ImageData
from tfrobust.data.augmentation import DRAWS, filled_up
from tfrobust.image_ops import equalize

BATCHES = 4  # That are made at once, and that lie ready.
OPTIONS = tf.data.Options()
# The thread that tunes them can hold the end of a training up: now and then it sleeps on until it would have looked
# again, a third of a second after a few steps and longer after many.
OPTIONS.autotune.enabled = False


def training_batches(
    data: ImageData, batch_size: int, seed: int, start: int = 0, *, part: int = 0, parts: int = 1
) -> tf.data.Dataset:
    """An endless stream of training batches, beginning with that of any step.

    Where data.per_class asks for it, a pass is over the images and their copies; a copy is the same in every pass, and
    an original is not changed.  Otherwise data.augmentation changes every image, each time anew.

    Args:
        data: the training images.
        batch_size: images of a whole batch.
        seed: of the order and of the augmentation.
        start: the step whose batch is the first.
        part: the number of the part of every batch that the stream has, from 0 on.
        parts: equal parts into which every batch is cut; must divide batch_size.

    Returns:
        A stream, with B = batch_size / parts, of (x [B,H,W,C] float32 in [0, 1], y [B] int32); of (x, y, s [B,M,H,W,C]
        float32) where the data have saliency maps.
    """
    n = data.train_size
    x, y, s = _source(data.x_train), tf.constant(data.y_train), _source(data.saliency)
    rows, is_copy = filled_up(data.y_train, data.per_class) if data.per_class else (np.arange(n), np.ones(n, bool))
    rows, is_copy = tf.constant(rows), tf.constant(is_copy)

    def element(position):
        """The row of the image at this position, and the random numbers that change it, if it is changed."""
        index = tf.random.experimental.index_shuffle(position % n, [tf.cast(seed, tf.int64), position // n], n - 1)
        if data.augmentation is None:
            return (rows[index],)
        number = index if data.per_class else position
        key = tf.stack([tf.cast(seed, tf.int64), number])
        draws = tf.random.stateless_uniform([DRAWS], key)
        return rows[index], tf.where(is_copy[index], draws, 0.5)

    def batch(indices, *draws):
        images, labels = _unit(x(indices), [batch_size, *data.shape]), tf.gather(y, indices)
        maps = () if s is None else (tf.cast(s(indices), tf.float32),)
        for each in maps:
            each.set_shape([batch_size, *data.saliency.shape[1:]])
        return (images, labels, *draws, *maps) if draws else finished(images, labels, *maps)

    def augmented(image, label, draws, *maps):
        """Augments one image at a time.

        Kernels round differently by the size of a batch and the place in it, and the result must be a function of the
        image and its draws alone, to the last bit.
        """
        moved, s = data.augmentation(image[tf.newaxis], maps[0][tf.newaxis] if maps else None, draws[tf.newaxis])
        return (moved[0], label) if s is None else (moved[0], label, s[0])

    def finished(images, labels, *maps):
        return equalize(images) if data.equalize else images, labels, *maps

    positions = tf.data.Dataset.range(start * batch_size, tf.int64.max)
    if parts > 1:
        batch_size //= parts
        positions = positions.batch(batch_size, drop_remainder=True).shard(parts, part).unbatch()
    plain = tf.autograph.experimental.do_not_convert
    elements = positions.map(plain(element), num_parallel_calls=tf.data.AUTOTUNE).batch(batch_size, drop_remainder=True)
    batches = elements.map(plain(batch), num_parallel_calls=BATCHES)
    if data.augmentation is not None:
        images = batches.unbatch().map(plain(augmented), num_parallel_calls=tf.data.AUTOTUNE)
        batches = images.batch(batch_size, drop_remainder=True)
        batches = batches.map(plain(finished), num_parallel_calls=BATCHES)
    return batches.prefetch(BATCHES).with_options(OPTIONS)


def _source(values):
    """indices -> rows of the array: from memory, or, for one that is too large for it, from its file."""
    if values is None:
        return None
    if isinstance(values, np.memmap):
        return lambda indices: tf.numpy_function(lambda i: np.asarray(values[i]), [indices], values.dtype)
    tensor = tf.constant(values)
    return lambda indices: tf.gather(tensor, indices)


def _unit(images, shape):
    images = tf.cast(images, tf.float32) / 255 if images.dtype == tf.uint8 else images
    images.set_shape(shape)
    return images
