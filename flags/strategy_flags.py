"""The flags of a strategy: on which devices a verb works."""

import tensorflow as tf
from absl import flags

from tfrobust.replicas import STRATEGIES, make_strategy


def define(fv: flags.FlagValues) -> None:
    """On which devices: the results are the same, but for networks that look at a whole batch (docs/scale.md)."""
    flags.DEFINE_enum(
        "strategy",
        "none",
        STRATEGIES,
        "none: one device; mirrored: the GPUs of this machine; multi_worker: the processes of TF_CONFIG; tpu.",
        flag_values=fv,
    )
    flags.DEFINE_integer(
        "replicas",
        None,
        "mirrored: GPUs used (all unless given), or logical CPUs where there are none.",
        flag_values=fv,
    )
    flags.DEFINE_string("tpu", None, "tpu: its name or address (that of this machine unless given).", flag_values=fv)


def from_flags(fv: flags.FlagValues) -> tf.distribute.Strategy:
    """The strategy, to be made before anything is computed; raises InputError where its devices are not there."""
    return make_strategy(fv.strategy, fv.replicas, fv.tpu)
