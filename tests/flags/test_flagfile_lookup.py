"""Flagfiles are read as absl reads them, and those of tfrobust are found from any folder."""

import re

import pytest
from absl import flags

from flags import recipe_flags
from flags.flagfiles import MOST_FILES, find, spelled_out
from tests.flags.every_flagfile import FILES
from tests.helpers import ROOT, run_tests
from tfrobust.types import InputError


def test_every_flagfile_says_what_absl_reads_in_it(monkeypatch):
    monkeypatch.chdir(ROOT)
    assert len(FILES) > 100
    for path in FILES:
        args = ["--seed=1", f"--flagfile={path}", "--flagfile", path, "--eps", "0.1"]
        assert spelled_out(args) == flags.FlagValues().read_flags_from_files(args), path


def test_a_row_with_its_teachers_is_the_same_from_any_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    here = recipe_flags.read("flags/digits/sat.flags")
    monkeypatch.chdir(tmp_path)
    assert recipe_flags.read("flags/digits/sat.flags") == here
    assert any(source.teacher for source in here.saliency)


def test_the_current_folder_comes_first_for_a_flagfile_and_for_those_within(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    row = ["--flagfile=flags/digits/madry.flags"]
    before = spelled_out(row)
    assert "--dataset=digits" in before
    (tmp_path / "flags" / "digits").mkdir(parents=True)
    (tmp_path / "flags" / "digits" / "common.flags").write_text("--dataset=mine\n")
    assert "--dataset=mine" in spelled_out(row) and "--dataset=digits" not in spelled_out(row)
    (tmp_path / "flags" / "digits" / "madry.flags").write_text("# Mine.\n// Too.\n\n  --eps=0.2  \n")
    assert spelled_out(row) == ["--eps=0.2"]


@pytest.mark.parametrize("path", ["digits/madry.flags", "flags/__init__.py", "flags", "flags/../flags", "x.flags"])
def test_nothing_but_a_flagfile_of_flags_is_looked_for_elsewhere(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert find(path) == path


def test_what_cannot_be_read_is_said_by_its_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bytes.flags").write_bytes(b"--dataset=\xff\n")
    (tmp_path / "open.flags").write_text("--flagfile\n")
    many = "".join(f"--flagfile={name}.flags\n" for name in "ab" * 30)
    (tmp_path / "a.flags").write_text(many)
    (tmp_path / "b.flags").write_text("--eps=1\n" + many)
    for args, words in (
        (["--flagfile=flags/digits/none.flags"], "no flagfile at flags/digits/none.flags"),
        (["--flagfile=bytes.flags"], "bytes.flags cannot be read"),
        (["--flagfile"], "write --flagfile=FILE"),
        (["--flagfile=open.flags"], "write --flagfile=FILE"),
    ):
        with pytest.raises(InputError, match=re.escape(words)):
            spelled_out(args)
    assert len(spelled_out(["--flagfile=a.flags"])) == 30  # In b, a is a circle, and so is b in itself.
    for i in range(9):
        (tmp_path / f"{i}.flags").write_text(f"--flagfile={i + 1}.flags\n" * 3)
    (tmp_path / "9.flags").write_text("--eps=1\n")
    with pytest.raises(InputError, match=f"more than {MOST_FILES:,} times"):
        spelled_out(["--flagfile=0.flags"])


def test_what_is_no_flag_is_left_as_it_is():
    assert spelled_out(["--a", "b", "--", "--flagfile=x"]) == ["--a", "b", "--", "--flagfile=x"]
    assert spelled_out(["--flagfile=", "--a=1=2"]) == ["--a=1=2"]


if __name__ == "__main__":
    run_tests(__file__)
