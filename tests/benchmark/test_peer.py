"""The process of other libraries: what it lacks, what it answers, how it ends."""

import numpy as np
import pytest

from tests.helpers import run_tests
from tfrobust.benchmark import peer, torch_peer
from tfrobust.errors import InputError

# Answers every job with twice the images.
PROGRAM = """
import json, sys
import numpy as np
path = sys.argv[1]
print(json.dumps(dict(jobs=["ig captum"], missing=["foolbox"], versions={"torch": "2"})), flush=True)
for line in sys.stdin:
    if line.strip() == "end":
        sys.exit(3)
    np.save(path + ".npy", 2 * np.load(path)["x"])
    print(json.dumps(dict(seconds=1.5, peak=7, result=path + ".npy")), flush=True)
"""


@pytest.fixture
def program(tmp_path, monkeypatch):
    path = tmp_path / "program.py"
    path.write_text(PROGRAM)
    monkeypatch.setattr(peer.torch_peer, "__file__", str(path))


def test_it_does_jobs_when_it_is_asked_to(program):
    x = np.ones((1, 2, 2, 1), np.float32)
    with peer.Peer({"x": x}) as other:
        assert other.jobs == ["ig captum"] and other.missing == ["foolbox"] and other.versions == {"torch": "2"}
        done = other.side("ig captum")()
        assert done.seconds == 1.5 and np.all(done.arrays["found"] == 2) and other.peak == 7
        with pytest.raises(InputError, match="ended with code 3"):
            other.side("end")()


def test_an_interpreter_that_is_not_there_is_refused(program):
    with pytest.raises(InputError, match="--peer_python=/none/python: "):
        peer.Peer({}, "/none/python")


def test_without_the_packages_there_are_no_jobs(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(torch_peer, "is_there", lambda package: False)
    torch_peer.main(str(tmp_path / "none.npz"))
    said = capsys.readouterr().out
    assert '"jobs": []' in said and all(name in said for name in ("torch", "captum", "torchattacks", "foolbox"))


def test_the_network_is_the_same_in_pytorch():
    torch = pytest.importorskip("torch")
    from tfrobust.models import make_model

    network = make_model("mnist_cnn", (8, 8, 1), 10, 0.1)
    x = np.random.RandomState(0).rand(3, 8, 8, 1).astype(np.float32)
    theirs = torch_peer.make_network(network.get_weights())(torch.tensor(x.transpose(0, 3, 1, 2)))
    np.testing.assert_allclose(theirs.detach().numpy(), network.predict(x, verbose=0), atol=1e-5)


if __name__ == "__main__":
    run_tests(__file__)
