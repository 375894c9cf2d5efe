"""The neighbourhoods N(x, eps) of the papers: all images in [0, 1] within eps of x, in l-infinity or in l2.

A ball has three operations: `sample` draws a point, `ascend` takes one step along a gradient, `project` moves an image
back into the ball.  With eps = 0 each of them, projected, ends at x itself.
"""

from dataclasses import dataclass, replace
from typing import TypeAlias

import tensorflow as tf

from tfrobust.checks import check_choice, check_number
from tfrobust.distribution import draw_by_image, draw_for_replica
from tfrobust.names import BALLS
from tfrobust.types import InputError

Eps: TypeAlias = float | tf.Tensor
_TINY = 1e-12


def _norm(v):
    """The l2 norm of each image of v [B,H,W,C], as [B,1,1,1]."""
    axes = tf.range(1, tf.rank(v))
    return tf.sqrt(tf.reduce_sum(v * v, axis=axes, keepdims=True))


def _each(draw, x, seed):
    """draw(seed, shape) for the whole batch x with a seed [2], or image by image with seeds [B,2]."""
    seed = tf.convert_to_tensor(seed)
    if seed.shape.rank == 1:
        return draw_for_replica(lambda shape: draw(seed, shape), tf.shape(x))
    shape = tf.shape(x)[1:]
    return draw_by_image(lambda s: draw(s, shape), seed, dtype=x.dtype)


@dataclass(frozen=True)
class Ball:
    """The images near a given one; the base class of `LinfBall` and `L2Ball`.

    Attributes:
        eps: radius, in units of the pixel range [0, 1].
    """

    eps: Eps

    def shrunk(self, factor: Eps) -> "Ball":
        """The same ball with eps multiplied by `factor`, which may be a tensor."""
        return replace(self, eps=self.eps * factor)

    def ascend(self, x_adv: tf.Tensor, g: tf.Tensor, step_size: Eps) -> tf.Tensor:
        """One step of steepest ascent: the image moved by step_size, in the norm of the ball, along the gradient g."""
        raise NotImplementedError

    def project(self, x_adv: tf.Tensor, x: tf.Tensor) -> tf.Tensor:
        """The image x_adv brought back to within eps of x and inside [0, 1]; all are [B,H,W,C]."""
        raise NotImplementedError

    def _offset(self, x, seed):
        raise NotImplementedError

    def sample(self, x: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """Draws a point of the ball around each image uniformly, cut to [0, 1].

        Args:
            x: images [B,H,W,C].
            seed: [2], for draws by the place in the (global) batch, or [B,2] for draws that do not depend on which
              images share a batch.

        Returns:
            Images [B,H,W,C].
        """
        return self.project(x + self._offset(x, seed), x)


class LinfBall(Ball):
    """The images all of whose pixels are within eps of those of x (l-infinity)."""

    def _offset(self, x, seed):
        return self.eps * _each(lambda s, shape: tf.random.stateless_uniform(shape, s, -1.0, 1.0, x.dtype), x, seed)

    def ascend(self, x_adv: tf.Tensor, g: tf.Tensor, step_size: Eps) -> tf.Tensor:
        """One step of steepest ascent in l-infinity: step_size times the sign of the gradient.

        Args:
            x_adv: images [B,H,W,C] where the step starts.
            g: gradient [B,H,W,C] there.
            step_size: length of the step, in units of the pixel range [0, 1]; a number or [B,1,1,1].

        Returns:
            Images [B,H,W,C], which may lie outside of the ball: see `project`.
        """
        return x_adv + step_size * tf.sign(g)

    def project(self, x_adv: tf.Tensor, x: tf.Tensor) -> tf.Tensor:
        """The image nearest to x_adv that is within eps of x and inside [0, 1]; all are [B,H,W,C]."""
        return tf.clip_by_value(tf.clip_by_value(x_adv, x - self.eps, x + self.eps), 0.0, 1.0)


class L2Ball(Ball):
    """The images within Euclidean distance eps of x (l2)."""

    def _offset(self, x, seed):
        v = _each(lambda s, shape: tf.random.stateless_normal(shape, s, dtype=x.dtype), x, seed)
        pixels = tf.cast(tf.size(x[0]), x.dtype)
        u = _each(lambda s, shape: tf.random.stateless_uniform(shape, s + 1, dtype=x.dtype), x[:, :1, :1, :1], seed)
        return self.eps * u ** (1.0 / pixels) * v / tf.maximum(_norm(v), _TINY)

    def ascend(self, x_adv: tf.Tensor, g: tf.Tensor, step_size: Eps) -> tf.Tensor:
        """One step of Euclidean length step_size along the gradient.

        Args:
            x_adv: images [B,H,W,C] where the step starts.
            g: gradient [B,H,W,C] there; a zero gradient moves nothing.
            step_size: length of the step; a number or [B,1,1,1].

        Returns:
            Images [B,H,W,C], which may lie outside of the ball: see `project`.
        """
        return x_adv + step_size * tf.math.divide_no_nan(g, _norm(g))

    def project(self, x_adv: tf.Tensor, x: tf.Tensor) -> tf.Tensor:
        """x_adv pulled to within eps of x, then cut to [0, 1] (which never lengthens the offset); all [B,H,W,C]."""
        v = x_adv - x
        v = v * tf.minimum(1.0, tf.math.divide_no_nan(tf.cast(self.eps, v.dtype), _norm(v)))
        return tf.clip_by_value(x + v, 0.0, 1.0)


def make_ball(norm: str, eps: float) -> Ball:
    """Makes a ball from its name and radius.

    Args:
        norm: linf or l2.
        eps: radius, in units of the pixel range [0, 1].

    Raises:
        InputError: for an unknown norm, an eps that is negative or not finite, and an eps above 1 in l-infinity.
    """
    check_choice("norm", norm, BALLS)
    check_number("eps, in units of the pixel range [0, 1],", eps)
    if norm == "linf" and eps > 1:
        raise InputError(f"eps must be at most 1: images live in [0, 1]; got {eps} (write 8/255, not 8)")
    return BALLS[norm](eps)
