"""Every flagfile parses, says what its paper says, and meets none of absl's traps."""

import dataclasses

import pytest

from flags import comparison_flags, evaluation_flags, recipe_flags
from flags.objective_flags import HYPER
from flags.parsing import parse
from tests.flags import every_flagfile
from tests.flags.every_flagfile import EVALUATIONS, FILES, ROWS, check_lines, given, parse_evaluation
from tests.helpers import ROOT, run_tests
from tfrobust.attacks import auto_ensemble
from tfrobust.objectives import OBJECTIVES
from tfrobust.objectives.rar import IgNorm, IgSumNorm
from tfrobust.types import InputError


@pytest.fixture(autouse=True)
def at_root(monkeypatch):
    monkeypatch.chdir(ROOT)  # Nested flagfiles are named from there.


def evaluation(path, *more):
    return evaluation_flags.from_flags(parse_evaluation(path, *more))


@pytest.mark.parametrize("path", FILES)
def test_no_line_hides_a_comment_or_an_argument(path):
    check_lines(path)


@pytest.mark.parametrize("line", ["eps=1", " --eps=1", "--eps=1  # of 255", "--eps 1", "", "--eps=1 "])
def test_a_line_that_would_is_said(line, tmp_path):
    (tmp_path / "x.flags").write_text(f"# A comment.\n--steps=1\n{line}\n")
    with pytest.raises(InputError, match="neither a comment"):
        check_lines(tmp_path / "x.flags")


def test_make_check_says_each_flagfile_that_is_refused(monkeypatch):
    monkeypatch.setattr(every_flagfile, "FILES", ["flags/digits/madry.flags", "flags/digits/evaluate.flags"])
    assert every_flagfile.wrong() == []
    monkeypatch.setattr(every_flagfile, "given", lambda path: ["--epsilon=1"])
    assert [line.split(": ")[0] for line in every_flagfile.wrong()] == every_flagfile.FILES


@pytest.mark.parametrize("path", ROWS)
def test_every_row_parses(path):
    recipe = recipe_flags.read(path, given(path))
    assert recipe.name == recipe.method and (recipe.training.steps or recipe.training.epochs) > 0


@pytest.mark.parametrize("name", OBJECTIVES)
def test_every_method_has_a_row_on_digits(name):
    assert recipe_flags.read(f"flags/digits/{name}.flags").method == name


@pytest.mark.parametrize("path", EVALUATIONS)
def test_every_evaluation_parses(path):
    suite = evaluation(path)
    assert suite.first_prediction.steps > 0 and all(task.attack.rounds > 0 for task in suite.attributions.values())


def test_the_strongest_attacks_stand_beside_those_of_the_flags_where_they_are_asked_for():
    path = "flags/demo/evaluate.flags"
    assert (list(evaluation(path).predictions), list(evaluation(path).attributions)) == (["PGD"], ["IFIA top-k"])
    more = ["--auto_level=quick", "--autoattack_version=standard", "--autoattack_queries=7", "--evaluation_seed=3"]
    suite = evaluation(path, *more)
    assert (list(suite.predictions), list(suite.attributions)) == (["PGD", "AutoAttack"], ["IFIA top-k", "auto"])
    pgd, strongest = suite.predictions.values()
    assert (strongest.eps, strongest.seed, strongest.version, strongest.queries) == (pgd.eps, 3, "standard", 7)
    assert strongest.steps == 100  # Those of AutoAttack, not of PGD.


def test_without_maps_nothing_that_concerns_them_is_asked_for():
    path = "flags/cross/mnist/evaluate_predictions.flags"
    assert not evaluation(path).attributions and not evaluation(path).faithful
    fv = parse(comparison_flags.ROOMS, ["x", "--rows=a", "--output=b", "--dataset=digits", "--nomaps"])
    with pytest.raises(InputError, match="needs --eps, --pgd_steps, --pgd_step_size: "):
        evaluation_flags.check(fv)
    with pytest.raises(InputError, match="--nomaps leaves no map"):
        evaluation(path, "--auto_level=quick")


def test_auto_stands_beside_the_attack_where_a_level_is_given():
    plain = evaluation("flags/digits/evaluate.flags")
    suite = evaluation("flags/digits/evaluate.flags", "--auto_level=quick", "--evaluation_seed=4")
    assert list(suite.attributions) == [*plain.attributions, "auto"] and suite.first_task.map == plain.first_task.map
    auto = suite.attributions["auto"]
    assert (auto.map, auto.comparison) == (plain.first_task.map, plain.first_task.comparison)
    assert auto.attack == auto_ensemble(0.3, 24, "quick", seed=4)


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
        recipe = recipe_flags.read(f"flags/rar/{dataset}/{name}.flags")
        plan = recipe.training
        assert (plan.batch_size, plan.learning_rates, plan.optimizer) == (50, (1e-4,), "adam")
        assert (recipe.data.name, recipe.data.hold_out) == (dataset, 5000)
        assert (recipe.model.name, recipe.model.width) == ("mnist_cnn", 1.0)
        return recipe

    assert read("natural").training.steps == 25000
    for name in ("madry", "ig_norm", "ig_sum_norm"):
        inner = read(name).objective
        assert read(name).training.steps == 100000
        assert (inner.eps, inner.attack_steps, inner.step_size, inner.random_start) == (eps, attack_steps, 0.01, True)
    for name, method, weight in (("ig_norm", IgNorm, 1.0), ("ig_sum_norm", IgSumNorm, 0.1)):
        objective = read(name).objective
        assert isinstance(objective, method) and objective.attribution_weight == weight
        assert (objective.ig_steps, objective.ig_steps_attack, objective.rule) == (50, 10, "right")

    suite = evaluation(f"flags/rar/{dataset}/evaluate.flags")
    pgd, task = suite.first_prediction, suite.first_task
    ifia, attribution = task.attack, task.map.attribution
    assert (pgd.eps, pgd.steps, pgd.step_size, pgd.random_start) == (eps, 100, 0.01, True)
    assert (ifia.eps, ifia.steps, ifia.step_size, ifia.k, ifia.softplus_beta) == (eps, 100, 0.01, k, 1.0)
    assert (task.comparison.k, attribution.steps, task.map.score) == (100, 100, "logit")


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
    recipe = recipe_flags.read("flags/rar/mnist/madry.flags", ["--eps=8/255"])
    assert recipe.objective.eps == 8 / 255


@pytest.mark.parametrize("path", ROWS)
def test_a_recipe_written_as_a_flagfile_is_read_as_the_same(path, tmp_path):
    recipe = recipe_flags.read(path, given(path))
    written = tmp_path / "again.flags"
    written.write_text(recipe_flags.write(recipe))
    assert recipe_flags.read(str(written)) == recipe


def test_settings_that_are_no_defaults_are_written_too(tmp_path):
    given = ["--eps=8/255", "--boundaries=5", "--learning_rates=1e-3,1e-4", "--chunk=auto", "--memory_gb=2.5"]
    given += ["--data_dir=here", "--saliency_dir=there", "--evaluate_on=held_out", "--hold_out=7", "--download"]
    given += ["--nesterov", "--epochs=2.5", "--checkpoint_every=9"]
    recipe = recipe_flags.read("flags/rar/mnist/ig_norm_cpu.flags", given)
    assert recipe.objective.eps == 8 / 255 and recipe.training.boundaries == (5,) and recipe.objective.chunk == "auto"
    written = tmp_path / "again.flags"
    written.write_text(recipe_flags.write(recipe))
    assert recipe_flags.read(str(written), ["--saliency_dir=there"]) == recipe


def test_a_flagfile_that_needs_itself_is_refused(tmp_path):
    path = tmp_path / "loop.flags"
    path.write_text(f"--flagfile=flags/demo/madry.flags\n--initial_network={path}\n")
    with pytest.raises(InputError, match="needs a network that needs"):
        recipe_flags.read(str(path))


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
        recipe_flags.read(str(path))


if __name__ == "__main__":
    run_tests(__file__)
