"""Pruning: the smallest weights become zero by a schedule, and stay zero when a run resumes."""

import keras
import numpy as np
import pytest

from tests.helpers import run_tests, shallow_network, small_network
from tfrobust.data import load, training_batches
from tfrobust.objectives import make_objective
from tfrobust.training import TrainingSpec, train
from tfrobust.training.pruning import prune, sparsity_at
from tfrobust.types import InputError


def kernels(network):
    return [np.array(w) for w in network.trainable_variables if len(w.shape) > 1]


def test_the_smallest_weights_go_and_the_others_stay():
    network = small_network()
    before = kernels(network)
    prune(network, 0.95)
    for w, old in zip(kernels(network), before):
        n = round(0.95 * w.size)
        assert np.sum(w == 0) == n
        assert np.array_equal(np.sort(np.abs(w), axis=None)[n:], np.sort(np.abs(old), axis=None)[n:])
    prune(network, 0.0)
    assert all(np.sum(w == 0) == round(0.95 * w.size) for w in kernels(network))


def test_the_schedule_begins_at_zero_and_ends_at_the_sparsity():
    values = [sparsity_at(step, 100, 0.9) for step in range(101)]
    assert values[20] == 0 and values[70] == values[100] == pytest.approx(0.9)
    assert values == sorted(values) and values[45] == pytest.approx(0.9 * (1 - 0.5**3))


def run(network, steps, directory=None, callbacks=()):
    train(
        network,
        make_objective("natural"),
        lambda start, *part: training_batches(load("digits"), 50, 0, start),
        1400,
        TrainingSpec(steps, 50, [5e-3], sparsity=0.9),
        directory=directory,
        callbacks=lambda start: callbacks,
    )
    return network


@pytest.mark.exhaustive  # That the smallest weights go, when, and that so many stay zero is seen above and below.
def test_a_sparse_network_still_classifies():
    digits, network = load("digits"), run(small_network(), 150)
    zeros = sum(np.sum(w == 0) for w in kernels(network)) / sum(w.size for w in kernels(network))
    assert zeros == pytest.approx(0.9, abs=0.002)
    accuracy = np.mean(np.argmax(network(digits.x_test), axis=1) == digits.y_test)
    assert accuracy > 0.85


def test_a_stopped_run_ends_with_the_weights_of_the_run_that_was_not(tmp_path, eagerly):
    """Stopped in the middle of the schedule, when a part of the weights is zero."""
    whole, directory = run(shallow_network(), 8), str(tmp_path)
    stopped = shallow_network()
    with pytest.raises(KeyboardInterrupt):
        run(stopped, 8, directory, [StopAt(4)])
    zeros = sum(np.sum(w == 0) for w in kernels(stopped)) / sum(w.size for w in kernels(stopped))
    assert 0.1 < zeros < 0.89
    resumed = run(shallow_network(), 8, directory)
    zeros = sum(np.sum(w == 0) for w in kernels(resumed)) / sum(w.size for w in kernels(resumed))
    assert zeros == pytest.approx(0.9, abs=0.002)
    assert all(np.array_equal(a, b) for a, b in zip(whole.get_weights(), resumed.get_weights()))


class StopAt(keras.callbacks.Callback):
    def __init__(self, step):
        super().__init__()
        self.step = step

    def on_train_batch_end(self, batch, logs=None):
        if batch + 1 == self.step:
            raise KeyboardInterrupt


def test_a_share_outside_its_range_is_refused():
    for wrong in (-0.1, 1.0):
        with pytest.raises(InputError, match="sparsity"):
            TrainingSpec(10, 5, [1e-3], sparsity=wrong)


if __name__ == "__main__":
    run_tests(__file__)
