"""Images that look a little like photographs, of any size."""

import functools

import numpy as np
import tensorflow as tf


@functools.cache
def smooth(n, shape, seed=0):
    """Images [n,*shape] of large soft spots of colour with some finer grain."""
    r = np.random.RandomState(seed)
    layers = [0.7 * r.rand(n, 4, 4, shape[2]), 0.3 * r.rand(n, 14, 14, shape[2])]
    x = sum(tf.image.resize(layer, shape[:2], "bicubic") for layer in layers)
    return tf.clip_by_value(x, 0.0, 1.0).numpy()
