"""A sum of parts in the memory of one of them, in its derivatives too.

The parts are first summed one by one without recording anything; when the cotangent of the sum comes back, each part is
replayed against it and forgotten.  That is exact, not an approximation, because what follows depends on the parts only
through their sum.
"""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf


def chunked_sum(
    part: Callable[..., tf.Tensor],
    sources: tuple[tf.Tensor, ...],
    parts: int,
    *,
    like: tf.Tensor,
    differentiates: bool,
) -> tf.Tensor:
    """sum_i part(i, *sources) for i = 0, ..., parts - 1.

    Args:
        part: (i, *sources) -> a tensor of the shape of `like`; it depends on no other tensors that are to be
          differentiated by, but for variables.
        sources: the tensors by which the sum can be differentiated, beside the variables that `part` uses.
        parts: their number.
        like: a tensor of the shape and the dtype of the sum.
        differentiates: whether a part takes gradients itself.  Then what is said of memory holds in graphs alone: a
          tape around eager calls holds all parts.

    Returns:
        The sum.  It is differentiable once more than `part` is called: what differentiates it keeps one part at a time.
    """

    @tf.custom_gradient
    def total(*sources):
        def add(i, total):
            return i + 1, total + part(i, *sources)

        def replay(cotangent, variables=None):
            everything = (*sources, *(variables or ()))

            def add_gradients(i, totals):
                with tf.GradientTape() as tape:
                    tape.watch(sources)
                    product = tf.reduce_sum(part(i, *sources) * cotangent)
                grads = tape.gradient(product, everything, unconnected_gradients=tf.UnconnectedGradients.ZERO)
                return i + 1, tuple(total + g for total, g in zip(totals, grads))

            grads = _each_part(add_gradients, tuple(tf.zeros_like(s) for s in everything))[1]
            of_sources = grads[: len(sources)]
            return (of_sources, list(grads[len(sources) :])) if variables else of_sources

        forward = lambda *sources: _each_part(add, tf.zeros_like(like))[1]  # noqa: E731
        if tf.executing_eagerly() and not differentiates:  # A tape outside would hold each part; a graph holds none.
            forward = tf.recompute_grad(forward)  # It stops all tapes, those within the parts too.
        return forward(*sources), replay

    def _each_part(body, start):
        return tf.while_loop(
            lambda i, _: i < parts, body, (tf.constant(0), start), parallel_iterations=1, maximum_iterations=parts
        )

    return total(*sources)
