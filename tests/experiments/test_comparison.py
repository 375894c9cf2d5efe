"""Comparisons: what is the same for every run is done once."""

from types import SimpleNamespace

from tests.helpers import run_tests, shallow_network
from tfrobust.evaluation import Suite
from tfrobust.experiments import comparison, evaluations, fingerprints
from tfrobust.experiments.recipe import DataSpec, ModelSpec, Recipe
from tfrobust.objectives import make_objective
from tfrobust.training_spec import TrainingSpec

PLAN = TrainingSpec(steps=1, batch_size=20, learning_rates=(1e-3,))


def test_a_comparison_takes_the_fingerprint_of_its_test_images_once(tmp_path, monkeypatch, eagerly):
    def saved(recipe, data, directory, progress):
        (tmp_path / "runs").mkdir(exist_ok=True)
        network = shallow_network(recipe.training.seed)
        comparison.os.makedirs(directory, exist_ok=True)
        network.save(f"{directory}/{evaluations.NETWORK}")
        return SimpleNamespace(seconds=1.0)

    taken, take = [], fingerprints.fingerprint_arrays
    for module in (fingerprints, evaluations):
        monkeypatch.setattr(module, "fingerprint_arrays", lambda *arrays: (taken.append(arrays), take(*arrays))[1])
    monkeypatch.setattr(comparison.training_run, "train", saved)
    monkeypatch.setattr(comparison, "step_seconds", lambda recipes, *_: {recipe.name: 1.0 for recipe in recipes})
    recipes = [
        Recipe(name, DataSpec("digits"), ModelSpec("digits_cnn"), make_objective("natural"), PLAN)
        for name in ("one", "other")
    ]
    suite = Suite("small", examples=8)
    found = comparison.compare(recipes, DataSpec("digits"), suite, str(tmp_path / "runs"), seeds=(0, 1), controls=False)
    assert [len(numbers) for numbers in found.runs.values()] == [2, 2]
    images = [arrays for arrays in taken if arrays[0].shape[1:] == (8, 8, 1)]
    assert len(images) == 1


def test_the_cost_of_a_step_is_measured_once_for_all_rows_and_for_some_of_them(tmp_path, monkeypatch):
    measured = []

    def timed(methods, tick):
        measured.append(set(methods))
        return {name: float(i + 1) for i, name in enumerate(methods)}

    monkeypatch.setattr(comparison.training, "step_seconds", timed)
    one, two, three = (
        Recipe(name, DataSpec("digits"), ModelSpec("digits_cnn"), make_objective("natural"), PLAN)
        for name in ("one", "two", "three")
    )
    images, path = DataSpec("digits").read(), str(tmp_path / "costs.json")
    both = comparison.step_seconds([one, two], lambda recipe: images, path)
    assert both == {"one": 1.0, "two": 2.0}
    assert comparison.step_seconds([two], lambda recipe: images, path) == {"two": 2.0}
    assert comparison.step_seconds([one, two], lambda recipe: images, path) == both and measured == [{"one", "two"}]
    comparison.step_seconds([two, three], lambda recipe: images, path)
    assert measured[1:] == [{"two", "three"}]


if __name__ == "__main__":
    run_tests(__file__)
