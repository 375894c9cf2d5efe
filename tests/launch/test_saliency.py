"""Maps beside the images: made once, kept, found again, refused where they cannot be."""

import os
import shutil

import numpy as np
import pytest
import tensorflow as tf

from flags import recipe_flags
from flags.parsing import parse
from launch import train
from tests.helpers import ROOT, images, linear_network, run_tests, shallow_network
from tests.shallow import be_shallow
from tfrobust.experiments.saliency_maps import with_saliency
from tfrobust.models import make_model
from tfrobust.networks import load_network
from tfrobust.objectives.sat_maps import sat_map

pytestmark = pytest.mark.usefixtures("eagerly")


@pytest.fixture(autouse=True)
def at_root(monkeypatch):
    monkeypatch.chdir(ROOT)


@pytest.fixture
def one_convolution(monkeypatch):
    """In the place of a recipe's network: which maps it is trained with does not depend on it."""
    be_shallow(monkeypatch.setattr)


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """Networks that are teachers, and some that cannot be; images with boxes."""
    path = tmp_path_factory.mktemp("saved")
    (path / "teacher.flags").write_text("--flagfile=flags/digits/natural.flags\n--steps=1\n")
    shallow_network(1).save(path / "one.keras")
    shallow_network(2).save(path / "two.keras")
    make_model("digits_cnn", (9, 9, 1), 10, 0.5).save(path / "large.keras")
    make_model("digits_cnn", (8, 8, 1), 3, 0.5).save(path / "few.keras")
    linear_network(np.ones((8, 8, 1, 10))).save(path / "flat.keras")
    (path / "broken.keras").write_bytes(b"not a network")
    x, _ = images(30)
    y = np.arange(30) % 10
    boxes = np.tile([0.0, 0.0, 0.5, 0.5], (30, 1))
    np.savez(path / "boxed.npz", x_train=x, y_train=y, x_test=x, y_test=y, boxes_train=boxes)
    return path


@pytest.fixture
def folder(saved, tmp_path):
    """A copy of its own of them."""
    return shutil.copytree(saved, tmp_path, dirs_exist_ok=True)


def flags_of(folder, *more):
    base = ["--flagfile=flags/digits/sat.flags", "--steps=2", f"--saliency_dir={folder}/maps"]
    return [*base, *(flag.replace("DIR", str(folder)) for flag in more)]


def call(folder, *more, output="out"):
    return train.main(["train", *flags_of(folder, *more), f"--output={folder}/{output}"])


THREE_BATCHES = "--hold_out=1100"  # That maps are made in.


def data_of(folder, *more):
    recipe = recipe_flags.from_flags(parse(recipe_flags.ROOMS, ["x", *flags_of(folder, *more)]))
    return with_saliency(recipe, recipe.data.read())


def kept(folder):
    return sorted(name for name in os.listdir(folder / "maps") if name.endswith(".npy"))


def test_maps_are_those_of_the_teacher_in_the_order_of_the_images(folder):
    for method, tolerance in (("guided_backpropagation", 0), ("smoothgrad", 1e-3)):
        data = data_of(folder, f"--saliency={method}:DIR/one.keras", THREE_BATCHES)
        want = sat_map(shallow_network(1), method, tf.constant(data.x_train), tf.constant(data.y_train))
        assert data.saliency.shape == (300, 1, 8, 8, 1)
        np.testing.assert_allclose(data.saliency[:, 0], want, atol=tolerance)
    both = "--saliency=guided_backpropagation:DIR/one.keras,guided_backpropagation:DIR/two.keras"
    two = data_of(folder, both, THREE_BATCHES).saliency
    assert two.shape == (300, 2, 8, 8, 1) and np.abs(two[:, 0] - two[:, 1]).max() > 0


def test_maps_are_made_once_and_anew_for_whatever_they_depend_on(folder):
    source = "--saliency=guided_backpropagation:DIR/one.keras"
    first = data_of(folder, source, THREE_BATCHES).saliency
    shallow_network(1).save(folder / "one.keras")  # The same teacher, its layers named otherwise.
    (name,) = kept(folder)
    stamp = os.stat(folder / "maps" / name).st_mtime_ns
    assert np.array_equal(data_of(folder, source, THREE_BATCHES).saliency, first)
    assert os.stat(folder / "maps" / name).st_mtime_ns == stamp
    data_of(folder, source.replace("one", "two"), THREE_BATCHES)
    data_of(folder, source, "--hold_out=1110")
    data_of(folder, source.replace("guided_backpropagation", "gradient"), THREE_BATCHES)
    assert len(kept(folder)) == 4
    (folder / "maps" / name).write_bytes(b"torn")
    assert np.array_equal(data_of(folder, source, THREE_BATCHES).saliency, first)


UNUSED = "uses no saliency map"  # Said of a training of so few steps that it anneals to none.


def test_sat_trains_with_a_teacher_that_is_trained_on_the_way(folder, capsys, one_convolution):
    source = "--saliency=guided_backpropagation:DIR/teacher.flags"
    assert call(folder, source, "--anneal=step") == 0
    said = capsys.readouterr()
    assert "natural first" in said.err and UNUSED not in "".join(said)
    assert len([name for name in os.listdir(folder / "maps") if name.startswith("natural-")]) == 1
    again = [f"--flagfile={folder}/out/run.flags", f"--saliency_dir={folder}/maps", f"--output={folder}/again"]
    assert train.main(["train", *again]) == 0
    one, again = (load_network(f"{folder}/{name}/network.keras").get_weights() for name in ("out", "again"))
    assert all(np.array_equal(a, b) for a, b in zip(one, again)) and len(kept(folder)) == 1


def test_other_images_make_another_teacher_and_another_teacher_another_run(folder, capsys, one_convolution):
    source = "--saliency=gradient:DIR/teacher.flags"
    own = [source, "--dataset=DIR/boxed.npz", "--batch_size=5"]
    (folder / "teacher.flags").write_text("--flagfile=flags/digits/natural.flags\n--steps=1\n--batch_size=5\n")
    assert call(folder, *own) == 0
    assert f"{UNUSED} (--anneal=step)" in "".join(capsys.readouterr())
    with np.load(folder / "boxed.npz") as file:
        arrays = dict(file)
    np.savez(folder / "boxed.npz", **{**arrays, "x_train": arrays["x_train"][::-1]})
    assert call(folder, *own, output="other") == 0
    assert len([name for name in os.listdir(folder / "maps") if name.startswith("natural-")]) == 2
    assert call(folder, *own) == 2  # The run that is there saw other images.
    assert "# images" in capsys.readouterr().err
    (folder / "teacher.flags").write_text("--flagfile=flags/digits/natural.flags\n--steps=2\n--batch_size=5\n")
    assert call(folder, *own, output="other") == 2
    assert "# saliency maps" in capsys.readouterr().err


def test_boxes_of_the_data_are_maps(folder, one_convolution):
    data = data_of(folder, "--dataset=DIR/boxed.npz", "--saliency=boxes", "--batch_size=5")
    want = -np.ones((8, 8, 1))
    want[:4, :4] = 1
    assert np.array_equal(data.saliency[7, 0], want)
    assert call(folder, "--dataset=DIR/boxed.npz", "--saliency=boxes", "--batch_size=5") == 0
    assert not (folder / "maps").exists()


def test_beside_the_data_is_where_maps_go(folder, monkeypatch):
    def where(*more):
        given = [flag.replace("DIR", str(folder)) for flag in more]
        return recipe_flags.read("flags/digits/sat.flags", given).saliency_folder()

    assert where("--dataset=DIR/boxed.npz") == f"{folder}/saliency"
    assert where("--dataset=mnist", "--data_dir=DIR") == f"{folder}/saliency"
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert where() == os.path.expanduser("~/.cache/tfrobust")
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder))
    assert where() == f"{folder}/tfrobust"


@pytest.mark.parametrize(
    "more, words",
    [
        (["--saliency="], "needs a map beside each image"),
        (["--flagfile=flags/digits/natural.flags", "--saliency=boxes"], "no use for --saliency"),
        (["--saliency=boxes"], "has no boxes"),
        (["--saliency=lime:DIR/one.keras"], "give boxes"),
        (["--saliency=smoothgrad"], "give boxes"),
        (["--saliency=smoothgrad:DIR/none.keras"], "no file"),
        (["--saliency=smoothgrad:DIR/boxed.npz"], "give boxes"),
        (["--saliency=smoothgrad:DIR/one.keras", "--saliency_dir=DIR/one.keras/x"], "cannot write to --saliency_dir"),
        (["--saliency=smoothgrad:DIR/large.keras"], "takes images"),
        (["--saliency=smoothgrad:DIR/few.keras"], "knows 3 classes"),
        (["--saliency=smoothgrad:DIR/broken.keras"], "cannot be loaded"),
        (["--saliency=grad_cam_plus_plus:DIR/flat.keras"], "no feature maps"),
        (["--saliency=smoothgrad:DIR/self.flags"], "self.flags"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(folder, capsys, more, words):
    loop = f"--flagfile=flags/digits/sat.flags\n--saliency=gradient:{folder}/self.flags\n"
    (folder / "self.flags").write_text(loop)
    plain = any(flag.startswith("--flagfile") for flag in more)
    base = ["--flagfile=flags/digits/natural.flags"] if plain else flags_of(folder)
    more = [flag.replace("DIR", str(folder)) for flag in more]
    assert train.main(["train", *base, *more, f"--output={folder}/out"]) == 2
    err = [line for line in capsys.readouterr().err.splitlines() if "it/s" not in line]
    assert len(err) == 1 and words in err[0]


def test_a_run_starts_from_the_weights_of_another(folder):
    """From a file or from a flagfile, which is trained on the way; one that does not fit is refused."""
    base = ["train", "--flagfile=flags/digits/natural.flags", "--steps=1", "--learning_rates=1e-12"]
    make_model("digits_cnn", (8, 8, 1), 10).save(folder / "start.keras")
    assert train.main([*base, f"--initial_network={folder}/start.keras", f"--output={folder}/a"]) == 0
    start, end = (load_network(f"{folder}/{name}") for name in ("start.keras", "a/network.keras"))
    for want, got in zip(start.get_weights(), end.get_weights()):
        np.testing.assert_allclose(got, want, atol=1e-6)
    assert "# initial weights" in (folder / "a" / "run.flags").read_text()
    again = [*base, f"--saliency_dir={folder}/maps", f"--initial_network={folder}/teacher.flags"]
    assert train.main([*again, f"--output={folder}/b"]) == 0
    first = [name for name in os.listdir(folder / "maps") if name.startswith("natural-")]
    trained, end = (load_network(f"{folder}/{n}/network.keras") for n in (f"maps/{first[0]}", "b"))
    for want, got in zip(trained.get_weights(), end.get_weights()):
        np.testing.assert_allclose(got, want, atol=1e-6)
    assert train.main([*base, f"--initial_network={folder}/one.keras", f"--output={folder}/c"]) == 2
    assert train.main([*base, f"--initial_network={folder}/none.keras", f"--output={folder}/c"]) == 2


if __name__ == "__main__":
    run_tests(__file__)
