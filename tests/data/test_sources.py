"""Embedded, npz and TFDS data; none of them needs a network."""

import os
import socket

import numpy as np
import pytest

from tests import processes
from tests.helpers import run_tests
from tfrobust import data
from tfrobust.data.npz import read_npz
from tfrobust.types import InputError


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    """Any attempt to reach a network fails the test."""

    def refuse(*args, **kwargs):
        pytest.fail(f"tried to reach the network: {args}")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


def arrays(n=12):
    r = np.random.RandomState(0)
    x, y = r.randint(0, 256, (n, 8, 8, 3)).astype(np.uint8), np.arange(n) % 3
    return {"x_train": x, "y_train": y, "x_test": x[:6], "y_test": y[:6]}


def test_digits():
    digits = data.load("digits")
    assert len(digits.x_train) == 1400 and len(digits.x_test) == 397 and digits.shape == (8, 8, 1)
    pixels = np.concatenate([digits.x_train, digits.x_test])
    assert len(np.unique(pixels.reshape(len(pixels), -1), axis=0)) == 1797 and set(np.unique(pixels * 16)) == set(
        range(17)
    )


def test_npz_by_path_and_by_name(tmp_path):
    os.makedirs(tmp_path / "mine")
    np.savez(tmp_path / "mine" / "mine.npz", extra=np.zeros(3), **arrays())
    by_path = data.load(str(tmp_path / "mine" / "mine.npz"))
    by_name = data.load("mine", str(tmp_path))
    assert by_path.name == "mine" and by_path.classes == 3
    assert np.array_equal(by_path.x_test, arrays()["x_test"]) and np.array_equal(by_name.x_train, by_path.x_train)


def test_npz_with_a_validation_split(tmp_path):
    a = arrays()
    np.savez(tmp_path / "v.npz", x_train=a["x_train"], y_train=a["y_train"], x_val=a["x_test"], y_val=a["y_test"])
    assert len(read_npz(tmp_path / "v.npz", "v").x_test) == 6


def test_broken_npz_files_are_refused_by_name(tmp_path):
    a = arrays()
    a.pop("y_train")
    np.savez(tmp_path / "partial.npz", **a)
    with pytest.raises(InputError, match=r"partial.npz lacks y_train"):
        read_npz(tmp_path / "partial.npz", "p")
    np.savez(tmp_path / "full.npz", **arrays())
    whole = (tmp_path / "full.npz").read_bytes()
    (tmp_path / "torn.npz").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "empty.npz").write_bytes(b"")
    np.savez(tmp_path / "pickled.npz", **{**arrays(), "x_train": np.array([{}], dtype=object)})
    for name in ("torn", "empty", "pickled"):
        with pytest.raises(InputError, match=f"{name}.npz"):
            read_npz(tmp_path / f"{name}.npz", "x")
    with pytest.raises(InputError, match="no file"):
        read_npz(tmp_path / "absent.npz", "x")


def test_a_known_name_must_hold_the_known_data(tmp_path):
    np.savez(tmp_path / "mnist.npz", **arrays())
    with pytest.raises(InputError, match=r"mnist: .*28"):
        data.load("mnist", str(tmp_path))


def test_prepared_tfds_data_are_read(tmp_path):
    import tensorflow_datasets as tfds

    class TinyShapes(tfds.core.GeneratorBasedBuilder):
        VERSION = tfds.core.Version("1.0.0")

        def _info(self):
            features = {"image": tfds.features.Image(shape=(8, 8, 3)), "label": tfds.features.ClassLabel(num_classes=3)}
            return self.dataset_info_from_configs(features=tfds.features.FeaturesDict(features))

        def _split_generators(self, manager):
            return {"train": self._generate_examples("train"), "test": self._generate_examples("test")}

        def _generate_examples(self, split):
            a = arrays()
            for i, (x, y) in enumerate(zip(a[f"x_{split}"], a[f"y_{split}"])):
                yield i, {"image": x, "label": int(y)}

    TinyShapes(data_dir=str(tmp_path)).download_and_prepare()
    got = data.load("tiny_shapes", str(tmp_path))
    assert got.shape == (8, 8, 3) and len(got.x_train) == 12 and len(got.x_test) == 6
    as_set = {x.tobytes() for x in got.x_train}
    assert as_set == {x.tobytes() for x in arrays()["x_train"]}


def test_the_published_cifar10_c_is_read_as_tfds_prepares_it(tmp_path, monkeypatch):
    import tensorflow_datasets as tfds

    x = np.random.RandomState(0).randint(0, 256, (6, 32, 32, 3)).astype(np.uint8)
    made = tfds.builder_cls("cifar10_corrupted")
    examples = [(i, {"image": image, "label": i}) for i, image in enumerate(x)]
    monkeypatch.setattr(made, "_split_generators", lambda self, manager: {"test": iter(examples)})
    tfds.builder("cifar10_corrupted/frosted_glass_blur_3", data_dir=str(tmp_path)).download_and_prepare()
    images, labels = data.cifar10_c("glass_blur", 3, str(tmp_path))
    assert images.dtype == np.uint8 and np.array_equal(images, x[labels]) and sorted(labels) == list(range(6))
    with pytest.raises(InputError, match="no cifar10_corrupted/fog_1 here: point --data_dir"):
        data.cifar10_c("fog", 1, str(tmp_path))


def test_every_corruption_is_a_config_of_tfds():
    import tensorflow_datasets as tfds

    from tfrobust.corruptions import CORRUPTIONS
    from tfrobust.data.published_corruptions import _NAMES

    configs = set(tfds.builder_cls("cifar10_corrupted").builder_configs)
    assert configs == {f"{_NAMES.get(name, name)}_{severity}" for name in CORRUPTIONS for severity in range(1, 6)}


def test_a_missing_data_set_names_the_three_ways_to_get_it(tmp_path):
    for name in ("mnist", "no_such_thing"):
        with pytest.raises(InputError) as e:
            data.load(name, str(tmp_path))
        assert name in str(e.value) and "--data_dir" in str(e.value) and "--download" in str(e.value)
        assert "TensorFlow Datasets" in str(e.value) and "\n" not in str(e.value)
    with pytest.raises(InputError, match="not a folder"):
        data.load("mnist", str(tmp_path / "absent"))


FOLDER = os.environ.get("TFROBUST_DATA")
REAL = {
    "mnist/mnist.npz": ((28, 28, 1), 10, 60000, 10000),
    "fashion_mnist/fashion_mnist.npz": ((28, 28, 1), 10, 60000, 10000),
    "gtsrb/gtsrb.npz": ((32, 32, 3), 43, 7824, 2000),
    "cifar10_jpeg/cifar10_jpeg.npz": ((32, 32, 3), 10, 10000, 2000),
    "cub10/cub10_80.npz": ((80, 80, 3), 10, 300, 243),
    "tiny_imagenet6/tiny_imagenet6.npz": ((64, 64, 3), 6, 300, 300),
}
# Large files, of the same arrays as others; that of MNIST is read by its name.
LARGE = ("mnist/mnist.npz", "fashion_mnist/fashion_mnist.npz", "cifar10_jpeg/cifar10_jpeg.npz")


@pytest.mark.skipif(not FOLDER, reason="TFROBUST_DATA names no folder with real data")
@pytest.mark.parametrize(
    "path", [pytest.param(path, marks=[pytest.mark.exhaustive] * (path in LARGE)) for path in REAL]
)
def test_real_files_work_as_they_are(path):
    got = data.load(os.path.join(FOLDER, path))
    assert (got.shape, got.classes, len(got.x_train), len(got.x_test)) == REAL[path]


@pytest.mark.skipif(not FOLDER, reason="TFROBUST_DATA names no folder with real data")
def test_real_mnist_by_name():
    got = data.load("mnist", FOLDER)
    assert (got.shape, got.classes, len(got.x_train), len(got.x_test)) == REAL["mnist/mnist.npz"]
    assert got.name == "mnist"


def test_published_boxes_become_fractions(tmp_path):
    """Photographs of 200 x 100 (CUB's form), pixels of the stored 8x8 images (Tiny ImageNet's)."""
    a = arrays()
    boxes, sizes = np.tile([50.0, 20.0, 100.0, 80.0], (12, 1)), np.tile([200, 100], (12, 1))
    boxes[1] = 0, 0, 201, 100  # A pixel beyond: cut.
    np.savez(tmp_path / "photo.npz", bbox_train=boxes, source_wh_train=sizes, **a)
    got = read_npz(tmp_path / "photo.npz", "p").annotations["boxes"]
    np.testing.assert_allclose(got[:2], [[0.2, 0.25, 1.0, 0.75], [0, 0, 1, 1]])
    np.savez(tmp_path / "pixels.npz", bbox_test=np.tile([2, 0, 7, 3], (6, 1)), **a)
    data_with = read_npz(tmp_path / "pixels.npz", "p")
    np.testing.assert_allclose(data_with.test_annotations["boxes"][0], [0, 0.25, 0.5, 1.0])
    assert not data_with.annotations
    boxes[2] = 0, 0, 210, 100
    np.savez(tmp_path / "outside.npz", bbox_train=boxes, source_wh_train=sizes, **a)
    with pytest.raises(InputError, match="boxes_train: box 2"):
        read_npz(tmp_path / "outside.npz", "p")


def test_a_missing_class_is_refused(tmp_path):
    a = arrays()
    np.savez(tmp_path / "gap.npz", **{**a, "y_train": a["y_train"] * 2})
    with pytest.raises(InputError, match="y_train has no image of class 1"):
        read_npz(tmp_path / "gap.npz", "gap")


def test_images_and_masks_of_another_size(tmp_path):
    a = arrays()
    masks = np.zeros((12, 8, 8), np.uint8)
    masks[:, :4] = 1
    boxes = np.tile([0.0, 0.0, 0.5, 1.0], (12, 1))
    np.savez(tmp_path / "m.npz", masks_train=masks, boxes_train=boxes, **a)
    got = data.load(str(tmp_path / "m.npz"), image_size=4)
    assert got.shape == (4, 4, 3) and got.x_train.dtype == np.uint8 and got.x_test.shape == (6, 4, 4, 3)
    assert np.array_equal(
        got.annotations["masks"], np.tile([[[1]], [[1]], [[0]], [[0]]], (12, 1, 1, 4)).reshape(12, 4, 4)
    )
    np.testing.assert_array_equal(got.annotations["boxes"], boxes.astype(np.float32))
    x = a["x_train"].astype(float)
    assert abs(got.x_train.mean() - x.mean()) < 2


def test_data_too_large_for_the_memory_are_read_from_their_file(tmp_path, monkeypatch):
    from tfrobust.data import make_image_data, tfds, training_batches

    monkeypatch.setattr(tfds, "IN_MEMORY", 0)
    a = arrays()
    np.save(tmp_path / "x.npy", a["x_train"])
    x = tfds._read(str(tmp_path / "x.npy"))
    streams = []
    for images in (x, a["x_train"]):
        made = make_image_data("m", images, a["y_train"], a["x_test"], a["y_test"]).holding_out(2)
        assert isinstance(made.x_train, np.memmap) == (images is x)
        streams.append([b for b, _ in zip(training_batches(made, 3, 0).as_numpy_iterator(), range(4))])
    for (x1, y1), (x2, y2) in zip(*streams):
        np.testing.assert_array_equal(x1, x2)
        np.testing.assert_array_equal(y1, y2)


READS_ON = """
import time
import numpy as np
from tests.helpers import shallow_network
from tests.training.test_run import MADRY, TrainingSpec, train
from tfrobust import data

class Slow(np.memmap):  # So that a batch is being read when Python ends.
    def __getitem__(self, rows):
        time.sleep(0.1)
        return np.asarray(self)[rows]

digits = data.load("digits")
file = Slow({path!r}, np.uint8, "w+", shape=digits.x_train.shape)
file[:] = digits.x_train
digits = data.make_image_data("slow", file, digits.y_train, digits.x_test, digits.y_test)
batches = lambda start, part=0, parts=1: data.training_batches(digits, 20, 0, start, part=part, parts=parts)
train(shallow_network(0), MADRY, batches, len(digits.x_train), TrainingSpec(3, 20, seed=0, learning_rates=[1e-3]))
print("trained", flush=True)
"""


@pytest.mark.slow
def test_a_process_that_trained_from_a_file_ends(tmp_path):
    """The threads that read ahead call Python, and would wait for ever for one that is gone."""
    ended = processes.run(["-c", READS_ON.format(path=str(tmp_path / "x"))], timeout=30)
    assert (ended.returncode, ended.stdout) == (0, "trained\n"), ended.stderr


if __name__ == "__main__":
    run_tests(__file__)
