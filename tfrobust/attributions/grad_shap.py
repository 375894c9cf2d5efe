"""GradSHAP, also called Expected Gradients (Lundberg & Lee, 2017; Erion et al., 2021): Integrated Gradients with a
random baseline and a random point of the path.

    GS(x) = 1/S sum_s (x - x0_s) * grad score(x0_s + t_s (x - x0_s)),    t_s uniform in [0, 1]
"""

import tensorflow as tf

from tfrobust.attributions.gradient import gradients


def grad_shap(score, x: tf.Tensor, y: tf.Tensor, baselines: tf.Tensor, seed=(0, 0)) -> tf.Tensor:
    """[B,H,W,C]; differentiable.  baselines: [S,H,W,C], one for each sample, the same for every image; the points are
    drawn one to each of S equal parts of [0, 1] in random order, which keeps the mean and lowers its error.

    Completeness: the sum over H, W, C tends to score(x, y) - mean_s score(x0_s, y) as S grows.
    """
    samples = tf.shape(baselines)[0]
    within, order = tf.unstack(tf.random.experimental.stateless_split(seed, 2))
    strata = tf.random.experimental.stateless_shuffle(tf.range(samples), order)
    t = (tf.cast(strata, x.dtype) + tf.random.stateless_uniform([samples], within)) / tf.cast(samples, x.dtype)
    x0 = baselines[:, tf.newaxis]
    path = x0 + tf.reshape(t, [-1, 1, 1, 1, 1]) * (x - x0)
    return tf.reduce_mean((x - x0) * gradients(score, path, y), axis=0)
