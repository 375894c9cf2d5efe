"""What is loaded runs no code and writes nowhere but where it was told to."""

import hashlib
import io
import os
import tarfile
import zipfile

import keras
import numpy as np
import pytest
import tensorflow_datasets as tfds

from launch import compare, evaluate, export, reproduce, sweep, train
from tests.helpers import ROOT, run_tests, small_network
from tfrobust.data import npz
from tfrobust.data.builders.archives import Archive, fetch
from tfrobust.experiments import comparison

RUN = ["train", "--flagfile=flags/demo/natural.flags", "--steps=2"]


@pytest.fixture(autouse=True)
def at_root(monkeypatch):
    monkeypatch.chdir(ROOT)


def one_line(capsys, name):
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"{name}: ")
    return line


def test_a_network_with_code_in_it_is_refused(tmp_path, capsys):
    inputs, ran = keras.Input((8, 8, 1)), str(tmp_path / "ran")
    x = keras.layers.Lambda(lambda v: [open(ran, "w").close(), v][1], output_shape=(8, 8, 1))(inputs)
    keras.Model(inputs, keras.layers.Dense(10)(keras.layers.Flatten()(x))).save(tmp_path / "code.keras")
    (tmp_path / "ran").unlink(missing_ok=True)
    flags = ["--flagfile=flags/demo/evaluate.flags", f"--network={tmp_path}/code.keras", f"--output={tmp_path}/out"]
    assert evaluate.main(["evaluate", *flags]) == 2
    assert "has a Lambda layer" in one_line(capsys, "evaluate") and not (tmp_path / "ran").exists()
    # Keras itself, which is asked second, refuses it as well.
    with pytest.raises((ValueError, TypeError), match=r"(?i)lambda"):
        keras.models.load_model(tmp_path / "code.keras", compile=False, safe_mode=True)


class Bomb:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (self.path, "w")


def test_pickled_arrays_are_refused(tmp_path, capsys):
    x, y = np.zeros((30, 8, 8)), np.arange(30) % 10
    bombs = np.array([Bomb(f"{tmp_path}/ran")] * 30, dtype=object)
    np.savez(tmp_path / "d.npz", x_train=bombs, y_train=y, x_test=x, y_test=y)
    assert train.main([*RUN, f"--dataset={tmp_path}/d.npz", f"--output={tmp_path}/out"]) == 2
    assert "cannot be read as npz" in one_line(capsys, "train") and not (tmp_path / "ran").exists()


@pytest.mark.parametrize("mib", [16, pytest.param(1024, marks=pytest.mark.exhaustive)])
def test_an_array_that_fills_the_memory_and_not_the_file_is_refused(mib, tmp_path, capsys, monkeypatch):
    """One of a GiB, which takes seconds to be compressed, and one of a 64th, as if that were large."""
    assert npz.LARGE == 1 << 30
    monkeypatch.setattr(npz, "LARGE", mib << 20)
    with zipfile.ZipFile(tmp_path / "d.npz", "w", zipfile.ZIP_DEFLATED) as file:
        with file.open("x_train.npy", "w", force_zip64=True) as array:
            np.lib.format.write_array_header_1_0(
                array, {"descr": "|u1", "fortran_order": False, "shape": (mib << 2, 1 << 9, 1 << 9, 1)}
            )
            for _ in range(mib):
                array.write(bytes(1 << 20))
        for name in ("y_train", "x_test", "y_test"):
            file.writestr(f"{name}.npy", b"")
    assert train.main([*RUN, f"--dataset={tmp_path}/d.npz", f"--output={tmp_path}/out"]) == 2
    assert f"{mib / 1024:.0f} GiB and next to nothing in it" in one_line(capsys, "train")


def archive(path, names, target):
    """A .zip or .tgz with these members and, in the .tgz, links to target."""
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w") as file:
            for name in names:
                file.writestr(name, b"evil")
        return
    with tarfile.open(path, "w:gz") as file:
        for name in names:
            member = tarfile.TarInfo(name)
            member.size = 4
            file.addfile(member, io.BytesIO(b"evil"))
        for kind, name in ((tarfile.SYMTYPE, "symlink"), (tarfile.LNKTYPE, "hardlink")):
            member = tarfile.TarInfo(name)
            member.type, member.linkname = kind, str(target)
            file.addfile(member)
        member = tarfile.TarInfo("symlink/through")
        member.size = 4
        file.addfile(member, io.BytesIO(b"evil"))


@pytest.mark.parametrize("ending", [".zip", ".tgz"])
def test_an_archive_unpacks_nothing_outside_its_folder(ending, tmp_path, monkeypatch):
    target = tmp_path / "target"
    target.mkdir()
    names = ["good/file", "../evil", "../../../../evil", f"{tmp_path}/evil", "good/../../evil", "./../evil"]
    path = tmp_path / f"made{ending}"
    archive(path, names, target)
    manager = tfds.download.DownloadManager(download_dir=str(tmp_path / "downloads"))
    monkeypatch.setattr(manager, "download", lambda urls: {name: path for name in urls})
    folders = fetch(manager, {"all": Archive(f"https://made{ending}", None if ending == ".tgz" else md5(path))})
    found = {str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*") if p.is_file()}
    inside = {name for name in found if name.startswith("downloads/extracted/")}
    assert any(name.endswith("good/file") for name in inside) and os.path.isdir(folders["all"])
    assert {name for name in found - inside if not name.startswith("downloads/")} == {path.name}
    assert not list(target.iterdir()) and not [name for name in inside if os.path.islink(tmp_path / name)]


def md5(path):
    return hashlib.md5(path.read_bytes()).hexdigest()


def everything(folder):
    return {str(p.relative_to(folder)) for p in folder.rglob("*")}


@pytest.mark.parametrize(
    "verb, flags",
    [
        (train, ["--dataset=../evil"]),
        (train, ["--method=../evil"]),
        (train, ["--model=/evil"]),
        (compare, ["--rows=DIR/...flags"]),
        (compare, ["--rows=DIR/good.flags", "--name=../evil"]),
        (compare, ["--rows=DIR/good.flags", "--seeds=../evil"]),
        (compare, ["--rows=DIR/writes.flags"]),
        (compare, ["--rows=DIR/hides.flags"]),
        (sweep, ["--rows=DIR/...flags"]),
        (sweep, ["--rows=DIR/writes.flags"]),
        (sweep, ["--rows=DIR/hides.flags"]),
        (sweep, ["--rows=DIR/good.flags", "--seeds=../evil"]),
        (sweep, ["--rows=DIR/good.flags", "--set=../evil=1"]),
        (sweep, ["--rows=DIR/good.flags", "--set=model=../../evil"]),
        (sweep, ["--rows=DIR/good.flags", "--set=data_dir=DIR/evil"]),
        (reproduce, ["--paper=rar", "--table=../evil"]),
        (reproduce, ["--paper=rar", "--table=T2", "--dataset=../evil"]),
    ],
)
def test_no_name_and_no_flagfile_leads_out_of_the_output_folder(verb, flags, tmp_path, capsys):
    good = "--flagfile=flags/demo/natural.flags\n--steps=2\n"
    (tmp_path / "good.flags").write_text(good)
    (tmp_path / "...flags").write_text(good)  # The name of the row would be "..".
    (tmp_path / "writes.flags").write_text(good + f"--output={tmp_path}/evil\n")
    (tmp_path / "hides.flags").write_text(good + f"--saliency_dir={tmp_path}/evil\n")
    name, before = verb.__name__.split(".")[-1], everything(tmp_path)
    base = {"train": RUN[1:], "compare": ["--flagfile=flags/demo/evaluate.flags"]}.get(name, [])
    flags = [flag.replace("DIR", str(tmp_path)) for flag in flags]
    assert verb.main([name, *base, f"--output={tmp_path}/out", *flags]) == 2
    one_line(capsys, name)
    assert everything(tmp_path) - before <= {"out", "out/.lock"}


@pytest.mark.parametrize(
    "verb, flags",
    [
        (evaluate, ["--pgd_steps=" + "9" * 30]),
        (evaluate, ["--evaluation_seed=-" + "9" * 30]),
        (evaluate, ["--image_size=1" + "0" * 29]),
        (evaluate, ["--image_size=100000"]),
        (evaluate, ["--eps=1e999999999"]),
        (evaluate, ["--map_chunk=" + "9" * 30]),
        (train, ["--seed=" + "9" * 30]),
        (train, ["--batch_size=" + "9" * 5000]),
        (train, ["--ig_steps=" + "9" * 30]),
        (compare, ["--rows=flags/demo/natural.flags", "--seeds=" + "9" * 30]),
        (sweep, ["--rows=flags/demo/natural.flags", "--seeds=" + "9" * 30]),
        (sweep, ["--rows=flags/demo/natural.flags", "--only=" + "9" * 30]),
        (export, ["--map_steps=" + "9" * 30]),
    ],
)
def test_numbers_beyond_all_bounds_are_refused(verb, flags, tmp_path, capsys):
    small_network().save(tmp_path / "n.keras")
    name = verb.__name__.split(".")[-1]
    evaluation = ["--flagfile=flags/demo/evaluate.flags", f"--network={tmp_path}/n.keras"]
    base = {"train": RUN[1:], "evaluate": evaluation, "compare": evaluation[:1], "export": evaluation[1:]}.get(name, [])
    assert verb.main([name, *base, f"--output={tmp_path}/1", *flags]) == 2
    assert len(one_line(capsys, name)) < 1100


def test_flagfiles_within_flagfiles_end(tmp_path, capsys, eagerly):
    for depth in range(100):
        (tmp_path / f"{depth}.flags").write_text(f"--flagfile={tmp_path}/{depth + 1}.flags\n")
    assert train.main(["train", f"--flagfile={tmp_path}/0.flags", f"--output={tmp_path}/out"]) == 2
    assert "20 deep" in one_line(capsys, "train")
    # Twenty of them are read: these eighteen and the two of the demo.
    (tmp_path / "20.flags").write_text("--flagfile=flags/demo/natural.flags\n--steps=2\n")
    assert train.main(["train", f"--flagfile={tmp_path}/3.flags", f"--output={tmp_path}/out"]) == 0


@pytest.mark.parametrize("name", ["/dev/zero", "/dev/stdin", "DIR/pipe", "DIR", "DIR/includes.flags", "DIR/long.flags"])
def test_flagfiles_that_are_no_files_are_refused_at_once(name, tmp_path, capsys):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "includes.flags").write_text("--flagfile=/dev/zero\n")
    with open(tmp_path / "long.flags", "w", encoding="utf-8") as file:
        file.truncate(1 << 30)
    name = name.replace("DIR", str(tmp_path))
    for given in ([f"--flagfile={name}"], ["--flagfile", name], [f"-flagfile={name}"]):
        assert train.main(["train", *given, f"--output={tmp_path}/out"]) == 2
        one_line(capsys, "train")


@pytest.mark.parametrize("name", ["pipe.npz", "folder"])
def test_data_that_are_no_files_are_refused_at_once(name, tmp_path, capsys):
    for label in ("a", "b"):
        os.makedirs(tmp_path / "folder" / "train" / label)
        os.makedirs(tmp_path / "folder" / "test" / label)
        os.mkfifo(tmp_path / "folder" / "train" / label / "x.png")
        os.mkfifo(tmp_path / "folder" / "test" / label / "x.png")
    os.mkfifo(tmp_path / "pipe.npz")
    assert train.main([*RUN, f"--dataset={tmp_path}/{name}", f"--output={tmp_path}/out"]) == 2
    assert "is no file" in one_line(capsys, "train")


def test_names_reach_the_terminal_without_control(tmp_path, capsys, monkeypatch, eagerly):
    """Those of files, classes, networks and rows, in what is said and in what goes wrong."""
    monkeypatch.setattr(comparison, "step_seconds", lambda recipes, *_: {recipe.name: 1.0 for recipe in recipes})
    evil = "e\x1b[2Jv\u202ei\x07l"
    os.makedirs(tmp_path / evil)
    path = str(tmp_path / evil / "n.keras")
    small_network().save(path)
    assert evaluate.main(["evaluate", f"--network={path}", f"--output={tmp_path}/out", "--dataset=" + evil]) == 2
    (tmp_path / f"{evil}.flags").write_text("--flagfile=flags/demo/natural.flags\n--steps=2\n")
    rows = [f"--rows={tmp_path}/{evil}.flags", "--flagfile=flags/demo/evaluate.flags", "--examples=4"]
    rows += ["--attribution_examples=2", "--ifia_steps=1", "--pgd_steps=1", "--map_steps=2"]
    assert compare.main(["compare", *rows, f"--output={tmp_path}/{evil}/out"]) == 0
    said = capsys.readouterr()
    assert "\\x1b[2J" in said.err and "\\x1b[2J" in said.out
    for text in (said.out, said.err):
        assert not set(text) & set("\x1b\x07\u202e")


if __name__ == "__main__":
    run_tests(__file__)
