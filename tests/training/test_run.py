"""Runs: repeatable, resumable, and stopped when they diverge."""

import contextlib
import dataclasses
import glob
import os

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.helpers import drawing_network, run_tests, shallow_network, without_graphs
from tfrobust import data
from tfrobust.objectives import make_objective
from tfrobust.training import TrainingDivergedError, TrainingSpec, train
from tfrobust.types import InputError

DIGITS = data.load("digits")
MADRY = make_objective("madry", eps=0.1, attack_steps=2, step_size=0.05)
NATURAL = make_objective("natural")


def run(steps=12, directory=None, objective=MADRY, callbacks=lambda start: (), seed=3, make=shallow_network, **options):
    options = {"learning_rates": [1e-3], "checkpoint_every": 5, **options}
    spec = TrainingSpec(steps, 20, seed=seed, eps_ramp_steps=6, **options)
    return train(
        make(seed),
        objective,
        lambda start, part=0, parts=1: data.training_batches(DIGITS, 20, seed, start, part=part, parts=parts),
        len(DIGITS.x_train),
        spec,
        directory=directory,
        callbacks=callbacks,
    )


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    """Of the run `whole`."""
    return str(tmp_path_factory.mktemp("whole"))


@pytest.fixture(scope="module")
def whole(directory):
    """What `run` without options ends with; those in the same process need no directory for it."""
    return run(directory=directory)


def same(a, b):
    return all(np.array_equal(p, q) for p, q in zip(a.network.get_weights(), b.network.get_weights()))


class Stop(keras.callbacks.Callback):
    """Stands for a kill: an exception in the middle, after which nothing more is written."""

    def __init__(self, at):
        super().__init__()
        self.at = at

    def on_train_batch_end(self, batch, logs=None):
        if batch + 1 == self.at:
            raise KeyboardInterrupt


def test_one_seed_gives_the_same_weights_and_another_does_not(eagerly):
    """That it does so in graphs is seen below."""
    one = run(1)
    assert same(run(1), one) and not same(run(1, seed=4), one)


def test_a_stopped_run_goes_on_to_the_weights_of_the_run_that_was_not(whole, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        run(directory=str(tmp_path), callbacks=lambda start: [Stop(8)])
    resumed = run(directory=str(tmp_path))
    assert resumed.resumed_at == 5 and same(resumed, whole)
    finished = run(directory=str(tmp_path))
    assert finished.resumed_at == 12 and same(finished, resumed)
    assert finished.seconds == pytest.approx(resumed.seconds, abs=1.0)


class Noisy:
    """Natural, on images with noise that is drawn for the whole batch, as points of a path are."""

    def inner(self, network, batch, step):
        return batch.x + tf.random.stateless_normal(tf.shape(batch.x), step.batch_seed, stddev=0.1)

    def outer(self, network, batch, x_adv, step):
        return NATURAL.outer(network, batch._replace(x=x_adv), x_adv, step)


@pytest.mark.parametrize("graphs", [False, pytest.param(True, marks=pytest.mark.exhaustive)])
def test_so_does_one_whose_network_and_method_draw_for_themselves(graphs, tmp_path):
    own = {"make": drawing_network, "checkpoint_every": 1, "objective": Noisy()}
    with contextlib.nullcontext() if graphs else without_graphs():
        whole = run(2, **own)
        with pytest.raises(KeyboardInterrupt):
            run(2, str(tmp_path), callbacks=lambda start: [Stop(1)], **own)
        resumed = run(2, str(tmp_path), **own)
    assert resumed.resumed_at == 1 and same(resumed, whole)


@pytest.mark.exhaustive  # They are drawn by the seed of a batch: above, and tests/objectives/test_random_points.py.
def test_so_does_one_that_draws_the_points_of_its_attack(tmp_path, eagerly):
    """Without graphs, as the order in which a graph adds gradients up is not fixed outside the verbs."""
    options = {"attribution_weight": 0.5, "ig_steps": 2, "ig_steps_attack": 2, "random_points": True}
    drawing = make_objective("ig_norm", eps=0.1, attack_steps=1, step_size=0.05, **options)
    whole = run(2, objective=drawing)
    with pytest.raises(KeyboardInterrupt):
        run(2, str(tmp_path), objective=drawing, callbacks=lambda start: [Stop(1)], checkpoint_every=1)
    resumed = run(2, str(tmp_path), objective=drawing, checkpoint_every=1)
    assert resumed.resumed_at == 1 and same(resumed, whole)
    assert not same(whole, run(2, objective=dataclasses.replace(drawing, random_points=False)))


def test_learning_rates_change_at_their_boundaries(eagerly):
    still = run(4, learning_rates=[1e-3, 1e-12], boundaries=[2], objective=NATURAL)
    assert not same(still, run(2, objective=NATURAL))
    for a, b in zip(still.network.get_weights(), run(3, objective=NATURAL).network.get_weights()):
        # Keras counts the step at the boundary to the rate before it.
        np.testing.assert_allclose(a, b, atol=1e-6)


def test_boundaries_in_epochs_are_those_in_steps(eagerly):
    images, rates = len(DIGITS.x_train), [1e-3, 1e-12]
    in_epochs = run(None, epochs=60 / images, learning_rates=rates, boundaries=[20 / images], objective=NATURAL)
    assert same(in_epochs, run(3, learning_rates=rates, boundaries=[1], objective=NATURAL))


def test_each_term_is_a_curve(whole, directory):
    (events,) = glob.glob(os.path.join(directory, "tensorboard", "*"))
    tags = {v.tag for record in tf.compat.v1.train.summary_iterator(events) for v in record.summary.value}
    assert {"train/cross_entropy_adv", "train/loss", "train/gradient_norm"} <= tags


class Breaking:
    """Natural until iteration 7, then one of its terms is NaN."""

    def inner(self, network, batch, step):
        return batch.x

    def outer(self, network, batch, x_adv, step):
        terms = make_objective("natural").outer(network, batch, x_adv, step)
        bad = tf.where(step.iteration >= 7, np.nan, 0.0) * terms["cross_entropy"]
        return {**terms, "attribution": tf.cast(bad, tf.float32)}


def test_a_run_that_diverges_stops_says_which_term_and_keeps_its_last_good_checkpoint(tmp_path):
    with pytest.raises(TrainingDivergedError, match=r"attribution.*step 8"):
        run(directory=str(tmp_path), objective=Breaking())
    names = sorted(os.path.basename(p) for p in glob.glob(os.path.join(tmp_path, "checkpoints", "*.index")))
    assert names == ["ckpt-5.index"]
    good = run(directory=str(tmp_path), steps=5, objective=Breaking())
    assert good.resumed_at == 5 and np.isfinite(np.concatenate([w.ravel() for w in good.network.get_weights()])).all()


def test_sgd_trains_too(eagerly):
    """In one step it changes the weights, and otherwise than Adam does."""
    trained = run(1, optimizer="sgd", learning_rates=[0.05], objective=NATURAL)
    before = shallow_network(3).get_weights()
    assert all(not np.array_equal(a, b) for a, b in zip(trained.network.get_weights(), before))
    assert not same(trained, run(1, learning_rates=[0.05], objective=NATURAL))


@pytest.mark.parametrize(
    "wrong",
    [
        {"steps": 0},
        {"batch_size": 0},
        {"learning_rates": []},
        {"learning_rates": [-1.0]},
        {"learning_rates": [1.0, 0.1]},
        {"learning_rates": [1.0, 0.1, 0.01], "boundaries": [5, 2]},
        {"optimizer": "adamw"},
        {"seed": -1},
        {"checkpoint_every": 0},
        {"learning_rates": [float("nan")]},
        {"learning_rates": [0.1, 0.1], "boundaries": [float("nan")]},
        {"learning_rates": [0.1, 0.1], "boundaries": [float("inf")]},
        {"learning_rates": [0.1, 0.1], "boundaries": [float("nan")], "epochs": 2.0},
        {"weight_decay": float("nan")},
        {"steps": 5.5},
    ],
    ids=str,
)
def test_plans_that_make_no_sense_are_refused(wrong):
    with pytest.raises(InputError):
        TrainingSpec(**{"steps": 10, "batch_size": 5, "learning_rates": [0.1], **wrong})


def test_lasting_keeps_the_shape_of_the_plan():
    spec = TrainingSpec(100, 5, [0.1, 0.01], [80], eps_ramp_steps=40).lasting(50)
    assert (spec.steps, spec.boundaries, spec.eps_ramp_steps) == (50, (40,), 20)


def test_a_stretch_that_becomes_too_short_is_left_out():
    spec = TrainingSpec(70000, 5, [1e-6, 1e-4, 1e-5], [500, 60000]).lasting(2)
    assert (spec.boundaries, spec.learning_rates) == ((0, 2), (1e-6, 1e-4, 1e-5))
    spec = TrainingSpec(100, 5, [1.0, 2.0, 3.0], [40, 41]).lasting(10)
    assert (spec.boundaries, spec.learning_rates) == ((4,), (1.0, 3.0))


def test_epochs_are_counted_in_steps_over_the_images():
    spec = TrainingSpec(None, 20, [0.1, 0.01], [0.5], epochs=3)
    assert (spec.in_steps(1000).steps, spec.in_steps(1000).boundaries) == (150, (25,))
    short = TrainingSpec(15, 20, [0.1, 0.01], [1.5], epochs=3).in_steps(1000)
    assert (short.steps, short.boundaries, short.epochs) == (15, (8,), None)
    for wrong in ({"steps": None}, {"epochs": 0}, {"reduction": "max"}, {"weight_decay": -1}, {"boundaries": [0.5]}):
        with pytest.raises(InputError):
            TrainingSpec(**{"steps": 10, "batch_size": 5, "learning_rates": [0.1, 0.1], "boundaries": [5], **wrong})


if __name__ == "__main__":
    run_tests(__file__)
