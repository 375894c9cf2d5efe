"""The one step of training: an inner maximum, then a descent on the sum of an objective's terms.

This is the only place with a tape over weights and the only reduction over the batch.  The network stays a plain Keras
model beside the trainer, and can be saved at any time.

With several replicas (`tf.distribute`) each has its part of the batch, which may be smaller than that of another, or
empty.  The step is that of one device on the global batch, but for what looks at more than one image:
BatchNormalization has the statistics of its replica's part, and its moving ones are the mean over the replicas, weighed
by their images, on Keras 2 and 3 alike.
"""

import keras
import tensorflow as tf

from tfrobust.distribution import GlobalBatch, apply_summed_gradients, never_empty
from tfrobust.networks.bfloat16 import copy_weights, in_bfloat16
from tfrobust.networks.seeded_draws import drawing, with_seeded_draws
from tfrobust.types import Batch, InputError, Step

OF_LAYERS = 51  # The tag of the draws that layers of the network make.


class Trainer(keras.Model):
    """A Keras model to `compile(optimizer, jit_compile=False)` and `fit` on batches (x, y) or (x, y, s).

    network: the classifier that is trained.  objective: what it is trained for (see `types.Objective`).
    seed: of every random draw.  images, batch_size: in a pass and in a step, which make the epoch (it stays 0 where
    they are not given).  eps_ramp_steps, weight_decay, reduction, precision: see TrainingSpec.
    Logs of a step: each term, the network's own regularizers if it has any, their sum as `loss`, the norm of the
    gradient, and `unmoved`, the share of images that the inner maximum left as they are, all of the global batch.
    """

    def __init__(
        self,
        network,
        objective,
        seed: int = 0,
        images=None,
        batch_size=None,
        eps_ramp_steps: int = 0,
        weight_decay: float = 0.0,
        reduction: str = "mean",
        precision: str = "float32",
    ):
        super().__init__()
        self.weight_decay, self.images_summed = weight_decay, batch_size if reduction == "sum" else 1
        self.network, self.objective = network, objective
        self.seed, self.images, self.batch_size, self.eps_ramp_steps = seed, images, batch_size, eps_ramp_steps
        with_seeded_draws(network)  # Made here, and not within the graph of a step.
        self.lowered = in_bfloat16(network) if precision == "bfloat16_attack" else None
        self.distribute_reduction_method = "first"  # All replicas log the same; Keras 2 would add it up.
        self.built = True  # The network is; Keras 3 would otherwise trace `call` to find out.

    def call(self, x, training=False):
        """The network's logits [B,K]."""
        return self.network(x, training=training)

    def train_step(self, data):
        """One step on a batch (x, y) or (x, y, s)."""
        return self.descend(Batch(*data))

    def descend(self, batch: Batch, weight=None):
        """The inner maximum, then a descent on the objective's terms; the logs of the step.

        weight: [B], that of each image in all terms (None: 1), as Keras' sample_weight.
        """
        variables = self.network.trainable_variables
        if not variables:
            raise InputError(
                f"nothing of network {self.network.name!r} can be trained: all its layers are frozen; set "
                "layer.trainable = True for those that may learn"
            )
        whole, step = GlobalBatch(batch.x), self._step()
        network = with_seeded_draws(self.network)
        batch = Batch(*(never_empty(part) for part in batch if part is not None))
        weight = None if weight is None else never_empty(weight)
        x_adv = self.objective.inner(self._attacked(), batch, step)
        with tf.GradientTape() as tape, drawing(step.draw_for_batch(OF_LAYERS), whole.place):
            terms = self.objective.outer(network, batch, x_adv, step)
            weighed = terms if weight is None else {name: weight * term for name, term in terms.items()}
            parts = {name: whole.part_of_mean(term) for name, term in weighed.items()}
            loss = self.images_summed * tf.add_n(list(parts.values()))
            if network.losses or self.weight_decay:
                parts["regularization"] = whole.part_of_constant(tf.add_n([*network.losses, self._decay()]))
                loss += parts["regularization"]
        grads = tape.gradient(loss, variables)
        connected = [(g, v) for g, v in zip(grads, variables) if g is not None]
        grads = whole.sum([g for g, _ in connected])
        apply_summed_gradients(self.optimizer, [(g, v) for g, (_, v) in zip(grads, connected)])
        # Moving statistics: Keras 2 averages them over the replicas when they are read, Keras 3 never.
        whole.average_in_place(self.network.non_trainable_variables)
        parts["loss"] = loss
        if x_adv is not batch.x:
            same = tf.reduce_all(tf.equal(x_adv, batch.x), axis=(1, 2, 3))
            parts["unmoved"] = whole.part_of_mean(tf.cast(same, tf.float32))
        logs = dict(zip(parts, whole.sum(list(parts.values()))))
        return {**logs, "gradient_norm": tf.linalg.global_norm(grads)}

    def _attacked(self):
        """The network that the inner maximisation attacks."""
        if self.lowered is None:
            return self.network
        copy_weights(self.network, self.lowered)
        return self.lowered

    def _decay(self):
        """weight_decay times half the squared norm of the kernels (what has two axes at least)."""
        kernels = [tf.convert_to_tensor(v) for v in self.network.trainable_variables if len(v.shape) > 1]
        return self.weight_decay * tf.add_n([tf.nn.l2_loss(kernel) for kernel in kernels])

    def _step(self) -> Step:
        iteration = tf.cast(self.optimizer.iterations, tf.int64)
        batch_seed = tf.stack([tf.constant(self.seed), tf.cast(iteration, tf.int32)])
        scale = tf.constant(1.0)
        if self.eps_ramp_steps:
            scale = tf.minimum(1.0, tf.cast(iteration, tf.float32) / self.eps_ramp_steps)
        seed = tf.random.experimental.stateless_fold_in(batch_seed, 0)
        epoch = iteration * self.batch_size // self.images if self.images else tf.zeros_like(iteration)
        return Step(seed, batch_seed, iteration, epoch, scale)


def check(network, objective, batch: Batch) -> None:
    """Computes the terms on one batch outside any graph: what does not fit raises its own error, before a run."""
    zero, seed = tf.constant(0, tf.int64), tf.constant([0, 0])
    objective.outer(network, batch, batch.x, Step(seed, seed, zero, zero, tf.constant(1.0)))
