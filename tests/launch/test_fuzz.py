"""Wrong flags, arrays and files: each verb ends with 0, or with 2 and one line, never with a traceback."""

import contextlib
import dataclasses
import io
import os
import shutil
import tempfile

import hypothesis
import numpy as np
import pytest
from absl import flags
from hypothesis import strategies as st

from flags import comparison_flags, downstream_flags, recipe_flags, sweep_flags
from launch import compare, comparison_pages, downstream, evaluate, reproduce, single_evaluation, sweep, train
from launch.command_line import progress
from tests.helpers import ROOT, run_tests, shallow_network
from tfrobust.downstream.tasks import alignment
from tfrobust.experiments import comparison, training_run
from tfrobust.papers import reproduction

pytestmark = pytest.mark.usefixtures("eagerly")
VERBS = {v.__name__.split(".")[-1]: v for v in (train, evaluate, compare, downstream, reproduce, sweep)}
SMALL = ["--steps=1", "--batch_size=4", "--width=0.25"]
EVALUATE = ["--flagfile=flags/demo/evaluate.flags", "--ifia_steps=1", "--pgd_steps=1", "--map_steps=2"]
EVALUATE += ["--examples=4", "--attribution_examples=2"]
BASE = {
    "train": ["--flagfile=flags/digits/art.flags", "--dataset=DIR/d.npz", "--attack_steps=1", *SMALL],
    "evaluate": ["--network=DIR/n.keras", *EVALUATE, "--dataset=DIR/d.npz"],
    "compare": ["--rows=DIR/r.flags", *EVALUATE, "--dataset=DIR/d.npz"],
    "downstream": ["--task=alignment", "--networks=a=DIR/n.keras", "--dataset=DIR/d.npz"],
    "reproduce": [
        "--paper=rar",
        "--table=T2",
        "--dataset=mnist",
        "--budget=smoke",
        "--source=DIR/d.npz",
        "--methods=natural",
    ],
    "sweep": ["--rows=DIR/r.flags"],
}
ROOMS = {
    "train": recipe_flags.ROOMS,
    "evaluate": (*comparison_flags.ROOMS[:2], evaluate.output_flags),
    "compare": comparison_flags.ROOMS,
    "downstream": (comparison_flags.ROOMS[0], downstream_flags.define),
    "reproduce": (reproduce.reproduce_flags,),
    "sweep": (sweep_flags.define,),
}
LEFT_OUT = {"download", "output", "steps", "epochs", "flagfile", "list", "saliency_dir"}
BAD = ["", "-1", "0", "1", "2", "0.5", "nan", "inf", "-inf", "1e400", "1/0", "8/255", "x", "None", "true", ",", "a,b"]
BAD += ["1,2", "../x", "/", "DIR", "DIR/d.npz", "DIR/n.keras", "DIR/r.flags", "DIR/none", "é\u202e", " ", "=", "--x"]
BAD += ["a:b", "gradient:DIR/n.keras", "natural=DIR/n.keras", "%s{0}", "\x00", "x" * 300]
SETTINGS = {"derandomize": True, "deadline": None, "database": None}
SETTINGS["suppress_health_check"] = list(hypothesis.HealthCheck)
# How often something wrong is thrown: few times whenever the tests run, and often.
OFTEN = pytest.param(400, marks=pytest.mark.exhaustive)
EXAMPLES = pytest.mark.parametrize("examples", [8, OFTEN])


@pytest.fixture(autouse=True)
def hurried(examples, monkeypatch):
    """Of few, none is drawn, and no cost of a step measured."""
    if examples < 100:
        monkeypatch.setattr(comparison, "step_seconds", lambda recipes, *_: {recipe.name: 1.0 for recipe in recipes})
        monkeypatch.setattr(single_evaluation.report, "draw_panels", lambda *_: None)
        monkeypatch.setattr(alignment, "draw_boxes", lambda *_: None)
        for name in ("_draw", "_draw_scores"):
            monkeypatch.setattr(comparison_pages, name, lambda *_: None)


@pytest.fixture
def done_once(name, examples, monkeypatch, tmp_path):
    """Of few, a run of a sweep or a table that is trained or evaluated a second time is that of the first time: flags
    that are honoured show nothing more by it."""
    runs, found, train, evaluate = {}, {}, training_run.train, reproduction.evaluate

    def train_once(recipe, data, output, *more, **others):
        key = repr(dataclasses.replace(recipe, saliency_dir=""))
        if key not in runs:
            kept = tmp_path / str(len(runs))
            runs[key] = kept, train(recipe, data, output, *more, **others)
            shutil.copytree(output, kept)
        kept, made = runs[key]
        shutil.copytree(kept, output, dirs_exist_ok=True)
        return made

    def evaluate_once(network, x, y, suite, *more, **others):
        key = repr(suite), *(w.tobytes() for w in network.get_weights())
        if key not in found:
            found[key] = evaluate(network, x, y, suite, *more, **others)
        return found[key]

    if examples < 100 and name in ("sweep", "reproduce"):
        monkeypatch.setattr(training_run, "train", train_once)
        monkeypatch.setattr(reproduction, "evaluate", evaluate_once)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("fuzz")
    np.savez(path / "d.npz", **arrays())
    shallow_network().save(path / "n.keras")
    (path / "r.flags").write_text(
        "\n".join([f"--flagfile={ROOT}/flags/demo/natural.flags", f"--dataset={path}/d.npz", "--hold_out=0", *SMALL])
    )
    return path


def arrays():
    r = np.random.RandomState(0)
    x, y = r.rand(20, 8, 8, 1).astype(np.float32), np.arange(20) % 10
    return {"x_train": x, "y_train": y, "x_test": x, "y_test": y}


def names(verb_name):
    """The flags of a verb, those aside that are honoured with a network or hours of work."""
    fv = flags.FlagValues()
    for define in ROOMS[verb_name]:
        define(fv)
    return sorted(set(fv) - LEFT_OUT)


NAMES = {name: names(name) for name in VERBS}


def at(given, folder):
    return [flag.replace("DIR", str(folder)) for flag in given]


def check(name, given):
    """Calls the verb; anything but 0, or 2 with one line, is a failure."""
    said = io.StringIO()
    here = os.getcwd()
    os.chdir(ROOT)
    with tempfile.TemporaryDirectory() as out:
        try:
            with contextlib.redirect_stderr(said), contextlib.redirect_stdout(io.StringIO()):
                code = VERBS[name].main([name, *given, f"--output={out}/o"])
        finally:
            os.chdir(here)
            progress.close_all()
    lines = [line for line in said.getvalue().splitlines() if "it/s" not in line and "s/it" not in line]
    own = [line for line in lines if line.startswith(f"{name}: ")]
    assert code in (0, 1, 2), code
    if code:
        assert len(own) == 1 and lines[-1] == own[0] and len(own[0]) > len(name) + 10, lines
    if code == 1:  # Not the user's fault: it must say so.
        assert "NaN or infinite" in own[0] or "runs failed" in own[0], own[0]
    return code


@pytest.mark.parametrize("examples", [14, OFTEN])  # Many flags of a sweep refuse few of these values.
@pytest.mark.parametrize("name", VERBS)
def test_wrong_flags(name, examples, folder, done_once):
    codes = []

    @hypothesis.settings(max_examples=examples, **SETTINGS)
    @hypothesis.given(st.lists(st.tuples(st.sampled_from(NAMES[name]), st.sampled_from(BAD)), min_size=1, max_size=2))
    def throw(pairs):
        codes.append(check(name, at([*BASE[name], *(f"--{flag}={value}" for flag, value in pairs)], folder)))

    throw()
    assert codes.count(2) > len(codes) / 3  # Most of it is wrong, and the base itself is not.
    assert check(name, at(BASE[name], folder)) == 0


DTYPES = [np.float32, np.float64, np.uint8, np.int64, np.int8, bool, np.complex64, "U3", "S2", np.float16, "M8[s]"]


@st.composite
def wrong_arrays(draw):
    """The arrays of a data set, one or two of them replaced by something else."""
    made = arrays()
    for key in draw(st.lists(st.sampled_from([*sorted(made), "boxes_train", "masks_test", "maps_train"]), max_size=2)):
        kind = draw(st.sampled_from(["gone", "other", "nan", "huge", "object"]))
        shape = draw(st.lists(st.integers(0, 20), max_size=5))
        shape = shape if np.prod(shape or [1]) < 5000 else shape[:2]
        if kind == "gone":
            made.pop(key, None)
        elif kind == "object":
            made[key] = np.array([{}, None, []], dtype=object)
        elif kind == "other" or key not in made or made[key].dtype.kind not in "fiu":
            made[key] = np.zeros(shape, draw(st.sampled_from(DTYPES)))
        else:
            made[key] = made[key].astype(np.float64)
            made[key].flat[:1] = np.nan if kind == "nan" else 1e30
    return made


@EXAMPLES
@pytest.mark.parametrize("name", ["train", "evaluate"])
def test_wrong_arrays(name, examples, folder):
    codes = []

    @hypothesis.settings(max_examples=examples, **SETTINGS)
    @hypothesis.given(wrong_arrays())
    def throw(made):
        np.savez(folder / "wrong.npz", **made)
        codes.append(check(name, at([*BASE[name], "--dataset=DIR/wrong.npz"], folder)))

    throw()
    assert codes.count(2) > len(codes) / 3


@EXAMPLES
@pytest.mark.parametrize(
    "name, flag, file",
    [
        ("evaluate", "--network=DIR/wrong.keras", "n.keras"),
        ("downstream", "--networks=DIR/wrong.keras", "n.keras"),
        ("train", "--dataset=DIR/wrong.npz", "d.npz"),
        ("train", "--flagfile=DIR/wrong.flags", "r.flags"),
        ("sweep", "--rows=DIR/wrong.flags", "r.flags"),
        ("compare", "--rows=DIR/wrong.flags", "r.flags"),
    ],
)
def test_wrong_files(name, flag, file, examples, folder):
    good = (folder / file).read_bytes()
    ending = os.path.splitext(file)[1]
    codes = []

    @hypothesis.settings(max_examples=examples, **SETTINGS)
    @hypothesis.given(st.integers(0, len(good)), st.integers(0, len(good)), st.binary(max_size=20))
    def throw(start, end, between):
        """The file with a stretch of it cut out and something else put there."""
        start, end = min(start, end), max(start, end)
        (folder / f"wrong{ending}").write_bytes(good[:start] + between + good[end:])
        codes.append(check(name, at([*BASE[name], flag], folder)))

    throw()
    assert codes.count(2) > len(codes) / 3


if __name__ == "__main__":
    run_tests(__file__)
