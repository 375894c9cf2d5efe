"""bfloat16: half the memory of float32 and, on hardware that has it, several times the speed.

What is computed in bfloat16 is the inside of a network.  Weights, images, logits, and so every loss and every map
(a gradient by the images), stay float32: three significant digits are enough for a direction in which to go, and too
few for a number to be reported.
"""

import keras
import tensorflow as tf

from tfrobust.types import InputError

# An attack changes pixels by less than the spacing of bfloat16 near 1, so they are centred before they are rounded.
_PREPARES_PIXELS = ("Normalization", "Rescaling", "PerImageStandardization")


def in_bfloat16(network: keras.Model) -> keras.Model:
    """A copy of the network, with float32 weights of its own, that computes in bfloat16; its logits are float32.

    Layers that prepare pixels and the last layer stay in float32.

    Raises:
        InputError: for what is no Sequential or functional model.
    """

    def lowered(model):
        last = model.layers[-1].name if isinstance(model, keras.Sequential) else model.output_names[0]

        def clone(layer):
            if isinstance(layer, keras.Model):
                return lowered(layer)
            exact = layer.name == last or type(layer).__name__ in _PREPARES_PIXELS
            return type(layer).from_config({**layer.get_config(), "dtype": "float32" if exact else "mixed_bfloat16"})

        return keras.models.clone_model(model, clone_function=clone)

    try:
        copy = lowered(network)
    except (ValueError, TypeError, AttributeError) as e:
        raise InputError(
            f"network {network.name!r} cannot compute in bfloat16: only Sequential and functional models can ({e})"
        ) from e
    copy_weights(network, copy)
    for layer in _flat(copy):
        if isinstance(layer, keras.layers.Normalization):
            layer.finalize_state()  # It computes with what it derives of its weights.
    return copy


def _flat(model):
    for layer in model.layers:
        yield from _flat(layer) if isinstance(layer, keras.Model) else [layer]


def copy_weights(source: keras.Model, target: keras.Model) -> None:
    """Gives the `target`, a copy of the `source`, its weights; inside a training step too, on every replica."""

    def assign(strategy, *variables):
        for theirs, own in zip(variables[: len(variables) // 2], variables[len(variables) // 2 :]):
            strategy.extended.update(own, lambda variable, value: variable.assign(value), args=(theirs,))

    # A variable of Keras 3 holds one of TensorFlow.
    variables = [v if isinstance(v, tf.Variable) else v.value for v in (*source.weights, *target.weights)]
    replica = tf.distribute.get_replica_context()
    if replica is None:
        assign(tf.distribute.get_strategy(), *variables)
    else:
        replica.merge_call(assign, variables)
