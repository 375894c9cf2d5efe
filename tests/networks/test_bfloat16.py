"""bfloat16 inside a network: weights, logits, losses and maps stay float32 and near those of float32."""

import contextlib

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.helpers import images, run_tests, shallow_network, the_step, without_graphs
from tfrobust import data, kernels
from tfrobust.attributions import integrated_gradients as ig_module
from tfrobust.attributions import make_score
from tfrobust.attributions.gradient import gradient
from tfrobust.attributions.integrated_gradients import integrated_gradients
from tfrobust.balls import make_ball
from tfrobust.distribution import make_strategy
from tfrobust.losses import cross_entropy
from tfrobust.models import make_model
from tfrobust.networks.bfloat16 import copy_weights, in_bfloat16
from tfrobust.networks.surrogates import softplus_surrogate
from tfrobust.objectives import make_objective
from tfrobust.training import Trainer, TrainingSpec, train
from tfrobust.types import Batch, InputError

PGD = {"eps": 0.1, "attack_steps": 2, "step_size": 0.05}
IG = {**PGD, "attribution_weight": 0.1, "ig_steps": 4, "ig_steps_attack": 3}


@pytest.fixture(autouse=True)
def units(monkeypatch):
    """What is computed is the same on processors without the units, where it is only refused for its slowness."""
    monkeypatch.setattr(kernels, "cpu_flags", lambda: kernels.BFLOAT16_UNITS)


def pair(name="rar_resnet6", shape=(16, 16, 3)):
    keras.utils.set_random_seed(0)
    network = make_model(name, shape, 10, 0.25)
    return network, in_bfloat16(network)


def flat(network):
    return np.concatenate([w.ravel() for w in network.get_weights()])


def cosines(a, b):
    a, b = (np.reshape(t, (len(t), -1)) for t in (a, b))
    return (a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)


# Of the layers that the other has, but more of them, or fewer.
OTHERS = ("mnist_cnn", "resnet10", "rar_resnet6", "wrn_40_2", "vgg_gap")


def path_gradient(score, x, y):
    """Of the whole network: that its affine start may be cut off is seen in tests/attributions."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ig_module, "cut_behind_affine_start", lambda score: None)
        return integrated_gradients(score, x, y, steps=2)


@pytest.mark.parametrize(
    "name", ["rar_resnet3", *(pytest.param(name, marks=pytest.mark.exhaustive) for name in OTHERS)]
)
@pytest.mark.parametrize(
    "maps",
    [
        # Each network, each map: the gradient of the one and the path of the other.
        ((None, gradient), (1.0, path_gradient)),
        pytest.param(((1.0, gradient), (None, path_gradient)), marks=pytest.mark.exhaustive),
    ],
    ids=["of the network, along a path of its surrogate", "the other way round"],
)
def test_the_copy_computes_nearly_the_same_and_in_bfloat16(name, maps):
    network, copy = pair(name)
    x, y = images(4, shape=(16, 16, 3))
    exact, near = network(x).numpy(), copy(x)
    assert near.dtype == tf.float32 and all(v.dtype in (tf.float32, "float32") for v in copy.trainable_variables)
    assert 0 < np.abs(near - exact).max() < 0.03 * np.abs(exact).max()
    inside = [layer.compute_dtype for layer in copy.layers if isinstance(layer, keras.layers.Conv2D)]
    assert inside and set(inside) == {"bfloat16"}
    for beta, attribute in maps:
        a, b = (attribute(make_score(softplus_surrogate(each, beta), "logit"), x, y) for each in (network, copy))
        assert b.dtype == tf.float32 and cosines(a, b).min() > 0.85, (beta, cosines(a, b))


def test_weights_are_its_own_until_they_are_copied():
    network, copy = pair("rar_resnet3", (8, 8, 3))
    for a, b in zip(network.get_weights(), copy.get_weights()):
        np.testing.assert_array_equal(a, b)
    network.set_weights([w + 1 for w in network.get_weights()])
    assert not np.array_equal(network.get_weights()[0], copy.get_weights()[0])
    tf.function(copy_weights)(network, copy)
    for a, b in zip(network.get_weights(), copy.get_weights()):
        np.testing.assert_array_equal(a, b)


def test_nested_models_adapted_pixels_and_files(tmp_path):
    inner = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Conv2D(4, 3, activation="relu")])
    pixels = keras.layers.Normalization()
    pixels.adapt(images(20)[0])
    i = keras.Input((8, 8, 1))
    network = keras.Model(i, keras.layers.Dense(10)(keras.layers.Flatten()(inner(pixels(i)))))
    copy, (x, _) = in_bfloat16(network), images()
    np.testing.assert_allclose(copy(x), network(x), atol=0.03)
    copy.save(tmp_path / "copy.keras")
    np.testing.assert_array_equal(keras.models.load_model(tmp_path / "copy.keras")(x), copy(x))


def test_small_moves_of_bright_pixels_are_not_rounded_away():
    """Pixels are centred in float32: bfloat16 has a spacing of 1/128 just above 1/2, more than a move of 1/255."""
    i = keras.Input((2, 2, 1))
    x = keras.layers.Flatten()(keras.layers.Rescaling(1.0, -0.75)(i))
    network = keras.Model(i, keras.layers.Dense(3)(keras.layers.Dense(8)(x)))
    copy, x = in_bfloat16(network), tf.fill([1, 2, 2, 1], 0.75)
    exact, near = (np.asarray(each(x + 1 / 255) - each(x)) for each in (network, copy))
    np.testing.assert_allclose(near, exact, atol=0.02 * np.abs(exact).max())


def test_the_attack_on_the_copy_raises_the_loss_nearly_as_far():
    network, copy = pair("mnist_cnn", (8, 8, 1))
    (x, y), ball = images(20), make_ball("linf", 0.1)
    objective = make_objective("madry", eps=0.1, attack_steps=3, step_size=0.05)
    gains = []
    for attacked in (network, copy):
        x_adv = objective.inner(attacked, Batch(x, y), the_step())
        assert x_adv.dtype == tf.float32
        np.testing.assert_allclose(ball.project(x_adv, x), x_adv, atol=1e-6)
        gains.append(tf.reduce_mean(cross_entropy(y, network(x_adv)) - cross_entropy(y, network(x))).numpy())
    assert gains[1] > 0.95 * gains[0] > 0


# In a graph, where weights could be those of its tracing; the other method's is dearer and has the same copy.
@pytest.mark.parametrize(
    "method, flags, graphs",
    [("madry", PGD, True), pytest.param("ig_norm", IG, False, marks=pytest.mark.exhaustive)],
)
def test_the_inner_maximum_sees_the_weights_of_now(method, flags, graphs):
    """Two steps with the copy are two steps without it, but for the rounding of the attack."""
    weights = []
    for precision in ("float32", "bfloat16_attack"):
        network, data_set = shallow_network(), tf.data.Dataset.from_tensors(images(10)).repeat()
        trainer = Trainer(network, make_objective(method, **flags), precision=precision)
        trainer.compile(optimizer=keras.optimizers.SGD(0.5), jit_compile=False)
        with contextlib.nullcontext() if graphs and precision != "float32" else without_graphs():
            trainer.fit(data_set, steps_per_epoch=3, verbose=0, shuffle=False)
        weights.append(flat(network))
    before = flat(shallow_network())
    assert np.linalg.norm(weights[1] - weights[0]) < 0.2 * np.linalg.norm(weights[0] - before)
    assert np.linalg.norm(flat(trainer.lowered) - before) > 0.5 * np.linalg.norm(weights[1] - before)


@pytest.mark.parametrize("graphs", [False, pytest.param(True, marks=pytest.mark.exhaustive)])
def test_two_replicas_attack_the_copy_too(graphs):
    """Whose graph, of one device, is looked at above."""

    def run(strategy):
        with strategy.scope():
            network = shallow_network()
            trainer = Trainer(
                network,
                make_objective("madry", eps=0.1, attack_steps=1, step_size=0.1, random_start=False),
                precision="bfloat16_attack",
            )
            trainer.compile(optimizer=keras.optimizers.SGD(0.1), jit_compile=False)
        batches = tf.data.Dataset.from_tensor_slices(images(8)).batch(8).repeat()
        with contextlib.nullcontext() if graphs else without_graphs():
            trainer.fit(batches, steps_per_epoch=2, verbose=0, shuffle=False)
        return network.get_weights()

    one, two = run(tf.distribute.get_strategy()), run(make_strategy("mirrored", 2))
    for a, b in zip(one, two):
        np.testing.assert_allclose(a, b, atol=2e-4)


# That steps with an attacked copy are steps without one is seen above.
@pytest.mark.parametrize(
    "precision",
    [*(pytest.param(name, marks=pytest.mark.exhaustive) for name in ("float32", "bfloat16_attack")), "bfloat16"],
)
def test_digits_are_learned_in_every_precision(precision):
    digits = data.load("digits")
    keras.utils.set_random_seed(0)
    network = make_model("digits_cnn", digits.shape, 10)
    network = in_bfloat16(network) if precision == "bfloat16" else network
    spec = TrainingSpec(60, 50, (2e-3,), precision=precision)
    objective = make_objective("madry", eps=0.05, attack_steps=2, step_size=0.03)
    train(
        network,
        objective,
        lambda start, *part: data.training_batches(digits, 50, 0, start),
        len(digits.x_train),
        spec,
    )
    hits = network(data.to_unit(digits.x_test)).numpy().argmax(1) == digits.y_test
    assert hits.mean() > 0.75


@pytest.mark.parametrize(
    "method, flags",
    [
        pytest.param("madry", PGD, marks=pytest.mark.exhaustive),  # The other has its attack, and more.
        ("ig_sum_norm", {**IG, "attack_steps": 1, "ig_steps": 3, "ig_steps_attack": 3, "chunk": 2}),
        pytest.param("ig_sum_norm", IG, marks=pytest.mark.exhaustive),
    ],
)
def test_steps_compiled_by_xla_are_the_same(method, flags):
    """From a start that is not drawn: XLA draws other numbers than TensorFlow's kernels from the same seed."""
    batches, before = tf.data.Dataset.from_tensors(images(10)).repeat(), flat(shallow_network())

    def trained(jit):
        network, spec = shallow_network(), TrainingSpec(2, 10, (1e-2,), optimizer="sgd", jit=jit)
        train(network, make_objective(method, random_start=False, **flags), lambda *where: batches, 10, spec)
        return flat(network)

    with without_graphs():
        plain = trained("off")
    # Where a gradient is nearly 0 its sign, which PGD follows, is one of rounding.
    assert np.linalg.norm(trained("on") - plain) < 0.02 * np.linalg.norm(plain - before)


def test_a_subclassed_model_is_refused():
    class Own(keras.Model):
        def call(self, x):
            return x

    with pytest.raises(InputError, match="cannot compute in bfloat16"):
        in_bfloat16(Own())


if __name__ == "__main__":
    run_tests(__file__)
