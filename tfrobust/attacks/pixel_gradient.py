"""The derivative by the pixels of a network that begins with a convolution, at the speed of its other layers.

An image has one channel or three, and a vectorised kernel computes sixteen at once: of what the derivative of a first
convolution takes, most is thrown away.  Written as a convolution with a stride, whose output channels are a block of
b x b pixels, the same sums are made with little of it:

    dx[bJ + a] = sum_v g[bJ + a + v] w[K-1-v] = sum_u g[bJ + u] w_a[u],    w_a[u] = w[K-1-(u-a)] or 0

"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import tensorflow as tf

from tfrobust import kernels
from tfrobust.attributions.affine_start import cut_network
from tfrobust.networks.surrogates import kept

if TYPE_CHECKING:
    import keras

BLOCK = {1: 4, 2: 2, 3: 2, 4: 2}  # By channels of the image: measured with oneDNN's kernels on an AMD EPYC.


def for_attacks(network: keras.Model) -> Callable[[tf.Tensor], tf.Tensor]:
    """A network as attacks ask it, which want its derivative by the pixels and no other.

    Args:
        network: logits out.

    Returns:
        images [B,H,W,C] -> logits [B,K] in inference mode.  Its first derivative by the images is the network's, and on
        a CPU with oneDNN's kernels two to three times as fast in the first layer, where that is a convolution of stride
        1 without an activation and images have at most four channels.  Of the weights of that layer it takes those of
        this call: call it anew for each attack.
    """
    found = kept(network, for_attacks, lambda: _cut(network)) if kernels.onednn() and not _accelerated() else None
    if found is None:
        return lambda x: network(x, training=False)
    before, convolution, tail, block = found
    size = convolution.layer.kernel.shape[:2]
    kernel = kernel_of_blocks(tf.convert_to_tensor(convolution.layer.kernel), block)  # Not in each step of a loop.

    def logits(x):
        x = before(x)

        @tf.custom_gradient
        def with_its_derivative(x, h):
            return h, lambda g: (transposed_in_blocks(g, kernel, size, tf.shape(x), block), tf.zeros_like(g))

        return tail(with_its_derivative(x, tf.stop_gradient(convolution(x))))

    return logits


def _accelerated():
    return any(tf.config.list_logical_devices(kind) for kind in ("GPU", "TPU"))


def _cut(network):
    """(what comes before the first convolution, it, what comes behind, pixels of a block); None where there is none."""
    import keras

    cut = cut_network(network)
    if cut is None:
        return None
    head, tail = cut
    tap = head.layers[-1]
    given = tap.layer.get_config()
    plain = tuple(given["strides"]) == (1, 1) and tuple(given["dilation_rate"]) == (1, 1) and given["groups"] == 1
    channels = tap.layer.kernel.shape[2]
    if not plain or given["data_format"] != "channels_last" or channels not in BLOCK:
        return None
    return keras.Model(head.inputs, tap.input), tap, tail, BLOCK[channels]


def kernel_of_blocks(kernel: tf.Tensor, block: int) -> tf.Tensor:
    """The kernel w_a of the equation above, for the pixels of a block: [p+b-1,q+b-1,K,b*b*C], of a kernel [p,q,C,K]."""
    turned = tf.transpose(kernel[::-1, ::-1], [0, 1, 3, 2])
    shifts = [(a, b) for a in range(block) for b in range(block)]
    return tf.concat([tf.pad(turned, [[a, block - 1 - a], [b, block - 1 - b], [0, 0], [0, 0]]) for a, b in shifts], 3)


def transposed_in_blocks(
    g: tf.Tensor, kernel: tf.Tensor, size: Sequence[int], shape: tf.Tensor, block: int
) -> tf.Tensor:
    """The derivative by its input of a convolution of stride 1, times g.

    Args:
        g: of the outputs of the convolution, [B,h,w,K].
        kernel: of blocks.
        size: (p, q), rows and columns of the kernel of the convolution.
        shape: of its input, [B,H,W,C]; h, w = H, W (padded evenly, as "same") or H - p + 1, W - q + 1 ("valid").
        block: rows and columns of a block of pixels.

    Returns:
        [B,H,W,C].
    """
    sides = [_padding(size[i], shape[1 + i], tf.shape(g)[1 + i], block) for i in range(2)]
    padded = tf.pad(g, [[0, 0], *sides, [0, 0]])
    made = tf.nn.depth_to_space(tf.nn.conv2d(padded, kernel, block, "VALID"), block)
    return made[:, : shape[1], : shape[2]]


def _padding(size, pixels, outputs, block):
    """Zeros before and after the outputs, so that blocks begin with the first pixel and reach the last."""
    before = size - 1 - (outputs - pixels + size - 1) // 2
    blocks = -(-pixels // block)
    return before, blocks * block + size - 1 - before - outputs
