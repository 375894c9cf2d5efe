"""Data sets from folders of images."""

import os
import warnings

import numpy as np
import pytest
import tensorflow as tf
from PIL import ExifTags, Image

from tests.helpers import run_tests
from tfrobust.data import load, load_labelled
from tfrobust.errors import DataWarning, InputError

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
    with pytest.raises(InputError, match=r"wide.png is .*--image_size"):
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


def picture(path, image, **options):
    """The array [H,W,C] as a file of the kind that its ending says."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    Image.fromarray(image).save(path, **options)


LEVELS = np.full((6, 6, 3), 90, np.uint8)


@pytest.mark.parametrize("name", ["a.webp", "a.GIF", "a.tif", "a.TIFF", "a.bmp", "a.jpeg", "a.png"])
def test_images_of_every_kind_are_read(flowers, name):
    path = str(flowers / "train" / "10" / name)
    picture(path, LEVELS, **({"lossless": True} if name.endswith("webp") else {}))
    data = load(str(flowers))
    (new,) = [x for x, y in zip(data.x_train, data.y_train) if y == 1 and x[0, 0, 0] != 250]
    assert new.shape == (6, 6, 3) and np.abs(new.astype(int) - 90).max() <= 2


def told(path, **options):
    """What is said of the files of a folder."""
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always", DataWarning)
        data = load(str(path), **options)
    return data, [str(w.message) for w in seen if issubclass(w.category, DataWarning)]


def test_what_is_no_image_is_counted_and_what_a_system_left_is_not(flowers):
    assert told(flowers)[1] == []
    before = load(str(flowers))
    for name in ("._image_0.png", ".DS_Store", "Thumbs.db", "image_0.png~", "notes.txt", "list.TXT", "README"):
        (flowers / "train" / "10" / name).write_bytes(b"no image")
    (flowers / "train" / "labels.csv").write_bytes(b"no image")
    (flowers / "train" / "__MACOSX").mkdir()
    data, (said,) = told(flowers)
    assert "4 files that are no images were passed over (1 without an ending, 1 .csv, 2 .txt)" in said
    assert np.array_equal(data.x_train, before.x_train) and data.classes == 3


def test_images_may_lie_in_folders_within_their_class(flowers):
    write(str(flowers / "train" / "rose" / "garden" / "wild" / "z.png"), 77)
    data = load(str(flowers))
    assert data.y_train.tolist() == [0] * 3 + [1] * 3 + [2] * 4 and 77 in data.x_train[data.y_train == 2][:, 0, 3, 0]


@pytest.mark.parametrize("train, test", [("Train", "Test"), ("TRAIN", "VAL"), ("train", "validation")])
def test_splits_may_be_written_in_any_case(flowers, train, test):
    before = load(str(flowers))
    os.rename(flowers / "train", flowers / "x")
    os.rename(flowers / "x", flowers / train)
    os.rename(flowers / "test", flowers / "y")
    os.rename(flowers / "y", flowers / test)
    data = load(str(flowers))
    assert np.array_equal(data.x_train, before.x_train) and np.array_equal(data.x_test, before.x_test)
    assert load_labelled(str(flowers), 100).x.shape[0] == len(data.x_test)


def test_two_splits_of_one_name_are_refused(flowers):
    write(str(flowers / "Test" / "2" / "a.png"), 5)
    with pytest.raises(InputError, match="Test and test: leave one"):
        load(str(flowers))


def test_orientation_and_transparency_are_said_and_honoured_where_asked(flowers):
    path = flowers / "train" / "2"
    image = np.zeros((6, 6, 3), np.uint8)
    image[0] = 240  # A bright first row, which the EXIF says belongs to the right.
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    picture(str(path / "turned.jpg"), image, exif=exif, quality=100, subsampling=0)
    picture(str(path / "clear.png"), np.concatenate([LEVELS, np.zeros((6, 6, 1), np.uint8)], axis=-1))
    picture(str(path / "solid.png"), np.concatenate([LEVELS, np.full((6, 6, 1), 255, np.uint8)], axis=-1))
    plain, said = told(flowers)
    assert len(said) == 2 and "1 images would be turned upright by --exif" in said[0]
    assert "transparent in 1 images has the colour beneath" in said[1]
    honoured, said = told(flowers, exif=True)
    assert "1 images were turned upright" in said[0] and "put on white" in said[1]
    # In the order of their names: clear, image_0 to 2, solid, turned.
    assert (plain.x_train[0] == 90).all() and (honoured.x_train[0] == 255).all()
    assert np.array_equal(plain.x_train[1:5], honoured.x_train[1:5])
    assert plain.x_train[5][0].min() > 200 > 50 > plain.x_train[5][1:].max()
    assert honoured.x_train[5][:, -1].min() > 200 > 50 > honoured.x_train[5][:, :-1].max()


def test_the_first_of_several_pictures_is_taken_and_deep_pixels_are_refused(flowers):
    frames = [Image.fromarray(np.full((6, 6, 3), level, np.uint8)) for level in (10, 200)]
    frames[0].save(flowers / "train" / "2" / "a.gif", save_all=True, append_images=frames[1:])
    data, (said,) = told(flowers)
    assert "1 files hold several pictures, of which the first was taken" in said
    assert abs(int(data.x_train[0].max()) - 10) <= 2
    picture(str(flowers / "train" / "2" / "deep.tif"), np.full((6, 6), 40000, np.uint16))
    with pytest.raises(InputError, match=r"deep.tif has pixels of more than 8 bits"):
        load(str(flowers))


@pytest.mark.exhaustive  # Made folders are read above; these are photographs of some megapixels.
@pytest.mark.skipif(not FOLDER, reason="TFROBUST_DATA names no folder with real data")
def test_real_flowers():
    data = load("flower17", FOLDER, image_size=32)
    assert (data.shape, data.classes, len(data.x_train), len(data.x_test)) == ((32, 32, 3), 17, 1224, 136)
    assert np.bincount(data.y_train).tolist() == [72] * 17


if __name__ == "__main__":
    run_tests(__file__)
