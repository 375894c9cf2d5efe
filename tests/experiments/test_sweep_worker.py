"""The worker of a sweep: what a run is handed."""

from tests.helpers import run_tests
from tfrobust.experiments import sweep, sweep_worker
from tfrobust.experiments.recipe import DataSpec, ModelSpec, Recipe
from tfrobust.objectives import make_objective
from tfrobust.training_spec import TrainingSpec


def test_each_run_has_its_own_images_which_are_read_once_while_runs_want_the_same(tmp_path, monkeypatch):
    natural, plan = make_objective("natural"), TrainingSpec(steps=1, batch_size=20, learning_rates=(1e-3,))
    every = [
        sweep.Run(i, (), Recipe(name, DataSpec(name), ModelSpec("digits_cnn"), natural, plan), str(tmp_path / str(i)))
        for i, name in enumerate(["mnist", "mnist", "fashion_mnist"])
    ]
    read, handed = [], []
    monkeypatch.setattr(DataSpec, "read", lambda self: (read.append(self.name), self.name)[1])
    monkeypatch.setattr(sweep_worker, "with_saliency", lambda recipe, images, progress: images)
    monkeypatch.setattr(sweep_worker.training_run, "train", lambda recipe, images, *_: handed.append(images))
    sweep_worker.Worker(every, str(tmp_path)).work(every)
    assert handed == ["mnist", "mnist", "fashion_mnist"] and read == ["mnist", "fashion_mnist"]


if __name__ == "__main__":
    run_tests(__file__)
