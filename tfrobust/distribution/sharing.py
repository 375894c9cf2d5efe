"""Computes a function of a batch in parts: each replica takes its share of the rows."""

from collections.abc import Callable

import tensorflow as tf


def shard_over_replicas(function: Callable) -> Callable:
    """The `function` traced (`tf.function`); with several replicas, each computes its part of the rows.

    On several machines each process hands in the same batch and gets the whole result.  Where B does not divide, the
    last row is repeated for as long as it takes and cut off again: every replica has work of the same shape, which is
    what collective operations and TPUs want.

    Args:
        function: tensors -> a tensor or tuple of tensors, everything [B,...] with one row per image, no row depending
          on another; arguments without axes go to every replica as they are.
    """
    strategy = tf.distribute.get_strategy()
    replicas = strategy.num_replicas_in_sync
    if replicas == 1:
        return tf.function(function, reduce_retracing=True, autograph=False)

    def together(value):
        """The rows of all replicas in their order."""
        here = strategy.experimental_local_results(value)
        return tf.concat(here, axis=0) if len(here) == replicas else strategy.gather(value, axis=0)

    def on_all(args):
        return tf.nest.map_structure(together, strategy.run(function, args))

    traced = tf.function(on_all, reduce_retracing=True, autograph=False)

    def part(value, each):
        if not value.shape.rank:
            return value
        padding = each * replicas - len(value)
        if padding:
            value = tf.concat([value, tf.repeat(value[-1:], padding, axis=0)], axis=0)

        def rows(context):
            first = context.replica_id_in_sync_group * each
            return value[first : first + each]

        return strategy.experimental_distribute_values_from_function(rows)

    def call(*args):
        args = [tf.convert_to_tensor(arg) for arg in args]
        images = next(len(arg) for arg in args if arg.shape.rank)
        parts = tuple(part(arg, -(-images // replicas)) for arg in args)
        return tf.nest.map_structure(lambda v: v[:images], traced(parts))

    return call
