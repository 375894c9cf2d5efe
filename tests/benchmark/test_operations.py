"""Operations that are known: of products, convolutions, their gradients, loops and branches."""

import pytest
import tensorflow as tf

from tests.helpers import run_tests
from tfrobust.benchmark.operations import count_operations, giga
from tfrobust.benchmark.peaks import measure_peaks
from tfrobust.errors import InputError

PRODUCT = 2 * 3 * 5 * 4  # Of [3,5] and [5,4].
CONVOLUTION = 2 * (2 * 6 * 6 * 8) * (3 * 3 * 4)  # Two images of 6 x 6, 4 to 8 channels, kernels of 3 x 3.


def counted(function, *shapes):
    specs = [tf.TensorSpec(shape) for shape in shapes]
    return count_operations(tf.function(function, autograph=False).get_concrete_function(*specs))


def convolution(x, k):
    return tf.nn.conv2d(x, k, 1, "SAME")


def gradient(x, k):
    with tf.GradientTape() as tape:
        tape.watch((x, k))
        value = tf.reduce_sum(convolution(x, k) ** 2)
    return tape.gradient(value, (x, k))


def test_products():
    assert counted(tf.linalg.matmul, [3, 5], [5, 4]) == PRODUCT
    assert counted(lambda a, b: tf.linalg.matmul(a, b, transpose_a=True), [5, 3], [5, 4]) == PRODUCT
    assert counted(lambda a, b: tf.linalg.matmul(a, b, transpose_b=True), [3, 5], [4, 5]) == PRODUCT


def test_a_convolution_and_its_gradients():
    shapes = [2, 6, 6, 4], [3, 3, 4, 8]
    assert counted(convolution, *shapes) == CONVOLUTION
    assert counted(gradient, *shapes) == 3 * CONVOLUTION


def test_a_loop_counts_as_often_as_it_runs():
    def loop(a):
        return tf.while_loop(lambda *_: True, lambda z: (a @ z,), (a,), maximum_iterations=7)

    assert counted(loop, [4, 4]) == 7 * 2 * 4**3


def test_of_branches_the_dearer_one():
    def branch(a):
        return tf.cond(tf.reduce_sum(a) > 0, lambda: a @ a, lambda: a)

    assert counted(branch, [4, 4]) == 2 * 4**3


def test_functions_within():
    within = tf.function(tf.linalg.matmul, autograph=False)
    assert counted(lambda a, b: within(a, b) + within(a, b), [3, 5], [5, 4]) == 2 * PRODUCT


def test_what_is_not_wanted_does_not_count():
    """TensorFlow traces the gradient by the kernel, too."""
    assert counted(lambda x, k: gradient(x, k)[0], [2, 6, 6, 4], [3, 3, 4, 8]) == 2 * CONVOLUTION

    def loop(a):
        return tf.while_loop(lambda *_: True, lambda z: (z + 0 * z, (a @ z, z)[1])[:1], (a,), maximum_iterations=7)

    assert counted(loop, [4, 4]) == 0


def test_what_cannot_be_counted_is_refused():
    with pytest.raises(InputError, match="does not say a shape"):
        counted(tf.linalg.matmul, [None, 5], [5, 4])

    def loop(a):
        return tf.while_loop(lambda z: tf.reduce_sum(z) < 1, lambda z: (a @ z,), (a,))

    with pytest.raises(InputError, match="how often it runs"):
        counted(loop, [4, 4])


def test_peaks_are_measured():
    peaks = measure_peaks(rounds=1, side=64, images=2)
    assert set(peaks) == {"matrix", "convolution"} and min(peaks.values()) > 0
    assert giga(3e9, 1.5) == 2


if __name__ == "__main__":
    run_tests(__file__)
