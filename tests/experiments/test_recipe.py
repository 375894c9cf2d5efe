"""Recipes: what makes the weights is in their identity, what does not is not."""

import dataclasses
from dataclasses import replace

import pytest

from tests.helpers import run_tests
from tfrobust.errors import InputError
from tfrobust.experiments.recipe import DataSpec, ModelSpec, NetworkOrigin, Recipe, SaliencySource
from tfrobust.objectives import make_objective
from tfrobust.training_spec import TrainingSpec

ART = make_objective("art", eps=0.1, attack_steps=2, step_size=0.05, attribution_weight=0.5, softplus_beta=50.0)
PLAN = TrainingSpec(steps=10, batch_size=20, learning_rates=(1e-3, 1e-4), boundaries=(5,), eps_ramp_steps=4)
RECIPE = Recipe("art", DataSpec("digits"), ModelSpec("digits_cnn"), ART, PLAN)
SAVED = NetworkOrigin("a.keras")


def changes():
    """Name -> the recipe with one thing changed."""
    data = {
        "name": "mnist",
        "image_size": 9,
        "hold_out": 3,
        "augmentation": "crop_flip",
        "per_class": 4,
        "equalize": True,
        "exif": True,
    }
    for name, value in data.items():
        yield f"data.{name}", replace(RECIPE, data=replace(RECIPE.data, **{name: value}))
    for name, value in {
        "name": "mnist_cnn",
        "width": 0.5,
        "initialization": "hu",
        "initial": SAVED,
        "normalization": "data",
        "bias": False,
        "feature_smoothing": 1.0,
    }.items():
        yield f"model.{name}", replace(RECIPE, model=replace(RECIPE.model, **{name: value}))
    for name, value in {"eps": 0.2, "loss": "cosine", "pair": True, "random_start": False}.items():
        yield f"objective.{name}", replace(RECIPE, objective=replace(ART, **{name: value}))
    plan = {
        "steps": 11,
        "batch_size": 21,
        "boundaries": (6,),
        "optimizer": "sgd",
        "seed": 1,
        "sparsity": 0.5,
        "epochs": 1.0,
    }
    for name, value in {**plan, "precision": "bfloat16", "jit": "on", "weight_decay": 0.1, "nesterov": True}.items():
        yield f"training.{name}", replace(RECIPE, training=replace(PLAN, **{name: value}))
    yield "saliency", replace(RECIPE, saliency=(SaliencySource("boxes"),))


@pytest.mark.parametrize("name, changed", changes())
def test_what_makes_other_weights_is_in_the_identity(name, changed):
    assert changed != RECIPE and changed.identity() != RECIPE.identity()


@pytest.mark.parametrize(
    "changed",
    [
        replace(RECIPE, name="other"),
        replace(RECIPE, saliency_dir="there", memory_gb=1.0),
        replace(RECIPE, data=replace(RECIPE.data, data_dir="here", download=True, evaluate_on="held_out")),
        replace(RECIPE, training=replace(PLAN, checkpoint_every=7)),
    ],
)
def test_what_makes_the_same_weights_is_not(changed):
    assert changed != RECIPE and changed.identity() == RECIPE.identity()


def test_every_setting_is_in_the_identity_or_known_to_be_of_the_machine():
    named = {name for name, _ in changes()}
    for where, spec in (("data", RECIPE.data), ("model", RECIPE.model)):
        free = {"data.data_dir", "data.download", "data.evaluate_on"}
        assert {f"{where}.{field.name}" for field in dataclasses.fields(spec)} <= named | free


def test_what_is_given_is_what_is_no_default():
    assert RECIPE.given().keys() == {
        *("dataset", "model", "method", "eps", "attack_steps", "step_size", "attribution_weight", "softplus_beta"),
        *("steps", "batch_size", "learning_rates", "boundaries", "eps_ramp_steps"),
    }


def test_longer_and_shorter_plans():
    longer = RECIPE.lasting(20).training
    assert (longer.steps, longer.boundaries, longer.eps_ramp_steps) == (20, (10,), 8)
    epochs = replace(RECIPE, training=replace(PLAN, steps=None, epochs=4.0, boundaries=(2,)))
    assert epochs.in_steps(100).training.steps == 20 and epochs.lasting(8).in_steps(100).training.boundaries == (4,)
    assert RECIPE.seeded(3).training == replace(PLAN, seed=3)


def test_on_the_data_of_another_its_own_augmentation_stays():
    own = replace(RECIPE, data=DataSpec("digits", augmentation="crop_flip", image_size=12))
    other = replace(RECIPE, data=DataSpec("mnist", "here", True, None, 5, "held_out", per_class=3), saliency_dir="maps")
    moved = own.on_data_of(other)
    assert moved.data == DataSpec("mnist", "here", True, 12, 5, "held_out", augmentation="crop_flip")
    assert moved.saliency_dir == "maps" and moved.objective == own.objective


def test_a_method_that_is_nobody_s_has_the_name_of_its_class():
    @dataclasses.dataclass(frozen=True)
    class Mine:
        eps: float

    assert replace(RECIPE, objective=Mine(0.1)).method == "Mine" and RECIPE.method == "art"


@pytest.mark.parametrize(
    "make",
    [
        lambda: DataSpec("digits", evaluate_on="train"),
        lambda: DataSpec("digits", hold_out=-1),
        lambda: SaliencySource("smoothgrad"),
        lambda: SaliencySource("boxes", SAVED),
        lambda: NetworkOrigin(),
    ],
)
def test_what_cannot_be_is_refused(make):
    with pytest.raises(InputError):
        make()


if __name__ == "__main__":
    run_tests(__file__)
