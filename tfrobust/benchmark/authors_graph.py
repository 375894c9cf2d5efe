"""RAR's work in the style of TensorFlow 1: a static graph in a session, which is fed NumPy arrays step by step.

Written from the paper (Chen et al., 2019, Sections 3 and 4, C.1.1) as a baseline for times: every point of a path has a
forward graph of its own, the inner attack feeds each iterate, and the attack on maps takes one image at a time.
"""

from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf
from scipy import stats

v1 = tf.compat.v1


class _Network:
    """RAR's MNIST network on given weights, as operations of the default graph."""

    def __init__(self, weights: Sequence[np.ndarray]):
        self.variables = [v1.Variable(w) for w in weights]

    def logits(self, x: tf.Tensor, activation: Callable = tf.nn.relu) -> tf.Tensor:
        """The logits [B,K] of images x [B,H,W,C]."""
        w1, b1, w2, b2, w3, b3, w4, b4 = self.variables
        for w, b in ((w1, b1), (w2, b2)):
            x = activation(tf.nn.conv2d(x, w, 1, "SAME") + b)
            x = tf.nn.max_pool2d(x, 2, 2, "VALID")
        x = tf.reshape(x, [-1, w3.shape[0]])
        return tf.matmul(activation(tf.matmul(x, w3) + b3), w4) + b4


def _session():
    session = v1.Session()
    session.run(v1.global_variables_initializer())
    return session


class AuthorsStep:
    """One step of IG-SUM-NORM.

    Args:
        weights: of the network, as `keras.Model.get_weights` gives them.
        shape: of an image, (H, W, C).
        eps, steps, step_size: of the inner attack.
        weight: of the attribution term.
        points, attack_points: of the path in the loss, and in the inner attack.
        learning_rate: of Adam.
    """

    def __init__(
        self,
        weights: Sequence[np.ndarray],
        shape: Sequence[int],
        *,
        eps: float,
        steps: int,
        step_size: float,
        weight: float,
        points: int,
        attack_points: int,
        learning_rate: float = 0.0,
    ):
        self.eps, self.steps, self.step_size = eps, steps, step_size
        with tf.Graph().as_default():
            network = _Network(weights)
            self.x, self.x_adv = (v1.placeholder(tf.float32, [None, *shape]) for _ in range(2))
            self.y = v1.placeholder(tf.int32, [None])

            def loss(x):
                return tf.nn.sparse_softmax_cross_entropy_with_logits(self.y, network.logits(x))

            def objective(m):
                difference, total = self.x_adv - self.x, 0.0
                for k in range(1, m + 1):
                    point = self.x + (k / m) * difference
                    total += v1.gradients(loss(point), point)[0]
                ig = difference * total / m
                return loss(self.x_adv) + weight * tf.reduce_sum(tf.abs(ig), axis=[1, 2, 3])

            self.g = v1.gradients(objective(attack_points), self.x_adv)[0]
            self.loss = tf.reduce_mean(objective(points))
            self.gradients = v1.gradients(self.loss, network.variables)
            optimizer = v1.train.AdamOptimizer(learning_rate)
            self.train = optimizer.apply_gradients(zip(self.gradients, network.variables))
            self.session = _session()

    def attack(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """The attacked images [B,H,W,C] of images x, from x itself."""
        x_adv = x
        for _ in range(self.steps):
            g = self.session.run(self.g, {self.x: x, self.x_adv: x_adv, self.y: y})
            x_adv = np.clip(x_adv + self.step_size * np.sign(g), x - self.eps, x + self.eps)
            x_adv = np.clip(x_adv, 0, 1).astype(np.float32)
        return x_adv

    def descend(self, x: np.ndarray, x_adv: np.ndarray, y: np.ndarray) -> tuple[float, float]:
        """Takes the step of the weights; returns the loss and the norm of its gradient."""
        fed = {self.x: x, self.x_adv: x_adv, self.y: y}
        loss, gradients, _ = self.session.run([self.loss, self.gradients, self.train], fed)
        return loss, np.sqrt(sum(float(np.sum(np.square(g, dtype=np.float64))) for g in gradients))


class AuthorsIfia:
    """IFIA on Integrated Gradients from black: top-k mass, one image at a time, the iterate chosen by Kendall's tau.

    Args:
        weights, shape: as for `AuthorsStep`.
        eps, steps, step_size: of the attack.
        k: size of the top-k set, in pixels.
        points: of the path.
        beta: of the softplus in the network whose map gives the direction.
    """

    def __init__(
        self,
        weights: Sequence[np.ndarray],
        shape: Sequence[int],
        *,
        eps: float,
        steps: int,
        step_size: float,
        k: int,
        points: int,
        beta: float = 1.0,
    ):
        self.eps, self.steps, self.step_size, self.k = eps, steps, step_size, k
        with tf.Graph().as_default():
            network = _Network(weights)
            self.x = v1.placeholder(tf.float32, [1, *shape])
            self.y = v1.placeholder(tf.int32, [])
            self.mask = v1.placeholder(tf.float32, shape[:2])
            t = np.arange(1, points + 1, dtype=np.float32).reshape(-1, 1, 1, 1) / points

            def map_of(activation):
                path = t * self.x
                g = v1.gradients(network.logits(path, activation)[:, self.y], path)[0]
                a = tf.reduce_sum(tf.abs(self.x[0] * tf.reduce_mean(g, axis=0)), axis=-1)
                return a * np.prod(shape[:2]) / tf.reduce_sum(a)

            smooth = map_of(lambda z: tf.nn.softplus(beta * z) / beta)
            self.direction = v1.gradients(-tf.reduce_sum(smooth * self.mask), self.x)[0]
            self.map = map_of(tf.nn.relu)
            self.label = tf.argmax(network.logits(self.x), axis=1)[0]
            self.session = _session()

    def attack(self, x: np.ndarray, y: int) -> float:
        """Kendall's tau between the map of one image x [H,W,C] and that of the iterate whose map is least like it."""
        x = x[np.newaxis]
        original, lowest, x_adv = self.session.run(self.map, {self.x: x, self.y: y}), 1.0, x
        mask = np.zeros(original.size, np.float32)
        mask[np.argsort(-original, axis=None, kind="stable")[: self.k]] = 1
        mask = mask.reshape(original.shape)
        for _ in range(self.steps):
            g = self.session.run(self.direction, {self.x: x_adv, self.y: y, self.mask: mask})
            x_adv = np.clip(x_adv + self.step_size * np.sign(g), x - self.eps, x + self.eps)
            x_adv = np.clip(x_adv, 0, 1).astype(np.float32)
            label = self.session.run(self.label, {self.x: x_adv})
            a = self.session.run(self.map, {self.x: x_adv, self.y: y})
            if label == y:
                lowest = min(lowest, stats.kendalltau(original.ravel(), a.ravel())[0])
        return lowest
