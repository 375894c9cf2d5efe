"""Which kernels TensorFlow computes with on this processor, and what the processor can do.

TensorFlow switches its oneDNN kernels on by itself only on x86 processors with AVX-512 VNNI, bfloat16 or AMX.  On other
x86 processors the networks of this library run about half as fast as they could, until TF_ENABLE_ONEDNN_OPTS=1 is set
before TensorFlow is imported (docs/performance.md).  Results differ in the last bits, so what was in force belongs to a
result.
"""

import functools
import logging
import os
import platform

import numpy as np

from tfrobust.errors import InputError

VARIABLE = "TF_ENABLE_ONEDNN_OPTS"
X86 = ("x86_64", "amd64", "i386", "i686")
# With one of these TensorFlow switches the kernels on by itself, as Linux calls them.
ONEDNN_UNITS = frozenset({"avx512_vnni", "avx512_bf16", "avx512_fp16", "avx_vnni", "amx_tile", "amx_int8", "amx_bf16"})
BFLOAT16_UNITS = frozenset({"avx512_bf16", "amx_bf16"})


def is_x86() -> bool:
    """Whether this process runs on an x86 processor."""
    return platform.machine().lower() in X86


@functools.cache
def cpu_flags() -> frozenset[str] | None:
    """The units of the processor as Linux names them in /proc/cpuinfo; None where the system does not say."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
            line = next(line for line in file if line.startswith("flags"))
    except (OSError, StopIteration):
        return None
    return frozenset(line.partition(":")[2].split())


@functools.cache
def onednn() -> bool:
    """Whether TensorFlow computes with oneDNN's kernels on the CPU: whether its graphs hold them.

    The variable says only what was wanted: TensorFlow reads it once, when it starts.  A product of matrices is run in a
    graph of its own (0.05 s), and the graph that was executed says which kernel it was.
    """
    import tensorflow as tf

    v1 = tf.compat.v1
    with tf.Graph().as_default(), tf.device("/cpu:0"):
        x = v1.placeholder(tf.float32, [64, 64])
        product = tf.linalg.matmul(x, x)
        with v1.Session(config=v1.ConfigProto(device_count={"GPU": 0})) as session:
            said, options = v1.RunMetadata(), v1.RunOptions(output_partition_graphs=True)
            session.run(product, {x: np.zeros([64, 64], np.float32)}, options=options, run_metadata=said)
    return any(node.op.startswith("_Mkl") for graph in said.partition_graphs for node in graph.node)


def hint() -> str | None:
    """A line for somebody who waits longer than need be.

    None where the kernels are on, where somebody switched them off, and on processors on which TensorFlow decides well.
    """
    flags = cpu_flags()
    if not is_x86() or flags is None or flags & ONEDNN_UNITS or os.environ.get(VARIABLE) == "0" or onednn():
        return None
    return (
        f"TensorFlow's oneDNN kernels are off; here {VARIABLE}=1, set before TensorFlow is imported, makes "
        "networks about twice as fast (docs/performance.md)"
    )


@functools.cache
def say_hint() -> None:
    """Logs the line of `hint`, if there is one; once in a process."""
    line = hint()
    if line:
        logging.getLogger("tfrobust").warning(line)


def check_precision(precision: str) -> None:
    """Checks that this machine computes well in a precision.

    A fall-back to float32 would give other weights under the same settings.

    Args:
        precision: such as "float32" or "bfloat16".

    Raises:
        InputError: for bfloat16 where it would be several times slower than float32: on an x86 CPU without the units,
          with no GPU or TPU beside it.
    """
    flags = cpu_flags()
    if not precision.startswith("bfloat16") or not is_x86() or flags is None or flags & BFLOAT16_UNITS:
        return
    import tensorflow as tf

    if any(tf.config.list_logical_devices(kind) for kind in ("GPU", "TPU")):
        return
    raise InputError(
        f"precision {precision}: this processor has no bfloat16 units (avx512_bf16, amx_bf16) and would be several "
        "times slower than in float32: use float32, or a GPU or TPU"
    )
