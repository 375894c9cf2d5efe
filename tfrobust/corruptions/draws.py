"""Random numbers of a corruption, drawn for each image by itself, so that they do not depend on the batch it is in."""

import zlib
from collections.abc import Sequence
from typing import NamedTuple

import tensorflow as tf

from tfrobust.distribution import draw_by_image

_fold_in = tf.random.experimental.stateless_fold_in


class Draws(NamedTuple):
    """Random draws for the images of a batch.

    A tag, a whole number, sets the draws of one corruption apart from each other.  No draw depends on the severity: a
    higher one has the same noise, flakes or drops, only stronger.

    Attributes:
        seeds: [B,2] int32, one of each image.
    """

    seeds: tf.Tensor

    @classmethod
    def of(cls, name: str, seed: int, examples: tf.Tensor) -> "Draws":
        """The draws of a corruption.

        Args:
            name: of the corruption.
            seed: random seed.
            examples: numbers [B] of the images in the data set.
        """
        own = zlib.crc32(f"{name} {seed}".encode()) % 2**31
        examples = tf.cast(examples, tf.int32)
        return cls(tf.stack([tf.fill(tf.shape(examples), tf.constant(own, tf.int32)), examples], axis=1))

    def _each(self, tag, draw, *of_each):
        one = lambda seed, *more: draw(_fold_in(seed, tag), *more)  # noqa: E731
        return draw_by_image(one, self.seeds, *of_each, dtype=tf.float32)

    def normal(self, tag: int, shape: Sequence[int]) -> tf.Tensor:
        """Standard normal numbers [B,*shape]."""
        return self._each(tag, lambda s: tf.random.stateless_normal(shape, s))

    def uniform(self, tag: int, shape: Sequence[int], low: float = 0.0, high: float = 1.0) -> tf.Tensor:
        """Numbers that are uniform in a range.

        Args:
            tag: of the draw.
            shape: of the numbers of one image.
            low: the lower end of the range.
            high: its upper end, excluded.

        Returns:
            [B,*shape].
        """
        return self._each(tag, lambda s: tf.random.stateless_uniform(shape, s, low, high))

    def uniforms(
        self, tag: int, shapes: Sequence[Sequence[int]], low: float = 0.0, high: float = 1.0
    ) -> list[tf.Tensor]:
        """Several draws of `uniform` in one loop over the images, which is faster.

        Args:
            tag: of the first draw; the following ones have the following tags.
            shapes: of the draws, without the axis of images.
            low: the lower end of the range.
            high: its upper end, excluded.

        Returns:
            Numbers [B,*shape] for each shape.
        """

        def one(seed):
            return [tf.random.stateless_uniform(s, _fold_in(seed, tag + i), low, high) for i, s in enumerate(shapes)]

        return draw_by_image(one, self.seeds, dtype=[tf.float32] * len(shapes))

    def poisson(self, tag: int, rates: tf.Tensor) -> tf.Tensor:
        """Poisson-distributed counts with these rates [B,...], of their shape."""
        draw = tf.random.stateless_poisson
        return self._each(tag, lambda s, rate: draw(tf.shape(rate), s, rate, tf.float32), rates)
