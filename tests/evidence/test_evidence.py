"""Evidence from audit.json alone: what stands in it are the report's numbers, and what the report lacks is said."""

import json
import os
import re
import sys
from types import SimpleNamespace

import keras
import pytest
import yaml

from launch import evidence as verb
from tests.helpers import ROOT, run_tests
from tfrobust import evidence
from tfrobust.errors import InputError

OLD = os.path.join(ROOT, "tests", "golden", "version_0_1", f"keras{keras.__version__[0]}", "audit")
NAMES = ("<script>x</script>", "a | b", 'say: "x"\n- y', "[click](http://example.org)")


def number(mean, half=0.02):
    return {"mean": mean, "low": mean - half, "high": mean + half}


def report(**changes):
    maps = {"top_k_intersection": number(0.4), "noise_top_k_intersection": number(0.9), "kendall": number(0.3)}
    flag = {"name": "ties", "text": "many ties", "count": 3, "of": 20}
    return {
        "verdict": {"grade": "fragile", "headline": "The explanations are fragile: so and so.", "sentences": []},
        "eps_of_verdict": 4 / 255,
        "summary": {
            "natural": {"accuracy": number(0.85), "examples": 200},
            "PGD at 4/255": {"accuracy": number(0.01), "examples": 200, "eps": 4 / 255},
            "IG at 4/255": {**maps, "share_not_moved": 0.0, "examples": 20, "eps": 4 / 255},
        },
        "flags": {
            "IG at 4/255": [{**flag, "raised": True}, {**flag, "name": "no", "text": "nothing", "raised": False}]
        },
        "cut": ["eps 8/255 were left out"],
        "about": {
            "plan": {"k": 98, "steps": 50, "points": 50, "pgd_steps": 20, "quick": True},
            "versions": {"tfrobust": "0.2.0"},
            "network": "/models/pets.keras",
            "data": "/data/pets",
            "subject": {"network": "0123456789abcdef"},
        },
        **changes,
    }


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "audit.json").write_text(json.dumps(report()))
    return tmp_path


def split(card):
    """(metadata, text) of a model card."""
    _, metadata, text = card.split("---\n", 2)
    return yaml.safe_load(metadata), text


def test_the_metadata_are_what_hugging_face_reads(folder):
    metadata, text = split(evidence.model_card(evidence.read_facts(str(folder)), "Tells pets apart.", "apache-2.0"))
    assert metadata["license"] == "apache-2.0" and metadata["library_name"] == "keras"
    (model,) = metadata["model-index"]
    (result,) = model["results"]
    assert model["name"] == "pets" and result["task"] == {"type": "image-classification"}
    assert result["dataset"] == {"name": "pets", "type": "pets", "split": "test"}
    values = {(m["type"], m["name"]): m["value"] for m in result["metrics"]}
    assert values["accuracy", "Accuracy"] == 0.85 and values["accuracy", "Accuracy under PGD at 4/255"] == 0.01
    assert [value for (kind, _), value in values.items() if kind == "top_k_intersection"] == [0.4]
    assert "The explanations are fragile" in text and "Tells pets apart." in text and "| 85.0% |" in text
    assert "many ties" in text and "nothing" not in text and "eps 8/255 were left out" in text


def test_what_the_report_does_not_know_is_marked(folder):
    facts = evidence.read_facts(str(folder / "audit.json"))
    _, text = split(evidence.model_card(facts))
    assert text.count("To be filled in") == 2
    assert evidence.evidence_sections(facts).count("to be filled in") >= 2


def test_the_sections_answer_robustness_of_what_to_what_within_what_by_what(folder):
    text = evidence.evidence_sections(evidence.read_facts(str(folder)), "Tells pets apart.")
    words = ("Of what", "To what", "Within which bounded domain", "By which method", "With which limits")
    assert all(f"**{each}**" in text for each in words)
    headings = ("Article 13", "Article 15", "Annex IV", "MEASURE 2.7", "MEASURE 2.9", "What was not measured")
    assert all(re.search(rf"^### .*{re.escape(each)}", text, re.M) for each in headings)
    assert "at most 4/255" in text and "empirical" in text and "not formal" in text
    assert text.count("40.0% (95 % interval 38.0% to 42.0%)") >= 3 and "85.0% (95 % interval 83.0% to 87.0%)" in text
    assert "eps 8/255 were left out" in text and "20 images" in text
    assert "apart.." not in text and "None" not in text


def test_a_report_on_which_nothing_could_be_attacked_makes_evidence_of_that(tmp_path):
    none = report()
    del none["summary"]["IG at 4/255"]
    none["verdict"] = {"grade": "none", "headline": "Nothing to judge.", "sentences": []}
    (tmp_path / "audit.json").write_text(json.dumps({**none, "flags": {}}))
    facts = evidence.read_facts(str(tmp_path))
    assert facts.judged is None and "no explanation could be attacked" in evidence.evidence_sections(facts)
    assert split(evidence.model_card(facts))[0]["model-index"]


@pytest.mark.parametrize("name", NAMES)
def test_names_from_outside_do_nothing(folder, name):
    facts = evidence.read_facts(str(folder), name, name)
    metadata, text = split(evidence.model_card(facts, name))
    assert metadata["model-index"][0]["name"] == name
    assert "<script" not in text + evidence.evidence_sections(facts, name)
    assert "](http" not in text + evidence.evidence_sections(facts, name)


def test_the_report_of_version_0_1_is_read(tmp_path, capsys):
    assert verb.main(["evidence", OLD, f"--output={tmp_path}/out"]) == 0
    metadata, _ = split((tmp_path / "out" / "model_card.md").read_text())
    assert metadata["model-index"] and "MEASURE 2.9" in (tmp_path / "out" / "evidence.md").read_text()


@pytest.mark.parametrize(
    "wrong, words",
    [
        ("none", "cannot be read"),
        ('{"summary": {}}', "is no audit.json"),
        ('{"summary": {}, "eps_of_verdict": 0.1}', "is no audit.json"),
        (
            '{"summary": {"a": {"accuracy": {}}}, "eps_of_verdict": 0.1, "verdict": {"headline": "", "grade": ""}}',
            "missing",
        ),
        ("[", "is no audit.json"),
    ],
)
def test_what_is_no_report_is_one_line(tmp_path, capsys, wrong, words):
    path = tmp_path / "a.json"
    if wrong != "none":
        path.write_text(wrong)
    assert verb.main(["evidence", str(path), f"--output={tmp_path}/out"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("evidence: ") and error.count("\n") == 1 and words in error
    assert not (tmp_path / "out").exists()


def test_trackers_are_asked_for_and_are_one_line_where_they_are_missing(folder, tmp_path, monkeypatch, capsys):
    for name in ("mlflow", "wandb"):
        monkeypatch.setitem(sys.modules, name, None)  # As if it were not installed.
        assert verb.main(["evidence", str(folder), f"--output={tmp_path}/out", f"--{name}=x"]) == 2
        assert f"pip install {name}" in capsys.readouterr().err


class Written:
    """Stands for the modules of both trackers, and writes down what they are told."""

    def __init__(self):
        self.told, self.summary, self.id = {}, {}, "run 1"
        self.info = SimpleNamespace(run_id="run 1")

    def __getattr__(self, name):
        return lambda *given, **more: self.told.setdefault(name, []).append((given, more)) or self

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass


def test_trackers_are_given_all_numbers_and_settings(folder, tmp_path, monkeypatch, capsys):
    mlflow, wandb = Written(), Written()
    monkeypatch.setitem(sys.modules, "mlflow", mlflow)
    monkeypatch.setitem(sys.modules, "wandb", wandb)
    asked = [f"--mlflow={tmp_path}/runs", "--wandb=pets", "--wandb_mode=offline"]
    assert verb.main(["evidence", str(folder), f"--output={tmp_path}/out", *asked]) == 0
    assert "run 1 of MLflow" in capsys.readouterr().out
    metrics = mlflow.told["log_metrics"][0][0][0]
    assert metrics["IG_at_4_255/top_k_intersection"] == 0.4 and metrics["natural/accuracy"] == 0.85
    assert metrics == wandb.told["log"][0][0][0] and metrics["IG_at_4_255/share_not_moved"] == 0.0
    settings = wandb.told["init"][0][1]["config"]
    assert settings["plan.steps"] == 50 and settings["grade"] == "fragile" and settings["subject.network"]
    assert mlflow.told["log_params"][0][0][0] == {name: str(value) for name, value in settings.items()}
    kept = {os.path.basename(given[0]) for given, _ in mlflow.told["log_artifact"]}
    assert kept == {"model_card.md", "evidence.md", "audit.json"}


def test_facts_need_a_report_of_an_audit(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        evidence.read_facts(str(tmp_path))


if __name__ == "__main__":
    run_tests(__file__)
