"""The random numbers of a corruption, made example by example: which images share a batch changes none of them."""

import zlib
from typing import NamedTuple

import tensorflow as tf

_fold_in = tf.random.experimental.stateless_fold_in
_as_it_is = tf.autograph.experimental.do_not_convert  # Converted at each call, it would take twice as long.


class Draws(NamedTuple):
    """seeds: [B,2] int32, one of each example.  A tag tells the draws of one corruption apart; none knows the severity,
    so that a higher one adds to the same noise, the same flakes, the same drops."""

    seeds: tf.Tensor

    @classmethod
    def of(cls, name: str, seed: int, examples) -> "Draws":
        """Those of the corruption `name` for the examples with these numbers [B]."""
        own = zlib.crc32(f"{name} {seed}".encode()) % 2**31
        examples = tf.cast(examples, tf.int32)
        return cls(tf.stack([tf.fill(tf.shape(examples), tf.constant(own, tf.int32)), examples], axis=1))

    def _each(self, tag, draw, *of_each):
        @_as_it_is
        def one(seed_and_more):
            seed, *more = seed_and_more
            return draw(_fold_in(seed, tag), *more)

        return tf.map_fn(one, (self.seeds, *of_each), fn_output_signature=tf.float32)

    def normal(self, tag: int, shape) -> tf.Tensor:
        """[B,*shape], standard normal."""
        return self._each(tag, lambda s: tf.random.stateless_normal(shape, s))

    def uniform(self, tag: int, shape, low: float = 0.0, high: float = 1.0) -> tf.Tensor:
        """[B,*shape], uniform in [low, high)."""
        return self._each(tag, lambda s: tf.random.stateless_uniform(shape, s, low, high))

    def uniforms(self, tag: int, shapes, low: float = 0.0, high: float = 1.0) -> list[tf.Tensor]:
        """`uniform` of the tags from `tag` on, one of each shape: one loop over the examples in the place of many."""

        @_as_it_is
        def one(seed):
            return [tf.random.stateless_uniform(s, _fold_in(seed, tag + i), low, high) for i, s in enumerate(shapes)]

        return tf.map_fn(one, self.seeds, fn_output_signature=[tf.float32] * len(shapes))

    def poisson(self, tag: int, rates: tf.Tensor) -> tf.Tensor:
        """Counts of the rates [B,...], of their shape."""
        draw = tf.random.stateless_poisson
        return self._each(tag, lambda s, rate: draw(tf.shape(rate), s, rate, tf.float32), rates)
