"""The images of an audit: a few labelled ones from wherever images come."""

import os

import numpy as np
import pytest
import tensorflow as tf

from tests.helpers import run_tests
from tfrobust.data import load, load_labelled, to_unit
from tfrobust.types import InputError

X = np.random.RandomState(0).randint(0, 256, (30, 6, 6, 3)).astype(np.uint8)
Y = np.arange(30) % 7


@pytest.mark.parametrize("names", [("x", "y"), ("x_test", "y_test"), ("x_val", "y_val")])
def test_a_pair_of_arrays_is_enough(tmp_path, names):
    np.savez(tmp_path / "a.npz", **dict(zip(names, (X, Y))))
    got = load_labelled(str(tmp_path / "a.npz"), 12)
    rows = [int(name.removeprefix(f"{names[0]}[").removesuffix("]")) for name in got.names]
    assert len(set(rows)) == 12 and got.classes is None
    np.testing.assert_array_equal(got.x, to_unit(X[rows]))
    np.testing.assert_array_equal(got.y, Y[rows])
    assert load_labelled(str(tmp_path / "a.npz"), 12, seed=1).names != got.names


def test_the_number_of_classes_is_that_of_the_training_labels(tmp_path):
    np.savez(tmp_path / "a.npz", x=X, y=Y, y_train=np.arange(9))
    assert load_labelled(str(tmp_path / "a.npz"), 5).classes == 9


def test_a_data_set_by_name_gives_its_test_split():
    digits = load("digits")
    got = load_labelled("digits", 50)
    row = int(got.names[7].removeprefix("x_test[").removesuffix("]"))
    np.testing.assert_array_equal(got.x[7], to_unit(digits.x_test[row]))
    assert got.classes == 10


def test_of_a_folder_only_what_is_looked_at_is_decoded(tmp_path):
    for i, image in enumerate(X):
        path = tmp_path / "test" / f"c{Y[i]}" / f"{i}.png"
        tf.io.gfile.makedirs(str(path.parent))
        tf.io.gfile.makedirs(str(tmp_path / "train" / f"c{Y[i]}"))
        tf.io.write_file(str(path), tf.io.encode_png(image))
        (tmp_path / "train" / f"c{Y[i]}" / f"{i}.png").write_bytes(b"never looked at")
    got = load_labelled(str(tmp_path), 10)
    assert got.classes == 7 and len(got.names) == 10
    for image, label, name in zip(got.x, got.y, got.names):
        i = int(os.path.basename(name).removesuffix(".png"))
        assert name == os.path.join("test", f"c{Y[i]}", f"{i}.png") and label == Y[i]
        np.testing.assert_array_equal(image, to_unit(X[i]))
    assert load_labelled(str(tmp_path), 10, image_size=3).x.shape == (10, 3, 3, 3)


def test_of_a_folder_without_splits_all_images_are_used(tmp_path):
    for i, image in enumerate(X):
        path = tmp_path / f"c{Y[i]}" / f"{i}.png"
        tf.io.gfile.makedirs(str(path.parent))
        tf.io.write_file(str(path), tf.io.encode_png(image))
    got = load_labelled(str(tmp_path), 10 * len(X))
    assert sorted(got.names) == sorted(os.path.join(f"c{label}", f"{i}.png") for i, label in enumerate(Y))


@pytest.mark.parametrize(
    "arrays, words",
    [
        ({"images": X}, "images: give x and y"),
        ({}, "nothing: give x and y"),
        ({"x": X, "y": Y[:-1]}, "y must be whole numbers, one per image"),
        ({"x": X, "y": np.eye(7)[Y]}, "take y.argmax"),
        ({"x": X / 127.5 - 1, "y": Y}, r"store \(x \+ 1\) / 2"),
        ({"x": X, "y": Y - 1}, "y must be 0 or more, as the first class is 0"),
        ({"x": X / 1.0, "y": Y}, r"must lie in \[0, 1\]"),
        ({"x": X[:0], "y": Y[:0]}, "must be images"),
        ({"x": X, "y": Y, "y_train": np.array(["a"])}, "cannot be read"),
    ],
)
def test_what_cannot_be_used_is_named(tmp_path, arrays, words):
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(InputError, match=words):
        load_labelled(str(tmp_path / "a.npz"), 5)


if __name__ == "__main__":
    run_tests(__file__)
