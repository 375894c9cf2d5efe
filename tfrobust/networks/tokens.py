"""From tokens to pixels: which tokens of a vision transformer are patches, and of which its logits are read.

Nothing is assumed of the order of tokens.  A patch is a token that differs between two images where the first attention
layer takes it in; class tokens, distillation tokens and registers do not.  Patches have as many rows as there are
patches that change with the first column of pixels, and as many columns as change with the first row.  A token is read
if the logits are undefined once its output of the last attention layer is: that of a class token alone, or those of all
patches where the network ends in their average.
"""

from collections.abc import Sequence
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from tfrobust.networks.attention import Call, check_attention, noise, watched, written_out
from tfrobust.networks.surrogates import kept
from tfrobust.types import InputError

_SAME = 1e-6  # A token whose change is this small, relative to the largest one, is no part of the image.
_AT_THE_EDGE = 0.05  # The same, of pixels at an edge: a norm over the whole image moves all tokens a little.


class Tokens(NamedTuple):
    """The tokens of a network.

    Attributes:
        grid: (h, w), rows and columns of patches.
        patches: [h*w], the index of each patch among the T tokens, row by row.
        read: [T], of what the logits are read: the same for each token that counts, 0 elsewhere, 1 in all.
    """

    grid: tuple[int, int]
    patches: np.ndarray
    read: np.ndarray


def tokens_of(network: keras.Model, shape: Sequence[int]) -> Tokens:
    """The tokens of the network for images of one shape, found once by running it on noise.

    Args:
        network: a Sequential or functional model with attention, see `check_attention`.
        shape: (H, W, C) of the images.

    Raises:
        InputError: where the network has no self-attention, where tokens are merged between its layers, and where they
          make no grid.
    """
    return kept(network, (tokens_of, tuple(shape)), lambda: _found(network, tuple(shape)))


def _found(network, shape) -> Tokens:
    check_attention(network)
    calls: list[Call] = []
    with watched(calls.append):
        written_out(network)(_changed_images(shape), training=False)
    _check_same_tokens(network, calls)
    tokens = np.reshape(calls[0].x, [4, -1, calls[0].x.shape[-1]])
    change, *of_edges = np.abs(tokens[1:] - tokens[0]).max(axis=2)
    is_patch = change > _SAME * change.max()
    patches = np.flatnonzero(is_patch)
    edges = [each[patches] > _AT_THE_EDGE * each.max() for each in of_edges]
    grid = tuple(calls[0].x.shape[1:3]) if calls[0].x.shape.rank == 4 else _grid(network, edges, shape)
    return Tokens(grid, patches, _read(network, shape, is_patch, len(calls)))


def _changed_images(shape) -> np.ndarray:
    """An image [4,H,W,C] of noise, another one, and the first with the first column, or row, of the other."""
    image, other = noise(shape, 2).numpy()
    column, row = image.copy(), image.copy()
    column[:, 0], row[0] = other[:, 0], other[0]
    return np.stack([image, other, column, row])


def _check_same_tokens(network, calls) -> None:
    counts = {int(np.prod(call.x.shape[1:-1])) for call in calls}
    if len(counts) > 1 or any(call.x.shape[0] != 4 for call in calls):
        raise InputError(
            f"the attention layers of network {network.name!r} do not share their tokens (numbers: "
            f"{', '.join(map(str, sorted(counts)))}; patches are merged, or attend within windows), and maps of "
            "attention follow a token through all of them: take another map, such as integrated_gradients"
        )


def _grid(network, edges, shape) -> tuple[int, int]:
    """(rows, columns) of patches.

    Args:
        network: for a message.
        edges: two arrays, whether each patch changes with the first column, and row, of pixels.
        shape: (H, W, C) of the image.
    """
    (rows, columns), patches = map(np.sum, edges), len(edges[0])
    if rows * columns == patches and edges[1][:columns].all():
        return int(rows), int(columns)
    height, width, _ = shape
    for side in range(1, min(height, width) + 1) if max(rows, columns) < patches else ():  # Patches that overlap.
        grid = -(-height // side), -(-width // side)
        if grid[0] * grid[1] == patches:
            return grid
    raise InputError(
        f"the {patches} tokens of network {network.name!r} that depend on the image are no rows and columns of patches "
        f"of its {height} x {width} pixels, so no map can be drawn: take another map, such as integrated_gradients"
    )


def _read(network, shape, is_patch, calls: int) -> np.ndarray:
    """Tokens.read: the logits of one image for each group of tokens, with NaN in their place after the last attention.

    The patches are one group, each other token another.
    """
    groups = np.stack([is_patch, *(np.arange(len(is_patch)) == i for i in np.flatnonzero(~is_patch))])
    seen = []

    def undefine(call):
        seen.append(call)
        if len(seen) == calls:
            place = np.reshape(groups, [len(groups), *call.y.shape[1:-1], 1])
            return tf.where(place, tf.constant(np.nan, call.y.dtype), call.y)
        return None

    with watched(undefine):
        logits = written_out(network)(noise(shape, len(groups)), training=False)
    read = groups[np.isnan(logits).any(axis=1)].any(axis=0)
    if not read.any():
        raise InputError(
            f"the logits of network {network.name!r} do not depend on its last attention layer, so no map can be made "
            "of its attention: take another map, such as integrated_gradients"
        )
    return np.asarray(read / read.sum(), np.float32)
