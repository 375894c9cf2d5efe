"""Makes TensorFlow's distribution strategies by name; a strategy says on which devices the replicas are."""

import functools
import json
import os
from typing import NamedTuple

import tensorflow as tf

from tfrobust.checks import check_choice
from tfrobust.names import STRATEGIES
from tfrobust.types import InputError

JOBS = ("chief", "worker")


class Task(NamedTuple):
    """What one process of several is.

    Attributes:
        job: "chief" or "worker".
        index: its number among those of that job.
        workers: how many processes there are.
    """

    job: str
    index: int  # type: ignore[assignment]  # A field, not the method of a tuple.
    workers: int


def task_of(tf_config: str | None) -> Task:
    """What TF_CONFIG says this process is.

    Args:
        tf_config: the value of the environment variable; None where it is not set.

    Raises:
        InputError: where it says nothing that can be used.
    """
    hint = 'such as {"cluster": {"worker": ["HOST:PORT", "HOST:PORT"]}, "task": {"type": "worker", "index": 0}}'
    if not tf_config:
        raise InputError(f"multi_worker needs the environment variable TF_CONFIG in every process, {hint}")
    try:
        config = json.loads(tf_config)
        cluster = {job: list(config["cluster"][job]) for job in config["cluster"]}
        job, index = config["task"]["type"], int(config["task"]["index"])
        cluster[job][index]
    except (ValueError, KeyError, TypeError, IndexError, AttributeError) as e:
        raise InputError(f"TF_CONFIG must be JSON, {hint}, with a task that is in the cluster") from e
    if set(cluster) - set(JOBS):
        raise InputError(
            f"TF_CONFIG: the jobs of a training cluster are {' and '.join(JOBS)}; got {', '.join(cluster)}"
        )
    return Task(job, index, sum(map(len, cluster.values())))


def make_strategy(name: str, replicas: int | None = None, tpu: str | None = None) -> tf.distribute.Strategy:
    """The strategy of that name, to be made before anything is computed.

    Args:
        name: none: one device, as TensorFlow chooses it.  mirrored: the GPUs of this machine, or without GPUs logical
          CPUs.  multi_worker: the processes that TF_CONFIG names, each with all GPUs it sees; waits for all of them.
          tpu: a TPU.
        replicas: of mirrored: how many GPUs, or logical CPUs; None: all of them.
        tpu: name or address of the TPU; None: the one that this machine has.

    Raises:
        InputError: for an unknown name, settings of another strategy, and where there are no such devices.
    """
    check_choice("strategy", name, STRATEGIES)
    if replicas is not None and (name != "mirrored" or replicas < 1):
        raise InputError(
            "replicas are a number of 1 or more, and belong to strategy mirrored: others have what is there"
        )
    if tpu is not None and name != "tpu":
        raise InputError("the name of a TPU belongs to strategy tpu")
    if name == "mirrored":
        return _mirrored(tuple(_devices(replicas)))
    if name == "multi_worker":
        task_of(os.environ.get("TF_CONFIG"))
        return tf.distribute.MultiWorkerMirroredStrategy()
    return _tpu(tpu) if name == "tpu" else tf.distribute.get_strategy()


# Cached, because a second strategy on the same devices would number its collective operations from the start again.
@functools.cache
def _mirrored(devices):
    return tf.distribute.MirroredStrategy(list(devices))


def _devices(replicas):
    """The GPUs, or, where there are none, logical CPUs."""
    gpus = [gpu.name for gpu in tf.config.list_logical_devices("GPU")] if tf.config.list_physical_devices("GPU") else []
    if gpus:
        if replicas is not None and replicas > len(gpus):
            raise InputError(f"{replicas} replicas need as many GPUs; this machine has {len(gpus)}")
        return gpus[:replicas]
    if replicas is None:
        raise InputError("no GPU here: give the number of replicas, and the CPU is split into as many to try it out")
    cpu = tf.config.list_physical_devices("CPU")[0]
    try:
        tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * replicas)
    except RuntimeError:
        pass  # TensorFlow has been initialized already, and keeps the devices that it has.
    cpus = [device.name for device in tf.config.list_logical_devices("CPU")]
    if replicas > len(cpus):
        raise InputError(f"{replicas} replicas need as many logical CPUs; TensorFlow was started with {len(cpus)}")
    return cpus[:replicas]


def _tpu(name):
    try:
        resolver = tf.distribute.cluster_resolver.TPUClusterResolver(tpu=name or "local")
        if name and name != "local":
            tf.config.experimental_connect_to_cluster(resolver)
        tf.tpu.experimental.initialize_tpu_system(resolver)
    except (ValueError, RuntimeError, OSError, tf.errors.OpError) as e:
        raise InputError(
            f"no TPU {name or 'on this machine'} ({str(e)[:200]}): name one, or choose another strategy"
        ) from e
    return tf.distribute.TPUStrategy(resolver)
