"""A network of few layers, and the same in the place of the one that the demo and the smoke budget train."""

import importlib

import keras
from keras import layers

from tfrobust.models.smoothing import smoothed


def shallow_model(shape, classes, width, *, bias=True, smoothing=None) -> keras.Model:
    """In the place of the model digits_cnn, which has two activations more and takes twice as long."""
    x = inputs = keras.Input(shape)
    x = layers.Conv2D(round(16 * width), 3, strides=2, padding="same", use_bias=bias)(x)
    x = smoothed(layers.Activation("relu", name="relu1")(x), smoothing)
    return keras.Model(inputs, layers.Dense(classes, use_bias=bias)(layers.Flatten()(x)))


def be_shallow(set_attribute=setattr) -> None:
    """The verbs make that one where they are asked for digits_cnn.  set_attribute: that of a monkeypatch, where it is
    not for all of a process."""
    set_attribute(importlib.import_module("tfrobust.models.digits_cnn"), "digits_cnn", shallow_model)
