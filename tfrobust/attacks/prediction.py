"""Attacks on the prediction by name: (network, spec) -> attack on batches.

    pgd       PGD on a loss; FGSM is one step of length eps from x; SAT's saliency attack is that on negative_logit
    trades    PGD on KL(f(x) || f(x')), as TRADES trains with (Zhang et al., 2019)
    spsa, spatial, noise

An image that the network gets wrong is preferred to any that it gets right, whatever the loss says: more steps,
restarts or draws never report a more robust network.
"""

import tensorflow as tf

from tfrobust.attacks.pgd import pgd
from tfrobust.attacks.spatial import spatial
from tfrobust.attacks.spec import AttackSpec
from tfrobust.attacks.spsa import spsa
from tfrobust.losses import LOSSES, kl, margin
from tfrobust.names import ON_PREDICTIONS
from tfrobust.types import InputError

WRONG = 1e3  # What a wrong prediction adds to the goal: more than any loss, little enough for float32.
START_DEVIATION = 1e-3  # Of TRADES' start: at x itself the divergence has no gradient.


def prediction_attack(network, attack: AttackSpec):
    """(x [B,H,W,C], y [B], examples [B]) -> x' [B,H,W,C]; examples: the numbers of the images, which seed their draws.

    A function of tensors, to be called within a graph or without.
    """
    if attack.method not in ON_PREDICTIONS:
        raise InputError(f"{attack.method} is no attack on predictions: choose one of {', '.join(ON_PREDICTIONS)}")
    return lambda x, y, examples: tf.stop_gradient(_attack(network, attack, x, y, examples))


def _attack(network, attack, x, y, examples):
    def logits(z):
        return network(z, training=False)

    def preferring_wrong(value, f):
        return value + tf.where(tf.stop_gradient(margin(y, f)) > 0, WRONG, 0.0)

    def goal(z):
        f = logits(z)
        return preferring_wrong(LOSSES[attack.loss](y, f), f)

    if attack.method == "spatial":
        return spatial(goal, x, attack.degrees, attack.pixels)
    if attack.method == "spsa":
        smooth = LOSSES[attack.loss]
        return _spsa(lambda z: smooth(y, logits(z)), goal, x, attack, examples)
    if attack.method == "noise":
        return _noise(goal, x, attack, examples)
    start = None
    if attack.method == "trades":
        clean = logits(x)
        noise = tf.map_fn(
            lambda s: tf.random.stateless_normal(x.shape[1:], s), attack.seeds(examples, 0), fn_output_signature=x.dtype
        )
        start = attack.ball.project(x + START_DEVIATION * noise, x)

        def goal(z):
            f = logits(z)
            return preferring_wrong(kl(clean, f), f)

    return pgd(
        goal,
        x,
        attack.ball,
        attack.steps,
        attack.step_size,
        lambda run: attack.seeds(examples, run),
        attack.random_start and start is None,
        attack.restarts,
        attack.keep,
        start=start,
    )


def _spsa(smooth, goal, x, attack, examples):
    """The best of all runs; every run has directions of its own, and from the second on a random start."""
    best, value = x, goal(x)
    for run in range(attack.restarts):
        seed = (attack.seed, 1_000_003 * run)
        start = attack.ball.sample(x, attack.seeds(examples, run)) if run else x
        size = attack.step_size
        x_adv = spsa(smooth, x, attack.ball, attack.steps, size, attack.samples, attack.delta, seed, goal, start)
        best, value = _better(goal, x_adv, best, value)
    return best


def _noise(goal, x, attack, examples):
    """The worst of `restarts` draws from the ball, and of x."""
    best, value = x, goal(x)
    for run in range(attack.restarts):
        best, value = _better(goal, attack.ball.sample(x, attack.seeds(examples, run)), best, value)
    return best


def _better(goal, x_adv, best, value):
    other = goal(x_adv)
    return tf.where(tf.reshape(other > value, [-1, 1, 1, 1]), x_adv, best), tf.maximum(other, value)
