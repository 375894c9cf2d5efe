"""The graph of a run is let go with it: a process may train hundreds of networks, one after the other."""

import gc

import keras
import numpy as np
import pytest

import tfrobust
from tests.helpers import images, run_tests, shallow_network


def graphs_held():
    """Of functions of TensorFlow; those of layers, which it makes to learn shapes, are Keras' own."""
    keras.backend.clear_session()
    gc.collect()
    return sum(type(o).__name__ == "FuncGraph" and "scratch" not in o.name for o in gc.get_objects())


def fit():
    x, y = images(4)
    model = tfrobust.robustify(shallow_network(), "natural")
    model.compile("sgd")
    model.fit(np.asarray(x), np.asarray(y), verbose=0)


@pytest.mark.skipif(
    not hasattr(keras.optimizers.Optimizer, "aggregate_gradients"),
    reason="Keras 3's optimizers sum whatever they are given",
)
def test_a_graph_of_training_is_let_go_with_its_network():
    """Gradients summed over replicas once more, by the optimizer, would be held by TensorFlow to the process's end."""
    fit()
    before = graphs_held()
    fit()
    assert graphs_held() == before


if __name__ == "__main__":
    run_tests(__file__)
