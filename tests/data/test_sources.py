"""Embedded, npz and TFDS data; none of them needs a network."""

import os
import socket

import numpy as np
import pytest

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
    with pytest.raises(InputError, match="partial.npz lacks y_train"):
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
    with pytest.raises(InputError, match="mnist: .*28"):
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


@pytest.mark.skipif(not FOLDER, reason="TFROBUST_DATA names no folder with real data")
@pytest.mark.parametrize("path", REAL)
def test_real_files_work_as_they_are(path):
    shape, classes, train, test = REAL[path]
    got = data.load(os.path.join(FOLDER, path))
    assert (got.shape, got.classes, len(got.x_train), len(got.x_test)) == (shape, classes, train, test)


@pytest.mark.skipif(not FOLDER, reason="TFROBUST_DATA names no folder with real data")
def test_real_mnist_by_name():
    assert data.load("mnist", FOLDER).name == "mnist"


if __name__ == "__main__":
    run_tests(__file__)
