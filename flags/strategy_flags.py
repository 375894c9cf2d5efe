"""The flags of a strategy: on which devices a verb works."""

from absl import flags

from tfrobust.names import STRATEGIES

LOCAL = ("none", "mirrored")  # Of verbs that one process runs.


def define(fv: flags.FlagValues) -> None:
    """On which devices: the results are the same, but for networks that look at a whole batch (docs/scale.md)."""
    flags.DEFINE_enum(
        "strategy",
        "none",
        STRATEGIES,
        "none: one device; mirrored: the GPUs of this machine; multi_worker: the processes of TF_CONFIG; tpu.",
        flag_values=fv,
    )
    _define_replicas(fv)
    flags.DEFINE_string("tpu", None, "tpu: its name or address (that of this machine unless given).", flag_values=fv)


def define_of_one_process(fv: flags.FlagValues) -> None:
    """On which devices of this machine: the results are the same, but for networks that look at a whole batch."""
    flags.DEFINE_enum(
        "strategy",
        "none",
        LOCAL,
        "none: one device; mirrored: the GPUs of this machine (docs/scale.md).",
        flag_values=fv,
    )
    _define_replicas(fv)


def _define_replicas(fv: flags.FlagValues) -> None:
    flags.DEFINE_integer(
        "replicas",
        None,
        "mirrored: GPUs used (all unless given), or logical CPUs where there are none.",
        flag_values=fv,
    )


def from_flags(fv: flags.FlagValues):
    """The tf.distribute.Strategy, to be made before anything is computed; raises InputError where its devices are not
    there."""
    from tfrobust.distribution import make_strategy

    return make_strategy(fv.strategy, fv.replicas, fv.tpu if "tpu" in fv else None)
