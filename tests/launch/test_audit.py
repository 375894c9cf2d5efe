"""launch.audit as people meet it: networks they made with plain Keras, one report, the time they gave."""

import base64
import html
import html.parser
import json
import os
import re
import shutil
import signal
from types import SimpleNamespace

import keras
import numpy as np
import pytest
import tensorflow as tf

from launch import audit as verb
from tests import processes
from tests.helpers import ROOT, run_tests, shallow_network, shorten_auto
from tests.launch import killed_audits
from tfrobust import auditing, data, report
from tfrobust.auditing import audit as auditing_audit
from tfrobust.auditing import inputs, meaning, plan, verdict
from tfrobust.auditing.advice import ADVICE
from tfrobust.auditing.plan import LEVELS, Cost, Plan, make_plan
from tfrobust.auditing.time_budget import TimeBudget
from tfrobust.evaluation.batch_cache import BatchCache
from tfrobust.evaluation.diagnosis import FLAGS
from tfrobust.evaluation.evaluator import compute
from tfrobust.types import InputError

CHEAP = ["--eps=8/255", "--images=6", "--minutes=5"]


@pytest.fixture(autouse=True)
def at_root(monkeypatch):
    monkeypatch.chdir(ROOT)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """digits.keras, as someone would write it who has never heard of this library, and digits.npz."""
    path = tmp_path_factory.mktemp("audit")
    digits = data.load("digits")
    keras.utils.set_random_seed(0)
    network = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            keras.layers.Rescaling(1 / 255),
            keras.layers.Conv2D(8, 3, activation="relu"),
            keras.layers.BatchNormalization(),
            keras.layers.Flatten(),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )
    network.compile(keras.optimizers.Adam(0.005), "sparse_categorical_crossentropy")
    x = digits.x_train if digits.x_train.dtype == np.uint8 else 255 * digits.x_train
    network.fit(x.astype("float32"), digits.y_train, epochs=3, verbose=0)
    network.save(path / "digits.keras")
    x, y = np.round(255 * data.to_unit(digits.x_test)).astype(np.uint8), digits.y_test
    np.savez(path / "digits.npz", x=x[:200], y=y[:200])
    np.savez(path / "upright.npz", x=x[:200], y=np.roll(y[:200], 1))
    np.savez(path / "bare.npz", images=x)
    np.savez(path / "classes.npz", x_train=x, y_train=np.minimum(y, 6), x_test=x[:50], y_test=np.minimum(y, 6)[:50])
    np.savez(path / "high.npz", x=x[:50], y=y[:50] + 3)
    np.savez(path / "from_one.npz", x=x[:50], y=np.arange(50) % 10 + 1)
    np.savez(path / "floats.npz", x=x[:50], y=y[:50] + 0.5)
    np.savez(path / "rgb.npz", x=np.concatenate([x[:50], x[:50] // 2, x[:50]], axis=-1), y=y[:50])
    return path


def call(folder, *more, output="out", whole=False, short=False):
    """whole: with pictures, and a plan by what a step was measured to cost.  short: a step, two path points, and no
    attack a second time."""
    given = [f"--network={folder}/digits.keras", f"--data={folder}/digits.npz", *CHEAP, f"--output={folder}/{output}"]
    with pytest.MonkeyPatch.context() as patch:
        if short:
            patch.setattr(auditing_audit, "TIME_FOR_MORE", 0.0)
        patch.setattr(plan, "LEVELS", ((1, 2) if short else (2, 4),))  # What fits into the time is chosen below.
        for module in (plan, auditing_audit):
            patch.setattr(module, "APGD_STEPS", 2)
        if not whole:
            patch.setattr(report, "html_picture", lambda draw, alt, form="png": "")
            for traced, name in enumerate(("untraced_cost", "traced_cost")):
                cost = Cost(0.001, tracing=0.001, traced=bool(traced))
                patch.setattr(auditing_audit, name, lambda inputs, trial, cost=cost: cost)
        return verb.main(["audit", *given, *(flag.replace("DIR", str(folder)) for flag in more)])


class Page(html.parser.HTMLParser):
    """Fails on tags that do not close each other; gathers text and attributes."""

    VOID = ("meta", "img")

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.attributes, self.text, self.of_tags = [], [], [], [], []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        self.of_tags += [(tag, *each) for each in attrs]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, text):
        self.text.append(text)


@pytest.fixture(scope="module")
def done(folder):
    here = os.getcwd()
    os.chdir(ROOT)
    assert call(folder, whole=True) == 0
    os.chdir(here)
    return folder / "out"


def records_of(done):
    return [json.loads(line) for line in (done / "audit_records.jsonl").read_text().splitlines()]


def test_the_page_is_one_file_that_asks_for_nothing(done):
    text = (done / "audit.html").read_text()
    page = Page(text)
    assert not re.search(r"https?:|//[a-z]", re.sub(r"base64,[^\"]*", "", text))
    assert not {"script", "link", "iframe", "object"} & set(page.tags)
    sources = [value for name, value in page.attributes if name == "src"]
    assert len(sources) >= 4 and all(
        value.startswith(("data:image/png;base64,iVBOR", "data:image/svg+xml;base64,PD94bWw")) for value in sources
    )
    words = " ".join(page.text)
    assert (
        "digits.keras" in words
        and "python -m launch.audit --network=" in words
        and "--eps=8/255 " in words
        and '"tensorflow"' in words
    )


def test_the_numbers_of_the_verdict_are_those_of_the_records(done):
    own = [r for r in records_of(done) if r["task"] == "IG at 8/255"]
    assert len(own) == 6
    attacked, noise = (np.mean([r[key] for r in own]) for key in ("top_k_intersection", "noise_top_k_intersection"))
    verdict = json.loads((done / "audit.json").read_text())["verdict"]
    text = (done / "audit.html").read_text()
    assert (
        "Integrated Gradients, changes of at most 8/255 per pixel (8 of 255 brightness levels, hardly visible)" in text
    )
    assert f": {attacked:.0%} of the 8 most important pixels are still among" in verdict["headline"]
    gradient = [r for r in records_of(done) if r["task"] == "gradient at 8/255"]
    other = [np.mean([r[key] for r in gradient]) for key in ("top_k_intersection", "noise_top_k_intersection")]
    assert f"; of the gradient: {other[0]:.0%} (noise: {other[1]:.0%})" in verdict["headline"]
    assert verdict["headline"].partition(": ")[2][1:] in text
    assert f"the same size {noise:.0%} are" in verdict["headline"]
    shown = re.findall(r'<td class="number" data-heading="(top pixels that stay|under noise)">([^<]*)</td>', text)
    assert [("top pixels that stay", f"{attacked:.1%}"), ("under noise", f"{noise:.1%}")] == shown[:2]
    natural = [r["prediction"] == r["label"] for r in records_of(done) if r["task"] == "natural"]
    pgd = [r["prediction"] == r["label"] for r in records_of(done) if r["task"] == "APGD at 8/255"]
    held = np.mean(np.logical_and(natural, pgd))
    assert any(f"{np.mean(natural):.0%} of {len(natural)} images" in s and f"{held:.0%} at 8/255" in s
               for s in verdict["sentences"])  # fmt: skip
    assert np.mean(natural) > 0.7
    stays = f"accuracy stays at {held:.0%}" if f"{np.mean(natural):.0%}" == f"{held:.0%}" else ""
    assert (stays or f"accuracy falls from {np.mean(natural):.0%} to {held:.0%}") in text
    assert f"Of {len(natural)} images {np.sum(natural)} are predicted correctly; the maps of 6 of these" in text
    nothing = [not r["counted"] for r in records_of(done) if "counted" in r]
    assert f"found nothing counts as 100 % ({sum(nothing)} of the {len(nothing)} attacks in the table)" in text


def test_the_page_reads_well_on_a_phone_and_on_paper(done):
    text = (done / "audit.html").read_text()
    page = Page(text)
    assert "@media print" in text and "@media (max-width" in text
    assert ("content", "width=device-width, initial-scale=1") in page.attributes
    assert not {"width", "height", "style"} & {
        name for tag, name, _ in page.of_tags if tag in ("img", "table", "td", "p")
    }
    pictures = [value for tag, name, value in page.of_tags if (tag, name) == ("img", "alt")]
    assert len(pictures) == text.count("<img") >= 7 and all(len(alt) > 20 for alt in pictures)
    assert sum("difference of the maps" in alt for alt in pictures) == 6  # Most, median, least, of two maps.
    cells = sum(tag == "td" for tag in page.tags)
    assert sum((tag, name) == ("td", "data-heading") for tag, name, _ in page.of_tags) == cells > 10
    charts = [base64.b64decode(found).decode() for found in re.findall(r"data:image/svg\+xml;base64,([^\"]*)", text)]
    for colour in (report.MEANINGS["attacked"], report.MEANINGS["noise"]):
        assert charts and all(colour in chart for chart in charts)


def test_the_page_answers_its_reader_in_order_and_says_nothing_twice(done):
    """What was found, what it means, what to do, how sure it is; then numbers, pictures, and how to repeat it."""
    text = re.sub(r"base64,[^\"]*", "", (done / "audit.html").read_text())
    page = Page(text)
    places = [value for tag, name, value in page.of_tags if (tag, name) == ("h2", "id")]
    assert places == ["meaning", "next", "certainty", "numbers", "pictures", "method", "repeat"]
    assert [value for name, value in page.attributes if name == "href"] == [f"#{place}" for place in places]
    assert text.index('class="verdict') < text.index("<nav>") < text.index('id="meaning"')
    prose = html.unescape(re.sub(r"<(pre|figcaption)>.*?</\1>|<[^>]+>", "\n", text.partition("<body>")[2], flags=re.S))
    sentences = [s.strip() for s in re.split(r"(?<=[.:])\s+|\n", prose) if len(s.strip()) > 40]
    assert len(sentences) > 20 and len(set(sentences)) == len(sentences)
    for flag in ("--fail_if", "--minutes"):  # Names of code stand in what is typed alone, but for what to do next.
        prose = prose.replace(flag, "")
    assert not re.findall(r"\b[a-z]+_[a-z_]+\b|--[a-z]+", prose)


def test_every_verdict_says_what_it_means_and_what_to_do(done):
    said = {grade: meaning.MEANINGS[grade] for grade in ("fragile", "moves", "holds", "unsure", "none")}
    assert set(said) == set(meaning.MEANINGS) and all(each.means for each in said.values())
    assert all(each.todo for grade, each in said.items() if grade != "none")  # There the headline says it.
    assert "94% of the top pixels" in meaning.under_noise({"noise_top_k_intersection": {"mean": 0.94}})
    assert "not stable either (60%" in meaning.under_noise({"noise_top_k_intersection": {"mean": 0.6}})
    given = SimpleNamespace(result=SimpleNamespace(maps={}))
    words = verdict.Verdict("none", f"Nothing to judge.{meaning.TO_DO}look at the labels.", [])
    assert meaning.meaning_of(given, words).todo == ("Look at the labels.",)


def test_each_flag_is_told_once_in_words_with_what_to_do(done):
    said = json.loads((done / "audit.json").read_text())
    raised = {flag["name"] for own in said["flags"].values() for flag in own if flag["raised"]}
    assert raised
    text = html.unescape(re.sub(r"<details>.*</details>", "", (done / "audit.html").read_text(), flags=re.S))
    for name in FLAGS:
        assert name not in re.sub(r"base64,[^\"]*", "", text) or "_" not in name
        seen, todo = (words[1:] for words in ADVICE[name])  # Flags share what is to be done, which is said once.
        assert text.count(seen) == (name in raised)
        assert todo == "othing" or text.count(todo) == any(ADVICE[other][1][1:] == todo for other in raised)
    assert all(todo and seen for seen, todo in ADVICE.values()) and set(ADVICE) == set(FLAGS)


def test_no_verdict_says_what_to_do_next(done, monkeypatch):
    monkeypatch.setattr(verdict, "gain", lambda records, task: {"low": -0.1, "high": 0.1, "mean": 0.0})
    summary = {"eps": 8 / 255, **{name: {"mean": 0.9} for name in ("top_k_intersection", "noise_top_k_intersection")}}
    result = auditing_audit.Evaluation(None, [], {"IG at 8/255": summary}, {"IG at 8/255": []}, {}, np.arange(4))
    given = SimpleNamespace(plan=Plan((8 / 255,), 10, 10, 8, 64, 8, None), result=result, doubled=0)
    assert verdict._grade(given, "IG at 8/255") == "none"
    assert "What to do:" in verdict.headline("none", verdict._moved(given, 8 / 255))


def test_records_name_the_image_in_the_file_that_was_given(folder, done):
    with np.load(folder / "digits.npz") as file:
        y = file["y"]
    records = records_of(done)
    natural = [r["image"] for r in records if r["task"] == "natural"]
    assert len(set(natural)) == len(natural) > 50 and {r["image"] for r in records} == set(natural)
    for r in records:
        row = int(re.fullmatch(r"x\[(\d+)\]", r["image"]).group(1))
        assert r["label"] == y[row]


def test_run_again_it_finds_what_it_did(folder, done, capsys):
    """Also where the report itself is torn; a gate costs nothing more."""
    before, kept = (done / "audit_records.jsonl").read_text(), (done / "audit.json").read_text()
    again = shutil.copytree(done, folder / "again")
    (again / "audit.json").write_text(kept[:100])
    stamps = {name: (again / "batches" / name).stat().st_mtime_ns for name in os.listdir(again / "batches")}
    same = [f"--baseline={done}/audit.json", "--fail_if=kendall<baseline-0.001", "--fail_if=accuracy<0.01"]
    assert call(folder, *same, output="again") == 0
    assert "begun anew" not in capsys.readouterr().err
    assert (again / "audit_records.jsonl").read_text() == before
    assert stamps == {name: (again / "batches" / name).stat().st_mtime_ns for name in os.listdir(again / "batches")}
    assert json.loads((again / "audit.json").read_text())["verdict"] == json.loads(kept)["verdict"]


@pytest.mark.exhaustive
@pytest.mark.parametrize("kills", [(6,), (6, 6)])
def test_an_audit_that_is_killed_ends_with_the_numbers_of_one_that_was_not(folder, tmp_path, kills):
    """Killed after so many batches: in the first round, 4 of predictions and 6 of maps, and once it is planned how many
    images there are."""
    made = processes.run(["-m", "tests.launch.killed_audits", folder, tmp_path, ",".join(map(str, kills))])
    assert made.returncode == 0, made.stderr[-2000:]
    ends = [line.split() for line in made.stdout.splitlines() if line.startswith("killed ")]
    assert [end[-1] for end in ends] == [str(-signal.SIGKILL)] * len(kills)
    whole, killed = (json.loads((tmp_path / name / "audit.json").read_text()) for name in ("whole", "killed"))
    assert killed["summary"] == whole["summary"] and killed["flags"] == whole["flags"]
    assert killed["about"]["suite"] == whole["about"]["suite"] and killed["verdict"] == whole["verdict"]
    assert records_of(tmp_path / "killed") == records_of(tmp_path / "whole")
    attacked = whole["summary"]["IG at 8/255"]["examples"]
    assert killed_audits.BATCH < attacked < killed_audits.IMAGES, "the time, and not --images, said how many"


def test_an_audit_begun_anew_interrupted_and_untraced_has_the_same_numbers(folder, done, capsys, monkeypatch):
    """Other flags begin it anew, which is said; where tracing takes too long, nothing is traced; and what was done
    before it was interrupted is not done again."""
    monkeypatch.setattr(auditing_audit, "MOST_TRACING", 0.0)
    monkeypatch.setattr(plan, "MOST_PREDICTED_IMAGES", 8)
    batches = shutil.copytree(done, folder / "untraced") / "batches"
    computed, whole, earlier = [], BatchCache.__call__, len(os.listdir(batches))

    def interrupted(self, key, work):
        def once():
            if len(computed) == 6:  # In the midst of the maps.
                raise KeyboardInterrupt
            computed.append(key)
            return work()

        return whole(self, key, once)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(BatchCache, "__call__", interrupted)
        call(folder, "--images=2", output="untraced")
    assert "begun anew" in (err := capsys.readouterr().err) and "(images was 6 and is 2)" in err
    stamps = {path: path.stat().st_mtime_ns for path in batches.iterdir()}
    assert len(stamps) == earlier + 6
    assert call(folder, "--images=2", output="untraced") == 0 and "begun anew" not in capsys.readouterr().err
    assert stamps.items() < {path: path.stat().st_mtime_ns for path in batches.iterdir()}.items()
    said = json.loads((folder / "untraced" / "audit.json").read_text())
    assert said["summary"]["IG at 8/255"]["examples"] == 2
    assert not said["about"]["plan"]["traced"] and not tf.config.functions_run_eagerly()
    before = {(r["task"], r["image"]): r for r in records_of(done)}
    own = [r for r in records_of(folder / "untraced") if "kendall" in r]
    assert len(own) == 4
    for r in own:
        assert r == pytest.approx(before[r["task"], r["image"]], abs=0.02)


def test_the_report_on_other_images_is_not_written_over(folder, done, capsys):
    digits, before = data.load("digits"), (done / "audit.json").read_text()
    np.savez(folder / "others.npz", x=digits.x_test[:50], y=digits.y_test[:50])
    assert call(folder, "--data=DIR/others.npz") == 2
    assert "holds the audit of other images: give another --output" in capsys.readouterr().err
    assert (done / "audit.json").read_text() == before


def test_a_nested_network_on_a_folder_of_images_of_another_size(folder, eagerly, capsys):
    r = np.random.RandomState(0)
    files = {}
    for label, name in enumerate(("cat", "dog")):
        os.makedirs(folder / "pets" / name)
        for i in range(20):
            picture = r.randint(0, 90, (20, 16, 3)) + 150 * np.eye(3, dtype=int)[label]
            path = folder / "pets" / name / f"{i}.png"
            tf.io.write_file(str(path), tf.io.encode_png(picture.astype(np.uint8)))
            files[f"{name}/{i}.png"] = label
    inner_in = keras.Input((12, 12, 3))
    y = keras.layers.ReLU(6.0)(keras.layers.BatchNormalization()(keras.layers.Conv2D(4, 3)(inner_in)))
    inner = keras.Model(inner_in, keras.layers.GlobalAveragePooling2D()(y))
    inputs = keras.Input((12, 12, 3))
    out = keras.layers.Dense(2, activation="softmax", name="end")(inner(inputs))
    network = keras.Model(inputs, out)
    kernel = np.zeros((3, 3, 3, 4), np.float32)
    kernel[1, 1, 0, 0] = kernel[1, 1, 1, 1] = 1  # How red, how green.
    inner.layers[1].set_weights([kernel, np.zeros(4)])
    end = np.zeros((4, 2), np.float32)
    end[0, 0] = end[1, 1] = 2
    network.get_layer("end").set_weights([end, np.zeros(2)])
    network.save(folder / "pets.keras")
    given = ["--network=DIR/pets.keras", "--data=DIR/pets", "--pixels=-1..1", "--images=2"]
    assert call(folder, *given, output="pets_out", short=True) == 0
    records = records_of(folder / "pets_out")
    assert {r["image"] for r in records} <= set(files) and all(files[r["image"]] == r["label"] for r in records)
    assert all(r["prediction"] == r["label"] for r in records if r["task"] == "natural")
    facts = json.loads((folder / "pets_out" / "audit.json").read_text())
    assert facts["pixels"]["chosen"] == "-1..1"
    attacked = {r["image"].split("/")[0] for r in records if "kendall" in r}
    page = (folder / "pets_out" / "audit.html").read_text()
    assert attacked and all(f".png, class {name}" in page for name in attacked) and "class 0" not in page
    assert call(folder, *given, "--class_names=one", output="pets_named") == 2
    assert call(folder, *given, "--class_names=tabby,beagle", output="pets_out", short=True) == 0
    named = (folder / "pets_out" / "audit.html").read_text()
    assert any(f".png, class {name}" in named for name in ("tabby", "beagle"))


def test_a_condition_that_is_met_fails_the_audit_with_its_own_code_and_a_line(done, folder, capsys):
    report = json.loads((done / "audit.json").read_text())
    kendall = report["summary"][f"IG at {255 * report['eps_of_verdict']:.3g}/255"]["kendall"]["mean"]
    assert call(folder, f"--fail_if=kendall<{kendall + 0.01}", "--fail_if=accuracy<0.01") == 3
    said = capsys.readouterr().err.splitlines()[-1]
    better = json.loads((done / "audit.json").read_text())  # The report that is written goes over this one.
    better["summary"]["natural"]["accuracy"]["mean"] += 0.5
    (done / "audit.json").write_text(json.dumps(better))
    assert call(folder, f"--baseline={done}/audit.json", "--fail_if=accuracy<baseline-0.1") == 3
    assert said.startswith("audit: kendall<") and "accuracy" not in said and (done / "audit.html").exists()


@pytest.mark.parametrize(
    "more, words",
    [
        (["--network=DIR/none.keras"], "no network at"),
        (["--network=DIR/digits.npz"], "no .keras file"),
        (["--fail_if=kendal"], "is no condition"),
        (["--fail_if=kendall<baseline"], "--baseline=OLD/audit.json"),
        (["--fail_if=kendall<baseline", "--baseline=DIR/digits.npz"], "is no audit.json"),
        (["--data=DIR/none.npz"], "no file"),
        (["--data=DIR/bare.npz"], "give x and y"),
        (["--data=DIR/nowhere"], "no data set"),
        (["--data=DIR/digits.npy"], "puts images and labels together"),
        (["--data=DIR/floats.npz"], "whole numbers"),
        (["--data=DIR/classes.npz"], "knows 10 classes and the data have 7"),
        (["--data=DIR/high.npz"], "knows 10 classes and the data have labels 3..12"),
        (["--data=DIR/rgb.npz"], "takes grey images and the data are RGB"),
        (["--data=DIR/upright.npz"], "are the labels numbered as in its training"),
        (["--pixels=0..1"], "with pixels 0..1 the network predicts"),
        (["--eps=8"], "8/255, not 8"),
        (["--eps=2/255,x"], "'x' is not a number"),
        (["--data=DIR/from_one.npz"], "give y - 1"),
        (["--epsilon=0.1"], "did you mean --eps?"),
        (["--minutes=0"], "minutes"),
        (["--minutes=nan"], "minutes"),
        (["--images=0"], "--images"),
        (["--memory_gb=-1"], "--memory_gb"),
        (["--output=DIR/digits.npz"], "cannot write to --output"),
    ],
)
def test_what_cannot_be_is_one_line(folder, capsys, more, words):
    assert call(folder, *more, output="refused") == 2
    err = [line for line in capsys.readouterr().err.splitlines() if not line.startswith("audit |")]
    assert len([line for line in err if line.startswith("audit: ")]) == 1 and words in err[-1], err


def test_the_plan_is_the_most_thorough_that_fits():
    def planned(seconds, cost, eps=(0.01, 0.02, 0.03)):
        return make_plan(seconds, Cost(cost), eps, (8, 8, 1), 8, chunk=lambda points: points, images=100)

    rich, poor = planned(600, 1e-5), planned(600, 0.1)
    assert (rich.steps, rich.points) == LEVELS[0] and (poor.steps, poor.points) != LEVELS[0]
    assert rich.quick and not poor.quick and not planned(600, 0.01).quick
    assert poor.units * 0.1 * 8 <= 600 and rich.predicted > poor.predicted
    assert planned(600, 0.5).eps == (0.02,) and planned(600, 0.5).batch == 8
    slow, slower = planned(600, 4), planned(600, 10)
    assert slow.batch < 8 and (slow.steps, slow.points) == LEVELS[-1]
    assert (slower.batch, slower.steps, slower.points) == (1, 5, 5)
    assert slower.maps == ("IG", "gradient") and slower.apgd_steps == 20
    assert planned(400, 10).maps == ("IG",) and planned(400, 10).apgd_steps == 10
    with pytest.raises(InputError, match=r"takes 6.2 minutes at the least"):
        planned(360, 10)  # 300 seconds for the map of one image, 67 for the predictions of two.
    # Three attacks on predictions take longer to trace than one: a network that is slow to trace keeps one eps.
    traced = make_plan(
        180, Cost(0.1, tracing=40), (0.01, 0.02, 0.03), (8, 8, 1), 8, chunk=lambda points: points, images=100
    )
    assert traced.eps == (0.02,) and traced.units * 0.1 <= 180 - 2.67 * 40
    # Half the images leave room for twice the points.
    assert make_plan(600, Cost(2.0), (0.01,), (8, 8, 1), 8, chunk=lambda points: 2, images=100).chunk == 8
    few = make_plan(600, Cost(0.05), (0.01,), (8, 8, 1), 32, chunk=lambda points: points, images=3)
    assert few.batch == 32 and (few.steps, few.points) == LEVELS[0]  # Three images take as long as three do.


def test_where_there_is_time_the_verdict_rests_on_the_whole_of_auto(folder, monkeypatch, eagerly):
    monkeypatch.setattr(plan, "QUICK_POINTS", 2)
    monkeypatch.setattr(plan, "MOST_PREDICTED_IMAGES", 8)
    shorten_auto(monkeypatch, "top-k", "rank, smoother")
    assert call(folder, "--eps=2/255,8/255", "--images=2", output="quick", short=True) == 0
    with open(folder / "quick" / "audit.json", encoding="utf-8") as file:
        found = json.load(file)
    assert found["about"]["plan"]["quick"] and found["eps_of_verdict"] == pytest.approx(8 / 255)
    whole = [task for task, own in found["flags"].items() if "masked_gradient" in [flag["name"] for flag in own]]
    assert whole == ["IG at 8/255"] and "IG at 2/255" in found["flags"]
    records = [json.loads(line) for line in (folder / "quick" / "audit_records.jsonl").read_text().splitlines()]
    for record in records:
        if record["task"] == "IG at 8/255":
            parts = [
                record[f"top_k_intersection of {part}"] for part in ("noise", "top-k", "rank, smoother", "squares")
            ]
            assert record["top_k_intersection"] <= min(parts)
    words = " ".join(Page((folder / "quick" / "audit.html").read_text()).text)
    assert "attacked by the whole of auto at quick" in words and "other attacks of the ensemble" not in words


@pytest.mark.parametrize("seconds", [60.0, 120.0, 600.0, 3600.0])
@pytest.mark.parametrize("cost", [1e-4, 1e-2, 0.1, 0.5, 1.0])
def test_a_plan_takes_no_longer_than_there_is(seconds, cost):
    plan = make_plan(seconds, Cost(cost), (0.01, 0.02, 0.03), (8, 8, 1), 8, chunk=lambda points: points, images=100)
    assert plan.units * cost * plan.batch <= seconds and plan.predicted >= 2 * plan.batch


@pytest.mark.parametrize("seconds, tried", [(0.01, 128), (2.0, 64), (60.0, 16)])
def test_fewer_images_tell_the_range_of_pixels_where_predictions_are_slow(monkeypatch, seconds, tried):
    now, seen = [0.0], []

    def guess(network, x, y, ranges=inputs.PIXELS, output=0):
        seen.append(len(x))
        now[0] += seconds * len(x) * len(ranges) / 40
        return {"0..1": 1.0}

    monkeypatch.setattr(inputs, "guess_pixels", guess)
    monkeypatch.setattr(inputs.time, "monotonic", lambda: now[0])
    x, y = np.random.RandomState(0).rand(200, 8, 8, 1).astype(np.float32), np.arange(200) % 10
    kept = {}

    def keep(key, work):
        return kept.setdefault(key, work() if key not in kept else None)

    for _ in range(2):  # The second is told by the first how many there are.
        inputs.make_inputs(shallow_network(), x, y, seconds=16.0, keep=keep)
    assert seen == [8, 8, tried, tried]


def test_where_calls_are_dear_images_are_not():
    """A deep network, untraced: what it takes hardly depends on how many images are attacked at once."""

    def planned(seconds):
        deep = Cost(0.02, tracing=60.0, call=1.5, traced=False)
        return make_plan(seconds, deep, (0.01, 0.02, 0.03), (8, 8, 1), 8, chunk=lambda points: points, images=100)

    short, longer = planned(50), planned(90)
    assert not short.traced and (short.steps, short.batch, short.predicted) == (5, 8, 8)
    assert longer.steps == 10 and longer.batch == 8
    with pytest.raises(InputError, match=r"takes 0.4 minutes at the least"):
        planned(15)


class Slow:
    """Stands for evaluate on a network of a known cost, on a clock of its own."""

    def __init__(self, seconds):
        self.now, self.seconds, self.images = 0.0, seconds, []

    def __call__(self, network, x, y, suite, *, batch_size, chunk, progress, keep):
        for task in suite.attributions:
            kinds = ["", " noise", " surrogate"] + [" twice"] * bool(suite.doubled)
            for kind in kinds:
                tick = progress.bar(1, task)
                for i in range(-(-(suite.doubled if kind == " twice" else suite.attribution_examples) // batch_size)):
                    keep(f"{task}{kind} {i}", lambda kind=kind, tick=tick: self.work(kind, tick))
        self.images.append(suite.attribution_examples)
        natural = {"natural": {"accuracy": {"mean": 0.5}, "examples": 200}}
        return auditing_audit.Evaluation(suite, [], natural, {}, {}, np.arange(4))

    def work(self, kind, tick):
        for _ in range(10):
            self.now += self.seconds(self.now) * {"": 1, " twice": 2}.get(kind, 0.05) / 10
            tick.update()
        return {}


@pytest.mark.parametrize(
    "seconds, least, most",
    [
        (lambda now: 0.1, 100, 100),
        (lambda now: 3.0, 24, 96),
        (lambda now: 1.0 if now < 30 else 8.0, 8, 40),  # Someone else needs the machine.
        (lambda now: 20.0, 8, 8),
    ],
)
def test_it_keeps_to_its_time(monkeypatch, seconds, least, most):
    slow = Slow(seconds)
    monkeypatch.setattr("tfrobust.auditing.time_budget.time.monotonic", lambda: slow.now)
    monkeypatch.setattr(auditing_audit, "evaluate", slow)
    clock = TimeBudget(200.0, lambda what, passed, expected: None)
    given = Plan((0.01, 0.02, 0.03), 10, 10, 8, 64, 8, None)
    subject = auditing.AuditInputs(None, np.zeros((4, 8, 8, 1)), np.zeros(4), np.arange(4), "0..1", {}, None)
    rounds = auditing_audit._Rounds(subject, given, 150, clock, keep=compute, cost=0.01, seconds=clock.left)
    rounds.run()
    assert slow.now <= 1.2 * 200 and least <= rounds.images <= most
    assert slow.images == sorted(slow.images)


def test_what_was_spent_before_counts():
    clock = TimeBudget(200.0, lambda what, passed, expected: None, spent=60.0)
    assert 60 <= clock.passed < 100 and clock.left <= 140 and clock.budget == 200


def test_what_was_planned_and_not_done_is_kept_and_said(monkeypatch):
    """Someone else needs the machine: a second run does the rest, and decides nothing anew."""
    kept, done = {}, []

    def keep(key, work):
        if key not in kept:
            kept[key] = work()
        return kept[key]

    for seconds in (lambda now: 1.0 if now < 30 else 8.0), (lambda now: 0.001):
        slow = Slow(seconds)
        monkeypatch.setattr("tfrobust.auditing.time_budget.time.monotonic", lambda slow=slow: slow.now)
        monkeypatch.setattr(auditing_audit, "evaluate", slow)
        clock = TimeBudget(200.0, lambda what, passed, expected: None)
        subject = auditing.AuditInputs(None, np.zeros((4, 8, 8, 1)), np.zeros(4), np.arange(4), "0..1", {}, None)
        given = Plan((0.01, 0.02, 0.03), 10, 10, 8, 64, 8, None)
        rounds = auditing_audit._Rounds(subject, given, 1000, clock, keep=keep, cost=0.01, seconds=200.0)
        rounds.run()
        done.append((rounds.images, rounds.planned, rounds.doubled))
    (images, planned, doubled), second = done
    assert images < planned < 1000 and doubled == 8 and second == (planned, planned, doubled)


def test_a_batch_that_takes_longer_than_all_its_time_says_so(monkeypatch):
    slow = Slow(lambda now: 500.0)
    monkeypatch.setattr("tfrobust.auditing.time_budget.time.monotonic", lambda: slow.now)
    monkeypatch.setattr(auditing_audit, "evaluate", slow)
    clock = TimeBudget(200.0, lambda what, passed, expected: None)
    subject = auditing.AuditInputs(None, np.zeros((4, 8, 8, 1)), np.zeros(4), np.arange(4), "0..1", {}, None)
    given = Plan((0.01,), 10, 10, 8, 64, 8, None)
    with pytest.raises(InputError, match="give twice as many"):
        auditing_audit._Rounds(subject, given, 50, clock, keep=compute, cost=0.01, seconds=clock.left).run()
    assert slow.now <= 1.4 * 200  # One look at the clock late.


if __name__ == "__main__":
    run_tests(__file__)
