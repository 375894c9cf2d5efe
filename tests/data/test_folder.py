import os

import numpy as np
import pytest
import tensorflow as tf

from tests.helpers import run_tests
from tfrobust.data import load
from tfrobust.types import InputError

FOLDER = os.environ.get("TFROBUST_DATA")


def write(path, level, shape=(6, 6)):
    """A PNG of one grey level, with a brighter first column."""
    image = np.full((*shape, 3), level, np.uint8)
    image[:, 0] = 250
    os.makedirs(os.path.dirname(path), exist_ok=True)
    tf.io.write_file(str(path), tf.io.encode_png(image))


@pytest.fixture
def flowers(tmp_path):
    for split, n in (("train", 3), ("test", 2)):
        for c in ("2", "10", "rose"):
            for i in range(n):
                level = {"2": 20, "10": 100, "rose": 200}[c] + i
                write(str(tmp_path / "flowers" / split / c / f"image_{i}.png"), level)
    return tmp_path / "flowers"


def test_classes_are_in_natural_order_and_images_in_their_classes(flowers):
    data = load(str(flowers))
    assert (data.name, data.classes, data.shape) == ("flowers", 3, (6, 6, 3))
    assert data.y_train.tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2] and len(data.y_test) == 6
    assert data.x_train[:, 0, 3, 0].tolist() == [20, 21, 22, 100, 101, 102, 200, 201, 202]
    assert data.x_train.dtype == np.uint8 and (data.x_train[:, :, 0] == 250).all()
    assert np.array_equal(load("flowers", str(flowers.parent)).x_test, data.x_test)


def test_without_a_test_folder_a_fifth_of_each_class_is_set_apart(tmp_path):
    for c in "ab":
        for i in range(10):
            write(str(tmp_path / "own" / c / f"{i}.png"), 10 * i)
    data = load(str(tmp_path / "own"))
    assert np.bincount(data.y_train).tolist() == [8, 8] and np.bincount(data.y_test).tolist() == [2, 2]
    for label in range(2):
        both = [*data.x_train[data.y_train == label][:, 0, 3, 0], *data.x_test[data.y_test == label][:, 0, 3, 0]]
        assert sorted(both) == [10 * i for i in range(10)]
    assert np.array_equal(load(str(tmp_path / "own")).x_test, data.x_test)


def test_images_of_many_sizes_are_cut_to_a_square(flowers):
    write(str(flowers / "train" / "2" / "wide.png"), 50, (6, 12))
    with pytest.raises(InputError, match="wide.png is .*--image_size"):
        load(str(flowers))
    data = load(str(flowers), image_size=4)
    assert data.shape == (4, 4, 3)
    assert (data.x_train[3] == 50).all()  # The bright column of the wide one is cut away.


@pytest.mark.parametrize(
    "break_it, words", [("torn", "bad.png cannot be read"), ("empty", "no image"), ("one", "two or")]
)
def test_what_cannot_be_used_is_refused_by_name(flowers, break_it, words):
    if break_it == "torn":
        (flowers / "train" / "2" / "bad.png").write_bytes(b"\x89PNG torn")
    if break_it == "empty":
        for split in ("train", "test"):
            os.makedirs(flowers / split / "void")
    if break_it == "one":
        for split in ("train", "test"):
            for c in ("10", "rose"):
                os.rename(flowers / split / c, flowers / f"{split}{c}")
    with pytest.raises(InputError, match=words):
        load(str(flowers))


def test_splits_with_different_classes_are_refused(flowers):
    write(str(flowers / "train" / "tulip" / "a.png"), 5)
    with pytest.raises(InputError, match="'tulip' is in one"):
        load(str(flowers))
    os.rename(flowers / "test", flowers / "other")
    with pytest.raises(InputError, match="neither test/ nor val/"):
        load(str(flowers))


@pytest.mark.skipif(not FOLDER, reason="TFROBUST_DATA names no folder with real data")
def test_real_flowers():
    data = load("flower17", FOLDER, image_size=32)
    assert (data.shape, data.classes, len(data.x_train), len(data.x_test)) == ((32, 32, 3), 17, 1224, 136)
    assert np.bincount(data.y_train).tolist() == [72] * 17


if __name__ == "__main__":
    run_tests(__file__)
