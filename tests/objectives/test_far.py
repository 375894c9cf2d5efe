"""Section 3.2 of the FAR paper: other methods are cases of its general form."""

import functools

import numpy as np
import pytest
import tensorflow as tf

from tests.helpers import images, run_tests, shallow_network, the_step
from tfrobust.attributions import make_map, make_score
from tfrobust.attributions.integrated_gradients import integrated_gradients
from tfrobust.objectives import make_objective
from tfrobust.objectives.far import Far
from tfrobust.types import Batch, InputError

INNER = {"eps": 0.2, "attack_steps": 3, "step_size": 0.1}
MAP = make_map(steps=4)
network_of_all = functools.cache(shallow_network)  # No test changes its weights.


def loss_path(network, x, batch, predicted):
    """IG of the loss from the clean image to x."""
    return integrated_gradients(make_score(network, "loss"), x, batch.y, batch.x, 4)


def aligned(network, x, batch, predicted):
    """Eq. 9: pointwise cosine of image and gradient of the true class, minus that of the runner-up."""
    positive, negative = make_objective("art", attribution_weight=1.0, softplus_beta=5.0, **INNER).gradients(
        network, x, batch.y
    )

    def pointwise(g):
        return (
            g
            * x
            / (tf.norm(tf.reshape(g, [-1, 64]), axis=1) * tf.norm(tf.reshape(x, [-1, 64]), axis=1))[:, None, None, None]
        )

    return pointwise(positive) - pointwise(negative)


def l1(a, target):
    return tf.reduce_sum(tf.abs(a - target), axis=[1, 2, 3])


def soft_margin(a, target):
    return tf.nn.softplus(-tf.reduce_sum(a - target, axis=[1, 2, 3]))


def general(weight, adversarial, attribution=MAP, dissimilarity="pearson"):
    return Far(
        attribution_weight=weight,
        adversarial=adversarial,
        attribution=attribution,
        dissimilarity=dissimilarity,
        target="none",
        softplus_beta=None,
        **INNER,
    )


IG = {"attribution_weight": 0.5, "ig_steps": 4, "ig_steps_attack": 4}
CASES = {
    "madry": (general(0.0, True), {}),
    "ig_norm": (general(0.5, False, loss_path, l1), IG),
    "ig_sum_norm": (general(0.5, True, loss_path, l1), IG),
}


@pytest.mark.parametrize("name", CASES)
def test_methods_come_out_of_the_general_form(name):
    far, hyper = CASES[name]
    own = make_objective(name, **hyper, **INNER)
    network, batch = network_of_all(), Batch(*images())
    x_adv = own.inner(network, batch, the_step())
    if far.adversarial:  # The other form also keeps the label.
        np.testing.assert_allclose(far.inner(network, batch, the_step()), x_adv, atol=1e-6)
    ours = sum(far.outer(network, batch, x_adv, the_step()).values())
    np.testing.assert_allclose(ours, sum(own.outer(network, batch, x_adv, the_step()).values()), rtol=1e-5)


def test_the_alignment_loss_comes_out_of_the_general_form():
    network, batch = network_of_all(), Batch(*images())
    x_adv = tf.clip_by_value(batch.x + 0.1, 0.0, 1.0)
    far = general(1.0, False, aligned, soft_margin)
    art = make_objective("art", attribution_weight=1.0, softplus_beta=5.0, **INNER)
    ours = far.outer(network, batch, x_adv, the_step())["attribution"]
    np.testing.assert_allclose(ours, art.outer(network, batch, x_adv, the_step())["alignment"], rtol=1e-4)


@pytest.mark.parametrize("name", ["aat", "adv_aat"])
def test_runs_from_elsewhere_move_the_images_that_the_first_run_leaves(name):
    """PCL is stationary at x: whether rounding gives it a gradient there is chance."""
    network, batch = network_of_all(), Batch(*images(20))
    own = {"attribution_weight": 1.0, "ig_steps": 4, "random_start": False, **INNER}
    once, thrice = (make_objective(name, **own, attack_restarts=n) for n in (1, 3))
    found = [each.inner(network, batch, the_step()) for each in (once, thrice)]
    assert np.any(found[1] != batch.x, axis=(1, 2, 3)).all()
    predicted = once._predicted(network, batch)
    target = once._target(network, batch, predicted)
    far_off = [once.distance(network, x_adv, batch, predicted, target).numpy() for x_adv in found]
    assert far_off[1].mean() > far_off[0].mean() + 1e-3
    with pytest.raises(InputError, match="attack_restarts"):
        make_objective(name, **own, attack_restarts=0)


def test_the_inner_maximum_of_eq_5_keeps_every_label_and_raises_the_distance():
    network, (x, y) = network_of_all(), images(20)
    aat = make_objective("aat", attribution_weight=1.0, ig_steps=4, **{**INNER, "eps": 0.5, "step_size": 0.3})
    batch = Batch(x, y)
    x_adv = aat.inner(network, batch, the_step())
    predicted = tf.argmax(network(x), axis=1)
    np.testing.assert_array_equal(tf.argmax(network(x_adv), axis=1), predicted)
    free = make_objective("adv_aat", attribution_weight=1.0, ig_steps=4, **{**INNER, "eps": 0.5, "step_size": 0.3})
    assert (tf.argmax(network(free.inner(network, batch, the_step())), axis=1) != predicted).numpy().any()
    assert float(tf.reduce_mean(aat.outer(network, batch, x_adv, the_step())["attribution"])) > 0.01


def test_given_targets():
    network, (x, y) = network_of_all(), images()
    far = Far(attribution_weight=1.0, attribution=MAP, target="given", **INNER)
    predicted = tf.argmax(network(x), axis=1, output_type=tf.int32)
    own_maps = far.maps(network, x, Batch(x, y), predicted)
    at_target = far.outer(network, Batch(x, y, own_maps[:, tf.newaxis]), x, the_step())["attribution"]
    np.testing.assert_allclose(at_target, np.zeros(6), atol=1e-5)
    away = far.outer(network, Batch(x, y, -own_maps[:, tf.newaxis]), x, the_step())["attribution"]
    np.testing.assert_allclose(away, np.ones(6), atol=1e-5)
    with pytest.raises(InputError, match="map beside each image"):
        far.outer(network, Batch(x, y), x, the_step())


def test_what_makes_no_sense_is_refused():
    for wrong in ({"dissimilarity": "kendall"}, {"target": "x"}, {"attribution_weight": -1.0}):
        with pytest.raises(InputError):
            Far(**{"attribution_weight": 1.0, "attribution": MAP, **INNER, **wrong})


if __name__ == "__main__":
    run_tests(__file__)
