"""Data sets that TFDS has not, built from small made archives; none of it needs a network."""

import contextlib
import importlib.util
import os
import shutil
import socket
import tempfile
import unittest
from unittest import mock

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds
from etils import epath

from tests import processes
from tests.data import made_archives as made
from tests.helpers import ROOT, run_tests
from tfrobust.data import FACTS, builders
from tfrobust.data.builders.archives import Archive, check
from tfrobust.data.builders.cub200 import cropped_box
from tfrobust.data.builders.gtsrb import read_ppm
from tfrobust.data.tfds import read_tfds
from tfrobust.types import InputError

FOLDER = os.environ.get("TFROBUST_DATA")
# name -> (builder, its made files, sizes of the made data set)
MADE = {
    "gtsrb": (builders.Gtsrb, made.gtsrb_files, made.GTSRB),
    "flower17": (builders.Flower17, made.flower17_files, made.FLOWER17),
    "tiny_imagenet": (builders.TinyImagenet, made.tiny_imagenet_files, made.TINY_IMAGENET),
    "cub200": (builders.Cub200, made.cub200_files, made.CUB200),
}
RANGES = {"dog": (151, 152), "cat": (281, 281)}


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    """Any attempt to reach a network fails the test."""

    def refuse(*args, **kwargs):
        pytest.fail(f"tried to reach the network: {args}")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


def small(name, paths):
    """The builder's class, for as long as the context lasts, set for the made archives."""
    cls, _, sizes = MADE[name]
    return mock.patch.multiple(cls, ARCHIVES=made.as_made(cls.ARCHIVES, paths), **sizes)


@contextlib.contextmanager
def prepared(name, folder, change=None):
    """split -> examples, of the data set built from made archives, whose contents `change` may change."""
    cls, files, _ = MADE[name]
    contents = files()
    if change:
        change(contents)
    paths = made.pack(os.path.join(folder, "made"), contents, cls.ARCHIVES)
    download = {key: epath.Path(path) for key, path in paths.items()}
    with small(name, paths), mock.patch.object(tfds.download.DownloadManager, "download", lambda *_: download):
        yield build(name, folder)


def build(name, folder):
    builder = tfds.builder(name, data_dir=str(folder), try_gcs=False)
    builder.download_and_prepare(download_config=tfds.download.DownloadConfig(try_download_gcs=False))
    return {split: list(tfds.as_numpy(builder.as_dataset(split=split))) for split in builder.info.splits}


def bright_box(image):
    """(top, left, bottom, right) of the bright pixels, in fractions."""
    rows, columns = np.nonzero(image.mean(axis=2) > (made.BRIGHT + made.DARK) / 2)
    height, width = image.shape[:2]
    return [rows.min() / height, columns.min() / width, (rows.max() + 1) / height, (columns.max() + 1) / width]


def is_made_square(image):
    return image.min() < made.DARK + 15 and image.max() > made.BRIGHT - 15 and np.median(image) < made.DARK + 15


class Made:
    """TFDS' own test of a builder, on made archives: they are really checked and unpacked."""

    SKIP_CHECKSUMS = True  # TFDS' are sha256, which nobody publishes for most of these.

    @classmethod
    def setUpClass(cls):
        cls.EXAMPLE_DIR = tempfile.mkdtemp()
        name = cls.DATASET_CLASS.name
        paths = made.pack(cls.EXAMPLE_DIR, MADE[name][1](), cls.DATASET_CLASS.ARCHIVES)
        cls.DL_DOWNLOAD_RESULT = {key: os.path.basename(path) for key, path in paths.items()}
        cls.patch = small(name, paths)
        cls.patch.start()
        super().setUpClass()

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        cls.patch.stop()
        shutil.rmtree(cls.EXAMPLE_DIR)


def tfds_case():
    """TFDS' test case of a builder; where that cannot be imported, one that is skipped."""
    if importlib.util.find_spec("dill"):  # TFDS imports it there, and does not ask for it.
        return tfds.testing.DatasetBuilderTestCase

    @unittest.skip("TFDS' own test of a builder needs dill")
    class Absent(unittest.TestCase):
        def test_the_builder(self):
            pass

    return Absent


# The data sets that the others build are looked at by tests of our own.
class GtsrbTest(Made, tfds_case()):
    DATASET_CLASS = builders.Gtsrb
    SPLITS = {"train": 4, "test": 3}


@pytest.mark.exhaustive
class Flower17Test(Made, tfds_case()):
    DATASET_CLASS = builders.Flower17
    SPLITS = {"train": 6, "test": 4}


@pytest.mark.exhaustive
class TinyImagenetTest(Made, tfds_case()):
    DATASET_CLASS = builders.TinyImagenet
    SPLITS = {"train": 4, "validation": 2}


@pytest.mark.exhaustive
class Cub200Test(Made, tfds_case()):
    DATASET_CLASS = builders.Cub200
    SPLITS = {"train": 3, "test": 2}


class Imagenet2012(tfds.core.GeneratorBasedBuilder, skip_registration=True):
    """Writes what TFDS' builder of that name then reads: ImageNet classes 0, 151, 152 and 281."""

    VERSION = tfds.builder_cls("imagenet2012").VERSION
    CLASSES = {"train": [151, 0, 152, 281, 151], "validation": [281, 152, 151, 0]}

    def _info(self):
        features = {
            "image": tfds.features.Image(encoding_format="jpeg"),
            "label": tfds.features.ClassLabel(names_file=tfds.core.tfds_path("datasets/imagenet2012/labels.txt")),
            "file_name": tfds.features.Text(),
        }
        return tfds.core.DatasetInfo(builder=self, features=tfds.features.FeaturesDict(features))

    def _split_generators(self, dl_manager):
        return {split: self._generate_examples(split) for split in self.CLASSES}

    def _generate_examples(self, split):
        for i, index in enumerate(self.CLASSES[split]):
            name = f"{split}_{i}.JPEG"
            image = made.noise(index, 20, 30 + i) if index else made.square(20, 30, 5, 5, 10, 10)
            yield name, {"image": image, "label": index, "file_name": name}


SMALL_IMAGENET = {"RANGES": RANGES, "SOURCE_SIZES": {split: len(c) for split, c in Imagenet2012.CLASSES.items()}}


@pytest.mark.exhaustive
class RestrictedImagenetTest(tfds_case()):
    DATASET_CLASS = builders.RestrictedImagenet
    SPLITS = {"train": 4, "test": 3}
    EXAMPLE_DIR = ROOT  # It has no example files, but must be somewhere.

    def setUp(self):
        patch = mock.patch.multiple(builders.RestrictedImagenet, **SMALL_IMAGENET)
        patch.start()
        self.addCleanup(patch.stop)
        super().setUp()
        Imagenet2012(data_dir=self.tmp_dir).download_and_prepare()


@pytest.mark.parametrize("name", [*MADE, "restricted_imagenet"])
def test_tfds_finds_the_builder_and_it_says_what_the_facts_say(name, tmp_path):
    builder, facts = tfds.builder(name, data_dir=str(tmp_path), try_gcs=False), FACTS[name]
    assert type(builder) in map(builders.__dict__.get, builders.__all__) and not builder.is_prepared()
    image, label = builder.info.features["image"], builder.info.features["label"]
    assert (image.shape, image.dtype, label.num_classes) == (facts.shape, np.uint8, facts.classes)
    if hasattr(builder, "SIZES"):
        assert list(builder.SIZES.values()) == [facts.train, facts.test]


def test_importing_the_data_does_not_import_tfds():
    code = "import sys, tfrobust.data; sys.exit('tensorflow_datasets' in sys.modules)"
    assert processes.run(["-c", code]).returncode == 0


def plain_bilinear(image, size):
    """[size,size,C] as OpenCV's INTER_LINEAR does it, in numpy: at the pixels' centers, without anti-aliasing."""
    for axis in (0, 1):
        n = image.shape[axis]
        at = np.clip((np.arange(size) + 0.5) * n / size - 0.5, 0, n - 1)
        low = np.minimum(at.astype(int), n - 2)
        part = np.expand_dims(at - low, axis=tuple(a for a in range(3) if a != axis))
        image = np.take(image, low, axis) * (1 - part) + np.take(image, low + 1, axis) * part
    return image


def test_gtsrb(tmp_path):
    with prepared("gtsrb", tmp_path) as splits:
        train, test = splits["train"], splits["test"]
    assert sorted((e["label"], e["track"]) for e in train) == [(0, 0), (0, 1), (1, 100000), (1, 100001)]
    assert sorted(e["label"] for e in test) == [0, 0, 1] and {e["track"] for e in test} == {-1}
    for e in train:
        if e["label"]:
            assert is_made_square(e["image"])
            assert e["bbox"].tolist() == bright_box(e["image"]) == [0.25, 0.25, 0.75, 0.75]
        else:
            np.testing.assert_allclose(e["bbox"], [6 / 40, 5 / 30, 34 / 40, 25 / 30], rtol=1e-6)
            want = plain_bilinear(made.noise(e["track"], 40, 30), 32)
            assert np.abs(e["image"] - want).max() < 0.51


def test_ppm_files(tmp_path):
    image, path = made.noise(0, 7, 5), str(tmp_path / "a.ppm")
    whole = made.ppm(image)
    for data in (whole, whole.replace(b"P6\n", b"P6\n# a comment\n", 1)):
        tf.io.write_file(path, data)
        assert np.array_equal(read_ppm(path), image)
    for data in (whole[:-1], whole + b"x", whole[:4], b"P5" + whole[2:], whole.replace(b"255", b"65535", 1), b""):
        tf.io.write_file(path, data)
        with pytest.raises(InputError, match=r"a.ppm cannot be read as an image"):
            read_ppm(path)


def test_flower17(tmp_path):
    with prepared("flower17", tmp_path) as splits:
        train, test = splits["train"], splits["test"]
    for split, n in ((train, 3), (test, 2)):
        assert sorted(e["label"] for e in split) == [0] * n + [1] * n
        for e in split:
            assert e["has_mask"] == (e["label"] == 1) == is_made_square(e["image"])
            bright = e["image"].mean(axis=2, keepdims=True) > (made.BRIGHT + made.DARK) / 2
            assert np.array_equal(e["mask"], bright * e["has_mask"]) and e["mask"].dtype == np.uint8


def test_the_split_of_flower17():
    train, test = builders.Flower17._split(builders.Flower17)
    assert sorted(train + test) == list(range(1, 1361))
    assert np.bincount((np.array(test) - 1) // 80).tolist() == [8] * 17
    assert test[:8] == sorted(1 + np.random.RandomState(0).permutation(80)[72:])


@pytest.mark.skipif(not FOLDER, reason="TFROBUST_DATA names no folder with real data")
def test_the_split_of_flower17_is_that_of_the_real_folder():
    folder = os.path.join(FOLDER, "flower17", "test")
    files = [name for _, _, names in os.walk(folder) for name in names if name.startswith("image_")]
    assert sorted(int(name[6:10]) for name in files) == builders.Flower17._split(builders.Flower17)[1]


@pytest.mark.parametrize("name, kind", [("gtsrb", "boxes"), ("flower17", "masks"), ("cub200", "boxes")])
def test_a_prepared_builder_is_read_with_its_annotations_and_a_damaged_one_is_refused(name, kind, tmp_path):
    with prepared(name, tmp_path):
        data = read_tfds(name, name, tmp_path)
    assert len(data.annotations[kind]) == len(data.x_train) and len(data.test_annotations[kind]) == len(data.x_test)
    again = read_tfds(name, name, tmp_path)
    assert np.array_equal(again.x_train, data.x_train) and np.array_equal(again.y_test, data.y_test)
    folder = next(tmp_path.glob(f"**/{name}/1.0.0"))
    assert (folder / "arrays" / "train_image.npy").exists(), "decoded once"
    shard = next(folder.glob("*train*.tfrecord*"))
    for damage in (lambda: shard.write_bytes(shard.read_bytes()[:-20]), shard.unlink):
        shutil.rmtree(folder / "arrays")
        damage()
        with pytest.raises(InputError, match=shard.name):
            read_tfds(name, name, tmp_path)
        assert not list((folder / "arrays").glob("*.npy"))


def test_tiny_imagenet(tmp_path):
    with prepared("tiny_imagenet", tmp_path) as splits:
        train, validation = splits["train"], splits["validation"]
    seen = set()
    for e in train:
        i = int(np.argmin([np.abs(e["image"] - made.noise(n, 64, 64).astype(float)).mean() for n in range(4)]))
        assert e["label"] == i // 2 and e["bbox"].tolist() == [(10 + i % 2) / 64, 0, 1, 63 / 64]
        seen.add(i)
    assert seen == {0, 1, 2, 3}
    grey, bright = sorted(validation, key=lambda e: e["label"])
    assert (grey["label"], bright["label"]) == (0, 1)
    assert np.array_equal(grey["image"][..., 0], grey["image"][..., 2])
    assert grey["bbox"].tolist() == [0, 63 / 64, 1, 1]
    assert bright["bbox"].tolist() == bright_box(bright["image"]) == [0.5, 0.125, 0.75, 0.375]


def test_cub200(tmp_path):
    with prepared("cub200", tmp_path) as splits:
        train, test = splits["train"], splits["test"]
    assert sorted(e["label"] for e in train) == [0, 0, 1]
    assert any(np.array_equal(e["image"][..., 0], e["image"][..., 2]) for e in train)
    whole, bright = sorted(test, key=lambda e: -e["label"] if is_made_square(e["image"]) else -9)
    assert whole["bbox"].tolist() == [0, 0, 1, 1]
    np.testing.assert_allclose(bright["bbox"], bright_box(bright["image"]), atol=1e-6)
    np.testing.assert_allclose(bright["bbox"], [16 / 224, 48 / 224, 112 / 224, 112 / 224], atol=1e-6)


def test_a_box_is_cut_at_the_crop():
    assert tuple(cropped_box([0, 0, 1, 1], 256, 256)) == (0, 0, 0, 0)
    assert tuple(cropped_box([128, 16, 400, 112], 256, 512)) == pytest.approx((0, 48 / 224, 0.5, 1))


def test_restricted_imagenet(tmp_path):
    with mock.patch.multiple(builders.RestrictedImagenet, **SMALL_IMAGENET):
        with pytest.raises(InputError, match=r"prepare that with TFDS first, in .*") as e:
            build("restricted_imagenet", tmp_path)
        assert str(tmp_path) in str(e.value) and "\n" not in str(e.value)
        Imagenet2012(data_dir=str(tmp_path)).download_and_prepare()
        splits = build("restricted_imagenet", tmp_path)
    assert sorted(e["label"] for e in splits["train"]) == [0, 0, 0, 1]
    assert sorted(e["label"] for e in splits["test"]) == [0, 0, 1]
    assert {e["image"].shape for split in splits.values() for e in split} == {(224, 224, 3)}


@pytest.mark.parametrize(
    "changed, words",
    [
        ({"SOURCE_SIZES": {"train": 6, "validation": 4}}, "has 5 images in its train split, should have 6"),
        ({"SOURCE_SIZES": {"train": 5, "validation": 4, "third": 1}}, "has 0 images in its third split"),
        ({"RANGES": {**RANGES, "fish": (1, 1)}}, "no image of class n01443537 in its train split"),
    ],
)
def test_an_imagenet_of_another_size_is_refused(changed, words, tmp_path):
    Imagenet2012(data_dir=str(tmp_path)).download_and_prepare()
    with mock.patch.multiple(builders.RestrictedImagenet, **{**SMALL_IMAGENET, **changed}):
        with pytest.raises(InputError, match=words):
            build("restricted_imagenet", tmp_path)


def test_the_classes_of_restricted_imagenet(tmp_path):
    labels = builders.RestrictedImagenet.labels()
    assert np.bincount(list(labels.values())).tolist() == [118, 5, 3, 5, 21, 18, 9, 4, 20]
    assert 50 * len(labels) == FACTS["restricted_imagenet"].test
    names = tfds.builder("imagenet2012", data_dir=str(tmp_path), try_gcs=False).info.features["label"].names
    assert names == sorted(names) and len(names) == 1000
    # Chihuahua, tabby, bullfrog, loggerhead, black grouse, orangutan, barracouta, Dungeness crab, tiger beetle.
    firsts = "n02085620 n02123045 n01641577 n01664065 n01795545 n02480495 n02514041 n01978287 n02165105".split()
    assert [names[first] for first, _ in builders.RestrictedImagenet.RANGES.values()] == firsts


def drop(archive, ending):
    def change(files):
        for path in [path for path in files[archive] if ending in path]:
            del files[archive][path]

    return change


def tear(archive, ending, at=100):
    def change(files):
        for path in [path for path in files[archive] if path.endswith(ending)]:
            files[archive][path] = files[archive][path][:at]

    return change


def set_to(archive, path, data):
    def change(files):
        files[archive][path] = data

    return change


CUB_IMAGES = b"1 001.Bird/Bird_0.jpg\n3 001.Bird/Bird_2.jpg\n5 001.Bird/Bird_4.jpg\n"


@pytest.mark.parametrize(
    "name, change, words",
    [
        ("gtsrb", drop("train", "00001/"), "class 00001 is missing"),
        ("gtsrb", drop("train", "00001/00001_00000.ppm"), "00001_00000.ppm is missing"),
        ("gtsrb", tear("test", "00002.ppm"), "00002.ppm cannot be read as an image"),
        ("gtsrb", tear("test_labels", "test.csv"), "GT-final_test.csv has a line that cannot be read"),
        ("gtsrb", set_to("test_labels", "GT-final_test.csv", b"a;b\n1;2"), "GT-final_test.csv has a line that cannot"),
        (
            "gtsrb",
            set_to("test_labels", "GT-final_test.csv", f"{made.GTSRB_COLUMNS}\n00000.ppm;31;33;5;5;26;28;0".encode()),
            "GTSRB's test split has 1 images, should have 3",
        ),
        ("flower17", drop("photos", "image_0007"), "image_0007.jpg of class 1 is missing"),
        ("flower17", tear("photos", "image_0003.jpg"), "image_0003.jpg cannot be read as an image"),
        ("flower17", tear("trimaps", "image_0008.png"), "image_0008.png cannot be read as an image"),
        ("flower17", drop("trimaps", ".png"), "no trimaps with flowers of the colour"),
        (
            "flower17",
            set_to("trimaps", "trimaps/image_0006.png", made.palette_png(np.zeros((9, 9)), [(0, 0, 0)])),
            "no trimaps with flowers of the colour",
        ),
        ("tiny_imagenet", drop("all", "train/n02/"), "class n02 is missing"),
        ("tiny_imagenet", tear("all", "val_annotations.txt", 40), "val_annotations.txt has a line that cannot be read"),
        ("tiny_imagenet", drop("all", "val_1.JPEG"), "val_1.JPEG is missing"),
        ("tiny_imagenet", tear("all", "n01_1.JPEG"), "n01_1.JPEG cannot be read as an image"),
        ("tiny_imagenet", set_to("all", "tiny-imagenet-200/wnids.txt", b"n01\n"), "wnids.txt names 1 classes"),
        (
            "tiny_imagenet",
            set_to("all", "tiny-imagenet-200/val/val_annotations.txt", b"val_0.JPEG\tn02\t8\t32\t23\t47\n"),
            "Tiny ImageNet's validation split has 1 images, should have 2",
        ),
        (
            "tiny_imagenet",
            set_to("all", "tiny-imagenet-200/val/images/val_0.JPEG", made.jpeg(made.noise(0, 32, 64))),
            r"val_0.JPEG is \(32, 64\), should be \(64, 64\)",
        ),
        ("cub200", set_to("all", "CUB_200_2011/images.txt", CUB_IMAGES), "class 002 is missing"),
        ("cub200", tear("all", "bounding_boxes.txt", 12), "bounding_boxes.txt has a line that cannot be read"),
        ("cub200", drop("all", "Bird_3.jpg"), "Bird_3.jpg is missing"),
        ("cub200", tear("all", "Bird_1.jpg"), "Bird_1.jpg cannot be read as an image"),
        ("cub200", set_to("all", "CUB_200_2011/bounding_boxes.txt", b"1 0 0 1 1\n"), "image 2 in .* bounding box"),
    ],
)
def test_what_is_missing_or_torn_is_refused_by_name(name, change, words, tmp_path):
    with pytest.raises(InputError, match=words) as e:
        with prepared(name, tmp_path, change):
            pass
    assert "\n" not in str(e.value) and "try again" in str(e.value)
    assert not tfds.builder(name, data_dir=str(tmp_path), try_gcs=False).is_prepared()


@pytest.mark.parametrize("name", MADE)
def test_a_wrong_archive_is_refused_by_name(name, tmp_path):
    cls, files, sizes = MADE[name]
    paths = made.pack(tmp_path, files(), cls.ARCHIVES)
    download = {key: epath.Path(path) for key, path in paths.items()}
    with mock.patch.multiple(cls, **sizes):  # The published md5s stay.
        with mock.patch.object(tfds.download.DownloadManager, "download", lambda *_: download):
            with pytest.raises(InputError, match=r"has md5 .* should have .* remove it and try again") as e:
                build(name, tmp_path)
    first = next(iter(paths))
    assert paths[first] in str(e.value) and cls.ARCHIVES[first].md5 in str(e.value)
    assert made.md5(paths[first]) in str(e.value)


def test_an_archive_without_a_checksum_must_unpack_to_its_end(tmp_path):
    files = made.flower17_files()
    path = made.pack(tmp_path, files, builders.Flower17.ARCHIVES)["trimaps"]
    check(path, Archive("", files=6))
    with pytest.raises(InputError, match=r"trimaps.tgz holds 6 files, should hold 7 or more"):
        check(path, Archive("", files=7))
    with open(path, "rb") as file:
        whole = file.read()
    torn = [whole[:n] for n in (0, 5, len(whole) // 2, len(whole) - 4)]
    flipped = whole[:-8] + bytes([whole[-8] ^ 1]) + whole[-7:]
    for data in (*torn, flipped, b"<html>not found</html>"):
        tf.io.write_file(path, data)
        with pytest.raises(InputError, match=r"trimaps.tgz cannot be unpacked .* remove it and try again"):
            check(path, Archive("", files=1))


if __name__ == "__main__":
    run_tests(__file__)
