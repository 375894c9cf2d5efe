"""Every flagfile parses, says what its paper says, and meets none of absl's traps."""

import dataclasses
import glob
import os

import pytest

from flags import evaluation_flags
from flags.objective_flags import HYPER
from launch import compare, rows
from launch.command_line import verb
from tests.helpers import ROOT, run_tests
from tfrobust.objectives import OBJECTIVES
from tfrobust.objectives.rar import IgNorm, IgSumNorm
from tfrobust.types import InputError

FILES = sorted(
    os.path.relpath(p, ROOT) for p in glob.glob(os.path.join(ROOT, "flags", "**", "*.flags"), recursive=True)
)
ROWS = [p for p in FILES if not os.path.basename(p).startswith(("common", "evaluate"))]
GIVEN = ["--dataset=digits"]  # What a person gives beside the flagfiles of parts.
EVALUATIONS = [p for p in FILES if os.path.basename(p).startswith("evaluate")]


@pytest.fixture(autouse=True)
def at_root(monkeypatch):
    monkeypatch.chdir(ROOT)  # Nested flagfiles are named from there.


def evaluation(path):
    given = GIVEN if path.startswith("flags/parts") else ()
    return evaluation_flags.from_flags(
        verb.parse(compare.ROOMS, ["x", f"--flagfile={path}", "--rows=a", "--output=b", *given])
    )


@pytest.mark.parametrize("path", FILES)
def test_no_line_hides_a_comment_or_an_argument(path):
    with open(path, encoding="utf-8") as file:
        for line in file.read().splitlines():
            assert line.startswith(("#", "--")), f"{line!r} would become an argument"
            assert line.startswith("#") or ("#" not in line and line == line.strip() and " " not in line)


@pytest.mark.parametrize("path", ROWS)
def test_every_row_parses(path):
    row = rows.read_row(path, GIVEN if path.startswith("flags/parts") else ())
    assert row.name == row.flags.method and (row.spec.steps or row.spec.epochs) > 0


@pytest.mark.parametrize("name", OBJECTIVES)
def test_every_method_has_a_row_on_digits(name):
    assert rows.read_row(f"flags/digits/{name}.flags").name == name


@pytest.mark.parametrize("path", EVALUATIONS)
def test_every_evaluation_parses(path):
    assert evaluation(path).attribution_attack.steps > 0


@pytest.mark.parametrize("path", [p for p in FILES if p.endswith("_cpu.flags")])
def test_a_cpu_variant_is_its_row_with_its_differences_stated(path):
    with open(path, encoding="utf-8") as file:
        text = file.read()
    assert "differs from the paper in" in text and f"--flagfile={path.replace('_cpu', '')}\n" in text


# RAR C.1.1 and C.1.2: eps, steps of the inner attack.
RAR = {"mnist": (0.3, 40, 200), "fashion_mnist": (0.1, 20, 100)}


@pytest.mark.parametrize("dataset", RAR)
def test_rar_rows_are_as_printed(dataset):
    eps, attack_steps, k = RAR[dataset]

    def read(name):
        row = rows.read_row(f"flags/rar/{dataset}/{name}.flags")
        assert (row.spec.batch_size, row.spec.learning_rates, row.spec.optimizer) == (50, (1e-4,), "adam")
        assert (row.flags.dataset, row.flags.model, row.flags.width, row.flags.hold_out) == (
            dataset,
            "mnist_cnn",
            1.0,
            5000,
        )
        return row

    assert read("natural").spec.steps == 25000
    for name in ("madry", "ig_norm", "ig_sum_norm"):
        inner = read(name).objective
        assert read(name).spec.steps == 100000
        assert (inner.eps, inner.attack_steps, inner.step_size, inner.random_start) == (eps, attack_steps, 0.01, True)
    for name, method, weight in (("ig_norm", IgNorm, 1.0), ("ig_sum_norm", IgSumNorm, 0.1)):
        objective = read(name).objective
        assert isinstance(objective, method) and objective.attribution_weight == weight
        assert (objective.ig_steps, objective.ig_steps_attack, objective.rule) == (50, 10, "right")

    spec = evaluation(f"flags/rar/{dataset}/evaluate.flags")
    pgd, ifia = spec.prediction_attack, spec.attribution_attack
    assert (pgd.eps, pgd.steps, pgd.step_size, pgd.random_start) == (eps, 100, 0.01, True)
    assert (ifia.eps, ifia.steps, ifia.step_size, ifia.k, ifia.softplus_beta) == (eps, 100, 0.01, k, 1.0)
    assert (spec.attribution.k, spec.attribution.steps, spec.attribution.score) == (100, 100, "logit")


def test_every_hyper_parameter_of_every_method_has_its_flag():
    for name, method in OBJECTIVES.items():
        fields = {field.name for field in dataclasses.fields(method) if field.init} - {
            "attribution",
            "adversarial",
            "target",
        }
        assert fields <= set(HYPER), name
    assert set(HYPER) <= {field.name for method in OBJECTIVES.values() for field in dataclasses.fields(method)}


def test_eps_may_be_a_fraction():
    row = rows.read_row("flags/rar/mnist/madry.flags", ["--eps=8/255"])
    assert row.objective.eps == 8 / 255


def test_what_a_run_writes_repeats_it(tmp_path):
    row = rows.read_row(
        "flags/rar/mnist/ig_norm_cpu.flags", ["--eps=8/255", "--boundaries=5", "--learning_rates=1e-3,1e-4"]
    )
    path = tmp_path / "run.flags"
    path.write_text(rows.resolved(row.flags))
    again = rows.read_row(str(path))
    assert (again.objective, again.spec) == (row.objective, row.spec)
    assert rows.resolved(again.flags) == rows.resolved(row.flags)


@pytest.mark.parametrize(
    "line, words",
    [
        ("--eps=abc", "abc"),
        ("--eps=1/0", "1/0"),
        ("--no_such_flag=1", "no_such_flag"),
        ("--steps=many", "steps"),
        ("--learning_rates=fast", "learning_rates"),
        ("steps=5", "--name=value"),
        ("--flagfile=/no/such/file", "/no/such/file"),
        ("--norm=l7", "l7"),
        ("--chunk=0", "chunk"),
    ],
)
def test_a_flagfile_that_does_not_parse_is_refused_with_the_reason(tmp_path, line, words):
    path = tmp_path / "bad.flags"
    path.write_text("--flagfile=flags/demo/madry.flags\n" + line + "\n")
    with pytest.raises(InputError, match=words):
        rows.read_row(str(path))


if __name__ == "__main__":
    run_tests(__file__)
