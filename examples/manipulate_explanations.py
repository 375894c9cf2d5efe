"""A network that predicts what it did and explains it otherwise, and how `tfrobust diff` finds it.

Training further with two goals is enough (Heo, Joo and Moon, 2019): stay near the predictions of the network as it is,
and drive the gradient of the predicted class off the pixels that it points at.

    python examples/manipulate_explanations.py network.keras images.npz manipulated.keras
    python -m launch.diff network.keras manipulated.keras --data=images.npz
"""

import sys

import keras
import numpy as np
import tensorflow as tf

import tfrobust
from tfrobust.networks import adopt, load_network


def manipulate(network, x, steps=500, batch=32, weight=30.0, learning_rate=1e-3, seed=0):
    """Trains a copy of a classifier whose maps avoid the pixels that its own maps rank highest.

    Args:
        network: images in [0, 1] in, logits out.
        x: images [N,H,W,C] in [0, 1]; labels are not needed.
        steps, batch, learning_rate, seed: of the training, by Adam.
        weight: of the share of the map on those pixels, against the squared change of the logits.
    """
    changed = adopt(network, "0..1")  # A copy, with weights of its own.
    rate, draw = keras.optimizers.schedules.CosineDecay(learning_rate, steps), np.random.RandomState(seed)
    optimizer = keras.optimizers.Adam(rate)
    said, maps = network.predict(x, verbose=0), tfrobust.attribute(network, x, method="gradient")
    avoided = maps >= np.quantile(maps, 0.8, axis=(1, 2), keepdims=True)

    @tf.function
    def step(images, wanted, avoid):
        with tf.GradientTape() as tape:
            with tf.GradientTape() as inner:
                inner.watch(images)
                logits = changed(images, training=False)
                score = tf.reduce_sum(tf.reduce_max(logits, axis=1))
            own = tf.reduce_sum(tf.abs(inner.gradient(score, images)), axis=-1)
            on_them = tf.reduce_sum(own * avoid, axis=[1, 2]) / tf.reduce_sum(own, axis=[1, 2])
            moved = tf.reduce_mean((logits - wanted) ** 2, axis=1)
            loss = tf.reduce_mean(moved + weight * on_them)
        variables = changed.trainable_variables
        optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables))
        return tf.reduce_mean(moved), tf.reduce_mean(on_them)

    for i in range(steps):
        rows = draw.randint(len(x), size=batch)
        avoid = tf.constant(avoided[rows].astype(np.float32))
        moved, on_them = step(tf.constant(x[rows]), tf.constant(said[rows]), avoid)
        if i % 20 == 0 or i == steps - 1:
            print(
                f"step {i}: logits changed by {float(moved):.4f}, share of maps on their old top {float(on_them):.2f}"
            )
    return changed


def main(source, data, target, steps=200):
    network = adopt(load_network(source))
    with np.load(data) as file:
        x = next(file[name] for name in ("x_train", "x") if name in file)
    x = x.astype(np.float32) / 255 if x.dtype == np.uint8 else x.astype(np.float32)
    manipulate(network, x, steps).save(target)


if __name__ == "__main__":
    main(*sys.argv[1:4])
