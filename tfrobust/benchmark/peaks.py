"""What the processor reaches at best: a product of two large matrices, and a convolution of the MNIST network."""

import tensorflow as tf

from tfrobust.benchmark.operations import count_operations, giga
from tfrobust.benchmark.turns import take_turns, timed

SIDE = 2048  # Rows and columns of the matrices.
IMAGES = 500  # Of the convolution: 14 x 14 pixels, 32 to 64 channels, kernels of 5 x 5.


def measure_peaks(rounds: int = 5, side: int = SIDE, images: int = IMAGES) -> dict[str, float]:
    """GFLOP/s of TensorFlow's own kernels in float32.

    Args:
        rounds: of which the median counts.
        side: rows and columns of the matrices.
        images: of the convolution.

    Returns:
        matrix and convolution -> 10^9 operations in a second.
    """
    random = tf.random.Generator.from_seed(0).uniform
    inputs = {
        "matrix": (tf.linalg.matmul, random([side, side]), random([side, side])),
        "convolution": (_convolution, random([images, 14, 14, 32]), random([5, 5, 32, 64])),
    }
    traced = {name: tf.function(f).get_concrete_function(*args) for name, (f, *args) in inputs.items()}

    def work(name):
        # The sum ends the work without a copy of the result.
        return timed(lambda: {"sum": tf.reduce_sum(traced[name](*inputs[name][1:])).numpy()})

    times, _ = take_turns({name: work(name) for name in traced}, rounds)
    return {name: giga(count_operations(traced[name]), each.median) for name, each in times.items()}


def _convolution(x, kernel):
    return tf.nn.conv2d(x, kernel, 1, "SAME")
