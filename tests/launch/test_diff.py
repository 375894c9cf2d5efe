"""launch.diff as people meet it: two files, one report; what explains otherwise is called that."""

import json
import re
from types import SimpleNamespace

import keras
import numpy as np
import pytest

from launch import diff as verb
from tests.helpers import run_tests, shallow_network
from tfrobust import data, report
from tfrobust.attacks import AttackedMaps
from tfrobust.auditing import difference as differences
from tfrobust.auditing import difference_page, difference_verdict
from tfrobust.auditing.difference import AFTER, BEFORE, Difference, DifferencePlan
from tfrobust.errors import InputError

CHEAP = ["--images=60", "--explained=12", "--attacked=3", "--steps=2", "--points=4", "--eps=8/255"]


@pytest.fixture(autouse=True)
def graphs(eagerly):
    """None: what is attacked is over before it would be traced."""


def beside(network, added):
    """The network with the same function `added` to every logit: no probability changes, every map does."""
    inputs = keras.Input((8, 8, 1))
    same = keras.layers.Dense(1, use_bias=False, name="added")(keras.layers.Flatten()(inputs))
    wide = keras.layers.Dense(10, use_bias=False, name="wide")(same)
    out = keras.Model(inputs, keras.layers.Add()([network(inputs), wide]))
    out.get_layer("added").set_weights([added.reshape(-1, 1)])
    out.get_layer("wide").set_weights([np.ones((1, 10), np.float32)])
    return out


@pytest.fixture
def undrawn(monkeypatch):
    """The pictures of a page are looked at in one test."""
    monkeypatch.setattr(report, "html_picture", lambda draw, alt, form="png": "")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """a.keras, trained; b.keras, with the same predictions and other explanations; seed.keras of the same training."""
    path, digits = tmp_path_factory.mktemp("diff"), data.load("digits")
    x, y = data.to_unit(digits.x_train), digits.y_train
    network = shallow_network()
    network.compile(keras.optimizers.Adam(0.005), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    for seed, name in ((0, "a"), (1, "seed")):
        network.set_weights(shallow_network(seed).get_weights())  # One graph trains both.
        network.fit(x, y, epochs=3, verbose=0)
        network.save(path / f"{name}.keras")
        if name == "a":
            added = 30 * np.random.RandomState(0).rand(64).astype(np.float32)
            beside(network, added).save(path / "b.keras")
    keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(7)]).save(path / "seven.keras")
    keras.Sequential([keras.Input((6, 6, 1)), keras.layers.Flatten(), keras.layers.Dense(10)]).save(path / "six.keras")
    np.savez(path / "digits.npz", x=data.to_unit(digits.x_test[:100]), y=digits.y_test[:100])
    return path


def call(folder, *given, output="out"):
    words = [word.replace("DIR", str(folder)) for word in given]
    networks = [word for word in words if not word.startswith("-")]
    given = [f"--data={folder}/digits.npz", f"--output={folder}/{output}", *CHEAP]
    return verb.main(["diff", *networks, *given, *words[len(networks) :]])


def said(folder, output="out"):
    return json.loads((folder / output / "diff.json").read_text())


def test_what_predicts_the_same_and_explains_otherwise_is_called_that(folder, capsys):
    assert call(folder, "DIR/a.keras", "DIR/b.keras", "--pixels=0..1", "--seeds_of_before=DIR/seed.keras") == 0
    assert "They predict the same and explain it otherwise." in capsys.readouterr().out
    found = said(folder)
    assert found["verdict"]["kind"] == "otherwise" and found["predictions"]["agreement"]["mean"] == 1
    assert found["predictions"]["mcnemar_p"] == 1 and found["predictions"]["distance"]["mean"] < 1e-3
    assert found["maps"]["gradient"]["top_k_intersection"]["mean"] < 0.5
    assert found["closer_than_seeds"]["gradient"]["mean"] < 0 and len(found["seeds_agreement"]) == 1
    assert found["images"] == {"compared": 60, "explained": 12, "attacked": 3}
    assert set(found["under_attack"]) == {BEFORE, AFTER} and found["fragility"]["images"] == 3
    records = [json.loads(line) for line in (folder / "out" / "diff_records.jsonl").read_text().splitlines()]
    shared = [r["IG_top_k_intersection"] for r in records if "IG_top_k_intersection" in r]
    assert len(records) == 60 and np.mean(shared) == pytest.approx(found["maps"]["IG"]["top_k_intersection"]["mean"])
    page = (folder / "out" / "diff.html").read_text()
    assert page.count("<img") == 3 and "python -m launch.diff --before=" in page
    assert page.index("First: a.keras (before). Second: b.keras (after).") < page.index('class="verdict')
    assert page.index("always in one place?") < page.index("<figure>") and "violet pixels are more important" in page
    places = re.findall(r'<h2 id="(\w+)"', page)
    assert places == ["meaning", "next", "certainty", "numbers", "pictures", "method", "repeat"]
    prose = re.sub(r"<(pre|figcaption)>.*?</\1>|<[^>]+>", "\n", page.partition("<body>")[2], flags=re.S)
    assert not re.findall(r"\b[a-z]+_[a-z_]+\b", re.sub(r"base64,[^\"]*", "", prose))


def test_a_file_and_itself_are_the_same_and_are_found_done(folder, capsys, undrawn):
    given = "DIR/a.keras", "DIR/a.keras", "--pixels=0..1"
    assert call(folder, *given, output="same") == 0
    found = said(folder, "same")
    assert found["verdict"]["kind"] == "identical" and found["fragility"]["p"] == 1
    assert found["maps"]["IG"]["kendall"]["mean"] == 1 and found["seeds"] == {}
    stamps = {path.name: path.stat().st_mtime_ns for path in (folder / "same" / "batches").iterdir()}
    assert call(folder, *given, output="same") == 0 and said(folder, "same") == found
    assert stamps == {path.name: path.stat().st_mtime_ns for path in (folder / "same" / "batches").iterdir()}


def test_another_training_is_another_network(folder, undrawn):
    assert call(folder, "DIR/a.keras", "DIR/seed.keras", "--pixels=0..1", "--attacked=0", output="other") == 0
    found = said(folder, "other")
    assert found["verdict"]["kind"] == "other" and found["predictions"]["agreement"]["mean"] < 0.98
    assert found["fragility"] is None and found["under_attack"] == {}


@pytest.mark.parametrize(
    "given, words",
    [
        (["DIR/a.keras"], "--after must be given"),
        (["DIR/a.keras", "DIR/none.keras"], "no network at"),
        (["DIR/a.keras", "DIR/b.keras", "DIR/seed.keras"], "cannot make sense of"),
        (["DIR/a.keras", "DIR/b.keras", "--seeds_of_before=DIR/none.keras"], "no network at"),
        (["DIR/a.keras", "DIR/seven.keras"], "knows 7 classes"),
        (["DIR/a.keras", "DIR/six.keras", "--pixels=0..1"], "images of different sizes, 8x8x1 and 6x6x1"),
        (["DIR/a.keras", "DIR/b.keras", "--eps=8"], "8/255, not 8"),
        (["DIR/a.keras", "DIR/b.keras", "--images=0"], "--images"),
        (["DIR/a.keras", "DIR/b.keras", "--class_names=a,b", "--pixels=0..1"], "the networks know 10 classes"),
        (["DIR/a.keras", "DIR/digits.npz"], "no .keras file"),
    ],
)
def test_what_cannot_be_is_one_line(folder, capsys, given, words):
    assert call(folder, *given, output="refused") == 2
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("diff: ")]
    assert len(lines) == 1 and words in lines[0]


def made(agree=1.0, shared=1.0, seeds=None, stays=(0.5, 0.5), n=20):
    """A comparison with these numbers: classes 0 and 1, of which the first network always says 0."""
    chances = np.tile([0.9, 0.1], (n, 1))
    other = chances.copy()
    other[: round(n * (1 - agree))] = [0.1, 0.9]
    other += [0.01, -0.01]
    values = lambda mean: {m: np.full(n, mean) for m in ("top_k_intersection", "kendall")}  # noqa: E731
    empty, yes = np.zeros((n, 2, 2, 1)), np.ones(n, bool)
    attacks = {
        which: AttackedMaps(empty, empty[..., 0], empty, empty[..., 0], yes, yes, yes, yes, yes, values(stay))
        for which, stay in zip((BEFORE, AFTER), stays)
    }
    inputs = SimpleNamespace(x=empty, y=np.zeros(n, int), rows=np.arange(n), pixels="0..1")
    kinds = lambda mean: {kind: values(mean) for kind in ("IG", "gradient")}  # noqa: E731
    both = {BEFORE: chances, AFTER: other}
    own = both, np.arange(n), {}, kinds(shared), kinds(0.9), {} if seeds is None else kinds(seeds)
    return Difference(inputs, DifferencePlan(), 1, *own, [], attacks, np.arange(n), None, None)


@pytest.mark.parametrize(
    "numbers, kind",
    [
        ({"shared": 1.0}, "same"),
        ({"shared": 0.8}, "same"),
        ({"shared": 0.7}, "partly"),
        ({"shared": 0.4}, "otherwise"),
        ({"shared": 0.7, "seeds": 0.5}, "partly"),  # Nearer than another training.
        ({"shared": 0.7, "seeds": 0.75}, "otherwise"),  # As far as another training, with the same predictions.
        ({"shared": 0.9, "seeds": 0.95}, "same"),
        ({"shared": 0.3, "agree": 0.9}, "other"),
    ],
)
def test_the_words_follow_from_the_numbers(numbers, kind):
    words = difference_verdict.reach_difference_verdict(made(**numbers))
    assert words.kind == kind and words.lead == difference_verdict.LEADS[kind] and words.todo and words.means


def test_maps_further_apart_than_seeds_are_said_to_be_whatever_the_predictions():
    for agree in (1.0, 0.9):
        reach = difference_verdict.reach_difference_verdict
        assert difference_verdict.FURTHER_THAN_SEEDS in reach(made(agree=agree, shared=0.2, seeds=0.4)).means
        assert difference_verdict.FURTHER_THAN_SEEDS not in reach(made(agree=agree, shared=0.4, seeds=0.4)).means


def test_it_is_said_by_which_measure_maps_are_further_apart_than_seeds():
    found = made(shared=0.2, seeds=0.4)
    assert "(Kendall's tau) they are too." in difference_verdict.reach_difference_verdict(found).means
    for own in found.scores.values():
        own["kendall"][:] = 0.5
    words = difference_verdict.reach_difference_verdict(found)
    assert "(Kendall's tau) they are not." in words.means
    assert "their maps share 20 points fewer of the top pixels than those of two seeds" in " ".join(words.certainty)
    for own in found.seeds.values():
        own["top_k_intersection"][:8] = np.nan
    words = " ".join(difference_verdict.reach_difference_verdict(found).certainty)
    assert "12 of 20 images: on the others no other seed predicts the same class" in words


def test_captions_name_a_label_that_neither_predicts():
    found = made()._replace(class_names=["sunflower", "tigerlily"])
    assert difference_page._said(found, 0) == "both predict class sunflower"
    found.inputs.y[0] = 1
    assert difference_page._said(found, 0) == "labelled tigerlily, both predict class sunflower"


def test_the_page_says_which_file_is_the_first():
    assert (
        "First: a.keras (before). Second: b.keras (after)."
        in difference_page._which({"before": "x/a.keras", "after": "x/b.keras"})[0]
    )
    assert "First: 1/a.keras" in difference_page._which({"before": "1/a.keras", "after": "2/a.keras"})[0]
    assert difference_page._which({}) == []


def test_which_one_is_more_fragile_is_said_where_it_is_not_chance():
    found = difference_verdict.reach_difference_verdict(made(stays=(0.6, 0.3))).found
    assert (
        "of Integrated Gradients 60% stay in the first and 30% in the second. The second's maps move further" in found
    )
    assert "may be chance" not in found
    stiller = difference_verdict.reach_difference_verdict(made(stays=(0.3, 0.6))).found
    assert difference_verdict.STILLER in stiller and "not make them trustworthy" in stiller
    assert "may be chance" in difference_verdict.reach_difference_verdict(made()).found


def test_seeds_count_where_they_predict_the_same():
    maps = {name: {"IG": np.random.RandomState(i).rand(3, 4, 4)} for i, name in enumerate((BEFORE, "o1", "o2"))}
    alike = differences.Comparison(4)
    said = {BEFORE: np.array([0, 0, 0]), "o1": np.array([0, 1, 1]), "o2": np.array([0, 0, 1])}
    found = differences._of_others(alike, "IG", maps, said, np.arange(3), others=["o1", "o2"])["kendall"]
    each = [alike.measure(maps[BEFORE]["IG"], maps[name]["IG"])["kendall"] for name in ("o1", "o2")]
    np.testing.assert_allclose(found, [np.mean([each[0][0], each[1][0]]), each[1][1], np.nan])


def test_a_plan_that_cannot_be_is_refused():
    for wrong in ({"eps": 0}, {"explained": 0}, {"attacked": -1}, {"points": 1.5}):
        with pytest.raises(InputError):
            DifferencePlan(**wrong)


if __name__ == "__main__":
    run_tests(__file__)
