"""Integrated Gradients of an intermediate layer (RAR Lemma 1 and Eq. 3).

    IG_{h_i} = sum_k w_k  df/dh_i (h(r(t_k))) * d h_i(r(t)) / dt at t_k,    r(t) = x0 + t (x - x0)

The inner sum of the lemma over pixels is the derivative of h_i along the path, here by forward-mode differentiation.
For h the input itself this is Integrated Gradients; for h the score itself it is the change of the score.
"""

import keras
import tensorflow as tf

from tfrobust.attributions.quadrature import quadrature, stratified
from tfrobust.attributions.scores import SCORES
from tfrobust.attributions.split import split_at


def layer_integrated_gradients(
    network: keras.Model,
    layer: str,
    score: str,
    x: tf.Tensor,
    y: tf.Tensor,
    *,
    baseline: tf.Tensor | None = None,
    steps: int = 50,
    rule: str = "right",
    seed: tf.Tensor | None = None,
) -> tf.Tensor:
    """Integrated Gradients of a score, attributed to the outputs of a layer instead of the pixels.

    Args:
        network: logits out.
        layer: the name of the layer; every path through the network must pass it.
        score: what is attributed, a name of `names.SCORES`.
        x: images [B,H,W,C].
        y: classes [B].
        baseline: where the path begins, anything that broadcasts to x; None: black (zeros).
        steps: number of intervals of the path.
        rule: right, left, trapezoid or gauss_legendre, see `quadrature`.
        seed: [2], stateless; with it the points are drawn in the place of those of the rule (see `stratified`).

    Returns:
        [B,...] of the shape of the layer's output, in units of the score; differentiable.

    Raises:
        InputError: where the network has no such layer, or a path passes it by.
    """
    head, tail = split_at(network, layer)
    x0 = tf.zeros_like(x) if baseline is None else tf.zeros_like(x) + baseline
    points, weights = quadrature(rule, steps) if seed is None else stratified(steps, seed)
    m = points.shape[0]
    t = tf.reshape(points, [-1, 1, 1, 1, 1])
    shape = tf.concat([[-1], tf.shape(x)[1:]], axis=0)
    path = tf.reshape(x0[tf.newaxis] + t * (x - x0)[tf.newaxis], shape)
    velocity = tf.tile(x - x0, [m, 1, 1, 1])
    with tf.autodiff.ForwardAccumulator(path, velocity) as forward:
        h = head(path, training=False)
    dh_dt = forward.jvp(h)
    with tf.GradientTape() as tape:
        tape.watch(h)
        value = SCORES[score](tf.tile(y, [m]), tail(h, training=False))
    terms = tape.gradient(value, h) * dh_dt
    return tf.tensordot(tf.constant(weights), tf.reshape(terms, tf.concat([[m, -1], tf.shape(h)[1:]], axis=0)), axes=1)
