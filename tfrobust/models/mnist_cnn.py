"""The network of RAR, ER and Madry et al. for MNIST and Fashion-MNIST (RAR, C.1.1).

Two 5x5 convolutions of 32 and 64 filters, each followed by 2x2 max-pooling, and a dense layer of 1024.  Kernel size,
padding and initialisation are not printed in the paper and come from its released code: SAME padding, kernels from a
normal of deviation 0.1 cut at two deviations, biases 0.1.
"""

from collections.abc import Sequence

import keras
from keras import layers

from tfrobust.models.smoothing import smoothed


def mnist_cnn(
    shape: Sequence[int] = (28, 28, 1),
    classes: int = 10,
    width: float = 1.0,
    *,
    bias: bool = True,
    smoothing: float | None = None,
) -> keras.Model:
    """A network from images [B,H,W,C] to logits [B,K]; see the module.

    Its activations are called relu1, relu2, relu3, for attributions of a layer.

    Args:
        shape: (H, W, C) of the images.
        classes: K.
        width: factor for the 32, 64 and 1024 units (0.25 for the two-core budget).
        bias: whether its layers have biases; without any it is nonnegatively homogeneous (see `networks.homogeneity`).
        smoothing: deviation of a Gaussian filter behind relu1, in pixels (see `models.smoothing`); None: no filter.
    """

    def units(n):
        return max(1, round(n * width))

    def initial():
        return {
            "kernel_initializer": keras.initializers.TruncatedNormal(stddev=0.1),
            "bias_initializer": keras.initializers.Constant(0.1),
            "use_bias": bias,
        }

    x = inputs = keras.Input(shape)
    for i, filters in enumerate((32, 64), 1):
        x = layers.Conv2D(units(filters), 5, padding="same", **initial())(x)
        x = layers.Activation("relu", name=f"relu{i}")(x)
        x = smoothed(x, smoothing) if i == 1 else x
        x = layers.MaxPooling2D(2)(x)
    x = layers.Flatten()(x)
    x = layers.Dense(units(1024), **initial())(x)
    x = layers.Activation("relu", name="relu3")(x)
    return keras.Model(inputs, layers.Dense(classes, **initial())(x), name="mnist_cnn")
