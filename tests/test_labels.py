"""Labels that cannot be are refused alike wherever they come from: which one, how many classes, what to do."""

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf

import tfrobust
from tests.helpers import images, run_tests, shallow_network
from tfrobust.data import make_image_data
from tfrobust.downstream.heatmaps import cam
from tfrobust.evaluation import Suite, evaluate
from tfrobust.labels import check_labels
from tfrobust.types import InputError

X = images(4)[0].numpy()
Y = np.array([0, 3, 9, 1])


@functools.cache
def untrained():
    return shallow_network()


@functools.cache
def natural_model():
    model = tfrobust.robustify(untrained(), "natural")
    model.compile()
    return model


def fit(y):
    natural_model().fit(X, y, verbose=0)


def fit_batches(y):
    """The batch that is wrong is the third, where it can be: the first is looked at outside a graph."""
    good, wrong = (tf.data.Dataset.from_tensor_slices((X, each)).batch(4) for each in (Y.astype(y.dtype), y))
    natural_model().fit(good.repeat(2).concatenate(wrong) if y.ndim == 1 else wrong, verbose=0)


def class_maps(y):
    image = keras.Input((8, 8, 1))
    h = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(4, 3)(image))
    cam(keras.Model(image, keras.layers.Dense(10)(h)), X, y)


DOORS = {
    "attribute": lambda y: tfrobust.attribute(untrained(), X, y),
    "evaluate": lambda y: evaluate(untrained(), X, y, Suite("s")),
    "class activation maps": class_maps,
    "fit": fit,
    "fit on batches": fit_batches,
    "data": lambda y: make_image_data("d", np.repeat(X, 10, axis=0), np.arange(40) % 10, X, y),
}
OUTSIDE = r"must lie in 0\.\.9, as there are 10 classes and the first is 0: .*; found "
WRONG = {
    "too high": (np.array([0, 3, 10, 1]), OUTSIDE + r"10( \(image 2\))?$"),
    "below": (np.array([0, -1, 9, 1]), OUTSIDE + r"-1( \(image 1\))?$"),
    "a fraction": (np.array([0, 0.5, 9, 1]), r"must be whole numbers, one per image; found 0\.5( \(image 1\))?$"),
    "one-hot": (np.eye(10)[Y], r"must be whole numbers, one per image.*; got \[.*, 10\]: take y\.argmax\(axis=1\)"),
}


@pytest.mark.parametrize("name", WRONG)
@pytest.mark.parametrize("door", DOORS)
def test_every_door_refuses_them_in_the_same_words(door, name):
    y, words = WRONG[name]
    with pytest.raises(InputError, match=words) as refused:
        DOORS[door](y)
    assert door == "fit on batches" or name == "one-hot" or "(image" in str(refused.value)


def test_labels_are_taken_as_they_come():
    for y in (Y, Y.astype(np.uint8), Y.astype(np.float32), Y[:, None], list(Y), tf.constant(Y)):
        got = check_labels(y, 4, 10)
        assert got.dtype == np.int32 and got.tolist() == Y.tolist()
    with pytest.raises(InputError, match=r"labels must be .* one per image \(3\); got \[4\]$"):
        check_labels(Y, 3, 10)
    with pytest.raises(InputError, match="first is 0: give y - 1; found 10"):
        check_labels(Y + 1, 4, 10)
    for y in (Y.astype(str), Y > 2, np.array([0, 1, np.nan, 2]), np.array([0, 1, np.inf, 2])):
        with pytest.raises(InputError, match="found"):
            check_labels(y, 4, 10)
    with pytest.raises(InputError, match=r"y_train must be 0 or more.*; found -1 \(image 0\)"):
        check_labels(Y - 1, 4, name="y_train")


if __name__ == "__main__":
    run_tests(__file__)
