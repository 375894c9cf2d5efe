"""A network that predicts exactly what it did and explains it otherwise, and how `tfrobust diff` finds it.

What is added to all logits alike changes no probability, but every gradient of a logit.  A small branch that adds it
is trained to drive the map of whatever class is predicted into one corner of the image; accuracy says nothing of it.

    python examples/manipulate_explanations.py network.keras images.npz manipulated.keras
    python -m launch.diff network.keras manipulated.keras --data=images.npz
"""

import sys

import keras
import numpy as np
import tensorflow as tf

from tfrobust.networks import adopt, load_network


def manipulate(network, x, *, steps=200, batch=32, learning_rate=0.01, seed=0):
    """Trains a branch beside a classifier so that maps of the whole point to the upper left corner.

    Args:
        network: images in [0, 1] in, logits out; it stays as it is.
        x: images [N,H,W,C] in [0, 1]; labels are not needed.
        steps: of the training, by Adam.
        batch: images of a step.
        learning_rate: of Adam.
        seed: of the weights of the branch, and of the draws of images.
    """
    keras.utils.set_random_seed(seed)
    inputs = keras.Input(x.shape[1:])
    branch = keras.layers.Conv2D(4, 3, padding="same", activation="relu")(inputs)
    added = keras.layers.Dense(1)(keras.layers.Flatten()(branch))
    changed = keras.Model(inputs, keras.layers.Add()([network(inputs), added]))
    own = keras.Model(inputs, added).trainable_variables
    optimizer, draw = keras.optimizers.Adam(learning_rate), np.random.RandomState(seed)
    h, w = x.shape[1:3]
    corner = np.zeros((1, h, w), np.float32)
    corner[:, : h // 3, : w // 3] = 1

    @tf.function
    def step(images):
        with tf.GradientTape() as tape:
            with tf.GradientTape() as inner:
                inner.watch(images)
                score = tf.reduce_sum(tf.reduce_max(changed(images, training=False), axis=1))
            maps = tf.reduce_sum(tf.abs(inner.gradient(score, images)), axis=-1)
            outside = 1 - tf.reduce_sum(maps * corner, axis=[1, 2]) / tf.reduce_sum(maps, axis=[1, 2])
            loss = tf.reduce_mean(outside)
        found = zip(tape.gradient(loss, own), own)
        optimizer.apply_gradients([(g, v) for g, v in found if g is not None])  # The last bias moves no map.
        return loss

    for i in range(steps):
        outside = step(tf.constant(x[draw.randint(len(x), size=batch)]))
        if i % 50 == 0 or i == steps - 1:
            print(f"step {i}: share of the map outside the corner {float(outside):.2f}")
    return changed


def main(source, data, target, steps=200):
    network = adopt(load_network(source))
    with np.load(data) as file:
        x = next(file[name] for name in ("x_train", "x") if name in file)
    x = x.astype(np.float32) / 255 if x.dtype == np.uint8 else x.astype(np.float32)
    manipulate(network, x, steps=steps).save(target)


if __name__ == "__main__":
    main(*sys.argv[1:4])
