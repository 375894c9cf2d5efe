"""Folders that are claimed: one writer, whatever became of the one before, on this machine or another."""

import json
import os
import signal
import threading
import time

import pytest

from launch import evaluate, train
from tests import processes
from tests.helpers import ROOT, run_tests, small_network
from tfrobust.experiments import folder_lock


def hold(folder):
    """A process that folder_lock the folder until it is told to stop."""
    code = (
        "import signal\nfrom tfrobust.experiments.folder_lock import claimed\n"
        "signal.signal(signal.SIGTERM, lambda *_: None)\n"
        f"with claimed({str(folder)!r}):\n print('mine', flush=True)\n signal.pause()"
    )
    process = processes.start(["-c", code])
    while "mine" not in process.output():
        assert process.poll() is None, process.finish()
        time.sleep(0.02)
    return process


def test_two_processes_do_not_write_one_folder_and_a_killed_one_leaves_it_free(tmp_path, capsys, monkeypatch, eagerly):
    monkeypatch.chdir(ROOT)
    folder = tmp_path / "run"
    folder.mkdir()
    holder = hold(folder)
    assert folder_lock.is_claimed(folder)
    run = ["train", "--flagfile=flags/demo/natural.flags", "--steps=2", f"--output={folder}"]
    assert train.main(run) == 2
    said = capsys.readouterr().err
    assert f"is being written by process {holder.pid} on " in said and "--output" in said and said.count("\n") == 1
    small_network().save(tmp_path / "n.keras")
    network = [f"--network={tmp_path}/n.keras", f"--output={folder}"]
    assert evaluate.main(["evaluate", "--flagfile=flags/demo/evaluate.flags", *network]) == 2
    assert "is being written by" in capsys.readouterr().err
    assert not (folder / "run.flags").exists()
    holder.kill()
    assert holder.wait(timeout=60) == -signal.SIGKILL
    assert (folder / folder_lock.OWNER).exists() and not folder_lock.is_claimed(folder)
    assert train.main(run) == 0 and not (folder / folder_lock.OWNER).exists()


def test_who_waits_gets_the_folder_when_it_is_free(tmp_path):
    holder = hold(tmp_path)
    let_go = threading.Event()
    threading.Timer(1.0, lambda: let_go.set() or holder.send_signal(signal.SIGTERM)).start()
    with folder_lock.claimed(tmp_path, wait=True), folder_lock.claimed(tmp_path):  # The second time it is ours already.
        assert let_go.is_set()
    with pytest.raises(folder_lock.FolderInUseError):
        with folder_lock.claimed(tmp_path) as claim:
            claim._lost = {"host": "other", "pid": 1, "token": ""}
            claim.check()


def elsewhere(folder):
    (folder / folder_lock.OWNER).write_text(json.dumps({"host": "another-machine", "pid": 7, "token": "x"}))


def test_a_holder_on_another_machine_is_believed_while_it_gives_signs_of_life(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(folder_lock, "BEAT", 0.2)
    monkeypatch.setattr(folder_lock, "PATIENCE", 1.0)
    elsewhere(tmp_path)
    over = threading.Event()

    def live():
        while not over.wait(0.1):
            os.utime(tmp_path / folder_lock.OWNER)

    thread = threading.Thread(target=live)
    thread.start()
    with pytest.raises(folder_lock.FolderInUseError, match="process 7 on another-machine"):
        with folder_lock.claimed(tmp_path):
            pass
    over.set()
    thread.join()
    with folder_lock.claimed(tmp_path) as claim:  # Silent for PATIENCE seconds: gone.
        claim.check()
        elsewhere(tmp_path)  # It was not, and writes its record again: the last one has it.
        for _ in range(50):
            if claim._lost:
                break
            over.clear()
            over.wait(0.1)
        with pytest.raises(folder_lock.FolderInUseError, match="taken by process 7 on another-machine"):
            claim.check()
    assert (tmp_path / folder_lock.OWNER).exists()


if __name__ == "__main__":
    run_tests(__file__)
