"""Kendall's and Spearman's coefficient of two maps, softened so that training can differentiate them in both maps.

    D_ij(a) = tanh(scale (a_i - a_j) / s),   s = standard deviation of a, without a gradient
    soft Kendall  = cos(D(a), D(b))                            the sum over pairs of pixels (i, j)
    soft Spearman = pearson(R(a), R(b)),  R_i(a) = mean over j of D_ij(a)

As the scale grows, D tends to the sign of a_i - a_j and R to the ranks up to a shift and a factor, so that they tend to
Kendall's tau-b and to Spearman's correlation, ties included.  Both are 1 for equal maps at any scale.

An image of n pixels has n^2 pairs.  Where n is above `others`, so many of the pixels j are drawn, the same ones for all
images; i runs over all pixels.
"""

import tensorflow as tf

from tfrobust.similarity.differentiable import cosine, flat, pearson

SCALE = 5.0  # Steepness of the step from one order to the other, per standard deviation of the map.
OTHERS = 64  # Pixels that each pixel is compared with.


def soft_order(difference: tf.Tensor, a: tf.Tensor, scale: float = SCALE) -> tf.Tensor:
    """tanh(scale difference / s), which is near 1 or -1 where the order of two pixels is clear.

    Args:
        difference: of entries of the maps, [B,...].
        a: the maps [B,N], whose standard deviation is s; 0 for all pairs of a constant map.
        scale: see the module.
    """
    spread = tf.stop_gradient(tf.math.reduce_std(a, axis=1))
    spread = tf.reshape(spread, [-1] + [1] * (len(difference.shape) - 1))
    return tf.tanh(scale * tf.math.divide_no_nan(difference, spread))


def soft_kendall(a: tf.Tensor, b: tf.Tensor, seed: tf.Tensor, scale: float = SCALE, others: int = OTHERS) -> tf.Tensor:
    """Kendall's tau-b of maps, softened: in [-1, 1]; 0 where a map is constant.

    Args:
        a: maps [B,...].
        b: maps of the same shape.
        seed: [2], stateless, of the pixels j, where they are drawn.
        scale: the larger, the nearer to Kendall's tau-b.
        others: how many pixels j at most.

    Returns:
        [B], differentiable in both maps.
    """
    return cosine(*_orders(a, b, seed, scale, others))


def soft_spearman(a: tf.Tensor, b: tf.Tensor, seed: tf.Tensor, scale: float = SCALE, others: int = OTHERS) -> tf.Tensor:
    """Spearman's correlation of maps, softened; arguments and result as for `soft_kendall`."""
    return pearson(*(tf.reduce_mean(order, axis=2) for order in _orders(a, b, seed, scale, others)))


def _orders(a, b, seed, scale, others):
    """D of both maps, each [B,N,J], over the same pixels j."""
    a, b = flat(a), flat(b)
    pixels = tf.range(tf.shape(a)[1])
    if a.shape[1] is None or a.shape[1] > others:
        pixels = tf.random.experimental.stateless_shuffle(pixels, seed)[:others]
    return (soft_order(m[:, :, None] - tf.gather(m, pixels, axis=1)[:, None], m, scale) for m in (a, b))
