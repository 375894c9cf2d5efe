"""The one step of training: an inner maximum, then a descent on the sum of an objective's terms.

This is the only place with a tape over weights and the only reduction over the batch.  The network stays a plain Keras
model beside the trainer, and can be saved at any time.

With several replicas (`tf.distribute`) each has its part of the batch, which may be smaller than that of another, or
empty.  The step is that of one device on the global batch, except in layers that see more than one image:
BatchNormalization has the statistics of its replica's part, and its moving ones are the mean over the replicas, weighed
by their images, on Keras 2 and 3 alike.
"""

from collections.abc import Sequence

import keras
import tensorflow as tf

from tfrobust.distribution import GlobalBatch, apply_summed_gradients, at_place, never_empty
from tfrobust.networks.bfloat16 import copy_weights, in_bfloat16
from tfrobust.networks.seeded_draws import drawing, with_seeded_draws
from tfrobust.types import Batch, InputError, Objective, Step

OF_LAYERS = 51  # Tag of the random draws that layers of the network make, such as Dropout.


class Trainer(keras.Model):
    """A Keras model that trains a network by a training method.

    It is to be used by `compile(optimizer, jit_compile=False)` and `fit` on batches (x, y) or (x, y, s).  Logs of a
    step: each term, the network's own regularizers if it has any, their sum as `loss`, the norm of the gradient, and
    `unmoved`, the share of images that the inner maximum left as they are, all of the global batch.

    Args:
        network: the classifier that is trained; logits out.
        objective: the training method (see `types.Objective`).
        seed: random seed of every draw.
        images, batch_size: training images of an epoch and of a step; None: the epoch stays 0.
        eps_ramp_steps, weight_decay, reduction, precision: see TrainingSpec.
    """

    def __init__(
        self,
        network: keras.Model,
        objective: Objective,
        *,
        seed: int = 0,
        images: int | None = None,
        batch_size: int | None = None,
        eps_ramp_steps: int = 0,
        weight_decay: float = 0.0,
        reduction: str = "mean",
        precision: str = "float32",
    ):
        super().__init__()
        self.weight_decay, self.images_summed = weight_decay, batch_size if reduction == "sum" else 1
        self.network, self.objective = network, objective
        self.seed, self.images, self.batch_size, self.eps_ramp_steps = seed, images, batch_size, eps_ramp_steps
        with_seeded_draws(network)  # The copy is made here, and not within the graph of a step.
        self.lowered = in_bfloat16(network) if precision == "bfloat16_attack" else None
        self.distribute_reduction_method = "first"  # All replicas have the same logs; Keras 2 would add them up.
        self.built = True  # The network is built; Keras 3 would otherwise trace `call` to find out.

    def call(self, x: tf.Tensor, training: bool = False) -> tf.Tensor:
        """The network's logits [B,K] for images x [B,H,W,C]."""
        return self.network(x, training=training)

    def train_step(self, data: Sequence[tf.Tensor]) -> dict[str, tf.Tensor]:
        """One step of training on a batch (x, y) or (x, y, s); the logs of the step, each []."""
        return self.descend(Batch(*data))

    def descend(self, batch: Batch, weight: tf.Tensor | None = None) -> dict[str, tf.Tensor]:
        """Makes one step of training: the inner maximum, then a descent on the sum of the objective's terms.

        Args:
            batch: images and labels.
            weight: [B], of each image in all terms, as Keras' sample_weight; None: 1.

        Returns:
            The logs of the step by name, each [].

        Raises:
            InputError: where all layers of the network are frozen.
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
        with at_place(whole.place):
            x_adv = self.objective.inner(self._attacked(), batch, step)
            with tf.GradientTape() as tape, drawing(step.draw_for_batch(OF_LAYERS)):
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
        # Keras 2 averages moving statistics over the replicas when they are read, Keras 3 never does.
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
        """weight_decay times half the squared norm of the kernels, the variables with at least two axes."""
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


def check(network: keras.Model, objective: Objective, batch: Batch) -> None:
    """Computes the terms of an objective on one batch outside any graph, to find errors before a run.

    Args:
        network: logits out.
        objective: the training method.
        batch: a few images with labels, and saliency maps where the objective needs them.

    Raises:
        InputError: where they do not fit each other.
    """
    zero, seed = tf.constant(0, tf.int64), tf.constant([0, 0])
    objective.outer(network, batch, batch.x, Step(seed, seed, zero, zero, tf.constant(1.0)))
